//! The references of a request: in which order, under which numbers, told as what.

use crate::domain::diagnostic::{Diagnostic, Place};
use crate::domain::digest::Sha256;
use crate::expand::bible::{Member, role};
use crate::expand::origin::{From, Origin, Part, Written};
use crate::expand::profile::ModelProfile;
use crate::expand::prompt::Marker;
use crate::expand::reference::{Held, Measures};
use crate::expand::request::{SentImage, SentReference};
use crate::manifest::model::Reference;
use crate::manifest::settings::RefStyle;

/// Who brought a reference along.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The entry of the bible; none for the shot's own.
    pub entry: Option<&'a Member<'a>>,
    /// What was written.
    pub reference: &'a Reference,
    /// The image's measures, where its bytes are at hand.
    pub measures: Option<Measures>,
}

impl<'a> Given<'a> {
    pub(crate) fn new(entry: Option<&'a Member<'a>>, held: &Held<'a>) -> Self {
        Self {
            entry,
            reference: held.reference,
            measures: held.measures(),
        }
    }

    /// Gives the role, unless it is empty.
    #[must_use]
    pub fn role(&self) -> Option<&'a str> {
        role(self.reference)
    }

    /// Gives what of the image is to be used, unless that is empty.
    #[must_use]
    pub fn scope(&self) -> Option<&'a str> {
        let scope = self.reference.scope.as_ref()?;
        Some(scope.value.trim()).filter(|scope| !scope.is_empty())
    }

    /// Gives where it was written.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.reference.image.place
    }

    /// Tells whether two are told in the same words.
    fn is_told_as(&self, other: &Self) -> bool {
        let told = |given: &Self| {
            let mut out = Written::default();
            given.write(&mut out);
            out.text
        };
        told(self) == told(other)
    }

    /// Says what a reference shows, such as `face of Mira` or `layout (composition only)`.
    fn write(&self, out: &mut Written<'a>) {
        let key = self.entry.map(|entry| entry.key.as_str());
        if let (Some(role), Some(text)) = (&self.reference.role, self.role()) {
            let origin = Origin::Entry(key, Part::Role);
            out.push(text, From::start(origin, role.place));
            out.own(if self.entry.is_some() { " of " } else { "" });
        }
        match self.entry {
            Some(entry) => out.push(entry.shown, entry.name()),
            None if self.role().is_none() => out.own("reference"),
            None => {}
        }
        if let Some(scope) = self
            .reference
            .scope
            .as_ref()
            .filter(|_| self.scope().is_some())
        {
            out.own(" (");
            out.value(scope, Origin::Entry(key, Part::Scope));
            out.own(")");
        }
    }
}

/// The references of a request as they are numbered.
pub(crate) struct References<'a> {
    pub(crate) style: RefStyle,
    pub(crate) sent: Vec<SentReference>,
    /// For each of them, who brought it along.
    pub(crate) given: Vec<Vec<Given<'a>>>,
    digests: Vec<Sha256>,
}

impl<'a> References<'a> {
    pub(crate) const fn new(style: RefStyle) -> Self {
        Self {
            style,
            sent: Vec::new(),
            given: Vec::new(),
            digests: Vec::new(),
        }
    }

    /// Numbers the references of an entry, or of the shot itself; gives the first one's marker.
    pub(crate) fn take<'h>(
        &mut self,
        entry: Option<&'a Member<'a>>,
        held: impl Iterator<Item = &'h Held<'a>>,
        model: &ModelProfile,
        complaints: &mut Vec<Diagnostic>,
    ) -> Option<Marker>
    where
        'a: 'h,
    {
        let mut first = None;
        for held in held {
            match held.fit(model) {
                Ok(known) => {
                    let at = match self.digests.iter().position(|d| *d == known.digest) {
                        Some(at) => at,
                        None => self.add(entry, held, known.image.clone(), known.digest),
                    };
                    self.given[at].push(Given::new(entry, held));
                    first.get_or_insert(at);
                }
                Err(complaint) => complaints.push(complaint),
            }
        }
        first.map(|reference| Marker {
            reference,
            text: after_a_name(self.style, &self.sent[reference].marker),
        })
    }

    fn add(
        &mut self,
        entry: Option<&'a Member<'a>>,
        held: &Held<'a>,
        image: SentImage,
        digest: Sha256,
    ) -> usize {
        let given = Given::new(entry, held);
        self.digests.push(digest);
        self.given.push(Vec::new());
        self.sent.push(SentReference {
            image,
            role: given.role().map(str::to_owned),
            scope: given.scope().map(str::to_owned),
            entry: entry.map(|entry| entry.key.clone()),
            marker: marker(self.style, self.sent.len() + 1),
        });
        self.sent.len() - 1
    }

    /// Writes the first line: each reference with what it shows.
    pub(crate) fn write_line(&self, out: &mut Written<'a>) {
        out.own("References: ");
        for (at, (sent, given)) in self.sent.iter().zip(&self.given).enumerate() {
            out.own(if at == 0 { "" } else { "; " });
            out.push(&sent.marker, From::start(Origin::Marker(at), None));
            for (nth, one) in given.iter().enumerate() {
                if given[..nth].iter().any(|before| one.is_told_as(before)) {
                    continue;
                }
                out.own(if nth == 0 { " " } else { " and " });
                one.write(out);
            }
        }
        out.own(".");
    }
}

/// Spells a reference's marker as it stands after a name.
fn after_a_name(style: RefStyle, marker: &str) -> String {
    match style {
        RefStyle::Words => format!("({marker})"),
        RefStyle::Kling | RefStyle::At => marker.to_owned(),
    }
}

/// Spells the name a prompt gives a reference.
///
/// The first is from Kling's API page, the second from Kling's user guide; numbers begin at 1.
fn marker(style: RefStyle, number: usize) -> String {
    match style {
        RefStyle::Kling => format!("<<<image_{number}>>>"),
        RefStyle::Words => format!("Image {number}"),
        RefStyle::At => format!("@image_{number}"),
    }
}

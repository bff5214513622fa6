//! The references of a request: in which order, under which numbers, told as what.

use std::fmt::Write as _;

use crate::domain::diagnostic::Diagnostic;
use crate::domain::digest::Sha256;
use crate::expand::bible::{Member, role};
use crate::expand::profile::ModelProfile;
use crate::expand::reference::Held;
use crate::expand::request::{SentImage, SentReference};
use crate::manifest::model::Shot;
use crate::manifest::settings::RefStyle;

/// The references of a request as they are numbered.
pub(crate) struct References<'e> {
    pub(crate) style: RefStyle,
    pub(crate) sent: Vec<SentReference>,
    digests: Vec<Sha256>,
    /// For each reference, what it is told to show: `face of Mira`.
    told: Vec<Vec<String>>,
    /// How many each entry brought along, for a complaint about their number.
    counts: Vec<(&'e str, usize)>,
}

impl<'e> References<'e> {
    pub(crate) const fn new(style: RefStyle) -> Self {
        Self {
            style,
            sent: Vec::new(),
            digests: Vec::new(),
            told: Vec::new(),
            counts: Vec::new(),
        }
    }

    /// Numbers the references of an entry, or of the shot itself; gives the first one's marker.
    pub(crate) fn take(
        &mut self,
        member: Option<&'e Member<'_>>,
        held: &[Held<'_>],
        model: &ModelProfile,
        complaints: &mut Vec<Diagnostic>,
    ) -> Option<String> {
        let before = self.sent.len();
        let mut first = None;
        for held in held {
            match held.fit(model) {
                Ok(known) => {
                    let at = match self.digests.iter().position(|d| *d == known.digest) {
                        Some(at) => at,
                        None => self.add(member, held, known.image.clone(), known.digest),
                    };
                    let telling = telling(member, held);
                    if !self.told[at].contains(&telling) {
                        self.told[at].push(telling);
                    }
                    first.get_or_insert(at);
                }
                Err(complaint) => complaints.push(complaint),
            }
        }
        let name = member.map_or("the shot's own", |member| member.key.as_str());
        self.counts.push((name, self.sent.len() - before));
        first.map(|at| after_a_name(self.style, &self.sent[at].marker))
    }

    fn add(
        &mut self,
        member: Option<&Member<'_>>,
        held: &Held<'_>,
        image: SentImage,
        digest: Sha256,
    ) -> usize {
        self.digests.push(digest);
        self.told.push(Vec::new());
        self.sent.push(SentReference {
            image,
            role: role(held.reference).map(str::to_owned),
            scope: scope(held).map(str::to_owned),
            entry: member.map(|member| member.key.clone()),
            marker: marker(self.style, self.sent.len() + 1),
        });
        self.sent.len() - 1
    }

    pub(crate) fn check_count(
        &self,
        shot: &Shot,
        model: &ModelProfile,
        complaints: &mut Vec<Diagnostic>,
    ) {
        let (found, most) = (self.sent.len(), model.references);
        if found <= most {
            return;
        }
        let counts = self.counts.iter().filter(|(_, count)| *count > 0);
        let from: Vec<String> = counts
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        complaints.push(
            Diagnostic::error(
                "too-many-references",
                format!("the shot has {found} references"),
            )
            .at(shot.place)
            .of_shot(&shot.id.value)
            .expected(format!("at most {most} ({}): {found}/{most}", model.name))
            .fact(format!("they come from: {}", from.join(", ")))
            .help(format!(
                "take {} out, or cast fewer characters",
                found - most
            )),
        );
    }

    /// Writes the first line.
    pub(crate) fn line(&self) -> String {
        let mut line = "References: ".to_owned();
        for (at, (sent, told)) in self.sent.iter().zip(&self.told).enumerate() {
            let sep = if at == 0 { "" } else { "; " };
            let _infallible = write!(line, "{sep}{} {}", sent.marker, told.join(" and "));
        }
        line.push('.');
        line
    }
}

fn scope<'h>(held: &'h Held<'_>) -> Option<&'h str> {
    let scope = held.reference.scope.as_ref()?;
    Some(scope.value.trim()).filter(|scope| !scope.is_empty())
}

/// Says what a reference shows, such as `face of Mira` or `layout (composition only)`.
fn telling(member: Option<&Member<'_>>, held: &Held<'_>) -> String {
    let mut told = match (role(held.reference), member) {
        (Some(role), Some(member)) => format!("{role} of {}", member.shown),
        (Some(role), None) => role.to_owned(),
        (None, Some(member)) => member.shown.to_owned(),
        (None, None) => "reference".to_owned(),
    };
    if let Some(scope) = scope(held) {
        let _infallible = write!(told, " ({scope})");
    }
    told
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

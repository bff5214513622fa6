//! The bible as shots use it: characters with their wardrobe, locations, props and looks.

use std::collections::BTreeMap;

use crate::domain::diagnostic::{Diagnostic, Place, Placed};
use crate::expand::facts::ReferenceFacts;
use crate::expand::origin::{From, Origin, Part, Written};
use crate::expand::profile::ModelProfile;
use crate::expand::reference::Held;
use crate::expand::stranger;
use crate::manifest::model::{Entry, Manifest, Reference};

/// The table an entry stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `[characters]`.
    Character,
    /// `[locations]`.
    Location,
    /// `[props]`.
    Prop,
    /// `[looks]`.
    Look,
}

impl Kind {
    /// Every kind, in the order their references are sent.
    pub const ALL: [Self; 4] = [Self::Character, Self::Location, Self::Prop, Self::Look];

    /// Gives the word for one entry.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Character => "character",
            Self::Location => "location",
            Self::Prop => "prop",
            Self::Look => "look",
        }
    }
}

/// An entry of the bible, a wardrobe state already laid over its character.
#[derive(Debug)]
pub struct Member<'m> {
    /// Its table.
    pub kind: Kind,
    /// How the manifest names it, such as `mira.rain`.
    pub key: String,
    /// How prompts call it.
    pub shown: &'m str,
    /// Where that was written: its `name`, or its key.
    pub shown_at: Place,
    /// Whether it was given a `name`.
    pub is_named: bool,
    /// Where it was written.
    pub place: Place,
    /// What identifies it: its text and that of the wardrobe state.
    pub texts: Vec<&'m Placed<String>>,
    /// What is never dropped: likewise.
    pub keeps: Vec<&'m Placed<String>>,
    /// Its references in the order they are sent.
    pub(crate) references: Vec<Held<'m>>,
    /// Those of them, by index, that a sheet can stand for; none without a sheet.
    pub(crate) sheet_covers: Vec<usize>,
}

impl Member<'_> {
    /// Gives the key without the wardrobe state.
    #[must_use]
    pub fn base(&self) -> &str {
        self.key.split_once('.').map_or(&self.key, |(base, _)| base)
    }

    /// Tells whether there are sentences that identify it.
    #[must_use]
    pub fn has_identity(&self) -> bool {
        let mut parts = self.texts.iter().chain(&self.keeps);
        parts.any(|part| !tidy(&part.value).is_empty())
    }

    /// Says how prompts call it.
    pub(crate) const fn name(&self) -> From<'_> {
        let origin = Origin::Entry(Some(self.key.as_str()), Part::Name);
        From::start(origin, Some(self.shown_at))
    }

    /// Writes the sentences that identify it, without its name.
    pub(crate) fn write_identity<'a>(&'a self, out: &mut Written<'a>) {
        let has_texts = self.write_parts(&self.texts, Part::Text, "", out);
        if has_texts {
            out.own(".");
        }
        let before = if has_texts { " Keep " } else { "keep " };
        if self.write_parts(&self.keeps, Part::Keep, before, out) {
            out.own(".");
        }
    }

    fn write_parts<'a>(
        &'a self,
        parts: &[&'a Placed<String>],
        what: Part,
        before: &str,
        out: &mut Written<'a>,
    ) -> bool {
        let mut any = false;
        for part in parts {
            let text = tidy(&part.value);
            if text.is_empty() {
                continue;
            }
            out.own(if any { "; " } else { before });
            any = true;
            let origin = Origin::Entry(Some(self.key.as_str()), what);
            let at = part.value.len() - part.value.trim_start().len();
            let from = From {
                at,
                ..From::start(origin, part.place)
            };
            out.push(text, from);
        }
        any
    }

    /// Gives its texts one after the other, as a look is told.
    pub(crate) fn words(&self) -> Written<'_> {
        let mut words = Written::default();
        for (at, text) in self.texts.iter().enumerate() {
            words.own(if at == 0 { "" } else { " " });
            let origin = Origin::Entry(Some(self.key.as_str()), Part::Text);
            words.push(&text.value, From::start(origin, text.place));
        }
        words
    }
}

fn tidy(text: &str) -> &str {
    text.trim().trim_end_matches(['.', ';', ','])
}

/// Every entry of the bible by its name.
#[derive(Debug, Default)]
pub struct Bible<'m> {
    members: Vec<Member<'m>>,
    by_key: BTreeMap<String, Vec<usize>>,
}

impl<'m> Bible<'m> {
    /// Lays wardrobe over characters and looks every reference up.
    #[must_use]
    pub fn new(manifest: &'m Manifest, facts: &ReferenceFacts) -> Self {
        let mut bible = Self::default();
        for kind in Kind::ALL {
            for (name, entry) in table(manifest, kind) {
                bible.add(member(kind, name, entry, None, facts));
                for (state, worn) in &entry.wardrobe {
                    let worn = Some((state.as_str(), worn));
                    bible.add(member(kind, name, entry, worn, facts));
                }
            }
        }
        bible
    }

    fn add(&mut self, member: Member<'m>) {
        self.by_key
            .entry(member.key.clone())
            .or_default()
            .push(self.members.len());
        self.members.push(member);
    }

    /// Gives an entry by its name, such as `mira.rain`.
    #[must_use]
    pub fn get(&self, kind: Kind, key: &str) -> Option<&Member<'m>> {
        self.of_key(key).find(|member| member.kind == kind)
    }

    /// Finds the entry a value names.
    ///
    /// # Errors
    /// Complains of a name that is not in the bible and names the nearest that is.
    pub fn find(
        &self,
        kind: Kind,
        name: &str,
        place: Option<Place>,
    ) -> Result<&Member<'m>, Diagnostic> {
        self.get(kind, name)
            .ok_or_else(|| stranger::complaint(self, kind, name, place))
    }

    /// Gives the entries of this name, in whichever tables.
    pub fn of_key(&self, key: &str) -> impl Iterator<Item = &Member<'m>> {
        let found = self.by_key.get(key).map_or(&[][..], Vec::as_slice);
        found.iter().map(|&at| &self.members[at])
    }

    /// Gives every entry.
    pub fn iter(&self) -> impl Iterator<Item = &Member<'m>> {
        self.members.iter()
    }

    /// Gives the complaints about every entry's references, whether or not a shot uses it.
    #[must_use]
    pub fn complaints(&self, model: &ModelProfile) -> Vec<Diagnostic> {
        let held = self.members.iter().flat_map(|member| &member.references);
        held.filter_map(|held| held.fit(model).err()).collect()
    }
}

/// Gives the table of a kind.
#[must_use]
pub fn table(manifest: &Manifest, kind: Kind) -> &BTreeMap<String, Entry> {
    match kind {
        Kind::Character => &manifest.characters,
        Kind::Location => &manifest.locations,
        Kind::Prop => &manifest.props,
        Kind::Look => &manifest.looks,
    }
}

fn member<'m>(
    kind: Kind,
    name: &'m str,
    entry: &'m Entry,
    worn: Option<(&str, &'m Entry)>,
    facts: &ReferenceFacts,
) -> Member<'m> {
    let worn_entry = worn.map(|(_, worn)| worn);
    let layers = || [Some(entry), worn_entry].into_iter().flatten();
    let text = |field: fn(&Entry) -> Option<&Placed<String>>| {
        layers().filter_map(field).collect::<Vec<_>>()
    };
    let references = in_order(entry, worn_entry);
    let called = text(|entry| entry.name.as_ref()).last().copied();
    let place = worn_entry.map_or(entry.place, |worn| worn.place);
    Member {
        kind,
        key: worn.map_or_else(|| name.to_owned(), |(state, _)| format!("{name}.{state}")),
        shown: called.map_or(name, |called| &called.value),
        shown_at: called.map_or(entry.place, |called| called.place.unwrap_or(entry.place)),
        is_named: called.is_some(),
        place,
        texts: text(|entry| entry.text.as_ref()),
        keeps: text(|entry| entry.keep.as_ref()),
        sheet_covers: sheet_covers(&references, worn_entry),
        references: references
            .into_iter()
            .map(|reference| Held::new(reference, facts))
            .collect(),
    }
}

/// Finds the references that a sheet can stand for: face and body.
///
/// The sheet of a character shows what it wears every day, so it stands for no face or body that a
/// wardrobe state brings along; the state's own sheet does.
fn sheet_covers(references: &[&Reference], worn: Option<&Entry>) -> Vec<usize> {
    let is_worn = |reference: &Reference| {
        let own = worn.map_or(&[][..], |worn| worn.references.as_slice());
        own.iter().any(|other| std::ptr::eq(other, reference))
    };
    let of_role = |wanted: &'static str| {
        let roles = references.iter().enumerate();
        roles.filter(move |(_, reference)| role(reference) == Some(wanted))
    };
    let Some((_, sheet)) = of_role("sheet").next() else {
        return Vec::new();
    };
    let sheet_is_worn = is_worn(sheet);
    let covered = of_role("face").chain(of_role("body"));
    covered
        .filter(|(_, reference)| sheet_is_worn || !is_worn(reference))
        .map(|(at, _)| at)
        .collect()
}

/// Puts references in the order they are sent: face, body, sheet, then the others as written.
///
/// A wardrobe state's reference takes the place of the character's of the same role.
fn in_order<'m>(entry: &'m Entry, worn: Option<&'m Entry>) -> Vec<&'m Reference> {
    let worn = worn.map_or(&[][..], |worn| worn.references.as_slice());
    let replaced = |own: &Reference| worn.iter().any(|other| role(other) == role(own));
    let mut references: Vec<&Reference> = entry
        .references
        .iter()
        .filter(|own| !replaced(own))
        .chain(worn)
        .collect();
    references.sort_by_key(|reference| match role(reference) {
        Some("face") => 0,
        Some("body") => 1,
        Some("sheet") => 2,
        _ => 3,
    });
    references
}

/// Gives a reference's role, none for an empty one.
pub(crate) fn role(reference: &Reference) -> Option<&str> {
    reference
        .role
        .as_ref()
        .map(|role| role.value.as_str())
        .filter(|role| !role.is_empty())
}

//! The bible as shots use it: characters with their wardrobe, locations, props and looks.

use std::collections::BTreeMap;

use crate::domain::diagnostic::{Diagnostic, Place, Placed};
use crate::expand::facts::ReferenceFacts;
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
    /// Where it was written.
    pub place: Place,
    /// What identifies it: its text and that of the wardrobe state.
    pub texts: Vec<&'m str>,
    /// What is never dropped: likewise.
    pub keeps: Vec<&'m str>,
    /// Its references in the order they are sent.
    pub(crate) references: Vec<Held<'m>>,
}

impl Member<'_> {
    /// Gives the key without the wardrobe state.
    #[must_use]
    pub fn base(&self) -> &str {
        self.key.split_once('.').map_or(&self.key, |(base, _)| base)
    }

    /// Gives the sentences that identify it, without its name.
    #[must_use]
    pub fn identity(&self) -> String {
        let joined = |parts: &[&str]| {
            let parts = parts
                .iter()
                .map(|part| tidy(part))
                .filter(|part| !part.is_empty());
            parts.collect::<Vec<_>>().join("; ")
        };
        match (joined(&self.texts), joined(&self.keeps)) {
            (texts, keeps) if texts.is_empty() && keeps.is_empty() => String::new(),
            (texts, keeps) if keeps.is_empty() => format!("{texts}."),
            (texts, keeps) if texts.is_empty() => format!("keep {keeps}."),
            (texts, keeps) => format!("{texts}. Keep {keeps}."),
        }
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
    let layers = [Some(entry), worn.map(|(_, worn)| worn)];
    let layers = || layers.into_iter().flatten();
    let text = |field: fn(&Entry) -> Option<&Placed<String>>| {
        layers()
            .filter_map(field)
            .map(|placed| placed.value.as_str())
            .collect::<Vec<_>>()
    };
    let references = in_order(entry, worn.map(|(_, worn)| worn));
    Member {
        kind,
        key: worn.map_or_else(|| name.to_owned(), |(state, _)| format!("{name}.{state}")),
        shown: text(|entry| entry.name.as_ref())
            .last()
            .copied()
            .unwrap_or(name),
        place: worn.map_or(entry.place, |(_, worn)| worn.place),
        texts: text(|entry| entry.text.as_ref()),
        keeps: text(|entry| entry.keep.as_ref()),
        references: references
            .into_iter()
            .map(|reference| Held::new(reference, facts))
            .collect(),
    }
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

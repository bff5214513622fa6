//! Selection: which shots a command is about.

use glob::{MatchOptions, Pattern};

use crate::expand::wanted::Wanted;

/// The selection flags, alike for every command.
///
/// Flags of different kinds narrow; a flag given more than once widens.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// `--shot GLOB`, matched against the whole id; `*` stops at `/`, `**` does not.
    pub shots: Vec<Pattern>,
    /// `--sequence`, matched against `EP/SEQ` or its last part.
    pub sequences: Vec<String>,
    /// `--character`, matched against the name with or without its wardrobe.
    pub characters: Vec<String>,
    /// `--preset`.
    pub presets: Vec<String>,
    /// `--limit N`: the most takes bought.
    pub limit: Option<u32>,
}

impl Selection {
    /// Tells whether every shot is selected.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.shots.is_empty()
            && self.sequences.is_empty()
            && self.characters.is_empty()
            && self.presets.is_empty()
    }

    /// Tells whether a shot and variant is selected.
    #[must_use]
    pub fn has(&self, wanted: &Wanted) -> bool {
        self.has_shot(wanted)
            && has_sequence(&self.sequences, wanted)
            && has_character(&self.characters, wanted)
            && (self.presets.is_empty() || self.presets.contains(&wanted.preset))
    }

    fn has_shot(&self, wanted: &Wanted) -> bool {
        let id = wanted.shot.as_str();
        self.shots.is_empty() || self.shots.iter().any(|glob| glob_has(glob, id))
    }
}

/// Tells whether a glob matches a whole id; `*` stops at `/`, `**` does not.
#[must_use]
pub fn glob_has(glob: &Pattern, id: &str) -> bool {
    const OPTIONS: MatchOptions = MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: false,
    };
    glob.matches_with(id, OPTIONS)
}

fn has_sequence(names: &[String], wanted: &Wanted) -> bool {
    names.is_empty()
        || wanted.sequence.as_deref().is_some_and(|sequence| {
            let last = sequence.rsplit('/').next().unwrap_or(sequence);
            names.iter().any(|name| name == sequence || name == last)
        })
}

fn has_character(names: &[String], wanted: &Wanted) -> bool {
    names.is_empty() || names.iter().any(|name| is_cast(name, wanted))
}

/// Tells whether a character is in a shot and variant: `mira` in any wardrobe, `mira.rain` in that
/// one alone.
#[must_use]
pub fn is_cast(name: &str, wanted: &Wanted) -> bool {
    wanted.characters.iter().any(|listed| {
        let bare = listed.split('.').next().unwrap_or(listed);
        name == bare || name == listed
    })
}

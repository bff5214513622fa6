//! The headers that are known: those of the contract, and those that trackers and templates write.
//!
//! Where the names come from (facts, looked up in November 2026):
//! - Kitsu: the CSV export of its server, `cgwire/zou`, `export/csv/shots.py`, writes `Project`,
//!   `Episode`, `Sequence`, `Name`, `Description`, `Time Spent`, `Frames`, `Frame In`, `Frame Out`,
//!   `FPS`, one column for each field of the studio, then for each task type one with the short
//!   name of its status and one called `Assignations`; its import takes `Nb Frames` as well
//!   (`cgwire/kitsu`, `assets/shots.csv`).
//! - Flow Production Tracking (ShotGrid): `Id`, `Thumbnail`, `Shot Code`, `Sequence`, `Status`,
//!   `Cut In`, `Cut Out`, `Cut Duration`, `Type`, `Project`, as its interface's specification has
//!   an export; field names from its help, "Standard fields for tracking cut information".
//! - Shot lists for the set: `Scene`, `Shot`, size, angle, movement, lens, equipment, sound,
//!   description, cast, as the templates and help pages of `StudioBinder` and others name them.
//!   `Cast` holds names of people there, not of the bible's characters, so it becomes a var.

macro_rules! known {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $(| $alias:literal)*,)+) => {
        /// The columns that are known.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(super) enum Known { $($(#[$doc])* $variant,)+ }

        impl Known {
            /// Every column by the name it is documented under.
            pub(super) const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Gives the name it is documented under.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Finds the column of a plain header.
            pub(super) fn find(plain: &str) -> Option<Self> {
                match plain {
                    $(_ if plain == plain_header($name) $(|| plain == $alias)* =>
                        Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

known! {
    /// The id.
    Id = "id" | "shotid" | "shotcode",
    /// The episode.
    Episode = "episode" | "ep" | "episode#" | "episodeno" | "episodeno." | "episodenumber"
        | "episodename" | "sgepisode",
    /// The sequence; a scene is one.
    Sequence = "sequence" | "seq" | "scene" | "sceneid" | "scene#" | "sceneno" | "sceneno."
        | "scenenumber" | "scenenr" | "scenenr." | "sequencename" | "sequencecode" | "sgsequence",
    /// The name of the shot within its sequence.
    Name = "name" | "shot" | "shot#" | "shotno" | "shotno." | "shotnumber" | "shotnr" | "shotnr."
        | "shotname",
    /// The prompt.
    Prompt = "prompt" | "imageprompt",
    /// The var `action`.
    Action = "action" | "description" | "shotdescription" | "action/description"
        | "description/action" | "subjectaction",
    /// The characters.
    Characters = "characters" | "character",
    /// The location.
    Location = "location",
    /// The props.
    Props = "props" | "prop",
    /// The look.
    Look = "look",
    /// The preset.
    Preset = "preset",
    /// The references.
    References = "references" | "refs" | "reference" | "ref",
    /// The number of takes.
    Takes = "takes",
    /// The aspect ratio.
    AspectRatio = "aspect ratio" | "aspect",
    /// The status.
    Status = "status" | "shotstatus" | "sgstatuslist",
    /// The note.
    Note = "note" | "notes",
}

/// Vars that shot lists have columns for, each with the plain headers that mean it.
const CREATIVE: &[(&str, &[&str])] = &[
    ("shot_size", &["shotsize", "size", "camerasize"]),
    ("shot_type", &["shottype"]),
    (
        "angle",
        &["angle", "shotangle", "cameraangle", "angle/shotangle"],
    ),
    (
        "movement",
        &[
            "movement",
            "cameramovement",
            "cameramove",
            "shotmovement",
            "move",
        ],
    ),
    ("lens", &["lens", "lenses", "focallength"]),
    ("framing", &["framing"]),
    ("composition", &["composition"]),
    ("lighting", &["lighting"]),
    ("mood", &["mood"]),
    ("weather", &["weather"]),
    (
        "time_of_day",
        &["timeofday", "day/night", "d/n", "dayornight"],
    ),
    (
        "int_ext",
        &["int/ext", "int./ext.", "i/e", "interior/exterior", "intext"],
    ),
    ("subject", &["subject", "subjects"]),
    (
        "cast",
        &[
            "cast",
            "actors",
            "cast/actors",
            "castmembers",
            "cast&extras",
        ],
    ),
    ("wardrobe", &["wardrobe", "costume", "costumes"]),
];

/// Finds the var that a plain header of a shot list stands for.
pub(super) fn creative(plain: &str) -> Option<&'static str> {
    let found = CREATIVE
        .iter()
        .find(|(_, headers)| headers.contains(&plain));
    found.map(|(name, _)| *name)
}

/// A header without what may differ: case, spaces, `_`, `-` and what cannot be seen.
pub(super) fn plain_header(header: &str) -> String {
    let unseen = |c: char| {
        matches!(
            c,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
        )
    };
    header
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-') && !unseen(*c))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Tells whether a header means something without being mapped.
pub(super) fn is_known(header: &str) -> bool {
    let plain = plain_header(header);
    Known::find(&plain).is_some()
        || creative(&plain).is_some()
        || plain.starts_with("var:")
        || plain.starts_with("matrix:")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn headers_match_without_what_may_differ() {
        for header in ["Aspect Ratio", "aspect_ratio", "ASPECT-RATIO", "aspect"] {
            assert_eq!(Known::find(&plain_header(header)), Some(Known::AspectRatio));
        }
        assert_eq!(Known::find(&plain_header("Shot Code")), Some(Known::Id));
        assert_eq!(Known::find(&plain_header("Shot\u{a0}#")), Some(Known::Name));
        assert_eq!(
            Known::find(&plain_header("\u{200b}id\u{feff}")),
            Some(Known::Id)
        );
        assert_eq!(Known::find(&plain_header("Shot Size")), None);
        assert_eq!(creative(&plain_header("Shot Size")), Some("shot_size"));
    }

    #[test]
    fn no_header_means_two_things_and_all_are_plain() {
        let mut seen = BTreeSet::new();
        for (name, headers) in CREATIVE {
            assert!(creative(&plain_header(name)) == Some(*name) || *name == "int_ext");
            for header in *headers {
                assert_eq!(plain_header(header), *header);
                assert!(seen.insert(*header), "{header} twice");
                assert_eq!(Known::find(header), None, "{header}");
            }
        }
    }
}

//! The manifest as it was written, checked in form but not yet expanded.

use std::collections::BTreeMap;
use std::fmt;

use crate::domain::diagnostic::{Diagnostic, Place, Placed, Sources};
use crate::domain::id::{ShotId, ShowId};
use crate::domain::money::Micros;
use crate::manifest::settings::Layer;
use crate::manifest::shots::Shots;

/// A whole show, as written.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Every text it was read from.
    pub sources: Sources,
    /// `[show]`.
    pub show: Show,
    /// `[budget]`.
    pub budget: Budget,
    /// `[run]`, its defaults filled in.
    pub run: RunSettings,
    /// `[defaults]`.
    pub defaults: Layer,
    /// `[presets.NAME]`.
    pub presets: BTreeMap<String, Preset>,
    /// `[characters.NAME]`.
    pub characters: BTreeMap<String, Entry>,
    /// `[locations.NAME]`.
    pub locations: BTreeMap<String, Entry>,
    /// `[props.NAME]`.
    pub props: BTreeMap<String, Entry>,
    /// `[looks.NAME]`.
    pub looks: BTreeMap<String, Entry>,
    /// `[sequences."EP/SEQ"]`.
    pub sequences: BTreeMap<String, Layer>,
    /// What `--set` asks for, above every other layer.
    pub set: Layer,
    /// Every shot, in the order written: `[[shots]]` first, then the lists of `show.shots`.
    pub shots: Shots,
    /// What deserves a look but stops nothing; these are among the complaints of the reading too.
    pub warnings: Vec<Diagnostic>,
}

/// `[show]`: what the show is called and where its files go.
#[derive(Clone, Debug)]
pub struct Show {
    /// `id`; without one, the run log draws and keeps a random one.
    pub id: Option<Placed<ShowId>>,
    /// `code`, a short name for file names; the manifest's file stem when left out.
    pub code: Placed<String>,
    /// `title`.
    pub title: Option<Placed<String>>,
    /// `output`, a folder relative to the manifest; `out` when left out.
    pub output: Placed<String>,
    /// `name`, the template of file names.
    pub name: Placed<String>,
}

/// `[budget]`: caps in US dollars; a cap left out is none.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    /// The cap of one run.
    pub run: Option<Placed<Micros>>,
    /// The cap of the whole show, over all its runs.
    pub show: Option<Placed<Micros>>,
    /// The cap of each sequence.
    pub sequence: Option<Placed<Micros>>,
    /// The cap of each shot.
    pub shot: Option<Placed<Micros>>,
}

/// `[run]`: how a run goes about its work; flags win over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunSettings {
    /// The most tasks in flight, from 1 to 1024; 4 when left out, the vendor's hint being 2 to 4.
    pub jobs: u32,
    /// The most tasks sent in a minute; 0 is no bound.
    pub rate_per_minute: u32,
    /// How often a transient error is answered by another try.
    pub retries: u32,
    /// Seconds that pass since a task was sent before it is sent again.
    pub quiet_s: u32,
    /// Seconds that a task the provider took is waited for before it is told as unsure; 1200 when
    /// left out, the 20 minutes of the vendor's clients.
    pub patience_s: u32,
    /// The most tasks asked about in one request, from 1.
    pub poll_batch: u32,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            jobs: 4,
            rate_per_minute: 0,
            retries: 4,
            quiet_s: 60,
            patience_s: 1200,
            poll_batch: 20,
        }
    }
}

/// `[presets.NAME]`: technical settings.
#[derive(Clone, Debug)]
pub struct Preset {
    /// Where the name was written; nowhere for a built-in preset.
    pub place: Option<Place>,
    /// `extends`: the preset whose settings this one begins with.
    pub extends: Option<Placed<String>>,
    /// The settings it changes; only technical ones.
    pub layer: Layer,
}

/// An entry of the bible: a character, location, prop or look.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where the entry begins.
    pub place: Place,
    /// `name`, how it is called in prompts; its key when left out.
    pub name: Option<Placed<String>>,
    /// `text`, what identifies it.
    pub text: Option<Placed<String>>,
    /// `keep`, features that are never dropped.
    pub keep: Option<Placed<String>>,
    /// `references`, in order.
    pub references: Vec<Reference>,
    /// `wardrobe.NAME`: states that replace references of the same role and add their text.
    pub wardrobe: BTreeMap<String, Entry>,
}

/// A reference as written: a path, a URL, an image's UUID or a data URI, with what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Where the image is to be had.
    pub image: Placed<Image>,
    /// `role`: `face`, `body`, `sheet`, `place`, `layout`, …; free text, none when left out.
    pub role: Option<Placed<String>>,
    /// `use`: what of it is to be used.
    pub scope: Option<Placed<String>>,
}

/// Where a reference image is to be had.
///
/// Addresses may be signed and data URIs are image data: debug output shows neither.
#[derive(Clone, PartialEq, Eq)]
pub enum Image {
    /// A file, its path relative to the file that names it, as written.
    File(String),
    /// An `https` address (or `http` on loopback), sent as it is.
    Url(String),
    /// The UUID of an image the provider already has, sent as it is.
    Uuid(String),
    /// A `data:` URI, sent as it is; its text is image data and never shown.
    DataUri(String),
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "File({path:?})"),
            Self::Url(_) => f.write_str("Url(hidden)"),
            Self::Uuid(uuid) => write!(f, "Uuid({uuid:?})"),
            Self::DataUri(_) => f.write_str("DataUri(hidden)"),
        }
    }
}

/// One wanted picture, as written.
#[derive(Clone, Debug)]
pub struct Shot {
    /// Its identity.
    pub id: Placed<ShotId>,
    /// The episode, where it has one.
    pub episode: Option<String>,
    /// The sequence within the episode, where it has one.
    pub sequence: Option<String>,
    /// The last part of its id.
    pub name: String,
    /// Where the shot was written: its table header or its row.
    pub place: Place,
    /// `status`: whether a run may buy it.
    pub status: Status,
    /// What the shot itself sets, above defaults and sequence.
    pub layer: Layer,
    /// `matrix` and `zip`.
    pub variants: Variants,
    /// `note` and the columns kept for reports, by their header.
    pub kept: Vec<(String, String)>,
}

impl Shot {
    /// Gives the sequence as `[sequences]` spells it: `EP/SEQ`, or `SEQ` without an episode.
    #[must_use]
    pub fn full_sequence(&self) -> Option<String> {
        let sequence = self.sequence.as_deref()?;
        Some(match &self.episode {
            Some(episode) => format!("{episode}/{sequence}"),
            None => sequence.to_owned(),
        })
    }
}

/// A shot that cannot be bought as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Where it was written: its table header or its row.
    pub place: Option<Place>,
    /// Its id, where that could be read.
    pub shot: Option<ShotId>,
    /// The first error it is left out for, which is among the complaints of the reading too.
    pub why: Option<Box<Diagnostic>>,
}

/// A shot that is left out though most of it could be read; good for finding more complaints in
/// the same go, never for buying.
#[derive(Clone, Debug)]
pub struct Faulty {
    /// What could be read of it.
    pub shot: Shot,
    /// Whether all that it says of its picture could be read, technical settings aside.
    ///
    /// If not, something that seems to be missing may well have been written.
    pub is_told: bool,
}

/// What the status column says of a shot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// `todo` or empty: it runs.
    #[default]
    Todo,
    /// `retake`: it runs.
    Retake,
    /// `approved`: it does not run.
    Approved,
    /// `wfa`, waiting for approval: it does not run.
    WaitingForApproval,
    /// `hold`: it does not run.
    Hold,
    /// `omit`: it does not run.
    Omit,
}

/// The values a shot is varied over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variants {
    /// `matrix`: lists whose product is made, in the order written.
    pub matrix: Vec<(Placed<String>, Vec<Placed<String>>)>,
    /// `zip`: lists that go in step.
    pub zip: Vec<(Placed<String>, Vec<Placed<String>>)>,
    /// `exclude`: combinations left out.
    pub exclude: Vec<BTreeMap<String, Placed<String>>>,
}

impl Status {
    /// Every spelling, in the order documented; an empty one is `todo`.
    pub const WORDS: &'static [&'static str] =
        &["todo", "retake", "approved", "hold", "omit", "wfa"];

    /// Gives the spelling.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Todo => "todo",
            Self::Retake => "retake",
            Self::Approved => "approved",
            Self::WaitingForApproval => "wfa",
            Self::Hold => "hold",
            Self::Omit => "omit",
        }
    }

    /// Reads the spelling of manifests and shot lists, in any case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "" | "todo" => Self::Todo,
            "retake" => Self::Retake,
            "approved" => Self::Approved,
            "hold" => Self::Hold,
            "omit" => Self::Omit,
            "wfa" => Self::WaitingForApproval,
            _ => return None,
        })
    }
}

impl Variants {
    /// Tells whether the shot is varied over something of this name.
    #[must_use]
    pub fn has(&self, axis: &str) -> bool {
        let mut axes = self.matrix.iter().chain(&self.zip);
        axes.any(|(name, _)| name.value == axis)
    }

    /// Tells whether the shot has no variants.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.matrix.is_empty() && self.zip.is_empty()
    }
}

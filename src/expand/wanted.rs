//! What the manifest asks for: one [`Wanted`] for each shot and variant.

use std::sync::Arc;

use crate::domain::diagnostic::Place;
use crate::domain::id::{Key, ShotId, TakeNo, Variant};
use crate::expand::request::Request;
use crate::manifest::model::Status;

/// The pictures wanted of one shot and variant.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The shot.
    pub shot: ShotId,
    /// Its episode, for names, selection and reports.
    pub episode: Option<String>,
    /// Its sequence, spelled `EP/SEQ` where there is an episode.
    pub sequence: Option<String>,
    /// The variant.
    pub variant: Variant,
    /// The variant's values, in the order written.
    pub values: Vec<(String, String)>,
    /// Where the shot was written.
    pub place: Place,
    /// What the status column says, or what was decided later.
    pub status: Status,
    /// How many takes are wanted.
    pub takes: u32,
    /// How many takes one task buys at the most.
    pub results_per_task: u32,
    /// The preset's name.
    pub preset: String,
    /// The characters in it, as listed.
    pub characters: Vec<String>,
    /// The prompt's template, as written.
    pub template: Arc<str>,
    /// What is sent.
    pub request: Request,
    /// The key of its takes.
    pub key: Key,
    /// The key's parts, to say what changed.
    pub parts: KeyParts,
    /// How its files are called.
    pub name: FileName,
    /// Columns kept for reports.
    pub kept: Vec<(String, String)>,
}

/// Digests of the parts of a key, shortened: enough to tell what changed, not to identify.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyParts {
    /// The model and the compiled prompt.
    pub prompt: String,
    /// The references.
    pub references: String,
    /// Size, format, quality, safety.
    pub settings: String,
}

/// The file name of a shot and variant with its take and extension still open.
///
/// Always relative, of safe characters and parts, below the images folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileName(Arc<[NamePart]>);

/// A piece of a file name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NamePart {
    /// Text.
    Text(String),
    /// The take's number, padded with zeros to a width.
    Take(usize),
    /// The extension, from the picture's bytes.
    Extension,
}

impl FileName {
    /// Takes pieces that have been checked.
    #[must_use]
    pub fn new(parts: Vec<NamePart>) -> Self {
        Self(parts.into())
    }

    /// Gives the pieces.
    #[must_use]
    pub fn parts(&self) -> &[NamePart] {
        &self.0
    }

    /// Gives the path of a take, below the images folder.
    #[must_use]
    pub fn path(&self, take: TakeNo, extension: &str) -> String {
        let spelled = self.0.iter().map(|part| match part {
            NamePart::Text(text) => text.clone(),
            NamePart::Take(width) => format!("{:0width$}", take.0),
            NamePart::Extension => extension.to_owned(),
        });
        spelled.collect()
    }

    /// Spells the name with its open fields in braces, as the run log keeps it.
    #[must_use]
    pub fn pattern(&self) -> String {
        let spelled = self.0.iter().map(|part| match part {
            NamePart::Text(text) => text.clone(),
            NamePart::Take(width) => format!("{{take:{width}}}"),
            NamePart::Extension => "{ext}".to_owned(),
        });
        spelled.collect()
    }

    /// Reads a pattern back; gives nothing for one that could lead out of the images folder.
    #[must_use]
    pub fn from_pattern(pattern: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = pattern;
        while let Some((text, tail)) = rest.split_once('{') {
            let (field, tail) = tail.split_once('}')?;
            if !text.is_empty() {
                parts.push(NamePart::Text(text.to_owned()));
            }
            parts.push(match field.split_once(':') {
                None if field == "ext" => NamePart::Extension,
                Some(("take", width)) => NamePart::Take(width.parse().ok().filter(|w| *w <= 9)?),
                _ => return None,
            });
            rest = tail;
        }
        if !rest.is_empty() {
            parts.push(NamePart::Text(rest.to_owned()));
        }
        let name = Self::new(parts);
        is_safe(&name.path(TakeNo(1), "jpg")).then_some(name)
    }
}

/// Tells whether a relative path has safe characters and parts only.
#[must_use]
pub fn is_safe(path: &str) -> bool {
    let safe = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let sound = |part: &str| {
        !part.is_empty()
            && part.len() <= 255
            && !part.starts_with('.')
            && !part.ends_with('.')
            && part.bytes().all(safe)
    };
    path.split('/').all(sound)
}

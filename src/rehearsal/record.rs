//! The lines of the books.
//!
//! Format 1: JSON Lines, one [`Record`] a line, the first being `opened`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::clock::Moment;
use super::id::Id;
use super::money::Usd;

/// The format this server writes; books of another one are refused.
pub(super) const FORMAT: u32 = 1;

/// One line of the books.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Record {
    Opened {
        format: u32,
        salt: String,
    },
    /// A task was taken; from here on it is billed and will end, whatever happens.
    Accepted(Box<Accepted>),
    Uploaded(Uploaded),
    /// An upload was deleted by its owner.
    Deleted {
        image: Id,
    },
    /// A UUID that was used before came again.
    Conflict {
        at: Moment,
        task: Id,
    },
    /// A refused task took its UUID (only under the switch that says so).
    Taken {
        task: Id,
        key: KeyTag,
    },
    /// A webhook or upload endpoint has been served.
    Delivered {
        task: Id,
    },
    /// Counters that nothing else in the books would give; the last one counts.
    Tally(Tally),
}

/// Tells keys apart without holding one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct KeyTag(pub(super) u64);

/// Everything that makes an accepted task's answer, so that it comes out the same after a restart.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each named by its field"
)]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Accepted {
    pub(super) at: Moment,
    pub(super) number: u64,
    pub(super) task: Id,
    pub(super) key: KeyTag,
    /// Milliseconds from acceptance to the end.
    pub(super) takes_ms: u64,
    pub(super) delivery: Delivery,
    pub(super) results: u8,
    /// The first result's seed; the others follow it.
    pub(super) seed: u32,
    pub(super) picture: Picture,
    pub(super) output: Output,
    pub(super) with_cost: bool,
    pub(super) checks_content: bool,
    pub(super) ttl_s: Option<u64>,
    /// The price of one image.
    pub(super) price: Usd,
    pub(super) fate: Fate,
    pub(super) flagged: bool,
    pub(super) forgotten: bool,
    pub(super) cost_missing: bool,
    pub(super) images_billed: u8,
    pub(super) references: Vec<Reference>,
    pub(super) webhook: Option<String>,
    pub(super) upload_endpoint: Option<String>,
    /// SHA-256 of the task object as it was sent.
    pub(super) request_sha256: String,
    /// The same without its `taskUUID`: equal for tasks that ask for the same thing.
    pub(super) body_sha256: String,
    /// The task object as it was sent, with long references kept as files of their own.
    pub(super) request: Value,
}

/// What an image looks like as a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) format: Format,
    /// 20..99, for JPG alone.
    pub(super) quality: u8,
}

/// The file formats the model gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    Jpg,
    Png,
    Webp,
}

impl Format {
    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Jpg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }

    pub(super) const fn mime(self) -> &'static str {
        match self {
            Self::Jpg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }
}

/// When results are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Delivery {
    /// In the reply to the request.
    Sync,
    /// To those who poll.
    Async,
}

/// How results are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Output {
    Url,
    Base64,
    DataUri,
}

/// How a task ends; decided when it is accepted, known to the client when it is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub(super) enum Fate {
    Made,
    /// The first `made` results are images, the others failures.
    Partly {
        made: u8,
    },
    TimedOut,
    Moderated,
    /// Moderation that hides in a code of the provider's.
    BadRequest,
    /// The reference at this place could not be used.
    ReferenceLost {
        place: usize,
    },
}

impl Accepted {
    /// Says how many of the results are images.
    pub(super) fn images(&self) -> u8 {
        match self.fate {
            Fate::Made => self.results,
            Fate::Partly { made } => made,
            _ => 0,
        }
    }

    pub(super) fn bill(&self) -> Usd {
        self.price.times(self.images_billed)
    }

    /// Gives the UUID of a result, the same one each time.
    pub(super) fn image(&self, salt: &str, index: u8) -> Id {
        let [order, ..] = self.number.to_le_bytes();
        Id::derived(&[
            b"image",
            salt.as_bytes(),
            self.task.as_bytes(),
            &[index, order],
        ])
    }

    pub(super) fn seed_of(&self, index: u8) -> u32 {
        self.seed + u32::from(index)
    }
}

/// A reference as it was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reference {
    /// Its content; none where the server did not fetch it.
    pub(super) sha256: Option<String>,
    /// The upload it came from.
    pub(super) upload: Option<Id>,
    /// What a person can know it by: a host, a UUID or `data`.
    pub(super) label: String,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// An uploaded image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Uploaded {
    pub(super) at: Moment,
    pub(super) task: Id,
    pub(super) key: KeyTag,
    pub(super) image: Id,
    pub(super) sha256: String,
    pub(super) extension: String,
    pub(super) bytes: u64,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// Counts that outlive the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Tally {
    pub(super) requests: BTreeMap<String, u64>,
    pub(super) refusals: BTreeMap<String, u64>,
    pub(super) concurrent_peak: u64,
    pub(super) asked: u64,
    pub(super) answered: u64,
    pub(super) half_downloaded: u64,
    pub(super) downloaded: u64,
}

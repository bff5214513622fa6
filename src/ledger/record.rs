//! The records of the run log.
//!
//! How a record is spelled as a line of JSON is written down in [`crate::ledger::json`].

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::class::Trouble;
use crate::domain::digest::Sha256;
use crate::domain::id::{
    Attempt, ImageId, Key, RunId, ShotId, ShowId, TakeNo, Takes, TaskId, Variant,
};
use crate::domain::money::Micros;
use crate::expand::wanted::KeyParts;

/// The version of the run log's format that is written.
///
/// History: 1, the first.
pub const FORMAT: u32 = 1;

/// The reason of an intent that people asked for by a retake.
pub const RETAKE: &str = "retake";

/// A record as it stands in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamped {
    /// Its number, from 1.
    pub seq: u64,
    /// When it was written. For people and for waits across a restart; no order is read from it.
    pub at: Timestamp,
    /// What it says.
    pub record: Record,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// The log begins.
    LogOpened(LogOpened),
    /// A run begins.
    RunStarted(Box<RunStarted>),
    /// A reference was uploaded.
    Reference(ReferenceUploaded),
    /// A task is about to be sent; with `resend` above 0, sent once more under the same id.
    Intent(Box<Intent>),
    /// The provider has the task.
    Accepted(Accepted),
    /// The provider made an image.
    Produced(Produced),
    /// An image is on disk for good.
    Saved(Saved),
    /// The provider refused the task at submit; nothing was paid.
    Refused(Ended),
    /// The task ended without (all of) its images.
    Failed(Ended),
    /// Nobody can tell whether the task was bought; a person is told.
    Unsure(Ended),
    /// An image was paid for and cannot be had any more.
    Lost(Lost),
    /// A run ends.
    RunEnded(RunEnded),
    /// The log is the good part of a damaged one: what was recorded after it is not known here.
    Gap(Gap),
    /// A record of a kind this version does not know; it is kept and means nothing here.
    Other(String),
}

/// The first record of every log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOpened {
    /// The format's version.
    pub format: u32,
    /// The show.
    pub show: ShowId,
    /// Whether the show's id came from its manifest, so that a new log can find old purchases.
    pub show_id_from_manifest: bool,
    /// The tool and its version.
    pub tool: String,
}

/// A run begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunStarted {
    /// The run.
    pub run: RunId,
    /// The digest of the manifest and every text it includes.
    pub manifest: Sha256,
    /// The selection flags, as given.
    pub selection: Vec<String>,
    /// The caps in force, by name: `run`, `show`, `sequence`, `shot`, `max-cost`, `plan`.
    pub caps: BTreeMap<String, Micros>,
    /// The signed plan that it obeys, by its digest.
    pub plan: Option<Sha256>,
    /// The most tasks in flight.
    pub jobs: u32,
    /// The API's address without any query.
    pub endpoint: String,
    /// The tool and its version.
    pub tool: String,
}

/// A reference was uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceUploaded {
    /// The digest of the file's bytes.
    pub sha256: Sha256,
    /// What the provider calls it.
    pub image: ImageId,
}

/// A task is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The run that sends it.
    pub run: RunId,
    /// The task.
    pub task: TaskId,
    /// The shot.
    pub shot: ShotId,
    /// The variant.
    pub variant: Variant,
    /// The takes it buys.
    pub takes: Takes,
    /// The key of these takes.
    pub key: Key,
    /// The key's parts.
    pub parts: KeyParts,
    /// The attempt its id was derived for.
    pub attempt: Attempt,
    /// The most it can cost, all its images together.
    pub reserved: Micros,
    /// How often it was sent before under this id.
    pub resend: u32,
    /// Why the plan bought it, in its word; earlier versions did not write it down.
    pub reason: Option<String>,
    /// What it is made of.
    pub made: Made,
}

/// What a take is made of: all a person needs to know to understand the picture.
///
/// Holds no secret: image data stands as its digest, webhook and upload addresses not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The sequence, for caps and reports.
    pub sequence: Option<String>,
    /// The variant's values.
    pub values: Vec<(String, String)>,
    /// The names of its files, with take and extension in braces.
    pub name: String,
    /// The preset's name.
    pub preset: String,
    /// The model.
    pub model: String,
    /// The prompt's template.
    pub template: String,
    /// The compiled prompt.
    pub prompt: String,
    /// Width and height asked for, in pixels.
    pub size: Option<(u32, u32)>,
    /// The tier asked for where no width and height are sent.
    pub resolution: Option<String>,
    /// `jpg`, `png` or `webp`.
    pub format: String,
    /// The compression quality.
    pub quality: u32,
    /// The content check.
    pub safety: String,
    /// `async` or `sync`.
    pub delivery: String,
    /// `url`, `base64` or `data-uri`.
    pub output: String,
    /// How long the provider was asked to keep the image, in seconds.
    pub ttl: Option<u32>,
    /// Whether the provider was asked to call an address when done; the address is a secret.
    pub webhook: bool,
    /// Whether the provider was asked to put the image at an address; the address is a secret.
    pub upload: bool,
    /// The references, in the order of their numbers.
    pub references: Vec<MadeOf>,
}

/// A reference that a take is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeOf {
    /// Where it is to be had: a path, an address or a provider's UUID; nothing for a data URI.
    pub source: Option<String>,
    /// The digest that stands in the key.
    pub sha256: Sha256,
    /// What it shows.
    pub role: Option<String>,
    /// What of it is to be used.
    pub scope: Option<String>,
    /// The bible entry it belongs to.
    pub entry: Option<String>,
    /// How the prompt names it.
    pub marker: String,
}

/// The provider has the task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The task.
    pub task: TaskId,
    /// How that is known.
    pub by: AcceptedBy,
}

/// How it is known that the provider has a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptedBy {
    /// It said so.
    Reply,
    /// It refused the same id as already used.
    Conflict,
    /// It knew the task when asked.
    Asked,
}

/// The provider made an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Produced {
    /// The task.
    pub task: TaskId,
    /// Which of its images, from 0 in the order they were learnt of.
    pub index: u32,
    /// The provider's name of the image.
    pub image: ImageId,
    /// Where it can be fetched; none when it came inside the reply.
    pub url: Option<String>,
    /// The seed it was drawn from.
    pub seed: Option<u64>,
    /// What the content check said, when it was on.
    pub nsfw: Option<bool>,
    /// What it is booked at.
    pub cost: Micros,
    /// Whether the price was assumed because the reply told none (or nought).
    pub cost_assumed: bool,
}

/// An image is on disk for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The task.
    pub task: TaskId,
    /// Which of its images.
    pub index: u32,
    /// The take it became.
    pub take: TakeNo,
    /// Its path below the output folder.
    pub path: String,
    /// The digest of its bytes.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
}

/// A task ended without (all of) its images, or nobody can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The task.
    pub task: TaskId,
    /// Why.
    pub trouble: Trouble,
    /// Whether it may have been billed, so that its price stays counted against the caps.
    pub may_be_billed: bool,
}

/// An image was paid for and cannot be had any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The task.
    pub task: TaskId,
    /// Which of its images.
    pub index: u32,
    /// Why.
    pub trouble: Trouble,
}

/// Where the good part of a damaged log ends.
///
/// Whoever buys on such a log asks the provider about every task first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The line of the damaged log at which the damage began, from 1.
    pub line: u64,
    /// The offset of that line's first byte.
    pub byte: u64,
    /// How many bytes stood there and after it.
    pub bytes: u64,
}

/// A run ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEnded {
    /// The run.
    pub run: RunId,
    /// Why, in a word: `done`, `cap`, `until`, `interrupted`, `terminated`, `account`, `disk`.
    pub reason: String,
    /// How many takes it saved, and so on, by name.
    pub counts: BTreeMap<String, u64>,
    /// What it spent.
    pub spent: Micros,
    /// What stays reserved for what it could not settle.
    pub reserved: Micros,
}

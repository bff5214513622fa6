//! What the provider of images can do, and what it answers.
//!
//! Owns the [`Provider`] trait, its Runware client and the fetching of images. It says what
//! happened and never what to do about it; no request is repeated here.
//!
//! Invariants: a task is sent only against a [`CommittedIntent`]; whatever is not understood after
//! a send is [`Submitted::Unknown`], never a failure; an answer is matched by task id, a result by
//! image id; the key goes to the API alone, and no secret into an error.

use std::future::Future;
use std::time::Duration;

use crate::domain::class::Trouble;
use crate::domain::digest::Sha256;
use crate::domain::id::{ImageId, TaskId};
use crate::domain::money::Micros;
use crate::expand::request::Request;
use crate::ledger::port::{CommittedIntent, OpenIntent};

pub mod download;
pub mod hosts;
pub mod network;
pub mod runware;
pub mod tls;

/// A provider of images.
pub trait Provider: Send + Sync + 'static {
    /// An image as it streams in.
    type Stream: ImageStream;

    /// Uploads a reference file once; not a purchase.
    fn upload(
        &self,
        reference: &ReferenceFile,
    ) -> impl Future<Output = Result<ImageId, CallError>> + Send;

    /// Sends a task.
    ///
    /// `references` holds, for each reference of the request in order, the provider's id of it if
    /// it was uploaded; the others are sent in their own form.
    fn submit(
        &self,
        intent: CommittedIntent,
        request: &Request,
        references: &[Option<ImageId>],
    ) -> impl Future<Output = Submitted> + Send;

    /// Asks the queue about tasks, all in one request.
    ///
    /// Every task asked about has an answer in the result.
    fn ask(
        &self,
        tasks: &[TaskId],
    ) -> impl Future<Output = Result<Vec<(TaskId, Known)>, CallError>> + Send;

    /// Asks the archive about one task.
    fn details(&self, task: TaskId) -> impl Future<Output = Result<Known, CallError>> + Send;

    /// Opens an image for reading.
    fn fetch(
        &self,
        image: &Address,
    ) -> impl Future<Output = Result<Self::Stream, FetchError>> + Send;
}

/// An image as it streams in.
pub trait ImageStream: Send {
    /// Gives the next bytes, or nothing at its end.
    fn chunk(&mut self) -> impl Future<Output = Result<Option<Vec<u8>>, FetchError>> + Send;
}

/// A reference file to be uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReferenceFile {
    /// The path by which this process opens it.
    pub path: String,
    /// The digest its bytes must still have.
    pub sha256: Sha256,
    /// Its media type.
    pub media_type: &'static str,
}

/// What became of a send. `Unknown` is no error: the money may be gone.
#[derive(Debug)]
#[must_use]
pub enum Submitted {
    /// The provider has the task; a reply to `sync` holds results too.
    Accepted(Report),
    /// The provider has had a task of this id before: proof of an earlier purchase.
    Conflict(OpenIntent),
    /// The provider refused the task; nothing was paid.
    Refused(Trouble),
    /// The task did not reach the provider, or it was too busy to look at it: nothing was bought by
    /// this send, and the trouble's class says whether another one makes sense.
    TurnedAway(CommittedIntent, Trouble, Away),
    /// Anything else.
    Unknown(OpenIntent, Trouble),
}

/// How long the provider asks to be left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter(pub Duration);

/// How a request was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Away {
    /// No connection came about, or there was nothing that could be sent.
    Unreached,
    /// The provider said that it is broken, or short of servers, just now.
    Unavailable(Option<RetryAfter>),
    /// The provider said that it has too much to do just now.
    Busy(Option<RetryAfter>),
}

impl Away {
    /// Reads an answer's error: `RateLimit` in a code is the API's word for too much at a time, per
    /// runware.ai/docs/platform/errors.
    #[must_use]
    pub fn answered(trouble: &Trouble, asked: Option<RetryAfter>) -> Self {
        let code = trouble.code.to_ascii_lowercase();
        if code.contains("ratelimit") {
            Self::Busy(asked)
        } else {
            Self::Unavailable(asked)
        }
    }

    /// Gives how long the provider asked to be left alone.
    #[must_use]
    pub const fn asked(self) -> Option<RetryAfter> {
        match self {
            Self::Unreached => None,
            Self::Unavailable(asked) | Self::Busy(asked) => asked,
        }
    }
}

/// What the provider knows of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing; which is not to say that it never had it.
    Nothing,
    /// It has the task.
    Task(Report),
}

/// The state of a task at the provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The images that are finished.
    pub images: Vec<ResultImage>,
    /// The images, or the whole task, that ended without one.
    pub failures: Vec<Trouble>,
    /// Whether the answer spoke of an image that is still being made.
    pub working: bool,
}

/// A finished image.
#[derive(Clone, PartialEq, Eq)]
pub struct ResultImage {
    /// The provider's id of it.
    pub image: ImageId,
    /// Where its bytes are.
    pub address: Address,
    /// The seed it was drawn from.
    pub seed: Option<u64>,
    /// What the content check said.
    pub nsfw: Option<bool>,
    /// What it cost, as told; none when the reply told nothing.
    pub cost: Option<Micros>,
}

/// Where an image's bytes are.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// At an address.
    Url(String),
    /// In the reply itself, decoded.
    Here(std::sync::Arc<[u8]>),
    /// Nowhere that is known: the reply named the image but gave no form of it.
    Nowhere,
}

impl std::fmt::Debug for ResultImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResultImage")
            .field("image", &self.image)
            .field("seed", &self.seed)
            .field("nsfw", &self.nsfw)
            .field("cost", &self.cost)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Url(_) => "Url",
            Self::Here(_) => "Here",
            Self::Nowhere => "Nowhere",
        })
    }
}

/// Why a call that buys nothing gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", trouble.message)]
pub struct CallError {
    /// What the trouble is.
    pub trouble: Trouble,
    /// How long the provider asks to be left alone.
    pub retry_after: Option<RetryAfter>,
    /// Whether the call named no task in its error, as an API does that takes one task a call.
    pub names_no_task: bool,
}

impl CallError {
    /// Reads the error as one that may pass: how the request was turned away.
    #[must_use]
    pub fn away(&self) -> Away {
        Away::answered(&self.trouble, self.retry_after)
    }
}

/// Why an image could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// It is not there any more: 404, 403 or 410.
    #[error("the image is not at its address any more")]
    Gone,
    /// The address is not one that images are fetched from; the reason.
    #[error("{0}")]
    Forbidden(String),
    /// The network or the host failed; worth another try.
    #[error("{0}")]
    Broken(String),
    /// The answer is too large.
    #[error("the image is larger than {0} bytes")]
    TooLarge(u64),
}

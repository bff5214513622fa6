//! The client, in the words of the [`Provider`] trait.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Url;

use crate::domain::id::{ImageId, TaskId};
use crate::domain::secret::ApiKey;
use crate::expand::profile::MODELS;
use crate::expand::request::Request;
use crate::ledger::port::CommittedIntent;
use crate::manifest::settings::{Delivery, Output};
use crate::provider::download::{ImageBytes, Images, Patience};
use crate::provider::hosts::{Hosts, is_loopback};
use crate::provider::network::Roots;
use crate::provider::runware::account::Account;
use crate::provider::runware::api::{Answer, Api, Bounds, Silence};
use crate::provider::runware::reply::{self, Fault, Reply};
use crate::provider::runware::scrub::Scrub;
use crate::provider::runware::wire::{self, UploadWay};
use crate::provider::runware::{files, read, trouble};
use crate::provider::{
    Address, Away, CallError, FetchError, Known, Provider, ReferenceFile, Submitted,
};

/// Runware's address, per runware.ai/docs/platform/introduction.
pub const ENDPOINT: &str = "https://api.runware.ai/v1";

/// The largest reply that carries no image, in bytes.
const LARGEST_REPLY: usize = 8 * 1024 * 1024;

/// The room for one image inside a reply, in bytes: a lossless picture of the largest size that any
/// known model makes, four bytes a pixel, as Base64.
const INLINE_IMAGE: usize = 24 * 1024 * 1024;

/// The most that replies with images in them may take, in bytes.
const LARGEST_INLINE_REPLY: usize = 512 * 1024 * 1024;

/// How a client is made.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// The API's address; plain http only for this machine.
    pub endpoint: String,
    /// The key, sent to that address alone.
    pub key: ApiKey,
    /// Hosts that images may come from besides the API's own and those of the models; a leading dot
    /// stands for any name below it, and `host:port` allows another port.
    pub image_hosts: Vec<String>,
    /// The most images that a task left over from an earlier run may hold inside its reply; 0 where
    /// none was to be delivered that way. What this client submits, it counts itself.
    pub inline_results: u32,
    /// How long is waited for what.
    pub timeouts: Timeouts,
}

impl ClientSettings {
    /// Gives the usual settings for an address and a key.
    #[must_use]
    pub fn new(endpoint: &str, key: ApiKey) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            key,
            image_hosts: Vec::new(),
            inline_results: 0,
            timeouts: Timeouts::default(),
        }
    }
}

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For the acknowledgement of a task, or of an upload.
    pub submit: Duration,
    /// For the images of a task, while its connection is kept; above the vendor's own limit of
    /// about two minutes.
    pub submit_sync: Duration,
    /// For the answer to a question.
    pub ask: Duration,
    /// For the next bytes of an image.
    pub stall: Duration,
    /// For a whole image.
    pub download: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            submit: Duration::from_secs(60),
            submit_sync: Duration::from_secs(180),
            ask: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            download: Duration::from_secs(30 * 60),
        }
    }
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none that can be used.
    #[error("the API's address {0}")]
    Endpoint(&'static str),
    /// The HTTP client could not be set up.
    #[error("no HTTP client: {0}")]
    Setup(String),
}

/// Runware's API, as a provider of images.
#[derive(Debug)]
pub struct Client {
    api: Api,
    images: Images,
    scrub: Scrub,
    timeouts: Timeouts,
    inline_results: AtomicU32,
    takes_media_storage: AtomicBool,
    answers_several: AtomicBool,
    foreign: AtomicU64,
}

impl Client {
    /// Makes a client; nothing is sent.
    ///
    /// # Errors
    /// Refuses an address that is not https (http on this machine), or has a user name, a query or
    /// a fragment in it; tells why HTTP could not be set up.
    pub fn new(settings: ClientSettings) -> Result<Self, ClientError> {
        let endpoint = endpoint(&settings.endpoint)?;
        let roots = if endpoint.scheme() == "http" {
            Roots::Nobody
        } else {
            Roots::World
        };
        let of_models = MODELS.iter().flat_map(|model| model.image_hosts);
        let others = of_models.map(|&host| host.to_owned());
        let hosts = Hosts::new(&endpoint, others.chain(settings.image_hosts));
        let timeouts = settings.timeouts;
        let patience = Patience {
            stall: timeouts.stall,
            whole: timeouts.download,
        };
        let setup = |error: reqwest::Error| ClientError::Setup(error.without_url().to_string());
        Ok(Self {
            images: Images::new(hosts, roots, timeouts.connect, patience).map_err(setup)?,
            api: Api::new(endpoint, &settings.key, roots, timeouts.connect).map_err(setup)?,
            scrub: Scrub::new(settings.key),
            timeouts,
            inline_results: AtomicU32::new(settings.inline_results),
            takes_media_storage: AtomicBool::new(false),
            answers_several: AtomicBool::new(false),
            foreign: AtomicU64::new(0),
        })
    }

    /// Asks the API for a sign of life; free.
    ///
    /// # Errors
    /// Tells why there is none.
    pub async fn ping(&self) -> Result<(), CallError> {
        let answer = self.call(wire::ping(), self.timeouts.ask).await?;
        let reply = reply::read(&answer.body).map_err(|why| trouble::unreadable(&answer, why))?;
        read::pong(&reply, &answer, &self.scrub)
    }

    /// Asks for the account's balance; free.
    ///
    /// # Errors
    /// Tells why it is not known.
    pub async fn account(&self) -> Result<Account, CallError> {
        let call = new_call();
        let body = wire::account_details(call);
        let answer = self.call(body, self.timeouts.ask).await?;
        let reply = reply::read(&answer.body).map_err(|why| trouble::unreadable(&answer, why))?;
        let fields = read::served(&reply, call, "accountManagement", &answer, &self.scrub)?;
        Ok(Account::of(fields))
    }

    /// Gives how many entries of replies were about no task that was asked about; they are not used.
    #[must_use]
    pub fn foreign_entries(&self) -> u64 {
        self.foreign.load(Ordering::Relaxed)
    }

    async fn call(&self, body: Vec<u8>, wait: Duration) -> Result<Answer, CallError> {
        let bytes = LARGEST_REPLY;
        Ok(self.api.post(body, Bounds { wait, bytes }).await?)
    }

    /// Gives the bounds of a question about tasks, which images may come back in.
    fn bounds_of_question(&self, tasks: usize) -> Bounds {
        match self.inline_results.load(Ordering::Relaxed) {
            0 => Bounds {
                wait: self.timeouts.ask,
                bytes: LARGEST_REPLY,
            },
            results => Bounds {
                wait: self.timeouts.submit_sync,
                bytes: inline_bytes(tasks, results),
            },
        }
    }

    /// Reads a reply about tasks and counts what in it is about others.
    fn read<'a>(&self, answer: &'a Answer, tasks: &[TaskId]) -> Result<Reply<'a>, &'static str> {
        let reply = reply::read(&answer.body)?;
        let foreign = reply.foreign(tasks);
        self.foreign.fetch_add(foreign, Ordering::Relaxed);
        Ok(reply)
    }

    async fn upload_by(
        &self,
        way: UploadWay,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<ImageId, Uploading> {
        let call = new_call();
        let body = wire::upload(call, way, media_type, bytes);
        let answer = self.call(body, self.timeouts.submit).await?;
        let reply = reply::read(&answer.body).map_err(|why| trouble::unreadable(&answer, why))?;
        let mut refusals = reply.faults_of(call).chain(reply.faults_of_request());
        if refusals.any(Fault::refuses_task_type) {
            return Err(Uploading::OtherWay);
        }
        let fields = read::served(&reply, call, way.task_type(), &answer, &self.scrub)?;
        let id = fields
            .text("imageUUID")
            .or_else(|| fields.text("mediaUUID"));
        match id {
            Some(id) => Ok(ImageId::new(&id)),
            None => Err(trouble::unreadable(&answer, "the upload got no id").into()),
        }
    }
}

/// Why an upload by one of the two ways came to nothing.
enum Uploading {
    /// The API does not know this way, or not any more.
    OtherWay,
    Failed(CallError),
}

impl From<CallError> for Uploading {
    fn from(error: CallError) -> Self {
        Self::Failed(error)
    }
}

/// Gives how large a reply about tasks may be that holds their images.
fn inline_bytes(tasks: usize, results: u32) -> usize {
    let images = usize::try_from(results).unwrap_or(usize::MAX);
    let images = images.saturating_mul(tasks);
    LARGEST_REPLY
        + images
            .saturating_mul(INLINE_IMAGE)
            .min(LARGEST_INLINE_REPLY)
}

/// Draws an id for a call that buys nothing.
#[expect(
    clippy::expect_used,
    reason = "a UUID's own spelling is one that reads back"
)]
fn new_call() -> TaskId {
    TaskId::parse(&uuid::Uuid::new_v4().to_string()).expect("a UUID reads back")
}

fn endpoint(text: &str) -> Result<Url, ClientError> {
    let url = Url::parse(text).map_err(|_| ClientError::Endpoint("is not an address"))?;
    let wrong = |why| Err(ClientError::Endpoint(why));
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return wrong("must begin with https; plain http is for this machine only"),
        _ => return wrong("must begin with https"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("must not hold a user name or password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return wrong("must not have a query or fragment");
    }
    Ok(url)
}

impl Provider for Client {
    type Stream = ImageBytes;

    async fn upload(&self, reference: &ReferenceFile) -> Result<ImageId, CallError> {
        let read = files::read(&reference.path, reference.sha256).await;
        let bytes = read.map_err(|trouble| CallError {
            trouble,
            retry_after: None,
            names_no_task: false,
        })?;
        let media = &self.takes_media_storage;
        let mut ways = [UploadWay::ImageUpload, UploadWay::MediaStorage];
        if media.load(Ordering::Relaxed) {
            ways.reverse();
        }
        let media_type = reference.media_type;
        match self.upload_by(ways[0], media_type, &bytes).await {
            Ok(id) => return Ok(id),
            Err(Uploading::Failed(error)) => return Err(error),
            Err(Uploading::OtherWay) => {}
        }
        match self.upload_by(ways[1], media_type, &bytes).await {
            Ok(id) => {
                media.store(ways[1] == UploadWay::MediaStorage, Ordering::Relaxed);
                Ok(id)
            }
            Err(Uploading::Failed(error)) => Err(error),
            Err(Uploading::OtherWay) => Err(trouble::no_upload()),
        }
    }

    async fn submit(
        &self,
        intent: CommittedIntent,
        request: &Request,
        references: &[Option<ImageId>],
    ) -> Submitted {
        let (task, results) = (intent.task(), intent.results());
        let body = match wire::generation(task, results, request, references).await {
            Ok(body) => body,
            // Nothing was sent, which says nothing of a send before this one.
            Err(trouble) => return Submitted::TurnedAway(intent, trouble, Away::Unreached),
        };
        let waited = request.delivery == Delivery::Sync;
        let mut bounds = Bounds {
            wait: self.timeouts.submit,
            bytes: LARGEST_REPLY,
        };
        if waited {
            bounds.wait = self.timeouts.submit_sync;
        }
        if request.output != Output::Url {
            self.inline_results.fetch_max(results, Ordering::Relaxed);
            bounds.bytes = inline_bytes(1, results);
        }
        match self.api.post(body, bounds).await {
            Ok(answer) => {
                let reply = self.read(&answer, &[task]);
                read::submitted(intent, waited, reply, &answer, &self.scrub)
            }
            Err(Silence::NeverSent(trouble)) => {
                Submitted::TurnedAway(intent, trouble, Away::Unreached)
            }
            Err(Silence::Lost(trouble)) => Submitted::Unknown(intent.open(), trouble),
        }
    }

    async fn ask(&self, tasks: &[TaskId]) -> Result<Vec<(TaskId, Known)>, CallError> {
        if tasks.is_empty() {
            return Ok(Vec::new());
        }
        let several = tasks.len() > 1;
        let bounds = self.bounds_of_question(tasks.len());
        let posted = self.api.post(wire::get_response(tasks), bounds).await;
        let answer = posted.map_err(|silence| silence.into_call_error(several))?;
        let reply = self.read(&answer, tasks);
        let answers = read::asked(tasks, reply, &answer, &self.scrub)?;
        if answers.spoken_of.iter().any(|&place| place > 0) {
            self.answers_several.store(true, Ordering::Relaxed);
        }
        let only_first = several && answers.spoken_of == [0];
        if only_first && !self.answers_several.load(Ordering::Relaxed) {
            return Err(trouble::only_the_first(&answer));
        }
        Ok(answers.known)
    }

    async fn details(&self, task: TaskId) -> Result<Known, CallError> {
        let bounds = self.bounds_of_question(1);
        let answer = self.api.post(wire::get_task_details(task), bounds).await?;
        let reply = self.read(&answer, &[task]);
        read::detailed(task, reply, &answer, &self.scrub)
    }

    async fn fetch(&self, image: &Address) -> Result<ImageBytes, FetchError> {
        self.images.open(image).await
    }
}

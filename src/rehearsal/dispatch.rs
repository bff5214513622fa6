//! Takes a request's elements one by one and gathers their answers, in order.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::accept::{self, Outcome};
use super::api::Ending;
use super::app::App;
use super::clock::Moment;
use super::envelope::{Refusal, Reply};
use super::id::Id;
use super::memory::TaskIndex;
use super::record::{Delivery, KeyTag, Record};
use super::results::{self, For};
use super::switches::{ImageUpload, PollBatch, UploadData, UuidVersion};
use super::{account, poll, upload};

/// What is known while one request is answered.
pub(super) struct Turn {
    pub(super) app: Arc<App>,
    pub(super) key: KeyTag,
    pub(super) dry_run: bool,
    pub(super) ending: Ending,
    reply: Reply,
    /// UUIDs of the tasks of this request that may not come twice.
    used: HashSet<Id>,
    /// Sync tasks to wait for, with the place of their results.
    awaited: Vec<(usize, TaskIndex)>,
    polls: u64,
    only_one_upload: bool,
}

/// Ends the request there and then, or its element.
pub(super) enum Stop {
    /// The element is refused, the others go on.
    Refused(Box<Refusal>),
    /// The request as a whole is refused; no task is named.
    Failed(Box<Refusal>),
    /// The request's ending says how.
    Everything,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

pub(super) fn kind(task: &Map<String, Value>) -> Option<&str> {
    task.get("taskType").and_then(Value::as_str)
}

/// Answers all elements of a request.
pub(super) async fn answer(
    app: &Arc<App>,
    key: KeyTag,
    dry_run: bool,
    tasks: Vec<Map<String, Value>>,
) -> (Reply, Ending) {
    let start = app.now();
    let mut turn = Turn {
        app: Arc::clone(app),
        key,
        dry_run,
        ending: Ending::default(),
        reply: Reply::default(),
        used: HashSet::new(),
        awaited: Vec::new(),
        polls: 0,
        only_one_upload: tasks.len() == 1,
    };
    for (place, task) in tasks.iter().enumerate() {
        match turn.take(place, task).await {
            Ok(()) => (),
            Err(Stop::Refused(refusal)) => turn.reply.errors.push(refusal.of(task)),
            Err(Stop::Failed(refusal)) => return (Reply::refused(*refusal), Ending::Reply),
            Err(Stop::Everything) => return (turn.reply, turn.ending),
        }
    }
    turn.wait_for_sync(start).await;
    (turn.reply, turn.ending)
}

impl Turn {
    async fn take(&mut self, place: usize, task: &Map<String, Value>) -> Result<(), Stop> {
        let kind = self.kind_of(place, task)?;
        self.app.count(kind);
        match kind {
            "authentication" => {}
            "ping" => self
                .reply
                .data
                .push(json!({ "taskType": "ping", "pong": true })),
            "imageInference" => self.take_image(task).await?,
            "getResponse" => self.poll(task).await?,
            "getTaskDetails" => {
                let id = self.own_id(task)?;
                let found = poll::details(self, id).await?;
                self.reply.data.extend(found);
            }
            "imageUpload" | "mediaStorage" => {
                let id = self.fresh_id(task).await?;
                let stored = upload::take(self, kind, id, task).await?;
                self.reply.data.push(stored);
                let as_object = self.app.switches().upload_data == UploadData::Object;
                self.reply.lone_object = as_object && self.only_one_upload;
            }
            _ => {
                let id = self.own_id(task)?;
                self.reply.data.push(account::answer(&self.app, id, task)?);
            }
        }
        Ok(())
    }

    fn kind_of<'a>(&self, place: usize, task: &'a Map<String, Value>) -> Result<&'a str, Refusal> {
        const KINDS: [&str; 7] = [
            "ping",
            "imageInference",
            "getResponse",
            "getTaskDetails",
            "imageUpload",
            "mediaStorage",
            "accountManagement",
        ];
        let refuse = |code, message: &str| Refusal::new(400, code, message).about("taskType");
        if !task.contains_key("taskType") {
            return Err(refuse("missingTaskType", "taskType is required"));
        }
        let kind = kind(task).unwrap_or_default();
        let gone = kind == "imageUpload" && self.app.switches().image_upload == ImageUpload::Refuse;
        let known = KINDS.contains(&kind) && !gone || kind == "authentication" && place == 0;
        known.then_some(kind).ok_or_else(|| {
            let kinds = KINDS.join(", ");
            refuse(
                "unsupportedTaskType",
                &format!("taskType has to be one of {kinds}"),
            )
        })
    }

    async fn take_image(&mut self, task: &Map<String, Value>) -> Result<(), Stop> {
        match accept::take(self, task).await {
            Ok(Outcome::Accepted {
                delivery: Delivery::Async,
                ..
            }) => {
                let id = task.get("taskUUID");
                self.reply
                    .data
                    .push(json!({ "taskType": "imageInference", "taskUUID": id }));
            }
            Ok(Outcome::Accepted {
                index,
                delivery: Delivery::Sync,
            }) => {
                self.awaited.push((self.reply.data.len(), index));
            }
            Ok(Outcome::Priced(items)) => self.reply.data.extend(items),
            Err(Stop::Refused(refusal)) => {
                self.take_refused_id(task);
                return Err(Stop::Refused(refusal));
            }
            Err(stop) => return Err(stop),
        }
        Ok(())
    }

    /// Reads a UUID that the element has of its own, whatever was done under it before.
    pub(super) fn own_id(&self, task: &Map<String, Value>) -> Result<Id, Refusal> {
        let refuse = |code, message: &str| Refusal::new(400, code, message).about("taskUUID");
        let Some(text) = task.get("taskUUID") else {
            return Err(refuse("missingTaskUUID", "taskUUID is required"));
        };
        let any_version = self.app.switches().uuid == UuidVersion::Any;
        let id = text
            .as_str()
            .and_then(Id::parse)
            .filter(|id| any_version || id.is_v4());
        id.ok_or_else(|| {
            refuse("invalidTaskUUID", "taskUUID has to be a UUID v4").with("type", "string")
        })
    }

    /// Reads a UUID that must not have been used before, here or earlier.
    pub(super) async fn fresh_id(&mut self, task: &Map<String, Value>) -> Result<Id, Refusal> {
        let id = self.own_id(task)?;
        let twice = !self.used.insert(id);
        let now = self.app.now();
        if twice
            || self
                .app
                .memory()
                .is_taken(self.key, id, now, self.app.switches())
        {
            return Err(self.conflict(id).await);
        }
        Ok(id)
    }

    /// Makes the refusal of a used UUID; its earlier acceptance is on disk before that is told.
    pub(super) async fn conflict(&self, id: Id) -> Refusal {
        self.app.memory().conflicts += 1;
        self.app.books.note(&Record::Conflict {
            at: self.app.now(),
            task: id,
        });
        if self.app.books.settled().await.is_err() {
            return Refusal::new(
                500,
                "internalServerError",
                "The task could not be looked up",
            );
        }
        let message = "This taskUUID has been used before";
        Refusal::new(400, "conflictTaskUUID", message).about("taskUUID")
    }

    fn take_refused_id(&self, task: &Map<String, Value>) {
        if !self.app.switches().refused_takes_uuid {
            return;
        }
        if let Ok(id) = self.own_id(task) {
            self.app.memory().take(self.key, id);
            self.app.books.note(&Record::Taken {
                task: id,
                key: self.key,
            });
        }
    }

    async fn poll(&mut self, task: &Map<String, Value>) -> Result<(), Stop> {
        let id = self.own_id(task)?;
        self.polls += 1;
        match self.app.switches().poll_batch {
            PollBatch::FirstOnly if self.polls == 2 => {
                // Names no task on purpose: it is the request that is refused.
                let message = "Only one getResponse is answered in a request";
                self.reply
                    .errors
                    .push(Refusal::new(400, "invalidRequest", message));
                return Ok(());
            }
            PollBatch::FirstOnly | PollBatch::Silent if self.polls > 1 => return Ok(()),
            _ => {}
        }
        let answer = poll::response(self, id).await?;
        self.reply.data.extend(answer.data);
        self.reply.errors.extend(answer.errors);
        self.reply.status = self.reply.status.or(answer.status);
        Ok(())
    }

    /// Waits for the sync tasks, or until a proxy would lose its patience.
    async fn wait_for_sync(&mut self, start: Moment) {
        let switches = self.app.switches();
        let limit = start.later(switches.sync_limit);
        // Later places first, so that inserting moves nothing that is still to be inserted.
        for (place, index) in std::mem::take(&mut self.awaited).into_iter().rev() {
            let ends = self
                .app
                .memory()
                .task(index)
                .map_or(start, |task| task.ends);
            self.app.clock.wait_for(ends.min(limit)).await;
            if ends > limit {
                self.ending = Ending::Page(504);
                return;
            }
            let answer = results::of_task(&self.app, index, For::Sync).await;
            self.reply.status = self.reply.status.or(answer.status);
            self.reply.data.splice(place..place, answer.data);
            self.reply.errors.extend(answer.errors);
        }
    }
}

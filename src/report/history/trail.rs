//! What the records of a task say beyond what the ledger keeps of it.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::digest::Sha256;
use crate::domain::id::{Attempt, Key, RunId, ShotId, Takes, TaskId, Variant};
use crate::ledger::record::{
    AcceptedBy, Intent, Made, Produced, Record, RunStarted, Saved, Stamped,
};

/// The trails of tasks, and the runs that made them.
#[derive(Debug, Default)]
pub struct Trails {
    tasks: HashMap<TaskId, Trail>,
    runs: HashMap<RunId, RunFacts>,
}

/// What a run is told by beside its takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFacts {
    /// The tool and its version.
    pub tool: String,
    /// The digest of the manifest.
    pub manifest: Sha256,
}

/// What the records of one task say.
#[derive(Clone, Debug)]
pub struct Trail {
    /// What was bought.
    pub bought: Bought,
    /// When what happened to the task itself.
    pub times: TaskTimes,
    /// How it is known that the provider has it.
    pub accepted_by: Option<AcceptedBy>,
    /// How often it was sent again under its id.
    pub resends: u32,
    /// Its images, by index.
    pub images: Vec<ImageTrail>,
    is_over: bool,
}

/// What a task buys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bought {
    /// The run that sent it last.
    pub run: RunId,
    /// The task.
    pub task: TaskId,
    /// The shot.
    pub shot: ShotId,
    /// The variant.
    pub variant: Variant,
    /// The takes.
    pub takes: Takes,
    /// Their key.
    pub key: Key,
    /// The attempt the task's id was derived for.
    pub attempt: Attempt,
    /// What they are made of.
    pub made: Arc<Made>,
}

impl Bought {
    /// Reads an intent.
    #[must_use]
    pub fn of(intent: &Intent, made: Arc<Made>) -> Self {
        Self {
            run: intent.run.clone(),
            task: intent.task,
            shot: intent.shot.clone(),
            variant: intent.variant,
            takes: intent.takes,
            key: intent.key,
            attempt: intent.attempt,
            made,
        }
    }
}

/// When what happened to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskTimes {
    /// Its first intent.
    pub intended: Timestamp,
    /// Its latest intent; later than the first if it was sent again.
    pub sent: Timestamp,
    /// The provider was first known to have it.
    pub accepted: Option<Timestamp>,
    /// It ended without (all of) its images, or in doubt.
    pub ended: Option<Timestamp>,
}

/// What the records of one image say.
#[derive(Clone, Debug)]
pub struct ImageTrail {
    /// How it was first told of.
    pub produced: Produced,
    /// When.
    pub produced_at: Timestamp,
    /// Where it was last saved.
    pub saved: Option<Saved>,
    /// When.
    pub saved_at: Option<Timestamp>,
    /// When it was given up.
    pub lost_at: Option<Timestamp>,
}

impl Trails {
    /// Takes in a record; `made` stands in for what an intent says, where it is held already.
    pub fn take_in(&mut self, stamped: &Stamped, made: Option<Arc<Made>>) {
        let at = stamped.at;
        match &stamped.record {
            Record::RunStarted(started) => self.begin_run(started),
            Record::Intent(intent) => self.intend(intent, made, at),
            Record::Accepted(accepted) => self.change(accepted.task, |trail| {
                trail.times.accepted.get_or_insert(at);
                trail.accepted_by.get_or_insert(accepted.by);
                trail.is_alive_after_all();
            }),
            Record::Produced(produced) => {
                self.change(produced.task, |trail| trail.produce(produced, at));
            }
            Record::Saved(saved) => self.change(saved.task, |trail| {
                if let Some(image) = trail.image_mut(saved.index) {
                    (image.saved, image.saved_at) = (Some(saved.clone()), Some(at));
                }
            }),
            Record::Lost(lost) => self.change(lost.task, |trail| {
                if let Some(image) = trail.image_mut(lost.index) {
                    image.lost_at = Some(at);
                }
            }),
            Record::Refused(ended) | Record::Failed(ended) => self.change(ended.task, |trail| {
                (trail.times.ended, trail.is_over) = (Some(at), true);
            }),
            Record::Unsure(ended) => {
                self.change(ended.task, |trail| trail.times.ended = Some(at));
            }
            Record::LogOpened(_)
            | Record::Reference(_)
            | Record::RunEnded(_)
            | Record::Gap(_)
            | Record::Other(_) => {}
        }
    }

    fn begin_run(&mut self, started: &RunStarted) {
        let facts = RunFacts {
            tool: started.tool.clone(),
            manifest: started.manifest,
        };
        self.runs.insert(started.run.clone(), facts);
    }

    fn intend(&mut self, intent: &Intent, made: Option<Arc<Made>>, at: Timestamp) {
        if let Some(trail) = self.tasks.get_mut(&intent.task) {
            trail.bought.run = intent.run.clone();
            trail.times.sent = at;
            trail.resends = intent.resend;
            trail.is_alive_after_all();
            return;
        }
        let made = made.unwrap_or_else(|| Arc::new(intent.made.clone()));
        let trail = Trail {
            bought: Bought::of(intent, made),
            times: TaskTimes {
                intended: at,
                sent: at,
                accepted: None,
                ended: None,
            },
            accepted_by: None,
            resends: intent.resend,
            images: Vec::new(),
            is_over: false,
        };
        self.tasks.insert(intent.task, trail);
    }

    fn change(&mut self, task: TaskId, step: impl FnOnce(&mut Trail)) {
        if let Some(trail) = self.tasks.get_mut(&task) {
            step(trail);
        }
    }

    /// Gives the trail of a task.
    #[must_use]
    pub fn get(&self, task: TaskId) -> Option<&Trail> {
        self.tasks.get(&task)
    }

    /// Gives every trail, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (TaskId, &Trail)> {
        self.tasks.iter().map(|(task, trail)| (*task, trail))
    }

    /// Gives what is known of a run.
    #[must_use]
    pub fn run(&self, run: &RunId) -> Option<&RunFacts> {
        self.runs.get(run)
    }

    /// Lets go of a task.
    pub fn forget(&mut self, task: TaskId) {
        self.tasks.remove(&task);
    }
}

impl Trail {
    fn produce(&mut self, produced: &Produced, at: Timestamp) {
        self.times.accepted.get_or_insert(at);
        if self.image_mut(produced.index).is_none() {
            self.images.push(ImageTrail {
                produced: produced.clone(),
                produced_at: at,
                saved: None,
                saved_at: None,
                lost_at: None,
            });
        }
        if !self.is_over || self.is_complete() {
            self.is_alive_after_all();
        }
    }

    fn is_alive_after_all(&mut self) {
        (self.times.ended, self.is_over) = (None, false);
    }

    fn image_mut(&mut self, index: u32) -> Option<&mut ImageTrail> {
        self.images
            .iter_mut()
            .find(|image| image.produced.index == index)
    }

    /// Gives what the records of an image say.
    #[must_use]
    pub fn image(&self, index: u32) -> Option<&ImageTrail> {
        self.images
            .iter()
            .find(|image| image.produced.index == index)
    }

    fn is_complete(&self) -> bool {
        u32::try_from(self.images.len()).is_ok_and(|made| made >= self.bought.takes.count)
    }

    /// Tells whether no record of the task is to be expected any more.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let kept = |image: &ImageTrail| image.saved.is_some() || image.lost_at.is_some();
        (self.is_over || self.is_complete()) && self.images.iter().all(kept)
    }
}

//! A simulated provider with bounds, a pace and illnesses of its own.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::class::{Class, Trouble};
use crate::domain::id::{ImageId, TaskId};
use crate::domain::money::Micros;
use crate::expand::request::Request;
use crate::ledger::port::CommittedIntent;
use crate::provider::{
    Address, Away, CallError, FetchError, Known, Provider, ReferenceFile, Report, ResultImage,
    RetryAfter, Submitted,
};
use crate::runner::tests::teller::Bytes;

/// How the provider turns everything away for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ill {
    /// 503.
    Unavailable,
    /// No connection, neither for questions.
    Gone,
    /// 429.
    Busy,
    /// 500: nobody can tell, and nothing was taken.
    Broken,
}

/// What the provider is like.
#[derive(Clone, Debug)]
pub(super) struct Nature {
    /// The most tasks at once, from an instant of the run on; others are turned away with a 429.
    pub(super) caps: Vec<(Duration, usize)>,
    pub(super) retry_after: Option<Duration>,
    /// How many tasks are worked on at once; others wait in a queue.
    pub(super) workers: usize,
    /// How long a task takes, and by how much that varies.
    pub(super) takes: Duration,
    pub(super) varies: Duration,
    pub(super) ill: Vec<(Duration, Duration, Ill)>,
    /// Whether the reply to a send waits for its image.
    pub(super) sync: bool,
}

impl Default for Nature {
    fn default() -> Self {
        Self {
            caps: Vec::new(),
            retry_after: None,
            workers: usize::MAX,
            takes: Duration::from_secs(2),
            varies: Duration::ZERO,
            ill: Vec::new(),
            sync: false,
        }
    }
}

pub(super) struct Vendor {
    nature: Nature,
    born: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    /// When each task that was taken is done.
    pub(super) tasks: HashMap<TaskId, Duration>,
    pub(super) conflicts: usize,
    /// When each send came in, and how it fared.
    pub(super) sends: Vec<(Duration, bool)>,
    pub(super) uploads: Vec<Duration>,
    pub(super) peak: usize,
    random: u64,
}

impl State {
    fn in_flight(&self, now: Duration) -> usize {
        self.tasks.values().filter(|done| **done > now).count()
    }
}

impl Vendor {
    pub(super) fn new(nature: Nature) -> Self {
        Self {
            nature,
            born: Instant::now(),
            state: Mutex::default(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.born.elapsed()
    }

    fn ill(&self) -> Option<Ill> {
        let now = self.now();
        let mut ill = self.nature.ill.iter();
        ill.find(|(from, to, _)| (*from..*to).contains(&now))
            .map(|(_, _, ill)| *ill)
    }

    fn asked(&self) -> Option<RetryAfter> {
        self.nature.retry_after.map(RetryAfter)
    }

    /// Takes a task unless there are too many, and says when it will be done.
    fn take(&self, task: TaskId) -> bool {
        let now = self.now();
        let caps = self.nature.caps.iter().rev();
        let cap = caps
            .clone()
            .find(|(from, _)| *from <= now)
            .map_or(usize::MAX, |(_, cap)| *cap);
        let mut state = self.state();
        if state.in_flight(now) >= cap {
            return false;
        }
        let mut ends: Vec<Duration> = state.tasks.values().copied().collect();
        ends.retain(|done| *done > now);
        ends.sort_unstable();
        let begins = ends
            .len()
            .checked_sub(self.nature.workers)
            .map_or(now, |at| ends[at]);
        state.random = state
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let varies = u64::try_from(self.nature.varies.as_millis()).expect("a few seconds");
        let more = Duration::from_millis((state.random >> 33) % (varies + 1));
        state.tasks.insert(task, begins + self.nature.takes + more);
        let in_flight = state.in_flight(now);
        state.peak = state.peak.max(in_flight);
        true
    }

    fn report(&self, task: TaskId) -> Known {
        let done = self.state().tasks.get(&task).copied();
        match done {
            None => Known::Nothing,
            Some(done) if done > self.now() => Known::Task(Report {
                working: true,
                ..Report::default()
            }),
            Some(_) => Known::Task(Report {
                images: vec![ResultImage {
                    image: ImageId::new(&task.to_string()),
                    address: Address::Url(format!("https://im.example/{task}")),
                    seed: None,
                    nsfw: None,
                    cost: Some(Micros::new(28_000)),
                }],
                ..Report::default()
            }),
        }
    }

    fn gone(&self) -> Result<(), CallError> {
        if self.ill() == Some(Ill::Gone) {
            return Err(CallError {
                trouble: trouble(Class::Transient, "no-connection"),
                retry_after: None,
                names_no_task: false,
            });
        }
        Ok(())
    }
}

fn trouble(class: Class, code: &str) -> Trouble {
    Trouble {
        class,
        code: code.to_owned(),
        message: code.to_owned(),
    }
}

async fn line() {
    tokio::time::sleep(Duration::from_millis(15)).await;
}

impl Provider for Vendor {
    type Stream = Bytes;

    async fn upload(&self, reference: &ReferenceFile) -> Result<ImageId, CallError> {
        line().await;
        let now = self.now();
        self.state().uploads.push(now);
        if self.ill().is_some() {
            return Err(CallError {
                trouble: trouble(Class::Transient, "serviceUnavailable"),
                retry_after: None,
                names_no_task: false,
            });
        }
        Ok(ImageId::new(&reference.sha256.short()))
    }

    async fn submit(
        &self,
        intent: CommittedIntent,
        _request: &Request,
        _references: &[Option<ImageId>],
    ) -> Submitted {
        line().await;
        let (now, task) = (self.now(), intent.task());
        let ill = self.ill();
        {
            let mut state = self.state();
            if state.tasks.contains_key(&task) {
                state.conflicts += 1;
                return Submitted::Conflict(intent.open());
            }
        }
        let busy = trouble(Class::Transient, "rateLimitExceeded");
        let turned = match ill {
            None if self.take(task) => None,
            None | Some(Ill::Busy) => Some((busy, Away::Busy(self.asked()))),
            Some(Ill::Unavailable) => Some((
                trouble(Class::Transient, "serviceUnavailable"),
                Away::Unavailable(self.asked()),
            )),
            Some(Ill::Gone) => Some((
                trouble(Class::Transient, "refused-connection"),
                Away::Unreached,
            )),
            Some(Ill::Broken) => {
                self.state().sends.push((now, false));
                let trouble = trouble(Class::Unknown, "internalServerError");
                return Submitted::Unknown(intent.open(), trouble);
            }
        };
        self.state().sends.push((now, turned.is_none()));
        if self.nature.sync && turned.is_none() {
            let done = self.state().tasks.get(&task).copied().unwrap_or_default();
            tokio::time::sleep(done.saturating_sub(now)).await;
            if let Known::Task(report) = self.report(task) {
                return Submitted::Accepted(report);
            }
        }
        match turned {
            None => Submitted::Accepted(Report {
                working: true,
                ..Report::default()
            }),
            Some((trouble, away)) => Submitted::TurnedAway(intent, trouble, away),
        }
    }

    async fn ask(&self, tasks: &[TaskId]) -> Result<Vec<(TaskId, Known)>, CallError> {
        line().await;
        self.gone()?;
        Ok(tasks.iter().map(|id| (*id, self.report(*id))).collect())
    }

    async fn details(&self, task: TaskId) -> Result<Known, CallError> {
        line().await;
        self.gone()?;
        Ok(self.report(task))
    }

    async fn fetch(&self, image: &Address) -> Result<Bytes, FetchError> {
        let Address::Url(url) = image else {
            return Err(FetchError::Gone);
        };
        Ok(Bytes::of(url))
    }
}

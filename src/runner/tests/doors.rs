//! Simulated doors: every call is a numbered step, and the world can end at any of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::domain::class::{Class, Trouble};
use crate::domain::digest::Sha256;
use crate::domain::id::{ImageId, TakeNo, TaskId};
use crate::domain::money::Micros;
use crate::expand::request::Request;
use crate::expand::wanted::FileName;
use crate::ledger::port::{CommittedIntent, LogError, RunLog};
use crate::ledger::record::{Record, Stamped};
use crate::provider::{
    Address, Away, CallError, FetchError, ImageStream, Known, Provider, ReferenceFile, Report,
    ResultImage, Submitted,
};
use crate::store::{Asked, ImageStore, Landed, Part, StoreError};

/// What outlives a crash, and what makes it happen.
#[derive(Default)]
pub(super) struct Universe {
    state: Mutex<State>,
    pub(super) crashed: Notify,
}

#[derive(Default)]
pub(super) struct State {
    /// Steps taken since the last start.
    pub(super) steps: u64,
    /// The step at which the world ends.
    pub(super) crash_at: Option<u64>,
    pub(super) dead: bool,
    random: u64,
    /// Chances in a thousand.
    pub(super) odds: Odds,
    pub(super) log: Vec<Stamped>,
    pub(super) synced: usize,
    pub(super) tasks: HashMap<TaskId, Bought>,
    pub(super) files: BTreeMap<String, ImageId>,
    pub(super) conflicts: u64,
    pub(super) submits: u64,
    clock_ms: i64,
}

/// How often things go wrong, in a thousand.
#[derive(Clone, Copy, Default)]
pub(super) struct Odds {
    pub(super) lose_request: u64,
    pub(super) lose_reply: u64,
    pub(super) turn_away: u64,
    pub(super) end_without_image: u64,
    pub(super) break_download: u64,
    pub(super) fail_question: u64,
}

/// A task the provider accepted; it bills what it makes.
pub(super) struct Bought {
    done_at: Duration,
    pub(super) images: Vec<ImageId>,
    failures: usize,
}

impl Universe {
    pub(super) fn new(seed: u64, odds: Odds) -> Arc<Self> {
        let state = State {
            random: seed,
            odds,
            ..State::default()
        };
        Arc::new(Self {
            state: Mutex::new(state),
            crashed: Notify::new(),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a step; at the fatal one, and ever after, nothing returns.
    async fn step(&self) {
        let (dead, delay) = {
            let mut state = self.state();
            state.steps += 1;
            if state.crash_at == Some(state.steps) {
                state.dead = true;
                self.crashed.notify_one();
            }
            let delay = state.draw() % 3;
            (state.dead, delay)
        };
        if dead {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(delay)).await;
        if self.state().dead {
            std::future::pending::<()>().await;
        }
    }

    /// Ends the world: what was not synced is lost, from a random point on.
    pub(super) fn restart(&self, crash_at: Option<u64>) {
        let mut state = self.state();
        let unsynced = (state.log.len() - state.synced) as u64;
        let kept = state.synced + usize::try_from(state.draw() % (unsynced + 1)).unwrap_or(0);
        state.log.truncate(kept);
        state.synced = kept;
        state.steps = 0;
        state.dead = false;
        state.crash_at = crash_at;
        state.clock_ms += 120_000;
    }
}

impl State {
    pub(super) fn draw(&mut self) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        self.random >> 33
    }

    fn chance(&mut self, in_thousand: u64) -> bool {
        self.draw() % 1000 < in_thousand
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(1_700_000_000_000 + self.clock_ms).expect("in range")
    }

    pub(super) fn images_billed(&self) -> usize {
        self.tasks.values().map(|task| task.images.len()).sum()
    }
}

fn trouble(class: Class, code: &str) -> Trouble {
    Trouble {
        class,
        code: code.to_owned(),
        message: code.to_owned(),
    }
}

pub(super) struct Log(pub(super) Arc<Universe>);

impl RunLog for Log {
    async fn append(&self, record: Record) -> Result<Stamped, LogError> {
        let stamped = {
            let mut state = self.0.state();
            if state.dead {
                None
            } else {
                let seq = state.log.len() as u64 + 1;
                let stamped = Stamped {
                    seq,
                    at: state.now(),
                    record,
                };
                state.log.push(stamped.clone());
                Some(stamped)
            }
        };
        self.0.step().await;
        let stamped = stamped.ok_or(LogError::Shut)?;
        {
            let mut state = self.0.state();
            state.synced = state
                .synced
                .max(usize::try_from(stamped.seq).unwrap_or(usize::MAX));
        }
        self.0.step().await;
        Ok(stamped)
    }
}

pub(super) struct Vendor(pub(super) Arc<Universe>);

impl Vendor {
    fn report(&self, task: TaskId, now: Duration) -> Known {
        let mut state = self.0.state();
        let state = &mut *state;
        let Some(bought) = state.tasks.get(&task) else {
            return Known::Nothing;
        };
        if now < bought.done_at {
            return Known::Task(Report {
                working: true,
                ..Report::default()
            });
        }
        let image = |image: &ImageId| ResultImage {
            image: image.clone(),
            address: Address::Url(format!("https://im.example/{image}")),
            seed: Some(1),
            nsfw: None,
            cost: Some(Micros::new(28_000)),
        };
        Known::Task(Report {
            images: bought.images.iter().map(image).collect(),
            failures: vec![trouble(Class::Upstream, "timeoutProvider"); bought.failures],
            working: false,
        })
    }
}

/// Time since the simulated world began; it goes on over restarts.
fn since_ever(universe: &Universe, here: Instant) -> Duration {
    let base = u64::try_from(universe.state().clock_ms).unwrap_or(0);
    Duration::from_millis(base) + here.elapsed()
}

/// A provider door for one life of the process.
pub(super) struct Line {
    pub(super) vendor: Vendor,
    pub(super) born: Instant,
}

impl Line {
    fn now(&self) -> Duration {
        since_ever(&self.vendor.0, self.born)
    }

    fn fails(&self) -> bool {
        let mut state = self.vendor.0.state();
        let odds = state.odds.fail_question;
        state.chance(odds)
    }
}

impl Provider for Line {
    type Stream = Bytes;

    async fn upload(&self, reference: &ReferenceFile) -> Result<ImageId, CallError> {
        self.vendor.0.step().await;
        Ok(ImageId::new(&reference.sha256.short()))
    }

    async fn submit(
        &self,
        intent: CommittedIntent,
        _request: &Request,
        _references: &[Option<ImageId>],
    ) -> Submitted {
        let universe = &self.vendor.0;
        universe.step().await;
        let lost = trouble(Class::Unknown, "connection-lost");
        {
            let mut state = universe.state();
            state.submits += 1;
            let odds = state.odds;
            if state.chance(odds.lose_request) {
                return Submitted::Unknown(intent.open(), lost);
            }
            if state.chance(odds.turn_away) {
                return Submitted::TurnedAway(
                    intent,
                    trouble(Class::Transient, "rateLimit"),
                    Away::Busy(None),
                );
            }
            if state.tasks.contains_key(&intent.task()) {
                state.conflicts += 1;
                drop(state);
                return Submitted::Conflict(intent.open());
            }
            let mut images = Vec::new();
            let mut failures = 0;
            for index in 0..intent.results() {
                if state.chance(odds.end_without_image) {
                    failures += 1;
                } else {
                    images.push(ImageId::new(&format!("{}-{index}", intent.task())));
                }
            }
            let takes = Duration::from_millis(200 + state.draw() % 2_000);
            drop(state);
            let done_at = self.now() + takes;
            universe.state().tasks.insert(
                intent.task(),
                Bought {
                    done_at,
                    images,
                    failures,
                },
            );
        }
        universe.step().await;
        let lost_reply = {
            let mut state = universe.state();
            let odds = state.odds.lose_reply;
            state.chance(odds)
        };
        if lost_reply {
            return Submitted::Unknown(intent.open(), lost);
        }
        Submitted::Accepted(Report {
            working: true,
            ..Report::default()
        })
    }

    async fn ask(&self, tasks: &[TaskId]) -> Result<Vec<(TaskId, Known)>, CallError> {
        self.vendor.0.step().await;
        if self.fails() {
            let trouble = trouble(Class::Unknown, "no-connection");
            return Err(CallError {
                trouble,
                retry_after: None,
                names_no_task: false,
            });
        }
        Ok(tasks
            .iter()
            .map(|task| (*task, self.vendor.report(*task, self.now())))
            .collect())
    }

    async fn details(&self, task: TaskId) -> Result<Known, CallError> {
        self.vendor.0.step().await;
        Ok(self.vendor.report(task, self.now()))
    }

    async fn fetch(&self, image: &Address) -> Result<Bytes, FetchError> {
        self.vendor.0.step().await;
        let Address::Url(url) = image else {
            return Err(FetchError::Gone);
        };
        let mut state = self.vendor.0.state();
        let odds = state.odds.break_download;
        let broken = state.chance(odds);
        Ok(Bytes {
            text: Some(url.clone()),
            broken,
        })
    }
}

pub(super) struct Bytes {
    text: Option<String>,
    broken: bool,
}

impl Bytes {
    pub(super) fn of(text: &str) -> Self {
        Self {
            text: Some(text.to_owned()),
            broken: false,
        }
    }
}

impl ImageStream for Bytes {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, FetchError> {
        if self.broken {
            return Err(FetchError::Broken("the connection was lost".to_owned()));
        }
        Ok(self.text.take().map(String::into_bytes))
    }
}

pub(super) struct Shelf(pub(super) Arc<Universe>);

impl ImageStore for Shelf {
    type Part = Sheet;

    async fn begin(&self, name: &FileName, take: TakeNo) -> Result<Sheet, StoreError> {
        self.0.step().await;
        let path = format!("images/{}", name.path(take, "jpg"));
        Ok(Sheet {
            universe: Arc::clone(&self.0),
            path,
            bytes: Vec::new(),
        })
    }
}

pub(super) struct Sheet {
    universe: Arc<Universe>,
    path: String,
    bytes: Vec<u8>,
}

impl Part for Sheet {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.universe.step().await;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    async fn finish(self, _asked: Asked) -> Result<Landed, StoreError> {
        self.universe.step().await;
        let text = String::from_utf8(self.bytes).expect("a url");
        let image = ImageId::new(text.rsplit('/').next().unwrap_or_default());
        {
            let mut state = self.universe.state();
            if let Some(there) = state.files.get(&self.path)
                && *there != image
            {
                return Err(StoreError::InTheWay(self.path));
            }
            state.files.insert(self.path.clone(), image);
        }
        self.universe.step().await;
        let sha256 = Sha256::of(text.as_bytes());
        let bytes = text.len() as u64;
        Ok(Landed {
            path: self.path,
            sha256,
            bytes,
            width: 1,
            height: 1,
            unlike_asked: None,
        })
    }
}

//! What every part of a run shares.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::Instant;

use crate::domain::class::Trouble;
use crate::domain::id::{TakeNo, TaskId};
use crate::ledger::fold::{Contradiction, Ledger};
use crate::ledger::port::{LogError, RunLog};
use crate::ledger::record::{Record, Stamped};
use crate::provider::Provider;
use crate::runner::Doors;
use crate::runner::event::{Event, Problem, ProblemKind};
use crate::runner::landing::Landing;
use crate::runner::order::Orders;
use crate::runner::pace::backoff::Backoff;
use crate::runner::pace::queueing::Kind;
use crate::runner::pace::rate::Rate;
use crate::runner::place::{Place, Places};
use crate::runner::poller::Poller;
use crate::runner::settings::Settings;
use crate::runner::shutdown::Stop;
use crate::runner::uploads::Uploads;
use crate::store::ImageStore;

/// What every part of a run shares.
pub(super) struct World<L, P, S> {
    pub(super) log: Arc<L>,
    pub(super) provider: Arc<P>,
    pub(super) store: Arc<S>,
    pub(super) orders: Arc<dyn Orders>,
    pub(super) settings: Settings,
    pub(super) poller: Arc<Poller>,
    pub(super) uploads: Uploads,
    pub(super) backoff: Backoff,
    pub(super) rate: Rate,
    pub(super) places: Arc<Places>,
    pub(super) started: Instant,
    /// How many tasks the provider took: a sign of life for those that are turned away.
    pub(super) accepted: AtomicU64,
    ledger: Mutex<Ledger>,
    problems: Mutex<Vec<Problem>>,
    events: mpsc::UnboundedSender<Event>,
    stop: watch::Receiver<Stop>,
    landings: mpsc::UnboundedSender<(Landing, OwnedSemaphorePermit)>,
    backlog: Arc<Semaphore>,
}

/// Why part of a run cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    /// The run log takes no more records.
    Log(LogError),
    /// The run itself is going away.
    Gone,
}

impl From<LogError> for Halt {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

impl From<Contradiction> for Halt {
    /// A step that contradicts the ledger must not reach the log: buying stops instead.
    fn from(contradiction: Contradiction) -> Self {
        Self::Log(LogError::Write {
            path: "run-log.jsonl".to_owned(),
            reason: format!("{contradiction}; this is a mistake in reshoot, please report it"),
        })
    }
}

impl<L: RunLog, P: Provider, S: ImageStore> World<L, P, S> {
    pub(super) fn new(
        doors: Doors<L, P, S>,
        ledger: Ledger,
        settings: Settings,
        stop: watch::Receiver<Stop>,
        events: mpsc::UnboundedSender<Event>,
        landings: mpsc::UnboundedSender<(Landing, OwnedSemaphorePermit)>,
    ) -> Self {
        let backlog = (settings.jobs * 2).max(settings.downloads * 2);
        Self {
            log: doors.log,
            provider: doors.provider,
            store: doors.store,
            orders: doors.orders,
            poller: Arc::new(Poller::new(settings.poll_batch)),
            uploads: Uploads::default(),
            backoff: Backoff::new(settings.seed),
            rate: Rate::per_minute(settings.rate_per_minute),
            places: Arc::new(Places::new(&settings, events.clone())),
            started: Instant::now(),
            accepted: AtomicU64::new(0),
            ledger: Mutex::new(ledger),
            problems: Mutex::new(Vec::new()),
            events,
            stop,
            landings,
            backlog: Arc::new(Semaphore::new(backlog)),
            settings,
        }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take_ledger_and_problems(&self) -> (Ledger, Vec<Problem>) {
        let problems = self
            .problems
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        (std::mem::take(&mut *self.ledger()), problems)
    }

    /// Folds a record into the ledger and begins to append it; the future ends when it is durable.
    ///
    /// The ledger is ahead of the log by what waits for the disk. That is safe: money is counted
    /// too early rather than too late, and a log that fails ends the run.
    pub(super) async fn record(&self, record: Record) -> Result<Stamped, Halt> {
        self.ledger().foresee(&record)?;
        self.tell_money();
        Ok(self.log.append(record).await?)
    }

    pub(super) fn tell(&self, event: Event) {
        // Nobody watching is no reason to stop.
        let _unwatched = self.events.send(event);
    }

    pub(super) fn tell_money(&self) {
        let run = self.ledger().accounts.run;
        self.tell(Event::Money {
            spent: run.spent,
            reserved: run.reserved,
        });
    }

    /// Leaves a task to the next run, and says so in the words in which `status` will have it.
    pub(super) fn leave_open(&self, task: TaskId, trouble: &Trouble) {
        let kind = {
            let ledger = self.ledger();
            match ledger.task(task) {
                Some(known) if known.missing() == 0 => ProblemKind::Pending,
                Some(known) if known.is_in_doubt() => ProblemKind::Unsure,
                _ => ProblemKind::UnderWay,
            }
        };
        self.give_up(kind, task, trouble);
    }

    /// Notes a take that will not come in this run.
    pub(super) fn give_up(&self, kind: ProblemKind, task: TaskId, trouble: &Trouble) {
        let problem = {
            let ledger = self.ledger();
            let Some(known) = ledger.task(task) else {
                return;
            };
            // The images that were made are told of by themselves; they count from the front.
            let (all, missing) = (known.takes, known.missing());
            let made = if missing == 0 { 0 } else { all.count - missing };
            Problem {
                kind,
                task,
                shot: known.shot.clone(),
                variant: known.variant,
                take: TakeNo(all.first.0.saturating_add(made)),
                takes: all.count - made,
                trouble: trouble.clone(),
                at_stake: known.weight().reserved,
            }
        };
        self.note(problem);
    }

    /// Notes one image that will not come in this run.
    pub(super) fn give_up_image(
        &self,
        kind: ProblemKind,
        task: TaskId,
        take: TakeNo,
        trouble: &Trouble,
    ) {
        let problem = {
            let ledger = self.ledger();
            let Some(known) = ledger.task(task) else {
                return;
            };
            Problem {
                kind,
                task,
                shot: known.shot.clone(),
                variant: known.variant,
                take,
                takes: 1,
                trouble: trouble.clone(),
                at_stake: known.price,
            }
        };
        self.note(problem);
    }

    fn note(&self, problem: Problem) {
        self.problems
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(problem.clone());
        self.tell(Event::Trouble(Box::new(problem)));
    }

    pub(super) fn stop(&self) -> Stop {
        *self.stop.borrow()
    }

    pub(super) fn stop_watch(&self) -> watch::Receiver<Stop> {
        self.stop.clone()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stop() != Stop::No
    }

    /// Waits, but not beyond being told to stop; tells whether the wait was served in full.
    pub(super) async fn sleep(&self, wait: Duration) -> bool {
        let mut stop = self.stop.clone();
        let told = async { stop.wait_for(|stop| *stop != Stop::No).await.is_ok() };
        tokio::select! {
            biased;
            told = told => {
                if !told {
                    tokio::time::sleep(wait).await;
                }
                !told
            }
            () = tokio::time::sleep(wait) => true,
        }
    }

    /// Waits for a place at the provider and for its turn under the bound on sends a minute; gives
    /// none when nothing is sent any more.
    pub(super) async fn enter(&self, kind: Kind) -> Option<Place> {
        let place = self.places.enter(Some(kind)).await?;
        let served = self.places.rest(self.rate.delay().await).await;
        (served && !self.is_stopping()).then_some(place)
    }

    /// Hands an image over to be fetched; waits while too many are waiting already.
    pub(super) async fn land(&self, landing: Landing) -> Result<(), Halt> {
        let permit = Arc::clone(&self.backlog)
            .acquire_owned()
            .await
            .map_err(|_| Halt::Gone)?;
        self.landings
            .send((landing, permit))
            .map_err(|_| Halt::Gone)
    }

    pub(super) fn count_accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn accepted_so_far(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Gives how long ago a task was sent that the log tells of.
    ///
    /// Counted on the wall clock up to the start of this run and on the steady clock since. A
    /// clock that was set back makes it shorter, never longer than it seems.
    pub(super) fn since(&self, sent_at: Option<Timestamp>) -> Duration {
        let before = sent_at.map(|at| self.settings.began.duration_since(at));
        let before = before
            .and_then(|span| Duration::try_from(span).ok())
            .unwrap_or_default();
        before + self.started.elapsed()
    }
}

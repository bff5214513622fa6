//! Places at the provider: who sends waits for one here and gives it back when its task has ended.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

use crate::domain::class::Trouble;
use crate::provider::Away;
use crate::runner::event::{Event, Pause};
use crate::runner::outcome::Pace;
use crate::runner::pace::breaker::Change;
use crate::runner::pace::gate::{Gate, Turn};
use crate::runner::pace::queueing::Kind;
use crate::runner::settings::Settings;

/// The places of a run.
pub(super) struct Places {
    gate: Mutex<Gate>,
    /// Wakes one of those who wait; whoever gets in wakes the next.
    moved: Notify,
    /// Wakes the queue: there may be room for more, or no hope for any.
    eased: Notify,
    /// Tasks that rest between two sends: they take up no place.
    resting: AtomicUsize,
    /// Whether nobody gets in any more.
    shut: watch::Sender<bool>,
    events: mpsc::UnboundedSender<Event>,
}

/// A place at the provider, given back when dropped.
pub(super) struct Place {
    places: Arc<Places>,
    serial: u64,
    held: bool,
    given_back: bool,
    /// What it is held against when it is finished; none where its time would prove nothing.
    kind: Option<Kind>,
}

impl Places {
    pub(super) fn new(settings: &Settings, events: mpsc::UnboundedSender<Event>) -> Self {
        let (jobs, retries) = (settings.jobs, settings.retries);
        Self {
            gate: Mutex::new(Gate::new(jobs, retries, settings.patience, !settings.seed)),
            moved: Notify::new(),
            eased: Notify::new(),
            resting: AtomicUsize::new(0),
            shut: watch::Sender::new(false),
            events,
        }
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place; gives none when nothing is sent any more.
    pub(super) async fn enter(self: &Arc<Self>, kind: Option<Kind>) -> Option<Place> {
        let mut shut = self.shut.subscribe();
        loop {
            let moved = self.moved.notified();
            if *shut.borrow_and_update() {
                return None;
            }
            let turn = self.gate().enter(Instant::now());
            let then = match turn {
                Turn::Go(serial) => {
                    self.moved.notify_one();
                    return Some(Place {
                        places: Arc::clone(self),
                        serial,
                        held: false,
                        given_back: false,
                        kind,
                    });
                }
                Turn::At(then) => Some(then),
                Turn::Later => None,
            };
            tokio::select! {
                () = moved => {}
                () = until(then) => {}
                _ = shut.changed() => {}
            }
        }
    }

    /// Waits outside, so that others have the room; tells whether the wait was served in full.
    pub(super) async fn rest(&self, wait: Duration) -> bool {
        let mut shut = self.shut.subscribe();
        if wait.is_zero() {
            return !*shut.borrow();
        }
        let _resting = Resting::new(self);
        tokio::select! {
            biased;
            _ = shut.wait_for(|shut| *shut) => false,
            () = tokio::time::sleep(wait) => true,
        }
    }

    /// Lets nobody in any more.
    pub(super) fn shut(&self) {
        self.shut.send_replace(true);
    }

    /// Tells whether another task may be begun beside so many.
    pub(super) fn has_room_beside(&self, begun: usize) -> bool {
        begun.saturating_sub(self.resting.load(Ordering::Relaxed)) < self.gate().limit()
    }

    /// Waits until there may be more room than before, or none ever.
    pub(super) async fn eased(&self) {
        self.eased.notified().await;
    }

    /// Gives why nothing can be sent any more.
    pub(super) fn hopeless(&self) -> Option<Trouble> {
        self.gate().hopeless().cloned()
    }

    /// Tells whether sending pauses and may still go on.
    pub(super) fn is_pausing(&self) -> bool {
        let pausing = {
            let gate = self.gate();
            gate.is_open() && gate.hopeless().is_none()
        };
        pausing && !*self.shut.borrow()
    }

    /// Gives how long nothing is sent because the provider asked to be left alone.
    pub(super) fn pause_left(&self) -> Duration {
        self.gate().pause_left(Instant::now())
    }

    /// Gives what is told of it all when the run ends.
    pub(super) fn told(&self) -> Pace {
        self.gate().told()
    }

    /// Lets the gate learn something, and tells those whom it concerns.
    fn learn(&self, trouble: Option<&Trouble>, lesson: impl FnOnce(&mut Gate) -> Change) {
        let (before, now, most, change) = {
            let mut gate = self.gate();
            let before = gate.limit();
            let change = lesson(&mut gate);
            (before, gate.limit(), gate.told().most, change)
        };
        if now != before {
            self.tell(Event::Limit { now, most });
        }
        if now > before || change == Change::Hopeless {
            self.eased.notify_one();
        }
        if let Some(pause) = pause(change, trouble) {
            self.tell(Event::Pause(pause));
        }
        self.moved.notify_one();
    }

    fn tell(&self, event: Event) {
        // Nobody watching is no reason to stop.
        let _unwatched = self.events.send(event);
    }
}

async fn until(then: Option<Instant>) {
    match then {
        Some(then) => tokio::time::sleep_until(then).await,
        None => std::future::pending().await,
    }
}

fn pause(change: Change, trouble: Option<&Trouble>) -> Option<Pause> {
    match (change, trouble.cloned()) {
        (Change::Opened(failures, wait), Some(trouble)) => Some(Pause::Began {
            failures,
            wait,
            trouble,
        }),
        (Change::ProbeFailed(wait), Some(trouble)) => Some(Pause::GoesOn { wait, trouble }),
        (Change::Closed(after), _) => Some(Pause::Ended { after }),
        _ => None,
    }
}

impl Place {
    /// The provider took the task.
    pub(super) fn taken(&mut self) {
        if !std::mem::replace(&mut self.held, true) {
            let serial = self.serial;
            self.places
                .learn(None, |gate| gate.taken(serial, Instant::now()));
        }
    }

    /// The provider answered, whatever it said.
    pub(super) fn answered(&self) {
        self.places
            .learn(None, |gate| gate.answered(Instant::now()));
    }

    /// The provider turned it away.
    pub(super) fn turned_away(mut self, away: Away, trouble: &Trouble) {
        self.given_back = true;
        let serial = self.serial;
        self.places.learn(Some(trouble), |gate| {
            gate.turned_away(serial, away, trouble, Instant::now())
        });
    }

    /// Nobody can tell what became of the send.
    pub(super) fn doubtful(&mut self, trouble: &Trouble) {
        self.is_no_measure();
        let serial = self.serial;
        self.places.learn(Some(trouble), |gate| {
            gate.doubtful(serial, trouble, Instant::now())
        });
    }

    /// How long the task takes proves nothing any more.
    pub(super) const fn is_no_measure(&mut self) {
        self.kind = None;
    }

    /// The task was taken and came to nothing.
    pub(super) fn failed(&self, trouble: &Trouble) {
        let serial = self.serial;
        self.places.learn(None, |gate| {
            gate.failed_later(serial, trouble);
            Change::None
        });
    }

    /// The task was finished, after so long.
    pub(super) fn finished(&self, took: Duration) {
        let kind = self.kind;
        self.places.learn(None, |gate| {
            gate.finished(kind, took);
            Change::None
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.given_back {
            let (serial, held) = (self.serial, self.held);
            self.places.learn(None, |gate| {
                gate.left(serial, held);
                Change::None
            });
        }
    }
}

/// Somebody who rests, until dropped.
struct Resting<'a>(&'a Places);

impl<'a> Resting<'a> {
    fn new(places: &'a Places) -> Self {
        places.resting.fetch_add(1, Ordering::Relaxed);
        places.eased.notify_one();
        Self(places)
    }
}

impl Drop for Resting<'_> {
    fn drop(&mut self) {
        self.0.resting.fetch_sub(1, Ordering::Relaxed);
    }
}

//! What outlives a crash: the disk, the provider's books, the time of day. Every call through a
//! door takes numbered steps here, and the world can end at any of them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::domain::id::TaskId;
use crate::ledger::money::Caps;
use crate::runner::shutdown::{Stop, Why};
use crate::runner::tests::allowed::Allowed;
use crate::runner::tests::books::Books;
use crate::runner::tests::cupboard::Cupboard;
use crate::runner::tests::dice::Dice;
use crate::runner::tests::log_disk::LogDisk;
use crate::runner::tests::sights::{Sight, Sights};
use crate::runner::tests::weather::Weather;

/// No life of a few shots takes that many steps.
const MOST_STEPS: u64 = 60_000;

/// A world, shared by the doors of one life after another.
pub(super) struct Universe {
    state: Mutex<State>,
    /// Told when the world ends.
    over: Notify,
}

/// All there is in it.
pub(super) struct State {
    pub(super) dice: Dice,
    pub(super) weather: Weather,
    /// Steps taken in this life.
    pub(super) steps: u64,
    pub(super) fates: Fates,
    pub(super) dead: bool,
    pub(super) clock: Clock,
    pub(super) log: LogDisk,
    pub(super) images: Cupboard,
    pub(super) books: Books,
    pub(super) allowed: Allowed,
    /// The caps of this life.
    pub(super) caps: Caps,
    pub(super) stop: Option<watch::Sender<Stop>>,
    /// The tasks that the last run told to be unsure.
    pub(super) unsure: BTreeSet<TaskId>,
    /// The first promise that was broken.
    pub(super) broken: Option<String>,
    pub(super) trace: Option<Vec<String>>,
    pub(super) sights: Sights,
}

/// At which steps of a life something befalls it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fates {
    /// The process ends.
    pub(super) crash: Option<u64>,
    /// It is told to begin nothing new.
    pub(super) drain: Option<u64>,
    /// It is told to leave at once.
    pub(super) leave: Option<u64>,
}

/// The time: one that goes on over restarts, and one that people set.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    /// Milliseconds of the world before this life.
    before: u64,
    born: Option<Instant>,
    /// How far the wall clock is off.
    off: i64,
}

impl Clock {
    /// Gives the milliseconds since the world began.
    pub(super) fn now(&self) -> u64 {
        let here = self.born.map_or(0, |born| born.elapsed().as_millis());
        self.before + u64::try_from(here).unwrap_or(u64::MAX)
    }

    /// Gives what the wall clock shows.
    pub(super) fn wall(&self) -> Timestamp {
        const BEGAN: i64 = 1_700_000_000_000;
        let now = i64::try_from(self.now()).unwrap_or(i64::MAX / 2);
        Timestamp::from_millisecond(BEGAN + now + self.off).expect("in range")
    }

    pub(super) fn begin_life(&mut self) {
        self.born = Some(Instant::now());
    }

    pub(super) fn end_life(&mut self, pause: u64) {
        self.before = self.now() + pause;
        self.born = None;
    }

    /// Sets the wall clock forward or back, by seconds or by a year.
    pub(super) fn jump(&mut self, dice: &mut Dice) {
        const YEAR: i64 = 365 * 24 * 3_600_000;
        let jump = dice.pick(&[5_000, 3_600_000, YEAR]);
        let sign = dice.pick(&[1, -1]);
        self.off = (self.off + sign * jump).clamp(-3 * YEAR, 3 * YEAR);
    }
}

impl Universe {
    pub(super) fn new(dice: Dice, weather: Weather, trace: bool) -> Arc<Self> {
        let log = LogDisk::new(weather.disk.bytes);
        let state = State {
            dice,
            weather,
            steps: 0,
            fates: Fates::default(),
            dead: false,
            clock: Clock::default(),
            log,
            images: Cupboard::default(),
            books: Books::default(),
            allowed: Allowed::default(),
            caps: Caps::default(),
            stop: None,
            unsure: BTreeSet::new(),
            broken: None,
            trace: trace.then(Vec::new),
            sights: Sights::default(),
        };
        Arc::new(Self {
            state: Mutex::new(state),
            over: Notify::new(),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a step; at the fatal one, and ever after, nothing returns.
    pub(super) async fn step(&self) {
        let rest = {
            let mut state = self.state();
            state.steps += 1;
            state.meet_fate();
            if state.dead {
                self.over.notify_one();
                None
            } else {
                Some(state.dice.below(8))
            }
        };
        match rest {
            None => std::future::pending().await,
            Some(0..=3) => {}
            Some(4 | 5) => tokio::task::yield_now().await,
            Some(some) => self.sleep(1 + (some - 6) * 11).await,
        }
    }

    /// Waits for the end of this life.
    pub(super) async fn ends(&self) {
        while !self.state().dead {
            self.over.notified().await;
        }
    }

    /// Lets time pass.
    pub(super) async fn sleep(&self, milliseconds: u64) {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        if self.state().dead {
            std::future::pending::<()>().await;
        }
    }

    /// Notes that a promise was broken, and ends the world.
    pub(super) fn breaks(&self, promise: impl FnOnce() -> String) {
        self.state().breaks(promise);
        self.over.notify_one();
    }
}

impl State {
    fn meet_fate(&mut self) {
        let (step, fates) = (self.steps, self.fates);
        if fates.drain == Some(step) {
            self.tell(|| "told to begin nothing new".to_owned());
            self.send_stop(Stop::Drain(Why::Terminated));
        }
        if fates.leave == Some(step) {
            self.tell(|| "told to leave at once".to_owned());
            self.send_stop(Stop::Now(Why::Terminated));
        }
        if fates.crash == Some(step) {
            self.tell(|| "the process dies".to_owned());
            self.dead = true;
        }
        let jumps = self.weather.clock_jumps;
        if self.dice.chance(jumps) {
            self.clock.jump(&mut self.dice);
            self.see(Sight::ClockJump);
        }
        if step > MOST_STEPS {
            self.breaks(|| "a run does not end: it takes step after step".to_owned());
        }
    }

    fn send_stop(&self, stop: Stop) {
        if let Some(sender) = &self.stop {
            sender.send_replace(stop);
        }
    }

    /// Notes that a promise was broken; the first one counts. The world ends at the next step.
    pub(super) fn breaks(&mut self, promise: impl FnOnce() -> String) {
        if self.broken.is_none() {
            let promise = promise();
            self.tell(|| format!("BROKEN: {promise}"));
            self.broken = Some(promise);
        }
        self.dead = true;
    }

    /// Adds a line to the trace, where there is one.
    pub(super) fn tell(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            let (now, step) = (self.clock.now(), self.steps);
            let what = what();
            trace.push(format!(
                "{:>8}.{:03}s step {step:<5} {what}",
                now / 1000,
                now % 1000
            ));
        }
    }

    pub(super) fn see(&mut self, sight: Sight) {
        self.sights.count(sight);
    }
}

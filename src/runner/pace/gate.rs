//! Who may be sent to the provider now: the limit, the breaker and pauses taken together.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::class::Trouble;
use crate::provider::Away;
use crate::runner::outcome::Pace;
use crate::runner::pace::backoff::Backoff;
use crate::runner::pace::breaker::{Breaker, Change, May};
use crate::runner::pace::limit::Limit;
use crate::runner::pace::queueing::{Kind, Queueing};

/// Counts what is at the provider and learns from its answers how much it takes.
#[derive(Debug)]
pub(in crate::runner) struct Gate {
    limit: Limit,
    breaker: Breaker,
    queueing: Queueing,
    waits: Backoff,
    /// How long a provider that only says that it is busy is asked again and again.
    patience: Duration,
    /// Tasks that are being sent, or were sent and have not ended.
    in_flight: usize,
    /// Those of them that the provider is known to have.
    held: usize,
    /// The number of the last task that was let in.
    serial: u64,
    /// Tasks up to this number were sent before the limit was last halved.
    mark: u64,
    /// Nothing is sent before then.
    pause: Option<Instant>,
    /// Round trips in a row in which the provider took nothing because it was busy.
    busy_row: u32,
    /// Since when nothing was taken though something was sent.
    dry_since: Option<Instant>,
    hopeless: Option<Trouble>,
    told: Pace,
}

/// Whether somebody may send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::runner) enum Turn {
    /// Yes, under this number.
    Go(u64),
    /// Not before then.
    At(Instant),
    /// Not before something changes.
    Later,
}

impl Gate {
    pub(in crate::runner) fn new(jobs: usize, retries: u32, patience: Duration, seed: u64) -> Self {
        Self {
            limit: Limit::new(jobs),
            breaker: Breaker::new(retries),
            queueing: Queueing::default(),
            waits: Backoff::new(seed),
            patience,
            in_flight: 0,
            held: 0,
            serial: 0,
            mark: 0,
            pause: None,
            busy_row: 0,
            dry_since: None,
            hopeless: None,
            told: Pace::default(),
        }
    }

    /// Lets a task in, or says what it has to wait for.
    pub(in crate::runner) fn enter(&mut self, now: Instant) -> Turn {
        if self.hopeless.is_some() || self.in_flight >= self.limit.now() {
            return Turn::Later;
        }
        if let Some(pause) = self.pause.filter(|pause| *pause > now) {
            return Turn::At(pause);
        }
        match self.breaker.ask(self.serial + 1, now) {
            May::Go => {}
            May::At(then) => return Turn::At(then),
            May::Later => return Turn::Later,
        }
        self.serial += 1;
        self.in_flight += 1;
        Turn::Go(self.serial)
    }

    /// The provider took a task.
    pub(in crate::runner) fn taken(&mut self, serial: u64, now: Instant) -> Change {
        self.held += 1;
        self.limit.held(self.held);
        if serial > self.mark {
            self.limit.taken(self.in_flight);
        }
        self.lives(true, now)
    }

    /// The provider looked at a request and said something of it, whatever it was.
    pub(in crate::runner) fn answered(&mut self, now: Instant) -> Change {
        self.lives(false, now)
    }

    fn lives(&mut self, taken: bool, now: Instant) -> Change {
        self.busy_row = 0;
        self.dry_since = None;
        self.breaker.succeeded(taken, now)
    }

    /// The provider turned a task away: it is not in flight any more.
    pub(in crate::runner) fn turned_away(
        &mut self,
        serial: u64,
        away: Away,
        trouble: &Trouble,
        now: Instant,
    ) -> Change {
        self.in_flight = self.in_flight.saturating_sub(1);
        let asked = away.asked();
        match away {
            Away::Busy(_) => self.busy(serial, trouble, now, away),
            Away::Unavailable(_) | Away::Unreached => {
                if matches!(away, Away::Unavailable(_)) && !self.breaker.is_open() {
                    self.overloaded(serial);
                }
                if asked.is_some() {
                    self.pause_for(self.waits.wait(0, asked), now);
                }
                self.failed(serial, trouble, now)
            }
        }
    }

    /// It has too much to do: a sign of life, and of a limit.
    ///
    /// While others of ours are in flight the next one to end makes room; otherwise only time does.
    fn busy(&mut self, serial: u64, trouble: &Trouble, now: Instant, away: Away) -> Change {
        self.told.busy += 1;
        if self.overloaded(serial) {
            self.busy_row += 1;
        }
        let asked = away.asked();
        if asked.is_some() || self.in_flight == 0 {
            let tried = self.busy_row.saturating_sub(1);
            self.pause_for(self.waits.wait(tried, asked), now);
        }
        let since = *self.dry_since.get_or_insert(now);
        if self.in_flight == 0 && now - since >= self.patience {
            self.hopeless.get_or_insert_with(|| trouble.clone());
            return Change::Hopeless;
        }
        self.breaker.succeeded(false, now)
    }

    /// Nobody can tell what became of a task that was sent: it stays in flight.
    pub(in crate::runner) fn doubtful(
        &mut self,
        serial: u64,
        trouble: &Trouble,
        now: Instant,
    ) -> Change {
        if is_time_out(trouble) && !self.breaker.is_open() {
            self.slow(serial);
        }
        self.failed(serial, trouble, now)
    }

    /// A task that was taken came to nothing.
    ///
    /// Of what results fail with, `timeoutProvider` alone is a sign of load, as the vendor's docs
    /// have it; another code that speaks of time says nothing of how busy the provider is.
    pub(in crate::runner) fn failed_later(&mut self, serial: u64, trouble: &Trouble) {
        if trouble.code.eq_ignore_ascii_case("timeoutProvider") {
            self.slow(serial);
        }
    }

    /// A task was finished; without a kind its time proves nothing.
    pub(in crate::runner) fn finished(&mut self, kind: Option<Kind>, took: Duration) {
        self.limit.finished();
        let Some(kind) = kind else {
            return;
        };
        if self.queueing.saw(kind, took, self.limit.now()) {
            self.mark = self.serial;
            self.limit.slow();
        }
    }

    /// A task is not in flight any more; `held` says that the provider had it.
    pub(in crate::runner) fn left(&mut self, serial: u64, held: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.held = self.held.saturating_sub(usize::from(held));
        self.breaker.left(serial);
    }

    fn failed(&mut self, serial: u64, trouble: &Trouble, now: Instant) -> Change {
        self.dry_since.get_or_insert(now);
        let change = self.breaker.failed(serial, now, &self.waits);
        match change {
            Change::Opened(..) => self.told.pauses += 1,
            Change::Hopeless => {
                self.hopeless.get_or_insert_with(|| trouble.clone());
            }
            Change::None | Change::ProbeFailed(_) | Change::Closed(_) => {}
        }
        change
    }

    /// Halves the limit, but not twice for tasks of one round trip; tells whether it did.
    fn overloaded(&mut self, serial: u64) -> bool {
        let first = serial > self.mark;
        if first {
            self.mark = self.serial;
            self.limit.turned_away(self.in_flight);
        } else {
            self.limit.turned_away_too(self.in_flight);
        }
        first
    }

    fn slow(&mut self, serial: u64) {
        self.told.time_outs += 1;
        if serial > self.mark {
            self.mark = self.serial;
            self.limit.slow();
        }
    }

    fn pause_for(&mut self, wait: Duration, now: Instant) {
        let then = now + wait;
        self.pause = Some(self.pause.map_or(then, |pause| pause.max(then)));
    }

    /// Gives how long nothing is sent from now on because the provider asked to be left alone.
    pub(in crate::runner) fn pause_left(&self, now: Instant) -> Duration {
        self.pause
            .map_or(Duration::ZERO, |pause| pause.saturating_duration_since(now))
    }

    /// Gives the most tasks in flight for now.
    pub(in crate::runner) const fn limit(&self) -> usize {
        self.limit.now()
    }

    /// Tells whether sending pauses because the provider seems to be down.
    pub(in crate::runner) const fn is_open(&self) -> bool {
        self.breaker.is_open()
    }

    /// Gives why nothing is sent any more in this run.
    pub(in crate::runner) const fn hopeless(&self) -> Option<&Trouble> {
        self.hopeless.as_ref()
    }

    /// Gives what is told of it all when the run ends.
    pub(in crate::runner) const fn told(&self) -> Pace {
        let mut told = self.told;
        told.most = self.limit.most();
        told.lowest = self.limit.lowest();
        told
    }
}

/// Tells whether trouble with a send is that it took too long: the network's word, the API's `timeout…`
/// codes, and a 504 that came without one.
fn is_time_out(trouble: &Trouble) -> bool {
    let code = trouble.code.to_ascii_lowercase();
    code == "no-reply" || code.contains("timeout") || trouble.message.contains("(HTTP 504)")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::class::Class;
    use crate::provider::RetryAfter;

    const PATIENCE: Duration = Duration::from_secs(1200);

    fn gate(jobs: usize) -> Gate {
        Gate::new(jobs, 4, PATIENCE, 5)
    }

    fn trouble(code: &str) -> Trouble {
        Trouble {
            class: Class::Transient,
            code: code.to_owned(),
            message: String::new(),
        }
    }

    fn go(gate: &mut Gate, now: Instant) -> u64 {
        match gate.enter(now) {
            Turn::Go(serial) => serial,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn losses_of_one_round_trip_halve_once() {
        let (mut gate, now) = (gate(64), Instant::now());
        let sent: Vec<u64> = (0..64).map(|_| go(&mut gate, now)).collect();
        assert_eq!(gate.enter(now), Turn::Later);
        for serial in &sent[..32] {
            gate.taken(*serial, now);
        }
        for serial in &sent[32..] {
            gate.turned_away(*serial, Away::Busy(None), &trouble("rateLimit"), now);
            assert_eq!(gate.limit(), 32);
        }
        assert_eq!(gate.enter(now), Turn::Later, "32 are held");
        gate.left(sent[0], true);
        let next = go(&mut gate, now);
        gate.turned_away(next, Away::Busy(None), &trouble("rateLimit"), now);
        assert_eq!(gate.limit(), 16);
        let told = gate.told();
        assert_eq!((told.most, told.lowest, told.busy), (64, 16, 33));
    }

    #[test]
    fn what_is_asked_for_is_waited_for_by_all() {
        let (mut gate, now) = (gate(4), Instant::now());
        let first = go(&mut gate, now);
        let asked = Some(RetryAfter(Duration::from_secs(7)));
        gate.turned_away(first, Away::Busy(asked), &trouble("rateLimit"), now);
        let Turn::At(then) = gate.enter(now) else {
            panic!("nothing may be sent");
        };
        assert!(then >= now + Duration::from_secs(7) && then < now + Duration::from_secs(8));
        go(&mut gate, then);
    }

    #[test]
    fn a_provider_that_is_only_ever_busy_is_given_up_after_a_while() {
        let (mut gate, began) = (gate(8), Instant::now());
        let mut now = began;
        while gate.hopeless().is_none() {
            match gate.enter(now) {
                Turn::Go(serial) => {
                    gate.turned_away(serial, Away::Busy(None), &trouble("rateLimit"), now);
                }
                Turn::At(then) => now = then,
                Turn::Later => panic!("nothing is in flight"),
            }
        }
        assert!(now - began >= PATIENCE && now - began < PATIENCE + Duration::from_secs(60));
        assert_eq!((gate.limit(), gate.told().pauses), (1, 0));
        assert_eq!(gate.enter(now), Turn::Later);
        assert!(gate.told().busy < 150, "{:?}", gate.told());
    }

    #[test]
    fn time_outs_halve_and_lost_connections_do_not() {
        let (mut gate, now) = (gate(16), Instant::now());
        let sent: Vec<u64> = (0..3).map(|_| go(&mut gate, now)).collect();
        gate.doubtful(sent[0], &trouble("lost-connection"), now);
        gate.turned_away(
            sent[1],
            Away::Unreached,
            &trouble("refused-connection"),
            now,
        );
        assert_eq!(gate.limit(), 16);
        gate.doubtful(sent[2], &trouble("no-reply"), now);
        assert_eq!(gate.limit(), 8);
        let serial = go(&mut gate, now);
        gate.taken(serial, now);
        for code in ["taskTimeout", "moderationTimeout", "inferenceError"] {
            gate.failed_later(serial, &trouble(code));
        }
        assert_eq!((gate.limit(), gate.told().time_outs), (8, 1));
        gate.failed_later(serial, &trouble("TimeoutProvider"));
        assert_eq!((gate.limit(), gate.told().time_outs), (4, 2));
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Enter,
        Taken(usize),
        Busy(usize),
        Away(usize),
        Doubtful(usize),
        Left(usize),
        Wait(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            8 => Just(Step::Enter),
            4 => (0..64_usize).prop_map(Step::Taken),
            2 => (0..64_usize).prop_map(Step::Busy),
            1 => (0..64_usize).prop_map(Step::Away),
            1 => (0..64_usize).prop_map(Step::Doubtful),
            4 => (0..64_usize).prop_map(Step::Left),
            2 => (0..70_u64).prop_map(Step::Wait),
        ];
        proptest::collection::vec(step, 0..600)
    }

    proptest! {
        #[test]
        fn nobody_enters_past_the_limit_and_every_count_is_true(
            jobs in 1..40_usize,
            steps in steps(),
        ) {
            let (mut gate, mut now) = (gate(jobs), Instant::now());
            // What is in flight, and whether the provider has it.
            let mut out: BTreeMap<u64, bool> = BTreeMap::new();
            let (mut halved_at, mut limit) = (0, gate.limit());
            for step in steps {
                let pick = |unheard: bool, at: usize| {
                    let fit: Vec<u64> = out
                        .iter()
                        .filter(|(_, held)| !unheard || !**held)
                        .map(|(serial, _)| *serial)
                        .collect();
                    (!fit.is_empty()).then(|| fit[at % fit.len()])
                };
                let mut lost = None;
                match step {
                    Step::Enter => match gate.enter(now) {
                        Turn::Go(serial) => {
                            prop_assert!(out.len() < gate.limit());
                            out.insert(serial, false);
                        }
                        Turn::At(then) => prop_assert!(then > now),
                        Turn::Later => prop_assert!(
                            out.len() >= gate.limit() || gate.is_open() || gate.hopeless().is_some()
                        ),
                    },
                    Step::Taken(at) => if let Some(serial) = pick(true, at) {
                        gate.taken(serial, now);
                        out.insert(serial, true);
                    },
                    Step::Busy(at) => if let Some(serial) = pick(true, at) {
                        gate.turned_away(serial, Away::Busy(None), &trouble("rateLimit"), now);
                        out.remove(&serial);
                        lost = Some(serial);
                    },
                    Step::Away(at) => if let Some(serial) = pick(true, at) {
                        gate.turned_away(serial, Away::Unavailable(None), &trouble("x"), now);
                        out.remove(&serial);
                        lost = Some(serial);
                    },
                    Step::Doubtful(at) => if let Some(serial) = pick(true, at) {
                        gate.doubtful(serial, &trouble("timeoutProvider"), now);
                        lost = Some(serial);
                    },
                    Step::Left(at) => if let Some(serial) = pick(false, at) {
                        let held = out.remove(&serial) == Some(true);
                        gate.left(serial, held);
                    },
                    Step::Wait(seconds) => now += Duration::from_secs(seconds),
                }
                if gate.limit() < limit {
                    // Only a task that was sent after the last halving halves again.
                    let serial = lost.expect("something was lost");
                    prop_assert!(serial > halved_at);
                    halved_at = gate.serial;
                }
                limit = gate.limit();
                prop_assert_eq!(gate.in_flight, out.len());
                prop_assert_eq!(gate.held, out.values().filter(|held| **held).count());
            }
        }
    }
}

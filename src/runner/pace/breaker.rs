//! Whether the provider is worth being sent to: after many failures in a row, one task at a time.

use std::time::Duration;

use tokio::time::Instant;

use crate::runner::pace::backoff::Backoff;

/// How many sends fail in a row, with none that succeeds, before sending pauses.
const MANY: u32 = 5;

/// Decides whether a task may be sent, by what became of those before it.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    /// How many probes may fail while nothing of this run was ever taken, and after something was.
    most: (u32, u32),
    ever: bool,
}

#[derive(Debug)]
enum State {
    /// Everything may be sent; so many failed since the last success.
    Closed(u32),
    /// One task at a time may be sent.
    Open {
        since: Instant,
        failed: u32,
        next: Instant,
        probe: Option<u64>,
    },
}

/// Whether a task may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum May {
    Go,
    /// Not before then.
    At(Instant),
    /// Not before another one has its answer.
    Later,
}

/// What a failure or success changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::runner) enum Change {
    None,
    /// Sending pauses, after so many failures in a row.
    Opened(u32, Duration),
    /// A probe failed; the next one goes after this long.
    ProbeFailed(Duration),
    /// So many probes failed that no more are sent.
    Hopeless,
    /// Sending goes on after a pause of this length.
    Closed(Duration),
}

impl Breaker {
    /// Begins closed; a provider that took nothing in this run is probed less often than one that
    /// did and may come back.
    pub(super) const fn new(retries: u32) -> Self {
        const AFTER_A_SUCCESS: u32 = 10;
        const BEFORE: u32 = 2;
        let before = retries.saturating_add(BEFORE);
        let after = if before > AFTER_A_SUCCESS {
            before
        } else {
            AFTER_A_SUCCESS
        };
        Self {
            state: State::Closed(0),
            most: (before, after),
            ever: false,
        }
    }

    pub(super) const fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Says whether the task of a serial number may be sent; while open it is then the probe.
    pub(super) fn ask(&mut self, serial: u64, now: Instant) -> May {
        match &mut self.state {
            State::Closed(_) => May::Go,
            State::Open { probe: Some(_), .. } => May::Later,
            State::Open { next, .. } if *next > now => May::At(*next),
            State::Open { probe, .. } => {
                *probe = Some(serial);
                May::Go
            }
        }
    }

    /// Takes in that a send failed.
    ///
    /// While open only the probe counts: what was sent before the pause says nothing new.
    pub(super) fn failed(&mut self, serial: u64, now: Instant, waits: &Backoff) -> Change {
        let most = if self.ever { self.most.1 } else { self.most.0 };
        match &mut self.state {
            State::Closed(row) => {
                *row += 1;
                let row = *row;
                if row < MANY {
                    return Change::None;
                }
                let wait = waits.probe(0);
                self.state = State::Open {
                    since: now,
                    failed: 0,
                    next: now + wait,
                    probe: None,
                };
                Change::Opened(row, wait)
            }
            State::Open {
                failed,
                next,
                probe,
                ..
            } if *probe == Some(serial) => {
                *failed += 1;
                *probe = None;
                if *failed >= most {
                    return Change::Hopeless;
                }
                let wait = waits.probe(*failed);
                *next = now + wait;
                Change::ProbeFailed(wait)
            }
            State::Open { .. } => Change::None,
        }
    }

    /// Takes in that the provider did answer; `taken` says that it took a task.
    pub(super) fn succeeded(&mut self, taken: bool, now: Instant) -> Change {
        self.ever |= taken;
        let change = match self.state {
            State::Closed(_) => Change::None,
            State::Open { since, .. } => Change::Closed(now - since),
        };
        self.state = State::Closed(0);
        change
    }

    /// Takes in that a task went away; if it was the probe and never got an answer, another may go.
    pub(super) fn left(&mut self, serial: u64) {
        if let State::Open { probe, .. } = &mut self.state
            && *probe == Some(serial)
        {
            *probe = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn opened(breaker: &mut Breaker, now: Instant, waits: &Backoff) -> Duration {
        for serial in 0..4 {
            assert_eq!(breaker.failed(serial, now, waits), Change::None);
        }
        match breaker.failed(4, now, waits) {
            Change::Opened(5, wait) => wait,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn many_failures_open_it_one_success_closes_it() {
        let (waits, mut now) = (Backoff::new(1), Instant::now());
        let mut breaker = Breaker::new(4);
        for serial in 0..4 {
            assert_eq!(breaker.failed(serial, now, &waits), Change::None);
        }
        assert_eq!(breaker.succeeded(true, now), Change::None);
        let began = now;
        let wait = opened(&mut breaker, now, &waits);
        assert!(breaker.is_open());
        assert_eq!(breaker.ask(10, now), May::At(now + wait));
        now += wait;
        assert_eq!(breaker.ask(10, now), May::Go);
        assert_eq!(breaker.ask(11, now), May::Later);
        assert_eq!(breaker.failed(3, now, &waits), Change::None, "an old one");
        let Change::ProbeFailed(longer) = breaker.failed(10, now, &waits) else {
            panic!("the probe failed");
        };
        assert_eq!(breaker.ask(11, now), May::At(now + longer));
        now += longer;
        assert_eq!(breaker.ask(11, now), May::Go);
        breaker.left(11);
        assert_eq!(breaker.ask(12, now), May::Go);
        assert_eq!(breaker.succeeded(true, now), Change::Closed(now - began));
        assert_eq!(breaker.ask(13, now), May::Go);
        assert_eq!(breaker.ask(14, now), May::Go);
    }

    #[test]
    fn it_gives_up_after_a_bounded_time() {
        for (ever, longest) in [(false, 65), (true, 365)] {
            let (waits, began) = (Backoff::new(3), Instant::now());
            let (mut breaker, mut now) = (Breaker::new(4), began);
            if ever {
                breaker.succeeded(true, now);
            }
            now += opened(&mut breaker, now, &waits);
            let mut probes = 0;
            loop {
                assert_eq!(breaker.ask(100 + probes, now), May::Go);
                match breaker.failed(100 + probes, now, &waits) {
                    Change::ProbeFailed(wait) => now += wait,
                    Change::Hopeless => break,
                    other => panic!("{other:?}"),
                }
                probes += 1;
            }
            assert!(now - began <= Duration::from_secs(longest), "{ever}");
            assert!(now - began >= Duration::from_secs(longest / 4), "{ever}");
        }
    }

    proptest! {
        #[test]
        fn one_probe_at_a_time(steps in proptest::collection::vec((0..4_u8, 0..3_u64), 1..200)) {
            let (waits, mut now) = (Backoff::new(9), Instant::now());
            let mut breaker = Breaker::new(u32::MAX);
            let (mut serial, mut out) = (0, Vec::new());
            for (step, pick) in steps {
                let chosen = usize::try_from(pick).unwrap() % out.len().max(1);
                match step {
                    0 => {
                        serial += 1;
                        let probing = breaker.is_open();
                        if breaker.ask(serial, now) == May::Go {
                            if probing {
                                out.clear();
                            }
                            out.push(serial);
                        }
                    }
                    1 if !out.is_empty() => {
                        let failed = out.remove(chosen);
                        breaker.failed(failed, now, &waits);
                    }
                    2 if !out.is_empty() => {
                        breaker.left(out.remove(chosen));
                    }
                    3 if pick == 0 && !out.is_empty() => {
                        out.remove(chosen);
                        breaker.succeeded(true, now);
                        prop_assert!(!breaker.is_open());
                    }
                    _ => now += Duration::from_secs(pick * 20),
                }
                if let State::Open { probe: Some(probe), .. } = breaker.state {
                    prop_assert!(out.contains(&probe));
                    prop_assert_eq!(breaker.ask(u64::MAX, now), May::Later);
                }
            }
        }
    }
}

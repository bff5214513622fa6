//! Queueing seen as latency: a weak sign, believed only where nothing else explains it.

use std::collections::HashMap;
use std::time::Duration;

/// How many times as long as the quickest of its kind a task has to take.
const TIMES: u32 = 3;
/// How much longer it has to take at the least: below that it may be this machine.
const LONGER: Duration = Duration::from_secs(2);
/// The fewest tasks that are judged together.
const FEWEST: usize = 8;

/// What makes tasks take about as long as each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::runner) struct Kind {
    pub(in crate::runner) model: &'static str,
    pub(in crate::runner) pixels: u64,
    pub(in crate::runner) results: u32,
}

/// Watches how long tasks take.
///
/// One slow task means nothing: every task of a whole window has to take several times as long as
/// the quickest of its kind ever did. What was found slow is the measure from then on, so that a
/// provider that has become slow for good is held against itself once.
#[derive(Debug, Default)]
pub(super) struct Queueing {
    quickest: HashMap<Kind, Duration>,
    /// The quickest of each kind in the window, and how many tasks it saw.
    window: HashMap<Kind, Duration>,
    seen: usize,
}

impl Queueing {
    /// Takes in how long a task took; tells whether a whole window of them waited in a queue.
    pub(super) fn saw(&mut self, kind: Kind, took: Duration, window: usize) -> bool {
        let quickest = self.quickest.entry(kind).or_insert(took);
        let slow = took >= *quickest * TIMES && took >= *quickest + LONGER;
        if !slow {
            *quickest = took.min(*quickest);
            self.start_over();
            return false;
        }
        let in_window = self.window.entry(kind).or_insert(took);
        *in_window = took.min(*in_window);
        self.seen += 1;
        if self.seen < window.max(FEWEST) {
            return false;
        }
        self.quickest.extend(self.window.drain());
        self.start_over();
        true
    }

    fn start_over(&mut self) {
        self.window.clear();
        self.seen = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind {
        model: "m",
        pixels: 1,
        results: 1,
    };

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_whole_window_has_to_be_slow() {
        let mut queueing = Queueing::default();
        assert!(!queueing.saw(KIND, secs(2), 10));
        for round in 0..5 {
            for _ in 0..9 {
                assert!(!queueing.saw(KIND, secs(8), 10), "{round}");
            }
            assert!(!queueing.saw(KIND, secs(3), 10), "one that is quick");
        }
        let told = (0..10).filter(|_| queueing.saw(KIND, secs(8), 10)).count();
        assert_eq!(told, 1);
        // Eight seconds is the measure now.
        let told = (0..50).filter(|_| queueing.saw(KIND, secs(8), 10)).count();
        assert_eq!(told, 0);
    }

    #[test]
    fn kinds_are_measured_apart_and_moments_not_at_all() {
        let mut queueing = Queueing::default();
        let large = Kind { pixels: 4, ..KIND };
        let mut told = 0;
        for _ in 0..100 {
            told += usize::from(queueing.saw(KIND, secs(1), 8));
        }
        for _ in 0..100 {
            told += usize::from(queueing.saw(large, secs(9), 8));
        }
        let brief = Kind { pixels: 9, ..KIND };
        for ms in [20, 200, 900, 1500].repeat(20) {
            told += usize::from(queueing.saw(brief, Duration::from_millis(ms), 8));
        }
        assert_eq!(told, 0);
    }
}

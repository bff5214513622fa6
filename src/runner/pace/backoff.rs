//! How long to wait before another try.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::provider::RetryAfter;

/// Waits between tries: doubling, with full jitter, from a seed.
#[derive(Debug)]
pub(in crate::runner) struct Backoff {
    state: AtomicU64,
}

impl Backoff {
    pub(in crate::runner) const fn new(seed: u64) -> Self {
        Self {
            state: AtomicU64::new(seed),
        }
    }

    /// Gives the wait before try `tried + 1`: anything up to a second, two, four … half a minute.
    ///
    /// The vendor's clients begin at 1 s, double, and stop at 30 s. What the provider itself asks
    /// for is obeyed, up to five minutes.
    pub(in crate::runner) fn wait(&self, tried: u32, asked: Option<RetryAfter>) -> Duration {
        const FIRST_MS: u64 = 1_000;
        const LONGEST_MS: u64 = 30_000;
        const LONGEST_ASKED: Duration = Duration::from_secs(300);
        let ceiling = (FIRST_MS << tried.min(10)).min(LONGEST_MS);
        let jittered = Duration::from_millis(self.draw() % ceiling + 1);
        match asked {
            Some(RetryAfter(asked)) => asked.min(LONGEST_ASKED) + jittered / 10,
            None => jittered,
        }
    }

    /// Gives the wait before a task is sent to see whether the provider is back: from half a second
    /// to a second at first, twice as long after each that failed, at most a minute.
    pub(in crate::runner) fn probe(&self, failed: u32) -> Duration {
        const FIRST_MS: u64 = 1_000;
        const LONGEST_MS: u64 = 60_000;
        let whole = (FIRST_MS << failed.min(10)).min(LONGEST_MS);
        Duration::from_millis(whole / 2 + self.draw() % (whole / 2) + 1)
    }

    /// Draws the next number of a `SplitMix64` sequence.
    fn draw(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self
            .state
            .fetch_add(STEP, Ordering::Relaxed)
            .wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_bounded() {
        let backoff = Backoff::new(7);
        for tried in 0..40 {
            let wait = backoff.wait(tried, None);
            assert!(wait <= Duration::from_secs(30) && !wait.is_zero());
            let probe = backoff.probe(tried);
            let whole = Duration::from_secs((1 << tried.min(6)).min(60));
            assert!(
                probe > whole / 2 && probe <= whole,
                "{probe:?} of {whole:?}"
            );
        }
        let asked = backoff.wait(0, Some(RetryAfter(Duration::from_secs(20))));
        assert!(asked >= Duration::from_secs(20) && asked < Duration::from_secs(21));
        let asked = backoff.wait(0, Some(RetryAfter(Duration::from_secs(90_000))));
        assert!(asked <= Duration::from_secs(301));
    }
}

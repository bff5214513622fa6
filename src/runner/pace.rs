//! How fast: backing off, and a bound on sends a minute.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::provider::RetryAfter;

/// Waits between tries: doubling, with full jitter, from a seed.
pub(super) struct Backoff {
    state: AtomicU64,
}

impl Backoff {
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            state: AtomicU64::new(seed),
        }
    }

    /// Gives the wait before try `tried + 1`: anything up to a second, two, four … half a minute.
    ///
    /// The vendor's clients begin at 1 s, double, and stop at 30 s. What the provider itself asks
    /// for is obeyed, up to five minutes.
    pub(super) fn wait(&self, tried: u32, asked: Option<RetryAfter>) -> Duration {
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

/// A bound on how many tasks are sent in a minute: sends are spaced evenly.
pub(super) struct Rate {
    spacing: Duration,
    next: Mutex<Option<Instant>>,
}

impl Rate {
    pub(super) fn per_minute(most: u32) -> Self {
        let spacing = Duration::from_secs(60)
            .checked_div(most)
            .unwrap_or_default();
        Self {
            spacing,
            next: Mutex::new(None),
        }
    }

    /// Gives how long the next send has to wait, and keeps its place in the line.
    pub(super) async fn delay(&self) -> Duration {
        if self.spacing.is_zero() {
            return Duration::ZERO;
        }
        let mut next = self.next.lock().await;
        let now = Instant::now();
        let turn = next.map_or(now, |next| next.max(now));
        *next = Some(turn + self.spacing);
        turn - now
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
        }
        let asked = backoff.wait(0, Some(RetryAfter(Duration::from_secs(20))));
        assert!(asked >= Duration::from_secs(20) && asked < Duration::from_secs(21));
        let asked = backoff.wait(0, Some(RetryAfter(Duration::from_secs(90_000))));
        assert!(asked <= Duration::from_secs(301));
    }

    #[tokio::test(start_paused = true)]
    async fn sends_are_spaced() {
        let rate = Rate::per_minute(60);
        assert_eq!(rate.delay().await, Duration::ZERO);
        assert_eq!(rate.delay().await, Duration::from_secs(1));
        assert_eq!(rate.delay().await, Duration::from_secs(2));
        assert_eq!(Rate::per_minute(0).delay().await, Duration::ZERO);
    }
}

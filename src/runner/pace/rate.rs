//! A bound on sends a minute.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// A bound on how many tasks are sent in a minute: sends are spaced evenly.
pub(in crate::runner) struct Rate {
    spacing: Duration,
    next: Mutex<Option<Instant>>,
}

impl Rate {
    pub(in crate::runner) fn per_minute(most: u32) -> Self {
        let spacing = Duration::from_secs(60)
            .checked_div(most)
            .unwrap_or_default();
        Self {
            spacing,
            next: Mutex::new(None),
        }
    }

    /// Gives how long the next send has to wait, and keeps its place in the line.
    pub(in crate::runner) async fn delay(&self) -> Duration {
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

    #[tokio::test(start_paused = true)]
    async fn sends_are_spaced() {
        let rate = Rate::per_minute(60);
        assert_eq!(rate.delay().await, Duration::ZERO);
        assert_eq!(rate.delay().await, Duration::from_secs(1));
        assert_eq!(rate.delay().await, Duration::from_secs(2));
        assert_eq!(Rate::per_minute(0).delay().await, Duration::ZERO);
    }
}

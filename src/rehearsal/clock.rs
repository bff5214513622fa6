//! The server's one clock: wall time at its start, moved on by a monotonic clock, so that setting
//! the machine's clock while it serves changes no task's end.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Marks a moment, in milliseconds since 1970 (UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Moment(u64);

impl Moment {
    pub(super) const fn millis(self) -> u64 {
        self.0
    }

    pub(super) fn later(self, by: Duration) -> Self {
        Self(self.0.saturating_add(millis(by)))
    }

    /// Says how long there is from this moment to a later one; zero if that is past.
    pub(super) fn until(self, later: Self) -> Duration {
        Duration::from_millis(later.0.saturating_sub(self.0))
    }
}

/// Gives whole milliseconds, as many as fit.
pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Tells the time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Moment,
    running: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        let since_1970 = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            start: Moment(millis(since_1970)),
            running: Instant::now(),
        }
    }

    pub(super) fn now(&self) -> Moment {
        self.start.later(self.running.elapsed())
    }

    /// Returns once `moment` has come.
    pub(super) async fn wait_for(&self, moment: Moment) {
        let left = self.now().until(moment);
        if !left.is_zero() {
            tokio::time::sleep(left).await;
        }
    }
}

//! What a run goes by.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::id::{RunId, ShowId};
use crate::ledger::money::Caps;

/// Which derived ids the provider is asked about before anything is sent for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskFirst {
    /// None: the log was never interrupted and tells of every send.
    Nothing,
    /// The id that would be sent: the last run may not have told of its end.
    NextAttempt,
    /// Those of further attempts too: the log is new or has a gap, and an earlier one may have told
    /// of attempts that were refused, which the provider does not remember.
    EveryAttempt,
}

/// What a run goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The run.
    pub run: RunId,
    /// The show, for task ids.
    pub show: ShowId,
    /// When the run began, by the wall clock: only to tell how long ago earlier runs sent things.
    pub began: Timestamp,
    /// The most tasks in flight.
    pub jobs: usize,
    /// The most tasks sent in a minute; 0 is no bound.
    pub rate_per_minute: u32,
    /// How often a transient error is answered by another try.
    pub retries: u32,
    /// How long an unknown task is left alone before it is sent again.
    pub quiet: Duration,
    /// The most tasks asked about in one request.
    pub poll_batch: usize,
    /// How long an accepted task is waited for.
    pub patience: Duration,
    /// The most downloads at once.
    pub downloads: usize,
    /// The caps in force.
    pub caps: Caps,
    /// What the provider is asked before anything is sent.
    pub ask_first: AskFirst,
    /// Where the jitter of waits begins.
    pub seed: u64,
}

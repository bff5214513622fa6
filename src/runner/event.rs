//! What happens during a run, as it happens; made for those who watch, not for the log.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::class::Trouble;
use crate::domain::id::{ShotId, TakeNo, TaskId, Variant};
use crate::domain::money::Micros;
use crate::ledger::money::OverCap;
use crate::ledger::record::{Intent, Produced, Saved};
use crate::runner::shutdown::Why;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A task's intent is durable and it is being sent.
    Sent(Arc<Intent>),
    /// The provider has a task.
    Accepted(TaskId),
    /// An image was made and paid for.
    Produced(Produced),
    /// An image is on disk and in the log.
    Saved(Box<SavedImage>),
    /// A take will not come: refused, failed, unsure, lost, or not to be fetched just now.
    Trouble(Box<Problem>),
    /// A task is sent again after a while.
    Waiting {
        /// The task.
        task: TaskId,
        /// How long.
        wait: Duration,
        /// Why.
        trouble: Trouble,
    },
    /// A task that the provider has, or may have, is asked about further; it is not sent again.
    Asking {
        /// The task.
        task: TaskId,
        /// How long at the most.
        most: Duration,
        /// Why.
        trouble: Trouble,
    },
    /// A task left by an earlier run is being settled.
    Settling(TaskId),
    /// The run begins nothing new.
    Draining {
        /// Why.
        why: Draining,
        /// How many tasks are waited for.
        in_flight: usize,
    },
    /// Money moved.
    Money {
        /// Spent in this run.
        spent: Micros,
        /// Reserved in this run.
        reserved: Micros,
    },
    /// How many tasks are in flight.
    InFlight(usize),
    /// The most tasks in flight for now, and what was asked for.
    Limit {
        /// The most for now, at least 1.
        now: usize,
        /// What was asked for.
        most: usize,
    },
    /// Sending pauses, or goes on.
    Pause(Pause),
}

/// A pause in sending, because the provider seems to be down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pause {
    /// It begins: one task at a time is sent to see whether the provider is back.
    Began {
        /// How many sends failed in a row.
        failures: u32,
        /// How long until the first such task.
        wait: Duration,
        /// Why the last one failed.
        trouble: Trouble,
    },
    /// Such a task failed too.
    GoesOn {
        /// How long until the next one.
        wait: Duration,
        /// Why it failed.
        trouble: Trouble,
    },
    /// The provider is back.
    Ended {
        /// How long the pause was.
        after: Duration,
    },
}

/// An image that was saved, with all that describes it.
#[derive(Clone, Debug)]
pub struct SavedImage {
    /// What it was bought as; none when only the log's older part tells.
    pub intent: Option<Arc<Intent>>,
    /// How it was made.
    pub produced: Option<Produced>,
    /// Where it is.
    pub saved: Saved,
    /// When it was logged.
    pub at: Timestamp,
    /// How it differs from what was asked.
    pub unlike_asked: Option<String>,
}

/// Why a run begins nothing new.
#[derive(Clone, Debug)]
pub enum Draining {
    /// It was told to.
    Told(Why),
    /// A cap stands in the way.
    Cap(OverCap),
    /// The account needs a person.
    Account(Trouble),
    /// The provider cannot be reached, or takes nothing.
    Unreachable(Trouble),
    /// Images cannot be kept.
    Disk(String),
}

/// A take that will not come in this run, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind of end it is.
    pub kind: ProblemKind,
    /// The task.
    pub task: TaskId,
    /// The shot.
    pub shot: ShotId,
    /// The variant.
    pub variant: Variant,
    /// The first take concerned.
    pub take: TakeNo,
    /// How many takes.
    pub takes: u32,
    /// Why.
    pub trouble: Trouble,
    /// What it may have cost.
    pub at_stake: Micros,
}

/// How a take failed to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemKind {
    /// Nobody can tell whether it was bought.
    Unsure,
    /// Paid for and not to be had any more.
    Lost,
    /// Ended without an image.
    Failed,
    /// Refused, unpaid.
    Refused,
    /// Sent, and not settled: the next run asks about it first.
    UnderWay,
    /// Paid for and not on disk yet; the next run fetches it.
    Pending,
    /// Its file is gone or changed, and it could not be fetched again.
    Missing,
}

impl ProblemKind {
    /// Gives the word for reports; people read a space for `_`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unsure => "unsure",
            Self::Lost => "lost",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::UnderWay => "under_way",
            Self::Pending => "pending",
            Self::Missing => "missing",
        }
    }
}

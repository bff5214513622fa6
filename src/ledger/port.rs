//! The door to the run log, and the proofs that money moves on.

use std::future::Future;
use std::time::Duration;

use crate::domain::id::TaskId;
use crate::ledger::record::{Intent, Record, Stamped};

/// Where records are appended.
///
/// Implemented by a file on disk, and elsewhere by whatever promises the same.
pub trait RunLog: Send + Sync + 'static {
    /// Appends a record and answers when it is durable.
    ///
    /// Records become durable in the order in which their calls were first polled.
    ///
    /// # Errors
    /// After any error the log takes no more records: what is on disk is then not known, and
    /// nothing may be bought on it.
    fn append(&self, record: Record) -> impl Future<Output = Result<Stamped, LogError>> + Send;
}

/// Why a record could not be made durable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The record could not be written or synced.
    #[error("{path}: cannot write the run log: {reason}")]
    Write {
        /// The log.
        path: String,
        /// The operating system's reason.
        reason: String,
    },
    /// An earlier write failed, so the log is shut.
    #[error("the run log is shut because an earlier write to it failed")]
    Shut,
}

/// The proof that an intent is durable: it is consumed by the send.
#[derive(Debug)]
#[must_use = "an intent that was committed is sent or stays open in the log"]
pub struct CommittedIntent {
    task: TaskId,
    results: u32,
}

impl CommittedIntent {
    /// Gives the task it is for.
    #[must_use]
    pub const fn task(&self) -> TaskId {
        self.task
    }

    /// Gives how many images it asks for.
    #[must_use]
    pub const fn results(&self) -> u32 {
        self.results
    }

    /// Gives the proof up because the send's outcome is not known: the money may be gone.
    pub const fn open(self) -> OpenIntent {
        OpenIntent {
            task: self.task,
            results: self.results,
        }
    }
}

/// An intent whose fate is not known.
#[derive(Debug)]
#[must_use = "an open intent has to be settled"]
pub struct OpenIntent {
    task: TaskId,
    results: u32,
}

impl OpenIntent {
    /// Takes up an intent that the log left open.
    pub const fn from_log(task: TaskId, results: u32) -> Self {
        Self { task, results }
    }

    /// Gives the task it is for.
    #[must_use]
    pub const fn task(&self) -> TaskId {
        self.task
    }
}

/// Makes an intent durable and gives the proof.
///
/// # Errors
/// Passes on the log's error; nothing may then be sent.
pub async fn commit<L: RunLog>(
    log: &L,
    intent: Intent,
) -> Result<(CommittedIntent, Stamped), LogError> {
    let (task, results) = (intent.task, intent.takes.count);
    let stamped = log.append(Record::Intent(Box::new(intent))).await?;
    Ok((CommittedIntent { task, results }, stamped))
}

/// What was learnt by asking about a task that may or may not have been bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The task that was asked about.
    pub task: TaskId,
    /// The queue did not know it.
    pub queue_unaware: bool,
    /// The archive did not know it.
    pub archive_unaware: bool,
    /// How long it is since the task was last sent.
    pub since_sent: Duration,
}

/// Makes a proof anew for a task that nobody knows, once the quiet time is over.
///
/// The caller logs the resend with [`commit`]'s sibling [`recommit`]; the id and the body stay the
/// same, so that a provider that did receive the first send answers with a conflict.
///
/// # Errors
/// Gives the open intent back while somebody may know the task or the quiet time is not over.
pub fn unbought(open: OpenIntent, asked: &Asked, quiet: Duration) -> Result<Unbought, OpenIntent> {
    let nobody_knows = asked.queue_unaware && asked.archive_unaware;
    if asked.task == open.task && nobody_knows && asked.since_sent >= quiet {
        Ok(Unbought {
            task: open.task,
            results: open.results,
        })
    } else {
        Err(open)
    }
}

/// The proof that a task was sent before and nobody knows it.
#[derive(Debug)]
#[must_use = "a task found unbought is sent again or stays open"]
pub struct Unbought {
    task: TaskId,
    results: u32,
}

/// Makes the resend of an unbought task durable and gives the proof to send it.
///
/// # Errors
/// Passes on the log's error; nothing may then be sent. Also refuses, as a shut log does, an
/// intent for another task than the proof's: that would be a purchase nobody allowed.
pub async fn recommit<L: RunLog>(
    log: &L,
    proof: Unbought,
    intent: Intent,
) -> Result<(CommittedIntent, Stamped), LogError> {
    if intent.task != proof.task || intent.takes.count != proof.results {
        return Err(LogError::Shut);
    }
    commit(log, intent).await
}

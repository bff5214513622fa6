//! What a task needs next: the one function that `plan` prints, `run` obeys and resuming calls.

use std::time::Duration;

use crate::domain::class::{Class, Trouble};
use crate::ledger::task::{End, Fate, Task};

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing was sent yet: commit an intent and send it.
    Send,
    /// The provider has it, or may: ask.
    Ask,
    /// Images are made and not on disk: fetch these.
    Fetch(Vec<u32>),
    /// Every image is on disk.
    Keep,
    /// Nothing, for a reason a person can read.
    Leave(Leave),
}

/// Why nothing is done about a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Refused; the same request would be refused again.
    Refused,
    /// Ended without an image; another attempt has an id of its own.
    Failed,
    /// Nobody can tell whether it was bought.
    Unsure,
    /// An image of it cannot be had any more.
    Lost,
}

/// Says what a take needs next, from what the log knows of its task; no task is nothing sent.
#[must_use]
pub fn next(task: Option<&Task>) -> Step {
    let Some(task) = task else { return Step::Send };
    if task.is_open() {
        return Step::Ask;
    }
    let unsaved = unsaved(task);
    if !unsaved.is_empty() {
        return Step::Fetch(unsaved);
    }
    match &task.end {
        Some(End::Refused(_)) => Step::Leave(Leave::Refused),
        Some(End::Failed(..)) => Step::Leave(Leave::Failed),
        Some(End::Unsure(_)) => Step::Leave(Leave::Unsure),
        None if task
            .images
            .iter()
            .any(|image| matches!(image.fate, Fate::Lost(_))) =>
        {
            Step::Leave(Leave::Lost)
        }
        None => Step::Keep,
    }
}

fn unsaved(task: &Task) -> Vec<u32> {
    let made = task
        .images
        .iter()
        .filter(|image| matches!(image.fate, Fate::Produced(_)));
    made.map(|image| image.index).collect()
}

/// What is done about a task that the provider was asked about and does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settle {
    /// Ask again after this long.
    AskAgain(Duration),
    /// Send the same id and body once more.
    SendAgain,
    /// Stop waiting: a person is told, the money stays reserved.
    GiveUp,
}

/// What is known while an unknown task is being settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Whether the provider is known to have had it (its reply, a conflict, or an answer).
    pub accepted: bool,
    /// Whether the manifest still asks for exactly this.
    pub wanted: bool,
    /// How long ago it was last sent.
    pub since_sent: Duration,
    /// How long it must be left alone before it is sent again.
    pub quiet: Duration,
    /// How often it was sent again.
    pub resends: u32,
    /// How often the provider was asked since the quiet time ended.
    pub asked_after_quiet: u32,
    /// How long the provider is waited for in all.
    pub patience: Duration,
}

/// Says how to settle a task that neither the queue nor the archive knows just now.
///
/// The order is fixed: ask, wait out the quiet time, ask again, and only then send the same id
/// again. A task the provider had is never sent again: it is waited for, and then it is unsure.
#[must_use]
pub fn settle(doubt: &Doubt) -> Settle {
    const MOST_RESENDS: u32 = 8;
    if doubt.accepted {
        return if doubt.since_sent >= doubt.patience {
            Settle::GiveUp
        } else {
            Settle::AskAgain(pace(doubt.since_sent))
        };
    }
    if doubt.since_sent < doubt.quiet {
        return Settle::AskAgain(doubt.quiet.saturating_sub(doubt.since_sent));
    }
    if doubt.asked_after_quiet == 0 {
        return Settle::AskAgain(Duration::ZERO);
    }
    if doubt.wanted && doubt.resends < MOST_RESENDS {
        Settle::SendAgain
    } else {
        Settle::GiveUp
    }
}

/// Gives how long to wait between two questions about a task of an age.
///
/// A fortieth of its age: an answer is then found at most that much late, and a task of minutes is
/// asked about every few seconds. The vendor's docs speak of 1 to 2 s at first, growing to 10 s.
#[must_use]
pub fn pace(age: Duration) -> Duration {
    const SHORTEST: Duration = Duration::from_millis(40);
    const LONGEST: Duration = Duration::from_secs(10);
    (age / 40).clamp(SHORTEST, LONGEST)
}

/// What is done after a task ended, or could not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The same intent is sent again after a while: the provider never looked at it.
    SameAgain,
    /// Another attempt is made under a new id.
    NewAttempt,
    /// It ends here.
    End,
    /// It ends here, and nothing else is sent: a person has to act first.
    StopAll,
}

/// Says what follows trouble at submit, before the provider took the task.
#[must_use]
pub fn after_submit(trouble: &Trouble, tried: u32, retries: u32) -> After {
    match trouble.class {
        Class::Account => After::StopAll,
        Class::Transient if tried < retries => After::SameAgain,
        _ => After::End,
    }
}

/// Says what follows trouble after the provider took the task: another attempt may pay again.
#[must_use]
pub fn after_acceptance(trouble: &Trouble, attempts: u32, retries: u32) -> After {
    match trouble.class {
        Class::Upstream | Class::Transient if attempts < retries => After::NewAttempt,
        Class::Reference if attempts == 0 && retries > 0 => After::NewAttempt,
        Class::Account => After::StopAll,
        _ => After::End,
    }
}

/// Tells whether a refusal would be repeated: one of a stale upload would not.
pub(super) fn is_for_good(task: &Task) -> bool {
    let class = task.end.as_ref().map(|end| end.trouble().class);
    class != Some(Class::Reference)
}

/// Tells whether the same request would end the same way, as what a safety check refused does.
pub(super) fn would_fail_again(task: &Task) -> bool {
    let class = task.end.as_ref().map(|end| end.trouble().class);
    matches!(class, Some(Class::Safety | Class::Request))
}

pub(super) fn needs_settling(task: &Task) -> bool {
    match next(Some(task)) {
        Step::Ask | Step::Fetch(_) | Step::Leave(Leave::Unsure) => true,
        Step::Send | Step::Keep | Step::Leave(_) => false,
    }
}

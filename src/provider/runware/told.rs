//! What a reply says of one task.

use crate::domain::id::TaskId;
use crate::provider::Report;
use crate::provider::runware::classify::Verdict;
use crate::provider::runware::image::{image, keep_each_once};
use crate::provider::runware::json::Fields;
use crate::provider::runware::reply::{Fault, GENERATION, Reply, says_failed};
use crate::provider::runware::scrub::Scrub;

/// What a reply says of one task.
pub(super) struct Told<'r, 'a> {
    given: Vec<&'r Fields<'a>>,
    /// Entries of `data` that failed.
    ends: Vec<Fault<'a>>,
    /// Entries of `errors`.
    faults: Vec<&'r Fault<'a>>,
}

/// What a reply to a question means for one task.
pub(super) enum State<'f, 'a> {
    /// It is there, or ended.
    Known,
    /// The reply says that it is not known.
    NotKnown,
    /// The reply leaves it out.
    Silent,
    /// The question about it failed.
    Trouble(&'f Fault<'a>),
}

impl<'r, 'a> Told<'r, 'a> {
    /// Gathers what a reply says of a task by its id.
    pub(super) fn of(reply: &'r Reply<'a>, task: TaskId) -> Self {
        let (failed, given): (Vec<_>, Vec<_>) = reply
            .given_to(task, GENERATION)
            .partition(|fields| says_failed(fields));
        Self {
            given,
            ends: failed.into_iter().map(Fault::of).collect(),
            faults: reply.faults_of(task).collect(),
        }
    }

    /// Gathers what an archived reply to a task says: what names no task is about it too.
    pub(super) fn archived(reply: &'r Reply<'a>, task: TaskId) -> Self {
        let mut told = Self::of(reply, task);
        for fields in reply.given_to_none(GENERATION) {
            if says_failed(fields) {
                told.ends.push(Fault::of(fields));
            } else {
                told.given.push(fields);
            }
        }
        told.faults.extend(reply.faults_of_request());
        told
    }

    /// Gives the errors about the task, wherever they stand.
    pub(super) fn all_faults(&self) -> impl Iterator<Item = &Fault<'a>> {
        self.ends.iter().chain(self.faults.iter().copied())
    }

    /// Tells whether the reply names the task at all.
    pub(super) fn speaks(&self) -> bool {
        self.knows() || self.all_faults().next().is_some()
    }

    /// Tells whether `data` has the task in any other way than as failed.
    pub(super) fn knows(&self) -> bool {
        !self.given.is_empty()
    }

    /// Says what the reply means for the task; `status` is its HTTP status.
    pub(super) fn state(&self, status: u16) -> State<'_, 'a> {
        if self.knows() {
            return State::Known;
        }
        let mut meant = self.all_faults().filter(|fault| !is_not_known(fault));
        match meant.next() {
            Some(fault) if is_end(fault, status) || meant.any(|f| is_end(f, status)) => {
                State::Known
            }
            Some(fault) => State::Trouble(fault),
            None if self.speaks() => State::NotKnown,
            None => State::Silent,
        }
    }

    /// Gathers images and failures.
    pub(super) fn report(&self, scrub: &Scrub) -> Report {
        let mut images: Vec<_> = self.given.iter().filter_map(|f| image(f)).collect();
        let working = images.len() < self.given.len();
        keep_each_once(&mut images);
        let ended = |fault: &Fault<'_>| {
            let verdict = fault.verdict(200);
            let meant = !matches!(verdict, Verdict::NotKnown | Verdict::Conflict);
            meant.then(|| fault.trouble(verdict.class_after_acceptance(), scrub))
        };
        let mut failures: Vec<_> = self.ends.iter().filter_map(ended).collect();
        let told_twice = failures.clone();
        let others = self.faults.iter().copied().filter_map(ended);
        failures.extend(others.filter(|trouble| !told_twice.contains(trouble)));
        Report {
            images,
            failures,
            working,
        }
    }
}

/// Tells whether an error about a task in a poll reply means that the task, or one of its images,
/// ended, rather than that the question about it failed.
fn is_end(fault: &Fault<'_>, status: u16) -> bool {
    let verdict = fault.verdict(200);
    if matches!(verdict, Verdict::Conflict) {
        return false;
    }
    if fault.ended {
        return true;
    }
    let about_generation = fault.task_type.as_deref() == Some(GENERATION);
    let only_of_a_task = matches!(
        verdict,
        Verdict::Safety | Verdict::Reference | Verdict::Maker(_) | Verdict::Upstream
    );
    matches!(status, 200..=299 | 400) && (about_generation || only_of_a_task)
}

pub(super) fn is_not_known(fault: &Fault<'_>) -> bool {
    fault.verdict(200) == Verdict::NotKnown
}

//! What stands now: the takes that are there, on their way, or not to be had, and why.

use std::cmp::Ordering;

use crate::domain::class::{Class, Trouble};
use crate::domain::id::{TakeNo, Takes, TaskId};
use crate::domain::money::Micros;
use crate::ledger::fold::Ledger;
use crate::ledger::task::{End, Fate, Task};
use crate::runner::event::{Problem, ProblemKind};

/// What the run log says about all takes, whatever is wanted now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Images on disk, as the log knows.
    pub saved: u64,
    /// Images paid for that the next run fetches.
    pub unfetched: u64,
    /// Images of tasks that were sent, or may have been, and are not made yet.
    pub open: u64,
    /// What did not come and was not made good: unsure first, then lost, failed, refused; each
    /// kind by shot, variant and take.
    pub problems: Vec<Problem>,
}

impl Standing {
    /// Reads the ledger.
    #[must_use]
    pub fn of(ledger: &Ledger) -> Self {
        let mut standing = Self::default();
        for (id, task) in ledger.tasks() {
            standing.count_images(ledger, id, task);
            if task.is_open() && !task.is_in_doubt() {
                standing.open += u64::from(task.missing());
            } else if !is_superseded(ledger, id, task) {
                standing.problems.extend(problem(id, task));
            }
        }
        standing.problems.sort_by(order);
        standing
    }

    fn count_images(&mut self, ledger: &Ledger, id: TaskId, task: &Task) {
        for image in &task.images {
            match &image.fate {
                Fate::Saved(_) => self.saved += 1,
                Fate::Produced(_) => self.unfetched += 1,
                Fate::Lost(_) if was_made_anew(ledger, id, task) => {}
                Fate::Lost(trouble) => self.problems.push(Problem {
                    kind: ProblemKind::Lost,
                    task: id,
                    shot: task.shot.clone(),
                    variant: task.variant,
                    take: ledger.take_of(id, image.index).unwrap_or(task.takes.first),
                    takes: 1,
                    trouble: trouble.clone(),
                    at_stake: image.cost,
                }),
            }
        }
    }

    /// Gives how many takes are of a kind.
    #[must_use]
    pub fn takes(&self, kind: ProblemKind) -> u64 {
        let of_kind = self.problems.iter().filter(|problem| problem.kind == kind);
        of_kind.map(|problem| u64::from(problem.takes)).sum()
    }
}

/// Tells whether a later task made images of the same request, as `--rebuy missing` has it.
fn was_made_anew(ledger: &Ledger, id: TaskId, task: &Task) -> bool {
    let mut later = ledger
        .tasks_of(&task.shot, task.variant)
        .skip_while(|(other, _)| *other != id)
        .skip(1);
    later.any(|(_, other)| {
        let mut images = other.images.iter();
        other.key == task.key && images.any(|image| matches!(image.fate, Fate::Saved(_)))
    })
}

/// Gives what is wrong with a task that ended without all of its images.
#[must_use]
pub fn problem(id: TaskId, task: &Task) -> Option<Problem> {
    let kind = match &task.end {
        Some(End::Refused(_)) => ProblemKind::Refused,
        Some(End::Failed(..)) => ProblemKind::Failed,
        Some(End::Unsure(_)) => ProblemKind::Unsure,
        None if task.is_in_doubt() => ProblemKind::Unsure,
        None => return None,
    };
    let end = task.end.as_ref();
    let lacking = lacking(task);
    Some(Problem {
        kind,
        task: id,
        shot: task.shot.clone(),
        variant: task.variant,
        take: lacking.first,
        takes: lacking.count,
        trouble: end.map_or_else(unanswered, |end| end.trouble().clone()),
        at_stake: task.weight().reserved,
    })
}

/// Says why a task is in doubt that was sent again and is not settled yet.
fn unanswered() -> Trouble {
    Trouble {
        class: Class::Unknown,
        code: "sent-again".to_owned(),
        message: "it was sent a second time under its id, and no answer is known yet".to_owned(),
    }
}

/// Gives the takes of a task that were not made: its last ones, for images count from the front.
#[must_use]
pub fn lacking(task: &Task) -> Takes {
    let missing = task.missing();
    let made = task.takes.count - missing;
    Takes {
        first: TakeNo(task.takes.first.0.saturating_add(made)),
        count: missing,
    }
}

/// Tells whether a later task of the same shot and variant took over what one did not make.
///
/// A doubt is never taken over: it stands until it is settled, however much is bought beside it.
#[must_use]
pub fn is_superseded(ledger: &Ledger, id: TaskId, task: &Task) -> bool {
    if !matches!(task.end, Some(End::Refused(_) | End::Failed(..))) {
        return false;
    }
    let lacking = lacking(task);
    let later = ledger
        .tasks_of(&task.shot, task.variant)
        .skip_while(|(other, _)| *other != id)
        .skip(1);
    let (from, to) = (
        lacking.first.0,
        lacking.first.0.saturating_add(lacking.count),
    );
    later
        .map(|(_, other)| other.takes)
        .any(|takes| takes.first.0 < to && from < takes.first.0.saturating_add(takes.count))
}

/// Orders problems: the gravest kind first, then by shot, variant and take.
#[must_use]
pub fn order(a: &Problem, b: &Problem) -> Ordering {
    let place = |p: &Problem| (p.variant, p.take, p.task);
    (a.kind, &a.shot)
        .cmp(&(b.kind, &b.shot))
        .then_with(|| place(a).cmp(&place(b)))
}

/// Gives all money that may still go for what a kind of problem is about.
#[must_use]
pub fn at_stake(problems: &[Problem], kind: ProblemKind) -> Micros {
    let of_kind = problems.iter().filter(|problem| problem.kind == kind);
    of_kind.map(|problem| problem.at_stake).sum()
}

//! Which takes count for a shot: all but those that a person asked to be made again.

use std::collections::BTreeSet;

use crate::domain::id::TaskId;
use crate::expand::wanted::Wanted;
use crate::ledger::decision::{Aside, Decisions};
use crate::ledger::fold::Ledger;
use crate::ledger::task::Task;
use crate::manifest::model::Status;

/// What counts for one shot.
pub(super) struct Counting {
    /// What decisions set aside.
    aside: Aside,
    /// Whether the status column asks for a retake: then only what was bought for one counts, and
    /// what an older log tells of without a reason, so that a newer reshoot buys nothing again.
    only_retakes: bool,
}

impl Counting {
    pub(super) fn of(decisions: &Decisions, wanted: &Wanted) -> Self {
        Self {
            aside: decisions.aside(&wanted.shot),
            only_retakes: wanted.status == Status::Retake,
        }
    }

    /// Tells whether an image of a task, made or not, counts.
    pub(super) fn counts(&self, id: TaskId, task: &Task, index: u32) -> bool {
        (!self.only_retakes || task.may_be_retake) && !self.aside.has(id, index)
    }

    /// Tells whether anything of a task counts; if not, it is only settled and fetched.
    pub(super) fn has_part(&self, id: TaskId, task: &Task) -> bool {
        let made = u32::try_from(task.images.len()).unwrap_or(u32::MAX);
        (0..task.takes.count.max(made)).any(|index| self.counts(id, task, index))
    }

    /// Gives how many images a task has not made that would count.
    pub(super) fn missing(&self, id: TaskId, task: &Task) -> u32 {
        let made = task.takes.count - task.missing();
        let missing = (made..task.takes.count).filter(|index| self.counts(id, task, *index));
        u32::try_from(missing.count()).unwrap_or(u32::MAX)
    }

    /// Gives the take numbers that are not given again.
    pub(super) fn numbers(&self, wanted: &Wanted) -> BTreeSet<u32> {
        self.aside.numbers(wanted.variant)
    }

    /// Tells whether takes lack because a person asked for them again.
    ///
    /// Each take that was set aside asks for one bought as a retake, set aside later or not.
    pub(super) fn is_asked_again(&self, ledger: &Ledger, wanted: &Wanted) -> bool {
        if self.only_retakes {
            return true;
        }
        let asked = self.aside.count(wanted.variant);
        if asked == 0 {
            return false;
        }
        let tasks = ledger.tasks_of(&wanted.shot, wanted.variant);
        let answered = tasks.filter(|(_, task)| task.is_retake).map(|(id, task)| {
            let made = task.takes.count - task.missing();
            let holds =
                |index: &u32| *index < made || task.end.is_none() || self.aside.has(id, *index);
            (0..task.takes.count).filter(holds).count()
        });
        answered.sum::<usize>() < asked
    }
}

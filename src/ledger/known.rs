//! The takes that the log knows of each shot, whatever became of them.

use std::collections::BTreeMap;

use crate::domain::id::{ShotId, TaskId};
use crate::ledger::decision::{SetAside, TakeAt};
use crate::ledger::fold::Ledger;
use crate::ledger::task::{Fate, Task};

/// A take that was bought, or tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownTake {
    /// Which take, by task and image.
    pub take: SetAside,
    /// Whether there is a picture of it to look at, on disk or still to be fetched.
    pub has_picture: bool,
}

/// Gives every take of every shot; those of a shot by variant, number and task.
///
/// A number that was tried more than once stands once for each task.
#[must_use]
pub fn takes(ledger: &Ledger) -> BTreeMap<ShotId, Vec<KnownTake>> {
    let mut shots: BTreeMap<ShotId, Vec<KnownTake>> = BTreeMap::new();
    for (id, task) in ledger.tasks() {
        let known = shots.entry(task.shot.clone()).or_default();
        known.extend(takes_of(ledger, id, task));
    }
    for known in shots.values_mut() {
        known.sort_by_key(|known| (known.take.at, known.take.task, known.take.index));
    }
    shots
}

fn takes_of(ledger: &Ledger, id: TaskId, task: &Task) -> Vec<KnownTake> {
    let known = |index, take, has_picture| KnownTake {
        take: SetAside {
            at: TakeAt {
                variant: task.variant,
                take,
            },
            task: id,
            index,
        },
        has_picture,
    };
    let made = task.images.iter().filter_map(|image| {
        let take = ledger.take_of(id, image.index)?;
        let is_there = !matches!(image.fate, Fate::Lost(_));
        Some(known(image.index, take, is_there))
    });
    let missing = (task.takes.count - task.missing())..task.takes.count;
    let missing = missing.filter_map(|index| Some(known(index, task.takes.at(index)?, false)));
    made.chain(missing).collect()
}

//! Which take numbers a purchase uses, and under which attempt.

use std::collections::BTreeSet;

use crate::domain::id::{Attempt, Key, ShotId, TakeNo, Takes, Variant};
use crate::ledger::fold::Ledger;
use crate::ledger::task::{End, Task};

/// The takes of one task, and the attempt its id is derived for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The takes.
    pub takes: Takes,
    /// The attempt.
    pub attempt: Attempt,
    /// Whether a task for these takes ended without an image before.
    pub failed_before: bool,
}

/// Finds takes for `need` images, at most `per_task` to a task.
///
/// Numbers that were passed over, or whose earlier tasks ended without an image, come first; then
/// numbers above every one that is spent or held. A number is thus never given to two images, and
/// none of those `used` for takes that were set aside is given again.
#[must_use]
pub fn allot(
    ledger: &Ledger,
    shot: &ShotId,
    variant: Variant,
    key: Key,
    used: &BTreeSet<u32>,
    need: u32,
    per_task: u32,
) -> Vec<Slot> {
    let vacated = vacated(ledger, shot, variant, key);
    let mut numbers: Vec<u32> = vacated
        .union(&passed_over(ledger, shot, variant))
        .filter(|number| !used.contains(number))
        .copied()
        .collect();
    numbers.truncate(usize::try_from(need).unwrap_or(usize::MAX));
    let next = ledger
        .next_take(shot, variant)
        .0
        .max(numbers.last().map_or(0, |last| last + 1))
        .max(used.last().map_or(0, |last| last.saturating_add(1)));
    let fresh = need.saturating_sub(u32::try_from(numbers.len()).unwrap_or(u32::MAX));
    numbers.extend(next..next.saturating_add(fresh));
    let mut slots = group(&numbers, per_task, &vacated);
    for slot in &mut slots {
        slot.attempt = next_attempt(ledger, shot, variant, key, slot.takes.first);
    }
    slots
}

/// Gives the numbers below the next one that no task was ever intended for.
///
/// A run leaves them when it stops between two takes of a shot. Where the log is new and an older
/// one was lost, the ids of these numbers may have been bought: others would be bought beside them.
fn passed_over(ledger: &Ledger, shot: &ShotId, variant: Variant) -> BTreeSet<u32> {
    let Some(history) = ledger.history(shot, variant) else {
        return BTreeSet::new();
    };
    let tasks = ledger.tasks_of(shot, variant);
    let named: BTreeSet<u32> = tasks
        .flat_map(|(_, task)| task.takes.iter().map(|take| take.0))
        .collect();
    (1..ledger.next_take(shot, variant).0)
        .filter(|number| !named.contains(number) && !history.is_spent(TakeNo(*number)))
        .collect()
}

/// Gives the numbers of this key whose tasks ended without an image and that nothing holds.
fn vacated(ledger: &Ledger, shot: &ShotId, variant: Variant, key: Key) -> BTreeSet<u32> {
    let Some(history) = ledger.history(shot, variant) else {
        return BTreeSet::new();
    };
    let (mut vacated, mut held) = (BTreeSet::new(), BTreeSet::new());
    for (_, task) in ledger.tasks_of(shot, variant) {
        let numbers = task
            .takes
            .iter()
            .filter(|take| !history.is_spent(*take))
            .map(|take| take.0);
        if holds_its_numbers(task) {
            held.extend(numbers);
        } else if task.key == key {
            vacated.extend(numbers);
        }
    }
    vacated.difference(&held).copied().collect()
}

/// Tells whether an image may still come to a task's numbers.
fn holds_its_numbers(task: &Task) -> bool {
    task.is_open() || matches!(task.end, Some(End::Unsure(_)))
}

fn group(numbers: &[u32], per_task: u32, vacated: &BTreeSet<u32>) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    for &number in numbers {
        let failed_before = vacated.contains(&number);
        match slots.last_mut() {
            Some(slot)
                if slot.takes.count < per_task
                    && slot.failed_before == failed_before
                    && slot.takes.first.0 + slot.takes.count == number =>
            {
                slot.takes.count += 1;
            }
            _ => slots.push(Slot {
                takes: Takes {
                    first: TakeNo(number),
                    count: 1,
                },
                attempt: Attempt(0),
                failed_before,
            }),
        }
    }
    slots
}

/// Gives the attempt after every one that was made for a first take under a key.
#[must_use]
pub fn next_attempt(
    ledger: &Ledger,
    shot: &ShotId,
    variant: Variant,
    key: Key,
    first: TakeNo,
) -> Attempt {
    let tasks = ledger.tasks_of(shot, variant);
    let same = tasks.filter(|(_, task)| task.key == key && task.takes.first == first);
    Attempt(same.map(|(_, task)| task.attempt.0 + 1).max().unwrap_or(0))
}

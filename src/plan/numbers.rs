//! What the numbers of variants stood for, as the log tells it.

use std::collections::HashSet;

use crate::domain::id::{Key, ShotId, Variant};
use crate::expand::numbers::{Known, Numbers, Values};
use crate::ledger::fold::Ledger;

/// Gathers the numbers that variants had, of every shot that had variants before and of those that
/// have them now.
#[must_use]
pub fn known<'a>(ledger: &Ledger, varied: impl IntoIterator<Item = &'a ShotId>) -> Numbers {
    let mut numbers = Numbers::default();
    let mut add = |shot: &ShotId, variant: Variant, values: &[Values]| {
        let keys = ledger.tasks_of(shot, variant).map(|(_, task)| task.key);
        let keys: Vec<Key> = keys.collect();
        if !keys.is_empty() {
            let values = values.to_vec();
            let known = Known {
                variant,
                values,
                keys,
            };
            numbers.add(shot, known);
        }
    };
    let mut met = HashSet::new();
    for (shot, variants) in ledger.varied() {
        met.insert(shot.clone());
        add(shot, Variant(0), &[]);
        for (variant, values) in variants {
            add(shot, *variant, values);
        }
    }
    for shot in varied {
        if met.insert(shot.clone()) {
            add(shot, Variant(0), &[]);
        }
    }
    numbers
}

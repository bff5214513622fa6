//! The numbers of variants: given once, and kept whatever becomes of the matrix.
//!
//! A variant's number stands in file names and task ids. By itself it is the cell's place in the
//! product of the lists, which moves when a list grows; so what a number stood for before comes
//! first. A number is never given to other values.

use std::collections::{BTreeSet, HashMap};

use crate::domain::id::{Key, ShotId, Variant};
use crate::expand::variants::Cell;

/// A variant's values by their axes.
pub type Values = Vec<(String, String)>;

/// What a number of a shot stood for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The number.
    pub variant: Variant,
    /// The values it was bought with, each set once, the latest last; none for a shot that had no
    /// variants.
    pub values: Vec<Values>,
    /// The keys of its takes.
    pub keys: Vec<Key>,
}

/// The numbers that variants had before, by shot.
#[derive(Clone, Debug, Default)]
pub struct Numbers(HashMap<ShotId, Vec<Known>>);

impl Numbers {
    /// Adds what a number of a shot stood for.
    pub fn add(&mut self, shot: &ShotId, known: Known) {
        self.0.entry(shot.clone()).or_default().push(known);
    }

    pub(crate) fn of(&self, shot: &ShotId) -> &[Known] {
        self.0.get(shot).map_or(&[], Vec::as_slice)
    }
}

/// Gives cells the numbers they had: by their values, else by the key of what was bought.
///
/// Cells that are new keep their place in the product as their number if nothing had it before,
/// else they get the lowest number that is free. `key` works out a cell's key, which is asked for
/// only where values do not tell.
pub(crate) fn assign(
    cells: &mut [Cell<'_>],
    known: &[Known],
    mut key: impl FnMut(&Cell<'_>) -> Option<Key>,
) {
    let mut taken: BTreeSet<Variant> = BTreeSet::new();
    let mut open: Vec<usize> = (0..cells.len()).collect();
    for fits in [latest_values, any_values] {
        open.retain(|&at| {
            let had = |known: &&Known| !taken.contains(&known.variant) && fits(known, &cells[at]);
            match known.iter().find(had) {
                Some(known) => {
                    cells[at].variant = known.variant;
                    !taken.insert(known.variant)
                }
                None => true,
            }
        });
    }
    open.retain(|&at| {
        let is_left = known.iter().any(|known| !taken.contains(&known.variant));
        let Some(key) = Some(&cells[at]).filter(|_| is_left).and_then(&mut key) else {
            return true;
        };
        let had = |known: &&Known| !taken.contains(&known.variant) && known.keys.contains(&key);
        match known.iter().find(had) {
            Some(known) => {
                cells[at].variant = known.variant;
                !taken.insert(known.variant)
            }
            None => true,
        }
    });
    taken.extend(known.iter().map(|known| known.variant));
    open.retain(|&at| !taken.insert(cells[at].variant));
    let mut number = 1;
    for at in open {
        while !taken.insert(Variant(number)) {
            number += 1;
        }
        cells[at].variant = Variant(number);
    }
}

fn latest_values(known: &Known, cell: &Cell<'_>) -> bool {
    match known.values.last() {
        Some(values) => are_of(values, cell),
        None => cell.values.is_empty(),
    }
}

fn any_values(known: &Known, cell: &Cell<'_>) -> bool {
    known.values.iter().any(|values| are_of(values, cell))
}

/// Tells whether values are a cell's, in whichever order the lists were written.
fn are_of(values: &Values, cell: &Cell<'_>) -> bool {
    let holds = |(axis, value): &(String, String)| {
        let mut own = cell.values.iter();
        own.any(|(name, own)| axis == name && *value == own.value)
    };
    values.len() == cell.values.len() && values.iter().all(holds)
}

/// Numbers the variants of a shot that varies over one list, for tests without a manifest; a shot
/// without one is a single variant.
#[cfg(test)]
pub(crate) fn numbers_of(
    axis: &str,
    list: &[String],
    known: &[Known],
    key: impl Fn(&str) -> Option<Key>,
) -> Vec<Variant> {
    use crate::domain::diagnostic::Placed;
    let list: Vec<_> = list.iter().cloned().map(Placed::built_in).collect();
    let cell = |(at, value)| Cell {
        variant: Variant(at),
        values: vec![(axis, value)],
        layer: None,
    };
    let mut cells: Vec<Cell<'_>> = (1..).zip(&list).map(cell).collect();
    if cells.is_empty() {
        cells.push(Cell {
            variant: Variant(0),
            values: Vec::new(),
            layer: None,
        });
    }
    assign(&mut cells, known, |cell| {
        key(cell.values.first().map_or("", |(_, value)| &value.value))
    });
    cells.iter().map(|cell| cell.variant).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::digest::Sha256;

    /// The numbers of the looks that a shot is varied over, in the order written.
    fn numbered(looks: &[&str], known: &[Known], keys: &[(&str, &str)]) -> Vec<u32> {
        let looks: Vec<String> = looks.iter().map(|look| (*look).to_owned()).collect();
        let key = |look: &str| {
            let own = keys.iter().find(|(name, _)| *name == look);
            own.map(|(_, key)| Key(Sha256::of(key.as_bytes())))
        };
        let variants = numbers_of("look", &looks, known, key).into_iter();
        variants.map(|variant| variant.0).collect()
    }

    fn known(number: u32, looks: &[&str], keys: &[&str]) -> Known {
        let values = |look: &&str| vec![("look".to_owned(), (*look).to_owned())];
        Known {
            variant: Variant(number),
            values: looks.iter().map(values).collect(),
            keys: keys
                .iter()
                .map(|key| Key(Sha256::of(key.as_bytes())))
                .collect(),
        }
    }

    #[test]
    fn a_list_that_grows_in_front_renumbers_nothing() {
        let known = [known(1, &["dawn"], &[]), known(2, &["dusk"], &[])];
        assert_eq!(numbered(&["night", "dawn", "dusk"], &known, &[]), [3, 1, 2]);
        assert_eq!(numbered(&["dusk"], &known, &[]), [2]);
    }

    #[test]
    fn a_number_is_not_given_to_other_values() {
        let known = [known(1, &["dawn"], &[]), known(2, &["dusk"], &[])];
        assert_eq!(numbered(&["dawn", "noon"], &known, &[]), [1, 3]);
    }

    #[test]
    fn the_same_picture_keeps_its_number_under_other_values() {
        let was = [known(0, &[], &["grey"]), known(4, &["dusk"], &["blue"])];
        let keys = [
            ("overcast", "grey"),
            ("evening", "blue"),
            ("noon", "bright"),
        ];
        let looks = ["noon", "overcast", "evening"];
        assert_eq!(numbered(&looks, &was, &keys), [1, 0, 4]);
    }

    #[test]
    fn of_two_numbers_the_one_that_had_the_values_last_is_meant() {
        let known = [known(1, &["dusk", "dawn"], &[]), known(2, &["dusk"], &[])];
        assert_eq!(numbered(&["dawn", "dusk"], &known, &[]), [1, 2]);
        assert_eq!(numbered(&["dusk", "noon"], &known, &[]), [2, 3]);
    }

    proptest! {
        #[test]
        fn numbers_stay_whatever_a_list_becomes(
            first in prop::sample::subsequence(vec!["a", "b", "c", "d", "e"], 1..5),
            second in prop::sample::subsequence(vec!["e", "c", "f", "a", "d", "b"], 1..6),
        ) {
            let before = numbered(&first, &[], &[]);
            let had: Vec<Known> = first
                .iter()
                .zip(&before)
                .map(|(look, number)| known(*number, &[look], &[]))
                .collect();
            let after = numbered(&second, &had, &[]);
            let distinct: BTreeSet<_> = after.iter().collect();
            prop_assert_eq!(distinct.len(), after.len());
            for (look, number) in second.iter().zip(&after) {
                let own = first.iter().position(|other| other == look).map(|at| before[at]);
                match own {
                    Some(own) => prop_assert_eq!(own, *number),
                    None => prop_assert!(!before.contains(number)),
                }
            }
        }
    }
}

//! The lines of a plan: one for each shot and variant, or for each sequence. They add up to its total.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::domain::id::ShotId;
use crate::plan::build::{Entry, Plan, Purchase};
use crate::plan::reason::{Kept, Reason};
use crate::report::plan_table::Sum;
use crate::report::prices::Basis;

/// What a shot and variant, a sequence, or the whole plan comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// How many shots.
    pub shots: u64,
    /// How many variants, a shot without a matrix counting as one.
    pub variants: u64,
    /// How many takes are wanted.
    pub wanted: u64,
    /// How many of these are on disk.
    pub have: u64,
    /// What is bought.
    pub buy: Sum,
    /// What a cap leaves out.
    pub over: Sum,
    /// How many takes are bought for each reason.
    pub reasons: BTreeMap<Reason, u64>,
    /// What the prices of what is bought rest on.
    pub bases: BTreeSet<Basis>,
}

impl Line {
    /// Adds another line.
    pub fn add(&mut self, other: &Self) {
        self.shots += other.shots;
        self.variants += other.variants;
        self.wanted += other.wanted;
        self.have += other.have;
        self.buy.plus(other.buy);
        self.over.plus(other.over);
        for (reason, takes) in &other.reasons {
            *self.reasons.entry(*reason).or_default() += takes;
        }
        self.bases.extend(&other.bases);
    }

    fn of(entry: &Entry, purchases: &[Purchase], basis: Option<Basis>) -> Self {
        let mut line = Self {
            variants: 1,
            wanted: u64::from(entry.wanted),
            have: entry.keeps.get(&Kept::Have).copied().map_or(0, u64::from),
            ..Self::default()
        };
        for purchase in purchases {
            if purchase.over.is_some() {
                line.over.add(purchase);
            } else {
                line.buy.add(purchase);
                let takes = line.reasons.entry(purchase.reason).or_default();
                *takes += u64::from(purchase.takes.count);
            }
        }
        if line.buy.takes > 0 {
            line.bases.extend(basis);
        }
        line
    }

    /// Spells what its prices rest on.
    #[must_use]
    pub fn basis(&self) -> String {
        let words = self.bases.iter().map(|basis| basis.word());
        words.collect::<Vec<_>>().join(", ")
    }
}

/// Gives each entry of a plan with its line; `bases` stand in the order of the entries.
pub fn by_shot<'a>(
    plan: &'a Plan,
    bases: &'a [Basis],
) -> impl Iterator<Item = (&'a Entry, Line)> + 'a {
    let mut rest = plan.purchases.as_slice();
    let mut before = None;
    plan.entries.iter().enumerate().map(move |(place, entry)| {
        // Purchases stand in the order of the entries that they are for.
        let is_its =
            |purchase: &&Purchase| purchase.shot == entry.shot && purchase.variant == entry.variant;
        let count = rest.iter().take_while(is_its).count();
        let (its, after) = rest.split_at(count);
        rest = after;
        let mut line = Line::of(entry, its, bases.get(place).copied());
        line.shots = u64::from(before != Some(&entry.shot));
        before = Some(&entry.shot);
        (entry, line)
    })
}

/// A line for each sequence, in the order of their first shots; shots without a sequence make one, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    sums: Vec<(Option<Arc<str>>, Line)>,
    places: HashMap<Option<Arc<str>>, usize>,
    /// The shot that was added last: its variants count it once.
    shot: Option<ShotId>,
}

impl Lines {
    /// Sums up a whole plan whose entries are all there; `bases` stand in their order.
    #[must_use]
    pub fn of(plan: &Plan, bases: &[Basis]) -> Self {
        let mut lines = Self::default();
        for (entry, line) in by_shot(plan, bases) {
            lines.take(entry, &line);
        }
        lines
    }

    /// Takes in an entry with what is bought of it; call it in the order of the plan.
    pub fn add(&mut self, entry: &Entry, purchases: &[Purchase], basis: Basis) {
        let mut line = Line::of(entry, purchases, Some(basis));
        line.shots = u64::from(self.shot.as_ref() != Some(&entry.shot));
        self.take(entry, &line);
    }

    fn take(&mut self, entry: &Entry, line: &Line) {
        self.shot = Some(entry.shot.clone());
        let place = *self
            .places
            .entry(entry.sequence.clone())
            .or_insert_with(|| {
                self.sums.push((entry.sequence.clone(), Line::default()));
                self.sums.len() - 1
            });
        if let Some((_, sum)) = self.sums.get_mut(place) {
            sum.add(line);
        }
    }

    /// Gives each sequence with its line.
    pub fn iter(&self) -> impl Iterator<Item = (Option<&str>, &Line)> {
        self.sums.iter().map(|(name, line)| (name.as_deref(), line))
    }
}

/// Adds lines up.
#[must_use]
pub fn total<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Line {
    let mut total = Line::default();
    for line in lines {
        total.add(line);
    }
    total
}

//! What a plan leaves of every cap.

use std::collections::HashMap;

use crate::domain::money::Micros;
use crate::ledger::money::{Account, CapKind};
use crate::plan::build::Purchase;
use crate::report::plan_table::View;
use crate::report::status::run_account;

/// A cap, and what a plan leaves of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapLine {
    /// Its name: `run`, `--max-cost`, `show`, `plan`, `sequence`, `shot`.
    pub cap: &'static str,
    /// Which sequence or shot it is about.
    pub of: Option<String>,
    /// Its amount.
    pub limit: Micros,
    /// What counts under it before the plan.
    pub account: Account,
    /// What the plan adds.
    pub planned: Micros,
}

impl CapLine {
    /// Gives what is left of it.
    #[must_use]
    pub const fn left(&self) -> Micros {
        self.limit.minus(self.account.counted().plus(self.planned))
    }
}

/// Gives a line for each cap that the plan counts under; sequences and shots each by themselves,
/// those with least left first.
#[must_use]
pub fn of(view: &View<'_>) -> Vec<CapLine> {
    let accounts = &view.ledger.accounts;
    let bought = || view.plan.purchases.iter().filter(|p| p.over.is_none());
    let all: Micros = bought().map(|purchase| purchase.price).sum();
    let mut lines = Vec::new();
    let mut add = |cap, limit: Option<Micros>, account| {
        lines.extend(limit.map(|limit| CapLine {
            cap,
            of: None,
            limit,
            account,
            planned: all,
        }));
    };
    let named = |name: &str| view.named.get(name).copied();
    add("--max-cost", named("max-cost"), run_account(view.ledger));
    add("run", named("run"), run_account(view.ledger));
    add("show", view.caps.show, accounts.show);
    if let Some(limit) = view.caps.sequence {
        let planned = sum(bought().filter_map(|p| Some((p.sequence.as_deref()?, p))));
        let account = |name: &str| accounts.sequences.get(name).copied();
        let kind = CapKind::Sequence;
        lines.extend(narrow(kind, limit, planned, account));
    }
    if let Some(limit) = view.caps.shot {
        let planned = sum(bought().map(|p| (&p.shot, p)));
        lines.extend(narrow(CapKind::Shot, limit, planned, |shot| {
            accounts.shots.get(shot).copied()
        }));
    }
    lines
}

fn sum<'a, K: std::hash::Hash + Eq>(
    purchases: impl Iterator<Item = (K, &'a Purchase)>,
) -> HashMap<K, Micros> {
    let mut sums: HashMap<K, Micros> = HashMap::new();
    for (name, purchase) in purchases {
        let sum = sums.entry(name).or_default();
        *sum = sum.plus(purchase.price);
    }
    sums
}

fn narrow<K: std::hash::Hash + Eq + Copy + ToString>(
    kind: CapKind,
    limit: Micros,
    planned: HashMap<K, Micros>,
    account: impl Fn(K) -> Option<Account>,
) -> Vec<CapLine> {
    let line = |(name, planned): (K, Micros)| CapLine {
        cap: kind.word(),
        of: Some(name.to_string()),
        limit,
        account: account(name).unwrap_or_default(),
        planned,
    };
    let mut lines: Vec<_> = planned.into_iter().map(line).collect();
    lines.sort_by(|a, b| a.left().cmp(&b.left()).then_with(|| a.of.cmp(&b.of)));
    lines
}

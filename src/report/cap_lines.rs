//! What a plan leaves of every cap.

use std::collections::{BTreeMap, HashMap};

use crate::domain::money::Micros;
use crate::ledger::money::{Account, CapKind};
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

/// The caps a plan counts under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CapLines {
    /// A line each; of sequences and of shots those with least left, these first.
    pub lines: Vec<CapLine>,
    /// How many sequences and shots are not listed, by the name of their cap.
    pub more: BTreeMap<&'static str, usize>,
}

/// How many sequences, and how many shots, are listed unless all are asked for.
const LISTED: usize = 5;

/// Gives a line for each cap that a plan counts under; sequences and shots each by themselves.
#[must_use]
pub fn of(view: &View<'_>) -> CapLines {
    let accounts = &view.ledger.accounts;
    let bought = || view.plan.purchases.iter().filter(|p| p.over.is_none());
    let all: Micros = bought().map(|purchase| purchase.price).sum();
    let mut caps = CapLines::default();
    let mut add = |cap, limit: Option<Micros>, account| {
        caps.lines.extend(limit.map(|limit| CapLine {
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
    let most = if view.full { usize::MAX } else { LISTED };
    if let Some(limit) = view.caps.sequence {
        let mut planned: HashMap<&str, Micros> = HashMap::new();
        for purchase in bought() {
            if let Some(name) = purchase.sequence.as_deref() {
                let sum = planned.entry(name).or_default();
                *sum = sum.plus(purchase.price);
            }
        }
        let money = planned.into_iter().map(|(name, planned)| {
            let account = accounts.sequences.get(name).copied();
            (name, account.unwrap_or_default(), planned)
        });
        caps.list(CapKind::Sequence, limit, most, money);
    }
    if let Some(limit) = view.caps.shot {
        // The purchases of a shot stand together.
        let shots = view.plan.purchases.chunk_by(|a, b| a.shot == b.shot);
        let money = shots.filter_map(|purchases| {
            let shot = &purchases.first()?.shot;
            let mut bought = purchases.iter().filter(|p| p.over.is_none()).peekable();
            bought.peek()?;
            let account = accounts.shots.get(shot).copied();
            let planned = bought.map(|purchase| purchase.price).sum();
            Some((shot.as_str(), account.unwrap_or_default(), planned))
        });
        caps.list(CapKind::Shot, limit, most, money);
    }
    caps
}

impl CapLines {
    /// Lists those with least left.
    fn list<'a>(
        &mut self,
        kind: CapKind,
        limit: Micros,
        most: usize,
        money: impl Iterator<Item = (&'a str, Account, Micros)>,
    ) {
        let mut all = 0;
        let mut least: Vec<(&str, Account, Micros)> = Vec::new();
        let sort = |least: &mut Vec<(&str, Account, Micros)>| {
            least.sort_by_key(|(name, account, planned)| {
                (std::cmp::Reverse(account.counted().plus(*planned)), *name)
            });
            least.truncate(most);
        };
        for one in money {
            all += 1;
            least.push(one);
            // A long list is cut down as it comes.
            if least.len() > most.saturating_mul(8) {
                sort(&mut least);
            }
        }
        sort(&mut least);
        if all > least.len() {
            self.more.insert(kind.word(), all - least.len());
        }
        self.lines
            .extend(least.into_iter().map(|(name, account, planned)| CapLine {
                cap: kind.word(),
                of: Some(name.to_owned()),
                limit,
                account,
                planned,
            }));
    }
}

//! Caps, and the accounts that are held against them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::domain::digest::Sha256;
use crate::domain::id::ShotId;
use crate::domain::money::Micros;
use crate::ledger::task::{Task, Weight};

/// Caps on money; none where left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// Of one run.
    pub run: Option<Micros>,
    /// Of the whole show.
    pub show: Option<Micros>,
    /// Of each sequence.
    pub sequence: Option<Micros>,
    /// Of each shot.
    pub shot: Option<Micros>,
    /// Of a signed plan, over all the runs that obey it.
    pub plan: Option<PlanCap>,
}

/// What may be spent under a signed plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanCap {
    /// The plan, by its digest.
    pub plan: Sha256,
    /// What was signed.
    pub most: Micros,
}

impl PlanCap {
    /// Gives the plan's number as people know it: 12 hexadecimal digits.
    #[must_use]
    pub fn short(&self) -> String {
        plan_number(self.plan)
    }
}

/// Spells the digest of a plan as the number that people sign.
#[must_use]
pub fn plan_number(plan: Sha256) -> String {
    let mut number = plan.short();
    number.truncate(12);
    number
}

impl Caps {
    /// Gives the cap of a kind.
    #[must_use]
    pub const fn of(&self, kind: CapKind) -> Option<Micros> {
        match kind {
            CapKind::Run => self.run,
            CapKind::Show => self.show,
            CapKind::Sequence => self.sequence,
            CapKind::Shot => self.shot,
            CapKind::Plan => match self.plan {
                Some(signed) => Some(signed.most),
                None => None,
            },
        }
    }
}

/// Which cap stands in the way of a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverCap {
    /// Which.
    pub cap: CapKind,
    /// Its amount.
    pub limit: Micros,
    /// What is gone under it.
    pub spent: Micros,
    /// What may still go under it.
    pub reserved: Micros,
    /// What the purchase would cost.
    pub price: Micros,
}

/// The kinds of caps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CapKind {
    /// `--max-cost` or `budget.run`.
    Run,
    /// `budget.show`.
    Show,
    /// `budget.sequence`.
    Sequence,
    /// `budget.shot`.
    Shot,
    /// What was signed: `--plan`.
    Plan,
}

impl CapKind {
    /// Tells whether a run stops at the cap, rather than leave out what the cap is about.
    #[must_use]
    pub const fn stops_all(self) -> bool {
        matches!(self, Self::Run | Self::Show | Self::Plan)
    }

    /// Gives the word for people and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Show => "show",
            Self::Sequence => "sequence",
            Self::Shot => "shot",
            Self::Plan => "plan",
        }
    }
}

impl fmt::Display for OverCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cap,
            limit,
            spent,
            reserved,
            price,
        } = self;
        let cap = cap.word();
        write!(
            f,
            "{price} more would pass the {cap} cap of {limit} ({spent} spent, {reserved} reserved)"
        )
    }
}

/// Money that is gone and money that may go, under one heading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Gone.
    pub spent: Micros,
    /// May go.
    pub reserved: Micros,
}

impl Account {
    fn shift(&mut self, before: Weight, after: Weight) {
        self.spent = self.spent.plus(after.spent).minus(before.spent);
        self.reserved = self.reserved.plus(after.reserved).minus(before.reserved);
    }

    /// Gives what counts against a cap.
    #[must_use]
    pub const fn counted(self) -> Micros {
        self.spent.plus(self.reserved)
    }

    fn allows(self, kind: CapKind, limit: Option<Micros>, price: Micros) -> Result<(), OverCap> {
        match limit {
            Some(limit) if self.counted().plus(price) > limit => Err(OverCap {
                cap: kind,
                limit,
                spent: self.spent,
                reserved: self.reserved,
                price,
            }),
            _ => Ok(()),
        }
    }
}

/// The accounts of a show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accounts {
    /// The whole show.
    pub show: Account,
    /// The run under way, together with runs before it that were cut off.
    pub run: Account,
    /// Each sequence.
    pub sequences: HashMap<Arc<str>, Account>,
    /// Each shot.
    pub shots: HashMap<ShotId, Account>,
    /// Each signed plan that a run obeyed.
    plans: Vec<(Sha256, Account)>,
    /// The one that the run under way obeys, by its place in that list.
    pub(super) plan: Option<u32>,
    /// The accounting period: it changes when a run begins after one that ended in order.
    pub(super) period: u32,
}

impl Accounts {
    /// Books the change of a task's weight everywhere it counts.
    ///
    /// `joined` says that the task came into this run's account with this very step.
    pub(super) fn book(&mut self, task: &Task, before: Weight, joined: bool) {
        let after = task.weight();
        self.show.shift(before, after);
        if task.period == self.period {
            self.run.shift(
                if joined {
                    Weight {
                        spent: after.spent,
                        ..Weight::default()
                    }
                } else {
                    before
                },
                after,
            );
        }
        if let Some(account) = self.plan_account_mut(task.plan) {
            account.shift(before, after);
        }
        if let Some(sequence) = &task.sequence {
            self.sequences
                .entry(Arc::clone(sequence))
                .or_default()
                .shift(before, after);
        }
        self.shots
            .entry(task.shot.clone())
            .or_default()
            .shift(before, after);
    }

    /// Begins a new accounting period.
    pub(super) fn new_period(&mut self) {
        self.period += 1;
        self.run = Account::default();
    }

    /// Begins or goes on with the account of the signed plan that a run obeys.
    pub(super) fn obey(&mut self, plan: Option<Sha256>) {
        self.plan = plan.and_then(|plan| {
            let known = self.plans.iter().position(|(known, _)| *known == plan);
            let at = known.unwrap_or_else(|| {
                self.plans.push((plan, Account::default()));
                self.plans.len() - 1
            });
            u32::try_from(at).ok()
        });
    }

    /// Moves what is reserved for a task from the plan it was sent under to the one it is sent
    /// again under.
    pub(super) fn change_plan(&mut self, from: Option<u32>, to: Option<u32>, weight: Weight) {
        if from == to {
            return;
        }
        if let Some(account) = self.plan_account_mut(from) {
            account.reserved = account.reserved.minus(weight.reserved);
        }
        if let Some(account) = self.plan_account_mut(to) {
            account.reserved = account.reserved.plus(weight.reserved);
        }
    }

    fn plan_account_mut(&mut self, plan: Option<u32>) -> Option<&mut Account> {
        let at = usize::try_from(plan?).ok()?;
        self.plans.get_mut(at).map(|(_, account)| account)
    }

    /// Gives the account of a signed plan, over all the runs that obeyed it.
    #[must_use]
    pub fn under_plan(&self, plan: Sha256) -> Account {
        let found = self.plans.iter().find(|(known, _)| *known == plan);
        found.map(|(_, account)| *account).unwrap_or_default()
    }

    fn of_plan_cap(&self, caps: &Caps) -> Account {
        let plan = caps.plan.map(|signed| self.under_plan(signed.plan));
        plan.unwrap_or_default()
    }

    /// Tells whether a task counts under a plan cap already.
    fn counts_under(&self, caps: &Caps, task: &Task) -> bool {
        let of = task.plan.and_then(|at| usize::try_from(at).ok());
        let of = of.and_then(|at| self.plans.get(at));
        of.is_some_and(|(plan, _)| caps.plan.is_some_and(|signed| signed.plan == *plan))
    }

    /// Tells whether a task that counts already may be sent again under every cap.
    ///
    /// Caps may have become lower since it was first sent, and a run that did not send it has not
    /// counted it yet.
    ///
    /// # Errors
    /// Names the first cap in the way, the narrowest first.
    pub(super) fn allow_again(&self, caps: &Caps, task: &Task) -> Result<(), OverCap> {
        let price = task.price.times(u64::from(task.missing()));
        let more = price.minus(task.weight().reserved);
        let in_run = if task.period == self.period {
            more
        } else {
            price
        };
        let in_plan = if self.counts_under(caps, task) {
            more
        } else {
            price
        };
        let sequence = task.sequence.as_ref();
        let sequence = sequence.and_then(|name| self.sequences.get(name)).copied();
        let shot = self.shots.get(&task.shot).copied().unwrap_or_default();
        let wanted = [
            (shot, CapKind::Shot, more),
            (sequence.unwrap_or_default(), CapKind::Sequence, more),
            (self.of_plan_cap(caps), CapKind::Plan, in_plan),
            (self.run, CapKind::Run, in_run),
            (self.show, CapKind::Show, more),
        ];
        for (account, kind, more) in wanted {
            // What of the price counts already is told as the price of the resend.
            let over = |over: OverCap| OverCap {
                reserved: over.reserved.minus(price.minus(more)),
                price,
                ..over
            };
            account.allows(kind, caps.of(kind), more).map_err(over)?;
        }
        Ok(())
    }

    /// Tells whether a price fits under every cap.
    ///
    /// # Errors
    /// Names the first cap in the way, the narrowest first.
    pub fn allow(
        &self,
        caps: &Caps,
        shot: &ShotId,
        sequence: Option<&str>,
        price: Micros,
    ) -> Result<(), OverCap> {
        let shot = self.shots.get(shot).copied().unwrap_or_default();
        let sequence = sequence.and_then(|name| self.sequences.get(name)).copied();
        shot.allows(CapKind::Shot, caps.shot, price)?;
        sequence
            .unwrap_or_default()
            .allows(CapKind::Sequence, caps.sequence, price)?;
        let signed = caps.of(CapKind::Plan);
        self.of_plan_cap(caps)
            .allows(CapKind::Plan, signed, price)?;
        self.run.allows(CapKind::Run, caps.run, price)?;
        self.show.allows(CapKind::Show, caps.show, price)
    }
}

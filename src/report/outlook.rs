//! What a plan is made with beside its tasks: prices, references, casts, approved shots gone stale.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::domain::digest::Sha256;
use crate::domain::id::{ShotId, Variant};
use crate::domain::money::Micros;
use crate::expand::wanted::Wanted;
use crate::ledger::fold::Ledger;
use crate::plan::build::{Entry, Purchase};
use crate::plan::reason::{Kept, Reason};
use crate::plan::select::is_cast;
use crate::report::lines::Lines;
use crate::report::prices::{Basis, Prices};

/// What is learnt while a plan is made, one shot and variant after another.
#[derive(Clone, Debug, Default)]
pub struct Outlook {
    /// What images are reckoned at.
    pub prices: Prices,
    /// What the price of each entry of the plan rests on, in the order of the entries.
    pub bases: Vec<Basis>,
    /// What each sequence comes to.
    pub lines: Lines,
    /// The approved shots that are kept though what is written of them changed since.
    pub stale: Vec<Stale>,
    /// The characters that were asked about.
    pub casts: Vec<Cast>,
    /// The references of what is bought; the flag says whether the provider has them already.
    references: HashMap<Sha256, bool>,
}

/// An approved shot and variant that is kept though it is stale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The shot.
    pub shot: ShotId,
    /// The variant.
    pub variant: Variant,
    /// How many takes it would need.
    pub takes: u32,
    /// What these would cost.
    pub price: Micros,
    /// Whether nothing was ever bought for it, so that there is no picture to keep.
    pub is_unbought: bool,
}

/// Where a character is, and what becomes of the shots it is in.
#[derive(Clone, Debug, Default)]
pub struct Cast {
    /// The name as it was asked for, such as `mira` or `mira.rain`.
    pub name: String,
    /// How prompts call it.
    pub title: String,
    /// Where it is written, for people.
    pub at: Option<String>,
    /// The takes wanted of them.
    pub takes: u64,
    /// The approved shots with it that are kept though stale.
    pub stale: Vec<Stale>,
    sequences: HashSet<Arc<str>>,
    done: BTreeMap<Becomes, u64>,
    current: Option<(ShotId, Becomes)>,
}

/// What becomes of a shot; the first that holds for one of its variants counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Becomes {
    /// Takes of it are bought anew: it had some before.
    Anew,
    /// Takes of it are bought for the first time.
    First,
    /// It is approved and kept, though stale.
    Stale,
    /// A person holds it back: on hold, waiting for approval, or omitted.
    HeldBack,
    /// Takes of it are lost, unsure, missing, or were refused.
    Stuck,
    /// Takes of it are under way.
    UnderWay,
    /// The selection, or its limit, leaves it out.
    NotNow,
    /// Nothing lacks.
    UpToDate,
}

impl Becomes {
    /// Every one, in the order they are told.
    pub const ALL: [Self; 8] = [
        Self::UpToDate,
        Self::UnderWay,
        Self::Anew,
        Self::First,
        Self::Stuck,
        Self::HeldBack,
        Self::NotNow,
        Self::Stale,
    ];

    /// Gives the word of reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Anew => "bought_anew",
            Self::First => "bought_first",
            Self::Stale => "approved_but_stale",
            Self::HeldBack => "held_or_omitted",
            Self::Stuck => "stuck",
            Self::UnderWay => "under_way",
            Self::NotNow => "not_selected",
            Self::UpToDate => "up_to_date",
        }
    }

    fn of(entry: &Entry) -> Self {
        let kept = |all: &[Kept]| all.iter().any(|kept| entry.keeps.contains_key(kept));
        if entry.buys.keys().any(|reason| *reason != Reason::New) {
            Self::Anew
        } else if !entry.buys.is_empty() {
            Self::First
        } else if kept(&[Kept::ApprovedButStale]) {
            Self::Stale
        } else if kept(&[Kept::Held, Kept::Omitted]) {
            Self::HeldBack
        } else if kept(&[
            Kept::Unsure,
            Kept::Lost,
            Kept::MissingFile,
            Kept::RefusedBefore,
        ]) {
            Self::Stuck
        } else if kept(&[Kept::Open]) {
            Self::UnderWay
        } else if kept(&[Kept::NotSelected]) {
            Self::NotNow
        } else {
            Self::UpToDate
        }
    }
}

impl Outlook {
    /// Begins one that looks at characters, too.
    #[must_use]
    pub fn of(casts: Vec<Cast>) -> Self {
        Self {
            casts,
            ..Self::default()
        }
    }

    /// Takes in a shot and variant and what becomes of it; call it in the order of the plan.
    pub fn add(
        &mut self,
        ledger: &Ledger,
        wanted: &Wanted,
        (entry, purchases): (&Entry, &[Purchase]),
    ) {
        let price = self.prices.add(ledger, wanted);
        self.bases.push(price.basis);
        self.lines.add(entry, purchases, price.basis);
        if !entry.buys.is_empty() {
            for reference in &wanted.request.references {
                let sha256 = reference.image.digest();
                let known = || ledger.upload(&sha256).is_some();
                self.references.entry(sha256).or_insert_with(known);
            }
        }
        let kept = entry.keeps.get(&Kept::ApprovedButStale);
        let stale = kept.map(|takes| Stale {
            shot: entry.shot.clone(),
            variant: entry.variant,
            takes: *takes,
            price: price.amount.times(u64::from(*takes)),
            is_unbought: ledger.tasks_of(&entry.shot, entry.variant).next().is_none(),
        });
        for cast in &mut self.casts {
            if is_cast(&cast.name, wanted) {
                cast.add(entry, stale.as_ref());
            }
        }
        self.stale.extend(stale);
    }

    /// Ends it: the last shot is counted.
    #[must_use]
    pub fn finish(mut self) -> Self {
        for cast in &mut self.casts {
            cast.count();
        }
        self
    }

    /// Counts the references of what is bought, and those of them that the provider has already.
    #[must_use]
    pub fn references(&self) -> (u64, u64) {
        let uploaded = self.references.values().filter(|known| **known).count();
        (self.references.len() as u64, uploaded as u64)
    }
}

impl Cast {
    /// Begins to look for a character: its name as asked for, how prompts call it, and where it is
    /// written.
    #[must_use]
    pub fn new(name: &str, title: String, at: Option<String>) -> Self {
        Self {
            name: name.to_owned(),
            title,
            at,
            ..Self::default()
        }
    }

    fn add(&mut self, entry: &Entry, stale: Option<&Stale>) {
        let becomes = Becomes::of(entry);
        match &mut self.current {
            Some((shot, worst)) if *shot == entry.shot => *worst = becomes.min(*worst),
            _ => {
                self.count();
                self.current = Some((entry.shot.clone(), becomes));
            }
        }
        self.takes += u64::from(entry.wanted);
        if let Some(sequence) = &entry.sequence
            && !self.sequences.contains(sequence)
        {
            self.sequences.insert(sequence.clone());
        }
        self.stale.extend(stale.cloned());
    }

    fn count(&mut self) {
        if let Some((_, becomes)) = self.current.take() {
            *self.done.entry(becomes).or_default() += 1;
        }
    }

    /// Gives how many shots it is in.
    #[must_use]
    pub fn shots(&self) -> u64 {
        self.done.values().sum()
    }

    /// Gives how many sequences it is in.
    #[must_use]
    pub fn sequences(&self) -> u64 {
        self.sequences.len() as u64
    }

    /// Gives of how many shots this is what becomes of them.
    #[must_use]
    pub fn count_of(&self, becomes: Becomes) -> u64 {
        self.done.get(&becomes).copied().unwrap_or_default()
    }
}

/// Sums up what it costs to refresh what is kept though stale.
#[must_use]
pub fn to_refresh(stale: &[Stale]) -> (u64, Micros) {
    let takes = stale.iter().map(|stale| u64::from(stale.takes)).sum();
    (takes, stale.iter().map(|stale| stale.price).sum())
}

//! A saved plan: what a producer signs, and everything it was made from.

pub mod json;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::digest::Sha256;
use crate::domain::id::{Attempt, Key, ShotId, ShowId, Takes, TaskId, Variant};
use crate::domain::money::Micros;
use crate::expand::wanted::KeyParts;
use crate::plan::build::Purchase;

/// The version of the format that is written.
///
/// History: 1, the first.
pub const FORMAT: u32 = 1;

/// A plan as it was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedPlan {
    /// When; the one thing that its digest does not cover.
    pub saved_at: Timestamp,
    /// The tool and its version.
    pub tool: String,
    /// The show, where its id was known by then.
    pub show: Option<ShowId>,
    /// The path of the manifest, as given.
    pub manifest: String,
    /// The output folder whose run log it was made with.
    pub output: String,
    /// The flags that shaped it.
    pub flags: Flags,
    /// Every text the manifest was read from, by its path from the manifest's folder.
    pub texts: BTreeMap<String, Sha256>,
    /// Every reference file of its tasks, by its path from the manifest's folder.
    pub references: BTreeMap<String, Sha256>,
    /// What an image of its tasks is reckoned at.
    pub prices: Vec<SavedPrice>,
    /// The caps of the manifest, by name.
    pub caps: BTreeMap<String, Micros>,
    /// Its tasks, in manifest order.
    pub tasks: Vec<SavedTask>,
    /// Tasks of earlier runs that may have to be sent again.
    pub resends: Vec<Resend>,
}

/// The flags that shape a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--shot`.
    pub shot: Vec<String>,
    /// `--sequence`.
    pub sequence: Vec<String>,
    /// `--character`.
    pub character: Vec<String>,
    /// `--preset`.
    pub preset: Vec<String>,
    /// `--limit`.
    pub limit: Option<u32>,
    /// `--set`.
    pub set: Vec<String>,
    /// `--encoding`.
    pub encoding: Option<String>,
    /// `--max-cost`.
    pub max_cost: Option<Micros>,
    /// `--skip-invalid`.
    pub skip_invalid: bool,
    /// `--rebuy missing`.
    pub rebuy_missing: bool,
    /// `--retry-refused`.
    pub retry_refused: bool,
}

/// What an image of a model and size is reckoned at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedPrice {
    /// The model's id.
    pub model: String,
    /// The size, `1360x768`, or a tier where the ratio is that of a reference.
    pub size: String,
    /// The amount.
    pub amount: Micros,
    /// Where it comes from, as a word.
    pub basis: String,
}

/// A task of a saved plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedTask {
    /// The shot.
    pub shot: ShotId,
    /// Its sequence.
    pub sequence: Option<String>,
    /// The variant.
    pub variant: Variant,
    /// The variant's values, in the order written.
    pub values: Vec<(String, String)>,
    /// The takes it buys.
    pub takes: Takes,
    /// Their key.
    pub key: Key,
    /// The key's parts, to say what changed.
    pub parts: KeyParts,
    /// How often the take was tried before.
    pub attempt: Attempt,
    /// Why it is bought, as a word.
    pub reason: String,
    /// What it costs at the most.
    pub price: Micros,
    /// The cap that leaves it out, as a word; it is then not signed for.
    pub over: Option<String>,
    /// The paths of its files below the output folder.
    pub files: Vec<String>,
}

/// A task of an earlier run that is sent again should the provider not know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resend {
    /// The task.
    pub task: TaskId,
    /// The shot.
    pub shot: ShotId,
    /// The variant.
    pub variant: Variant,
    /// The takes it buys.
    pub takes: Takes,
    /// What it may cost.
    pub price: Micros,
}

/// Takes, tasks and their price, summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// How many takes.
    pub takes: u64,
    /// In how many tasks.
    pub tasks: u64,
    /// What they cost at the most.
    pub price: Micros,
}

impl Total {
    /// Adds a task.
    pub fn add(&mut self, takes: Takes, price: Micros) {
        self.takes += u64::from(takes.count);
        self.tasks += 1;
        self.price = self.price.plus(price);
    }
}

impl SavedPlan {
    /// Sums up the tasks that are signed for: those that no cap leaves out.
    #[must_use]
    pub fn total(&self) -> Total {
        let mut total = Total::default();
        for task in self.tasks.iter().filter(|task| task.over.is_none()) {
            total.add(task.takes, task.price);
        }
        total
    }

    /// Gives what tasks of earlier runs may cost should they have to be sent again.
    #[must_use]
    pub fn resent(&self) -> Micros {
        self.resends.iter().map(|resend| resend.price).sum()
    }

    /// Gives the most that may be spent under it.
    #[must_use]
    pub fn most(&self) -> Micros {
        self.total().price.plus(self.resent())
    }
}

impl SavedTask {
    /// Tells whether a purchase buys nothing but takes of this task, as they were signed.
    #[must_use]
    pub fn covers(&self, purchase: &Purchase) -> bool {
        self.is_for(&purchase.shot, purchase.variant)
            && self.key == purchase.key
            && self.holds(purchase.takes)
    }

    /// Tells whether it is about a shot and variant.
    #[must_use]
    pub fn is_for(&self, shot: &ShotId, variant: Variant) -> bool {
        self.shot == *shot && self.variant == variant
    }

    /// Tells whether takes are among its own.
    #[must_use]
    pub fn holds(&self, takes: Takes) -> bool {
        let end = |takes: Takes| u64::from(takes.first.0) + u64::from(takes.count);
        self.takes.first <= takes.first && end(takes) <= end(self.takes)
    }

    /// Tells whether some of its takes are among others.
    #[must_use]
    pub fn shares(&self, takes: Takes) -> bool {
        let end = |takes: Takes| u64::from(takes.first.0) + u64::from(takes.count);
        u64::from(self.takes.first.0) < end(takes) && u64::from(takes.first.0) < end(self.takes)
    }
}

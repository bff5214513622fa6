//! Building a plan.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::domain::id::{Attempt, Key, ShotId, ShowId, Takes, TaskId, Variant};
use crate::domain::money::Micros;
use crate::expand::request::AskedSize;
use crate::expand::wanted::Wanted;
use crate::ledger::decision::Decisions;
use crate::ledger::fold::Ledger;
use crate::ledger::money::{Caps, OverCap};
use crate::ledger::task::{End, Fate, OnDisk, Task};
use crate::manifest::model::Status;
use crate::plan::counting::Counting;
use crate::plan::foresight::Foresight;
use crate::plan::reason::{Kept, Reason};
use crate::plan::select::Selection;
use crate::plan::slots::{Slot, allot};
use crate::plan::step::{Leave, Step, is_for_good, needs_settling, next, would_fail_again};

/// What is bought, what is settled, and what is left alone, each with its reason.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// One entry for each shot and variant, in manifest order; perhaps only the first ones.
    pub entries: Vec<Entry>,
    /// The entries after these, summed up.
    pub rest: Rest,
    /// The tasks to buy, in manifest order.
    pub purchases: Vec<Purchase>,
    /// Tasks of the log that are not finished: asked about and fetched, free of charge.
    pub settle: Vec<Unsettled>,
    /// Saved images whose files are gone, to be fetched again free of charge.
    pub refetch: Vec<Refetch>,
    /// Files whose size is not what the log says: left alone and told.
    pub changed_files: Vec<String>,
    /// Tasks whose refusal keeps takes from being bought.
    pub refused: Vec<TaskId>,
}

/// Entries that were not kept one by one: of a long list that nobody asked to see.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rest {
    /// How many.
    pub count: usize,
    /// How many takes are wanted.
    pub wanted: u64,
    /// How many takes are not bought, and why.
    pub keeps: BTreeMap<Kept, u64>,
    /// Whether takes are lacking of some that no run buys unasked.
    pub lacks: bool,
}

impl Rest {
    fn add(&mut self, entry: &Entry) {
        self.count += 1;
        self.wanted += u64::from(entry.wanted);
        for (kept, takes) in &entry.keeps {
            *self.keeps.entry(*kept).or_default() += u64::from(*takes);
        }
        self.lacks |= entry.lacks();
    }
}

impl Plan {
    /// Gives how many shots and variants it is about.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.entries.len() + self.rest.count
    }

    /// Gives how many takes are wanted.
    #[must_use]
    pub fn wanted(&self) -> u64 {
        let listed = self.entries.iter().map(|entry| u64::from(entry.wanted));
        listed.sum::<u64>() + self.rest.wanted
    }

    /// Gives how many takes are left for a reason.
    #[must_use]
    pub fn kept(&self, kept: Kept) -> u64 {
        let entries = self.entries.iter();
        let takes = entries.filter_map(|entry| entry.keeps.get(&kept));
        let listed: u64 = takes.map(|takes| u64::from(*takes)).sum();
        listed + self.rest.keeps.get(&kept).copied().unwrap_or_default()
    }

    /// Tells whether nothing is bought, asked about or fetched.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.purchases.is_empty() && self.settle.is_empty() && self.refetch.is_empty()
    }

    /// Tells whether takes are lacking that no run makes good unasked, bought or not.
    #[must_use]
    pub fn lacks_for_good(&self) -> bool {
        self.kept(Kept::Lost) > 0 || self.kept(Kept::RefusedBefore) > 0
    }

    /// Tells whether takes are lacking though there is nothing to buy.
    #[must_use]
    pub fn lacks(&self) -> bool {
        self.rest.lacks || self.entries.iter().any(Entry::lacks)
    }

    /// Gives the tasks that are settled though the manifest asks for them no more: whatever stays
    /// unsure of them is bought anew by nothing.
    pub fn unasked(&self) -> impl Iterator<Item = TaskId> {
        let unasked = |left: &&Unsettled| left.wanted_by.is_none() && !left.may_return;
        self.settle.iter().filter(unasked).map(|left| left.task)
    }
}

/// What becomes of one shot and variant.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The shot.
    pub shot: ShotId,
    /// Its sequence.
    pub sequence: Option<Arc<str>>,
    /// The variant.
    pub variant: Variant,
    /// How many takes are wanted.
    pub wanted: u32,
    /// How many takes are bought, and why.
    pub buys: BTreeMap<Reason, u32>,
    /// How many takes are not bought, and why.
    pub keeps: BTreeMap<Kept, u32>,
    /// What the purchase costs at the most.
    pub price: Micros,
    /// The paths of the takes it buys.
    pub files: Vec<String>,
}

impl Entry {
    /// Tells whether takes are lacking that no run buys unasked.
    fn lacks(&self) -> bool {
        let lacking = [
            Kept::Unsure,
            Kept::Lost,
            Kept::MissingFile,
            Kept::RefusedBefore,
        ];
        let have = self.keeps.get(&Kept::Have).copied().unwrap_or_default();
        have < self.wanted && lacking.iter().any(|kept| self.keeps.contains_key(kept))
    }
}

/// One task to buy.
#[derive(Clone, Debug, PartialEq)]
pub struct Purchase {
    /// Its id.
    pub task: TaskId,
    /// Which shot of the manifest it is for, by its place in the manifest's list.
    pub shot_index: usize,
    /// The shot.
    pub shot: ShotId,
    /// Its sequence.
    pub sequence: Option<Arc<str>>,
    /// The variant.
    pub variant: Variant,
    /// The takes it buys.
    pub takes: Takes,
    /// Their key.
    pub key: Key,
    /// The attempt its id was derived for.
    pub attempt: Attempt,
    /// Why.
    pub reason: Reason,
    /// What it costs at the most.
    pub price: Micros,
    /// The cap it would pass if everything before it costs its price.
    pub over: Option<Box<OverCap>>,
}

impl Purchase {
    /// Gives the same purchase as a further attempt, with the id that belongs to it.
    #[must_use]
    pub fn as_attempt(&self, show: &ShowId, attempt: Attempt) -> Self {
        let first = self.takes.first;
        let task = TaskId::derive(show, &self.shot, self.variant, first, self.key, attempt);
        Self {
            task,
            attempt,
            ..self.clone()
        }
    }
}

/// A task of the log that is not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// The task.
    pub task: TaskId,
    /// The shot of the manifest that still asks for exactly this and may be bought now.
    pub wanted_by: Option<usize>,
    /// Whether the manifest still asks for exactly this, though it may not be bought just now.
    pub may_return: bool,
}

/// A saved image whose file is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refetch {
    /// The task.
    pub task: TaskId,
    /// Which of its images.
    pub index: u32,
}

/// Whether an image's file is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// It is, with the size the log says.
    Present,
    /// It is not.
    Missing,
    /// It is, with another size.
    OtherSize,
}

/// What a plan is made under.
pub struct Terms<'a> {
    /// The show, for task ids.
    pub show: &'a ShowId,
    /// Which shots.
    pub selection: &'a Selection,
    /// What people decided. The statuses of what is wanted follow it already; this says which takes
    /// count no longer.
    pub decisions: &'a Decisions,
    /// The caps in force.
    pub caps: Caps,
    /// Buy again what was lost, is unsure, or whose file is gone.
    pub rebuy_missing: bool,
    /// Buy again what was refused.
    pub retry_refused: bool,
    /// Says whether an image's file is there, from its size alone.
    pub file_state: &'a dyn Fn(&OnDisk) -> FileState,
}

/// Builds a plan, one wanted shot and variant at a time.
pub struct Builder<'a> {
    ledger: &'a Ledger,
    terms: Terms<'a>,
    plan: Plan,
    wanted_open: HashMap<TaskId, usize>,
    barred_open: HashSet<TaskId>,
    foresight: Foresight,
    takes_left: Option<u32>,
    /// The most entries that are kept one by one.
    listed: usize,
    /// The entry that was made last.
    latest: Option<Entry>,
    /// How many purchases there were before it.
    before: usize,
    /// How many purchases share the texts of their ids.
    packed: usize,
    /// The sequence of the entry that was made last, for the next one to share.
    sequence: Option<Arc<str>>,
}

/// The takes of a shot and variant under its current key, counted by where they are.
#[derive(Default)]
struct Standing {
    keeps: BTreeMap<Kept, u32>,
    /// The last refusal of each take.
    refused: Vec<(TaskId, Takes)>,
}

impl<'a> Builder<'a> {
    /// Begins a plan.
    #[must_use]
    pub fn new(ledger: &'a Ledger, terms: Terms<'a>) -> Self {
        let takes_left = terms.selection.limit;
        let foresight = Foresight::new(ledger, terms.caps);
        Self {
            ledger,
            terms,
            plan: Plan::default(),
            wanted_open: HashMap::new(),
            barred_open: HashSet::new(),
            foresight,
            takes_left,
            listed: usize::MAX,
            latest: None,
            before: 0,
            packed: 0,
            sequence: None,
        }
    }

    /// Keeps only so many entries one by one, the first ones, and sums up the others: what a long
    /// list comes to needs less memory than its rows.
    #[must_use]
    pub const fn listing(mut self, most: usize) -> Self {
        self.listed = most;
        self
    }

    /// Plans one shot and variant; call it in manifest order.
    pub fn add(&mut self, shot_index: usize, wanted: &Wanted) {
        /// Few enough to be put together at once, enough to be worth it.
        const PACK: usize = 4096;
        self.before = self.plan.purchases.len();
        if self.before - self.packed >= PACK {
            self.pack();
        }
        if self.sequence.as_deref() != wanted.sequence.as_deref() {
            self.sequence = wanted.sequence.as_deref().map(Arc::from);
        }
        let mut entry = Entry {
            shot: wanted.shot.clone(),
            sequence: self.sequence.clone(),
            variant: wanted.variant,
            wanted: wanted.takes,
            buys: BTreeMap::new(),
            keeps: BTreeMap::new(),
            price: Micros::ZERO,
            files: Vec::new(),
        };
        let selected = self.terms.selection.has(wanted);
        let barred = barred(wanted, selected);
        let counting = Counting::of(self.terms.decisions, wanted);
        let standing = self.standing(shot_index, wanted, &counting, barred.is_none());
        let counted = standing.keeps.values().sum::<u32>();
        let mut need = wanted.takes.saturating_sub(counted);
        entry.keeps = standing.keeps;
        if need > 0
            && let Some(kept) = barred
        {
            *entry.keeps.entry(kept).or_default() += need;
            need = 0;
        }
        if need > 0 && !standing.refused.is_empty() && !self.terms.retry_refused {
            *entry.keeps.entry(Kept::RefusedBefore).or_default() += need;
            let refused = standing.refused.iter().map(|(task, _)| *task);
            self.plan.refused.extend(refused);
            need = 0;
        }
        if let Some(left) = &mut self.takes_left {
            let cut = need.saturating_sub(*left);
            if cut > 0 {
                *entry.keeps.entry(Kept::NotSelected).or_default() += cut;
            }
            need -= cut;
            *left -= need;
        }
        self.buy(shot_index, wanted, &counting, need, &mut entry);
        if self.plan.entries.len() < self.listed {
            self.plan.entries.push(entry.clone());
        } else {
            self.plan.rest.add(&entry);
        }
        self.latest = Some(entry);
    }

    fn pack(&mut self) {
        let purchases = self.plan.purchases.iter_mut().skip(self.packed);
        ShotId::pack(purchases.map(|purchase| &mut purchase.shot));
        self.packed = self.plan.purchases.len();
    }

    /// Gives what became of the shot and variant that was added last, and what is bought of it.
    #[must_use]
    pub fn latest(&self) -> Option<(&Entry, &[Purchase])> {
        let purchases = self.plan.purchases.get(self.before..).unwrap_or_default();
        self.latest.as_ref().map(|entry| (entry, purchases))
    }

    /// Counts the takes under the current key, and notes what has to be settled or fetched.
    fn standing(
        &mut self,
        shot_index: usize,
        wanted: &Wanted,
        counting: &Counting,
        may_buy: bool,
    ) -> Standing {
        let mut standing = Standing::default();
        let (refetch, changed) = (self.plan.refetch.len(), self.plan.changed_files.len());
        let ledger = self.ledger;
        let tasks = ledger.tasks_of(&wanted.shot, wanted.variant);
        let tasks = tasks.filter(|(_, task)| task.key == wanted.key);
        for (id, task) in tasks.filter(|(id, task)| counting.has_part(*id, task)) {
            if may_buy {
                self.wanted_open.insert(id, shot_index);
            } else {
                self.barred_open.insert(id);
            }
            if !task.images.is_empty() {
                // What was refused once and made later is no more refused.
                standing.refused.clear();
            }
            self.count_images(&mut standing, id, task, counting);
            let missing = counting.missing(id, task);
            match next(Some(task)) {
                Step::Ask => standing.count(Kept::Open, missing),
                Step::Leave(Leave::Refused) if is_for_good(task) => standing.refuse(id, task),
                Step::Leave(Leave::Refused) => standing.refused.clear(),
                Step::Leave(Leave::Failed) if would_fail_again(task) => standing.refuse(id, task),
                Step::Leave(Leave::Unsure) if !self.terms.rebuy_missing => {
                    standing.count(Kept::Unsure, missing);
                }
                _ if matches!(task.end, Some(End::Unsure(_))) && !self.terms.rebuy_missing => {
                    standing.count(Kept::Unsure, missing);
                }
                _ => {}
            }
        }
        if standing.keeps.get(&Kept::Have).copied().unwrap_or_default() >= wanted.takes {
            // What is wanted is there: a file beyond that is looked after by `verify` alone.
            self.plan.refetch.truncate(refetch);
            self.plan.changed_files.truncate(changed);
            // So is an image that was lost and made anew.
            standing.keeps.remove(&Kept::MissingFile);
            standing.keeps.remove(&Kept::Lost);
        }
        standing
    }

    fn count_images(
        &mut self,
        standing: &mut Standing,
        id: TaskId,
        task: &Task,
        counting: &Counting,
    ) {
        let images = task.images.iter();
        for image in images.filter(|image| counting.counts(id, task, image.index)) {
            match &image.fate {
                Fate::Produced(_) => standing.count(Kept::Open, 1),
                Fate::Lost(_) if self.terms.rebuy_missing => {}
                Fate::Lost(_) => standing.count(Kept::Lost, 1),
                Fate::Saved(on_disk) => match (self.terms.file_state)(on_disk) {
                    FileState::Present => standing.count(Kept::Have, 1),
                    _ if self.terms.rebuy_missing => {}
                    FileState::Missing => {
                        standing.count(Kept::MissingFile, 1);
                        let index = image.index;
                        self.plan.refetch.push(Refetch { task: id, index });
                    }
                    FileState::OtherSize => {
                        standing.count(Kept::MissingFile, 1);
                        self.plan.changed_files.push(on_disk.path.clone());
                    }
                },
            }
        }
    }

    fn buy(
        &mut self,
        shot_index: usize,
        wanted: &Wanted,
        counting: &Counting,
        need: u32,
        entry: &mut Entry,
    ) {
        if need == 0 {
            return;
        }
        let image_price = price(self.ledger, wanted);
        let reason = self.reason(wanted, counting);
        let per_task = wanted.results_per_task.max(1);
        let (shot, variant, key) = (&wanted.shot, wanted.variant, wanted.key);
        let extension = wanted.request.format.word();
        let used = counting.numbers(wanted);
        for slot in allot(self.ledger, shot, variant, key, &used, need, per_task) {
            let Slot {
                takes,
                attempt,
                failed_before,
            } = slot;
            // A further attempt of a retake is still the retake's: it counts as one.
            let reason = if failed_before && reason != Reason::Retake {
                Reason::FailedBefore
            } else {
                reason
            };
            let price = image_price.times(u64::from(takes.count));
            *entry.buys.entry(reason).or_default() += takes.count;
            entry.price = entry.price.plus(price);
            if self.plan.entries.len() < self.listed {
                let files = takes.iter().map(|take| wanted.name.path(take, extension));
                entry.files.extend(files);
            }
            let sequence = wanted.sequence.as_deref();
            let over = self.foresight.add(shot, sequence, price).map(Box::new);
            self.plan.purchases.push(Purchase {
                task: TaskId::derive(self.terms.show, shot, variant, takes.first, key, attempt),
                shot_index,
                shot: shot.clone(),
                sequence: self.sequence.clone(),
                variant,
                takes,
                key,
                attempt,
                reason,
                price,
                over,
            });
        }
    }

    /// Says why takes are lacking: what differs from the takes made last.
    fn reason(&self, wanted: &Wanted, counting: &Counting) -> Reason {
        if counting.is_asked_again(self.ledger, wanted) {
            return Reason::Retake;
        }
        let mut tasks = self.ledger.tasks_of(&wanted.shot, wanted.variant);
        if tasks.any(|(_, task)| task.key == wanted.key && !task.images.is_empty()) {
            return Reason::MoreTakes;
        }
        let history = self.ledger.history(&wanted.shot, wanted.variant);
        match history.and_then(|history| history.latest.as_ref()) {
            None => Reason::New,
            Some(before) if before.prompt != wanted.parts.prompt => Reason::PromptChanged,
            Some(before) if before.references != wanted.parts.references => {
                Reason::ReferenceChanged
            }
            Some(before) if before.settings != wanted.parts.settings => Reason::SettingsChanged,
            Some(_) => Reason::MoreTakes,
        }
    }

    /// Ends the plan: what the log left unfinished is settled, wanted or not.
    #[must_use]
    pub fn finish(mut self) -> Plan {
        let mut unsettled: Vec<Unsettled> = self
            .ledger
            .tasks()
            .filter(|(_, task)| needs_settling(task))
            .map(|(task, _)| Unsettled {
                task,
                wanted_by: self.wanted_open.get(&task).copied(),
                may_return: self.barred_open.contains(&task),
            })
            .collect();
        unsettled
            .sort_by_key(|unsettled| (unsettled.wanted_by.unwrap_or(usize::MAX), unsettled.task));
        self.plan.settle = unsettled;
        self.plan
    }
}

impl Standing {
    fn refuse(&mut self, id: TaskId, task: &Task) {
        let of_another_take = |(_, takes): &(TaskId, Takes)| takes.first != task.takes.first;
        self.refused.retain(of_another_take);
        self.refused.push((id, task.takes));
    }

    fn count(&mut self, kept: Kept, takes: u32) {
        if takes > 0 {
            *self.keeps.entry(kept).or_default() += takes;
        }
    }
}

/// Says why a shot may not be bought at all, whatever it lacks.
fn barred(wanted: &Wanted, selected: bool) -> Option<Kept> {
    match wanted.status {
        _ if !selected => Some(Kept::NotSelected),
        Status::Todo | Status::Retake => None,
        Status::Approved => Some(Kept::ApprovedButStale),
        Status::Hold | Status::WaitingForApproval => Some(Kept::Held),
        Status::Omit => Some(Kept::Omitted),
    }
}

/// Gives what one image of a shot costs at the most.
///
/// The larger of the profile's price and the dearest that was told for this model and size.
#[must_use]
pub fn price(ledger: &Ledger, wanted: &Wanted) -> Micros {
    let model = wanted.request.model;
    let size = match wanted.request.size {
        AskedSize::Exact(width, height) => format!("{width}x{height}"),
        AskedSize::LikeReference(resolution) => resolution.word().to_owned(),
    };
    ledger
        .dearest(model.id, &size)
        .unwrap_or_default()
        .max(model.price)
}

//! Comparing a signed plan with what would be bought now: what moved, and what of it is left to buy.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::domain::digest::Sha256;
use crate::domain::id::{ShotId, ShowId, Takes, Variant};
use crate::domain::money::Micros;
use crate::expand::wanted::KeyParts;
use crate::ledger::fold::Ledger;
use crate::plan::build::{Plan, Purchase};
use crate::plan::reason::{Kept, Reason};
use crate::plan::saved::{SavedPlan, SavedTask, Total};

/// What stands now in the place of what was signed.
pub struct Now<'a> {
    /// The show, where its id is known.
    pub show: Option<&'a ShowId>,
    /// Every text the manifest was read from.
    pub texts: &'a BTreeMap<String, Sha256>,
    /// Every reference file the manifest names.
    pub references: &'a BTreeMap<String, Sha256>,
    /// What an image is reckoned at, by model and size.
    pub prices: &'a BTreeMap<(String, String), Micros>,
    /// The caps of the manifest, by name.
    pub caps: &'a BTreeMap<String, Micros>,
    /// What the run log says.
    pub ledger: &'a Ledger,
    /// Gives the key's parts of what a purchase asks for.
    pub parts: &'a dyn Fn(&Purchase) -> Option<KeyParts>,
}

/// One thing that is not as it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// The show has another id: before and now.
    Show(String, Option<String>),
    /// A text the manifest is read from.
    Text(String, Change),
    /// A reference file.
    Reference(String, Change),
    /// The price of an image of a model and size.
    Price {
        /// The model's id.
        model: String,
        /// The size.
        size: String,
        /// The amount that was signed.
        before: Micros,
        /// The amount now.
        now: Micros,
    },
    /// A cap of the manifest.
    Cap {
        /// Its name.
        name: String,
        /// The amount that was signed.
        before: Option<Micros>,
        /// The amount now.
        now: Option<Micros>,
    },
    /// A task asks for another picture.
    Task(Spot, Vec<Part>),
    /// A task would be bought that was not signed.
    Added(Spot, Reason),
    /// A task was signed and would not be bought any more.
    Gone(Spot, Option<Kept>),
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It holds something else.
    Changed,
    /// It was not there.
    Added,
    /// It is not there, or not named, any more.
    Gone,
}

/// What of a task's request changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The prompt, or the model.
    Prompt,
    /// The references.
    References,
    /// Size, format, quality or safety.
    Settings,
}

/// Takes of a shot and variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The shot.
    pub shot: ShotId,
    /// The variant.
    pub variant: Variant,
    /// The takes.
    pub takes: Takes,
}

/// What came of a comparison.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// What moved: nothing may be bought unless this is empty.
    pub moves: Vec<Move>,
    /// Signed tasks that are left alone since, and why: what is bought is less than was signed.
    pub fewer: Vec<(Spot, Option<Kept>)>,
    /// Purchases that are left out because they were not signed for.
    pub left_out: Vec<Purchase>,
    /// Signed tasks that were sent since.
    pub sent: Total,
    /// What would be bought now.
    pub now: Total,
}

/// Compares, and takes out of the plan now whatever was not signed.
///
/// A task that was sent since is no move, nor is a further attempt of it. Neither is a task that a
/// person decided to leave alone since; anything more, or other, is.
pub fn compare(signed: &SavedPlan, now: &Now<'_>, plan: &mut Plan) -> Comparison {
    let mut comparison = Comparison {
        moves: sources(signed, now),
        ..Comparison::default()
    };
    let mut places: HashMap<(&ShotId, Variant), Vec<usize>> = HashMap::new();
    for (at, task) in signed.tasks.iter().enumerate() {
        places
            .entry((&task.shot, task.variant))
            .or_default()
            .push(at);
    }
    let mut met = HashSet::new();
    for purchase in std::mem::take(&mut plan.purchases) {
        let here = places.get(&(&purchase.shot, purchase.variant));
        let here = here.map(Vec::as_slice).unwrap_or_default();
        let case = Case { signed, now, here };
        let fate = case.fate(&purchase, &met);
        if purchase.over.is_none() && !matches!(fate, Fate::LeftOut(_) | Fate::Beyond) {
            comparison.now.add(purchase.takes, purchase.price);
        }
        let spot = Spot::of(&purchase);
        match fate {
            Fate::Signed(at) => {
                met.insert(at);
                plan.purchases.push(purchase);
            }
            Fate::LeftOut(at) => {
                met.extend(at);
                comparison.left_out.push(purchase);
            }
            Fate::Changed(at) => {
                met.insert(at);
                let parts = case.changed(at, &purchase);
                comparison.moves.push(Move::Task(spot, parts));
            }
            Fate::Added => comparison.moves.push(Move::Added(spot, purchase.reason)),
            Fate::Beyond => {}
        }
    }
    unmet(signed, now, plan, &met, &mut comparison);
    leave_unsigned(signed, now.ledger, plan);
    comparison
}

/// Finds what moved beside tasks.
fn sources(signed: &SavedPlan, now: &Now<'_>) -> Vec<Move> {
    let mut moves = Vec::new();
    if let Some(show) = signed.show.as_ref().filter(|show| now.show != Some(show)) {
        let now = now.show.map(ToString::to_string);
        moves.push(Move::Show(show.to_string(), now));
    }
    let texts = files(&signed.texts, now.texts, true);
    moves.extend(texts.map(|(path, change)| Move::Text(path, change)));
    let references = files(&signed.references, now.references, false);
    moves.extend(references.map(|(path, change)| Move::Reference(path, change)));
    for price in &signed.prices {
        let (model, size, before) = (&price.model, &price.size, price.amount);
        let found = now.prices.get(&(model.clone(), size.clone()));
        if let Some(now) = found.filter(|now| **now != before) {
            moves.push(Move::Price {
                model: model.clone(),
                size: size.clone(),
                before,
                now: *now,
            });
        }
    }
    let mut names: Vec<_> = signed.caps.keys().chain(now.caps.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let (before, now) = (signed.caps.get(name), now.caps.get(name));
        if before != now {
            moves.push(Move::Cap {
                name: name.clone(),
                before: before.copied(),
                now: now.copied(),
            });
        }
    }
    moves
}

/// Compares files by their digests.
fn files<'a>(
    before: &'a BTreeMap<String, Sha256>,
    now: &'a BTreeMap<String, Sha256>,
    all: bool,
) -> impl Iterator<Item = (String, Change)> + 'a {
    let old = before.iter().filter_map(|(path, sha256)| {
        let change = match now.get(path) {
            Some(now) if now == sha256 => return None,
            Some(_) => Change::Changed,
            None => Change::Gone,
        };
        Some((path.clone(), change))
    });
    let new = now
        .keys()
        .filter(move |path| all && !before.contains_key(*path));
    old.chain(new.map(|path| (path.clone(), Change::Added)))
}

/// What becomes of a purchase that would be made now.
enum Fate {
    /// It was signed, as this task.
    Signed(usize),
    /// It is left out: a cap left it out when it was signed, or it makes good what came of it since.
    LeftOut(Option<usize>),
    /// In the place of this task something else would be bought.
    Changed(usize),
    /// It was not signed.
    Added,
    /// It is beyond what `--limit` let into the plan.
    Beyond,
}

/// The signed tasks of a shot and variant.
struct Case<'a> {
    signed: &'a SavedPlan,
    now: &'a Now<'a>,
    here: &'a [usize],
}

impl Case<'_> {
    fn tasks(&self) -> impl Iterator<Item = (usize, &SavedTask)> {
        let tasks = self.here.iter();
        tasks.filter_map(|at| Some((*at, self.signed.tasks.get(*at)?)))
    }

    fn fate(&self, purchase: &Purchase, met: &HashSet<usize>) -> Fate {
        if let Some((at, task)) = self.tasks().find(|(_, task)| task.covers(purchase)) {
            return match &task.over {
                Some(_) => Fate::LeftOut(Some(at)),
                None => Fate::Signed(at),
            };
        }
        let other = |task: &SavedTask| task.key != purchase.key;
        let mut others = self.tasks().filter(|(_, task)| other(task));
        let changed = others.find(|(at, task)| task.shares(purchase.takes) || !met.contains(at));
        if let Some((at, _)) = changed {
            return Fate::Changed(at);
        }
        let flags = &self.signed.flags;
        let again = flags.rebuy_missing && purchase.reason != Reason::Retake;
        if again
            && self
                .tasks()
                .any(|(_, task)| !other(task) && sent(task, self.now.ledger))
        {
            // It was bought, and what came of it is missing or unsure in its turn.
            return Fate::LeftOut(None);
        }
        let is_retake = purchase.reason == Reason::Retake && !self.here.is_empty();
        if flags.limit.is_some() && !is_retake {
            return Fate::Beyond;
        }
        Fate::Added
    }

    /// Says what of a task changed.
    fn changed(&self, at: usize, purchase: &Purchase) -> Vec<Part> {
        let before = self.signed.tasks.get(at).map(|task| &task.parts);
        let now = (self.now.parts)(purchase);
        let (Some(before), Some(now)) = (before, now) else {
            return Vec::new();
        };
        let mut parts = Vec::new();
        for (differs, part) in [
            (before.prompt != now.prompt, Part::Prompt),
            (before.references != now.references, Part::References),
            (before.settings != now.settings, Part::Settings),
        ] {
            if differs {
                parts.push(part);
            }
        }
        parts
    }
}

/// Tells whether a signed task was sent since it was signed, whatever came of it.
fn sent(task: &SavedTask, ledger: &Ledger) -> bool {
    let mut tasks = ledger.tasks_of(&task.shot, task.variant);
    tasks.any(|(_, known)| {
        let first = known.takes.first == task.takes.first;
        let later = !first || known.attempt >= task.attempt;
        known.key == task.key && task.holds(known.takes) && later
    })
}

/// Says why signed tasks are not among the purchases any more.
fn unmet(
    signed: &SavedPlan,
    now: &Now<'_>,
    plan: &Plan,
    met: &HashSet<usize>,
    comparison: &mut Comparison,
) {
    let tasks = signed.tasks.iter().enumerate();
    let unmet = tasks.filter(|(at, task)| !met.contains(at) && task.over.is_none());
    let mut left = Vec::new();
    for (_, task) in unmet {
        if sent(task, now.ledger) {
            comparison.sent.add(task.takes, task.price);
        } else {
            left.push(task);
        }
    }
    if left.is_empty() {
        return;
    }
    let places: HashSet<_> = left.iter().map(|task| (&task.shot, task.variant)).collect();
    let entries = plan.entries.iter();
    let entries = entries.filter(|entry| places.contains(&(&entry.shot, entry.variant)));
    let entries: HashMap<_, _> = entries
        .map(|entry| ((&entry.shot, entry.variant), entry))
        .collect();
    let of_files = |moved: &Move| matches!(moved, Move::Text(..) | Move::Reference(..));
    let moved = comparison.moves.iter().any(of_files);
    for task in left {
        let spot = Spot {
            shot: task.shot.clone(),
            variant: task.variant,
            takes: task.takes,
        };
        let entry = entries.get(&(&task.shot, task.variant));
        let why = entry.and_then(|entry| {
            let mut barred = [Kept::ApprovedButStale, Kept::Held, Kept::Omitted].into_iter();
            barred.find(|kept| entry.keeps.contains_key(kept))
        });
        if entry.is_none() || moved {
            comparison.moves.push(Move::Gone(spot, why));
        } else {
            comparison.fewer.push((spot, why));
        }
    }
}

/// Tasks of the log that neither were signed nor stand for a signed task are asked about, free of
/// charge, and not sent again.
fn leave_unsigned(signed: &SavedPlan, ledger: &Ledger, plan: &mut Plan) {
    let resends: HashSet<_> = signed.resends.iter().map(|resend| resend.task).collect();
    let mut places: HashMap<(&ShotId, Variant), Vec<&SavedTask>> = HashMap::new();
    for task in signed.tasks.iter().filter(|task| task.over.is_none()) {
        places
            .entry((&task.shot, task.variant))
            .or_default()
            .push(task);
    }
    for unsettled in &mut plan.settle {
        let is_signed = ledger.task(unsettled.task).is_some_and(|known| {
            let here = places.get(&(&known.shot, known.variant));
            let mut here = here.into_iter().flatten();
            here.any(|task| task.key == known.key && task.holds(known.takes))
        });
        if unsettled.wanted_by.is_some() && !is_signed && !resends.contains(&unsettled.task) {
            unsettled.wanted_by = None;
            unsettled.may_return = true;
        }
    }
}

impl Spot {
    fn of(purchase: &Purchase) -> Self {
        Self {
            shot: purchase.shot.clone(),
            variant: purchase.variant,
            takes: purchase.takes,
        }
    }
}

#[cfg(test)]
mod tests;

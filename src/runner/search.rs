//! Searching for what a lost log told of: what was bought under other numbers than a first run gives.
//!
//! The ids of a first run are asked about when their turn comes. But a take bought after its prompt
//! was changed has a later number, one of a task of several images hides behind the first, and a
//! variant keeps the number it had before its matrix grew: nobody would ask about those, and all of
//! it would be bought a second time. Whatever is found is written into the log as a task that is
//! open, before anything is planned, so that it counts and is fetched like any other.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::{StreamExt as _, stream};

use crate::domain::class::{Class, Trouble};
use crate::domain::id::{Attempt, Key, RunId, ShotId, ShowId, TakeNo, Takes, TaskId, Variant};
use crate::expand::numbers::{Known as Number, Values};
use crate::expand::wanted::Wanted;
use crate::ledger::fold::{Contradiction, Ledger};
use crate::ledger::port::{LogError, RunLog};
use crate::ledger::record::{Accepted, AcceptedBy, Intent, Record};
use crate::plan::build::price;
use crate::provider::{CallError, Known, Provider, Report};
use crate::runner::intent::made;
use crate::runner::order::Orders;

/// The most questions to the archive at a time.
const QUESTIONS: usize = 8;
/// The most ids in one request to the queue.
const TOGETHER: usize = 20;
/// So many pictures are looked for before a show is taken for a new one, of which nothing is known.
const SAMPLES: usize = 8;
/// The most other numbers a variant is looked for under: those that are nearest to its own.
const NEIGHBOURS: usize = 24;
/// The most attempts of a take that are asked about, each after one that is known to have failed.
const ATTEMPTS: u32 = 5;

/// A purchase that the provider knows and the log does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its id.
    pub task: TaskId,
    /// The shot, by its place in the manifest's list.
    pub shot_index: usize,
    /// The shot.
    pub shot: ShotId,
    /// The number of the variant it was bought under.
    pub variant: Variant,
    /// The values of the variant.
    pub values: Values,
    /// Its takes.
    pub takes: Takes,
    /// Their key.
    pub key: Key,
    /// The attempt its id was derived for.
    pub attempt: Attempt,
}

impl Found {
    /// Gives what its variant's number stands for.
    #[must_use]
    pub fn number(&self) -> Number {
        Number {
            variant: self.variant,
            values: vec![self.values.clone()],
            keys: vec![self.key],
        }
    }
}

/// Why a search did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum NotWritten {
    /// The log failed.
    #[error("{0}")]
    Log(#[from] LogError),
    /// The log says something else.
    #[error("{0}")]
    Contradiction(#[from] Contradiction),
}

/// What is searched through.
pub struct Ground<'g> {
    /// The show, for task ids.
    pub show: &'g ShowId,
    /// What the log tells of.
    pub ledger: &'g Ledger,
    /// How many shots there are.
    pub shots: usize,
    /// Gives the variants of a shot.
    pub wanted: &'g (dyn Fn(usize) -> Vec<Wanted> + Sync),
    /// The most ids in one request to the queue.
    pub poll_batch: usize,
    /// How often a question that fails is put again.
    pub retries: u32,
    /// Is called once as soon as anything is found, for going on may take a while.
    pub going_on: &'g (dyn Fn() + Sync),
}

/// Looks for purchases that the log does not tell of: first of a few shots, and of all as soon as
/// the provider knows any.
///
/// # Errors
/// Gives the trouble of a provider that cannot be asked: nothing may then be bought.
pub async fn search<P: Provider>(provider: &P, ground: &Ground<'_>) -> Result<Vec<Found>, Trouble> {
    /// Shots looked for together.
    const SHOTS: usize = 16;
    let mut search = Search {
        provider,
        ground,
        batch: ground.poll_batch.clamp(1, TOGETHER),
    };
    let samples = samples(ground.shots);
    let mut of_samples = Vec::new();
    let mut looked = 0;
    for at in &samples {
        if looked < SAMPLES {
            let lacking = search.lacking(&[*at]);
            looked += lacking.len();
            of_samples.extend(search.find(&lacking).await?);
        }
    }
    if of_samples.is_empty() {
        return Ok(Vec::new());
    }
    (ground.going_on)();
    let mut found = Vec::new();
    let all: Vec<usize> = (0..ground.shots).collect();
    for some in all.chunks(SHOTS) {
        let lacking = search.lacking(some);
        found.extend(search.find(&lacking).await?);
    }
    Ok(found)
}

/// Gives the shots that are looked at first: those that are bought first, and some of the others.
fn samples(shots: usize) -> Vec<usize> {
    let half = SAMPLES / 2;
    let spread = (1..=half).map(|part| shots.saturating_sub(1) * part / half);
    let mut samples: Vec<usize> = (0..half).chain(spread).filter(|at| *at < shots).collect();
    samples.sort_unstable();
    samples.dedup();
    samples
}

/// Writes down what was found, as tasks that the provider has.
///
/// # Errors
/// Tells why the log does not take it; nothing may then be bought.
pub async fn take_over<L: RunLog>(
    log: &L,
    ledger: &mut Ledger,
    found: &[Found],
    orders: &dyn Orders,
    run: &RunId,
) -> Result<usize, NotWritten> {
    let mut taken = 0;
    for found in found {
        let wanted = orders.wanted(found.shot_index, found.variant);
        let Some(wanted) = wanted.filter(|wanted| wanted.key == found.key) else {
            // The picture stands under another number by now: this one is left where it is.
            continue;
        };
        let intent = Intent {
            run: run.clone(),
            task: found.task,
            shot: found.shot.clone(),
            variant: found.variant,
            takes: found.takes,
            key: found.key,
            parts: wanted.parts.clone(),
            attempt: found.attempt,
            reserved: price(ledger, &wanted).times(u64::from(found.takes.count)),
            resend: 0,
            // Nobody knows any more: it may have been a retake.
            reason: None,
            made: made(&wanted),
        };
        let accepted = Accepted {
            task: found.task,
            by: AcceptedBy::Asked,
        };
        for record in [Record::Intent(Box::new(intent)), Record::Accepted(accepted)] {
            let stamped = log.append(record).await?;
            ledger.apply(&stamped)?;
        }
        taken += 1;
    }
    Ok(taken)
}

/// A search under way.
struct Search<'s, P> {
    provider: &'s P,
    ground: &'s Ground<'s>,
    /// The most ids in one request.
    batch: usize,
}

/// A picture that is looked for.
struct Picture {
    shot_index: usize,
    /// How many variants its shot has.
    cells: usize,
    wanted: Wanted,
}

/// A picture that is looked for under one number of its variant.
struct Trace<'w> {
    /// Which of the pictures.
    at: usize,
    picture: &'w Picture,
    variant: Variant,
    /// Takes below this one were asked about.
    next: u32,
    /// Takes from this one on are not.
    end: u32,
    /// What is still to be asked: a take, and the attempt.
    open: Vec<(u32, u32)>,
}

impl<P: Provider> Search<'_, P> {
    /// Gives the pictures of some shots that the log tells of too few takes of.
    fn lacking(&self, shots: &[usize]) -> Vec<Picture> {
        let ledger = self.ground.ledger;
        let lacks = |wanted: &Wanted| {
            let tasks = ledger.tasks_of(&wanted.shot, wanted.variant);
            let same = tasks.filter(|(_, task)| task.key == wanted.key);
            same.map(|(_, task)| task.takes.count).sum::<u32>() < wanted.takes
        };
        let mut lacking = Vec::new();
        for &shot_index in shots {
            let all = (self.ground.wanted)(shot_index);
            let cells = all.len();
            let all = all.into_iter().filter(lacks);
            lacking.extend(all.map(|wanted| Picture {
                shot_index,
                cells,
                wanted,
            }));
        }
        lacking
    }

    /// Looks for pictures under their own numbers, and for those it does not find under others.
    async fn find(&mut self, pictures: &[Picture]) -> Result<Vec<Found>, Trouble> {
        let own = pictures.iter().enumerate().map(|(at, picture)| {
            let wanted = &picture.wanted;
            Trace::new(at, picture, wanted.variant, window(wanted.takes))
        });
        let mut met = HashSet::new();
        let mut found = self.follow(own.collect(), &mut met).await?;
        let there: HashSet<usize> = found.iter().map(|(at, _)| *at).collect();
        let lost = pictures.iter().enumerate();
        let lost = lost.filter(|(at, lost)| !there.contains(at) && lost.wanted.variant.0 != 0);
        let others = lost.flat_map(|(at, lost)| {
            let numbers = neighbours(lost.wanted.variant, lost.cells).into_iter();
            numbers.map(move |variant| Trace::new(at, lost, variant, 1 + lost.wanted.takes))
        });
        found.extend(self.follow(others.collect(), &mut met).await?);
        Ok(found.into_iter().map(|(_, found)| found).collect())
    }

    /// Follows traces until nothing more is found along them.
    async fn follow(
        &mut self,
        mut traces: Vec<Trace<'_>>,
        met: &mut HashSet<TaskId>,
    ) -> Result<Vec<(usize, Found)>, Trouble> {
        let mut found = Vec::new();
        loop {
            let mut ids = HashMap::new();
            for (place, trace) in traces.iter_mut().enumerate() {
                trace
                    .open
                    .extend((trace.next..trace.end).map(|take| (take, 0)));
                trace.next = trace.next.max(trace.end);
                for (take, attempt) in std::mem::take(&mut trace.open) {
                    let id = trace.id(self.ground.show, take, attempt);
                    if self.ground.ledger.task(id).is_none() {
                        ids.insert(id, (place, take, attempt));
                    }
                }
            }
            if ids.is_empty() {
                return Ok(found);
            }
            let known = self.ask(ids.keys().copied().collect()).await?;
            let mut known: Vec<_> = known
                .into_iter()
                .filter_map(|(id, report)| Some((*ids.get(&id)?, id, report)))
                .collect();
            known.sort_by_key(|(place, ..)| *place);
            for ((place, take, attempt), id, report) in known {
                let Some(trace) = traces.get_mut(place) else {
                    continue;
                };
                if let Some(task) = trace.learn(id, take, attempt, &report)
                    && met.insert(id)
                {
                    found.push((trace.at, task));
                }
            }
        }
    }

    /// Asks queue and archive about ids; gives those that one of them knows.
    async fn ask(&mut self, ids: Vec<TaskId>) -> Result<HashMap<TaskId, Report>, Trouble> {
        let mut known = HashMap::new();
        let (mut at, mut failures) = (0, 0);
        while at < ids.len() {
            let some = &ids[at..(at + self.batch).min(ids.len())];
            match self.provider.ask(some).await {
                Ok(answers) => {
                    (at, failures) = (at + some.len(), 0);
                    for (id, answer) in answers {
                        if let (Known::Task(report), true) = (answer, some.contains(&id)) {
                            known.insert(id, report);
                        }
                    }
                }
                Err(error) if error.names_no_task && self.batch > 1 => self.batch = 1,
                Err(error) => {
                    rest(error, failures, self.ground.retries).await?;
                    failures += 1;
                }
            }
        }
        let unknown = ids.into_iter().filter(|id| !known.contains_key(id));
        let unknown: Vec<TaskId> = unknown.collect();
        let (provider, retries) = (self.provider, self.ground.retries);
        let mut looks = stream::iter(unknown)
            .map(|id| async move { (id, details(provider, id, retries).await) })
            .buffer_unordered(QUESTIONS);
        while let Some((id, answer)) = looks.next().await {
            if let Known::Task(report) = answer? {
                known.insert(id, report);
            }
        }
        drop(looks);
        Ok(known)
    }
}

impl<'w> Trace<'w> {
    const fn new(at: usize, picture: &'w Picture, variant: Variant, deep: u32) -> Self {
        Self {
            at,
            picture,
            variant,
            next: 1,
            end: 1 + deep,
            open: Vec::new(),
        }
    }

    fn id(&self, show: &ShowId, take: u32, attempt: u32) -> TaskId {
        let (shot, key) = (&self.picture.wanted.shot, self.picture.wanted.key);
        let (take, attempt) = (TakeNo(take), Attempt(attempt));
        TaskId::derive(show, shot, self.variant, take, key, attempt)
    }

    /// Takes in what the provider knows of a take; gives the task unless it made nothing.
    fn learn(&mut self, task: TaskId, take: u32, attempt: u32, report: &Report) -> Option<Found> {
        let made = u32::try_from(report.images.len()).unwrap_or(u32::MAX);
        if made == 0 && !report.failures.is_empty() && !report.working {
            if attempt + 1 < ATTEMPTS {
                self.open.push((take, attempt + 1));
            }
            return None;
        }
        let wanted = &self.picture.wanted;
        // How many images one still at work was asked for is not told: as many as now, or more.
        let asked = if report.working || made == 0 {
            wanted.results_per_task
        } else {
            1
        };
        let count = made.max(asked).max(1);
        // Others may follow as closely as these do.
        self.end = self.end.max(take + count + window(wanted.takes));
        Some(Found {
            task,
            shot_index: self.picture.shot_index,
            shot: wanted.shot.clone(),
            variant: self.variant,
            values: wanted.values.clone(),
            takes: Takes {
                first: TakeNo(take),
                count,
            },
            key: wanted.key,
            attempt: Attempt(attempt),
        })
    }
}

/// Gives how many take numbers in a row are asked about before no more are thought of: those of
/// two sets that were bought under other prompts, and some.
const fn window(takes: u32) -> u32 {
    let two_sets = if takes > 8 { 16 } else { 2 * takes };
    4 + two_sets
}

/// Gives the other numbers that a variant may have had, the nearest first.
fn neighbours(own: Variant, cells: usize) -> Vec<Variant> {
    let cells = u32::try_from(cells).unwrap_or(u32::MAX);
    let reach = u32::try_from(NEIGHBOURS).unwrap_or(u32::MAX);
    let last = own
        .0
        .max(cells.min(reach))
        .saturating_mul(2)
        .min(own.0.saturating_add(reach));
    let first = own.0.saturating_sub(reach);
    let mut numbers: Vec<u32> = (first..=last).filter(|number| *number != own.0).collect();
    numbers.sort_by_key(|number| number.abs_diff(own.0));
    numbers.truncate(NEIGHBOURS);
    numbers.into_iter().map(Variant).collect()
}

async fn details<P: Provider>(provider: &P, task: TaskId, retries: u32) -> Result<Known, Trouble> {
    let mut failures = 0;
    loop {
        match provider.details(task).await {
            Ok(known) => return Ok(known),
            Err(error) => {
                rest(error, failures, retries).await?;
                failures += 1;
            }
        }
    }
}

/// Waits before a question that failed so many times before is put again, unless it is not.
async fn rest(error: CallError, failures: u32, retries: u32) -> Result<(), Trouble> {
    const FIRST: Duration = Duration::from_millis(250);
    if error.trouble.class == Class::Account || failures >= retries {
        return Err(error.trouble);
    }
    let asked = error.retry_after.map(|asked| asked.0);
    let wait = asked
        .unwrap_or_default()
        .max(FIRST * 2_u32.pow(failures.min(8)));
    tokio::time::sleep(wait.min(Duration::from_secs(60))).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_some_of_the_others_are_looked_at_first() {
        assert_eq!(samples(0), Vec::<usize>::new());
        assert_eq!(samples(1), [0]);
        assert_eq!(samples(5), [0, 1, 2, 3, 4]);
        assert_eq!(samples(1000), [0, 1, 2, 3, 249, 499, 749, 999]);
    }

    #[test]
    fn a_variant_may_have_had_any_number_near_its_own() {
        let numbers = |own, cells| {
            let all = neighbours(Variant(own), cells).into_iter();
            all.map(|variant| variant.0).collect::<Vec<_>>()
        };
        assert_eq!(numbers(1, 1), [0, 2]);
        assert_eq!(numbers(2, 3), [1, 3, 0, 4, 5, 6]);
        assert_eq!(numbers(500, 1000).len(), NEIGHBOURS);
    }
}

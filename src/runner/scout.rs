//! Going ahead of the line: asking about derived ids before anything is sent for them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use tokio::sync::mpsc;

use crate::domain::class::{Class, Trouble};
use crate::domain::id::{Attempt, ShowId, TaskId};
use crate::ledger::port::RunLog;
use crate::plan::build::Purchase;
use crate::provider::{CallError, Known, Provider, Report};
use crate::runner::purchase::Errand;
use crate::runner::settings::AskFirst;
use crate::runner::world::World;
use crate::store::ImageStore;

/// The most questions to the archive at a time.
const QUESTIONS: usize = 8;

/// The most purchases asked about together.
const TOGETHER: usize = 20;

/// How many attempts in a row may have been refused and forgotten before one that was bought.
const REFUSED_IN_A_ROW: u32 = 5;

/// So many purchases are asked about to that depth before a show is taken for a new one, of which
/// the provider knows nothing; of those after them only one in [`TOGETHER`].
const IN_FULL: usize = 60;

/// What the scout says next.
pub(super) enum Word {
    /// This purchase may be begun.
    Go(Box<Errand>),
    /// The provider cannot be asked: nothing may be sent for ids it might know.
    Unreachable(Trouble),
}

/// Sends purchases down the line in order, each with what the provider already knows of its ids.
pub(super) async fn scout<L: RunLog, P: Provider, S: ImageStore>(
    world: Arc<World<L, P, S>>,
    purchases: Vec<Purchase>,
    line: mpsc::Sender<Word>,
) {
    let asks = world.settings.ask_first != AskFirst::Nothing;
    let mut scout = Scout {
        batch: world.settings.poll_batch.max(1),
        world: &world,
        in_full: IN_FULL,
        found: false,
    };
    let mut purchases = VecDeque::from(purchases);
    while !purchases.is_empty() {
        let size = if asks { TOGETHER } else { 1 };
        let next: Vec<Purchase> = purchases.drain(..size.min(purchases.len())).collect();
        let errands = if asks {
            scout.ask(next).await
        } else {
            Ok(next
                .into_iter()
                .map(|next| Errand::new(next, None))
                .collect())
        };
        match errands {
            Ok(errands) => {
                for errand in errands {
                    if line.send(Word::Go(Box::new(errand))).await.is_err() {
                        return;
                    }
                }
            }
            Err(trouble) => {
                let _left = line.send(Word::Unreachable(trouble)).await;
                return;
            }
        }
    }
}

/// Asks about purchases, and remembers how likely it is that the provider knows some.
struct Scout<'w, L: RunLog, P: Provider, S: ImageStore> {
    world: &'w World<L, P, S>,
    /// The most ids in one request.
    batch: usize,
    /// How many purchases are still asked about to the full depth whatever comes of it.
    in_full: usize,
    /// Whether the provider knew any of them.
    found: bool,
}

/// A purchase and what the provider knows of its attempts.
struct Case {
    purchase: Purchase,
    /// Attempts below this one were asked about.
    asked: u32,
    known: BTreeMap<u32, Report>,
}

impl Case {
    /// Gives the first attempt that need not be asked about.
    ///
    /// An attempt follows one that the provider remembers as failed, or one that it refused and may
    /// have forgotten.
    fn end(&self, every: bool) -> u32 {
        let next = self.known.keys().next_back().map(|last| last + 1);
        let from = next.unwrap_or(self.purchase.attempt.0);
        let depth = if every { 1 + REFUSED_IN_A_ROW } else { 1 };
        from.saturating_add(depth)
    }

    /// Goes on with the attempt that has images or may still make some, or else with the last.
    fn into_errand(mut self, show: &ShowId) -> Errand {
        let fruitful = |report: &Report| !report.images.is_empty() || report.failures.is_empty();
        let found = self.known.iter().rev().find(|(_, report)| fruitful(report));
        let chosen = found.or_else(|| self.known.iter().next_back());
        let Some(attempt) = chosen.map(|(attempt, _)| *attempt) else {
            return Errand::new(self.purchase, None);
        };
        let report = self.known.remove(&attempt);
        Errand::new(self.purchase.as_attempt(show, Attempt(attempt)), report)
    }
}

impl<L: RunLog, P: Provider, S: ImageStore> Scout<'_, L, P, S> {
    /// Asks about the next purchases, in as many rounds as it takes.
    async fn ask(&mut self, purchases: Vec<Purchase>) -> Result<Vec<Errand>, Trouble> {
        let show = &self.world.settings.show;
        let case = |purchase: Purchase| Case {
            asked: purchase.attempt.0,
            purchase,
            known: BTreeMap::new(),
        };
        let mut cases: Vec<Case> = purchases.into_iter().map(case).collect();
        let mut first_round = true;
        loop {
            let mut ids = HashMap::new();
            for (place, case) in cases.iter_mut().enumerate() {
                let end = case.end(!first_round && self.asks_in_full(place));
                for attempt in case.asked..end {
                    let id = case.purchase.as_attempt(show, Attempt(attempt)).task;
                    ids.insert(id, (place, attempt));
                }
                case.asked = case.asked.max(end);
            }
            if ids.is_empty() && !first_round {
                break;
            }
            first_round = false;
            let known = ask(self.world, ids.keys().copied().collect(), &mut self.batch).await?;
            self.found |= !known.is_empty();
            for (id, report) in known {
                if let Some((place, attempt)) = ids.get(&id) {
                    cases[*place].known.insert(*attempt, report);
                }
            }
        }
        self.in_full = self.in_full.saturating_sub(cases.len());
        Ok(cases
            .into_iter()
            .map(|case| case.into_errand(show))
            .collect())
    }

    fn asks_in_full(&self, place: usize) -> bool {
        let every = self.world.settings.ask_first == AskFirst::EveryAttempt;
        every && (self.found || self.in_full > 0 || place == 0)
    }
}

/// Asks about a batch of ids, one by one where the provider takes no more in one request.
async fn ask<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    ids: Vec<TaskId>,
    batch: &mut usize,
) -> Result<HashMap<TaskId, Report>, Trouble> {
    let mut known = HashMap::new();
    let (mut at, mut failures) = (0, 0);
    while at < ids.len() {
        let some = &ids[at..(at + *batch).min(ids.len())];
        match world.provider.ask(some).await {
            Ok(answers) => {
                at += some.len();
                failures = 0;
                for (id, answer) in answers {
                    if let (Known::Task(report), true) = (answer, some.contains(&id)) {
                        known.insert(id, report);
                    }
                }
            }
            Err(error) if error.names_no_task && *batch > 1 => *batch = 1,
            Err(error) => {
                rest(world, error, failures).await?;
                failures += 1;
            }
        }
    }
    ask_archive(world, &ids, &mut known).await?;
    Ok(known)
}

/// Asks the archive about ids the queue does not know, which forgets what is long done.
async fn ask_archive<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    ids: &[TaskId],
    known: &mut HashMap<TaskId, Report>,
) -> Result<(), Trouble> {
    let unknown: Vec<TaskId> = ids
        .iter()
        .copied()
        .filter(|id| !known.contains_key(id))
        .collect();
    let mut looks = stream::iter(unknown)
        .map(|id| async move { (id, patiently(world, id).await) })
        .buffer_unordered(QUESTIONS);
    while let Some((id, answer)) = looks.next().await {
        if let Known::Task(report) = answer? {
            known.insert(id, report);
        }
    }
    Ok(())
}

async fn patiently<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    task: TaskId,
) -> Result<Known, Trouble> {
    let mut failures = 0;
    loop {
        match world.provider.details(task).await {
            Ok(known) => return Ok(known),
            Err(error) => {
                rest(world, error, failures).await?;
                failures += 1;
            }
        }
    }
}

/// Waits before a question that failed so many times before is put again, unless it is not.
async fn rest<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    error: CallError,
    failures: u32,
) -> Result<(), Trouble> {
    if error.trouble.class == Class::Account || failures >= world.settings.retries {
        return Err(error.trouble);
    }
    let wait = world.backoff.wait(failures, error.retry_after);
    if world.sleep(wait).await {
        Ok(())
    } else {
        Err(error.trouble)
    }
}

//! Going ahead of the line: asking about derived ids before anything is sent for them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use tokio::sync::mpsc;

use crate::domain::class::{Class, Trouble};
use crate::domain::id::TaskId;
use crate::ledger::port::RunLog;
use crate::plan::build::Purchase;
use crate::provider::{Known, Provider, Report};
use crate::runner::purchase::Errand;
use crate::runner::world::World;
use crate::store::ImageStore;

/// The most questions to the archive at a time.
const QUESTIONS: usize = 8;

/// What the scout says next.
pub(super) enum Word {
    /// This purchase may be begun.
    Go(Box<Errand>),
    /// The provider cannot be asked: nothing may be sent for ids it might know.
    Unreachable(Trouble),
}

/// Sends purchases down the line in order, each with what the provider already knows of its id.
///
/// Without `ask_first` they pass unasked: a log that was never interrupted tells of every send.
pub(super) async fn scout<L: RunLog, P: Provider, S: ImageStore>(
    world: Arc<World<L, P, S>>,
    purchases: Vec<Purchase>,
    line: mpsc::Sender<Word>,
) {
    let mut purchases = VecDeque::from(purchases);
    let mut batch = world.settings.poll_batch.max(1);
    while !purchases.is_empty() {
        let size = if world.settings.ask_first { batch } else { 1 };
        let next: Vec<Purchase> = purchases.drain(..size.min(purchases.len())).collect();
        let mut known = HashMap::new();
        if world.settings.ask_first {
            match ask(&world, &next, &mut batch).await {
                Ok(answers) => known = answers,
                Err(trouble) => {
                    let _left = line.send(Word::Unreachable(trouble)).await;
                    return;
                }
            }
        }
        for purchase in next {
            let report = known.remove(&purchase.task);
            let errand = Box::new(Errand::new(purchase, report));
            if line.send(Word::Go(errand)).await.is_err() {
                return;
            }
        }
    }
}

/// Asks about a batch of ids, one by one where the provider takes no more in one request.
async fn ask<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    purchases: &[Purchase],
    batch: &mut usize,
) -> Result<HashMap<TaskId, Report>, Trouble> {
    let ids: Vec<TaskId> = purchases.iter().map(|purchase| purchase.task).collect();
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
            Err(error) if error.trouble.class == Class::Account => return Err(error.trouble),
            Err(error) if failures >= world.settings.retries => return Err(error.trouble),
            Err(error) => {
                let wait = world.backoff.wait(failures, error.retry_after);
                failures += 1;
                if !world.sleep(wait).await {
                    return Err(error.trouble);
                }
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
            Err(error) if error.trouble.class == Class::Account => return Err(error.trouble),
            Err(error) if failures >= world.settings.retries => return Err(error.trouble),
            Err(error) => {
                let wait = world.backoff.wait(failures, error.retry_after);
                failures += 1;
                if !world.sleep(wait).await {
                    return Err(error.trouble);
                }
            }
        }
    }
}

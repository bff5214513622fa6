//! Following a task the provider has, until every image of it is made or its end is known.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::domain::class::{Class, Trouble};
use crate::domain::id::{ImageId, Takes, TaskId};
use crate::ledger::port::RunLog;
use crate::ledger::record::{Ended, Produced, Record};
use crate::ledger::task::Fate;
use crate::plan::step::{After, Doubt, Settle, after_acceptance, settle};
use crate::provider::{Address, Known, Provider, Report, ResultImage};
use crate::runner::event::{Event, ProblemKind};
use crate::runner::landing::Landing;
use crate::runner::poller::Question;
use crate::runner::purchase::{Errand, Left, again, fail};
use crate::runner::world::{Halt, World};
use crate::store::ImageStore;

/// How long a question may still take when patience has run out: as long as a client waits for it.
const GRACE: Duration = Duration::from_secs(30);

/// A task that is being followed.
pub(super) struct Trail {
    pub(super) task: TaskId,
    pub(super) sent: Instant,
    pub(super) errand: Option<Errand>,
    /// Images that were handed over to be fetched in this run.
    pub(super) landed: HashSet<ImageId>,
}

impl Trail {
    pub(super) fn new(task: TaskId, sent: Instant, errand: Option<Errand>) -> Self {
        Self {
            task,
            sent,
            errand,
            landed: HashSet::new(),
        }
    }
}

/// How far a task has come.
enum Progress {
    /// Every image is made.
    Complete,
    /// No more images will be made.
    Ended(Trouble),
    /// Images are still being made.
    Working,
}

/// Follows a task to its end; `at_once` asks without the usual wait.
pub(super) async fn follow<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    mut trail: Trail,
    mut report: Report,
    at_once: bool,
) -> Result<Left, Halt> {
    let mut question = None;
    loop {
        match take_in(world, &mut trail, &report).await? {
            Progress::Complete => {
                world.poller.learn(trail.sent.elapsed());
                return Ok(Left::Settled);
            }
            Progress::Ended(trouble) => return ended(world, trail, trouble).await,
            Progress::Working if trail.sent.elapsed() >= world.settings.patience => {
                return Ok(not_waited_for(world, &trail, "is still at work on it"));
            }
            Progress::Working => {}
        }
        let question =
            question.get_or_insert_with(|| world.poller.follow(trail.task, trail.sent, at_once));
        match next_report(world, &trail, question).await {
            Next::Report(next) => report = next,
            Next::NeverCame => return never_came(world, &trail).await,
            Next::OutOfReach => {
                return Ok(not_waited_for(world, &trail, "could not be asked about it"));
            }
            Next::Forbidden(trouble) => {
                world.give_up(ProblemKind::Pending, trail.task, &trouble);
                return Ok(Left::StopAll(trouble));
            }
        }
    }
}

/// What the waiting for a task came to.
enum Next {
    /// The provider says something of it.
    Report(Report),
    /// Patience has run out, and the provider never knew it.
    NeverCame,
    /// Patience has run out, and the provider could not be asked.
    OutOfReach,
    /// Key, rights or balance forbid to ask.
    Forbidden(Trouble),
}

/// Waits for the provider to say something of the task, as long as patience lasts.
async fn next_report<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    trail: &Trail,
    question: &mut Question,
) -> Next {
    let mut archive_at = Instant::now();
    let patience = world.settings.patience;
    loop {
        // A question under way may still be answered when patience runs out.
        let longest = patience.saturating_sub(trail.sent.elapsed()) + GRACE;
        match timeout(longest, question.answer()).await {
            Err(_) => return Next::OutOfReach,
            Ok(Err(trouble)) => return Next::Forbidden(trouble),
            Ok(Ok(Known::Task(report))) => return Next::Report(report),
            Ok(Ok(Known::Nothing)) => {}
        }
        // The queue does not know it just now: it may be done and gone, or not be shown yet.
        if Instant::now() >= archive_at {
            if let Ok(Known::Task(report)) = world.provider.details(trail.task).await {
                return Next::Report(report);
            }
            archive_at = Instant::now() + trail.sent.elapsed() / 4;
        }
        let doubt = Doubt {
            accepted: true,
            wanted: true,
            since_sent: trail.sent.elapsed(),
            quiet: world.settings.quiet,
            resends: 0,
            asked_after_quiet: 0,
            patience,
        };
        if settle(&doubt) == Settle::GiveUp {
            return Next::NeverCame;
        }
    }
}

/// Leaves a task that was accepted to the next run: it is paid for, and only the waiting ends.
fn not_waited_for<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    trail: &Trail,
    why: &str,
) -> Left {
    let waited = trail.sent.elapsed().as_secs();
    let trouble = Trouble {
        class: Class::Unknown,
        code: "not-waited-for".to_owned(),
        message: format!("the provider took the task and, after {waited} s, {why}"),
    };
    world.give_up(ProblemKind::Pending, trail.task, &trouble);
    Left::Settled
}

/// The provider took the task and nothing was ever seen of it.
async fn never_came<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    trail: &Trail,
) -> Result<Left, Halt> {
    let waited = trail.sent.elapsed().as_secs();
    let trouble = Trouble {
        class: Class::Unknown,
        code: "no-answer".to_owned(),
        message: format!("the provider accepted the task and told nothing of it for {waited} s"),
    };
    doubt(world, trail.task, &trouble).await?;
    Ok(Left::Settled)
}

/// Logs that nobody can tell whether a task was bought.
pub(super) async fn doubt<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    task: TaskId,
    trouble: &Trouble,
) -> Result<(), Halt> {
    let ended = Ended {
        task,
        trouble: trouble.clone(),
        may_be_billed: true,
    };
    world.record(Record::Unsure(ended)).await?;
    world.give_up(ProblemKind::Unsure, task, trouble);
    Ok(())
}

/// Books what a report tells of for the first time, and hands the images over.
async fn take_in<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    trail: &mut Trail,
    report: &Report,
) -> Result<Progress, Halt> {
    for image in &report.images {
        if trail.landed.insert(image.image.clone())
            && let Some(landing) = book(world, trail.task, image).await?
        {
            world.land(landing).await?;
        }
    }
    let ledger = world.ledger();
    let Some(task) = ledger.task(trail.task) else {
        return Ok(Progress::Complete);
    };
    let missing = usize::try_from(task.missing()).unwrap_or(usize::MAX);
    if missing == 0 {
        return Ok(Progress::Complete);
    }
    match report.failures.first() {
        Some(trouble) if report.failures.len() >= missing || !report.working => {
            Ok(Progress::Ended(trouble.clone()))
        }
        _ => Ok(Progress::Working),
    }
}

/// Books an image once; gives what is to be fetched, or nothing for one that is on disk.
async fn book<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    id: TaskId,
    image: &ResultImage,
) -> Result<Option<Landing>, Halt> {
    let produced = {
        let ledger = world.ledger();
        let Some(task) = ledger.task(id) else {
            return Ok(None);
        };
        let known = task.images.iter().find(|known| known.image == image.image);
        if known.is_some_and(|known| matches!(known.fate, Fate::Saved(_))) {
            return Ok(None);
        }
        let next = u32::try_from(task.images.len()).unwrap_or(u32::MAX);
        let told = image.cost.filter(|cost| !cost.is_zero());
        let booked = known.map(|known| (known.cost, known.cost_assumed));
        let (cost, cost_assumed) =
            booked.unwrap_or_else(|| (told.unwrap_or(task.price), told.is_none()));
        Produced {
            task: id,
            index: known.map_or(next, |known| known.index),
            image: image.image.clone(),
            url: match &image.address {
                Address::Url(url) => Some(url.clone()),
                Address::Here(_) | Address::Nowhere => None,
            },
            seed: image.seed,
            nsfw: image.nsfw,
            cost,
            cost_assumed,
        }
    };
    world
        .ledger()
        .foresee(&Record::Produced(produced.clone()))?;
    world.tell_money();
    world.tell(Event::Produced(produced.clone()));
    // The append is begun here, so that records keep their order, and awaited where the image is
    // fetched, so that the slot is free at once.
    let log = Arc::clone(&world.log);
    let record = Record::Produced(produced.clone());
    let mut append = Box::pin(async move { log.append(record).await.map(drop) });
    let logged = match futures::poll!(&mut append) {
        std::task::Poll::Ready(result) => {
            result?;
            None
        }
        std::task::Poll::Pending => Some(append as _),
    };
    Ok(Landing::new(world, produced, image.address.clone(), logged))
}

/// The task ended without (all of) its images: logged, and tried again where that makes sense.
async fn ended<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    trail: Trail,
    trouble: Trouble,
) -> Result<Left, Halt> {
    let attempts = trail
        .errand
        .as_ref()
        .map_or(u32::MAX, |errand| errand.attempts);
    let after = after_acceptance(&trouble, attempts, world.settings.retries);
    match (after, trail.errand) {
        (After::NewAttempt, Some(errand)) if !world.is_stopping() => {
            let ended = Ended {
                task: trail.task,
                trouble: trouble.clone(),
                may_be_billed: true,
            };
            world.record(Record::Failed(ended)).await?;
            let anew = trouble.class == Class::Reference;
            Ok(Left::Again(Box::new(what_is_left(
                world, trail.task, &errand, anew,
            ))))
        }
        (After::StopAll, _) => {
            fail(world, trail.task, &trouble, true).await?;
            Ok(Left::StopAll(trouble))
        }
        _ => {
            fail(world, trail.task, &trouble, true).await?;
            Ok(Left::Settled)
        }
    }
}

/// Makes another attempt for the images that a task did not make.
fn what_is_left<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    task: TaskId,
    errand: &Errand,
    anew: bool,
) -> Errand {
    let (missing, price) = {
        let ledger = world.ledger();
        ledger
            .task(task)
            .map_or((0, errand.purchase.price), |task| {
                (task.missing(), task.price)
            })
    };
    let mut errand = errand.clone();
    let takes = errand.purchase.takes;
    let made = takes.count - missing.min(takes.count);
    let first = crate::domain::id::TakeNo(takes.first.0 + made);
    errand.purchase.takes = Takes {
        first,
        count: missing,
    };
    errand.purchase.price = price.times(u64::from(missing));
    again(world, &errand, anew)
}

//! Following a task the provider has, until every image of it is made or its end is known.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::class::{Class, Trouble};
use crate::domain::id::{ImageId, Takes, TaskId};
use crate::ledger::port::RunLog;
use crate::ledger::record::{Ended, Produced, Record};
use crate::ledger::task::Fate;
use crate::plan::step::{After, Doubt, Settle, after_acceptance, settle};
use crate::provider::{Address, Known, Provider, Report, ResultImage};
use crate::runner::event::{Event, ProblemKind};
use crate::runner::landing::Landing;
use crate::runner::place::Place;
use crate::runner::poller::Question;
use crate::runner::purchase::{Errand, Left, again, fail, left_open};
use crate::runner::world::{Halt, World};
use crate::store::ImageStore;

/// A task that is being followed.
pub(super) struct Trail {
    pub(super) task: TaskId,
    pub(super) sent: Instant,
    /// When this run began to follow it.
    pub(super) begun: Instant,
    pub(super) errand: Option<Errand>,
    /// Its place at the provider, where it was sent in this run.
    pub(super) place: Option<Place>,
    /// Images that were handed over to be fetched in this run.
    pub(super) landed: HashSet<ImageId>,
    /// Whether the report at hand is all that will be told: the reply to a send that waited.
    pub(super) is_last_word: bool,
    /// Since when nothing is at work though too few images ended, and how many had not been made
    /// and how many had failed then.
    idle: Option<(Instant, (usize, usize))>,
}

impl Trail {
    pub(super) fn new(task: TaskId, sent: Instant, errand: Option<Errand>) -> Self {
        Self {
            task,
            sent,
            begun: Instant::now(),
            errand,
            place: None,
            landed: HashSet::new(),
            is_last_word: false,
            idle: None,
        }
    }

    /// Gives until when it is waited for: what an earlier run waited for long enough is given a
    /// little time all the same.
    fn patience_ends(&self, patience: Duration) -> Instant {
        const AT_LEAST: Duration = Duration::from_secs(30);
        (self.sent + patience).max(self.begun + AT_LEAST.min(patience))
    }

    /// Tells whether a report has images that this run has not seen, or some at work.
    fn is_news(&self, report: &Report) -> bool {
        let mut images = report.images.iter();
        report.working || images.any(|image| !self.landed.contains(&image.image))
    }

    /// Says how far a task has come of which so many images are missing.
    ///
    /// It has ended when as many images as were asked for have, in success or failure (per
    /// runware.ai/docs/platform/task-polling). One that still runs need not be shown, so too few
    /// are an end only when nothing changes for a while; and neither is an error that nobody
    /// understands taken for one before.
    fn judge(&mut self, report: &Report, missing: usize, quiet: Duration) -> Progress {
        let is_last_word = std::mem::take(&mut self.is_last_word);
        let Some(trouble) = report.failures.first().filter(|_| !report.working) else {
            self.idle = None;
            return Progress::Working;
        };
        let is_understood = report.failures.iter().all(|t| t.class != Class::Unknown);
        if is_last_word || (is_understood && report.failures.len() >= missing) {
            return Progress::Ended(trouble.clone());
        }
        let (now, count) = (Instant::now(), (missing, report.failures.len()));
        match self.idle {
            Some((since, then)) if then == count => {
                if now - since >= quiet {
                    self.idle = None;
                    return Progress::Idle(trouble.clone());
                }
            }
            _ => self.idle = Some((now, count)),
        }
        Progress::Working
    }
}

/// How far a task has come.
enum Progress {
    /// Every image is made.
    Complete,
    /// No more images will be made.
    Ended(Trouble),
    /// Too few images ended, and for a while nothing more did.
    Idle(Trouble),
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
    let mut asked = 0_u32;
    loop {
        match take_in(world, &mut trail, &report).await? {
            Progress::Complete => {
                let took = trail.sent.elapsed();
                world.poller.learn(took, asked == 1);
                if let Some(place) = &trail.place {
                    place.finished(took);
                }
                return Ok(Left::Settled);
            }
            Progress::Ended(trouble) => {
                if let Some(place) = &trail.place {
                    place.failed(&trouble);
                }
                return ended(world, trail, trouble).await;
            }
            Progress::Idle(trouble) => match world.provider.details(trail.task).await {
                Ok(Known::Task(archived)) if trail.is_news(&archived) => {
                    report = archived;
                    continue;
                }
                Ok(_) => return ended(world, trail, trouble).await,
                // The archive may know more than the queue: nothing ends before it was asked.
                Err(_) => {}
            },
            Progress::Working if Instant::now() >= trail.patience_ends(world.settings.patience) => {
                return never_came(world, &trail).await;
            }
            Progress::Working => {}
        }
        let question =
            question.get_or_insert_with(|| world.poller.follow(trail.task, trail.sent, at_once));
        asked = asked.saturating_add(1);
        match next_report(world, &mut trail, question).await {
            Next::Report(next) => report = next,
            Next::Never => return never_came(world, &trail).await,
            Next::CannotAsk(trouble) => return Ok(left_open(world, trail.task, &trouble)),
            Next::Account(trouble) => {
                let _told = left_open(world, trail.task, &trouble);
                return Ok(Left::StopAll(trouble));
            }
        }
    }
}

/// What comes of waiting for the provider to say something of a task.
enum Next {
    /// It said something.
    Report(Report),
    /// It was asked until patience ran out.
    Never,
    /// It could not be asked any more.
    CannotAsk(Trouble),
    /// Nothing can be asked until a person acts.
    Account(Trouble),
}

/// Waits for the provider to say something of the task, until patience runs out.
async fn next_report<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    trail: &mut Trail,
    question: &mut Question,
) -> Next {
    /// How many questions may fail before a run that is told to stop waits no more.
    const MOST_WHEN_STOPPING: u32 = 5;
    /// How many times in a row neither queue nor archive may know a task before that is told.
    const TELL_WHEN_UNKNOWN: u32 = 5;
    let mut archive_at = Instant::now();
    let patience_ends = trail.patience_ends(world.settings.patience);
    let (mut failures, mut last) = (0, None);
    let mut unknown = 0;
    loop {
        let answer = tokio::time::timeout_at(patience_ends, question.answer()).await;
        match answer {
            Ok(Ok(Known::Task(report))) => return Next::Report(report),
            Ok(Ok(Known::Nothing)) => (failures, last) = (0, None),
            Ok(Err(trouble)) if trouble.class == Class::Account => return Next::Account(trouble),
            Ok(Err(trouble)) => {
                failures += 1;
                if let Some(place) = &mut trail.place {
                    place.is_no_measure();
                }
                if failures == 2 {
                    world.tell(Event::Asking {
                        task: trail.task,
                        most: patience_ends.saturating_duration_since(Instant::now()),
                        trouble: trouble.clone(),
                    });
                }
                let stopping = world.is_stopping() || world.places.hopeless().is_some();
                if stopping && failures >= MOST_WHEN_STOPPING {
                    return Next::CannotAsk(trouble);
                }
                last = Some(trouble);
                continue;
            }
            Err(_) => return last.map_or(Next::Never, Next::CannotAsk),
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
            patience: world.settings.patience,
        };
        unknown += 1;
        if unknown == TELL_WHEN_UNKNOWN {
            world.tell(Event::Asking {
                task: trail.task,
                most: patience_ends.saturating_duration_since(Instant::now()),
                trouble: unknown_just_now(),
            });
        }
        if world.is_stopping() && unknown >= TELL_WHEN_UNKNOWN {
            return Next::CannotAsk(unknown_just_now());
        }
        if settle(&doubt) == Settle::GiveUp && Instant::now() >= patience_ends {
            return Next::Never;
        }
    }
}

fn unknown_just_now() -> Trouble {
    Trouble {
        class: Class::Unknown,
        code: "not-known".to_owned(),
        message: "the provider accepted the task and does not know it just now".to_owned(),
    }
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
        message: format!("the provider accepted the task and did not finish it within {waited} s"),
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
    drop(ledger);
    Ok(trail.judge(report, missing, world.settings.quiet))
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
    if trouble.class == Class::Unknown {
        // Nobody can tell what it says, so nobody can tell that it was not bought.
        doubt(world, trail.task, &trouble).await?;
        return Ok(Left::Settled);
    }
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
            if anew {
                world.uploads.forget(&errand.uploads);
            }
            let next = what_is_left(world, trail.task, &errand, anew).after(trail.task, trouble);
            Ok(Left::Again(Box::new(next)))
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

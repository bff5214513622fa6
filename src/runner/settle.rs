//! Settling a task whose fate is not known: ask, wait, ask again, and only then send it again.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::domain::class::{Class, Trouble};
use crate::domain::id::TaskId;
use crate::ledger::money::OverCap;
use crate::ledger::port::{self, Asked, OpenIntent, RunLog};
use crate::ledger::record::{AcceptedBy, Intent, Record};
use crate::ledger::task::{End, Fate, Task};
use crate::plan::build::{Purchase, Unsettled};
use crate::plan::reason::Reason;
use crate::plan::step::{self, Doubt, Leave, Settle, Step};
use crate::provider::{Address, Known, Provider, Report};
use crate::runner::event::{Event, ProblemKind};
use crate::runner::follow::{self, Trail, doubt, follow};
use crate::runner::intent::intent;
use crate::runner::landing::Landing;
use crate::runner::purchase::{Errand, Left, Order, accept, left_open, reopen, send};
use crate::runner::tried::Tried;
use crate::runner::uploads::{self, NotUploaded};
use crate::runner::world::{Halt, World};
use crate::store::ImageStore;

/// How long the provider may be out of reach before a task is left to the next run, whatever the
/// quiet time and the jitter of waits: long enough for a service to be started again.
const SHORT_OUTAGE: Duration = Duration::from_secs(10);

/// How long while sending pauses, too: by then the breaker has given up, unless tasks that nobody
/// can be asked about take up every place and none is left for its probes.
const LONG_OUTAGE: Duration = Duration::from_secs(400);

/// A task that is being settled.
pub(super) struct Case {
    pub(super) task: TaskId,
    pub(super) sent: SentAt,
    /// Whether the provider is known to have had it.
    pub(super) accepted: bool,
    pub(super) resends: u32,
    pub(super) errand: Option<Errand>,
    /// What it takes to send it again, while it is still wanted.
    pub(super) order: Option<Box<Order>>,
    /// Whether it may be wanted again later: it is then left open rather than called unsure.
    pub(super) may_return: bool,
}

/// When a task was last sent.
#[derive(Clone, Copy)]
pub(super) enum SentAt {
    /// In this run.
    Here(Instant),
    /// In an earlier run, as its log was stamped.
    Before(Option<Timestamp>),
}

impl Case {
    fn since<L: RunLog, P: Provider, S: ImageStore>(&self, world: &World<L, P, S>) -> Duration {
        match self.sent {
            SentAt::Here(instant) => instant.elapsed(),
            SentAt::Before(at) => world.since(at),
        }
    }

    /// Gives the instant it counts from for those who follow it.
    fn sent(&self) -> Instant {
        match self.sent {
            SentAt::Here(instant) => instant,
            SentAt::Before(_) => Instant::now(),
        }
    }
}

/// Settles a task that an earlier run left, and fetches what it left unfetched.
pub(super) async fn resume<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    unsettled: &Unsettled,
) -> Result<Left, Halt> {
    let id = unsettled.task;
    let Some(task) = world.ledger().task(id).cloned() else {
        return Ok(Left::Settled);
    };
    world.tell(Event::Settling(id));
    let ago = world.since(task.sent_at);
    let sent = Instant::now().checked_sub(ago);
    let mut trail = Trail::new(id, sent.unwrap_or_else(Instant::now), None);
    for landing in unfetched(world, id, &task) {
        trail.landed.insert(landing.image().clone());
        world.land(landing).await?;
    }
    match step::next(Some(&task)) {
        Step::Ask if task.accepted => follow(world, trail, Report::default(), true).await,
        Step::Ask => {
            let case = Case {
                task: id,
                sent: SentAt::Before(task.sent_at),
                accepted: false,
                resends: task.resends,
                errand: unsettled.wanted_by.map(|index| errand(id, &task, index)),
                order: None,
                may_return: unsettled.may_return,
            };
            let trouble = cut_off();
            settle(world, reopen(id, task.takes.count), case, trouble).await
        }
        Step::Leave(Leave::Unsure) => look_again(world, &task, trail).await,
        _ => Ok(Left::Settled),
    }
}

fn cut_off() -> Trouble {
    Trouble {
        class: Class::Unknown,
        code: "cut-off".to_owned(),
        message: "the run that sent it was cut off before it learnt what became of it".to_owned(),
    }
}

/// Gives the images that were made and are not on disk.
fn unfetched<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    id: TaskId,
    task: &Task,
) -> Vec<Landing> {
    let made = task.images.iter().filter_map(|image| match &image.fate {
        Fate::Produced(url) => {
            let address = url.clone().map_or(Address::Nowhere, Address::Url);
            Landing::new(world, image.as_produced(id), address, None)
        }
        Fate::Saved(_) | Fate::Lost(_) => None,
    });
    made.collect()
}

/// Asks once more about a task that nobody could settle before.
async fn look_again<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    task: &Task,
    trail: Trail,
) -> Result<Left, Halt> {
    let is_new = |report: &Report| {
        let mut images = report.images.iter();
        images.any(|found| task.images.iter().all(|known| known.image != found.image))
    };
    match look(world, trail.task).await {
        Look::Known(report) if is_new(&report) => {
            accept(world, trail.task, AcceptedBy::Asked).await?;
            follow(world, trail, report, true).await
        }
        Look::Known(_) | Look::Nothing | Look::CannotAsk(_) => {
            let trouble = task
                .end
                .as_ref()
                .map_or_else(cut_off, |end: &End| end.trouble().clone());
            world.give_up(ProblemKind::Unsure, trail.task, &trouble);
            Ok(Left::Settled)
        }
    }
}

/// Settles a task that may have been bought.
pub(super) async fn settle<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    mut open: OpenIntent,
    mut case: Case,
    trouble: Trouble,
) -> Result<Left, Halt> {
    let mut asked_after_quiet = 0;
    // How many questions failed in a row, and since when.
    let (mut failures, mut outage) = (0, Instant::now());
    let quiet = world.settings.quiet;
    loop {
        let since_sent = case.since(world);
        match look(world, case.task).await {
            Look::Known(report) => {
                accept(world, case.task, AcceptedBy::Asked).await?;
                let mut trail = Trail::new(case.task, case.sent(), case.errand.take());
                trail.place = case.order.and_then(|order| order.place);
                if let Some(place) = &mut trail.place {
                    place.taken();
                }
                return follow::follow(world, trail, report, true).await;
            }
            Look::CannotAsk(why) if why.class == Class::Account => {
                // Nothing can be learnt until a person acts, and nothing may be sent.
                let _open = left_open(world, case.task, &why);
                return Ok(Left::StopAll(why));
            }
            Look::CannotAsk(why) => {
                if failures == 0 {
                    outage = Instant::now();
                }
                // While sending pauses the outage is waited out, which the breaker bounds.
                let longest = if world.places.is_pausing() {
                    LONG_OUTAGE
                } else {
                    SHORT_OUTAGE
                };
                let long = outage.elapsed() >= quiet.max(longest);
                if long && failures >= world.settings.retries.max(1) {
                    return Ok(left_open(world, case.task, &why));
                }
                let wait = world.backoff.wait(failures, None);
                failures += 1;
                if !world.sleep(wait).await {
                    return Ok(left_open(world, case.task, &why));
                }
                continue;
            }
            Look::Nothing => failures = 0,
        }
        if since_sent >= quiet {
            asked_after_quiet += 1;
        }
        let doubt_now = Doubt {
            accepted: case.accepted,
            wanted: case.order.is_some() || case.errand.is_some(),
            since_sent,
            quiet,
            resends: case.resends,
            asked_after_quiet,
            patience: world.settings.patience,
        };
        match step::settle(&doubt_now) {
            Settle::AskAgain(wait) => {
                if wait > Duration::from_secs(1) {
                    world.tell(waits(case.task, &doubt_now, wait, &trouble));
                }
                if !world.sleep(wait).await {
                    return Ok(left_open(world, case.task, &trouble));
                }
            }
            Settle::SendAgain if world.is_stopping() => {
                return Ok(left_open(world, case.task, &trouble));
            }
            Settle::SendAgain => {
                let asked = Asked {
                    task: case.task,
                    queue_unaware: true,
                    archive_unaware: true,
                    since_sent,
                };
                match port::unbought(open, &asked, quiet) {
                    Ok(proof) => return send_again(world, proof, case, &trouble).await,
                    Err(back) => open = back,
                }
                case.resends += 1;
            }
            Settle::GiveUp if case.may_return => {
                return Ok(left_open(world, case.task, &trouble));
            }
            Settle::GiveUp => {
                doubt(world, case.task, &trouble).await?;
                return Ok(Left::Settled);
            }
        }
    }
}

/// Tells what a wait is for: a task that the provider had is never sent again.
fn waits(task: TaskId, doubt: &Doubt, wait: Duration, trouble: &Trouble) -> Event {
    let trouble = trouble.clone();
    if doubt.wanted && !doubt.accepted {
        return Event::Waiting {
            task,
            wait,
            trouble,
        };
    }
    let most = if doubt.accepted {
        doubt.patience.saturating_sub(doubt.since_sent)
    } else {
        wait
    };
    Event::Asking {
        task,
        most,
        trouble,
    }
}

/// Sends the same id and body once more, logged as a resend.
async fn send_again<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    proof: port::Unbought,
    case: Case,
    trouble: &Trouble,
) -> Result<Left, Halt> {
    let task = case.task;
    let (sent, resends) = (case.sent(), case.resends);
    let mut order = if let Some(order) = case.order {
        *order
    } else {
        let Some(order) = rebuild(world, task, case.errand, resends).await? else {
            return Ok(left_open(world, task, trouble));
        };
        // References may have taken their time, and somebody may know the task by now.
        match look(world, task).await {
            Look::Nothing => order,
            Look::Known(report) => {
                accept(world, task, AcceptedBy::Asked).await?;
                let trail = Trail::new(task, sent, order.errand);
                return follow(world, trail, report, true).await;
            }
            Look::CannotAsk(why) => return Ok(left_open(world, task, &why)),
        }
    };
    order.intent.resend = resends + 1;
    // It gives its place back first: there may be no other to wait for.
    order.place = None;
    order.tried = Tried::default();
    if let Err(over) = reserve_again(world, &order.intent)? {
        let trouble = Trouble {
            class: Class::Unknown,
            code: "cap".to_owned(),
            message: format!("nobody knows it, and it is not sent again now: {over}"),
        };
        return Ok(left_open(world, task, &trouble));
    }
    let (proof, _) = port::recommit(&*world.log, proof, order.intent.clone()).await?;
    Box::pin(send(world, proof, order)).await
}

/// Takes a resend into this run's account, or names the cap that is in the way.
fn reserve_again<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    intent: &Intent,
) -> Result<Result<(), OverCap>, Halt> {
    let mut ledger = world.ledger();
    if let Err(over) = ledger.allow_again(&world.settings.caps, intent.task) {
        return Ok(Err(over));
    }
    ledger.foresee(&Record::Intent(Box::new(intent.clone())))?;
    drop(ledger);
    world.tell_money();
    Ok(Ok(()))
}

/// Works out what an earlier run sent, from the manifest that still asks for it.
async fn rebuild<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    task: TaskId,
    errand: Option<Errand>,
    resends: u32,
) -> Result<Option<Order>, Halt> {
    let Some(mut errand) = errand else {
        return Ok(None);
    };
    let purchase = &errand.purchase;
    let Some(wanted) = world.orders.wanted(purchase.shot_index, purchase.variant) else {
        return Ok(None);
    };
    if wanted.key != purchase.key {
        return Ok(None);
    }
    let references = match uploads::ready(world, &wanted.request).await {
        Ok(references) => references,
        Err(NotUploaded::Halt(halt)) => return Err(halt),
        Err(NotUploaded::Trouble(_) | NotUploaded::Stopped) => return Ok(None),
    };
    let intent = intent(world, purchase, &wanted, resends);
    errand.uploads = references.iter().flatten().cloned().collect();
    Ok(Some(Order {
        task,
        wanted,
        references,
        intent,
        errand: Some(errand),
        place: None,
        tried: Tried::default(),
    }))
}

fn errand(id: TaskId, task: &Task, shot_index: usize) -> Errand {
    let purchase = Purchase {
        task: id,
        shot_index,
        shot: task.shot.clone(),
        sequence: task.sequence.clone(),
        variant: task.variant,
        takes: task.takes,
        key: task.key,
        attempt: task.attempt,
        reason: reason(task),
        price: task.price.times(u64::from(task.takes.count)),
        over: None,
    };
    Errand::new(purchase, None)
}

/// Gives why a task was bought, as its intent says.
fn reason(task: &Task) -> Reason {
    let intent = task.intent.as_ref();
    let written = intent.and_then(|intent| intent.reason.as_deref());
    written
        .and_then(Reason::parse)
        .unwrap_or(Reason::FailedBefore)
}

/// What queue and archive say of a task.
pub(super) enum Look {
    Known(Report),
    Nothing,
    CannotAsk(Trouble),
}

/// Asks the queue and, if it does not know the task, the archive.
pub(super) async fn look<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    task: TaskId,
) -> Look {
    match world.provider.ask(&[task]).await {
        Err(error) => return Look::CannotAsk(error.trouble),
        Ok(answers) => {
            for (id, known) in answers {
                if let (true, Known::Task(report)) = (id == task, known) {
                    return Look::Known(report);
                }
            }
        }
    }
    match world.provider.details(task).await {
        Err(error) => Look::CannotAsk(error.trouble),
        Ok(Known::Task(report)) => Look::Known(report),
        Ok(Known::Nothing) => Look::Nothing,
    }
}

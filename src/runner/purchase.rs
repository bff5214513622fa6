//! Buying: references first, then the reserve, then the intent on disk, and only then the send.

use std::sync::Arc;

use tokio::time::Instant;

use crate::domain::class::{Class, Trouble};
use crate::domain::id::{ImageId, TaskId};
use crate::expand::wanted::Wanted;
use crate::ledger::money::OverCap;
use crate::ledger::port::{self, CommittedIntent, OpenIntent, RunLog};
use crate::ledger::record::{Accepted, AcceptedBy, Ended, Intent, Record};
use crate::plan::build::Purchase;
use crate::plan::slots::next_attempt;
use crate::plan::step::{After, after_submit};
use crate::provider::{Provider, Report, Submitted};
use crate::runner::event::{Event, ProblemKind};
use crate::runner::follow;
use crate::runner::intent::{intent, kind};
use crate::runner::place::Place;
use crate::runner::settings::AskFirst;
use crate::runner::settle::{self, Look};
use crate::runner::tried::Tried;
use crate::runner::uploads::{self, NotUploaded};
use crate::runner::world::{Halt, World};
use crate::store::ImageStore;

/// A purchase on its way through a run.
#[derive(Clone, Debug)]
pub(super) struct Errand {
    /// What is bought.
    pub(super) purchase: Purchase,
    /// How many attempts were made in this run before.
    pub(super) attempts: u32,
    /// The uploads it was sent with last.
    pub(super) uploads: Vec<ImageId>,
    /// Whether the provider did not know one of its uploads before.
    pub(super) anew: bool,
    /// What the provider knew of its id before anything was sent.
    pub(super) known: Option<Report>,
    /// The attempt before it and how that ended, to be told should this one never be made.
    pub(super) before: Option<(TaskId, Trouble)>,
}

impl Errand {
    pub(super) const fn new(purchase: Purchase, known: Option<Report>) -> Self {
        Self {
            purchase,
            attempts: 0,
            uploads: Vec::new(),
            anew: false,
            known,
            before: None,
        }
    }

    /// Remembers the attempt that it follows.
    pub(super) fn after(mut self, task: TaskId, trouble: Trouble) -> Self {
        self.before = Some((task, trouble));
        self
    }
}

/// How a task left its slot.
#[derive(Debug)]
pub(super) enum Left {
    /// It is settled, or left to the next run.
    Settled,
    /// It goes back into the line as another attempt.
    Again(Box<Errand>),
    /// A cap stands in the way; nothing was sent.
    OverCap(Box<Errand>, OverCap),
    /// It was stopped before anything was sent.
    NotBegun(u32),
    /// Nothing else may be sent until a person acts.
    StopAll(Trouble),
    /// The run cannot go on.
    Halt(Halt),
}

impl From<Halt> for Left {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

/// All that a send needs besides its proof.
pub(super) struct Order {
    pub(super) task: TaskId,
    pub(super) wanted: Wanted,
    pub(super) references: Vec<Option<ImageId>>,
    pub(super) intent: Intent,
    pub(super) errand: Option<Errand>,
    /// Its place at the provider, while it has one.
    pub(super) place: Option<Place>,
    pub(super) tried: Tried,
}

/// Buys one task and sees it through to its results.
pub(super) async fn buy<L: RunLog, P: Provider, S: ImageStore>(
    world: Arc<World<L, P, S>>,
    errand: Errand,
) -> Left {
    let result = try_buy(&world, errand).await;
    result.unwrap_or_else(Left::Halt)
}

async fn try_buy<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    mut errand: Errand,
) -> Result<Left, Halt> {
    renumber(world, &mut errand.purchase);
    let purchase = &errand.purchase;
    let Some(wanted) = world.orders.wanted(purchase.shot_index, purchase.variant) else {
        return Ok(not_begun(world, &errand));
    };
    let intent = intent(world, purchase, &wanted, 0);
    if errand.known.is_none()
        && errand.attempts > 0
        && world.settings.ask_first != AskFirst::Nothing
    {
        // A log that was lost may have known of this attempt too.
        match settle::look(world, intent.task).await {
            Look::Known(report) => errand.known = Some(report),
            Look::Nothing => {}
            Look::CannotAsk(_) => return Ok(not_begun(world, &errand)),
        }
    }
    if let Some(report) = errand.known.take() {
        return adopt(world, intent, report, errand).await;
    }
    let references = match uploads::ready(world, &wanted.request).await {
        Ok(references) => references,
        Err(NotUploaded::Halt(halt)) => return Err(halt),
        Err(NotUploaded::Stopped) => return Ok(not_begun(world, &errand)),
        Err(NotUploaded::Trouble(trouble)) => {
            return not_uploaded(world, errand, intent, trouble).await;
        }
    };
    errand.uploads = references.iter().flatten().cloned().collect();
    let Some(place) = world.enter(kind(&wanted, &intent)).await else {
        return Ok(not_begun(world, &errand));
    };
    if let Err(over) = reserve(world, &errand.purchase, &intent)? {
        return Ok(Left::OverCap(Box::new(errand), over));
    }
    let (proof, _) = port::commit(&*world.log, intent.clone()).await?;
    let order = Order {
        task: intent.task,
        wanted,
        references,
        intent,
        errand: Some(errand),
        place: Some(place),
        tried: Tried::default(),
    };
    send(world, proof, order).await
}

/// Gives a purchase other take numbers where its own are gone.
///
/// A provider that made more images than it was asked for has used them up meanwhile.
fn renumber<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    purchase: &mut Purchase,
) {
    let ledger = world.ledger();
    let (shot, variant, key) = (&purchase.shot, purchase.variant, purchase.key);
    let history = ledger.history(shot, variant);
    let spent =
        history.is_some_and(|history| purchase.takes.iter().any(|take| history.is_spent(take)));
    if !spent && ledger.task(purchase.task).is_none() {
        return;
    }
    let first = ledger.next_take(shot, variant);
    let attempt = next_attempt(&ledger, shot, variant, key, first);
    purchase.takes.first = first;
    *purchase = purchase.as_attempt(&world.settings.show, attempt);
}

/// A purchase is not made in this run: the takes of a further attempt are told as what they are.
pub(super) fn not_begun<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    errand: &Errand,
) -> Left {
    match &errand.before {
        Some((task, trouble)) => {
            world.give_up(ProblemKind::Failed, *task, trouble);
            Left::Settled
        }
        None => Left::NotBegun(errand.purchase.takes.count),
    }
}

/// Reserves the price under every cap, or names the cap in the way.
fn reserve<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    purchase: &Purchase,
    intent: &Intent,
) -> Result<Result<(), OverCap>, Halt> {
    let (shot, sequence) = (&purchase.shot, purchase.sequence.as_deref());
    let mut ledger = world.ledger();
    if let Err(over) = ledger
        .accounts
        .allow(&world.settings.caps, shot, sequence, intent.reserved)
    {
        return Ok(Err(over));
    }
    ledger.foresee(&Record::Intent(Box::new(intent.clone())))?;
    drop(ledger);
    world.tell_money();
    Ok(Ok(()))
}

/// Sends a task until the provider has said what becomes of it.
pub(super) async fn send<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    mut proof: CommittedIntent,
    mut order: Order,
) -> Result<Left, Halt> {
    world.tell(Event::Sent(Arc::new(order.intent.clone())));
    loop {
        let place = match order.place.take() {
            Some(place) => Some(place),
            None => world.enter(kind(&order.wanted, &order.intent)).await,
        };
        let Some(mut place) = place else {
            return Ok(unsent(world, order));
        };
        let sent = Instant::now();
        if order.intent.resend > 0 {
            // Nobody knew the first send before the wait for a place; somebody may know it now.
            match settle::look(world, order.task).await {
                Look::Nothing => {}
                Look::Known(report) => {
                    accept(world, order.task, AcceptedBy::Asked).await?;
                    place.taken();
                    order.place = Some(place);
                    let trail = order.into_trail(sent);
                    return follow::follow(world, trail, report, true).await;
                }
                Look::CannotAsk(why) => return Ok(left_open(world, order.task, &why)),
            }
        }
        let life = world.accepted_so_far();
        match world
            .provider
            .submit(proof, &order.wanted.request, &order.references)
            .await
        {
            Submitted::Accepted(report) => {
                if report.failures.is_empty() {
                    place.taken();
                } else {
                    place.answered();
                }
                world.count_accepted();
                order.place = Some(place);
                return accepted(world, order, report, sent).await;
            }
            Submitted::Conflict(_) => {
                place.taken();
                order.place = Some(place);
                accept(world, order.task, AcceptedBy::Conflict).await?;
                return follow::follow(world, order.into_trail(sent), Report::default(), true)
                    .await;
            }
            Submitted::Refused(trouble) => {
                place.answered();
                drop(place);
                return if order.intent.resend > 0 {
                    refused_again(world, order, trouble, sent).await
                } else {
                    refused(world, order, trouble).await
                };
            }
            Submitted::Unknown(open, trouble) => {
                place.doubtful(&trouble);
                order.place = Some(place);
                return settle::settle(world, open, order.into_doubt(sent), trouble).await;
            }
            Submitted::TurnedAway(back, trouble, away) => {
                proof = back;
                place.turned_away(away, &trouble);
                let alive = world.accepted_so_far() > life;
                let Some(wait) = order.tried.again(world, &trouble, away, alive) else {
                    return turned_away(world, proof, &order, trouble).await;
                };
                world.tell(Event::Waiting {
                    task: order.task,
                    wait: wait.max(world.places.pause_left()),
                    trouble,
                });
                if !world.places.rest(wait).await {
                    return Ok(unsent(world, order));
                }
            }
        }
    }
}

/// Nothing is sent any more: a task that the provider never took stays for the next run.
///
/// Its intent stays open in the log, and its price reserved: the same id is sent then.
fn unsent<L: RunLog, P: Provider, S: ImageStore>(world: &World<L, P, S>, order: Order) -> Left {
    match order.errand {
        Some(errand) if order.intent.resend == 0 => not_begun(world, &errand),
        _ => {
            let trouble = world.places.hopeless().unwrap_or_else(|| Trouble {
                class: Class::Unknown,
                code: "stopped".to_owned(),
                message: "the run was stopped before it could be sent again".to_owned(),
            });
            left_open(world, order.task, &trouble)
        }
    }
}

async fn accepted<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    order: Order,
    report: Report,
    sent: Instant,
) -> Result<Left, Halt> {
    if report.images.is_empty() {
        accept(world, order.task, AcceptedBy::Reply).await?;
    }
    let mut trail = order.into_trail(sent);
    trail.is_last_word = !report.failures.is_empty();
    follow::follow(world, trail, report, false).await
}

/// Logs that the provider has a task.
pub(super) async fn accept<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    task: TaskId,
    by: AcceptedBy,
) -> Result<(), Halt> {
    world
        .record(Record::Accepted(Accepted { task, by }))
        .await?;
    world.tell(Event::Accepted(task));
    Ok(())
}

/// The provider never took the task, and is not asked any more.
async fn turned_away<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    proof: CommittedIntent,
    order: &Order,
    trouble: Trouble,
) -> Result<Left, Halt> {
    let task = proof.task();
    if order.intent.resend > 0 {
        return Ok(left_open(world, task, &trouble));
    }
    let stop_all = after_submit(&trouble, 0, 0) == After::StopAll;
    fail(world, task, &trouble, false).await?;
    Ok(if stop_all {
        Left::StopAll(trouble)
    } else {
        Left::Settled
    })
}

/// Leaves a task open whose first send may have bought it: the next run asks again.
pub(super) fn left_open<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    task: TaskId,
    trouble: &Trouble,
) -> Left {
    world.leave_open(task, trouble);
    Left::Settled
}

/// The provider refused the task: unpaid.
async fn refused<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    order: Order,
    trouble: Trouble,
) -> Result<Left, Halt> {
    let task = order.task;
    if trouble.class == Class::Account {
        fail(world, task, &trouble, false).await?;
        return Ok(Left::StopAll(trouble));
    }
    let ended = Ended {
        task,
        trouble: trouble.clone(),
        may_be_billed: false,
    };
    world.record(Record::Refused(ended)).await?;
    if trouble.class == Class::Reference
        && let Some(errand) = order.errand.filter(|errand| !errand.anew)
    {
        // An upload the provider does not know any more: once more, uploaded anew.
        world.uploads.forget(&errand.uploads);
        let next = again(world, &errand, true).after(task, trouble);
        return Ok(Left::Again(Box::new(next)));
    }
    world.give_up(ProblemKind::Refused, task, &trouble);
    Ok(Left::Settled)
}

/// The provider refused a task that was sent before: that says nothing of the first send, which
/// may have been bought while the key, the balance or an upload was still good.
async fn refused_again<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    order: Order,
    trouble: Trouble,
    sent: Instant,
) -> Result<Left, Halt> {
    let (task, intent) = (order.task, order.intent);
    if trouble.class == Class::Reference
        && let Some(mut errand) = order.errand.filter(|errand| !errand.anew)
    {
        // Its uploads are gone since: asked about once more, it is sent again with new ones.
        world.uploads.forget(&errand.uploads);
        errand.anew = true;
        let case = settle::Case {
            task,
            sent: settle::SentAt::Here(sent),
            accepted: false,
            resends: intent.resend,
            errand: Some(errand),
            order: None,
            may_return: true,
        };
        let open = reopen(task, intent.takes.count);
        return Box::pin(settle::settle(world, open, case, trouble)).await;
    }
    let left = left_open(world, task, &trouble);
    Ok(if trouble.class == Class::Account {
        Left::StopAll(trouble)
    } else {
        left
    })
}

/// Logs that a task ended without an image.
pub(super) async fn fail<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    task: TaskId,
    trouble: &Trouble,
    may_be_billed: bool,
) -> Result<(), Halt> {
    let ended = Ended {
        task,
        trouble: trouble.clone(),
        may_be_billed,
    };
    world.record(Record::Failed(ended)).await?;
    world.give_up(ProblemKind::Failed, task, trouble);
    Ok(())
}

/// Makes the next attempt of a purchase, under an id of its own.
pub(super) fn again<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    errand: &Errand,
    anew: bool,
) -> Errand {
    let purchase = &errand.purchase;
    let attempt = next_attempt(
        &world.ledger(),
        &purchase.shot,
        purchase.variant,
        purchase.key,
        purchase.takes.first,
    );
    let purchase = purchase.as_attempt(&world.settings.show, attempt);
    Errand {
        purchase,
        attempts: errand.attempts + 1,
        uploads: Vec::new(),
        anew: anew || errand.anew,
        known: None,
        before: None,
    }
}

/// A reference did not reach the provider: the shot's take ends here, unpaid, and says why.
async fn not_uploaded<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    errand: Errand,
    intent: Intent,
    trouble: Trouble,
) -> Result<Left, Halt> {
    if world.is_stopping() {
        return Ok(not_begun(world, &errand));
    }
    if trouble.class == Class::Account {
        return Ok(Left::StopAll(trouble));
    }
    let task = intent.task;
    if let Err(over) = reserve(world, &errand.purchase, &intent)? {
        return Ok(Left::OverCap(Box::new(errand), over));
    }
    let (unsent, _) = port::commit(&*world.log, intent).await?;
    debug_assert_eq!(unsent.task(), task, "a proof is for its own task");
    if matches!(
        trouble.class,
        Class::Request | Class::Reference | Class::Safety
    ) {
        let ended = Ended {
            task,
            trouble: trouble.clone(),
            may_be_billed: false,
        };
        world.record(Record::Refused(ended)).await?;
        world.give_up(ProblemKind::Refused, task, &trouble);
    } else {
        fail(world, task, &trouble, false).await?;
    }
    Ok(Left::Settled)
}

/// Takes over a task that the provider knows though the log does not: it was bought before.
async fn adopt<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    intent: Intent,
    report: Report,
    errand: Errand,
) -> Result<Left, Halt> {
    let task = intent.task;
    world
        .ledger()
        .foresee(&Record::Intent(Box::new(intent.clone())))?;
    world.tell_money();
    let (proof, _) = port::commit(&*world.log, intent).await?;
    let found = proof.open();
    debug_assert_eq!(found.task(), task, "a proof is for its own task");
    accept(world, task, AcceptedBy::Asked).await?;
    let trail = follow::Trail::new(task, Instant::now(), Some(errand));
    follow::follow(world, trail, report, true).await
}

impl Order {
    fn into_trail(self, sent: Instant) -> follow::Trail {
        let mut trail = follow::Trail::new(self.task, sent, self.errand);
        trail.place = self.place;
        trail
    }

    fn into_doubt(self, sent: Instant) -> settle::Case {
        settle::Case {
            task: self.task,
            sent: settle::SentAt::Here(sent),
            accepted: false,
            resends: self.intent.resend,
            errand: self.errand.clone(),
            order: Some(Box::new(self)),
            may_return: true,
        }
    }
}

/// Takes up an intent that the log left open.
pub(super) const fn reopen(task: TaskId, results: u32) -> OpenIntent {
    OpenIntent::from_log(task, results)
}

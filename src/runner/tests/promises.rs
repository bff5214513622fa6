//! The promises, checked against the provider's own books at the moment they could be broken.

use crate::domain::digest::Sha256;
use crate::domain::id::{Key, ShotId, TakeNo, TaskId};
use crate::domain::money::Micros;
use crate::ledger::fold::Ledger;
use crate::ledger::money::{Account, CapKind};
use crate::ledger::record::{Accepted, AcceptedBy, Ended, Lost, Record, Saved};
use crate::ledger::task::{End, Fate, Task};
use crate::runner::tests::allowed::Picture;
use crate::runner::tests::books::Sold;
use crate::runner::tests::cupboard::picture;
use crate::runner::tests::sights::Sight;
use crate::runner::tests::universe::State;

/// The picture of a request that nothing is known of.
pub(super) fn nothing() -> Picture {
    (ShotId::new("nothing"), Key(Sha256::of(b"")))
}

/// Spells a record for the trace.
pub(super) fn told(record: &Record) -> String {
    match record {
        Record::Intent(intent) => format!(
            "log: intent {} {} {} takes {}+{} attempt {} resend {} for {}",
            intent.task,
            intent.shot,
            intent.variant,
            intent.takes.first,
            intent.takes.count,
            intent.attempt.0,
            intent.resend,
            intent.reserved
        ),
        other => format!("log: {other:?}"),
    }
}

/// Checks a record against the world as it is written.
pub(super) fn on_record(state: &mut State, record: &Record) {
    match record {
        Record::Saved(saved) => on_saved(state, saved),
        Record::Lost(lost) => on_lost(state, lost),
        Record::Refused(ended) => unbilled(state, ended),
        Record::Failed(ended) => {
            state.see(Sight::Failed);
            if !ended.may_be_billed {
                unbilled(state, ended);
            }
        }
        Record::Unsure(_) => state.see(Sight::Unsure),
        Record::Intent(intent) if intent.resend > 0 => state.see(Sight::Resend),
        Record::Accepted(Accepted {
            by: AcceptedBy::Asked,
            ..
        }) => state.see(Sight::Adopted),
        _ => {}
    }
}

/// What is called saved is on disk for good, and its take number is its own.
fn on_saved(state: &mut State, saved: &Saved) {
    state.see(Sight::Saved);
    let task = state.log.ledger.task(saved.task);
    let image = task.and_then(|task| {
        let made = task.images.iter().find(|made| made.index == saved.index)?;
        Some((
            (task.shot.clone(), task.variant, saved.take.0),
            made.image.clone(),
        ))
    });
    let Some((take, image)) = image else {
        state.breaks(|| format!("an image is saved that no synced record tells of: {saved:?}"));
        return;
    };
    if !state.images.keeps(&saved.path, &picture(image.as_str())) {
        state.breaks(|| format!("{} is called saved and is not on disk for good", saved.path));
    }
    let holder = state
        .allowed
        .takes
        .entry(take.clone())
        .or_insert_with(|| image.clone());
    if *holder != image {
        let holder = holder.clone();
        state.breaks(|| format!("take {take:?} was {holder} and is now {image}"));
    }
}

/// What is called lost cannot be had by asking.
fn on_lost(state: &mut State, lost: &Lost) {
    state.see(Sight::Lost);
    let now = state.clock.now();
    let ledger = &state.log.ledger;
    let images = ledger.task(lost.task).map(|task| &task.images);
    let image = images.and_then(|images| images.iter().find(|made| made.index == lost.index));
    let can_give = image.is_some_and(|made| {
        let (books, weather) = (&state.books, &state.weather);
        books.can_give(lost.task, &made.image, now, weather)
    });
    if can_give {
        state.breaks(|| format!("called lost, and the provider has it: {lost:?}"));
    }
}

/// What is called unpaid was not billed.
fn unbilled(state: &mut State, ended: &Ended) {
    let charged = state.books.sold.get(&ended.task).map_or(0, Sold::charged);
    if charged > 0 {
        state.breaks(|| format!("called unpaid, and billed at {charged}: {ended:?}"));
    }
}

/// Checks the caps as the log has it when an intent becomes durable.
pub(super) fn on_intent(state: &mut State, id: TaskId) {
    match over_a_cap(state, id) {
        Some(over) => state.allowed.over.insert(id, over),
        None => state.allowed.over.remove(&id),
    };
}

fn over_a_cap(state: &State, id: TaskId) -> Option<String> {
    let accounts = &state.log.ledger.accounts;
    let task = state.log.ledger.task(id)?;
    let kinds = [
        CapKind::Run,
        CapKind::Show,
        CapKind::Sequence,
        CapKind::Shot,
    ];
    kinds.into_iter().find_map(|kind| {
        let cap = state.caps.of(kind)?;
        let account = match kind {
            CapKind::Run => Some(accounts.run),
            CapKind::Show => Some(accounts.show),
            CapKind::Sequence => {
                let sequence = task.sequence.as_ref()?;
                accounts.sequences.get(sequence).copied()
            }
            CapKind::Shot => accounts.shots.get(&task.shot).copied(),
            CapKind::Plan => None,
        };
        let account = account.unwrap_or_default();
        (account.counted() > cap).then(|| {
            let kind = kind.word();
            format!("{account:?} passes the {kind} cap of {cap}: {id}")
        })
    })
}

/// Checks a task as it leaves for the provider.
pub(super) fn on_send(state: &mut State, id: TaskId, results: u32) {
    let ledger = &state.log.ledger;
    let Some(task) = ledger.task(id) else {
        state.breaks(|| format!("{id} is sent and its intent is not synced"));
        return;
    };
    let wrong = if task.end.is_some() {
        Some(format!(
            "{id} is sent though the log says how it ended: {:?}",
            task.end
        ))
    } else if task.takes.count != results {
        Some(format!(
            "{id} is sent for {results} images, {} intended",
            task.takes.count
        ))
    } else {
        shares_a_number(ledger, id, task)
            .or_else(|| state.allowed.over.get(&id).cloned())
            .or_else(|| over_in_truth(state, id, task))
    };
    if let Some(wrong) = wrong {
        state.breaks(|| wrong);
    }
}

/// Finds another task that may still make an image of the same number.
fn shares_a_number(ledger: &Ledger, id: TaskId, task: &Task) -> Option<String> {
    let mut others = ledger.tasks_of(&task.shot, task.variant);
    let (other, _) = others.find(|(other, known)| {
        *other != id && may_make_more(known) && known.takes.iter().any(|take| covers(task, take))
    })?;
    Some(format!(
        "{id} is sent for a take that {other} may still make"
    ))
}

fn covers(task: &Task, take: TakeNo) -> bool {
    task.takes.iter().any(|own| own == take)
}

/// Checks the caps against what the provider has billed, as far as it keeps to the price that was
/// reserved.
fn over_in_truth(state: &State, id: TaskId, task: &Task) -> Option<String> {
    // Without its log a run learns of money that is gone only as it comes to each task.
    if state.books.sold.contains_key(&id) || state.allowed.log_was_lost {
        return None;
    }
    let own = task.price.get() * u64::from(task.takes.count);
    let billed = |counts: &dyn Fn(&Sold) -> bool| -> u64 {
        let sold = state.books.sold.values().filter(|sold| counts(sold));
        let results =
            sold.flat_map(|sold| sold.results.iter().map(|r| r.charge.min(sold.reserved)));
        results.sum::<u64>() + own
    };
    let caps = &state.caps;
    let sequence = task.sequence.as_deref();
    let over = |cap: Option<Micros>, billed: u64| cap.is_some_and(|cap| billed > cap.get());
    let wrong = over(caps.show, billed(&|_| true))
        || over(caps.shot, billed(&|sold| sold.picture.0 == task.shot))
        || (sequence.is_some()
            && over(
                caps.sequence,
                billed(&|sold| sold.sequence.as_deref() == sequence),
            ));
    wrong.then(|| format!("{id} is sent, and the provider's bill may pass {caps:?}"))
}

/// Books a sale: each id once, and no more images of a picture than were ever asked for.
pub(super) fn on_sale(state: &mut State, id: TaskId, sold: Sold) {
    let of = sold.picture.clone();
    if sold.results.len() > sold.images().count() && sold.images().next().is_some() {
        state.see(Sight::Partial);
    }
    if state.books.sold.insert(id, sold).is_some() {
        state.breaks(|| format!("{id} is billed twice"));
    }
    let (made, most) = (state.books.images_of(&of), state.allowed.most(&of));
    if made > most {
        state.breaks(|| format!("{made} images are paid of {of:?}, {most} were asked for: {id}"));
    }
}

/// Checks all that must be true whenever a life has ended.
pub(super) fn after_life(state: &mut State) {
    let wrong = known_to_the_log(state)
        .or_else(|| on_disk(state))
        .or_else(|| accounts_add_up(&state.log.ledger));
    if let Some(wrong) = wrong {
        state.breaks(|| wrong);
    }
}

/// Every sale is known to the log, and none is called unpaid or given up for what it made.
fn known_to_the_log(state: &State) -> Option<String> {
    state.books.sold.iter().find_map(|(id, sold)| {
        let Some(task) = state.log.ledger.task(*id) else {
            let lost = state.allowed.log_was_lost || sold.charged() == 0;
            return (!lost).then(|| format!("{id} is billed and the log knows nothing of it"));
        };
        let made = sold.images().count();
        match &task.end {
            Some(End::Refused(_) | End::Failed(_, false)) if sold.charged() > 0 => {
                Some(format!("{id} is billed and called unpaid"))
            }
            Some(End::Failed(..)) if made > task.images.len() => Some(format!(
                "{id} made {made} images, of which the log knows {} and calls it failed",
                task.images.len()
            )),
            _ => None,
        }
    })
}

/// Every image that is called saved is on disk, unless somebody took it.
fn on_disk(state: &State) -> Option<String> {
    let tasks = state.log.ledger.tasks();
    let mut images = tasks.flat_map(|(_, task)| &task.images);
    images.find_map(|made| {
        let Fate::Saved(on_disk) = &made.fate else {
            return None;
        };
        let path = &on_disk.path;
        let there = state.images.keeps(path, &picture(made.image.as_str()));
        (!there && !state.images.meddled.contains(path)).then(|| format!("{path} is gone"))
    })
}

/// The accounts are the sums of what the tasks weigh.
fn accounts_add_up(ledger: &Ledger) -> Option<String> {
    let mut sum = Account::default();
    for (_, task) in ledger.tasks() {
        let weight = task.weight();
        sum.spent = sum.spent.plus(weight.spent);
        sum.reserved = sum.reserved.plus(weight.reserved);
    }
    let show = ledger.accounts.show;
    (show != sum).then(|| format!("the account is {show:?} and its tasks weigh {sum:?}"))
}

/// Checks what must be true once nothing is left to do.
pub(super) fn at_rest(state: &mut State) {
    let wrong = every_image_has_an_end(state)
        .or_else(|| bills_agree(state))
        .or_else(|| folds_alike(state));
    if let Some(wrong) = wrong {
        state.breaks(|| wrong);
    }
}

/// Every image that was billed is saved, or told to be lost, or its task to be unsure.
fn every_image_has_an_end(state: &State) -> Option<String> {
    state.books.sold.iter().find_map(|(id, sold)| {
        let task = state.log.ledger.task(*id)?;
        sold.images().find_map(|(image, made)| {
            if made.charge == 0 {
                return None;
            }
            let known = task.images.iter().find(|known| known.image == *image);
            let now = state.clock.now();
            let ended = match known.map(|known| &known.fate) {
                Some(Fate::Saved(_)) => true,
                Some(Fate::Lost(_)) => {
                    let (books, weather) = (&state.books, &state.weather);
                    !books.can_give(*id, image, now, weather)
                }
                Some(Fate::Produced(_)) => false,
                None => may_make_more(task) && state.unsure.contains(id),
            };
            (!ended).then(|| format!("{image} of {id} is billed, and neither saved, truly lost, nor told to be unsure"))
        })
    })
}

/// Tells whether the log leaves room for an image that it does not know yet.
fn may_make_more(task: &Task) -> bool {
    task.is_open() || matches!(task.end, Some(End::Unsure(_)))
}

/// The money in the log is the money in the provider's books, image by image.
fn bills_agree(state: &State) -> Option<String> {
    state.log.ledger.tasks().find_map(|(id, task)| {
        let sold = state.books.sold.get(&id);
        task.images.iter().find_map(|made| {
            let mut sales = sold.iter().flat_map(|sold| sold.images());
            let Some((_, sale)) = sales.find(|(image, _)| **image == made.image) else {
                return Some(format!(
                    "{} of {id} is in the log and was never sold",
                    made.image
                ));
            };
            let agree = if sale.told.is_some_and(|told| told > 0) {
                !made.cost_assumed && made.cost.get() == sale.charge
            } else {
                made.cost_assumed && made.cost >= task.price
            };
            (!agree).then(|| {
                format!(
                    "{} of {id} was billed at {}: {made:?}",
                    made.image, sale.charge
                )
            })
        })
    })
}

/// The log folded anew gives what it gave record by record.
fn folds_alike(state: &State) -> Option<String> {
    match state.log.fold() {
        Ok(ledger) if ledger == state.log.ledger => None,
        Ok(_) => Some("the log folds to another state than it was written from".to_owned()),
        Err(why) => Some(why),
    }
}

/// Compares what a run held in memory with what its log folds to, times aside.
pub(super) fn same_state(memory: &Ledger, log: &Ledger) -> Option<String> {
    if memory.accounts != log.accounts {
        let (memory, log) = (&memory.accounts, &log.accounts);
        return Some(format!("in memory {memory:?}, by the log {log:?}"));
    }
    let (mut tasks, count) = (memory.tasks(), log.tasks().count());
    if memory.tasks().count() != count {
        return Some("memory and log know other tasks".to_owned());
    }
    let differs = tasks.find(|(id, task)| {
        // Only the log is stamped.
        let mut stamped = (*task).clone();
        let known = log.task(*id);
        stamped.sent_at = known.and_then(|known| known.sent_at);
        known != Some(&stamped)
    });
    if let Some((id, task)) = differs {
        return Some(format!("in memory {task:?}, by the log {:?}", log.task(id)));
    }
    let mut histories = memory.histories();
    let differs =
        histories.find(|((shot, variant), history)| log.history(shot, *variant) != Some(*history));
    differs.map(|(place, _)| format!("memory and log know other takes of {place:?}"))
}

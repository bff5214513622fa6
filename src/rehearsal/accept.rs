//! From a task object to an accepted task: the whole of what can be refused at submit, and the faults
//! that strike there.
//!
//! An accepted task is in the books, synced, before anybody hears of it and before it is billed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::api::Ending;
use super::app::App;
use super::clock::millis;
use super::deliver;
use super::dispatch::{Stop, Turn};
use super::envelope::Refusal;
use super::faults::{Fault, Target};
use super::id::{Id, draw, sha256_hex};
use super::memory::{Memory, TaskIndex};
use super::money::Usd;
use super::order::{Order, draft, hoped_for_results, order};
use super::record::{Accepted, Delivery, KeyTag, Picture, Record};
use super::references::{Resolved, resolve};
use super::size::settle;
use super::strike::{self, Answer};
use super::switches::{CheckOrder, Cost, DryRun};

/// Strings in a request that are longer than this are kept as files.
const LONG_TEXT: usize = 1024;
/// Well above every 1K size and well below every 2K one.
const MOST_1K_PIXELS: u64 = 2_000_000;

/// What a task came to at submit.
pub(super) enum Outcome {
    Accepted {
        index: TaskIndex,
        delivery: Delivery,
    },
    /// A dry run: items that say what it would cost.
    Priced(Vec<Value>),
}

/// A task that has passed every check of its own.
struct Sound {
    id: Id,
    order: Order,
    resolved: Resolved,
    picture: Picture,
    price: Usd,
    request: Value,
    request_sha256: String,
    body_sha256: String,
}

/// Checks a task and takes it, if nothing speaks against it.
pub(super) async fn take(turn: &mut Turn, task: &Map<String, Value>) -> Result<Outcome, Stop> {
    let app = Arc::clone(&turn.app);
    if app.switches().check_order == CheckOrder::CreditFirst {
        let price = app.switches().price_1k.times(hoped_for_results(task));
        check_balance(&app, &app.memory(), price)?;
    }
    let id = turn.fresh_id(task).await?;
    let sound = check(&app, id, task).await?;
    if turn.dry_run && app.switches().dry_run == DryRun::Honour {
        let total = sound.price.times(sound.order.results);
        check_balance(&app, &app.memory(), total)?;
        return Ok(Outcome::Priced(priced(&sound)));
    }
    let delivery = sound.order.delivery;
    let admitted = match admit(&app, turn.key, sound) {
        Ok(admitted) => admitted,
        Err(Turned::Conflict) => return Err(turn.conflict(id).await.into()),
        Err(Turned::Away(Answer::Refusal(refusal))) => return Err(refusal.into()),
        Err(Turned::Away(Answer::Ending(ending))) => {
            turn.ending = ending;
            return Err(Stop::Everything);
        }
    };
    let index = admitted.index;
    write_down(&app, index, admitted.accepted).await?;
    // The task is bought; what was to be said about it may still not be said.
    match admitted.instead {
        Some(Answer::Refusal(refusal)) => return Err(refusal.into()),
        Some(Answer::Ending(Ending::CutJson)) => turn.ending = Ending::CutJson,
        Some(Answer::Ending(ending)) => {
            turn.ending = ending;
            return Err(Stop::Everything);
        }
        None => {}
    }
    Ok(Outcome::Accepted { index, delivery })
}

async fn check(app: &Arc<App>, id: Id, task: &Map<String, Value>) -> Result<Sound, Refusal> {
    let switches = app.switches();
    let draft = draft(task, switches)?;
    let resolved = resolve(app, &draft.references).await?;
    let order = order(&draft)?;
    let (width, height) = settle(order.size, &resolved.references, switches.resolution_size);
    let is_2k = u64::from(width) * u64::from(height) > MOST_1K_PIXELS;
    let price = if is_2k {
        switches.price_2k
    } else {
        switches.price_1k
    };
    let request_sha256 = digest_of(task, |_| true);
    let body_sha256 = digest_of(task, |name| name != "taskUUID");
    let picture = Picture {
        width,
        height,
        format: order.format,
        quality: order.quality,
    };
    let request = shelve_long_texts(app, task).await?;
    Ok(Sound {
        id,
        order,
        resolved,
        picture,
        price,
        request,
        request_sha256,
        body_sha256,
    })
}

/// Hashes some fields of an object, written as JSON with its keys in order.
fn digest_of(task: &Map<String, Value>, with: fn(&str) -> bool) -> String {
    let fields = task.iter().filter(|(name, _)| with(name));
    let fields: BTreeMap<&String, &Value> = fields.collect();
    // Strings and JSON values always serialise.
    sha256_hex(&serde_json::to_vec(&fields).unwrap_or_default())
}

fn priced(sound: &Sound) -> Vec<Value> {
    let one = json!({
        "taskType": "imageInference",
        "taskUUID": sound.id.to_string(),
        "cost": sound.price.to_json(),
    });
    vec![one; usize::from(sound.order.results)]
}

fn check_balance(app: &App, memory: &Memory, price: Usd) -> Result<(), Refusal> {
    if app.balance(memory) >= price {
        return Ok(());
    }
    Err(Refusal::new(
        402,
        "insufficientCredits",
        "The balance does not cover this task",
    ))
}

/// A task that is taken, though not on disk yet.
struct Admitted {
    index: TaskIndex,
    accepted: Accepted,
    /// What a fault says in place of the acknowledgement.
    instead: Option<Answer>,
}

enum Turned {
    Conflict,
    Away(Answer),
}

impl From<Refusal> for Turned {
    fn from(refusal: Refusal) -> Self {
        Self::Away(Answer::Refusal(refusal))
    }
}

/// Decides, in one step that no other request can come between, whether the task is taken.
fn admit(app: &App, key: KeyTag, sound: Sound) -> Result<Admitted, Turned> {
    let (faults, switches, now) = (&app.faults, app.switches(), app.now());
    let mut memory = app.memory();
    if memory.is_taken(key, sound.id, now, switches) {
        return Err(Turned::Conflict);
    }
    let asked = memory.ask(sound.id);
    let (number, attempt) = (asked.number, asked.attempts);
    let submit = Target {
        number,
        task: sound.id,
        attempt,
        index: 0,
    };
    strike::before_money(app, submit).map_err(Turned::Away)?;
    check_balance(app, &memory, sound.price.times(sound.order.results))?;
    let in_flight = memory.in_flight(now);
    if switches.queue_depth.is_some_and(|depth| in_flight >= depth) {
        return Err(strike::too_many().into());
    }
    strike::before_acceptance(app, submit).map_err(Turned::Away)?;
    let begins = match switches.workers {
        Some(workers) => memory.free_worker(now, workers),
        None => now,
    };
    let once = Target {
        attempt: 0,
        ..submit
    };
    let late = if faults.strikes(Fault::Late, once) {
        switches.late_by
    } else {
        Duration::ZERO
    };
    let takes = now.until(begins) + app.latency + late;
    let accepted = accepted(app, key, sound, once, millis(takes), &memory.salt);
    let index = memory.add(&accepted);
    memory.note_peak(now);
    Ok(Admitted {
        index,
        accepted,
        instead: strike::after_acceptance(app, submit),
    })
}

fn accepted(
    app: &App,
    key: KeyTag,
    sound: Sound,
    once: Target,
    takes_ms: u64,
    salt: &str,
) -> Accepted {
    let (faults, switches) = (&app.faults, app.switches());
    let order = sound.order;
    let fate = strike::fate(app, sound.resolved.lost, order.results, once);
    let mut accepted = Accepted {
        at: app.now(),
        number: once.number,
        task: sound.id,
        key,
        takes_ms,
        delivery: order.delivery,
        results: order.results,
        seed: first_seed(salt, sound.id),
        picture: sound.picture,
        output: order.output,
        with_cost: match switches.cost {
            Cost::WhenAsked => order.include_cost,
            Cost::Always | Cost::Zero => true,
            Cost::Never => false,
        },
        checks_content: order.checks_content,
        ttl_s: order.ttl_s,
        price: sound.price,
        fate,
        flagged: faults.strikes(Fault::Nsfw, once),
        forgotten: faults.strikes(Fault::ForgetsTask, once),
        cost_missing: faults.strikes(Fault::CostMissing, once),
        images_billed: 0,
        references: sound.resolved.references,
        webhook: order.webhook,
        upload_endpoint: order.upload_endpoint,
        request_sha256: sound.request_sha256,
        body_sha256: sound.body_sha256,
        request: sound.request,
    };
    accepted.images_billed = if switches.bill_failed {
        accepted.results
    } else {
        accepted.images()
    };
    accepted
}

/// Draws the first seed so that it and its followers stay below 2^31.
fn first_seed(salt: &str, id: Id) -> u32 {
    const ROOM_FOR_FOLLOWERS: u64 = 32;
    let bits = draw(&[b"seed", salt.as_bytes(), id.as_bytes()]);
    u32::try_from(bits % ((1 << 31) - ROOM_FOR_FOLLOWERS)).unwrap_or(0)
}

/// Puts the task into the books and makes it known, even if whoever asked has hung up meanwhile.
async fn write_down(app: &Arc<App>, index: TaskIndex, accepted: Accepted) -> Result<(), Refusal> {
    let app = Arc::clone(app);
    let calls_back = accepted.webhook.is_some() || accepted.upload_endpoint.is_some();
    let record = Record::Accepted(Box::new(accepted));
    let writing = tokio::spawn(async move {
        let written = app.books.append(&record).await;
        match written {
            Ok(place) => app.memory().confirm(index, place),
            Err(_) => app.memory().withdraw(index),
        }
        app.changed.notify_waiters();
        if written.is_ok() && calls_back {
            deliver::start(&app, index);
        }
        written.is_ok()
    });
    if writing.await.unwrap_or(false) {
        return Ok(());
    }
    Err(Refusal::new(
        500,
        "internalServerError",
        "The task could not be stored",
    ))
}

/// Copies the task object, with long references as files, so that the books stay small.
async fn shelve_long_texts(app: &Arc<App>, task: &Map<String, Value>) -> Result<Value, Refusal> {
    let mut copy = task.clone();
    let references = copy
        .get_mut("inputs")
        .and_then(|inputs| inputs.get_mut("referenceImages"));
    for reference in references
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let Value::String(text) = reference else {
            continue;
        };
        if text.len() <= LONG_TEXT {
            continue;
        }
        let (shelf, text) = (app.shelf.clone(), std::mem::take(text));
        let kept = tokio::task::spawn_blocking(move || shelf.keep_text(&text)).await;
        let kept = kept.ok().and_then(Result::ok).ok_or_else(|| {
            Refusal::new(
                500,
                "internalServerError",
                "The references could not be stored",
            )
        })?;
        *reference = json!({ "kept": kept });
    }
    Ok(Value::Object(copy))
}

/// Gives the task object as it was sent.
pub(super) fn as_sent(app: &App, accepted: &Accepted) -> Value {
    let mut request = accepted.request.clone();
    let references = request
        .get_mut("inputs")
        .and_then(|inputs| inputs.get_mut("referenceImages"));
    for reference in references
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(kept) = reference.get("kept").and_then(Value::as_str) {
            *reference = Value::String(app.shelf.read_text(kept).unwrap_or_default());
        }
    }
    request
}

//! `getResponse` and `getTaskDetails`.

use serde_json::{Value, json};

use super::accept::as_sent;
use super::api::Ending;
use super::dispatch::{Stop, Turn};
use super::envelope::{Refusal, Reply};
use super::faults::{Fault, Target};
use super::id::Id;
use super::memory::{Task, TaskIndex};
use super::record::Delivery;
use super::results::{self, For};
use super::strike::too_many;
use super::switches::{DetailsRunning, Forgets, Switches, Unknown};

/// Answers one `getResponse`.
pub(super) async fn response(turn: &mut Turn, id: Id) -> Result<Reply, Stop> {
    let app = turn.app.clone();
    let found = app
        .memory()
        .find(turn.key, id)
        .map(|(index, task)| (index, task.clone()));
    if let Some((index, task)) = &found {
        strike(turn, *index, task)?;
    }
    let (now, switches) = (app.now(), app.switches());
    let known = found.filter(|(_, task)| {
        let kept = switches
            .poll_keeps
            .is_none_or(|keeps| now < task.ends.later(keeps));
        let kind_kept = task.delivery == Delivery::Async || switches.poll_sync;
        kept && kind_kept && !forgets_queue(task)
    });
    let Some((index, task)) = known else {
        return Ok(unknown(switches.poll_unknown, id));
    };
    let mut reply = results::of_task(&app, index, For::Poll).await;
    if shuffles(turn, &task) {
        shuffle(&mut reply);
    }
    Ok(reply)
}

/// Answers one `getTaskDetails`.
pub(super) async fn details(turn: &Turn, id: Id) -> Result<Vec<Value>, Refusal> {
    let app = turn.app.clone();
    let found = app
        .memory()
        .find(turn.key, id)
        .map(|(index, task)| (index, task.clone()));
    let (now, switches) = (app.now(), app.switches());
    let running = |task: &Task| now < task.ends.later(switches.details_lag);
    let known = found.filter(|(_, task)| {
        let kept = switches
            .details_keeps
            .is_none_or(|keeps| now < task.ends.later(keeps));
        let shown = switches.details_running == DetailsRunning::Request || !running(task);
        kept && shown && !forgets_archive(task, switches)
    });
    let Some((index, task)) = known else {
        let mut reply = unknown(switches.details_unknown, id);
        return reply.errors.pop().map_or(Ok(reply.data), Err);
    };
    let Some(accepted) = app.accepted(index) else {
        return Ok(Vec::new());
    };
    let response = if running(&task) {
        json!({ "data": [] })
    } else {
        let reply = results::of_task(&app, index, For::Archive).await;
        let errors: Vec<Value> = reply.errors.iter().map(Refusal::to_json).collect();
        match (reply.data.is_empty(), errors.is_empty()) {
            (_, true) => json!({ "data": reply.data }),
            (true, false) => json!({ "errors": errors }),
            (false, false) => json!({ "data": reply.data, "errors": errors }),
        }
    };
    let request = tokio::task::spawn_blocking(move || as_sent(&app, &accepted)).await;
    Ok(vec![json!({
        "taskType": "getTaskDetails",
        "taskUUID": id.to_string(),
        "request": [request.unwrap_or_default()],
        "response": response,
    })])
}

fn forgets_queue(task: &Task) -> bool {
    task.forgotten
}

fn forgets_archive(task: &Task, switches: &Switches) -> bool {
    task.forgotten && switches.forgets != Forgets::Queue
}

fn unknown(how: Unknown, id: Id) -> Reply {
    match how {
        Unknown::Empty => Reply::default(),
        Unknown::NotFound => {
            let refusal = Refusal::new(404, "taskNotFound", "There is no such task");
            Reply::refused(refusal.with("taskUUID", id.to_string()))
        }
    }
}

/// Lets the faults of polls strike: the whole request fares as one of its tasks does.
fn strike(turn: &mut Turn, index: TaskIndex, task: &Task) -> Result<(), Stop> {
    let app = turn.app.clone();
    if app.faults.is_quiet() {
        return Ok(());
    }
    let attempt = app.memory().poll(index);
    let target = Target {
        number: task.number,
        task: task.id,
        attempt,
        index: 0,
    };
    let strikes = |fault| app.faults.strikes(fault, target);
    if strikes(Fault::PollDrop) {
        turn.ending = Ending::Reset;
        return Err(Stop::Everything);
    }
    if strikes(Fault::PollHtml) {
        turn.ending = Ending::Page(502);
        return Err(Stop::Everything);
    }
    if strikes(Fault::PollServerError) {
        let message = "Something went wrong on the server";
        let refusal = Refusal::new(500, "internalServerError", message);
        return Err(Stop::Failed(Box::new(refusal)));
    }
    if strikes(Fault::PollRateLimit) {
        return Err(Stop::Failed(Box::new(too_many())));
    }
    if strikes(Fault::PollBrokenJson) {
        turn.ending = Ending::CutJson;
    }
    Ok(())
}

fn shuffles(turn: &Turn, task: &Task) -> bool {
    let faults = &turn.app.faults;
    let target = Target {
        number: task.number,
        task: task.id,
        attempt: 0,
        index: 0,
    };
    // By the task alone: a client that joins by order would have to be lucky each time.
    faults.strikes(Fault::PollShuffled, target)
}

/// Turns the items round, repeats each, and adds one of a task nobody asked about.
fn shuffle(reply: &mut Reply) {
    let Some(mut stranger) = reply.data.first().cloned() else {
        return;
    };
    if let Some(fields) = stranger.as_object_mut() {
        fields.insert("taskUUID".to_owned(), json!(Id::random().to_string()));
        if fields.contains_key("imageUUID") {
            fields.insert("imageUUID".to_owned(), json!(Id::random().to_string()));
        }
    }
    let backwards: Vec<Value> = reply.data.drain(..).rev().collect();
    reply.data.push(stranger);
    reply.data.extend(
        backwards
            .iter()
            .flat_map(|part| [part.clone(), part.clone()]),
    );
}

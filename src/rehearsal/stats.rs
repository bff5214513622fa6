//! What audits ask: figures, the list of billed tasks, and a way to wait for the n-th event.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::app::App;
use super::envelope::{empty, json_bytes};
use super::memory::Memory;
use super::record::Accepted;

const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// Gives the figures.
pub(super) async fn stats(State(app): State<Arc<App>>) -> Response {
    let now = app.now();
    let mut memory = app.memory();
    let in_flight = memory.in_flight(now);
    let memory = &*memory;
    let bill = memory.bill;
    let body = json!({
        "tasks_accepted": bill.tasks_accepted,
        "tasks_failed": bill.tasks_failed,
        "tasks_billed": bill.tasks_billed,
        "images_billed": bill.images_billed,
        "distinct_task_uuids": bill.distinct_task_uuids,
        "duplicate_charges": bill.tasks_billed - bill.distinct_task_uuids,
        "billed_usd_micros": bill.total.micros(),
        "balance_usd_micros": app.balance(memory).micros(),
        "conflicts": memory.conflicts,
        "concurrent_peak": memory.tally.concurrent_peak,
        "in_flight": in_flight,
        "uploads": memory.uploads(),
        "tasks_answered": memory.tally.answered,
        "images_downloaded": memory.tally.downloaded,
        "requests": memory.tally.requests,
        "refusals": memory.tally.refusals,
    });
    reply(&body)
}

/// Lists every accepted task, billed or not.
pub(super) async fn tasks(State(app): State<Arc<App>>) -> Response {
    let listing = tokio::task::spawn_blocking(move || {
        let count = app.memory().count();
        let salt = app.memory().salt.clone();
        let tasks: Vec<Value> = (0..count)
            .filter_map(|index| app.accepted(index))
            .map(|accepted| listed(&accepted, &salt))
            .collect();
        json!({ "tasks": tasks })
    });
    listing
        .await
        .map_or_else(|_| empty(500), |body| reply(&body))
}

fn listed(accepted: &Accepted, salt: &str) -> Value {
    let images: Vec<String> = (0..accepted.images())
        .map(|result| accepted.image(salt, result).to_string())
        .collect();
    json!({
        "number": accepted.number,
        "taskUUID": accepted.task.to_string(),
        "accepted_at_ms": accepted.at.millis(),
        "takes_ms": accepted.takes_ms,
        "delivery": accepted.delivery,
        "results": accepted.results,
        "images": images,
        "images_billed": accepted.images_billed,
        "billed_usd_micros": accepted.bill().micros(),
        "fate": accepted.fate,
        "forgotten": accepted.forgotten,
        "request_sha256": accepted.request_sha256,
        "body_sha256": accepted.body_sha256,
        "width": accepted.picture.width,
        "height": accepted.picture.height,
        "seed": accepted.seed,
    })
}

/// What to wait for: `?event=billed&count=3`, with `timeout_ms` at will.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    event: Event,
    count: u64,
    timeout_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Event {
    /// Tasks that came in, whatever became of them.
    Asked,
    Accepted,
    /// Tasks that were billed.
    Billed,
    /// Tasks whose results went out.
    Answered,
    /// Images of which half went out.
    HalfDownloaded,
    Downloaded,
    Polled,
    Uploaded,
}

/// Answers once an event has happened often enough; 408 if that takes too long.
pub(super) async fn wait(
    State(app): State<Arc<App>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let Ok(Query(wanted)) = wanted else {
        return empty(400);
    };
    let patience = wanted
        .timeout_ms
        .map_or(LONGEST_WAIT, Duration::from_millis);
    let patience = patience.min(LONGEST_WAIT);
    let happened = tokio::time::timeout(patience, async {
        loop {
            // Registered before looking, so that what happens in between is not missed.
            let mut change = std::pin::pin!(app.changed.notified());
            change.as_mut().enable();
            let reached = count(&app.memory(), wanted.event);
            if reached >= wanted.count {
                return reached;
            }
            change.await;
        }
    });
    match happened.await {
        Ok(reached) => reply(&json!({ "reached": reached })),
        Err(_) => empty(408),
    }
}

fn count(memory: &Memory, event: Event) -> u64 {
    let requests = |kind| memory.tally.requests.get(kind).copied().unwrap_or(0);
    match event {
        Event::Asked => memory.tally.asked,
        Event::Accepted => memory.bill.tasks_accepted,
        Event::Billed => memory.bill.tasks_billed,
        Event::Answered => memory.tally.answered,
        Event::HalfDownloaded => memory.tally.half_downloaded,
        Event::Downloaded => memory.tally.downloaded,
        Event::Polled => requests("getResponse"),
        Event::Uploaded => requests("imageUpload") + requests("mediaStorage"),
    }
}

fn reply(body: &Value) -> Response {
    json_bytes(200, body.to_string().into_bytes())
}

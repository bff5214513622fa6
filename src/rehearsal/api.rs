//! The HTTP side: routes, sizes, keys, JSON, and the ways a reply can go wrong on its way.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Map, Value};

use super::app::App;
use super::dispatch;
use super::envelope::{Refusal, Reply, empty, json_bytes, page};
use super::id::draw;
use super::record::KeyTag;
use super::socket::Scissors;
use super::{images, stats};

/// A key with this text is not valid, one with the next has no rights.
const WRONG_KEY: &str = "wrong-key";
const POWERLESS_KEY: &str = "forbidden-key";
const DRY_RUN_HEADER: &str = "x-runware-dry-run";

/// What becomes of the reply to a whole request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ending {
    #[default]
    Reply,
    /// The connection is reset.
    Reset,
    /// Nothing is ever said.
    Silence,
    /// A proxy's page with this status.
    Page(u16),
    /// The JSON stops in the middle.
    CutJson,
}

pub(super) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1", post(take_request))
        .route("/image/os/{shard}/ws/2/ii/{file}", get(images::made))
        .route("/image/ii/{file}", get(images::uploaded))
        .route("/rehearsal/stats", get(stats::stats))
        .route("/rehearsal/tasks", get(stats::tasks))
        .route("/rehearsal/wait", get(stats::wait))
        .with_state(app)
}

async fn take_request(
    State(app): State<Arc<App>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: Request,
) -> Response {
    app.count("post");
    let (head, body) = request.into_parts();
    let Some(body) = whole_body(&app, &head.headers, body).await else {
        return empty(413);
    };
    let tasks = read_tasks(&body);
    let key = match key_of(&app, &head.headers, tasks.as_deref().unwrap_or_default()) {
        Ok(key) => key,
        Err(refusal) => return Reply::refused(refusal).into_response(app.switches()),
    };
    drop(body);
    let (reply, ending) = match tasks {
        Err(refusal) => (Reply::refused(refusal), Ending::Reply),
        Ok(tasks) => {
            let dry_run = head
                .headers
                .get(DRY_RUN_HEADER)
                .is_some_and(|value| value == "1");
            dispatch::answer(&app, key, dry_run, tasks).await
        }
    };
    count_refusals(&app, &reply);
    finish(&app, &scissors, reply, ending).await
}

async fn whole_body(app: &App, headers: &HeaderMap, body: axum::body::Body) -> Option<Bytes> {
    let limit = usize::try_from(app.switches().body_limit).unwrap_or(usize::MAX);
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    let announced = announced.and_then(|text| text.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return None;
    }
    axum::body::to_bytes(body, limit).await.ok()
}

fn read_tasks(body: &[u8]) -> Result<Vec<Map<String, Value>>, Refusal> {
    let refuse = |message: &str| Refusal::new(400, "invalidRequest", message);
    let body: Value =
        serde_json::from_slice(body).map_err(|_| refuse("The body is not valid JSON"))?;
    let Value::Array(elements) = body else {
        return Err(refuse("The body has to be an array of task objects"));
    };
    if elements.is_empty() {
        return Err(refuse("The array has to hold at least one task object"));
    }
    let object = |element| match element {
        Value::Object(task) => Ok(task),
        _ => Err(refuse("Every element of the array has to be a task object")),
    };
    elements.into_iter().map(object).collect()
}

/// Finds whose request it is, by header or by a first element that authenticates.
fn key_of(app: &App, headers: &HeaderMap, tasks: &[Map<String, Value>]) -> Result<KeyTag, Refusal> {
    let in_header = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let in_header = in_header.and_then(|value| value.split_once(' '));
    let in_header = in_header.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let first = tasks
        .first()
        .filter(|task| dispatch::kind(task) == Some("authentication"));
    let in_body = first
        .and_then(|task| task.get("apiKey"))
        .and_then(Value::as_str);
    let key = in_body
        .or(in_header.map(|(_, key)| key.trim()))
        .filter(|key| !key.is_empty());
    let refuse = |status, code, message: &str| {
        let refusal = Refusal::new(status, code, message).about("apiKey");
        Err(refusal.with("taskType", "authentication"))
    };
    let Some(key) = key else {
        return refuse(401, "missingApiKey", "An API key is required");
    };
    let accepted = match &app.accepted_keys {
        Some(keys) => keys.iter().any(|accepted| accepted == key),
        None => key != WRONG_KEY,
    };
    if key == POWERLESS_KEY {
        return refuse(403, "forbidden", "This API key may not do that");
    }
    if !accepted {
        return refuse(401, "invalidApiKey", "The API key is not valid");
    }
    let salt = app.memory().salt.clone();
    Ok(KeyTag(draw(&[b"key", salt.as_bytes(), key.as_bytes()])))
}

fn count_refusals(app: &App, reply: &Reply) {
    if reply.errors.is_empty() {
        return;
    }
    let mut memory = app.memory();
    for refusal in &reply.errors {
        *memory
            .tally
            .refusals
            .entry(refusal.code().to_owned())
            .or_default() += 1;
    }
}

async fn finish(app: &App, scissors: &Scissors, reply: Reply, ending: Ending) -> Response {
    match ending {
        Ending::Reply => reply.into_response(app.switches()),
        Ending::Reset => {
            scissors.reset();
            empty(200)
        }
        Ending::Silence => std::future::pending().await,
        Ending::Page(status) => page(status),
        Ending::CutJson => {
            let response = reply.into_response(app.switches());
            let whole = axum::body::to_bytes(response.into_body(), usize::MAX).await;
            let whole = whole.unwrap_or_default();
            json_bytes(200, whole[..whole.len() / 2].to_vec())
        }
    }
}

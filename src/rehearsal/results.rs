//! What is answered about a task: finished, working and failed results, all of them each time.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use serde_json::{Map, Value, json};

use super::app::App;
use super::clock::Moment;
use super::envelope::{Refusal, Reply};
use super::faults::{Fault, Target};
use super::id::Id;
use super::memory::TaskIndex;
use super::record::{Accepted, Fate, Output};
use super::references::transfer_failed;
use super::switches::{Cost, Moderated, PollError, PollRunning, ResultsEnd};

/// Who the answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    Sync,
    Poll,
    /// `getTaskDetails` and webhooks: as in a sync reply, but not counted as an answer.
    Archive,
}

/// Answers about a task as it stands now.
pub(super) async fn of_task(app: &Arc<App>, index: TaskIndex, to: For) -> Reply {
    let Some(accepted) = app.accepted(index) else {
        return Reply::default();
    };
    let now = app.now();
    let mut reply = Reply::default();
    let mut working = false;
    for result in 0..accepted.results {
        if now < ends(app, &accepted, result) {
            working = true;
        } else if result < accepted.images() {
            reply.data.push(image(app, &accepted, result, to).await);
        } else {
            let refusal = failure(&accepted).with("taskUUID", uuid_as_sent(&accepted));
            add_failure(
                app,
                &mut reply,
                refusal.with("taskType", "imageInference"),
                to,
            );
        }
    }
    if working && to == For::Poll && app.switches().poll_running == PollRunning::Processing {
        reply.data.push(json!({
            "taskType": "imageInference",
            "taskUUID": uuid_as_sent(&accepted),
            "status": "processing",
        }));
    }
    let mixed = !reply.data.is_empty() && !reply.errors.is_empty();
    if mixed && app.switches().partial_http != 200 {
        reply.status = Some(app.switches().partial_http);
    }
    if !working && to != For::Archive {
        app.memory().answer(index);
        app.changed.notify_waiters();
    }
    reply
}

/// Says when a result ends.
pub(super) fn ends(app: &App, accepted: &Accepted, result: u8) -> Moment {
    let (images, results) = (accepted.images(), accepted.results);
    let one_by_one = |place: u8| accepted.takes_ms * (u64::from(place) + 1) / u64::from(results);
    let share = match app.switches().results_end {
        ResultsEnd::Together => accepted.takes_ms,
        ResultsEnd::OneByOne => one_by_one(result),
        ResultsEnd::FailuresFirst if result < images => one_by_one(result + (results - images)),
        ResultsEnd::FailuresFirst => one_by_one(result - images),
    };
    accepted.at.later(Duration::from_millis(share))
}

/// Gives the task's UUID with the letters in the case they came in.
fn uuid_as_sent(accepted: &Accepted) -> &str {
    accepted
        .request
        .get("taskUUID")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn add_failure(app: &App, reply: &mut Reply, refusal: Refusal, to: For) {
    let switches = app.switches();
    match (to, switches.poll_error) {
        (For::Poll, PollError::Errors) => {
            reply.status = Some(switches.poll_error_http);
            reply.errors.push(refusal.with("status", "error"));
        }
        (For::Poll, PollError::Data) => {
            let fields = refusal.fields();
            let error: Map<String, Value> = ["code", "message", "responseContent"]
                .iter()
                .filter_map(|field| Some(((*field).to_owned(), fields.get(*field)?.clone())))
                .collect();
            reply.data.push(json!({
                "taskType": "imageInference",
                "taskUUID": fields.get("taskUUID"),
                "status": "error",
                "error": error,
            }));
        }
        _ => reply.errors.push(refusal),
    }
}

fn failure(accepted: &Accepted) -> Refusal {
    match accepted.fate {
        Fate::Moderated => moderated(Moderated::PolicyViolation),
        Fate::BadRequest => moderated(Moderated::BadRequest),
        Fate::ReferenceLost { place } => transfer_failed(place),
        _ => Refusal::new(504, "timeoutProvider", "The provider took too long"),
    }
}

pub(super) fn moderated(how: Moderated) -> Refusal {
    match how {
        Moderated::PolicyViolation => {
            let message = "The provider refused the content under its policy";
            Refusal::new(400, "providerContentPolicyViolation", message)
        }
        Moderated::BadRequest => {
            let content = json!({ "reason": "The request was rejected: sensitive content" });
            Refusal::new(
                400,
                "providerBadRequest",
                "The provider rejected the request",
            )
            .with("responseContent", content)
        }
    }
}

async fn image(app: &Arc<App>, accepted: &Accepted, result: u8, to: For) -> Value {
    let image = accepted.image(&app.memory().salt.clone(), result);
    let mut fields = Map::new();
    fields.insert("taskType".to_owned(), json!("imageInference"));
    fields.insert("taskUUID".to_owned(), json!(uuid_as_sent(accepted)));
    fields.insert("imageUUID".to_owned(), json!(image.to_string()));
    fields.insert("seed".to_owned(), json!(accepted.seed_of(result)));
    if to == For::Poll {
        fields.insert("status".to_owned(), json!("success"));
    }
    if accepted.checks_content || accepted.flagged {
        fields.insert("NSFWContent".to_owned(), json!(accepted.flagged));
    }
    if accepted.with_cost && !accepted.cost_missing {
        let zero = app.switches().cost == Cost::Zero;
        let cost = if zero {
            json!(0)
        } else {
            accepted.price.to_json()
        };
        fields.insert("cost".to_owned(), cost);
    }
    let (field, content) = content(app, accepted, result, image).await;
    fields.insert(field.to_owned(), Value::String(content));
    Value::Object(fields)
}

async fn content(
    app: &Arc<App>,
    accepted: &Accepted,
    result: u8,
    image: Id,
) -> (&'static str, String) {
    if accepted.output == Output::Url {
        let address = foreign(app, accepted, result, image);
        return (
            "imageURL",
            address.unwrap_or_else(|| self::address(app, accepted, image)),
        );
    }
    // An empty string is what a client sees should painting fail; it must not take it for an image.
    let bytes = app.paint(accepted, result).await.unwrap_or_default();
    let base64 = base64::engine::general_purpose::STANDARD.encode(bytes);
    match accepted.output {
        Output::DataUri => {
            let mime = accepted.picture.format.mime();
            ("imageDataURI", format!("data:{mime};base64,{base64}"))
        }
        _ => ("imageBase64Data", base64),
    }
}

/// Gives an address off the service the first time a struck result is told of.
fn foreign(app: &App, accepted: &Accepted, index: u8, image: Id) -> Option<String> {
    const ADDRESSES: [&str; 4] = [
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data/",
        "http://user:word@127.0.0.1:9/image.jpg",
        "ftp://127.0.0.1/image.jpg",
    ];
    let (number, task) = (accepted.number, accepted.task);
    let struck = app.faults.strikes(
        Fault::ForeignUrl,
        Target {
            number,
            task,
            attempt: 0,
            index,
        },
    );
    let first = struck && app.memory().mislead(image);
    let turn = usize::from(image.as_bytes()[1]) % ADDRESSES.len();
    first.then(|| ADDRESSES[turn].to_owned())
}

fn address(app: &App, accepted: &Accepted, image: Id) -> String {
    let (turn, _) = app.memory().address(image);
    let turn = if app.switches().fresh_url { turn } else { 0 };
    let shelf = image.as_bytes()[0] % 32;
    let extension = accepted.picture.format.extension();
    format!(
        "{}/image/os/a{turn:02}d{shelf:02}/ws/2/ii/{image}.{extension}",
        app.origin
    )
}

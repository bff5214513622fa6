//! Webhooks and upload endpoints, called when a task has ended. Only those on this machine.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::app::App;
use super::envelope::Refusal;
use super::memory::TaskIndex;
use super::record::{Accepted, Record};
use super::results::{self, For};
use super::switches::WebhookBody;

/// Waits between calls double from the first to the last, as a client agent of the vendor tells it.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(8);
const MOST_CALLS: u32 = 8;

/// Starts what is owed for a task; it goes on by itself.
pub(super) fn start(app: &Arc<App>, index: TaskIndex) {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        let ends = app.memory().task(index).map(|task| task.ends);
        let (Some(ends), Some(accepted)) = (ends, app.accepted(index)) else {
            return;
        };
        app.clock.wait_for(ends).await;
        let uploads = deliver_files(&app, &accepted);
        let calls = deliver_calls(&app, index, &accepted);
        futures::future::join(uploads, calls).await;
        app.books.note(&Record::Delivered {
            task: accepted.task,
        });
    });
}

async fn deliver_files(app: &Arc<App>, accepted: &Accepted) {
    let endpoint = accepted.upload_endpoint.as_deref();
    let Some(url) = endpoint.and_then(|text| reqwest::Url::parse(text).ok()) else {
        return;
    };
    let mime = accepted.picture.format.mime();
    for result in 0..accepted.images() {
        let Ok(bytes) = app.paint(accepted, result).await else {
            continue;
        };
        persist(app, &reqwest::Method::PUT, &url, mime, bytes).await;
    }
}

async fn deliver_calls(app: &Arc<App>, index: TaskIndex, accepted: &Accepted) {
    let webhook = accepted.webhook.as_deref();
    let Some(url) = webhook.and_then(|text| reqwest::Url::parse(text).ok()) else {
        return;
    };
    let reply = results::of_task(app, index, For::Archive).await;
    let flat = app.switches().webhook_body == WebhookBody::Flat;
    let wrap = |list: &str, entry: Value| {
        if flat {
            entry
        } else {
            json!({ list: [entry] })
        }
    };
    let images = reply.data.into_iter().map(|entry| wrap("data", entry));
    let failures = reply
        .errors
        .iter()
        .map(Refusal::to_json)
        .map(|entry| wrap("errors", entry));
    for body in images.chain(failures) {
        let bytes = body.to_string().into_bytes();
        persist(app, &reqwest::Method::POST, &url, "application/json", bytes).await;
    }
}

/// Calls until somebody answers 2xx, or often enough.
async fn persist(
    app: &Arc<App>,
    method: &reqwest::Method,
    url: &reqwest::Url,
    mime: &'static str,
    body: Vec<u8>,
) {
    let mut wait = FIRST_WAIT;
    for _ in 0..MOST_CALLS {
        if app
            .call(method.clone(), url, mime, body.clone())
            .await
            .is_ok()
        {
            return;
        }
        if !super::web::is_loopback(url) {
            return;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

//! Each fault as a client meets it, and that it strikes again in the next run.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Settings, Stage, async_task, data_uri, id, id_of, jpeg, task, task_with};
use crate::rehearsal::faults::Faults;

/// Strikes the first task, or upload, alone.
async fn striking(fault: &str, switches: &str) -> Stage {
    let toml = format!("[[at]]\ntask = 1\nfault = \"{fault}\"\n[switches]\n{switches}");
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(folder.path());
    settings.latency = Duration::ZERO;
    settings.faults = Faults::from_toml(&toml).unwrap();
    Stage::of(settings, super::Folder(folder)).await
}

async fn send(stage: &Stage, task: &Value) -> reqwest::Result<reqwest::Response> {
    stage.send(json!([task]).to_string()).await
}

async fn accepted(stage: &Stage) -> u64 {
    stage.stats().await["tasks_accepted"].as_u64().unwrap()
}

/// Sends a task, checks that it is unknown to the server, and that sending it again buys it.
async fn is_bought_only_by_the_second_send(stage: &Stage, sent: &Value) {
    assert_eq!(accepted(stage).await, 0);
    assert_eq!(stage.ask(sent.clone()).await.status, 200);
    assert_eq!(accepted(stage).await, 1);
}

/// Checks that a task whose answer went astray is bought and can be had.
async fn is_bought_already(stage: &Stage, sent: &Value) {
    assert_eq!(stage.ask(sent.clone()).await.code(), "conflictTaskUUID");
    assert_eq!(stage.poll(id_of(sent)).await.data()[0]["status"], "success");
    let stats = stage.stats().await;
    assert_eq!(
        (&stats["tasks_billed"], &stats["duplicate_charges"]),
        (&json!(1), &json!(0))
    );
}

#[tokio::test]
async fn drops_are_real_resets_without_a_byte() {
    for fault in ["drop-before-accept", "drop-after-accept", "poll-drop"] {
        let stage = striking(fault, "").await;
        let sent = async_task();
        let poll = json!({ "taskType": "getResponse", "taskUUID": sent["taskUUID"] });
        let body = if fault == "poll-drop" {
            stage.ask(sent).await;
            json!([poll]).to_string()
        } else {
            json!([sent]).to_string()
        };
        let mut stream = tokio::net::TcpStream::connect(stage.server.addr())
            .await
            .unwrap();
        let head = format!(
            "POST /v1 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream
            .write_all(format!("{head}{body}").as_bytes())
            .await
            .unwrap();
        let mut bytes = Vec::new();
        let end = stream.read_to_end(&mut bytes).await;
        assert_eq!(
            end.unwrap_err().kind(),
            std::io::ErrorKind::ConnectionReset,
            "{fault}"
        );
        assert!(bytes.is_empty(), "{fault}");
    }
}

#[tokio::test]
async fn drop_before_accept() {
    let stage = striking("drop-before-accept", "").await;
    let sent = async_task();
    assert!(send(&stage, &sent).await.is_err());
    is_bought_only_by_the_second_send(&stage, &sent).await;
}

#[tokio::test]
async fn drop_after_accept() {
    let stage = striking("drop-after-accept", "").await;
    let sent = task();
    assert!(send(&stage, &sent).await.is_err());
    is_bought_already(&stage, &sent).await;
}

#[tokio::test]
async fn silence() {
    let stage = striking("silence", "").await;
    let sent = async_task();
    let reply = tokio::time::timeout(Duration::from_millis(200), send(&stage, &sent)).await;
    assert!(reply.is_err());
    is_bought_already(&stage, &sent).await;
}

#[tokio::test]
async fn late() {
    let stage = striking("late", "late-by = \"300ms\"").await;
    let start = Instant::now();
    stage.ask(task()).await;
    assert!(start.elapsed() >= Duration::from_millis(300));
    let start = Instant::now();
    stage.ask(task()).await;
    assert!(start.elapsed() < Duration::from_millis(300));
}

#[tokio::test]
async fn rate_limit() {
    let stage = striking("rate-limit", "retry-after = \"date 2\"").await;
    let sent = async_task();
    let reply = send(&stage, &sent).await.unwrap();
    assert_eq!(reply.status(), 429);
    let date = reply.headers()["retry-after"].to_str().unwrap().to_owned();
    assert!(date.ends_with(" GMT") && date.len() == 29, "{date}");
    is_bought_only_by_the_second_send(&stage, &sent).await;
    let plain = striking("rate-limit", "").await;
    let reply = send(&plain, &sent).await.unwrap();
    assert!(!reply.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn server_error() {
    for (status, code) in [(500, "internalServerError"), (503, "serviceUnavailable")] {
        let stage = striking("server-error", &format!("server-error-status = {status}")).await;
        let sent = async_task();
        let answer = stage.ask(sent.clone()).await;
        assert_eq!((answer.status, answer.code()), (status, code));
        is_bought_only_by_the_second_send(&stage, &sent).await;
    }
    let stage = striking("server-error", "server-error-accepts = \"yes\"").await;
    let sent = async_task();
    assert_eq!(stage.ask(sent.clone()).await.status, 500);
    is_bought_already(&stage, &sent).await;
}

#[tokio::test]
async fn html_error() {
    for accepts in ["yes", "no"] {
        let stage = striking("html-error", &format!("html-error-accepts = \"{accepts}\"")).await;
        let sent = async_task();
        let answer = stage.ask(sent.clone()).await;
        assert_eq!(answer.status, 502);
        assert!(answer.body.as_str().unwrap().contains("<html>"));
        if accepts == "yes" {
            is_bought_already(&stage, &sent).await;
        } else {
            is_bought_only_by_the_second_send(&stage, &sent).await;
        }
    }
}

#[tokio::test]
async fn broken_json() {
    let stage = striking("broken-json", "").await;
    let sent = task();
    let answer = stage.ask(sent.clone()).await;
    assert_eq!(answer.status, 200);
    let text = answer.body.as_str().unwrap();
    assert!(
        text.starts_with("{\"data\":[") && !text.ends_with('}'),
        "{text}"
    );
    is_bought_already(&stage, &sent).await;
    let stage = striking("broken-json", "broken-json-accepts = \"no\"").await;
    stage.ask(sent.clone()).await;
    is_bought_only_by_the_second_send(&stage, &sent).await;
}

/// Buys an image and gives its address.
async fn bought(stage: &Stage) -> (Value, String) {
    let sent = task();
    let answer = stage.ask(sent.clone()).await;
    (
        sent,
        answer.data()[0]["imageURL"].as_str().unwrap().to_owned(),
    )
}

async fn whole(stage: &Stage, url: &str) -> Vec<u8> {
    let bytes = stage.get(url).await.bytes().await.unwrap().to_vec();
    assert!(bytes.ends_with(&[0xFF, 0xD9]));
    bytes
}

#[tokio::test]
async fn truncated_image() {
    let stage = striking("truncated-image", "").await;
    let (_, url) = bought(&stage).await;
    let half = stage.get(&url).await.bytes().await.unwrap();
    let all = whole(&stage, &url).await;
    assert_eq!(half, all[..all.len() / 2]);
}

#[tokio::test]
async fn wrong_length() {
    let stage = striking("wrong-length", "").await;
    let (_, url) = bought(&stage).await;
    let mut broken = stage.get(&url).await;
    let announced: usize = broken.headers()["content-length"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let mut came = 0;
    let error = loop {
        match broken.chunk().await {
            Ok(Some(chunk)) => came += chunk.len(),
            Ok(None) => panic!("the image came whole"),
            Err(error) => break error,
        }
    };
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    let all = whole(&stage, &url).await;
    assert_eq!((announced, came), (all.len(), all.len() / 2));
}

#[tokio::test]
async fn images_that_are_none() {
    for (fault, status) in [
        ("download-error", 500),
        ("html-image", 200),
        ("empty-image", 200),
    ] {
        let stage = striking(fault, "").await;
        let (_, url) = bought(&stage).await;
        let reply = stage.get(&url).await;
        assert_eq!(reply.status(), status, "{fault}");
        assert!(
            !reply.bytes().await.unwrap().starts_with(&[0xFF, 0xD8]),
            "{fault}"
        );
        whole(&stage, &url).await;
    }
    let stage = striking("redirect-image", "").await;
    let (_, url) = bought(&stage).await;
    let careful = reqwest::Client::builder().no_proxy().tls_certs_only([]);
    let careful = careful
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let reply = careful.get(&url).send().await.unwrap();
    assert_eq!(reply.status(), 302);
    whole(&stage, &url).await;
}

#[tokio::test]
async fn stalled_image() {
    let stage = striking("stalled-image", "").await;
    let (_, url) = bought(&stage).await;
    let mut stalled = stage.get(&url).await;
    let patience = Duration::from_millis(200);
    let mut came = 0;
    while let Ok(chunk) = tokio::time::timeout(patience, stalled.chunk()).await {
        came += chunk.unwrap().unwrap().len();
    }
    assert_eq!(came, whole(&stage, &url).await.len() / 2);
}

#[tokio::test]
async fn expired_url() {
    let stage = striking("expired-url", "").await;
    let (sent, url) = bought(&stage).await;
    for _ in 0..2 {
        assert_eq!(stage.get(&url).await.status(), 404);
    }
    let again = stage.poll(id_of(&sent)).await;
    let fresh = again.data()[0]["imageURL"].as_str().unwrap();
    assert_ne!(fresh, url);
    whole(&stage, fresh).await;
    let stage = striking("expired-url", "fresh-url = \"no\"").await;
    let (sent, url) = bought(&stage).await;
    stage.get(&url).await;
    assert_eq!(stage.poll(id_of(&sent)).await.data()[0]["imageURL"], url);
}

#[tokio::test]
async fn foreign_url() {
    let stage = striking("foreign-url", "").await;
    let (sent, url) = bought(&stage).await;
    assert!(!url.starts_with(&stage.server.origin()), "{url}");
    let again = stage.poll(id_of(&sent)).await;
    whole(&stage, again.data()[0]["imageURL"].as_str().unwrap()).await;
}

#[tokio::test]
async fn partial_results() {
    let stage = striking("partial-results", "").await;
    let sent = task_with(json!({ "numberResults": 4, "deliveryMethod": "async" }));
    stage.ask(sent.clone()).await;
    let answer = stage.poll(id_of(&sent)).await;
    let errors = answer.body["errors"].as_array().unwrap();
    assert_eq!(answer.status, 200);
    assert!(!answer.data().is_empty() && !errors.is_empty());
    assert_eq!(answer.data().len() + errors.len(), 4);
    assert_eq!(errors[0]["code"], "timeoutProvider");
    assert_eq!(errors[0]["status"], "error");
    assert_eq!(errors[0]["taskUUID"], sent["taskUUID"]);
    assert_eq!(stage.stats().await["images_billed"], answer.data().len());
    let details = stage.details(id_of(&sent)).await;
    let response = &details.data()[0]["response"];
    assert_eq!(response["errors"].as_array().unwrap().len(), errors.len());
}

#[tokio::test]
async fn failed_and_its_readings() {
    let sent = async_task();
    let stage = striking("failed", "").await;
    stage.ask(sent.clone()).await;
    let answer = stage.poll(id_of(&sent)).await;
    assert_eq!((answer.status, answer.code()), (200, "timeoutProvider"));
    assert_eq!(stage.stats().await["billed_usd_micros"], 0);
    assert_eq!(stage.ask(sent.clone()).await.code(), "conflictTaskUUID");
    let details = stage.details(id_of(&sent)).await;
    assert_eq!(
        details.data()[0]["response"]["errors"][0]["code"],
        "timeoutProvider"
    );

    let stage = striking("failed", "poll-error-http = 400\nbill-failed = \"yes\"").await;
    stage.ask(sent.clone()).await;
    assert_eq!(stage.poll(id_of(&sent)).await.status, 400);
    assert_eq!(stage.stats().await["billed_usd_micros"], 28_000);

    let stage = striking("failed", "poll-error = \"data\"").await;
    stage.ask(sent.clone()).await;
    let answer = stage.poll(id_of(&sent)).await;
    assert_eq!(answer.body["errors"], Value::Null);
    assert_eq!(answer.data()[0]["status"], "error");
    assert_eq!(answer.data()[0]["error"]["code"], "timeoutProvider");

    let stage = striking("failed", "").await;
    let at_once = task();
    let answer = stage.ask(at_once.clone()).await;
    assert_eq!((answer.status, answer.code()), (504, "timeoutProvider"));
}

#[tokio::test]
async fn moderated_and_its_readings() {
    let sent = async_task();
    for (switches, code) in [
        ("", "providerContentPolicyViolation"),
        ("moderated = \"providerBadRequest\"", "providerBadRequest"),
    ] {
        let stage = striking("moderated", switches).await;
        assert_eq!(stage.ask(sent.clone()).await.status, 200);
        let answer = stage.poll(id_of(&sent)).await;
        assert_eq!(answer.code(), code);
        let hidden = answer.error()["responseContent"].to_string();
        assert_eq!(hidden.contains("sensitive"), code == "providerBadRequest");
        assert_eq!(stage.stats().await["tasks_failed"], 1);
    }
    let stage = striking("moderated", "moderated-strikes = \"at-submit\"").await;
    assert_eq!(
        stage.ask(sent).await.code(),
        "providerContentPolicyViolation"
    );
    assert_eq!(accepted(&stage).await, 0);
}

#[tokio::test]
async fn nsfw_and_cost_missing() {
    let stage = striking("nsfw", "").await;
    let answer = stage.ask(task_with(json!({ "includeCost": true }))).await;
    assert_eq!(answer.data()[0]["NSFWContent"], true);
    let stage = striking("cost-missing", "").await;
    let answer = stage.ask(task_with(json!({ "includeCost": true }))).await;
    assert_eq!(answer.data()[0]["cost"], Value::Null);
    assert_eq!(stage.stats().await["billed_usd_micros"], 28_000);
    let answer = stage.ask(task_with(json!({ "includeCost": true }))).await;
    assert_eq!(answer.data()[0]["cost"], 0.028);
}

#[tokio::test]
async fn no_credit() {
    let stage = striking("no-credit", "").await;
    let sent = async_task();
    let answer = stage.ask(sent.clone()).await;
    assert_eq!((answer.status, answer.code()), (402, "insufficientCredits"));
    is_bought_only_by_the_second_send(&stage, &sent).await;
}

#[tokio::test]
async fn forgets_task_and_its_readings() {
    let sent = async_task();
    let nothing = json!({ "data": [] });
    for (forgets, archived, conflicts) in [
        ("queue-and-archive", false, true),
        ("queue", true, true),
        ("everything", false, false),
    ] {
        let stage = striking("forgets-task", &format!("forgets = \"{forgets}\"")).await;
        stage.ask(sent.clone()).await;
        assert_eq!(stage.poll(id_of(&sent)).await.body, nothing);
        assert_eq!(
            stage.details(id_of(&sent)).await.body != nothing,
            archived,
            "{forgets}"
        );
        assert_eq!(stage.stats().await["tasks_billed"], 1);
        let again = stage.ask(sent.clone()).await;
        assert_eq!(again.code() == "conflictTaskUUID", conflicts, "{forgets}");
        let duplicates = u64::from(!conflicts);
        assert_eq!(
            stage.stats().await["duplicate_charges"],
            duplicates,
            "{forgets}"
        );
    }
}

#[tokio::test]
async fn polls_that_fail_say_nothing_of_their_task() {
    for (fault, status, code) in [
        ("poll-server-error", 500, "internalServerError"),
        ("poll-rate-limit", 429, "rateLimitExceeded"),
        ("poll-html", 502, ""),
        ("poll-broken-json", 200, ""),
    ] {
        let stage = striking(fault, "").await;
        let sent = async_task();
        stage.ask(sent.clone()).await;
        let answer = stage.poll(id_of(&sent)).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{fault}");
        assert_eq!(answer.error()["taskUUID"], Value::Null, "{fault}");
        assert_eq!(
            stage.poll(id_of(&sent)).await.data()[0]["status"],
            "success",
            "{fault}"
        );
    }
}

#[tokio::test]
async fn shuffled_polls_hold_the_truth_and_a_stranger() {
    let stage = striking("poll-shuffled", "").await;
    let sent = task_with(json!({ "numberResults": 3, "deliveryMethod": "async" }));
    stage.ask(sent.clone()).await;
    let answer = stage.poll(id_of(&sent)).await;
    let (own, strangers): (Vec<_>, Vec<_>) = answer
        .data()
        .iter()
        .partition(|one| one["taskUUID"] == sent["taskUUID"]);
    assert_eq!((own.len(), strangers.len()), (6, 1));
    let images: std::collections::HashSet<_> = own.iter().map(|one| &one["imageUUID"]).collect();
    assert_eq!(images.len(), 3);
}

#[tokio::test]
async fn uploads_that_fail() {
    let upload = || {
        let image = data_uri(&jpeg(400, 400));
        json!({ "taskType": "imageUpload", "taskUUID": id(), "image": image })
    };
    let stage = striking("upload-drop", "").await;
    assert!(send(&stage, &upload()).await.is_err());
    assert_eq!(stage.ask(upload()).await.status, 200);
    let stage = striking("upload-error", "").await;
    assert_eq!(stage.ask(upload()).await.code(), "internalServerError");
    assert_eq!(stage.ask(upload()).await.status, 200);
    assert_eq!(stage.stats().await["uploads"], 1);
}

const EVERYTHING: &str = "drop-before-accept=0.05,drop-after-accept=0.05,late=0.05,rate-limit=0.05,\
    server-error=0.05,html-error=0.05,broken-json=0.05,truncated-image=0.05,wrong-length=0.05,\
    expired-url=0.05,partial-results=0.05,nsfw=0.05,moderated=0.05,forgets-task=0.05,\
    cost-missing=0.05,failed=0.05,poll-drop=0.05,late-by=1ms";

/// Sends 120 tasks, each up to three times, and gives what became of them.
async fn outcome(seed: u64, by: &str, ids: &[String]) -> (Vec<Value>, Value) {
    let stage = Stage::with(&format!("{EVERYTHING},seed={seed},by={by}")).await;
    for id in ids {
        let sent = task_with(json!({ "taskUUID": id, "numberResults": 2 }));
        for _ in 0..3 {
            let answer = send(&stage, &sent).await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                break;
            }
        }
    }
    let text = stage.get("/rehearsal/tasks").await.text().await.unwrap();
    let listing: Value = serde_json::from_str(&text).unwrap();
    let fates = listing["tasks"].as_array().unwrap().iter().map(|task| {
        json!([
            task["number"],
            task["fate"],
            task["forgotten"],
            task["images_billed"]
        ])
    });
    (fates.collect(), stage.stats().await)
}

#[tokio::test]
async fn a_seed_repeats_every_fault() {
    let ids: Vec<String> = (0..120).map(|_| id()).collect();
    let others: Vec<String> = (0..120).map(|_| id()).collect();
    let first = outcome(7, "order", &ids).await;
    assert_eq!(first, outcome(7, "order", &others).await);
    assert_ne!(first.0, outcome(8, "order", &ids).await.0);
    let by_uuid = outcome(7, "uuid", &ids).await;
    assert_eq!(by_uuid, outcome(7, "uuid", &ids).await);
    let stats = first.1;
    assert_eq!(stats["duplicate_charges"], 0);
    assert!(stats["conflicts"].as_u64().unwrap() > 0);
    assert!(stats["refusals"]["rateLimitExceeded"].as_u64().unwrap() > 0);
    let billed = stats["images_billed"].as_u64().unwrap();
    assert_eq!(
        stats["billed_usd_micros"].as_u64().unwrap(),
        billed * 28_000
    );
}

//! A task from its request to its results: sync, async, polls, details, outputs, money.

use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};

use super::{Settings, Stage, async_task, data_uri, id, id_of, jpeg, slow, task, task_with};
use crate::rehearsal::books::BooksError;
use crate::rehearsal::{ServeError, serve};

#[tokio::test]
async fn sync_waits_and_answers_with_all_fields() {
    let stage = slow(150, "").await;
    let sent = task_with(json!({ "includeCost": true, "numberResults": 3 }));
    let start = Instant::now();
    let answer = stage.ask(sent.clone()).await;
    assert!(start.elapsed() >= Duration::from_millis(150));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["errors"], Value::Null);
    let seeds: Vec<u64> = answer
        .data()
        .iter()
        .map(|one| one["seed"].as_u64().unwrap())
        .collect();
    assert_eq!(seeds, [seeds[0], seeds[0] + 1, seeds[0] + 2]);
    assert!(seeds[2] < 1 << 31);
    for one in answer.data() {
        assert_eq!(one["taskType"], "imageInference");
        assert_eq!(one["taskUUID"], sent["taskUUID"]);
        assert_eq!(one["cost"].to_string(), "0.028");
        assert_eq!(one["NSFWContent"], Value::Null);
        assert_eq!(one["status"], Value::Null);
        let image = one["imageUUID"].as_str().unwrap();
        let url = one["imageURL"].as_str().unwrap();
        assert!(
            url.starts_with(&stage.server.origin()) && url.contains(image),
            "{url}"
        );
    }
    let stats = stage.stats().await;
    assert_eq!(stats["billed_usd_micros"], 84_000);
    assert_eq!(
        (&stats["tasks_billed"], &stats["images_billed"]),
        (&json!(1), &json!(3))
    );
}

#[tokio::test]
async fn async_is_acknowledged_then_polled() {
    let stage = slow(200, "").await;
    let sent = async_task();
    let answer = stage.ask(sent.clone()).await;
    let placeholder = json!({ "taskType": "imageInference", "taskUUID": sent["taskUUID"] });
    assert_eq!(answer.body, json!({ "data": [placeholder] }));
    let mut working = placeholder;
    working["status"] = json!("processing");
    assert_eq!(
        stage.poll(id_of(&sent)).await.body,
        json!({ "data": [working] })
    );
    assert_eq!(
        stage.details(id_of(&sent)).await.body,
        json!({ "data": [] })
    );
    tokio::time::sleep(Duration::from_millis(220)).await;
    let done = stage.poll(id_of(&sent)).await;
    assert_eq!(done.data()[0]["status"], "success");
    assert_eq!(done.data()[0]["cost"].to_string(), "0.028");
    assert_eq!(stage.poll(id_of(&sent)).await.body, done.body);
}

#[tokio::test]
async fn many_tasks_in_one_poll_are_told_apart() {
    let stage = Stage::new().await;
    let sent: Vec<Value> = (0..5).map(|_| async_task()).collect();
    assert_eq!(stage.post(json!(sent)).await.data().len(), 5);
    let mut polls: Vec<Value> = sent
        .iter()
        .map(|task| json!({ "taskType": "getResponse", "taskUUID": task["taskUUID"] }))
        .collect();
    polls.push(json!({ "taskType": "getResponse", "taskUUID": id() }));
    let answer = stage.post(json!(polls)).await;
    let ids: Vec<&str> = answer.data().iter().map(id_of).collect();
    assert_eq!(ids, sent.iter().map(id_of).collect::<Vec<_>>());
}

#[tokio::test]
async fn details_give_request_and_response() {
    let stage = Stage::new().await;
    let reference = data_uri(&jpeg(400, 400));
    let sent = task_with(json!({
        "deliveryMethod": "async",
        "inputs": { "referenceImages": [reference, "https://example.com/a.png"] },
    }));
    stage.ask(sent.clone()).await;
    let details = stage.details(id_of(&sent)).await;
    assert_eq!(details.data()[0]["taskType"], "getTaskDetails");
    assert_eq!(details.data()[0]["request"], json!([sent]));
    let polled = stage.poll(id_of(&sent)).await;
    let image = &details.data()[0]["response"]["data"][0]["imageUUID"];
    assert_eq!(image, &polled.data()[0]["imageUUID"]);
}

#[tokio::test]
async fn unknown_tasks_are_nothing_or_not_found() {
    let stage = Stage::new().await;
    assert_eq!(stage.poll(&id()).await.body, json!({ "data": [] }));
    assert_eq!(stage.details(&id()).await.body, json!({ "data": [] }));
    let stage = Stage::with("poll-unknown=taskNotFound,details-unknown=taskNotFound").await;
    for answer in [stage.poll(&id()).await, stage.details(&id()).await] {
        assert_eq!((answer.status, answer.code()), (404, "taskNotFound"));
    }
}

#[tokio::test]
async fn outputs_come_in_three_forms() {
    let stage = Stage::new().await;
    let by_url = stage.ask(task()).await.data()[0]["imageURL"]
        .as_str()
        .unwrap()
        .to_owned();
    let file = stage.get(&by_url).await.bytes().await.unwrap();
    assert!(file.starts_with(&[0xFF, 0xD8, 0xFF]));
    let inline = stage
        .ask(task_with(json!({ "outputType": "base64Data" })))
        .await;
    let text = inline.data()[0]["imageBase64Data"].as_str().unwrap();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap();
    assert_eq!(image::load_from_memory(&bytes).unwrap().width(), 1024);
    let fields = json!({ "outputType": "dataURI", "outputFormat": "PNG" });
    let uri = stage.ask(task_with(fields)).await;
    assert!(
        uri.data()[0]["imageDataURI"]
            .as_str()
            .unwrap()
            .starts_with("data:image/png;base64,")
    );
    assert_eq!(uri.data()[0]["imageURL"], Value::Null);
}

#[tokio::test]
async fn content_checks_are_reported_when_asked_for() {
    let stage = Stage::new().await;
    for (safety, reported) in [
        (json!({ "mode": "fast" }), true),
        (json!({ "checkContent": true }), true),
        (json!({ "checkContent": true, "mode": "none" }), false),
        (json!({}), false),
    ] {
        let answer = stage.ask(task_with(json!({ "safety": safety }))).await;
        assert_eq!(
            answer.data()[0]["NSFWContent"] == json!(false),
            reported,
            "{safety}"
        );
    }
}

#[tokio::test]
async fn a_dry_run_prices_and_buys_nothing() {
    let stage = Stage::new().await;
    let dry = async |task: &Value| {
        let request = stage.client.post(stage.server.endpoint()).bearer_auth("k");
        let request = request
            .header("X-Runware-Dry-Run", "1")
            .body(json!([task]).to_string());
        let text = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let sent = task_with(json!({ "numberResults": 2 }));
    let priced = dry(&sent).await;
    assert_eq!(priced["data"].as_array().unwrap().len(), 2);
    assert_eq!(priced["data"][0]["cost"].to_string(), "0.028");
    assert_eq!(priced["data"][0]["imageURL"], Value::Null);
    let wrong = task_with(json!({ "ttl": 1 }));
    assert_eq!(dry(&wrong).await["errors"][0]["code"], "invalidTtl");
    assert_eq!(stage.stats().await["tasks_accepted"], 0);
    assert_eq!(stage.ask(sent).await.status, 200);
}

#[tokio::test]
async fn size_follows_the_first_reference() {
    let stage = Stage::new().await;
    let inputs =
        json!({ "referenceImages": [data_uri(&jpeg(800, 450)), data_uri(&jpeg(300, 300))] });
    for (resolution, width) in [(Value::Null, 1360), (json!("2k"), 2720)] {
        let none = Value::Null;
        let fields =
            json!({ "width": none, "height": none, "resolution": resolution, "inputs": inputs });
        let answer = stage.ask(task_with(fields)).await;
        let url = answer.data()[0]["imageURL"].as_str().unwrap().to_owned();
        let file = stage.get(&url).await.bytes().await.unwrap();
        assert_eq!(imagesize::blob_size(&file).unwrap().width, width);
    }
}

#[tokio::test]
async fn a_reference_may_be_a_result_by_its_url() {
    let stage = Stage::new().await;
    let made = stage.ask(task()).await;
    let url = &made.data()[0]["imageURL"];
    let edit = task_with(json!({ "inputs": { "referenceImages": [url] } }));
    assert_eq!(stage.ask(edit).await.status, 200);
}

#[tokio::test]
async fn the_account_shows_what_is_left() {
    let stage = Stage::new().await;
    stage.ask(task()).await;
    let ask = |fields: Value| {
        let mut task = json!({ "taskType": "accountManagement", "taskUUID": id() });
        task.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        task
    };
    let details = stage.ask(ask(json!({ "operation": "getDetails" }))).await;
    assert_eq!(
        details.data()[0]["balance"]["amount"].to_string(),
        "999999.972"
    );
    let period = json!({
        "operation": "getUsageActivity", "startDate": "2020-01-01", "endDate": "2020-01-31",
    });
    assert_eq!(stage.ask(ask(period)).await.data()[0]["usage"]["images"], 0);
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let period = json!({ "operation": "getUsageActivity", "startDate": today, "endDate": today });
    let usage = stage.ask(ask(period)).await.data()[0]["usage"].clone();
    assert_eq!(
        (&usage["images"], &usage["cost"]),
        (&json!(1), &json!(0.028))
    );
    let period = json!({
        "operation": "getUsageErrors", "startDate": "2020-01-01", "endDate": "2020-02-01",
    });
    assert_eq!(stage.ask(ask(period)).await.code(), "invalidEndDate");
    assert_eq!(
        stage.ask(ask(json!({ "operation": "x" }))).await.code(),
        "invalidOperation"
    );
    assert_eq!(stage.ask(ask(json!({}))).await.code(), "missingOperation");
}

#[tokio::test]
async fn webhooks_and_upload_endpoints_are_served() {
    let sink = super::Sink::start().await;
    let stage = slow(50, "").await;
    let sent = task_with(json!({
        "deliveryMethod": "async",
        "numberResults": 2,
        "webhookURL": sink.url("/hook?secret=1"),
        "uploadEndpoint": sink.url("/put"),
    }));
    stage.ask(sent.clone()).await;
    let calls = sink.calls(4).await;
    let hooks: Vec<Value> = calls
        .iter()
        .filter(|call| call.line.starts_with("POST /hook?secret=1 "))
        .map(|call| serde_json::from_slice(&call.body).unwrap())
        .collect();
    assert_eq!(hooks.len(), 2);
    assert!(
        hooks
            .iter()
            .all(|hook| hook["data"][0]["taskUUID"] == sent["taskUUID"])
    );
    let files: Vec<_> = calls
        .iter()
        .filter(|call| call.line.starts_with("PUT /put "))
        .collect();
    assert_eq!(files.len(), 2);
    assert!(
        files
            .iter()
            .all(|file| file.body.starts_with(&[0xFF, 0xD8, 0xFF]))
    );
}

#[tokio::test]
async fn the_last_results_of_a_slow_request_are_lost_with_its_connection() {
    let stage = slow(400, "sync-limit=100ms").await;
    let sent = task();
    let answer = stage.ask(sent.clone()).await;
    assert_eq!(answer.status, 504);
    assert!(answer.body.as_str().unwrap().contains("<html>"));
    tokio::time::sleep(Duration::from_millis(320)).await;
    assert_eq!(
        stage.poll(id_of(&sent)).await.data()[0]["status"],
        "success"
    );
    assert_eq!(stage.stats().await["images_billed"], 1);
}

#[tokio::test]
async fn hanging_up_leaves_the_task_bought() {
    let stage = slow(300, "").await;
    let sent = task();
    let hasty = tokio::time::timeout(Duration::from_millis(100), stage.ask(sent.clone()));
    assert!(hasty.await.is_err());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        stage.poll(id_of(&sent)).await.data()[0]["status"],
        "success"
    );
}

#[tokio::test]
async fn a_uuid_sent_many_times_at_once_is_taken_once() {
    let stage = slow(50, "").await;
    let sent = async_task();
    let answers = futures::future::join_all((0..16).map(|_| stage.ask(sent.clone()))).await;
    let taken = answers.iter().filter(|answer| answer.status == 200).count();
    let conflicts = answers
        .iter()
        .filter(|answer| answer.code() == "conflictTaskUUID")
        .count();
    assert_eq!((taken, conflicts), (1, 15));
    assert_eq!(stage.stats().await["tasks_billed"], 1);
}

#[tokio::test]
async fn shutting_down_does_not_wait_for_slow_tasks() {
    let stage = slow(60_000, "").await;
    let (client, endpoint) = (stage.client.clone(), stage.server.endpoint());
    let waiting = tokio::spawn(async move {
        client
            .post(endpoint)
            .bearer_auth("k")
            .body(json!([task()]).to_string())
            .send()
            .await
    });
    let origin = stage.server.origin();
    stage
        .client
        .get(format!("{origin}/rehearsal/wait?event=billed&count=1"))
        .send()
        .await
        .unwrap();
    let start = Instant::now();
    stage.server.shutdown().await;
    assert!(start.elapsed() < Duration::from_secs(10));
    waiting.abort();
}

#[tokio::test]
async fn a_taken_port_and_a_used_folder_are_told() {
    let stage = Stage::new().await;
    let other = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(other.path());
    settings.port = stage.server.addr().port();
    let port = settings.port;
    let error = serve(settings).await.unwrap_err();
    assert!(
        matches!(error, ServeError::Port { port: told, .. } if told == port),
        "{error}"
    );
    let error = serve(Settings::new(stage.folder.0.path()))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ServeError::Books(BooksError::Locked { .. })),
        "{error}"
    );
    serve(Settings::new(other.path()))
        .await
        .unwrap()
        .shutdown()
        .await;
}

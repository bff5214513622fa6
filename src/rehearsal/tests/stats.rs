//! Audits: figures, listings, waiting for the n-th event.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Settings, Stage, async_task, client, id_of, task, task_with};

#[tokio::test]
async fn figures_outlive_the_server() {
    let stage = Stage::new().await;
    let sent = async_task();
    stage
        .post(json!([sent, task(), task_with(json!({ "seed": 1 }))]))
        .await;
    stage.ask(sent.clone()).await;
    stage.poll(id_of(&sent)).await;
    let before = stage.stats().await;
    assert_eq!(before["tasks_billed"], 2);
    assert_eq!(before["billed_usd_micros"], 56_000);
    assert_eq!(before["conflicts"], 1);
    assert_eq!(before["requests"]["imageInference"], 4);
    assert_eq!(before["requests"]["getResponse"], 1);
    assert_eq!(before["requests"]["post"], 3);
    assert_eq!(before["refusals"]["unsupportedParameter"], 1);
    let stage = stage.again(|_| ()).await;
    assert_eq!(stage.stats().await, before);
}

#[tokio::test]
async fn tasks_are_listed_with_their_images_and_digests() {
    let stage = Stage::new().await;
    let (first, mut same) = (task_with(json!({ "numberResults": 2 })), Value::Null);
    same.clone_from(&first);
    same["taskUUID"] = json!(super::id());
    let answer = stage.ask(first.clone()).await;
    stage.ask(same).await;
    let text = stage.get("/rehearsal/tasks").await.text().await.unwrap();
    let listing: Value = serde_json::from_str(&text).unwrap();
    let tasks = listing["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 2);
    assert_eq!(tasks[0]["taskUUID"], first["taskUUID"]);
    assert_eq!(tasks[0]["images"][1], answer.data()[1]["imageUUID"]);
    assert_eq!(tasks[0]["billed_usd_micros"], 56_000);
    assert_eq!(tasks[0]["body_sha256"], tasks[1]["body_sha256"]);
    assert_ne!(tasks[0]["request_sha256"], tasks[1]["request_sha256"]);
    let sent = crate::rehearsal::id::sha256_hex(first.to_string().as_bytes());
    assert_eq!(tasks[0]["request_sha256"], sent);
}

#[tokio::test]
async fn the_peak_counts_tasks_in_flight() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(folder.path());
    settings.latency = Duration::from_millis(200);
    let stage = Stage::of(settings, super::Folder(folder)).await;
    futures::future::join_all((0..7).map(|_| stage.ask(task()))).await;
    stage.ask(task()).await;
    let stats = stage.stats().await;
    assert_eq!(stats["concurrent_peak"], 7);
    assert_eq!(stats["in_flight"], 0);
}

#[tokio::test]
async fn one_can_wait_for_the_nth_event() {
    let stage = Stage::new().await;
    let origin = stage.server.origin();
    let wait = async |query: &str| {
        let response = client()
            .get(format!("{origin}/rehearsal/wait?{query}"))
            .send()
            .await;
        response.unwrap().status().as_u16()
    };
    assert_eq!(wait("event=billed&count=1&timeout_ms=30").await, 408);
    assert_eq!(wait("event=billed&count=0").await, 200);
    assert_eq!(wait("event=sold&count=1").await, 400);
    assert_eq!(wait("event=billed").await, 400);
    let buys = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let answer = stage.post(json!([task(), task()])).await;
        stage
            .get(answer.data()[0]["imageURL"].as_str().unwrap())
            .await
            .bytes()
            .await
            .unwrap();
    };
    let all = async {
        for query in [
            "billed&count=2",
            "asked&count=2",
            "answered&count=2",
            "downloaded&count=1",
            "half-downloaded&count=1",
            "accepted&count=2",
        ] {
            assert_eq!(
                wait(&format!("event={query}&timeout_ms=5000")).await,
                200,
                "{query}"
            );
        }
    };
    futures::future::join(buys, all).await;
}

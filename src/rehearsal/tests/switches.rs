//! Both readings of the API's open questions, where no other test plays them.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Settings, Stage, async_task, data_uri, id, id_of, jpeg, slow, task, task_with};
use crate::rehearsal::faults::Faults;

#[tokio::test]
async fn requests() {
    let stage = Stage::with("uuid=any,new-keys=refuse,resolution-case=upper").await;
    let v7 = task_with(json!({ "taskUUID": "01890a5d-ac96-774b-bcce-b302099a8057" }));
    assert_eq!(stage.ask(v7).await.status, 200);
    let routing = stage.ask(task_with(json!({ "routing": {} }))).await;
    assert_eq!(routing.error()["parameter"], "routing");
    let inputs = json!({ "referenceImages": [data_uri(&jpeg(400, 400))] });
    for (resolution, status) in [("1k", 400), ("1K", 200)] {
        let none = Value::Null;
        let fields =
            json!({ "width": none, "height": none, "resolution": resolution, "inputs": inputs });
        assert_eq!(stage.ask(task_with(fields)).await.status, status);
    }
}

#[tokio::test]
async fn references() {
    let stage = Stage::with("reference-limits=lax,generated-uuid-as-reference=accept").await;
    let edit = |image: &Value| task_with(json!({ "inputs": { "referenceImages": [image] } }));
    assert_eq!(
        stage
            .ask(edit(&json!(data_uri(&jpeg(20, 200)))))
            .await
            .status,
        200
    );
    let made = stage.ask(task()).await.data()[0]["imageUUID"].clone();
    assert_eq!(stage.ask(edit(&made)).await.status, 200);
    let stage = Stage::with("reference-check=after-accept").await;
    let mut lost = edit(&json!(id()));
    lost["deliveryMethod"] = json!("async");
    assert_eq!(stage.ask(lost.clone()).await.status, 200);
    let answer = stage.poll(id_of(&lost)).await;
    assert_eq!(answer.code(), "failedToTransferImage");
    assert_eq!(answer.error()["parameter"], "referenceImages[0]");
}

#[tokio::test]
async fn costs() {
    for (cost, asked, shown) in [
        ("always", false, json!(0.028)),
        ("never", true, Value::Null),
        ("zero", true, json!(0)),
        ("when-asked", false, Value::Null),
    ] {
        let stage = Stage::with(&format!("cost={cost}")).await;
        let answer = stage.ask(task_with(json!({ "includeCost": asked }))).await;
        assert_eq!(answer.data()[0]["cost"], shown, "{cost}");
        assert_eq!(stage.stats().await["billed_usd_micros"], 28_000);
    }
    let stage = Stage::with("2k-price=0.056,balance=number").await;
    let fields = json!({ "width": 2720, "height": 1536, "includeCost": true });
    assert_eq!(
        stage.ask(task_with(fields)).await.data()[0]["cost"].to_string(),
        "0.056"
    );
    let ask =
        json!({ "taskType": "accountManagement", "taskUUID": id(), "operation": "getDetails" });
    assert_eq!(
        stage.ask(ask).await.data()[0]["balance"].to_string(),
        "999999.944"
    );
}

#[tokio::test]
async fn credit_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(folder.path());
    settings.balance_usd_micros = 27_999;
    settings.faults = Faults::from_list("check-order=credit-first").unwrap();
    let stage = Stage::of(settings, super::Folder(folder)).await;
    assert_eq!(
        stage.ask(task_with(json!({ "ttl": 1 }))).await.code(),
        "insufficientCredits"
    );
}

#[tokio::test]
async fn shapes_of_refusals() {
    let wrong = || task_with(json!({ "ttl": 1 }));
    for (shape, expected) in [
        ("errors-only", json!(["errors"])),
        ("data-and-errors", json!(["data", "errors"])),
        ("single-error", json!(["error"])),
    ] {
        let stage = Stage::with(&format!("error-shape={shape}")).await;
        let answer = stage.ask(wrong()).await;
        let keys: Vec<&String> = answer.body.as_object().unwrap().keys().collect();
        assert_eq!((answer.status, json!(keys)), (400, expected));
    }
    let stage = Stage::with("error-shape=html").await;
    assert!(
        stage
            .ask(wrong())
            .await
            .body
            .as_str()
            .unwrap()
            .contains("<html>")
    );
    let stage = Stage::with("error-shape=empty").await;
    assert_eq!(stage.ask(wrong()).await.body, json!(""));
}

#[tokio::test]
async fn polls_of_working_tasks_and_of_sync_ones() {
    let stage = slow(60_000, "poll-running=empty,details-running=request").await;
    let sent = async_task();
    stage.ask(sent.clone()).await;
    assert_eq!(stage.poll(id_of(&sent)).await.body, json!({ "data": [] }));
    let details = stage.details(id_of(&sent)).await;
    assert_eq!(details.data()[0]["request"], json!([sent]));
    assert_eq!(details.data()[0]["response"]["data"], json!([]));
    let stage = Stage::with("poll-sync=no").await;
    let sent = task();
    stage.ask(sent.clone()).await;
    assert_eq!(stage.poll(id_of(&sent)).await.body, json!({ "data": [] }));
    assert_eq!(stage.details(id_of(&sent)).await.data().len(), 1);
}

#[tokio::test]
async fn what_is_kept_and_for_how_long() {
    let stage = Stage::with("poll-keeps=200ms,details-keeps=500ms,conflict-memory=800ms").await;
    let sent = async_task();
    stage.ask(sent.clone()).await;
    assert_eq!(stage.poll(id_of(&sent)).await.data().len(), 1);
    assert_eq!(stage.details(id_of(&sent)).await.data().len(), 1);
    tokio::time::sleep(Duration::from_millis(220)).await;
    assert_eq!(stage.poll(id_of(&sent)).await.data().len(), 0);
    assert_eq!(stage.ask(sent.clone()).await.code(), "conflictTaskUUID");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(stage.details(id_of(&sent)).await.data().len(), 0);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(stage.ask(sent.clone()).await.status, 200);
    let stats = stage.stats().await;
    assert_eq!(
        (&stats["duplicate_charges"], &stats["tasks_billed"]),
        (&json!(1), &json!(2))
    );

    let stage = slow(200, "conflict-memory=in-flight-only,details-lag=60s").await;
    stage.ask(sent.clone()).await;
    assert_eq!(stage.ask(sent.clone()).await.code(), "conflictTaskUUID");
    tokio::time::sleep(Duration::from_millis(220)).await;
    assert_eq!(stage.details(id_of(&sent)).await.data().len(), 0);
    assert_eq!(stage.ask(sent).await.status, 200);
}

#[tokio::test]
async fn a_refusal_may_take_the_uuid() {
    let stage = Stage::with("refused-takes-uuid=yes").await;
    let wrong = task_with(json!({ "ttl": 1 }));
    assert_eq!(stage.ask(wrong.clone()).await.code(), "invalidTtl");
    let right = task_with(json!({ "taskUUID": wrong["taskUUID"] }));
    assert_eq!(stage.ask(right.clone()).await.code(), "conflictTaskUUID");
    let stage = stage.again(|_| ()).await;
    assert_eq!(stage.ask(right).await.code(), "conflictTaskUUID");
}

#[tokio::test]
async fn several_polls_in_one_request() {
    let polls = |sent: &[Value]| {
        let poll =
            |task: &Value| json!({ "taskType": "getResponse", "taskUUID": task["taskUUID"] });
        json!(sent.iter().map(poll).collect::<Vec<_>>())
    };
    let sent = [async_task(), async_task(), async_task()];
    for (batch, items, code) in [
        ("yes", 3, ""),
        ("first-only", 1, "invalidRequest"),
        ("silent", 1, ""),
    ] {
        let stage = Stage::with(&format!("poll-batch={batch}")).await;
        stage.post(json!(sent)).await;
        let answer = stage.post(polls(&sent)).await;
        assert_eq!(
            (answer.data().len(), answer.code()),
            (items, code),
            "{batch}"
        );
        assert_eq!(answer.error()["taskUUID"], Value::Null);
    }
}

#[tokio::test]
async fn results_that_end_one_by_one() {
    let stage = slow(400, "results-end=one-by-one").await;
    let sent = task_with(json!({ "numberResults": 2, "deliveryMethod": "async" }));
    stage.ask(sent.clone()).await;
    tokio::time::sleep(Duration::from_millis(250)).await;
    let answer = stage.poll(id_of(&sent)).await;
    let states: Vec<&Value> = answer.data().iter().map(|one| &one["status"]).collect();
    assert_eq!(states, ["success", "processing"]);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let done = stage.poll(id_of(&sent)).await;
    assert_eq!(done.data().len(), 2);
    assert_eq!(done.data()[0], answer.data()[0]);
}

#[tokio::test]
async fn mixed_replies_may_be_400() {
    for poll in [true, false] {
        let stage = Stage::with("partial-results=1,partial-http=400").await;
        let delivery = if poll { "async" } else { "sync" };
        let sent = task_with(json!({ "numberResults": 2, "deliveryMethod": delivery }));
        let mut answer = stage.ask(sent.clone()).await;
        if poll {
            answer = stage.poll(id_of(&sent)).await;
        }
        assert_eq!((answer.status, answer.data().len()), (400, 1));
    }
}

#[tokio::test]
async fn few_workers_make_tasks_wait() {
    let stage = slow(200, "workers=1").await;
    let start = std::time::Instant::now();
    futures::future::join_all((0..3).map(|_| stage.ask(task()))).await;
    assert!(start.elapsed() >= Duration::from_millis(600));
    let one_by_one = std::time::Instant::now();
    stage.ask(task()).await;
    assert!(one_by_one.elapsed() < Duration::from_millis(400));
}

#[tokio::test]
async fn a_dry_run_that_is_not_honoured_buys() {
    let stage = Stage::with("dry-run=unsupported").await;
    let request = stage.client.post(stage.server.endpoint()).bearer_auth("k");
    let request = request
        .header("X-Runware-Dry-Run", "1")
        .body(json!([task()]).to_string());
    assert!(
        request
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
            .contains("imageURL")
    );
    assert_eq!(stage.stats().await["tasks_billed"], 1);
}

#[tokio::test]
async fn flat_webhooks() {
    let sink = super::Sink::start().await;
    let stage = Stage::with("webhook-body=flat,failed=1").await;
    let sent = task_with(json!({ "deliveryMethod": "async", "webhookURL": sink.url("/") }));
    stage.ask(sent.clone()).await;
    let call = sink.calls(1).await.remove(0);
    let body: Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!(
        (&body["taskUUID"], &body["code"]),
        (&sent["taskUUID"], &json!("timeoutProvider"))
    );
}

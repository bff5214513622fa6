//! References and uploads that are refused.

use serde_json::{Value, json};

use super::{Stage, base64, data_uri, id, jpeg, refuses, task, task_with};

#[tokio::test]
async fn lists_of_references() {
    let stage = Stage::new().await;
    let eleven = vec!["https://example.com/a.png"; 11];
    for list in [
        json!("https://example.com/a.png"),
        json!([1]),
        json!({}),
        json!(eleven),
    ] {
        let task = task_with(json!({ "inputs": { "referenceImages": list } }));
        let parameter = json!("referenceImages");
        let error = refuses(&stage, task, 400, "invalidReferenceImages", parameter).await;
        assert_eq!(
            (&error["type"], &error["max"]),
            (&json!("string[]"), &json!(10))
        );
    }
}

#[tokio::test]
async fn references_that_cannot_be_had() {
    let mut stage = Stage::new().await;
    let good = data_uri(&jpeg(400, 400));
    let (dead, text) = (
        format!("{}/gone.jpg", stage.server.origin()),
        base64(b"a text"),
    );
    let html = data_uri(b"<html></html>");
    let nobody = "http://127.0.0.1:1/a.jpg";
    for bad in [
        id().as_str(),
        &dead,
        nobody,
        "ftp://example.com/a.jpg",
        "not base64!",
        &text,
        &html,
        "data:image/png,abc",
        "",
    ] {
        let task = task_with(json!({ "inputs": { "referenceImages": [good, bad] } }));
        let parameter = json!("referenceImages[1]");
        refuses(&stage, task, 400, "failedToTransferImage", parameter).await;
    }
    let made = stage.ask(task()).await;
    let image = made.data()[0]["imageUUID"].clone();
    let task = task_with(json!({ "inputs": { "referenceImages": [image] } }));
    refuses(
        &stage,
        task,
        400,
        "failedToTransferImage",
        json!("referenceImages[0]"),
    )
    .await;
    let elsewhere = "[references]\ndead = [\"https://example.com/gone.png\"]";
    stage = stage
        .again(|settings| {
            settings.faults = super::Faults::from_toml(elsewhere).unwrap();
        })
        .await;
    let listed = json!({ "inputs": { "referenceImages": ["https://example.com/gone.png"] } });
    let parameter = json!("referenceImages[0]");
    refuses(
        &stage,
        task_with(listed),
        400,
        "failedToTransferImage",
        parameter,
    )
    .await;
}

#[tokio::test]
async fn references_beyond_the_limits() {
    let stage = Stage::new().await;
    let mut heavy = jpeg(400, 400);
    heavy.resize(10_000_001, 0);
    for bytes in [
        jpeg(299, 400),
        jpeg(400, 299),
        jpeg(400, 1001),
        jpeg(1001, 400),
        heavy,
    ] {
        let task = task_with(json!({ "inputs": { "referenceImages": [data_uri(&bytes)] } }));
        let parameter = json!("referenceImages[0]");
        refuses(&stage, task, 400, "invalidReferenceImages", parameter).await;
    }
    for bytes in [jpeg(300, 300), jpeg(400, 1000), jpeg(1000, 400)] {
        let task = task_with(json!({ "inputs": { "referenceImages": [data_uri(&bytes)] } }));
        assert_eq!(stage.ask(task).await.status, 200);
    }
}

#[tokio::test]
async fn uploads() {
    let stage = Stage::new().await;
    let upload = |fields: Value| {
        let mut task = json!({ "taskType": "imageUpload", "taskUUID": id() });
        task.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        task
    };
    refuses(
        &stage,
        upload(json!({})),
        400,
        "missingImage",
        json!("image"),
    )
    .await;
    for image in [json!("x"), json!(base64(b"text")), json!(5), json!(id())] {
        let task = upload(json!({ "image": image }));
        refuses(&stage, task, 400, "failedToTransferImage", json!("image")).await;
    }
}

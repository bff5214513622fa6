//! What is easily refused but must not be.

use serde_json::{Value, json};

use super::{Stage, base64, data_uri, id, jpeg, task_with};

async fn takes(fields: Value) -> Value {
    let stage = Stage::new().await;
    let answer = stage.ask(task_with(fields.clone())).await;
    let shown: String = fields.to_string().chars().take(200).collect();
    assert_eq!(answer.status, 200, "{shown}: {}", answer.body);
    answer.data()[0].clone()
}

#[tokio::test]
async fn size_with_references() {
    let reference = data_uri(&jpeg(400, 300));
    takes(json!({ "inputs": { "referenceImages": [reference] } })).await;
}

#[tokio::test]
async fn references_alone_and_with_resolution() {
    let reference = data_uri(&jpeg(400, 300));
    for resolution in [
        Value::Null,
        json!("1k"),
        json!("2k"),
        json!("1K"),
        json!("2K"),
    ] {
        let inputs = json!({ "referenceImages": [reference] });
        let none = Value::Null;
        let fields =
            json!({ "width": none, "height": none, "resolution": resolution, "inputs": inputs });
        takes(fields).await;
    }
}

#[tokio::test]
async fn every_form_of_reference() {
    let bytes = jpeg(400, 400);
    for reference in [
        data_uri(&bytes),
        base64(&bytes),
        "https://example.com/a.png".to_owned(),
    ] {
        takes(json!({ "inputs": { "referenceImages": [reference] } })).await;
    }
}

#[tokio::test]
async fn duplicate_references_and_ten_of_them() {
    let reference = data_uri(&jpeg(300, 300));
    takes(json!({ "inputs": { "referenceImages": vec![reference; 10] } })).await;
}

#[tokio::test]
async fn prompts_of_markers() {
    takes(json!({ "positivePrompt": "<<<image_1>>> <<<image_2>>>" })).await;
}

#[tokio::test]
async fn twenty_results() {
    let stage = Stage::new().await;
    let answer = stage.ask(task_with(json!({ "numberResults": 20 }))).await;
    assert_eq!(answer.data().len(), 20);
}

#[tokio::test]
async fn settings_without_effect() {
    for fields in [
        json!({ "safety": {} }),
        json!({ "inputs": {} }),
        json!({ "ttl": 60, "outputType": "base64Data" }),
        json!({ "outputFormat": "PNG", "outputQuality": 20 }),
        json!({ "routing": {}, "advancedFeatures": {} }),
        json!({ "safety": { "mode": "none", "checkContent": true } }),
        json!({ "width": 1024.0, "height": 1024.0 }),
        json!({ "ttl": 4_000_000_000_u64 }),
        json!({ "webhookURL": "https://example.com/x?secret=1" }),
    ] {
        takes(fields).await;
    }
}

#[tokio::test]
async fn every_size_of_the_table() {
    let stage = Stage::new().await;
    let sizes = super::super::order::SIZES_1K;
    for (width, height) in sizes.into_iter().chain(super::super::order::sizes_2k()) {
        let answer = stage
            .ask(task_with(json!({ "width": width, "height": height })))
            .await;
        assert_eq!(answer.status, 200, "{width}x{height}");
    }
}

#[tokio::test]
async fn a_uuid_in_capitals_and_a_poll_with_number_results() {
    let stage = Stage::new().await;
    let capital = id().to_uppercase();
    let answer = stage.ask(task_with(json!({ "taskUUID": capital }))).await;
    assert_eq!(answer.status, 200);
    let poll = json!({ "taskType": "getResponse", "taskUUID": capital, "numberResults": 1 });
    assert_eq!(stage.ask(poll).await.data().len(), 1);
}

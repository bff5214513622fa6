//! Uploads: kept by content, known after a restart, gone when deleted or too old.

use serde_json::{Value, json};

use super::{Stage, base64, data_uri, id, jpeg, task_with};

fn upload(image: &Value) -> Value {
    json!({ "taskType": "imageUpload", "taskUUID": id(), "image": image })
}

fn edit(image: &Value) -> Value {
    task_with(json!({ "inputs": { "referenceImages": [image] } }))
}

#[tokio::test]
async fn every_form_is_taken_and_serves_as_a_reference() {
    let stage = Stage::new().await;
    let bytes = jpeg(640, 480);
    let by_data = stage.ask(upload(&json!(data_uri(&bytes)))).await;
    let url = by_data.data()[0]["imageURL"].as_str().unwrap();
    assert_eq!(stage.get(url).await.bytes().await.unwrap(), bytes);
    let mut images = vec![by_data.data()[0]["imageUUID"].clone(), json!(url)];
    for image in [
        json!(base64(&bytes)),
        json!(url),
        json!("https://example.com/a.png"),
    ] {
        let answer = stage.ask(upload(&image)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        images.push(answer.data()[0]["imageUUID"].clone());
    }
    for image in &images {
        assert_eq!(stage.ask(edit(image)).await.status, 200, "{image}");
    }
    assert_eq!(stage.stats().await["uploads"], 4);
    let stage = stage.again(|_| ()).await;
    assert_eq!(stage.ask(edit(&images[0])).await.status, 200);
    assert_eq!(stage.stats().await["uploads"], 4);
}

#[tokio::test]
async fn an_uploads_uuid_is_used_up() {
    let stage = Stage::new().await;
    let sent = upload(&json!(data_uri(&jpeg(400, 400))));
    assert_eq!(stage.ask(sent.clone()).await.status, 200);
    assert_eq!(stage.ask(sent.clone()).await.code(), "conflictTaskUUID");
    let stage = stage.again(|_| ()).await;
    assert_eq!(stage.ask(sent).await.code(), "conflictTaskUUID");
    assert_eq!(stage.stats().await["conflicts"], 2);
}

#[tokio::test]
async fn large_ones_are_stored_smaller() {
    let stage = Stage::new().await;
    let answer = stage.ask(upload(&json!(data_uri(&jpeg(3000, 2000))))).await;
    let url = answer.data()[0]["imageURL"].as_str().unwrap();
    let stored = stage.get(url).await.bytes().await.unwrap();
    let size = imagesize::blob_size(&stored).unwrap();
    assert_eq!((size.width, size.height), (2048, 1365));
}

#[tokio::test]
async fn media_storage_uploads_and_deletes() {
    let stage = Stage::with("image-upload=refuse").await;
    let data = json!(data_uri(&jpeg(400, 400)));
    assert_eq!(stage.ask(upload(&data)).await.code(), "unsupportedTaskType");
    let ask = |fields: Value| {
        let mut task = json!({ "taskType": "mediaStorage", "taskUUID": id() });
        task.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        task
    };
    let stored = stage
        .ask(ask(json!({ "operation": "upload", "media": data })))
        .await;
    assert_eq!(stored.data()[0]["operation"], "upload");
    let media = &stored.data()[0]["mediaUUID"];
    assert_eq!(stage.ask(edit(media)).await.status, 200);
    let delete = json!({ "operation": "delete", "media": media });
    assert_eq!(stage.ask(ask(delete.clone())).await.status, 200);
    assert_eq!(stage.ask(ask(delete)).await.code(), "mediaNotFound");
    assert_eq!(stage.ask(edit(media)).await.code(), "failedToTransferImage");
    assert_eq!(
        stage.ask(ask(json!({ "operation": "list" }))).await.code(),
        "invalidOperation"
    );
    assert_eq!(stage.ask(ask(json!({}))).await.code(), "missingOperation");
    assert_eq!(
        stage
            .ask(ask(json!({ "operation": "upload" })))
            .await
            .code(),
        "missingMedia"
    );
}

#[tokio::test]
async fn readings_of_uploads() {
    let stage = Stage::with("upload-data=object,upload-life=0s").await;
    let answer = stage.ask(upload(&json!(data_uri(&jpeg(400, 400))))).await;
    let image = &answer.body["data"]["imageUUID"];
    assert!(image.is_string(), "{}", answer.body);
    assert_eq!(stage.ask(edit(image)).await.code(), "failedToTransferImage");
}

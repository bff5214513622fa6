//! What goes out.

use serde_json::{Value, json};

use super::server::{Act, Seen, Server, reply};
use super::support::{client, committed, fixture, reference, request, task, told};
use crate::domain::digest::Sha256;
use crate::domain::id::ImageId;
use crate::domain::money::Micros;
use crate::domain::secret::SecretUrl;
use crate::expand::request::{AskedSize, Request, SentImage};
use crate::manifest::settings::{Delivery, Format, Output, Resolution, Safety};
use crate::provider::{Known, Provider as _, ReferenceFile};

async fn sent(request: &Request, results: u32, uploaded: &[Option<ImageId>]) -> Value {
    let server = Server::start(vec![Act::Send(reply(200, "", &fixture("acknowledged")))]).await;
    let client = client(&server.endpoint());
    let outcome = client
        .submit(committed(results).await, request, uploaded)
        .await;
    assert_eq!(told(&outcome), "accepted 0");
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].head.starts_with("post /v1 http/1.1"));
    assert!(seen[0].head.contains("content-type: application/json"));
    assert!(!seen[0].head.contains("accept-encoding"));
    let mut body: Value = serde_json::from_str(&seen[0].body).expect("JSON");
    assert_eq!(body.as_array().map(Vec::len), Some(1));
    body[0].take()
}

#[tokio::test]
async fn a_plain_request() {
    let expected = json!({
        "taskType": "imageInference",
        "taskUUID": task().to_string(),
        "model": "klingai:kling-image@o1",
        "positivePrompt": "a pier at dusk",
        "width": 1360,
        "height": 768,
        "numberResults": 1,
        "outputType": "URL",
        "outputFormat": "JPG",
        "outputQuality": 95,
        "deliveryMethod": "async",
        "includeCost": true,
    });
    assert_eq!(sent(&request(), 1, &[]).await, expected);
}

#[tokio::test]
async fn every_parameter() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("face.png");
    std::fs::write(&path, b"hello").expect("a file");
    let file = SentImage::File {
        path: path.display().to_string(),
        shown: "face.png".to_owned(),
        sha256: Sha256::of(b"hello"),
        media_type: "image/png",
    };
    let data_uri = SentImage::DataUri {
        uri: SecretUrl::new("data:image/png;base64,AAAA".to_owned()),
        sha256: Sha256::of(b"\0\0\0"),
    };
    let full = Request {
        size: AskedSize::LikeReference(Resolution::TwoK),
        format: Format::Webp,
        quality: 20,
        safety: Safety::Fast,
        references: vec![
            reference(file.clone()),
            reference(file),
            reference(SentImage::Url("https://x.example/a.png".to_owned())),
            reference(SentImage::Uuid("u-1".to_owned())),
            reference(data_uri),
        ],
        output: Output::Url,
        ttl: Some(60),
        webhook_url: Some(SecretUrl::new("https://hook.example/?t=1".to_owned())),
        upload_endpoint: Some(SecretUrl::new("https://put.example/?s=1".to_owned())),
        ..request()
    };
    let uploaded = [None, Some(ImageId::new("uploaded-1"))];
    let body = sent(&full, 20, &uploaded).await;
    let expected = json!({
        "taskType": "imageInference",
        "taskUUID": task().to_string(),
        "model": "klingai:kling-image@o1",
        "positivePrompt": "a pier at dusk",
        "resolution": "2k",
        "inputs": {"referenceImages": [
            "data:image/png;base64,aGVsbG8=",
            "uploaded-1",
            "https://x.example/a.png",
            "u-1",
            "data:image/png;base64,AAAA",
        ]},
        "numberResults": 20,
        "outputType": "URL",
        "outputFormat": "WEBP",
        "outputQuality": 20,
        "deliveryMethod": "async",
        "includeCost": true,
        "ttl": 60,
        "webhookURL": "https://hook.example/?t=1",
        "uploadEndpoint": "https://put.example/?s=1",
        "safety": {"mode": "fast"},
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn output_delivery_and_format_are_spelled_as_the_api_does() {
    let cases = [
        (Output::Base64, "base64Data", Format::Png, "PNG"),
        (Output::DataUri, "dataURI", Format::Jpg, "JPG"),
    ];
    for (output, output_type, format, output_format) in cases {
        let asked = Request {
            output,
            format,
            ttl: Some(60),
            delivery: Delivery::Sync,
            ..request()
        };
        let body = sent(&asked, 2, &[]).await;
        assert_eq!(body["outputType"], output_type);
        assert_eq!(body["outputFormat"], output_format);
        assert_eq!(body["deliveryMethod"], "sync");
        assert_eq!(body.get("ttl"), None);
    }
}

#[tokio::test]
async fn a_file_that_changed_is_not_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("face.png");
    std::fs::write(&path, b"other").expect("a file");
    let server = Server::start(vec![Act::Close]).await;
    let client = client(&server.endpoint());
    let file = |path: &std::path::Path| SentImage::File {
        path: path.display().to_string(),
        shown: "face.png".to_owned(),
        sha256: Sha256::of(b"hello"),
        media_type: "image/png",
    };
    for (path, code) in [
        (path.clone(), "turned away request reference-changed"),
        (
            path.with_extension("gone"),
            "turned away request reference-missing",
        ),
    ] {
        let changed = Request {
            references: vec![reference(file(&path))],
            ..request()
        };
        let outcome = client.submit(committed(1).await, &changed, &[]).await;
        assert_eq!(told(&outcome), code);
        let upload = ReferenceFile {
            path: path.display().to_string(),
            sha256: Sha256::of(b"hello"),
            media_type: "image/png",
        };
        assert!(client.upload(&upload).await.is_err());
    }
    assert!(server.seen().is_empty());
}

fn id_of(seen: &Seen) -> String {
    let body: Value = serde_json::from_str(&seen.body).expect("JSON");
    body[0]["taskUUID"].as_str().unwrap_or_default().to_owned()
}

fn upload_answer(seen: &Seen) -> Vec<u8> {
    let id = id_of(seen);
    let body = if seen.body.contains("imageUpload") {
        format!(
            r#"{{"errors":[{{"code":"unsupportedTaskType","message":"?","parameter":"taskType","taskUUID":"{id}"}}]}}"#
        )
    } else {
        format!(
            r#"{{"data":{{"taskType":"mediaStorage","taskUUID":"{id}","operation":"upload","mediaUUID":"m-1","mediaURL":"https://x"}}}}"#
        )
    };
    reply(if body.contains("errors") { 400 } else { 200 }, "", &body)
}

fn image_upload(seen: &Seen) -> Vec<u8> {
    let id = id_of(seen);
    let entry = format!(r#"{{"taskType":"imageUpload","taskUUID":"{id}","imageUUID":"i-1"}}"#);
    reply(200, "", &format!(r#"{{"data":[{entry}]}}"#))
}

fn someone_elses_upload(_: &Seen) -> Vec<u8> {
    let entry = r#"{"taskType":"imageUpload","taskUUID":"b770f077-f413-47de-9dac-be0b26a35da6","imageUUID":"i-1"}"#;
    reply(200, "", &format!(r#"{{"data":[{entry}]}}"#))
}

#[tokio::test]
async fn uploads_go_the_way_the_api_takes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("face.png");
    std::fs::write(&path, b"hello").expect("a file");
    let file = ReferenceFile {
        path: path.display().to_string(),
        sha256: Sha256::of(b"hello"),
        media_type: "image/png",
    };

    let server = Server::start(vec![Act::Decide(image_upload)]).await;
    let id = client(&server.endpoint()).upload(&file).await;
    assert_eq!(id, Ok(ImageId::new("i-1")));
    assert!(
        server.seen()[0]
            .body
            .contains(r#""image":"data:image/png;base64,aGVsbG8=""#)
    );

    let server = Server::start(vec![Act::Decide(upload_answer)]).await;
    let client_of_other = client(&server.endpoint());
    for _ in 0..2 {
        let id = client_of_other.upload(&file).await;
        assert_eq!(id, Ok(ImageId::new("m-1")));
    }
    let bodies: Vec<_> = server.seen().into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies.len(), 3, "the refused way is not tried again");
    assert!(bodies[2].contains(r#""operation":"upload""#));
    assert!(bodies[2].contains(r#""media":"data:image/png;base64,aGVsbG8=""#));

    let server = Server::start(vec![Act::Decide(someone_elses_upload)]).await;
    assert!(client(&server.endpoint()).upload(&file).await.is_err());
}

fn account(seen: &Seen) -> Vec<u8> {
    let body = fixture("account-object").replace("$CALL", &id_of(seen));
    reply(200, "", &body)
}

#[tokio::test]
async fn the_account_and_a_sign_of_life() {
    let pong = reply(200, "", r#"{"data":[{"taskType":"ping","pong":true}]}"#);
    let silent = reply(200, "", r#"{"data":[]}"#);
    let refused = reply(401, "", &fixture("invalid-api-key"));
    let script = vec![
        Act::Send(pong),
        Act::Send(silent),
        Act::Send(refused.clone()),
        Act::Decide(account),
        Act::Send(refused),
    ];
    let server = Server::start(script).await;
    let client = client(&server.endpoint());
    assert_eq!(client.ping().await, Ok(()));
    assert!(client.ping().await.is_err());
    let error = client.ping().await.expect_err("refused");
    assert_eq!(error.trouble.code, "invalidApiKey");
    let account = client.account().await.expect("an account");
    assert_eq!(account.balance, Some(Micros::new(12_500_000)));
    assert!(client.account().await.is_err());
    assert_eq!(
        server.seen()[0].body,
        r#"[{"taskType":"ping","ping":true}]"#
    );
}

#[tokio::test]
async fn many_tasks_are_asked_about_in_one_request() {
    let script = vec![Act::Send(reply(200, "", &fixture("partly-done")))];
    let server = Server::start(script).await;
    let client = client(&server.endpoint());
    let tasks = [task(), super::support::other()];
    let known = client.ask(&tasks).await.expect("answers");
    assert_eq!(known.len(), 2);
    let body: Value = serde_json::from_str(&server.seen()[0].body).expect("JSON");
    let expected = json!([
        {"taskType": "getResponse", "taskUUID": tasks[0].to_string()},
        {"taskType": "getResponse", "taskUUID": tasks[1].to_string()},
    ]);
    assert_eq!(body, expected);
}

#[tokio::test]
async fn an_api_that_answers_only_the_first_is_noticed() {
    let first = reply(200, "", &fixture("processing"));
    let second = reply(200, "", &fixture("foreign-task"));
    let server = Server::start(vec![
        Act::Send(first.clone()),
        Act::Send(second),
        Act::Send(first),
    ])
    .await;
    let client = client(&server.endpoint());
    let tasks = [task(), super::support::other()];
    let error = client.ask(&tasks).await.expect_err("half an answer");
    assert!(error.names_no_task);
    // Once it has answered another than the first, what it leaves out is meant.
    let known = client.ask(&tasks).await.expect("answers");
    assert_eq!(known[0].1, Known::Nothing);
    assert!(client.ask(&tasks).await.is_ok());
    assert_eq!(client.foreign_entries(), 0);
    // An answer about another task is none.
    assert!(client.ask(&tasks[1..]).await.is_err());
    assert_eq!(client.foreign_entries(), 1);
}

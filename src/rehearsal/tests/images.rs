//! Image files: the same bytes each time, for as long as they live.

use std::time::Duration;

use serde_json::json;

use super::{Settings, Stage, data_uri, id_of, jpeg, task, task_with};

#[tokio::test]
async fn every_fetch_is_identical_even_after_a_restart_and_a_deleted_upload() {
    let stage = Stage::new().await;
    let upload = json!({ "taskType": "mediaStorage", "taskUUID": super::id(),
        "operation": "upload", "media": data_uri(&jpeg(640, 480)) });
    let media = stage.ask(upload).await.data()[0]["mediaUUID"].clone();
    let inputs = json!({ "referenceImages": [media] });
    let mut urls = Vec::new();
    for format in ["JPG", "PNG", "WEBP"] {
        let fields = json!({ "outputFormat": format, "inputs": inputs, "numberResults": 2 });
        let answer = stage.ask(task_with(fields)).await;
        urls.extend(
            answer
                .data()
                .iter()
                .map(|one| one["imageURL"].as_str().unwrap().to_owned()),
        );
    }
    let mut files = Vec::new();
    for url in &urls {
        let response = stage.get(url).await;
        let length = response.headers()["content-length"]
            .to_str()
            .unwrap()
            .to_owned();
        let bytes = response.bytes().await.unwrap();
        assert_eq!(length, bytes.len().to_string());
        assert!(!files.contains(&bytes), "two results look the same");
        files.push(bytes);
    }
    let origin = stage.server.origin();
    let delete = json!({ "taskType": "mediaStorage", "taskUUID": super::id(),
        "operation": "delete", "media": media });
    assert_eq!(stage.ask(delete).await.status, 200);
    let stage = stage.again(|_| ()).await;
    for (url, file) in urls.iter().zip(files) {
        let url = url.replace(&origin, &stage.server.origin());
        assert_eq!(stage.get(&url).await.bytes().await.unwrap(), file);
    }
    let edit = task_with(json!({ "inputs": inputs }));
    assert_eq!(stage.ask(edit).await.code(), "failedToTransferImage");
}

#[tokio::test]
async fn a_picture_is_what_was_ordered() {
    let stage = Stage::new().await;
    for (format, magic) in [
        ("JPG", &b"\xFF\xD8\xFF"[..]),
        ("PNG", b"\x89PNG"),
        ("WEBP", b"RIFF"),
    ] {
        let fields = json!({ "outputFormat": format, "width": 832, "height": 1248 });
        let answer = stage.ask(task_with(fields)).await;
        let response = stage
            .get(answer.data()[0]["imageURL"].as_str().unwrap())
            .await;
        let kind = response.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        let bytes = response.bytes().await.unwrap();
        assert!(bytes.starts_with(magic), "{format} {kind}");
        let decoded = image::load_from_memory(&bytes).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (832, 1248));
    }
}

#[tokio::test]
async fn an_image_is_not_there_before_it_is_made_nor_under_other_names() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(folder.path());
    settings.latency = Duration::ZERO;
    let stage = Stage::of(settings, super::Folder(folder)).await;
    let answer = stage.ask(task()).await;
    let url = answer.data()[0]["imageURL"].as_str().unwrap();
    assert_eq!(stage.get(url).await.status(), 200);
    for wrong in [
        url.replace(".jpg", ".png"),
        url.replace("/os/a", "/os/b"),
        format!(
            "{}/image/os/a00d00/ws/2/ii/{}.jpg",
            stage.server.origin(),
            super::id()
        ),
        format!("{}/image/ii/{}.jpg", stage.server.origin(), super::id()),
    ] {
        assert_eq!(stage.get(&wrong).await.status(), 404, "{wrong}");
    }
}

#[tokio::test]
async fn addresses_die_and_come_back_fresh_but_not_past_their_ttl() {
    let stage = Stage::with("url-life=300ms,expired-status=410").await;
    let (short, lasting) = (task_with(json!({ "ttl": 60 })), task());
    let url = async |stage: &Stage, task: &serde_json::Value| {
        let answer = stage.poll(id_of(task)).await;
        answer.data()[0]["imageURL"].as_str().unwrap().to_owned()
    };
    stage.post(json!([short, lasting])).await;
    let first = url(&stage, &lasting).await;
    assert_eq!(stage.get(&first).await.status(), 200);
    tokio::time::sleep(Duration::from_millis(320)).await;
    assert_eq!(stage.get(&first).await.status(), 410);
    let second = url(&stage, &lasting).await;
    assert_ne!(first, second);
    assert_eq!(stage.get(&second).await.status(), 200);
    assert_eq!(stage.get(&first).await.status(), 410);
}

#[tokio::test]
async fn painting_many_at_once_keeps_the_server_answering() {
    let stage = Stage::new().await;
    let answer = stage.ask(task_with(json!({ "numberResults": 20 }))).await;
    let urls = answer
        .data()
        .iter()
        .map(|one| one["imageURL"].as_str().unwrap().to_owned());
    let all = futures::future::join_all(urls.map(|url| {
        let client = stage.client.clone();
        async move {
            client
                .get(url)
                .send()
                .await
                .unwrap()
                .bytes()
                .await
                .unwrap()
                .len()
        }
    }));
    let (sizes, slowest) = futures::future::join(all, async {
        let mut slowest = Duration::ZERO;
        for _ in 0..10 {
            let start = std::time::Instant::now();
            stage.poll(&super::id()).await;
            slowest = slowest.max(start.elapsed());
        }
        slowest
    })
    .await;
    assert!(sizes.iter().all(|size| *size > 10_000));
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}

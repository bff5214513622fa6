//! What the service refuses, row by row, with its status, code and parameter.

use serde_json::{Value, json};

use super::{Settings, Stage, async_task, data_uri, id, id_of, jpeg, refuses, task, task_with};

async fn nothing_was_billed(stage: &Stage) {
    let stats = stage.stats().await;
    assert_eq!(stats["tasks_accepted"], 0);
    assert_eq!(stats["billed_usd_micros"], 0);
}

#[tokio::test]
async fn wrong_doors_answer_without_a_body() {
    let stage = Stage::with("body-limit=1000").await;
    let get = stage.get("/v1").await;
    assert_eq!(
        (get.status().as_u16(), get.text().await.unwrap().as_str()),
        (405, "")
    );
    let lost = stage.get("/v2").await;
    assert_eq!(
        (lost.status().as_u16(), lost.text().await.unwrap().as_str()),
        (404, "")
    );
    let large = stage.send("x".repeat(1001)).await.unwrap();
    assert_eq!(
        (
            large.status().as_u16(),
            large.text().await.unwrap().as_str()
        ),
        (413, "")
    );
}

#[tokio::test]
async fn keys() {
    let mut stage = Stage::new().await;
    let check = async |stage: &Stage, status, code| {
        let answer = stage.ask(task()).await;
        assert_eq!(
            (answer.status, answer.code()),
            (status, code),
            "{}",
            answer.body
        );
        assert_eq!(answer.error()["parameter"], "apiKey");
        assert_eq!(answer.error()["taskType"], "authentication");
        assert_eq!(answer.error()["taskUUID"], Value::Null);
    };
    stage.key = None;
    check(&stage, 401, "missingApiKey").await;
    assert_eq!(stage.send("no json").await.unwrap().status(), 401);
    stage.key = Some("wrong-key");
    check(&stage, 401, "invalidApiKey").await;
    stage.key = Some("forbidden-key");
    check(&stage, 403, "forbidden").await;
    nothing_was_billed(&stage).await;
}

#[tokio::test]
async fn a_list_of_keys_is_all_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(folder.path());
    settings.accepted_keys = Some(vec!["a-key".to_owned()]);
    assert!(!format!("{settings:?}").contains("a-key"));
    let mut stage = Stage::of(settings, super::Folder(folder)).await;
    let ping = json!({ "taskType": "ping", "ping": true });
    assert_eq!(stage.ask(ping.clone()).await.data()[0]["pong"], true);
    stage.key = Some("another");
    assert_eq!(stage.ask(ping.clone()).await.code(), "invalidApiKey");
    stage.key = None;
    let by_element = json!([{ "taskType": "authentication", "apiKey": "a-key" }, ping]);
    assert_eq!(stage.post(by_element).await.data()[0]["pong"], true);
    let wrong = json!([{ "taskType": "authentication", "apiKey": "wrong-key" }, ping]);
    assert_eq!(stage.post(wrong).await.code(), "invalidApiKey");
}

#[tokio::test]
async fn bodies_that_are_no_array_of_tasks() {
    let stage = Stage::new().await;
    for body in [
        "", "{", "{}", "[]", "\"x\"", "[1]", "[[]]", "null", "[{}", "[{}, 3]",
    ] {
        let response = stage.send(body).await.unwrap();
        assert_eq!(response.status(), 400, "{body}");
        let text = response.text().await.unwrap();
        let body_: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(body_["errors"][0]["code"], "invalidRequest", "{body}");
        assert_eq!(body_["errors"][0]["taskUUID"], Value::Null, "{body}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(stage.send(deep).await.unwrap().status(), 400);
}

#[tokio::test]
async fn task_types() {
    let stage = Stage::new().await;
    let missing = task_with(json!({ "taskType": null }));
    refuses(&stage, missing, 400, "missingTaskType", json!("taskType")).await;
    for kind in ["imageinference", "", "authentication2"] {
        let task = task_with(json!({ "taskType": kind }));
        refuses(&stage, task, 400, "unsupportedTaskType", json!("taskType")).await;
    }
    assert_eq!(
        stage.ask(task_with(json!({ "taskType": 5 }))).await.code(),
        "unsupportedTaskType"
    );
}

#[tokio::test]
async fn task_uuids() {
    let stage = Stage::new().await;
    let missing = task_with(json!({ "taskUUID": null }));
    refuses(&stage, missing, 400, "missingTaskUUID", json!("taskUUID")).await;
    for wrong in [
        "x",
        "",
        "01890a5d-ac96-774b-bcce-b302099a8057",
        "3f0c9b52-4d1e-4c7a-7a51-0c8f0d3c2b1a",
        "3f0c9b524d1e4c7a9a510c8f0d3c2b1a",
    ] {
        let task = task_with(json!({ "taskUUID": wrong }));
        refuses(&stage, task, 400, "invalidTaskUUID", json!("taskUUID")).await;
    }
    assert_eq!(
        stage.ask(task_with(json!({ "taskUUID": 7 }))).await.code(),
        "invalidTaskUUID"
    );
}

#[tokio::test]
async fn used_uuids() {
    let stage = Stage::new().await;
    let first = async_task();
    let twice = stage.post(json!([first, first])).await;
    assert_eq!(twice.status, 200);
    assert_eq!(twice.data().len(), 1);
    assert_eq!(twice.code(), "conflictTaskUUID");
    refuses(
        &stage,
        first.clone(),
        400,
        "conflictTaskUUID",
        json!("taskUUID"),
    )
    .await;
    let stats = stage.stats().await;
    assert_eq!(
        (&stats["tasks_billed"], &stats["conflicts"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(stats["duplicate_charges"], 0);
}

#[tokio::test]
async fn a_refusal_takes_no_uuid() {
    let stage = Stage::new().await;
    let wrong = task_with(json!({ "width": 1080, "height": 1080 }));
    refuses(
        &stage,
        wrong.clone(),
        400,
        "unsupportedDimensions",
        json!(["width", "height"]),
    )
    .await;
    let right = task_with(json!({ "taskUUID": id_of(&wrong) }));
    assert_eq!(stage.ask(right).await.status, 200);
}

#[tokio::test]
async fn models() {
    let stage = Stage::new().await;
    let missing = task_with(json!({ "model": null }));
    refuses(&stage, missing, 400, "missingModel", json!("model")).await;
    for model in [json!("klingai:kling-image@o2"), json!(""), json!(1)] {
        let task = task_with(json!({ "model": model }));
        refuses(&stage, task, 400, "invalidModel", json!("model")).await;
    }
}

#[tokio::test]
async fn unknown_keys() {
    let stage = Stage::new().await;
    for (fields, path) in [
        (json!({ "seed": 1 }), "seed"),
        (json!({ "negativePrompt": "x" }), "negativePrompt"),
        (json!({ "referenceImages": [] }), "referenceImages"),
        (json!({ "safety": { "x": 1 } }), "safety.x"),
        (
            json!({ "inputs": { "seedImage": "x" } }),
            "inputs.seedImage",
        ),
        (json!({ "steps": 20 }), "steps"),
    ] {
        let task = task_with(fields);
        refuses(&stage, task, 400, "unsupportedParameter", json!(path)).await;
    }
}

#[tokio::test]
async fn wrong_types() {
    let stage = Stage::new().await;
    for (fields, code, path, kind) in [
        (
            json!({ "positivePrompt": 5 }),
            "invalidPositivePrompt",
            "positivePrompt",
            "string",
        ),
        (
            json!({ "width": "1024" }),
            "invalidWidth",
            "width",
            "integer",
        ),
        (
            json!({ "height": 1024.5 }),
            "invalidHeight",
            "height",
            "integer",
        ),
        (
            json!({ "resolution": 1 }),
            "invalidResolution",
            "resolution",
            "string",
        ),
        (
            json!({ "numberResults": "2" }),
            "invalidNumberResults",
            "numberResults",
            "integer",
        ),
        (
            json!({ "outputQuality": true }),
            "invalidOutputQuality",
            "outputQuality",
            "integer",
        ),
        (json!({ "ttl": "60" }), "invalidTtl", "ttl", "integer"),
        (
            json!({ "includeCost": "yes" }),
            "invalidIncludeCost",
            "includeCost",
            "boolean",
        ),
        (json!({ "inputs": [] }), "invalidInputs", "inputs", "object"),
        (
            json!({ "safety": true }),
            "invalidSafety",
            "safety",
            "object",
        ),
        (
            json!({ "webhookURL": 1 }),
            "invalidWebhookURL",
            "webhookURL",
            "string",
        ),
        (
            json!({ "safety": { "checkContent": 1 } }),
            "invalidSafetyCheckContent",
            "safety.checkContent",
            "boolean",
        ),
    ] {
        let error = refuses(&stage, task_with(fields), 400, code, json!(path)).await;
        assert_eq!(error["type"], kind);
    }
}

#[tokio::test]
async fn prompts() {
    let stage = Stage::new().await;
    let missing = task_with(json!({ "positivePrompt": null }));
    refuses(
        &stage,
        missing,
        400,
        "missingPositivePrompt",
        json!("positivePrompt"),
    )
    .await;
    for prompt in [String::new(), "ab".to_owned(), "é".repeat(2501)] {
        let task = task_with(json!({ "positivePrompt": prompt }));
        let parameter = json!("positivePrompt");
        let error = refuses(&stage, task, 400, "invalidPositivePrompt", parameter).await;
        assert_eq!((&error["min"], &error["max"]), (&json!(3), &json!(2500)));
    }
    for prompt in ["abc".to_owned(), "é".repeat(2500), "😀".repeat(2500)] {
        assert_eq!(
            stage
                .ask(task_with(json!({ "positivePrompt": prompt })))
                .await
                .status,
            200
        );
    }
}

#[tokio::test]
async fn sizes() {
    let stage = Stage::new().await;
    let only_width = task_with(json!({ "height": null }));
    refuses(&stage, only_width, 400, "missingHeight", json!("height")).await;
    let only_height = task_with(json!({ "width": null }));
    refuses(&stage, only_height, 400, "missingWidth", json!("width")).await;
    for (width, height) in [
        (1080, 1080),
        (1024, 1248),
        (768, 1361),
        (0, 0),
        (-1024, 1024),
    ] {
        let task = task_with(json!({ "width": width, "height": height }));
        let parameter = json!(["width", "height"]);
        let error = refuses(&stage, task, 400, "unsupportedDimensions", parameter).await;
        assert_eq!(error["allowedValues"].as_array().unwrap().len(), 16);
    }
}

#[tokio::test]
async fn resolutions() {
    let stage = Stage::new().await;
    let parameter = json!(["resolution", "width", "height"]);
    let both = task_with(json!({ "resolution": "1k" }));
    refuses(&stage, both, 400, "incompatibleParameters", parameter).await;
    for resolution in ["3k", "", "1 k", "1080p"] {
        let fields = json!({ "resolution": resolution, "width": null, "height": null });
        let task = task_with(fields);
        let error = refuses(&stage, task, 400, "invalidResolution", json!("resolution")).await;
        assert_eq!(error["allowedValues"], json!(["1k", "2k"]));
    }
    for fields in [
        json!({ "width": null, "height": null }),
        json!({ "width": null, "height": null, "resolution": "2k" }),
        json!({ "width": null, "height": null, "inputs": { "referenceImages": [] } }),
        json!({ "width": null, "height": null, "inputs": {} }),
    ] {
        let parameter = json!(["width", "height"]);
        refuses(&stage, task_with(fields), 400, "missingWidth", parameter).await;
    }
}

#[tokio::test]
async fn choices() {
    let stage = Stage::new().await;
    for (fields, code, path, first) in [
        (
            json!({ "outputType": "url" }),
            "invalidOutputType",
            "outputType",
            "URL",
        ),
        (
            json!({ "outputType": ["URL"] }),
            "invalidOutputType",
            "outputType",
            "URL",
        ),
        (
            json!({ "outputFormat": "jpg" }),
            "invalidOutputFormat",
            "outputFormat",
            "JPG",
        ),
        (
            json!({ "outputFormat": "TIFF" }),
            "invalidOutputFormat",
            "outputFormat",
            "JPG",
        ),
        (
            json!({ "deliveryMethod": "stream" }),
            "invalidDeliveryMethod",
            "deliveryMethod",
            "sync",
        ),
        (
            json!({ "safety": { "mode": "full" } }),
            "invalidSafetyMode",
            "safety.mode",
            "none",
        ),
    ] {
        let error = refuses(&stage, task_with(fields), 400, code, json!(path)).await;
        assert_eq!(error["allowedValues"][0], first);
    }
}

#[tokio::test]
async fn ranges() {
    let stage = Stage::new().await;
    for (name, value, code, min) in [
        ("numberResults", 0, "invalidNumberResults", 1),
        ("numberResults", 21, "invalidNumberResults", 1),
        ("numberResults", -1, "invalidNumberResults", 1),
        ("outputQuality", 19, "invalidOutputQuality", 20),
        ("outputQuality", 100, "invalidOutputQuality", 20),
        ("ttl", 59, "invalidTtl", 60),
        ("ttl", -60, "invalidTtl", 60),
    ] {
        let error = refuses(
            &stage,
            task_with(json!({ name: value })),
            400,
            code,
            json!(name),
        )
        .await;
        assert_eq!(error["min"], min);
    }
}

#[tokio::test]
async fn addresses() {
    let stage = Stage::new().await;
    for (name, code) in [
        ("webhookURL", "invalidWebhookURL"),
        ("uploadEndpoint", "invalidUploadEndpoint"),
    ] {
        for address in [
            "",
            "/relative",
            "example.com/x",
            "ftp://example.com/x",
            "http://",
        ] {
            let task = task_with(json!({ name: address }));
            refuses(&stage, task, 400, code, json!(name)).await;
        }
    }
}

#[tokio::test]
async fn money() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(folder.path());
    settings.balance_usd_micros = 28_000 * 3;
    settings.latency = std::time::Duration::ZERO;
    let stage = Stage::of(settings, super::Folder(folder)).await;
    let four = task_with(json!({ "numberResults": 4 }));
    refuses(&stage, four, 402, "insufficientCredits", Value::Null).await;
    assert_eq!(
        stage
            .ask(task_with(json!({ "numberResults": 3 })))
            .await
            .status,
        200
    );
    refuses(&stage, task(), 402, "insufficientCredits", Value::Null).await;
    assert_eq!(stage.stats().await["balance_usd_micros"], 0);
}

#[tokio::test]
async fn a_full_queue() {
    let mut stage = Stage::with("").await;
    stage = stage
        .again(|settings| {
            settings.latency = std::time::Duration::from_secs(60);
            settings.faults = super::Faults::from_list("queue-depth=2,retry-after=3").unwrap();
        })
        .await;
    for _ in 0..2 {
        assert_eq!(stage.ask(async_task()).await.status, 200);
    }
    let third = json!([async_task()]).to_string();
    let response = stage.send(third).await.unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "3");
    assert!(response.text().await.unwrap().contains("rateLimitExceeded"));
}

#[tokio::test]
async fn the_order_of_the_checks() {
    let stage = Stage::new().await;
    let everything_wrong = json!({
        "taskType": "imageInference", "taskUUID": "x", "model": "x", "seed": 1,
        "positivePrompt": "", "width": 3, "inputs": { "referenceImages": 4 }, "ttl": 3,
    });
    let mut task = everything_wrong;
    for (code, name, right) in [
        ("invalidTaskUUID", "taskUUID", json!(id())),
        ("invalidModel", "model", json!("klingai:kling-image@o1")),
        ("unsupportedParameter", "seed", Value::Null),
        ("invalidPositivePrompt", "positivePrompt", json!("a prompt")),
        ("missingHeight", "height", json!(3)),
        ("unsupportedDimensions", "width", Value::Null),
        ("missingWidth", "height", Value::Null),
        (
            "invalidReferenceImages",
            "inputs",
            json!({ "referenceImages": ["!"] }),
        ),
        (
            "failedToTransferImage",
            "inputs",
            json!({ "referenceImages": [data_uri(&jpeg(9, 9))] }),
        ),
        (
            "invalidReferenceImages",
            "inputs",
            json!({ "referenceImages": ["https://e.com/a"] }),
        ),
        ("invalidTtl", "ttl", json!(60)),
    ] {
        assert_eq!(stage.ask(task.clone()).await.code(), code);
        match right {
            Value::Null => drop(task.as_object_mut().unwrap().remove(name)),
            right => task[name] = right,
        }
    }
    assert_eq!(stage.ask(task).await.status, 200);
}

#[tokio::test]
async fn one_refusal_leaves_the_other_tasks_alone() {
    let stage = Stage::new().await;
    let bad = task_with(json!({ "seed": 1 }));
    let (first, last) = (async_task(), async_task());
    let answer = stage.post(json!([first, bad, last])).await;
    assert_eq!(answer.status, 200);
    let ids: Vec<&str> = answer.data().iter().map(id_of).collect();
    assert_eq!(ids, [id_of(&first), id_of(&last)]);
    assert_eq!(answer.error()["taskUUID"], bad["taskUUID"]);
}

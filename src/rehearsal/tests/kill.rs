//! The server as a process of its own, killed at any moment: what it acknowledged it still knows.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Settings, async_task, client, data_uri, id_of, jpeg};
use crate::rehearsal::serve;

const FOLDER: &str = "REHEARSAL_TEST_FOLDER";
const THIS: &str = "rehearsal::tests::kill::the_server_itself";

/// Serves when started by the tests below, and does nothing in an ordinary test run.
#[test]
fn the_server_itself() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut settings = Settings::new(folder);
        settings.latency = Duration::from_millis(400);
        let server = serve(settings).await.unwrap();
        println!("\nserving {}", server.origin());
        std::future::pending::<()>().await;
    });
}

struct Process {
    child: Child,
    origin: String,
}

impl Process {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([THIS, "--exact", "--nocapture", "--test-threads=1"])
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        let origin = lines.find_map(|line| line.strip_prefix("serving ").map(str::to_owned));
        Self {
            child,
            origin: origin.unwrap(),
        }
    }

    async fn post(&self, tasks: Value) -> Option<Value> {
        let request = client()
            .post(format!("{}/v1", self.origin))
            .bearer_auth("k");
        let response = request.body(tasks.to_string()).send().await.ok()?;
        serde_json::from_str(&response.text().await.ok()?).ok()
    }

    async fn stats(&self) -> Value {
        let response = client()
            .get(format!("{}/rehearsal/stats", self.origin))
            .send()
            .await;
        serde_json::from_str(&response.unwrap().text().await.unwrap()).unwrap()
    }

    /// SIGKILL: nothing is written, flushed or said any more.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn poll(task: &Value) -> Value {
    json!([{ "taskType": "getResponse", "taskUUID": task["taskUUID"] }])
}

#[tokio::test]
async fn tasks_in_flight_end_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let first = Process::start(folder.path());
    let sent = async_task();
    first.post(json!([sent])).await.unwrap();
    let upload = json!([{ "taskType": "imageUpload", "taskUUID": super::id(),
        "image": data_uri(&jpeg(400, 400)) }]);
    let uploaded = first.post(upload).await.unwrap();
    first.kill();
    let second = Process::start(folder.path());
    assert_eq!(
        second.post(json!([sent])).await.unwrap()["errors"][0]["code"],
        "conflictTaskUUID"
    );
    tokio::time::sleep(Duration::from_millis(450)).await;
    assert_eq!(
        second.post(poll(&sent)).await.unwrap()["data"][0]["status"],
        "success"
    );
    let mut edit = async_task();
    edit["inputs"] = json!({ "referenceImages": [uploaded["data"][0]["imageUUID"]] });
    assert_eq!(
        second.post(json!([edit])).await.unwrap()["data"][0]["taskUUID"],
        edit["taskUUID"]
    );
    let details = json!([{ "taskType": "getTaskDetails", "taskUUID": sent["taskUUID"] }]);
    assert_eq!(
        second.post(details).await.unwrap()["data"][0]["request"],
        json!([sent])
    );
    let stats = second.stats().await;
    assert_eq!(
        (&stats["tasks_billed"], &stats["conflicts"]),
        (&json!(2), &json!(1))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_kill_is_known_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<Value> = Vec::new();
    let mut asked = 0;
    for round in 0..6 {
        let process = std::sync::Arc::new(Process::start(folder.path()));
        let submits = (0..40).map(|_| {
            let (process, sent) = (std::sync::Arc::clone(&process), async_task());
            tokio::spawn(async move {
                let answer = process.post(json!([sent])).await;
                answer
                    .filter(|answer| answer["data"][0]["taskUUID"] == sent["taskUUID"])
                    .map(|_| sent)
            })
        });
        let submits: Vec<_> = submits.collect();
        asked += submits.len();
        tokio::time::sleep(Duration::from_millis(5 + round * 12)).await;
        let status = Command::new("kill")
            .args(["-9", &process.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
        for submit in submits {
            acknowledged.extend(submit.await.unwrap());
        }
    }
    let last = Process::start(folder.path());
    for task in &acknowledged {
        let again = last.post(json!([task])).await.unwrap();
        assert_eq!(
            again["errors"][0]["code"],
            "conflictTaskUUID",
            "{}",
            id_of(task)
        );
    }
    let stats = last.stats().await;
    let billed = usize::try_from(stats["tasks_billed"].as_u64().unwrap()).unwrap();
    assert!(
        (acknowledged.len()..=asked).contains(&billed),
        "{billed} of {asked}"
    );
    assert_eq!(stats["duplicate_charges"], 0);
    assert!(!acknowledged.is_empty());
    last.kill();
}

//! Tests over real HTTP on loopback: a file for each promise.

mod accepted;
mod faults;
mod images;
mod kill;
mod life;
mod references;
mod refusals;
mod stats;
mod switches;
mod uploads;

use std::time::Duration;

use base64::Engine;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use super::faults::Faults;
use super::{Server, Settings, serve};

/// A server in a folder of its own, and a client of it.
struct Stage {
    server: Server,
    client: reqwest::Client,
    folder: Folder,
    key: Option<&'static str>,
}

/// Where the books are.
struct Folder(TempDir);

struct Answer {
    status: u16,
    body: Value,
}

impl Stage {
    async fn new() -> Self {
        Self::with("").await
    }

    /// Starts a server whose tasks end at once, with faults and switches as a list.
    async fn with(faults: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(folder.path());
        settings.latency = Duration::ZERO;
        settings.faults = Faults::from_list(faults).unwrap();
        Self::of(settings, Folder(folder)).await
    }

    async fn of(settings: Settings, folder: Folder) -> Self {
        let server = serve(settings).await.unwrap();
        Self {
            server,
            client: client(),
            folder,
            key: Some("a-key"),
        }
    }

    async fn send(&self, body: impl Into<reqwest::Body>) -> reqwest::Result<reqwest::Response> {
        let mut request = self.client.post(self.server.endpoint()).body(body);
        if let Some(key) = self.key {
            request = request.bearer_auth(key);
        }
        request.send().await
    }

    /// Posts an array of tasks.
    async fn post(&self, tasks: Value) -> Answer {
        let response = self.send(tasks.to_string()).await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, body }
    }

    /// Posts one task.
    async fn ask(&self, task: Value) -> Answer {
        self.post(json!([task])).await
    }

    async fn poll(&self, id: &str) -> Answer {
        self.ask(json!({ "taskType": "getResponse", "taskUUID": id }))
            .await
    }

    async fn details(&self, id: &str) -> Answer {
        self.ask(json!({ "taskType": "getTaskDetails", "taskUUID": id }))
            .await
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.server.origin())
        };
        self.client.get(url).send().await.unwrap()
    }

    async fn stats(&self) -> Value {
        let text = self.get("/rehearsal/stats").await.text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Ends the server and starts another on the same books.
    async fn again(self, settings: impl FnOnce(&mut Settings)) -> Self {
        let mut next = Settings::new(self.folder.0.path());
        next.latency = Duration::ZERO;
        settings(&mut next);
        self.server.shutdown().await;
        Self::of(next, self.folder).await
    }
}

impl Answer {
    fn data(&self) -> &[Value] {
        self.body["data"].as_array().map_or(&[], Vec::as_slice)
    }

    fn error(&self) -> &Value {
        &self.body["errors"][0]
    }

    fn code(&self) -> &str {
        self.error()["code"].as_str().unwrap_or_default()
    }
}

/// Gives a server whose tasks take some milliseconds.
async fn slow(latency_ms: u64, faults: &str) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(folder.path());
    settings.latency = Duration::from_millis(latency_ms);
    settings.faults = Faults::from_list(faults).unwrap();
    Stage::of(settings, Folder(folder)).await
}

/// A client as the product's own: no proxy, no roots, no retries.
fn client() -> reqwest::Client {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .retry(reqwest::retry::never())
        .build()
        .unwrap()
}

fn id() -> String {
    Uuid::new_v4().to_string()
}

/// A sync task that nothing speaks against.
fn task() -> Value {
    json!({
        "taskType": "imageInference",
        "taskUUID": id(),
        "model": "klingai:kling-image@o1",
        "positivePrompt": "A wooden pier in thin rain",
        "width": 1024,
        "height": 1024,
    })
}

/// The same with some fields replaced or added; null takes one away.
fn task_with(mut fields: Value) -> Value {
    let mut task = task();
    for (name, value) in fields.as_object_mut().unwrap() {
        match value.take() {
            Value::Null => drop(task.as_object_mut().unwrap().remove(name)),
            value => task[name] = value,
        }
    }
    task
}

fn async_task() -> Value {
    task_with(json!({ "deliveryMethod": "async", "includeCost": true }))
}

fn id_of(task: &Value) -> &str {
    task["taskUUID"].as_str().unwrap()
}

fn jpeg(width: usize, height: usize) -> Vec<u8> {
    super::paint::encode_jpeg(width, height, [90, 160, 30].repeat(width * height))
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn data_uri(bytes: &[u8]) -> String {
    format!("data:image/jpeg;base64,{}", base64(bytes))
}

/// Sends a task that is to be refused, and gives the refusal.
async fn refuses(stage: &Stage, task: Value, status: u16, code: &str, parameter: Value) -> Value {
    let sent = task.to_string();
    let answer = stage.ask(task.clone()).await;
    let shown: String = sent.chars().take(400).collect();
    assert_eq!(
        (answer.status, answer.code()),
        (status, code),
        "{shown}: {}",
        answer.body
    );
    assert_eq!(
        answer.error()["parameter"],
        parameter,
        "{shown}: {}",
        answer.body
    );
    assert_eq!(answer.error()["taskUUID"], task["taskUUID"], "{shown}");
    assert_eq!(answer.error()["taskType"], task["taskType"], "{shown}");
    assert!(answer.error()["message"].is_string());
    answer.error().clone()
}

/// Takes whatever is sent to it and answers 200, but for the first call, which it turns away.
struct Sink {
    addr: std::net::SocketAddr,
    calls: tokio::sync::Mutex<tokio::sync::mpsc::UnboundedReceiver<Call>>,
}

struct Call {
    /// The request line.
    line: String,
    body: Vec<u8>,
}

impl Sink {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (sender, calls) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            let first = std::sync::atomic::AtomicBool::new(true);
            let first = std::sync::Arc::new(first);
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(Self::take(
                    stream,
                    sender.clone(),
                    std::sync::Arc::clone(&first),
                ));
            }
        });
        Self {
            addr,
            calls: tokio::sync::Mutex::new(calls),
        }
    }

    async fn take(
        mut stream: tokio::net::TcpStream,
        sender: tokio::sync::mpsc::UnboundedSender<Call>,
        first: std::sync::Arc<std::sync::atomic::AtomicBool>,
    ) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut bytes = Vec::new();
        loop {
            let head = bytes.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = head {
                let text = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
                let length = text.split("content-length: ").nth(1).unwrap();
                let length: usize = length.lines().next().unwrap().parse().unwrap();
                if bytes.len() >= end + 4 + length {
                    let line = String::from_utf8_lossy(&bytes[..end]);
                    let line = line.lines().next().unwrap().to_owned();
                    let body = bytes[end + 4..end + 4 + length].to_vec();
                    bytes.drain(..end + 4 + length);
                    let turned_away = first.swap(false, std::sync::atomic::Ordering::SeqCst);
                    let status = if turned_away { "503 Busy" } else { "200 OK" };
                    let reply = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                    stream.write_all(reply.as_bytes()).await.unwrap();
                    if !turned_away {
                        sender.send(Call { line, body }).ok();
                    }
                    continue;
                }
            }
            if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    async fn calls(&self, count: usize) -> Vec<Call> {
        let mut calls = Vec::new();
        let mut queue = self.calls.lock().await;
        while calls.len() < count {
            let call = tokio::time::timeout(Duration::from_secs(10), queue.recv()).await;
            calls.push(call.unwrap().unwrap());
        }
        calls
    }
}

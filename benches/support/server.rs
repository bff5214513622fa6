//! A server that answers as the API does, after a fixed time, in a process of its own.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Cursor, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::{Failure, say};

/// Kept free of anything a shell or a terminal could make of it.
pub(crate) const SERVE: &str = "--serve-for-the-benchmark";

/// A server in a process of its own, which ends when this is dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) endpoint: String,
}

impl Server {
    /// Starts one that answers after a time with images of so many bytes.
    pub(crate) fn start(latency: Duration, picture: usize) -> Result<Self, Failure> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg(SERVE)
            .args([latency.as_millis().to_string(), picture.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take();
        let mut server = Self {
            process,
            endpoint: String::new(),
        };
        let stdout = stdout.ok_or("the server has no output")?;
        BufReader::new(stdout).read_line(&mut server.endpoint)?;
        server.endpoint.truncate(server.endpoint.trim_end().len());
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends when its input does; its time is not to count for the next client.
        drop(self.process.stdin.take());
        let _ended = self.process.wait();
    }
}

/// Serves until standard input ends.
pub(crate) fn serve(latency: &str, picture: &str) -> Result<(), Failure> {
    let latency = Duration::from_millis(latency.parse()?);
    let picture = Bytes::from(jpeg(picture.parse()?)?);
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("http://{}", listener.local_addr()?);
        say(std::io::stdout(), &format!("{origin}/v1"));
        let api = Arc::new(Api {
            latency,
            origin,
            accepted: Mutex::default(),
        });
        let image = move || async move { ([(CONTENT_TYPE, "image/jpeg")], picture.clone()) };
        let router = Router::new()
            .route("/v1", post(answer))
            .route("/image/{name}", get(image))
            .with_state(api);
        let parent = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0]));
        tokio::select! {
            served = axum::serve(listener, router) => Ok(served?),
            _ended = parent => Ok(()),
        }
    })
}

struct Api {
    latency: Duration,
    origin: String,
    /// When each task of asynchronous delivery was sent.
    accepted: Mutex<HashMap<String, Instant>>,
}

/// Answers as the API does to the two kinds of task that a run without references sends.
async fn answer(State(api): State<Arc<Api>>, body: Bytes) -> impl IntoResponse {
    let tasks: Vec<Value> = serde_json::from_slice(&body).unwrap_or_default();
    let mut items = Vec::with_capacity(tasks.len());
    for task in &tasks {
        let id = task["taskUUID"].as_str().unwrap_or_default();
        items.push(match (&task["taskType"], &task["deliveryMethod"]) {
            (kind, _) if kind == "getResponse" => api.state(id),
            (_, delivery) if delivery == "async" => api.accept(id),
            _ => {
                tokio::time::sleep(api.latency).await;
                api.result(id)
            }
        });
    }
    let reply = json!({ "data": items }).to_string();
    ([(CONTENT_TYPE, "application/json")], reply)
}

impl Api {
    fn accepted(&self) -> std::sync::MutexGuard<'_, HashMap<String, Instant>> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(&self, id: &str) -> Value {
        self.accepted().insert(id.to_owned(), Instant::now());
        json!({"taskType": "imageInference", "taskUUID": id})
    }

    fn state(&self, id: &str) -> Value {
        let sent = self.accepted().get(id).copied();
        if sent.is_some_and(|sent| sent.elapsed() >= self.latency) {
            return self.result(id);
        }
        json!({"taskType": "imageInference", "taskUUID": id, "status": "processing"})
    }

    fn result(&self, id: &str) -> Value {
        let image = uuid::Uuid::new_v4();
        json!({
            "taskType": "imageInference", "taskUUID": id.to_string(), "imageUUID": image.to_string(),
            "imageURL": format!("{}/image/{image}.jpg", self.origin),
            "seed": 7, "cost": 0.028, "status": "success",
        })
    }
}

/// Makes a JPEG of 1024x1024 pixels and exactly so many bytes, comments making up what lacks.
fn jpeg(size: usize) -> Result<Vec<u8>, Failure> {
    /// The most and the least bytes of a segment, marker and length included.
    const MOST: usize = 65_537;
    const LEAST: usize = 4;
    let mut plain = Cursor::new(Vec::new());
    let grey = image::GrayImage::from_pixel(1024, 1024, image::Luma([128]));
    grey.write_to(&mut plain, image::ImageFormat::Jpeg)?;
    let plain = plain.into_inner();
    let mut lacking = size.checked_sub(plain.len()).ok_or("too small a size")?;
    let (start, rest) = plain.split_at(2);
    let mut padded = start.to_vec();
    while lacking > 0 {
        let mut segment = lacking.min(MOST);
        if (1..LEAST).contains(&(lacking - segment)) {
            segment -= LEAST;
        }
        let length = u16::try_from(segment.checked_sub(2).ok_or("an odd size")?)?;
        padded.extend_from_slice(&[0xff, 0xfe]);
        padded.extend_from_slice(&length.to_be_bytes());
        padded.resize(padded.len() + segment - LEAST, b' ');
        lacking -= segment;
    }
    padded.extend_from_slice(rest);
    Ok(padded)
}

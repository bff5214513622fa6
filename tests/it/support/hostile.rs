//! A service on loopback that can be made to answer anything: for replies the rehearsal never gives.
//!
//! Left to itself it takes every task once, tells a second send of it as a conflict, and gives one
//! small picture for each. A test puts a trick in front of that.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) at: Instant,
    pub(crate) path: String,
    /// The task type of its first task, or `GET`.
    pub(crate) kind: String,
    /// The ids it names.
    pub(crate) tasks: Vec<String>,
    /// Its header lines, in lower case.
    pub(crate) head: String,
}

/// What is answered.
pub(crate) enum Answer {
    /// What a sound service answers.
    Usual,
    /// A status and a JSON body.
    Json(u16, Value),
    /// A status, more header lines and a body with its right length.
    Body(u16, &'static str, Vec<u8>),
    /// Bytes as they are, in pieces with a pause before each; then the connection is closed.
    Pieces(Vec<(Duration, Vec<u8>)>),
    /// What a sound service answers, a byte at a time.
    Dripping(Duration),
    /// What a sound service answers, after a silence.
    After(Duration),
    /// These bytes for ever, after a head without a length.
    Endless(Vec<u8>),
    /// The connection is closed without a word.
    Nothing,
}

type Trick = dyn Fn(&Asked, &Service) -> Answer + Send + Sync;

/// What the service knows.
pub(crate) struct Service {
    pub(crate) origin: String,
    taken: Mutex<BTreeMap<String, u32>>,
    pub(crate) seen: Mutex<Vec<Asked>>,
}

pub(crate) struct Hostile {
    pub(crate) endpoint: String,
    pub(crate) service: Arc<Service>,
    stop: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

impl Hostile {
    /// Starts a service whose answers pass by a trick first.
    pub(crate) fn start(
        trick: impl Fn(&Asked, &Service) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let service = Arc::new(Service {
            origin: format!("http://{address}"),
            taken: Mutex::default(),
            seen: Mutex::default(),
        });
        let stop = Arc::new(AtomicBool::new(false));
        let trick: Arc<Trick> = Arc::new(trick);
        let listening = spawn({
            let (service, stop) = (Arc::clone(&service), Arc::clone(&stop));
            move || {
                for stream in listener.incoming().flatten() {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let (service, trick) = (Arc::clone(&service), Arc::clone(&trick));
                    spawn(move || serve(&stream, &service, &*trick));
                }
            }
        });
        Self {
            endpoint: format!("http://{address}/v1"),
            service,
            stop,
            listening: Some(listening),
        }
    }

    /// How many tasks were taken.
    pub(crate) fn bought(&self) -> usize {
        self.service.taken().len()
    }

    /// The requests of a kind, in order.
    pub(crate) fn of_kind(&self, kind: &str) -> Vec<Asked> {
        let seen = self.service.seen.lock().expect("the list");
        let of_kind = seen.iter().filter(|asked| asked.kind == kind);
        of_kind.cloned().collect()
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // One last call wakes whoever listens; where it fails nobody does any more.
        let address = self.endpoint.trim_start_matches("http://");
        let _woken = TcpStream::connect(address.trim_end_matches("/v1"));
        if let Some(listening) = self.listening.take() {
            listening.join().expect("it listened to the end");
        }
    }
}

impl Service {
    fn taken(&self) -> MutexGuard<'_, BTreeMap<String, u32>> {
        self.taken.lock().expect("the tasks")
    }

    /// Which request of its kind this is, from 1.
    pub(crate) fn nth(&self, asked: &Asked) -> usize {
        let seen = self.seen.lock().expect("the list");
        seen.iter().filter(|other| other.kind == asked.kind).count()
    }

    /// Which send of how many new ids this is, from 1: the n-th task that was ever asked for.
    pub(crate) fn number(&self, asked: &Asked) -> usize {
        let seen = self.seen.lock().expect("the list");
        let mut ids: Vec<&String> = Vec::new();
        for other in seen.iter().filter(|other| other.kind == "imageInference") {
            for task in &other.tasks {
                if !ids.contains(&task) {
                    ids.push(task);
                }
            }
        }
        let task = asked.tasks.first();
        ids.iter()
            .position(|id| Some(*id) == task)
            .map_or(0, |n| n + 1)
    }

    /// Takes a task, as a sound service would; tells whether it was new.
    pub(crate) fn take(&self, task: &str) -> bool {
        let mut taken = self.taken();
        let number = u32::try_from(taken.len()).expect("few");
        if taken.contains_key(task) {
            return false;
        }
        taken.insert(task.to_owned(), number).is_none()
    }

    /// The tasks a request names that were taken before.
    pub(crate) fn known<'a>(&self, asked: &'a Asked) -> Vec<&'a String> {
        let taken = self.taken();
        let known = asked.tasks.iter().filter(|task| taken.contains_key(*task));
        known.collect()
    }

    /// The finished image of a task, as a poll tells it.
    pub(crate) fn result(&self, task: &str) -> Value {
        let image = image_of(task);
        json!({
            "taskType": "imageInference", "taskUUID": task, "imageUUID": image, "status": "success",
            "imageURL": format!("{}/image/{image}.jpg", self.origin), "seed": 7, "cost": 0.028,
        })
    }

    /// What a sound service answers.
    pub(crate) fn usual(&self, asked: &Asked) -> (u16, &'static str, Vec<u8>) {
        let mut data = Vec::new();
        let mut errors = Vec::new();
        for task in &asked.tasks {
            match asked.kind.as_str() {
                "imageInference" if self.take(task) => {
                    data.push(json!({ "taskType": "imageInference", "taskUUID": task }));
                }
                "imageInference" => errors.push(json!({
                    "code": "conflictTaskUUID", "message": "used before", "taskUUID": task,
                    "taskType": "imageInference",
                })),
                "getResponse" if self.taken().contains_key(task) => data.push(self.result(task)),
                _ => {}
            }
        }
        if asked.kind == "GET" {
            return (200, "Content-Type: image/jpeg\r\n", picture());
        }
        let status = if errors.is_empty() { 200 } else { 400 };
        let body = json!({ "data": data, "errors": errors });
        (
            status,
            "Content-Type: application/json\r\n",
            body.to_string().into_bytes(),
        )
    }
}

/// An id of an image, derived from its task's.
pub(crate) fn image_of(task: &str) -> String {
    let turned: String = task.chars().rev().filter(|c| *c != '-').collect();
    format!(
        "{}-{}-4{}-8{}-{}",
        &turned[..8],
        &turned[8..12],
        &turned[12..15],
        &turned[15..18],
        &turned[18..30]
    )
}

/// A sound picture of the size that is asked for where nothing is said.
pub(crate) fn picture() -> Vec<u8> {
    static PICTURE: OnceLock<Vec<u8>> = OnceLock::new();
    PICTURE.get_or_init(|| picture_of(1024, 1024)).clone()
}

/// A sound picture.
pub(crate) fn picture_of(width: u32, height: u32) -> Vec<u8> {
    let drawn = image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(x / 4).to_le_bytes()[0], (y / 4).to_le_bytes()[0], 90])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    drawn
        .write_to(&mut bytes, image::ImageFormat::Jpeg)
        .expect("a picture");
    bytes.into_inner()
}

fn serve(stream: &TcpStream, service: &Service, trick: &Trick) {
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read(&mut reader) {
        service.seen.lock().expect("the list").push(asked.clone());
        let answer = trick(&asked, service);
        // Whoever was told too much may hang up: that is no concern of a hostile service.
        if !say(stream, service, &asked, answer).unwrap_or(false) {
            return;
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Asked> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|n| *n > 0)?;
    let at = Instant::now();
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && head != "\r\n" {
        reader.read_line(&mut head).ok().filter(|n| *n > 0)?;
    }
    let head = head.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length = length
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let tasks: Vec<Value> = serde_json::from_slice(&body).unwrap_or_default();
    let text = |task: &Value, name: &str| task[name].as_str().map(str::to_owned);
    Some(Asked {
        at,
        path: first.split(' ').nth(1)?.to_owned(),
        kind: tasks
            .first()
            .and_then(|task| text(task, "taskType"))
            .unwrap_or("GET".to_owned()),
        tasks: tasks
            .iter()
            .filter_map(|task| text(task, "taskUUID"))
            .collect(),
        head,
    })
}

fn whole(status: u16, more: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 {status} X\r\n{more}Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Says an answer; tells whether the connection may be used again.
fn say(
    mut stream: &TcpStream,
    service: &Service,
    asked: &Asked,
    answer: Answer,
) -> std::io::Result<bool> {
    let usual = || {
        let (status, more, body) = service.usual(asked);
        whole(status, more, &body)
    };
    match answer {
        Answer::Usual => stream.write_all(&usual())?,
        Answer::Json(status, body) => {
            let more = "Content-Type: application/json\r\n";
            stream.write_all(&whole(status, more, body.to_string().as_bytes()))?;
        }
        Answer::Body(status, more, body) => stream.write_all(&whole(status, more, &body))?,
        Answer::Pieces(pieces) => {
            for (pause, bytes) in pieces {
                sleep(pause);
                stream.write_all(&bytes)?;
            }
            return Ok(false);
        }
        Answer::Dripping(pause) => {
            stream.set_nodelay(true)?;
            for byte in usual() {
                sleep(pause);
                stream.write_all(&[byte])?;
            }
        }
        Answer::After(pause) => {
            sleep(pause);
            stream.write_all(&usual())?;
        }
        Answer::Endless(bytes) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&bytes)?;
            }
        }
        Answer::Nothing => return Ok(false),
    }
    Ok(true)
}

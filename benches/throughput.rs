//! What the client costs next to the model: whole runs of `reshoot` against a server that answers
//! after a fixed time.
//!
//! ```text
//! cargo bench --bench throughput                    three rounds of every case, medians printed
//! cargo bench --bench throughput -- --rounds 1      one round
//! ```
//!
//! Three processes take part, so that what is measured is the client alone: this one measures; a
//! copy of it serves; the client is either the `reshoot` binary, which plans a CSV of N shots,
//! keeps its log and saves every image, or another copy of this one, the *bare loop*: the same
//! requests with the same number in flight, each image in a folder of its own, hashed, synced and
//! named as safely, but without plan, log, sidecars and all that makes a run one that can be
//! resumed. In a round the two run one after the other, because a busy machine slows both, and they take
//! turns in being the first.
//!
//! Printed for each case and client, as the median of the rounds:
//! - `wall`: seconds from the start of the process to its end, and that time over
//!   `ceil(N / C) x latency`, which is what the model alone would take;
//! - `cpu/1000`: user and system seconds for each 1000 tasks;
//! - `peak`: the most memory that was resident, in MiB;
//! - for `reshoot`, its wall and its processor time over those of the bare loop.
//!
//! The images are one real JPEG of 1024x1024 pixels, filled up with comments to the size of the
//! case. Files are written below cargo's target folder: the disk under it is part of the result.
//! Memory and processor time are read from /proc, so it needs Linux. Without `--bench`, which
//! `cargo bench` passes, it does nothing.

mod support;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use support::measure::{Cost, measure};
use support::server::{SERVE, Server, serve};
use support::{Failure, number, say};

const CASES: [Case; 3] = [
    Case::new("sync", 2000, Duration::from_millis(50), 256 << 10),
    Case::new("async", 320, Duration::from_secs(2), 256 << 10),
    Case::new("sync", 256, Duration::from_millis(50), 2 << 20),
];

const ROUNDS: usize = 3;

/// Kept free of anything a shell or a terminal could make of it.
const BARE: &str = "--bare-loop-of-the-benchmark";

#[derive(Clone, Copy)]
struct Case {
    delivery: &'static str,
    tasks: u32,
    in_flight: u32,
    latency: Duration,
    picture: usize,
}

impl Case {
    const fn new(delivery: &'static str, tasks: u32, latency: Duration, picture: usize) -> Self {
        Self {
            delivery,
            tasks,
            in_flight: 64,
            latency,
            picture,
        }
    }

    /// What the model alone takes.
    fn ideal(&self) -> Duration {
        self.latency * self.tasks.div_ceil(self.in_flight)
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        [SERVE, latency, picture] => serve(latency, picture),
        [BARE, endpoint, delivery, tasks, in_flight, folder] => {
            bare(endpoint, delivery, tasks, in_flight, folder)
        }
        _ if words.contains(&"--bench") => measure_all(&words),
        _ => Ok(()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(std::io::stderr(), &format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

// Measuring

fn measure_all(words: &[&str]) -> Result<(), Failure> {
    let rounds = number(words, "--rounds", ROUNDS)?;
    let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    for case in CASES {
        say(std::io::stdout(), &case_line(&case, rounds));
        let (mut bare, mut reshoot) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            // The disk is slower for whoever comes second.
            if round % 2 == 0 {
                bare.push(run_case(&case, root.path(), bare_loop)?);
                reshoot.push(run_case(&case, root.path(), reshoot_run)?);
            } else {
                reshoot.push(run_case(&case, root.path(), reshoot_run)?);
                bare.push(run_case(&case, root.path(), bare_loop)?);
            }
        }
        let (bare, reshoot) = (Cost::median(&bare), Cost::median(&reshoot));
        say(std::io::stdout(), &line(&bare, "bare loop", &case));
        let ratios = format!(
            "   over the bare loop: wall {:.3}, cpu {:.2}",
            reshoot.wall / bare.wall,
            reshoot.cpu / bare.cpu,
        );
        say(
            std::io::stdout(),
            &(line(&reshoot, "reshoot", &case) + &ratios),
        );
    }
    Ok(())
}

fn case_line(case: &Case, rounds: usize) -> String {
    format!(
        "{} N={} C={} latency {} ms, images of {} KiB, median of {rounds}",
        case.delivery,
        case.tasks,
        case.in_flight,
        case.latency.as_millis(),
        case.picture >> 10,
    )
}

/// Tells what a client took, beside what the model alone would take.
fn line(cost: &Cost, name: &str, case: &Case) -> String {
    format!(
        "  {name:<9}  wall {:>6.3} s = {:.3} x ideal   cpu/1000 {:.3} s   peak {:.1} MiB",
        cost.wall,
        cost.wall / case.ideal().as_secs_f64(),
        cost.cpu * 1000.0 / f64::from(case.tasks),
        cost.peak_mib,
    )
}

/// Runs a client once, with a server and a folder of its own, and checks that it did its work.
fn run_case(
    case: &Case,
    root: &Path,
    client: fn(&Case, &str, &Path) -> Result<Command, Failure>,
) -> Result<Cost, Failure> {
    // Kept until the whole benchmark ends, below `root`: ext4 passes over inodes that were freed
    // moments ago one by one, so that deleting one case's images would slow down the next case.
    let folder = tempfile::tempdir_in(root)?.keep();
    let server = Server::start(case.latency, case.picture)?;
    let mut client = client(case, &server.endpoint, &folder)?;
    let said = folder.join("said.txt");
    client.stdin(Stdio::null()).stdout(Stdio::null());
    client.stderr(fs::File::create(&said)?);
    let cost = measure(&mut client).map_err(|error| {
        let said = fs::read_to_string(&said).unwrap_or_default();
        format!("{error}\n{said}")
    })?;
    let saved = images(&folder, case.picture)?;
    if saved != usize::try_from(case.tasks)? {
        return Err(format!("{saved} of {} images were saved whole", case.tasks).into());
    }
    Ok(cost)
}

/// Counts the images of a size in a folder and those below it.
fn images(folder: &Path, size: usize) -> Result<usize, Failure> {
    let mut found = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            found += images(&path, size)?;
        } else if path.extension().is_some_and(|end| end == "jpg") {
            let whole = entry.metadata()?.len() == u64::try_from(size)?;
            found += usize::from(whole);
        }
    }
    Ok(found)
}

// The clients

fn reshoot_run(case: &Case, endpoint: &str, folder: &Path) -> Result<Command, Failure> {
    let list = folder.join("shots.csv");
    let mut rows = String::from("id,prompt\n");
    for n in 0..case.tasks {
        writeln!(rows, "shot-{n:05},A harbour at dawn; frame {n} of the reel")?;
    }
    fs::write(&list, rows)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_reshoot"));
    command
        .arg("run")
        .arg(list)
        .arg("--out")
        .arg(folder.join("out"))
        .args(["--yes", "--set", "size=1024x1024", "--set"])
        .arg(format!("delivery={}", case.delivery))
        .args(["-j", &case.in_flight.to_string(), "--endpoint", endpoint])
        .env("RUNWARE_API_KEY", "bench")
        .env_remove("RUNWARE_API_URL");
    Ok(command)
}

fn bare_loop(case: &Case, endpoint: &str, folder: &Path) -> Result<Command, Failure> {
    let images = folder.join("images");
    fs::create_dir(&images)?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args([BARE, endpoint, case.delivery])
        .args([case.tasks.to_string(), case.in_flight.to_string()])
        .arg(images);
    Ok(command)
}

fn bare(
    endpoint: &str,
    delivery: &str,
    tasks: &str,
    in_flight: &str,
    folder: &str,
) -> Result<(), Failure> {
    let tasks: u32 = tasks.parse()?;
    let loop_ = Arc::new(Bare {
        http: client()?,
        endpoint: endpoint.to_owned(),
        delivery: delivery.to_owned(),
        folder: folder.into(),
        slots: Arc::new(Semaphore::new(in_flight.parse()?)),
        hands: Arc::new(Semaphore::new(4)),
    });
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let mut under_way = JoinSet::new();
        for n in 0..tasks {
            let slot = Arc::clone(&loop_.slots).acquire_owned().await?;
            let loop_ = Arc::clone(&loop_);
            under_way.spawn(async move {
                let url = loop_.buy(n).await?;
                drop(slot);
                loop_.keep(&url, n).await
            });
        }
        while let Some(kept) = under_way.join_next().await {
            kept??;
        }
        Ok(())
    })
}

fn client() -> Result<reqwest::Client, Failure> {
    // An error means that a choice was made before.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let plain = reqwest::Client::builder().no_proxy().tls_certs_only([]);
    Ok(plain.http1_only().tcp_nodelay(true).build()?)
}

/// The least that a client can do.
struct Bare {
    http: reqwest::Client,
    endpoint: String,
    delivery: String,
    folder: PathBuf,
    slots: Arc<Semaphore>,
    /// As many threads as `reshoot` lets sync at a time.
    hands: Arc<Semaphore>,
}

impl Bare {
    /// Sends a task and gives the address of its image.
    async fn buy(&self, n: u32) -> Result<String, Failure> {
        let task = uuid::Uuid::new_v4().to_string();
        let request = json!([{
            "taskType": "imageInference", "taskUUID": task, "model": "klingai:kling-image@o1",
            "positivePrompt": format!("A harbour at dawn; frame {n} of the reel"),
            "width": 1024, "height": 1024, "numberResults": 1, "outputType": "URL",
            "outputFormat": "JPG", "outputQuality": 95, "deliveryMethod": self.delivery,
            "includeCost": true,
        }]);
        let mut reply = self.post(&request).await?;
        let question = json!([{"taskType": "getResponse", "taskUUID": task}]);
        loop {
            if let Some(url) = reply["data"][0]["imageURL"].as_str() {
                return Ok(url.to_owned());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            reply = self.post(&question).await?;
        }
    }

    async fn post(&self, body: &Value) -> Result<Value, Failure> {
        let request = self.http.post(&self.endpoint);
        let request = request
            .bearer_auth("bench")
            .header("content-type", "application/json")
            .body(body.to_string());
        let reply = request.send().await?.error_for_status()?;
        Ok(serde_json::from_slice(&reply.bytes().await?)?)
    }

    /// Fetches an image and keeps it as safely as `reshoot` does, in a folder of its own shot:
    /// hashed as it comes in, synced, named, and its folder and the one above synced.
    async fn keep(&self, url: &str, n: u32) -> Result<(), Failure> {
        let mut reply = self.http.get(url).send().await?.error_for_status()?;
        let shot = self.folder.join(format!("{n:04}"));
        fs::create_dir(&shot)?;
        let part = shot.join("image.part");
        let mut file = fs::File::create(&part)?;
        let mut digest = Sha256::new();
        while let Some(bytes) = reply.chunk().await? {
            digest.update(&bytes);
            file.write_all(&bytes)?;
        }
        let hand = Arc::clone(&self.hands).acquire_owned().await?;
        let above = self.folder.clone();
        let kept = tokio::task::spawn_blocking(move || {
            file.sync_all()?;
            fs::rename(&part, shot.join("image.jpg"))?;
            fs::File::open(&shot)?.sync_all()?;
            fs::File::open(&above)?.sync_all()?;
            drop(hand);
            Ok::<_, std::io::Error>(())
        });
        kept.await??;
        std::hint::black_box(digest.finalize());
        Ok(())
    }
}

//! What every test stands on: a show in a folder of its own, the real program, a real server.

pub(crate) mod hostile;
pub(crate) mod watched;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The program.
pub(crate) const RESHOOT: &str = env!("CARGO_BIN_EXE_reshoot");

/// A show in a folder that is gone after the test.
pub(crate) struct Show {
    folder: TempDir,
}

/// How the program ended and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Show {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// A show of plain shots: a TOML manifest with settings, and a CSV with that many rows.
    pub(crate) fn of(shots: usize, settings: &str) -> Self {
        let show = Self::new();
        let manifest = format!(
            "manifest = 1\n[show]\nid = \"8f14e45f-ceea-467f-a9b1-0d3c2b5a7e10\"\ncode = \"T\"\n\
             shots = [\"shots.csv\"]\n[run]\nquiet_s = 1\n{settings}\n"
        );
        show.write("show.toml", &manifest);
        let rows = (1..=shots).map(|n| format!("{n:04},a small boat number {n} at sea\n"));
        show.write(
            "shots.csv",
            &format!("id,prompt\n{}", rows.collect::<String>()),
        );
        show
    }

    /// A show that the repository ships, copied.
    pub(crate) fn shipped(name: &str) -> Self {
        let show = Self::new();
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("manifests")
            .join(name);
        copy(&from, show.path());
        show
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    /// A command with a bare environment and a home of its own.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.wrapped(&[], args)
    }

    /// The same below another program, such as a tracer.
    pub(crate) fn wrapped(&self, wrapper: &[&str], args: &[&str]) -> Command {
        let mut words = wrapper.to_vec();
        words.push(RESHOOT);
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .env("RUNWARE_API_KEY", "a-test-key")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn reshoot(&self, args: &[&str]) -> Said {
        Said::of(&mut self.command(args))
    }

    /// Runs against a server until the program ends by itself.
    pub(crate) fn run(&self, server: &Rehearsal, more: &[&str]) -> Said {
        let mut args = vec!["run", "--yes", "--endpoint", &server.endpoint];
        args.extend(more);
        self.reshoot(&args)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path().join("out/run-log.jsonl")
    }

    /// Every record of the run log.
    pub(crate) fn records(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.log()).expect("a run log");
        text.lines()
            .map(|line| serde_json::from_str(line).expect("a record"))
            .collect()
    }

    /// What `status` says, as JSON.
    pub(crate) fn status(&self) -> Value {
        let said = self.reshoot(&["status", "--json"]);
        said.exits(0);
        serde_json::from_str(&said.out).expect("json")
    }

    /// Runs until nothing is to be bought or waited for, at most so many times; gives how often.
    pub(crate) fn run_until_done(&self, server: &Rehearsal, more: &[&str], most: usize) -> usize {
        for runs in 1..=most {
            let said = self.run(server, more);
            assert!(!said.err.contains("panicked"), "{said:?}");
            let takes = self.status()["takes"].clone();
            if takes["pending"] == 0 {
                return runs;
            }
            assert!(said.code == Some(4) || said.code == Some(5), "{said:?}");
        }
        panic!("not done after {most} runs: {}", self.status()["takes"]);
    }

    /// Every record of a kind.
    pub(crate) fn of_kind(&self, kind: &str) -> Vec<Value> {
        let records = self.records().into_iter();
        records.filter(|record| record["kind"] == kind).collect()
    }

    /// How many images the log says are saved.
    pub(crate) fn saved(&self) -> usize {
        self.records()
            .iter()
            .filter(|record| record["kind"] == "saved")
            .count()
    }

    /// Every picture below the images folder.
    pub(crate) fn pictures(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(&self.path().join("out/images"), &mut found);
        found.retain(|path| path.extension().is_none_or(|extension| extension != "json"));
        found
    }

    /// Holds every promise against the server's own books.
    pub(crate) fn audit(&self, server: &Rehearsal, images: usize) {
        let stats = server.stats();
        let billed = stats["images_billed"].as_u64().expect("a count");
        assert_eq!(billed, images as u64, "billed: {stats}");
        assert_eq!(stats["duplicate_charges"], 0, "{stats}");
        assert_eq!(self.saved(), images, "takes in the log");
        assert_eq!(self.pictures().len(), images, "pictures on disk");
        let money: u64 = self
            .records()
            .iter()
            .filter_map(|r| r["cost_usd_micros"].as_u64())
            .sum();
        assert_eq!(Some(money), stats["billed_usd_micros"].as_u64(), "money");
        let sums = Command::new("sha256sum")
            .args(["-c", "--quiet", "SHA256SUMS"])
            .current_dir(self.path().join("out"))
            .output()
            .expect("sha256sum");
        assert!(
            sums.status.success(),
            "{}",
            String::from_utf8_lossy(&sums.stdout)
        );
        let listed = fs::read_to_string(self.path().join("out/SHA256SUMS")).expect("sums");
        assert_eq!(listed.lines().count(), images, "sums");
    }
}

impl Said {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().expect("the program starts");
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub(crate) fn exits(&self, code: i32) -> &Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.out,
            self.err
        );
        self
    }

    #[track_caller]
    pub(crate) fn says(&self, words: &str) -> &Self {
        let found = self.err.contains(words) || self.out.contains(words);
        assert!(
            found,
            "`{words}` not in\nstdout:\n{}\nstderr:\n{}",
            self.out, self.err
        );
        self
    }
}

/// A rehearsal server in a process of its own.
pub(crate) struct Rehearsal {
    child: Child,
    pub(crate) endpoint: String,
    books: TempDir,
}

impl Rehearsal {
    pub(crate) fn start(more: &[&str]) -> Self {
        let books = tempfile::tempdir().expect("a folder");
        let (child, endpoint) = Self::open(&books, more);
        Self {
            child,
            endpoint,
            books,
        }
    }

    /// Starts with a faults file of this text.
    pub(crate) fn with_faults(latency: &str, faults: &str) -> Self {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), faults).expect("a file");
        let path = file.path().to_str().expect("utf-8");
        Self::start(&["--latency", latency, "--faults", path])
    }

    /// Kills it, and after a while starts it again on the same books and at the same address.
    pub(crate) fn kill_and_restart(&mut self, after: std::time::Duration, more: &[&str]) {
        self.child.kill().expect("a kill");
        self.child.wait().expect("an end");
        std::thread::sleep(after);
        let port = self.endpoint.rsplit(':').next().expect("a port");
        let port = port.trim_end_matches("/v1").to_owned();
        let more = [more, &["--port", &port]].concat();
        let (child, endpoint) = Self::open(&self.books, &more);
        assert_eq!(endpoint, self.endpoint);
        self.child = child;
    }

    fn open(books: &TempDir, more: &[&str]) -> (Child, String) {
        let mut child = Command::new(RESHOOT)
            .args(["rehearse", "--folder"])
            .arg(books.path())
            .args(more)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the rehearsal starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out)
            .read_line(&mut line)
            .expect("its address");
        let endpoint = line.trim().to_owned();
        assert!(endpoint.starts_with("http://127.0.0.1:"), "{endpoint}");
        (child, endpoint)
    }

    pub(crate) fn stats(&self) -> Value {
        self.get("/rehearsal/stats")
    }

    /// Every task it took, with what it billed for it.
    pub(crate) fn tasks(&self) -> Vec<Value> {
        let tasks = self.get("/rehearsal/tasks")["tasks"].clone();
        tasks.as_array().expect("a list").clone()
    }

    fn get(&self, path: &str) -> Value {
        let address = self.endpoint.trim_start_matches("http://");
        let address = address.split('/').next().expect("an address");
        let mut stream = TcpStream::connect(address).expect("a connection");
        let ask = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(ask.as_bytes()).expect("a request");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a reply");
        let start = reply.find('{').expect("an object");
        let end = reply.rfind('}').expect("an object");
        serde_json::from_str(&reply[start..=end]).expect("json")
    }

    /// How many requests of any kind that a client sends were seen.
    pub(crate) fn requests(&self) -> u64 {
        let stats = self.stats();
        let kinds = stats["requests"].as_object().expect("kinds").clone();
        let ours = kinds.iter().filter(|(kind, _)| !kind.contains("stats"));
        ours.filter_map(|(_, count)| count.as_u64()).sum()
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        self.child.kill().expect("it can be ended");
        self.child.wait().expect("it ends");
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a copy");
        }
    }
}

/// Does many things, a few at a time.
pub(crate) fn side_by_side<T: Sync>(cases: &[T], work: impl Fn(&T) + Sync) {
    const AT_ONCE: usize = 8;
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) =
                    cases.get(next.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
                {
                    work(case);
                }
            });
        }
    });
}

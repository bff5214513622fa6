//! What the network and a hostile service can do: figures 7 to 10 and 18 to 20.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::hostile::{Answer, Asked, Hostile, Service, picture, picture_of};
use crate::support::watched::watched;
use crate::support::{Rehearsal, Said, Show, side_by_side};

/// The most memory that the program may ever have taken, in KiB.
const MOST_KIB: u64 = 64 * 1024;

fn run(show: &Show, endpoint: &str) -> Said {
    let mut command = show.command(&["run", "--yes", "--endpoint", endpoint]);
    let (said, kib) = watched(&mut command);
    assert!(!said.err.contains("panicked"), "{said:?}");
    assert!(kib > 0 && kib <= MOST_KIB, "{kib} KiB\n{said:?}");
    said
}

fn show(shots: usize) -> Show {
    Show::of(shots, "jobs = 3\nretries = 1\npatience_s = 20")
}

/// Everything is there, bought once, and nothing half done lies about.
fn whole(show: &Show, server: &Hostile, images: usize, name: &str) {
    assert_eq!(server.bought(), images, "{name}");
    assert_eq!(show.saved(), images, "{name}");
    let pictures = show.pictures();
    assert_eq!(pictures.len(), images, "{name}: {pictures:?}");
    for path in pictures {
        let bytes = fs::read(&path).expect("a picture");
        assert!(
            bytes.starts_with(b"\xff\xd8") && bytes.ends_with(b"\xff\xd9"),
            "{name}: {}",
            path.display()
        );
    }
    let fetches = server.of_kind("GET");
    let with_key = fetches
        .iter()
        .any(|asked| asked.head.contains("a-test-key"));
    assert!(!with_key, "{name}: the key went along to the images");
    let sends = server.of_kind("imageInference");
    let ids: std::collections::BTreeSet<_> = sends.iter().map(|asked| &asked.tasks[0]).collect();
    assert_eq!(ids.len(), images, "{name}: a second id was made");
}

/// Answers a question about tasks with what is made of each one's result.
fn polled(asked: &Asked, service: &Service, tell: impl Fn(Value) -> Vec<Value>) -> Answer {
    let known = service.known(asked).into_iter();
    let results: Vec<Value> = known.flat_map(|task| tell(service.result(task))).collect();
    Answer::Json(200, json!({ "data": results }))
}

/// Counts who calls at a place where nobody has to.
struct Trap {
    port: u16,
    calls: Arc<AtomicUsize>,
}

fn trap() -> Trap {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    std::thread::spawn(move || {
        for _call in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    Trap { port, calls }
}

#[test]
fn figure_7_no_address_in_an_answer_leads_anywhere_else() {
    let trap = trap();
    let port = trap.port;
    let addresses = [
        "file:///etc/passwd".to_owned(),
        "data:image/jpeg;base64,/9j/4AAQSkZJRg==".to_owned(),
        format!("http://127.0.0.1:{port}/a.jpg"),
        format!("http://localhost:{port}/a.jpg"),
        format!("http://[::1]:{port}/a.jpg"),
        format!("http://127.1:{port}/a.jpg"),
        format!("http://2130706433:{port}/a.jpg"),
        format!("https://127.0.0.1:{port}/a.jpg"),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "https://10.0.0.1/a.jpg".to_owned(),
        "https://evil.example/a.jpg".to_owned(),
        "ftp://127.0.0.1/a.jpg".to_owned(),
        "http://ORIGIN@127.0.0.1/a.jpg".to_owned(),
        "//evil.example/a.jpg".to_owned(),
        "not an address".to_owned(),
        format!("redirect to http://127.0.0.1:{port}/a.jpg"),
        "redirect to file:///etc/passwd".to_owned(),
        "redirect to https://evil.example/a.jpg".to_owned(),
        "redirect to http://169.254.169.254/".to_owned(),
        "redirect to itself".to_owned(),
    ];
    side_by_side(&addresses, |address| {
        let (show, sound) = (show(3), Arc::new(AtomicBool::new(false)));
        let (told, healed) = (address.clone(), Arc::clone(&sound));
        let server = Hostile::start(move |asked, service| {
            if healed.load(Ordering::SeqCst) {
                return Answer::Usual;
            }
            if let Some(to) = told.strip_prefix("redirect to ") {
                let place = if to == "itself" { &asked.path } else { to };
                let moved =
                    format!("HTTP/1.1 302 X\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n");
                return match asked.kind.as_str() {
                    "GET" => Answer::Pieces(vec![(Duration::ZERO, moved.into_bytes())]),
                    _ => Answer::Usual,
                };
            }
            if asked.kind == "getResponse" {
                return polled(asked, service, |mut result| {
                    result["imageURL"] = json!(told);
                    vec![result]
                });
            }
            Answer::Usual
        });
        let said = run(&show, &server.endpoint);
        assert_eq!(said.code, Some(5), "{address}\n{said:?}");
        assert_eq!(show.pictures().len(), 0, "{address}");
        assert_eq!(server.bought(), 3, "{address}");
        sound.store(true, Ordering::SeqCst);
        let said = run(&show, &server.endpoint);
        assert_eq!(said.code, Some(0), "{address}\n{said:?}");
        whole(&show, &server, 3, address);
    });
    assert_eq!(trap.calls.load(Ordering::SeqCst), 0, "somebody called");
}

/// Tricks that pass: the show is whole after one run.
type Passing = (&'static str, fn(&Asked, &Service) -> Answer);

const ANSWERS: &[Passing] = &[
    ("a redirect on the service's own host", |asked, service| {
        if asked.kind != "GET" || asked.path.contains("moved") {
            return Answer::Usual;
        }
        let place = format!("{}/moved{}", service.origin, asked.path);
        let moved = format!("HTTP/1.1 307 X\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n");
        Answer::Pieces(vec![(Duration::ZERO, moved.into_bytes())])
    }),
    (
        "each answer twice and out of order, strangers between",
        |asked, service| {
            if asked.kind != "getResponse" {
                return Answer::Usual;
            }
            let Answer::Json(_, mut body) = polled(asked, service, |result| {
                let mut stranger = result.clone();
                stranger["taskUUID"] = json!("0b8e6a54-3a52-4c7e-9d53-0a4be2c5d9d1");
                stranger["imageUUID"] = json!("7f3c0a54-3a52-4c7e-9d53-0a4be2c5d9d1");
                vec![result.clone(), stranger, result]
            }) else {
                return Answer::Usual;
            };
            if let Some(data) = body["data"].as_array_mut() {
                data.reverse();
            }
            Answer::Json(200, body)
        },
    ),
    (
        "the answer of a task nobody asked about",
        |asked, service| {
            let early = asked.kind == "getResponse" && service.nth(asked) < 6;
            if !early || service.known(asked).is_empty() {
                return Answer::Usual;
            }
            polled(asked, service, |mut result| {
                result["taskUUID"] = json!("0b8e6a54-3a52-4c7e-9d53-0a4be2c5d9d1");
                vec![result]
            })
        },
    ),
    ("an acknowledgement of another task", |asked, service| {
        if asked.kind == "imageInference" && service.nth(asked) == 2 {
            service.take(&asked.tasks[0]);
            let other = json!({ "taskType": "imageInference",
                "taskUUID": "0b8e6a54-3a52-4c7e-9d53-0a4be2c5d9d1" });
            return Answer::Json(200, json!({ "data": [other] }));
        }
        Answer::Usual
    }),
    ("a result before its acknowledgement", |asked, service| {
        if asked.kind == "imageInference" {
            service.take(&asked.tasks[0]);
            return polled(asked, service, |result| vec![result]);
        }
        Answer::Usual
    }),
];

#[test]
fn figure_7_answers_twice_out_of_order_or_of_others_change_nothing() {
    side_by_side(ANSWERS, |(name, trick)| {
        let (show, trick) = (show(3), *trick);
        let server = Hostile::start(trick);
        let said = run(&show, &server.endpoint);
        assert_eq!(said.code, Some(0), "{name}\n{said:?}");
        assert_eq!(show.of_kind("produced").len(), 3, "{name}");
        whole(&show, &server, 3, name);
    });
}

/// A body of a length that is told wrongly.
fn lying(told: usize, body: &[u8]) -> Answer {
    let mut bytes = format!("HTTP/1.1 200 X\r\nContent-Length: {told}\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    Answer::Pieces(vec![(Duration::ZERO, bytes)])
}

/// A PNG that says it is very large and holds nothing.
fn png_bomb() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR".to_vec();
    bytes.extend_from_slice(&60_000_u32.to_be_bytes());
    bytes.extend_from_slice(&60_000_u32.to_be_bytes());
    bytes.extend_from_slice(b"\x08\x02\x00\x00\x00\x00\x00\x00\x00");
    bytes.extend_from_slice(b"\x00\x00\x00\x00IEND\xae\x42\x60\x82");
    bytes
}

/// An answer by its name.
type Constant = (&'static str, fn() -> Answer);

/// What stands where an image should be.
const NO_IMAGES: &[Constant] = &[
    ("half an image", || {
        Answer::Body(200, "", picture()[..picture().len() / 2].to_vec())
    }),
    ("all but its end", || {
        Answer::Body(200, "", picture()[..picture().len() - 2].to_vec())
    }),
    ("a page", || {
        Answer::Body(
            200,
            "Content-Type: image/jpeg\r\n",
            b"<html>no</html>".to_vec(),
        )
    }),
    ("nothing", || {
        Answer::Body(200, "Content-Type: image/jpeg\r\n", Vec::new())
    }),
    ("text", || Answer::Body(200, "", b"sorry".repeat(40_000))),
    ("an animation of no known kind", || {
        Answer::Body(200, "", b"GIF89a".repeat(4_000))
    }),
    ("a head of 60000 x 60000", || {
        Answer::Body(200, "", png_bomb())
    }),
    ("more than was told", || {
        lying(picture().len() - 100, &picture())
    }),
    ("less than was told", || {
        lying(picture().len() + 100, &picture())
    }),
    ("65 MiB by its head", || lying(65 << 20, &picture())),
    ("no end", || {
        Answer::Endless([picture(), vec![0; 1 << 20]].concat())
    }),
    ("a packed image", || {
        Answer::Body(200, "Content-Encoding: gzip\r\n", picture())
    }),
    ("an error", || Answer::Body(500, "", b"no".to_vec())),
    ("part of it", || Answer::Body(206, "", picture())),
    ("no word", || Answer::Nothing),
];

#[test]
fn figures_7_and_8_what_is_no_whole_image_is_never_kept() {
    side_by_side(NO_IMAGES, |(name, answer)| {
        let (show, sound) = (show(3), Arc::new(AtomicBool::new(false)));
        let (healed, answer) = (Arc::clone(&sound), *answer);
        let server = Hostile::start(move |asked, _| match asked.kind.as_str() {
            "GET" if !healed.load(Ordering::SeqCst) => answer(),
            _ => Answer::Usual,
        });
        let said = run(&show, &server.endpoint);
        assert_eq!(said.code, Some(5), "{name}\n{said:?}");
        assert_eq!(show.pictures(), Vec::<std::path::PathBuf>::new(), "{name}");
        assert_eq!(show.status()["takes"]["under_way"], 3, "{name}");
        sound.store(true, Ordering::SeqCst);
        let said = run(&show, &server.endpoint);
        assert_eq!(said.code, Some(0), "{name}\n{said:?}");
        whole(&show, &server, 3, name);
    });
}

fn deep() -> Vec<u8> {
    [b"{\"data\":".to_vec(), vec![b'['; 200_000]].concat()
}

/// Text of 64 MB that is packed into some 64 KB.
fn gzip_bomb() -> Vec<u8> {
    use std::io::Write as _;
    let mut packer = Command::new("gzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip");
    let mut stdin = packer.stdin.take().expect("its input");
    let feeding = std::thread::spawn(move || {
        for _ in 0..64 {
            stdin.write_all(&vec![b' '; 1 << 20]).expect("it reads");
        }
    });
    let packed = packer.wait_with_output().expect("an end").stdout;
    feeding.join().expect("it was fed");
    packed
}

/// Replies of the API that are too much.
const TOO_MUCH: &[Constant] = &[
    ("no end", || Answer::Endless(vec![b' '; 1 << 20])),
    ("no end of words", || {
        Answer::Endless(b"{\"data\":[{\"taskUUID\":\"x\"},".repeat(10_000))
    }),
    ("64 MB", || {
        Answer::Body(
            200,
            "",
            [b"{\"data\":\"".to_vec(), vec![b'x'; 64 << 20]].concat(),
        )
    }),
    ("depth", || Answer::Body(200, "", deep())),
    ("depth below an error", || {
        Answer::Body(
            400,
            "",
            [b"{\"errors\":[{\"code\":".to_vec(), vec![b'['; 200_000]].concat(),
        )
    }),
    ("a bomb", || {
        Answer::Body(200, "Content-Encoding: gzip\r\n", gzip_bomb())
    }),
    ("a head without end", || {
        Answer::Pieces(vec![
            (Duration::ZERO, b"HTTP/1.1 200 OK\r\n".to_vec()),
            (
                Duration::ZERO,
                b"X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(100_000),
            ),
        ])
    }),
    ("many small things", || {
        let many = b"{\"taskUUID\":\"x\"},".repeat(300_000);
        Answer::Body(
            200,
            "",
            [b"{\"data\":[".to_vec(), many, b"{}]}".to_vec()].concat(),
        )
    }),
];

#[test]
fn figures_7_and_8_a_reply_that_is_too_much_is_dropped_within_64_mib() {
    for kind in ["imageInference", "getResponse", "getTaskDetails"] {
        side_by_side(TOO_MUCH, |(name, answer)| {
            let (show, answer) = (Show::of(3, "jobs = 3"), *answer);
            let struck = AtomicUsize::new(0);
            let server = Hostile::start(move |asked, service| {
                // Sends get no answer here until the archive was struck: only then is it asked.
                let send = asked.kind == "imageInference";
                if kind == "getTaskDetails" && send && service.nth(asked) == 1 {
                    return Answer::Nothing;
                }
                // A new log asks before it sends: that is not what is struck.
                let early = kind == "getResponse" && service.known(asked).is_empty();
                if asked.kind == kind && !early && struck.fetch_add(1, Ordering::SeqCst) < 2 {
                    if send {
                        service.take(&asked.tasks[0]);
                    }
                    return answer();
                }
                Answer::Usual
            });
            let said = run(&show, &server.endpoint);
            let name = format!("{kind}: {name}");
            assert_eq!(said.code, Some(0), "{name}\n{said:?}");
            whole(&show, &server, 3, &name);
        });
    }
}

#[test]
fn figure_8_large_images_leave_memory_small() {
    let show = Show::of(12, "jobs = 12");
    let large = Arc::new([picture_of(6000, 6000), vec![0; 0]].concat());
    let server = Hostile::start(move |asked, _| match asked.kind.as_str() {
        "GET" => Answer::Body(200, "", large.to_vec()),
        _ => Answer::Usual,
    });
    let said = run(&show, &server.endpoint);
    assert_eq!(said.code, Some(0), "{said:?}");
    whole(&show, &server, 12, "36 Mpx");
    // One that has more pixels than any image may have is not taken.
    let show = self::show(1);
    let server = Hostile::start(|asked, _| match asked.kind.as_str() {
        "GET" => Answer::Body(200, "", picture_of(6400, 6400)),
        _ => Answer::Usual,
    });
    let said = run(&show, &server.endpoint);
    assert_eq!(said.code, Some(5), "{said:?}");
}

#[test]
fn figure_9_a_byte_every_5_ms_works() {
    let show = show(2);
    let server = Hostile::start(|asked, _| match asked.kind.as_str() {
        "GET" => {
            let mut bytes = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
            bytes.extend_from_slice(&picture_of(64, 64));
            let drops = bytes
                .into_iter()
                .map(|byte| (Duration::from_millis(5), vec![byte]));
            Answer::Pieces(drops.collect())
        }
        _ => Answer::Dripping(Duration::from_millis(5)),
    });
    let said = run(&show, &server.endpoint);
    assert_eq!(said.code, Some(0), "{said:?}");
    whole(&show, &server, 2, "dripping");
}

#[test]
fn figure_9_8_s_of_silence_are_waited_out() {
    let show = show(3);
    let server = Hostile::start(|asked, service| {
        let first_image = asked.kind == "GET" && service.nth(asked) == 1;
        let first_answer = asked.kind != "GET" && service.nth(asked) == 2;
        if first_image || first_answer {
            return Answer::After(Duration::from_secs(8));
        }
        Answer::Usual
    });
    let began = Instant::now();
    let said = run(&show, &server.endpoint);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(
        began.elapsed() < Duration::from_secs(40),
        "{:?}",
        began.elapsed()
    );
    whole(&show, &server, 3, "silent");
}

#[test]
fn figure_10_retry_after_is_obeyed_in_both_spellings_and_counts_as_no_attempt() {
    // A date is counted from the reply's own, so that this machine's clock does not matter.
    const DATE: &str = "Date: Tue, 24 Nov 2026 16:28:16 GMT\r\n\
                        Retry-After: Tue, 24 Nov 2026 16:28:18 GMT\r\n";
    side_by_side(&["Retry-After: 2\r\n", DATE], |head| {
        let (show, head) = (show(1), *head);
        let busy = b"{\"errors\":[{\"code\":\"rateLimitExceeded\",\"message\":\"later\"}]}";
        let server = Hostile::start(move |asked, service| match asked.kind.as_str() {
            "imageInference" if service.nth(asked) == 1 => Answer::Body(429, head, busy.to_vec()),
            _ => Answer::Usual,
        });
        let said = run(&show, &server.endpoint);
        assert_eq!(said.code, Some(0), "{said:?}");
        let sends = server.of_kind("imageInference");
        let gap = sends[1].at - sends[0].at;
        assert!((2.0..4.0).contains(&gap.as_secs_f64()), "{gap:?}");
        whole(&show, &server, 1, head);
    });
}

#[test]
fn figure_10_a_storm_of_429_ends_with_every_take_saved_under_its_first_id() {
    let show = Show::of(24, "jobs = 8");
    let server = Rehearsal::start(&["--latency", "100ms", "--faults", "queue-depth=2"]);
    show.run(&server, &[]).exits(0);
    show.audit(&server, 24);
    assert_eq!(server.stats()["distinct_task_uuids"], 24);
    assert!(
        server.stats()["refusals"]["rateLimitExceeded"].as_u64() > Some(0),
        "no storm"
    );
}

/// Finds the library that fakes the clock, and says so loudly where it is missing.
fn fake_clock() -> Option<String> {
    let found = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
        .map(|machine| format!("/usr/lib/{machine}/faketime/libfaketime.so.1"));
    let found = found.into_iter().find(|path| fs::metadata(path).is_ok());
    if found.is_none() {
        eprintln!("SKIPPED: libfaketime is missing (Debian package faketime); no clock was set");
    }
    found
}

#[test]
fn figure_18_a_clock_set_back_or_forward_a_year_changes_nothing() {
    let Some(library) = fake_clock() else { return };
    side_by_side(&["-365d", "+365d"], |jump| {
        let show = Show::of(10, "jobs = 2");
        let faults = "drop-after-accept=0.2,rate-limit=0.2,seed=3,retry-after=1";
        let server = Rehearsal::start(&["--latency", "200ms", "--faults", faults]);
        show.write("clock", "+0");
        let mut command = show.command(&["run", "--yes", "--endpoint", &server.endpoint]);
        let run = command
            .env("LD_PRELOAD", &library)
            .env("FAKETIME_TIMESTAMP_FILE", show.path().join("clock"))
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a run");
        wait_until("two were billed", || {
            server.stats()["tasks_billed"].as_u64() >= Some(2)
        });
        show.write("clock", jump);
        let began = Instant::now();
        let output = run.wait_with_output().expect("an end");
        assert!(
            began.elapsed() < Duration::from_secs(40),
            "{jump}: {:?}",
            began.elapsed()
        );
        assert_eq!(output.status.code(), Some(0), "{jump}: {output:?}");
        show.audit(&server, 10);
        let years: std::collections::BTreeSet<String> = show
            .records()
            .iter()
            .filter_map(|record| Some(record["at"].as_str()?[..4].to_owned()))
            .collect();
        assert_eq!(years.len(), 2, "{jump}: the clock was not set");
        // The next run, by the true clock again, finds everything in order.
        show.run(&server, &[]).exits(0).says("Nothing to do");
    });
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "never: {what}");
        sleep(Duration::from_millis(10));
    }
}

fn signal(child: &Child, name: &str) {
    let told = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(told.expect("kill").success());
}

#[test]
fn figure_19_a_run_stopped_for_longer_than_the_quiet_time_asks_before_it_sends() {
    // The reply to the first send is lost; the run is stopped while it waits for it.
    side_by_side(&[true, false], |taken| {
        let (show, taken) = (Show::of(1, "jobs = 3"), *taken);
        let server = Hostile::start(move |asked, service| {
            if asked.kind == "imageInference" && service.nth(asked) == 1 {
                if taken {
                    service.take(&asked.tasks[0]);
                }
                sleep(Duration::from_millis(500));
                return Answer::Nothing;
            }
            Answer::Usual
        });
        let mut command = show.command(&["run", "--yes", "--endpoint", &server.endpoint]);
        let run = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a run");
        wait_until("it was sent", || {
            !server.of_kind("imageInference").is_empty()
        });
        signal(&run, "-STOP");
        sleep(Duration::from_millis(2500));
        signal(&run, "-CONT");
        let output = run.wait_with_output().expect("an end");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        whole(&show, &server, 1, "stopped");
        let sends = server.of_kind("imageInference");
        assert_eq!(sends.len(), if taken { 1 } else { 2 });
        if let [first, again] = sends.as_slice() {
            let archive = server.of_kind("getTaskDetails");
            let asked = archive
                .iter()
                .filter(|a| a.at > first.at && a.at < again.at);
            assert!(asked.count() > 0, "it was sent again unasked");
        }
    });
}

#[test]
fn figure_19_twelve_file_descriptors_lose_nothing() {
    let can = Command::new("prlimit").arg("--version").output();
    if !can.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: prlimit is missing (Debian package util-linux)");
        return;
    }
    for most in ["--nofile=8", "--nofile=12", "--nofile=16", "--nofile=20"] {
        let show = Show::of(12, "jobs = 8");
        let server = Rehearsal::start(&["--latency", "50ms"]);
        let args = ["run", "--yes", "--endpoint", &server.endpoint];
        let said = Said::of(&mut show.wrapped(&["prlimit", most], &args));
        assert!(!said.err.contains("panicked"), "{most}: {said:?}");
        show.run(&server, &[]).exits(0);
        show.audit(&server, 12);
    }
}

#[test]
fn figure_19_a_server_that_is_killed_comes_back_to_the_same_books() {
    side_by_side(&["async", "sync"], |delivery| {
        let show = Show::of(
            30,
            &format!(
                "jobs = 6\n[defaults]\npreset = \"p\"\n[presets.p]\ndelivery = \"{delivery}\"\n"
            ),
        );
        let mut server = Rehearsal::start(&["--latency", "250ms"]);
        let mut command = show.command(&["run", "--yes", "--endpoint", &server.endpoint]);
        let run = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a run");
        for billed in [2, 9, 16, 24] {
            wait_until("it goes on", || {
                server.stats()["tasks_billed"].as_u64() >= Some(billed)
            });
            server.kill_and_restart(Duration::from_millis(700), &["--latency", "250ms"]);
        }
        let output = run.wait_with_output().expect("an end");
        if output.status.code() == Some(5) {
            // A task cut off twice, when it was sent and when it was sent again, is for the next run.
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(said.contains("sent-again"), "{output:?}");
            show.run(&server, &[]).exits(0);
        } else {
            assert_eq!(output.status.code(), Some(0), "{output:?}");
        }
        show.audit(&server, 30);
        assert_eq!(server.stats()["distinct_task_uuids"], 30);
    });
}

#[test]
fn figure_20_what_cannot_be_reached_is_named_and_costs_nothing() {
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let cases = [
        (
            "https://nowhere.invalid/v1".to_owned(),
            5,
            "its address cannot be found (DNS)",
        ),
        (
            format!("http://127.0.0.1:{nobody}/v1"),
            5,
            "it refuses connections",
        ),
        (
            format!("https://127.0.0.1:{nobody}/v1"),
            5,
            "it refuses connections",
        ),
        (
            "http://api.runware.ai/v1".to_owned(),
            2,
            "must begin with https",
        ),
        (
            "http://192.168.0.1/v1".to_owned(),
            2,
            "must begin with https",
        ),
        (
            "http://127.0.0.1.nip.io/v1".to_owned(),
            2,
            "must begin with https",
        ),
        ("ftp://127.0.0.1/v1".to_owned(), 2, "must begin with https"),
    ];
    side_by_side(&cases, |(endpoint, code, cause)| {
        let show = show(2);
        let said = run(&show, endpoint);
        assert_eq!(said.code, Some(*code), "{endpoint}\n{said:?}");
        said.says(cause);
        assert_eq!(show.status()["money"]["show"]["spent_usd_micros"], 0);
        assert_eq!(show.status()["takes"]["unsure"], 0);
        // The same show, and a service that can be reached.
        let server = Rehearsal::start(&["--latency", "20ms"]);
        show.run(&server, &[]).exits(0);
        show.audit(&server, 2);
    });
}

#[test]
fn figure_20_a_certificate_that_nobody_vouches_for_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("utf-8").to_owned();
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args(["-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-keyout", &at("key.pem"), "-out", &at("cert.pem")])
        .output();
    if !made.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: openssl is missing; no certificate was refused");
        return;
    }
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let mut server = Command::new("openssl")
        .args(["s_server", "-quiet", "-www", "-accept", &port.to_string()])
        .args(["-key", &at("key.pem"), "-cert", &at("cert.pem")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl");
    wait_until("openssl listens", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    let show = show(1);
    let said = run(&show, &format!("https://127.0.0.1:{port}/v1"));
    server.kill().expect("a kill");
    server.wait().expect("an end");
    assert_eq!(said.code, Some(5), "{said:?}");
    said.says("no secure connection").says("certificate");
    assert_eq!(show.status()["money"]["show"]["spent_usd_micros"], 0);
}

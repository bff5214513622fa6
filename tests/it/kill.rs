//! SIGKILL at any moment: each image is paid once, none is lost.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::Duration;

use crate::support::{Rehearsal, Said, Show, side_by_side};

/// Kills a run at 30 moments, then lets it finish, and audits.
fn kill_thirty_times(settings: &str, latency: &str) {
    const IMAGES: usize = 200;
    let technical = format!("jobs = 16\n[defaults]\npreset = \"p\"\n[presets.p]\n{settings}\n");
    let show = Show::of(IMAGES, &technical);
    let server = Rehearsal::start(&["--latency", latency]);
    let args = ["run", "--yes", "--endpoint", &server.endpoint];
    let mut moment = 20_u64;
    for _ in 0..30 {
        let mut command = show.command(&args);
        let mut run = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a run");
        sleep(Duration::from_millis(moment));
        run.kill().expect("a kill");
        run.wait().expect("an end");
        moment = 20 + (moment * 7 + 13) % 300;
    }
    show.run(&server, &[]).exits(0);
    show.audit(&server, IMAGES);
    show.run(&server, &[]).exits(0).says("Nothing to do");
    show.audit(&server, IMAGES);
}

#[test]
fn sync_survives_thirty_kills() {
    kill_thirty_times("delivery = \"sync\"", "150ms");
}

#[test]
fn async_survives_thirty_kills() {
    kill_thirty_times("delivery = \"async\"", "150ms");
}

#[test]
fn base64_survives_thirty_kills() {
    kill_thirty_times("output = \"base64\"", "150ms");
}

/// Figure 11: whatever is in flight or unknown when a run is killed, no cap is passed.
#[test]
fn figure_11_bills_stay_under_every_cap_at_every_kill() {
    const CAP: u64 = 30 * 28_000;
    let show = Show::of(60, "jobs = 8\n[budget]\nshow = \"0.84\"\n");
    let server = Rehearsal::start(&["--latency", "150ms"]);
    let args = ["run", "--yes", "--endpoint", &server.endpoint];
    for moment in [40, 90, 130, 170, 210, 250, 300, 360, 420, 500] {
        let mut command = show.command(&args);
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut run = command.spawn().expect("a run");
        sleep(Duration::from_millis(moment));
        run.kill().expect("a kill");
        run.wait().expect("an end");
        let billed = server.stats()["billed_usd_micros"].as_u64();
        assert!(billed <= Some(CAP), "{billed:?} after {moment} ms");
    }
    show.run(&server, &[]).exits(6);
    show.audit(&server, 30);
    let billed = server.stats()["billed_usd_micros"].as_u64();
    assert_eq!(billed, Some(CAP));
}

/// Tells whether a process can be traced here, and says so loudly where not.
pub(crate) fn can_trace() -> bool {
    let tried = std::process::Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .status();
    let can = tried.is_ok_and(|status| status.success());
    if !can {
        eprintln!(
            "SKIPPED: strace is missing or may not trace here; kills at system calls were not tried"
        );
    }
    can
}

/// The calls that leave a trace on the disk or with the service.
const CALLS: [&str; 13] = [
    "write",
    "writev",
    "sendto",
    "recvfrom",
    "fdatasync",
    "fsync",
    "ftruncate",
    "renameat",
    "renameat2",
    "linkat",
    "mkdirat",
    "openat",
    "openat2",
];

/// A moment in a run: just before the n-th such call of a thread, of those to the log alone or of
/// all.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    call: String,
    of_log: bool,
    nth: usize,
}

/// Names a processor for a run that is to have only one: each its turn.
fn processor() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    (NEXT.fetch_add(1, Ordering::Relaxed) % all).to_string()
}

/// Wraps the program into a tracer that sees to something at one call.
fn tracer(show: &Show, moment: &Moment, what: &str) -> Vec<String> {
    let log = show.log().to_str().expect("utf-8").to_owned();
    let inject = format!("inject={}:{what}:when={}", moment.call, moment.nth);
    let processor = processor();
    let mut words = vec![
        "taskset",
        "-c",
        &processor,
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
    ];
    if moment.of_log {
        words.extend(["-P", &log]);
    }
    words.extend(["-e", &inject]);
    words.into_iter().map(str::to_owned).collect()
}

pub(crate) fn traced(show: &Show, server: &Rehearsal, moment: &Moment, signal: &str) -> Said {
    let wrapper = tracer(show, moment, &format!("signal={signal}"));
    let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    let args = ["run", "--yes", "--endpoint", &server.endpoint];
    let said = Said::of(&mut show.wrapped(&wrapper, &args));
    assert!(!said.err.contains("panicked"), "{moment:?}: {said:?}");
    said
}

/// A run of eight shots, one after the other on one processor: then each kind of step is done by
/// one thread, and the tracer, which counts by thread, can name nearly every one of them.
pub(crate) fn eight_shots(delivery: &str) -> (Show, Rehearsal) {
    let show = Show::of(
        8,
        &format!("jobs = 1\n[defaults]\npreset = \"p\"\n[presets.p]\ndelivery = \"{delivery}\"\n"),
    );
    (show, Rehearsal::start(&["--latency", "20ms"]))
}

/// Counts the calls of an undisturbed run and lists every moment there is.
pub(crate) fn moments(delivery: &str) -> Vec<Moment> {
    let mut found = Vec::new();
    for of_log in [false, true] {
        let (show, server) = eight_shots(delivery);
        let (trace, log) = (show.path().join("trace"), show.log());
        let (trace, log) = (trace.to_str().expect("utf-8"), log.to_str().expect("utf-8"));
        let calls = format!("trace={}", CALLS.join(","));
        let mut words = vec![
            "taskset", "-c", "0", "strace", "-f", "-qq", "-o", trace, "-e", &calls,
        ];
        if of_log {
            words.extend(["-P", log]);
        }
        let args = ["run", "--yes", "--endpoint", &server.endpoint];
        Said::of(&mut show.wrapped(&words, &args)).exits(0);
        let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
        for line in fs::read_to_string(trace).expect("a trace").lines() {
            let mut parts = line.split_whitespace();
            let thread = parts.next().unwrap_or_default().to_owned();
            let call = parts.next().and_then(|word| word.split_once('('));
            if let Some((call, _)) = call {
                *counts.entry((call.to_owned(), thread)).or_default() += 1;
            }
        }
        let mut most: BTreeMap<String, usize> = BTreeMap::new();
        for ((call, _), count) in counts {
            let known = most.entry(call).or_default();
            *known = (*known).max(count);
        }
        let listed = most.into_iter().flat_map(|(call, most)| {
            (1..=most).map(move |nth| Moment {
                call: call.clone(),
                of_log,
                nth,
            })
        });
        found.extend(listed);
    }
    found
}

/// Every picture that has its final name is whole.
pub(crate) fn nothing_torn(show: &Show) {
    for path in show.pictures() {
        if path.extension().is_some_and(|extension| extension == "jpg") {
            let bytes = fs::read(&path).expect("a picture");
            assert!(bytes.ends_with(b"\xff\xd9"), "{} is torn", path.display());
        }
    }
}

/// Breaks a run off at a moment, breaks off the run that goes on at another one, and audits.
fn broken_off_twice(delivery: &str, first: &Moment, again: &Moment, signal: &str) -> usize {
    let (show, server) = eight_shots(delivery);
    let mut broken = 0;
    for moment in [first, again] {
        let said = traced(&show, &server, moment, signal);
        broken += usize::from(said.code != Some(0));
        nothing_torn(&show);
    }
    let mut restarts = 0;
    while show.run(&server, &[]).code != Some(0) {
        restarts += 1;
        assert!(
            restarts < 2,
            "{first:?}, {again:?}: not done after {restarts} restarts"
        );
    }
    show.audit(&server, 8);
    show.run(&server, &[]).exits(0).says("Nothing to do");
    broken
}

/// Breaks off at every moment there is, and at another one in the recovery.
fn break_off_everywhere(delivery: &str, signal: &str, each: usize) {
    if !can_trace() {
        return;
    }
    let moments = moments(delivery);
    // In the recovery every kind of call has its turn, most of them early: that run is shorter.
    let pairs: Vec<(&Moment, Moment)> = moments
        .iter()
        .enumerate()
        .step_by(each)
        .map(|(place, first)| {
            let mut again = moments[(place * 7 + 3) % moments.len()].clone();
            again.nth = 1 + (again.nth + place) % 12;
            (first, again)
        })
        .collect();
    let broken = AtomicUsize::new(0);
    side_by_side(&pairs, |(first, again)| {
        let count = broken_off_twice(delivery, first, again, signal);
        broken.fetch_add(count, Ordering::SeqCst);
    });
    let (tried, broken) = (pairs.len(), broken.into_inner());
    eprintln!(
        "{delivery}: {tried} of {} moments tried with SIG{signal}, each with another one in the recovery; {broken} runs broken off",
        moments.len()
    );
    assert!(
        tried * each >= 150 && broken >= tried,
        "{tried} tried, {broken} broken off"
    );
}

/// Figure 1: killed before the steps that leave a trace, and again in the recovery. Every second
/// step is the first to be struck, others are struck in the recoveries;
/// `RESHOOT_EVERY_STEP=1` strikes every one first.
#[test]
fn figure_1_a_kill_at_any_step_and_again_in_recovery_loses_and_repeats_nothing() {
    let every = std::env::var_os("RESHOOT_EVERY_STEP").is_some();
    break_off_everywhere("async", "KILL", if every { 1 } else { 2 });
}

/// Figure 1: the same where tasks are waited for.
#[test]
fn figure_1_a_kill_at_any_step_of_waiting_loses_and_repeats_nothing() {
    break_off_everywhere("sync", "KILL", 5);
}

/// Figure 1: interrupted at the same steps.
#[test]
fn figure_1_an_interrupt_at_any_step_loses_and_repeats_nothing() {
    break_off_everywhere("async", "INT", 7);
}

/// Figure 3: a log that cannot be synced stops all buying, and the next run repairs.
#[test]
fn figure_3_a_failed_sync_of_the_log_stops_all_buying() {
    if !can_trace() {
        return;
    }
    for nth in [1, 2, 3, 4, 6, 9] {
        let show = Show::of(12, "jobs = 3");
        let server = Rehearsal::start(&["--latency", "30ms"]);
        let inject = format!("inject=fdatasync:error=EIO:when={nth}");
        let wrapper = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject];
        let args = ["run", "--yes", "--endpoint", &server.endpoint];
        let first = Said::of(&mut show.wrapped(&wrapper, &args));
        assert_ne!(first.code, Some(0), "{nth}: {first:?}");
        assert!(!first.err.contains("panicked"), "{first:?}");
        assert!(
            first.err.contains("run-log.jsonl") || first.out.contains("run-log.jsonl"),
            "{first:?}"
        );
        show.run(&server, &[]).exits(0);
        show.audit(&server, 12);
    }
}

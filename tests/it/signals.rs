//! Told to stop: once to begin nothing new, twice to leave at once; the same command goes on.

use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{Rehearsal, Show};

fn begin(show: &Show, server: &Rehearsal, more: &[&str]) -> Child {
    let mut args = vec!["run", "--yes", "--endpoint", &server.endpoint];
    args.extend(more);
    show.command(&args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a run")
}

fn signal(run: &Child, name: &str) {
    let told = std::process::Command::new("kill")
        .args([&format!("-{name}"), &run.id().to_string()])
        .status();
    assert!(told.expect("kill").success());
}

fn wait_for(server: &Rehearsal, what: &str, count: u64) {
    let began = Instant::now();
    while server.stats()[what].as_u64().unwrap_or(0) < count {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{}",
            server.stats()
        );
        sleep(Duration::from_millis(20));
    }
}

fn billed(server: &Rehearsal) -> u64 {
    server.stats()["images_billed"].as_u64().expect("a count")
}

/// Told once, a run saves what is in flight, begins nothing new, and says which signal it was.
fn drains(name: &str, code: i32) {
    let show = Show::of(12, "jobs = 2");
    let server = Rehearsal::start(&["--latency", "500ms"]);
    let run = begin(&show, &server, &[]);
    wait_for(&server, "tasks_accepted", 2);
    signal(&run, name);
    let output = run.wait_with_output().expect("an end");
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let billed = billed(&server);
    assert!((2..12).contains(&billed), "{billed} billed");
    assert_eq!(show.saved() as u64, billed, "what was in flight is saved");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains("in flight"),
        "what is waited for is told at once: {told}"
    );
    let ended = show.records().pop().expect("a record");
    assert_eq!(ended["kind"], "run_ended");
    assert_eq!(ended["reason"], "terminated");
    show.run(&server, &[]).exits(0);
    show.audit(&server, 12);
}

#[test]
fn sigterm_drains() {
    drains("TERM", 143);
}

#[test]
fn sighup_drains() {
    drains("HUP", 143);
}

#[test]
fn a_terminal_that_went_away_is_no_reason_to_lose_anything() {
    let show = Show::of(8, "jobs = 2");
    let server = Rehearsal::start(&["--latency", "500ms"]);
    let mut run = begin(&show, &server, &[]);
    wait_for(&server, "tasks_accepted", 2);
    // Nobody reads any more, and then the terminal's signal comes.
    drop((run.stdout.take(), run.stderr.take()));
    signal(&run, "HUP");
    let ended = run.wait().expect("an end");
    assert!(
        ended.code().is_some(),
        "it was ended by a signal: {ended:?}"
    );
    assert_eq!(
        show.saved() as u64,
        billed(&server),
        "what was in flight is saved"
    );
    show.run(&server, &[]).exits(0);
    show.audit(&server, 8);
}

/// Told twice, a run leaves at once; what was in flight is taken up by the next one.
fn leaves(first: &str, second: &str, code: i32) {
    let show = Show::of(6, "jobs = 3");
    let server = Rehearsal::start(&["--latency", "4s"]);
    let run = begin(&show, &server, &[]);
    wait_for(&server, "tasks_accepted", 3);
    signal(&run, first);
    sleep(Duration::from_millis(200));
    let told = Instant::now();
    signal(&run, second);
    let output = run.wait_with_output().expect("an end");
    assert!(
        told.elapsed() < Duration::from_secs(2),
        "{:?}",
        told.elapsed()
    );
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert_eq!(show.saved(), 0);
    assert_eq!(billed(&server), 3);
    show.reshoot(&["status"]).exits(0).says("3 under way");
    show.run(&server, &[]).exits(0);
    show.audit(&server, 6);
}

#[test]
fn a_second_signal_leaves_at_once() {
    leaves("TERM", "TERM", 143);
}

#[test]
fn a_second_signal_of_another_kind_leaves_at_once() {
    leaves("HUP", "INT", 130);
}

/// Gives a time zone in which a minute begins that many seconds from now, and its wall time then.
fn zone_near_a_minute(seconds: i64) -> (String, String) {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a time");
    let now = i64::try_from(now.as_secs()).expect("a time");
    // West of Greenwich by that many seconds, as POSIX counts.
    let west = (now + seconds) % 60;
    let then = now + seconds - west;
    let minutes = then / 60 % 1440;
    let clock = format!("{:02}:{:02}", minutes / 60, minutes % 60);
    (format!("TST0:00:{west:02}"), clock)
}

/// Runs with an `--until` so many seconds from now.
fn run_until(show: &Show, server: &Rehearsal, seconds: i64) -> std::process::Output {
    let (zone, clock) = zone_near_a_minute(seconds);
    let args = [
        "run",
        "--yes",
        "--endpoint",
        &server.endpoint,
        "--until",
        &clock,
    ];
    let mut command = show.command(&args);
    command.env("TZ", &zone).output().expect("a run")
}

#[test]
fn until_begins_nothing_new_and_exits_6_with_takes_left() {
    let show = Show::of(40, "jobs = 2");
    let server = Rehearsal::start(&["--latency", "300ms"]);
    let output = run_until(&show, &server, 3);
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    let billed = billed(&server);
    assert!((2..40).contains(&billed), "{billed} billed");
    assert_eq!(show.saved() as u64, billed, "what was in flight is saved");
    let ended = show.records().pop().expect("a record");
    assert_eq!(ended["reason"], "until");
    show.run(&server, &["-j", "16"]).exits(0);
    show.audit(&server, 40);
}

#[test]
fn until_on_a_run_that_is_done_in_time_changes_nothing() {
    let show = Show::of(2, "");
    let server = Rehearsal::start(&["--latency", "20ms"]);
    let output = run_until(&show, &server, 40);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    show.audit(&server, 2);
}

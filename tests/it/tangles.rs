//! Tangled histories, each of which once broke a promise.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{Rehearsal, Show};

const QUICK: &str = "20ms";

fn begun(show: &Show, server: &Rehearsal, more: &[&str]) -> Child {
    let mut args = vec!["run", "--yes", "--endpoint", &server.endpoint];
    args.extend(more);
    let mut command = show.command(&args);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("a run")
}

fn interrupt(run: &Child) {
    let sent = Command::new("kill")
        .args(["-INT", &run.id().to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
}

/// Waits until something is so, or fails.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < Duration::from_secs(20), "never: {what}");
        sleep(Duration::from_millis(20));
    }
}

fn records_of(show: &Show, kind: &str) -> usize {
    let log = fs::read_to_string(show.log()).unwrap_or_default();
    log.matches(&format!("\"kind\":\"{kind}\"")).count()
}

#[test]
fn figure_15_a_lost_log_is_made_good_by_the_archive_where_the_queue_forgot() {
    let show = Show::of(4, "");
    let faults = "poll-keeps=1s,conflict-memory=in-flight-only";
    let server = Rehearsal::start(&["--latency", QUICK, "--faults", faults]);
    show.run(&server, &[]).exits(0);
    fs::remove_file(show.log()).expect("removed");
    sleep(Duration::from_secs(2));
    show.run(&server, &[]).exits(0);
    show.audit(&server, 4);
}

/// Attempts that were refused are forgotten by the provider; the one after them was bought.
#[test]
fn figure_15_a_lost_log_is_made_good_behind_attempts_that_were_refused() {
    let show = Show::of(3, "jobs = 1");
    let faults =
        "[[at]]\ntask = 1\nfault = \"no-credit\"\n[[at]]\ntask = 2\nfault = \"no-credit\"\n";
    let server = Rehearsal::with_faults(QUICK, faults);
    show.run(&server, &[]).exits(4);
    show.run(&server, &[]).exits(4);
    show.run(&server, &[]).exits(0);
    show.audit(&server, 3);
    for all in [false, true] {
        if all {
            fs::remove_dir_all(show.path().join("out")).expect("removed");
        } else {
            fs::remove_file(show.log()).expect("removed");
        }
        show.run(&server, &[]).exits(0);
        show.audit(&server, 3);
    }
}

#[test]
fn figure_15_without_log_and_show_id_a_folder_with_images_is_refused() {
    let show = Show::new();
    show.write("show.csv", "prompt\nA red lighthouse in rain\n");
    let server = Rehearsal::start(&["--latency", QUICK]);
    let args = [
        "run",
        "show.csv",
        "--out",
        "out",
        "--yes",
        "--endpoint",
        &server.endpoint,
    ];
    show.reshoot(&args).exits(0);
    fs::remove_file(show.log()).expect("removed");
    let before = server.requests();
    show.reshoot(&args).exits(8).says("run-log.jsonl is gone");
    assert_eq!(server.requests(), before);
    assert!(!show.log().exists());
}

#[test]
fn a_missing_file_does_not_hide_a_sibling_that_was_never_fetched() {
    let settings = "[defaults]\npreset = \"p\"\ntakes = 2\n[presets.p]\nresults_per_task = 2\n";
    let show = Show::of(1, settings);
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &[]).exits(0);
    let log = fs::read_to_string(show.log()).expect("a log");
    let mut kept = String::new();
    for line in log.lines() {
        kept.push_str(line);
        kept.push('\n');
        if line.contains("\"kind\":\"saved\"") {
            break;
        }
    }
    fs::write(show.log(), kept).expect("written");
    for picture in show.pictures() {
        fs::remove_file(picture).expect("removed");
    }
    show.run(&server, &[]).exits(0);
    assert_eq!(show.pictures().len(), 2);
    assert_eq!(server.stats()["images_billed"], 2);
}

#[test]
fn figure_11_a_resend_stays_under_the_cap() {
    let show = Show::of(1, "");
    let deaf = Rehearsal::start(&["--faults", "drop-before-accept=1"]);
    let mut run = begun(&show, &deaf, &[]);
    until("an intent", || records_of(&show, "intent") > 0);
    interrupt(&run);
    run.wait().expect("an end");
    assert_eq!(records_of(&show, "run_ended"), 1);
    let server = Rehearsal::start(&["--latency", QUICK]);
    sleep(Duration::from_millis(1100));
    let said = show.run(&server, &["--max-cost", "0.001"]);
    said.exits(5).says("it is not sent again now");
    said.says("sent again, for $0.028 at the most");
    assert_eq!(server.stats()["images_billed"], 0);
    show.run(&server, &[]).exits(0);
    show.audit(&server, 1);
}

#[test]
fn a_run_told_to_stop_does_not_wait_for_a_server_that_died() {
    let show = Show::of(
        2,
        "[defaults]\npreset = \"p\"\n[presets.p]\ndelivery = \"async\"\n",
    );
    let server = Rehearsal::start(&["--latency", "60s"]);
    let mut run = begun(&show, &server, &[]);
    until("both accepted", || records_of(&show, "accepted") == 2);
    drop(server);
    sleep(Duration::from_millis(500));
    interrupt(&run);
    let began = Instant::now();
    until("the end of the run", || {
        run.try_wait().expect("its state").is_some()
    });
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!(run.wait().expect("an end").code(), Some(130));
}

#[test]
fn a_failure_whose_retry_no_cap_allows_is_told() {
    let show = Show::of(1, "");
    let server = Rehearsal::start(&["--latency", QUICK, "--faults", "failed=1"]);
    let said = show.run(&server, &["--max-cost", "0.03"]);
    said.exits(5).says("ended without an image");
}

#[test]
fn takes_that_lack_keep_the_exit_code_at_5_whatever_else_is_bought() {
    let show = Show::of(1, "");
    let strict = Rehearsal::start(&["--latency", QUICK, "--faults", "moderated=1"]);
    show.run(&strict, &[]).exits(5);
    let server = Rehearsal::start(&["--latency", QUICK]);
    let rows = "id,prompt\n0001,a small boat number 1 at sea\n0002,a small boat at night\n";
    show.write("shots.csv", rows);
    show.run(&server, &[]).exits(5);
    assert_eq!(show.saved(), 1);
    // What was made in the end bars nothing any more.
    show.run(&server, &["--retry-refused"]).exits(0);
    show.write(
        "shots.csv",
        &rows
            .replace("prompt\n", "prompt,takes\n")
            .replace('\n', ",2\n")
            .replacen("takes,2", "takes", 1),
    );
    show.run(&server, &[]).exits(0);
    assert_eq!(show.saved(), 4);
}

#[test]
fn a_run_of_other_shots_leaves_an_open_task_open() {
    let show = Show::of(2, "");
    let deaf = Rehearsal::start(&["--faults", "drop-before-accept=1"]);
    let mut run = begun(&show, &deaf, &["--shot", "0001"]);
    until("an intent", || records_of(&show, "intent") > 0);
    run.kill().expect("a kill");
    run.wait().expect("an end");
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &["--shot", "0002"]).exits(5);
    assert_eq!(records_of(&show, "unsure"), 0);
    show.run(&server, &[]).exits(0);
    show.audit(&server, 2);
}

#[test]
fn an_address_of_a_service_that_moved_is_asked_for_anew() {
    let show = Show::of(2, "");
    let args = ["run", "--rehearse", "--latency", QUICK];
    show.reshoot(&args).exits(0);
    let log = show.path().join("out-rehearsal/run-log.jsonl");
    let text = fs::read_to_string(&log).expect("a log");
    let mut kept = String::new();
    for line in text.lines() {
        if line.contains("\"kind\":\"saved\"") {
            break;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    assert!(kept.contains("\"kind\":\"produced\""));
    fs::write(&log, kept).expect("written");
    fs::remove_dir_all(show.path().join("out-rehearsal/images")).expect("removed");
    show.reshoot(&args).exits(0).says("0 images to buy");
}

#[test]
fn a_selection_that_no_shot_matches_is_a_mistake() {
    let show = Show::of(2, "");
    for flags in [["--shot", "zzz"], ["--preset", "nope"]] {
        for command in ["run", "plan"] {
            let mut args = vec![command, "--rehearse"];
            args.extend(flags);
            show.reshoot(&args).exits(2).says("no shot is selected by");
        }
    }
}

#[test]
fn a_run_with_nothing_to_buy_spent_nothing() {
    let show = Show::of(1, "");
    let strict = Rehearsal::start(&["--latency", QUICK, "--faults", "moderated=1"]);
    show.run(&strict, &[]).exits(5);
    let said = show.run(&strict, &["--json"]);
    said.exits(5);
    let end: serde_json::Value = serde_json::from_str(&said.out).expect("json");
    assert_eq!(end["money"]["run"]["spent_usd_micros"], 0, "{end}");
}

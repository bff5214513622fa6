//! Single promises, each by the figure it holds.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Rehearsal, Show};

#[test]
fn figure_5_a_second_run_leaves_at_once_and_the_lock_dies_with_its_process() {
    let show = Show::of(4, "");
    let server = Rehearsal::start(&["--latency", "3s"]);
    let args = ["run", "--yes", "--endpoint", &server.endpoint];
    let mut command = show.command(&args);
    let mut first = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a run");
    let began = Instant::now();
    while server.stats()["tasks_billed"] != 4 && began.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let before = server.stats()["requests"]["imageInference"].clone();
    let tried = Instant::now();
    show.run(&server, &[]).exits(7).says("another run");
    assert!(
        tried.elapsed() < Duration::from_secs(1),
        "{:?}",
        tried.elapsed()
    );
    assert_eq!(server.stats()["requests"]["imageInference"], before);
    first.kill().expect("a kill");
    first.wait().expect("an end");
    show.run(&server, &[]).exits(0);
    show.audit(&server, 4);
}

#[test]
fn figure_6_lost_requests_and_replies_never_make_a_second_id() {
    for faults in [
        "drop-before-accept=0.3,seed=5",
        "drop-after-accept=0.3,seed=5",
    ] {
        let show = Show::of(20, "");
        let server = Rehearsal::start(&["--latency", "30ms", "--faults", faults]);
        let mut said = show.run(&server, &["-j", "8"]);
        for _ in 0..3 {
            if said.code != Some(0) {
                said = show.run(&server, &["-j", "8"]);
            }
        }
        said.exits(0);
        show.audit(&server, 20);
        let attempts = show
            .records()
            .iter()
            .filter(|r| r["attempt"].as_u64().unwrap_or(0) > 0)
            .count();
        assert_eq!(attempts, 0, "a second id was made");
        assert_eq!(server.stats()["distinct_task_uuids"], 20);
    }
}

#[test]
fn figure_12_a_torn_end_is_cut_off_and_told() {
    let show = Show::of(2, "");
    let server = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&server, &[]).exits(0);
    let whole = fs::read(show.log()).expect("a log");
    let last = whole[..whole.len() - 1]
        .iter()
        .rposition(|b| *b == b'\n')
        .expect("lines")
        + 1;
    for cut in [
        last + 1,
        last + 30,
        (last + whole.len()) / 2,
        whole.len() - 1,
    ] {
        fs::write(show.log(), &whole[..cut]).expect("a cut log");
        show.run(&server, &[]).exits(0).says("no whole record");
        show.audit(&server, 2);
    }
    for zeros in [1, 512, 5000] {
        let mut torn = whole.clone();
        torn.extend(std::iter::repeat_n(0, zeros));
        fs::write(show.log(), torn).expect("a torn log");
        show.run(&server, &[]).exits(0).says("no whole record");
        show.audit(&server, 2);
    }
}

#[test]
fn figure_13_damage_in_the_middle_stops_everything() {
    let show = Show::of(3, "");
    let server = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&server, &[]).exits(0);
    show.write("shots.csv", "id,prompt\n0009,something new\n");
    let whole = fs::read(show.log()).expect("a log");
    let lines: Vec<&[u8]> = whole.split_inclusive(|b| *b == b'\n').collect();
    let mut flipped = whole.clone();
    flipped[lines[0].len() + 40] ^= 1;
    let lost = [&lines[..3], &lines[4..]].concat().concat();
    let doubled = [&lines[..4], &lines[3..]].concat().concat();
    for damaged in [flipped, lost, doubled] {
        fs::write(show.log(), &damaged).expect("a damaged log");
        let before = server.requests();
        let said = show.run(&server, &[]);
        said.exits(8).says("run-log.jsonl:").says("byte");
        assert_eq!(server.requests(), before);
        assert_eq!(
            fs::read(show.log()).expect("a log"),
            damaged,
            "it was rewritten"
        );
        show.reshoot(&["plan"]).exits(8);
    }
}

#[test]
fn figure_16_a_missing_or_changed_image_is_noticed_and_never_bought_again() {
    let show = Show::of(3, "");
    let server = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&server, &[]).exits(0);
    let pictures = show.pictures();
    fs::remove_file(&pictures[0]).expect("gone");
    show.run(&server, &[]).exits(0);
    assert!(pictures[0].exists(), "it was not fetched again");
    assert_eq!(server.stats()["images_billed"], 3);
    let bytes = fs::read(&pictures[1]).expect("a picture");
    fs::write(&pictures[1], &bytes[..bytes.len() / 2]).expect("cut");
    show.run(&server, &[]).exits(5);
    show.reshoot(&["verify"]).exits(8).says("cut");
    fs::remove_file(&pictures[1]).expect("gone");
    show.run(&server, &[]).exits(0);
    let mut flipped = fs::read(&pictures[2]).expect("a picture");
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(&pictures[2], &flipped).expect("flipped");
    show.reshoot(&["verify"]).exits(8).says("changed");
    assert_eq!(server.stats()["images_billed"], 3);
}

#[test]
fn figure_17_a_finished_show_sends_and_writes_nothing() {
    let show = Show::of(3, "");
    let server = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&server, &[]).exits(0);
    let (before, log) = (server.requests(), fs::read(show.log()).expect("a log"));
    show.run(&server, &[]).exits(0).says("Nothing to do");
    assert_eq!(server.requests(), before);
    assert_eq!(fs::read(show.log()).expect("a log"), log);
}

#[test]
fn the_first_interrupt_drains_and_the_same_command_goes_on() {
    let show = Show::of(12, "jobs = 2");
    let server = Rehearsal::start(&["--latency", "400ms"]);
    let args = ["run", "--yes", "--endpoint", &server.endpoint];
    let mut command = show.command(&args);
    let run = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a run");
    std::thread::sleep(Duration::from_millis(700));
    let told = std::process::Command::new("kill")
        .args(["-INT", &run.id().to_string()])
        .status();
    assert!(told.expect("kill").success());
    let output = run.wait_with_output().expect("an end");
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let billed = server.stats()["images_billed"].as_u64().expect("a count");
    assert!(billed < 12, "it went on");
    assert_eq!(show.saved() as u64, billed, "what was in flight is saved");
    show.run(&server, &[]).exits(0);
    show.audit(&server, 12);
}

#[test]
fn a_lost_run_log_finds_its_purchases_again() {
    let show = Show::of(5, "");
    let server = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&server, &[]).exits(0);
    fs::remove_file(show.log()).expect("gone");
    show.run(&server, &[]).exits(0);
    show.audit(&server, 5);
}

#[test]
fn secrets_reach_no_file_and_no_stream() {
    let show = Show::of(
        2,
        "[defaults]\npreset = \"p\"\n[presets.p]\nwebhook_url = \"https://hook.example/in?token=canary-hook\"\n",
    );
    let server = Rehearsal::start(&["--latency", "20ms"]);
    let mut command = show.command(&["run", "--yes", "-vvv", "--endpoint", &server.endpoint]);
    let said = crate::support::Said::of(command.env("RUNWARE_API_KEY", "canary-key-1234"));
    said.exits(0);
    let mut all = said.out + &said.err;
    let mut files = vec![show.path().join("out")];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                fs::read_dir(path)
                    .expect("a folder")
                    .flatten()
                    .map(|entry| entry.path()),
            );
        } else {
            all += &String::from_utf8_lossy(&fs::read(path).expect("a file"));
        }
    }
    assert!(!all.contains("canary"), "a secret was written");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(show.log()).expect("a log").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_in_the_way_is_never_overwritten() {
    let show = Show::of(1, "");
    let server = Rehearsal::start(&["--latency", "20ms"]);
    let plan = show.reshoot(&["plan", "--json"]);
    plan.exits(0);
    let name = plan
        .out
        .split('"')
        .find(|word| word.ends_with("_v001.jpg"))
        .expect("a name");
    let place = show
        .path()
        .join("out/images")
        .join(name.trim_start_matches("images/"));
    fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
    let mut file = fs::File::create(&place).expect("a file");
    file.write_all(b"somebody's own").expect("bytes");
    show.run(&server, &[]).exits(5).says("another file");
    assert_eq!(fs::read(&place).expect("a file"), b"somebody's own");
    fs::remove_file(&place).expect("moved away");
    show.run(&server, &[]).exits(0);
    show.audit(&server, 1);
}

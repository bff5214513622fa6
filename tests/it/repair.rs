//! `verify --repair` and `--rebuy missing`: what was paid for is had again, free where it can be.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Rehearsal, Said, Show};

fn repair(show: &Show, server: &Rehearsal, more: &[&str]) -> Said {
    let mut args = vec!["verify", "--repair", "--endpoint", &server.endpoint];
    args.extend(more);
    show.reshoot(&args)
}

fn cut(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).expect("a picture");
    let left = bytes[..bytes.len() / 2].to_vec();
    fs::write(path, &left).expect("cut");
    left
}

fn flip(path: &Path) -> Vec<u8> {
    let mut bytes = fs::read(path).expect("a picture");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, &bytes).expect("flipped");
    bytes
}

fn beside(path: &Path, more: &str) -> PathBuf {
    PathBuf::from(format!("{}{more}", path.display()))
}

fn sums_hold(show: &Show) -> bool {
    let sums = Command::new("sha256sum")
        .args(["-c", "--quiet", "SHA256SUMS"])
        .current_dir(show.path().join("out"))
        .output();
    sums.expect("sha256sum").status.success()
}

fn billed(server: &Rehearsal) -> u64 {
    server.stats()["images_billed"].as_u64().expect("a count")
}

#[test]
fn repair_fetches_what_is_missing_cut_or_changed_and_buys_nothing() {
    let show = Show::of(4, "");
    let server = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&server, &[]).exits(0);
    let pictures = show.pictures();
    let before: Vec<_> = pictures
        .iter()
        .map(|p| fs::read(p).expect("a picture"))
        .collect();
    fs::remove_file(&pictures[0]).expect("gone");
    let half = cut(&pictures[1]);
    let other = flip(&pictures[2]);
    fs::remove_file(beside(&pictures[3], ".json")).expect("gone");
    show.write("out/SHA256SUMS", "nonsense\n");
    show.reshoot(&["verify"]).exits(8).says("--repair");

    let said = repair(&show, &server, &[]);
    said.exits(0).says("4 of 4 saved images are sound");
    said.says("missing: ").says("cut: ").says("changed: ");
    said.says("_v001.jpg.damaged").says("sidecars made anew: 1");
    for (picture, bytes) in pictures.iter().zip(&before) {
        assert_eq!(&fs::read(picture).expect("a picture"), bytes);
    }
    // What was damaged still stands beside its place, untouched.
    assert_eq!(
        fs::read(beside(&pictures[1], ".damaged")).expect("kept"),
        half
    );
    assert_eq!(
        fs::read(beside(&pictures[2], ".damaged")).expect("kept"),
        other
    );
    assert!(beside(&pictures[3], ".json").exists());
    assert!(sums_hold(&show));
    assert_eq!(billed(&server), 4);
    show.reshoot(&["verify"]).exits(0);
    show.run(&server, &[]).exits(0).says("Nothing to do");

    // A second damage of the same file overwrites nothing either.
    let again = cut(&pictures[1]);
    repair(&show, &server, &[]).exits(0).says(".damaged-2");
    assert_eq!(
        fs::read(beside(&pictures[1], ".damaged")).expect("kept"),
        half
    );
    assert_eq!(
        fs::read(beside(&pictures[1], ".damaged-2")).expect("kept"),
        again
    );
    assert_eq!(billed(&server), 4);
}

#[test]
fn repair_of_a_sound_show_asks_nobody_and_appends_nothing() {
    let show = Show::of(2, "");
    let server = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&server, &[]).exits(0);
    let (requests, log) = (server.requests(), fs::read(show.log()).expect("a log"));
    let mut command = show.command(&["verify", "--repair", "--json"]);
    let said = Said::of(command.env_remove("RUNWARE_API_KEY"));
    said.exits(0);
    let told: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(told["sound"], 2);
    assert_eq!(told["repair"]["sidecars_made"], 0);
    assert_eq!(told["repair"]["sums_made"], false);
    assert_eq!(server.requests(), requests);
    assert_eq!(fs::read(show.log()).expect("a log"), log);
    // Where nothing was ever bought there is nothing to mend, and nothing is made.
    let empty = Show::of(1, "");
    empty.reshoot(&["verify", "--repair"]).exits(2);
    assert!(!empty.path().join("out").exists());
}

#[test]
fn repair_says_what_the_provider_does_not_have_any_more_and_exits_8() {
    let show = Show::of(2, "");
    let first = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&first, &[]).exits(0);
    let pictures = show.pictures();
    fs::remove_file(&pictures[0]).expect("gone");
    let half = cut(&pictures[1]);
    // Another provider, which never heard of these tasks.
    let second = Rehearsal::start(&["--latency", "20ms"]);
    let said = repair(&show, &second, &["--json"]);
    said.exits(8);
    let told: Value = serde_json::from_str(&said.out).expect("JSON");
    let images = told["repair"]["images"].as_array().expect("a list");
    assert_eq!(images.len(), 2);
    assert!(
        images
            .iter()
            .all(|image| image["fetched"] == false && image["why"].is_string())
    );
    assert_eq!(told["wrong"].as_array().map(Vec::len), Some(2));
    assert_eq!(billed(&second), 0);
    assert_eq!(
        fs::read(beside(&pictures[1], ".damaged")).expect("kept"),
        half
    );
    // The first still has them.
    repair(&show, &first, &[]).exits(0);
    assert_eq!(billed(&first), 2);
    show.reshoot(&["verify"]).exits(0);
}

#[test]
fn repair_without_a_key_exits_4_and_moves_nothing() {
    let show = Show::of(1, "");
    let server = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&server, &[]).exits(0);
    let picture = show.pictures().remove(0);
    let half = cut(&picture);
    let mut command = show.command(&["verify", "--repair", "--endpoint", &server.endpoint]);
    Said::of(command.env_remove("RUNWARE_API_KEY")).exits(4);
    assert_eq!(fs::read(&picture).expect("untouched"), half);
}

#[test]
fn repair_takes_the_lock() {
    let show = Show::of(2, "");
    let server = Rehearsal::start(&["--latency", "3s"]);
    let args = ["run", "--yes", "--endpoint", &server.endpoint];
    let mut run = show
        .command(&args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a run");
    let began = Instant::now();
    while server.stats()["tasks_billed"] != 2 && began.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(50));
    }
    repair(&show, &server, &[]).exits(7).says("another run");
    run.wait().expect("an end");
}

#[test]
fn repair_works_in_a_rehearsal() {
    let show = Show::of(2, "");
    show.reshoot(&["run", "--rehearse", "--latency", "20ms"])
        .exits(0);
    let images = show.path().join("out-rehearsal/images");
    let picture = fs::read_dir(&images)
        .expect("images")
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|e| e == "jpg"));
    if let Some(picture) = picture {
        flip(&picture);
    } else {
        // Names may have folders of their own.
        fs::remove_dir_all(&images).expect("gone");
    }
    show.reshoot(&["verify", "--rehearse"]).exits(8);
    show.reshoot(&["verify", "--rehearse", "--repair"]).exits(0);
    show.reshoot(&["verify", "--rehearse"]).exits(0);
}

#[test]
fn rebuy_fetches_a_missing_or_cut_file_free_of_charge_where_it_can() {
    let show = Show::of(2, "");
    let server = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&server, &[]).exits(0);
    let pictures = show.pictures();
    fs::remove_file(&pictures[0]).expect("gone");
    cut(&pictures[1]);
    let said = show.run(&server, &["--rebuy", "missing"]);
    said.exits(0).says("fetched again, free of charge");
    assert_eq!(billed(&server), 2);
    show.reshoot(&["verify"]).exits(0);
}

#[test]
fn rebuy_buys_a_missing_file_once_that_nobody_has_any_more() {
    let show = Show::of(2, "");
    let first = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&first, &[]).exits(0);
    let pictures = show.pictures();
    fs::remove_file(&pictures[0]).expect("gone");
    let second = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&second, &[]).exits(5).says("--rebuy missing");
    assert_eq!(billed(&second), 0, "nothing is bought again unasked");
    show.run(&second, &["--rebuy", "missing"]).exits(0);
    assert_eq!(billed(&second), 1);
    assert!(!pictures[0].exists(), "a take number is never used again");
    assert_eq!(show.pictures().len(), 2);
    show.run(&second, &["--rebuy", "missing"]).exits(0);
    show.run(&second, &[]).exits(0).says("Nothing to do");
    assert_eq!(billed(&second), 1);
}

#[test]
fn rebuy_buys_a_lost_image_once_and_only_when_asked() {
    let show = Show::of(1, "");
    let faults = "expired-url=1,fresh-url=no";
    let first = Rehearsal::start(&["--latency", "20ms", "--faults", faults]);
    show.run(&first, &[]).exits(5).says("lost: 1 take");
    assert_eq!(billed(&first), 1);
    let second = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&second, &[]).exits(5);
    show.reshoot(&["status"])
        .exits(0)
        .says("paid for and not on disk");
    assert_eq!(billed(&second), 0);
    show.run(&second, &["--rebuy", "missing"]).exits(0);
    assert_eq!(billed(&second), 1);
    show.run(&second, &[]).exits(0).says("Nothing to do");
    show.run(&second, &["--rebuy", "missing"]).exits(0);
    assert_eq!(billed(&second), 1);
    let spent: Value =
        serde_json::from_str(&show.reshoot(&["status", "--json"]).out).expect("JSON");
    assert_eq!(spent["money"]["show"]["spent_usd_micros"], 56_000);
}

#[test]
fn an_unsure_take_keeps_its_money_reserved_until_a_person_buys_it_again() {
    let show = Show::of(1, "");
    let first = Rehearsal::start(&["--latency", "20ms", "--faults", "drop-before-accept=1"]);
    show.run(&first, &[]).exits(5).says("unsure: 1 take");
    let told = show.reshoot(&["status"]);
    assert!(told.out.starts_with("unsure: 1 take"), "{}", told.out);
    told.says("1 take unsure, their money reserved: $0.028");
    let second = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&second, &[]).exits(5).says("unsure");
    assert_eq!(billed(&second), 0, "it was bought again unasked");
    show.run(&second, &["--rebuy", "missing"]).says("unsure");
    assert_eq!(billed(&second), 1);
    assert_eq!(show.saved(), 1);
    let told: Value = serde_json::from_str(&show.reshoot(&["status", "--json"]).out).expect("JSON");
    assert_eq!(told["money"]["show"]["spent_usd_micros"], 28_000);
    assert_eq!(told["money"]["show"]["reserved_usd_micros"], 28_000);
    assert_eq!(told["bill_check"]["reserved_by_unsure"]["takes"], 1);
    show.run(&second, &["--rebuy", "missing"]);
    assert_eq!(billed(&second), 1, "it was bought a third time");
}

#[test]
fn what_was_refused_is_sent_again_only_when_asked() {
    let show = Show::of(2, "");
    let faults = "moderated=1,moderated-strikes=at-submit";
    let first = Rehearsal::start(&["--latency", "20ms", "--faults", faults]);
    show.run(&first, &[]).exits(5).says("refused: 2 takes");
    assert_eq!(billed(&first), 0);
    let second = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&second, &[]).exits(5);
    assert_eq!(second.requests(), 0, "it was sent again unasked");
    show.run(&second, &["--retry-refused"]).exits(0);
    show.audit(&second, 2);
    let tasks = second.stats()["distinct_task_uuids"].clone();
    assert_eq!(tasks, 2);
    show.run(&second, &[]).exits(0).says("Nothing to do");
}

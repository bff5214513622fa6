//! A run with nothing to do is quick, for it believes what it found before; but only while all of it is as it was.

use std::fs;
use std::path::PathBuf;

use crate::support::{Rehearsal, Said, Show};

const NOTHING: &str = "Nothing to do: 3 takes on disk";
const MARKED: &str = "Nothing to do: as remembered!!";

/// A show of three shots, bought, with a memo that there is nothing to do.
fn bought(server: &Rehearsal) -> Show {
    let show = Show::of(3, "[defaults]\nreferences = [\"face.png\"]");
    let picture = image::RgbImage::from_pixel(320, 320, image::Rgb([9, 90, 200]));
    picture
        .save(show.path().join("face.png"))
        .expect("a picture");
    show.run(server, &[]).exits(0);
    show.audit(server, 3);
    show.run(server, &[]).exits(0).says(NOTHING);
    show
}

fn memo(show: &Show) -> PathBuf {
    let folder = show.path().join(".cache/reshoot");
    let mut found = fs::read_dir(folder).expect("the cache").flatten();
    found.next().expect("a memo").path()
}

/// Makes the memo say something else, so that it is seen when it is believed.
fn mark(show: &Show) {
    let path = memo(show);
    let text = fs::read_to_string(&path).expect("a memo");
    let body = text.rfind("end ").expect("a checksum");
    let said = text.find("Nothing to do").expect("what was said");
    let mut marked = text[..body].to_owned();
    marked.replace_range(said..said + MARKED.len(), MARKED);
    let checksum = crc32c::crc32c(marked.as_bytes());
    fs::write(&path, format!("{marked}end {checksum:08x}\n")).expect("written");
}

fn again(show: &Show, server: &Rehearsal) -> Said {
    mark(show);
    show.run(server, &[])
}

#[test]
fn what_is_remembered_is_believed_while_nothing_changes() {
    let server = Rehearsal::start(&["--latency", "10ms"]);
    let show = bought(&server);
    mark(&show);
    show.run(&server, &[]).exits(0).says(MARKED);
    // Other words are another question.
    show.run(&server, &["--limit", "9"]).exits(0).says(NOTHING);
    show.reshoot(&["verify"]).exits(0);
    show.run(&server, &[]).exits(0).says(MARKED);
    show.audit(&server, 3);
}

#[test]
fn a_run_that_made_everything_remembers_it_at_once() {
    let server = Rehearsal::start(&["--latency", "10ms"]);
    let show = Show::of(3, "");
    show.run(&server, &[]).exits(0).says("3 takes saved");
    again(&show, &server).exits(0).says(MARKED);
    // One that left something over does not.
    let server = Rehearsal::start(&["--latency", "10ms"]);
    let show = Show::of(3, "");
    show.run(&server, &["--limit", "2"])
        .exits(0)
        .says("2 takes saved");
    assert!(!show.path().join(".cache").exists());
    show.run(&server, &["--limit", "2"])
        .exits(0)
        .says("1 take saved");
}

#[test]
fn whatever_changes_is_seen() {
    let server = Rehearsal::start(&["--latency", "10ms"]);
    let show = bought(&server);
    let list = fs::read_to_string(show.path().join("shots.csv")).expect("the list");
    show.write("shots.csv", &format!("{list}9999,one boat more\n"));
    again(&show, &server).exits(0).says("1 take saved");
    show.run(&server, &[]).exits(0).says("Nothing to do");
    show.reshoot(&["retake", "9999"]).exits(0);
    again(&show, &server).exits(0).says("1 take saved");
    let manifest = fs::read_to_string(show.path().join("show.toml")).expect("the manifest");
    show.write("show.toml", &format!("{manifest}\ntakes = 2\n"));
    again(&show, &server).exits(0).says("4 takes saved");
    show.write("show.toml", &manifest);
    show.run(&server, &[]).exits(0).says("Nothing to do");
    let picture = image::RgbImage::from_pixel(320, 320, image::Rgb([9, 91, 200]));
    picture
        .save(show.path().join("face.png"))
        .expect("a picture");
    show.run(&server, &[]).exits(0).says("4 takes saved");
    show.audit(&server, 13);
}

#[test]
fn a_missing_image_and_a_damaged_log_are_seen() {
    let server = Rehearsal::start(&["--latency", "10ms"]);
    let show = bought(&server);
    let saved = show.of_kind("saved");
    let image = saved[1]["path"].as_str().expect("a path");
    fs::remove_file(show.path().join("out").join(image)).expect("removed");
    again(&show, &server).exits(0).says("fetched again");
    show.run(&server, &[]).exits(0).says(NOTHING);
    fs::remove_file(show.path().join("out/SHA256SUMS")).expect("removed");
    again(&show, &server).exits(0).says(NOTHING);
    assert!(show.path().join("out/SHA256SUMS").exists());
    let mut log = fs::read(show.log()).expect("the log");
    let middle = log.len() / 2;
    log[middle] ^= 1;
    fs::write(show.log(), log).expect("written");
    again(&show, &server).exits(8);
    assert_eq!(server.stats()["images_billed"], 3);
}

#[test]
fn a_memo_that_is_damaged_or_gone_is_none() {
    let server = Rehearsal::start(&["--latency", "10ms"]);
    let show = bought(&server);
    let path = memo(&show);
    let text = fs::read_to_string(&path).expect("a memo");
    fs::write(&path, text.replace(NOTHING, MARKED)).expect("written");
    show.run(&server, &[]).exits(0).says(NOTHING);
    fs::write(&path, &text[..text.len() / 2]).expect("written");
    show.run(&server, &[]).exits(0).says(NOTHING);
    fs::remove_dir_all(show.path().join(".cache")).expect("removed");
    fs::write(show.path().join(".cache"), "no folder").expect("written");
    show.run(&server, &[]).exits(0).says(NOTHING);
}

#[test]
fn what_cannot_be_read_is_not_what_was_not_there() {
    let server = Rehearsal::start(&["--latency", "10ms"]);
    let show = bought(&server);
    let decisions = show.path().join("out/decisions.jsonl");
    fs::create_dir(&decisions).expect("a folder");
    again(&show, &server).exits(1);
    fs::remove_dir(&decisions).expect("removed");
    again(&show, &server).exits(0).says(MARKED);
    // A list given as the manifest looks for settings beside it.
    let list = ["run", "shots.csv", "--yes", "--out", "list", "--endpoint"];
    let list = [&list[..], &[&server.endpoint]].concat();
    let run = || show.reshoot(&list);
    fs::remove_file(show.path().join("show.toml")).expect("removed");
    run().exits(0);
    run().exits(0).says(NOTHING);
    fs::create_dir(show.path().join("presets.toml")).expect("a folder");
    run().exits(3).says("it is a folder");
}

#[test]
fn decisions_that_end_in_no_whole_record_are_told_every_time() {
    let server = Rehearsal::start(&["--latency", "10ms"]);
    let show = bought(&server);
    show.write("out/decisions.jsonl", "{\"seq\":1,");
    for _ in 0..3 {
        let said = show.run(&server, &[]);
        said.exits(0).says(NOTHING).says("no whole record");
    }
}

#[test]
fn a_log_that_was_cut_off_is_looked_after_every_time() {
    let server = Rehearsal::start(&["--latency", "10ms"]);
    let show = bought(&server);
    fs::remove_dir_all(show.path().join(".cache")).expect("removed");
    let log = fs::read_to_string(show.log()).expect("the log");
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines[lines.len() - 1].contains("run_ended"));
    let cut = lines[..lines.len() - 1].join("\n");
    fs::write(show.log(), format!("{cut}\n")).expect("written");
    let saved = show.of_kind("saved");
    let image = saved[1]["path"].as_str().expect("a path").to_owned();
    let sidecar = show.path().join("out").join(format!("{image}.json"));
    for _ in 0..2 {
        fs::remove_file(&sidecar).expect("removed");
        show.run(&server, &[]).exits(0).says(NOTHING);
        assert!(sidecar.exists(), "made again");
    }
}

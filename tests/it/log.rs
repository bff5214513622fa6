//! The run log through the real program: torn, damaged, newer, examined and saved.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Rehearsal, Said, Show};

/// A finished show and its server.
fn finished(shots: usize) -> (Show, Rehearsal, Vec<u8>) {
    let show = Show::of(shots, "");
    let server = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&server, &[]).exits(0);
    let log = fs::read(show.log()).expect("a log");
    (show, server, log)
}

fn lines(log: &[u8]) -> Vec<Vec<u8>> {
    log.split_inclusive(|b| *b == b'\n')
        .map(<[u8]>::to_vec)
        .collect()
}

fn kind_of(line: &[u8]) -> String {
    let record: Value = serde_json::from_slice(line).expect("a record");
    record["kind"].as_str().expect("a kind").to_owned()
}

/// Gives the line, from 1, of the n-th record of a kind.
fn line_of(log: &[u8], kind: &str, nth: usize) -> usize {
    let lines = lines(log);
    let mut of_kind = lines.iter().zip(1..).filter(|(l, _)| kind_of(l) == kind);
    of_kind.nth(nth).expect("that many").1
}

/// Seals the body of a record, which lacks its `crc` and closing brace.
fn seal(body: &str, previous: u32) -> (String, u32) {
    let crc = crc32c::crc32c_append(previous, body.as_bytes());
    (format!("{body},\"crc\":\"{crc:08x}\"}}\n"), crc)
}

/// Spells a log anew after its lines' bodies were changed, every checksum sound.
fn resealed(log: &[u8], change: impl Fn(usize, &str) -> Vec<String>) -> Vec<u8> {
    let (mut out, mut crc) = (String::new(), 0);
    for (line, n) in lines(log).iter().zip(1..) {
        let text = String::from_utf8_lossy(line);
        let body = text.rsplit_once(",\"crc\"").expect("a sealed line").0;
        for body in change(n, body) {
            let (line, next) = seal(&body, crc);
            out += &line;
            crc = next;
        }
    }
    out.into_bytes()
}

fn doctor(show: &Show, more: &[&str]) -> Said {
    let mut args = vec!["doctor"];
    args.extend(more);
    show.reshoot(&args)
}

/// Everything in a folder but the lock, with its bytes.
fn snapshot(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        for entry in fs::read_dir(path).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                left.push(path);
            } else if path.file_name().is_some_and(|name| name != ".lock") {
                let bytes = fs::read(&path).expect("a file");
                found.push((path, bytes));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn figure_12_a_log_cut_at_any_byte_of_its_last_record_goes_on() {
    let (show, server, whole) = finished(2);
    let last = whole.len() - lines(&whole).last().expect("a line").len();
    for cut in last..whole.len() {
        fs::write(show.log(), &whole[..cut]).expect("a cut log");
        let said = show.run(&server, &[]);
        said.exits(0);
        let told = said.err.matches("no whole record").count();
        assert_eq!(told, usize::from(cut > last), "{cut}: {said:?}");
        assert_eq!(
            fs::read(show.log()).expect("a log"),
            whole[..last],
            "{cut}: more than the torn end was cut off"
        );
    }
    show.audit(&server, 2);
}

/// Every kind of record may be the one that was torn: each time the rest is bought or fetched, and
/// nothing twice.
#[test]
fn figure_12_a_log_that_ends_anywhere_is_repaired() {
    let (show, server, whole) = finished(2);
    let all = lines(&whole);
    for kept in 0..all.len() {
        for torn in [0, 1, all[kept].len() / 2, all[kept].len() - 1] {
            let mut log = all[..kept].concat();
            log.extend(&all[kept][..torn]);
            fs::write(show.log(), &log).expect("a cut log");
            let said = show.run(&server, &[]);
            assert_eq!(said.code, Some(0), "{kept} {torn}: {said:?}");
            show.audit(&server, 2);
        }
    }
}

#[test]
fn figure_12_nul_bytes_in_place_of_the_end_are_cut_off() {
    let (show, server, whole) = finished(2);
    let last = whole.len() - lines(&whole).last().expect("a line").len();
    let tails = (1..=64).chain([511, 512, 513, 4095, 4096, 4097, 5000]);
    for zeros in tails {
        let mut torn = whole.clone();
        torn.extend(std::iter::repeat_n(0, zeros));
        fs::write(show.log(), torn).expect("a torn log");
        show.run(&server, &[]).exits(0).says("no whole record");
        assert_eq!(fs::read(show.log()).expect("a log"), whole, "{zeros}");
    }
    for from in (last..whole.len()).step_by(7) {
        let mut torn = whole.clone();
        torn[from..].fill(0);
        fs::write(show.log(), torn).expect("a torn log");
        show.run(&server, &[]).exits(0).says("no whole record");
    }
    show.audit(&server, 2);
}

#[test]
fn figure_13_damage_anywhere_in_the_middle_is_told_and_stops_everything() {
    let (show, server, whole) = finished(3);
    show.write("shots.csv", "id,prompt\n0009,something new\n");
    let all = lines(&whole);
    let start = |line: usize| all[..line - 1].concat().len();
    let mut cases = Vec::new();
    for line in 2..all.len() {
        for at in (0..all[line - 1].len() - 1).step_by(31) {
            let mut flipped = whole.clone();
            flipped[start(line) + at] ^= 4;
            cases.push((line, flipped));
        }
        let lost = [&all[..line - 1], &all[line..]].concat().concat();
        cases.push((line, lost));
        let doubled = [&all[..line], &all[line - 1..]].concat().concat();
        cases.push((line + 1, doubled));
        let mut swapped = all.clone();
        swapped.swap(line - 1, line);
        cases.push((line, swapped.concat()));
    }
    let before = server.requests();
    for (line, damaged) in cases {
        fs::write(show.log(), &damaged).expect("a damaged log");
        let files = snapshot(&show.path().join("out"));
        let said = show.run(&server, &[]);
        let place = format!(
            "run-log.jsonl:{line}: the run log is damaged at byte {}",
            start(line)
        );
        // A doubled last line begins where the file went on before.
        said.exits(8).says(&place);
        doctor(&show, &[])
            .exits(8)
            .says(&format!("damaged at line {line}"));
        assert_eq!(snapshot(&show.path().join("out")), files, "{line}");
    }
    assert_eq!(server.requests(), before, "something was sent");
    for command in ["plan", "status", "report", "verify"] {
        show.reshoot(&[command]).exits(8);
    }
}

#[test]
fn figure_13_the_doctor_names_what_happened() {
    let (show, server, whole) = finished(3);
    let all = lines(&whole);
    let produced = line_of(&whole, "produced", 1);
    let start = all[..produced - 1].concat().len();
    let mut flipped = whole.clone();
    flipped[start + 50] ^= 1;
    fs::write(show.log(), &flipped).expect("a damaged log");
    let at = format!("byte {} of the file", start + 50);
    doctor(&show, &[]).exits(8).says("one wrong bit").says(&at);
    let lost = [&all[..produced - 1], &all[produced + 1..]]
        .concat()
        .concat();
    fs::write(show.log(), &lost).expect("a damaged log");
    doctor(&show, &[])
        .exits(8)
        .says("2 records before it are lost");
    let said = doctor(&show, &["--json"]);
    let told: Value = serde_json::from_str(&said.out).expect("json");
    assert_eq!(told["log"]["state"], "damaged");
    assert_eq!(told["log"]["damage"]["looks"], "lost");
    assert_eq!(told["log"]["damage"]["line"], produced);
    assert_eq!(told["log"]["damage"]["byte"], start);
    let good: Vec<String> = all[..produced - 1].iter().map(|l| kind_of(l)).collect();
    let saved = good.iter().filter(|kind| *kind == "saved").count();
    assert_eq!(told["log"]["good"]["saved"], saved);
    assert_eq!(told["log"]["good"]["records"], produced - 1);
    fs::write(show.log(), &whole).expect("put back");
    doctor(&show, &[])
        .exits(0)
        .says("whole")
        .says("3 takes saved");
    show.audit(&server, 3);
}

/// The good part of a damaged log, put in its place, finds again what came after it: by asking.
#[test]
fn figure_13_the_good_part_is_saved_and_buys_nothing_twice() {
    let (show, server, whole) = finished(4);
    let all = lines(&whole);
    for line in 2..all.len() {
        let mut damaged = all.clone();
        damaged[line - 1] = b"?\n".to_vec();
        let damaged = damaged.concat();
        fs::write(show.log(), &damaged).expect("a damaged log");
        let good = show.path().join("good.jsonl");
        let _gone = fs::remove_file(&good);
        doctor(&show, &["-o", "good.jsonl"])
            .exits(8)
            .says("good.jsonl");
        assert_eq!(fs::read(show.log()).expect("a log"), damaged);
        doctor(&show, &["good.jsonl"]).exits(0).says("whole");
        fs::rename(&good, show.log()).expect("put in its place");
        // A run that has nothing to do with most of the shots must not make the next one forget.
        show.run(&server, &["--shot", "0001"]).exits(0);
        show.run(&server, &[]).exits(0);
        show.audit(&server, 4);
        show.run(&server, &[]).exits(0).says("Nothing to do");
    }
}

/// The hardest case: the good part ends as if the last run had ended well.
#[test]
fn a_log_that_lost_a_whole_run_asks_before_it_buys() {
    let show = Show::of(1, "");
    let server = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&server, &[]).exits(0);
    let first = lines(&fs::read(show.log()).expect("a log")).len();
    let rows =
        "id,prompt\n0001,a small boat number 1 at sea\n0002,a\u{20}red boat\n0003,a blue boat\n";
    show.write("shots.csv", rows);
    show.run(&server, &[]).exits(0);
    show.audit(&server, 3);
    let mut all = lines(&fs::read(show.log()).expect("a log"));
    all[first][3] ^= 1;
    fs::write(show.log(), all.concat()).expect("a damaged log");
    doctor(&show, &["-o", "good.jsonl"])
        .exits(8)
        .says("2 tasks with 2 images made");
    fs::rename(show.path().join("good.jsonl"), show.log()).expect("put in its place");
    let asked = server.stats()["requests"]["imageInference"].clone();
    show.run(&server, &[]).exits(0);
    show.audit(&server, 3);
    assert_eq!(
        server.stats()["requests"]["imageInference"],
        asked,
        "sent before it asked"
    );
}

#[test]
fn the_doctor_overwrites_nothing_and_waits_for_nobody() {
    let (show, server, whole) = finished(1);
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    fs::write(show.log(), &damaged).expect("a damaged log");
    show.write("mine.txt", "mine");
    doctor(&show, &["-o", "mine.txt"])
        .exits(2)
        .says("never overwritten");
    doctor(&show, &["-o", "out/run-log.jsonl"]).exits(2);
    doctor(&show, &["-o", "nowhere/good.jsonl"])
        .exits(1)
        .says("nowhere");
    assert_eq!(
        fs::read_to_string(show.path().join("mine.txt")).expect("mine"),
        "mine"
    );
    assert_eq!(fs::read(show.log()).expect("a log"), damaged);
    fs::write(show.log(), &whole).expect("put back");
    // A run at work holds the lock; the doctor looks all the same, and leaves it be.
    let slow = Rehearsal::start(&["--latency", "3s"]);
    show.write("shots.csv", "id,prompt\n0005,a slow boat\n");
    let args = ["run", "--yes", "--endpoint", &slow.endpoint];
    let mut run = show
        .command(&args)
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("a run");
    while slow.stats()["tasks_billed"] != 1 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    doctor(&show, &[]).exits(0).says("1 under way");
    assert_eq!(run.wait().expect("an end").code(), Some(0));
    drop(server);
}

#[test]
fn the_doctor_needs_no_sound_manifest_and_no_log() {
    let (show, _server, _whole) = finished(1);
    show.write("show.toml", "nonsense");
    doctor(&show, &[]).exits(3);
    doctor(&show, &["--out", "out"]).exits(0).says("whole");
    doctor(&show, &["out/run-log.jsonl"])
        .exits(0)
        .says("1 take saved");
    doctor(&show, &["--out", "none"])
        .exits(0)
        .says("no run log yet");
    doctor(&show, &["--out", "none", "-o", "x"]).exits(2);
}

/// The reader that the documentation gives reads what the program writes.
#[test]
fn the_documented_reader_reads_a_real_log() {
    let document = include_str!("../../docs/run-log.md");
    let (_, rest) = document.split_once("```python\n").expect("a reader");
    let reader = rest.split_once("```").expect("its end").0;
    let (show, _server, whole) = finished(3);
    let read = std::process::Command::new("python3")
        .args(["-c", reader])
        .arg(show.log())
        .output();
    let Ok(read) = read else {
        eprintln!("SKIPPED: python3 is missing; the documented reader was not tried");
        return;
    };
    let records = lines(&whole).len();
    assert_eq!(
        String::from_utf8_lossy(&read.stdout).trim(),
        format!("{records} records, 84000 micro-dollars"),
        "{}",
        String::from_utf8_lossy(&read.stderr)
    );
}

#[test]
fn figure_14_a_newer_format_is_refused_untouched() {
    let (show, server, whole) = finished(2);
    let newer = resealed(&whole, |n, body| {
        let newer = body.replace("\"format\":1", "\"format\":2");
        assert_eq!(n == 1, newer != body);
        vec![newer]
    });
    let strange = b"{\"kind\":\"log_opened\",\"format\":7,\"sum\":\"blake3\"}\n\x00\xff\n".to_vec();
    let before = server.requests();
    for log in [newer, strange] {
        fs::write(show.log(), &log).expect("a newer log");
        let files = snapshot(&show.path().join("out"));
        show.write("shots.csv", "id,prompt\n0009,something new\n");
        show.run(&server, &[])
            .exits(8)
            .says("format")
            .says("later one");
        for command in ["plan", "status", "report", "verify"] {
            show.reshoot(&[command]).exits(8);
        }
        doctor(&show, &[]).exits(8).says("it has format");
        doctor(&show, &["-o", "good.jsonl"]).exits(8);
        assert!(!show.path().join("good.jsonl").exists());
        assert_eq!(snapshot(&show.path().join("out")), files);
    }
    assert_eq!(server.requests(), before);
}

#[test]
fn figure_14_fields_and_kinds_of_later_versions_are_kept() {
    let (show, server, whole) = finished(2);
    let later = resealed(&whole, |n, body| {
        let mut body = body.replacen("\"kind\":", "\"mood\":{\"a\":[1,null]},\"kind\":", 1);
        body += ",\"later\":\"\u{2603}\"";
        let dream = format!(
            "{{\"seq\":{},\"at\":\"2026-11-24T10:00:00Z\",\"kind\":\"dream\"",
            2 * n
        );
        // Numbers have to go on without a gap: each record is followed by one of another kind.
        let body = body.replacen(
            &format!("\"seq\":{n},"),
            &format!("\"seq\":{},", 2 * n - 1),
            1,
        );
        vec![body, dream]
    });
    fs::write(show.log(), &later).expect("a later log");
    show.run(&server, &[]).exits(0).says("Nothing to do");
    assert_eq!(fs::read(show.log()).expect("a log"), later);
    doctor(&show, &[]).exits(0).says("2 takes saved");
    show.write(
        "shots.csv",
        "id,prompt\n0001,a small boat number 1 at sea\n0002,a small boat number 2 at sea\n0003,more\n",
    );
    show.run(&server, &[]).exits(0);
    let grown = fs::read(show.log()).expect("a log");
    assert_eq!(&grown[..later.len()], later, "what was there was rewritten");
    show.audit(&server, 3);
}

//! `docs/run-log.md` is true: its examples are read, its numbers recomputed, its fields complete.

use serde_json::Value;

use super::*;
use crate::ledger::fold::Ledger;

const DOCUMENT: &str = include_str!("../../../../docs/run-log.md");

/// Gives the fenced text of a language.
fn fenced(language: &str) -> &'static str {
    let opening = format!("```{language}\n");
    let (_, rest) = DOCUMENT.split_once(&opening).expect("such a block");
    rest.split_once("```").expect("its end").0
}

/// Gives the text below a heading, up to the next one.
fn section(is_it: impl Fn(&str) -> bool) -> String {
    let mut lines = DOCUMENT.lines();
    let found = lines.any(|line| line.starts_with('#') && is_it(line));
    assert!(found, "a heading is missing");
    let body: Vec<&str> = lines.take_while(|line| !line.starts_with('#')).collect();
    body.join("\n")
}

fn names(text: &str, field: &str) -> bool {
    text.contains(&format!("`{field}`"))
}

#[test]
fn the_example_log_is_sound_and_means_what_is_said() {
    let (mut crc, mut ledger) = (0, Ledger::default());
    for line in fenced("jsonl").lines() {
        let read = decode(line.as_bytes(), crc).expect("a sound line");
        crc = read.crc;
        let mut again = Vec::new();
        let head = Head {
            seq: read.stamped.seq,
            at: read.stamped.at,
            nth: read.nth,
        };
        // Any start will do where only the body of a line is compared.
        let _crc = encode(head, &read.stamped.record, 0, &mut again);
        let as_written = String::from_utf8_lossy(&again);
        let body = |line: &str| line.split_once(",\"crc\"").map(|(body, _)| body.to_owned());
        assert_eq!(body(&as_written), body(line), "not as it is written");
        ledger.apply(&read.stamped).expect("it follows");
    }
    assert_eq!(ledger.last_seq, 8);
    assert_eq!(ledger.accounts.show.spent, Micros::new(28_000));
    assert!(!ledger.was_cut_off());
}

#[test]
fn the_worked_example_is_computed_right() {
    let check = format!("`{:08x}`", crc32c::crc32c(b"123456789"));
    assert!(DOCUMENT.contains(&check), "{check}");
    let mut crc = 0;
    for (line, n) in fenced("jsonl").lines().take(4).zip(1..) {
        let covered = line.split_once(",\"crc\"").expect("a sealed line").0;
        let next = crc32c::crc32c_append(crc, covered.as_bytes());
        let row = format!("| {n} | {} | `{crc:08x}` | `{next:08x}` |", covered.len());
        assert!(DOCUMENT.contains(&row), "{row}");
        crc = next;
    }
}

/// Records with every field that may be left out.
fn everything_said() -> [Record; 2] {
    let mut started = every_kind().into_iter().find_map(|record| match record {
        Record::RunStarted(started) => Some(started),
        _ => None,
    });
    if let Some(started) = &mut started {
        started.plan = Some(started.manifest);
    }
    let started = started.expect("a run that starts");
    let mut intent = intent();
    intent.reason = Some("retake".into());
    intent.made.resolution = Some("1k".into());
    intent.made.ttl = Some(60);
    intent.made.webhook = true;
    intent.made.upload = true;
    intent.made.references[0].scope = Some("composition only".into());
    [
        Record::Intent(Box::new(intent)),
        Record::RunStarted(started),
    ]
}

#[test]
fn every_kind_and_field_is_named() {
    let lines_section = section(|heading| heading == "## Lines");
    let mut records = every_kind();
    records.extend(everything_said());
    for record in records {
        let mut line = Vec::new();
        let _crc = encode(head(3), &record, 0, &mut line);
        let written: Value = serde_json::from_slice(&line).expect("json");
        let kind = written["kind"].as_str().expect("a kind").to_owned();
        let text =
            section(|heading| heading.starts_with("###") && heading.contains(&format!("`{kind}`")));
        for (field, value) in written.as_object().expect("an object") {
            if ["seq", "at", "kind", "nth", "crc"].contains(&field.as_str()) {
                assert!(names(&lines_section, field), "{field}");
                continue;
            }
            assert!(names(&text, field), "{kind}: {field}");
            // The names in these two are data.
            if ["caps", "counts"].contains(&field.as_str()) {
                continue;
            }
            for inner in inner_fields(value) {
                let dotted = format!("{field}.{inner}");
                let named = names(&text, &inner) || names(&text, &dotted);
                assert!(named, "{kind}: {dotted}");
            }
        }
    }
}

/// Gives the names of all fields inside a value.
fn inner_fields(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let inside = fields.iter().flat_map(|(name, value)| {
                let mut names = inner_fields(value);
                names.push(name.clone());
                names
            });
            inside.collect()
        }
        Value::Array(values) => values.iter().flat_map(inner_fields).collect(),
        _ => Vec::new(),
    }
}

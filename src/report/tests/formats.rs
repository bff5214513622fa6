//! JSON, CSV and sidecars of a history in which everything happens.

use std::collections::{BTreeMap, HashSet};

use crate::ledger::bills::Absent;
use crate::report::escape::is_steering;
use crate::report::history::History;
use crate::report::history::report::State;
use crate::report::sidecar::{Feed, Sidecar, SidecarFile};
use crate::report::tests::fixture::{FORMULA, Log, deal, eventful};
use crate::report::{csv, json};

pub(super) fn as_json(history: &History) -> String {
    let mut bytes = Vec::new();
    json::report::spell(&history.report(&Absent::new()), &mut bytes).expect("memory takes all");
    String::from_utf8(bytes).expect("UTF-8")
}

fn as_csv(history: &History) -> String {
    let mut bytes = Vec::new();
    csv::spell(&history.report(&Absent::new()), &mut bytes).expect("memory takes all");
    String::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn the_report_tells_everything_in_json() {
    let text = as_json(&eventful().history());
    assert!(!text.contains(|c| is_steering(c) && c != '\n'));
    assert!(!text.contains("im.runware.ai"), "no address leaves");
    insta::assert_snapshot!(text);
}

#[test]
fn the_report_has_a_row_for_each_take_in_csv() {
    let text = as_csv(&eventful().history());
    let harmless = text.replace("\r\n", "\n");
    assert!(!harmless.contains(|c| is_steering(c) && c != '\n'));
    assert!(!text.contains("im.runware.ai"), "no address leaves");
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    assert_eq!(
        reader.headers().expect("a header").len(),
        csv::COLUMNS.len()
    );
    let shots: Vec<String> = reader
        .records()
        .map(|row| row.expect("a row")[0].to_owned())
        .collect();
    assert_eq!(shots[shots.len() - 1], format!("'{FORMULA}"));
    insta::assert_snapshot!(harmless);
}

#[test]
fn notes_and_other_columns_of_the_shots_are_told() {
    let history = eventful().history();
    let mut report = history.report(&Absent::new());
    let cell = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let shot = report.takes[0].known.shot.clone();
    let kept = [
        cell("note", FORMULA),
        cell("Artist", "Ada"),
        cell("seed", "7"),
        cell("Artist", "Bo"),
    ];
    report.kept.insert(shot.as_str(), &kept);
    report.kept.insert("never bought", &kept);
    let mut text = Vec::new();
    csv::spell(&report, &mut text).expect("memory takes all");
    let mut reader = ::csv::Reader::from_reader(text.as_slice());
    let head: Vec<_> = reader
        .headers()
        .expect("a header")
        .iter()
        .skip(33)
        .collect();
    assert_eq!(head, ["Artist", "note", "seed (of the list)"]);
    for row in reader.records().map(|row| row.expect("a row")) {
        let own: Vec<_> = row.iter().skip(33).collect();
        let formula = format!("'{FORMULA}");
        let told = if row[0] == *shot.as_str() {
            ["Ada; Bo", &formula, "7"]
        } else {
            [""; 3]
        };
        assert_eq!(own, told, "{row:?}");
    }
    let mut text = Vec::new();
    json::report::spell(&report, &mut text).expect("memory takes all");
    let told: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(told["columns"][shot.as_str()]["note"], FORMULA);
    assert_eq!(told["columns"]["never bought"]["seed"], "7");
}

#[test]
fn every_take_number_is_told_once() {
    let log = eventful();
    let history = log.history();
    let report = history.report(&Absent::new());
    let mut seen = HashSet::new();
    for take in &report.takes {
        let place = (take.known.shot.clone(), take.known.variant, take.number);
        assert!(seen.insert(place), "{take:?}");
    }
    let of = |state| report.takes.iter().filter(|t| t.state() == state).count();
    let states = [
        (State::Saved, 5),
        (State::Refused, 1),
        (State::Failed, 1),
        (State::Unsure, 1),
        (State::Lost, 1),
        (State::Produced, 1),
        (State::Intended, 3),
        (State::Accepted, 0),
    ];
    for (state, takes) in states {
        assert_eq!(of(state), takes, "{}", state.word());
    }
    let stood: Vec<_> = report.problems.iter().map(|told| told.stands).collect();
    assert_eq!(stood.iter().filter(|stands| !**stands).count(), 1);
}

#[test]
fn an_empty_history_is_told_too() {
    insta::assert_snapshot!(as_json(&History::default()));
    insta::assert_snapshot!(as_csv(&History::default()).replace("\r\n", "\n"));
}

fn sidecars(feed: &mut Feed, log: &Log) -> Vec<SidecarFile> {
    let files = log.records.iter().filter_map(|record| feed.take_in(record));
    files.collect()
}

#[test]
fn a_sidecar_says_what_an_image_is() {
    let mut log = Log::open();
    log.buy(&deal("104/TCC/0010", 3, 2).variant(1));
    let files = sidecars(&mut Feed::default(), &log);
    assert_eq!(files.len(), 2);
    assert_eq!(files[1].path, "images/104/TCC/0010_1_v004.jpg.json");
    let text = String::from_utf8(files[1].bytes.clone()).expect("UTF-8");
    assert!(text.ends_with("}\n"));
    insta::assert_snapshot!(text);
}

#[test]
fn rebuilt_sidecars_are_the_same_bytes() {
    let log = eventful();
    let live = sidecars(&mut Feed::default(), &log);
    assert_eq!(live.len(), 5);
    let everything = log
        .history()
        .trails()
        .iter()
        .map(|(task, _)| task)
        .collect();
    assert_eq!(sidecars(&mut Feed::keeping(everything), &log), live);
    // And from the whole history at once.
    let history = log.history();
    let mut whole = BTreeMap::new();
    for (_, trail) in history.trails().iter() {
        for image in &trail.images {
            if let Some(sidecar) = Sidecar::of(history.trails(), trail, image.produced.index) {
                let file = sidecar.file();
                whole.insert(file.path, file.bytes);
            }
        }
    }
    let live: BTreeMap<_, _> = live.into_iter().map(|f| (f.path, f.bytes)).collect();
    assert_eq!(whole, live);
}

#[test]
fn an_image_fetched_again_is_known_to_need_a_new_sidecar() {
    let bought = deal("104/TCC/0010", 1, 1);
    let mut log = Log::open();
    log.buy(&bought).end("done").run("run-2").save(&bought, 0);
    let mut feed = Feed::default();
    let first = sidecars(&mut feed, &log);
    assert_eq!(first.len(), 1);
    assert_eq!(feed.stale(), &HashSet::from([bought.task()]));
    let mut again = Feed::keeping(feed.stale().clone());
    let both = sidecars(&mut again, &log);
    assert_eq!(both.len(), 2);
    assert_ne!(
        both[0].bytes, both[1].bytes,
        "the later one has the later time"
    );
    assert!(again.stale().is_empty());
}

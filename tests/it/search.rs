//! A lost log is made good whatever became of the show since: nothing of it is bought again.

use std::fs;

use crate::support::{Rehearsal, Show};

const QUICK: &str = "10ms";
const FOUND: &str = "bought before; they count, and are fetched free of charge";

fn list(show: &Show, what: &str) {
    let rows = (1..=6).map(|n| format!("{n:04},a {what} boat number {n} at sea\n"));
    let rows: String = rows.collect();
    show.write("shots.csv", &format!("id,prompt\n{rows}"));
}

fn matrix(show: &Show, lights: &str) {
    let manifest = format!(
        "[show]\nid = \"8f14e45f-ceea-467f-a9b1-0d3c2b5a7e10\"\n[run]\nquiet_s = 1\n[[shots]]\n\
         id = \"0010\"\nprompt = \"a pier in {{light}} light\"\nmatrix = {{ light = [{lights}] }}\n"
    );
    show.write("show.toml", &manifest);
}

/// The numbers of the variants that the run log tells of, with their values.
fn numbers(show: &Show) -> Vec<(u64, String)> {
    let intents = show.of_kind("intent").into_iter();
    let mut numbers: Vec<_> = intents
        .map(|intent| {
            let number = intent["variant"].as_u64().expect("a number");
            (number, intent["values"].to_string())
        })
        .collect();
    numbers.sort();
    numbers
}

#[test]
fn takes_bought_after_a_prompt_was_changed_are_found() {
    let show = Show::of(6, "");
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &[]).exits(0);
    list(&show, "big");
    show.run(&server, &[]).exits(0);
    show.audit(&server, 12);
    fs::remove_dir_all(show.path().join("out")).expect("removed");
    show.run(&server, &[]).exits(0).says(FOUND);
    assert_eq!(server.stats()["images_billed"], 12);
    assert_eq!(show.saved(), 6);
    // Under their own numbers: what had others is not known to the list any more.
    let saved = show.of_kind("saved");
    assert!(saved.iter().all(|saved| saved["take"] == 2), "{saved:?}");
    show.run(&server, &[]).exits(0).says("Nothing to do");
}

#[test]
fn variants_are_found_under_the_numbers_they_had() {
    for all in [false, true] {
        let show = Show::new();
        let server = Rehearsal::start(&["--latency", QUICK]);
        matrix(&show, "\"dawn\", \"dusk\"");
        show.run(&server, &[]).exits(0);
        matrix(&show, "\"night\", \"noon\", \"dawn\", \"dusk\"");
        show.run(&server, &[]).exits(0);
        show.audit(&server, 4);
        let before = numbers(&show);
        let gone = if all { "out" } else { "out/run-log.jsonl" };
        let gone = show.path().join(gone);
        if all {
            fs::remove_dir_all(gone).expect("removed");
        } else {
            fs::remove_file(gone).expect("removed");
        }
        // One that was never bought is, under a number of its own.
        matrix(&show, "\"fog\", \"night\", \"noon\", \"dawn\", \"dusk\"");
        show.run(&server, &[]).exits(0).says(FOUND);
        show.audit(&server, 5);
        let after = numbers(&show);
        assert_eq!(&after[..4], &before[..], "{after:?}");
        assert_eq!(after[4].0, 5, "{after:?}");
        show.run(&server, &[]).exits(0).says("Nothing to do");
    }
}

#[test]
fn takes_of_tasks_of_several_images_are_found_beside_retakes() {
    let show = Show::of(2, "[defaults]\ntakes = 2\nresults_per_task = 2\n");
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &[]).exits(0);
    show.reshoot(&["retake", "0001@1"]).exits(0);
    show.run(&server, &[]).exits(0);
    show.audit(&server, 5);
    fs::remove_file(show.log()).expect("removed");
    show.run(&server, &[]).exits(0).says(FOUND);
    show.audit(&server, 5);
    show.run(&server, &[]).exits(0).says("Nothing to do");
}

#[test]
fn a_signed_plan_is_spent_once_whatever_the_log_forgot() {
    let show = Show::of(6, "");
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &[]).exits(0);
    list(&show, "big");
    show.reshoot(&["plan", "-o", "p.json"]).exits(0);
    show.run(&server, &["--plan", "p.json"]).exits(0);
    show.audit(&server, 12);
    fs::remove_dir_all(show.path().join("out")).expect("removed");
    // Planned without a log, all of it has other numbers than were signed.
    let said = show.run(&server, &["--plan", "p.json"]);
    said.exits(3);
    assert_eq!(server.stats()["images_billed"], 12);
}

#[test]
fn a_new_show_is_searched_for_in_a_few_questions() {
    let show = Show::of(300, "");
    let server = Rehearsal::start(&["--latency", QUICK]);
    let said = show.run(&server, &["--limit", "1"]);
    said.exits(0);
    assert!(!said.err.contains("searching"), "{said:?}");
    let asked = &server.stats()["requests"];
    let details = asked["getTaskDetails"].as_u64().expect("a count");
    assert!(details < 150, "{asked}");
}

#[test]
fn where_the_provider_cannot_be_asked_nothing_is_bought() {
    let show = Show::of(2, "retries = 1\n");
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &[]).exits(0);
    list(&show, "big");
    show.run(&server, &["--limit", "2"]).exits(0);
    fs::remove_dir_all(show.path().join("out")).expect("removed");
    let nobody = ["run", "--yes", "--endpoint", "http://127.0.0.1:9/v1"];
    let said = show.reshoot(&nobody);
    said.exits(5).says("6 takes not begun");
    assert_eq!(show.of_kind("intent").len(), 0);
    show.run(&server, &[]).exits(0).says(FOUND);
    assert_eq!(server.stats()["images_billed"], 8);
    assert_eq!(show.saved(), 6);
}

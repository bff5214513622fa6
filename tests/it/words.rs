//! What people are told is what is so: why a code is 5 or 6, what lacks, and what can be done.

use std::fs;

use serde_json::Value;

use crate::support::{Rehearsal, Said, Show};

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.out).expect("json")
}

#[track_caller]
fn says_nowhere(said: &Said, words: &str) {
    assert!(!said.out.contains(words), "{}", said.out);
    assert!(!said.err.contains(words), "{}", said.err);
}

#[test]
fn a_run_that_ends_with_5_names_what_was_refused_before() {
    for (strikes, kind) in [("at-submit", "refused"), ("after-accept", "failed")] {
        let show = Show::of(2, "");
        let faults = format!("moderated=1,moderated-strikes={strikes}");
        let server = Rehearsal::start(&["--latency", "20ms", "--faults", &faults]);
        show.run(&server, &[]).exits(5);
        let sent = server.stats()["requests"]["imageInference"].clone();
        let again = show.run(&server, &[]);
        again.exits(5).says(&format!("{kind}: 2 takes"));
        again.says("Ended, with 2 takes missing. ");
        again.says("change the prompt").says("--retry-refused");
        says_nowhere(&again, "Done");
        let told = json(show.run(&server, &["--json"]).exits(5));
        let problems = told["problems"].as_array().expect("a list");
        assert_eq!(problems.len(), 2, "{told}");
        for problem in problems {
            assert_eq!(problem["kind"], kind);
            let advice = problem["what_to_do"].as_str().expect("words");
            assert!(advice.contains("--retry-refused"), "{advice}");
        }
        assert_eq!(server.stats()["requests"]["imageInference"], sent);
        // What is bought beside them is told with them.
        show.write(
            "shots.csv",
            "id,prompt\n0001,a small boat number 1 at sea\n0003,a new one\n",
        );
        let calm = Rehearsal::start(&["--latency", "20ms"]);
        let beside = show.run(&calm, &[]);
        beside.exits(5).says(&format!("{kind}: 1 take:"));
        beside.says("1 take saved");
    }
}

#[test]
fn the_bill_check_knows_of_files_that_are_gone_or_changed() {
    let show = Show::of(2, "");
    let server = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&server, &[]).exits(0);
    show.reshoot(&["status"]).says("every charge has its file");
    let picture = &show.pictures()[0];
    let bytes = fs::read(picture).expect("a picture");
    for cut in [None, Some(&bytes[..bytes.len() / 2])] {
        match cut {
            None => fs::remove_file(picture).expect("gone"),
            Some(bytes) => fs::write(picture, bytes).expect("cut"),
        }
        let told = show.reshoot(&["status"]);
        told.says("1 file gone or changed");
        told.says("1 take paid for and not on disk: $0.028");
        says_nowhere(&told, "every charge has its file");
        let bill = show.status()["bill_check"].clone();
        assert_eq!(bill["paid_without_file"]["takes"], 1);
        assert_eq!(bill["clean"], false);
        // The report names it, as is said there.
        let report = json(&show.reshoot(&["report", "--format", "json"]));
        let named = report["bill_check"]["paid_without_file"].as_array();
        assert_eq!(named.map(Vec::len), Some(1), "{}", report["bill_check"]);
    }
    let left = show.run(&server, &[]);
    left.exits(5).says("missing: 1 take");
    left.says("move the file away and run again");
    left.says("1 take paid for and not on disk: $0.028");
    says_nowhere(&left, "every charge has its file");
    let told = json(&show.run(&server, &["--json"]));
    assert_eq!(told["problems"][0]["kind"], "missing");
    assert_eq!(told["bill_check"]["paid_without_file"]["takes"], 1);
    fs::remove_file(picture).expect("moved away");
    let whole = show.run(&server, &[]);
    whole.exits(0).says("every charge has its file");
}

#[test]
fn an_unsure_take_that_is_asked_for_no_more_is_told_as_such() {
    let show = Show::of(1, "");
    let first = Rehearsal::start(&["--latency", "20ms", "--faults", "drop-before-accept=1"]);
    let still = show.run(&first, &[]);
    still.exits(5).says("`run --rebuy missing` buys them anew");
    show.reshoot(&["status"]).says("`run --rebuy missing`");
    show.write("shots.csv", "id,prompt\n0001,something else\n");
    let plan = show.reshoot(&["plan"]);
    plan.says("Not asked for any more: 1 take that may have been paid for; $0.028 stays reserved");
    plan.says("0001 v001");
    let unasked = json(&show.reshoot(&["plan", "--json"]))["unasked"].clone();
    assert_eq!(unasked[0]["shot"], "0001");
    assert_eq!(unasked[0]["takes"], serde_json::json!([1]));
    assert_eq!(unasked[0]["reserved_usd_micros"], 28_000);
    let second = Rehearsal::start(&["--latency", "20ms"]);
    for more in [&[][..], &["--rebuy", "missing"]] {
        let told = show.run(&second, more);
        told.exits(5).says("Ended, with 1 take missing. ");
        told.says("the manifest asks for them no more");
        says_nowhere(&told, "buys them anew at the risk");
    }
    let told = show.reshoot(&["status"]);
    told.says("the manifest asks for them no more");
    assert_eq!(second.stats()["images_billed"], 1);
}

#[test]
fn a_run_that_a_cap_cut_short_says_so_everywhere() {
    let show = Show::of(0, "[budget]\nshow = \"900.00\"\nsequence = \"0.06\"");
    let rows = (1..=5).map(|n| format!("104,A,{n:04},a small boat number {n}\n"));
    let list = rows.collect::<String>();
    show.write(
        "shots.csv",
        &format!("episode,sequence,name,prompt\n{list}"),
    );
    let server = Rehearsal::start(&["--latency", "20ms"]);
    let run = show.run(&server, &[]);
    run.exits(6).says("2 images to buy for $0.056 at the most");
    run.says("caps $900.00 on the show, $0.06 on each sequence");
    run.says("Ended, with takes left out by a sequence cap");
    run.says("raise the sequence cap");
    let ended = show.of_kind("run_ended");
    assert_eq!(ended[0]["reason"], "cap");
    let told = show.reshoot(&["status"]);
    told.says("3 pending (0 to buy, 3 over-budget, 0 under way)");
    let takes = show.status()["takes"].clone();
    assert_eq!([&takes["to_buy"], &takes["over_budget"]], [0, 3]);
    show.reshoot(&["plan"]).says("over-budget: 3 takes");
    show.audit(&server, 2);
}

#[test]
fn one_is_not_told_as_many() {
    let show = Show::of(1, "");
    let server = Rehearsal::start(&["--latency", "20ms"]);
    show.reshoot(&["check"]).exits(0).says("1 shot, 1 variant");
    show.run(&server, &[]).exits(0);
    show.run(&server, &[]).exits(0).says("1 take on disk");
    fs::remove_file(&show.pictures()[0]).expect("gone");
    let told = show.run(&server, &["--rebuy", "missing"]);
    told.exits(0).says("1 take missing or unsure");
}

//! Results that come late, twice, reordered, in part or from elsewhere; and money that is unlike
//! what was expected.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Rehearsal, Said, Show};

const FOUR_AT_ONCE: &str =
    "[defaults]\npreset = \"p\"\n[presets.p]\ntakes = 4\nresults_per_task = 4\n";

/// Runs until everything is done, a few times at most.
fn run_to_the_end(show: &Show, server: &Rehearsal) -> Said {
    let mut said = show.run(server, &[]);
    for _ in 0..4 {
        if said.code == Some(0) {
            break;
        }
        said = show.run(server, &[]);
    }
    said
}

fn asked(server: &Rehearsal, kind: &str) -> u64 {
    server.stats()["requests"][kind].as_u64().unwrap_or(0)
}

fn status(show: &Show) -> Value {
    serde_json::from_str(&show.reshoot(&["status", "--json"]).out).expect("JSON")
}

#[test]
fn results_that_come_late_twice_and_out_of_order_are_each_kept_once() {
    let show = Show::of(5, FOUR_AT_ONCE);
    let faults = "late=0.4,late-by=700ms,poll-shuffled=1,results-end=one-by-one,seed=4";
    let server = Rehearsal::start(&["--latency", "200ms", "--faults", faults]);
    show.run(&server, &[]).exits(0);
    show.audit(&server, 20);
    assert_eq!(server.stats()["tasks_billed"], 5);
}

#[test]
fn a_task_that_gives_some_of_its_images_keeps_them_and_the_rest_is_bought_anew() {
    let show = Show::of(6, FOUR_AT_ONCE);
    let server = Rehearsal::start(&[
        "--latency",
        "30ms",
        "--faults",
        "partial-results=0.5,seed=2",
    ]);
    run_to_the_end(&show, &server).exits(0);
    show.audit(&server, 24);
    let records = show.records();
    let failed: Vec<_> = records.iter().filter(|r| r["kind"] == "failed").collect();
    assert!(!failed.is_empty(), "no task gave only a part");
    // Each attempt asks for what lacks alone, under take numbers that nothing holds.
    let paths: std::collections::BTreeSet<_> =
        records.iter().filter_map(|r| r["path"].as_str()).collect();
    assert_eq!(paths.len(), 24);
    let told = status(&show);
    let by_failed = told["bill_check"]["reserved_by_failed"]["takes"].as_u64();
    assert!(
        by_failed.expect("a count") > 0,
        "what was accepted keeps its price"
    );
}

#[test]
fn an_expired_address_is_asked_for_again_before_an_image_is_given_up() {
    let show = Show::of(8, "");
    let server = Rehearsal::start(&["--latency", "30ms", "--faults", "expired-url=0.3,seed=1"]);
    run_to_the_end(&show, &server).exits(0);
    show.audit(&server, 8);
    let lost = show
        .records()
        .iter()
        .filter(|r| r["kind"] == "lost")
        .count();
    assert_eq!(lost, 0);
}

#[test]
fn the_archive_tells_what_the_queue_has_forgotten() {
    let show = Show::of(4, "");
    let server = Rehearsal::start(&["--latency", "150ms", "--faults", "poll-keeps=1ms"]);
    show.run(&server, &[]).exits(0);
    show.audit(&server, 4);
    assert!(asked(&server, "getTaskDetails") >= 1, "{}", server.stats());
}

/// A show whose shots all use one reference picture.
fn with_reference(prompts: &str) -> Show {
    let show = Show::of(0, "");
    let picture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/harbour/bible/wren/face.png");
    fs::copy(&picture, show.path().join("face.png")).expect("a picture");
    rewrite(&show, prompts);
    show
}

fn rewrite(show: &Show, prompt: &str) {
    let rows = (1..=6).map(|n| format!("{n:04},{prompt} number {n},face.png\n"));
    let list = format!("id,prompt,references\n{}", rows.collect::<String>());
    show.write("shots.csv", &list);
}

fn uploads(show: &Show) -> usize {
    let records = show.records();
    records.iter().filter(|r| r["kind"] == "reference").count()
}

#[test]
fn an_upload_the_provider_forgot_goes_up_again_once_for_all_shots() {
    let show = with_reference("a boat");
    let server = Rehearsal::start(&["--latency", "100ms", "--faults", "upload-life=6s"]);
    show.run(&server, &["-j", "6"]).exits(0);
    assert_eq!(uploads(&show), 1);
    std::thread::sleep(Duration::from_millis(6_500));
    rewrite(&show, "a lighthouse");
    show.run(&server, &["-j", "6"]).exits(0);
    assert_eq!(uploads(&show), 2, "{:#}", server.stats());
    show.audit(&server, 12);
    // The new upload is the one that later runs use.
    rewrite(&show, "a harbour");
    show.run(&server, &["-j", "6"]).exits(0);
    assert_eq!(uploads(&show), 2);
    show.audit(&server, 18);
}

#[test]
fn an_upload_that_is_missed_only_after_acceptance_goes_up_again_once_too() {
    let show = with_reference("a boat");
    let faults = "upload-life=6s,reference-check=after-accept";
    let server = Rehearsal::start(&["--latency", "100ms", "--faults", faults]);
    show.run(&server, &["-j", "6"]).exits(0);
    std::thread::sleep(Duration::from_millis(6_500));
    rewrite(&show, "a lighthouse");
    show.run(&server, &["-j", "6"]).exits(0);
    assert_eq!(uploads(&show), 2, "{:#}", server.stats());
    show.audit(&server, 12);
}

#[test]
fn a_dearer_price_is_told_and_raises_what_is_reserved_next() {
    let show = Show::of(3, "");
    let server = Rehearsal::start(&["--latency", "20ms", "--faults", "price-1k=0.05"]);
    // At the listed 0.028 a third image would fit under the cap.
    let said = show.run(&server, &["-j", "1", "--max-cost", "0.13"]);
    said.exits(6)
        .says("at another price than is listed: $0.10 where $0.056 is listed");
    let reserved: Vec<_> = show
        .records()
        .iter()
        .filter_map(|r| {
            r["reserved_usd_micros"]
                .as_u64()
                .filter(|_| r["kind"] == "intent")
        })
        .collect();
    assert_eq!(reserved, [28_000, 50_000]);
    let told = status(&show);
    assert_eq!(told["bill_check"]["clean"], false);
    assert_eq!(told["bill_check"]["price_unlike_listed"]["takes"], 2);
    assert_eq!(told["money"]["show"]["spent_usd_micros"], 100_000);
    show.audit(&server, 2);
}

#[test]
fn a_cost_that_is_missing_or_nought_is_booked_at_the_expected_price_and_told() {
    for cost in ["cost=never", "cost=zero"] {
        let show = Show::of(2, "");
        let server = Rehearsal::start(&["--latency", "20ms", "--faults", cost]);
        let said = show.run(&server, &["--json"]);
        said.exits(0);
        let told: Value = serde_json::from_str(&said.out).expect("JSON");
        let check = &told["bill_check"]["cost_assumed"];
        assert_eq!(
            (&check["takes"], &check["usd_micros"]),
            (&2.into(), &56_000.into()),
            "{cost}"
        );
        assert_eq!(told["money"]["show"]["spent_usd_micros"], 56_000, "{cost}");
        show.reshoot(&["status"]).exits(0).says("missing or nought");
    }
}

#[test]
fn caps_of_every_kind_are_told_with_what_is_left_of_them() {
    let budget =
        "[budget]\nrun = \"1.00\"\nshow = \"2.00\"\nsequence = \"0.50\"\nshot = \"0.03\"\n";
    let show = Show::of(0, budget);
    show.write(
        "shots.csv",
        "id,prompt\n104/TCC/0010,a boat at sea\n104/TCC/0020,a pier in fog\n",
    );
    let server = Rehearsal::start(&["--latency", "20ms"]);
    let said = show.run(&server, &[]);
    said.exits(0);
    for told in [said, show.reshoot(&["status"])] {
        told.says("$0.056 spent, $0.00 reserved; $1.944 left of the cap of $2.00");
        told.says(
            "sequence 104/TCC: $0.056 spent, $0.00 reserved; $0.444 left of the cap of $0.50",
        );
        told.says(
            "shot 104/TCC/0010: $0.028 spent, $0.00 reserved; $0.002 left of the cap of $0.03",
        );
        told.says("left of the cap of $1.00");
        told.says("every charge has its file");
    }
    let told = status(&show);
    assert_eq!(
        told["money"]["shots"]["104/TCC/0010"]["spent_usd_micros"],
        28_000
    );
}

#[test]
fn a_shot_waits_under_its_sequences_cap_for_money_that_comes_free() {
    let show = Show::of(0, "jobs = 4\n[budget]\nsequence = \"0.06\"\n");
    let rows = (1..=4).map(|n| format!("{n:04},q,a boat number {n}\n"));
    show.write(
        "shots.csv",
        &format!("id,sequence,prompt\n{}", rows.collect::<String>()),
    );
    let faults =
        "[switches]\nmoderated-strikes = \"at-submit\"\n[[at]]\ntask = 1\nfault = \"moderated\"\n";
    let server = Rehearsal::with_faults("300ms", faults);
    let said = show.run(&server, &[]);
    assert_eq!(show.saved(), 2, "{said:?}");
    assert_eq!(server.stats()["images_billed"], 2, "{said:?}");
}

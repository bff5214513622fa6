//! Faults of the service: every take ends saved or explained, and the money agrees with its books.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::support::hostile::picture_of;
use crate::support::{Rehearsal, Show};

/// Every fault that does not keep a client waiting for longer than it waits at all.
const MIX: [&str; 29] = [
    "drop-before-accept",
    "drop-after-accept",
    "late",
    "rate-limit",
    "server-error",
    "html-error",
    "broken-json",
    "truncated-image",
    "wrong-length",
    "expired-url",
    "partial-results",
    "nsfw",
    "moderated",
    "no-credit",
    "forgets-task",
    "cost-missing",
    "failed",
    "download-error",
    "html-image",
    "empty-image",
    "redirect-image",
    "foreign-url",
    "poll-server-error",
    "poll-rate-limit",
    "poll-drop",
    "poll-html",
    "poll-broken-json",
    "poll-shuffled",
    "upload-drop",
];

/// 500 tasks: 400 of one image and 100 of two, some with references of their own.
fn show_of_five_hundred(delivery: &str) -> Show {
    let show = Show::of(
        0,
        &format!(
            "patience_s = 4\njobs = 100\n[defaults]\npreset = \"p\"\n[presets.p]\n\
             delivery = \"{delivery}\"\nresults_per_task = 2\n"
        ),
    );
    let mut rows = "id,prompt,takes,references\n".to_owned();
    for n in 1..=500 {
        let takes = if n % 5 == 0 { 2 } else { 1 };
        let reference = if n % 25 == 1 {
            let name = format!("refs/{n}.jpg");
            std::fs::create_dir_all(show.path().join("refs")).expect("a folder");
            let picture = picture_of(300 + n, 400);
            std::fs::write(show.path().join(&name), picture).expect("a picture");
            name
        } else {
            String::new()
        };
        let _written = writeln!(rows, "{n:04},boat number {n} at sea,{takes},{reference}");
    }
    show.write("shots.csv", &rows);
    show
}

/// Sums what the log books for each task, and whether the service told it.
fn booked(show: &Show) -> BTreeMap<String, (u64, bool)> {
    let mut booked: BTreeMap<String, (u64, bool)> = BTreeMap::new();
    for record in show.of_kind("produced") {
        let task = record["task"].as_str().expect("a task").to_owned();
        let (sum, told) = booked.entry(task).or_insert((0, true));
        *sum += record["cost_usd_micros"].as_u64().expect("money");
        *told &= record["cost_assumed"] != true;
    }
    booked
}

/// Holds the log against the books, task by task.
fn money_agrees(show: &Show, server: &Rehearsal) {
    let booked = booked(show);
    let unsure: Vec<Value> = show.of_kind("unsure");
    let is_unsure = |task: &str| unsure.iter().any(|record| record["task"] == task);
    let mut of_log = 0;
    let mut doubtful = 0;
    for task in server.tasks() {
        let id = task["taskUUID"].as_str().expect("an id");
        let billed = task["billed_usd_micros"].as_u64().expect("money");
        match booked.get(id) {
            // An untold cost is booked at the model's price, which is what is charged.
            Some((sum, _)) => {
                assert_eq!(*sum, billed, "{task}");
                of_log += sum;
            }
            None if is_unsure(id) => doubtful += billed,
            None => assert_eq!(billed, 0, "billed and not in the log: {task}"),
        }
    }
    let stats = server.stats();
    assert_eq!(
        Some(of_log + doubtful),
        stats["billed_usd_micros"].as_u64(),
        "{stats}"
    );
    let money = &show.status()["money"]["show"];
    assert_eq!(money["spent_usd_micros"].as_u64(), Some(of_log), "{money}");
    assert!(
        money["reserved_usd_micros"].as_u64() >= Some(doubtful),
        "{money}"
    );
}

/// Everything ends saved, or is listed with a class, a code and words.
fn all_is_told(show: &Show, wanted: u64) {
    let status = show.status();
    let takes = &status["takes"];
    let count = |name: &str| takes[name].as_u64().expect("a count");
    let ended = ["failed", "refused", "unsure", "lost"].map(count);
    assert_eq!(count("pending"), 0, "{takes}");
    assert_eq!(
        count("saved") + ended.iter().sum::<u64>(),
        wanted,
        "{takes}"
    );
    for problem in status["problems"].as_array().expect("a list") {
        for word in ["class", "code", "message"] {
            let told = problem["why"][word].as_str().unwrap_or_default();
            assert!(!told.is_empty(), "{problem}");
        }
    }
    assert_eq!(show.pictures().len() as u64, count("saved"));
    let text = show.reshoot(&["status"]);
    for kind in ["unsure", "failed", "refused", "lost"] {
        assert!(count(kind) == 0 || text.out.contains(kind), "{text:?}");
    }
}

fn a_mix_of_all(delivery: &str) {
    let show = show_of_five_hundred(delivery);
    let rates: String = MIX.iter().map(|name| format!("{name} = 0.05\n")).collect();
    let faults = format!(
        "seed = 4\n[faults]\n{rates}upload-error = 0.05\n[switches]\nlate-by = \"400ms\"\n"
    );
    let server = Rehearsal::with_faults("20ms", &faults);
    let runs = show.run_until_done(&server, &[], 60);
    let stats = server.stats();
    assert_eq!(stats["duplicate_charges"], 0, "{stats}");
    all_is_told(&show, 600);
    money_agrees(&show, &server);
    eprintln!(
        "{delivery}: done after {runs} runs, {}",
        show.status()["takes"]
    );
}

#[test]
fn five_hundred_async_tasks_survive_a_mix_of_all_faults() {
    a_mix_of_all("async");
}

#[test]
fn five_hundred_sync_tasks_survive_a_mix_of_all_faults() {
    a_mix_of_all("sync");
}

//! Faults of the service: every take ends saved or explained, and the money agrees with its books.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::support::hostile::picture_of;
use crate::support::{Rehearsal, Show, side_by_side};

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
    let rates = MIX.map(|name| format!("{name} = 0.05\n")).concat();
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
fn five_hundred_tasks_survive_a_mix_of_all_faults_polled_for_or_waited_for() {
    side_by_side(&["async", "sync"], |delivery| a_mix_of_all(delivery));
}

/// How the struck shot ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Saved, by that many tasks.
    Saved(usize),
    /// Of its kind, with this code.
    Failed(&'static str),
    Refused(&'static str),
    Unsure(&'static str),
    Lost(&'static str),
}
use End::{Failed, Lost, Refused, Saved, Unsure};

/// A fault that strikes the second of three tasks, and what has to come of it.
struct Alone {
    fault: &'static str,
    /// How often in a row it strikes.
    times: u64,
    /// Switches of the faults file.
    switches: &'static str,
    /// The exit codes of the runs until nothing is left to do.
    exits: &'static [i32],
    end: End,
    /// How many images the service bills in all.
    billed: u64,
}

const fn alone(fault: &'static str, switches: &'static str, end: End) -> Alone {
    let exits: &[i32] = match end {
        Saved(_) => &[0],
        _ => &[5],
    };
    let billed = match end {
        Failed(_) | Refused(_) => 2,
        _ => 3,
    };
    Alone {
        fault,
        times: 1,
        switches,
        exits,
        end,
        billed,
    }
}

impl Alone {
    const fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    const fn exits(mut self, exits: &'static [i32]) -> Self {
        self.exits = exits;
        self
    }
}

/// Every fault alone, and what comes of it, whether tasks are polled for or waited for.
const ALONE: &[Alone] = &[
    // These two take as long as a client waits, so they begin first.
    alone("silence", "", Saved(1)),
    alone("stalled-image", "", Saved(1)),
    alone("drop-before-accept", "", Saved(1)),
    alone("drop-before-accept", "", Saved(1)).times(3),
    alone("drop-after-accept", "", Saved(1)),
    alone("late", "late-by = \"1500ms\"", Saved(1)),
    alone("rate-limit", "", Saved(1)),
    alone("rate-limit", "retry-after = 1", Saved(1)).times(2),
    alone("rate-limit", "retry-after = \"date 1\"", Saved(1)),
    // Being told to wait is no attempt.
    alone("rate-limit", "", Saved(1)).times(3),
    alone("server-error", "server-error-accepts = \"no\"", Saved(1)),
    alone("server-error", "server-error-accepts = \"yes\"", Saved(1)),
    alone(
        "server-error",
        "server-error-status = 503\nserver-error-accepts = \"no\"",
        Saved(1),
    ),
    alone(
        "server-error",
        "server-error-status = 504\nserver-error-accepts = \"yes\"",
        Saved(1),
    ),
    alone("html-error", "html-error-accepts = \"no\"", Saved(1)),
    alone("html-error", "html-error-accepts = \"yes\"", Saved(1)),
    alone("broken-json", "broken-json-accepts = \"no\"", Saved(1)),
    alone("broken-json", "broken-json-accepts = \"yes\"", Saved(1)),
    alone("truncated-image", "", Saved(1)),
    alone("wrong-length", "", Saved(1)),
    alone("download-error", "", Saved(1)),
    alone("html-image", "", Saved(1)),
    alone("empty-image", "", Saved(1)),
    alone("redirect-image", "", Saved(1)),
    alone("foreign-url", "", Saved(1)),
    alone("expired-url", "", Saved(1)),
    alone("expired-url", "expired-status = 410", Saved(1)).times(2),
    alone(
        "expired-url",
        "fresh-url = \"no\"\nexpired-status = 403",
        Lost("image-gone"),
    ),
    alone("failed", "", Saved(2)),
    alone("failed", "poll-error = \"data\"", Saved(2)),
    alone("failed", "poll-error-http = 400", Saved(2)),
    alone("nsfw", "", Saved(1)),
    alone("moderated", "", Failed("providerContentPolicyViolation")),
    alone(
        "moderated",
        "moderated = \"providerBadRequest\"",
        Failed("providerBadRequest"),
    ),
    alone(
        "moderated",
        "moderated-strikes = \"at-submit\"",
        Refused("providerContentPolicyViolation"),
    ),
    alone("no-credit", "", Saved(2)).exits(&[4, 0]),
    alone("cost-missing", "", Saved(1)),
    alone("poll-server-error", "", Saved(1)).times(3),
    alone("poll-rate-limit", "retry-after = 1", Saved(1)).times(2),
    alone("poll-drop", "", Saved(1)).times(3),
    alone("poll-html", "", Saved(1)).times(3),
    alone("poll-broken-json", "", Saved(1)).times(3),
    alone("poll-shuffled", "", Saved(1)),
];

fn strike(case: &Alone, delivery: &str) {
    let show = Show::of(
        3,
        &format!(
            "patience_s = 3\njobs = 1\n[defaults]\npreset = \"p\"\n[presets.p]\ndelivery = \"{delivery}\"\n"
        ),
    );
    let faults = format!(
        "[switches]\n{}\n[[at]]\ntask = 2\nfault = \"{}\"\ntimes = {}\n",
        case.switches, case.fault, case.times
    );
    let name = format!("{delivery}: {faults}");
    let server = Rehearsal::with_faults("20ms", &faults);
    for code in case.exits {
        let said = show.run(&server, &[]);
        assert_eq!(said.code, Some(*code), "{name}\n{said:?}");
    }
    came_to(&show, &server, case, &name);
    // Whatever is not to be bought again is not, and nothing that was bought is.
    show.run(&server, &[]);
    came_to(&show, &server, case, &name);
}

fn came_to(show: &Show, server: &Rehearsal, case: &Alone, name: &str) {
    let stats = server.stats();
    assert_eq!(stats["images_billed"], case.billed, "{name}\n{stats}");
    assert_eq!(stats["duplicate_charges"], 0, "{name}\n{stats}");
    money_agrees(show, server);
    let status = show.status();
    let saved = if matches!(case.end, Saved(_)) { 3 } else { 2 };
    assert_eq!(
        status["takes"]["saved"], saved,
        "{name}\n{}",
        status["takes"]
    );
    assert_eq!(show.pictures().len(), saved, "{name}");
    let ids = |record: &Value| record["task"].as_str().map(str::to_owned);
    let intents = show.of_kind("intent");
    let of_shot = intents.iter().filter(|record| record["shot"] == "0002");
    let tasks: std::collections::BTreeSet<_> = of_shot.filter_map(ids).collect();
    let (kind, code) = match case.end {
        Saved(needed) => {
            assert_eq!(tasks.len(), needed, "{name}\nids of the struck shot");
            assert_eq!(status["problems"], serde_json::json!([]), "{name}");
            return;
        }
        Failed(code) => ("failed", code),
        Refused(code) => ("refused", code),
        Unsure(code) => ("unsure", code),
        Lost(code) => ("lost", code),
    };
    let problem = &status["problems"][0];
    let told = [&problem["kind"], &problem["why"]["code"], &problem["shot"]];
    assert_eq!(told, [kind, code, "0002"], "{name}\n{problem}");
    assert!(
        !problem["why"]["message"]
            .as_str()
            .unwrap_or_default()
            .is_empty()
    );
    let last = show.of_kind(kind).pop().expect("a record of it");
    assert_eq!(last["code"], code, "{name}\n{last}");
}

#[test]
fn every_fault_alone_has_its_outcome_when_polled_for() {
    side_by_side(ALONE, |case| strike(case, "async"));
}

#[test]
fn every_fault_alone_has_its_outcome_when_waited_for() {
    // Three minutes of silence are waited out for a sync task: the mix of all is spared that.
    let quick: Vec<&Alone> = ALONE
        .iter()
        .filter(|case| case.fault != "silence" && !case.switches.contains("at-submit"))
        .collect();
    side_by_side(&quick, |case| strike(case, "sync"));
    // Whoever waits for the images cannot tell a refusal at submit from one by the model's maker,
    // so that its money stays reserved.
    let case = alone(
        "moderated",
        "moderated-strikes = \"at-submit\"",
        Failed("providerContentPolicyViolation"),
    );
    strike(&case, "sync");
}

#[test]
fn every_fault_there_is_is_tried_alone() {
    const ELSEWHERE: [&str; 4] = [
        "forgets-task",
        "partial-results",
        "upload-drop",
        "upload-error",
    ];
    for name in reshoot::rehearsal::faults::Faults::names() {
        let alone = ALONE.iter().any(|case| case.fault == name);
        assert!(
            alone || ELSEWHERE.contains(&name),
            "{name} is not tried alone"
        );
    }
}

#[test]
fn a_task_that_gives_some_of_its_images_keeps_them_and_buys_the_rest() {
    for (delivery, latency, switches) in [
        ("async", "50ms", "partial-http = 200"),
        (
            "async",
            "50ms",
            "partial-http = 400\nresults-end = \"one-by-one\"",
        ),
        // What still runs is not shown beside what has failed.
        (
            "async",
            "3s",
            "results-end = \"failures-first\"\npoll-running = \"empty\"",
        ),
        ("sync", "50ms", "partial-http = 400"),
    ] {
        let show = Show::of(
            2,
            &format!(
                "jobs = 1\n[defaults]\npreset = \"p\"\ntakes = 4\n[presets.p]\n\
                 results_per_task = 4\ndelivery = \"{delivery}\"\n"
            ),
        );
        let faults =
            format!("[switches]\n{switches}\n[[at]]\ntask = 1\nfault = \"partial-results\"\n");
        let server = Rehearsal::with_faults(latency, &faults);
        show.run(&server, &[]).exits(0);
        show.audit(&server, 8);
        assert_eq!(
            server.stats()["tasks_billed"],
            3,
            "the rest has a task of its own"
        );
        show.run(&server, &[]).exits(0).says("Nothing to do");
    }
}

#[test]
fn an_upload_that_is_lost_is_sent_again_and_shared() {
    for fault in ["upload-drop", "upload-error"] {
        let show = Show::of(0, "");
        let bytes = picture_of(400, 400);
        std::fs::write(show.path().join("pier.jpg"), bytes).expect("a picture");
        show.write(
            "shots.csv",
            "id,prompt,references\n0001,one boat,pier.jpg\n0002,two boats,pier.jpg\n",
        );
        let faults = format!("[[at]]\ntask = 1\nfault = \"{fault}\"\ntimes = 2\n");
        let server = Rehearsal::with_faults("20ms", &faults);
        show.run(&server, &[]).exits(0);
        show.audit(&server, 2);
        assert_eq!(server.stats()["uploads"], 1, "{fault}");
        assert_eq!(show.of_kind("reference").len(), 1, "{fault}");
    }
}

#[test]
fn a_forgotten_task_is_unsure_and_keeps_its_money_reserved() {
    let case = alone("forgets-task", "", Unsure("no-answer"));
    strike(&case, "async");
    // Its archive, or its own reply, knows better.
    strike(
        &alone("forgets-task", "forgets = \"queue\"", Saved(1)),
        "async",
    );
    strike(&alone("forgets-task", "", Saved(1)), "sync");
}

//! What people decide is kept, obeyed and told: once, by whom, and over which column.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Rehearsal, Said, Show};

const QUICK: &str = "20ms";

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

/// Decides as Anna.
fn decide(show: &Show, args: &[&str]) -> Said {
    Said::of(show.command(args).env("USER", "anna"))
}

fn billed(server: &Rehearsal) -> Value {
    server.stats()["images_billed"].clone()
}

/// Every decision in the file.
fn decisions(show: &Show) -> Vec<Value> {
    let text = fs::read_to_string(show.path().join("out/decisions.jsonl")).expect("decisions");
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a record"))
        .collect()
}

/// What `status` says of one shot.
fn told(show: &Show, shot: &str) -> Value {
    let status = show.status();
    let decided = status["decided"].as_array().expect("a list").clone();
    let found = decided.into_iter().find(|one| one["shot"] == shot);
    found.unwrap_or(Value::Null)
}

/// What `plan` buys, by reason.
fn reasons(show: &Show) -> Value {
    let said = show.reshoot(&["plan", "--json"]);
    said.exits(0);
    let plan = json(&said);
    plan["totals"]["reasons"].clone()
}

#[test]
fn an_approved_shot_is_not_bought_though_its_prompt_changed() {
    let show = Show::of(2, "");
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &[]).exits(0);
    decide(&show, &["approve", "0001", "-m", "lovely"])
        .exits(0)
        .says("0001: approved");
    show.write("shots.csv", "id,prompt\n0001,a whale\n0002,a gull\n");
    let said = show.reshoot(&["plan", "-v"]);
    said.exits(0).says("approved-but-stale");
    show.run(&server, &[]).exits(0);
    assert_eq!(billed(&server), 3);
    let said = show.reshoot(&["status"]);
    said.exits(0)
        .says("1 approved")
        .says("0001  approved (decision by anna, ")
        .says(": \"lovely\")");
    let said = show.reshoot(&["explain", "0001"]);
    said.exits(0).says("status: approved (decision by anna, ");
    // Taken back, it is bought like any other.
    let undone = decide(&show, &["approve", "--undo", "0001"]);
    undone
        .exits(0)
        .says("0001: approve taken back (decision by anna");
    show.run(&server, &[]).exits(0);
    assert_eq!(billed(&server), 4);
    assert_eq!(told(&show, "0001"), Value::Null);
    decide(&show, &["approve", "--undo", "0001"])
        .exits(2)
        .says("nobody decided `approve` on 0001");
}

#[test]
fn held_and_omitted_shots_are_not_bought_and_single_takes_bar_nothing() {
    let show = Show::of(4, "");
    let server = Rehearsal::start(&["--latency", QUICK]);
    decide(&show, &["hold", "0001"]).exits(0);
    decide(&show, &["omit", "0002", "0003"]).exits(0);
    show.run(&server, &[]).exits(0);
    assert_eq!(billed(&server), 1);
    decide(&show, &["hold", "0004@1", "-m", "too dark"])
        .exits(0)
        .says("0004@v001: this take is on hold");
    assert_eq!(told(&show, "0004")["status"], "todo");
    show.run(&server, &["--set", "takes=2", "--shot", "0004"])
        .exits(0);
    assert_eq!(billed(&server), 2, "a marked take counts as before");
    decide(&show, &["omit", "--undo", "0003"]).exits(0);
    show.run(&server, &[]).exits(0);
    assert_eq!(billed(&server), 3);
    let status = show.status();
    assert_eq!(status["shots"]["held"], 1);
    assert_eq!(status["shots"]["omitted"], 1);
    assert_eq!(status["shots"]["by_decision"], 2);
    let marked = &told(&show, "0004")["marked"][0];
    assert_eq!(
        (&marked["kind"], &marked["take"]),
        (&"hold".into(), &1.into())
    );
    let report = json(&show.reshoot(&["report"]));
    let takes = report["takes"].as_array().expect("takes").clone();
    let held = takes.iter().find(|take| take["decision"] == "hold");
    let held = held.expect("the marked take");
    assert_eq!(held["shot"], "0004");
    assert_eq!(held["decision_note"], "too dark");
    assert_eq!(held["decision_by"], "anna");
    assert!(held["decision_at"].is_string());
}

#[test]
fn a_retake_buys_a_fresh_set_once() {
    let show = Show::of(2, "[defaults]\ntakes = 2\n");
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &[]).exits(0);
    decide(&show, &["approve", "0001"]).exits(0);
    let said = decide(&show, &["retake", "0001", "-m", "wrong hair", "--json"]);
    said.exits(0);
    let aside = json(&said)["decided"][0]["sets_aside"].clone();
    let numbers: Vec<_> = aside.as_array().expect("a list").iter().collect();
    assert_eq!(numbers.len(), 2, "{aside}");
    assert_eq!(
        (&numbers[0]["take"], &numbers[1]["take"]),
        (&1.into(), &2.into())
    );
    assert_eq!(reasons(&show)["retake"]["takes"], 2);
    show.run(&server, &[]).exits(0);
    assert_eq!(billed(&server), 6);
    let takes: Vec<_> = show
        .of_kind("intent")
        .into_iter()
        .filter(|intent| intent["reason"] == "retake")
        .map(|intent| intent["takes"][0].clone())
        .collect();
    assert_eq!(takes.len(), 2);
    assert!(
        takes.contains(&3.into()) && takes.contains(&4.into()),
        "{takes:?}"
    );
    show.run(&server, &[]).exits(0).says("Nothing to do");
    show.audit(&server, 6);
    // The next retake is a new one.
    decide(&show, &["retake", "0001"])
        .exits(0)
        .says("set aside: v003, v004");
    show.run(&server, &[]).exits(0);
    show.run(&server, &[]).exits(0).says("Nothing to do");
    show.audit(&server, 8);
    // Taken back before it was obeyed, it costs nothing.
    decide(&show, &["retake", "0002"]).exits(0);
    decide(&show, &["retake", "0002", "--undo"]).exits(0);
    show.run(&server, &[]).exits(0).says("Nothing to do");
}

#[test]
fn a_retake_of_one_take_buys_one() {
    let show = Show::of(1, "[defaults]\ntakes = 3\n");
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &[]).exits(0);
    decide(&show, &["retake", "0001@v002"]).exits(0);
    assert_eq!(reasons(&show)["retake"]["takes"], 1);
    show.run(&server, &[]).exits(0);
    show.run(&server, &[]).exits(0).says("Nothing to do");
    show.audit(&server, 4);
    // More takes than before are no retake.
    show.write(
        "shots.csv",
        "id,prompt,takes\n0001,a small boat number 1 at sea,4\n",
    );
    assert_eq!(reasons(&show)["more-takes"]["takes"], 1);
}

#[test]
fn a_retake_of_a_task_of_several_images_sets_aside_the_one_that_is_meant() {
    let show = Show::of(1, "[defaults]\ntakes = 4\nresults_per_task = 4\n");
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &[]).exits(0);
    decide(&show, &["retake", "0001@3"]).exits(0);
    show.run(&server, &[]).exits(0);
    show.audit(&server, 5);
    show.run(&server, &[]).exits(0).says("Nothing to do");
    let report = json(&show.reshoot(&["report"]));
    let retaken = report["takes"].as_array().expect("takes").iter();
    let retaken: Vec<_> = retaken
        .filter(|take| take["decision"] == "retake")
        .map(|take| take["take"].clone())
        .collect();
    assert_eq!(retaken, [3]);
}

/// Kills a run at a moment and says whether it had not ended by itself.
fn kill_after(show: &Show, server: &Rehearsal, moment: Duration) -> bool {
    let args = ["run", "--yes", "--endpoint", &server.endpoint];
    let mut command = show.command(&args);
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut run = command.spawn().expect("a run");
    std::thread::sleep(moment);
    let was_at_work = run.try_wait().expect("a look").is_none();
    run.kill().expect("a kill");
    run.wait().expect("an end");
    was_at_work
}

/// A retake that is killed again and again, asked for by a decision or by the column.
fn retake_through_kills(ask: impl Fn(&Show)) {
    const SHOTS: usize = 6;
    let show = Show::of(SHOTS, "jobs = 2\n[defaults]\ntakes = 2\n");
    let server = Rehearsal::start(&["--latency", "120ms"]);
    show.run(&server, &[]).exits(0);
    show.audit(&server, 2 * SHOTS);
    ask(&show);
    let mut killed = 0;
    for moment in [60, 150, 220, 260, 310, 400] {
        killed += usize::from(kill_after(&show, &server, Duration::from_millis(moment)));
    }
    assert!(
        killed >= 3,
        "{killed} runs were at work when they were killed"
    );
    show.run(&server, &[]).exits(0);
    show.audit(&server, 4 * SHOTS);
    show.run(&server, &[]).exits(0).says("Nothing to do");
    show.audit(&server, 4 * SHOTS);
}

#[test]
fn a_killed_retake_goes_on_and_buys_exactly_what_lacks() {
    retake_through_kills(|show| {
        decide(show, &["retake", "*"]).exits(0);
    });
}

/// Writes the six shots with this in their status column.
fn with_column(show: &Show, status: &str) {
    let rows = (1..=6).map(|n| format!("{n:04},a small boat number {n} at sea,{status}\n"));
    let rows: String = rows.collect();
    show.write("shots.csv", &format!("id,prompt,status\n{rows}"));
}

#[test]
fn a_killed_retake_of_the_column_goes_on_too() {
    retake_through_kills(|show| with_column(show, "retake"));
}

#[test]
fn failed_attempts_of_a_retake_are_the_retakes_own() {
    let show = Show::of(3, "retries = 0\n");
    let good = Rehearsal::start(&["--latency", QUICK]);
    show.run(&good, &[]).exits(0);
    show.write(
        "shots.csv",
        "id,prompt,status\n0001,a small boat number 1 at sea,retake\n\
         0002,a small boat number 2 at sea,\n0003,a small boat number 3 at sea,\n",
    );
    decide(&show, &["retake", "0002"]).exits(0);
    let bad = Rehearsal::start(&["--latency", QUICK, "--faults", "moderated=1"]);
    show.run(&bad, &[]).exits(5);
    assert_eq!(
        reasons(&show),
        Value::Object(serde_json::Map::new()),
        "refused before"
    );
    show.run(&good, &["--retry-refused"]).exits(0);
    assert_eq!(billed(&good), 5);
    show.run(&good, &["--retry-refused"]).exits(0);
    assert_eq!(billed(&good), 5);
}

#[test]
fn a_retake_of_an_unsure_take_buys_one() {
    let show = Show::of(2, "patience_s = 1\n");
    let forgets = Rehearsal::start(&["--latency", QUICK, "--faults", "forgets-task=1"]);
    show.run(&forgets, &["--shot", "0001"]).exits(5);
    assert_eq!(show.status()["takes"]["unsure"], 1);
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &["--shot", "0001"]).exits(5);
    assert_eq!(billed(&server), 0, "nothing else spends on a doubt");
    decide(&show, &["retake", "0001"])
        .exits(0)
        .says("set aside: v001");
    show.run(&server, &["--shot", "0001"]);
    assert_eq!(billed(&server), 1);
    let saved = show.of_kind("saved");
    assert_eq!((saved.len(), &saved[0]["take"]), (1, &2.into()));
    show.run(&server, &["--shot", "0001"]);
    assert_eq!(billed(&server), 1);
}

/// Waits until something is true of a show at work, and kills the run then.
fn kill_when(show: &Show, server: &Rehearsal, is_time: impl Fn() -> bool) {
    let args = ["run", "--yes", "--endpoint", &server.endpoint];
    let mut command = show.command(&args);
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut run = command.spawn().expect("a run");
    let began = Instant::now();
    while !is_time() {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "the time never came"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    run.kill().expect("a kill");
    run.wait().expect("an end");
}

#[test]
fn what_a_retake_sets_aside_while_it_is_under_way_is_fetched_all_the_same() {
    let show = Show::of(1, "[defaults]\ntakes = 2\n");
    let server = Rehearsal::start(&["--latency", "1500ms"]);
    kill_when(&show, &server, || {
        show.log().exists() && server.stats()["tasks_billed"] == 2
    });
    decide(&show, &["retake", "0001"])
        .exits(0)
        .says("set aside: v001, v002");
    show.run(&server, &[]).exits(0);
    show.audit(&server, 4);
    show.run(&server, &[]).exits(0).says("Nothing to do");
}

#[test]
fn what_a_retake_sets_aside_and_nobody_knows_is_not_sent_again() {
    let show = Show::of(1, "");
    let server = Rehearsal::start(&["--latency", QUICK, "--faults", "drop-before-accept=1"]);
    kill_when(&show, &server, || {
        show.log().exists() && !show.of_kind("intent").is_empty()
    });
    decide(&show, &["retake", "0001"]).exits(0);
    let good = Rehearsal::start(&["--latency", QUICK]);
    show.run(&good, &[]);
    assert_eq!(billed(&good), 1);
    let saved = show.of_kind("saved");
    assert_eq!((saved.len(), &saved[0]["take"]), (1, &2.into()));
    show.run(&good, &[]);
    assert_eq!(billed(&good), 1);
}

#[test]
fn the_later_of_column_and_decision_wins() {
    let show = Show::of(6, "");
    with_column(&show, "hold");
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &[]).exits(0);
    assert_eq!(billed(&server), 0);
    let said = show.reshoot(&["status"]);
    said.says("0003  hold (status column of shots.csv:4)");
    // The decision is later than the column.
    decide(&show, &["retake", "0003"]).exits(0);
    assert_eq!(told(&show, "0003")["decided_by"], "decision");
    show.reshoot(&["status"]).says("over the column's `hold`");
    show.run(&server, &[]).exits(0);
    assert_eq!(billed(&server), 1);
    // The column is changed later than the decision.
    decide(&show, &["approve", "*"]).exits(0);
    with_column(&show, "wfa");
    let now = told(&show, "0003");
    assert_eq!(
        (&now["status"], &now["decided_by"]),
        (&"wfa".into(), &"column".into())
    );
    with_column(&show, "");
    assert_eq!(told(&show, "0003")["status"], "todo");
    show.run(&server, &[]).exits(0);
    assert_eq!(billed(&server), 6);
    let first = &decisions(&show)[0];
    assert_eq!(first["format"], 1);
    assert_eq!(
        (&first["column"], &first["by"]),
        (&"hold".into(), &"anna".into())
    );
}

#[test]
fn the_retake_of_the_column_buys_once() {
    let show = Show::of(6, "");
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &[]).exits(0);
    with_column(&show, "retake");
    show.run(&server, &[]).exits(0);
    show.audit(&server, 12);
    show.run(&server, &[]).exits(0).says("Nothing to do");
    // Back to an empty column: all takes count again.
    with_column(&show, "");
    show.run(&server, &[]).exits(0).says("Nothing to do");
    show.audit(&server, 12);
}

/// Takes what intents were bought for out of the log, as logs had it before there were decisions.
fn without_reasons(show: &Show) {
    let text = fs::read_to_string(show.log()).expect("a run log");
    let (mut chain, mut older) = (0, String::new());
    for line in text.lines() {
        let (body, _) = line.rsplit_once(",\"crc\":").expect("a checksum");
        let body = body.replace("\"reason\":\"new\",", "");
        let body = body.strip_suffix(",\"reason\":\"new\"").unwrap_or(&body);
        chain = crc32c::crc32c_append(chain, body.as_bytes());
        older.extend([body, &format!(",\"crc\":\"{chain:08x}\"}}\n")]);
    }
    assert_ne!(text, older);
    fs::write(show.log(), older).expect("written");
}

#[test]
fn the_retake_of_the_column_buys_nothing_again_of_an_older_log() {
    let show = Show::of(6, "");
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &[]).exits(0);
    without_reasons(&show);
    with_column(&show, "retake");
    show.run(&server, &[]).exits(0).says("Nothing to do");
    show.audit(&server, 6);
}

#[test]
fn a_broken_shot_that_is_held_by_decision_stops_nothing() {
    let show = Show::of(2, "");
    show.write(
        "shots.csv",
        "id,prompt,status\n1,a boat,\n2,{nobody} waits,\n",
    );
    show.reshoot(&["check"]).exits(3);
    decide(&show, &["hold", "2"]).exits(0);
    show.reshoot(&["check"]).exits(0);
    show.write(
        "shots.csv",
        "id,prompt,status\n1,a boat,\n2,{nobody} waits,hold\n",
    );
    decide(&show, &["retake", "2"]).exits(0);
    show.reshoot(&["check"]).exits(3).says("unknown-name");
}

#[test]
fn globs_and_takes_are_found_or_the_nearest_is_named() {
    let show = Show::new();
    show.write(
        "show.toml",
        "[show]\nid = \"8f14e45f-ceea-467f-a9b1-0d3c2b5a7e10\"\ncode = \"T\"\n\
         [[shots]]\nid = \"104/TCC/0010\"\nprompt = \"a boat\"\n\
         [[shots]]\nid = \"104/TCC/0020\"\nprompt = \"a {thing}\"\nmatrix.thing = [\"gull\", \"crab\"]\n\
         [[shots]]\nid = \"105/TDD/0010\"\nprompt = \"a pier\"\n",
    );
    let named = |args: &[&str]| -> Vec<String> {
        let said = decide(&show, &[args, &["--json"]].concat());
        said.exits(0);
        let decided = json(&said)["decided"].as_array().expect("a list").clone();
        let shots = decided
            .iter()
            .map(|one| one["shot"].as_str().expect("a shot"));
        shots.map(str::to_owned).collect()
    };
    assert_eq!(
        named(&["hold", "104/TCC/*"]),
        ["104/TCC/0010", "104/TCC/0020"]
    );
    assert_eq!(
        named(&["hold", "**/0010"]),
        ["104/TCC/0010", "105/TDD/0010"]
    );
    assert_eq!(named(&["omit", "105/TDD/0010", "105/**"]), ["105/TDD/0010"]);
    for (words, says) in [
        ("104/*", "no shot is called `104/*`"),
        ("104/TCC/0011", "write `104/TCC/0010`"),
        ("104/TCC/0010@v001", "nothing was bought for it yet"),
        (
            "104/TCC/0010@first",
            "`first` in `104/TCC/0010@first` is not a take",
        ),
        ("[a", "cannot be read as a pattern"),
    ] {
        let before = decisions(&show).len();
        decide(&show, &["approve", "105/TDD/0010", words])
            .exits(2)
            .says(says);
        assert_eq!(decisions(&show).len(), before, "all or nothing");
    }
    let server = Rehearsal::start(&["--latency", QUICK]);
    decide(&show, &["hold", "--undo", "**"]).exits(0);
    decide(&show, &["hold", "--undo", "**"]).exits(0);
    decide(&show, &["hold", "--undo", "**"]).exits(2);
    decide(&show, &["omit", "--undo", "105/TDD/0010"]).exits(0);
    show.run(&server, &[]).exits(0);
    assert_eq!(billed(&server), 4);
    decide(&show, &["approve", "104/TCC/0020@v001"])
        .exits(2)
        .says("`104/TCC/0020@01_v001` or `104/TCC/0020@02_v001`");
    decide(&show, &["approve", "104/TCC/0010@7"])
        .exits(2)
        .says("write `104/TCC/0010@v001`, the nearest there is");
    for spelled in ["104/TCC/0020@02_v001", "104/TCC/0020@2_1"] {
        decide(&show, &["approve", spelled]).exits(0);
    }
    let chosen = told(&show, "104/TCC/0020")["chosen"].clone();
    assert_eq!(chosen, serde_json::json!([{ "variant": 2, "take": 1 }]));
    let report = show.reshoot(&["report", "--format", "csv"]);
    let mut rows = report.out.lines();
    let head: Vec<_> = rows.next().expect("a header").split(',').collect();
    assert_eq!(head[head.len() - 3..], ["chosen", "run", "saved_at"]);
    let is_chosen = |row: &&str| row.rsplit(',').nth(2) == Some("yes");
    let row = rows.find(is_chosen).expect("the chosen take");
    assert!(row.starts_with("104/TCC/0020,104/TCC,2,"), "{row}");
    // A shot that is gone from the manifest may still be decided on.
    show.write(
        "show.toml",
        "[show]\nid = \"8f14e45f-ceea-467f-a9b1-0d3c2b5a7e10\"\ncode = \"T\"\n\
         [[shots]]\nid = \"104/TCC/0010\"\nprompt = \"a boat\"\n",
    );
    decide(&show, &["omit", "105/TDD/0010"])
        .exits(0)
        .says("not in the manifest now");
    show.reshoot(&["status"]).says("gone from the manifest");
}

#[test]
fn a_torn_last_line_is_told_and_cut_off() {
    let show = Show::of(2, "");
    decide(&show, &["hold", "0001"]).exits(0);
    let path = show.path().join("out/decisions.jsonl");
    let whole = fs::read(&path).expect("decisions");
    decide(&show, &["omit", "0002"]).exits(0);
    let both = fs::read(&path).expect("decisions");
    for cut in [whole.len() + 1, both.len() - 1] {
        fs::write(&path, &both[..cut]).expect("cut");
        let said = show.reshoot(&["status", "--json"]);
        said.exits(0).says("no whole record");
        assert_eq!(json(&said)["shots"]["omitted"], 0);
        assert_eq!(fs::read(&path).expect("decisions").len(), cut, "untouched");
        decide(&show, &["omit", "0002"])
            .exits(0)
            .says("it was cut off");
        assert_eq!(decisions(&show).len(), 2);
        assert_eq!(show.status()["shots"]["omitted"], 1);
    }
    fs::write(&path, &whole[..9]).expect("cut");
    decide(&show, &["hold", "0002"]).exits(0);
    assert_eq!(decisions(&show).len(), 1);
    assert_eq!(decisions(&show)[0]["format"], 1);
}

#[test]
fn damage_is_named_and_stops_everything_that_goes_by_decisions() {
    let show = Show::of(2, "");
    for shot in ["0001", "0002", "0001"] {
        decide(&show, &["hold", shot]).exits(0);
    }
    let path = show.path().join("out/decisions.jsonl");
    let text = fs::read_to_string(&path).expect("decisions");
    let damaged = text.replacen("0002", "0001", 1);
    fs::write(&path, &damaged).expect("damaged");
    let server = Rehearsal::start(&["--latency", QUICK]);
    for args in [&["status"][..], &["plan"], &["approve", "0001"], &["check"]] {
        show.reshoot(args)
            .exits(8)
            .says("out/decisions.jsonl:2: the decisions are damaged at byte ");
    }
    show.run(&server, &[]).exits(8);
    assert_eq!(server.requests(), 0);
    assert_eq!(fs::read_to_string(&path).expect("decisions"), damaged);
    // A later format is left alone, whatever else its lines say.
    let later = text.replacen("\"format\":1", "\"format\":2", 1);
    fs::write(&path, &later).expect("later");
    decide(&show, &["approve", "0001"])
        .exits(8)
        .says("format 2");
    assert_eq!(fs::read_to_string(&path).expect("decisions"), later);
}

#[test]
fn two_who_decide_at_once_never_mix_their_lines() {
    const EACH: usize = 50;
    let show = Show::of(2, "");
    std::thread::scope(|scope| {
        for (command, shot) in [("hold", "0001"), ("omit", "0002")] {
            let show = &show;
            scope.spawn(move || {
                for n in 0..EACH {
                    let note = format!("{command} number {n}");
                    decide(show, &[command, shot, "-m", &note]).exits(0);
                }
            });
        }
    });
    let records = decisions(&show);
    assert_eq!(records.len(), 2 * EACH);
    for (record, seq) in records.iter().zip(1..) {
        assert_eq!(record["seq"], seq);
    }
    let status = show.status();
    assert_eq!(
        (&status["shots"]["held"], &status["shots"]["omitted"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn hostile_notes_steer_no_terminal() {
    let show = Show::of(1, "");
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &[]).exits(0);
    let note = "=cmd()\u{1b}[2J\u{202e}\nline two\u{7}";
    let mut command = show.command(&["approve", "0001@1", "-m", note]);
    let said = Said::of(command.env("USER", "eve\u{1b}[31m"));
    said.exits(0);
    assert_eq!(decisions(&show)[0]["note"], note, "kept as it was written");
    let steers = |text: &str| text.contains(|c: char| c.is_control() && c != '\n' && c != '\r');
    for args in [
        &["status"][..],
        &["status", "--json"],
        &["explain", "0001"],
        &["report"],
        &["report", "--format", "csv"],
        &["approve", "--undo", "0001@1"],
    ] {
        let said = show.reshoot(args);
        said.exits(0);
        assert!(
            !steers(&said.out) && !steers(&said.err),
            "{args:?}: {said:?}"
        );
        assert!(!said.out.contains('\u{202e}'), "{args:?}");
    }
}

#[test]
fn a_decision_during_a_run_is_for_the_next_one() {
    let show = Show::of(2, "");
    let server = Rehearsal::start(&["--latency", "1500ms"]);
    let args = ["run", "--yes", "-j", "1", "--endpoint", &server.endpoint];
    let mut command = show.command(&args);
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut run = command.spawn().expect("a run");
    let began = Instant::now();
    while !show.log().exists() || show.status()["running"].is_null() {
        assert!(began.elapsed() < Duration::from_secs(20), "no run began");
    }
    let said = decide(&show, &["hold", "0002", "--json"]);
    said.exits(0).says("takes effect with the next run");
    assert_eq!(json(&said)["takes_effect"], "next-run");
    assert!(run.wait().expect("an end").success());
    assert_eq!(billed(&server), 2);
    assert_eq!(show.status()["shots"]["held"], 1);
}

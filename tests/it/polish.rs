//! What people are told: the right place, the right word, the right exit code.

use std::fs;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Rehearsal, Said, Show};

const QUICK: &str = "20ms";

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.out).expect("json")
}

#[track_caller]
fn says_not(said: &Said, words: &str) {
    let found = said.err.contains(words) || said.out.contains(words);
    assert!(!found, "`{words}` in {said:?}");
}

fn until_it_logged(show: &Show, kind: &str, run: &mut Child) {
    let began = Instant::now();
    let kind = format!("\"kind\":\"{kind}\"");
    while !fs::read_to_string(show.log()).is_ok_and(|log| log.contains(&kind)) {
        assert!(began.elapsed() < Duration::from_secs(20), "never {kind}");
        assert_eq!(run.try_wait().expect("its state"), None);
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_run_at_work_is_running_and_one_that_was_killed_is_cut_off() {
    let show = Show::of(1, "");
    let server = Rehearsal::start(&["--latency", "60s"]);
    let mut command = show.command(&["run", "--yes", "--endpoint", &server.endpoint]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut run = command.spawn().expect("a run");
    until_it_logged(&show, "accepted", &mut run);
    let text = show.reshoot(&["status"]);
    let at_work = show.status();
    let pid = run.id();
    run.kill().expect("a kill");
    run.wait().expect("an end");
    text.exits(0)
        .says(&format!("running: a run is at work here (pid {pid} on "));
    says_not(&text, "cut off");
    assert_eq!(at_work["running"]["pid"], pid);
    assert_eq!(at_work["cut_off"], false);
    assert_eq!(at_work["runs"][0]["reason"], "running");
    let killed = show.status();
    assert_eq!(killed["running"], Value::Null);
    assert_eq!(killed["cut_off"], true);
    assert_eq!(killed["runs"][0]["reason"], "cut-off");
    let text = show.reshoot(&["status"]);
    text.exits(0).says("cut off");
    says_not(&text, "running");
}

#[test]
fn a_second_list_without_an_id_cannot_share_a_run_log() {
    let show = Show::new();
    show.write("ep1.csv", "prompt\nA red lighthouse in rain\n");
    show.write("ep2.csv", "prompt\nA green ferry at noon\n");
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &["ep1.csv"]).exits(0);
    let log = fs::read(show.log()).expect("a log");
    for command in ["plan", "status"] {
        let said = show.reshoot(&[command, "ep2.csv"]);
        said.exits(2).says("holds the run log of `ep1.csv`");
    }
    let said = show.run(&server, &["ep2.csv"]);
    said.exits(2).says("--out").says("not of `ep2.csv`");
    assert_eq!(fs::read(show.log()).expect("a log"), log, "untouched");
    assert_eq!(server.stats()["images_billed"], 1);
    show.run(&server, &["ep2.csv", "--out", "out2"]).exits(0);
    show.run(&server, &["ep1.csv"])
        .exits(0)
        .says("Nothing to do");

    // The way out that the message tells: the list was renamed, and says so.
    let mut quoted = said.err.split('`').skip(1).step_by(2);
    let id = quoted
        .find(|quoted| quoted.starts_with("id = "))
        .expect("a line to write");
    fs::rename(show.path().join("ep1.csv"), show.path().join("v2.csv")).expect("renamed");
    show.reshoot(&["plan", "v2.csv"]).exits(2);
    show.write("show.toml", &format!("[show]\ncode = \"ep1\"\n{id}\n"));
    show.run(&server, &["v2.csv"])
        .exits(0)
        .says("Nothing to do");
}

#[test]
fn a_plan_lists_the_shots_it_leaves_out() {
    let show = Show::of(1, "");
    show.write(
        "shots.csv",
        "id,prompt,takes\n0001,a boat,\n0002,a {thing} at sea,\n0003,a pier,many\n0004,the {thing},\n",
    );
    let said = show.reshoot(&["plan", "--skip-invalid"]);
    said.exits(0).says("Left out as not sound: 3 shots");
    let listed = |line: &str| assert!(said.out.contains(line), "{line}: {said:?}");
    listed("0002  shots.csv:3:8, cell B3 (prompt): nothing is called `thing` in this shot");
    listed("0003  shots.csv:4:13, cell C4 (takes): `takes` is `many`, which is not a whole number");
    listed("0004  shots.csv:5:10, cell B5 (prompt): nothing is called `thing`");
    let said = json(&show.reshoot(&["plan", "--skip-invalid", "--json"]));
    let skipped = said["skipped"].as_array().expect("a list");
    let told: Vec<_> = skipped
        .iter()
        .map(|skipped| (skipped["shot"].as_str(), skipped["line"].as_u64()))
        .collect();
    let expected = [("0002", 3), ("0003", 4), ("0004", 5)];
    assert_eq!(told, expected.map(|(shot, line)| (Some(shot), Some(line))));
    assert_eq!(skipped[1]["code"], "bad-value");
    assert_eq!(skipped[1]["file"], "shots.csv");
    let whole = json(&Show::of(1, "").reshoot(&["plan", "--json"]));
    assert_eq!(whole["skipped"], Value::Array(Vec::new()));
}

#[test]
fn a_folder_without_a_run_log_is_told() {
    let show = Show::of(1, "");
    for args in [&["verify"][..], &["verify", "--repair"], &["report"]] {
        let said = show.reshoot(args);
        said.exits(2).says("out has no run log");
        assert_eq!(said.out, "", "{args:?}");
    }
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &[]).exits(0);
    fs::remove_file(show.log()).expect("removed");
    for args in [&["verify"][..], &["verify", "--repair"], &["report"]] {
        show.reshoot(args).exits(8).says("run-log.jsonl is gone");
    }
}

#[test]
fn every_fault_of_a_shot_is_told_in_one_go() {
    let show = Show::of(1, "");
    show.write(
        "shots.csv",
        "id,prompt,takes,characters,preset,references\n\
         0001,a {thing} at sea,many,mria,bord,gone.png\n0002,a boat,,,,\n",
    );
    let said = show.reshoot(&["check", "--json"]);
    said.exits(3);
    let mut codes: Vec<String> = json(&said)["complaints"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|complaint| complaint["code"].as_str().expect("a code").to_owned())
        .collect();
    codes.sort();
    let expected = [
        "bad-value",
        "reference-missing",
        "unknown-character",
        "unknown-name",
        "unknown-preset",
    ];
    assert_eq!(codes, expected, "{said:?}");
    show.reshoot(&["check"])
        .says("5 problems. Nothing was sent");
}

#[test]
fn settings_and_prompt_of_a_shot_are_checked_beside_each_other() {
    let show = Show::new();
    show.write(
        "show.toml",
        "[[shots]]\nid = \"1\"\nprompt = \"{nobody} waits\"\nsize = \"100x100\"\nquality = 19\n",
    );
    let said = show.reshoot(&["check"]);
    said.exits(3).says("`quality` is `19`");
    said.says("size-not-allowed").says("unknown-name");
    let text =
        "[[shots]]\nid = \"1\"\nprompt = \"{nobody} waits\"\nlook = \"dusk\"\nmodel = \"kling\"\n";
    show.write("show.toml", text);
    let said = show.reshoot(&["check"]);
    said.exits(3).says("unknown-model").says("unknown-look");
    said.says("unknown-name").says("3 problems");
}

#[test]
fn what_follows_from_an_unreadable_value_is_not_a_fault_of_its_own() {
    let show = Show::of(1, "");
    show.write(
        "shots.csv",
        "id,prompt,var: thing,look\n0001,a {thing} at sea,#REF!,dusk\n0002,#REF!,,\n",
    );
    show.write(
        "show.toml",
        "[show]\nshots = [\"shots.csv\"]\n[columns]\n\"var: thing\" = \"action\"\n",
    );
    let said = show.reshoot(&["check"]);
    said.exits(3).says("unknown-look").says("spreadsheet-error");
    says_not(&said, "no-prompt");
    // Two shots of one id are each looked at.
    show.write(
        "shots.csv",
        "id,prompt,look\n0001,a boat,dusk\n0001,a pier,dawn\n",
    );
    let said = show.reshoot(&["check"]);
    said.exits(3).says("duplicate-id");
    said.says("no look is called `dusk`")
        .says("no look is called `dawn`");
    says_not(&said, "name-clash");
}

#[test]
fn a_wrong_flag_value_is_a_wrong_command_line() {
    let show = Show::of(2, "");
    for (flags, place) in [
        (["--set", "takes=many"], "--> --set takes=…"),
        (["--set", "taks=2"], "--> --set taks=…"),
        (["--set", "preset=nope"], "--> --set preset=…"),
        (["--set", "prompt=x"], "--> --set prompt=…"),
        (["--set", "prompt={nobody}"], "--> --set prompt=…"),
        (["--set", "characters=nobody"], "--> --set characters=…"),
        (
            ["--set", "aspect_ratio=reference"],
            "--> --set aspect_ratio=…",
        ),
        (["--encoding", "klingon"], "--> --encoding"),
    ] {
        for command in ["check", "plan"] {
            let said = show.reshoot(&[command, flags[0], flags[1]]);
            said.exits(2).says(place);
            says_not(&said, "show.toml:");
            says_not(&said, "--> shots.csv:");
        }
    }
    show.reshoot(&["check", "--set", "prompt=a boat"]).exits(0);
    show.write("shots.csv", "id,prompt\n1,{nobody}\n");
    show.reshoot(&["check", "--set", "takes=2"]).exits(3);
}

#[test]
fn an_endpoint_and_a_rehearsal_exclude_each_other() {
    let show = Show::of(1, "");
    for command in [&["run"][..], &["verify", "--repair"]] {
        let args = [command, &["--rehearse", "--endpoint", "http://127.0.0.1:9"]].concat();
        let said = show.reshoot(&args);
        said.exits(2).says("cannot be used with");
    }
    assert!(!show.path().join("out-rehearsal").exists());
}

#[test]
fn utf_16_without_its_mark_is_known_and_read_when_named() {
    let text = "id,prompt\r\n0010,Café am Hafen in Göteborg\r\n";
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (bytes, told, name) in [
        (little, "UTF-16 LE", "utf-16le"),
        (big, "UTF-16 BE", "utf-16be"),
    ] {
        let show = Show::new();
        fs::write(show.path().join("list.csv"), bytes).expect("a list");
        let said = show.reshoot(&["check", "list.csv"]);
        said.exits(3)
            .says(told)
            .says(&format!("`--encoding {name}`"));
        says_not(&said, "windows-1252");
        let said = show.reshoot(&["check", "list.csv", "--encoding", name]);
        said.exits(0).says("1 shot, 1 variant");
    }
}

#[test]
fn one_is_not_called_many() {
    let show = Show::of(1, "");
    let said = show.reshoot(&["check"]);
    said.exits(0).says("1 shot, 1 variant, 1 take: ");
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &[]).exits(0);
    show.run(&server, &[])
        .exits(0)
        .says("Nothing to do: 1 take on disk");
    show.reshoot(&["verify"])
        .exits(0)
        .says("1 of 1 saved image is sound");
    show.write("shots.csv", "id,prompt\n1,a boat\n2,{nobody}\n");
    let said = show.reshoot(&["check"]);
    said.exits(3)
        .says("1 other shot is sound: --skip-invalid buys that alone");
}

#[test]
fn a_run_that_lacks_takes_is_not_called_done() {
    let show = Show::of(2, "");
    let server = Rehearsal::start(&["--latency", QUICK, "--faults", "moderated=1"]);
    let said = show.run(&server, &[]);
    said.exits(5)
        .says("Ended, with 2 takes missing. 0 takes saved");
    says_not(&said, "Done");
    let said = show.run(&server, &["--json"]);
    said.exits(5);
    assert_eq!(json(&said)["end"], "done");
    let show = Show::of(1, "");
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &[]).exits(0).says("Done. 1 take saved");
}

#[test]
fn a_tier_is_no_size_in_pixels() {
    let show = Show::of(1, "");
    let args = [
        "plan",
        "--set",
        "aspect_ratio=reference",
        "--set",
        "resolution=1k",
    ];
    show.write(
        "shots.csv",
        "id,prompt,references\n1,a boat,7f6c1c6e-0000-4000-8000-000000000000\n",
    );
    let said = show.reshoot(&args);
    said.exits(0).says(" at 1k in the ratio of a reference (");
}

#[test]
fn a_report_has_the_notes_and_other_columns_of_the_list() {
    let show = Show::of(1, "");
    show.write(
        "shots.csv",
        "id,prompt,Note,Artist\n1,a boat,too dark,Ada\n2,a pier,,\n",
    );
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &[]).exits(0);
    let said = show.reshoot(&["report", "--format", "csv"]);
    said.exits(0).says(",saved_at,Artist,note\r\n");
    assert!(said.out.lines().any(|row| row.ends_with(",Ada,too dark")));
    let said = json(&show.reshoot(&["report"]));
    let told = serde_json::json!({ "1": { "note": "too dark", "Artist": "Ada" } });
    assert_eq!(said["columns"], told);
}

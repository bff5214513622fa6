//! What scripts rely on: one JSON object whatever happens, flags alike, words in either order.

use std::fs;

use serde_json::Value;

use crate::support::{Said, Show};

const CAST: &str = "[show]\ncode = \"T\"\nshots = [\"shots.csv\"]\n\
    [presets.board]\nextends = \"1k-16x9\"\n[defaults]\npreset = \"board\"\n\
    [characters.mira]\nreferences = [\"mira.png\"]\n\
    [characters.mira.wardrobe.rain]\ntext = \"a yellow coat\"\n";
const SHOTS: &str = "id,prompt,characters,status\n\
    104/TCC/0010,{mira} waves,mira,\n104/TCC/0020,an empty pier,,\n104/HRB/0010,{mira} sleeps,mira,approved\n";

fn show() -> Show {
    let show = Show::new();
    show.write("show.toml", CAST);
    show.write("shots.csv", SHOTS);
    let face = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/manifests/grey-morning/bible/mira/face.png"
    );
    fs::copy(face, show.path().join("mira.png")).expect("a picture");
    show
}

#[track_caller]
fn object(said: &Said) -> Value {
    let value: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    assert_eq!(value["format"], 1, "{said:?}");
    value
}

#[test]
fn every_command_prints_one_object_also_where_it_fails() {
    let show = show();
    let done = [
        "check",
        "plan",
        "status",
        "doctor",
        "man",
        "completions fish",
        "init sub",
        "explain 104/TCC/0010",
        "approve 104/TCC/0020",
        "retake 104/TCC/0020",
        "hold 104/TCC/0020",
        "omit 104/TCC/0020",
        "omit 104/TCC/0020 --undo",
        "run --rehearse --latency 10ms",
        "report --rehearse",
        "report --rehearse -o r.json",
        "verify --rehearse",
    ];
    for words in done {
        let args: Vec<&str> = words.split(' ').chain(["--json"]).collect();
        object(show.reshoot(&args).exits(0));
    }
    for (words, code, says) in [
        ("init sub", 2, "is there already"),
        ("run", 2, "nobody is here to say yes"),
        ("run --yes --key-file none.key", 4, "none.key"),
        ("run --plan none.json --yes", 2, "none.json"),
        ("run --until noon --yes", 2, "--until noon"),
        ("plan --max-cost much", 2, "--max-cost"),
        ("plan --character nobody", 2, "no shot is selected"),
        ("plan --shot [a", 2, "--shot [a"),
        ("report", 2, "has no run log"),
        ("report --rehearse --format csv", 2, "--format csv"),
        ("rehearse --latency long", 2, "--latency long"),
        ("plan --bogus", 2, "unexpected argument '--bogus'"),
        ("plam", 2, "unrecognized subcommand 'plam'"),
    ] {
        let args: Vec<&str> = words.split(' ').chain(["--json"]).collect();
        let said = show.reshoot(&args);
        let told = object(said.exits(code));
        assert_eq!(told["exit_code"], code, "{said:?}");
        let error = told["error"].as_str().expect("an error");
        assert!(error.contains(says) && said.err.contains(says), "{said:?}");
        assert!(!error.starts_with("error"), "{said:?}");
    }
}

#[test]
fn a_selection_without_shots_names_what_may_be_meant() {
    let show = show();
    for (flag, word, near) in [
        ("--character", "mria", "did you mean `--character mira`?"),
        (
            "--character",
            "mira.rian",
            "did you mean `--character mira.rain`?",
        ),
        (
            "--character",
            "mira.rain",
            "`reshoot plan -v` lists every shot",
        ),
        ("--sequence", "TTC", "did you mean `--sequence TCC`?"),
        ("--preset", "borad", "did you mean `--preset board`?"),
        ("--shot", "0010", "did you mean `--shot '**/0010'`?"),
        (
            "--shot",
            "104/TCC/001",
            "did you mean `--shot 104/TCC/0010`?",
        ),
        ("--shot", "zzz", "`reshoot plan -v` lists every shot"),
    ] {
        for command in ["check", "plan", "status", "run"] {
            let said = show.reshoot(&[command, flag, word]);
            let shown = format!("no shot is selected by {flag} {word}; {near}");
            said.exits(2).says(&shown);
            assert!(said.out.is_empty(), "{said:?}");
        }
    }
    show.reshoot(&["plan", "--shot", "**/0010"])
        .exits(0)
        .says("104/HRB/0010");
}

#[test]
fn the_manifest_may_stand_before_or_after_the_shots() {
    let show = show();
    fs::rename(show.path().join("show.toml"), show.path().join("my.toml")).expect("renamed");
    for args in [
        ["approve", "my.toml", "104/TCC/0010", "104/TCC/0020"],
        ["approve", "104/TCC/0010", "104/TCC/0020", "my.toml"],
        ["approve", "-fmy.toml", "104/TCC/0010", "104/TCC/0020"],
    ] {
        let said = show.reshoot(&args);
        said.exits(0)
            .says("104/TCC/0010: approved\n104/TCC/0020: approved\n");
    }
    for args in [
        ["explain", "104/TCC/0010", "my.toml"],
        ["explain", "my.toml", "104/TCC/0010"],
    ] {
        show.reshoot(&args).exits(0).says("shot 104/TCC/0010");
    }
    show.reshoot(&["approve", "my.toml"])
        .exits(3)
        .says("show.toml");
}

#[test]
fn an_approved_shot_that_was_never_bought_is_told_as_such() {
    let show = show();
    let said = show.reshoot(&["plan", "--character", "mira"]);
    said.exits(0)
        .says("approved, so nothing more is bought, though these lack of the shot as written")
        .says("Approved and kept though stale: 104/HRB/0010 (nothing bought yet); to refresh")
        .says("1 approved is kept though stale: 104/HRB/0010 (nothing bought yet)");
    let plan = object(&show.reshoot(&["plan", "--json"]));
    let stale = &plan["impact"]["stale"];
    assert_eq!(stale["shots"], stale["nothing_bought_yet"]);
    assert_eq!(stale["shots"][0], "104/HRB/0010");
}

#[test]
fn a_run_names_the_shots_it_leaves_out_as_not_sound() {
    let show = show();
    show.write("shots.csv", &format!("{SHOTS}104/HRB/0020,a {{thing}},,\n"));
    let run = ["run", "--rehearse", "--latency", "10ms", "--skip-invalid"];
    let before = show.reshoot(&[&run[..], &["--limit", "1", "-q"]].concat());
    // A second run with nothing left to buy tells the same.
    let after = show.reshoot(&[&run[..], &["-q"]].concat());
    let again = show.reshoot(&[&run[..], &["-q"]].concat());
    for said in [&before, &after, &again] {
        said.exits(5).says(
            "Left out as not sound: 1 shot\n  104/HRB/0020  shots.csv:5:16, cell B5 (prompt): \
             nothing is called `thing`",
        );
        said.says("Ended, without what is not sound")
            .says("mend the shots that are not sound, as `reshoot check` says, and run again");
    }
    let told = object(&show.reshoot(&[&run[..], &["--json"]].concat()));
    assert_eq!(told["skipped"][0]["shot"], "104/HRB/0020");
    assert_eq!(told["skipped"][0]["line"], 5);
    assert_eq!(told["why"], "Ended, without what is not sound");
}

#[test]
fn a_selected_status_tells_the_selected_takes_apart() {
    let show = show();
    show.reshoot(&[
        "run",
        "--rehearse",
        "--latency",
        "10ms",
        "--shot",
        "**/0020",
    ])
    .exits(0);
    let status = |flags: &[&str]| show.reshoot(&[&["status", "--rehearse"][..], flags].concat());
    status(&["--sequence", "TCC"])
        .exits(0)
        .says("3 wanted, 1 of them on disk")
        .says("Of these  --sequence TCC: 2 shots; 2 wanted, 1 of them on disk; 1 to buy");
    let told = object(&status(&["--sequence", "HRB", "--json"]));
    let selected = &told["selected"];
    assert_eq!(
        (&selected["shots"], &selected["to_buy"]),
        (&1.into(), &0.into())
    );
    assert_eq!(object(&status(&["--json"]))["selected"], Value::Null);
}

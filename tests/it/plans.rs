//! A plan that was signed is what is bought: nothing else, nothing more, and no more than once.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Rehearsal, Said, Show};

const QUICK: &str = "20ms";
const PLAN: &str = "signed.json";

/// A show with a cast of two, references, sequences and a cap.
fn cast() -> Show {
    let show = Show::new();
    show.write(
        "show.toml",
        "manifest = 1\ninclude = [\"bible/cast.toml\"]\n[show]\n\
         id = \"8f14e45f-ceea-467f-a9b1-0d3c2b5a7e10\"\ncode = \"T\"\nshots = [\"shots.csv\"]\n\
         [budget]\nshow = \"9.00\"\nsequence = \"1.20\"\n[run]\nquiet_s = 1\n\
         [defaults]\nprompt = \"{action}\"\n",
    );
    show.write(
        "bible/cast.toml",
        "[characters.mira]\nname = \"Mira\"\ntext = \"woman of 30\"\n\
         references = [{ file = \"mira.png\", role = \"face\" }]\n\
         [characters.mira.wardrobe.rain]\ntext = \"yellow raincoat\"\n\
         [characters.otto]\ntext = \"man of 60\"\n\
         references = [{ file = \"otto.png\", role = \"face\" }]\n",
    );
    draw(&show, "bible/mira.png", 40);
    draw(&show, "bible/otto.png", 90);
    show.write("shots.csv", LIST);
    show
}

const LIST: &str = "id,action,characters,status\n\
     104/TCC/0010,{mira} waves,mira,\n\
     104/TCC/0020,{mira.rain} runs,mira.rain,\n\
     104/TDD/0010,{otto} sleeps,otto,\n\
     104/TDD/0020,{otto} wakes,otto,\n";

fn draw(show: &Show, path: &str, grey: u8) {
    let picture = image::GrayImage::from_pixel(400, 400, image::Luma([grey]));
    let path = show.path().join(path);
    picture.save(path).expect("a picture");
}

fn sign(show: &Show, more: &[&str]) -> Said {
    let said = show.reshoot(&[&["plan", "-o", PLAN], more].concat());
    said.exits(0);
    if !more.contains(&"--json") {
        said.says("saved in signed.json");
    }
    said
}

/// Runs under the plan.
fn obey(show: &Show, server: &Rehearsal, more: &[&str]) -> Said {
    show.run(server, &[&["--plan", PLAN], more].concat())
}

fn saved(show: &Show) -> Value {
    let text = fs::read_to_string(show.path().join(PLAN)).expect("a plan");
    serde_json::from_str(&text).expect("json")
}

fn edit(show: &Show, path: &str, from: &str, to: &str) {
    let text = fs::read_to_string(show.path().join(path)).expect("a file");
    assert!(text.contains(from), "{from} not in {path}: {text}");
    show.write(path, &text.replacen(from, to, 1));
}

/// The message without what differs from run to run.
fn words(show: &Show, said: &Said) -> String {
    let plan = saved(show);
    let (plan, at) = (plan["plan"].clone(), plan["saved_at"].clone());
    let number = &plan.as_str().expect("a digest")[..12];
    let at = &at.as_str().expect("a time")[..16];
    let text = said.err.replace(number, "3fa2c4d5e6f7");
    text.replace(&at.replace('T', " "), "2026-11-29 16:28")
}

#[track_caller]
fn refused(show: &Show, server: &Rehearsal) -> String {
    let requests = server.requests();
    let log = fs::read(show.log()).ok();
    let said = obey(show, server, &[]);
    said.exits(3).says("Nothing was sent, nothing was spent.");
    assert_eq!(server.requests(), requests, "something was sent");
    assert_eq!(fs::read(show.log()).ok(), log, "something was logged");
    words(show, &said)
}

/// Holds a message against the one that was reviewed.
#[track_caller]
fn holds(name: &str, message: &str) {
    let mut settings = insta::Settings::clone_current();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plans");
    settings.set_snapshot_path(folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, message));
}

#[test]
fn a_signed_plan_is_bought_and_nothing_else() {
    let show = cast();
    let server = Rehearsal::start(&["--latency", QUICK]);
    let said = sign(&show, &[]);
    let plan = saved(&show);
    let digest = plan["plan"].as_str().expect("a digest");
    said.says(&format!("plan {}", &digest[..12]));
    assert_eq!(plan["totals"]["takes"], 4);
    assert_eq!(plan["totals"]["most_usd_micros"], 112_000);
    let paths = |of: &str| {
        let files = plan[of].as_array().expect("a list").iter();
        files
            .map(|file| file["path"].as_str().expect("a path").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        paths("texts"),
        ["bible/cast.toml", "shots.csv", "show.toml"]
    );
    assert_eq!(paths("references"), ["bible/mira.png", "bible/otto.png"]);
    assert!(server.requests() == 0, "planning is offline");
    // The same state makes the same number.
    let said = sign(&show, &["--json"]);
    let told: Value = serde_json::from_str(&said.out).expect("json");
    assert_eq!(told["saved"]["plan"], plan["plan"]);
    assert_eq!(told["saved"]["file"], PLAN);
    assert_eq!(told["saved"]["most_usd_micros"], 112_000);
    assert_eq!(saved(&show)["plan"], plan["plan"]);
    obey(&show, &server, &[]).exits(0).says("4 takes saved");
    show.audit(&server, 4);
    let started = &show.of_kind("run_started")[0];
    assert_eq!(started["plan"], plan["plan"]);
    assert_eq!(started["caps"]["plan"], 112_000);
    // Once it is bought there is nothing to do under it, and a plain run agrees.
    obey(&show, &server, &[]).exits(0).says("Nothing to do");
    show.run(&server, &[]).exits(0).says("Nothing to do");
    show.audit(&server, 4);
}

#[test]
fn a_plan_is_refused_after_each_kind_of_move() {
    let show = cast();
    let server = Rehearsal::start(&["--latency", QUICK]);
    sign(&show, &[]);
    let manifest = fs::read_to_string(show.path().join("show.toml")).expect("a manifest");

    edit(&show, "show.toml", "[run]", "# a comment\n[run]");
    holds("moved-comment", &refused(&show, &server));
    show.write("show.toml", &manifest);

    edit(&show, "show.toml", "show = \"9.00\"", "show = \"8.00\"");
    holds("moved-cap", &refused(&show, &server));
    show.write("show.toml", &manifest);

    show.write("shots.csv", &{
        let mut rows: Vec<_> = LIST.lines().collect();
        rows.swap(1, 2);
        rows.join("\n") + "\n"
    });
    let told = refused(&show, &server);
    assert!(told.contains("shots.csv: the text changed"), "{told}");
    assert!(!told.contains("104/TCC"), "no task moved: {told}");

    show.write(
        "shots.csv",
        &format!("{LIST}104/TDD/0030,{{otto}} eats,otto,\n"),
    );
    holds("moved-row-added", &refused(&show, &server));

    show.write(
        "shots.csv",
        &LIST.replace("104/TCC/0020,{mira.rain} runs,mira.rain,\n", ""),
    );
    holds("moved-row-removed", &refused(&show, &server));

    show.write("shots.csv", &LIST.replace("waves", "waves twice"));
    holds("moved-prompt", &refused(&show, &server));
    show.write("shots.csv", LIST);

    draw(&show, "bible/mira.png", 41);
    holds("moved-reference", &refused(&show, &server));
    draw(&show, "bible/mira.png", 40);

    // Put back, everything is as it was signed.
    obey(&show, &server, &[]).exits(0);
    show.audit(&server, 4);
}

#[test]
fn a_price_learnt_dearer_since_is_refused_with_both_amounts() {
    let show = cast();
    let server = Rehearsal::start(&["--latency", QUICK, "--faults", "price-1k=0.035"]);
    sign(&show, &["--sequence", "TDD"]);
    show.run(&server, &["--sequence", "TCC"]).exits(0);
    holds("moved-price", &refused(&show, &server));
    // Nor does a plan go on by itself when its own bills are dearer than it was signed with.
    sign(&show, &[]);
    assert_eq!(saved(&show)["totals"]["most_usd_micros"], 70_000);
    obey(&show, &server, &[]).exits(0);
    show.audit(&server, 4);
}

#[test]
fn a_plan_whose_shots_are_gone_is_refused_as_moved() {
    let show = cast();
    let server = Rehearsal::start(&["--latency", QUICK]);
    sign(&show, &["--shot", "104/TDD/0020"]);
    show.write("shots.csv", &LIST.replace("104/TDD/0020", "104/TDD/0021"));
    let told = refused(&show, &server);
    assert!(
        told.contains("104/TDD/0020 v001: signed, and not to be bought any more"),
        "{told}"
    );
}

#[test]
fn all_that_moved_is_told_as_json_too() {
    let show = cast();
    let server = Rehearsal::start(&["--latency", QUICK]);
    sign(&show, &[]);
    show.write("shots.csv", &LIST.replace("waves", "waves twice"));
    let said = obey(&show, &server, &["--json"]);
    said.exits(3);
    let told: Value = serde_json::from_str(&said.out).expect("json");
    assert_eq!(told["format"], 1);
    assert_eq!(told["plan"], saved(&show)["plan"]);
    assert_eq!(told["moved"][0]["what"], "text");
    assert_eq!(told["moved"][0]["path"], "shots.csv");
    assert_eq!(told["moved"][1]["shot"], "104/TCC/0010");
    assert_eq!(told["moved"][1]["parts"], serde_json::json!(["prompt"]));
    assert_eq!(told["signed"]["usd_micros"], 112_000);
}

#[test]
fn many_moves_are_counted() {
    let show = Show::of(60, "");
    let server = Rehearsal::start(&["--latency", QUICK]);
    sign(&show, &[]);
    let text = fs::read_to_string(show.path().join("shots.csv")).expect("a list");
    show.write("shots.csv", &text.replace("boat", "ship"));
    let told = refused(&show, &server);
    assert!(told.contains("  and 21 more; -v lists them all"), "{told}");
    let said = obey(&show, &server, &["-v"]);
    said.exits(3).says("0060 v001: the prompt changed");
}

#[test]
fn a_killed_run_goes_on_under_its_plan() {
    let show = Show::of(12, "jobs = 2");
    let server = Rehearsal::start(&["--latency", "300ms"]);
    sign(&show, &["--limit", "10"]);
    let args = [
        "run",
        "--yes",
        "--plan",
        PLAN,
        "--endpoint",
        &server.endpoint,
    ];
    let mut command = show.command(&args);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut run = command.spawn().expect("a run");
    let began = Instant::now();
    while server.stats()["tasks_billed"].as_u64() < Some(4) {
        assert!(began.elapsed() < Duration::from_secs(20), "nothing bought");
        std::thread::sleep(Duration::from_millis(20));
    }
    run.kill().expect("a kill");
    run.wait().expect("an end");
    let said = obey(&show, &server, &[]);
    said.exits(0).says("Sent under plan");
    show.audit(&server, 10);
    obey(&show, &server, &[]).exits(0).says("Nothing to do");
    // What the limit left out is for another plan.
    show.run(&server, &[]).exits(0);
    show.audit(&server, 12);
}

#[test]
fn further_attempts_are_paid_from_what_was_signed() {
    let show = Show::of(3, "");
    // The first task is taken, may be billed, and brings nothing.
    let server = Rehearsal::with_faults(QUICK, "[[at]]\ntask = 1\nfault = \"failed\"\n");
    sign(&show, &[]);
    let most = saved(&show)["totals"]["most_usd_micros"]
        .as_u64()
        .expect("money");
    assert_eq!(most, 84_000);
    let said = obey(&show, &server, &["-j", "1"]);
    said.exits(6).says("Stopped at what was signed: $0.084");
    said.says("plan and sign anew to buy what is left");
    assert_eq!(server.stats()["images_billed"], 2);
    // Whoever resumes it spends no more.
    obey(&show, &server, &[]).exits(6);
    assert_eq!(server.stats()["images_billed"], 2);
    // A run without the plan buys the last.
    show.run(&server, &[]).exits(0);
    assert_eq!(server.stats()["images_billed"], 3);
}

#[test]
fn decisions_since_allow_fewer_and_refuse_more() {
    let show = cast();
    let server = Rehearsal::start(&["--latency", QUICK]);
    sign(&show, &[]);
    show.reshoot(&["hold", "104/TCC/0010"]).exits(0);
    show.reshoot(&["omit", "104/TCC/0020"]).exits(0);
    let said = obey(&show, &server, &[]);
    said.exits(0).says("2 takes saved");
    said.says("Fewer than signed: 104/TCC/0010 v001: on hold since");
    said.says("Fewer than signed: 104/TCC/0020 v001: omitted since");
    show.audit(&server, 2);
    show.reshoot(&["retake", "104/TDD/0010"]).exits(0);
    let told = refused(&show, &server);
    assert!(
        told.contains("104/TDD/0010 v002: not signed, and would be bought (retake)"),
        "{told}"
    );
    // Taken back, what was held is still signed for.
    show.reshoot(&["retake", "104/TDD/0010", "--undo"]).exits(0);
    show.reshoot(&["hold", "104/TCC/0010", "--undo"]).exits(0);
    obey(&show, &server, &[]).exits(0).says("1 take saved");
    show.audit(&server, 3);
}

#[test]
fn a_lost_log_does_not_buy_a_plan_again() {
    let show = cast();
    let server = Rehearsal::start(&["--latency", QUICK]);
    sign(&show, &[]);
    obey(&show, &server, &[]).exits(0);
    fs::remove_file(show.log()).expect("gone");
    obey(&show, &server, &[]).exits(0);
    show.audit(&server, 4);
}

#[test]
fn a_plan_of_a_show_without_an_id_is_spent_in_its_own_folder_alone() {
    let show = cast();
    let manifest = fs::read_to_string(show.path().join("show.toml")).expect("the manifest");
    let manifest = manifest.replace("id = \"8f14e45f-ceea-467f-a9b1-0d3c2b5a7e10\"\n", "");
    show.write("show.toml", &manifest);
    let server = Rehearsal::start(&["--latency", QUICK]);
    sign(&show, &[]);
    obey(&show, &server, &[]).exits(0);
    show.audit(&server, 4);
    let said = obey(&show, &server, &["--out", "other"]);
    said.exits(3)
        .says("the plan was made with the run log of out, and this is other");
    show.audit(&server, 4);
    obey(&show, &server, &["--out", "out"])
        .exits(0)
        .says("Nothing to do");
}

#[test]
fn a_plan_can_be_rehearsed_before_it_is_bought() {
    let show = cast();
    let server = Rehearsal::start(&["--latency", QUICK]);
    sign(&show, &[]);
    let said = show.reshoot(&["run", "--rehearse", "--latency", QUICK, "--plan", PLAN]);
    said.exits(0).says("4 takes saved");
    assert_eq!(server.requests(), 0);
    obey(&show, &server, &[]).exits(0);
    show.audit(&server, 4);
}

#[test]
fn a_plan_is_obeyed_from_another_folder_too() {
    let show = cast();
    let server = Rehearsal::start(&["--latency", QUICK]);
    sign(&show, &[]);
    fs::create_dir(show.path().join("desk")).expect("a folder");
    let args = [
        "run",
        "../show.toml",
        "--yes",
        "--plan",
        "../signed.json",
        "--endpoint",
    ];
    let mut command = show.command(&[&args[..], &[&server.endpoint]].concat());
    Said::of(command.current_dir(show.path().join("desk"))).exits(0);
    show.audit(&server, 4);
}

#[test]
fn what_was_signed_is_not_spent_twice() {
    let show = Show::of(4, "");
    let server = Rehearsal::start(&["--latency", QUICK]);
    sign(&show, &["--limit", "2"]);
    let most = saved(&show)["totals"]["most_usd_micros"].clone();
    obey(&show, &server, &["--max-cost", "0.03"]).exits(6);
    assert_eq!(server.stats()["images_billed"], 1);
    obey(&show, &server, &[]).exits(0);
    assert_eq!(server.stats()["billed_usd_micros"], most);
    show.audit(&server, 2);
}

#[test]
fn a_cap_that_left_takes_out_leaves_them_out_of_what_is_signed() {
    let show = Show::of(4, "");
    let server = Rehearsal::start(&["--latency", QUICK]);
    sign(&show, &["--max-cost", "0.06"]).says("over-budget");
    assert_eq!(saved(&show)["totals"]["takes"], 2);
    obey(&show, &server, &[]).exits(6).says("not signed");
    show.audit(&server, 2);
    // The next run has a cap of its own; the plan has none left.
    obey(&show, &server, &[]).exits(6);
    show.audit(&server, 2);
    let said = show.run(&server, &["--plan", PLAN, "--max-cost", "0.07"]);
    said.exits(2)
        .says("--max-cost $0.07")
        .says("only be lowered");
}

#[test]
fn flags_that_say_what_is_bought_stand_in_the_plan() {
    let show = cast();
    let server = Rehearsal::start(&["--latency", QUICK]);
    sign(&show, &["--character", "mira", "--set", "format=png"]);
    for flags in [
        &["--shot", "104/TCC/0010"][..],
        &["--sequence", "TCC"],
        &["--character", "mira"],
        &["--preset", "x"],
        &["--limit", "1"],
        &["--set", "format=png"],
        &["--encoding", "utf-8"],
        &["--skip-invalid"],
        &["--retry-refused"],
        &["--rebuy", "missing"],
    ] {
        let said = obey(&show, &server, flags);
        said.exits(2).says(&format!("error: {} does not", flags[0]));
    }
    assert_eq!(server.requests(), 0);
    obey(&show, &server, &["-j", "2", "--rate", "600"]).exits(0);
    show.audit(&server, 2);
    let png = |path: &std::path::PathBuf| path.extension().is_some_and(|png| png == "png");
    assert!(show.pictures().iter().all(png), "{:?}", show.pictures());
}

#[test]
fn what_is_no_plan_is_refused() {
    let show = cast();
    let server = Rehearsal::start(&["--latency", QUICK]);
    obey(&show, &server, &[]).exits(2).says(PLAN);
    for garbage in ["", "{}", "[1", "{\"kind\":\"reshoot-plan\"}", "\u{0}\u{1}"] {
        show.write(PLAN, garbage);
        obey(&show, &server, &[]).exits(2).says("it is no plan");
    }
    fs::remove_file(show.path().join(PLAN)).expect("removed");
    sign(&show, &[]);
    let whole = fs::read_to_string(show.path().join(PLAN)).expect("a plan");
    show.write(PLAN, &whole[..whole.len() / 2]);
    obey(&show, &server, &[]).exits(2).says("it is no plan");
    show.write(PLAN, &whole.replacen("\"format\": 1", "\"format\": 2", 1));
    obey(&show, &server, &[]).exits(2).says("a newer reshoot");
    show.write(PLAN, &whole.replacen("104/TDD/0010", "104/TDD/0099", 1));
    let said = obey(&show, &server, &[]);
    said.exits(3).says("changed after it was saved");
    said.says("Nothing was sent");
    assert_eq!(server.requests(), 0);
    show.write(PLAN, &whole);
    obey(&show, &server, &[]).exits(0);
}

#[test]
fn a_plan_never_takes_the_place_of_another_file() {
    let show = cast();
    for theirs in ["", "{\"format\": 1}", "id,prompt\n"] {
        show.write("theirs", theirs);
        let said = show.reshoot(&["plan", "-o", "theirs"]);
        said.exits(2).says("never overwritten");
        let left = fs::read_to_string(show.path().join("theirs")).expect("a file");
        assert_eq!(left, theirs);
    }
    show.reshoot(&["plan", "-o", "bible"]).exits(2);
    show.reshoot(&["plan", "-o", "no/such/folder/plan.json"])
        .exits(2);
    sign(&show, &[]);
    sign(&show, &["--limit", "1"]);
    assert_eq!(saved(&show)["totals"]["takes"], 1);
    let parts = fs::read_dir(show.path()).expect("a folder").flatten();
    let mut names = parts.map(|entry| entry.file_name().to_string_lossy().into_owned());
    assert!(
        !names.any(|name| name.starts_with(".reshoot-plan")),
        "a part is left"
    );
}

#[test]
fn a_saved_plan_holds_no_secret() {
    let show = cast();
    edit(
        &show,
        "show.toml",
        "[defaults]\n",
        "[defaults]\nwebhook_url = \"https://hook.example/?token=canary\"\n\
         upload_endpoint = \"https://up.example/?sig=canary\"\n\
         references = [\"https://pics.example/a.png?X-Amz-Signature=canary\"]\n",
    );
    sign(&show, &[]);
    let text = fs::read_to_string(show.path().join(PLAN)).expect("a plan");
    assert!(!text.contains("canary"), "{text}");
    for set in [
        "webhook_url=https://hook.example/?token=canary",
        "upload_endpoint=https://up.example/?sig=canary",
        "references=https://pics.example/a.png?sig=canary",
        "references=data:image/png;base64,canary",
    ] {
        let said = show.reshoot(&["plan", "-o", "other.json", "--set", set]);
        said.exits(2).says("may hold a secret");
        assert!(!said.err.contains("canary"), "{said:?}");
        assert!(!show.path().join("other.json").exists());
    }
}

#[test]
fn the_lines_of_a_plan_add_up_to_its_total() {
    let show = Show::shipped("harbour");
    let said = show.reshoot(&["plan", "--json", "--max-cost", "0.50"]);
    said.exits(0);
    let plan: Value = serde_json::from_str(&said.out).expect("json");
    let sum = |of: &str, what: &str| -> u64 {
        let lines = plan["sequences"].as_array().expect("lines").iter();
        lines
            .map(|line| line[of][what].as_u64().expect("a number"))
            .sum()
    };
    assert_eq!(
        plan["totals"]["buy"]["usd_micros"],
        sum("buy", "usd_micros")
    );
    assert_eq!(plan["totals"]["buy"]["takes"], sum("buy", "takes"));
    let over = &plan["totals"]["over_budget"]["run"]["usd_micros"];
    assert_eq!(*over, sum("over_budget", "usd_micros"));
    assert!(sum("over_budget", "takes") > 0);
}

#[test]
fn what_a_change_of_a_character_touches_is_told() {
    let show = cast();
    let server = Rehearsal::start(&["--latency", QUICK]);
    show.run(&server, &[]).exits(0);
    show.write(
        "shots.csv",
        &LIST.replace("waves,mira,", "waves,mira,approved"),
    );
    edit(&show, "bible/cast.toml", "woman of 30", "woman of 31");
    let said = show.reshoot(&["plan", "--character", "mira"]);
    said.exits(0).says(
        "Mira (bible/cast.toml:1) is in 2 shots of 1 sequence (2 takes): 1 is bought anew, \
         1 approved is kept though stale: 104/TCC/0010; to refresh those too: $0.028",
    );
    show.reshoot(&["plan", "--character", "mira.rain"]).says(
        "Mira (rain) (bible/cast.toml:5) is in 1 shot of 1 sequence (1 take): 1 is bought anew\n",
    );
    let said = show.reshoot(&["plan"]);
    said.says("Approved and kept though stale: 104/TCC/0010; to refresh them: 1 take for $0.028");
    said.says("Reused: 2 takes on disk; 1 of 1 reference at the provider already");
    let said = show.reshoot(&["plan", "--character", "otto", "--json"]);
    let plan: Value = serde_json::from_str(&said.out).expect("json");
    let otto = &plan["impact"]["characters"][0];
    assert_eq!(otto["title"], "otto");
    assert_eq!(otto["shots"], 2);
    assert_eq!(otto["becomes"], serde_json::json!({"up_to_date": 2}));
}

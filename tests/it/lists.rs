//! What trackers and spreadsheets export becomes shots, and everybody can see what was made of it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::Show;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/lists")
        .join(name)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("json")
}

#[test]
fn check_columns_prints_a_table_that_can_be_pasted() {
    let show = Show::of(1, "");
    fs::copy(fixture("studiobinder.csv"), show.path().join("list.csv")).expect("a list");
    let guessed = show.reshoot(&["check", "--columns", "list.csv"]);
    guessed
        .exits(3)
        .says("Shot Size")
        .says("{shot_size} in prompts");
    let block = guessed.out.split_once("\n[columns]\n").expect("a block").1;
    let prompt = "[defaults]\nprompt = \"{shot_size}, {angle}. {action}\"\nvars = { shot_size = \"medium shot\", angle = \"eye level\" }\n";
    show.write(
        "show.toml",
        &format!("[show]\nshots = [\"list.csv\"]\n{prompt}\n[columns]\n{block}"),
    );
    let said = show.reshoot(&["check"]);
    said.exits(0).says("3 shots");
    assert!(
        !said.err.contains("unknown-columns") && !said.err.contains("creative-columns"),
        "{}",
        said.err
    );
    let told = show.reshoot(&["check", "--columns", "--json"]);
    let told = json(&told.exits(0).out);
    assert_eq!(told["format"], 1);
    assert_eq!(told["lists"][0]["header_row"], 4);
    let size = &told["lists"][0]["columns"][2];
    assert_eq!(size["becomes"], "var: shot_size");
    assert_eq!(size["because"], "mapped");
    assert_eq!(size["example"], "MS");
    assert_eq!(told["block"], format!("[columns]\n{block}"));
}

#[test]
fn a_list_that_is_wrong_shows_its_columns_all_the_same() {
    let show = Show::of(1, "");
    fs::copy(
        fixture("shotgrid-statuses.csv"),
        show.path().join("list.csv"),
    )
    .expect("a list");
    let said = show.reshoot(&["check", "--columns", "list.csv"]);
    said.exits(3).says("Shot Code").says("[statuses]");
    let told = show.reshoot(&["check", "--columns", "--json", "list.csv"]);
    let told = json(&told.exits(3).out);
    assert_eq!(told["valid"], false);
    assert_eq!(told["lists"][0]["columns"][1]["becomes"], "id");
}

#[test]
#[cfg(feature = "xlsx")]
fn a_sheet_is_a_show() {
    let show = Show::of(1, "");
    fs::copy(fixture("template.xlsx"), show.path().join("shots.xlsx")).expect("a workbook");
    show.write("show.toml", "[defaults]\nprompt = \"{action}\"\n");
    for named in ["shots.xlsx", "shots.xlsx#Shots"] {
        show.reshoot(&["check", named]).exits(0).says("4 takes");
        show.reshoot(&["plan", named]).exits(0).says("12/0020");
    }
    let wrong = show.reshoot(&["plan", "shots.xlsx#Shot"]);
    wrong
        .exits(3)
        .says("no sheet called `Shot`")
        .says("`Shots`");
    show.write(
        "show.toml",
        "[show]\nshots = [\"shots.xlsx#Shots\"]\n[defaults]\nprompt = \"{action}\"\n",
    );
    show.reshoot(&["check"]).exits(0).says("3 shots");
}

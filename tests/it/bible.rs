//! The bible and its prompts: what a show of every kind of entry plans and compiles to, word by
//! word, and what is told of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use crate::support::Show;

/// Every shot of the show, and how many variants it has.
///
/// 104/TCC/0090 varies 2 angles by 2 looks and leaves one out: 3. 104/HRB/0030 goes through 2 pairs.
/// 104/TCC/0020 varies 3 angles. All others are one picture: 3 + 1 + 2 + 1 + 3 + 6 = 16.
const SHOTS: &[(&str, usize)] = &[
    ("104/TCC/0090", 3),
    ("104/TCC/0095", 1),
    ("104/HRB/0030", 2),
    ("104/TCC/0010", 1),
    ("104/TCC/0020", 3),
    ("104/TCC/0030", 1),
    ("104/TCC/0040", 1),
    ("104/TCC/0050", 1),
    ("104/TCC/0060", 1),
    ("104/HRB/0010", 1),
    ("104/HRB/0020", 1),
];

fn json(show: &Show, args: &[&str]) -> Value {
    let said = show.reshoot(args);
    said.exits(0);
    serde_json::from_str(&said.out).expect("json")
}

/// Compares a text with the one that is kept for it.
fn pinned(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/grey-morning");
    settings.set_snapshot_path(kept);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn explained(show: &Show, shot: &str, more: &[&str]) -> Vec<Value> {
    let mut args = vec!["explain", shot, "--json"];
    args.extend(more);
    let told = json(show, &args);
    told["variants"].as_array().expect("variants").clone()
}

/// Every key of the show, by shot and variant.
fn keys(show: &Show) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    for (shot, _) in SHOTS {
        for variant in explained(show, shot, &[]) {
            let name = format!("{shot} {}", variant["variant"]);
            keys.insert(name, variant["key"].as_str().expect("a key").to_owned());
        }
    }
    keys
}

fn edit(show: &Show, file: &str, change: impl Fn(&str) -> String) {
    let path = show.path().join(file);
    let before = fs::read_to_string(&path).expect("a text");
    let after = change(&before);
    assert_ne!(before, after, "the edit changes something");
    fs::write(path, after).expect("a file");
}

#[test]
fn the_show_plans_to_what_is_counted_by_hand() {
    let show = Show::shipped("grey-morning");
    let checked = json(&show, &["check", "--json"]);
    assert_eq!(checked["shots"], 11);
    assert_eq!(checked["variants"], 16);
    // [[shots]]: 3 x 4 (final) + 1 x 2 (board) + 2 x 2 = 18. The list: 2 + 3 x 2 + 4 (final)
    // + 3 (takes) + 2 (approved) + 2 + 1 (takes) + 2 (hold) = 22. Together 40.
    assert_eq!(checked["takes"], 40);
    let plan = json(&show, &["plan", "--json"]);
    // All but the approved and the held one, 2 takes each: 36, at 28 thousandths of a dollar.
    let buy = &plan["totals"]["buy"];
    assert_eq!(buy["takes"], 36);
    assert_eq!(buy["usd_micros"], 36 * 28_000);
}

#[test]
fn every_prompt_compiles_to_these_words() {
    let show = Show::shipped("grey-morning");
    let mut all = String::new();
    for (shot, count) in SHOTS {
        let variants = explained(&show, shot, &[]);
        assert_eq!(variants.len(), *count, "{shot}");
        for variant in variants {
            let counts = &variant["counts"];
            let prompt = variant["prompt"].as_str().expect("a prompt");
            let _infallible = writeln!(
                all,
                "{shot} variant {}: {}/{} references, {}/{} characters\n{prompt}\n",
                variant["variant"],
                counts["references"],
                counts["most_references"],
                counts["characters"],
                counts["most_characters"],
            );
        }
    }
    pinned("every_prompt_compiles_to_these_words", &all);
}

#[test]
fn the_three_spellings_of_a_reference() {
    let show = Show::shipped("grey-morning");
    let mut all = String::new();
    for style in ["kling", "words", "at"] {
        let set = format!("ref_style={style}");
        let more = ["--variant", "4", "--set", &set];
        for variant in explained(&show, "104/TCC/0090", &more) {
            let prompt = variant["prompt"].as_str().expect("a prompt");
            let _infallible = writeln!(all, "{style}:\n{prompt}\n");
        }
    }
    pinned("the_three_spellings_of_a_reference", &all);
}

#[test]
fn keys_that_pictures_were_bought_with_never_change() {
    let show = Show::shipped("grey-morning");
    let all: Vec<String> = keys(&show)
        .into_iter()
        .map(|(name, key)| format!("{name} {key}"))
        .collect();
    pinned(
        "keys_that_pictures_were_bought_with_never_change",
        &all.join("\n"),
    );
}

#[test]
fn what_changes_no_picture_changes_no_key() {
    let show = Show::shipped("grey-morning");
    let before = keys(&show);
    // A sheet in short is a reference with its role; the order of roles is not that of the text.
    edit(&show, "bible/cast.toml", |text| {
        text.replace("sheet = \"otto/sheet.png\"\n", "").replace(
            "references = [{ file = \"otto/body.png\"",
            "references = [{ file = \"otto/sheet.png\", role = \"sheet\" }, { file = \"otto/body.png\"",
        )
    });
    // A preset by another name, a picture at another place, the list upside down, one entry more.
    edit(&show, "show.toml", |text| {
        text.replace("board", "draft").replace("drafts/", "boards/")
    });
    fs::create_dir(show.path().join("moved")).expect("a folder");
    let moved = show.path().join("moved/pier.png");
    fs::rename(show.path().join("bible/loc/pier.png"), moved).expect("a move");
    edit(&show, "bible/places.toml", |text| {
        format!(
            "{}\n[props.unused]\ntext = \"never seen\"\n",
            text.replace("loc/pier.png", "../moved/pier.png")
        )
    });
    edit(&show, "shots/ep104.csv", |text| {
        let mut lines: Vec<&str> = text.lines().collect();
        lines[1..].reverse();
        lines.join("\n")
    });
    assert_eq!(keys(&show), before);
}

#[test]
fn one_byte_of_one_reference_changes_the_keys_that_use_it_and_no_other() {
    let show = Show::shipped("grey-morning");
    let before = keys(&show);
    let users = |file: &str| {
        let mut users = Vec::new();
        for (shot, _) in SHOTS {
            for variant in explained(&show, shot, &[]) {
                let sent = variant["references"].as_array().expect("references");
                if sent.iter().any(|sent| sent["image"] == file) {
                    users.push(format!("{shot} {}", variant["variant"]));
                }
            }
        }
        users.sort();
        users
    };
    for file in [
        "bible/otto/body.png",
        "bible/loc/dusk.png",
        "boards/0060.png",
    ] {
        let path = show.path().join(file);
        let whole = fs::read(&path).expect("a picture");
        let mut changed = whole.clone();
        // The checksum of the last chunk: a byte that no reader of sizes looks at.
        *changed.last_mut().expect("a byte") ^= 1;
        fs::write(&path, changed).expect("a file");
        let after = keys(&show);
        let different: Vec<String> = before
            .iter()
            .filter(|(name, key)| after[*name] != **key)
            .map(|(name, _)| name.clone())
            .collect();
        assert_eq!(different, users(file), "{file}");
        assert!(!different.is_empty(), "{file}");
        fs::write(&path, whole).expect("a file");
    }
}

#[test]
fn what_explain_shows_piece_by_piece_is_the_prompt() {
    let show = Show::shipped("grey-morning");
    for (shot, _) in SHOTS {
        for variant in explained(&show, shot, &[]) {
            let segments = variant["segments"].as_array().expect("segments");
            let texts = segments.iter().map(|s| s["text"].as_str().expect("a text"));
            assert_eq!(texts.collect::<String>(), variant["prompt"], "{shot}");
            for segment in segments {
                let by_people =
                    !["compiler", "marker"].contains(&segment["from"].as_str().expect("from"));
                assert_eq!(segment["place"].is_string(), by_people, "{segment}");
            }
        }
    }
    let variant = &explained(&show, "104/TCC/0090", &["--variant", "1"])[0];
    let segment = |text: &str| {
        let mut segments = variant["segments"].as_array().expect("segments").iter();
        segments
            .find(|s| s["text"] == text)
            .expect("the piece")
            .clone()
    };
    let rain = segment("thin rain");
    assert_eq!(rain["from"], "var");
    assert_eq!(rain["name"], "weather");
    assert_eq!(rain["source"], "[sequences.\"104/TCC\"]");
    assert_eq!(rain["place"], "show.toml:47:21");
    assert_eq!(
        segment("yellow raincoat, hood down, wet hair")["name"],
        "mira.rain"
    );
    assert_eq!(segment("low angle")["source"], "matrix");
}

#[test]
fn explain_tells_what_a_setting_overrides() {
    let show = Show::shipped("grey-morning");
    let variant = &explained(&show, "104/TCC/0090", &["--variant", "4"])[0];
    let setting = |name: &str| {
        let mut settings = variant["settings"].as_array().expect("settings").iter();
        settings.find(|s| s["name"] == name).expect(name).clone()
    };
    let resolution = setting("resolution");
    assert_eq!(
        (&resolution["value"], &resolution["source"]),
        (&"2k".into(), &"preset final".into())
    );
    assert_eq!(resolution["overridden"][0]["value"], "1k");
    assert_eq!(resolution["overridden"][0]["source"], "preset board");
    assert_eq!(resolution["overridden"][0]["place"], "show.toml:32:14");
    assert_eq!(setting("look")["overridden"][0]["value"], "overcast");
    assert_eq!(setting("budget.shot")["value"], "$1.20");
    assert_eq!(setting("takes")["value"], "4");
    assert_eq!(variant["name_fields"]["preset"], "final");
    let none = show.reshoot(&["explain", "104/TCC/0090", "--variant", "2"]);
    none.exits(2);
    assert!(none.err.contains("it has 01, 03, 04"), "{none:?}");
    let text = show.reshoot(&["explain", "104/TCC/0095"]);
    text.exits(0);
    assert!(text.out.contains("9/10 references, "), "{text:?}");
    assert!(
        text.out.contains("otto, face (bible/cast.toml:"),
        "{text:?}"
    );
    assert!(
        text.err.contains("`otto` and `jun` send their sheets"),
        "{text:?}"
    );
}

//! More references than the model takes.

use crate::domain::diagnostic::{Diagnostic, Placed, Severity};
use crate::expand::check::Checked;
use crate::expand::expansion::Expansion;
use crate::expand::tests::fixture::Bench;
use crate::manifest::settings::RefLimit;

/// Adds a character of a face, a body and, if asked, a sheet.
fn add(bench: &mut Bench, name: &str, with_sheet: bool) {
    let roles = ["face", "body", "sheet"];
    let roles = if with_sheet { &roles[..] } else { &roles[..2] };
    let references = roles
        .iter()
        .map(|role| {
            bench.file(
                &format!("{name}_{role}.png"),
                role,
                &format!("{name} {role}"),
            )
        })
        .collect();
    let entry = bench.entry("", references);
    bench.manifest.characters.insert(name.to_owned(), entry);
}

/// A shot with these characters and so many references of its own.
fn bench(cast: &[(&str, bool)], own: usize, limit: RefLimit) -> Bench {
    let mut bench = Bench::new();
    for (name, with_sheet) in cast {
        add(&mut bench, name, *with_sheet);
    }
    let own = (0..own)
        .map(|n| bench.file(&format!("{n}.png"), "layout", &n.to_string()))
        .collect();
    bench.shot("0010", "{characters} wait").references = Some(own);
    let names: Vec<&str> = cast.iter().map(|(name, _)| *name).collect();
    bench.cast(&names);
    bench.manifest.defaults.technical.ref_limit = Some(Placed::built_in(limit));
    bench
}

fn check(bench: &Bench) -> Checked {
    Expansion::new(&bench.manifest, &bench.facts).check()
}

/// What goes along, entry by entry, and what is said of it.
fn sent(bench: &Bench) -> String {
    let wanted = Expansion::new(&bench.manifest, &bench.facts)
        .wanted(0)
        .expect("a sound shot")
        .remove(0);
    let of = |sent: &crate::expand::request::SentReference| {
        let entry = sent.entry.as_deref().unwrap_or("own");
        format!("{entry} {}", sent.role.as_deref().unwrap_or("-"))
    };
    let all: Vec<String> = wanted.request.references.iter().map(of).collect();
    let said: Vec<String> = check(bench).complaints.iter().map(told).collect();
    format!("{}\n{}", all.join(", "), said.join("\n"))
}

fn told(complaint: &Diagnostic) -> String {
    let mut lines = vec![format!(
        "{}: {}",
        complaint.severity.word(),
        complaint.message
    )];
    let known = complaint.expected.iter().chain(&complaint.facts);
    lines.extend(known.map(|line| format!("  = {line}")));
    lines.extend(complaint.help.iter().map(|line| format!("  help: {line}")));
    lines.join("\n")
}

#[test]
fn nothing_is_compacted_while_everything_fits() {
    let cast = [("ada", true), ("ben", true)];
    let mut one = bench(&cast, 4, RefLimit::Compact);
    let compact = sent(&one);
    assert!(check(&one).complaints.is_empty());
    one.manifest.defaults.technical.ref_limit = None;
    assert_eq!(sent(&one), compact);
}

#[test]
fn as_few_as_need_be_send_their_sheet_the_last_listed_first() {
    let cast = [("ada", true), ("ben", true), ("cid", true)];
    insta::assert_snapshot!(sent(&bench(&cast, 2, RefLimit::Compact)), @r#"
    ada face, ada body, ada sheet, ben face, ben body, ben sheet, cid sheet, own layout, own layout
    note: `cid` sends its sheet instead of face and body: 11 -> 9/10 references
      help: `reshoot explain 0010` shows what is sent, and what is not
    "#);
    insta::assert_snapshot!(sent(&bench(&cast, 4, RefLimit::Compact)), @r#"
    ada face, ada body, ada sheet, ben sheet, cid sheet, own layout, own layout, own layout, own layout
    note: `ben` and `cid` send their sheets instead of face and body: 13 -> 9/10 references
      help: `reshoot explain 0010` shows what is sent, and what is not
    "#);
}

#[test]
fn the_sheet_of_every_day_stands_for_nothing_that_a_state_wears() {
    let mut bench = bench(&[("ada", true), ("ben", false)], 6, RefLimit::Compact);
    let body = bench.file("rain.png", "body", "rain");
    let rain = bench.entry("raincoat", vec![body]);
    let ada = bench.manifest.characters.get_mut("ada").expect("ada");
    ada.wardrobe.insert("rain".to_owned(), rain);
    bench.cast(&["ada.rain", "ben"]);
    insta::assert_snapshot!(sent(&bench), @r#"
    ada.rain body, ada.rain sheet, ben face, ben body, own layout, own layout, own layout, own layout, own layout, own layout
    note: `ada.rain` sends its sheet instead of face and body: 11 -> 10/10 references
      help: `reshoot explain 0010` shows what is sent, and what is not
    "#);
}

#[test]
fn an_error_says_what_sheets_would_save() {
    let cast = [("ada", true), ("ben", false), ("cid", true)];
    let told_of = |own, limit| {
        let checked = check(&bench(&cast, own, limit));
        let errors = checked.complaints.iter();
        assert!(errors.clone().all(|c| c.severity == Severity::Error));
        errors.map(told).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(told_of(4, RefLimit::Error), @r#"
    error: the shot has 12 references
      = at most 10 (Kling IMAGE O1): 12/10
      = they come from: ada 3, ben 2, cid 3, the shot's own 4
      help: take 2 out, or cast fewer characters; or set `ref_limit = "compact"`: a sheet instead of face and body saves 2 for `ada`, 2 for `cid` (12 -> 10/10)
    "#);
    insta::assert_snapshot!(told_of(8, RefLimit::Error), @r#"
    error: the shot has 16 references
      = at most 10 (Kling IMAGE O1): 16/10
      = they come from: ada 3, ben 2, cid 3, the shot's own 8
      help: take 6 out, or cast fewer characters; or set `ref_limit = "compact"`: a sheet instead of face and body saves 2 for `ada`, 2 for `cid` (16 -> 12/10, still 2 too many)
    "#);
    insta::assert_snapshot!(told_of(8, RefLimit::Compact), @r#"
    error: the shot has 16 references
      = at most 10 (Kling IMAGE O1): 16/10
      = they come from: ada 3, ben 2, cid 3, the shot's own 8
      = with the sheet of `ada`, `cid` instead of face and body: 16 -> 12/10
      = without a sheet: `ben`
      help: take 2 out, or cast fewer characters; a `sheet` stands for face and body
    "#);
}

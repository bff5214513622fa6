//! File names: safe, and each only once.

use std::borrow::Cow;

use proptest::prelude::*;

use crate::domain::diagnostic::{Placed, Sources};
use crate::domain::id::TakeNo;
use crate::expand::expansion::Expansion;
use crate::expand::naming::{self, NameTemplate};
use crate::expand::tests::fixture::Bench;

fn template(text: &str) -> Result<NameTemplate, Vec<String>> {
    let text = Placed::built_in(text.to_owned());
    NameTemplate::parse(&text, &Sources::default(), |name| name == "angle")
        .map_err(|flaws| flaws.into_iter().map(|flaw| flaw.message).collect())
}

fn path(text: &str, values: &[(&str, &str)]) -> String {
    let value = |field: &str| {
        let found = values.iter().find(|(name, _)| *name == field);
        found.map_or(Cow::Borrowed(""), |(_, value)| Cow::Borrowed(*value))
    };
    let name = template(text)
        .expect("a sound template")
        .fill(value)
        .expect("a sound name");
    name.path(TakeNo(7), "jpg")
}

#[test]
fn empty_fields_leave_no_trace() {
    let all = [
        ("show", "AGM"),
        ("episode", "104"),
        ("sequence", "TCC"),
        ("shot", "0010"),
        ("preset", "board"),
        ("variant", "3"),
    ];
    assert_eq!(
        path(naming::DEFAULT, &all),
        "104/TCC/0010/AGM_104_TCC_0010_board_03_v007.jpg"
    );
    let few = [("show", "AGM"), ("shot", "0010"), ("preset", "board")];
    assert_eq!(path(naming::DEFAULT, &few), "0010/AGM_0010_board_v007.jpg");
    assert_eq!(path("{episode}_{shot}/{take}.{ext}", &few), "0010/7.jpg");
    assert_eq!(path("{angle}/x_{angle}-{take}.{ext}", &[]), "x-7.jpg");
}

#[test]
fn what_is_not_safe_goes() {
    let safe = |value: &str| path("{shot}/v{take}.{ext}", &[("shot", value)]);
    assert_eq!(safe("../../etc"), "etc/v7.jpg");
    assert_eq!(safe(".."), "v7.jpg");
    assert_eq!(safe("a b/c\\d\0e"), "abcde/v7.jpg");
    assert_eq!(safe("con"), "_con/v7.jpg");
    assert_eq!(safe("LPT1.x"), "_LPT1.x/v7.jpg");
    assert_eq!(safe("end..."), "end/v7.jpg");
    assert_eq!(safe("-rf"), "rf/v7.jpg");
    assert_eq!(path("{shot}{take}.{ext}", &[("shot", "com")]), "_com7.jpg");
    let cafe = safe("Café");
    assert!(
        cafe.starts_with("Caf-") && cafe.len() == "Caf-123456/v7.jpg".len(),
        "{cafe}"
    );
    assert_ne!(safe("日本"), safe("中国"));
}

#[test]
fn templates_that_would_lose_pictures_are_refused() {
    let bad = [
        "{shot}.{ext}",
        "{shot}_v{take}",
        "{shot}_v{take}.png",
        "{shot<_{take}>.{ext}",
        "{shot}<_v{take}>.{ext}",
        "../{shot}_{take}.{ext}",
        "/{shot}_{take}.{ext}",
        "{shto}_{take}.{ext}",
        "{shot:04}_{take}.{ext}",
        "{shot}_{take:99}.{ext}",
        "{shot}>_{take}.{ext}",
        "<{shot}_{take}.{ext}",
    ];
    let told = bad.map(|text| {
        let flaws = template(text).expect_err(text).join("; ");
        format!("{text}: {flaws}")
    });
    insta::assert_snapshot!(told.join("\n"), @r"
    {shot}.{ext}: `{take}` is missing, so that takes would share a file name
    {shot}_v{take}: file names have to end in `.{ext}`
    {shot}_v{take}.png: file names have to end in `.{ext}`
    {shot<_{take}>.{ext}: a `{` has no `}`
    {shot}<_v{take}>.{ext}: `{take}` is missing, so that takes would share a file name
    ../{shot}_{take}.{ext}: these file names lead out of the images folder
    /{shot}_{take}.{ext}: these file names lead out of the images folder
    {shto}_{take}.{ext}: no part of a file name is called `shto`
    {shot:04}_{take}.{ext}: `{shot:04}` cannot be filled in
    {shot}_{take:99}.{ext}: `{take:99}` cannot be filled in
    {shot}>_{take}.{ext}: `>` stands alone
    <{shot}_{take}.{ext}: a `<` has no `>`
    ");
}

#[test]
fn a_part_too_long_for_a_file_system_is_refused() {
    let long = "x".repeat(300);
    let name = template(naming::DEFAULT)
        .expect("sound")
        .fill(|_| long.as_str().into());
    assert!(name.expect_err("too long").contains("240 at most"));
}

fn clashes(bench: &Bench) -> Vec<String> {
    let checked = Expansion::new(&bench.manifest, &bench.facts).check();
    checked
        .complaints
        .into_iter()
        .map(|complaint| complaint.message)
        .collect()
}

#[test]
fn shots_that_would_share_a_file_are_named() {
    let mut bench = Bench::new();
    bench.shot("104/A/0010", "a door");
    bench.shot("104/a/0010", "a door");
    bench.shot("104/B/0010", "a door");
    insta::assert_snapshot!(clashes(&bench).join("\n"), @"shots `104/A/0010` and `104/a/0010` would share the file name `104/a/0010/AGM_104_a_0010_1k-1x1_v001.jpg`");
    bench.manifest.show.name = Placed::built_in("{shot}_v{take:03}.{ext}".to_owned());
    assert_eq!(clashes(&bench).len(), 2);
}

#[test]
fn take_numbers_that_run_into_names_are_seen() {
    let mut bench = Bench::new();
    bench.manifest.show.name = Placed::built_in("{shot}{take}.{ext}".to_owned());
    bench.shot("a", "a door").technical.takes = Some(Placed::built_in(12));
    bench.shot("a1", "a door");
    assert_eq!(
        clashes(&bench),
        ["shots `a` and `a1` would share the file name `a11.jpg`"]
    );
    bench.written(0).layer.technical.takes = Some(Placed::built_in(10));
    assert!(clashes(&bench).is_empty());
}

#[test]
fn variants_need_to_be_told_apart() {
    let mut bench = Bench::new();
    bench.manifest.show.name = Placed::built_in("{shot}_v{take}.{ext}".to_owned());
    bench.shot("0010", "{angle} door");
    let matrix = vec![(bench.text("angle"), bench.texts(&["low", "high"]))];
    bench.written(0).variants.matrix = matrix;
    let told = ["two variants of the shot would share the file name `0010_v1.jpg`"];
    assert_eq!(clashes(&bench), told);
}

proptest! {
    #[test]
    fn a_name_stays_below_its_root(
        values in prop::collection::vec(".{0,12}|[./\\\\]{0,4}|(con|aux|com1|nul)[.]?.{0,2}", 6),
        text in prop::sample::select(vec![
            naming::DEFAULT, "{shot}{take}.{ext}", "{episode}/{sequence}{preset}/{angle}_{take}.{ext}",
            "{shot}.{angle}/<{preset}.>x{take:04}.{ext}",
        ]),
        take in 1..2000u32,
    ) {
        let fields = ["show", "episode", "sequence", "shot", "preset", "angle"];
        let value = |field: &str| {
            let at = fields.iter().position(|name| *name == field);
            at.map_or(Cow::Borrowed(""), |at| values[at].as_str().into())
        };
        let name = template(text).expect("a sound template").fill(value).expect("short");
        let path = name.path(TakeNo(take), "jpg");
        for part in path.split('/') {
            prop_assert!(!part.is_empty() && part.len() <= 255, "{}", path);
            prop_assert!(!part.starts_with('.') && !part.ends_with('.'), "{}", path);
            let safe = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            prop_assert!(part.chars().all(safe), "{}", path);
            let stem = part.split('.').next().unwrap_or_default().to_ascii_lowercase();
            let reserved = ["con", "prn", "aux", "nul"].contains(&stem.as_str())
                || (stem.len() == 4 && (stem.starts_with("com") || stem.starts_with("lpt"))
                    && stem.ends_with(|c: char| c.is_ascii_digit()));
            prop_assert!(!reserved, "{}", path);
        }
    }

    #[test]
    fn any_template_is_answered(text in ".{0,30}|[{}<>/a-z:._]{0,30}") {
        let _template = template(&text);
    }
}

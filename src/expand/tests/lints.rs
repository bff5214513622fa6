//! What is warned about in a prompt that is sound.

use crate::domain::diagnostic::{Diagnostic, Placed};
use crate::expand::expansion::Expansion;
use crate::expand::tests::fixture::Bench;
use crate::manifest::settings::{PromptSyntax, RefStyle};

/// What is said of a prompt with these characters cast.
fn said(prompt: &str, cast: &[&str]) -> Vec<String> {
    let mut bench = Bench::with_cast();
    bench.shot("0010", prompt);
    bench.cast(cast);
    all(&bench)
}

fn all(bench: &Bench) -> Vec<String> {
    let checked = Expansion::new(&bench.manifest, &bench.facts).check();
    assert!(!checked.has_errors(), "{:?}", checked.complaints);
    let line = |c: &Diagnostic| {
        let help = c.help.as_deref().unwrap_or_default();
        format!("{}: {}; {help}", c.code, c.message)
    };
    checked.complaints.iter().map(line).collect()
}

#[test]
fn a_name_typed_where_braces_were_meant() {
    let plain =
        "plain-name: `Mira` is typed as plain text, so no marker stands after it; write `{mira}`";
    assert_eq!(said("Mira waves", &["mira"]), [plain]);
    assert_eq!(said("seen from behind, Mira's hair", &["mira"]), [plain]);
    let rain = said("mira waves", &["mira.rain"]);
    assert_eq!(
        rain,
        [
            "plain-name: `mira` is typed as plain text, so no marker stands after it; write `{mira.rain}`"
        ]
    );
    let loud = said("MIRA waves", &["mira"]);
    assert!(loud[0].starts_with("plain-name: `MIRA`"), "{loud:?}");
    for (prompt, cast) in [
        ("{mira} waves. Mira turns", &["mira"][..]),
        ("{characters}: Mira waves", &["mira"]),
        ("a miracle, admiral Mirando", &["mira"]),
        ("two people wait", &["mira", "otto"]),
        ("the wooden pier", &[]),
    ] {
        assert_eq!(said(prompt, cast), Vec::<String>::new(), "{prompt}");
    }
}

#[test]
fn a_name_spelled_in_two_ways() {
    let told = said("{mira} waves, MIRA turns", &["mira"]);
    assert_eq!(
        told,
        [
            "name-spelled-otherwise: `MIRA` is typed, but `mira` is called `Mira`; write `{mira}`, or `Mira`"
        ]
    );
    for prompt in ["{mira} waves, Myra turns", "Myra waves", "{mira} and Mirra"] {
        let told = said(prompt, &["mira"]);
        assert_eq!(told.len(), 1, "{prompt}: {told:?}");
        assert!(told[0].starts_with("name-spelled-otherwise"), "{told:?}");
    }
    for prompt in [
        "{mira} waves. More of it",
        "{mira} and the Miras",
        "{mira} at Lima",
    ] {
        assert_eq!(said(prompt, &["mira"]), Vec::<String>::new(), "{prompt}");
    }
}

#[test]
fn whoever_is_named_and_not_cast() {
    let told = said("{mira} looks at Otto", &["mira"]);
    assert_eq!(
        told,
        [
            "named-not-cast: `Otto` is typed, but `otto` is not cast in this shot; add `otto` to the shot's characters and write `{otto}`"
        ]
    );
    assert_eq!(
        said("{mira} looks at a motto, otto", &["mira"]),
        Vec::<String>::new()
    );
    assert_eq!(
        said("{mira.rain} waves, Mira", &["mira.rain"]),
        Vec::<String>::new()
    );
}

#[test]
fn two_states_of_one_character_need_names_of_their_own() {
    let mut bench = Bench::with_cast();
    bench.shot("0010", "{mira} faces {mira.rain} in a mirror");
    bench.cast(&["mira", "mira.rain"]);
    assert_eq!(
        all(&bench),
        [
            "same-name: `mira` and `mira.rain` are both called `Mira` in the prompt; give `mira.rain` a `name` of its own"
        ]
    );
    let name = bench.text("Mira in the rain");
    let mira = bench.manifest.characters.get_mut("mira").expect("mira");
    mira.wardrobe.get_mut("rain").expect("rain").name = Some(name);
    assert_eq!(all(&bench), Vec::<String>::new());
    let expansion = Expansion::new(&bench.manifest, &bench.facts);
    let prompt = expansion.wanted(0).expect("sound")[0]
        .request
        .prompt
        .to_string();
    insta::assert_snapshot!(prompt, @r#"
    References: <<<image_1>>> face of Mira and face of Mira in the rain; <<<image_2>>> body of Mira; <<<image_3>>> body of Mira in the rain.
    Mira: woman of 30, black bob. Keep silver hoop earrings.
    Mira in the rain: woman of 30, black bob; yellow raincoat. Keep silver hoop earrings.
    Mira <<<image_1>>> faces Mira in the rain <<<image_1>>> in a mirror
    "#);
}

#[test]
fn markers_and_ratios_are_told_where_they_were_typed_and_once() {
    let mut bench = Bench::with_cast();
    let prompt = bench.text("[Image 1] waves in 9:16 portrait format. {action}");
    let place = prompt.place;
    bench.manifest.defaults.prompt = Some(prompt);
    for id in ["0010", "0020", "0030"] {
        bench.shot(id, "");
        bench.cast(&["otto"]);
        let action = bench.text("still");
        let layer = &mut bench.manifest.shots.last_mut().expect("a shot").layer;
        layer.vars.insert("action".to_owned(), action);
    }
    let checked = Expansion::new(&bench.manifest, &bench.facts).check();
    let codes: Vec<_> = checked
        .complaints
        .iter()
        .map(|c| (c.code, c.place))
        .collect();
    assert_eq!(codes, [("near-marker", place), ("other-ratio", place)]);
    assert_eq!(checked.complaints[0].facts[0], "the same in 2 more shots");
}

#[test]
fn the_same_warning_at_many_places_is_told_at_ten_of_them() {
    let mut bench = Bench::with_cast();
    for n in 0..30 {
        bench.shot(&format!("{n:04}"), "Otto waits");
        bench.cast(&["otto"]);
    }
    let checked = Expansion::new(&bench.manifest, &bench.facts).check();
    assert_eq!(checked.complaints.len(), 10);
    let last = checked.complaints.last().expect("a warning");
    assert_eq!(last.facts[0], "the same at 20 more places");
}

#[test]
fn every_style_knows_its_own_markers() {
    for style in [RefStyle::Kling, RefStyle::Words, RefStyle::At] {
        let mut bench = Bench::with_cast();
        bench.shot("0010", "{otto} smiles at {mira.rain}");
        bench.cast(&["otto", "mira.rain"]);
        bench.manifest.defaults.technical.ref_style = Some(Placed::built_in(style));
        assert_eq!(all(&bench), Vec::<String>::new(), "{style:?}");
    }
    let mut bench = Bench::with_cast();
    bench.shot("0010", "@Image 1 smiles at Otto and <<<image_1>>>");
    bench.cast(&["otto"]);
    let told = all(&bench);
    let codes: Vec<&str> = told
        .iter()
        .filter_map(|line| line.split(':').next())
        .collect();
    assert_eq!(codes, ["typed-marker", "near-marker", "plain-name"]);
}

#[test]
fn braces_are_advised_only_where_they_are_names() {
    let mut bench = Bench::with_cast();
    let prompt = "@Image 1 smiles at Otto {so}, OTTO and Mira smile back <<<image_1>>>";
    let layer = bench.shot("0010", prompt);
    layer.prompt_syntax = Some(Placed::built_in(PromptSyntax::Plain));
    bench.cast(&["otto"]);
    let told = all(&bench);
    assert_eq!(
        told,
        [
            "typed-marker: a marker is typed in the prompt; compare it with what `reshoot \
             explain` shows, or take `prompt_syntax` out to name entries in braces",
            "near-marker: `@Image 1` looks like a marker but is none; write it as `reshoot explain` \
             shows it, or write the words out",
            "named-not-cast: `Mira` is typed, but `mira` is not cast in this shot; add `mira` to the \
             shot's characters",
        ]
    );
}

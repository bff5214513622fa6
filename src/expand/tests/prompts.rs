//! What prompts compile to.

use crate::domain::diagnostic::Placed;
use crate::expand::expansion::Expansion;
use crate::expand::tests::fixture::Bench;
use crate::expand::wanted::Wanted;
use crate::manifest::settings::{PromptSyntax, RefStyle};

fn only(bench: &Bench) -> Wanted {
    let mut wanted = Expansion::new(&bench.manifest, &bench.facts)
        .wanted(0)
        .expect("a sound shot");
    assert_eq!(wanted.len(), 1);
    wanted.remove(0)
}

fn prompt(bench: &Bench) -> String {
    only(bench).request.prompt.to_string()
}

#[test]
fn a_shot_without_references_compiles_to_its_text() {
    let mut bench = Bench::new();
    bench.shot("0010", " a {{red}} door ");
    assert_eq!(prompt(&bench), "a {red} door");
}

#[test]
fn plain_prompts_keep_their_braces() {
    let mut bench = Bench::new();
    let layer = bench.shot("0010", "a {door} }{");
    layer.prompt_syntax = Some(Placed::built_in(PromptSyntax::Plain));
    assert_eq!(prompt(&bench), "a {door} }{");
}

#[test]
fn references_are_numbered_told_once_and_marked() {
    let mut bench = Bench::with_cast();
    bench.shot("0010", "{shot_size}. {action} {look}");
    bench.cast(&["mira.rain", "otto"]);
    let location = bench.text("pier");
    let look = bench.text("dusk");
    let mut layout = bench.file("boards/0010.png", "layout", "board");
    layout.scope = Some(bench.text("composition only"));
    let vars = [
        ("shot_size", "wide shot"),
        (
            "action",
            "{mira.rain} waves on the {pier} in {weather}; {otto} sees {mira}.",
        ),
        ("weather", "thin rain"),
    ];
    for (name, value) in vars {
        let value = bench.text(value);
        bench.manifest.defaults.vars.insert(name.to_owned(), value);
    }
    let layer = &mut bench.written(0).layer;
    layer.location = Some(location);
    layer.look = Some(look);
    layer.references = Some(vec![layout]);
    insta::assert_snapshot!(prompt(&bench), @r#"
    References: <<<image_1>>> face of Mira; <<<image_2>>> body of Mira; <<<image_3>>> face of Otto; <<<image_4>>> place of pier; <<<image_5>>> layout (composition only).
    Mira: woman of 30, black bob; yellow raincoat. Keep silver hoop earrings.
    pier: wooden fishing pier.
    wide shot. Mira <<<image_1>>> waves on the pier <<<image_4>>> in thin rain; Otto <<<image_3>>> sees Mira <<<image_1>>>. Blue hour, long shadows.
    "#);
    let roles: Vec<String> = only(&bench)
        .request
        .references
        .iter()
        .map(|sent| format!("{} {:?} {:?}", sent.marker, sent.entry, sent.role))
        .collect();
    insta::assert_snapshot!(roles.join("\n"), @r#"
    <<<image_1>>> Some("mira.rain") Some("face")
    <<<image_2>>> Some("mira.rain") Some("body")
    <<<image_3>>> Some("otto") Some("face")
    <<<image_4>>> Some("pier") Some("place")
    <<<image_5>>> None Some("layout")
    "#);
}

#[test]
fn the_other_spellings_of_markers() {
    let mut bench = Bench::with_cast();
    bench.shot("0010", "{otto} smiles");
    bench.cast(&["otto"]);
    bench.manifest.defaults.technical.ref_style = Some(Placed::built_in(RefStyle::Words));
    assert_eq!(
        prompt(&bench),
        "References: Image 1 face of Otto.\nOtto (Image 1) smiles"
    );
    bench.manifest.defaults.technical.ref_style = Some(Placed::built_in(RefStyle::At));
    assert_eq!(
        prompt(&bench),
        "References: @image_1 face of Otto.\nOtto @image_1 smiles"
    );
}

#[test]
fn listed_but_unnamed_entries_are_told_too() {
    let mut bench = Bench::with_cast();
    bench.shot("0010", "two people wait");
    bench.cast(&["mira", "otto"]);
    let look = bench.text("dusk");
    bench.written(0).layer.look = Some(look);
    insta::assert_snapshot!(prompt(&bench), @r#"
    References: <<<image_1>>> face of Mira; <<<image_2>>> body of Mira; <<<image_3>>> face of Otto.
    Mira: woman of 30, black bob. Keep silver hoop earrings.
    two people wait. Blue hour, long shadows.
    "#);
}

#[test]
fn equal_content_is_sent_once() {
    let mut bench = Bench::with_cast();
    let twin = bench.file("otto_copy.png", "", "otto face");
    bench.shot("0010", "{otto} in a mirror").references = Some(vec![twin]);
    bench.cast(&["otto", "otto"]);
    let wanted = only(&bench);
    assert_eq!(wanted.request.references.len(), 1);
    assert_eq!(
        wanted.request.prompt.as_ref(),
        "References: <<<image_1>>> face of Otto and reference.\nOtto <<<image_1>>> in a mirror"
    );
}

#[test]
fn words_stand_for_what_the_shot_lists_and_nothing_leaves_no_gap() {
    let mut bench = Bench::with_cast();
    bench.shot("0010", "{look} {characters} at the {location}, {props} end");
    bench.cast(&["otto", "mira"]);
    let text = prompt(&bench);
    let body = text.lines().last().expect("a body");
    assert_eq!(body, "Otto <<<image_1>>>, Mira <<<image_2>>> at the , end");
}

#[test]
fn a_typed_marker_that_has_its_reference_is_warned_about() {
    let mut bench = Bench::with_cast();
    bench.shot("0010", "<<<image_1>>> smiles");
    bench.cast(&["otto"]);
    let checked = Expansion::new(&bench.manifest, &bench.facts).check();
    assert!(!checked.has_errors());
    assert_eq!(checked.complaints[0].code, "typed-marker");
}

//! Where the pieces of a prompt came from.

use proptest::prelude::*;

use crate::domain::diagnostic::Placed;
use crate::domain::id::Variant;
use crate::expand::expansion::Expansion;
use crate::expand::tests::fixture::Bench;
use crate::manifest::settings::{PromptSyntax, RefStyle};

/// A show whose prompt, var, names and texts are anything at all.
fn bench(prompt: &str, var: &str, text: &str, plain: bool, style: RefStyle) -> Bench {
    let mut bench = Bench::with_cast();
    let layer = bench.shot("0010", prompt);
    layer.prompt_syntax = plain.then(|| Placed::built_in(PromptSyntax::Plain));
    layer.technical.ref_style = Some(Placed::built_in(style));
    bench.cast(&["mira.rain", "otto"]);
    for (name, value) in [("action", var), ("weather", text)] {
        let value = bench.text(value);
        bench.manifest.defaults.vars.insert(name.to_owned(), value);
    }
    let (look, location) = (bench.text("dusk"), bench.text("pier"));
    let layer = &mut bench.manifest.shots.get_mut(0).expect("a shot").layer;
    (layer.look, layer.location) = (Some(look), Some(location));
    let (name, text) = (bench.text(text), bench.text(text));
    let mira = bench.manifest.characters.get_mut("mira").expect("mira");
    (mira.name, mira.text) = (Some(name.clone()), Some(text.clone()));
    mira.references[0].role = Some(name.clone());
    mira.references[1].scope = Some(text.clone());
    bench.manifest.looks.get_mut("dusk").expect("dusk").text = Some(text);
    bench
}

fn any_prompt() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("{mira}".to_owned()),
        Just("{mira.rain}".to_owned()),
        Just("{otto} ".to_owned()),
        Just("{look}".to_owned()),
        Just(" {action}".to_owned()),
        Just("{weather}".to_owned()),
        Just("{characters}".to_owned()),
        Just("{{".to_owned()),
        Just("Mira Otto myra".to_owned()),
        Just("<<<image_1>>> [image 2] 9:16".to_owned()),
        "\\PC{0,6}",
        ".{0,3}",
    ];
    prop::collection::vec(word, 0..8).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn any_text_compiles_or_is_refused_and_its_pieces_are_the_prompt(
        prompt in any_prompt(),
        var in any_prompt(),
        text in "\\PC{0,12}|[ .;\n{}<>a-z]{0,8}",
        plain in any::<bool>(),
        style in prop_oneof![Just(RefStyle::Kling), Just(RefStyle::Words), Just(RefStyle::At)],
    ) {
        let bench = bench(&prompt, &var, &text, plain, style);
        let expansion = Expansion::new(&bench.manifest, &bench.facts);
        let told = expansion.explain(0, Variant(0), |known| {
            let compiled = known.compiled;
            let mut begins = 0;
            let mut all = String::new();
            for segment in &compiled.segments {
                all.push_str(&compiled.prompt[begins..segment.end]);
                begins = segment.end;
            }
            (all, compiled.prompt.to_string())
        });
        if let Ok(Some((pieces, prompt))) = told {
            prop_assert_eq!(pieces, prompt);
        }
    }
}

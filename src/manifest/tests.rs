//! Whole manifests, as people write them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::domain::diagnostic::Severity;
use crate::manifest::model::{Image, Manifest, Shot, Status};
use crate::manifest::read::{DEFAULT_NAME, Options, Outcome, Text, TextError, Texts, read};
use crate::manifest::settings::{AspectRatio, Format, PromptSyntax, Resolution};

/// Texts in memory, all in one folder.
#[derive(Default)]
struct Memory(BTreeMap<String, Vec<u8>>);

impl Texts for Memory {
    fn read(&mut self, _by: &str, path: &str) -> Result<Text, TextError> {
        let bytes = self.0.get(path).cloned().ok_or(TextError::Missing)?;
        Ok(Text {
            path: path.to_owned(),
            bytes,
        })
    }
}

fn outcome(texts: &[(&str, &[u8])], options: &Options) -> Outcome {
    let mut memory = Memory::default();
    for (path, bytes) in texts {
        memory.0.insert((*path).to_owned(), bytes.to_vec());
    }
    let root = Text {
        path: texts[0].0.to_owned(),
        bytes: texts[0].1.to_vec(),
    };
    read(root, &mut memory, options)
}

fn sound(texts: &[(&str, &[u8])]) -> Manifest {
    let outcome = outcome(texts, &Options::default());
    let errors = outcome.complaints.iter().filter(|c| c.is_error());
    let errors: Vec<_> = errors.collect();
    assert!(errors.is_empty(), "{errors:#?}");
    outcome.manifest.expect("a manifest")
}

fn csv(text: &str) -> Manifest {
    sound(&[("list.csv", text.as_bytes())])
}

fn shots(manifest: &Manifest) -> Vec<Shot> {
    manifest.shots.iter().map(Cow::into_owned).collect()
}

/// Ids and prompts.
#[derive(Debug)]
struct Prompts(Vec<(String, String)>);

impl<const N: usize> PartialEq<[(&str, &str); N]> for Prompts {
    fn eq(&self, other: &[(&str, &str); N]) -> bool {
        let own = self
            .0
            .iter()
            .map(|(id, prompt)| (id.as_str(), prompt.as_str()));
        own.eq(other.iter().copied())
    }
}

fn prompts(manifest: &Manifest) -> Prompts {
    let told = |shot: Shot| {
        let prompt = shot.layer.prompt.map_or(String::new(), |p| p.value);
        (shot.id.value.to_string(), prompt)
    };
    Prompts(shots(manifest).into_iter().map(told).collect())
}

fn codes(outcome: &Outcome) -> Vec<&'static str> {
    outcome.complaints.iter().map(|c| c.code).collect()
}

#[test]
fn the_simplest_toml() {
    let text = "[[shots]]\nprompt = \"a pier\"\n[[shots]]\nprompt = \"a ferry\"\n";
    let manifest = sound(&[("ferry.toml", text.as_bytes())]);
    assert_eq!(
        prompts(&manifest),
        [("0010", "a pier"), ("0020", "a ferry")]
    );
    assert_eq!(manifest.show.code.value, "ferry");
    assert_eq!(manifest.show.output.value, "out");
    assert_eq!(manifest.show.name.value, DEFAULT_NAME);
    assert!(manifest.show.id.is_none());
    assert_eq!(manifest.warnings.len(), 1);
    assert_eq!(manifest.warnings[0].severity, Severity::Note);
}

#[test]
fn the_simplest_csv() {
    let manifest = csv("prompt\na pier\n\"a ferry, leaving\"\n");
    let expected = [("0010", "a pier"), ("0020", "a ferry, leaving")];
    assert_eq!(prompts(&manifest), expected);
    let manifest = csv("id,prompt,references,preset\n0010,a pier,a.png; b.png,1k-16x9\n");
    let layer = &shots(&manifest)[0].layer;
    assert_eq!(layer.preset.as_ref().expect("preset").value, "1k-16x9");
    assert_eq!(layer.references.as_ref().expect("references").len(), 2);
}

const SHOW: &str = r#"
manifest = 1
include = ["cast.toml"]

[show]
id = "0f7d"
code = "FRY"
shots = ["night.csv"]
output = "pictures/ferry"

[budget]
run = "2.50"
shot = "0.30"

[run]
jobs = 2

[defaults]
preset = "rough"
prompt = "{size}. {action} {look}"
vars = { size = "wide shot", lens = 35 }

[presets.rough]
resolution = "1k"
aspect_ratio = "16:9"
references = "inline"
[presets.fine]
extends = "rough"
resolution = "2k"
format = "png"
webhook_url = "https://hooks.example.com/x"

[sequences."1/DAY"]
look = "overcast"

[columns]
"Framing" = "size"
note_to_self = "Remarks"

[[shots]]
id = "1/DAY/0010"
action = "{ada.coat} waves."
characters = ["ada.coat"]
look = "-"
references = ["plan.png", { url = "https://example.com/a.png", role = "layout", use = "framing" }]
set = { preset = "fine", aspect_ratio = "21:9" }
status = "retake"
note = "again"
[shots.matrix]
size = ["close-up", "wide shot"]
lens = [35, 50]
exclude = [{ size = "close-up", lens = 35 }]

[[shots]]
id = "1/DAY/0020"
prompt_syntax = "plain"
prompt = "a {literal} brace"
characters = []
[shots.zip]
light = ["dawn", "dusk"]
fog = ["none", "thick"]
"#;

const CAST: &str = r#"
[characters.ada]
name = "Ada"
text = "a woman of 60"
keep = "grey braid"
references = [{ file = "ada.png", role = "face" }, "7f6c1c6e-0000-4000-8000-000000000000"]
[characters.ada.wardrobe.coat]
text = "red coat"
[locations.pier]
text = "a pier"
"#;

const NIGHT: &str = "\u{feff}Shot Code;Framing;Description;Remarks;matrix: light;Aspect Ratio\n\
    1/NIGHT/0010;close-up;gulls;x;dawn; dusk;3:2\n";

#[test]
fn a_whole_show() {
    let night = NIGHT.replace("dawn; dusk", "\"dawn; dusk\"");
    let manifest = sound(&[
        ("show.toml", SHOW.as_bytes()),
        ("cast.toml", CAST.as_bytes()),
        ("night.csv", night.as_bytes()),
    ]);
    assert_eq!(manifest.run.jobs, 2);
    assert_eq!(
        manifest.budget.shot.as_ref().expect("cap").value.get(),
        300_000
    );
    assert_eq!(manifest.defaults.vars["lens"].value, "35");
    assert_eq!(
        manifest.presets["fine"]
            .extends
            .as_ref()
            .expect("extends")
            .value,
        "rough"
    );
    let ada = &manifest.characters["ada"];
    assert_eq!(ada.references.len(), 2);
    assert!(matches!(ada.references[1].image.value, Image::Uuid(_)));
    assert_eq!(
        ada.wardrobe["coat"].text.as_ref().expect("text").value,
        "red coat"
    );
    assert_eq!(
        manifest.sequences["1/DAY"]
            .look
            .as_ref()
            .expect("look")
            .value,
        "overcast"
    );

    let all = shots(&manifest);
    let [first, second, third] = all.as_slice() else {
        panic!("three shots");
    };
    assert_eq!(first.episode.as_deref(), Some("1"));
    assert_eq!(first.sequence.as_deref(), Some("DAY"));
    assert_eq!(first.name, "0010");
    assert_eq!(first.status, Status::Retake);
    assert_eq!(first.kept, [("note".to_owned(), "again".to_owned())]);
    assert_eq!(first.layer.look.as_ref().expect("look").value, "");
    let technical = &first.layer.technical;
    assert_eq!(
        technical.aspect_ratio.as_ref().expect("ratio").value,
        AspectRatio::R21x9
    );
    let axes: Vec<&str> = first
        .variants
        .matrix
        .iter()
        .map(|(a, _)| a.value.as_str())
        .collect();
    assert_eq!(axes, ["size", "lens"], "in the order written");
    assert_eq!(first.variants.exclude[0]["lens"].value, "35");

    let syntax = second.layer.prompt_syntax.as_ref().expect("syntax");
    assert_eq!(syntax.value, PromptSyntax::Plain);
    assert_eq!(second.layer.characters.as_ref().map(Vec::len), Some(0));
    assert_eq!(second.variants.zip.len(), 2);

    assert_eq!(third.layer.vars["size"].value, "close-up");
    assert_eq!(third.layer.vars["action"].value, "gulls");
    assert_eq!(third.layer.vars["note_to_self"].value, "x");
    assert_eq!(third.variants.matrix[0].1.len(), 2);
    let fine = &manifest.presets["fine"].layer.technical;
    assert_eq!(fine.format.as_ref().expect("format").value, Format::Png);
    assert_eq!(
        fine.resolution.as_ref().expect("resolution").value,
        Resolution::TwoK
    );
}

#[test]
fn places_point_at_what_was_written() {
    let text = "id,prompt,characters,note\n0010,\"a \"\"pier\"\"\",ada.coat; bo,\"two\nlines\"\n\
        0020,b,bo,x\n";
    let manifest = csv(text);
    let written = |place: Option<crate::domain::diagnostic::Place>| {
        let place = place.expect("a place");
        (
            &text[place.start as usize..place.end as usize],
            place.cell.expect("a cell").address(),
        )
    };
    let layer = &shots(&manifest)[0].layer;
    let prompt = layer.prompt.as_ref().expect("prompt");
    assert_eq!(prompt.value, "a \"pier\"");
    assert_eq!(written(prompt.place), ("a \"\"pier\"\"", "B2".to_owned()));
    let characters = layer.characters.as_ref().expect("characters");
    assert_eq!(written(characters[1].place), ("bo", "C2".to_owned()));
    let second = &shots(&manifest)[1];
    assert_eq!(written(second.id.place), ("0020", "A3".to_owned()));
}

#[test]
fn empty_cells_inherit_and_a_dash_is_none() {
    let manifest = csv("id,prompt,characters,look,references,var: lens,status\n\
        0010,a,,,,,\n0020,b,-,-,-,-,-\n");
    let all = shots(&manifest);
    let [empty, none] = all.as_slice() else {
        panic!("two shots");
    };
    assert!(empty.layer.characters.is_none() && empty.layer.look.is_none());
    assert!(empty.layer.references.is_none() && empty.layer.vars.is_empty());
    assert_eq!(none.layer.characters.as_ref().map(Vec::len), Some(0));
    assert_eq!(none.layer.references.as_ref().map(Vec::len), Some(0));
    assert_eq!(none.layer.look.as_ref().expect("look").value, "");
    assert_eq!(none.layer.vars["lens"].value, "");
    assert_eq!(none.status, Status::Todo);
}

#[test]
fn a_data_uri_survives_the_list() {
    let cell = "\"a.png; data:image/png;base64,AAAA; https://example.com/b.png\"";
    let manifest = csv(&format!("prompt,refs\na pier,{cell}\n"));
    let all = shots(&manifest);
    let references = all[0].layer.references.as_ref().expect("references");
    let images: Vec<&Image> = references.iter().map(|r| &r.image.value).collect();
    assert!(matches!(
        images.as_slice(),
        [Image::File(_), Image::DataUri(_), Image::Url(_)]
    ));
}

#[test]
fn episode_sequence_and_name_make_the_id() {
    let manifest = csv("Episode,Sequence,Name,prompt\n104,TCC,0010,a\n,TCC,0020,b\n");
    let ids = prompts(&manifest);
    assert_eq!(ids, [("104/TCC/0010", "a"), ("TCC/0020", "b")]);
    assert_eq!(shots(&manifest)[0].episode.as_deref(), Some("104"));
    assert_eq!(shots(&manifest)[1].sequence.as_deref(), Some("TCC"));
}

#[test]
fn settings_stand_beside_a_list() {
    let presets = "[presets.board]\nresolution = \"1k\"\n[[shots]]\nprompt = \"not this\"\n";
    for name in ["presets.toml", "show.toml"] {
        let manifest = sound(&[
            ("list.csv", b"prompt,preset\na pier,board\n"),
            (name, presets.as_bytes()),
        ]);
        assert_eq!(prompts(&manifest), [("0010", "a pier")]);
        assert!(manifest.presets.contains_key("board"));
        let list = manifest.sources.iter().next().expect("a source");
        assert_eq!(list.1.path, "list.csv");
    }
}

#[test]
fn encodings_are_named_or_marked() {
    let text = "id,prompt\n0010,café au lait\n";
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    assert_eq!(
        prompts(&sound(&[("a.csv", &utf16)])),
        [("0010", "café au lait")]
    );
    let latin = text.replace('é', "\u{1}").into_bytes();
    let latin: Vec<u8> = latin
        .iter()
        .map(|b| if *b == 1 { 0xe9 } else { *b })
        .collect();
    let refused = outcome(&[("a.csv", &latin)], &Options::default());
    assert_eq!(codes(&refused), ["not-utf-8"]);
    let named = Options {
        encoding: Some("latin1".to_owned()),
        ..Options::default()
    };
    let read = outcome(&[("a.csv", &latin)], &named);
    assert_eq!(
        prompts(&read.manifest.expect("manifest")),
        [("0010", "café au lait")]
    );
    let twice = outcome(&[("a.csv", text.as_bytes())], &named);
    assert_eq!(codes(&twice), ["doubtful-encoding"]);
    let unknown = Options {
        encoding: Some("klingon".to_owned()),
        ..Options::default()
    };
    let unknown = outcome(&[("a.csv", text.as_bytes())], &unknown);
    assert_eq!(codes(&unknown), ["unknown-encoding"]);
}

#[test]
fn the_last_layer_is_set_by_hand() {
    let set = [
        "takes=3",
        "look=-",
        "vars.lens=50",
        "characters=ada; bo",
        "prompt=a=b",
    ];
    let options = Options {
        set: set.map(str::to_owned).to_vec(),
        ..Options::default()
    };
    let outcome = outcome(&[("a.csv", b"prompt\na pier\n")], &options);
    let set = outcome.manifest.expect("manifest").set;
    assert_eq!(set.technical.takes.as_ref().expect("takes").value, 3);
    assert_eq!(set.look.as_ref().expect("look").value, "");
    assert_eq!(set.vars["lens"].value, "50");
    assert_eq!(set.characters.as_ref().map(Vec::len), Some(2));
    assert_eq!(set.prompt.as_ref().expect("prompt").value, "a=b");
}

#[test]
fn what_cannot_be_set_is_told() {
    let set = [
        "takes",
        "taks=3",
        "takes=four",
        "vars.a b=1",
        "=",
        "format=gif",
    ];
    let options = Options {
        set: set.map(str::to_owned).to_vec(),
        ..Options::default()
    };
    let outcome = outcome(&[("a.csv", b"prompt\na pier\n")], &options);
    assert!(outcome.manifest.is_none());
    let errors = outcome.complaints.iter().filter(|c| c.is_error());
    let codes: Vec<&str> = errors.map(|c| c.code).collect();
    let expected = [
        "bad-set",
        "unknown-key",
        "bad-value",
        "bad-name",
        "unknown-key",
        "bad-value",
    ];
    assert_eq!(codes, expected);
}

#[test]
fn one_bad_row_leaves_the_others_to_be_bought() {
    let outcome = outcome(
        &[("a.csv", b"prompt,takes\na,1\nb,none\nc,1,1\nd,2\n")],
        &Options::default(),
    );
    let manifest = outcome.manifest.expect("the rest");
    assert_eq!(
        prompts(&manifest),
        [("0010", "a"), ("0040", "d")],
        "numbers do not move"
    );
    let left_out: Vec<Option<String>> = outcome
        .left_out
        .iter()
        .map(|left| left.shot.as_ref().map(ToString::to_string))
        .collect();
    assert_eq!(left_out, [Some("0020".to_owned()), None]);
}

#[test]
fn neither_of_two_alike_is_bought() {
    let outcome = outcome(
        &[(
            "a.csv",
            b"id,prompt,takes\n1,a,1\n2,b,1\n01,c,1\n2,d,none\n3,e,\n",
        )],
        &Options::default(),
    );
    assert_eq!(
        prompts(outcome.manifest.as_ref().expect("the rest")),
        [("3", "e")]
    );
    assert_eq!(outcome.left_out.len(), 4);
}

#[test]
fn more_complaints_can_be_found_where_nothing_is_missing() {
    let shot = "[[shots]]\nid = \"1\"\nprompt = \"a\"\n";
    let read = |text: &str| {
        let text = format!("{text}\n{shot}");
        let outcome = outcome(&[("a.toml", text.as_bytes())], &Options::default());
        (
            outcome.manifest.is_some(),
            outcome.partial.map(|m| m.shots.len()),
        )
    };
    assert_eq!(read("[presets.board]\nqualty = 95"), (false, Some(1)));
    assert_eq!(read("[show]\ncode = 1"), (false, Some(1)));
    assert_eq!(read("[defaults]\npromt = \"a\""), (false, None));
    assert_eq!(read("include = [\"gone.toml\"]"), (false, None));
    assert_eq!(read("[defaults]\nlook = dusk"), (false, None));
    assert_eq!(read("[presets.board]\nquality = 95"), (true, None));
}

#[test]
fn an_open_quote_refuses_the_whole_list() {
    let text = b"id,prompt\n1,a\n2,\"b\n3,c\n";
    assert!(
        outcome(&[("a.csv", text)], &Options::default())
            .manifest
            .is_none()
    );
}

/// Checks what holds of any reading.
fn holds(outcome: &Outcome) -> Result<(), TestCaseError> {
    let errors = outcome.complaints.iter().filter(|c| c.is_error()).count();
    prop_assert_eq!(
        errors == 0,
        outcome.manifest.is_some() && outcome.left_out.is_empty()
    );
    for complaint in &outcome.complaints {
        if let Some(place) = complaint.place {
            let text = &outcome.sources.get(place.file).expect("a source").text;
            let (start, end) = (place.start as usize, place.end as usize);
            prop_assert!(
                text.get(start..end).is_some(),
                "{:?} of {:?}",
                complaint,
                text
            );
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for name in ["a.toml", "a.csv", "a.tsv", "a"] {
            holds(&outcome(&[(name, &bytes)], &Options::default()))?;
        }
    }

    #[test]
    fn any_list_is_answered(rows in "(id|prompt|refs|status|takes|var: x|matrix: y|[a\",; \n\t-]){0,30}\n([a0/.:\",; \n\té#-]|data:|http://|0010){0,60}") {
        holds(&outcome(&[("a.csv", rows.as_bytes())], &Options::default()))?;
    }

    #[test]
    fn any_toml_is_answered(text in "((\\[\\[shots\\]\\]|\\[show\\]|\\[presets.a\\]|\\[characters.b\\]|id = 1|prompt = \"é\"|takes = 2|matrix = \\{ a = \\[1, 2\\] \\}|set = \\{ takes = 1 \\}|references = \\[\"a\", \\{ file = \"b\" \\}\\]|[a-z]{1,6} = [0-9\"a\\[\\]{}é.:-]{0,5})\n){0,8}") {
        holds(&outcome(&[("a.toml", text.as_bytes())], &Options::default()))?;
    }

    #[test]
    fn what_was_written_is_read(
        shots in proptest::collection::vec(("[a-z\",;é\n ]{1,12}", "[a-z]{1,5}"), 1..6),
        delimiter in 0usize..3,
    ) {
        let shots: Vec<_> = shots
            .into_iter()
            .map(|(prompt, note)| (format!("x{}x", prompt.trim()), note))
            .collect();
        let mut writer = csv::WriterBuilder::new()
            .delimiter([b',', b';', b'\t'][delimiter])
            .from_writer(Vec::new());
        writer.write_record(["prompt", "note"]).unwrap();
        for (prompt, note) in &shots {
            writer.write_record([prompt, note]).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let manifest = sound(&[("a.csv", &bytes)]);
        let read: Vec<_> = manifest
            .shots
            .iter()
            .map(|shot| (shot.layer.prompt.clone().unwrap().value, shot.kept[0].1.clone()))
            .collect();
        prop_assert_eq!(read, shots);
    }
}

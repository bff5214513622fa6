//! What is refused before any money is spent.

use base64::Engine as _;

use crate::domain::diagnostic::{Diagnostic, Placed};
use crate::domain::digest::Sha256;
use crate::expand::check::Checked;
use crate::expand::expansion::Expansion;
use crate::expand::facts::Unusable;
use crate::expand::tests::fixture::{Bench, png};
use crate::manifest::model::{Image, Status};
use crate::manifest::settings::AspectRatio;

fn check(bench: &Bench) -> Checked {
    Expansion::new(&bench.manifest, &bench.facts).check()
}

/// Tells a complaint as a person reads it, its place aside.
fn told(complaint: &Diagnostic) -> String {
    let shot = complaint.shot.as_ref().map_or("-", |shot| shot.as_str());
    let mut lines = vec![format!(
        "{} [{}] {}",
        complaint.code, shot, complaint.message
    )];
    lines.extend(complaint.expected.iter().map(|line| format!("  = {line}")));
    lines.extend(complaint.facts.iter().map(|line| format!("  = {line}")));
    lines.extend(complaint.help.iter().map(|line| format!("  help: {line}")));
    lines.join("\n")
}

fn all(bench: &Bench) -> String {
    check(bench)
        .complaints
        .iter()
        .map(told)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn references_that_cannot_be_used_are_told_once() {
    let mut bench = Bench::with_cast();
    for id in ["0010", "0020", "0030"] {
        bench.shot(id, "{otto} smiles");
        bench.cast(&["otto"]);
    }
    bench.shot("0040", "a door");
    bench.spoil("otto.png", Unusable::Missing);
    bench.spoil("pier.png", Unusable::NotAnImage("plain text".to_owned()));
    bench.spoil("mira/rain.png", Unusable::Outside);
    let checked = check(&bench);
    assert_eq!(checked.invalid.into_keys().collect::<Vec<_>>(), [0, 1, 2]);
    insta::assert_snapshot!(all(&bench), @r"
    reference-outside [-] `mira/rain.png` leads out of the manifest's folder
      = a file below the manifest's folder; links that lead out are not followed
      help: copy the picture into the show's folder
    reference-missing [-] there is no file `otto.png`
      = a picture at this path, relative to the file that names it
      help: correct the path, or put the picture there
    reference-not-an-image [-] `pier.png` is plain text
      = a JPEG, PNG or WebP picture
      help: put the picture itself there, whatever the file's name says
    ");
}

#[test]
fn references_the_model_does_not_take() {
    let mut bench = Bench::with_cast();
    bench.measure("otto.png", 299, 400, 1000);
    bench.measure("pier.png", 300, 751, 1000);
    bench.measure("mira/face.png", 300, 750, 10 * 1024 * 1024);
    bench.measure("mira/body.png", 3000, 3000, 10 * 1024 * 1024 + 1);
    insta::assert_snapshot!(all(&bench), @r"
    reference-too-large [-] `mira/body.png` has 10.1 MiB
      = at most 10.0 MiB (Kling IMAGE O1)
      help: export the picture smaller, or as JPEG
    reference-too-small [-] `otto.png` is 299x400 pixels
      = at least 300 pixels a side (Kling IMAGE O1)
      help: use a larger picture; scaling this one up adds nothing the model can see
    reference-too-oblong [-] `pier.png` is 300x751 pixels, too oblong
      = a ratio from 1:2.5 to 2.5:1 (Kling IMAGE O1)
      help: crop the picture
    ");
}

#[test]
fn eleven_references() {
    let mut bench = Bench::with_cast();
    let own = (0..9)
        .map(|n| bench.file(&format!("{n}.png"), "layout", &n.to_string()))
        .collect();
    bench.shot("0010", "{mira} waves").references = Some(own);
    bench.cast(&["mira"]);
    insta::assert_snapshot!(all(&bench), @r"
    too-many-references [0010] the shot has 11 references
      = at most 10 (Kling IMAGE O1): 11/10
      = they come from: mira 2, the shot's own 9
      help: take 1 out, or cast fewer characters
    ");
}

#[test]
fn prompts_too_short_and_too_long_are_counted_in_characters() {
    let mut bench = Bench::new();
    bench.shot("two", "é月");
    bench.shot("three", "é月a");
    bench.shot("most", &"月".repeat(2500));
    bench.shot("more", &"月".repeat(2501));
    bench.shot("none", "");
    insta::assert_snapshot!(all(&bench), @r"
    prompt-length [two] the prompt has 2 characters with all names put in
      = 3 to 2500 (Kling IMAGE O1): 2/2500
      help: write what is to be seen, or set the shot's status to `omit`
    prompt-length [more] the prompt has 2501 characters with all names put in
      = 3 to 2500 (Kling IMAGE O1): 2501/2500
      help: shorten it by 1 characters
    no-prompt [none] the shot has no prompt
      = `prompt` in the shot, its sequence or `[defaults]`
      help: write a prompt, or set the shot's status to `omit`
    ");
}

#[test]
fn sizes_that_are_not_in_the_table() {
    let mut bench = Bench::new();
    bench.shot("0010", "a door").technical.size = Some(Placed::built_in((1080, 1080)));
    bench.shot("0020", "a door").technical.aspect_ratio =
        Some(Placed::built_in(AspectRatio::Reference));
    insta::assert_snapshot!(all(&bench), @r#"
    no-reference-for-ratio [0020] the picture takes a reference's ratio, but the shot has no reference
      = a reference, or an `aspect_ratio` such as `16:9`
      help: add a reference, or write `aspect_ratio = "16:9"`
    size-not-allowed [0010] 1080x1080 is not a size of Kling IMAGE O1
      = 1k: 1024x1024 (1:1), 1248x832 (3:2), 832x1248 (2:3), 1168x880 (4:3), 880x1168 (3:4), 768x1360 (9:16), 1360x768 (16:9), 1552x656 (21:9)
      = 2k: 2048x2048 (1:1), 2496x1664 (3:2), 1664x2496 (2:3), 2336x1760 (4:3), 1760x2336 (3:4), 1536x2720 (9:16), 2720x1536 (16:9), 3104x1312 (21:9)
      help: write `size = "1024x1024"`, the nearest there is
    "#);
}

#[test]
fn names_that_mean_nothing_here() {
    let mut bench = Bench::with_cast();
    bench.shot("0010", "{mria} waves in {weather}");
    bench.cast(&["mira"]);
    bench.shot("0020", "{mira} waves on the {pier}");
    bench.shot("0030", "{mira.rain} waves");
    bench.cast(&["mira", "oto", "mira.rian", "nobody at all"]);
    bench.shot("0040", "a { door");
    bench.shot("0050", "a {\"json\": 1} door");
    bench.shot("0060", "<<<image_9>>> waves");
    bench.cast(&["otto"]);
    let layer = bench.shot("0070", "{description}");
    let action = Placed::built_in("a door".to_owned());
    layer.vars.insert("action".to_owned(), action);
    insta::assert_snapshot!(all(&bench), @r#"
    unknown-name [0010] nothing is called `mria` in this shot
      = a name that is known in this shot: `mira`
      help: write `{mira}`
    unknown-name [0010] nothing is called `weather` in this shot
      = a name that is known in this shot: `mira`
      help: give the shot a value, `vars = { weather = "…" }`, or write `{{weather}}` for braces in the text
    not-cast [0020] `mira` is not cast in this shot
      = what the shot lists as characters: none
      help: add `mira` to the shot's characters, or take it out of the prompt
    not-listed [0020] `pier` is not this shot's location
      = what the shot lists as location: none
      help: make `pier` the shot's location, or take it out of the prompt
    unknown-character [0030] no character is called `oto`
      = one of `mira`, `mira.rain`, `otto`
      help: write `otto`, or add `[characters.oto]` to the bible
    unknown-character [0030] no character is called `mira.rian`
      = one of `mira`, `mira.rain`
      help: write `mira.rain`, or add `[characters.mira.wardrobe.rian]` to the bible
    unknown-character [0030] no character is called `nobody at all`
      = one of `mira`, `mira.rain`, `otto`
      help: name a character there is
    prompt-braces [0040] a `{` has no `}`
      = `{name}`, or `{{` and `}}` for braces in the text
      help: write a name in the braces, or double them: `{{` and `}}` stand for themselves
    prompt-braces [0050] `{"json": 1}` holds no name
      = `{name}`, or `{{` and `}}` for braces in the text
      help: write a name in the braces, or double them: `{{` and `}}` stand for themselves
    marker-without-reference [0060] `<<<image_9>>>` is typed in the prompt, but no reference has number 9
      = 1/10 references in this shot
      help: name a character or add a reference; markers are put in for you
    unknown-name [0070] nothing is called `description` in this shot
      = a name that is known in this shot: `action`
      help: write `{action}`: what stands under `description` is called so
    "#);
}

#[test]
fn a_character_without_references() {
    let mut bench = Bench::with_cast();
    let ghost = bench.entry("a ghost", vec![]);
    bench.manifest.characters.insert("ghost".to_owned(), ghost);
    for id in ["0010", "0020"] {
        bench.shot(id, "{ghost} waves");
        bench.cast(&["ghost"]);
    }
    insta::assert_snapshot!(all(&bench), @r#"
    cast-without-reference [0010] `ghost` is cast but has no reference
      = at least one picture of each character that is cast
      = the same in 1 more shot
      help: add a picture under `[characters.ghost]`: `references = ["ghost/face.png"]`
    "#);
}

#[test]
fn vars_that_hold_each_other_and_vars_that_explode() {
    let mut bench = Bench::new();
    let mut var = |name: &str, value: String| {
        let value = bench.text(&value);
        bench.manifest.defaults.vars.insert(name.to_owned(), value);
    };
    var("a", "x{b}".to_owned());
    var("b", "y{a}".to_owned());
    var("deep0", "boom".to_owned());
    for n in 1..12 {
        var(&format!("deep{n}"), format!("{{deep{}}}", n - 1).repeat(10));
    }
    bench.shot("0010", "{a} door");
    bench.shot("0020", "{deep11}");
    insta::assert_snapshot!(all(&bench), @r#"
    var-cycle [0010] var `a` stands within itself: `a` -> `b` -> `a`
      = vars that end in text, at most 16 deep
      help: take `{a}` out of one of them
    prompt-length [0020] the prompt grows past all bounds when its vars are put in
      help: look for a var that is used many times within another
    "#);
}

#[test]
fn settings_out_of_their_range() {
    let mut bench = Bench::new();
    let technical = &mut bench.manifest.defaults.technical;
    technical.quality = Some(Placed::built_in(100));
    technical.results_per_task = Some(Placed::built_in(21));
    technical.ttl = Some(Placed::built_in(59));
    technical.takes = Some(Placed::built_in(0));
    bench.shot("0010", "a door");
    bench.shot("0020", "a door").technical.model = Some(Placed::built_in("kling@o1".to_owned()));
    insta::assert_snapshot!(all(&bench), @r"
    out-of-range [0010] `quality` is 100
      = 20 to 99 (Kling IMAGE O1)
      = the same in 1 more shot
      help: set `quality` to 99
    out-of-range [0010] `results_per_task` is 21
      = 1 to 20 (Kling IMAGE O1)
      = the same in 1 more shot
      help: set `results_per_task` to 20
    out-of-range [0010] `takes` is 0
      = 1 to 999 (Kling IMAGE O1)
      = the same in 1 more shot
      help: set `takes` to 1
    out-of-range [0010] `ttl` is 59
      = 60 seconds or more (Kling IMAGE O1)
      = the same in 1 more shot
      help: set `ttl` to 60
    unknown-model [0020] no model is called `kling@o1`
      = `klingai:kling-image@o1`
      help: write `klingai:kling-image@o1`
    ");
}

#[test]
fn an_omitted_shot_is_not_complained_about() {
    let mut bench = Bench::new();
    bench.shot("0010", "");
    bench.written(0).status = Status::Omit;
    let checked = check(&bench);
    assert!(checked.complaints.is_empty());
    assert!(checked.invalid.is_empty() && checked.idle.contains(&0));
}

#[test]
fn a_shot_that_waits_is_only_warned_about_until_one_that_runs_shares_the_trouble() {
    let mut bench = Bench::with_cast();
    bench.manifest.defaults.prompt = Some(bench.text("a door"));
    for status in [Status::Hold, Status::Todo] {
        bench.shot("held", "{nobody} waits");
        bench.manifest.shots.last_mut().expect("a shot").status = status;
        let checked = check(&bench);
        assert_eq!(checked.complaints[0].code, "unknown-name");
        assert!(!checked.has_errors() || status == Status::Todo);
    }
    bench.manifest.shots.truncate(0);
    bench.manifest.defaults.prompt = Some(bench.text("{nobody} waits"));
    bench.shot("held", "");
    bench.written(0).status = Status::Approved;
    bench.shot("runs", "");
    let checked = check(&bench);
    assert_eq!(checked.complaints.len(), 1);
    assert!(checked.has_errors() && checked.invalid.contains_key(&1) && checked.idle.contains(&0));
}

#[test]
fn a_list_without_any_prompt_is_told_once() {
    let mut bench = Bench::new();
    for id in ["0010", "0020", "0030"] {
        bench.shot(id, "");
    }
    let checked = check(&bench);
    assert_eq!((checked.complaints.len(), checked.invalid.len()), (1, 3));
}

#[test]
fn presets_that_are_not_there() {
    let mut bench = Bench::new();
    bench.preset("board", crate::manifest::settings::Layer::default());
    let names = ["bord", "1k-16x10", "nothing like it"];
    for (at, name) in names.into_iter().enumerate() {
        let preset = bench.text(name);
        bench.shot(&at.to_string(), "a door").preset = Some(preset);
    }
    insta::assert_snapshot!(all(&bench), @r"
    unknown-preset [0] no preset is called `bord`
      = a preset such as `board`
      help: write `board`, or add `[presets.bord]` to the manifest
    unknown-preset [1] no preset is called `1k-16x10`
      = a preset such as `1k-16x9`
      help: write `1k-16x9`, or add `[presets.1k-16x10]` to the manifest
    unknown-preset [2] no preset is called `nothing like it`
      = one of `board`, `1k-16x9`, `1k-1x1`, `1k-21x9`, `1k-2x3`, `1k-3x2`, `1k-3x4`, `1k-4x3`, 11 more
      help: name a preset there is
    ");
}

#[test]
fn data_uris_are_looked_at_and_never_shown() {
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let sound = encode(&png(300, 300, 1));
    let mut bench = Bench::new();
    for (id, data) in [
        ("sound", sound),
        ("small", encode(&png(20, 20, 1))),
        ("text", encode(b"canary")),
        ("torn", "canary!".to_owned()),
    ] {
        let mut reference = bench.reference("x", "");
        reference.image.value = Image::DataUri(format!("data:image/png;base64,{data}"));
        bench.shot(id, "a door").references = Some(vec![reference]);
    }
    let told = all(&bench);
    assert!(!told.contains("canary") && !format!("{:?}", check(&bench)).contains("canary"));
    insta::assert_snapshot!(told, @r"
    reference-too-small [small] the picture written here is 20x20 pixels
      = at least 300 pixels a side (Kling IMAGE O1)
      help: use a larger picture; scaling this one up adds nothing the model can see
    reference-not-an-image [text] the picture written here is plain text
      = `data:image/png;base64,` (or jpeg, webp) and a picture as Base64
      help: name the picture as a file instead
    reference-not-an-image [torn] the picture written here is not valid Base64
      = `data:image/png;base64,` (or jpeg, webp) and a picture as Base64
      help: name the picture as a file instead
    ");
    let expansion = Expansion::new(&bench.manifest, &bench.facts);
    let wanted = expansion.wanted(0).expect("the sound one").remove(0);
    assert_eq!(
        wanted.request.references[0].image.digest(),
        Sha256::of(&png(300, 300, 1))
    );
}

#[test]
fn a_cast_name_that_nobody_knows_is_told_where_it_is_cast() {
    let mut bench = Bench::with_cast();
    bench.shot("0010", "{oto} smiles");
    bench.cast(&["oto"]);
    assert_eq!(check(&bench).complaints.len(), 1);
}

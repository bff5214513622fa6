//! What a key depends on, and what not.

use std::borrow::Cow;
use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::domain::diagnostic::Placed;
use crate::domain::digest::Sha256;
use crate::domain::id::{Key, ShotId};
use crate::expand::expansion::Expansion;
use crate::expand::key;
use crate::expand::tests::fixture::{Bench, named};
use crate::manifest::settings::{AspectRatio, Delivery, Format, Layer, Output};

/// Three files, any of which a shot may use.
const FILES: [&str; 3] = ["a.png", "b.png", "c.png"];

/// A shot: its prompt and which of the files it uses.
type Drawn = (String, Vec<usize>);

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let shot = ("[a-z]{3,12}", prop::collection::vec(0..FILES.len(), 0..4));
    prop::collection::vec(shot, 1..6)
}

fn bench(shots: &[Drawn], bytes: [&str; 3]) -> Bench {
    let mut bench = Bench::new();
    bench.preset("board", Layer::default());
    for (at, (prompt, files)) in shots.iter().enumerate() {
        let references = files
            .iter()
            .map(|&file| bench.file(FILES[file], "", bytes[file]))
            .collect();
        let preset = bench.text("board");
        let layer = bench.shot(&format!("{at:04}"), prompt);
        layer.references = Some(references);
        layer.preset = Some(preset);
    }
    bench
}

fn keys(bench: &Bench) -> BTreeMap<ShotId, Key> {
    let expansion = Expansion::new(&bench.manifest, &bench.facts);
    let all = (0..expansion.shots().len()).map(|at| expansion.wanted(at).expect("a sound shot"));
    all.flatten()
        .map(|wanted| (wanted.shot, wanted.key))
        .collect()
}

proptest! {
    #[test]
    fn what_changes_no_picture_changes_no_key(shots in drawn(), turn in 0..6usize) {
        let mut bench = bench(&shots, ["1", "2", "3"]);
        let before = keys(&bench);
        let count = bench.manifest.shots.len();
        let mut turned: Vec<_> = bench.manifest.shots.iter().map(Cow::into_owned).collect();
        turned.rotate_left(turn % count);
        bench.manifest.shots = turned.into();
        let preset = bench.manifest.presets.remove("board").expect("the preset");
        bench.manifest.presets.insert("renamed".to_owned(), preset);
        for at in 0..count {
            let shot = bench.written(at);
            shot.layer.preset = Some(Placed::built_in("renamed".to_owned()));
            for reference in shot.layer.references.iter_mut().flatten() {
                if let crate::manifest::model::Image::File(path) = &mut reference.image.value {
                    *path = format!("moved/{path}");
                }
            }
        }
        for file in FILES {
            if let Some(facts) = bench.facts.0.remove(&named(file)) {
                bench.facts.0.insert(named(&format!("moved/{file}")), facts);
            }
        }
        let technical = &mut bench.manifest.defaults.technical;
        technical.takes = Some(Placed::built_in(7));
        technical.results_per_task = Some(Placed::built_in(3));
        technical.delivery = Some(Placed::built_in(Delivery::Sync));
        technical.output = Some(Placed::built_in(Output::Base64));
        technical.ttl = Some(Placed::built_in(60));
        bench.manifest.show.name = Placed::built_in("{shot}_v{take}.{ext}".to_owned());
        prop_assert_eq!(keys(&bench), before);
    }

    #[test]
    fn a_changed_reference_changes_exactly_the_keys_that_use_it(
        shots in drawn(), changed in 0..FILES.len(),
    ) {
        let before = keys(&bench(&shots, ["1", "2", "3"]));
        let mut bytes = ["1", "2", "3"];
        bytes[changed] = "other";
        let after = keys(&bench(&shots, bytes));
        for (at, (_, files)) in shots.iter().enumerate() {
            let id = ShotId::new(&format!("{at:04}"));
            prop_assert_eq!(before[&id] != after[&id], files.contains(&changed));
        }
    }
}

#[test]
fn a_key_never_changes() {
    // A version that hashed anything else would call every picture ever bought stale.
    let mut bench = bench(&[("a red door".to_owned(), vec![0])], ["1", "2", "3"]);
    let expansion = Expansion::new(&bench.manifest, &bench.facts);
    let wanted = expansion.wanted(0).expect("a sound shot").remove(0);
    let canonical = String::from_utf8(key::canonical(&wanted.request)).expect("text");
    insta::assert_snapshot!(canonical, @r#"
    {"format":"jpg","height":1024,"key_version":1,"model":"klingai:kling-image@o1","prompt":"References: <<<image_1>>> reference.\na red door","quality":95,"references":["6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"],"safety":"none","width":1024}
    "#);
    assert_eq!(wanted.key, Key(Sha256::of(canonical.as_bytes())));
    insta::assert_snapshot!(wanted.key, @"8f9175a7285f1d5820cd89645871b5da22ededb1c6646afac83256c5a3f9728e");

    bench.manifest.defaults.technical.format = Some(Placed::built_in(Format::Png));
    let png = keys(&bench);
    bench.manifest.defaults.technical.quality = Some(Placed::built_in(50));
    assert_eq!(keys(&bench), png, "quality says nothing of a PNG");
    bench.manifest.defaults.technical.format = Some(Placed::built_in(Format::Webp));
    let webp = keys(&bench);
    bench.manifest.defaults.technical.quality = Some(Placed::built_in(51));
    assert_ne!(keys(&bench), webp);
}

proptest! {
    #[test]
    fn the_key_is_of_canonical_json(
        prompt in "\\PC{3,40}|[\\x00-\\x1f\"\\\\/\u{7f}\u{2028}é日]{3,20}a{3}", png in any::<bool>(), like in any::<bool>(),
    ) {
        let mut bench = bench(&[("a door".to_owned(), vec![0, 1])], ["1", "2", "3"]);
        let technical = &mut bench.manifest.defaults.technical;
        technical.format = Some(Placed::built_in(if png { Format::Png } else { Format::Webp }));
        let ratio = if like { AspectRatio::Reference } else { AspectRatio::R16x9 };
        technical.aspect_ratio = Some(Placed::built_in(ratio));
        let expansion = Expansion::new(&bench.manifest, &bench.facts);
        let mut request = expansion.wanted(0).expect("a sound shot").remove(0).request;
        request.prompt = prompt.into();
        let written = key::canonical(&request);
        let value: serde_json::Value = serde_json::from_slice(&written).expect("JSON");
        let canonical = serde_json_canonicalizer::to_vec(&value).expect("canonical");
        prop_assert_eq!(String::from_utf8(written), String::from_utf8(canonical));
    }
}

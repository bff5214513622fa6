//! Which layer wins, and what variants a shot has.

use std::collections::BTreeMap;

use crate::domain::diagnostic::Placed;
use crate::domain::id::Variant;
use crate::expand::expansion::Expansion;
use crate::expand::layers::ValueSource;
use crate::expand::request::AskedSize;
use crate::expand::tests::fixture::Bench;
use crate::expand::told::Told;
use crate::manifest::settings::{AspectRatio, Format, Layer, Resolution, Technical};

fn layer(technical: Technical) -> Layer {
    Layer {
        technical,
        ..Layer::default()
    }
}

fn size(bench: &Bench) -> AskedSize {
    let expansion = Expansion::new(&bench.manifest, &bench.facts);
    expansion.wanted(0).expect("a sound shot")[0].request.size
}

#[test]
fn the_last_layer_wins_and_is_remembered() {
    let mut bench = Bench::new();
    let takes = |takes| Technical {
        takes: Some(Placed::built_in(takes)),
        ..Technical::default()
    };
    let format = Some(Placed::built_in(Format::Png));
    bench.preset("final", layer(Technical { format, ..takes(9) }));
    bench.manifest.defaults = layer(takes(2));
    bench.manifest.defaults.preset = Some(bench.text("final"));
    bench
        .manifest
        .sequences
        .insert("104/TCC".to_owned(), layer(takes(3)));
    bench.shot("104/TCC/0010", "a door");
    let source = |bench: &Bench| {
        let expansion = Expansion::new(&bench.manifest, &bench.facts);
        expansion
            .explain(0, Variant(0), |known| {
                let settings = known.settings;
                format!(
                    "{} by {}; {} by {}; {} by {}",
                    settings.takes.value,
                    settings.takes.source,
                    settings.format.value.word(),
                    settings.format.source,
                    settings.quality.value,
                    settings.quality.source,
                )
            })
            .expect("a sound shot")
            .expect("the shot")
    };
    let rest = "png by preset final; 95 by built in";
    assert_eq!(
        source(&bench),
        format!("3 by [sequences.\"104/TCC\"]; {rest}")
    );
    bench.written(0).layer.technical = takes(4);
    assert_eq!(source(&bench), format!("4 by shot; {rest}"));
    bench.manifest.set.technical = takes(5);
    assert_eq!(source(&bench), format!("5 by {}; {rest}", ValueSource::Set));
}

#[test]
fn every_value_tells_where_it_came_from_and_no_secret() {
    let mut bench = Bench::with_cast();
    let url = crate::domain::secret::SecretUrl::new("https://a.example/canary".to_owned());
    bench.manifest.defaults.technical.webhook_url = Some(Placed::built_in(url));
    bench.shot("0010", "{otto} in {weather}");
    bench.cast(&["otto"]);
    let weather = bench.text("rain");
    bench
        .manifest
        .defaults
        .vars
        .insert("weather".to_owned(), weather);
    let expansion = Expansion::new(&bench.manifest, &bench.facts);
    let told = expansion.explain(0, Variant(0), |known| {
        let settings = known.settings.told(known.stack);
        let told = known.stack.told().into_iter().chain(settings);
        let line = |told: Told<'_>| format!("{} = {} ({})", told.name, told.value, told.source);
        told.map(line).collect::<Vec<_>>().join("\n")
    });
    insta::assert_snapshot!(told.expect("sound").expect("the shot"), @r#"
    characters = otto (shot)
    prompt = {otto} in {weather} (shot)
    vars.weather = rain ([defaults])
    preset = 1k-1x1 (built in)
    model = klingai:kling-image@o1 (built in)
    size = 1024x1024 (preset 1k-1x1)
    resolution = 1k (preset 1k-1x1)
    aspect_ratio = 1:1 (preset 1k-1x1)
    format = jpg (built in)
    quality = 95 (built in)
    takes = 1 (built in)
    results_per_task = 1 (built in)
    delivery = async (built in)
    output = url (built in)
    references = upload (built in)
    safety = none (built in)
    ttl = 604800 (built in)
    ref_style = kling (built in)
    ref_limit = error (built in)
    prompt_syntax = template (built in)
    webhook_url = (not shown) ([defaults])
    "#);
}

#[test]
fn a_show_that_names_no_preset_gets_the_smallest_square() {
    let mut bench = Bench::new();
    bench.shot("0010", "a door");
    let expansion = Expansion::new(&bench.manifest, &bench.facts);
    let wanted = expansion.wanted(0).expect("a sound shot").remove(0);
    assert_eq!(wanted.preset, "1k-1x1");
    assert_eq!(wanted.request.size, AskedSize::Exact(1024, 1024));
    assert_eq!(
        wanted.name.path(crate::domain::id::TakeNo(1), "jpg"),
        "0010/AGM_0010_1k-1x1_v001.jpg"
    );
}

#[test]
fn size_and_its_halves_go_by_layers() {
    let mut bench = Bench::new();
    let exact = Some(Placed::built_in((2496, 1664)));
    let ratio = Some(Placed::built_in(AspectRatio::R21x9));
    bench.preset(
        "wide",
        layer(Technical {
            size: exact.clone(),
            ..Technical::default()
        }),
    );
    bench.manifest.defaults.preset = Some(bench.text("wide"));
    bench.shot("0010", "a door");
    assert_eq!(size(&bench), AskedSize::Exact(2496, 1664));
    bench.written(0).layer.technical.aspect_ratio = ratio.clone();
    assert_eq!(size(&bench), AskedSize::Exact(3104, 1312));
    bench.written(0).layer.technical.resolution = Some(Placed::built_in(Resolution::OneK));
    assert_eq!(size(&bench), AskedSize::Exact(1552, 656));
    bench.manifest.set.technical.size = exact;
    assert_eq!(size(&bench), AskedSize::Exact(2496, 1664));
}

#[test]
fn a_shot_of_references_alone_asks_for_their_ratio() {
    let mut bench = Bench::new();
    let board = bench.file("board.png", "", "board");
    let shot = bench.shot("0010", "make it night");
    shot.references = Some(vec![board]);
    shot.technical.aspect_ratio = Some(Placed::built_in(AspectRatio::Reference));
    shot.technical.resolution = Some(Placed::built_in(Resolution::TwoK));
    assert_eq!(size(&bench), AskedSize::LikeReference(Resolution::TwoK));
}

fn told(bench: &Bench) -> Vec<String> {
    let expansion = Expansion::new(&bench.manifest, &bench.facts);
    let tell = |wanted: &crate::expand::wanted::Wanted| {
        let values: Vec<&str> = wanted
            .values
            .iter()
            .map(|(_, value)| value.as_str())
            .collect();
        format!(
            "{} {}: {}",
            wanted.variant,
            values.join("+"),
            wanted.request.prompt
        )
    };
    expansion
        .wanted(0)
        .expect("a sound shot")
        .iter()
        .map(tell)
        .collect()
}

#[test]
fn a_matrix_is_a_product_whose_cells_keep_their_numbers() {
    let mut bench = Bench::with_cast();
    let noon = bench.entry("Hard sun.", vec![]);
    bench.manifest.looks.insert("noon".to_owned(), noon);
    bench.shot("0010", "{angle}. {look}");
    let matrix = [("angle", ["low", "high"]), ("look", ["noon", "dusk"])]
        .map(|(axis, values)| (bench.text(axis), bench.texts(&values)));
    bench.written(0).variants.matrix = matrix.to_vec();
    let rule = [("angle", "low"), ("look", "dusk")]
        .map(|(axis, value)| (axis.to_owned(), bench.text(value)));
    bench.written(0).variants.exclude = vec![BTreeMap::from(rule)];
    assert_eq!(
        told(&bench),
        [
            "01 low+noon: low. Hard sun.",
            "03 high+noon: high. Hard sun.",
            "04 high+dusk: high. Blue hour, long shadows.",
        ]
    );
}

#[test]
fn a_zip_goes_in_step() {
    let mut bench = Bench::new();
    bench.shot("0010", "{angle} {lens}");
    let zip = [("angle", ["low", "high"]), ("lens", ["wide", "long"])]
        .map(|(axis, values)| (bench.text(axis), bench.texts(&values)));
    bench.written(0).variants.zip = zip.to_vec();
    assert_eq!(
        told(&bench),
        ["01 low+wide: low wide", "02 high+long: high long"]
    );
}

#[test]
fn lists_that_make_no_sense_are_refused() {
    let mut bench = Bench::new();
    for id in ["0010", "0020", "0030"] {
        bench.shot(id, "{angle} door");
    }
    let axis = bench.text("angle");
    let values = bench.texts(&["low", "high", "low"]);
    bench.written(0).variants.matrix = vec![(axis.clone(), values), (axis.clone(), vec![])];
    let zip = [vec!["a"], vec!["b", "c"]].map(|values| (bench.text("n"), bench.texts(&values)));
    bench.written(1).variants.zip = zip.to_vec();
    bench.written(2).variants.matrix = vec![(axis, bench.texts(&["low", "high"]))];
    let rule = BTreeMap::from([("angel".to_owned(), bench.text("low"))]);
    bench.written(2).variants.exclude = vec![rule];
    let checked = Expansion::new(&bench.manifest, &bench.facts).check();
    let told: Vec<&str> = checked
        .complaints
        .iter()
        .map(|c| c.message.as_str())
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    `angle` is varied twice
    `angle` is varied over an empty list
    `low` stands twice in the list of `angle`
    `n` is varied twice
    the lists of `zip` differ in length: `n` has 1, `n` has 2
    `exclude` names `angel`, which is not varied
    "#);
}

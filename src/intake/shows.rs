//! The example shows, read from disk and expanded as a run would.

use std::path::Path;

use crate::domain::diagnostic::Diagnostic;
use crate::expand::expansion::Expansion;
use crate::expand::request::AskedSize;
use crate::expand::wanted::Wanted;
use crate::intake::folder::Folder;
use crate::intake::references::gather;
use crate::manifest::read::{Options, read};
use crate::manifest::settings::Resolution;

/// Reads a show and gives everything it wants; any complaint but a note fails the test.
pub(crate) fn wanted(path: &Path) -> Vec<Wanted> {
    let path = path.to_str().expect("UTF-8");
    let mut folder = Folder::of(path).expect("the folder");
    let text = Folder::manifest(path).expect("the manifest");
    let outcome = read(text, &mut folder, &Options::default());
    let told = |complaints: &[Diagnostic]| {
        let bad = complaints
            .iter()
            .filter(|complaint| complaint.severity < crate::domain::diagnostic::Severity::Note);
        let bad: Vec<String> = bad.map(|complaint| format!("{complaint:?}")).collect();
        assert!(bad.is_empty(), "{}", bad.join("\n"));
    };
    told(&outcome.complaints);
    let manifest = outcome.manifest.expect("a sound manifest");
    let facts = gather(&manifest, &folder);
    let mut all = Vec::new();
    let checked = Expansion::new(&manifest, &facts).walk(|_, wanted| all.extend(wanted));
    told(&checked.complaints);
    all
}

fn example(path: &str) -> Vec<Wanted> {
    wanted(
        &Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("manifests")
            .join(path),
    )
}

fn find<'w>(wanted: &'w [Wanted], shot: &str) -> &'w Wanted {
    wanted
        .iter()
        .find(|wanted| wanted.shot.as_str() == shot)
        .expect("the shot")
}

#[test]
fn the_simplest_shows_stand_as_they_are() {
    let csv = example("simple-csv/shots.csv");
    let toml = example("simple-toml/show.toml");
    assert_eq!((csv.len(), toml.len()), (3, 2));
    assert_eq!(csv[0].request.prompt, toml[0].request.prompt);
    assert_eq!(csv[0].key, toml[0].key);
    assert_eq!(csv[1].shot.as_str(), "0020");
}

#[test]
fn the_harbour_show_wants_what_its_list_says() {
    let wanted = example("harbour/show.toml");
    let mut shots: Vec<&str> = wanted.iter().map(|wanted| wanted.shot.as_str()).collect();
    shots.dedup();
    assert_eq!(shots.len(), 24);
    assert_eq!(
        wanted.len(),
        27,
        "two shots have variants, of which one is excluded"
    );
    let takes: u32 = wanted.iter().map(|wanted| wanted.takes).sum();
    assert_eq!(takes, 29);
    let edit = find(&wanted, "LMP/0220");
    assert_eq!(
        edit.request.size,
        AskedSize::LikeReference(Resolution::OneK)
    );
    let crowd = find(&wanted, "FOG/0140");
    assert_eq!(crowd.request.references.len(), 8);
    insta::assert_snapshot!(crowd.request.prompt, @r#"
    References: <<<image_1>>> face of Ines; <<<image_2>>> body of Ines (clothes and stance); <<<image_3>>> face of Tomas; <<<image_4>>> body of Tomas; <<<image_5>>> face of Wren; <<<image_6>>> body of Wren; <<<image_7>>> sheet of Wren; <<<image_8>>> the hand lantern.
    Ines: harbour pilot of 34, straight black hair to the shoulders, navy pilot's cap, slate blue jacket; yellow oilskin with its hood down. Keep brown eyes; the cap always on.
    Tomas: retired lamp keeper of 71, white hair and a full white beard, brown wool coat. Keep the beard.
    Wren: girl of 11 off the ferry tenders, two red-brown braids, brick red pullover; a grey blanket about her like a cloak.
    the hand lantern: olive green storm lantern, one pane cracked.
    Wide shot, low angle. Ines <<<image_1>>>, Tomas <<<image_3>>> and Wren <<<image_5>>> go up the stairs of the light, the hand lantern <<<image_8>>> in front. Fog swallows everything beyond thirty paces. Dense sea fog, light without direction, colours drained to pearl.
    "#);
    insta::assert_snapshot!(edit.request.prompt, @r#"
    References: <<<image_1>>> reference.
    Keep the room and the camera; make it a clear morning with gulls beyond the glass.
    "#);
    insta::assert_snapshot!(find(&wanted, "TTL/0010").request.prompt, @r#"
    References: <<<image_1>>> place of the quay.
    the quay: timber quay with iron bollards and three hand cranes, water level with the planks at high tide.
    Wide shot of the quay <<<image_1>>>, nobody about, seen from the water; room for a title in the upper third. Flat grey daylight, soft shadows, muted blues and browns.
    "#);
    let board = find(&wanted, "LMP/0200");
    assert_eq!(
        board.name.path(crate::domain::id::TakeNo(1), "png"),
        "LMP/0200/LOW_LMP_0200_final_v001.png"
    );
}

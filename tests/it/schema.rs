//! Editors get the schema that the repository keeps, from the program and with every new show.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::Show;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/reshoot-manifest.json");

#[test]
fn schema_prints_what_the_repository_keeps() {
    let kept = fs::read_to_string(KEPT).expect("the schema");
    let said = Show::new().reshoot(&["schema"]);
    said.exits(0);
    assert_eq!(said.out, kept);
    assert_eq!(said.err, "");
    let schema: Value = serde_json::from_str(&kept).expect("JSON");
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
}

#[test]
fn a_new_show_names_a_schema_that_is_there_and_is_sound() {
    let show = Show::new();
    show.reshoot(&["init", "grey"]).exits(0);
    for manifest in ["grey/show.toml", "grey/bible/cast.toml"] {
        let path = show.path().join(manifest);
        let text = fs::read_to_string(&path).expect("a manifest");
        let first = text.lines().next().expect("a line");
        let named = first.strip_prefix("#:schema ").expect("a schema is named");
        let found = path.parent().unwrap_or(Path::new("")).join(named);
        let found = fs::read_to_string(&found).expect("the schema");
        assert_eq!(found, fs::read_to_string(KEPT).expect("the schema"));
    }
    show.reshoot(&["check", "grey/show.toml"]).exits(0);
}

#[test]
fn the_manual_and_the_completions_tell_of_it() {
    let show = Show::new();
    let manual = show.reshoot(&["man"]);
    manual.exits(0);
    assert!(manual.out.contains("reshoot schema"), "{}", manual.out);
    for shell in ["bash", "zsh", "fish"] {
        let script = show.reshoot(&["completions", shell]);
        script.exits(0);
        assert!(script.out.contains("schema"), "{shell}");
    }
}

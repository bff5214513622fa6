//! The schema is current, sound, and judges manifests as the reader does.

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

use super::keys::{Written, broken, sound};
use super::{ends_in, errors, is_current, outcome, root};
use crate::cli::commands::init;
use crate::domain::id::ShowId;
use crate::guide::json::{FILE, schema};

/// A validator of manifests, by the book of JSON Schema.
pub(super) struct Judge {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Judge {
    pub(super) fn new() -> Self {
        let schema: Value = serde_json::from_str(&schema()).expect("JSON");
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler
            .add_resource("http://test/schema.json", schema)
            .expect("a schema");
        let index = compiler.compile("http://test/schema.json", &mut schemas);
        let index = index.unwrap_or_else(|error| panic!("{error:#}"));
        Self { schemas, index }
    }

    /// Says what is wrong with a manifest, nothing if it is sound.
    pub(super) fn wrong(&self, manifest: &str) -> Option<String> {
        let table: toml::Table = match toml::from_str(manifest) {
            Ok(table) => table,
            Err(error) => return Some(error.to_string()),
        };
        let value = serde_json::to_value(table).expect("JSON");
        let judged = self.schemas.validate(&value, self.index);
        judged.err().map(|error| format!("{error:#}"))
    }
}

#[test]
fn the_schema_in_the_repository_is_current() {
    is_current(&format!("schema/{FILE}"), &schema());
}

#[test]
fn every_manifest_in_the_repository_is_sound_to_it() {
    let judge = Judge::new();
    let mut files = Vec::new();
    let mut folders = vec![root("manifests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                files.push((path.display().to_string(), std::fs::read_to_string(path)));
            }
        }
    }
    assert!(files.len() >= 4, "{files:?}");
    for (path, text) in files {
        assert_eq!(judge.wrong(&text.expect("text")), None, "{path}");
    }
}

#[test]
fn what_init_writes_is_sound_to_the_schema_that_it_names() {
    let judge = Judge::new();
    let files = init::files(&ShowId::new("7f6c1c6e"), "A Grey Morning");
    let mut judged = 0;
    for (path, bytes) in &files {
        if !ends_in(path, "toml") {
            continue;
        }
        let text = String::from_utf8(bytes.clone()).expect("UTF-8");
        assert_eq!(judge.wrong(&text), None, "{path}");
        let first = text.lines().next().unwrap_or_default();
        let named = first.strip_prefix("#:schema ").expect("a schema is named");
        let up = path.matches('/').count();
        assert_eq!(
            named,
            format!("{}{FILE}", if up == 0 { "./" } else { "../" }),
            "{path}"
        );
        judged += 1;
    }
    assert_eq!(judged, 2);
    let written = files
        .iter()
        .find(|(path, _)| *path == FILE)
        .expect("the schema");
    assert_eq!(written.1, schema().into_bytes());
}

#[test]
fn it_takes_every_example_and_refuses_what_the_reader_refuses() {
    let judge = Judge::new();
    for Written { table, key, text } in sound() {
        assert_eq!(judge.wrong(&text), None, "{table}.{key}:\n{text}");
    }
    for Written { table, key, text } in broken() {
        assert!(judge.wrong(&text).is_some(), "{table}.{key}:\n{text}");
    }
}

/// The complaints about form, which a schema can make as well.
const OF_FORM: &[&str] = &[
    "bad-amount",
    "bad-value",
    "empty-axis",
    "empty-exclusion",
    "newer-manifest",
    "out-of-range",
    "toml-syntax",
    "unknown-key",
    "value-twice",
    "wrong-type",
];

#[test]
fn it_refuses_the_broken_manifests_of_the_fixtures() {
    let judge = Judge::new();
    let (mut refused, mut beyond) = (0, Vec::new());
    for entry in std::fs::read_dir(root("tests/fixtures/invalid"))
        .expect("a folder")
        .flatten()
    {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let outcome = outcome("show.toml", &text);
        let of_form = errors(&outcome)
            .iter()
            .any(|error| OF_FORM.contains(&error.code));
        if of_form {
            assert!(judge.wrong(&text).is_some(), "{}:\n{text}", path.display());
            refused += 1;
        } else {
            beyond.push(path);
        }
    }
    assert!(refused >= 10, "only {refused}, not {beyond:?}");
}

#[test]
fn every_key_explains_itself() {
    let schema: Value = serde_json::from_str(&schema()).expect("JSON");
    let definitions = schema["definitions"].as_object().expect("definitions");
    let tables = definitions.values().chain([&schema]);
    let mut told = 0;
    for table in tables {
        let Some(properties) = table["properties"].as_object() else {
            continue;
        };
        for (name, property) in properties {
            let at = property["$ref"]
                .as_str()
                .and_then(|at| at.strip_prefix("#/definitions/"));
            let property = at.map_or(property, |at| &definitions[at]);
            let told_here = property["description"].as_str().unwrap_or_default();
            assert!(told_here.len() > 10, "{name}: {property}");
            told += 1;
        }
    }
    assert!(told > 100, "only {told}");
}

//! What is told of the manifest is what the reader does.

mod docs;
mod fences;
mod keys;
mod schema;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::domain::diagnostic::Diagnostic;
use crate::manifest::read::{Options, Outcome, Text, TextError, Texts, read};

/// Set it to anything to have the schema and the tables of the docs written anew.
const REFRESH: &str = "RESHOOT_REFRESH";

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Tells whether a path ends in an extension.
fn ends_in(path: &str, extension: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|own| own == extension)
}

fn text_of(path: &str) -> String {
    std::fs::read_to_string(root(path)).expect(path)
}

/// Compares a file with what it should hold, or writes it when asked to.
fn is_current(path: &str, wanted: &str) {
    let found = std::fs::read_to_string(root(path)).unwrap_or_default();
    if found == wanted {
        return;
    }
    if std::env::var_os(REFRESH).is_some() {
        std::fs::write(root(path), wanted).expect("written");
        return;
    }
    let at = found
        .lines()
        .zip(wanted.lines())
        .position(|(is, should)| is != should);
    let at = at.unwrap_or_else(|| found.lines().count().min(wanted.lines().count()));
    panic!(
        "{path} is out of date from line {}:\n  is:     {:?}\n  should: {:?}\nRefresh it with \
         `{REFRESH}=1 cargo test --lib guide::` and look at the difference.",
        at + 1,
        found.lines().nth(at).unwrap_or_default(),
        wanted.lines().nth(at).unwrap_or_default(),
    );
}

/// Texts in memory, by their paths below one folder.
#[derive(Default)]
struct Memory(BTreeMap<String, String>);

impl Texts for Memory {
    fn read(&mut self, by: &str, path: &str) -> Result<Text, TextError> {
        let folder = by.rsplit_once('/').map_or("", |(folder, _)| folder);
        let path = if folder.is_empty() {
            path.to_owned()
        } else {
            format!("{folder}/{path}")
        };
        let bytes = self.0.get(&path).ok_or(TextError::Missing)?.clone();
        let bytes = bytes.into_bytes();
        Ok(Text { path, bytes })
    }
}

/// Reads a manifest that names no other file.
fn outcome(name: &str, text: &str) -> Outcome {
    let root = Text {
        path: name.to_owned(),
        bytes: text.as_bytes().to_vec(),
    };
    read(root, &mut Memory::default(), &Options::default())
}

fn errors(outcome: &Outcome) -> Vec<&Diagnostic> {
    let errors = outcome.complaints.iter();
    errors.filter(|complaint| complaint.is_error()).collect()
}

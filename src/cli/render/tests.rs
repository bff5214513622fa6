//! Broken manifests, and what a person reads about them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::cli::render::{json, render};
use crate::domain::diagnostic::Diagnostic;
use crate::manifest::read::{Options, Outcome, Text, TextError, Texts, read};
use crate::report::escape::is_steering;

/// Reads texts from a folder, shown as if one stood in it.
struct Folder(PathBuf);

impl Texts for Folder {
    fn read(&mut self, by: &str, path: &str) -> Result<Text, TextError> {
        let beside = Path::new(by).parent().unwrap_or(Path::new(""));
        let shown = beside.join(path);
        match std::fs::read(self.0.join(&shown)) {
            Ok(bytes) => Ok(Text {
                path: shown.display().to_string(),
                bytes,
            }),
            Err(_) => Err(TextError::Missing),
        }
    }
}

fn fixtures(kind: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/fixtures").join(kind)
}

/// Reads what the file `options` of a fixture says: a flag and its value on each line.
fn options(folder: &Path) -> Options {
    let mut options = Options::default();
    let text = std::fs::read_to_string(folder.join("options")).unwrap_or_default();
    for line in text.lines() {
        match line.split_once(' ').expect("a flag and its value") {
            ("--set", value) => options.set.push(value.to_owned()),
            ("--encoding", name) => options.encoding = Some(name.to_owned()),
            (flag, _) => panic!("{flag} is no option of reading"),
        }
    }
    options
}

fn outcome(folder: &Path, name: &str, options: &Options) -> Outcome {
    let mut texts = Folder(folder.to_owned());
    let root = texts.read("", name).expect("the fixture is there");
    read(root, &mut texts, options)
}

/// Names the manifest of every fixture: a file, or the first of these in a folder.
fn manifests(kind: &str) -> Vec<(String, PathBuf, String)> {
    let mut manifests = Vec::new();
    for entry in std::fs::read_dir(fixtures(kind)).expect("fixtures") {
        let path = entry.expect("entry").path();
        let name = path
            .file_name()
            .expect("name")
            .to_string_lossy()
            .into_owned();
        if path.is_dir() && name != "snapshots" {
            let main = ["list.csv", "show.toml"]
                .into_iter()
                .find(|main| path.join(main).exists())
                .expect("a folder holds a manifest");
            manifests.push((name, path, main.to_owned()));
        } else if path.is_file() {
            let parent = path.parent().expect("parent").to_owned();
            manifests.push((name.clone(), parent, name));
        }
    }
    // Without workbooks these say nothing but that.
    let of_workbook = |name: &str| {
        ["workbook", "sheet", "formula"]
            .iter()
            .any(|w| name.contains(w))
    };
    manifests.retain(|(name, _, _)| cfg!(feature = "xlsx") || !of_workbook(name));
    manifests.sort();
    manifests
}

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(fixtures("invalid/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

#[test]
fn every_broken_manifest_is_explained() {
    let manifests = manifests("invalid");
    assert!(manifests.len() >= 30, "{} fixtures", manifests.len());
    for (name, folder, main) in manifests {
        let outcome = outcome(&folder, &main, &options(&folder));
        let drawn = render(&outcome.sources, &outcome.complaints, false, 100);
        settings().bind(|| insta::assert_snapshot!(name.clone(), drawn));
        let is_error = outcome.complaints.iter().any(Diagnostic::is_error);
        assert!(
            is_error || name.starts_with("warning-"),
            "{name} is not refused"
        );
        let of_manifest = outcome.manifest.is_none();
        let of_shots = !outcome.left_out.is_empty();
        assert!(
            of_manifest || of_shots || !is_error,
            "{name}: an error without effect"
        );
        assert!(!drawn.contains("canary"), "{name} shows a secret");
        let steers = |c: char| c != '\n' && is_steering(c);
        assert!(!drawn.contains(steers), "{name} steers the terminal");
    }
}

#[test]
fn json_tells_the_same() {
    let outcome = outcome(&fixtures("invalid"), "ragged-row.csv", &Options::default());
    let told = json::complaints(&outcome.sources, &outcome.complaints);
    let text = serde_json::to_string_pretty(&told).expect("JSON");
    settings().bind(|| insta::assert_snapshot!("json", text));
}

/// Gives the code of every complaint that the manifest room can make.
fn codes_of(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("sources") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            codes_of(&path, codes);
        } else if !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).expect("source");
            for begin in [
                "Diagnostic::error(",
                "Diagnostic::warning(",
                "Diagnostic::note(",
            ] {
                for (at, _) in text.match_indices(begin) {
                    let rest = text[at + begin.len()..].trim_start();
                    if let Some(literal) = rest.strip_prefix('"') {
                        codes.insert(literal.split('"').next().expect("code").to_owned());
                    }
                }
            }
        }
    }
}

#[test]
fn every_complaint_has_a_fixture() {
    let mut codes = BTreeSet::new();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manifest");
    codes_of(&sources, &mut codes);
    // Two thousand million bytes are no fixture.
    codes.remove("too-large");
    // Nor is a build without workbooks.
    codes.remove("not-built");
    let mut shown = String::new();
    for entry in std::fs::read_dir(fixtures("invalid/snapshots")).expect("snapshots") {
        let path = entry.expect("entry").path();
        shown.push_str(&std::fs::read_to_string(path).expect("snapshot"));
    }
    codes.retain(|code| !shown.contains(&format!("[{code}]")));
    assert!(codes.is_empty(), "without a fixture: {codes:?}");
}

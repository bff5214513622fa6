//! Shot lists as tools and people write them, and what is made of each.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::cli::render::render;
use crate::manifest::model::Shot;
use crate::manifest::read::{Options, Outcome, Text, TextError, Texts, read};
use crate::report::columns;
use crate::report::style::Style;

/// The settings beside a list that has none of its own.
const BESIDE: &str = "[defaults]\nprompt = \"{action}\"\n";

/// What is told of a list whose columns are guessed, and of none whose columns are written down.
const GUESSES: &[&str] = &[
    "unknown-columns",
    "creative-columns",
    "tracker-id",
    "unused-column",
    "near-column",
    "unnamed-column",
];

/// A `show.toml` beside the list, and nothing else.
struct Beside(String);

impl Texts for Beside {
    fn read(&mut self, _by: &str, path: &str) -> Result<Text, TextError> {
        let text = (path == "show.toml").then(|| Text {
            path: path.to_owned(),
            bytes: self.0.clone().into_bytes(),
        });
        text.ok_or(TextError::Missing)
    }
}

fn lists() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/lists");
    let entries = std::fs::read_dir(folder).expect("lists");
    let paths = entries.map(|entry| entry.expect("entry").path());
    let mut lists: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end != "toml"))
        .filter(|path| cfg!(feature = "xlsx") || path.extension().is_some_and(|end| end != "xlsx"))
        .collect();
    lists.sort();
    lists
}

fn name(list: &Path) -> String {
    list.file_name()
        .expect("name")
        .to_string_lossy()
        .into_owned()
}

fn beside(list: &Path) -> String {
    std::fs::read_to_string(list.with_extension("toml")).unwrap_or_else(|_| BESIDE.to_owned())
}

fn outcome(list: &Path, beside: String) -> Outcome {
    let root = Text {
        path: name(list),
        bytes: std::fs::read(list).expect("list"),
    };
    let options = Options {
        survey: true,
        ..Options::default()
    };
    read(root, &mut Beside(beside), &options)
}

fn shots(outcome: &Outcome) -> Vec<Shot> {
    let manifest = outcome.manifest.as_ref().or(outcome.partial.as_ref());
    manifest.map_or_else(Vec::new, |manifest| {
        manifest.shots.iter().map(Cow::into_owned).collect()
    })
}

fn told(outcome: &Outcome) -> String {
    let mut told = columns::text(&outcome.sources, &outcome.surveys, Style::default());
    let all = shots(outcome);
    let _infallible = write!(
        told,
        "\n{} sound, {} not\n",
        all.len(),
        outcome.left_out.len()
    );
    for shot in all.iter().take(3) {
        let _infallible = write!(told, "{} {:?}", shot.id.value, shot.status);
        for (name, text) in &shot.layer.vars {
            let _infallible = write!(told, "; {name} = {:?}", text.value);
        }
        if let Some(prompt) = &shot.layer.prompt {
            let _infallible = write!(told, "; prompt = {:?}", prompt.value);
        }
        let _infallible = writeln!(told, "; kept {:?}", shot.kept);
    }
    told.push('\n');
    told.push_str(&render(&outcome.sources, &outcome.complaints, false, 100));
    told
}

#[test]
fn every_list_is_understood_or_explained() {
    let lists = lists();
    assert!(lists.len() >= 25, "{} lists", lists.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(lists[0].parent().expect("folder").join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for list in lists.iter().filter(|list| list.is_file()) {
        let told = told(&outcome(list, beside(list)));
        settings.bind(|| insta::assert_snapshot!(name(list), told));
    }
}

#[test]
fn columns_written_down_mean_the_same() {
    for list in lists().iter().filter(|list| list.is_file()) {
        let guessed = outcome(list, beside(list));
        if guessed.surveys.is_empty() {
            continue;
        }
        let block = columns::block(&guessed.sources, &guessed.surveys);
        let settings = beside(list);
        let settings = settings.split("[columns]").next().expect("settings");
        let written = outcome(list, format!("{settings}\n{block}"));
        let (name, before) = (name(list), format!("{:#?}", shots(&guessed)));
        if !guessed
            .complaints
            .iter()
            .any(|c| c.code == "no-known-column")
        {
            assert_eq!(
                before,
                format!("{:#?}", shots(&written)),
                "{name}:\n{block}"
            );
        }
        let targets = |outcome: &Outcome| -> Vec<(String, String)> {
            let columns = outcome.surveys.iter().flat_map(|survey| &survey.columns);
            columns.map(|c| (c.key.clone(), c.target.clone())).collect()
        };
        assert_eq!(targets(&guessed), targets(&written), "{name}:\n{block}");
        let guesses = written
            .complaints
            .iter()
            .filter(|c| GUESSES.contains(&c.code));
        let guesses: Vec<_> = guesses.collect();
        assert!(guesses.is_empty(), "{name}:\n{block}\n{guesses:#?}");
    }
}

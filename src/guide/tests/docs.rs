//! The docs are current: their tables, their examples, and what they say is compiled.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::fences::{Fence, between, fences, filled};
use super::schema::Judge;
use super::{Memory, ends_in, errors, is_current, root, text_of};
use crate::domain::digest::Sha256;
use crate::domain::id::{TakeNo, TaskId, Variant};
use crate::expand::wanted::Wanted;
use crate::guide::tables;
use crate::intake::shows;
use crate::manifest::keys::{Form, ROOT, Table};
use crate::manifest::read::{Options, Text, read};
use crate::provider::runware;

const PAGE: &str = "docs/manifest.md";

/// Every page whose examples are read.
fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned(), "ARCHITECTURE.md".to_owned()];
    for entry in std::fs::read_dir(root("docs")).expect("docs").flatten() {
        let name = entry.file_name().into_string().expect("UTF-8");
        if ends_in(&name, "md") {
            pages.push(format!("docs/{name}"));
        }
    }
    assert!(pages.len() >= 4, "{pages:?}");
    pages
}

#[test]
fn the_tables_of_the_page_are_current() {
    let mut page = text_of(PAGE);
    for (name, keys) in tables::sections() {
        let begin = format!("<!-- keys: {name} -->");
        page = between(&page, &begin, "<!-- /keys -->", &tables::keys(&keys)).expect(name);
    }
    page = between(&page, "<!-- sizes -->", "<!-- /sizes -->", &tables::sizes()).expect("sizes");
    for fence in fences(&page) {
        if let Some(made) = made(&fence) {
            let first = format!("{} {}", fence.language, fence.mark);
            page = filled(&page, &first, &made);
        }
    }
    is_current(PAGE, &page);
}

#[test]
fn every_key_is_on_the_page() {
    fn reach(table: &'static Table, found: &mut BTreeSet<(&'static str, &'static str)>) {
        for key in table.keys() {
            found.insert((key.name, key.about));
            if let Form::Table(below) | Form::Tables(below) = key.form {
                reach(below, found);
            }
        }
        if let Some((_, Form::Table(below))) = table.others {
            reach(below, found);
        }
    }
    let mut found = BTreeSet::new();
    reach(&ROOT, &mut found);
    for (_, keys) in tables::sections() {
        for key in keys {
            found.remove(&(key.name, key.about));
        }
    }
    assert!(found.is_empty(), "not in any section: {found:?}");
}

/// Writes texts and the pictures that they name below a folder.
fn write(folder: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = folder.join(path);
        let beside = path.parent().expect("a folder");
        std::fs::create_dir_all(beside).expect("a folder");
        std::fs::write(&path, text).expect("written");
        let named = text.split(['"', ',', ';', '\n', ' ']);
        for picture in named.filter(|name| ends_in(name, "png") && !name.contains("://")) {
            let to = beside.join(picture);
            std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
            // By its place below the folder, whose own name is another each time.
            let below = to.strip_prefix(folder).expect("a path below it");
            let colour = Sha256::of(below.to_string_lossy().as_bytes());
            let [red, green, blue, ..] = *colour.as_bytes();
            let pixels = image::RgbImage::from_pixel(320, 320, image::Rgb([red, green, blue]));
            pixels.save(&to).expect("a picture");
        }
    }
}

/// Gives everything that a show of these files wants; its first file is the manifest.
fn wanted(files: &[(&str, &str)]) -> Vec<Wanted> {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), files);
    shows::wanted(&folder.path().join(files[0].0))
}

/// What the show of the page wants.
fn page_wants() -> Vec<Wanted> {
    let fences = fences(&text_of(PAGE));
    let files = fences
        .iter()
        .filter_map(|f| Some((f.marked("file")?, f.text.as_str())));
    let files: Vec<(&str, &str)> = files.collect();
    assert_eq!(files.len(), 3, "{files:?}");
    wanted(&files)
}

/// Gives what a block must hold that shows what the program makes of the page's show.
fn made(fence: &Fence) -> Option<String> {
    let kinds = ["prompt", "name", "request", "variants"];
    let (kind, asked) = kinds
        .iter()
        .find_map(|kind| Some((*kind, fence.marked(kind)?)))?;
    let (shot, variant) = asked.split_once('#').unwrap_or((asked, "0"));
    let all = page_wants();
    let of_shot: Vec<&Wanted> = all.iter().filter(|w| w.shot.as_str() == shot).collect();
    if kind == "variants" {
        let lines = of_shot.iter().map(|wanted| {
            let values = wanted
                .values
                .iter()
                .map(|(axis, value)| format!("{axis}: {value}"));
            format!(
                "{}  {}",
                wanted.variant.0,
                values.collect::<Vec<_>>().join(", ")
            )
        });
        return Some(lines.collect::<Vec<_>>().join("\n"));
    }
    let variant = Variant(variant.parse().expect("a number"));
    let wanted = of_shot.into_iter().find(|wanted| wanted.variant == variant);
    let wanted = wanted.unwrap_or_else(|| panic!("line {}: no {asked}", fence.line));
    Some(match kind {
        "prompt" => wanted.request.prompt.to_string(),
        "name" => {
            let extension = format!("{:?}", wanted.request.format).to_lowercase();
            wanted.name.path(TakeNo(1), &extension)
        }
        _ => request(wanted),
    })
}

/// Spells the request of a shot's first task as `explain` does, its task's id left open.
fn request(wanted: &Wanted) -> String {
    let task = TaskId::parse("7f6c1c6e-0000-4000-8000-000000000000").expect("an id");
    let results = wanted.takes.min(wanted.results_per_task);
    let spelled = runware::preview(task, results, &wanted.request).expect("a request");
    spelled.replace(&task.to_string(), "…")
}

#[test]
fn every_toml_example_is_read() {
    let judge = Judge::new();
    let mut read_ones = 0;
    for name in pages() {
        for fence in fences(&text_of(&name))
            .iter()
            .filter(|f| f.language == "toml")
        {
            let here = format!("{name}:{}", fence.line);
            assert_eq!(judge.wrong(&fence.text), None, "{here}");
            if fence.mark.is_empty() {
                assert!(!wanted(&[("show.toml", &fence.text)]).is_empty(), "{here}");
            } else if fence.mark == "part" {
                part_is_read(&here, "show.toml", &fence.text);
            } else {
                assert!(fence.marked("file").is_some(), "{here}: {}", fence.mark);
            }
            read_ones += 1;
        }
    }
    assert!(read_ones >= 10, "only {read_ones}");
    assert!(page_wants().len() >= 5);
}

#[test]
fn every_csv_example_is_read() {
    let mut read_ones = 0;
    for name in pages() {
        for fence in fences(&text_of(&name))
            .iter()
            .filter(|f| f.language == "csv")
        {
            let here = format!("{name}:{}", fence.line);
            if fence.mark.is_empty() {
                assert!(!wanted(&[("shots.csv", &fence.text)]).is_empty(), "{here}");
            } else if fence.mark == "part" {
                part_is_read(&here, "shots.csv", &fence.text);
            } else {
                assert!(fence.marked("file").is_some(), "{here}: {}", fence.mark);
            }
            read_ones += 1;
        }
    }
    assert!(read_ones >= 4, "only {read_ones}");
}

/// Reads a part of a show with the least that makes it whole: a prompt for all, and a shot.
fn part_is_read(here: &str, path: &str, text: &str) {
    let mut memory = Memory::default();
    let prompt = "[defaults]\nprompt = \"a pier\"\n";
    memory.0.insert("show.toml".to_owned(), prompt.to_owned());
    let shots = "\n[[shots]]\nid = \"X/0010\"\nprompt = \"a pier\"\n";
    let whole = if ends_in(path, "csv") || text.contains("[[shots]]") {
        text.to_owned()
    } else {
        format!("{text}{shots}")
    };
    let bytes = whole.into_bytes();
    let path = path.to_owned();
    let outcome = read(Text { path, bytes }, &mut memory, &Options::default());
    let errors = errors(&outcome);
    // The files that a part includes are not at hand.
    let fine = errors.iter().all(|error| error.code == "file-not-found");
    assert!(fine, "{here}\n{errors:#?}");
}

#[test]
fn every_column_of_the_page_is_known() {
    let page = text_of(PAGE);
    let (_, rest) = page.split_once("<!-- columns -->").expect("columns");
    let (table, _) = rest.split_once("<!-- /columns -->").expect("columns");
    let mut headers = Vec::new();
    for row in table.trim().lines().skip(2) {
        let cells = row.split('|').skip(1).take(2);
        headers.extend(cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)));
    }
    assert!(headers.len() > 20, "{headers:?}");
    for header in headers {
        let header = header.replace("NAME", "lens");
        let text = format!("prompt,{header}\na pier,\n")
            .replace("prompt,prompt\na pier,", "prompt\na pier");
        let mut memory = Memory::default();
        let list = Text {
            path: "list.csv".to_owned(),
            bytes: text.into_bytes(),
        };
        let outcome = read(list, &mut memory, &Options::default());
        let unknown = outcome
            .complaints
            .iter()
            .any(|c| c.code == "unknown-columns");
        assert!(!unknown, "`{header}`: {:#?}", outcome.complaints);
        assert!(
            errors(&outcome).is_empty(),
            "`{header}`: {:#?}",
            outcome.complaints
        );
    }
}

#[test]
fn what_keys_become_are_fields_of_the_request() {
    let fields: BTreeSet<String> = {
        let manifest = "[[shots]]\nprompt = \"a pier\"\nreferences = [\"a.png\"]\n\
             webhook_url = \"https://example.com/a\"\nupload_endpoint = \"https://example.com/b\"\n\
             safety = \"fast\"\n[[shots]]\nprompt = \"a pier\"\nreferences = [\"a.png\"]\n\
             preset = \"1k-reference\"\n";
        let all = wanted(&[("show.toml", manifest)]);
        let of = |wanted: &Wanted| {
            let request: Value = serde_json::from_str(&request(wanted)).expect("JSON");
            let task = request[0].as_object().expect("a task").clone();
            let mut names: Vec<String> = task.keys().cloned().collect();
            for (outer, inner) in task
                .iter()
                .filter_map(|(name, v)| Some((name, v.as_object()?)))
            {
                names.extend(inner.keys().map(|name| format!("{outer}.{name}")));
            }
            names
        };
        all.iter().flat_map(of).collect()
    };
    assert!(fields.contains("inputs.referenceImages"), "{fields:?}");
    let mut named = BTreeSet::new();
    for (_, keys) in tables::sections() {
        for key in keys {
            let told = key.becomes.split('`').skip(1).step_by(2);
            let camel = told.filter(|word| {
                word.chars().all(|c| c.is_ascii_alphabetic() || c == '.')
                    && word.starts_with(|c: char| c.is_ascii_lowercase())
            });
            for word in camel.filter(|word| !["getResponse", "mode"].contains(word)) {
                let values = ["base64Data", "dataURI"];
                if !values.contains(&word) {
                    assert!(
                        fields.contains(word),
                        "{}: `{word}` of {fields:?}",
                        key.name
                    );
                    named.insert(word.to_owned());
                }
            }
        }
    }
    // Those that no key decides.
    for fixed in ["taskType", "includeCost", "inputs", "safety.mode"] {
        named.insert(fixed.to_owned());
    }
    assert_eq!(
        named, fields,
        "each field of the request is told of by some key"
    );
}

//! Every key that is documented is read, with the value that its docs give.

use super::{errors, outcome};
use crate::guide::unset::{Holds, holds};
use crate::manifest::keys::{Form, Key, Named, Needs, ROOT, Table};

/// Calls back with every table that is reached from the manifest, under a header and a line that
/// fills it.
fn each_key(look: &mut dyn FnMut(&Table, &'static Key, &str)) {
    walk(&ROOT, "", look);
}

fn walk(table: &'static Table, path: &str, look: &mut dyn FnMut(&Table, &'static Key, &str)) {
    for key in table.keys() {
        look(table, key, path);
        let below = if path.is_empty() {
            key.name.to_owned()
        } else {
            format!("{path}.{}", key.name)
        };
        match key.form {
            Form::Table(table) => walk(table, &below, look),
            Form::Tables(table) => walk(table, &format!("{below}[]"), look),
            _ => {}
        }
    }
    if let Some((named, Form::Table(of))) = table.others {
        let name = if named == Named::Freely {
            "\"A/B\""
        } else {
            "one"
        };
        walk(of, &format!("{path}.{name}"), look);
    }
}

/// Writes a manifest in which one key has a value.
fn manifest(table: &Table, path: &str, line: &str) -> String {
    let shots = "[[shots]]\nprompt = \"a pier\"\n";
    let extra = match table.needs {
        Needs::OneOf(keys) if !keys.iter().any(|key| line.starts_with(&format!("{key} ="))) => {
            "file = \"a.png\"\n"
        }
        _ => "",
    };
    match path {
        "" if line.starts_with("shots =") => line.to_owned(),
        "" if line.starts_with("include =") => format!("{line}\n{shots}"),
        "" => format!("{line}\n{shots}"),
        "shots[]" if line.starts_with("prompt =") => format!("[[shots]]\n{line}\n"),
        "shots[]" => format!("{shots}{line}\n"),
        _ => match path.strip_prefix("shots[].") {
            Some(below) => format!("{shots}[shots.{below}]\n{line}\n{extra}"),
            None => format!("[{path}]\n{line}\n{extra}{shots}"),
        },
    }
}

/// A manifest in which one key has a value, and which key that is.
pub(super) struct Written {
    pub(super) table: &'static str,
    pub(super) key: &'static str,
    pub(super) text: String,
}

/// Gives a manifest for every example and every default.
pub(super) fn sound() -> Vec<Written> {
    let mut all = Vec::new();
    each_key(&mut |table, key, path| {
        let default = match holds(key.unset) {
            Holds::Toml(value) => Some(value),
            Holds::Told(_) | Holds::Nothing => None,
        };
        let ends = match key.form {
            Form::Whole(least, most) => vec![least.to_string(), most.to_string()],
            _ => Vec::new(),
        };
        for value in [key.example.to_owned()]
            .into_iter()
            .chain(default)
            .chain(ends)
        {
            all.push(written(table, key, path, &value));
        }
    });
    assert!(all.len() > 150, "only {}", all.len());
    all
}

/// Gives manifests in which some key has a value that its form rules out.
pub(super) fn broken() -> Vec<Written> {
    let mut all = Vec::new();
    each_key(&mut |table, key, path| {
        for value in ruled_out(key.form) {
            all.push(written(table, key, path, value));
        }
        if let Form::Whole(least, most) = key.form {
            for number in [i64::from(least) - 1, i64::from(most) + 1] {
                all.push(written(table, key, path, &number.to_string()));
            }
        }
        if table.others.is_none() {
            all.push(Written {
                table: table.id,
                key: "nobody_knows",
                text: manifest(table, path, "nobody_knows = 1"),
            });
        }
    });
    assert!(all.len() > 300, "only {}", all.len());
    all
}

fn written(table: &Table, key: &'static Key, path: &str, value: &str) -> Written {
    Written {
        table: table.id,
        key: key.name,
        text: manifest(table, path, &format!("{} = {value}", key.name)),
    }
}

fn ruled_out(form: Form) -> &'static [&'static str] {
    match form {
        Form::Version => &["2", "\"1\""],
        Form::Text | Form::NameOrNone => &["1", "[]"],
        Form::Line => &["\" \"", "true"],
        Form::Short(_) => &["\"\"", "\"a\\nb\""],
        Form::Folder => &["\"../out\"", "\"/out\"", "\"C:/out\""],
        Form::Words(_) | Form::WordsOrEmpty(_) => &["\"nonsense\"", "7"],
        Form::Model | Form::ImageFile | Form::ImageUrl | Form::ImageUuid => &["\"\"", "7"],
        Form::Size => &["\"large\"", "1024"],
        Form::Whole(..) => &["-1", "\"7\"", "1.5", "4294967296"],
        Form::Money => &["25", "\"-1\"", "\"1.0000001\""],
        Form::Secret => &["\"http://example.com\"", "7"],
        Form::Scalar => &["[]"],
        Form::Axis => &["[]", "\"a\"", "[1, 1]"],
        Form::Lines => &["\"a\"", "[\"\"]", "[1]"],
        Form::LineOrLines => &["\"\"", "[1]"],
        Form::Images => &["7", "[{ role = \"face\" }]", "[\"\"]"],
        Form::Image => &["7", "{ role = \"face\" }", "\"\"", "[\"a.png\"]"],
        Form::ImageData => &["\"data:text/html;base64,AA\"", "7"],
        Form::Table(_) => &["7"],
        Form::Tables(_) => &["7", "{}"],
    }
}

#[test]
fn every_example_and_every_default_is_read() {
    for Written { table, key, text } in sound() {
        let outcome = outcome("show.toml", &text);
        let errors = errors(&outcome);
        // The files that these name are not at hand here.
        let files = matches!((table, key), ("manifest", "include") | ("show", "shots"));
        let fine = errors
            .iter()
            .all(|error| files && error.code == "file-not-found");
        assert!(fine, "{table}.{key}:\n{text}\n{errors:#?}");
    }
}

#[test]
fn every_key_refuses_what_its_form_rules_out() {
    for Written { table, key, text } in broken() {
        let outcome = outcome("show.toml", &text);
        assert!(!errors(&outcome).is_empty(), "{table}.{key}:\n{text}");
    }
}

#[test]
fn a_key_that_is_not_documented_is_not_read() {
    for Written { table, text, .. } in broken().iter().filter(|w| w.key == "nobody_knows") {
        let outcome = outcome("show.toml", text);
        let unknown = errors(&outcome)
            .iter()
            .any(|error| error.code == "unknown-key");
        assert!(unknown, "{table}:\n{text}");
    }
}

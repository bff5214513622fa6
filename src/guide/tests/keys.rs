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

fn line(key: &Key, value: &str) -> String {
    format!("{} = {value}", key.name)
}

#[test]
fn every_example_and_every_default_is_read() {
    let mut seen = 0;
    each_key(&mut |table, key, path| {
        let value = holds(key.unset);
        let default = match &value {
            Holds::Toml(value) => Some(value.as_str()),
            _ => None,
        };
        for value in [Some(key.example), default].into_iter().flatten() {
            // `exclude` is read among the axes; the files that others name are not at hand here.
            let text = manifest(table, path, &line(key, value));
            let outcome = outcome("show.toml", &text);
            let errors = errors(&outcome);
            let files = matches!(
                (table.id, key.name),
                ("manifest", "include") | ("show", "shots")
            );
            let fine = errors
                .iter()
                .all(|error| files && error.code == "file-not-found");
            assert!(fine, "{}.{}:\n{text}\n{errors:#?}", table.id, key.name);
            seen += 1;
        }
    });
    assert!(seen > 150, "only {seen} values were read");
}

#[test]
fn every_key_refuses_what_its_form_rules_out() {
    let mut seen = 0;
    each_key(&mut |table, key, path| {
        let wrong = match key.form {
            Form::Version => vec!["2", "\"1\""],
            Form::Text | Form::NameOrNone => vec!["1", "[]"],
            Form::Line => vec!["\" \"", "true"],
            Form::Short(_) => vec!["\"\"", "\"a\\nb\""],
            Form::Folder => vec!["\"../out\"", "\"/out\"", "\"C:/out\""],
            Form::Words(_) | Form::WordsOrEmpty(_) => vec!["\"nonsense\"", "7"],
            Form::Model | Form::ImageFile => vec!["\"\"", "7"],
            Form::Size => vec!["\"large\"", "1024"],
            Form::Whole(..) => vec!["-1", "\"7\"", "1.5", "4294967296"],
            Form::Money => vec!["25", "\"-1\"", "\"1.0000001\""],
            Form::Secret => vec!["\"http://example.com\"", "7"],
            Form::Scalar => vec!["[]"],
            Form::Axis => vec!["[]", "\"a\"", "[1, 1]"],
            Form::Lines => vec!["\"a\"", "[\"\"]", "[1]"],
            Form::LineOrLines => vec!["\"\"", "[1]"],
            Form::Images => vec!["7", "[{ role = \"face\" }]", "[\"\"]"],
            Form::ImageUrl | Form::ImageUuid => vec!["\"\"", "7"],
            Form::ImageData => vec!["\"data:text/html;base64,AA\"", "7"],
            Form::Table(_) => vec!["7"],
            Form::Tables(_) => vec!["7", "{}"],
        };
        for value in wrong {
            let text = manifest(table, path, &line(key, value));
            let outcome = outcome("show.toml", &text);
            assert!(
                !errors(&outcome).is_empty(),
                "{}.{}:\n{text}",
                table.id,
                key.name
            );
            seen += 1;
        }
        if let Form::Whole(least, most) = key.form {
            for (number, fits) in [
                (i64::from(least) - 1, false),
                (i64::from(least), true),
                (i64::from(most), true),
                (i64::from(most) + 1, false),
            ] {
                let text = manifest(table, path, &line(key, &number.to_string()));
                let outcome = outcome("show.toml", &text);
                assert_eq!(errors(&outcome).is_empty(), fits, "{text}");
            }
        }
    });
    assert!(seen > 150, "only {seen} values were refused");
}

#[test]
fn a_key_that_is_not_documented_is_not_read() {
    each_key(&mut |table, _, path| {
        if table.others.is_some() {
            return;
        }
        let text = manifest(table, path, "nobody_knows = 1");
        let outcome = outcome("show.toml", &text);
        let unknown = |code: &str| errors(&outcome).iter().any(|error| error.code == code);
        assert!(unknown("unknown-key"), "{}:\n{text}", table.id);
    });
}

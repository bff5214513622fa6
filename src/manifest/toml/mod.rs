//! TOML texts: every table of a manifest, read into the draft.
//!
//! All syntax errors of a text are reported together, and what else can be read of it is checked
//! as well; only complaints on lines that have a syntax error are held back, as they follow from it.

mod bible;
mod layer;
mod shots;
mod show;
mod syntax;
mod walk;

use std::collections::BTreeSet;

use toml::de::{DeTable, DeValue};

use crate::domain::diagnostic::{Diagnostic, FileNo, Placed};
use crate::domain::lines::Lines;
use crate::manifest::draft::Draft;
use crate::manifest::keys::layer::CREATIVE;
use crate::manifest::keys::technical::{PRESET, TECHNICAL};
use crate::manifest::keys::{ROOT, has};
use crate::manifest::model::Preset;
use crate::manifest::settings::Layer;
use crate::manifest::shown::shown;
use crate::manifest::toml::walk::{Field, fields};

/// The version of the manifest's grammar that is understood.
const VERSION: &str = "1";

/// Reads a text into the draft; complaints about single shots go with the shots.
pub(super) fn read(file: FileNo, text: &str, draft: &mut Draft, complaints: &mut Vec<Diagnostic>) {
    let (tree, errors) = DeTable::parse_recoverable(text);
    let from_shots = draft.shots.complaints.len();
    let from = complaints.len();
    for field in fields(file, tree.get_ref()) {
        let before = complaints.len();
        section(&field, draft, complaints);
        // Of these, only the tables below leave the rest whole when something in them is wrong.
        let is_apart = matches!(field.key, "show" | "budget" | "run" | "presets" | "columns");
        draft.has_gaps |= !is_apart && complaints.len() > before;
    }
    if errors.is_empty() {
        return;
    }
    draft.has_gaps = true;
    let lines = Lines::of(text);
    let broken: BTreeSet<usize> = errors
        .iter()
        .filter_map(|error| Some(lines.line(error.span()?.start)))
        .collect();
    let follows = |complaint: &Diagnostic| {
        complaint.place.is_some_and(|place| {
            let start = usize::try_from(place.start).unwrap_or(usize::MAX);
            place.file == file && broken.contains(&lines.line(start))
        })
    };
    let kept = complaints.split_off(from);
    complaints.extend(kept.into_iter().filter(|complaint| !follows(complaint)));
    let kept = draft.shots.complaints.split_off(from_shots);
    let kept = kept.into_iter().filter(|complaint| !follows(complaint));
    draft.shots.complaints.extend(kept);
    complaints.extend(
        errors
            .iter()
            .map(|error| syntax::complaint(file, text, error)),
    );
}

fn section(field: &Field<'_>, draft: &mut Draft, complaints: &mut Vec<Diagnostic>) {
    match field.key {
        key if !ROOT.has(key) => complaints.push(unknown(field)),
        "manifest" => version(field, complaints),
        "include" => {
            let texts = field.texts("a list of TOML files", complaints);
            draft.includes.extend(texts.unwrap_or_default());
        }
        "show" | "budget" | "run" | "defaults" | "columns" => single(field, draft, complaints),
        "presets" => presets(field, draft, complaints),
        "sequences" => sequences(field, draft, complaints),
        "characters" | "locations" | "props" | "looks" => bible::table(field, draft, complaints),
        "shots" => shots::shots(field, &mut draft.shots, complaints),
        _ => complaints.push(unknown(field)),
    }
}

fn unknown(field: &Field<'_>) -> Diagnostic {
    let mut complaint = field.unknown("a manifest", &ROOT.names());
    if has(CREATIVE, field.key) || field.key == "vars" {
        complaint.help = Some(format!("write `{}` under `[defaults]`", field.key));
    } else if has(TECHNICAL, field.key) {
        let help = format!("write `{}` under `[defaults]` or a preset", field.key);
        complaint.help = Some(help);
    } else if field.key == "shot" {
        complaint.help = Some("write `[[shots]]`".to_owned());
    }
    complaint
}

fn version(field: &Field<'_>, complaints: &mut Vec<Diagnostic>) {
    if let DeValue::Integer(number) = field.value
        && number.as_str() == VERSION
    {
        return;
    }
    complaints.push(
        Diagnostic::error(
            "newer-manifest",
            "this version of the manifest is not known",
        )
        .at(field.place)
        .expected("`manifest = 1`")
        .help("a newer reshoot may know it"),
    );
}

/// Reads a table that a manifest has once, whichever of its texts holds it.
fn single(field: &Field<'_>, draft: &mut Draft, complaints: &mut Vec<Diagnostic>) {
    let Some(table) = field.table(complaints) else {
        return;
    };
    if !draft.define(field.key.to_owned(), field.key_place, complaints) {
        return;
    }
    match field.key {
        "show" => draft.show = show::show(field, table, complaints),
        "budget" => draft.budget = show::budget(field, table, complaints),
        "run" => draft.run = show::run(field, table, complaints),
        "defaults" => {
            draft.defaults = layer::layer(field.place.file, table, "`[defaults]`", complaints);
        }
        _ => {
            for column in fields(field.place.file, table) {
                if let Some(target) = column.setting().name(complaints) {
                    let header = Placed::at(column.key.to_owned(), column.key_place);
                    draft.columns.push((header, target));
                }
            }
        }
    }
}

fn presets(section: &Field<'_>, draft: &mut Draft, complaints: &mut Vec<Diagnostic>) {
    let Some(table) = section.table(complaints) else {
        return;
    };
    for field in fields(section.place.file, table) {
        let path = format!("presets.{}", field.key);
        let table = field.table(complaints);
        let (Some(table), true) = (table, plain_name(&field, complaints)) else {
            draft.has_gaps = true;
            continue;
        };
        if !draft.define(path.clone(), field.key_place, complaints) {
            continue;
        }
        let mut preset = Preset {
            place: Some(field.key_place),
            extends: None,
            layer: Layer::default(),
        };
        for inner in fields(field.place.file, table) {
            if inner.key == "extends" && PRESET.has(inner.key) {
                preset.extends = inner.setting().name(complaints);
            } else {
                let within = format!("`[{path}]`");
                layer::technical(&inner, &within, &mut preset.layer.technical, complaints);
            }
        }
        draft.presets.insert(field.key.to_owned(), preset);
    }
}

/// Refuses the name of a preset that could not stand in a cell or a file name.
fn plain_name(field: &Field<'_>, complaints: &mut Vec<Diagnostic>) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if !field.key.is_empty() && field.key.chars().all(fits) {
        return true;
    }
    let message = format!("{} cannot be the name of a preset", shown(field.key));
    let complaint = Diagnostic::error("bad-name", message).at(field.key_place);
    complaints.push(complaint.expected("letters, digits, `_`, `-` and `.`"));
    false
}

fn sequences(section: &Field<'_>, draft: &mut Draft, complaints: &mut Vec<Diagnostic>) {
    let Some(table) = section.table(complaints) else {
        return;
    };
    for field in fields(section.place.file, table) {
        let path = format!("sequences.{}", field.key);
        let Some(table) = field.table(complaints) else {
            continue;
        };
        if draft.define(path, field.key_place, complaints) {
            let within = format!("`[sequences.\"{}\"]`", field.key);
            let layer = layer::layer(field.place.file, table, &within, complaints);
            draft.sequences.insert(field.key.to_owned(), layer);
        }
    }
}

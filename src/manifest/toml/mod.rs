//! TOML texts: every table of a manifest, read into the draft.
//!
//! All syntax errors of a text are reported together, and what else can be read of it is checked as
//! well; only complaints on lines that have a syntax error, or below a heading that has one, are
//! held back, as they follow from it.

mod bible;
mod layer;
mod shots;
mod show;
mod syntax;
mod walk;

use toml::de::{DeTable, DeValue};

use crate::domain::diagnostic::{Diagnostic, FileNo, Placed};
use crate::manifest::draft::Draft;
use crate::manifest::keys::layer::DEFAULTS;
use crate::manifest::keys::technical::PRESET;
use crate::manifest::keys::{ROOT, Table};
use crate::manifest::model::Preset;
use crate::manifest::settings::Layer;
use crate::manifest::shown::shown;
use crate::manifest::toml::walk::{Field, fields};
use crate::manifest::unknown;

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
        let is_apart = matches!(
            field.key,
            "show" | "budget" | "run" | "presets" | "columns" | "statuses"
        );
        draft.has_gaps |= !is_apart && complaints.len() > before;
    }
    if errors.is_empty() {
        return;
    }
    draft.has_gaps = true;
    let broken = syntax::explain(file, text, &errors);
    let follows = |complaint: &Diagnostic| broken.covers(file, complaint.place);
    let kept = complaints.split_off(from);
    complaints.extend(kept.into_iter().filter(|complaint| !follows(complaint)));
    let kept = draft.shots.complaints.split_off(from_shots);
    let kept = kept.into_iter().filter(|complaint| !follows(complaint));
    draft.shots.complaints.extend(kept);
    complaints.extend(broken.complaints);
}

fn section(field: &Field<'_>, draft: &mut Draft, complaints: &mut Vec<Diagnostic>) {
    match field.key {
        key if !ROOT.has(key) => complaints.push(unknown(field)),
        "manifest" => version(field, complaints),
        "include" => {
            let texts = field.texts("a list of TOML files", complaints);
            draft.includes.extend(texts.unwrap_or_default());
        }
        "show" | "budget" | "run" | "defaults" | "columns" | "statuses" => {
            single(field, draft, complaints);
        }
        "presets" => presets(field, draft, complaints),
        "sequences" => sequences(field, draft, complaints),
        "characters" | "locations" | "props" | "looks" => bible::table(field, draft, complaints),
        "shots" => shots::shots(field, &mut draft.shots, complaints),
        _ => complaints.push(unknown(field)),
    }
}

fn unknown(field: &Field<'_>) -> Diagnostic {
    if matches!(field.value, DeValue::Table(_) | DeValue::Array(_)) {
        unknown::section(field.key).at(field.key_place)
    } else {
        field.unknown("a manifest", &ROOT.names())
    }
}

fn version(field: &Field<'_>, complaints: &mut Vec<Diagnostic>) {
    if let DeValue::Integer(number) = field.value
        && number.as_str() == VERSION
    {
        return;
    }
    let is_number = matches!(field.value, DeValue::Integer(_));
    let (message, help) = if is_number {
        let message = "this manifest is written for a newer reshoot";
        (message, "use a newer reshoot, or write `manifest = 1`")
    } else {
        (
            "`manifest` is no version",
            "write `manifest = 1`, without quotes",
        )
    };
    let complaint = Diagnostic::error("newer-manifest", message).at(field.place);
    complaints.push(complaint.expected("`manifest = 1`").help(help));
}

/// Reads a table that a manifest has once, whichever of its texts holds it.
fn single(field: &Field<'_>, draft: &mut Draft, complaints: &mut Vec<Diagnostic>) {
    let Some(table) = field.table(&format!("[{}]", field.key), complaints) else {
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
        key => {
            let lines = if key == "columns" {
                &mut draft.columns
            } else {
                &mut draft.statuses
            };
            for line in fields(field.place.file, table) {
                if let Some(target) = line.setting().name(complaints) {
                    lines.push((Placed::at(line.key.to_owned(), line.key_place), target));
                } else if let Some(complaint) = complaints.last_mut() {
                    let target = if key == "columns" { "lens" } else { "hold" };
                    let help = format!(
                        "write one name in quotes, such as `\"{}\" = \"{target}\"`",
                        line.key
                    );
                    complaint.help = Some(help);
                }
            }
        }
    }
}

/// Complains of settings right below a heading that has to name what they are of, such as
/// `[presets]`; `name` is a name it could have.
fn unnamed(
    section: &Field<'_>,
    table: &DeTable<'_>,
    inner: &Table,
    name: &str,
) -> Option<Diagnostic> {
    let fields = fields(section.place.file, table).into_iter();
    let mut stray =
        fields.filter(|field| inner.has(field.key) && !matches!(field.value, DeValue::Table(_)));
    let first = stray.next()?;
    let key = section.key;
    let message = format!(
        "`{}` stands below `[{key}]`, which names nothing",
        first.key
    );
    let complaint = Diagnostic::error("wrong-type", message).at(first.key_place);
    let written = format!("`[{key}.{name}]`");
    let help = format!("write a name into the heading: {written}");
    Some(
        complaint
            .expected(format!("a heading with a name, such as {written}"))
            .help(help),
    )
}

fn presets(section: &Field<'_>, draft: &mut Draft, complaints: &mut Vec<Diagnostic>) {
    let Some(table) = section.table("[presets.board]", complaints) else {
        return;
    };
    if let Some(complaint) = unnamed(section, table, &PRESET, "board") {
        draft.has_gaps = true;
        complaints.push(complaint);
        return;
    }
    for field in fields(section.place.file, table) {
        let path = format!("presets.{}", field.key);
        let table = field.table(&format!("[{path}]"), complaints);
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
    let better: String = field
        .key
        .chars()
        .map(|c| if fits(c) { c } else { '_' })
        .collect();
    let help = match better.as_str() {
        "" => "write a name, such as `[presets.board]`".to_owned(),
        better => format!("write `[presets.{better}]`"),
    };
    let complaint = Diagnostic::error("bad-name", message).at(field.key_place);
    let complaint = complaint.expected("letters, digits, `_`, `-` and `.`");
    complaints.push(complaint.help(help));
    false
}

fn sequences(section: &Field<'_>, draft: &mut Draft, complaints: &mut Vec<Diagnostic>) {
    let Some(table) = section.table("[sequences.\"104/TCC\"]", complaints) else {
        return;
    };
    if let Some(complaint) = unnamed(section, table, &DEFAULTS, "\"104/TCC\"") {
        complaints.push(complaint);
        return;
    }
    for field in fields(section.place.file, table) {
        let path = format!("sequences.{}", field.key);
        let written = format!("[sequences.\"{}\"]", field.key);
        let Some(table) = field.table(&written, complaints) else {
            continue;
        };
        if draft.define(path, field.key_place, complaints) {
            let within = format!("`[sequences.\"{}\"]`", field.key);
            let layer = layer::layer(field.place.file, table, &within, complaints);
            draft.sequences.insert(field.key.to_owned(), layer);
        }
    }
}

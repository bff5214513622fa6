//! Layers of settings: defaults, sequences, shots, presets.

use toml::de::{DeTable, DeValue};

use crate::domain::diagnostic::{Diagnostic, FileNo, Placed};
use crate::manifest::keys::bible::REFERENCE;
use crate::manifest::keys::layer::{DEFAULTS, SET};
use crate::manifest::keys::technical::PRESET;
use crate::manifest::model::Reference;
use crate::manifest::reference;
use crate::manifest::rules::check_name;
use crate::manifest::settings::{Layer, Technical};
use crate::manifest::shown::shown;
use crate::manifest::toml::walk::{Field, fields, known, place, scalar};

/// What presets and `set` hold.
const OF_PRESETS: &str = "a technical setting, such as `resolution`, `format` or `takes`";

/// Reads a whole table as a layer.
pub(super) fn layer(
    file: FileNo,
    table: &DeTable<'_>,
    within: &str,
    complaints: &mut Vec<Diagnostic>,
) -> Layer {
    let mut layer = Layer::default();
    for field in fields(file, table) {
        if !take(&field, table, &mut layer, complaints) {
            let mut complaint = field.unknown(within, &DEFAULTS.names());
            if field.key == "extends" {
                complaint.help = Some("write `extends` in a preset".to_owned());
            }
            complaints.push(complaint);
        }
    }
    layer
}

/// Takes a field into a layer; tells whether its key belongs to layers.
pub(super) fn take(
    field: &Field<'_>,
    table: &DeTable<'_>,
    layer: &mut Layer,
    complaints: &mut Vec<Diagnostic>,
) -> bool {
    match field.key {
        key if !DEFAULTS.has(key) => return false,
        "vars" => vars(field, layer, complaints),
        "action" | "description" => {
            if let Some(text) = field.setting().text(complaints) {
                set_var("action", text, field, layer, complaints);
            }
        }
        "characters" => layer.characters = field.texts("a list of names in quotes", complaints),
        "props" => layer.props = field.texts("a list of names in quotes", complaints),
        "references" => layer.references = references(field, complaints),
        "set" => set(field, table, layer, complaints),
        _ => {
            return field.setting().creative(layer, complaints)
                || field.setting().technical(&mut layer.technical, complaints);
        }
    }
    true
}

fn vars(field: &Field<'_>, layer: &mut Layer, complaints: &mut Vec<Diagnostic>) {
    let Some(table) = field.table("vars = { weather = \"thin rain\" }", complaints) else {
        return;
    };
    for var in fields(field.place.file, table) {
        if let Err((message, help)) = check_name(var.key) {
            let complaint = Diagnostic::error("bad-name", message).at(var.key_place);
            complaints.push(complaint.help(help));
        } else if let Some(text) = scalar(&var.setting(), var.value) {
            set_var(var.key, text, &var, layer, complaints);
        } else {
            complaints.push(var.wrong_type("text in quotes, or a number"));
        }
    }
}

fn set_var(
    name: &str,
    text: Placed<String>,
    field: &Field<'_>,
    layer: &mut Layer,
    complaints: &mut Vec<Diagnostic>,
) {
    if let Some(former) = layer.vars.get(name) {
        complaints.push(
            Diagnostic::error("defined-twice", format!("`{name}` is given twice"))
                .at(field.key_place)
                .help("take one of the two out")
                .related(former.place, "the other one"),
        );
        return;
    }
    layer.vars.insert(name.to_owned(), text);
}

/// Reads `set = { … }`: a preset and technical settings.
fn set(
    field: &Field<'_>,
    around: &DeTable<'_>,
    layer: &mut Layer,
    complaints: &mut Vec<Diagnostic>,
) {
    let Some(table) = field.table("set = { preset = \"final\" }", complaints) else {
        return;
    };
    for inner in fields(field.place.file, table) {
        if inner.key != "references" && around.contains_key(inner.key) {
            let message = format!("`{}` is given both here and beside `set`", inner.key);
            let complaint = Diagnostic::error("defined-twice", message).at(inner.key_place);
            complaints.push(complaint.help("take one of the two out"));
            continue;
        }
        let taken = if !SET.has(inner.key) {
            false
        } else if inner.key == "preset" {
            inner.setting().creative(layer, complaints)
        } else {
            inner.setting().technical(&mut layer.technical, complaints)
        };
        if !taken {
            let mut complaint = inner.unknown("`set`", &SET.names());
            if DEFAULTS.has(inner.key) {
                complaint.expected = vec![OF_PRESETS.to_owned()];
                complaint.help = Some(format!("write `{}` beside `set`, not in it", inner.key));
            }
            complaints.push(complaint);
        }
    }
}

/// Reads the settings of a preset, which are technical ones alone.
pub(super) fn technical(
    field: &Field<'_>,
    within: &str,
    technical: &mut Technical,
    complaints: &mut Vec<Diagnostic>,
) {
    if field.setting().technical(technical, complaints) {
        return;
    }
    let mut complaint = field.unknown(within, &PRESET.names());
    if DEFAULTS.has(field.key) {
        complaint.expected = vec![OF_PRESETS.to_owned()];
        complaint.help = Some(format!(
            "write `{}` under `[defaults]`, a sequence or a shot",
            field.key
        ));
    }
    complaints.push(complaint);
}

/// Reads `references`: a list of images, each a text or a table with role and use.
pub(super) fn references(
    field: &Field<'_>,
    complaints: &mut Vec<Diagnostic>,
) -> Option<Vec<Reference>> {
    if let DeValue::String(text) = field.value {
        if text.is_empty() || text == "-" {
            return Some(Vec::new());
        }
        return Some(Vec::from_iter(reference::plain(
            text,
            Some(field.place),
            complaints,
        )));
    }
    let list = field.list("a list of images", complaints)?;
    let mut references = Vec::with_capacity(list.len());
    for entry in list {
        let entry = Field {
            value: entry.get_ref(),
            place: place(field.place.file, &entry.span()),
            ..*field
        };
        references.extend(one_reference(&entry, complaints));
    }
    Some(references)
}

/// Reads one image: a text, or a table with role and use.
fn one_reference(field: &Field<'_>, complaints: &mut Vec<Diagnostic>) -> Option<Reference> {
    match field.value {
        DeValue::String(text) => reference::plain(text, Some(field.place), complaints),
        DeValue::Table(table) => reference_table(field, table, complaints),
        _ => {
            complaints.push(field.wrong_type(reference::EXPECTED));
            None
        }
    }
}

/// Reads `sheet`: one image, whose role is `sheet`.
pub(super) fn sheet(field: &Field<'_>, complaints: &mut Vec<Diagnostic>) -> Option<Reference> {
    let reference = one_reference(field, complaints)?;
    let role = Placed::at("sheet".to_owned(), field.key_place);
    match &reference.role {
        Some(other) if other.value != role.value => {
            let message = format!("`sheet` is given the role {}", shown(&other.value));
            complaints.push(
                Diagnostic::error("bad-value", message)
                    .at(other.place)
                    .expected("no role: that of a `sheet` is `sheet`")
                    .help("take the role out, or move the image to `references`"),
            );
            None
        }
        Some(_) => Some(reference),
        None => Some(Reference {
            role: Some(role),
            ..reference
        }),
    }
}

fn reference_table(
    around: &Field<'_>,
    table: &DeTable<'_>,
    complaints: &mut Vec<Diagnostic>,
) -> Option<Reference> {
    let (mut image, mut role, mut scope) = (None, None, None);
    let mut given = 0;
    let from = complaints.len();
    let within = "a reference";
    for field in known(&REFERENCE, within, around.place.file, table, complaints) {
        match field.key {
            "file" | "url" | "uuid" | "data" => {
                given += 1;
                if let Some(text) = field.setting().text(complaints) {
                    image = reference::image(&text.value, text.place, complaints);
                }
            }
            "role" => role = field.setting().name(complaints),
            "use" => scope = field.setting().name(complaints),
            _ => complaints.push(field.unknown(within, &REFERENCE.names())),
        }
    }
    let is_misspelt = given == 0 && complaints.len() > from;
    if is_misspelt {
        // What names the image may be what was not understood.
        return None;
    }
    if given != 1 {
        let message = if given == 0 {
            "a reference names no image"
        } else {
            "a reference names several images"
        };
        complaints.push(
            Diagnostic::error("bad-reference", message)
                .at(around.place)
                .expected("one of `file`, `url`, `uuid` or `data`")
                .help("write it as `{ file = \"boards/0090.png\", role = \"layout\" }`"),
        );
        return None;
    }
    Some(Reference {
        image: image?,
        role,
        scope,
    })
}

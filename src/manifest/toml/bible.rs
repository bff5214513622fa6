//! The bible: characters with their wardrobe, locations, props, looks.

use std::collections::BTreeMap;

use toml::de::DeTable;

use crate::domain::diagnostic::{Diagnostic, Place};
use crate::manifest::draft::Draft;
use crate::manifest::keys::bible::{CHARACTER, ENTRY_TABLE};
use crate::manifest::model::{Entry, Reference};
use crate::manifest::rules::check_name;
use crate::manifest::toml::layer::{references, sheet};
use crate::manifest::toml::unnamed;
use crate::manifest::toml::walk::{Field, fields, known};

/// Reads one of the four tables of the bible into a draft.
pub(super) fn table(section: &Field<'_>, draft: &mut Draft, complaints: &mut Vec<Diagnostic>) {
    let name = match section.key {
        "characters" => "mira",
        "locations" => "pier",
        "props" => "lantern",
        _ => "dusk",
    };
    let Some(table) = section.table(&format!("[{}.{name}]", section.key), complaints) else {
        return;
    };
    let keys = if section.key == "characters" {
        &CHARACTER
    } else {
        &ENTRY_TABLE
    };
    if let Some(complaint) = unnamed(section, table, keys, name) {
        complaints.push(complaint);
        return;
    }
    let dressed = section.key == "characters";
    for field in fields(section.place.file, table) {
        let path = format!("{}.{}", section.key, field.key);
        if !named(&field, complaints) {
            dressed_name(&field, dressed, complaints);
            continue;
        }
        if !draft.define(path.clone(), field.key_place, complaints) {
            continue;
        }
        let Some(table) = field.table(&format!("[{path}]"), complaints) else {
            continue;
        };
        let entry = entry(&field, table, &format!("`[{path}]`"), dressed, complaints);
        let bible = &mut draft.bible;
        let entries = match section.key {
            "characters" => &mut bible.characters,
            "locations" => &mut bible.locations,
            "props" => &mut bible.props,
            _ => &mut bible.looks,
        };
        entries.insert(field.key.to_owned(), entry);
    }
}

/// Tells how a wardrobe is written to whoever wrote `[characters."mira.rain"]`.
fn dressed_name(field: &Field<'_>, dressed: bool, complaints: &mut [Diagnostic]) {
    if let Some((who, state)) = field.key.split_once('.')
        && dressed
        && let Some(complaint) = complaints.last_mut()
    {
        complaint.help = Some(format!("write `[characters.{who}.wardrobe.{state}]`"));
    }
}

fn named(field: &Field<'_>, complaints: &mut Vec<Diagnostic>) -> bool {
    match check_name(field.key) {
        Ok(()) => true,
        Err((message, help)) => {
            let complaint = Diagnostic::error("bad-name", message).at(field.key_place);
            complaints.push(complaint.help(help));
            false
        }
    }
}

fn entry(
    field: &Field<'_>,
    table: &DeTable<'_>,
    within: &str,
    dressed: bool,
    complaints: &mut Vec<Diagnostic>,
) -> Entry {
    let mut entry = Entry {
        place: field.key_place,
        name: None,
        text: None,
        keep: None,
        references: Vec::new(),
        wardrobe: BTreeMap::new(),
    };
    let mut short = None;
    let keys = if dressed { &CHARACTER } else { &ENTRY_TABLE };
    for field in known(keys, within, field.place.file, table, complaints) {
        match field.key {
            "name" => entry.name = field.setting().name(complaints),
            "text" => entry.text = field.setting().text(complaints),
            "keep" => entry.keep = field.setting().text(complaints),
            "references" => entry.references = references(&field, complaints).unwrap_or_default(),
            "sheet" => short = sheet(&field, complaints).map(|sheet| (field.key_place, sheet)),
            "wardrobe" if dressed => entry.wardrobe = wardrobe(&field, within, complaints),
            _ => complaints.push(field.unknown(within, &keys.names())),
        }
    }
    if let Some((place, sheet)) = short {
        add_sheet(&mut entry, place, sheet, within, complaints);
    }
    entry
}

/// Adds what `sheet` names to the references, which must not name a sheet themselves.
fn add_sheet(
    entry: &mut Entry,
    place: Place,
    sheet: Reference,
    within: &str,
    complaints: &mut Vec<Diagnostic>,
) {
    let mut roles = entry.references.iter().filter_map(|own| own.role.as_ref());
    if let Some(other) = roles.find(|role| role.value == "sheet") {
        complaints.push(
            Diagnostic::error("defined-twice", format!("{within} has two sheets"))
                .at(place)
                .expected("`sheet`, or a reference with `role = \"sheet\"`: they are the same")
                .help("take one of the two out")
                .related(other.place, "the other one"),
        );
        return;
    }
    entry.references.push(sheet);
}

fn wardrobe(
    section: &Field<'_>,
    within: &str,
    complaints: &mut Vec<Diagnostic>,
) -> BTreeMap<String, Entry> {
    let mut states = BTreeMap::new();
    let within = within.trim_matches(['`', '[', ']']);
    let written = format!("[{within}.wardrobe.rain]");
    let Some(table) = section.table(&written, complaints) else {
        return states;
    };
    for field in fields(section.place.file, table) {
        if !named(&field, complaints) {
            continue;
        }
        let written = format!("[{within}.wardrobe.{}]", field.key);
        if let Some(table) = field.table(&written, complaints) {
            let within = format!("`{written}`");
            let state = entry(&field, table, &within, false, complaints);
            states.insert(field.key.to_owned(), state);
        }
    }
    states
}

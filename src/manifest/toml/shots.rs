//! `[[shots]]`, with matrix, zip and exclude.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use crate::domain::diagnostic::{Diagnostic, FileNo, Placed};
use crate::manifest::draft::{Found, Gathered};
use crate::manifest::identity;
use crate::manifest::keys::shots::{MATRIX, SHOT, ZIP};
use crate::manifest::model::{Shot, Status, Variants};
use crate::manifest::rules::twice;
use crate::manifest::settings::Layer;
use crate::manifest::toml::layer;
use crate::manifest::toml::walk::{Field, fields, known, place, scalar};

/// What to do about a list of files where shots are expected.
const LISTS: &str = "files of shots are named under `[show]`: `shots = [\"ep104.csv\"]`";

/// What to do about a single shot headed `[shots]`.
const DOUBLE: &str = "write `[[shots]]`, with two brackets on each side";

/// Reads `[[shots]]`.
pub(super) fn shots(
    section: &Field<'_>,
    gathered: &mut Gathered,
    complaints: &mut Vec<Diagnostic>,
) {
    let Some(list) = section.list("a heading `[[shots]]` above each shot", complaints) else {
        if let Some(complaint) = complaints.last_mut() {
            let is_shot = matches!(section.value, DeValue::Table(_));
            let help = if is_shot { DOUBLE } else { LISTS };
            complaint.help = Some(help.to_owned());
        }
        return;
    };
    let file = section.place.file;
    let is_named = |value: &DeValue<'_>| {
        matches!(value, DeValue::Table(table)
            if table.contains_key("id") || table.contains_key("name"))
    };
    let any_named = list.iter().any(|entry| is_named(entry.get_ref()));
    if !any_named
        && let Some(first) = list.first()
        && matches!(first.get_ref(), DeValue::Table(_))
    {
        gathered.numbered.push(place(file, &first.span()));
    }
    for (position, entry) in list.iter().enumerate() {
        let field = Field {
            place: place(file, &entry.span()),
            value: entry.get_ref(),
            ..*section
        };
        if let DeValue::Table(table) = entry.get_ref() {
            shot(&field, table, position, any_named, gathered);
        } else {
            let complaint = field
                .wrong_type("a heading `[[shots]]` above each shot")
                .help(LISTS);
            gathered.take(Found {
                place: field.place,
                id: None,
                shot: None,
                complaints: vec![complaint],
            });
        }
    }
}

fn shot(
    around: &Field<'_>,
    table: &DeTable<'_>,
    position: usize,
    any_named: bool,
    gathered: &mut Gathered,
) {
    let mut complaints = Vec::new();
    let mut parts = Parts::default();
    for field in known(&SHOT, "a shot", around.place.file, table, &mut complaints) {
        parts.take(&field, table, &mut complaints);
    }
    if any_named && !table.contains_key("id") && !table.contains_key("name") {
        complaints.push(identity::missing(around.place, position));
        gathered.take(Found {
            place: around.place,
            id: None,
            shot: None,
            complaints,
        });
        return;
    }
    let number = || Placed::at(identity::number(position), around.place);
    let identity = if parts.id_is_broken {
        None
    } else {
        parts.identity.identify(number, &mut complaints)
    };
    let id = identity.as_ref().map(|identity| identity.id.clone());
    let shot = identity.map(|identity| Shot {
        id: identity.id,
        episode: identity.episode,
        sequence: identity.sequence,
        name: identity.name,
        place: around.place,
        status: parts.status,
        layer: parts.layer,
        variants: parts.variants,
        kept: parts.kept,
    });
    gathered.take(Found {
        place: around.place,
        id,
        shot,
        complaints,
    });
}

#[derive(Default)]
struct Parts {
    identity: identity::Given,
    id_is_broken: bool,
    status: Status,
    layer: Layer,
    variants: Variants,
    kept: Vec<(String, String)>,
}

impl Parts {
    fn take(&mut self, field: &Field<'_>, table: &DeTable<'_>, complaints: &mut Vec<Diagnostic>) {
        match field.key {
            "id" | "episode" | "sequence" | "name" => self.identify(field, complaints),
            "status" => {
                let status = field
                    .setting()
                    .choice(Status::WORDS, Status::parse, complaints);
                self.status = status.map(|status| status.value).unwrap_or_default();
            }
            "note" => {
                if let Some(note) = field.setting().text(complaints) {
                    self.kept.push(("note".to_owned(), note.value));
                }
            }
            "matrix" => {
                self.variants.matrix = axes(field, &mut self.variants.exclude, complaints);
            }
            "zip" => {
                self.variants.zip = axes(field, &mut self.variants.exclude, complaints);
                complaints.extend(uneven(field, &self.variants.zip));
            }
            _ if layer::take(field, table, &mut self.layer, complaints) => {}
            _ => complaints.push(field.unknown("a shot", &SHOT.names())),
        }
    }

    fn identify(&mut self, field: &Field<'_>, complaints: &mut Vec<Diagnostic>) {
        let text = field.setting().name(complaints);
        self.id_is_broken |= text.is_none();
        let part = match field.key {
            "id" => &mut self.identity.id,
            "episode" => &mut self.identity.episode,
            "sequence" => &mut self.identity.sequence,
            _ => &mut self.identity.name,
        };
        *part = text;
    }
}

type Axes = Vec<(Placed<String>, Vec<Placed<String>>)>;

/// Reads the axes of a matrix or zip; `exclude` among them goes to the exclusions.
fn axes(
    section: &Field<'_>,
    exclude: &mut Vec<BTreeMap<String, Placed<String>>>,
    complaints: &mut Vec<Diagnostic>,
) -> Axes {
    let Some(table) = section.table(&format!("[shots.{}]", section.key), complaints) else {
        return Vec::new();
    };
    let mut axes = Vec::new();
    for field in fields(section.place.file, table) {
        if field.key == "exclude" && MATRIX.has(field.key) && ZIP.has(field.key) {
            exclusions(&field, exclude, complaints);
            continue;
        }
        let Some(list) = field.values("a list of values", complaints) else {
            continue;
        };
        let mut values: Vec<Placed<String>> = Vec::with_capacity(list.len());
        for entry in list {
            match scalar(&field.entry(entry), entry.get_ref()) {
                Some(value) if values.iter().any(|former| former.value == value.value) => {
                    complaints.push(twice(field.key, &value));
                }
                Some(value) => values.push(value),
                None => complaints.push(
                    Field {
                        value: entry.get_ref(),
                        place: place(field.place.file, &entry.span()),
                        ..field
                    }
                    .wrong_type("text in quotes, or a number"),
                ),
            }
        }
        if list.is_empty() {
            let message = format!("`{}` of the {} has no values", field.key, section.key);
            let complaint = Diagnostic::error("empty-axis", message).at(field.place);
            complaints.push(complaint.help("write at least one value or leave it out"));
        }
        axes.push((Placed::at(field.key.to_owned(), field.key_place), values));
    }
    axes
}

fn exclusions(
    section: &Field<'_>,
    exclude: &mut Vec<BTreeMap<String, Placed<String>>>,
    complaints: &mut Vec<Diagnostic>,
) {
    const EXPECTED: &str = "a list such as `[{ look = \"dusk\", angle = \"low angle\" }]`";
    let Some(list) = section.list(EXPECTED, complaints) else {
        return;
    };
    let file: FileNo = section.place.file;
    for entry in list {
        let DeValue::Table(table) = entry.get_ref() else {
            let field = Field {
                value: entry.get_ref(),
                place: place(file, &entry.span()),
                ..*section
            };
            complaints.push(field.wrong_type("values in braces, such as `{ look = \"dusk\" }`"));
            continue;
        };
        let mut excluded = BTreeMap::new();
        for field in fields(file, table) {
            match scalar(&field.setting(), field.value) {
                Some(value) => {
                    excluded.insert(field.key.to_owned(), value);
                }
                None => complaints.push(field.wrong_type("text in quotes, or a number")),
            }
        }
        if excluded.is_empty() {
            let message = "an exclusion without values would exclude every variant";
            let complaint = Diagnostic::error("empty-exclusion", message);
            let complaint = complaint.at(place(file, &entry.span()));
            complaints.push(complaint.help("write values into it, or take it out"));
        } else {
            exclude.push(excluded);
        }
    }
}

fn uneven(section: &Field<'_>, zip: &Axes) -> Option<Diagnostic> {
    let (first, values) = zip.first()?;
    let (other, others) = zip.iter().find(|(_, o)| o.len() != values.len())?;
    let message = format!(
        "the lists of a zip go in step, but `{}` has {} values and `{}` has {}",
        first.value,
        values.len(),
        other.value,
        others.len()
    );
    let complaint = Diagnostic::error("uneven-zip", message);
    let place = other.place.unwrap_or(section.place);
    Some(complaint.at(place).help("give them as many values each"))
}

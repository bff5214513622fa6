//! A row of a shot list into a shot.

use std::sync::Arc;

use crate::domain::diagnostic::{Cell as At, Diagnostic, FileNo, Place, Placed};
use crate::manifest::draft::Found;
use crate::manifest::identity;
use crate::manifest::model::{Reference, Shot, Status, Variants};
use crate::manifest::reference;
use crate::manifest::rules::twice;
use crate::manifest::setting::{Given, Setting};
use crate::manifest::settings::Layer;
use crate::manifest::shown::{count, shown};
use crate::manifest::table::aliases::Known;
use crate::manifest::table::cells::{Cell, Flaw, Row};
use crate::manifest::table::columns::Column;
use crate::manifest::table::mapping::Statuses;
use crate::manifest::table::status::status;

/// What stands for "explicitly none" in a cell.
const NONE: &str = "-";

/// Reads the rows of one list.
pub(super) struct Reader<'l> {
    /// The list.
    pub(super) file: FileNo,
    /// What its columns mean.
    pub(super) columns: &'l [Column],
    /// Whether some row has an id or a name.
    pub(super) any_named: bool,
    /// What a studio's own words in its status column mean.
    pub(super) statuses: &'l Statuses,
    /// What separates its cells.
    pub(super) delimiter: u8,
    /// The same for messages.
    pub(super) delimiter_name: &'static str,
}

/// Gives the place of a cell.
pub(super) fn place(file: FileNo, row: u32, column: usize, cell: &Cell<'_>) -> Place {
    // A text is refused long before its length leaves 32 bits.
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Place {
        file,
        start: offset(cell.start),
        end: offset(cell.end),
        cell: Some(At {
            row,
            column: offset(column),
        }),
    }
}

impl Reader<'_> {
    /// Reads a row that says something; `position` counts such rows from 0.
    pub(super) fn row(&self, row: &Row<'_>, position: usize) -> Found {
        let complaints = self.form(row);
        let place = place(self.file, row.number, 0, &row.cells[0]);
        let mut found = Found {
            place,
            id: None,
            shot: None,
            complaints,
        };
        if found.complaints.is_empty() {
            self.sound_row(row, position, &mut found);
        }
        found
    }

    fn sound_row(&self, row: &Row<'_>, position: usize, found: &mut Found) {
        let start = found.place;
        let complaints = &mut found.complaints;
        let mut parts = Parts::default();
        for (at, (cell, column)) in row.cells.iter().zip(self.columns).enumerate() {
            if !cell.text.is_empty() {
                let place = place(self.file, row.number, at, cell);
                if *column == Column::Known(Known::Status) && !is_spreadsheet_error(&cell.text) {
                    parts.status = status(&cell.text, place, self.statuses, complaints);
                } else {
                    parts.take(cell, place, column, complaints);
                }
            }
        }
        if self.any_named && !parts.identity.is_named() {
            complaints.push(unnamed_row(row, start, position));
            return;
        }
        let number = || Placed::at(identity::number(position), start);
        let identity = parts.identity.identify(number, complaints);
        found.id = identity.as_ref().map(|identity| identity.id.clone());
        found.shot = identity.map(|identity| Shot {
            id: identity.id,
            episode: identity.episode,
            sequence: identity.sequence,
            name: identity.name,
            place: start,
            status: parts.status,
            layer: parts.layer,
            variants: parts.variants,
            kept: parts.kept,
        });
    }

    /// Complains about a row whose cells may stand under other columns than meant.
    fn form(&self, row: &Row<'_>) -> Vec<Diagnostic> {
        let mut complaints: Vec<Diagnostic> =
            row.flaws.iter().map(|flaw| self.flaw(row, *flaw)).collect();
        if let Some((at, line)) = swallowed(row, self.delimiter)
            && complaints.is_empty()
        {
            complaints.push(self.swallow(row, at, line));
        }
        let (found, wanted) = (row.cells.len(), self.columns.len());
        if complaints.is_empty() && found != wanted {
            complaints.push(self.ragged(row, found, wanted));
        }
        complaints
    }

    fn flaw(&self, row: &Row<'_>, flaw: Flaw) -> Diagnostic {
        let (code, message, help, at) = match flaw {
            Flaw::Stray(at) => (
                "stray-quote",
                "text follows the quote that ends this cell",
                "write a quote within a quoted cell twice: `\"\"`",
                at,
            ),
            Flaw::Unclosed(at) => (
                "unterminated-quote",
                "the quote opened here is not closed",
                "close the cell with a quote; a quote within it is written twice: `\"\"`",
                at,
            ),
        };
        let column = row.cells.iter().rposition(|cell| cell.start <= at + 1);
        let column = column.unwrap_or_default();
        let quote = Cell {
            text: "\"".into(),
            start: at,
            end: at + 1,
        };
        let place = place(self.file, row.number, column, &quote);
        Diagnostic::error(code, message).at(place).help(help)
    }

    fn swallow(&self, row: &Row<'_>, at: usize, line: &str) -> Diagnostic {
        let message = format!(
            "this cell holds what looks like another row: {}",
            shown(line)
        );
        Diagnostic::error("swallowed-row", message)
            .at(place(self.file, row.number, at, &row.cells[at]))
            .help("close the quote that opens this cell before the end of its line")
    }

    /// Warns about a value in a column without a header.
    pub(super) fn unnamed(&self, row: &Row<'_>) -> Option<Diagnostic> {
        let mut cells = row.cells.iter().zip(self.columns).enumerate();
        let (at, (cell, _)) = cells.find(|(_, (cell, column))| {
            matches!(column, Column::Unnamed(_)) && !cell.text.is_empty()
        })?;
        let message = "a column without a header holds values; they are kept for reports";
        Some(
            Diagnostic::warning("unnamed-column", message)
                .at(place(self.file, row.number, at, cell))
                .help("write a header in the first row, or take the values out"),
        )
    }

    fn ragged(&self, row: &Row<'_>, found: usize, wanted: usize) -> Diagnostic {
        let at = wanted.min(found - 1);
        let message = format!(
            "row {} has {} where the header has {wanted}",
            row.number,
            count(found, "cell")
        );
        let has_curly = |cell: &Cell<'_>| cell.text.contains(['\u{201c}', '\u{201d}', '\u{201e}']);
        let help = if found > wanted && row.cells.iter().any(has_curly) {
            "curly quotes hold no cell together: put the text between straight ones: `\"…\"`"
                .to_owned()
        } else if found > wanted {
            format!(
                "put text that holds a {} between double quotes: `\"…\"`",
                self.delimiter_name
            )
        } else {
            format!(
                "add the {} that is missing; a cell may be empty",
                self.delimiter_name
            )
        };
        Diagnostic::error("ragged-row", message)
            .at(place(self.file, row.number, at, &row.cells[at]))
            .expected(count(wanted, "cell"))
            .help(help)
    }
}

/// Complains about a row without an id, which may be no shot but a heading.
fn unnamed_row(row: &Row<'_>, start: Place, position: usize) -> Diagnostic {
    let mut complaint = identity::missing(start, position);
    let filled = row.cells.iter().filter(|cell| !cell.text.is_empty());
    if filled.count() == 1 {
        complaint.help = Some(
            "if this row is a heading, take it out of the list; if it is a shot, give it an id"
                .to_owned(),
        );
    }
    complaint
}

/// Finds a cell over several lines, one of which begins as this row does: with an id of the same
/// shape and a delimiter.
///
/// A quote that was forgotten in one row and closed in another makes such a cell.
pub(super) fn swallowed<'r>(row: &'r Row<'_>, delimiter: u8) -> Option<(usize, &'r str)> {
    let shape = |text: &str| -> Vec<u8> {
        let bytes = text.bytes();
        bytes
            .map(|byte| if byte.is_ascii_digit() { b'0' } else { byte })
            .collect()
    };
    let first = row.cells.first().map(|cell| cell.text.as_ref())?;
    if !first.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    row.cells.iter().enumerate().skip(1).find_map(|(at, cell)| {
        let mut lines = cell.text.split(['\n', '\r']).skip(1);
        let line = lines.find(|line| {
            line.split_once(char::from(delimiter))
                .is_some_and(|(begin, _)| shape(begin.trim()) == shape(first))
        })?;
        Some((at, line))
    })
}

#[derive(Default)]
struct Parts {
    identity: identity::Given,
    status: Status,
    layer: Layer,
    variants: Variants,
    kept: Vec<(String, String)>,
}

impl Parts {
    /// Takes a cell that is not empty.
    fn take(
        &mut self,
        cell: &Cell<'_>,
        place: Place,
        column: &Column,
        complaints: &mut Vec<Diagnostic>,
    ) {
        let is_used = !matches!(column, Column::Kept(_) | Column::Unnamed(_));
        if is_used && is_spreadsheet_error(&cell.text) {
            complaints.push(spreadsheet_error(cell, place));
            return;
        }
        match column {
            Column::Known(known) => self.known(*known, cell, place, complaints),
            Column::Var(name) => self.var(name, cell, place),
            Column::Creative(name, header) => {
                self.var(name, cell, place);
                self.kept.push((header.to_string(), cell.text.to_string()));
            }
            Column::Matrix(name) => self.axis(name, cell, place, complaints),
            Column::Kept(header) | Column::Unnamed(header) => {
                self.kept.push((header.to_string(), cell.text.to_string()));
            }
        }
    }

    fn known(
        &mut self,
        known: Known,
        cell: &Cell<'_>,
        place: Place,
        complaints: &mut Vec<Diagnostic>,
    ) {
        let given = || (cell.text != NONE).then(|| Placed::at(cell.text.to_string(), place));
        match known {
            Known::Id => self.identity.id = given(),
            Known::Episode => self.identity.episode = given(),
            Known::Sequence => self.identity.sequence = given(),
            Known::Name => self.identity.name = given(),
            Known::Action => self.var("action", cell, place),
            Known::Characters => self.layer.characters = Some(names(cell, place)),
            Known::Props => self.layer.props = Some(names(cell, place)),
            Known::References => self.layer.references = Some(images(cell, place, complaints)),
            // The reader reads it, who knows the studio's own words.
            Known::Status => {}
            Known::Note => self.kept.push(("note".to_owned(), cell.text.to_string())),
            Known::Prompt => self.layer.prompt = Some(text_or_none(cell, place)),
            Known::Location | Known::Look | Known::Preset => {
                self.setting(known.name(), cell, place, complaints);
            }
            Known::Takes => self.setting("takes", cell, place, complaints),
            Known::AspectRatio => self.setting("aspect_ratio", cell, place, complaints),
        }
    }

    fn setting(
        &mut self,
        key: &str,
        cell: &Cell<'_>,
        place: Place,
        complaints: &mut Vec<Diagnostic>,
    ) {
        let setting = Setting {
            key,
            given: Given::Loose(&cell.text),
            place: Some(place),
        };
        if cell.text == NONE && !matches!(key, "location" | "look") {
            let message = format!("`{key}` cannot be none");
            let complaint = Diagnostic::error("bad-value", message).at(place);
            complaints.push(complaint.help("leave the cell empty to inherit it"));
        } else if !setting.creative(&mut self.layer, complaints) {
            // Every key that comes here is one or the other.
            setting.technical(&mut self.layer.technical, complaints);
        }
    }

    fn var(&mut self, name: &str, cell: &Cell<'_>, place: Place) {
        let text = text_or_none(cell, place);
        self.layer.vars.insert(name.to_owned(), text);
    }

    fn axis(
        &mut self,
        name: &Arc<str>,
        cell: &Cell<'_>,
        place: Place,
        complaints: &mut Vec<Diagnostic>,
    ) {
        let mut values: Vec<Placed<String>> = Vec::new();
        for value in names(cell, place) {
            if values.iter().any(|former| former.value == value.value) {
                complaints.push(twice(name, &value));
            } else {
                values.push(value);
            }
        }
        if !values.is_empty() {
            let axis = Placed::at(name.to_string(), place);
            self.variants.matrix.push((axis, values));
        }
    }
}

fn text_or_none(cell: &Cell<'_>, place: Place) -> Placed<String> {
    let text = if cell.text == NONE { "" } else { &cell.text };
    Placed::at(text.to_owned(), place)
}

/// Splits a cell on `;`; the empty list stands for explicitly none.
fn names(cell: &Cell<'_>, place: Place) -> Vec<Placed<String>> {
    split(cell, place, &cell.text.split(';').collect::<Vec<_>>())
}

/// Gives each part its own place where the text stands in the file as it is.
fn split(cell: &Cell<'_>, place: Place, parts: &[&str]) -> Vec<Placed<String>> {
    if cell.text == NONE {
        return Vec::new();
    }
    let as_written = cell.end - cell.start == cell.text.len();
    let mut at = 0;
    let mut values = Vec::with_capacity(parts.len());
    for part in parts {
        let text = part.trim();
        if !text.is_empty() {
            let start = at + (part.len() - part.trim_start().len());
            let own = as_written.then(|| within(place, start, start + text.len()));
            values.push(Placed::at(text.to_owned(), own.unwrap_or(place)));
        }
        at += part.len() + 1;
    }
    values
}

fn within(place: Place, start: usize, end: usize) -> Place {
    let offset = |at: usize| place.start + u32::try_from(at).unwrap_or_default();
    Place {
        start: offset(start),
        end: offset(end),
        ..place
    }
}

fn images(cell: &Cell<'_>, place: Place, complaints: &mut Vec<Diagnostic>) -> Vec<Reference> {
    // The `;` of a data URI separates nothing: its parts are joined again.
    let mut parts: Vec<&str> = Vec::new();
    let mut from = 0;
    let mut at = 0;
    for part in cell.text.split(';') {
        let end = at + part.len();
        let so_far = cell.text[from..end].trim_start();
        let is_open_uri = so_far
            .get(..5)
            .is_some_and(|head| head.eq_ignore_ascii_case("data:"))
            && !so_far.contains(',');
        if !is_open_uri {
            parts.push(&cell.text[from..end]);
            from = end + 1;
        }
        at = end + 1;
    }
    if from < cell.text.len() {
        parts.push(&cell.text[from..]);
    }
    split(cell, place, &parts)
        .into_iter()
        .filter_map(|image| reference::plain(&image.value, image.place, complaints))
        .collect()
}

/// Tells whether a cell shows the error of a formula.
pub(in crate::manifest) fn is_spreadsheet_error(text: &str) -> bool {
    const ERRORS: &[&str] = &[
        "#REF!",
        "#NAME?",
        "#VALUE!",
        "#DIV/0!",
        "#N/A",
        "#NULL!",
        "#NUM!",
        "#ERROR!",
        "#SPILL!",
        "#CALC!",
        "#FIELD!",
        "#BLOCKED!",
        "#CONNECT!",
        "#GETTING_DATA",
        "#DATA!",
        "#UNKNOWN!",
        "#BUSY!",
        "#PYTHON!",
    ];
    text.starts_with('#') && ERRORS.contains(&text)
}

fn spreadsheet_error(cell: &Cell<'_>, place: Place) -> Diagnostic {
    let message = format!(
        "the cell holds the spreadsheet's error {}",
        shown(&cell.text)
    );
    Diagnostic::error("spreadsheet-error", message)
        .at(place)
        .help("mend the formula and export again")
}

//! A sheet's cells, read by `calamine` and written as text.

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{DataRef, Reader as _, Xlsx, XlsxError};

use crate::domain::diagnostic::Cell;
use crate::manifest::sheet::guard::{self, Facts, Position};
use crate::manifest::sheet::number::{is_date, seen};
use crate::manifest::sheet::package::{Listed, Package, damaged, found};
use crate::manifest::sheet::{Fault, Sheet};
use crate::manifest::shown::{count, shown};
use crate::manifest::table::rows::is_spreadsheet_error;

/// The most bytes of text that a sheet becomes.
const MOST_TEXT: usize = 1 << 30;

/// Reads a sheet: the one of this name, else the first that is not hidden.
pub(super) fn read(bytes: &[u8], sheet: Option<&str>) -> Result<Sheet, Fault> {
    let mut package = Package::open(bytes)?;
    let sheets = package.sheets()?;
    let listed = choose(&sheets, sheet)?;
    if sheets
        .iter()
        .filter(|other| other.name == listed.name)
        .count()
        > 1
    {
        return Err(damaged("two of its sheets have one name"));
    }
    guard::shared(&mut package)?;
    let facts = guard::sheet(&mut package, &listed.part)?;
    if let Some(at) = facts.uncounted.first() {
        let others = facts.uncounted.len() - 1;
        return Err(damaged(format!(
            "cell {} holds a formula without its value{}",
            address(*at),
            if others > 0 {
                format!(", as do {others} more")
            } else {
                String::new()
            }
        )));
    }
    let mut written = Written::of(&facts);
    written.cells(bytes, &listed.name)?;
    let mut notes = written.notes(&facts);
    if sheet.is_none() && sheets.len() > 1 {
        let others = sheets.iter().filter(|other| other.name != listed.name);
        let others: Vec<String> = others.take(8).map(|other| shown(&other.name)).collect();
        let message = format!(
            "the sheet {} is read; the workbook also has {}: name one after the file, such as `…xlsx#{}`",
            shown(&listed.name),
            others.join(", "),
            sheets.last().map_or("", |last| last.name.as_str())
        );
        notes.insert(0, ("first-sheet", message));
    }
    Ok(Sheet {
        name: listed.name.clone(),
        text: written.text,
        notes,
    })
}

fn choose<'s>(sheets: &'s [Listed], name: Option<&str>) -> Result<&'s Listed, Fault> {
    let found = match name {
        None => sheets
            .iter()
            .find(|sheet| !sheet.is_hidden)
            .or(sheets.first()),
        Some(name) => {
            let exact = sheets.iter().find(|sheet| sheet.name == name);
            let alike =
                |sheet: &&Listed| sheet.name.trim().to_lowercase() == name.trim().to_lowercase();
            exact.or_else(|| sheets.iter().find(alike))
        }
    };
    found.ok_or_else(|| Fault::NoSheet(sheets.iter().map(|sheet| sheet.name.clone()).collect()))
}

/// Gives the name of an error that lists are searched for.
fn error_of(error: &str) -> String {
    let error = if is_spreadsheet_error(error) {
        error
    } else {
        "#ERROR!"
    };
    error.to_owned()
}

fn address((row, column): Position) -> String {
    Cell {
        row: row + 1,
        column,
    }
    .address()
}

/// A sheet as far as it is written.
struct Written<'f> {
    facts: &'f Facts,
    text: String,
    /// The row that is being written, from 0.
    row: u32,
    /// Its cells.
    cells: Vec<String>,
    has_value: bool,
    /// By column: the value of a merged area, and the last row it is for.
    merged: BTreeMap<u32, (u32, String)>,
    /// How many of the merged areas have begun.
    begun: usize,
    given: usize,
    dates: Vec<Position>,
}

impl<'f> Written<'f> {
    fn of(facts: &'f Facts) -> Self {
        let width = usize::try_from(facts.width).unwrap_or_default();
        Self {
            facts,
            text: String::new(),
            row: 0,
            cells: vec![String::new(); width],
            has_value: false,
            merged: BTreeMap::new(),
            begun: 0,
            given: 0,
            dates: Vec::new(),
        }
    }

    /// Reads every cell.
    fn cells(&mut self, bytes: &[u8], name: &str) -> Result<(), Fault> {
        let mut workbook = Xlsx::new(Cursor::new(bytes)).map_err(|why| found(&why))?;
        let mut cells = workbook
            .worksheet_cells_reader(name)
            .map_err(|why| found(&why))?;
        let codes: Vec<Option<String>> = cells
            .styles()
            .iter()
            .map(|style| {
                style
                    .number_format
                    .as_ref()
                    .map(|format| format.format_code.clone())
            })
            .collect();
        let mut last = None;
        loop {
            match cells.next_cell_with_style_id() {
                Ok(None) => break,
                Ok(Some((cell, style))) => {
                    let at = cell.get_position();
                    let value = cell.get_value();
                    let text = match value {
                        DataRef::Error(error) => Some(error_of(&error.to_string())),
                        _ => seen(value, codes.get(style).and_then(Option::as_deref)),
                    };
                    if is_date(value) {
                        self.dates.push(at);
                    }
                    self.put(at, text)?;
                    last = Some(at);
                }
                // One that the reader has no name for, in a cell that it does not tell.
                Err(XlsxError::CellError(error)) => {
                    let mut errors = self.facts.errors.iter();
                    let found = errors.find(|(at, text)| Some(*at) > last && *text == error);
                    let (at, _) = found.ok_or_else(|| damaged("a formula failed"))?;
                    self.put(*at, Some(error_of(&error)))?;
                    last = Some(*at);
                }
                Err(why) => return Err(found(&why)),
            }
        }
        self.end_row()
    }

    fn put(&mut self, (row, column): Position, text: Option<String>) -> Result<(), Fault> {
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
            return Ok(());
        };
        if text.contains('\0') {
            return Err(damaged(format!(
                "cell {} holds no text",
                address((row, column))
            )));
        }
        if row < self.row {
            return Err(damaged("its rows are out of order"));
        }
        while self.row < row {
            self.end_row()?;
        }
        let at = usize::try_from(column).unwrap_or(usize::MAX);
        let cell = self
            .cells
            .get_mut(at)
            .ok_or_else(|| damaged("a cell is out of place"))?;
        *cell = text;
        self.has_value = true;
        Ok(())
    }

    /// Writes the row and begins the next.
    fn end_row(&mut self) -> Result<(), Fault> {
        self.merge();
        if self.has_value {
            for (at, cell) in self.cells.iter_mut().enumerate() {
                if at > 0 {
                    self.text.push(',');
                }
                push(&mut self.text, cell);
                cell.clear();
            }
            self.has_value = false;
        }
        self.text.push('\n');
        self.row += 1;
        if self.text.len() > MOST_TEXT {
            return Err(Fault::TooLarge(
                "this sheet holds more than 1 GiB of text".to_owned(),
            ));
        }
        Ok(())
    }

    /// Takes the values of merged areas that begin here, and gives those that began above.
    fn merge(&mut self) {
        while let Some(((row, column), last)) = self.facts.merged.get(self.begun)
            && *row <= self.row
        {
            let at = usize::try_from(*column).unwrap_or(usize::MAX);
            let value = self
                .cells
                .get(at)
                .filter(|value| *row == self.row && !value.is_empty());
            if let Some(value) = value {
                self.merged.insert(*column, (*last, value.clone()));
            }
            self.begun += 1;
        }
        if self.merged.is_empty() || !self.has_value {
            return;
        }
        let row = self.row;
        self.merged.retain(|_, (last, _)| *last >= row);
        for (column, (_, value)) in &self.merged {
            let at = usize::try_from(*column).unwrap_or(usize::MAX);
            if let Some(cell) = self.cells.get_mut(at)
                && cell.is_empty()
            {
                cell.push_str(value);
                self.given += 1;
            }
        }
    }

    fn notes(&self, facts: &Facts) -> Vec<(&'static str, String)> {
        let mut notes = Vec::new();
        if facts.hidden > 0 {
            let rows = count(facts.hidden, "hidden row");
            notes.push((
                "hidden-rows",
                format!("{rows} of the sheet read like the others"),
            ));
        }
        if self.given > 0 {
            let cells = count(self.given, "cell");
            notes.push((
                "merged-cells",
                format!("{cells} within merged cells read as the value of the whole"),
            ));
        }
        if let Some(first) = self.dates.first() {
            let cells = count(self.dates.len(), "cell");
            let message = format!(
                "{cells} with a date or time, the first {}: if a number or ratio was meant, format the column \
                 as text and write it again",
                address(*first)
            );
            notes.push(("dates", message));
        }
        notes
    }
}

/// Adds a cell, between quotes where it needs them.
fn push(text: &mut String, cell: &str) {
    if !cell.contains(['"', ',', '\n', '\r']) && !cell.starts_with([' ', '=']) {
        text.push_str(cell);
        return;
    }
    text.push('"');
    for c in cell.chars() {
        if c == '"' {
            text.push('"');
        }
        text.push(c);
    }
    text.push('"');
}

//! Shot lists: comma-, semicolon- or tab-separated text, read row by row.
//!
//! No cell ever moves to another column: a row with more or fewer cells than the header, or with
//! quotes that do not close, is refused.

pub(super) mod mapping;
pub mod survey;

mod aliases;
mod cells;
mod columns;
mod header;
#[cfg(test)]
mod messy;
pub(super) mod rows;
mod status;
mod tail;

use std::sync::Arc;

use crate::domain::diagnostic::{Cell as At, Diagnostic, FileNo, Place, Shape, Source, SourceText};
use crate::manifest::draft::Gathered;
use crate::manifest::model::Shot;
use crate::manifest::shown::count;
use crate::manifest::table::aliases::{Known, is_known, plain_header};
use crate::manifest::table::cells::{Flaw, Row, Rows};
use crate::manifest::table::columns::{Column, Columns, columns};
use crate::manifest::table::header::{Head, detect};
use crate::manifest::table::mapping::{Mapping, Statuses};
use crate::manifest::table::rows::{Reader, place, swallowed};
use crate::manifest::table::survey::{Survey, survey};
use crate::manifest::table::tail::Tail;

/// Tells whether a text is a header that means something without being mapped.
pub(super) fn is_header(text: &str) -> bool {
    is_known(text)
}

/// Gives the headers of a shot list, as they were written.
#[must_use]
pub fn headers(list: &Source) -> Vec<String> {
    let text = &list.text;
    let mut row = Row::default();
    if let Some(shape) = list.shape {
        let mut rows = Rows::of(text, shape.delimiter);
        while rows.read(&mut row) && row.number < shape.header {}
    } else {
        row = header::find(text, detect(text, &is_known).0, &is_known).row;
    }
    row.cells.iter().map(|cell| cell.text.to_string()).collect()
}

/// Finds the cell of a table that a byte stands in.
pub(super) fn cell_at(text: &str, at: usize) -> Option<At> {
    let mut rows = Rows::of(text, detect(text, &is_known).0);
    let mut row = Row::default();
    while rows.read(&mut row) {
        let last = row.cells.last()?;
        if at <= last.end {
            let column = row.cells.iter().rposition(|cell| cell.start <= at)?;
            return Some(At {
                row: row.number,
                column: u32::try_from(column).ok()?,
            });
        }
    }
    None
}

/// What of a list may give its shots their prompts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Prompts {
    /// It has a column for prompts.
    Column,
    /// It has a column for the action, which a template can name.
    Action,
    /// It may be the column of this header, which holds the most text.
    Perhaps(String),
    /// Nothing.
    Nowhere,
}

/// What came of reading a list, besides its shots.
pub(super) struct Read {
    /// What may give its shots their prompts.
    pub(super) prompts: Prompts,
    /// How it is written.
    pub(super) shape: Shape,
    /// What became of its columns, if that was asked for.
    pub(super) survey: Option<Survey>,
}

/// A list to read.
#[derive(Clone, Copy)]
pub(super) struct Listed<'t> {
    /// Its number.
    pub(super) file: FileNo,
    /// Its text.
    pub(super) text: &'t SourceText,
    /// Whether it was a sheet: commas separate its cells, and quotes are where they belong.
    pub(super) is_sheet: bool,
    /// Whether its columns are to be surveyed.
    pub(super) is_surveyed: bool,
}

/// Reads a shot list; complaints about single rows go with the shots.
pub(super) fn read(
    list: Listed<'_>,
    mapping: &mut Mapping,
    gathered: &mut Gathered,
    complaints: &mut Vec<Diagnostic>,
) -> Read {
    let (file, text) = (list.file, list.text);
    let (head, delimiter) = {
        let knows = |header: &str| is_known(header) || mapping.speaks_of(&plain_header(header));
        let delimiter = if list.is_sheet {
            b','
        } else {
            detect(text, &knows).0
        };
        (header::find(text, delimiter, &knows), delimiter)
    };
    let mut read = Read {
        prompts: Prompts::Nowhere,
        shape: Shape {
            delimiter,
            header: head.row.number,
        },
        survey: None,
    };
    if head.row.cells.is_empty() {
        let complaint = Diagnostic::error("empty-list", "this shot list is empty");
        complaints.push(
            complaint
                .at(nowhere(file))
                .help("write the columns' names into its first row, such as `id,prompt`"),
        );
        return read;
    }
    let (columns, is_sound) = columns_of(file, &head, delimiter, mapping, complaints);
    let rows = &head.below;
    if list.is_surveyed {
        let name = header::name(delimiter);
        read.survey = Some(survey(file, &head.row, rows.clone(), &columns, name));
    }
    if !is_sound {
        return read;
    }
    complaints.extend(head.note(file));
    if delimiter != b',' {
        let name = header::name(delimiter);
        let message = format!("the cells of this list are separated by {name}");
        complaints.push(Diagnostic::note("delimiter", message).at(nowhere(file)));
    }
    complaints.extend(status::misspelt(file, rows.clone(), &columns));
    read.prompts = prompts(rows.clone(), &columns.meanings);
    let list = List {
        file,
        text: text.clone(),
        any_named: any_named(rows.clone(), &columns.meanings),
        columns: columns.meanings.into(),
        statuses: mapping.statuses(),
        delimiter,
        is_sheet: list.is_sheet,
    };
    gathered.begin(list.clone());
    body(&list.reader(), rows.clone(), gathered, complaints);
    read
}

/// A list that was read, to read its rows again one by one.
#[derive(Clone, Debug)]
pub(super) struct List {
    file: FileNo,
    text: SourceText,
    columns: Arc<[Column]>,
    any_named: bool,
    statuses: Arc<Statuses>,
    delimiter: u8,
    is_sheet: bool,
}

/// Where a row of a list stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowAt {
    /// The byte it begins at; a text is refused long before its length leaves 32 bits.
    start: u32,
    /// Its number as a spreadsheet counts, from 1.
    number: u32,
    /// Its place among the rows that say something, from 0.
    position: u32,
}

impl RowAt {
    fn new(start: usize, number: u32, position: usize) -> Self {
        let short = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self {
            start: short(start),
            number,
            position: short(position),
        }
    }
}

impl List {
    fn reader(&self) -> Reader<'_> {
        Reader {
            file: self.file,
            columns: &self.columns,
            any_named: self.any_named,
            statuses: &self.statuses,
            // No quote was forgotten in a sheet, so that no cell of it has swallowed others.
            delimiter: if self.is_sheet { 0 } else { self.delimiter },
            delimiter_name: header::name(self.delimiter),
        }
    }

    /// Reads the shot of a row; whatever is to be said of it was said before.
    pub(super) fn shot(&self, at: RowAt) -> Option<Shot> {
        let whole = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let mut rows = Rows::from(&self.text, self.delimiter, whole(at.start), at.number);
        let mut row = Row::default();
        rows.read(&mut row);
        self.reader().row(&row, whole(at.position)).shot
    }
}

fn prompts(mut rows: Rows<'_>, columns: &[Column]) -> Prompts {
    /// Enough to see which column holds sentences.
    const ROWS: usize = 20;
    if columns.contains(&Column::Known(Known::Prompt)) {
        return Prompts::Column;
    }
    if columns.contains(&Column::Known(Known::Action)) {
        return Prompts::Action;
    }
    let mut lengths = vec![0; columns.len()];
    let mut row = Row::default();
    for _ in 0..ROWS {
        if !rows.read(&mut row) {
            break;
        }
        for (length, cell) in lengths.iter_mut().zip(&row.cells) {
            *length += cell.text.len();
        }
    }
    let kept = columns.iter().zip(lengths).filter_map(|(column, length)| {
        let Column::Kept(header) = column else {
            return None;
        };
        Some((length, header))
    });
    let longest = kept.max_by_key(|(length, _)| *length);
    longest.map_or(Prompts::Nowhere, |(_, header)| {
        Prompts::Perhaps(header.to_string())
    })
}

/// What is counted while rows are read.
#[derive(Default)]
struct Counted {
    /// Rows that are shots, or ought to be.
    position: usize,
    /// Rows that say nothing.
    empty: usize,
    /// Lines with nothing in them, which are rows that say nothing if a shot follows.
    blank: usize,
    /// Cells whose text stood in a formula.
    formulas: u32,
    /// The first row that says something.
    first: Option<Place>,
    /// The warning about values without a header.
    unnamed: Option<Diagnostic>,
}

/// Reads every row below the header.
fn body(
    reader: &Reader<'_>,
    mut rows: Rows<'_>,
    gathered: &mut Gathered,
    complaints: &mut Vec<Diagnostic>,
) {
    let (mut row, mut tail, mut counted) = (Row::default(), Tail::default(), Counted::default());
    loop {
        let start = rows.offset();
        if !rows.read(&mut row) {
            break;
        }
        if row.is_blank && row.is_empty() {
            counted.blank += 1;
            continue;
        }
        if row.is_empty() {
            counted.empty += 1;
            continue;
        }
        counted.empty += std::mem::take(&mut counted.blank);
        if tail.holds(&row, &rows, reader.columns) {
            complaints.extend(tail::warning(reader.file, &row));
            continue;
        }
        counted.formulas += row.formulas;
        if counted.unnamed.is_none() {
            counted.unnamed = reader.unnamed(&row);
        }
        counted
            .first
            .get_or_insert_with(|| place(reader.file, row.number, 0, &row.cells[0]));
        let at = RowAt::new(start, row.number, counted.position);
        shot(reader, &row, at, gathered, complaints);
        counted.position += 1;
    }
    told(counted, reader, gathered, complaints);
}

/// Reads a row that says something.
fn shot(
    reader: &Reader<'_>,
    row: &Row<'_>,
    at: RowAt,
    gathered: &mut Gathered,
    complaints: &mut Vec<Diagnostic>,
) {
    let position = usize::try_from(at.position).unwrap_or(usize::MAX);
    let mut flaws = row.flaws.iter();
    let is_open = flaws.any(|flaw| matches!(flaw, Flaw::Unclosed(_)));
    if is_open || swallowed(row, reader.delimiter).is_some() {
        // Where rows begin and end cannot be trusted, so that the whole list is refused.
        let from = gathered.complaints.len();
        gathered.take(reader.row(row, position));
        complaints.extend(gathered.complaints.drain(from..));
    } else {
        let found = reader.row(row, position);
        if found.sound().is_some() {
            gathered.note(at, found);
        } else {
            gathered.take(found);
        }
    }
}

/// Says what was counted.
fn told(
    counted: Counted,
    reader: &Reader<'_>,
    gathered: &mut Gathered,
    complaints: &mut Vec<Diagnostic>,
) {
    let mut note = |code, message| {
        complaints.push(Diagnostic::note(code, message).at(nowhere(reader.file)));
    };
    if counted.empty > 0 {
        let rows = count(counted.empty, "empty row");
        note("empty-rows", format!("{rows} skipped"));
    }
    if counted.formulas > 0 {
        let cells = count(
            usize::try_from(counted.formulas).unwrap_or(usize::MAX),
            "cell",
        );
        note(
            "formula-text",
            format!("{cells} written as `=\"…\"` read as the text within"),
        );
    }
    complaints.extend(counted.unnamed);
    if let Some(first) = counted.first
        && !reader.any_named
    {
        gathered.numbered.push(first);
    }
}

/// Finds what the columns mean, and whether the list can be read.
fn columns_of(
    file: FileNo,
    head: &Head<'_>,
    delimiter: u8,
    mapping: &mut Mapping,
    complaints: &mut Vec<Diagnostic>,
) -> (Columns, bool) {
    let row = &head.row;
    let cells = row.cells.iter().enumerate();
    let headers: Vec<(String, Place)> = cells
        .map(|(at, cell)| (cell.text.to_string(), place(file, row.number, at, cell)))
        .collect();
    let from = complaints.len();
    let found = columns(&headers, mapping, complaints);
    if found.are_unknown() {
        complaints.truncate(from);
        complaints.push(
            Diagnostic::error(
                "no-known-column",
                "the first row names no column that is known",
            )
            .at(headers[0].1)
            .expected("a header such as `id,prompt,references,preset`; only `prompt` is needed")
            .help("write the columns' names in the first row, or map them in `[columns]`"),
        );
    }
    if !row.flaws.is_empty() {
        let reader = Reader {
            file,
            columns: &found.meanings,
            any_named: false,
            statuses: &mapping.statuses(),
            delimiter,
            delimiter_name: header::name(delimiter),
        };
        complaints.append(&mut reader.row(row, 0).complaints);
    }
    let is_broken = complaints[from..].iter().any(Diagnostic::is_error);
    (found, !is_broken)
}

fn any_named(mut rows: Rows<'_>, columns: &[Column]) -> bool {
    let names = |column: &Column| matches!(column, Column::Known(Known::Id | Known::Name));
    if !columns.iter().any(names) {
        return false;
    }
    let mut row = Row::default();
    while rows.read(&mut row) {
        let mut cells = row.cells.iter().zip(columns);
        if cells.any(|(cell, column)| names(column) && !matches!(cell.text.as_ref(), "" | "-")) {
            return true;
        }
    }
    false
}

const fn nowhere(file: FileNo) -> Place {
    Place {
        file,
        start: 0,
        end: 0,
        cell: None,
    }
}

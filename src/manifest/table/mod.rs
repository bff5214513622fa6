//! Shot lists: comma-, semicolon- or tab-separated text, read row by row.
//!
//! No cell ever moves to another column: a row with more or fewer cells than the header, or with
//! quotes that do not close, is refused.

pub(super) mod columns;

mod cells;
mod rows;

use std::sync::Arc;

use crate::domain::diagnostic::{Cell as At, Diagnostic, FileNo, Place, SourceText};
use crate::manifest::draft::Gathered;
use crate::manifest::model::Shot;
use crate::manifest::shown::count;
use crate::manifest::table::cells::{Flaw, Row, Rows};
use crate::manifest::table::columns::{Column, Known, Mapping, columns, is_known};
use crate::manifest::table::rows::{Reader, place, swallowed};

/// The delimiters that are told apart, with their names.
const DELIMITERS: [(u8, &str); 3] = [(b',', "`,`"), (b';', "`;`"), (b'\t', "tab")];

/// Gives the headers of a shot list, as they were written.
#[must_use]
pub fn headers(text: &str) -> Vec<String> {
    let (delimiter, _) = detect(text);
    header(text, delimiter)
        .1
        .cells
        .iter()
        .map(|cell| cell.text.to_string())
        .collect()
}

/// Finds the cell of a table that a byte stands in.
pub(super) fn cell_at(text: &str, at: usize) -> Option<At> {
    let mut rows = Rows::of(text, detect(text).0);
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

/// Reads a shot list; complaints about single rows go with the shots.
pub(super) fn read(
    file: FileNo,
    text: &SourceText,
    mapping: &mut Mapping,
    gathered: &mut Gathered,
    complaints: &mut Vec<Diagnostic>,
) -> Prompts {
    let (delimiter, name) = detect(text);
    let (rows, head) = header(text, delimiter);
    if head.cells.is_empty() {
        let complaint = Diagnostic::error("empty-list", "this shot list is empty");
        complaints.push(
            complaint
                .at(nowhere(file))
                .help("write the columns' names into its first row, such as `id,prompt`"),
        );
        return Prompts::Nowhere;
    }
    let Some(columns) = columns_of(file, &head, (delimiter, name), mapping, complaints) else {
        return Prompts::Nowhere;
    };
    if delimiter != b',' {
        let message = format!("the cells of this list are separated by {name}");
        complaints.push(Diagnostic::note("delimiter", message).at(nowhere(file)));
    }
    let prompts = prompts(rows.clone(), &columns);
    let any_named = any_named(rows.clone(), &columns);
    let list = List {
        file,
        text: text.clone(),
        columns: columns.into(),
        any_named,
        delimiter: (delimiter, name),
    };
    gathered.begin(list.clone());
    body(&list.reader(), rows, gathered, complaints);
    prompts
}

/// A list that was read, to read its rows again one by one.
#[derive(Clone, Debug)]
pub(super) struct List {
    file: FileNo,
    text: SourceText,
    columns: Arc<[Column]>,
    any_named: bool,
    delimiter: (u8, &'static str),
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
            delimiter: self.delimiter.0,
            delimiter_name: self.delimiter.1,
        }
    }

    /// Reads the shot of a row; whatever is to be said of it was said before.
    pub(super) fn shot(&self, at: RowAt) -> Option<Shot> {
        let whole = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let mut rows = Rows::from(&self.text, self.delimiter.0, whole(at.start), at.number);
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

/// Reads every row below the header.
fn body(
    reader: &Reader<'_>,
    mut rows: Rows<'_>,
    gathered: &mut Gathered,
    complaints: &mut Vec<Diagnostic>,
) {
    let mut row = Row::default();
    let (mut position, mut empty, mut blank) = (0, 0, 0);
    let (mut first, mut unnamed) = (None, None);
    loop {
        let start = rows.offset();
        if !rows.read(&mut row) {
            break;
        }
        if row.is_blank && row.is_empty() {
            blank += 1;
            continue;
        }
        if row.is_empty() {
            empty += 1;
            continue;
        }
        empty += std::mem::take(&mut blank);
        unnamed = unnamed.or_else(|| reader.unnamed(&row));
        first.get_or_insert_with(|| place(reader.file, row.number, 0, &row.cells[0]));
        let mut flaws = row.flaws.iter();
        let is_open = flaws.any(|flaw| matches!(flaw, Flaw::Unclosed(_)));
        if is_open || swallowed(&row, reader.delimiter).is_some() {
            // Where rows begin and end cannot be trusted, so that the whole list is refused.
            let from = gathered.complaints.len();
            gathered.take(reader.row(&row, position));
            complaints.extend(gathered.complaints.drain(from..));
        } else {
            let found = reader.row(&row, position);
            if found.sound().is_some() {
                gathered.note(RowAt::new(start, row.number, position), found);
            } else {
                gathered.take(found);
            }
        }
        position += 1;
    }
    complaints.extend(unnamed);
    if empty > 0 {
        let message = format!("{} skipped", count(empty, "empty row"));
        complaints.push(Diagnostic::note("empty-rows", message).at(nowhere(reader.file)));
    }
    if let Some(first) = first
        && !reader.any_named
    {
        gathered.numbered.push(first);
    }
}

/// Finds what the columns mean; none if the list cannot be read.
fn columns_of(
    file: FileNo,
    head: &Row<'_>,
    delimiter: (u8, &'static str),
    mapping: &mut Mapping,
    complaints: &mut Vec<Diagnostic>,
) -> Option<Vec<Column>> {
    let headers: Vec<(String, Place)> = head
        .cells
        .iter()
        .enumerate()
        .map(|(at, cell)| (cell.text.to_string(), place(file, head.number, at, cell)))
        .collect();
    let from = complaints.len();
    let found = columns(&headers, mapping, complaints);
    if found
        .iter()
        .all(|column| matches!(column, Column::Kept(_) | Column::Unnamed(_)))
    {
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
    if !head.flaws.is_empty() {
        let reader = Reader {
            file,
            columns: &found,
            any_named: false,
            delimiter: delimiter.0,
            delimiter_name: delimiter.1,
        };
        complaints.append(&mut reader.row(head, 0).complaints);
    }
    let broken = complaints[from..].iter().any(Diagnostic::is_error);
    (!broken).then_some(found)
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

/// Reads up to the first row that says something, which names the columns.
fn header(text: &str, delimiter: u8) -> (Rows<'_>, Row<'_>) {
    let mut rows = Rows::of(text, delimiter);
    let mut row = Row::default();
    while rows.read(&mut row) {
        let is_hint = row.number == 1 && separator_hint(text).is_some();
        if !row.is_empty() && !is_hint {
            return (rows, row);
        }
    }
    (rows, row)
}

/// Finds what separates the cells: whatever makes most of the header line known, then most cells.
fn detect(text: &str) -> (u8, &'static str) {
    if let Some(hint) = separator_hint(text) {
        return hint;
    }
    let score = |delimiter: u8| {
        let (_, head) = header(text, delimiter);
        let known = head.cells.iter().filter(|cell| is_known(&cell.text));
        (known.count(), head.cells.len())
    };
    let mut best = DELIMITERS[0];
    for other in &DELIMITERS[1..] {
        if score(other.0) > score(best.0) {
            best = *other;
        }
    }
    best
}

/// Reads the line `sep=;` that spreadsheets put on top.
fn separator_hint(text: &str) -> Option<(u8, &'static str)> {
    let line = text.lines().next()?;
    let hint = line.strip_prefix("sep=").or(line.strip_prefix("Sep="))?;
    DELIMITERS
        .into_iter()
        .find(|(delimiter, _)| hint.as_bytes() == [*delimiter])
}

const fn nowhere(file: FileNo) -> Place {
    Place {
        file,
        start: 0,
        end: 0,
        cell: None,
    }
}

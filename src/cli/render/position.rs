//! Places as people find them: line and column, and the cell of a spreadsheet.

use std::collections::HashMap;
use std::ops::Range;

use crate::domain::diagnostic::{Cell, FileNo, Place, Source, Sources};
use crate::domain::lines::Lines;
use crate::manifest::{read, table};
use crate::report::escape::shown;

/// Finds places in texts, each looked through once.
pub(super) struct Positions<'s> {
    sources: &'s Sources,
    known: HashMap<FileNo, Known>,
}

struct Known {
    lines: Lines,
    /// Of a table, once a cell was asked for.
    headers: Option<Vec<String>>,
}

/// A line of a text with the bytes of it that are marked.
pub(super) struct Line<'s> {
    /// Its number, from 1.
    pub(super) number: usize,
    /// What it says.
    pub(super) text: &'s str,
    /// The marked bytes, within the line.
    pub(super) marked: Range<usize>,
}

impl<'s> Positions<'s> {
    /// Begins with the texts there are.
    pub(super) fn of(sources: &'s Sources) -> Self {
        Self {
            sources,
            known: HashMap::new(),
        }
    }

    fn known(&mut self, file: FileNo) -> Option<(&'s Source, &mut Known)> {
        let source = self.sources.get(file)?;
        let known = self.known.entry(file).or_insert_with(|| Known {
            lines: Lines::of(&source.text),
            headers: None,
        });
        Some((source, known))
    }

    /// Gives file, line, column and cell; a place without bytes is the whole file.
    pub(super) fn of_place(&mut self, place: Place) -> String {
        let Some((source, known)) = self.known(place.file) else {
            return "a text that is gone".to_owned();
        };
        let (path, text): (&str, &str) = (&source.path, &source.text);
        if path == read::SET {
            // A flag is known by its key, not by line and column.
            return match text.split_once('=') {
                Some((key, _)) => format!("{path} {}=…", shown(key.trim())),
                None => path.to_owned(),
            };
        }
        let path = shown(path);
        if is_whole(place) {
            return path.into_owned();
        }
        let (line, column) = known.lines.position(text, offset(place.start));
        match place.cell {
            None => format!("{path}:{line}:{column}"),
            Some(cell) => {
                let headers = known.headers.get_or_insert_with(|| table::headers(source));
                let is_title = source.shape.is_some_and(|shape| cell.row < shape.header);
                let headers = if is_title { &[] } else { headers.as_slice() };
                let cell = named(cell, headers);
                if source.is_sheet {
                    format!("{path}, cell {cell}")
                } else {
                    format!("{path}:{line}:{column}, cell {cell}")
                }
            }
        }
    }

    /// Gives line and column, both from 1; none for a whole file.
    pub(super) fn line_and_column(&mut self, place: Place) -> Option<(usize, usize)> {
        let (source, known) = self.known(place.file)?;
        let text = &source.text;
        (!is_whole(place) && !source.is_sheet)
            .then(|| known.lines.position(text, offset(place.start)))
    }

    /// Gives the line a place begins in, with what is marked of it.
    pub(super) fn line_of(&mut self, place: Place) -> Option<Line<'s>> {
        if is_whole(place) {
            return None;
        }
        let (source, known) = self.known(place.file)?;
        let text: &str = &source.text;
        let start = offset(place.start).min(text.len());
        let line = known.lines.line(start);
        let range = known.lines.range(line);
        let end = offset(place.end).clamp(start, range.end.max(start));
        let shown = text.get(range.clone())?;
        // In a sheet rows are counted, however many lines the cells above hold.
        let row = place
            .cell
            .filter(|_| source.is_sheet)
            .map(|cell| offset(cell.row));
        Some(Line {
            number: row.unwrap_or(line + 1),
            text: shown.strip_suffix('\r').unwrap_or(shown),
            marked: start - range.start..end - range.start,
        })
    }
}

/// Tells whether a place is a whole file.
const fn is_whole(place: Place) -> bool {
    place.start == 0 && place.end == 0 && place.cell.is_none()
}

fn offset(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// Names a cell as a spreadsheet does, with its header.
pub(super) fn named(cell: Cell, headers: &[String]) -> String {
    let header = headers.get(offset(cell.column)).filter(|h| !h.is_empty());
    let address = cell.address();
    match header {
        Some(header) => format!("{address} ({})", shown(header)),
        None => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_named_with_their_header() {
        let cell = |row, column| Cell { row, column };
        let headers = ["Id".to_owned(), String::new()];
        assert_eq!(named(cell(3, 0), &headers), "A3 (Id)");
        assert_eq!(named(cell(3, 1), &headers), "B3");
    }
}

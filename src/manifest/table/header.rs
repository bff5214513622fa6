//! Which row of a list names its columns, and what separates its cells.
//!
//! Exports and templates often begin with a title or two. The first row that says something names
//! the columns unless it is plainly no header and a row close below plainly is one.

use crate::domain::diagnostic::{Diagnostic, FileNo};
use crate::manifest::shown::some_of;
use crate::manifest::table::cells::{Row, Rows};
use crate::manifest::table::rows::place;

/// The delimiters that are told apart, with their names.
const DELIMITERS: [(u8, &str); 3] = [(b',', "`,`"), (b';', "`;`"), (b'\t', "tab")];

/// How many rows that say something are looked at.
const LOOKED_AT: usize = 20;

/// The longest header in bytes that may be one of the known.
const LONGEST: usize = 64;

/// The row that names the columns, and where the rows below it begin.
pub(super) struct Head<'t> {
    /// The rows below it.
    pub(super) below: Rows<'t>,
    /// The row; without cells where the list says nothing.
    pub(super) row: Row<'t>,
    /// What the rows above it say, each with its filled cells.
    above: Vec<Above<'t>>,
}

struct Above<'t> {
    row: Row<'t>,
    filled: usize,
}

/// Tells whether a header means something.
pub(super) type Knows<'k> = &'k dyn Fn(&str) -> bool;

struct Seen<'t> {
    before: Rows<'t>,
    known: usize,
    filled: usize,
}

impl Seen<'_> {
    /// Tells whether this is plainly a header where `first` is plainly none.
    fn is_rather_it(&self, first: &Seen<'_>) -> bool {
        let is_header = self.known >= 2 && (self.known >= 3 || self.known * 2 >= self.filled);
        let is_title =
            first.known == 0 || (first.known == 1 && first.filled <= 2 && self.known > 2);
        is_header && is_title
    }
}

/// Finds the row that names the columns.
pub(super) fn find<'t>(text: &'t str, delimiter: u8, knows: Knows<'_>) -> Head<'t> {
    let mut rows = Rows::of(text, delimiter);
    let mut row = Row::default();
    let mut seen: Vec<Seen<'t>> = Vec::new();
    loop {
        let before = rows.clone();
        if seen.len() == LOOKED_AT || !rows.read(&mut row) {
            break;
        }
        let is_hint = row.number == 1 && separator_hint(text).is_some();
        if row.is_empty() || is_hint {
            continue;
        }
        let cells = || row.cells.iter().filter(|cell| !cell.text.is_empty());
        let known = cells().filter(|cell| cell.text.len() <= LONGEST && knows(&cell.text));
        seen.push(Seen {
            before,
            known: known.count(),
            filled: cells().count(),
        });
    }
    let chosen = choose(&seen);
    let mut above = Vec::new();
    for title in &seen[..chosen] {
        let mut row = Row::default();
        title.before.clone().read(&mut row);
        above.push(Above {
            row,
            filled: title.filled,
        });
    }
    let mut row = Row::default();
    let mut below = seen.get(chosen).map_or(rows, |seen| seen.before.clone());
    below.read(&mut row);
    Head { below, row, above }
}

/// Gives the position of the header among the rows that say something.
fn choose(seen: &[Seen<'_>]) -> usize {
    let Some(first) = seen.first() else {
        return 0;
    };
    // The first of those that know most.
    let best = seen
        .iter()
        .enumerate()
        .rev()
        .max_by_key(|(_, seen)| seen.known);
    match best {
        Some((at, best)) if best.is_rather_it(first) => at,
        _ => 0,
    }
}

impl Head<'_> {
    /// Says which row was taken where it is not the first.
    pub(super) fn note(&self, file: FileNo) -> Option<Diagnostic> {
        /// What a line of a title holds at the most: a word and its value.
        const TITLE: usize = 2;
        let first = self.above.first()?;
        let texts = self.above.iter().map(|above| {
            let cells = above.row.cells.iter().map(|cell| cell.text.as_ref());
            cells
                .filter(|text| !text.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
        });
        let texts: Vec<String> = texts.collect();
        let above = match self.above.len() {
            1 => "1 row above it is".to_owned(),
            more => format!("{more} rows above it are"),
        };
        let message = format!(
            "row {} names the columns; {above} not read as shots: {}",
            self.row.number,
            some_of(texts.iter().map(String::as_str))
        );
        let is_title = self.above.iter().all(|above| above.filled <= TITLE);
        let complaint = if is_title {
            Diagnostic::note("header-row", message)
        } else {
            Diagnostic::warning("header-row", message)
        };
        let place = place(file, first.row.number, 0, first.row.cells.first()?);
        Some(
            complaint
                .at(place)
                .help("take the rows above the columns' names out if that is wrong"),
        )
    }
}

/// Finds what separates the cells: whatever makes most of the header known, then most cells.
pub(super) fn detect(text: &str, knows: Knows<'_>) -> (u8, &'static str) {
    if let Some(hint) = separator_hint(text) {
        return hint;
    }
    let score = |delimiter: u8| {
        let head = find(text, delimiter, knows);
        let known = head.row.cells.iter().filter(|cell| knows(&cell.text));
        (known.count(), head.row.cells.len())
    };
    let mut best = (DELIMITERS[0], score(DELIMITERS[0].0));
    for other in &DELIMITERS[1..] {
        let score = score(other.0);
        if score > best.1 {
            best = (*other, score);
        }
    }
    best.0
}

/// Gives the name of a delimiter for messages.
pub(super) fn name(delimiter: u8) -> &'static str {
    let found = DELIMITERS.iter().find(|(known, _)| *known == delimiter);
    found.map_or("delimiter", |(_, name)| name)
}

/// Reads the line `sep=;` that spreadsheets put on top.
fn separator_hint(text: &str) -> Option<(u8, &'static str)> {
    let line = text.split(['\n', '\r']).next()?;
    let (key, hint) = line.split_at_checked(4)?;
    if !key.eq_ignore_ascii_case("sep=") {
        return None;
    }
    DELIMITERS
        .into_iter()
        .find(|(delimiter, _)| hint.as_bytes() == [*delimiter])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::table::aliases::is_known;

    fn header(text: &str) -> (u32, usize) {
        let (delimiter, _) = detect(text, &is_known);
        let head = find(text, delimiter, &is_known);
        (head.row.number, head.above.len())
    }

    #[test]
    fn titles_stand_above_the_header() {
        assert_eq!(
            header("MY FILM,,\n\nScene,Shot,Description\n1,1,a\n"),
            (3, 1)
        );
        assert_eq!(
            header("MY FILM\nDirector;A. B.\nScene;Shot;Description\n"),
            (3, 2)
        );
        assert_eq!(header("Notes,\nid,prompt,notes\n"), (2, 1));
    }

    #[test]
    fn a_first_row_that_may_be_a_header_is_one() {
        assert_eq!(header("prompt,category\nlook,action\nid,prompt\n"), (1, 0));
        assert_eq!(header("prompt\nid\nscene\n"), (1, 0));
        assert_eq!(header("a,b\nc,d\n"), (1, 0));
        assert_eq!(header("\n\nprompt\na pier\n"), (3, 0));
        assert_eq!(header(""), (0, 0));
    }

    #[test]
    fn the_hint_of_spreadsheets_ends_at_any_line_end() {
        for text in [
            "sep=;\nid;prompt\n",
            "SEP=;\rid;prompt\r",
            "sep=;\r\nid;prompt",
        ] {
            assert_eq!(detect(text, &is_known).0, b';');
            assert_eq!(header(text), (2, 0));
        }
        assert_eq!(separator_hint("sep=é"), None);
        assert_eq!(separator_hint("se"), None);
    }
}

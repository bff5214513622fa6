//! Rows at the end of a list that add it up, such as `Total,24`.

use crate::domain::diagnostic::{Diagnostic, FileNo};
use crate::manifest::shown::shown;
use crate::manifest::table::aliases::Known;
use crate::manifest::table::cells::{Row, Rows};
use crate::manifest::table::columns::Column;
use crate::manifest::table::rows::place;

/// What the first cell of such a row says, in lower case, without `:` and digits at its end.
const WORDS: &[&str] = &[
    "total",
    "totals",
    "grand total",
    "sum",
    "subtotal",
    "count",
    "average",
    "total shots",
    "shots total",
    "shot count",
    "total scenes",
    "total setups",
    "total pages",
    "total time",
    "total duration",
];

/// Tells the rows that add a list up from its shots.
///
/// They are only those that no shot follows, and that give nothing a prompt could be made of.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// No row below this number is known to end the list.
    not_before: u32,
    is_reached: bool,
}

impl Tail {
    /// Tells whether a row adds the list up; `below` are the rows that follow.
    pub(super) fn holds(&mut self, row: &Row<'_>, below: &Rows<'_>, columns: &[Column]) -> bool {
        if !adds_up(row, columns) || row.number < self.not_before {
            return false;
        }
        if self.is_reached {
            return true;
        }
        let (mut rows, mut next) = (below.clone(), Row::default());
        while rows.read(&mut next) {
            if !next.is_empty() && !adds_up(&next, columns) {
                self.not_before = next.number;
                return false;
            }
        }
        self.is_reached = true;
        true
    }
}

fn adds_up(row: &Row<'_>, columns: &[Column]) -> bool {
    let mut cells = row.cells.iter().map(|cell| cell.text.as_ref());
    let Some(first) = cells.find(|text| !text.is_empty()) else {
        return false;
    };
    // Cheap, for every row of a list comes here.
    let may_be = matches!(first.as_bytes()[0] | 0x20, b't' | b'g' | b's' | b'c' | b'a');
    if !may_be || first.len() > 40 || !row.flaws.is_empty() {
        return false;
    }
    let ends = |c: char| c.is_whitespace() || c.is_ascii_digit() || matches!(c, ':' | '=' | '.');
    let word = first.trim_end_matches(ends).to_lowercase();
    WORDS.contains(&word.as_str()) && !says_what_to_show(row, columns)
}

/// Tells whether a row holds words where its prompt is made from.
fn says_what_to_show(row: &Row<'_>, columns: &[Column]) -> bool {
    let mut told = row.cells.iter().zip(columns).filter(|(_, column)| {
        matches!(
            column,
            Column::Known(Known::Prompt | Known::Action) | Column::Var(_) | Column::Creative(..)
        )
    });
    told.any(|(cell, _)| cell.text.contains(char::is_alphabetic) && !is_word(&cell.text))
}

fn is_word(text: &str) -> bool {
    WORDS.contains(&text.trim_end_matches(':').to_lowercase().as_str())
}

/// Warns about a row that is left out because it adds the list up.
pub(super) fn warning(file: FileNo, row: &Row<'_>) -> Option<Diagnostic> {
    let texts = row.cells.iter().map(|cell| cell.text.as_ref());
    let text = texts
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let at = row.cells.iter().position(|cell| !cell.text.is_empty())?;
    let message = format!(
        "row {} adds the list up and is not read as a shot: {}",
        row.number,
        shown(&text)
    );
    Some(
        Diagnostic::warning("summary-row", message)
            .at(place(file, row.number, at, &row.cells[at]))
            .help(
                "take the row out of the list; if it is a shot, give it another name and a prompt",
            ),
    )
}

//! What was made of a list's columns, to be looked at and to be written down.

use crate::domain::diagnostic::FileNo;
use crate::manifest::table::aliases::{Known, plain_header};
use crate::manifest::table::cells::{Row, Rows};
use crate::manifest::table::columns::{Column, Columns, Why, by_letter};

/// The columns of a list and what became of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// The list.
    pub file: FileNo,
    /// The row that names the columns, as a spreadsheet counts it.
    pub header_row: u32,
    /// What separates its cells, as messages name it.
    pub delimiter: &'static str,
    /// How many rows below it say something.
    pub rows: u64,
    /// The columns, from the left.
    pub columns: Vec<Surveyed>,
}

/// A column and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surveyed {
    /// Its header as written; empty where it has none.
    pub header: String,
    /// What `[columns]` calls it: its header, or its letter where it has none.
    pub key: String,
    /// What `[columns]` would have to say to mean the same: `id`, `var: angle`, `matrix: look`, `-`.
    pub target: String,
    /// Why it means that: `mapped`, `documented`, `alias`, `creative`, `replaced`,
    /// `silenced` or `unknown`.
    pub why: &'static str,
    /// The first value in it.
    pub example: Option<String>,
    /// How many rows say something in it.
    pub filled: u64,
}

/// Looks through a list whatever is wrong with it; `below` are the rows below its header.
pub(super) fn survey(
    file: FileNo,
    head: &Row<'_>,
    mut below: Rows<'_>,
    columns: &Columns,
    delimiter: &'static str,
) -> Survey {
    let meanings = columns.meanings.iter().zip(&columns.reasons);
    let surveyed = head.cells.iter().zip(meanings).enumerate();
    let surveyed = surveyed.map(|(at, (cell, (column, why)))| Surveyed {
        header: cell.text.to_string(),
        key: key(&cell.text, at),
        target: target(column),
        why: word(*why),
        example: None,
        filled: 0,
    });
    let mut survey = Survey {
        file,
        header_row: head.number,
        delimiter,
        rows: 0,
        columns: surveyed.collect(),
    };
    let mut row = Row::default();
    while below.read(&mut row) {
        if row.is_empty() {
            continue;
        }
        survey.rows += 1;
        for (cell, column) in row.cells.iter().zip(&mut survey.columns) {
            if !cell.text.is_empty() {
                column.filled += 1;
                if column.example.is_none() {
                    column.example = Some(cell.text.to_string());
                }
            }
        }
    }
    survey
}

fn key(header: &str, at: usize) -> String {
    if plain_header(header).is_empty() {
        by_letter(at)
    } else {
        header.to_owned()
    }
}

fn target(column: &Column) -> String {
    match column {
        Column::Known(known) => known.name().to_owned(),
        Column::Var(name) | Column::Creative(name, _) => format!("var: {name}"),
        Column::Matrix(name) => format!("matrix: {name}"),
        Column::Kept(_) | Column::Unnamed(_) => "-".to_owned(),
    }
}

const fn word(why: Why) -> &'static str {
    match why {
        Why::Unknown => "unknown",
        Why::Silenced => "silenced",
        Why::Replaced => "replaced",
        Why::Creative => "creative",
        Why::Alias => "alias",
        Why::Documented => "documented",
        Why::Mapped => "mapped",
    }
}

impl Survey {
    /// Gives the lines of `[columns]` that make the same of the list without any guess.
    ///
    /// A column that holds nothing and has no header needs none; of two with the same header one
    /// line speaks for both.
    #[must_use]
    pub fn lines(&self) -> Vec<(&str, &str)> {
        let mut lines: Vec<(&str, &str)> = Vec::new();
        for column in &self.columns {
            let plain = plain_header(&column.key);
            let is_written = lines.iter().any(|(key, _)| plain_header(key) == plain);
            let is_needed = !column.header.is_empty() || column.filled > 0;
            if is_needed && !is_written {
                lines.push((&column.key, &column.target));
            }
        }
        lines
    }

    /// Gives a header without what may differ, as headers are compared.
    #[must_use]
    pub fn plain(header: &str) -> String {
        plain_header(header)
    }

    /// Tells whether some column can give its shots an id.
    #[must_use]
    pub fn has_ids(&self) -> bool {
        let ids = [Known::Id.name(), Known::Name.name()];
        self.columns
            .iter()
            .any(|column| ids.contains(&column.target.as_str()))
    }
}

/// Writes text as a basic string of TOML, which a key may be too.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() || ('\u{200b}'..='\u{206f}').contains(&c) || c == '\u{feff}' => {
                let code = format!("\\u{:04X}", u32::from(c));
                quoted.push_str(&code);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

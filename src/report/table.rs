//! Tables of plain text, their columns as wide as what stands in them.

use crate::report::escape::{shortened, shown};
use crate::report::style::{Paint, Style};

/// The two spaces between columns.
const GAP: &str = "  ";
/// The narrowest that a last column is cut to.
const NARROWEST: usize = 12;

/// On which side of its column a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// A table of plain text; the last column is cut where the terminal ends.
pub(super) struct Table {
    heads: Vec<(&'static str, Side)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) const fn new(heads: Vec<(&'static str, Side)>) -> Self {
        Self {
            heads,
            rows: Vec::new(),
        }
    }

    /// Adds a row of as many cells as there are columns; foreign text may stand in them.
    pub(super) fn add(&mut self, cells: Vec<String>) {
        let harmless = cells.into_iter().map(|cell| shown(&cell).into_owned());
        self.rows.push(harmless.collect());
    }

    /// Draws the table, each line with its newline; columns with nothing in them are left out.
    pub(super) fn draw(&self, style: Style, out: &mut String) {
        let columns: Vec<_> = (0..self.heads.len())
            .filter_map(|column| Some((column, self.width(column)?)))
            .collect();
        let heads: Vec<_> = self.heads.iter().map(|(head, _)| *head).collect();
        let line = self.line(&columns, &heads, style);
        out.push_str(&style.paint(Paint::Heading, &line));
        out.push('\n');
        for row in &self.rows {
            let cells: Vec<_> = row.iter().map(String::as_str).collect();
            out.push_str(&self.line(&columns, &cells, style));
            out.push('\n');
        }
    }

    /// Gives how wide a column is; none if every cell of it is empty.
    fn width(&self, column: usize) -> Option<usize> {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
        (widest > 0).then(|| widest.max(self.heads[column].0.chars().count()))
    }

    fn line(&self, columns: &[(usize, usize)], cells: &[&str], style: Style) -> String {
        let mut line = String::new();
        for (place, &(column, width)) in columns.iter().enumerate() {
            let cell = cells.get(column).copied().unwrap_or_default();
            let is_last = place + 1 == columns.len();
            if place > 0 {
                line.push_str(GAP);
            }
            match self.heads[column].1 {
                Side::Right => pad(&mut line, width, cell, Side::Right),
                Side::Left if is_last => {
                    let taken = line.chars().count();
                    let room = style
                        .width
                        .map(|all| all.saturating_sub(taken).max(NARROWEST));
                    line.push_str(&shortened(cell, room.unwrap_or(usize::MAX)));
                }
                Side::Left => pad(&mut line, width, cell, Side::Left),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// Adds a cell, filled up with spaces to a width.
fn pad(line: &mut String, width: usize, cell: &str, side: Side) {
    let space = " ".repeat(width.saturating_sub(cell.chars().count()));
    match side {
        Side::Left => line.extend([cell, &space]),
        Side::Right => line.extend([&space, cell]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_the_last_is_cut() {
        let heads = vec![
            ("Shot", Side::Left),
            ("Var", Side::Left),
            ("Buy", Side::Right),
            ("File", Side::Left),
        ];
        let mut table = Table::new(heads);
        table.add(vec![
            "ä/1".into(),
            String::new(),
            "2".into(),
            "a_very_long_name.jpg".into(),
        ]);
        table.add(vec![
            "b\u{1b}".into(),
            String::new(),
            "10".into(),
            String::new(),
        ]);
        let mut text = String::new();
        let style = Style {
            color: false,
            width: Some(30),
        };
        table.draw(style, &mut text);
        insta::assert_snapshot!(text);
    }
}

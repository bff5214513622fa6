//! Text of a table into rows of cells, each with the bytes it stands at.
//!
//! As RFC 4180 has it, with any of three delimiters and any kind of line end. It is read here and
//! not by a library because every cell must know its bytes, an open quote must be found where it
//! was opened, and quotes that are no quoting must survive in tab-separated text.

use std::borrow::Cow;

/// A cell of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell<'t> {
    /// What it says: without quotes, doubled quotes single, space at both ends gone.
    pub(super) text: Cow<'t, str>,
    /// The first byte of what it says.
    pub(super) start: usize,
    /// The byte after the last.
    pub(super) end: usize,
}

/// What is wrong with the quotes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Text follows a closing quote within the same line; the quote's byte.
    Stray(usize),
    /// The quote opened at this byte is not closed where its cell ends.
    Unclosed(usize),
}

/// Rows of a text, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Rows<'t> {
    text: &'t str,
    at: usize,
    delimiter: u8,
    row: u32,
}

/// A row that was read.
#[derive(Debug, Default)]
pub(super) struct Row<'t> {
    /// Its number as a spreadsheet counts, from 1.
    pub(super) number: u32,
    /// Its cells, at least one.
    pub(super) cells: Vec<Cell<'t>>,
    /// What is wrong with its quotes.
    pub(super) flaws: Vec<Flaw>,
    /// Whether the row is a line without anything in it.
    pub(super) is_blank: bool,
    /// How many of its cells are formulas that stand for a text, such as `="0010"`.
    pub(super) formulas: u32,
}

impl Cell<'_> {
    /// Takes the formula off a text that it stands for; tells whether there is such a one.
    fn unwrap_formula(&mut self) -> bool {
        let inner = self
            .text
            .strip_prefix("=\"")
            .and_then(|text| text.strip_suffix('"'));
        let Some(inner) = inner else {
            return false;
        };
        let singles = inner.replace("\"\"", "");
        if singles.contains('"') {
            return false;
        }
        let as_written = self.end - self.start == self.text.len();
        if as_written {
            self.start += 2;
            self.end -= 1;
        }
        self.text = Cow::Owned(inner.replace("\"\"", "\"").trim().to_owned());
        true
    }
}

impl Row<'_> {
    /// Tells whether no cell says anything: delimiters alone say nothing, of whichever list.
    pub(super) fn is_empty(&self) -> bool {
        let says_nothing = |cell: &Cell<'_>| {
            let mut chars = cell.text.chars();
            chars.all(|c| matches!(c, ',' | ';') || c.is_whitespace())
        };
        self.flaws.is_empty() && self.cells.iter().all(says_nothing)
    }
}

impl<'t> Rows<'t> {
    /// Begins at the start of a text.
    pub(super) const fn of(text: &'t str, delimiter: u8) -> Self {
        Self {
            text,
            at: 0,
            delimiter,
            row: 0,
        }
    }

    /// Begins at a byte where the row of a number begins.
    pub(super) const fn from(text: &'t str, delimiter: u8, at: usize, number: u32) -> Self {
        Self {
            text,
            at,
            delimiter,
            row: number.saturating_sub(1),
        }
    }

    /// Gives the byte where the next row begins.
    pub(super) const fn offset(&self) -> usize {
        self.at
    }

    /// Reads the next row into `row`, whose memory is used again; tells whether there was one.
    pub(super) fn read(&mut self, row: &mut Row<'t>) -> bool {
        row.cells.clear();
        row.flaws.clear();
        row.formulas = 0;
        if self.at >= self.text.len() {
            return false;
        }
        self.row += 1;
        row.number = self.row;
        row.is_blank = matches!(self.byte(), Some(b'\n' | b'\r'));
        loop {
            let mut cell = self.cell(&mut row.flaws);
            if cell.text.starts_with("=\"") && cell.unwrap_formula() {
                row.formulas += 1;
            }
            row.cells.push(cell);
            match self.byte() {
                Some(byte) if byte == self.delimiter => self.at += 1,
                Some(b'\r') => {
                    self.at += 1;
                    if self.byte() == Some(b'\n') {
                        self.at += 1;
                    }
                    return true;
                }
                Some(_) => {
                    self.at += 1;
                    return true;
                }
                None => return true,
            }
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Reads one cell and stops at what ends it.
    fn cell(&mut self, flaws: &mut Vec<Flaw>) -> Cell<'t> {
        let begin = self.at;
        let spaces = self.text.as_bytes()[begin..]
            .iter()
            .take_while(|byte| **byte == b' ')
            .count();
        let open = begin + spaces;
        if self.text.as_bytes().get(open) == Some(&b'"') {
            self.quoted(begin, open, flaws)
        } else {
            self.plain(begin)
        }
    }

    /// Reads to the next delimiter or line end; the quotes of `="a,b"` hold it together.
    fn plain(&mut self, begin: usize) -> Cell<'t> {
        let spaces = self.text[begin..]
            .bytes()
            .take_while(|byte| *byte == b' ')
            .count();
        let formula = self.text[begin + spaces..].starts_with("=\"");
        let close = formula
            .then(|| self.end_of_formula(begin + spaces + 1))
            .flatten();
        self.at = close.unwrap_or_else(|| self.end_of_plain(begin));
        trimmed(self.text, begin, self.at)
    }

    /// Finds the end of a formula whose text opens at a byte, if it ends its cell and its line.
    fn end_of_formula(&self, open: usize) -> Option<usize> {
        let (close, _) = closing_quote(self.text, open)?;
        let end = self.end_of_plain(close + 1);
        let is_one_line = !self.text[open..close].contains(['\n', '\r']);
        (is_one_line && self.text[close + 1..end].trim().is_empty()).then_some(end)
    }

    fn end_of_plain(&self, from: usize) -> usize {
        let ends = |byte: &u8| *byte == self.delimiter || matches!(byte, b'\n' | b'\r');
        let rest = &self.text.as_bytes()[from..];
        rest.iter()
            .position(ends)
            .map_or(self.text.len(), |at| from + at)
    }

    fn quoted(&mut self, begin: usize, open: usize, flaws: &mut Vec<Flaw>) -> Cell<'t> {
        let Some((close, doubled)) = closing_quote(self.text, open) else {
            // Whatever follows may belong to this cell, so that nothing after it can be trusted.
            flaws.push(Flaw::Unclosed(open));
            self.at = self.text.len();
            return trimmed(self.text, open + 1, self.text.len());
        };
        let after = &self.text.as_bytes()[close + 1..];
        let spaces = after.iter().take_while(|byte| **byte == b' ').count();
        let end = close + 1 + spaces;
        let next = self.text.as_bytes().get(end);
        if next.is_none_or(|byte| *byte == self.delimiter || matches!(byte, b'\n' | b'\r')) {
            self.at = end;
            let mut cell = trimmed(self.text, open + 1, close);
            if doubled {
                cell.text = Cow::Owned(cell.text.replace("\"\"", "\""));
            }
            return cell;
        }
        let same_line = !self.text[open..close].contains(['\n', '\r']);
        if self.delimiter == b'\t' {
            // Tab-separated text is often written without quoting at all.
            return self.plain(begin);
        }
        if same_line {
            flaws.push(Flaw::Stray(close));
            self.at = self.end_of_plain(close);
        } else {
            flaws.push(Flaw::Unclosed(open));
            self.at = self.end_of_plain(open);
        }
        trimmed(self.text, begin, self.at)
    }
}

/// Finds the quote that closes the one at `open`, and whether doubled ones stand between.
fn closing_quote(text: &str, open: usize) -> Option<(usize, bool)> {
    let bytes = text.as_bytes();
    let (mut at, mut doubled) = (open + 1, false);
    loop {
        let quote = at + bytes.get(at..)?.iter().position(|byte| *byte == b'"')?;
        if bytes.get(quote + 1) != Some(&b'"') {
            return Some((quote, doubled));
        }
        doubled = true;
        at = quote + 2;
    }
}

fn trimmed(text: &str, start: usize, end: usize) -> Cell<'_> {
    let raw = &text[start..end];
    let inner = raw.trim();
    let start = start + (raw.len() - raw.trim_start().len());
    Cell {
        text: Cow::Borrowed(inner),
        start,
        end: start + inner.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(text: &str, delimiter: u8) -> (Vec<Vec<String>>, Vec<Flaw>) {
        let mut reader = Rows::of(text, delimiter);
        let (mut row, mut all, mut flaws) = (Row::default(), Vec::new(), Vec::new());
        while reader.read(&mut row) {
            all.push(row.cells.iter().map(|cell| cell.text.to_string()).collect());
            flaws.append(&mut row.flaws);
        }
        (all, flaws)
    }

    #[test]
    fn cells_are_told_apart() {
        let (all, flaws) = rows("a, b ,\"c, d\"\r\n\"e\n\"\"f\"\"\",, \"g\" \n\n", b',');
        let expected = [vec!["a", "b", "c, d"], vec!["e\n\"f\"", "", "g"], vec![""]];
        assert_eq!(all, expected);
        assert_eq!(flaws, []);
    }

    #[test]
    fn an_open_quote_is_found_where_it_was_opened() {
        assert_eq!(rows("a\nb,\"c\nd", b',').1, [Flaw::Unclosed(4)]);
        let (all, flaws) = rows("a,\"b\nc,\"d\"\n", b',');
        assert_eq!(flaws, [Flaw::Unclosed(2)]);
        assert_eq!(all, [vec!["a", "\"b"], vec!["c", "d"]]);
        let (all, flaws) = rows("\"a\" b,c\n", b',');
        assert_eq!(flaws, [Flaw::Stray(2)]);
        assert_eq!(all, [vec!["\"a\" b", "c"]]);
    }

    #[test]
    fn a_formula_that_stands_for_a_text_is_read_as_the_text() {
        let text =
            "=\"0010\",\"=\"\"0020\"\"\", =\"a,b\" ,=\"c\"\"d\",=\"\"\n=A1,=\"a\"&\"b\",=\"x,y\n";
        let (all, flaws) = rows(text, b',');
        assert_eq!(flaws, []);
        let expected = [
            vec!["0010", "0020", "a,b", "c\"d", ""],
            vec!["=A1", "=\"a\"&\"b\"", "=\"x", "y"],
        ];
        assert_eq!(all, expected);
        let mut row = Row::default();
        Rows::of(text, b',').read(&mut row);
        assert_eq!(row.formulas, 5);
        assert_eq!(&text[row.cells[0].start..row.cells[0].end], "0010");
        assert_eq!(&text[row.cells[2].start..row.cells[2].end], "a,b");
    }

    #[test]
    fn delimiters_alone_say_nothing() {
        for text in [",,", ";;;", " ; ,", "\u{a0},", "\" \",\"\""] {
            let mut row = Row::default();
            assert!(Rows::of(text, b',').read(&mut row));
            assert!(row.is_empty(), "{text}");
        }
        let mut row = Row::default();
        Rows::of("-,,", b',').read(&mut row);
        assert!(!row.is_empty());
    }

    #[test]
    fn quotes_that_are_none_survive_between_tabs() {
        let (all, flaws) = rows("\"G I G\" painted\tx\n\"a\tb\"\ty\n", b'\t');
        assert_eq!(flaws, []);
        assert_eq!(all, [vec!["\"G I G\" painted", "x"], vec!["a\tb", "y"]]);
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "[a\",;\t \r\n\u{e9}]{0,60}", delimiter in 0usize..3) {
            let _read = rows(&text, [b',', b';', b'\t'][delimiter]);
        }

        #[test]
        fn what_the_csv_crate_writes_is_read_back(
            table in proptest::collection::vec(
                proptest::collection::vec("[a-c\",; \r\n\u{e9}]{0,6}", 3), 1..6),
        ) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            for row in &table {
                writer.write_record(row).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let trimmed: Vec<Vec<String>> = table
                .iter()
                .map(|row| row.iter().map(|cell| cell.trim().to_owned()).collect())
                .collect();
            prop_assert_eq!(rows(&text, b','), (trimmed, vec![]));
        }
    }
}

//! Lines and columns of a text.

use std::ops::Range;

/// Where the lines of a text begin; a line ends with `\n`.
#[derive(Clone, Debug)]
pub struct Lines {
    starts: Vec<usize>,
    length: usize,
}

impl Lines {
    /// Finds the lines of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1));
        Self {
            starts: starts.collect(),
            length: text.len(),
        }
    }

    /// Gives the line a byte stands in, from 0; the last one for a byte past the end.
    #[must_use]
    pub fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at) - 1
    }

    /// Gives the bytes of a line without its `\n`; empty past the last line.
    #[must_use]
    pub fn range(&self, line: usize) -> Range<usize> {
        let start = self.starts.get(line).copied().unwrap_or(self.length);
        let next = self.starts.get(line + 1).map(|next| next - 1);
        start..next.unwrap_or(self.length)
    }

    /// Gives line and column as a person counts them, both from 1, columns in characters.
    #[must_use]
    pub fn position(&self, text: &str, at: usize) -> (usize, usize) {
        let line = self.line(at);
        let before = self.range(line).start..at.min(text.len());
        let column = text.get(before).map_or(0, |before| before.chars().count());
        (line + 1, column + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_lines_and_columns() {
        let text = "a\nßb\n";
        let lines = Lines::of(text);
        assert_eq!(lines.position(text, 0), (1, 1));
        assert_eq!(lines.position(text, 1), (1, 2));
        assert_eq!(lines.position(text, 4), (2, 2));
        assert_eq!(lines.position(text, 99), (3, 1));
        assert_eq!(&text[lines.range(1)], "ßb");
        assert_eq!(lines.range(7), 6..6);
    }
}

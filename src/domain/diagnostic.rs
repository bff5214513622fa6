//! Complaints about what people wrote, each with its place.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::domain::id::ShotId;

/// The number of a source text within its [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileNo(pub u32);

/// A text that was read, under the path it is shown by.
///
/// A manifest may hold secret addresses, so only its length is shown in debug output.
#[derive(Clone)]
pub struct Source {
    /// The path as a person knows it, relative to where they stand or as they gave it.
    pub path: String,
    /// The whole text, decoded.
    pub text: SourceText,
    /// How it is written, if it is a shot list that could be read.
    pub shape: Option<Shape>,
    /// Whether it was a sheet, in which places are cells and not lines.
    pub is_sheet: bool,
}

/// How a shot list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What separates its cells.
    pub delimiter: u8,
    /// The row that names its columns, as a spreadsheet counts it.
    pub header: u32,
}

/// The decoded text of a file, shared without ever being copied: a shot list may fill memory.
#[derive(Clone, Default)]
pub struct SourceText(Arc<String>);

impl From<String> for SourceText {
    fn from(text: String) -> Self {
        Self(Arc::new(text))
    }
}

impl From<&str> for SourceText {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl Deref for SourceText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SourceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceText({} bytes)", self.len())
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({:?}, {} bytes)", self.path, self.text.len())
    }
}

/// All texts that belong to one manifest.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Adds a text and gives its number.
    pub fn add(&mut self, path: String, text: impl Into<SourceText>) -> FileNo {
        self.0.push(Source {
            path,
            text: text.into(),
            shape: None,
            is_sheet: false,
        });
        FileNo(u32::try_from(self.0.len() - 1).unwrap_or(u32::MAX))
    }

    /// Adds the text that a sheet became.
    pub fn add_sheet(&mut self, path: String, text: impl Into<SourceText>) -> FileNo {
        let file = self.add(path, text);
        if let Some(source) = self.0.last_mut() {
            source.is_sheet = true;
        }
        file
    }

    /// Gives the text of a number that [`Sources::add`] gave out.
    #[must_use]
    pub fn get(&self, file: FileNo) -> Option<&Source> {
        self.0.get(usize::try_from(file.0).ok()?)
    }

    /// Notes how a list is written.
    pub fn set_shape(&mut self, file: FileNo, shape: Shape) {
        let source = usize::try_from(file.0)
            .ok()
            .and_then(|at| self.0.get_mut(at));
        if let Some(source) = source {
            source.shape = Some(shape);
        }
    }

    /// Gives every text in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (FileNo, &Source)> {
        (0..).map(FileNo).zip(&self.0)
    }
}

/// A cell of a spreadsheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// The row as a spreadsheet counts it, the header being 1.
    pub row: u32,
    /// The column, from 0 (`A`).
    pub column: u32,
}

impl Cell {
    /// Names the cell as a spreadsheet does, such as `F3`.
    #[must_use]
    pub fn address(self) -> String {
        format!("{}{}", column_name(self.column), self.row)
    }
}

/// Names a column, counted from 0, as a spreadsheet does: `A` to `Z`, then `AA`.
#[must_use]
pub fn column_name(column: u32) -> String {
    let (mut rest, mut name) = (column, String::new());
    loop {
        // A digit below 26 is always a letter.
        let digit = char::from_u32(u32::from(b'A') + rest % 26).unwrap_or('?');
        name.insert(0, digit);
        if rest < 26 {
            return name;
        }
        rest = rest / 26 - 1;
    }
}

/// Where something was written: bytes of a source text, and the cell they stand in if it is a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The text.
    pub file: FileNo,
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
    /// The cell, in a table.
    pub cell: Option<Cell>,
}

/// A value with the place it was written at; nothing stands at the place of a built-in value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub place: Option<Place>,
}

impl<T> Placed<T> {
    /// Puts a value at a place.
    pub const fn at(value: T, place: Place) -> Self {
        Self {
            value,
            place: Some(place),
        }
    }

    /// Wraps a value that nobody wrote.
    pub const fn built_in(value: T) -> Self {
        Self { value, place: None }
    }

    /// Changes the value and keeps its place.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Placed<U> {
        Placed {
            value: change(self.value),
            place: self.place,
        }
    }
}

/// How bad a complaint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing is bought until it is mended.
    Error,
    /// Worth a look; work goes on.
    Warning,
    /// Something decided on the reader's behalf, told once.
    Note,
}

impl Severity {
    /// Gives the word that opens the complaint.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One complaint: what is wrong, where, what was expected and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name of the kind of complaint, in kebab case, such as `unknown-character`.
    pub code: &'static str,
    /// What is wrong, in one line without a full stop.
    pub message: String,
    /// Where.
    pub place: Option<Place>,
    /// The file it is about when no source text holds the place, such as a reference picture.
    pub file: Option<String>,
    /// The shot concerned.
    pub shot: Option<ShotId>,
    /// What was expected instead, one line each.
    pub expected: Vec<String>,
    /// What else is known of it, one line each.
    pub facts: Vec<String>,
    /// What to do.
    pub help: Option<String>,
    /// Other places that matter, such as the first of two that clash, each with a word about it.
    pub related: Vec<(Place, String)>,
}

impl Diagnostic {
    /// Begins an error.
    #[must_use]
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message.into())
    }

    /// Begins a warning.
    #[must_use]
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message.into())
    }

    /// Begins a note.
    #[must_use]
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message.into())
    }

    const fn new(severity: Severity, code: &'static str, message: String) -> Self {
        Self {
            severity,
            code,
            message,
            place: None,
            file: None,
            shot: None,
            expected: Vec::new(),
            facts: Vec::new(),
            help: None,
            related: Vec::new(),
        }
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, place: impl Into<Option<Place>>) -> Self {
        self.place = place.into();
        self
    }

    /// Names the file it is about.
    #[must_use]
    pub fn in_file(mut self, path: impl Into<String>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Says which shot.
    #[must_use]
    pub fn of_shot(mut self, shot: &ShotId) -> Self {
        self.shot = Some(shot.clone());
        self
    }

    /// Says what was expected.
    #[must_use]
    pub fn expected(mut self, line: impl Into<String>) -> Self {
        self.expected.push(line.into());
        self
    }

    /// Says what else is known of it.
    #[must_use]
    pub fn fact(mut self, line: impl Into<String>) -> Self {
        self.facts.push(line.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Points at another place that matters.
    #[must_use]
    pub fn related(mut self, place: Option<Place>, word: impl Into<String>) -> Self {
        if let Some(place) = place {
            self.related.push((place, word.into()));
        }
        self
    }

    /// Tells whether it stops a purchase.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_named_like_a_spreadsheet() {
        let address = |row, column| Cell { row, column }.address();
        assert_eq!(address(3, 0), "A3");
        assert_eq!(address(1, 25), "Z1");
        assert_eq!(address(1, 26), "AA1");
        assert_eq!(address(1, 701), "ZZ1");
        assert_eq!(address(1, 702), "AAA1");
    }
}

//! Workbooks: a sheet of an `.xlsx` file as the text of a shot list.
//!
//! A sheet becomes comma-separated text with one row for each of its rows and one cell for each of
//! its columns, so that everything that holds of lists holds of sheets, and a cell of the text has
//! the address it has in the spreadsheet. A cell says what a person sees in it.
//!
//! Workbooks come from anywhere: what they unpack to is bounded, and no cell is taken whose place
//! is in doubt.

#[cfg(feature = "xlsx")]
mod guard;
#[cfg(feature = "xlsx")]
mod number;
#[cfg(feature = "xlsx")]
mod package;
#[cfg(test)]
#[cfg(feature = "xlsx")]
mod tests;
#[cfg(feature = "xlsx")]
mod workbook;

use crate::domain::diagnostic::Diagnostic;
use crate::manifest::shown::{nearest, shown, some_of};

/// The endings of workbooks that can be read.
const ENDINGS: [&str; 2] = [".xlsx", ".xlsm"];

/// A sheet as text.
#[derive(Debug)]
pub(super) struct Sheet {
    /// Its name.
    pub(super) name: String,
    /// Its rows, comma-separated.
    pub(super) text: String,
    /// What was decided on the reader's behalf: a code and what it says.
    pub(super) notes: Vec<(&'static str, String)>,
}

/// Why a sheet cannot be read.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "xlsx"),
    expect(dead_code, reason = "without the feature nothing is tried")
)]
pub(super) enum Fault {
    /// It is not even a workbook.
    Other(&'static str),
    /// Something in it contradicts itself.
    Damaged(String),
    /// It unpacks to more than is read.
    TooLarge(String),
    /// It has no sheet of this name, but these.
    NoSheet(Vec<String>),
    /// The program was built without workbooks.
    #[cfg(not(feature = "xlsx"))]
    NotBuilt,
}

/// Splits `file.xlsx#Sheet` into the file and the sheet; other paths are a file.
#[must_use]
pub fn split(path: &str) -> (&str, Option<&str>) {
    let at = path.match_indices('#').find_map(|(at, _)| {
        let (file, _) = path.split_at(at);
        is_workbook(file).then_some(at)
    });
    match at {
        Some(at) => (&path[..at], Some(&path[at + 1..])),
        None => (path, None),
    }
}

/// Tells whether a file is a workbook by its name.
#[must_use]
pub fn is_workbook(file: &str) -> bool {
    let end = file.len().checked_sub(5).and_then(|at| file.get(at..));
    end.is_some_and(|end| ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(end)))
}

/// Reads a sheet: the one of this name, else the first that is not hidden.
#[cfg(feature = "xlsx")]
pub(super) fn read(bytes: &[u8], sheet: Option<&str>) -> Result<Sheet, Fault> {
    workbook::read(bytes, sheet)
}

/// Reads no sheet: workbooks were left out of this build.
#[cfg(not(feature = "xlsx"))]
pub(super) const fn read(_bytes: &[u8], _sheet: Option<&str>) -> Result<Sheet, Fault> {
    Err(Fault::NotBuilt)
}

impl Fault {
    /// Says what is wrong and what to do.
    pub(super) fn complaint(self, sheet: Option<&str>) -> Diagnostic {
        match self {
            Self::Other(what) => Diagnostic::error("not-a-workbook", what)
                .expected("an Excel workbook, `.xlsx` or `.xlsm`, without a password")
                .help("save it as `.xlsx`, or export the sheet as CSV (UTF-8)"),
            Self::Damaged(why) => Diagnostic::error(
                "damaged-workbook",
                format!("this workbook is damaged: {why}"),
            )
            .help("open it in a spreadsheet program and save it again, or export the sheet as CSV"),
            Self::TooLarge(why) => Diagnostic::error("too-large", why)
                .help("keep the shots in a workbook of their own, or export the sheet as CSV"),
            Self::NoSheet(there) => no_sheet(sheet.unwrap_or_default(), &there),
            #[cfg(not(feature = "xlsx"))]
            Self::NotBuilt => Diagnostic::error(
                "not-built",
                "this reshoot was built without Excel workbooks",
            )
            .help("export the sheet as CSV (UTF-8), or build it with the feature `xlsx`"),
        }
    }
}

fn no_sheet(sheet: &str, there: &[String]) -> Diagnostic {
    let message = format!("the workbook has no sheet called {}", shown(sheet));
    let names = || there.iter().map(String::as_str);
    let complaint = Diagnostic::error("unknown-sheet", message);
    if there.is_empty() {
        return complaint.help("save the list in a workbook with a sheet of cells");
    }
    let complaint = complaint.expected(format!("one of {}", some_of(names())));
    match nearest(sheet, names()) {
        Some(near) => complaint.help(format!("write `#{near}` after the file's name")),
        None => complaint.help("write one of these names after the `#`"),
    }
}

#[cfg(test)]
mod paths {
    use super::*;

    #[test]
    fn a_sheet_is_named_after_the_file() {
        assert_eq!(split("a/b.xlsx#Shots #2"), ("a/b.xlsx", Some("Shots #2")));
        assert_eq!(split("a#1.XLSM#x"), ("a#1.XLSM", Some("x")));
        assert_eq!(split("a#b.csv"), ("a#b.csv", None));
        assert_eq!(split("é.xlsx"), ("é.xlsx", None));
        assert!(is_workbook("é.Xlsx") && !is_workbook("xlsx") && !is_workbook("éxlsx"));
    }
}

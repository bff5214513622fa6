//! Looks a workbook over before its cells are read.
//!
//! The reader of the cells believes what a file says of sizes and places: here it is made sure
//! that every cell is where its address says, each once and in order, that nothing asks for more
//! memory than the file's size warrants, and what the reader does not tell is gathered.

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event};

use crate::manifest::sheet::Fault;
use crate::manifest::sheet::package::{MOST_BYTES, Package, damaged};

/// The most bytes that a sheet unpacks to.
const MOST_SHEET_BYTES: u64 = 4 << 30;
/// The last row and the number of columns that a spreadsheet has.
const MOST_ROWS: u32 = 1_048_576;
const MOST_COLUMNS: u32 = 16_384;
/// The most formats of cells that Excel allows, rounded up.
const MOST_FORMATS: u32 = 65_536;
/// The longest attribute of a style; Excel ends codes of formats at 255 characters.
const LONGEST_ATTRIBUTE: usize = 4096;
/// The most merged areas that are looked at.
const MOST_MERGED: usize = 100_000;
/// The most cells that are named as faulty.
const MOST_FAULTS: usize = 10_000;

/// A cell by row and column, both from 0.
pub(super) type Position = (u32, u32);

/// What a sheet says besides the values of its cells.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// One more than the last column with a value.
    pub(super) width: u32,
    /// How many rows with values are hidden.
    pub(super) hidden: usize,
    /// Merged areas over several rows, each by its first cell and its last row.
    pub(super) merged: Vec<(Position, u32)>,
    /// Cells whose formula failed, with the error they show, in the order of the sheet.
    pub(super) errors: Vec<(Position, String)>,
    /// Cells with a formula whose value is not in the file.
    pub(super) uncounted: Vec<Position>,
}

/// Makes sure that the parts all sheets share are of sane sizes.
pub(super) fn shared(package: &mut Package<'_>) -> Result<(), Fault> {
    for path in package.paths() {
        if path.ends_with("sharedstrings.xml") {
            shared_strings(package, &path)?;
        } else if path.ends_with("styles.xml") {
            styles(package, &path)?;
        } else if !path.contains("worksheets/") && is_xml(&path) {
            // A picture's or a note's part may be as odd as it likes.
            match package.walk(&path, MOST_BYTES, |_| Ok(())) {
                Ok(_) | Err(Fault::Damaged(_)) => {}
                Err(fault) => return Err(fault),
            }
        }
    }
    Ok(())
}

fn is_xml(path: &str) -> bool {
    let end = path.rsplit_once('.').map(|(_, end)| end);
    matches!(end, Some("xml" | "rels"))
}

fn shared_strings(package: &mut Package<'_>, path: &str) -> Result<(), Fault> {
    /// A string takes this many bytes of its part at least: `<si/>`.
    const LEAST: u64 = 5;
    let mut promised = 0;
    let bytes = package.walk(path, MOST_BYTES, |event| {
        if let Event::Start(element) = event
            && element.local_name().into_inner() == "sst"
            && let Some(count) = raw(element, "uniqueCount")
        {
            // One that is no number is not believed by anybody.
            promised = promised.max(count.trim().parse().unwrap_or(0));
        }
        Ok(())
    })?;
    if promised > bytes / LEAST {
        return Err(damaged("it promises more texts than it holds"));
    }
    Ok(())
}

fn styles(package: &mut Package<'_>, path: &str) -> Result<(), Fault> {
    let mut formats = 0;
    package.walk(path, MOST_BYTES, |event| {
        if let Event::Start(element) = event {
            formats += u32::from(element.local_name().into_inner() == "xf");
            if formats > 2 * MOST_FORMATS || element.len() > LONGEST_ATTRIBUTE {
                return Err(damaged("its styles are out of all proportion"));
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// Walks over a sheet and makes sure that every cell is in its place.
pub(super) fn sheet(package: &mut Package<'_>, part: &str) -> Result<Facts, Fault> {
    let mut walk = Walk::default();
    package.walk(part, MOST_SHEET_BYTES, |event| walk.visit(event))?;
    walk.check()
}

/// Where the walk is.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "what was seen, each apart from the others"
)]
struct Walk {
    facts: Facts,
    in_cells: bool,
    /// The row, from 0, and the next one if that says nothing.
    row: u32,
    next_row: u32,
    next_column: u32,
    is_hidden: bool,
    has_value: bool,
    /// Whether some cell has no address of its own.
    is_implied: bool,
    cell: Option<Cell>,
    merged: usize,
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "what was seen, each apart from the others"
)]
struct Cell {
    at: Position,
    is_error: bool,
    has_formula: bool,
    has_value: bool,
    in_value: bool,
    error: String,
}

impl Walk {
    fn visit(&mut self, event: &Event<'_>) -> Result<(), Fault> {
        match event {
            Event::Start(element) => match element.local_name().into_inner() {
                "dimension" => {
                    let area = raw(element, "ref").ok_or_else(|| damaged("it has no dimension"))?;
                    area_of(&area)?;
                }
                "sheetData" => self.in_cells = true,
                "row" if self.in_cells => self.begin_row(element)?,
                "c" if self.in_cells => self.begin_cell(element)?,
                "f" => self.of_cell(|cell| cell.has_formula = true),
                "v" | "is" => self.of_cell(|cell| {
                    cell.has_value = true;
                    cell.in_value = true;
                }),
                "mergeCell" => self.merge(element)?,
                _ => {}
            },
            Event::Text(text) => self.of_cell(|cell| {
                if cell.is_error && cell.in_value && cell.error.len() < 32 {
                    cell.error.push_str(text);
                }
            }),
            Event::End(element) => match element.local_name().into_inner() {
                "sheetData" => self.in_cells = false,
                "row" if self.in_cells => self.end_row(),
                "v" | "is" => self.of_cell(|cell| cell.in_value = false),
                "c" if self.in_cells => self.end_cell(),
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }

    fn of_cell(&mut self, change: impl FnOnce(&mut Cell)) {
        if let Some(cell) = &mut self.cell {
            change(cell);
        }
    }

    fn begin_row(&mut self, element: &BytesStart<'_>) -> Result<(), Fault> {
        self.row = match raw(element, "r") {
            Some(number) => {
                let number: u32 = number.parse().map_err(|_| damaged("a row has no number"))?;
                number
                    .checked_sub(1)
                    .ok_or_else(|| damaged("a row has the number 0"))?
            }
            None => self.next_row,
        };
        if self.row < self.next_row || self.row >= MOST_ROWS {
            return Err(damaged(format!(
                "row {} is out of order",
                u64::from(self.row) + 1
            )));
        }
        self.next_row = self.row + 1;
        self.next_column = 0;
        self.has_value = false;
        self.is_hidden =
            raw(element, "hidden").is_some_and(|hidden| hidden == "1" || hidden == "true");
        Ok(())
    }

    fn end_row(&mut self) {
        self.facts.hidden += usize::from(self.is_hidden && self.has_value);
    }

    fn begin_cell(&mut self, element: &BytesStart<'_>) -> Result<(), Fault> {
        let (row, column) = if let Some(address) = raw(element, "r") {
            position(&address)?
        } else {
            self.is_implied = true;
            (self.row, self.next_column)
        };
        let is_in_row = row == self.row && self.next_row == row + 1;
        if !is_in_row || column < self.next_column || column >= MOST_COLUMNS {
            return Err(damaged(format!(
                "a cell of row {} is out of order",
                self.row + 1
            )));
        }
        self.next_column = column + 1;
        self.cell = Some(Cell {
            at: (row, column),
            is_error: raw(element, "t").is_some_and(|kind| kind == "e"),
            has_formula: false,
            has_value: false,
            in_value: false,
            error: String::new(),
        });
        Ok(())
    }

    fn end_cell(&mut self) {
        let Some(cell) = self.cell.take() else {
            return;
        };
        if cell.has_value {
            self.has_value = true;
            self.facts.width = self.facts.width.max(cell.at.1 + 1);
        }
        if cell.is_error && self.facts.errors.len() < MOST_FAULTS {
            self.facts.errors.push((cell.at, cell.error));
        }
        if cell.has_formula && !cell.has_value && self.facts.uncounted.len() < MOST_FAULTS {
            self.facts.uncounted.push(cell.at);
        }
    }

    fn merge(&mut self, element: &BytesStart<'_>) -> Result<(), Fault> {
        self.merged += 1;
        if self.merged > MOST_MERGED {
            return Err(damaged("it has too many merged cells"));
        }
        let area = raw(element, "ref").ok_or_else(|| damaged("a merged area has no address"))?;
        let (first, last) = area_of(&area)?;
        if last.0 > first.0 {
            self.facts.merged.push((first, last.0));
        }
        Ok(())
    }

    fn check(mut self) -> Result<Facts, Fault> {
        if self.is_implied && !self.facts.errors.is_empty() {
            return Err(damaged("formulas failed, and its cells have no addresses"));
        }
        if self.facts.errors.len() == MOST_FAULTS {
            return Err(damaged("more than ten thousand of its formulas failed"));
        }
        self.facts.merged.sort_unstable();
        Ok(self.facts)
    }
}

/// Finds an attribute whose value holds nothing to be replaced.
fn raw<'e>(element: &'e BytesStart<'_>, name: &str) -> Option<Cow<'e, str>> {
    let mut attributes = element.attributes();
    let attributes = attributes.with_checks(false).flatten();
    let mut found = attributes.filter(|found| found.key.local_name().into_inner() == name);
    found.next().map(|found| found.value)
}

/// Reads an address such as `B12`.
fn position(address: &str) -> Result<Position, Fault> {
    let bad = || damaged("a cell's address is none");
    let letters = address.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (letters, digits) = address.split_at(letters);
    let is_plain = matches!(letters.len(), 1..=3) && matches!(digits.len(), 1..=7);
    if !is_plain || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad());
    }
    let column = letters.bytes().fold(0, |column, letter| {
        column * 26 + u32::from(letter.to_ascii_uppercase() - b'A') + 1
    });
    let row: u32 = digits.parse().map_err(|_| bad())?;
    let row = row.checked_sub(1).ok_or_else(bad)?;
    Ok((row, column - 1))
}

/// Reads an area such as `A1:B12`, or one cell.
fn area_of(area: &str) -> Result<(Position, Position), Fault> {
    let (first, last) = area.split_once(':').unwrap_or((area, area));
    let (first, last) = (position(first)?, position(last)?);
    if last.0 < first.0 || last.1 < first.1 {
        return Err(damaged("an area ends before it begins"));
    }
    Ok((first, last))
}

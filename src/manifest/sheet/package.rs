//! What a workbook's package says of itself: its parts, and which part holds which sheet.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, BufReader, Cursor, Read};
use std::rc::Rc;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use crate::manifest::sheet::Fault;

/// The most parts of a package.
const MOST_PARTS: usize = 20_000;

/// The most bytes that a part unpacks to, sheets aside.
pub(super) const MOST_BYTES: u64 = 256 << 20;

/// The most bytes that one piece of a part may have, such as a text or a tag; a cell holds no more
/// than 32 767 characters.
const LONGEST_PIECE: u64 = 16 << 20;

/// A part that is read piece by piece, so that none of them fills memory.
struct Pieces<R> {
    part: R,
    /// How much was read since the last piece ended.
    read: Rc<Cell<u64>>,
}

impl<R: Read> Read for Pieces<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read.get() > LONGEST_PIECE {
            return Err(io::Error::other("it holds a text out of all proportion"));
        }
        let read = self.part.read(buffer)?;
        let all = self
            .read
            .get()
            .saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        self.read.set(all);
        Ok(read)
    }
}

/// A workbook's package.
pub(super) struct Package<'b> {
    archive: ZipArchive<Cursor<&'b [u8]>>,
    /// The position of every part by its path in lower case.
    parts: BTreeMap<String, usize>,
}

/// A sheet of cells as the workbook lists it.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// Its name.
    pub(super) name: String,
    /// Whether it is hidden.
    pub(super) is_hidden: bool,
    /// The part that holds it.
    pub(super) part: String,
}

/// Says that a workbook is damaged.
pub(super) fn damaged(why: impl Into<String>) -> Fault {
    Fault::Damaged(why.into())
}

/// Says that a workbook is damaged as another has found.
pub(super) fn found(why: &dyn std::error::Error) -> Fault {
    Fault::Damaged(why.to_string())
}

impl<'b> Package<'b> {
    /// Opens a package.
    pub(super) fn open(bytes: &'b [u8]) -> Result<Self, Fault> {
        const OLD: &[u8] = b"\xd0\xcf\x11\xe0";
        if bytes.starts_with(OLD) {
            let what = "this is an Excel file of the old kind (.xls), or one with a password";
            return Err(Fault::Other(what));
        }
        if !bytes.starts_with(b"PK") {
            return Err(Fault::Other("this is no Excel workbook"));
        }
        let archive = ZipArchive::new(Cursor::new(bytes));
        let archive = archive.map_err(|_| damaged("it is not complete"))?;
        if archive.len() > MOST_PARTS {
            return Err(Fault::TooLarge(
                "this workbook has too many parts".to_owned(),
            ));
        }
        let mut parts = BTreeMap::new();
        for (at, name) in archive.file_names().enumerate() {
            let path = normal(&name.map_err(|why| found(&why))?);
            if parts.insert(path, at).is_some() {
                return Err(damaged("it has two parts of one name"));
            }
        }
        Ok(Self { archive, parts })
    }

    /// Gives the paths of all parts, in lower case.
    pub(super) fn paths(&self) -> Vec<String> {
        self.parts.keys().cloned().collect()
    }

    /// Walks over the elements of a part; gives how many bytes it unpacks to.
    pub(super) fn walk(
        &mut self,
        path: &str,
        most: u64,
        mut visit: impl FnMut(&Event<'_>) -> Result<(), Fault>,
    ) -> Result<u64, Fault> {
        let Some(at) = self.parts.get(&normal(path)) else {
            return Err(damaged(format!("its part {path} is missing")));
        };
        let part = self.archive.by_index(*at).map_err(|why| found(&why))?;
        let read = Rc::new(Cell::new(0));
        let pieces = Pieces {
            part: part.take(most + 1),
            read: Rc::clone(&read),
        };
        let mut reader = Reader::from_reader(BufReader::new(pieces));
        // As the reader of the cells has it.
        reader.config_mut().check_end_names = false;
        reader.config_mut().expand_empty_elements = true;
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            read.set(0);
            let event = reader.read_event_into(&mut buffer);
            if reader.buffer_position() > most {
                let what = format!("this workbook unpacks to more than {} MiB", most >> 20);
                return Err(Fault::TooLarge(what));
            }
            match event.map_err(|why| found(&why))? {
                Event::Eof => return Ok(reader.buffer_position()),
                event => visit(&event)?,
            }
        }
    }

    /// Lists the sheets of cells, in their order.
    pub(super) fn sheets(&mut self) -> Result<Vec<Listed>, Fault> {
        let mut workbook = "xl/workbook.xml".to_owned();
        self.walk("_rels/.rels", MOST_BYTES, |event| {
            if let Some(target) = related(event, "/relationships/officeDocument") {
                target.trim_start_matches('/').clone_into(&mut workbook);
            }
            Ok(())
        })?;
        let (folder, name) = match workbook.rfind('/') {
            Some(at) => workbook.split_at(at + 1),
            None => ("", workbook.as_str()),
        };
        let mut targets = BTreeMap::new();
        let relations = format!("{folder}_rels/{name}.rels");
        self.walk(&relations, MOST_BYTES, |event| {
            if let Some(target) = related(event, "/worksheet")
                && let Event::Start(element) = event
            {
                let part = match target.strip_prefix('/') {
                    Some(part) => part.to_owned(),
                    None => format!("{folder}{target}"),
                };
                targets.insert(
                    attribute(element, "Id").unwrap_or_default().into_owned(),
                    part,
                );
            }
            Ok(())
        })?;
        let mut sheets = Vec::new();
        self.walk(&workbook, MOST_BYTES, |event| {
            if let Event::Start(element) = event
                && element.local_name().into_inner() == "sheet"
                && let Some(part) = attribute(element, "id").and_then(|id| targets.get(&*id))
            {
                let state = attribute(element, "state");
                sheets.push(Listed {
                    name: attribute(element, "name").unwrap_or_default().into_owned(),
                    is_hidden: state.is_some_and(|state| state != "visible"),
                    part: part.clone(),
                });
            }
            Ok(())
        })?;
        Ok(sheets)
    }
}

/// Gives the target of a relationship whose type ends so.
fn related(event: &Event<'_>, end: &str) -> Option<String> {
    let Event::Start(element) = event else {
        return None;
    };
    let is_one = element.local_name().into_inner() == "Relationship"
        && attribute(element, "Type").is_some_and(|kind| kind.ends_with(end));
    is_one.then(|| {
        attribute(element, "Target")
            .unwrap_or_default()
            .into_owned()
    })
}

/// Finds an attribute by its local name.
pub(super) fn attribute<'e>(element: &'e BytesStart<'_>, name: &str) -> Option<Cow<'e, str>> {
    let mut attributes = element.attributes();
    let attributes = attributes.with_checks(false).flatten();
    let mut found = attributes.filter(|found| found.key.local_name().into_inner() == name);
    let value = found.next()?.value;
    // Only names of sheets hold anything but plain ASCII.
    Some(match quick_xml::escape::unescape(&value) {
        Ok(text) => Cow::Owned(text.into_owned()),
        Err(_) => value,
    })
}

fn normal(path: &str) -> String {
    path.replace('\\', "/").to_ascii_lowercase()
}

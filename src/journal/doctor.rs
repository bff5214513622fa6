//! What is wrong with a damaged run log, and what of it can be saved.
//!
//! The log itself is only read, without its lock: a run may be at work on it. Its good part, which
//! is every record before the damage, can be copied to a new file. Such a copy ends in a `gap`
//! record, so that whoever buys on it asks the provider about every task first.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use jiff::Timestamp;

use crate::folder::error::FileError;
use crate::folder::{Folder, Readers};
use crate::journal::reader::{Fault, Lines, Replayed, Tail, replay_into};
use crate::ledger::json::{self, Head};
use crate::ledger::record::{Gap, Record, Stamped};

/// The longest line in bytes in which a single wrong bit is looked for: the search takes time that
/// grows with the square of the length.
const LONGEST_SEARCH: usize = 4096;

/// A run log that is examined.
#[derive(Debug)]
pub struct Patient {
    path: String,
    file: File,
}

/// What an examination found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkup {
    /// The log.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// What of it is sound, from its first byte on.
    pub good: Good,
    /// What comes after that.
    pub state: State,
}

/// The sound part of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Good {
    /// How many records it has.
    pub records: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// When its last record was written.
    pub last_at: Option<Timestamp>,
    /// The checksum of its last record.
    crc: u32,
}

/// What comes after the sound part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing: the log is whole.
    Whole,
    /// An end that never became durable as a whole; a run cuts it off by itself.
    Torn(Tail),
    /// Damage, at which every command stops.
    Damaged(Damage),
    /// A later version of this format wrote the log, so nothing of it is judged.
    Newer(u64),
}

/// Where and how a log is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The line, from 1.
    pub line: u64,
    /// The offset of its first byte.
    pub byte: u64,
    /// Why the reader refuses it.
    pub why: String,
    /// The number of the record that belongs there.
    pub expected: u64,
    /// What seems to have happened.
    pub looks: Looks,
    /// How many lines there are from it on, itself among them.
    pub lines: u64,
    /// How many of these are sound by the checksums of their neighbours.
    pub readable: u64,
}

/// What seems to have happened to a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    /// A single bit of the line was changed: with it put back, the checksum fits.
    OneBit {
        /// The offset of its byte in the file.
        byte: u64,
        /// The byte as it stands there.
        found: u8,
        /// The byte as it was written.
        was: u8,
    },
    /// The line belongs there, and some of its bytes were changed.
    Changed,
    /// Records are lost that stood before the line.
    Lost {
        /// How many.
        records: u64,
    },
    /// The line stands there a second time, or one that stood before it was put there.
    Again {
        /// The number of its record.
        seq: u64,
    },
    /// The record that belongs there stands further down.
    Moved,
    /// Some of its bytes are gone (NUL), though later records say that it was durable.
    Blank,
    /// It is no record at all.
    NoRecord,
    /// It is sound by itself and contradicts what stands before it.
    Contradicts,
}

impl Patient {
    /// Opens a log for reading; gives nothing when there is none.
    ///
    /// # Errors
    /// Gives the operating system's reason.
    pub fn open(path: &Path) -> Result<Option<Self>, FileError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let opened = Folder::open(folder_of(path)).and_then(|folder| folder.read(&name));
        match opened {
            Ok(file) => Ok(Some(Self {
                path: path.to_string_lossy().into_owned(),
                file,
            })),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the log to its end and gives each record of its sound part to `each`.
    ///
    /// What `each` refuses counts as damage of its line.
    ///
    /// # Errors
    /// Gives the operating system's reason.
    pub fn examine(
        &self,
        mut each: impl FnMut(Stamped) -> Result<(), String>,
    ) -> Result<Checkup, FileError> {
        let (mut read, mut last_at) = (Replayed::default(), None);
        let mut input = self.from(0)?;
        let replayed = replay_into(
            &mut input,
            &mut |stamped: Stamped| {
                let at = stamped.at;
                each(stamped).inspect(|()| last_at = Some(at))
            },
            &mut read,
        );
        let good = Good {
            records: read.records,
            bytes: read.bytes,
            last_at,
            crc: read.crc,
        };
        let state = match (replayed, read.tail) {
            (Ok(()), None) => State::Whole,
            (Ok(()), Some(tail)) => State::Torn(tail),
            (Err(Fault::Damaged { line, byte, why }), _) => {
                State::Damaged(self.judge(&good, (line, byte, why))?)
            }
            (Err(Fault::Newer(format)), _) => State::Newer(format),
            (Err(Fault::Read(error)), _) => return Err(self.error(&error)),
        };
        let metadata = self.file.metadata().map_err(|error| self.error(&error))?;
        Ok(Checkup {
            path: self.path.clone(),
            bytes: metadata.len(),
            good,
            state,
        })
    }

    /// Gives to `each` what can be read from the damage on, in order.
    ///
    /// Such records are sound by the checksums of their neighbours alone: they serve to tell what
    /// is at stake, never to buy on. Gives nothing for a log that is not damaged.
    ///
    /// # Errors
    /// Gives the operating system's reason.
    pub fn read_on(
        &self,
        checkup: &Checkup,
        mut each: impl FnMut(&Stamped),
    ) -> Result<(), FileError> {
        if let State::Damaged(damage) = &checkup.state {
            let mut input = self.from(damage.byte)?;
            let mut lines = Lines::after(&mut input, damage.line - 1, damage.byte);
            walk(&mut lines, &checkup.good, |_, stamped| {
                if let Some(stamped) = stamped {
                    each(stamped);
                }
            })
            .map_err(|error| self.error(&error))?;
        }
        Ok(())
    }

    fn judge(
        &self,
        good: &Good,
        (line, byte, why): (u64, u64, String),
    ) -> Result<Damage, FileError> {
        let expected = good.records + 1;
        let mut damage = Damage {
            line,
            byte,
            why,
            expected,
            looks: Looks::NoRecord,
            lines: 0,
            readable: 0,
        };
        let mut input = self.from(byte)?;
        let mut lines = Lines::after(&mut input, line - 1, byte);
        walk(&mut lines, good, |text, stamped| {
            let head = json::peek(text).map(|(head, _)| head.seq);
            if damage.lines == 0 {
                damage.looks = first_look(text, byte, good);
            } else if matches!(damage.looks, Looks::Lost { .. }) && head == Some(expected) {
                damage.looks = Looks::Moved;
            }
            damage.lines += 1;
            damage.readable += u64::from(stamped.is_some());
        })
        .map_err(|error| self.error(&error))?;
        Ok(damage)
    }

    /// Copies the good part of the log to a new file; of a damaged one with a `gap` record after.
    ///
    /// A file that stands there is never touched; one that could not be written whole is removed.
    ///
    /// # Errors
    /// Gives the operating system's reason; [`FileError::is_taken`] tells that a file stands there.
    pub fn save(&self, checkup: &Checkup, now: Timestamp, to: &Path) -> Result<(), FileError> {
        let folder = Folder::open(folder_of(to))?;
        let name = to.file_name().unwrap_or_default().to_string_lossy();
        let mut copy = folder.create(&name, Readers::Owner)?;
        let copied = (|| {
            let mut good = self.from(0)?.take(checkup.good.bytes);
            let written = io::copy(&mut good, &mut copy)
                .and_then(|_| copy.write_all(&gap(checkup, now)))
                .and_then(|()| copy.sync_all());
            written.map_err(|error| FileError::from_io(to.to_string_lossy().into_owned(), &error))
        })();
        if copied.is_err() {
            folder.remove(&name);
        }
        copied.and_then(|()| folder.sync())
    }

    fn from(&self, byte: u64) -> Result<BufReader<&File>, FileError> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(byte))
            .map_err(|error| self.error(&error))?;
        Ok(BufReader::with_capacity(1 << 16, file))
    }

    fn error(&self, error: &io::Error) -> FileError {
        FileError::from_io(self.path.clone(), error)
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Walks the lines from the damage on; each comes with its record where it can be read.
///
/// A line counts as readable when its checksum continues the one written in the line before it,
/// and the damaged line itself when putting one bit back makes it fit.
fn walk(
    lines: &mut Lines<'_, BufReader<&File>>,
    good: &Good,
    mut each: impl FnMut(&[u8], Option<&Stamped>),
) -> io::Result<()> {
    let mut before = None;
    let mut first = true;
    while lines.next()? {
        let text = lines.text.as_slice();
        let read = if first {
            wrong_bit(text, good.crc).and_then(|bit| json::decode(&bit.mended, good.crc).ok())
        } else {
            before.and_then(|before| json::decode(text, before).ok())
        };
        first = false;
        before = match &read {
            Some(line) => Some(line.crc),
            None => json::written_checksum(text),
        };
        each(text, read.map(|line| line.stamped).as_ref());
    }
    Ok(())
}

/// Judges the damaged line by itself.
fn first_look(text: &[u8], start: u64, good: &Good) -> Looks {
    let expected = good.records + 1;
    let fits = json::decode(text, good.crc).is_ok();
    if let Some(bit) = wrong_bit(text, good.crc).filter(|_| !fits) {
        return Looks::OneBit {
            byte: start + u64::try_from(bit.at).unwrap_or(u64::MAX),
            found: bit.found,
            was: bit.was,
        };
    }
    if text.contains(&0) {
        return Looks::Blank;
    }
    match json::peek(text).map(|(head, _)| head.seq) {
        None if json::written_checksum(text).is_some() => Looks::Changed,
        None => Looks::NoRecord,
        Some(seq) if seq > expected => Looks::Lost {
            records: seq - expected,
        },
        Some(seq) if seq < expected => Looks::Again { seq },
        Some(_) if fits => Looks::Contradicts,
        Some(_) => Looks::Changed,
    }
}

/// A single bit that is wrong in a line.
struct WrongBit {
    /// The offset of its byte in the line.
    at: usize,
    found: u8,
    was: u8,
    /// The line with the bit put back.
    mended: Vec<u8>,
}

/// Finds the bit of a line that has to be put back for its checksum to fit.
///
/// CRC-32C tells lines of this length apart by three bits and more, so there is at most one.
fn wrong_bit(text: &[u8], before: u32) -> Option<WrongBit> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    if text.len() > LONGEST_SEARCH {
        return None;
    }
    let mut mended = text.to_vec();
    for at in 0..text.len() {
        for bit in 0..8 {
            mended[at] = text[at] ^ (1 << bit);
            if json::decode(&mended, before).is_ok() {
                let (found, was) = (text[at], mended[at]);
                return Some(WrongBit {
                    at,
                    found,
                    was,
                    mended,
                });
            }
        }
        mended[at] = text[at];
    }
    None
}

/// Spells the record that ends the copy of a damaged log's good part.
fn gap(checkup: &Checkup, now: Timestamp) -> Vec<u8> {
    let mut line = Vec::new();
    if let State::Damaged(damage) = &checkup.state {
        let record = Record::Gap(Gap {
            line: damage.line,
            byte: damage.byte,
            bytes: checkup.bytes.saturating_sub(damage.byte),
        });
        let head = Head {
            seq: checkup.good.records + 1,
            at: Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now),
            nth: 0,
        };
        let _crc = json::encode(head, &record, checkup.good.crc, &mut line);
    }
    line
}

#[cfg(test)]
mod tests;

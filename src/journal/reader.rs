//! Reading the run log from front to back, and telling a torn end from damage.
//!
//! A run syncs what it wrote before it writes on, so only the records of its last write can be
//! torn. A power cut may leave that write short, or whole blocks of it as NUL bytes; a sound line
//! never holds one. So the log is torn, not damaged, where
//!
//! - the last line has no newline, or
//! - a line holds NUL bytes and every sound record after it was written in the same breath as the
//!   first record lost, which records tell by `nth`.
//!
//! Anything else is damage: a checksum that does not fit, a number out of order, NUL bytes before
//! records that were written later.

use std::fmt;
use std::io::{self, BufRead};

use crate::ledger::json::{self, LineError};
use crate::ledger::record::{Record, Stamped};

/// The longest line in bytes that is taken into memory; no record comes near it.
const LONGEST: usize = 16 << 20;

/// The end of a log that was written but never became durable as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The offset at which it begins, in bytes.
    pub at_byte: u64,
    /// Its length in bytes.
    pub bytes: u64,
}

impl fmt::Display for Tail {
    /// Tells a person what was cut off, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the bytes of the run log from byte {} on ({} in all) were not written whole, as a \
             crash or a power cut leaves them",
            self.at_byte, self.bytes
        )
    }
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Replayed {
    /// How many records there are, which is the number of the last one.
    pub(crate) records: u64,
    /// Their length in bytes.
    pub(crate) bytes: u64,
    /// The checksum of the last record.
    pub(crate) crc: u32,
    /// The torn end.
    pub(crate) tail: Option<Tail>,
}

/// Why a log cannot be read.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A line is not what was written.
    Damaged {
        /// The line, from 1.
        line: u64,
        /// The offset of its first byte.
        byte: u64,
        /// What is wrong.
        why: String,
    },
    /// A later version wrote it.
    Newer(u64),
    /// It cannot be read.
    Read(io::Error),
}

/// What a file of sealed lines holds: the run log, or the decisions.
pub(crate) trait Entry: Sized {
    /// Gives the format told in a first line that is newer than this version reads.
    fn newer_format(first_line: &[u8]) -> Option<u64>;
    /// Reads a line that follows the one of checksum `previous`, and gives its own checksum.
    fn decode(line: &[u8], previous: u32) -> Result<(Self, u32), LineError>;
    /// Gives its number, from 1.
    fn seq(&self) -> u64;
    /// Checks that a file may begin with it.
    fn check_first(&self) -> Result<(), String>;
}

impl Entry for Stamped {
    fn newer_format(first_line: &[u8]) -> Option<u64> {
        json::newer_format(first_line)
    }

    fn decode(line: &[u8], previous: u32) -> Result<(Self, u32), LineError> {
        json::decode(line, previous).map(|line| (line.stamped, line.crc))
    }

    fn seq(&self) -> u64 {
        self.seq
    }

    fn check_first(&self) -> Result<(), String> {
        if matches!(self.record, Record::LogOpened(_)) {
            return Ok(());
        }
        Err("the log does not begin with `log_opened`".to_owned())
    }
}

/// Reads a log to its end and gives every record to `each`.
///
/// Holds one line at a time, so its memory does not grow with the log.
///
/// # Errors
/// Stops at the first line that is damaged or that `each` refuses.
pub(crate) fn replay<E: Entry>(
    input: &mut impl BufRead,
    each: &mut impl FnMut(E) -> Result<(), String>,
) -> Result<Replayed, Fault> {
    let mut read = Replayed::default();
    replay_into(input, each, &mut read)?;
    Ok(read)
}

/// Does the same and tells of the good part even when the log is damaged after it.
pub(crate) fn replay_into<E: Entry>(
    input: &mut impl BufRead,
    each: &mut impl FnMut(E) -> Result<(), String>,
    read: &mut Replayed,
) -> Result<(), Fault> {
    let mut lines = Lines::new(input);
    while lines.next().map_err(Fault::Read)? {
        if !lines.ended {
            read.tail = Some(lines.rest_from(lines.start));
            break;
        }
        let line = lines.text.as_slice();
        if lines.number == 1
            && let Some(format) = E::newer_format(line)
        {
            return Err(Fault::Newer(format));
        }
        match E::decode(line, read.crc) {
            Ok((entry, crc)) => {
                check_place(&entry, read.records)
                    .and_then(|()| each(entry))
                    .map_err(|why| lines.damaged(why))?;
                read.records += 1;
                read.bytes = lines.end;
                read.crc = crc;
            }
            Err(error) if lines.has_nul() => {
                read.tail = Some(torn_from_here(&mut lines, read.records, &error)?);
                break;
            }
            Err(error) => return Err(lines.damaged(error.to_string())),
        }
    }
    Ok(())
}

/// Checks that a record follows the `last` one, and that the first one begins a log.
fn check_place<E: Entry>(entry: &E, last: u64) -> Result<(), String> {
    if entry.seq() != last + 1 {
        return Err(format!(
            "record {} stands where {} belongs",
            entry.seq(),
            last + 1
        ));
    }
    if last == 0 {
        entry.check_first()
    } else {
        Ok(())
    }
}

/// Reads on after a line with NUL bytes and decides whether all from it on was one write.
///
/// `last` is the number of the last sound record before it.
fn torn_from_here(
    lines: &mut Lines<'_, impl BufRead>,
    last: u64,
    error: &LineError,
) -> Result<Tail, Fault> {
    let start = lines.start;
    let damaged = lines.damaged(format!("{error}: bytes of it are missing (NUL)"));
    while lines.next().map_err(Fault::Read)? && lines.ended {
        if lines.has_nul() {
            continue;
        }
        let same_write = json::peek(&lines.text)
            .is_some_and(|(head, _)| head.seq.saturating_sub(u64::from(head.nth)) <= last + 1);
        if !same_write {
            return Err(damaged);
        }
    }
    lines.skip_rest().map_err(Fault::Read)?;
    Ok(lines.rest_from(start))
}

/// The lines of a log, one at a time.
pub(crate) struct Lines<'a, R> {
    input: &'a mut R,
    /// The line, with its newline; cut short past [`LONGEST`].
    pub(crate) text: Vec<u8>,
    /// Whether it ends in a newline.
    ended: bool,
    /// Its number, from 1.
    number: u64,
    /// Its offset in bytes.
    pub(crate) start: u64,
    /// The offset after it.
    pub(crate) end: u64,
}

impl<'a, R: BufRead> Lines<'a, R> {
    fn new(input: &'a mut R) -> Self {
        Self::after(input, 0, 0)
    }

    /// Reads on after some lines that are that many bytes long.
    pub(crate) const fn after(input: &'a mut R, lines: u64, bytes: u64) -> Self {
        Self {
            input,
            text: Vec::new(),
            ended: false,
            number: lines,
            start: bytes,
            end: bytes,
        }
    }

    /// Moves to the next line; false at the end.
    pub(crate) fn next(&mut self) -> io::Result<bool> {
        self.text.clear();
        self.ended = false;
        self.start = self.end;
        self.number += 1;
        while !self.ended {
            let bytes = match self.input.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if bytes.is_empty() {
                break;
            }
            let piece = match memchr::memchr(b'\n', bytes) {
                Some(at) => {
                    self.ended = true;
                    &bytes[..=at]
                }
                None => bytes,
            };
            let room = LONGEST.saturating_sub(self.text.len());
            self.text.extend_from_slice(&piece[..piece.len().min(room)]);
            let taken = piece.len();
            self.end += u64::try_from(taken).unwrap_or(u64::MAX);
            self.input.consume(taken);
        }
        Ok(self.end > self.start)
    }

    pub(crate) fn has_nul(&self) -> bool {
        self.text.contains(&0)
    }

    /// Moves past the last line.
    fn skip_rest(&mut self) -> io::Result<()> {
        while self.next()? {}
        Ok(())
    }

    const fn rest_from(&self, start: u64) -> Tail {
        Tail {
            at_byte: start,
            bytes: self.end - start,
        }
    }

    const fn damaged(&self, why: String) -> Fault {
        Fault::Damaged {
            line: self.number,
            byte: self.start,
            why,
        }
    }
}

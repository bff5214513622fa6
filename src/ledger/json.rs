//! The spelling of records as lines of the run log.
//!
//! A line is `{"seq":N,"at":"…","kind":"…",…,"crc":"8 hex"}` and a newline. Its checksum is the
//! CRC-32C of the line up to `,"crc"`, started from the checksum of the line before, so that a
//! lost, doubled or moved line is seen. No byte of a line is ever NUL.

use std::borrow::Cow;
use std::fmt;
use std::io::Write as _;

use jiff::Timestamp;
use serde::Deserialize;

use crate::ledger::json::wire::Object;
use crate::ledger::json::word::Word;
use crate::ledger::record::{FORMAT, Record, Stamped};

pub mod decision;
mod intent;
mod wire;
mod word;

/// The length of `,"crc":"8 hex"}`.
const SEAL: usize = 18;

/// A record's place in the log, as written at the front of its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number, from 1.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// How many records were written in the same breath before it: those and it became durable
    /// together. With 0, all that stands before it was durable when it was written.
    pub nth: u32,
}

/// A line that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What it says.
    pub stamped: Stamped,
    /// How many records were written in the same breath before it.
    pub nth: u32,
    /// Its checksum, from which the next line's is started.
    pub crc: u32,
}

/// Why a line is not a sound record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// There is no checksum at its end.
    #[error("the line does not end in a checksum")]
    NoChecksum,
    /// Line and checksum, or this line and the one before, do not belong together.
    #[error(
        "the checksum does not fit: the line was changed, or a line before it was lost, doubled or moved"
    )]
    Checksum,
    /// It is not a record.
    #[error("the line is no record: {0}")]
    Form(String),
}

/// Appends one record as a line and gives its checksum.
///
/// `previous` is the checksum of the line before, or 0 for the first line.
pub fn encode(head: Head, record: &Record, previous: u32, out: &mut Vec<u8>) -> u32 {
    let put_fields = |out: &mut Vec<u8>| Object::put_fields(record, out);
    encode_line(head, kind(record), put_fields, previous, out)
}

/// Appends a line of any kind of record and gives its checksum; its fields come after commas.
fn encode_line(
    head: Head,
    kind: &str,
    put_fields: impl FnOnce(&mut Vec<u8>),
    previous: u32,
    out: &mut Vec<u8>,
) -> u32 {
    let from = out.len();
    put(
        out,
        format_args!("{{\"seq\":{},\"at\":\"{}\"", head.seq, head.at),
    );
    put(out, format_args!(",\"kind\":"));
    Object::put_text(kind, out);
    if head.nth > 0 {
        put(out, format_args!(",\"nth\":{}", head.nth));
    }
    put_fields(out);
    let crc = crc32c::crc32c_append(previous, &out[from..]);
    put(out, format_args!(",\"crc\":\"{crc:08x}\"}}\n"));
    crc
}

/// Reads one line, with or without its newline.
///
/// Fields that are not known are passed over; a kind that is not known becomes
/// [`Record::Other`].
///
/// # Errors
/// Tells why the line is not a sound record that follows the one of checksum `previous`.
pub fn decode(line: &[u8], previous: u32) -> Result<Line, LineError> {
    let Opened {
        line,
        head,
        kind,
        crc,
    } = open_line(line, previous)?;
    let record = Object::read(&kind, line).map_err(form)?;
    let stamped = Stamped {
        seq: head.seq,
        at: head.at,
        record,
    };
    Ok(Line {
        stamped,
        nth: head.nth,
        crc,
    })
}

/// A line whose checksum fits, its fields not read yet.
struct Opened<'a> {
    /// The line without its newline.
    line: &'a [u8],
    head: Head,
    kind: Cow<'a, str>,
    crc: u32,
}

/// Checks a line's checksum and reads its head.
fn open_line(line: &[u8], previous: u32) -> Result<Opened<'_>, LineError> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let (sealed, crc) = split_seal(line)?;
    if crc32c::crc32c_append(previous, sealed) != crc {
        return Err(LineError::Checksum);
    }
    let (head, kind) = read_head(line)?;
    Ok(Opened {
        line,
        head,
        kind,
        crc,
    })
}

/// Reads a line's head and checksum though the line before it is not at hand.
///
/// Nothing vouches for what is read: it serves to judge how far damage reaches.
#[must_use]
pub fn peek(line: &[u8]) -> Option<(Head, u32)> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let (_, crc) = split_seal(line).ok()?;
    let (head, _) = read_head(line).ok()?;
    Some((head, crc))
}

/// Gives the checksum that is written in a line, sound or not.
#[must_use]
pub fn written_checksum(line: &[u8]) -> Option<u32> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    split_seal(line).ok().map(|(_, crc)| crc)
}

/// Gives the format of a log from its first line when it is newer than this version reads.
///
/// Nothing else of such a line is judged, for its rules are not known.
#[must_use]
pub fn newer_format(first_line: &[u8]) -> Option<u64> {
    format_above(FORMAT, first_line)
}

/// Gives the format told in a line, where it is above the one that is known.
fn format_above(known: u32, first_line: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Told {
        format: u64,
    }
    let told: Told = serde_json::from_slice(first_line).ok()?;
    (told.format > u64::from(known)).then_some(told.format)
}

const fn kind(record: &Record) -> &str {
    match record {
        Record::LogOpened(_) => "log_opened",
        Record::RunStarted(_) => "run_started",
        Record::Reference(_) => "reference",
        Record::Intent(_) => "intent",
        Record::Accepted(_) => "accepted",
        Record::Produced(_) => "produced",
        Record::Saved(_) => "saved",
        Record::Refused(_) => "refused",
        Record::Failed(_) => "failed",
        Record::Unsure(_) => "unsure",
        Record::Lost(_) => "lost",
        Record::RunEnded(_) => "run_ended",
        Record::Gap(_) => "gap",
        Record::Other(kind) => kind.as_str(),
    }
}

/// Parts a line from its checksum.
fn split_seal(line: &[u8]) -> Result<(&[u8], u32), LineError> {
    let split = line.len().checked_sub(SEAL).ok_or(LineError::NoChecksum)?;
    let (sealed, seal) = line.split_at(split);
    let hex = seal
        .strip_prefix(b",\"crc\":\"")
        .and_then(|rest| rest.strip_suffix(b"\"}"))
        .ok_or(LineError::NoChecksum)?;
    let mut crc = 0;
    for digit in hex {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return Err(LineError::NoChecksum),
        };
        crc = crc << 4 | u32::from(value);
    }
    Ok((sealed, crc))
}

/// Reads the head of a line, wherever its fields stand.
fn read_head(line: &[u8]) -> Result<(Head, Cow<'_, str>), LineError> {
    #[derive(Deserialize)]
    struct Anywhere<'a> {
        seq: u64,
        at: Word<Timestamp>,
        #[serde(borrow)]
        kind: Cow<'a, str>,
        #[serde(default)]
        nth: u32,
    }
    if let Some(found) = head_in_front(line) {
        return Ok(found);
    }
    let head: Anywhere<'_> = serde_json::from_slice(line).map_err(form)?;
    let Anywhere { seq, at, kind, nth } = head;
    Ok((Head { seq, at: at.0, nth }, kind))
}

/// Reads the head where [`encode`] puts it, which spares a pass over the whole line.
fn head_in_front(line: &[u8]) -> Option<(Head, Cow<'_, str>)> {
    let (seq, rest) = digits(line.strip_prefix(b"{\"seq\":")?)?;
    let (at, rest) = plain_text(rest.strip_prefix(b",\"at\":\"")?)?;
    let (kind, rest) = plain_text(rest.strip_prefix(b",\"kind\":\"")?)?;
    let nth = match rest.strip_prefix(b",\"nth\":") {
        Some(rest) => u32::try_from(digits(rest)?.0).ok()?,
        None => 0,
    };
    let at = at.parse().ok()?;
    Some((Head { seq, at, nth }, Cow::Borrowed(kind)))
}

fn digits(text: &[u8]) -> Option<(u64, &[u8])> {
    let end = text.iter().position(|b| !b.is_ascii_digit())?;
    let (digits, rest) = text.split_at(end);
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, rest))
}

/// Gives the text up to the closing quote when nothing in it is escaped.
fn plain_text(text: &[u8]) -> Option<(&str, &[u8])> {
    let end = text.iter().position(|b| matches!(b, b'"' | b'\\'))?;
    let rest = text[end..].strip_prefix(b"\"")?;
    Some((std::str::from_utf8(&text[..end]).ok()?, rest))
}

fn form(error: impl fmt::Display) -> LineError {
    LineError::Form(error.to_string())
}

#[expect(
    clippy::expect_used,
    reason = "writing to a Vec has no error of its own, and no Display used here gives one"
)]
fn put(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes every byte");
}

#[cfg(test)]
mod tests;

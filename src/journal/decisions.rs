//! The decisions on disk: lines like the run log's, appended by whoever decides, at any time.
//!
//! Each append takes a lock on the file itself, reads the file to its end, cuts off a torn last
//! line, writes and syncs, and lets the lock go. So two commands never write at once, and what one
//! decides rests on all that was decided before. The run's own lock is no part of it.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Seek as _};
use std::path::Path;

use crate::folder::error::FileError;
use crate::folder::{Folder, Readers};
use crate::journal::reader::{self, Entry, Fault, Replayed, Tail};
use crate::journal::writer::{Clock, write_whole};
use crate::ledger::decision::{Decisions, FORMAT, Record, Stamped};
use crate::ledger::json::{Head, LineError, decision as json};

/// The name of the decisions in the output folder.
pub const FILE: &str = "decisions.jsonl";

/// What was appended.
#[derive(Debug)]
pub struct Appended {
    /// The records, as they stand in the file.
    pub records: Vec<Stamped>,
    /// What was cut off the file's end before.
    pub cut: Option<Tail>,
}

/// Why the decisions cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecisionsError {
    /// The file is not what was written.
    #[error(
        "{path}:{line}: the decisions are damaged at byte {byte}: {why}; nothing was changed: put \
         back a sound copy of this file, or move it away and decide again"
    )]
    Damaged {
        /// The file.
        path: String,
        /// The line, from 1.
        line: u64,
        /// The offset of that line's first byte.
        byte: u64,
        /// What is wrong with it.
        why: String,
    },
    /// A later version wrote the file.
    #[error(
        "{path}: the decisions have format {format}, and this version reads up to {FORMAT}; \
         nothing was changed: use the version that wrote them, or a later one"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its format.
        format: u64,
    },
    /// It cannot be read or locked.
    #[error("{0}")]
    File(FileError),
    /// The decisions could not be made durable.
    #[error("{path}: cannot write the decisions: {reason}; nothing was decided")]
    Write {
        /// The file.
        path: String,
        /// The operating system's reason.
        reason: String,
    },
}

impl Entry for Stamped {
    fn newer_format(first_line: &[u8]) -> Option<u64> {
        json::newer_format(first_line)
    }

    fn decode(line: &[u8], previous: u32) -> Result<(Self, u32), LineError> {
        json::decode(line, previous)
    }

    fn seq(&self) -> u64 {
        self.seq
    }

    fn check_first(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Reads the decisions of an output folder, changing nothing; none where there is no file.
///
/// Also gives what stands at the file's end and is no whole line.
///
/// # Errors
/// Tells why the file cannot be read.
pub fn read(output: &Path) -> Result<(Decisions, Option<Tail>), DecisionsError> {
    let opened = Folder::open(output).and_then(|folder| {
        let file = folder.read(FILE)?;
        Ok((folder.shown(FILE), file))
    });
    let (path, file) = match opened {
        Ok(opened) => opened,
        Err(error) if error.is_missing() => return Ok((Decisions::default(), None)),
        Err(error) => return Err(DecisionsError::File(error)),
    };
    // Whoever is just writing is waited for; where files cannot be locked, what is whole is read.
    let _unlocked = patiently(|| file.lock_shared());
    let (decisions, replayed) = fold(&file, &path)?;
    Ok((decisions, replayed.tail))
}

/// Appends what `decide` makes of all decisions so far; nothing where it gives nothing.
///
/// # Errors
/// What `decide` refuses is passed on, and nothing is written then.
pub fn append<E: From<DecisionsError>>(
    output: &Path,
    clock: &Clock,
    decide: impl FnOnce(&Decisions) -> Result<Vec<Record>, E>,
) -> Result<Appended, E> {
    let folder = Folder::make(output).map_err(DecisionsError::File)?;
    let path = folder.shown(FILE);
    let there = folder.read(FILE).is_ok();
    let mut file = folder
        .append(FILE, Readers::ByUmask)
        .map_err(DecisionsError::File)?;
    let file_error = |error: io::Error| FileError::from_io(path.clone(), &error);
    patiently(|| file.lock()).map_err(|error| DecisionsError::File(file_error(error)))?;
    let (decisions, replayed) = fold(&file, &path)?;
    let records = decide(&decisions)?;
    if records.is_empty() {
        return Ok(Appended {
            records: Vec::new(),
            cut: None,
        });
    }
    let (lines, stamped) = spell(records, &replayed, clock);
    let end = replayed.bytes;
    let written = cut_torn(&mut file, &replayed)
        .and_then(|()| write_whole(&mut file, &lines))
        .and_then(|()| file.sync_all());
    let named = written.and_then(|()| {
        let synced = if there { Ok(()) } else { folder.sync() };
        synced.map_err(|error| io::Error::other(error.to_string()))
    });
    if let Err(error) = named {
        // What was half written is not to be read as decided; if that fails too, it is torn.
        let _left = file.set_len(end).and_then(|()| file.sync_all());
        let reason = FileError::from_io(path.clone(), &error).why.to_string();
        return Err(DecisionsError::Write { path, reason }.into());
    }
    Ok(Appended {
        records: stamped,
        cut: replayed.tail,
    })
}

/// Waits for a lock, whatever signals come meanwhile.
fn patiently(lock: impl Fn() -> io::Result<()>) -> io::Result<()> {
    loop {
        match lock() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Reads a file to its end.
fn fold(file: &File, path: &str) -> Result<(Decisions, Replayed), DecisionsError> {
    let mut decisions = Decisions::default();
    let mut take_in = |stamped: Stamped| {
        decisions.apply(&stamped);
        Ok(())
    };
    let replayed = reader::replay(&mut BufReader::new(file), &mut take_in);
    let replayed = replayed.map_err(|fault| match fault {
        Fault::Damaged { line, byte, why } => DecisionsError::Damaged {
            path: path.to_owned(),
            line,
            byte,
            why,
        },
        Fault::Newer(format) => DecisionsError::Newer {
            path: path.to_owned(),
            format,
        },
        Fault::Read(error) => DecisionsError::File(FileError::from_io(path.to_owned(), &error)),
    })?;
    Ok((decisions, replayed))
}

fn cut_torn(file: &mut File, replayed: &Replayed) -> io::Result<()> {
    if let Some(tail) = &replayed.tail {
        file.set_len(tail.at_byte)?;
        file.rewind()?;
    }
    Ok(())
}

/// Spells records that are written in one breath.
fn spell(records: Vec<Record>, after: &Replayed, clock: &Clock) -> (Vec<u8>, Vec<Stamped>) {
    let now = clock();
    let (mut lines, mut crc, mut stamped) = (Vec::new(), after.crc, Vec::new());
    for (record, nth) in records.into_iter().zip(0..) {
        let head = Head {
            seq: after.records + 1 + u64::from(nth),
            at: jiff::Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now),
            nth,
        };
        crc = json::encode(head, &record, crc, &mut lines);
        stamped.push(Stamped {
            seq: head.seq,
            at: head.at,
            record,
        });
    }
    (lines, stamped)
}

//! The run log on disk: one file, appended to by one process at a time, read from front to back.
//!
//! Owns `run-log.jsonl` and `.lock` in the output folder, and `decisions.jsonl`, to which people
//! append at any time. It never judges what the records mean,
//! never changes a byte that was durable, and never writes to a log that it did not read to its
//! end first.
//!
//! Invariants: an append is answered only when its record is synced; records stand in the order in
//! which they were asked for; after a write or sync fails nothing more is written; what is read at
//! the start is synced before anyone acts on it.
//!
//! A crash leaves a sound log, followed by at most what was written since the last sync: a line
//! without its end, or lines with NUL bytes in them, or lines that were never answered. The first
//! two are cut off by the next run, the third count.

use std::future::Future;
use std::io::{BufReader, Seek as _};
use std::path::Path;

use crate::folder::error::FileError;
use crate::folder::{Folder, Readers};
use crate::journal::lock::{Holder, Lock, LockError};
use crate::journal::reader::{Fault, Tail};
use crate::journal::writer::{Clock, Place, Writer};
use crate::ledger::port::{LogError, RunLog};
use crate::ledger::record::{FORMAT, LogOpened, Record, Stamped};

pub mod decisions;
pub mod doctor;
pub mod lock;
pub mod reader;
pub mod writer;

/// The name of the run log in the output folder.
pub const FILE: &str = "run-log.jsonl";

/// The run log of this process, to which it alone appends.
///
/// Dropping it waits for the records that were asked for, then lets the lock go.
#[derive(Debug)]
pub struct Journal {
    writer: Writer,
    /// Held after the writer so that it is let go last.
    _lock: Option<Lock>,
}

/// A run log that was opened for a run.
#[derive(Debug)]
pub struct Opened {
    /// Where records are appended.
    pub journal: Journal,
    /// Whether the log was begun just now.
    pub new: bool,
    /// How many records were read or, for a new log, written.
    pub records: u64,
    /// What was cut off its end.
    pub cut: Option<Tail>,
}

/// A run log that was read without opening it for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// How many records it holds.
    pub records: u64,
    /// What stands at its end and is no record (yet: another run may be writing it).
    pub tail: Option<Tail>,
}

/// Why a run log cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another run is at work in the folder.
    #[error("{folder}: {holder}; wait for it or stop it")]
    Locked {
        /// The output folder.
        folder: String,
        /// Who holds the lock.
        holder: Holder,
    },
    /// The log is not what was written.
    #[error(
        "{path}:{line}: the run log is damaged at byte {byte}: {why}; \
         nothing was changed: put back a sound copy of this file before anything is bought; \
         `reshoot doctor` tells what is damaged and what of it is sound"
    )]
    Damaged {
        /// The log.
        path: String,
        /// The line, from 1.
        line: u64,
        /// The offset of that line's first byte in the file.
        byte: u64,
        /// What is wrong with it.
        why: String,
    },
    /// A later version wrote the log.
    #[error(
        "{path}: the run log has format {format}, and this version reads up to {FORMAT}; \
         nothing was changed: use the version that wrote it, or a later one"
    )]
    Newer {
        /// The log.
        path: String,
        /// Its format.
        format: u64,
    },
    /// A file or folder cannot be used.
    #[error("{0}")]
    File(FileError),
    /// The first record cannot be written.
    #[error("{0}")]
    Log(LogError),
}

/// Opens the run log of an output folder for a run, making both where they are missing.
///
/// Takes the lock, gives every record to `each`, cuts off a torn end, begins a new log with
/// `begin`'s record. What `each` refuses counts as damage of its line.
///
/// # Errors
/// Tells why the log cannot be used; then not a byte of it was changed.
pub fn open(
    output: &Path,
    clock: Clock,
    begin: impl FnOnce() -> LogOpened,
    mut each: impl FnMut(Stamped) -> Result<(), String>,
) -> Result<Opened, OpenError> {
    let folder = Folder::make(output).map_err(OpenError::File)?;
    let lock = take_lock(&folder, &clock)?;
    let path = folder.shown(FILE);
    let file_error =
        |error: std::io::Error| OpenError::File(FileError::from_io(path.clone(), &error));
    let mut file = folder
        .append(FILE, Readers::Owner)
        .map_err(OpenError::File)?;
    let replayed = reader::replay(&mut BufReader::with_capacity(1 << 16, &file), &mut each)
        .map_err(|fault| told(fault, &path))?;
    let cut = replayed.tail;
    if let Some(tail) = &cut {
        file.set_len(tail.at_byte).map_err(file_error)?;
        file.rewind().map_err(file_error)?;
    }
    // A killed run may have written what it never synced, and its name too; from here on it is
    // acted on.
    file.sync_all().map_err(file_error)?;
    folder.sync().map_err(OpenError::File)?;
    let place = Place {
        seq: replayed.records,
        crc: replayed.crc,
    };
    let mut writer = writer::Appender::new(file, path, clock, place);
    let new = replayed.records == 0;
    if new {
        let _opened = writer
            .append_now(&Record::LogOpened(begin()))
            .map_err(OpenError::Log)?;
    }
    let journal = Journal {
        writer: Writer::start(writer).map_err(OpenError::Log)?,
        _lock: Some(lock),
    };
    Ok(Opened {
        journal,
        new,
        records: replayed.records.max(1),
        cut,
    })
}

fn take_lock(folder: &Folder, clock: &Clock) -> Result<Lock, OpenError> {
    Lock::take(folder, clock()).map_err(|error| match error {
        LockError::Held(holder) => OpenError::Locked {
            folder: folder.path().to_owned(),
            holder,
        },
        LockError::File(error) => OpenError::File(error),
    })
}

/// Reads the run log of an output folder without lock and without changing anything.
///
/// Gives nothing when there is no log. What `each` refuses counts as damage of its line.
///
/// # Errors
/// Tells why the log cannot be read.
pub fn read(
    output: &Path,
    mut each: impl FnMut(Stamped) -> Result<(), String>,
) -> Result<Option<Read>, OpenError> {
    let opened = Folder::open(output).and_then(|folder| {
        let file = folder.read(FILE)?;
        Ok((folder.shown(FILE), file))
    });
    let (path, file) = match opened {
        Ok(opened) => opened,
        Err(error) if error.is_missing() => return Ok(None),
        Err(error) => return Err(OpenError::File(error)),
    };
    let replayed = reader::replay(&mut BufReader::with_capacity(1 << 16, file), &mut each)
        .map_err(|fault| told(fault, &path))?;
    Ok(Some(Read {
        records: replayed.records,
        tail: replayed.tail,
    }))
}

/// Tells who is at work in an output folder, without waiting; none where nobody is.
///
/// # Errors
/// The folder or its lock cannot be looked at.
pub fn at_work(output: &Path) -> Result<Option<Holder>, OpenError> {
    match Folder::open(output).and_then(|folder| Holder::of(&folder)) {
        Ok(holder) => Ok(holder),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(OpenError::File(error)),
    }
}

fn told(fault: Fault, path: &str) -> OpenError {
    let path = path.to_owned();
    match fault {
        Fault::Damaged { line, byte, why } => OpenError::Damaged {
            path,
            line,
            byte,
            why,
        },
        Fault::Newer(format) => OpenError::Newer { path, format },
        Fault::Read(error) => OpenError::File(FileError::from_io(path, &error)),
    }
}

impl RunLog for Journal {
    fn append(&self, record: Record) -> impl Future<Output = Result<Stamped, LogError>> + Send {
        self.writer.append(record)
    }
}

#[cfg(test)]
mod tests;

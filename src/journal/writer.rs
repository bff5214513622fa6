//! The one thread that writes the run log.
//!
//! It takes all records that are waiting, writes them at once, syncs once and answers them all: a
//! sync that takes long makes the next batch larger, not the queue longer.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::folder::error::FileError;
use crate::ledger::json::{self, Head};
use crate::ledger::port::LogError;
use crate::ledger::record::{Record, Stamped};

/// Tells the time for a record's `at`.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The most records in one write.
const LARGEST_BATCH: usize = 4096;

/// What a log is written to.
pub(crate) trait Medium: Send + 'static {
    /// Appends some of the bytes and tells how many.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Makes durable what was written.
    fn sync(&mut self) -> io::Result<()>;
}

impl Medium for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// The end of a log, where the next record goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The number of the last record.
    pub(crate) seq: u64,
    /// Its checksum.
    pub(crate) crc: u32,
}

/// Appends to a log, on whatever thread it is used.
pub(crate) struct Appender<M> {
    medium: M,
    path: String,
    clock: Clock,
    place: Place,
    /// The first failure, never taken back: what is on disk is then not known. Whoever comes later
    /// is told the same, since it is chance who tells a person first.
    failed: Option<LogError>,
    lines: Vec<u8>,
}

impl<M: Medium> Appender<M> {
    pub(crate) const fn new(medium: M, path: String, clock: Clock, place: Place) -> Self {
        Self {
            medium,
            path,
            clock,
            place,
            failed: None,
            lines: Vec::new(),
        }
    }

    /// Appends one record and gives it as it stands in the log.
    pub(crate) fn append_now(&mut self, record: &Record) -> Result<Stamped, LogError> {
        self.lines.clear();
        let (seq, at) = self.encode(record, 0);
        self.write_lines()?;
        Ok(Stamped {
            seq,
            at,
            record: record.clone(),
        })
    }

    /// Appends records in one write and answers each.
    fn append_batch(&mut self, batch: Vec<Letter>) {
        self.lines.clear();
        let mut answers = Vec::with_capacity(batch.len());
        for (letter, nth) in batch.into_iter().zip(0..) {
            let (seq, at) = self.encode(&letter.record, nth);
            let record = letter.record;
            answers.push((letter.answer, Stamped { seq, at, record }));
        }
        let written = self.write_lines();
        for (answer, stamped) in answers {
            // Nobody waits for the answer any more when a run is being torn down.
            let _unheard = answer.send(written.clone().map(|()| stamped));
        }
    }

    fn encode(&mut self, record: &Record, nth: u32) -> (u64, Timestamp) {
        let now = (self.clock)();
        let head = Head {
            seq: self.place.seq + 1,
            at: Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now),
            nth,
        };
        let crc = json::encode(head, record, self.place.crc, &mut self.lines);
        self.place = Place { seq: head.seq, crc };
        (head.seq, head.at)
    }

    fn write_lines(&mut self) -> Result<(), LogError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let done = write_whole(&mut self.medium, &self.lines).and_then(|()| self.medium.sync());
        done.map_err(|error| {
            let why = FileError::from_io(self.path.clone(), &error).why;
            let failed = LogError::Write {
                path: self.path.clone(),
                reason: why.to_string(),
            };
            self.failed.insert(failed).clone()
        })
    }
}

/// Writes all bytes; only a write that took none because of a signal is tried again.
pub(crate) fn write_whole(medium: &mut impl Medium, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match medium.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(taken) => bytes = bytes.get(taken..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A record on its way to the thread.
struct Letter {
    record: Record,
    answer: oneshot::Sender<Result<Stamped, LogError>>,
}

/// The thread that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    /// Empty once the writer is being dropped.
    letters: Option<Sender<Letter>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start<M: Medium>(appender: Appender<M>) -> Result<Self, LogError> {
        let (letters, waiting) = mpsc::channel();
        let path = appender.path.clone();
        let thread = std::thread::Builder::new()
            .name("run-log".to_owned())
            .spawn(move || write_all_letters(appender, &waiting))
            .map_err(|error| LogError::Write {
                path,
                reason: format!("no thread to write it: {error}"),
            })?;
        Ok(Self {
            letters: Some(letters),
            thread: Some(thread),
        })
    }

    /// Hands a record over when first polled and waits until it is durable.
    pub(crate) async fn append(&self, record: Record) -> Result<Stamped, LogError> {
        let (answer, answered) = oneshot::channel();
        let letter = Letter { record, answer };
        let sent = self.letters.as_ref().map(|letters| letters.send(letter));
        match sent {
            Some(Ok(())) => answered.await.unwrap_or(Err(LogError::Shut)),
            _ => Err(LogError::Shut),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.letters = None;
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn write_all_letters<M: Medium>(mut appender: Appender<M>, waiting: &Receiver<Letter>) {
    while let Ok(first) = waiting.recv() {
        let mut batch = vec![first];
        batch.extend(waiting.try_iter().take(LARGEST_BATCH - 1));
        appender.append_batch(batch);
    }
}

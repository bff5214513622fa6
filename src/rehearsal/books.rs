//! The books on disk: one append-only file, read back whole at the start.
//!
//! What a crash leaves: a line is either complete, or the last one and torn. A torn line was never
//! acknowledged (acknowledging waits for the sync that covers the line), so it is cut off. A line
//! that was written but not acknowledged counts: the client of a real service could not tell either.
//!
//! Lines that wait together are written and synced together, by one thread.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::id::Id;
use super::record::{FORMAT, Record};

const FILE_NAME: &str = "books.jsonl";
/// The most bytes put into one write.
const BATCH_BYTES: usize = 1 << 20;

/// Says why the books cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    /// The folder or a file in it cannot be used.
    #[error("cannot use the rehearsal's books at {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another rehearsal serves from the same folder.
    #[error("another rehearsal uses {} (its lock is held)", folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// A line that is not the last cannot be read.
    #[error("{}, line {line}: {message}; move the folder away to start with new books", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        message: String,
    },
}

/// Says that the books cannot be written any more; no task may be acknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) struct WriteFailed;

/// Where a line stands in the books.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    offset: u64,
    length: u32,
}

/// Appends to the books and reads single lines back.
#[derive(Debug)]
pub(super) struct Books {
    file: Arc<File>,
    queue: Mutex<Option<Sender<Entry>>>,
    writer: Mutex<Option<std::thread::JoinHandle<()>>>,
    /// Released when the books are closed, even while a slow connection still knows of them.
    lock: Mutex<Option<File>>,
}

struct Entry {
    line: Vec<u8>,
    /// Present where somebody waits for the line to be on disk.
    done: Option<oneshot::Sender<Result<Place, WriteFailed>>>,
}

impl Books {
    /// Opens the books in a folder, or starts new ones, and hands every record to `replay`.
    pub(super) fn open(
        folder: &Path,
        mut replay: impl FnMut(Record, Place),
    ) -> Result<Self, BooksError> {
        let path = folder.join(FILE_NAME);
        let io = |source| BooksError::Io {
            path: path.clone(),
            source,
        };
        std::fs::create_dir_all(folder).map_err(io)?;
        let lock = lock(folder)?;
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(io)?;
        let whole = read_back(&path, &file, &mut replay)?;
        file.set_len(whole).map_err(io)?;
        if whole == 0 {
            let opened = Record::Opened {
                format: FORMAT,
                salt: Id::random().to_string(),
            };
            let line = encode(&opened);
            file.write_all(&line)
                .and_then(|()| file.sync_all())
                .map_err(io)?;
            sync_folder(folder).map_err(io)?;
            replay(
                opened,
                Place {
                    offset: 0,
                    length: length(&line),
                },
            );
        }
        let end = file.seek(SeekFrom::End(0)).map_err(io)?;
        let file = Arc::new(file);
        let (sender, receiver) = channel();
        let target = Arc::clone(&file);
        let writer = std::thread::Builder::new()
            .name("rehearsal-books".to_owned())
            .spawn(move || write_all(&target, end, &receiver))
            .map_err(io)?;
        let queue = Mutex::new(Some(sender));
        Ok(Self {
            file,
            queue,
            writer: Mutex::new(Some(writer)),
            lock: Mutex::new(Some(lock)),
        })
    }

    /// Appends a record and returns once it is on disk.
    pub(super) async fn append(&self, record: &Record) -> Result<Place, WriteFailed> {
        let (done, on_disk) = oneshot::channel();
        self.send(Entry {
            line: encode(record),
            done: Some(done),
        })?;
        on_disk.await.map_err(|_| WriteFailed)?
    }

    /// Appends a record without waiting: it survives the end of the process, not a power cut.
    pub(super) fn note(&self, record: &Record) {
        // Nobody waits for a note; a failed write is told to the next one who does.
        self.send(Entry {
            line: encode(record),
            done: None,
        })
        .ok();
    }

    /// Returns once everything appended before is on disk.
    pub(super) async fn settled(&self) -> Result<(), WriteFailed> {
        let (done, on_disk) = oneshot::channel();
        self.send(Entry {
            line: Vec::new(),
            done: Some(done),
        })?;
        on_disk.await.map_err(|_| WriteFailed)?.map(|_| ())
    }

    /// Reads one line back.
    pub(super) fn read(&self, place: Place) -> Option<Record> {
        let mut line = vec![0; usize::try_from(place.length).ok()?];
        self.file.read_exact_at(&mut line, place.offset).ok()?;
        serde_json::from_slice(&line).ok()
    }

    /// Writes what is waiting and takes nothing more.
    pub(super) fn close(&self) {
        drop(
            self.queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(writer) = writer {
            // A panic in the writer has already failed everyone who waited for it.
            writer.join().ok();
        }
        drop(
            self.lock
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }

    fn send(&self, entry: Entry) -> Result<(), WriteFailed> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue
            .as_ref()
            .and_then(|queue| queue.send(entry).ok())
            .ok_or(WriteFailed)
    }
}

impl Drop for Books {
    fn drop(&mut self) {
        self.close();
    }
}

fn lock(folder: &Path) -> Result<File, BooksError> {
    let path = folder.join(".lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path);
    let file = file.map_err(|source| BooksError::Io {
        path: path.clone(),
        source,
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(BooksError::Locked {
            folder: folder.to_owned(),
        }),
        Err(std::fs::TryLockError::Error(source)) => Err(BooksError::Io { path, source }),
    }
}

pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Replays every whole line and gives the length of the part that is whole.
fn read_back(
    path: &Path,
    file: &File,
    replay: &mut impl FnMut(Record, Place),
) -> Result<u64, BooksError> {
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    let mut offset = 0;
    for number in 1.. {
        line.clear();
        let read = reader
            .read_until(b'\n', &mut line)
            .map_err(|source| BooksError::Io {
                path: path.to_owned(),
                source,
            })?;
        if read == 0 || line.last() != Some(&b'\n') {
            break;
        }
        let damaged = |message| BooksError::Damaged {
            path: path.to_owned(),
            line: number,
            message,
        };
        match serde_json::from_slice(&line) {
            Ok(Record::Opened { format, .. }) if format != FORMAT => {
                return Err(damaged(format!("books of format {format}, not {FORMAT}")));
            }
            Ok(record) => replay(
                record,
                Place {
                    offset,
                    length: length(&line),
                },
            ),
            Err(_) if reader.fill_buf().is_ok_and(<[u8]>::is_empty) => break,
            Err(error) => return Err(damaged(error.to_string())),
        }
        offset += u64::from(length(&line));
    }
    Ok(offset)
}

fn encode(record: &Record) -> Vec<u8> {
    // Records hold strings, numbers and JSON values alone, which always serialise.
    let mut line = serde_json::to_vec(record).unwrap_or_default();
    line.push(b'\n');
    line
}

/// Gives a line's length; the body limit keeps lines far below 4 GiB.
fn length(line: &[u8]) -> u32 {
    u32::try_from(line.len()).unwrap_or(u32::MAX)
}

fn write_all(mut file: &File, mut end: u64, queue: &Receiver<Entry>) {
    let mut failed = false;
    let mut batch = Vec::new();
    let mut waiting = Vec::new();
    while let Ok(first) = queue.recv() {
        let mut next = Some(first);
        while let Some(entry) = next {
            let place = Place {
                offset: end + u64::try_from(batch.len()).unwrap_or(0),
                length: length(&entry.line),
            };
            batch.extend_from_slice(&entry.line);
            waiting.extend(entry.done.map(|done| (done, place)));
            next = if batch.len() < BATCH_BYTES {
                queue.try_recv().ok()
            } else {
                None
            };
        }
        // After a failed write or sync nothing is known of the file's end, so nothing more is tried.
        failed = failed
            || file.write_all(&batch).is_err()
            || (!waiting.is_empty() && file.sync_data().is_err());
        end += u64::try_from(batch.len()).unwrap_or(0);
        batch.clear();
        for (done, place) in waiting.drain(..) {
            // The one who waited may have gone; the line is on disk all the same.
            done.send(if failed { Err(WriteFailed) } else { Ok(place) })
                .ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{Books, BooksError, FILE_NAME};
    use crate::rehearsal::id::Id;
    use crate::rehearsal::record::Record;

    fn kinds(folder: &std::path::Path) -> Result<Vec<String>, BooksError> {
        let mut kinds = Vec::new();
        Books::open(folder, |record, _| {
            kinds.push(
                format!("{record:?}")
                    .chars()
                    .take_while(|c| c.is_alphanumeric())
                    .collect(),
            );
        })?;
        Ok(kinds)
    }

    fn deleted() -> Record {
        Record::Deleted {
            image: Id::random(),
        }
    }

    #[tokio::test]
    async fn cuts_a_torn_line_at_every_byte() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path(), |_, _| ()).unwrap();
        books.append(&deleted()).await.unwrap();
        books.append(&deleted()).await.unwrap();
        drop(books);
        let path = folder.path().join(FILE_NAME);
        let whole = std::fs::read(&path).unwrap();
        let last = whole[..whole.len() - 1]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .unwrap()
            + 1;
        for length in last..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(
                kinds(folder.path()).unwrap(),
                ["Opened", "Deleted"],
                "{length}"
            );
            assert_eq!(std::fs::read(&path).unwrap(), whole[..last]);
        }
    }

    #[tokio::test]
    async fn refuses_damage_before_the_last_line() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path(), |_, _| ()).unwrap();
        books.append(&deleted()).await.unwrap();
        drop(books);
        let path = folder.path().join(FILE_NAME);
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap();
        file.write_all(b"{\"kind\":\"nonsense\"}\n{\"kind\":\"tally\"}\n")
            .unwrap();
        drop(file);
        assert!(matches!(
            kinds(folder.path()),
            Err(BooksError::Damaged { line: 3, .. })
        ));
    }

    #[tokio::test]
    async fn cuts_a_tail_of_nul_bytes() {
        let folder = tempfile::tempdir().unwrap();
        drop(Books::open(folder.path(), |_, _| ()).unwrap());
        let path = folder.path().join(FILE_NAME);
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap();
        file.write_all(&[0; 4096]).unwrap();
        drop(file);
        assert_eq!(kinds(folder.path()).unwrap(), ["Opened"]);
    }

    #[tokio::test]
    async fn reads_a_line_back_from_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path(), |_, _| ()).unwrap();
        let image = Id::random();
        books.note(&deleted());
        let place = books.append(&Record::Deleted { image }).await.unwrap();
        assert!(
            matches!(books.read(place), Some(Record::Deleted { image: back }) if back == image)
        );
    }

    #[test]
    fn one_folder_serves_one_rehearsal() {
        let folder = tempfile::tempdir().unwrap();
        let first = Books::open(folder.path(), |_, _| ()).unwrap();
        assert!(matches!(
            kinds(folder.path()),
            Err(BooksError::Locked { .. })
        ));
        drop(first);
        assert!(kinds(folder.path()).is_ok());
    }
}

//! One run at a time in an output folder.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};

use jiff::Timestamp;

use crate::folder::error::FileError;
use crate::folder::{Folder, Readers};

const FILE: &str = ".lock";

/// The lock of an output folder: the operating system lets it go with the process.
///
/// The file stays; only the lock on it counts.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Who holds a lock, as far as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder(Option<Known>);

/// The process that holds a lock, by its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its number.
    pub pid: u32,
    /// The machine it runs on.
    pub host: String,
    /// Since when.
    pub since: Timestamp,
}

/// Why the lock was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockError {
    /// Another process holds it.
    Held(Holder),
    /// The file cannot be used.
    File(FileError),
}

impl Lock {
    /// Takes the lock or tells who holds it, without waiting.
    ///
    /// # Errors
    /// Another process holds it, or the file cannot be used.
    pub fn take(folder: &Folder, now: Timestamp) -> Result<Self, LockError> {
        let file = folder
            .append(FILE, Readers::Owner)
            .map_err(LockError::File)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held(Holder::told_by(&file))),
            Err(TryLockError::Error(error)) => {
                let path = folder.shown(FILE);
                return Err(LockError::File(FileError::from_io(path, &error)));
            }
        }
        // Who holds it is told to people only: a full disk is no reason not to hold it.
        let _told = leave_word(&file, now);
        Ok(Self { _file: file })
    }
}

fn leave_word(mut file: &File, now: Timestamp) -> std::io::Result<()> {
    file.set_len(0)?;
    let host = host().unwrap_or_else(|| "unknown".to_owned());
    file.write_all(format!("{} {host} {now:.0}\n", std::process::id()).as_bytes())
}

fn host() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    is_host(name).then(|| name.to_owned())
}

fn is_host(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    !name.is_empty() && name.len() <= 255 && name.bytes().all(plain)
}

impl Holder {
    /// Tells who holds the lock of an output folder; none where nobody does.
    ///
    /// A process of this machine that is gone holds nothing any more. Otherwise the lock itself is
    /// tried, and let go at once; only then could a run that begins in the same breath be turned
    /// away by this look.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn of(folder: &Folder) -> Result<Option<Self>, FileError> {
        let file = match folder.read(FILE) {
            Ok(file) => file,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error),
        };
        let holder = Self::told_by(&file);
        if holder.known().is_some_and(Known::is_gone) {
            return Ok(None);
        }
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some(holder)),
            Err(TryLockError::Error(error)) => Err(FileError::from_io(folder.shown(FILE), &error)),
        }
    }

    /// Gives what is known of the process.
    #[must_use]
    pub const fn known(&self) -> Option<&Known> {
        self.0.as_ref()
    }

    fn told_by(file: &File) -> Self {
        let mut text = String::new();
        let read = file.take(400).read_to_string(&mut text);
        Self(read.ok().and_then(|_| Known::parse(&text)))
    }
}

impl Known {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let pid = words.next()?.parse().ok()?;
        let host = words.next().filter(|name| is_host(name))?.to_owned();
        let since = words.next()?.parse().ok()?;
        Some(Self { pid, host, since })
    }

    /// Tells whether it ran on this machine and does not any more.
    fn is_gone(&self) -> bool {
        host().is_some_and(|host| host == self.host)
            && !std::path::Path::new(&format!("/proc/{}", self.pid)).exists()
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(Known { pid, host, since }) => write!(
                f,
                "another run (pid {pid} on {host}, since {since}) is at work in this folder"
            ),
            None => f.write_str("another run is at work in this folder"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn one_holds_it_and_the_other_is_told_who() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = Folder::make(home.path()).expect("opened");
        let now = at("2026-11-24T10:00:00Z");
        let first = Lock::take(&folder, now).expect("free");
        let held = Lock::take(&folder, now).expect_err("held");
        let LockError::Held(holder) = held else {
            panic!("{held:?}");
        };
        let told = holder.to_string();
        assert!(
            told.contains(&format!("pid {} on ", std::process::id())),
            "{told}"
        );
        assert!(told.contains("since 2026-11-24T10:00:00Z"), "{told}");
        assert_eq!(Holder::of(&folder), Ok(Some(holder)));
        drop(first);
        assert_eq!(Holder::of(&folder), Ok(None), "nobody holds it any more");
        assert!(Lock::take(&folder, now).is_ok());
    }

    #[test]
    fn strange_words_in_the_file_are_not_passed_on() {
        for text in [
            "",
            "x",
            "1 \u{1b}[31m 2026-11-24T10:00:00Z",
            "1 host today",
            "\u{0}",
        ] {
            assert_eq!(Known::parse(text), None);
        }
        assert_eq!(
            Holder(None).to_string(),
            "another run is at work in this folder"
        );
    }
}

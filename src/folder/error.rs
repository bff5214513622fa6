//! What can go wrong with a file, told with the way out.

use std::fmt;
use std::io;

use rustix::io::Errno;

/// A file or folder that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// The file or folder.
    pub path: String,
    /// The reason.
    pub why: Why,
}

/// Why a file or folder could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The operating system said so.
    System(Errno),
    /// The path leads out of its folder.
    Outside,
    /// It is a folder, a pipe or a device.
    NotRegular,
    /// Something else; in words.
    Other(String),
}

impl FileError {
    pub(crate) const fn new(path: String, errno: Errno) -> Self {
        let why = Why::System(errno);
        Self { path, why }
    }

    pub(crate) const fn outside(path: String) -> Self {
        let why = Why::Outside;
        Self { path, why }
    }

    pub(crate) const fn not_regular(path: String) -> Self {
        let why = Why::NotRegular;
        Self { path, why }
    }

    /// Takes an error of the standard library.
    #[must_use]
    pub fn from_io(path: String, error: &io::Error) -> Self {
        let why = match Errno::from_io_error(error) {
            Some(errno) => Why::System(errno),
            None => Why::Other(error.to_string()),
        };
        Self { path, why }
    }

    /// Tells whether there is no such file.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self.why, Why::System(Errno::NOENT))
    }

    /// Tells whether the name was already taken.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        matches!(self.why, Why::System(Errno::EXIST))
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.why)
    }
}

impl std::error::Error for FileError {}

impl fmt::Display for Why {
    /// Says the reason and what to do, without a full stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(errno) => match way_out(*errno) {
                Some(words) => f.write_str(words),
                None => write!(f, "{}; mend this and run again", io::Error::from(*errno)),
            },
            Self::Outside => f.write_str("the path leads out of the output folder"),
            Self::NotRegular => {
                f.write_str("something that is not a file stands there; move it away and run again")
            }
            Self::Other(words) => write!(f, "{words}; mend this and run again"),
        }
    }
}

const fn way_out(errno: Errno) -> Option<&'static str> {
    Some(match errno {
        Errno::NOSPC => "the disk is full, in bytes or in number of files; make room and run again",
        Errno::DQUOT => {
            "the disk quota is used up; make room or have the quota raised, then run again"
        }
        Errno::MFILE => {
            "this process has too many files open; raise its limit (`ulimit -n`) or lower --jobs, \
             then run again"
        }
        Errno::NFILE => "the machine has too many files open; close some programs and run again",
        Errno::ACCESS | Errno::PERM => {
            "permission denied; give this user the right to read and write there and run again"
        }
        Errno::ROFS => {
            "the file system is read-only; make it writable or choose another folder with --out"
        }
        Errno::IO => "the disk reports an input/output error; check it before running again",
        Errno::NOENT => "it is missing, or its folder was removed while in use; run again",
        Errno::LOOP => {
            "it is a link, and links below the output folder are not followed; put what it leads to \
             in its place and run again"
        }
        Errno::ISDIR => "a folder stands where a file belongs; move it away and run again",
        Errno::NOTDIR => {
            "a file or a link stands where a folder belongs, and links below the output folder \
             are not followed; move it away and run again"
        }
        Errno::NAMETOOLONG => "the name is too long for this file system; shorten the template",
        Errno::FBIG => {
            "the file is too large for this file system or this user's limit; raise the limit or \
             choose another folder with --out"
        }
        Errno::STALE => "the network file system lost the folder; mount it again and run again",
        _ => return None,
    })
}

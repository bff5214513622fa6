//! Folders held open, and the files below them.
//!
//! Owns how files of the output folder are reached, made and named for good. It never decides what
//! stands in them, and knows no format.
//!
//! Invariants: on a path below a folder no link is followed, and none leads out of it; a file is
//! made under a name that was free; a name is given to a file in one step; whoever wants a name
//! to outlive a power cut calls [`Folder::sync`] afterwards.

use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, StatVfsMountFlags};
use rustix::io::Errno;

use crate::folder::error::{FileError, Why};

pub mod error;
pub mod path;

const FOLDER_FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);
/// Not to wait for the other end should a pipe stand where a file belongs.
const FILE_FLAGS: OFlags = OFlags::NOFOLLOW
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK);

/// Whom a new file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone, as state files.
    Owner,
    /// Whomever the umask lets in, as outputs.
    ByUmask,
}

impl Readers {
    fn mode(self) -> Mode {
        Mode::from_raw_mode(match self {
            Self::Owner => 0o600,
            Self::ByUmask => 0o666,
        })
    }
}

/// What stands in a folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Folders.
    pub folders: Vec<String>,
    /// Files, links and all else.
    pub others: Vec<String>,
}

/// How much room there is in a file system, for this user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// How many bytes are free.
    pub bytes: u64,
    /// How many files can still be made; none where the file system knows no such number.
    pub files: Option<u64>,
    /// Whether nothing can be written.
    pub read_only: bool,
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.read_only {
            return f.write_str("read-only; make it writable or choose another folder with --out");
        }
        write!(f, "{} MiB free", self.bytes >> 20)?;
        match self.files {
            Some(files) => write!(f, ", room for {files} files"),
            None => Ok(()),
        }
    }
}

/// A folder held open.
#[derive(Debug)]
pub struct Folder {
    fd: OwnedFd,
    path: String,
}

impl Folder {
    /// Opens a folder; links on the way to it are followed, for they are the user's own.
    ///
    /// # Errors
    /// Gives the operating system's reason.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let shown = path.to_string_lossy().into_owned();
        match rustix::fs::open(path, FOLDER_FLAGS, Mode::empty()) {
            Ok(fd) => Ok(Self { fd, path: shown }),
            Err(errno) => Err(FileError::new(shown, errno)),
        }
    }

    /// Opens a folder and makes it and those above it where they are missing.
    ///
    /// Every name it makes is synced, so that a power cut does not take the folder away.
    ///
    /// # Errors
    /// Gives the operating system's reason.
    pub fn make(path: &Path) -> Result<Self, FileError> {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let missing = match Self::open(path) {
            Err(error) if error.why == Why::System(Errno::NOENT) => error,
            done => return done,
        };
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(missing);
        };
        let above = Self::make(above)?;
        match rustix::fs::mkdirat(&above.fd, name, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(FileError::new(missing.path, errno)),
        }
        above.sync()?;
        Self::open(path)
    }

    /// Gives the path it is shown by.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Gives the path by which a file below it is shown.
    #[must_use]
    pub fn shown(&self, below: &str) -> String {
        if below.is_empty() {
            return self.path.clone();
        }
        format!("{}/{below}", self.path.trim_end_matches('/'))
    }

    /// Opens a folder below; an empty path is this folder.
    ///
    /// # Errors
    /// Gives the operating system's reason; a link in the way is an error.
    pub fn below(&self, path: &str) -> Result<Self, FileError> {
        let shown = self.shown(path);
        if path::parts(path).is_none() {
            return Err(FileError::outside(shown));
        }
        match self.open_whole(path) {
            Some(Ok(fd)) => Ok(Self { fd, path: shown }),
            Some(Err(Errno::NOENT)) => Err(FileError::new(shown, Errno::NOENT)),
            // Going part by part tells which one is in the way.
            Some(Err(_)) | None => self.walk(path, |_, _| Ok(())),
        }
    }

    /// Opens a folder below and makes what is missing on the way.
    ///
    /// The names it makes are not synced yet.
    ///
    /// # Errors
    /// Gives the operating system's reason; a link in the way is an error.
    pub fn make_below(&self, path: &str) -> Result<Self, FileError> {
        match self.below(path) {
            Err(error) if error.is_missing() => self.make_anew(path).map(|(folder, _)| folder),
            done => done,
        }
    }

    /// Makes what is missing on the way to a folder below, opens it, and tells how many parts of
    /// the path were there before.
    ///
    /// # Errors
    /// Gives the operating system's reason; a link in the way is an error.
    pub fn make_anew(&self, path: &str) -> Result<(Self, usize), FileError> {
        let mut there = 0;
        let mut all_there = true;
        let folder = self.walk(path, |above, part| {
            match rustix::fs::mkdirat(above, part, Mode::from_raw_mode(0o777)) {
                Ok(()) => all_there = false,
                Err(Errno::EXIST) => there += usize::from(all_there),
                Err(errno) => return Err(errno),
            }
            Ok(())
        })?;
        Ok((folder, there))
    }

    fn walk(
        &self,
        path: &str,
        mut before: impl FnMut(&OwnedFd, &str) -> Result<(), Errno>,
    ) -> Result<Self, FileError> {
        let shown = self.shown(path);
        let Some(parts) = path::parts(path) else {
            return Err(FileError::outside(shown));
        };
        let flags = FOLDER_FLAGS | OFlags::NOFOLLOW;
        let mut reached: Option<Self> = None;
        for part in parts {
            let above = reached.as_ref().unwrap_or(self);
            let shown = above.shown(part);
            let opened = before(&above.fd, part)
                .and_then(|()| rustix::fs::openat(&above.fd, part, flags, Mode::empty()));
            reached = match opened {
                Ok(fd) => Some(Self { fd, path: shown }),
                Err(errno) => return Err(FileError::new(shown, errno)),
            };
        }
        reached.map_or_else(|| self.again(), Ok)
    }

    /// Opens the same folder once more.
    fn again(&self) -> Result<Self, FileError> {
        match rustix::fs::openat(&self.fd, ".", FOLDER_FLAGS, Mode::empty()) {
            Ok(fd) => Ok(Self {
                fd,
                path: self.path.clone(),
            }),
            Err(errno) => Err(FileError::new(self.path.clone(), errno)),
        }
    }

    /// Opens a folder below in one call, where the kernel has one that follows no link.
    #[cfg(target_os = "linux")]
    fn open_whole(&self, path: &str) -> Option<Result<OwnedFd, Errno>> {
        use rustix::fs::ResolveFlags;
        let path = if path.is_empty() { "." } else { path };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        match rustix::fs::openat2(&self.fd, path, FOLDER_FLAGS, Mode::empty(), resolve) {
            // Kernels before 5.6 lack it.
            Err(Errno::NOSYS) => None,
            done => Some(done),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn open_whole(&self, _path: &str) -> Option<Result<OwnedFd, Errno>> {
        None
    }

    /// Tells how much room there is in its file system.
    ///
    /// # Errors
    /// Gives the operating system's reason.
    pub fn room(&self) -> Result<Room, FileError> {
        let told = rustix::fs::fstatvfs(&self.fd);
        let told = told.map_err(|errno| FileError::new(self.path.clone(), errno))?;
        Ok(Room {
            bytes: told.f_bavail.saturating_mul(told.f_frsize),
            files: (told.f_files > 0).then_some(told.f_favail),
            read_only: told.f_flag.contains(StatVfsMountFlags::RDONLY),
        })
    }

    /// Makes the names in it durable.
    ///
    /// # Errors
    /// Gives the operating system's reason; it is never worth a second try.
    pub fn sync(&self) -> Result<(), FileError> {
        match rustix::fs::fsync(&self.fd) {
            // Some file systems have nothing to sync in a folder and say so.
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            Err(errno) => Err(FileError::new(self.path.clone(), errno)),
        }
    }

    /// Makes a file under a free name.
    ///
    /// # Errors
    /// Gives the operating system's reason; a name that is taken is an error.
    pub fn create(&self, name: &str, readers: Readers) -> Result<File, FileError> {
        let flags = FILE_FLAGS | OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        self.open_at(name, flags, readers.mode())
    }

    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// Gives the operating system's reason; a link or a pipe is an error.
    pub fn read(&self, name: &str) -> Result<File, FileError> {
        let file = self.open_at(name, FILE_FLAGS | OFlags::RDONLY, Mode::empty())?;
        self.regular(name, file)
    }

    /// Opens a regular file for reading and appending, and makes it where it is missing.
    ///
    /// # Errors
    /// Gives the operating system's reason; a link or a pipe is an error.
    pub fn append(&self, name: &str, readers: Readers) -> Result<File, FileError> {
        let flags = FILE_FLAGS | OFlags::RDWR | OFlags::CREATE | OFlags::APPEND;
        let file = self.open_at(name, flags, readers.mode())?;
        self.regular(name, file)
    }

    fn open_at(&self, name: &str, flags: OFlags, mode: Mode) -> Result<File, FileError> {
        if !path::is_part(name) {
            return Err(FileError::outside(self.shown(name)));
        }
        match rustix::fs::openat(&self.fd, name, flags, mode) {
            Ok(fd) => Ok(File::from(fd)),
            Err(errno) => Err(self.error(name, errno)),
        }
    }

    fn regular(&self, name: &str, file: File) -> Result<File, FileError> {
        let stat = rustix::fs::fstat(&file).map_err(|errno| self.error(name, errno))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(file),
            _ => Err(FileError::not_regular(self.shown(name))),
        }
    }

    /// Gives a file's size in bytes without opening it; nothing where no regular file stands.
    ///
    /// # Errors
    /// Gives the operating system's reason when it cannot tell.
    pub fn size(&self, name: &str) -> Result<Option<u64>, FileError> {
        if !path::is_part(name) {
            return Err(FileError::outside(self.shown(name)));
        }
        let found = self.look(name)?;
        let file = found.filter(|(kind, _)| *kind == FileType::RegularFile);
        Ok(file.map(|(_, size)| size))
    }

    /// Gives the size in bytes of a regular file in a folder of this one, without opening that.
    ///
    /// Gives nothing where either is a link. A folder that turns into one between the two looks is
    /// not noticed, so this is for looking alone.
    ///
    /// # Errors
    /// Gives the operating system's reason when it cannot tell.
    pub fn size_in(&self, folder: &str, name: &str) -> Result<Option<u64>, FileError> {
        if !(path::is_part(folder) && path::is_part(name)) {
            return Err(FileError::outside(self.shown(folder)));
        }
        match self.look(folder)? {
            Some((FileType::Directory, _)) => {}
            _ => return Ok(None),
        }
        let found = self.look(&format!("{folder}/{name}"))?;
        let file = found.filter(|(kind, _)| *kind == FileType::RegularFile);
        Ok(file.map(|(_, size)| size))
    }

    /// Gives kind and size of what a path leads to, the last part of it not followed.
    fn look(&self, path: &str) -> Result<Option<(FileType, u64)>, FileError> {
        match rustix::fs::statat(&self.fd, path, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                let kind = FileType::from_raw_mode(stat.st_mode);
                Ok(u64::try_from(stat.st_size).ok().map(|size| (kind, size)))
            }
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(errno) => Err(self.error(path, errno)),
        }
    }

    /// Gives a file another name that must be free.
    ///
    /// Where the file system cannot rename so, a second name is made and the first one removed: a
    /// crash between the two leaves both.
    ///
    /// # Errors
    /// Gives the operating system's reason; [`FileError::is_taken`] tells a taken name.
    pub fn rename_to_free(&self, from: &str, to: &str) -> Result<(), FileError> {
        if !(path::is_part(from) && path::is_part(to)) {
            return Err(FileError::outside(self.shown(to)));
        }
        let flags = RenameFlags::NOREPLACE;
        let renamed = match rustix::fs::renameat_with(&self.fd, from, &self.fd, to, flags) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => self.relink(from, to),
            done => done,
        };
        renamed.map_err(|errno| self.error(to, errno))
    }

    fn relink(&self, from: &str, to: &str) -> Result<(), Errno> {
        rustix::fs::linkat(&self.fd, from, &self.fd, to, AtFlags::empty())?;
        rustix::fs::unlinkat(&self.fd, from, AtFlags::empty())
    }

    /// Puts a whole text under a name, replacing what stands there in one step.
    ///
    /// A reader sees the old text or the new one, never a part. With `durable` the same holds after
    /// a power cut; without, the text may then be missing or empty and has to be made again.
    ///
    /// # Errors
    /// Gives the operating system's reason; what stood there before is then still there.
    pub fn replace(
        &self,
        name: &str,
        beside: &str,
        text: &[u8],
        durable: bool,
    ) -> Result<(), FileError> {
        if !path::is_part(name) {
            return Err(FileError::outside(self.shown(name)));
        }
        let mut file = self.create(beside, Readers::ByUmask)?;
        let put = (|| {
            file.write_all(text)?;
            if durable {
                file.sync_all()?;
            }
            rustix::fs::renameat(&self.fd, beside, &self.fd, name)?;
            Ok(())
        })();
        if let Err(error) = put {
            self.remove(beside);
            return Err(FileError::from_io(self.shown(name), &error));
        }
        if durable { self.sync() } else { Ok(()) }
    }

    /// Removes a file as well as it can: what stays behind does no harm.
    pub fn remove(&self, name: &str) {
        if path::is_part(name) {
            let _gone = rustix::fs::unlinkat(&self.fd, name, AtFlags::empty());
        }
    }

    /// Gives the names in it, in no order; those that are not UTF-8 are left out.
    ///
    /// # Errors
    /// Gives the operating system's reason.
    pub fn names(&self) -> Result<Names, FileError> {
        let error = |errno| FileError::new(self.path.clone(), errno);
        let mut names = Names::default();
        for entry in Dir::read_from(&self.fd).map_err(error)? {
            let entry = entry.map_err(error)?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            if !path::is_part(name) {
                continue;
            }
            let kind = match entry.file_type() {
                // Some file systems do not say here what an entry is.
                FileType::Unknown => self.kind(name),
                kind => kind,
            };
            let to = if kind == FileType::Directory {
                &mut names.folders
            } else {
                &mut names.others
            };
            to.push(name.to_owned());
        }
        Ok(names)
    }

    fn kind(&self, name: &str) -> FileType {
        rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_or(FileType::Unknown, |stat| {
                FileType::from_raw_mode(stat.st_mode)
            })
    }

    fn error(&self, name: &str, errno: Errno) -> FileError {
        FileError::new(self.shown(name), errno)
    }
}

#[cfg(test)]
mod tests;

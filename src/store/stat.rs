//! The cheap look at files: are they there, and as large as they were.

use std::path::Path;

use crate::folder::error::{FileError, Why};
use crate::folder::{Folder, path};
use crate::store::StoreError;
use rustix::io::Errno;

/// Looks up the sizes of files below an output folder.
///
/// Keeps folders of the last path open, so that paths asked in order cost little.
#[derive(Debug)]
pub struct Sizes {
    /// Nothing while there is no output folder.
    output: Option<Folder>,
    way: Vec<(String, Folder)>,
    /// The folder of the path asked last.
    last: String,
}

impl Sizes {
    /// Opens the output folder; where there is none, no file is there.
    ///
    /// # Errors
    /// Gives [`StoreError::Disk`].
    pub fn open(output: &Path) -> Result<Self, StoreError> {
        let output = match Folder::open(output) {
            Ok(folder) => Some(folder),
            Err(error) if error.is_missing() => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            output,
            way: Vec::new(),
            last: String::new(),
        })
    }

    /// Gives the size in bytes of the file at a path below the output folder.
    ///
    /// Gives nothing where no regular file is reached without a link.
    ///
    /// # Errors
    /// Gives [`StoreError::Disk`] when the operating system cannot tell.
    pub fn of(&mut self, path: &str) -> Result<Option<u64>, StoreError> {
        match self.look(path) {
            Err(error) if is_not_there(&error) => Ok(None),
            found => Ok(found?),
        }
    }

    fn look(&mut self, path: &str) -> Result<Option<u64>, FileError> {
        let (folder, name) = path::split(path);
        let (above, own) = path::split(folder);
        if folder == self.last || !path::is_part(own) {
            let folder = self.enter(folder)?;
            return folder.map_or(Ok(None), |folder| folder.size(name));
        }
        self.last.clear();
        self.last.push_str(folder);
        // Most shots have a folder of their own with one file in it, not worth opening.
        let above = self.enter(above)?;
        above.map_or(Ok(None), |above| above.size_in(own, name))
    }

    fn enter(&mut self, folder: &str) -> Result<Option<&Folder>, FileError> {
        let Self { output, way, .. } = self;
        let Some(output) = output else {
            return Ok(None);
        };
        let outside = || FileError::outside(output.shown(folder));
        let mut kept = 0;
        for part in path::parts(folder).ok_or_else(outside)? {
            if way.get(kept).is_none_or(|(name, _)| name != part) {
                way.truncate(kept);
                let above = way.last().map_or(&*output, |(_, folder)| folder);
                let opened = above.below(part)?;
                way.push((part.to_owned(), opened));
            }
            kept += 1;
        }
        way.truncate(kept);
        Ok(Some(way.last().map_or(output, |(_, folder)| folder)))
    }
}

fn is_not_there(error: &FileError) -> bool {
    let gone = [Errno::NOENT, Errno::NOTDIR, Errno::LOOP];
    matches!(error.why, Why::System(errno) if gone.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn tells_size_or_absence_and_follows_no_link() {
        let home = tempfile::tempdir().expect("a folder");
        let output = home.path().join("out");
        let mut none = Sizes::open(&output).expect("no folder is no error");
        assert_eq!(none.of("images/a.jpg"), Ok(None));
        fs::create_dir_all(output.join("images/a/b")).expect("made");
        fs::write(output.join("images/a/b/1.jpg"), "four").expect("written");
        fs::write(output.join("images/a/2.jpg"), "").expect("written");
        std::os::unix::fs::symlink("a", output.join("images/c")).expect("a link");
        let mut sizes = Sizes::open(&output).expect("opened");
        for (path, size) in [
            ("images/a/b/1.jpg", Some(4)),
            ("images/a/b/2.jpg", None),
            ("images/a/2.jpg", Some(0)),
            ("images/c/2.jpg", None),
            ("images/a/b", None),
            ("images/a/2.jpg/x", None),
            ("images/a/2.jpg", Some(0)),
            ("images/a/b/1.jpg", Some(4)),
            ("nowhere/x.jpg", None),
            ("x", None),
        ] {
            assert_eq!(sizes.of(path), Ok(size), "{path}");
        }
        assert!(sizes.of("../out/images/a/2.jpg").is_err());
        assert!(sizes.of("/etc/passwd").is_err());
    }
}

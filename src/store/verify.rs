//! Reads every saved image again and compares it with what the run log says.

use std::path::Path;

use crate::domain::digest::Sha256;
use crate::folder::error::FileError;
use crate::folder::{Folder, path};
use crate::store::StoreError;
use crate::store::shelf::digest;

/// What the run log says of a saved image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected<'a> {
    /// Its path below the output folder.
    pub path: &'a str,
    /// The digest of its bytes.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub bytes: u64,
}

/// What became of a saved image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is as it was saved.
    Sound,
    /// There is no such file (without following a link).
    Missing,
    /// It is shorter than it was; its size in bytes.
    Cut(u64),
    /// It has other bytes; their digest.
    Changed(Sha256),
    /// It cannot be read; the file and the reason.
    Unreadable(String),
}

/// Checks files below an output folder; may be used from several threads.
#[derive(Debug)]
pub struct Verifier {
    /// Nothing while there is no output folder.
    output: Option<Folder>,
}

impl Verifier {
    /// Opens the output folder; where there is none, every file is missing.
    ///
    /// # Errors
    /// Gives [`StoreError::Disk`].
    pub fn open(output: &Path) -> Result<Self, StoreError> {
        match Folder::open(output) {
            Ok(output) => Ok(Self {
                output: Some(output),
            }),
            Err(error) if error.is_missing() => Ok(Self { output: None }),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads one file and compares it.
    #[must_use]
    pub fn check(&self, expected: &Expected<'_>) -> Finding {
        let Some(output) = &self.output else {
            return Finding::Missing;
        };
        match compare(output, expected) {
            Ok(finding) => finding,
            Err(error) if error.is_missing() => Finding::Missing,
            Err(error) => Finding::Unreadable(error.to_string()),
        }
    }
}

fn compare(output: &Folder, expected: &Expected<'_>) -> Result<Finding, FileError> {
    let (folder, name) = path::split(expected.path);
    let folder = output.below(folder)?;
    let Some(size) = folder.size(name)? else {
        return Ok(Finding::Missing);
    };
    if size < expected.bytes {
        return Ok(Finding::Cut(size));
    }
    let read = digest(&mut folder.read(name)?);
    let (sha256, bytes) = read.map_err(|e| FileError::from_io(folder.shown(name), &e))?;
    Ok(if bytes < expected.bytes {
        Finding::Cut(bytes)
    } else if sha256 == expected.sha256 {
        Finding::Sound
    } else {
        Finding::Changed(sha256)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn tells_sound_from_missing_cut_and_changed() {
        let home = tempfile::tempdir().expect("a folder");
        let put = |name: &str, text: &str| {
            fs::write(home.path().join("images").join(name), text).expect("written");
        };
        fs::create_dir(home.path().join("images")).expect("made");
        put("sound", "picture");
        put("cut", "pic");
        put("changed", "pictura");
        put("longer", "picture!");
        std::os::unix::fs::symlink("sound", home.path().join("images/link")).expect("a link");
        fs::create_dir(home.path().join("images/folder")).expect("made");
        let verifier = Verifier::open(home.path()).expect("opened");
        let check = |path| {
            verifier.check(&Expected {
                path,
                sha256: Sha256::of(b"picture"),
                bytes: 7,
            })
        };
        assert_eq!(check("images/sound"), Finding::Sound);
        assert_eq!(check("images/none"), Finding::Missing);
        assert_eq!(check("nowhere/none"), Finding::Missing);
        assert_eq!(check("images/link"), Finding::Missing);
        assert_eq!(check("images/folder"), Finding::Missing);
        assert_eq!(check("images/cut"), Finding::Cut(3));
        assert_eq!(
            check("images/changed"),
            Finding::Changed(Sha256::of(b"pictura"))
        );
        assert_eq!(
            check("images/longer"),
            Finding::Changed(Sha256::of(b"picture!"))
        );
        assert!(matches!(check("../sound"), Finding::Unreadable(_)));
        let nowhere = Verifier::open(&home.path().join("nowhere")).expect("no folder is no error");
        let expected = Expected {
            path: "images/sound",
            sha256: Sha256::of(b""),
            bytes: 0,
        };
        assert_eq!(nowhere.check(&expected), Finding::Missing);
    }
}

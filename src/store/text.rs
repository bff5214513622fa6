//! Small texts that can be made again at any time: sidecars, reports, sums.

use std::io::Read as _;
use std::path::Path;

use crate::folder::{Folder, path};
use crate::store::StoreError;
use crate::store::leftover::PartNames;

/// Writes texts below an output folder.
#[derive(Debug)]
pub struct Texts {
    output: Folder,
    names: PartNames,
}

impl Texts {
    /// Opens the output folder and makes it where it is missing.
    ///
    /// # Errors
    /// Gives [`StoreError::Disk`].
    pub fn open(output: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            output: Folder::make(output)?,
            names: PartNames::new(),
        })
    }

    /// Puts a whole text at a path below the output folder; tells whether anything changed.
    ///
    /// A reader sees the old text or the new one, never a part. After a power cut the text may be
    /// missing or empty: it has to be one that can be made again.
    ///
    /// # Errors
    /// Gives [`StoreError::Disk`].
    pub fn put(&self, path: &str, text: &[u8]) -> Result<bool, StoreError> {
        let (folder, name) = path::split(path);
        let folder = self.output.make_below(folder)?;
        put(&folder, name, &self.names.next(name), text, false)
    }
}

/// Replaces the file of a name unless it holds the text already; tells whether it did.
///
/// On the way the text stands in a file beside it.
pub(super) fn put(
    folder: &Folder,
    name: &str,
    beside: &str,
    text: &[u8],
    durable: bool,
) -> Result<bool, StoreError> {
    if holds(folder, name, text) {
        return Ok(false);
    }
    folder.replace(name, beside, text, durable)?;
    Ok(true)
}

fn holds(folder: &Folder, name: &str, text: &[u8]) -> bool {
    let size = u64::try_from(text.len()).ok();
    if folder.size(name).ok().flatten() != size {
        return false;
    }
    let mut there = Vec::new();
    let read = folder
        .read(name)
        .is_ok_and(|mut file| file.read_to_end(&mut there).is_ok());
    read && there == text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn puts_a_text_whole_and_leaves_an_equal_one_alone() {
        let home = tempfile::tempdir().expect("a folder");
        let texts = Texts::open(home.path()).expect("opened");
        let path = home.path().join("images/a/1.json");
        assert_eq!(texts.put("images/a/1.json", b"{}"), Ok(true));
        assert_eq!(texts.put("images/a/1.json", b"{}"), Ok(false));
        assert_eq!(texts.put("images/a/1.json", b"[]"), Ok(true));
        assert_eq!(fs::read(&path).expect("read"), b"[]");
        assert_eq!(
            fs::read_dir(home.path().join("images/a"))
                .expect("read")
                .count(),
            1
        );
        for path in ["../x", "/x", "a//b", "a/.."] {
            assert!(texts.put(path, b"").is_err(), "{path}");
        }
    }

    #[test]
    fn replaces_a_link_and_not_what_it_points_at() {
        let home = tempfile::tempdir().expect("a folder");
        let outside = home.path().join("outside");
        fs::write(&outside, "theirs").expect("written");
        let out = home.path().join("out");
        let texts = Texts::open(&out).expect("opened");
        std::os::unix::fs::symlink(&outside, out.join("report.json")).expect("a link");
        assert_eq!(texts.put("report.json", b"ours"), Ok(true));
        assert_eq!(fs::read(&outside).expect("read"), b"theirs");
        assert_eq!(fs::read(out.join("report.json")).expect("read"), b"ours");
    }
}

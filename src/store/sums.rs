//! `SHA256SUMS`, for `sha256sum -c` run in the output folder.

use std::fmt::Write as _;
use std::path::Path;

use crate::domain::digest::Sha256;
use crate::folder::error::FileError;
use crate::folder::{Folder, path};
use crate::store::leftover::PartNames;
use crate::store::{StoreError, text};

/// The name of the file in the output folder.
pub const FILE: &str = "SHA256SUMS";

/// Writes the digests of files, sorted by path; tells whether the file changed.
///
/// Paths are below the output folder. A reader, and a power cut, see the old file or the new one.
///
/// # Errors
/// Gives [`StoreError::Disk`]; a path that could lead out or break a line is refused.
pub fn write(output: &Path, mut files: Vec<(String, Sha256)>) -> Result<bool, StoreError> {
    let folder = Folder::make(output)?;
    files.sort_unstable();
    files.dedup();
    let mut sums = String::new();
    for (path, sha256) in &files {
        let broken = path.contains(|c: char| c.is_control() || c == '\\');
        if path.is_empty() || broken || path::parts(path).is_none() {
            return Err(FileError::outside(folder.shown(path)).into());
        }
        // Writing to a String has no error.
        let _written = writeln!(sums, "{sha256}  {path}");
    }
    let beside = PartNames::new().next(FILE);
    text::put(&folder, FILE, &beside, sums.as_bytes(), true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::process::Command;

    #[test]
    fn are_sorted_checked_by_sha256sum_and_not_rewritten_for_nothing() {
        let home = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(home.path().join("images/a")).expect("made");
        let mut files = Vec::new();
        for name in ["images/b.jpg", "images/a/2.jpg", "images/a/10.jpg"] {
            fs::write(home.path().join(name), name).expect("written");
            files.push((name.to_owned(), Sha256::of(name.as_bytes())));
        }
        assert_eq!(write(home.path(), files.clone()), Ok(true));
        assert_eq!(write(home.path(), files), Ok(false));
        let sums = fs::read_to_string(home.path().join(FILE)).expect("read");
        let paths: Vec<&str> = sums.lines().map(|line| &line[66..]).collect();
        assert_eq!(paths, ["images/a/10.jpg", "images/a/2.jpg", "images/b.jpg"]);
        let checked = Command::new("sha256sum")
            .args(["--check", "--strict", FILE])
            .current_dir(home.path())
            .output()
            .expect("sha256sum runs");
        assert!(checked.status.success(), "{checked:?}");
    }

    #[test]
    fn refuse_what_leads_out() {
        let home = tempfile::tempdir().expect("a folder");
        for path in ["../x", "/etc/passwd", "a\nb", "a\\b", "", "images//x"] {
            let files = vec![(path.to_owned(), Sha256::of(b""))];
            assert!(write(home.path(), files).is_err(), "{path:?}");
        }
        assert!(!home.path().join(FILE).exists());
    }
}

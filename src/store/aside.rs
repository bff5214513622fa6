//! Putting a damaged image out of the way: it gets another name, and nothing is lost.

use std::path::Path;

use crate::folder::{Folder, path};
use crate::store::StoreError;

/// What the name of a damaged image ends in.
const MARK: &str = ".damaged";

/// Gives a file below an output folder another name beside its place, and tells it.
///
/// The name was free: no file is overwritten. To be called under the lock of the output folder.
///
/// # Errors
/// Gives [`StoreError::Disk`]; the file then stands where it stood.
pub fn put_aside(output: &Path, file: &str) -> Result<String, StoreError> {
    let output = Folder::open(output)?;
    let (below, name) = path::split(file);
    let folder = output.below(below)?;
    let mut number = 1_u32;
    loop {
        let aside = match number {
            1 => format!("{name}{MARK}"),
            _ => format!("{name}{MARK}-{number}"),
        };
        match folder.rename_to_free(name, &aside) {
            Ok(()) => {
                folder.sync()?;
                return Ok(if below.is_empty() {
                    aside
                } else {
                    format!("{below}/{aside}")
                });
            }
            Err(error) if error.is_taken() => number += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn moves_a_file_beside_its_place_and_overwrites_nothing() {
        let home = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(home.path().join("images/a")).expect("made");
        for (bytes, expected) in [
            ("first", "images/a/1.jpg.damaged"),
            ("second", "images/a/1.jpg.damaged-2"),
            ("third", "images/a/1.jpg.damaged-3"),
        ] {
            fs::write(home.path().join("images/a/1.jpg"), bytes).expect("written");
            let aside = put_aside(home.path(), "images/a/1.jpg").expect("moved");
            assert_eq!(aside, expected);
            assert!(!home.path().join("images/a/1.jpg").exists());
        }
        let first = fs::read(home.path().join("images/a/1.jpg.damaged")).expect("read");
        assert_eq!(first, b"first");
        assert!(
            put_aside(home.path(), "images/a/1.jpg").is_err(),
            "nothing is there"
        );
        assert!(put_aside(home.path(), "../1.jpg").is_err(), "it leads out");
    }
}

//! The names of files that are not finished, by which a later run knows what a dead one left.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::folder::{Folder, Names};
use crate::store::StoreError;
use crate::store::shelf::FOLDER;

/// Draws names for unfinished files: `.NAME.TOKEN-N.part`, beside the file they become.
#[derive(Debug)]
pub(super) struct PartNames {
    /// Eight hexadecimal digits that no other process is likely to draw.
    token: String,
    count: AtomicU64,
}

impl PartNames {
    pub(super) fn new() -> Self {
        let mut token = uuid::Uuid::new_v4().simple().to_string();
        token.truncate(TOKEN);
        Self {
            token,
            count: AtomicU64::new(0),
        }
    }

    /// Gives a name that was not given before.
    pub(super) fn next(&self, name: &str) -> String {
        let n = self.count.fetch_add(1, Ordering::Relaxed);
        // A name may be 255 bytes long on common file systems; what stands after it needs room.
        let mut kept = name.len().min(200);
        while !name.is_char_boundary(kept) {
            kept -= 1;
        }
        format!(".{}.{}-{n}{SUFFIX}", &name[..kept], self.token)
    }
}

/// Removes what dead runs left unfinished in an output folder and below its images.
///
/// To be called under the lock of the output folder, before anything is written: whatever is
/// unfinished then has nobody who would finish it.
///
/// # Errors
/// Gives [`StoreError::Disk`] where a folder cannot be read.
pub fn sweep(output: &Path) -> Result<(), StoreError> {
    let output = match Folder::open(output) {
        Err(error) if error.is_missing() => return Ok(()),
        opened => opened?,
    };
    let top = sweep_one(&output)?;
    let mut left = Vec::new();
    if top.folders.iter().any(|folder| folder == FOLDER) {
        left.push(FOLDER.to_owned());
    }
    while let Some(path) = left.pop() {
        let names = sweep_one(&output.below(&path)?)?;
        left.extend(names.folders.iter().map(|name| format!("{path}/{name}")));
    }
    Ok(())
}

fn sweep_one(folder: &Folder) -> Result<Names, StoreError> {
    let names = folder.names()?;
    for name in names.others.iter().filter(|name| is_unfinished(name)) {
        folder.remove(name);
    }
    Ok(names)
}

const TOKEN: usize = 8;
const SUFFIX: &str = ".part";

/// Tells whether a name is one of those that [`PartNames`] draws.
fn is_unfinished(name: &str) -> bool {
    let mark = name
        .strip_prefix('.')
        .and_then(|name| name.strip_suffix(SUFFIX))
        .and_then(|marks| marks.rsplit_once('.'))
        .and_then(|(_, mark)| mark.split_once('-'));
    let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    mark.is_some_and(|(token, n)| {
        token.len() == TOKEN
            && token.bytes().all(is_hex)
            && !n.is_empty()
            && n.bytes().all(|b| b.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_files_are_known_by_their_names_and_nothing_else_is() {
        let (ours, theirs) = (PartNames::new(), PartNames::new());
        let name = theirs.next("AGM_0010_v001.jpg");
        assert!(name.starts_with(".AGM_0010_v001.jpg."), "{name}");
        assert_ne!(name, theirs.next("AGM_0010_v001.jpg"));
        assert_ne!(
            ours.next("AGM_0010_v001.jpg"),
            PartNames::new().next("AGM_0010_v001.jpg")
        );
        assert!(is_unfinished(&name));
        for name in [
            "AGM_0010_v001.jpg",
            ".part",
            ".a.part",
            ".a.b-1.part",
            ".a.0123456g-1.part",
            ".a.01234567-.part",
            "a.01234567-1.part",
            ".a.01234567-1.jpg",
        ] {
            assert!(!is_unfinished(name), "{name}");
        }
    }

    #[test]
    fn a_sweep_takes_what_is_unfinished_wherever_it_is_and_nothing_else() {
        let home = tempfile::tempdir().expect("a folder");
        let out = home.path().join("out");
        assert_eq!(sweep(&out), Ok(()));
        std::fs::create_dir_all(out.join("images/104/TCC")).expect("made");
        std::fs::create_dir_all(out.join("theirs")).expect("made");
        std::fs::create_dir_all(home.path().join("elsewhere")).expect("made");
        let elsewhere = home.path().join("elsewhere");
        std::os::unix::fs::symlink(&elsewhere, out.join("images/link")).expect("a link");
        let dead = ".a_v001.jpg.0123abcd-7.part";
        for folder in ["", "images", "images/104", "images/104/TCC"] {
            for file in [dead, ".mine.part", "b.part", "c.jpg"] {
                std::fs::write(out.join(folder).join(file), "").expect("written");
            }
        }
        std::fs::write(out.join("theirs").join(dead), "").expect("written");
        std::fs::write(elsewhere.join(dead), "").expect("written");
        assert_eq!(sweep(&out), Ok(()));
        for folder in ["", "images", "images/104", "images/104/TCC"] {
            let folder = out.join(folder);
            assert!(!folder.join(dead).exists(), "{folder:?}");
            for file in [".mine.part", "b.part", "c.jpg"] {
                assert!(folder.join(file).exists(), "{folder:?} {file}");
            }
        }
        assert!(out.join("theirs").join(dead).exists());
        assert!(elsewhere.join(dead).exists());
    }

    #[test]
    fn a_long_name_leaves_room() {
        for name in ["x".repeat(255), "\u{e4}".repeat(127)] {
            let part = PartNames::new().next(&name);
            assert!(part.len() <= 240, "{}", part.len());
        }
    }
}

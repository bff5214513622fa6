//! How a memo is spelled: lines of words, what was said by its length, a checksum last.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::cli::memo::{LogFile, Memo};
use crate::domain::digest::Sha256;
use crate::intake::folder::Seen;

/// The first line; another version's memo is no memo.
const FIRST: &str = "reshoot memo 1";

/// What stands for the digest of a file that is not there.
const ABSENT: &str = "absent";

impl Memo {
    /// Spells the memo; nothing where a path cannot stand on a line.
    pub(super) fn spell(&self) -> Option<String> {
        let mut text = format!("{FIRST}\n");
        let line = |text: &mut String, words: std::fmt::Arguments<'_>| {
            // Writing to memory cannot fail.
            let _infallible = writeln!(text, "{words}");
        };
        let (talk, data) = (&self.talk, &self.data);
        line(
            &mut text,
            format_args!("said {} {}", talk.len(), data.len()),
        );
        line(&mut text, format_args!("{talk}{data}"));
        line(&mut text, format_args!("output {}", plain(&self.output)?));
        let LogFile {
            device,
            inode,
            bytes,
            modified: (modified_s, modified_ns),
            changed: (changed_s, changed_ns),
        } = self.log;
        line(
            &mut text,
            format_args!(
                "log {device} {inode} {bytes} {modified_s} {modified_ns} {changed_s} {changed_ns}"
            ),
        );
        for seen in &self.seen {
            let path = plain(&seen.path)?;
            match &seen.sha256 {
                Some(sha256) => line(&mut text, format_args!("file {sha256} {path}")),
                None => line(&mut text, format_args!("file {ABSENT} {path}")),
            }
        }
        for (bytes, path) in &self.images {
            let path = plain(Path::new(path))?;
            line(&mut text, format_args!("image {bytes} {path}"));
        }
        let checksum = crc32c::crc32c(text.as_bytes());
        line(&mut text, format_args!("end {checksum:08x}"));
        Some(text)
    }

    /// Reads a memo; nothing where a byte of it is not as it was written.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (body, end) = text.split_at(text.trim_end().rfind('\n')? + 1);
        let checksum = u32::from_str_radix(end.trim_end().strip_prefix("end ")?, 16).ok()?;
        if crc32c::crc32c(body.as_bytes()) != checksum {
            return None;
        }
        let rest = body.strip_prefix(FIRST)?.strip_prefix('\n')?;
        let (said, rest) = rest.split_once('\n')?;
        let (talk, data) = said.strip_prefix("said ")?.split_once(' ')?;
        let (talk, rest) = rest.split_at_checked(talk.parse().ok()?)?;
        let (data, rest) = rest.split_at_checked(data.parse().ok()?)?;
        let mut memo = Self {
            talk: talk.to_owned(),
            data: data.to_owned(),
            ..Self::default()
        };
        for line in rest.strip_prefix('\n')?.lines() {
            memo.take(line)?;
        }
        Some(memo)
    }

    fn take(&mut self, line: &str) -> Option<()> {
        let (kind, words) = line.split_once(' ')?;
        match kind {
            "output" => self.output = PathBuf::from(words),
            "log" => self.log = log(words)?,
            "file" => {
                let (sha256, path) = words.split_once(' ')?;
                self.seen.push(Seen {
                    path: PathBuf::from(path),
                    sha256: match sha256 {
                        ABSENT => None,
                        sha256 => Some(Sha256::parse(sha256)?),
                    },
                });
            }
            "image" => {
                let (bytes, path) = words.split_once(' ')?;
                self.images.push((bytes.parse().ok()?, path.to_owned()));
            }
            _ => return None,
        }
        Some(())
    }
}

fn log(words: &str) -> Option<LogFile> {
    fn next<'w, T: FromStr>(words: &mut impl Iterator<Item = &'w str>) -> Option<T> {
        words.next()?.parse().ok()
    }
    let mut words = words.split(' ');
    let words = &mut words;
    Some(LogFile {
        device: next(words)?,
        inode: next(words)?,
        bytes: next(words)?,
        modified: (next(words)?, next(words)?),
        changed: (next(words)?, next(words)?),
    })
}

fn plain(path: &Path) -> Option<&str> {
    path.to_str().filter(|path| !path.contains(['\n', '\r']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn memo(talk: &str, paths: &[String]) -> Memo {
        let seen = |path: &String| Seen {
            path: PathBuf::from(path),
            sha256: path
                .len()
                .is_multiple_of(2)
                .then(|| Sha256::of(path.as_bytes())),
        };
        Memo {
            talk: talk.to_owned(),
            data: "Nothing to do\n".to_owned(),
            output: PathBuf::from("/shows/a b"),
            log: LogFile {
                device: 1,
                inode: u64::MAX,
                bytes: 3,
                modified: (-1, 999_999_999),
                changed: (i64::MAX, 0),
            },
            seen: paths.iter().map(seen).collect(),
            images: paths.iter().map(|path| (7, path.clone())).collect(),
        }
    }

    proptest! {
        #[test]
        fn what_is_spelled_is_read_back(
            talk in "(?s).{0,40}", paths in prop::collection::vec("[a-zé /.]{1,20}", 0..5),
        ) {
            let memo = memo(&talk, &paths);
            let text = memo.spell().expect("paths that stand on a line");
            prop_assert_eq!(Memo::read(text.as_bytes()), Some(memo));
        }

        #[test]
        fn a_byte_that_differs_makes_it_none(at in any::<prop::sample::Index>(), bit in 0..8u32) {
            let memo = memo("note: a\nb\n", &["a/b.png".to_owned(), "c".to_owned()]);
            let mut bytes = memo.spell().expect("plain paths").into_bytes();
            let at = at.index(bytes.len() - 1);
            bytes[at] ^= 1 << bit;
            let read = Memo::read(&bytes);
            // The checksum may be spelled in either case.
            prop_assert!(read.is_none_or(|read| read == memo));
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _read = Memo::read(&bytes);
        }
    }

    #[test]
    fn a_path_that_breaks_a_line_makes_no_memo() {
        assert!(memo("", &["a\nb".to_owned()]).spell().is_none());
    }
}

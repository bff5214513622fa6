//! The names of files that are not finished, by which a later run knows what a dead one left.

use std::sync::atomic::{AtomicU64, Ordering};

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

    /// Tells whether a name was drawn by another process, one that is dead while we hold the lock.
    pub(super) fn is_leftover(&self, name: &str) -> bool {
        token_of(name).is_some_and(|token| token != self.token)
    }
}

const TOKEN: usize = 8;
const SUFFIX: &str = ".part";

fn token_of(name: &str) -> Option<&str> {
    let marks = name.strip_prefix('.')?.strip_suffix(SUFFIX)?;
    let (_, mark) = marks.rsplit_once('.')?;
    let (token, n) = mark.split_once('-')?;
    let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let ours = token.len() == TOKEN
        && token.bytes().all(is_hex)
        && !n.is_empty()
        && n.bytes().all(|b| b.is_ascii_digit());
    ours.then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_runs_are_known_and_nothing_else() {
        let (ours, theirs) = (PartNames::new(), PartNames::new());
        let name = theirs.next("AGM_0010_v001.jpg");
        assert!(name.starts_with(".AGM_0010_v001.jpg."), "{name}");
        assert_ne!(name, theirs.next("AGM_0010_v001.jpg"));
        assert!(ours.is_leftover(&name));
        assert!(!theirs.is_leftover(&name));
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
            assert!(!ours.is_leftover(name), "{name}");
        }
    }

    #[test]
    fn a_long_name_leaves_room() {
        for name in ["x".repeat(255), "\u{e4}".repeat(127)] {
            let part = PartNames::new().next(&name);
            assert!(part.len() <= 240, "{}", part.len());
        }
    }
}

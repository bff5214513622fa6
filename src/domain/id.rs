//! Identities: shots, variants, takes, tasks, runs, images.

use std::cmp::Ordering;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use crate::domain::digest::{Hasher, Sha256};

/// The identity of a shot, such as `104/TCC/0010`.
///
/// Compared as written. Cheap to clone: the text is shared.
#[derive(Clone)]
pub struct ShotId {
    /// The text, perhaps with other ids before and behind it.
    text: Arc<str>,
    start: u32,
    end: u32,
}

impl ShotId {
    /// Takes an id that has been checked by the manifest.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            text: text.into(),
            start: 0,
            end: u32::try_from(text.len()).unwrap_or(u32::MAX),
        }
    }

    /// Gives the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let offset = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
        let own = self.text.get(offset(self.start)..offset(self.end));
        // Ids are far shorter than what 32 bits count.
        own.unwrap_or_default()
    }

    /// Puts ids together into one text that they share: of very many, each alone would keep a small
    /// piece of memory, and larger ones around it from being used again.
    pub fn pack<'i>(ids: impl IntoIterator<Item = &'i mut Self>) {
        let mut ids: Vec<&mut Self> = ids.into_iter().collect();
        let text: String = ids.iter().map(|id| id.as_str()).collect();
        if u32::try_from(text.len()).is_err() {
            return;
        }
        let (text, mut start): (Arc<str>, u32) = (text.into(), 0);
        for id in &mut ids {
            let end = start + (id.end - id.start);
            **id = Self {
                text: Arc::clone(&text),
                start,
                end,
            };
            start = end;
        }
    }
}

impl PartialEq for ShotId {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for ShotId {}

impl PartialOrd for ShotId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ShotId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for ShotId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for ShotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ShotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The number of a variant of a shot: 0 for a shot without a matrix, its cells from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Variant(pub u32);

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

/// The number of a take of a shot and variant, from 1; shown as `v001`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TakeNo(pub u32);

impl fmt::Display for TakeNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{:03}", self.0)
    }
}

/// The consecutive takes that one task buys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Takes {
    /// The first take's number.
    pub first: TakeNo,
    /// How many takes; 1..=20, the API's `numberResults` per the model's page.
    pub count: u32,
}

impl Takes {
    /// Gives the take that the image of an index becomes, while the index is in range.
    #[must_use]
    pub fn at(self, index: u32) -> Option<TakeNo> {
        (index < self.count).then(|| TakeNo(self.first.0 + index))
    }

    /// Gives every take number, in order.
    pub fn iter(self) -> impl Iterator<Item = TakeNo> {
        (self.first.0..self.first.0 + self.count).map(TakeNo)
    }
}

/// How often a take was tried before under another task id, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(pub u32);

/// The key of a take: the digest of all that changes its picture.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub Sha256);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The identity of one API call that buys images: a UUID, version 4 in form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(uuid::Uuid);

impl TaskId {
    /// Derives the id of a task from what it buys.
    ///
    /// `take` is the first take the task buys. The same show, shot, variant, take, key and attempt always give the same id, so that a lost
    /// run log finds its purchases again. Every part is preceded by its length, so that no two
    /// different lists of parts are hashed as the same bytes.
    #[must_use]
    pub fn derive(
        show: &ShowId,
        shot: &ShotId,
        variant: Variant,
        take: TakeNo,
        key: Key,
        attempt: Attempt,
    ) -> Self {
        let mut hasher = Hasher::default();
        let mut part = |bytes: &[u8]| {
            hasher.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(bytes);
        };
        part(b"reshoot task 1");
        part(show.as_str().as_bytes());
        part(shot.as_str().as_bytes());
        part(&variant.0.to_be_bytes());
        part(&take.0.to_be_bytes());
        part(key.0.as_bytes());
        part(&attempt.0.to_be_bytes());
        Self(v4_form(&hasher.finish()))
    }

    /// Reads a UUID in its usual spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        uuid::Uuid::try_parse(text).ok().map(Self)
    }
}

/// Shapes the first 16 bytes of a digest as a version 4 UUID.
fn v4_form(digest: &Sha256) -> uuid::Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it was given.
            #[must_use]
            pub fn new(text: &str) -> Self {
                Self(text.into())
            }

            /// Gives the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// The identity of a show, written into its manifest by `init` or drawn once for its run log.
    ShowId
}
text_id! {
    /// The identity of one execution of `run`.
    RunId
}
text_id! {
    /// The provider's own identity of an image: the `imageUUID` of a result or an upload.
    ImageId
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn derive(shot: &str, first: u32, attempt: u32) -> TaskId {
        TaskId::derive(
            &ShowId::new("show"),
            &ShotId::new(shot),
            Variant(0),
            TakeNo(first),
            Key(Sha256::of(b"key")),
            Attempt(attempt),
        )
    }

    #[test]
    fn ids_stay_what_they_are_when_packed() {
        let texts = ["104/TCC/0010", "", "場面/1", "104/TCC/0010"];
        let mut ids: Vec<ShotId> = texts.iter().map(|text| ShotId::new(text)).collect();
        ids.push(ids[2].clone());
        let before = ids.clone();
        for _ in 0..2 {
            ShotId::pack(&mut ids);
            assert_eq!(ids, before);
            let told: Vec<&str> = ids.iter().map(ShotId::as_str).collect();
            assert_eq!(told[..4], texts);
        }
        ShotId::pack([]);
    }

    #[test]
    fn a_task_id_never_changes() {
        // A new version that derived other ids would not find what an older one bought.
        let derived = derive("104/TCC/0010", 1, 0).to_string();
        assert_eq!(derived, "0683ffd7-9afe-43de-bc8c-d2dd3c4dba33");
    }

    proptest! {
        #[test]
        fn ids_are_of_v4_form_and_differ(shot in ".{0,20}", take in 1u32..99, attempt in 0u32..9) {
            let id = derive(&shot, take, attempt);
            let text = id.to_string();
            prop_assert_eq!(text.as_bytes()[14], b'4');
            prop_assert!(b"89ab".contains(&text.as_bytes()[19]));
            prop_assert_eq!(TaskId::parse(&text), Some(id));
            prop_assert_ne!(id, derive(&shot, take, attempt + 1));
            prop_assert_ne!(id, derive(&shot, take + 1, attempt));
        }
    }
}

//! UUIDs: strict reading, and ones derived from others so that a restart finds them again.

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// Names a task or an image.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Id(Uuid);

impl Id {
    pub(super) fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// Reads the usual text form (8-4-4-4-12 hexadecimal digits), whatever the version.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let hyphens_fit = text.len() == 36 && text.as_bytes()[8] == b'-';
        if !hyphens_fit {
            return None;
        }
        Uuid::try_parse(text).ok().map(Self)
    }

    /// Says whether the bits are those of version 4.
    pub(super) fn is_v4(self) -> bool {
        self.0.get_version_num() == 4 && self.0.get_variant() == uuid::Variant::RFC4122
    }

    /// Derives a version 4 id from parts; the same parts always give the same id.
    pub(super) fn derived(parts: &[&[u8]]) -> Self {
        let digest = digest(parts);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(Builder::from_random_bytes(bytes).into_uuid())
    }

    pub(super) fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Gives the first eight digits, enough for a person to tell tasks apart.
    pub(super) fn short(self) -> String {
        let mut text = self.to_string();
        text.truncate(8);
        text
    }
}

/// Hashes parts with their lengths, so that moving a boundary gives another digest.
pub(super) fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Draws 64 bits that depend on nothing but the parts.
pub(super) fn draw(parts: &[&[u8]]) -> u64 {
    let digest = digest(parts);
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(bytes)
}

/// Gives the SHA-256 of bytes in hexadecimal.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        // Writing into a string cannot fail.
        write!(text, "{byte:02x}").ok();
    }
    text
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Id {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or(format!("`{text}` is not a UUID"))
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Id;

    #[test]
    fn reads_only_the_hyphenated_form() {
        let text = "3f0c9b52-4d1e-4c7a-9a51-0c8f0d3c2b1a";
        assert_eq!(Id::parse(text).unwrap().to_string(), text);
        assert!(Id::parse(&text.to_uppercase()).is_some());
        for wrong in [
            "3f0c9b524d1e4c7a9a510c8f0d3c2b1a",
            "{3f0c9b52-4d1e-4c7a-9a51-0c8f0d3c2b1a}",
            "urn:uuid:3f0c9b52-4d1e-4c7a-9a51-0c8f0d3c2b1a",
            "3f0c9b52-4d1e-4c7a-9a51-0c8f0d3c2b1",
            "",
        ] {
            assert_eq!(Id::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn derived_ids_are_v4_and_repeat() {
        let id = Id::derived(&[b"task", b"1"]);
        assert!(id.is_v4());
        assert_eq!(id, Id::derived(&[b"task", b"1"]));
        assert_ne!(id, Id::derived(&[b"task1", b""]));
    }
}

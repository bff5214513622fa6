//! Facts about reference files, gathered elsewhere.

use std::collections::HashMap;

use crate::domain::diagnostic::FileNo;
use crate::domain::digest::Sha256;

/// A file as the manifest names it: the text that named it, and the path as written there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Named {
    /// The text that names it; the path is relative to that text's folder.
    pub by: FileNo,
    /// The path as written.
    pub path: String,
}

/// What is known of one reference file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The path by which this process opens it.
    pub path: String,
    /// The path as it is shown and recorded: relative to the manifest's folder.
    pub shown: String,
    /// The digest of its bytes.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// Its media type, from its bytes: `image/jpeg`, `image/png` or `image/webp`.
    pub media_type: &'static str,
}

/// Why a reference file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// There is no such file.
    Missing,
    /// There is no such file, but one of nearly that name; the path as it should be written.
    Misspelt(String),
    /// It cannot be read; the operating system's reason.
    Unreadable(String),
    /// Its path leads out of the manifest's folder.
    Outside,
    /// Its first bytes are none of the formats that are accepted; what they look like.
    NotAnImage(String),
    /// It is far larger than any reference; its size in bytes.
    Huge(u64),
}

/// Facts about every file that a manifest names, or why there are none.
#[derive(Clone, Debug, Default)]
pub struct ReferenceFacts(pub HashMap<Named, Result<Facts, Unusable>>);

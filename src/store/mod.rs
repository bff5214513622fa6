//! Images on disk: written beside their place, checked, synced, and only then given their name.
//!
//! Owns every byte below the images folder. It never talks to the provider, never writes the run
//! log, and never overwrites a file.
//!
//! Invariants: a file that has its final name is complete, synced and of the digest that was told;
//! what a crash leaves behind is at most a `.part` file, which the next run removes; no link below
//! the output folder is followed.

use std::future::Future;

use crate::domain::digest::Sha256;
use crate::domain::id::TakeNo;
use crate::expand::wanted::FileName;
use crate::folder::error::FileError;
use crate::manifest::settings::Format;

pub mod aside;
pub mod leftover;
pub mod picture;
pub mod shelf;
pub mod stat;
pub mod sums;
pub mod text;
pub mod verify;

/// Where images are kept.
pub trait ImageStore: Send + Sync + 'static {
    /// An image that is being written.
    type Part: Part;

    /// Begins an image; nothing has its final name yet.
    fn begin(
        &self,
        name: &FileName,
        take: TakeNo,
    ) -> impl Future<Output = Result<Self::Part, StoreError>> + Send;
}

/// An image that is being written.
///
/// Dropped without [`Part::finish`], it leaves nothing with a final name.
pub trait Part: Send {
    /// Adds bytes, which are hashed on the way.
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Checks that the picture is complete, syncs it, gives it its name and syncs the folder.
    ///
    /// The extension comes from the bytes. A file that already stands there is left alone: if it
    /// has the same bytes it counts as this image, otherwise [`StoreError::InTheWay`] is given.
    fn finish(self, asked: Asked) -> impl Future<Output = Result<Landed, StoreError>> + Send;
}

/// What the picture was asked to be; the size is only known when it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The format.
    pub format: Format,
    /// Width and height in pixels.
    pub size: Option<(u32, u32)>,
}

/// An image that is on disk for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landed {
    /// Its path below the output folder, with `/` between parts.
    pub path: String,
    /// The digest of its bytes.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// How it differs from what was asked, in words; it is kept all the same, for it was paid for.
    pub unlike_asked: Option<String>,
}

/// Why an image could not be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The bytes are not a complete picture; why. Fetching again may help.
    #[error("not a complete picture: {0}")]
    BadPicture(String),
    /// Another file stands at its place.
    #[error("{0}: another file stands where this image belongs; move it away and run again")]
    InTheWay(String),
    /// The disk failed: no image can be kept until that is mended.
    #[error("{path}: {reason}")]
    Disk {
        /// The file or folder.
        path: String,
        /// The operating system's reason and what to do.
        reason: String,
    },
}

impl From<FileError> for StoreError {
    fn from(error: FileError) -> Self {
        Self::Disk {
            path: error.path,
            reason: error.why.to_string(),
        }
    }
}

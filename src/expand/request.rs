//! What one task asks of the model, before it is spelled for an API.

use std::sync::Arc;

use crate::domain::digest::Sha256;
use crate::domain::secret::SecretUrl;
use crate::expand::profile::ModelProfile;
use crate::manifest::settings::{Delivery, Format, Output, ReferenceTransfer, Resolution, Safety};

/// A request to the model: everything about it but its id, its count and uploaded references.
#[derive(Clone, Debug)]
pub struct Request {
    /// The model.
    pub model: &'static ModelProfile,
    /// The compiled prompt.
    pub prompt: Arc<str>,
    /// The size asked for.
    pub size: AskedSize,
    /// The format asked for.
    pub format: Format,
    /// The compression quality.
    pub quality: u32,
    /// The content check.
    pub safety: Safety,
    /// The references in the order of their numbers, equal content once.
    pub references: Vec<SentReference>,
    /// How reference files reach the provider.
    pub transfer: ReferenceTransfer,
    /// How the result is delivered.
    pub delivery: Delivery,
    /// The form in which pictures come back.
    pub output: Output,
    /// Seconds the provider keeps the picture; only with [`Output::Url`].
    pub ttl: Option<u32>,
    /// Where the provider announces the end of the task.
    pub webhook_url: Option<SecretUrl>,
    /// Where the provider puts the finished file besides.
    pub upload_endpoint: Option<SecretUrl>,
}

/// The size of the picture asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AskedSize {
    /// This width and height in pixels, a row of the model's table.
    Exact(u32, u32),
    /// This tier, in the ratio of the first reference; the size is known when the picture comes.
    LikeReference(Resolution),
}

/// A reference that goes along with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentReference {
    /// The image.
    pub image: SentImage,
    /// What it shows: `face`, `body`, `place`, …
    pub role: Option<String>,
    /// What of it is to be used.
    pub scope: Option<String>,
    /// The bible entry it belongs to, such as `mira.rain`; none for a shot's own.
    pub entry: Option<String>,
    /// How the prompt names it, such as `<<<image_1>>>`.
    pub marker: String,
}

/// An image that goes along with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SentImage {
    /// A file of the user's.
    File {
        /// The path by which this process opens it.
        path: String,
        /// The path as it is shown and recorded.
        shown: String,
        /// The digest of its bytes, to be checked again when they are sent.
        sha256: Sha256,
        /// Its media type.
        media_type: &'static str,
    },
    /// An address, sent as it is.
    Url(String),
    /// An image the provider already has, sent as it is.
    Uuid(String),
    /// A data URI, sent as it is.
    DataUri {
        /// The whole URI: image data, never shown.
        uri: SecretUrl,
        /// The digest of the bytes in it.
        sha256: Sha256,
    },
}

impl SentImage {
    /// Gives the digest that stands for the image in a take's key.
    ///
    /// For bytes at hand it is theirs. An address or a provider's UUID is hashed as text under a
    /// name of its own, since its bytes are not at hand.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        match self {
            Self::File { sha256, .. } | Self::DataUri { sha256, .. } => *sha256,
            Self::Url(url) => Sha256::of(format!("url {url}").as_bytes()),
            Self::Uuid(uuid) => Sha256::of(format!("image {uuid}").as_bytes()),
        }
    }
}

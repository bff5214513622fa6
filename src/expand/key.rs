//! A take's key: the digest of everything that changes its picture.

use std::io::Write as _;

use crate::domain::digest::{Hasher, Sha256};
use crate::domain::id::Key;
use crate::expand::request::{AskedSize, Request};
use crate::expand::wanted::KeyParts;
use crate::manifest::settings::Format;

/// The version of what is hashed.
///
/// History: 1, the first. A new version would make every picture ever bought count as stale, so a
/// field that is added later is left out of the object where it has no effect.
pub const VERSION: u32 = 1;

/// Gives the key of the takes a request buys.
///
/// Delivery, output form, addresses, ids, names and counts are not in it.
#[must_use]
pub fn of(request: &Request) -> Key {
    let canonical = canonical(request);
    Key(Sha256::of(&canonical))
}

/// Spells a request as RFC 8785 JSON, with each reference as the digest of its bytes.
///
/// It is written in place: its names are few and sorted here, its numbers are whole and small, and
/// its strings are escaped as RFC 8785 asks and `serde_json` does. A shot list of a million rows
/// has no time for a tree of values.
#[must_use]
pub fn canonical(request: &Request) -> Vec<u8> {
    let settings = Settings::of(request);
    let mut json = Vec::with_capacity(request.prompt.len() + 256 + request.references.len() * 67);
    json.push(b'{');
    settings.before_key_version(&mut json);
    // Writing to memory cannot fail.
    let _infallible = write!(json, ",\"key_version\":{VERSION},\"model\":");
    string(&mut json, request.model.id);
    json.extend_from_slice(b",\"prompt\":");
    string(&mut json, &request.prompt);
    settings.before_references(&mut json);
    json.extend_from_slice(b",\"references\":[");
    for (at, sent) in request.references.iter().enumerate() {
        json.extend_from_slice(if at == 0 { b"\"" } else { b",\"" });
        json.extend_from_slice(sent.image.digest().to_string().as_bytes());
        json.push(b'"');
    }
    json.push(b']');
    settings.after_references(&mut json);
    json.push(b'}');
    json
}

fn string(json: &mut Vec<u8>, text: &str) {
    // Text can always be written as JSON, and writing to memory cannot fail.
    let _infallible = serde_json::to_writer(json, text);
}

/// What of a request is neither prompt nor reference and yet changes the picture.
struct Settings {
    size: AskedSize,
    format: &'static str,
    /// None for a PNG, of which a quality says nothing.
    quality: Option<u32>,
    safety: &'static str,
}

impl Settings {
    fn of(request: &Request) -> Self {
        Self {
            size: request.size,
            format: request.format.word(),
            quality: (request.format != Format::Png).then_some(request.quality),
            safety: request.safety.word(),
        }
    }

    fn before_key_version(&self, json: &mut Vec<u8>) {
        let _infallible = write!(json, "\"format\":\"{}\"", self.format);
        if let AskedSize::Exact(_, height) = self.size {
            let _infallible = write!(json, ",\"height\":{height}");
        }
    }

    fn before_references(&self, json: &mut Vec<u8>) {
        if let Some(quality) = self.quality {
            let _infallible = write!(json, ",\"quality\":{quality}");
        }
    }

    fn after_references(&self, json: &mut Vec<u8>) {
        if let AskedSize::LikeReference(resolution) = self.size {
            let _infallible = write!(json, ",\"resolution\":\"{}\"", resolution.word());
        }
        let _infallible = write!(json, ",\"safety\":\"{}\"", self.safety);
        if let AskedSize::Exact(width, _) = self.size {
            let _infallible = write!(json, ",\"width\":{width}");
        }
    }
}

/// Gives the digests of the key's parts.
#[must_use]
pub fn parts(request: &Request) -> KeyParts {
    let mut prompt = Hasher::default();
    prompt.update(request.model.id.as_bytes());
    prompt.update(b"\n");
    prompt.update(request.prompt.as_bytes());
    let mut references = Hasher::default();
    for sent in &request.references {
        references.update(sent.image.digest().as_bytes());
    }
    let mut settings = Vec::with_capacity(96);
    let of = Settings::of(request);
    of.before_key_version(&mut settings);
    of.before_references(&mut settings);
    of.after_references(&mut settings);
    KeyParts {
        prompt: prompt.finish().short(),
        references: references.finish().short(),
        settings: Sha256::of(&settings).short(),
    }
}

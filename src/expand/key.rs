//! A take's key: the digest of everything that changes its picture.

use serde_json::{Map, Value};

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
#[must_use]
pub fn canonical(request: &Request) -> Vec<u8> {
    let mut object = settings(request);
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    put("key_version", VERSION.into());
    put("model", request.model.id.into());
    put("prompt", request.prompt.as_ref().into());
    let digests = request
        .references
        .iter()
        .map(|sent| sent.image.digest().to_string());
    put("references", digests.map(Value::String).collect());
    // Strings and whole numbers are all there is in it, and those have a canonical form.
    serde_json_canonicalizer::to_vec(&Value::Object(object)).unwrap_or_default()
}

/// Gives what of a request is neither prompt nor reference and yet changes the picture.
///
/// A quality says nothing of a PNG, so that it is not in that key.
fn settings(request: &Request) -> Map<String, Value> {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    match request.size {
        AskedSize::Exact(width, height) => {
            put("width", width.into());
            put("height", height.into());
        }
        AskedSize::LikeReference(resolution) => {
            put("resolution", resolution.word().into());
        }
    }
    put("format", request.format.word().into());
    if request.format != Format::Png {
        put("quality", request.quality.into());
    }
    put("safety", request.safety.word().into());
    object
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
    let settings = Value::Object(settings(request));
    let settings = serde_json_canonicalizer::to_vec(&settings).unwrap_or_default();
    KeyParts {
        prompt: prompt.finish().short(),
        references: references.finish().short(),
        settings: Sha256::of(&settings).short(),
    }
}

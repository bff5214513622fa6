//! Reading the images in a reply.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::domain::digest::Sha256;
use crate::domain::id::ImageId;
use crate::provider::runware::json::Fields;
use crate::provider::{Address, ResultImage};

/// The longest id of an image that is taken as it is; the vendor's are UUIDs.
const LONGEST_ID: usize = 64;

/// The longest address of an image that is kept, in bytes.
const LONGEST_URL: usize = 8192;

/// Base64 as it comes, with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Drops images that were told before.
pub(super) fn keep_each_once(images: &mut Vec<ResultImage>) {
    let mut seen = HashSet::new();
    images.retain(|image| seen.insert(image.image.clone()));
}

/// Reads a finished image; nothing while it is still being made.
pub(super) fn image(fields: &Fields<'_>) -> Option<ResultImage> {
    let address = address(fields);
    let finished = fields
        .text("status")
        .is_none_or(|word| word.eq_ignore_ascii_case("success"));
    let image = match (fields.text("imageUUID"), &address) {
        (Some(id), Address::Nowhere) if finished => named(&id),
        (None | Some(_), Address::Nowhere) => return None,
        (Some(id), _) => named(&id),
        // It was paid for, so it gets a name even if the reply gives none; always the same one.
        (None, Address::Url(url)) => unnamed(url.as_bytes()),
        (None, Address::Here(bytes)) => unnamed(bytes),
    };
    Some(ResultImage {
        image,
        address,
        seed: fields.whole("seed"),
        nsfw: fields.truth("NSFWContent"),
        cost: fields.money("cost"),
    })
}

/// Takes an id as it is, unless it is of no shape that an id has.
fn named(id: &str) -> ImageId {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:".contains(&b);
    if id.len() <= LONGEST_ID && id.bytes().all(plain) {
        ImageId::new(id)
    } else {
        unnamed(id.as_bytes())
    }
}

fn unnamed(form: &[u8]) -> ImageId {
    ImageId::new(&format!("unnamed-{}", Sha256::of(form).short()))
}

fn address(fields: &Fields<'_>) -> Address {
    let inline = ["imageBase64Data", "imageDataURI"];
    let decoded = |name| fields.text(name).and_then(|text| decode(&text));
    if let Some(bytes) = inline.into_iter().find_map(decoded) {
        return Address::Here(bytes);
    }
    match fields.text("imageURL") {
        Some(url) if url.len() <= LONGEST_URL => Address::Url(url.into_owned()),
        _ => Address::Nowhere,
    }
}

/// Decodes Base64 text, with or without `data:…;base64,` before it.
fn decode(text: &str) -> Option<Arc<[u8]>> {
    let text = match text.split_once(',') {
        Some((head, rest)) if head.starts_with("data:") => rest,
        _ => text,
    };
    BASE64.decode(text).ok().map(Arc::from)
}

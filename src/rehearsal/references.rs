//! What a string that stands for an image leads to: an upload, an address, or bytes.

use std::sync::Arc;

use base64::Engine;
use serde_json::json;

use super::app::App;
use super::envelope::Refusal;
use super::id::Id;
use super::record::Reference;
use super::shelf::{Looked, Shelf, ShelfError};
use super::switches::{GeneratedUuid, ReferenceLimits, Strikes};
use super::web::is_loopback;

/// As other front ends of this model have it: at most 10 MB a file.
const MOST_BYTES: usize = 10_000_000;
/// As they have it: no side under 300 px.
const SHORTEST_SIDE: u32 = 300;
/// As they have it: 1:2.5 to 2.5:1, here in fifths.
const MOST_OBLONG: (u64, u64) = (5, 2);
/// What is taken for the size of a reference that is not fetched.
const UNSEEN_SIDE: u32 = 1024;

/// Bytes, or the word that there would be some.
pub(super) enum Found {
    Bytes(Vec<u8>),
    /// An address off this machine: never fetched, taken as good.
    Elsewhere(String),
}

/// A task's references, as far as they could be had.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    pub(super) references: Vec<Reference>,
    /// The place of one that will turn out bad after the task was accepted.
    pub(super) lost: Option<usize>,
}

/// Resolves a task's references in order; the first bad one refuses the task.
pub(super) async fn resolve(app: &Arc<App>, strings: &[&str]) -> Result<Resolved, Refusal> {
    let mut resolved = Resolved::default();
    for (place, text) in strings.iter().enumerate() {
        match resolve_one(app, text, place).await {
            Ok(reference) => resolved.references.push(reference),
            Err(refusal) if app.switches().reference_check == Strikes::AtSubmit => {
                return Err(refusal);
            }
            Err(_) => {
                resolved.lost = resolved.lost.or(Some(place));
                resolved.references.push(unseen("lost"));
            }
        }
    }
    Ok(resolved)
}

async fn resolve_one(app: &Arc<App>, text: &str, place: usize) -> Result<Reference, Refusal> {
    if let Some(id) = Id::parse(text) {
        return by_id(app, id, place).await;
    }
    match find(app, text, MOST_BYTES).await {
        None => Err(transfer_failed(place)),
        Some(Found::Elsewhere(host)) => Ok(unseen(&host)),
        Some(Found::Bytes(bytes)) => {
            let looked = on_shelf(app, bytes, Shelf::look)
                .await?
                .ok_or_else(|| transfer_failed(place))?;
            check_limits(app, looked.width, looked.height, looked.bytes, place)?;
            Ok(Reference {
                sha256: Some(looked.sha256),
                upload: None,
                label: "data".to_owned(),
                width: looked.width,
                height: looked.height,
            })
        }
    }
}

async fn by_id(app: &Arc<App>, id: Id, place: usize) -> Result<Reference, Refusal> {
    let now = app.now();
    let upload = app.memory().upload(id).cloned();
    if let Some(upload) = upload {
        let life = app.switches().upload_life;
        if life.is_some_and(|life| upload.last_used.later(life) <= now) {
            return Err(transfer_failed(place));
        }
        check_limits(app, upload.width, upload.height, upload.bytes, place)?;
        return Ok(Reference {
            sha256: Some(upload.sha256),
            upload: Some(id),
            label: id.short(),
            width: upload.width,
            height: upload.height,
        });
    }
    let made = app.memory().image(id);
    let usable = app.switches().generated_uuid == GeneratedUuid::Accept;
    let Some((index, turn)) = made.filter(|_| usable) else {
        return Err(transfer_failed(place));
    };
    let accepted = app.accepted(index).ok_or_else(|| transfer_failed(place))?;
    let bytes = app
        .paint(&accepted, turn)
        .await
        .map_err(|_| transfer_failed(place))?;
    let looked = on_shelf(app, bytes, Shelf::look)
        .await?
        .ok_or_else(|| transfer_failed(place))?;
    Ok(Reference {
        sha256: Some(looked.sha256),
        upload: None,
        label: id.short(),
        width: looked.width,
        height: looked.height,
    })
}

/// Finds the bytes behind an address, a data URI or Base64; none if they cannot be had.
pub(super) async fn find(app: &App, text: &str, limit: usize) -> Option<Found> {
    if let Some(rest) = text.strip_prefix("data:") {
        let (kind, content) = rest.split_once(',')?;
        return kind
            .ends_with(";base64")
            .then(|| decode(content))
            .flatten()
            .map(Found::Bytes);
    }
    if text.contains("://") {
        let url = reqwest::Url::parse(text).ok()?;
        let dead = app.faults.dead_references.iter().any(|dead| dead == text);
        if dead || !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        if !is_loopback(&url) {
            return Some(Found::Elsewhere(
                url.host_str().unwrap_or_default().to_owned(),
            ));
        }
        return app.fetch(&url, limit).await.ok().map(Found::Bytes);
    }
    decode(text).map(Found::Bytes)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text.trim())
        .ok()?;
    (!bytes.is_empty()).then_some(bytes)
}

/// Runs work on the shelf apart from the handlers; gives none if the bytes are no image.
pub(super) async fn on_shelf(
    app: &Arc<App>,
    bytes: Vec<u8>,
    work: fn(&Shelf, &[u8]) -> Result<Looked, ShelfError>,
) -> Result<Option<Looked>, Refusal> {
    let shelf = app.shelf.clone();
    let failed = || Refusal::new(500, "internalServerError", "The image could not be stored");
    match tokio::task::spawn_blocking(move || work(&shelf, &bytes)).await {
        Ok(Ok(looked)) => Ok(Some(looked)),
        Ok(Err(ShelfError::NotAnImage)) => Ok(None),
        Ok(Err(ShelfError::Io)) | Err(_) => Err(failed()),
    }
}

fn check_limits(
    app: &App,
    width: u32,
    height: u32,
    bytes: u64,
    place: usize,
) -> Result<(), Refusal> {
    if app.switches().reference_limits == ReferenceLimits::Lax {
        return Ok(());
    }
    let (long, short) = (u64::from(width.max(height)), u64::from(width.min(height)));
    let message = if width.min(height) < SHORTEST_SIDE {
        format!("the image is {width}x{height}, each side has to be at least {SHORTEST_SIDE}")
    } else if long * MOST_OBLONG.1 > short * MOST_OBLONG.0 {
        format!("the image is {width}x{height}, its ratio has to lie within 1:2.5 and 2.5:1")
    } else if usize::try_from(bytes).map_or(true, |bytes| bytes > MOST_BYTES) {
        format!("the file is larger than {MOST_BYTES} bytes")
    } else {
        return Ok(());
    };
    let refusal = Refusal::new(400, "invalidReferenceImages", message);
    Err(refusal.about(json!(format!("referenceImages[{place}]"))))
}

pub(super) fn transfer_failed(place: usize) -> Refusal {
    let message = "The image could not be fetched or is not an image";
    let refusal = Refusal::new(400, "failedToTransferImage", message);
    refusal.about(json!(format!("referenceImages[{place}]")))
}

fn unseen(label: &str) -> Reference {
    Reference {
        sha256: None,
        upload: None,
        label: label.to_owned(),
        width: UNSEEN_SIDE,
        height: UNSEEN_SIDE,
    }
}

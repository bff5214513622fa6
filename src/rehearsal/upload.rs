//! `imageUpload` and `mediaStorage`.

use serde_json::{Map, Value, json};

use super::api::Ending;
use super::dispatch::{Stop, Turn};
use super::envelope::Refusal;
use super::faults::{Fault, Target};
use super::id::Id;
use super::paint::encode_jpeg;
use super::record::{Record, Uploaded};
use super::references::{Found, find, on_shelf};
use super::shelf::Shelf;

/// The most bytes an upload may have; the body limit is below it unless set otherwise.
const MOST_BYTES: usize = 256 << 20;
/// The side of the plain square that stands for an image off this machine.
const UNSEEN_SIDE: usize = 1024;

/// Does what one element asks and gives its item.
pub(super) async fn take(
    turn: &mut Turn,
    kind: &str,
    id: Id,
    task: &Map<String, Value>,
) -> Result<Value, Stop> {
    if kind == "imageUpload" {
        let uploaded = store(turn, id, task.get("image"), "image").await?;
        return Ok(json!({
            "taskType": kind,
            "taskUUID": id.to_string(),
            "imageUUID": uploaded.image.to_string(),
            "imageURL": address(turn, &uploaded),
        }));
    }
    match task.get("operation").and_then(Value::as_str) {
        Some("upload") => {
            let uploaded = store(turn, id, task.get("media"), "media").await?;
            Ok(json!({
                "taskType": kind,
                "taskUUID": id.to_string(),
                "operation": "upload",
                "mediaUUID": uploaded.image.to_string(),
                "mediaURL": address(turn, &uploaded),
            }))
        }
        Some("delete") => Ok(delete(turn, kind, id, task.get("media")).await?),
        Some(_) => Err(operation("invalidOperation").into()),
        None => Err(operation("missingOperation").into()),
    }
}

fn operation(code: &str) -> Refusal {
    let refusal = Refusal::new(400, code, "operation has to be upload or delete");
    refusal.about("operation").allowing(&["upload", "delete"])
}

fn address(turn: &Turn, uploaded: &Uploaded) -> String {
    format!(
        "{}/image/ii/{}.{}",
        turn.app.origin, uploaded.image, uploaded.extension
    )
}

async fn store(
    turn: &mut Turn,
    id: Id,
    image: Option<&Value>,
    parameter: &'static str,
) -> Result<Uploaded, Stop> {
    strike(turn, id)?;
    let app = turn.app.clone();
    let Some(image) = image else {
        let code = if parameter == "image" {
            "missingImage"
        } else {
            "missingMedia"
        };
        let message = format!("{parameter} is required");
        return Err(Refusal::new(400, code, message).about(parameter).into());
    };
    let failed = || {
        let message = "The image could not be fetched or is not an image";
        Refusal::new(400, "failedToTransferImage", message).about(parameter)
    };
    let text = image.as_str().ok_or_else(failed)?;
    let bytes = match find(&app, text, MOST_BYTES).await.ok_or_else(failed)? {
        Found::Bytes(bytes) => bytes,
        Found::Elsewhere(host) => unseen(&host),
    };
    let looked = on_shelf(&app, bytes, Shelf::keep_upload)
        .await?
        .ok_or_else(failed)?;
    let uploaded = Uploaded {
        at: app.now(),
        task: id,
        key: turn.key,
        image: Id::random(),
        sha256: looked.sha256,
        extension: looked.extension.to_owned(),
        bytes: looked.bytes,
        width: looked.width,
        height: looked.height,
    };
    write_down(turn, uploaded.clone()).await?;
    Ok(uploaded)
}

/// Puts the upload into the books, then makes it known, even if whoever asked has hung up.
async fn write_down(turn: &Turn, uploaded: Uploaded) -> Result<(), Refusal> {
    let app = turn.app.clone();
    let writing = tokio::spawn(async move {
        let written = app
            .books
            .append(&Record::Uploaded(uploaded.clone()))
            .await
            .is_ok();
        if written {
            app.memory().add_upload(uploaded);
            app.changed.notify_waiters();
        }
        written
    });
    if writing.await.unwrap_or(false) {
        return Ok(());
    }
    Err(Refusal::new(
        500,
        "internalServerError",
        "The image could not be stored",
    ))
}

async fn delete(turn: &Turn, kind: &str, id: Id, media: Option<&Value>) -> Result<Value, Refusal> {
    let image = media.and_then(Value::as_str).and_then(Id::parse);
    let app = &turn.app;
    let not_found = || Refusal::new(404, "mediaNotFound", "There is no such media").about("media");
    let image = image
        .filter(|image| app.memory().upload(*image).is_some())
        .ok_or_else(not_found)?;
    if app.books.append(&Record::Deleted { image }).await.is_err() {
        return Err(Refusal::new(
            500,
            "internalServerError",
            "The media could not be deleted",
        ));
    }
    app.memory().remove_upload(image);
    Ok(json!({
        "taskType": kind,
        "taskUUID": id.to_string(),
        "operation": "delete",
        "mediaUUID": image.to_string(),
    }))
}

/// Gives a plain square whose shade depends on where the image would have come from.
fn unseen(host: &str) -> Vec<u8> {
    let [shade, ..] = super::id::digest(&[host.as_bytes()]);
    encode_jpeg(
        UNSEEN_SIDE,
        UNSEEN_SIDE,
        [shade, 128, 160].repeat(UNSEEN_SIDE * UNSEEN_SIDE),
    )
}

fn strike(turn: &mut Turn, id: Id) -> Result<(), Stop> {
    let app = turn.app.clone();
    if app.faults.is_quiet() {
        return Ok(());
    }
    let number = app.memory().count_upload();
    let target = Target {
        number,
        task: id,
        attempt: 0,
        index: 0,
    };
    if app.faults.strikes(Fault::UploadDrop, target) {
        turn.ending = Ending::Reset;
        return Err(Stop::Everything);
    }
    if app.faults.strikes(Fault::UploadError, target) {
        let message = "Something went wrong on the server";
        return Err(Refusal::new(500, "internalServerError", message).into());
    }
    Ok(())
}

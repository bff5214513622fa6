//! Image files: made ones are painted when asked for, uploaded ones are read from the shelf.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures::stream;

use super::app::App;
use super::clock::Moment;
use super::envelope::{empty, json_bytes, page, typed};
use super::faults::{Fault, Target};
use super::id::Id;
use super::record::Accepted;
use super::results;
use super::socket::Scissors;

/// How long the first half of a broken-off image has to reach the client.
const HALF_WAY: Duration = Duration::from_millis(30);

/// Serves a result's image.
pub(super) async fn made(
    State(app): State<Arc<App>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    Path((shelf, file)): Path<(String, String)>,
) -> Response {
    app.count("image");
    let image = file.split_once('.').and_then(|(id, _)| Id::parse(id));
    let found = image.and_then(|image| app.memory().image(image).map(|found| (image, found)));
    let (Some((image, (index, result))), Some(turn)) = (found, turn_of(&shelf)) else {
        return empty(404);
    };
    let number = app.memory().task(index).map(|task| task.number);
    let (Some(accepted), Some(number)) = (app.accepted(index), number) else {
        return empty(404);
    };
    let named_right = file.ends_with(&format!(".{}", accepted.picture.format.extension()));
    let now = app.now();
    if !named_right || now < results::ends(&app, &accepted, result) {
        return empty(404);
    }
    let target = Target {
        number,
        task: accepted.task,
        attempt: 0,
        index: result,
    };
    if is_expired(&app, &accepted, image, turn, target, now) {
        app.memory().renew(image, turn, now);
        return empty(app.switches().expired_status);
    }
    serve(&app, scissors, &accepted, image, target).await
}

/// Serves an upload.
pub(super) async fn uploaded(State(app): State<Arc<App>>, Path(file): Path<String>) -> Response {
    app.count("uploadedImage");
    let image = file.split_once('.').and_then(|(id, _)| Id::parse(id));
    let upload = image.and_then(|image| app.memory().upload(image).cloned());
    let Some(upload) = upload else {
        return empty(404);
    };
    let shelf = app.shelf.clone();
    let mime = match upload.extension.as_str() {
        "jpg" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        "gif" => "image/gif",
        _ => "image/bmp",
    };
    let read = move || shelf.read_upload(&upload.sha256, &upload.extension);
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(bytes)) => typed(200, mime, bytes.into()),
        _ => empty(404),
    }
}

/// Reads which address of an image this is from the part of the path that varies.
fn turn_of(shelf: &str) -> Option<u8> {
    let (turn, _) = shelf.strip_prefix('a')?.split_once('d')?;
    turn.parse().ok()
}

fn is_expired(
    app: &App,
    accepted: &Accepted,
    image: Id,
    turn: u8,
    target: Target,
    now: Moment,
) -> bool {
    let made = results::ends(app, accepted, target.index);
    if accepted
        .ttl_s
        .is_some_and(|ttl| made.later(Duration::from_secs(ttl)) <= now)
    {
        return true;
    }
    let (current, renewed) = app.memory().address(image);
    let since = renewed.filter(|_| turn == current).unwrap_or(made);
    let outlived = app
        .switches()
        .url_life
        .is_some_and(|life| since.later(life) <= now);
    let attempt = u64::from(turn);
    outlived
        || app
            .faults
            .strikes(Fault::ExpiredUrl, Target { attempt, ..target })
}

async fn serve(
    app: &Arc<App>,
    scissors: Scissors,
    accepted: &Accepted,
    image: Id,
    target: Target,
) -> Response {
    let quiet = app.faults.is_quiet();
    let attempt = if quiet { 0 } else { app.memory().fetch(image) };
    let strikes = |fault| !quiet && app.faults.strikes(fault, Target { attempt, ..target });
    if strikes(Fault::DownloadError) {
        return json_bytes(500, b"{\"error\":\"internal\"}".to_vec());
    }
    if strikes(Fault::HtmlImage) {
        return page(200);
    }
    if strikes(Fault::EmptyImage) {
        return typed(200, accepted.picture.format.mime(), Body::empty());
    }
    if strikes(Fault::RedirectImage) {
        return redirect();
    }
    let Ok(mut bytes) = app.paint(accepted, target.index).await else {
        return empty(500);
    };
    if strikes(Fault::TruncatedImage) {
        bytes.truncate(bytes.len() / 2);
    }
    let middle = if strikes(Fault::WrongLength) {
        Middle::Close(scissors)
    } else if strikes(Fault::StalledImage) {
        Middle::Stall
    } else {
        Middle::Pause(app.switches().download_pause)
    };
    let length = bytes.len();
    let body = halves(Arc::clone(app), bytes.into(), middle);
    let mut response = typed(200, accepted.picture.format.mime(), body);
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// Leads to an address that no client may follow.
fn redirect() -> Response {
    let mut response = empty(302);
    let inner = HeaderValue::from_static("http://169.254.169.254/latest/meta-data/");
    response.headers_mut().insert(header::LOCATION, inner);
    response
}

/// What happens between the halves of a file.
#[derive(Clone)]
enum Middle {
    Pause(Duration),
    /// The connection is closed.
    Close(Scissors),
    /// Nothing more ever comes.
    Stall,
}

/// Sends a file in two halves, so that a test can be told when the first is out.
fn halves(app: Arc<App>, bytes: Bytes, middle: Middle) -> Body {
    #[derive(Clone, Copy)]
    enum Step {
        First,
        Second,
        End,
    }
    let half = bytes.len() / 2;
    Body::from_stream(stream::unfold(Step::First, move |step| {
        let (app, bytes, middle) = (Arc::clone(&app), bytes.clone(), middle.clone());
        async move {
            match step {
                Step::First => Some((Ok(bytes.slice(..half)), Step::Second)),
                Step::Second => Some((
                    second_half(&app, bytes.slice(half..), middle).await,
                    Step::End,
                )),
                Step::End => None,
            }
        }
    }))
}

async fn second_half(app: &App, half: Bytes, middle: Middle) -> Result<Bytes, std::io::Error> {
    app.memory().tally.half_downloaded += 1;
    app.changed.notify_waiters();
    match middle {
        Middle::Pause(pause) if pause.is_zero() => {}
        Middle::Pause(pause) => tokio::time::sleep(pause).await,
        Middle::Close(scissors) => {
            tokio::time::sleep(HALF_WAY).await;
            scissors.close();
            return Err(std::io::Error::other("broken off"));
        }
        Middle::Stall => std::future::pending().await,
    }
    app.memory().tally.downloaded += 1;
    app.changed.notify_waiters();
    Ok(half)
}

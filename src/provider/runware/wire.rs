//! How requests are spelled for the API.
//!
//! Every body is a list of tasks. The parameters are those of
//! runware.ai/docs/models/klingai-image-o1, and of utilities/image-upload, platform/task-polling,
//! task-details, media-storage and account-management.

use std::fmt::{self, Display};

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};

use crate::domain::class::Trouble;
use crate::domain::id::{ImageId, TaskId};
use crate::domain::secret::SecretUrl;
use crate::expand::request::{AskedSize, Request, SentImage, SentReference};
use crate::manifest::settings::{Delivery, Format, Output, ReferenceTransfer, Safety};
use crate::provider::runware::files;
use crate::provider::runware::reply::GENERATION;

/// Spells a generation.
///
/// Files that were not uploaded are read here and sent inside the request.
///
/// # Errors
/// Gives the trouble with such a file; nothing was sent.
pub(super) async fn generation(
    task: TaskId,
    results: u32,
    request: &Request,
    uploaded: &[Option<ImageId>],
) -> Result<Vec<u8>, Trouble> {
    let mut forms = Vec::with_capacity(request.references.len());
    for (place, reference) in request.references.iter().enumerate() {
        let uploaded = uploaded.get(place).and_then(Option::as_ref);
        forms.push(form(&reference.image, uploaded).await?);
    }
    let inline = forms.iter().map(Form::inline_bytes).sum();
    let generation = Generation::of(task, results, request, &forms);
    Ok(body(&[generation], inline))
}

/// Spells a generation for people to read: as it is sent, but for secrets and image data.
///
/// Gives nothing if it cannot be spelled, which no request brings about.
pub(super) fn preview(task: TaskId, results: u32, request: &Request) -> Option<String> {
    let hidden = SecretUrl::new("(hidden)".to_owned());
    let shown = Request {
        webhook_url: request.webhook_url.as_ref().map(|_| hidden.clone()),
        upload_endpoint: request.upload_endpoint.as_ref().map(|_| hidden.clone()),
        ..request.clone()
    };
    let texts: Vec<String> = request
        .references
        .iter()
        .map(|r| described(request, r))
        .collect();
    let forms: Vec<Form<'_>> = texts.iter().map(|text| Form::Text(text)).collect();
    serde_json::to_string_pretty(&[Generation::of(task, results, &shown, &forms)]).ok()
}

fn described(request: &Request, reference: &SentReference) -> String {
    match &reference.image {
        SentImage::File { shown, .. } if request.transfer == ReferenceTransfer::Upload => {
            format!("(UUID of the upload of {shown})")
        }
        SentImage::File { shown, .. } => format!("(data URI of {shown})"),
        // A query may hold a signature.
        SentImage::Url(url) => match url.split_once(['?', '#']) {
            Some((plain, _)) => format!("{plain}?(hidden)"),
            None => url.clone(),
        },
        SentImage::Uuid(uuid) => uuid.clone(),
        SentImage::DataUri { sha256, .. } => format!("(data URI, sha256 {sha256})"),
    }
}

/// A reference as it is sent.
enum Form<'a> {
    /// A UUID, an address or a data URI.
    Text(&'a str),
    /// The bytes of a file.
    Inline(DataUri<'a, Vec<u8>>),
}

impl Form<'_> {
    fn inline_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Inline(uri) => uri.bytes.len(),
        }
    }
}

async fn form<'a>(
    image: &'a SentImage,
    uploaded: Option<&'a ImageId>,
) -> Result<Form<'a>, Trouble> {
    if let Some(id) = uploaded {
        return Ok(Form::Text(id.as_str()));
    }
    match image {
        SentImage::Url(text) | SentImage::Uuid(text) => Ok(Form::Text(text)),
        SentImage::DataUri { uri, .. } => Ok(Form::Text(uri.reveal())),
        SentImage::File {
            path,
            sha256,
            media_type,
            ..
        } => Ok(Form::Inline(DataUri {
            media_type,
            bytes: files::read(path, *sha256).await?,
        })),
    }
}

impl Serialize for Form<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Inline(uri) => serializer.collect_str(uri),
        }
    }
}

/// Bytes written as a data URI, straight into the request.
struct DataUri<'a, B> {
    media_type: &'a str,
    bytes: B,
}

impl<B: AsRef<[u8]>> Display for DataUri<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = Base64Display::new(self.bytes.as_ref(), &STANDARD);
        write!(f, "data:{};base64,{bytes}", self.media_type)
    }
}

impl<B: AsRef<[u8]>> Serialize for DataUri<'_, B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Generation<'a> {
    task_type: &'static str,
    #[serde(rename = "taskUUID")]
    task: String,
    model: &'a str,
    positive_prompt: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<&'static str>,
    #[serde(skip_serializing_if = "Inputs::is_empty")]
    inputs: Inputs<'a>,
    number_results: u32,
    output_type: &'static str,
    output_format: &'static str,
    output_quality: u32,
    delivery_method: &'static str,
    include_cost: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u32>,
    #[serde(rename = "webhookURL", skip_serializing_if = "Option::is_none")]
    webhook_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_endpoint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    safety: Option<Check>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Inputs<'a> {
    reference_images: &'a [Form<'a>],
}

impl Inputs<'_> {
    const fn is_empty(&self) -> bool {
        self.reference_images.is_empty()
    }
}

#[derive(Serialize)]
struct Check {
    mode: &'static str,
}

impl<'a> Generation<'a> {
    fn of(task: TaskId, results: u32, request: &'a Request, references: &'a [Form<'a>]) -> Self {
        let (width, height, resolution) = match request.size {
            AskedSize::Exact(width, height) => (Some(width), Some(height), None),
            AskedSize::LikeReference(tier) => (None, None, Some(tier.word())),
        };
        Self {
            task_type: GENERATION,
            task: task.to_string(),
            model: request.model.id,
            positive_prompt: &request.prompt,
            width,
            height,
            resolution,
            inputs: Inputs {
                reference_images: references,
            },
            number_results: results,
            output_type: output_type(request.output),
            output_format: output_format(request.format),
            output_quality: request.quality,
            delivery_method: match request.delivery {
                Delivery::Async => "async",
                Delivery::Sync => "sync",
            },
            include_cost: true,
            ttl: request.ttl.filter(|_| request.output == Output::Url),
            webhook_url: request.webhook_url.as_ref().map(SecretUrl::reveal),
            upload_endpoint: request.upload_endpoint.as_ref().map(SecretUrl::reveal),
            safety: match request.safety {
                Safety::Off => None,
                Safety::Fast => Some(Check { mode: "fast" }),
            },
        }
    }
}

const fn output_type(output: Output) -> &'static str {
    match output {
        Output::Url => "URL",
        Output::Base64 => "base64Data",
        Output::DataUri => "dataURI",
    }
}

const fn output_format(format: Format) -> &'static str {
    match format {
        Format::Jpg => "JPG",
        Format::Png => "PNG",
        Format::Webp => "WEBP",
    }
}

/// The two ways to upload an image; the API calls the first one deprecated in favour of the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UploadWay {
    ImageUpload,
    MediaStorage,
}

impl UploadWay {
    /// Gives its task type.
    pub(super) const fn task_type(self) -> &'static str {
        match self {
            Self::ImageUpload => "imageUpload",
            Self::MediaStorage => "mediaStorage",
        }
    }
}

/// Spells an upload.
pub(super) fn upload(call: TaskId, way: UploadWay, media_type: &str, bytes: &[u8]) -> Vec<u8> {
    let uri = DataUri { media_type, bytes };
    let (image, media) = match way {
        UploadWay::ImageUpload => (Some(uri), None),
        UploadWay::MediaStorage => (None, Some(uri)),
    };
    let upload = Call {
        operation: media.is_some().then_some("upload"),
        image,
        media,
        ..Call::bare(way.task_type(), Some(call))
    };
    body(&[upload], bytes.len())
}

/// Spells a question to the queue about tasks.
pub(super) fn get_response(tasks: &[TaskId]) -> Vec<u8> {
    let calls: Vec<_> = tasks
        .iter()
        .map(|&task| Call::bare("getResponse", Some(task)))
        .collect();
    body(&calls, 0)
}

/// Spells a question to the archive about a task.
pub(super) fn get_task_details(task: TaskId) -> Vec<u8> {
    body(&[Call::bare("getTaskDetails", Some(task))], 0)
}

/// Spells a question about the account.
pub(super) fn account_details(call: TaskId) -> Vec<u8> {
    let question = Call {
        operation: Some("getDetails"),
        ..Call::bare("accountManagement", Some(call))
    };
    body(&[question], 0)
}

/// Spells a sign of life.
pub(super) fn ping() -> Vec<u8> {
    let ping = Call {
        ping: Some(true),
        ..Call::bare("ping", None)
    };
    body(&[ping], 0)
}

/// A task that buys nothing.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Call<'a> {
    task_type: &'static str,
    #[serde(rename = "taskUUID", skip_serializing_if = "Option::is_none")]
    task: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ping: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<DataUri<'a, &'a [u8]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<DataUri<'a, &'a [u8]>>,
}

impl Call<'_> {
    fn bare(task_type: &'static str, task: Option<TaskId>) -> Self {
        Self {
            task_type,
            task: task.map(|task| task.to_string()),
            operation: None,
            ping: None,
            image: None,
            media: None,
        }
    }
}

/// Writes the tasks; `inline` is how many bytes of files go into them, so that room is made once.
fn body<T: Serialize>(tasks: &[T], inline: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(2048 + inline / 3 * 4);
    // Writing these plain structures into memory cannot fail.
    let _written = serde_json::to_writer(&mut body, tasks);
    body
}

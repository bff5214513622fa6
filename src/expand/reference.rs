//! One reference, from what was written to what is sent, and the complaints on the way.

use base64::Engine as _;

use crate::domain::diagnostic::{Diagnostic, Place};
use crate::domain::digest::Sha256;
use crate::domain::secret::SecretUrl;
use crate::expand::facts::{Facts, Named, ReferenceFacts, Unusable};
use crate::expand::picture;
use crate::expand::profile::ModelProfile;
use crate::expand::request::SentImage;
use crate::manifest::model::{Image, Reference};

/// A reference as written, with what is to be sent for it.
#[derive(Clone, Debug)]
pub(crate) struct Held<'m> {
    /// What was written.
    pub(crate) reference: &'m Reference,
    /// What is sent, or why nothing can be.
    pub(crate) image: Result<Known, Diagnostic>,
}

/// An image that can be sent, with what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// The image.
    pub(crate) image: SentImage,
    /// The digest that stands for it.
    pub(crate) digest: Sha256,
    /// Its measures, when its bytes are at hand.
    measures: Option<Measures>,
}

/// The size of a picture.
#[derive(Clone, Copy, Debug)]
pub struct Measures {
    /// Bytes.
    pub bytes: u64,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl<'m> Held<'m> {
    pub(crate) fn new(reference: &'m Reference, facts: &ReferenceFacts) -> Self {
        let image = match &reference.image.value {
            Image::File(path) => file(path, reference.image.place, facts),
            Image::Url(url) => Ok(Known::unmeasured(SentImage::Url(url.clone()))),
            Image::Uuid(uuid) => Ok(Known::unmeasured(SentImage::Uuid(uuid.clone()))),
            Image::DataUri(uri) => data_uri(uri, reference.image.place),
        };
        Self { reference, image }
    }

    /// Gives the image's measures, where its bytes are at hand.
    pub(crate) fn measures(&self) -> Option<Measures> {
        self.image.as_ref().ok().and_then(|known| known.measures)
    }

    /// Gives the image if the model takes it.
    pub(crate) fn fit(&self, model: &ModelProfile) -> Result<&Known, Diagnostic> {
        let known = self.image.as_ref().map_err(Clone::clone)?;
        let Some(measures) = known.measures else {
            return Ok(known);
        };
        match unfit(measures, model) {
            None => Ok(known),
            Some((code, message, expected, help)) => {
                let complaint = match &known.image {
                    SentImage::File { shown, .. } => {
                        Diagnostic::error(code, format!("`{shown}` {message}"))
                    }
                    _ => Diagnostic::error(code, format!("the picture written here {message}")),
                };
                Err(complaint
                    .at(self.reference.image.place)
                    .expected(expected)
                    .help(help))
            }
        }
    }
}

impl Known {
    fn unmeasured(image: SentImage) -> Self {
        Self {
            digest: image.digest(),
            image,
            measures: None,
        }
    }
}

fn file(path: &str, place: Option<Place>, facts: &ReferenceFacts) -> Result<Known, Diagnostic> {
    let named = place.map(|place| Named {
        by: place.file,
        path: path.to_owned(),
    });
    match named.and_then(|named| facts.0.get(&named)) {
        Some(Ok(facts)) => Ok(of_file(facts)),
        Some(Err(reason)) => Err(unusable(path, reason).at(place)),
        None => Err(unusable(path, &Unusable::Missing).at(place)),
    }
}

fn of_file(facts: &Facts) -> Known {
    Known {
        image: SentImage::File {
            path: facts.path.clone(),
            shown: facts.shown.clone(),
            sha256: facts.sha256,
            media_type: facts.media_type,
        },
        digest: facts.sha256,
        measures: Some(Measures {
            bytes: facts.bytes,
            width: facts.width,
            height: facts.height,
        }),
    }
}

fn unusable(path: &str, reason: &Unusable) -> Diagnostic {
    match reason {
        Unusable::Missing => missing(path).help(missing_help(path)),
        Unusable::Misspelt(near) => missing(path).help(format!("write `{near}`")),
        Unusable::Unreadable(why) => {
            let help = if why.contains("folder") {
                format!(
                    "name a picture in it, such as `{}/face.png`",
                    path.trim_end_matches('/')
                )
            } else {
                "mend the file or its permissions".to_owned()
            };
            let message = format!("`{path}` cannot be read: {why}");
            let complaint = Diagnostic::error("reference-unreadable", message);
            complaint.expected("a file that can be read").help(help)
        }
        Unusable::Outside => {
            let message = format!("`{path}` leads out of the manifest's folder");
            Diagnostic::error("reference-outside", message)
                .expected(
                    "a file below the manifest's folder; links that lead out are not followed",
                )
                .help("copy the picture into the show's folder")
        }
        Unusable::NotAnImage(looks) => {
            Diagnostic::error("reference-not-an-image", format!("`{path}` is {looks}"))
                .expected("a JPEG, PNG or WebP picture")
                .help(not_an_image_help(looks))
        }
        Unusable::Huge(bytes) => Diagnostic::error(
            "reference-too-large",
            format!("`{path}` has {}", megabytes(*bytes)),
        )
        .expected("a picture of a few megabytes")
        .help("export the picture smaller, or as JPEG"),
    }
}

fn missing(path: &str) -> Diagnostic {
    Diagnostic::error("reference-missing", format!("there is no file `{path}`"))
        .expected("a picture at this path, relative to the file that names it")
}

/// Says what to do about a path that leads nowhere.
fn missing_help(path: &str) -> String {
    let is_windows = path.get(1..2) == Some(":");
    if path.contains(['*', '?']) {
        "name each picture by itself: `*` and `?` stand for nothing here".to_owned()
    } else if path.starts_with(['/', '~', '\\']) || is_windows {
        "put the picture into the show's folder, and write its path from there".to_owned()
    } else if path.contains('\\') {
        format!(
            "write `{}`, with `/` between folders",
            path.replace('\\', "/")
        )
    } else {
        "correct the path, or put the picture there".to_owned()
    }
}

/// Says what to do about a file that is no picture, by what it looks like.
fn not_an_image_help(looks: &str) -> &'static str {
    if looks.contains("LFS") {
        "fetch the picture itself with `git lfs pull`"
    } else if looks.contains("cut short") || looks.contains("broken") || looks.contains("empty") {
        "copy or download the file again; it is not complete"
    } else if looks.contains("web page") {
        "download the picture again; a page in its place often asks for a sign-in"
    } else if looks.contains("text") || looks.contains("no known kind") {
        "put the picture itself there, whatever the file's name says"
    } else {
        "export the picture as PNG or JPEG, and name that file"
    }
}

/// Says what of a picture's measures the model does not take: code, message, expected, help.
fn unfit(
    found: Measures,
    model: &ModelProfile,
) -> Option<(&'static str, String, String, &'static str)> {
    let Measures {
        bytes,
        width,
        height,
    } = found;
    let (short, long) = (width.min(height), width.max(height));
    if short < model.reference_min_side {
        let least = model.reference_min_side;
        return Some((
            "reference-too-small",
            format!("is {width}x{height} pixels"),
            format!("at least {least} pixels a side ({})", model.name),
            "use a larger picture; scaling this one up adds nothing the model can see",
        ));
    }
    let most = u64::from(model.reference_max_ratio_hundredths);
    if u64::from(long) * 100 > u64::from(short) * most {
        return Some((
            "reference-too-oblong",
            format!("is {width}x{height} pixels, too oblong"),
            format!(
                "a ratio from 1:{most} to {most}:1 ({})",
                model.name,
                most = hundredths(most)
            ),
            "crop the picture",
        ));
    }
    (bytes > model.reference_max_bytes).then(|| {
        (
            "reference-too-large",
            format!("has {}", megabytes(bytes)),
            format!(
                "at most {} ({})",
                megabytes(model.reference_max_bytes),
                model.name
            ),
            "export the picture smaller, or as JPEG",
        )
    })
}

fn hundredths(value: u64) -> String {
    format!("{}.{:02}", value / 100, value % 100)
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

fn megabytes(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10).div_ceil(1024 * 1024);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

/// Reads a data URI; its text is shown nowhere, for whoever draws a complaint leaves it out.
fn data_uri(uri: &str, place: Option<Place>) -> Result<Known, Diagnostic> {
    let refuse = |why: String| {
        let message = format!("the picture written here is {why}");
        Diagnostic::error("reference-not-an-image", message)
            .at(place)
            .expected("`data:image/png;base64,` (or jpeg, webp) and a picture as Base64")
            .help("name the picture as a file instead")
    };
    let encoded = uri
        .split_once(',')
        .filter(|(head, _)| head.to_ascii_lowercase().ends_with(";base64"))
        .map(|(_, encoded)| encoded)
        .ok_or_else(|| refuse("not Base64".to_owned()))?;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(encoded.trim())
        .map_err(|_| refuse("not valid Base64".to_owned()))?;
    let picture = picture::look(&bytes).map_err(refuse)?;
    let sha256 = Sha256::of(&bytes);
    Ok(Known {
        image: SentImage::DataUri {
            uri: SecretUrl::new(uri.to_owned()),
            sha256,
        },
        digest: sha256,
        measures: Some(Measures {
            bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            width: picture.width,
            height: picture.height,
        }),
    })
}

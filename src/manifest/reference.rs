//! What kind of image a reference names.

use crate::domain::diagnostic::{Diagnostic, Place, Placed};
use crate::manifest::model::{Image, Reference};
use crate::manifest::setting::is_plain_loopback;
use crate::manifest::shown::shown;

/// What a reference may be, for messages.
pub(super) const EXPECTED: &str =
    "a path such as `boards/0090.png`, an https address, or the UUID of an image";

/// Reads a reference that is nothing but its image.
pub(super) fn plain(
    text: &str,
    place: Option<Place>,
    complaints: &mut Vec<Diagnostic>,
) -> Option<Reference> {
    Some(Reference {
        image: image(text, place, complaints)?,
        role: None,
        scope: None,
    })
}

/// Reads where an image is to be had.
pub(super) fn image(
    text: &str,
    place: Option<Place>,
    complaints: &mut Vec<Diagnostic>,
) -> Option<Placed<Image>> {
    match classify(text) {
        Ok(value) => Some(Placed { value, place }),
        Err((message, help)) => {
            let complaint = Diagnostic::error("bad-reference", message).at(place);
            complaints.push(complaint.expected(EXPECTED).help(help));
            None
        }
    }
}

fn classify(text: &str) -> Result<Image, (String, &'static str)> {
    if text.trim().is_empty() {
        return Err((
            "a reference is empty".to_owned(),
            "name an image or leave it out",
        ));
    }
    if text.chars().any(char::is_control) {
        return Err((
            format!(
                "the reference {} holds a line break or another letter that is not seen",
                shown(text)
            ),
            "write `/` between folders, and `;` between several references",
        ));
    }
    if text
        .get(..5)
        .is_some_and(|head| head.eq_ignore_ascii_case("data:"))
    {
        return data_uri(text);
    }
    if let Some((scheme, _)) = text.split_once("://") {
        return address(scheme, text);
    }
    Ok(if is_uuid(text) {
        Image::Uuid(text.to_owned())
    } else {
        Image::File(text.to_owned())
    })
}

fn data_uri(text: &str) -> Result<Image, (String, &'static str)> {
    let sound = text.split_once(',').is_some_and(|(head, payload)| {
        let head = head.to_ascii_lowercase();
        head.starts_with("data:image/") && head.ends_with(";base64") && !payload.is_empty()
    });
    if sound {
        Ok(Image::DataUri(text.to_owned()))
    } else {
        Err((
            format!("the reference {} is not an image in base64", shown(text)),
            "write it as `data:image/png;base64,` and the image's bytes, or name a file",
        ))
    }
}

fn address(scheme: &str, text: &str) -> Result<Image, (String, &'static str)> {
    let has_host = text[scheme.len() + 3..]
        .chars()
        .next()
        .is_some_and(|first| !matches!(first, '/' | '?' | '#'));
    let authority = text[scheme.len() + 3..].split(['/', '?', '#']).next();
    if authority.is_some_and(|authority| authority.contains('@')) {
        return Err((
            "a reference's address holds a user name or password".to_owned(),
            "a secret in a manifest ends up in logs: download it and name the file",
        ));
    }
    let https = scheme.eq_ignore_ascii_case("https");
    if has_host && (https || is_plain_loopback(text)) && !text.contains(' ') {
        return Ok(Image::Url(text.to_owned()));
    }
    let message = format!("the reference {} cannot be fetched", shown(text));
    Err(if scheme.eq_ignore_ascii_case("http") {
        (
            message,
            "use its https address, or download it and name the file",
        )
    } else {
        let help = if https {
            "write `%20` for each space in it"
        } else {
            "copy the picture into the show's folder, and write its path from there"
        };
        (message, help)
    })
}

/// Tells whether a text has the form of a UUID: 8, 4, 4, 4 and 12 hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_told_apart() {
        let read = |text| classify(text).ok();
        let uuid = "7f6c1c6e-0000-4000-8000-000000000000";
        assert_eq!(read("a/b.png"), Some(Image::File("a/b.png".to_owned())));
        assert_eq!(read(uuid), Some(Image::Uuid(uuid.to_owned())));
        assert!(matches!(read("https://a.b/c.png"), Some(Image::Url(_))));
        assert!(matches!(read("http://127.0.0.1:9/c"), Some(Image::Url(_))));
        let data = "data:image/png;base64,AAAA";
        assert!(matches!(read(data), Some(Image::DataUri(_))));
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        let smuggled = "http://localhost:x@evil.example/a";
        for text in [
            "",
            " ",
            "a\nb",
            "file:///etc/passwd",
            "ftp://a/b",
            "http://a.b/c",
            smuggled,
            "https://user:secret@a.b/c.png",
            "https://user@a.b",
            "https:///a",
            "data:text/html;base64,AAAA",
            "data:image/png,AAAA",
        ] {
            assert!(classify(text).is_err(), "{text:?}");
        }
    }
}

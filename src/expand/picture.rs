//! What the bytes of a picture say of themselves.

/// A picture as its bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// `image/jpeg`, `image/png` or `image/webp`.
    pub media_type: &'static str,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// Looks at the bytes of a picture without decoding them.
///
/// # Errors
/// Says what the bytes look like when they are no whole JPEG, PNG or WebP picture, which are the
/// formats the API takes as references per runware.ai/docs/utilities/image-upload.
pub fn look(bytes: &[u8]) -> Result<Picture, String> {
    let (media_type, whole) = match bytes {
        [0xFF, 0xD8, 0xFF, ..] => ("image/jpeg", holds(bytes, &[0xFF, 0xD9])),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => {
            ("image/png", holds(bytes, b"IEND"))
        }
        [
            b'R',
            b'I',
            b'F',
            b'F',
            a,
            b,
            c,
            d,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => {
            let told = u64::from(u32::from_le_bytes([*a, *b, *c, *d])) + 8;
            let there = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            ("image/webp", told <= there)
        }
        _ => return Err(guess(bytes).to_owned()),
    };
    let kind = &media_type["image/".len()..];
    let size = imagesize::blob_size(bytes)
        .map_err(|_| format!("a {kind} picture whose header is broken"))?;
    let (Ok(width), Ok(height)) = (u32::try_from(size.width), u32::try_from(size.height)) else {
        return Err(format!("a {kind} picture of impossible size"));
    };
    if !whole {
        return Err(format!("a {kind} picture that is cut short"));
    }
    Ok(Picture {
        media_type,
        width,
        height,
    })
}

fn holds(bytes: &[u8], mark: &[u8]) -> bool {
    bytes.windows(mark.len()).rev().any(|window| window == mark)
}

/// Says what bytes look like that are no picture we send.
fn guess(bytes: &[u8]) -> &'static str {
    let starts: &[(&[u8], &str)] = &[
        (b"", "an empty file"),
        (b"GIF8", "a GIF picture"),
        (b"BM", "a BMP picture"),
        (b"II*\0", "a TIFF picture"),
        (b"MM\0*", "a TIFF picture"),
        (b"8BPS", "a Photoshop document"),
        (b"%PDF", "a PDF document"),
        (b"PK\x03\x04", "a zip archive or office document"),
        (b"v/1\x01", "an OpenEXR picture"),
        (
            b"version https://git-lfs",
            "a Git LFS pointer, not the picture itself",
        ),
    ];
    for (start, word) in starts {
        if (start.is_empty() && bytes.is_empty()) || (!start.is_empty() && bytes.starts_with(start))
        {
            return word;
        }
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return "a HEIC, AVIF or video file";
    }
    let text = &bytes[..bytes.len().min(512)];
    let head = String::from_utf8_lossy(text);
    if head.contains('\u{FFFD}') || head.contains('\0') {
        "bytes of no known kind"
    } else if head.to_ascii_lowercase().contains("<svg") {
        "an SVG drawing"
    } else if head.trim_start().starts_with('<') {
        "a web page or XML text"
    } else {
        "plain text"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        crate::expand::tests::fixture::png(width, height, 7)
    }

    #[test]
    fn a_picture_tells_its_kind_and_size() {
        let picture = look(&png(320, 300)).expect("a picture");
        assert_eq!(
            (picture.media_type, picture.width, picture.height),
            ("image/png", 320, 300)
        );
    }

    #[test]
    fn what_is_no_picture_is_named() {
        assert_eq!(look(b""), Err("an empty file".to_owned()));
        assert_eq!(look(b"hello"), Err("plain text".to_owned()));
        assert_eq!(look(b"<html>"), Err("a web page or XML text".to_owned()));
        assert_eq!(look(b"GIF89a.."), Err("a GIF picture".to_owned()));
        let mut cut = png(320, 300);
        cut.truncate(40);
        assert_eq!(
            look(&cut),
            Err("a png picture that is cut short".to_owned())
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(
            bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0..4usize,
        ) {
            let starts: [&[u8]; 4] =
                [b"", b"\x89PNG\r\n\x1a\n", b"RIFF\x10\0\0\0WEBP", b"\xFF\xD8\xFF"];
            let _picture = look(&[starts[kind], &bytes].concat());
        }
    }
}

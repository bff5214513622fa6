use std::io::Cursor;

use image::{ImageFormat, RgbImage};
use proptest::prelude::*;

use super::*;

const SIZE: (u32, u32) = (37, 23);

fn painted(format: ImageFormat) -> Vec<u8> {
    let picture = RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        let shade = |n: u32| u8::try_from(n * 7 % 256).expect("small");
        image::Rgb([shade(x * y), shade(x + y), shade(x ^ y)])
    });
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).expect("encoded");
    bytes.into_inner()
}

fn all() -> [(Format, Vec<u8>); 3] {
    [
        (Format::Jpg, painted(ImageFormat::Jpeg)),
        (Format::Png, painted(ImageFormat::Png)),
        (Format::Webp, painted(ImageFormat::WebP)),
    ]
}

fn inspect_in(pieces: usize, bytes: &[u8]) -> Result<Shape, String> {
    let mut inspector = Inspector::default();
    for piece in bytes.chunks(pieces.max(1)) {
        inspector.feed(piece)?;
    }
    inspector.finish()
}

fn inspect(bytes: &[u8]) -> Result<Shape, String> {
    inspect_in(usize::MAX, bytes)
}

#[test]
fn real_pictures_are_complete_in_pieces_of_any_size() {
    for (format, bytes) in all() {
        let (width, height) = SIZE;
        let shape = Shape {
            format,
            width,
            height,
        };
        for pieces in [1, 2, 3, 11, 12, 13, 100, usize::MAX] {
            assert_eq!(inspect_in(pieces, &bytes), Ok(shape));
        }
    }
}

#[test]
fn a_picture_cut_anywhere_is_incomplete() {
    for (format, bytes) in all() {
        for end in 0..bytes.len() {
            assert!(inspect(&bytes[..end]).is_err(), "{format:?} {end}");
        }
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    for (_, mut bytes) in all() {
        bytes.push(0);
        assert_eq!(inspect(&bytes), Err(AFTER_END.to_owned()));
        bytes.extend_from_within(..);
        assert!(inspect(&bytes).is_err());
    }
}

#[test]
fn what_is_no_picture_is_named() {
    for (bytes, word) in [
        (&b""[..], "no bytes at all"),
        (b"\n<!DOCTYPE html><html></html>", "web page"),
        (b"{\"errors\":[]}      ", "JSON"),
        (b"GIF89a..........", "GIF"),
        (b"\0\0\0\x20ftypavif....", "AVIF"),
        (b"\xff\xd8\xff", "too short"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "none of these"),
    ] {
        let told = inspect(bytes).expect_err("no picture");
        assert!(told.contains(word), "{told}");
    }
}

#[test]
fn a_progressive_jpeg_with_restarts_and_fill_bytes_is_complete() {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xe1, 0, 6, 0xff, 0xd9, 0xff, 0xd8];
    bytes.extend([0xff, 0xff, 0xc2, 0, 11, 8, 0, 9, 0, 16, 1, 1, 0x11, 0]);
    bytes.extend([
        0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 1, 2, 0xff, 0, 3, 0xff, 0xd0, 4,
    ]);
    bytes.extend([0xff, 0xff, 0xc4, 0, 3, 9, 0xff, 0xda, 0, 2, 5, 0xff, 0xd9]);
    for pieces in [1, 5, 1000] {
        let shape = inspect_in(pieces, &bytes).expect("complete");
        assert_eq!((shape.width, shape.height), (16, 9));
    }
    bytes.truncate(bytes.len() - 2);
    bytes.extend([0; 100]);
    assert!(inspect(&bytes).expect_err("cut").contains("breaks off"));
}

#[test]
fn every_kind_of_webp_tells_its_size() {
    let file = |chunks: &[u8]| {
        let length = u32::try_from(chunks.len() + 4).expect("small");
        [b"RIFF", &length.to_le_bytes()[..], b"WEBP", chunks].concat()
    };
    let lossy = b"VP8 \x0b\0\0\0\0\0\0\x9d\x01\x2a\x10\x40\x09\x80!";
    let padded = [&lossy[..], &[0]].concat();
    for bytes in [file(lossy), file(&padded)] {
        let shape = inspect(&bytes).expect("complete");
        assert_eq!((shape.width, shape.height), (16, 9));
    }
    let extended = b"VP8X\x0a\0\0\0\0\0\0\0\x1f\0\0\x0f\0\0";
    let whole = file(&[&extended[..], b"ALPH\x02\0\0\0ab", &padded].concat());
    let shape = inspect_in(3, &whole).expect("complete");
    assert_eq!((shape.width, shape.height), (32, 16));
    assert!(
        inspect(&file(extended))
            .expect_err("empty")
            .contains("no pixels")
    );
    assert!(inspect(&file(b"VP8 \xff\0\0\0\0\0\0")).is_err());
    assert!(inspect(&file(&[&padded[..], b"abc"].concat())).is_err());
}

#[test]
fn a_changed_chunk_of_a_png_is_seen() {
    let sound = painted(ImageFormat::Png);
    for at in 12..sound.len() {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        assert!(inspect(&bytes).is_err(), "{at}");
    }
}

#[test]
fn bounds_are_kept_before_the_picture_is_whole() {
    let mut header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    header.extend(60_000u32.to_be_bytes());
    header.extend(60_000u32.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let told = inspect(&header).expect_err("too large");
    assert!(told.contains("60000x60000"), "{told}");
    header[16..24].fill(0);
    assert!(inspect(&header).expect_err("empty").contains("0x0"));
    let mut inspector = Inspector::default();
    let mut endless = painted(ImageFormat::Jpeg);
    endless.truncate(endless.len() - 2);
    let mut fed = inspector.feed(&endless);
    while fed.is_ok() {
        fed = inspector.feed(&vec![0; 1 << 20]);
    }
    assert_eq!(fed, Err("it is larger than 64 MiB".to_owned()));
}

proptest! {
    #[test]
    fn any_bytes_are_answered(
        which in 0usize..3, at in any::<prop::sample::Index>(), byte in any::<u8>(),
        noise in prop::collection::vec(any::<u8>(), 0..60), pieces in 1usize..50,
    ) {
        let (_, mut bytes) = all()[which].clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.splice(at..at, noise.iter().copied());
        let whole = inspect(&bytes);
        prop_assert_eq!(inspect_in(pieces, &bytes).is_ok(), whole.is_ok());
        let _seen = inspect(&noise);
    }
}

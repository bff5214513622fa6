//! Files kept by the SHA-256 of their content: uploads, small copies of references, long request parts.
//!
//! A file is written beside its place, synced, then renamed, so what bears a name is whole. Nothing is
//! ever removed: a deleted upload still shows on the pictures that were made from it.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use image::DynamicImage;

use super::books::sync_folder;
use super::id::{Id, sha256_hex};
use super::paint::{Small, encode_jpeg};

/// Longest side of a stored upload, per the vendor's docs (image-upload).
const LONGEST_STORED_SIDE: u32 = 2048;
/// Longest side of the small copies that are painted onto results.
const SMALL_SIDE: u32 = 192;
/// Pictures beyond this are not decoded.
const MOST_PIXELS: usize = 40_000_000;

/// The folder of such files.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
}

/// An image that has been looked at, with its bytes as they are kept.
#[derive(Clone, Debug)]
pub(super) struct Looked {
    pub(super) sha256: String,
    pub(super) extension: &'static str,
    pub(super) bytes: u64,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// Says why bytes were not taken.
#[derive(Debug)]
pub(super) enum ShelfError {
    NotAnImage,
    /// The folder cannot be written; the server answers that it failed, as it would not say why.
    Io,
}

impl From<std::io::Error> for ShelfError {
    fn from(_: std::io::Error) -> Self {
        Self::Io
    }
}

impl Shelf {
    pub(super) fn open(folder: &Path) -> std::io::Result<Self> {
        let folder = folder.join("content");
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// Looks at a reference and keeps a small copy of it.
    pub(super) fn look(&self, bytes: &[u8]) -> Result<Looked, ShelfError> {
        let kind = Kind::of(bytes)?;
        let looked = kind.looked(bytes);
        self.keep_small(&looked.sha256, kind, bytes)?;
        Ok(looked)
    }

    /// Looks at an upload and keeps it, made smaller where a side is too long.
    pub(super) fn keep_upload(&self, bytes: &[u8]) -> Result<Looked, ShelfError> {
        let kind = Kind::of(bytes)?;
        if kind.width.max(kind.height) > LONGEST_STORED_SIDE
            && let Some(smaller) = kind.smaller(bytes)?
        {
            return self.keep_upload(&smaller);
        }
        let looked = kind.looked(bytes);
        self.keep(&format!("{}.{}", looked.sha256, looked.extension), bytes)?;
        self.keep_small(&looked.sha256, kind, bytes)?;
        Ok(looked)
    }

    pub(super) fn read_upload(&self, sha256: &str, extension: &str) -> std::io::Result<Vec<u8>> {
        std::fs::read(self.folder.join(format!("{sha256}.{extension}")))
    }

    /// Keeps a long piece of text and gives its name.
    pub(super) fn keep_text(&self, text: &str) -> std::io::Result<String> {
        let sha256 = sha256_hex(text.as_bytes());
        self.keep(&format!("{sha256}.txt"), text.as_bytes())?;
        Ok(sha256)
    }

    pub(super) fn read_text(&self, sha256: &str) -> std::io::Result<String> {
        std::fs::read_to_string(self.folder.join(format!("{sha256}.txt")))
    }

    /// Gives the small copy of a reference, if it has one.
    pub(super) fn small(&self, sha256: &str) -> Option<Small> {
        let bytes = std::fs::read(self.folder.join(format!("{sha256}.small"))).ok()?;
        let (sides, rgb) = bytes.split_at_checked(2)?;
        let (width, height) = (usize::from(sides[0]), usize::from(sides[1]));
        (rgb.len() == width * height * 3).then(|| Small {
            width,
            height,
            rgb: rgb.to_vec(),
        })
    }

    /// Keeps the small copy as two bytes of size and then RGB, which is quick to read when painting.
    fn keep_small(&self, sha256: &str, kind: Kind, bytes: &[u8]) -> Result<(), ShelfError> {
        let name = format!("{sha256}.small");
        if self.folder.join(&name).exists() {
            return Ok(());
        }
        let Some(image) = kind.decoded(bytes)? else {
            return Ok(());
        };
        let small = image.thumbnail(SMALL_SIDE, SMALL_SIDE).into_rgb8();
        let side = |length: u32| u8::try_from(length).unwrap_or(u8::MAX);
        let sides = [side(small.width()), side(small.height())];
        Ok(self.keep(&name, &[&sides[..], small.as_raw()].concat())?)
    }

    fn keep(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let place = self.folder.join(name);
        if place.exists() {
            return Ok(());
        }
        let part = self.folder.join(format!("{name}.{}.part", Id::random()));
        let mut file = File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&part, &place)?;
        sync_folder(&self.folder)
    }
}

/// What the head of a file says it is.
#[derive(Clone, Copy)]
struct Kind {
    extension: &'static str,
    width: u32,
    height: u32,
}

impl Kind {
    fn of(bytes: &[u8]) -> Result<Self, ShelfError> {
        let extension = match imagesize::image_type(bytes) {
            Ok(imagesize::ImageType::Jpeg) => "jpg",
            Ok(imagesize::ImageType::Png) => "png",
            Ok(imagesize::ImageType::Webp) => "webp",
            Ok(imagesize::ImageType::Gif) => "gif",
            Ok(imagesize::ImageType::Bmp) => "bmp",
            _ => return Err(ShelfError::NotAnImage),
        };
        let size = imagesize::blob_size(bytes).map_err(|_| ShelfError::NotAnImage)?;
        let sane = size.width > 0 && size.height > 0;
        let pixels = size.width.saturating_mul(size.height);
        if !sane || pixels > MOST_PIXELS {
            return Err(ShelfError::NotAnImage);
        }
        let fit = |length| u32::try_from(length).map_err(|_| ShelfError::NotAnImage);
        Ok(Self {
            extension,
            width: fit(size.width)?,
            height: fit(size.height)?,
        })
    }

    fn looked(self, bytes: &[u8]) -> Looked {
        Looked {
            sha256: sha256_hex(bytes),
            extension: self.extension,
            bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            width: self.width,
            height: self.height,
        }
    }

    /// Decodes the pixels; GIF and BMP are taken on the word of their heads.
    fn decoded(self, bytes: &[u8]) -> Result<Option<DynamicImage>, ShelfError> {
        if matches!(self.extension, "gif" | "bmp") {
            return Ok(None);
        }
        image::load_from_memory(bytes)
            .map(Some)
            .map_err(|_| ShelfError::NotAnImage)
    }

    fn smaller(self, bytes: &[u8]) -> Result<Option<Vec<u8>>, ShelfError> {
        let Some(image) = self.decoded(bytes)? else {
            return Ok(None);
        };
        let smaller = image.thumbnail(LONGEST_STORED_SIDE, LONGEST_STORED_SIDE);
        if self.extension == "png" {
            let mut png = std::io::Cursor::new(Vec::new());
            let written = smaller.write_to(&mut png, image::ImageFormat::Png);
            written.map_err(|_| ShelfError::NotAnImage)?;
            return Ok(Some(png.into_inner()));
        }
        let rgb = smaller.into_rgb8();
        let side = |length| usize::try_from(length).unwrap_or_default();
        let (width, height) = (side(rgb.width()), side(rgb.height()));
        Ok(Some(encode_jpeg(width, height, rgb.into_raw())))
    }
}

#[cfg(test)]
mod tests {
    use super::{Shelf, ShelfError};
    use crate::rehearsal::paint::encode_jpeg;

    fn jpeg(width: usize, height: usize) -> Vec<u8> {
        encode_jpeg(width, height, [90, 160, 30].repeat(width * height))
    }

    #[test]
    fn long_sides_are_shortened_with_their_ratio_kept() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path()).unwrap();
        let looked = shelf.keep_upload(&jpeg(3000, 1500)).unwrap();
        assert_eq!((looked.width, looked.height), (2048, 1024));
        let kept = shelf.read_upload(&looked.sha256, looked.extension).unwrap();
        assert_eq!(imagesize::blob_size(&kept).unwrap().width, 2048);
        let small = shelf.small(&looked.sha256).unwrap();
        assert_eq!((small.width, small.height), (192, 96));
    }

    #[test]
    fn what_is_no_image_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path()).unwrap();
        let cut = &jpeg(400, 400)[..100];
        let mut no_pixels = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x01\x90\0\0\x01\x90".to_vec();
        no_pixels.extend([8, 2, 0, 0, 0]);
        for bytes in [&b""[..], b"text", b"<svg/>", cut, &no_pixels] {
            assert!(
                matches!(shelf.look(bytes), Err(ShelfError::NotAnImage)),
                "{bytes:?}"
            );
        }
        assert!(shelf.look(&jpeg(400, 400)).is_ok());
    }
}

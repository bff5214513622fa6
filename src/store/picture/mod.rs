//! Tells a complete picture from anything else while its bytes pass by.
//!
//! Holds a few bytes at a time, never the picture. What it takes for complete has a sound frame
//! from its first byte to its last; the compressed data inside is not decoded.

use crate::manifest::settings::Format;
use crate::store::picture::jpeg::Jpeg;
use crate::store::picture::png::Png;
use crate::store::picture::webp::Webp;

mod jpeg;
mod png;
mod webp;

/// The largest picture that is kept, in bytes.
pub const MOST_BYTES: u64 = 64 << 20;

/// The largest picture that is kept, in pixels.
pub const MOST_PIXELS: u64 = 40_000_000;

/// As many bytes as tell the format.
const MAGIC: usize = 12;

/// What a picture turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Its format.
    pub format: Format,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
}

/// Looks at a picture's bytes as they pass by.
#[derive(Debug, Default)]
pub struct Inspector {
    bytes: u64,
    magic: Vec<u8>,
    walk: Option<Walk>,
}

#[derive(Debug)]
enum Walk {
    Jpeg(Jpeg),
    Png(Png),
    Webp(Webp),
}

impl Inspector {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// Says why this cannot become a complete picture; nothing more need be fed then.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.bytes > MOST_BYTES {
            return Err(format!("it is larger than {} MiB", MOST_BYTES >> 20));
        }
        let Some(walk) = &mut self.walk else {
            return self.find_format(bytes);
        };
        walk.feed(bytes)?;
        walk.size().map_or(Ok(()), check_size)
    }

    fn find_format(&mut self, bytes: &[u8]) -> Result<(), String> {
        let lacking = MAGIC - self.magic.len();
        let (magic, rest) = bytes.split_at(lacking.min(bytes.len()));
        self.magic.extend_from_slice(magic);
        if self.magic.len() < MAGIC {
            return Ok(());
        }
        let mut walk = Walk::begin(&self.magic).ok_or_else(|| likeness(&self.magic))?;
        walk.feed(&self.magic)?;
        walk.feed(rest)?;
        let size = walk.size();
        self.walk = Some(walk);
        size.map_or(Ok(()), check_size)
    }

    /// Gives the format once enough bytes have passed.
    #[must_use]
    pub const fn format(&self) -> Option<Format> {
        match &self.walk {
            Some(walk) => Some(walk.format()),
            None => None,
        }
    }

    /// Judges the picture when all its bytes have passed.
    ///
    /// # Errors
    /// Says why it is not complete.
    pub fn finish(&self) -> Result<Shape, String> {
        let Some(walk) = &self.walk else {
            return Err(likeness(&self.magic));
        };
        if !walk.is_at_end() {
            return Err(format!("it breaks off after {} bytes", self.bytes));
        }
        let Some((width, height)) = walk.size() else {
            return Err("it does not tell its size".to_owned());
        };
        let format = walk.format();
        Ok(Shape {
            format,
            width,
            height,
        })
    }
}

impl Walk {
    fn begin(magic: &[u8]) -> Option<Self> {
        if magic.starts_with(&[0xff, 0xd8, 0xff]) {
            Some(Self::Jpeg(Jpeg::default()))
        } else if magic.starts_with(png::SIGNATURE) {
            Some(Self::Png(Png::default()))
        } else if magic.starts_with(b"RIFF") && magic.ends_with(b"WEBP") {
            Some(Self::Webp(Webp::default()))
        } else {
            None
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), String> {
        match self {
            Self::Jpeg(walk) => walk.feed(bytes),
            Self::Png(walk) => walk.feed(bytes),
            Self::Webp(walk) => walk.feed(bytes),
        }
    }

    const fn format(&self) -> Format {
        match self {
            Self::Jpeg(_) => Format::Jpg,
            Self::Png(_) => Format::Png,
            Self::Webp(_) => Format::Webp,
        }
    }

    const fn size(&self) -> Option<(u32, u32)> {
        match self {
            Self::Jpeg(walk) => walk.size,
            Self::Png(walk) => walk.size,
            Self::Webp(walk) => walk.size,
        }
    }

    const fn is_at_end(&self) -> bool {
        match self {
            Self::Jpeg(walk) => walk.is_at_end(),
            Self::Png(walk) => walk.is_at_end(),
            Self::Webp(walk) => walk.is_at_end(),
        }
    }
}

fn check_size((width, height): (u32, u32)) -> Result<(), String> {
    match u64::from(width) * u64::from(height) {
        0 => Err(format!("it is {width}x{height} pixels large")),
        pixels if pixels > MOST_PIXELS => Err(format!(
            "it is {width}x{height} pixels large, more than {MOST_PIXELS} in all"
        )),
        _ => Ok(()),
    }
}

/// Says what bytes look like that are no picture.
fn likeness(start: &[u8]) -> String {
    let text = start.trim_ascii_start();
    let like = match text {
        _ if start.is_empty() => return "there are no bytes at all".to_owned(),
        [b'<', ..] => "a web page or SVG",
        [b'{' | b'[', ..] => "JSON",
        [b'G', b'I', b'F', b'8', ..] => "a GIF",
        [b'%', b'P', b'D', b'F', ..] => "a PDF",
        [0x1f, 0x8b, ..] => "gzip data",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "an AVIF, HEIC or video",
        _ if start.len() < MAGIC => "nothing, for it is too short",
        _ => "none of these",
    };
    format!("its first bytes are not those of a JPEG, PNG or WebP; it looks like {like}")
}

/// Collects a few bytes that may come in pieces.
#[derive(Debug, Default)]
struct Gather(Vec<u8>);

impl Gather {
    /// Takes bytes off the input until there are `want`, and gives them once there are.
    fn take(&mut self, want: usize, input: &mut &[u8]) -> Option<Vec<u8>> {
        let lacking = want.saturating_sub(self.0.len());
        let (taken, rest) = input.split_at(lacking.min(input.len()));
        self.0.extend_from_slice(taken);
        *input = rest;
        (self.0.len() == want).then(|| std::mem::take(&mut self.0))
    }
}

/// Takes up to `left` bytes off the input and counts them off.
fn take_up_to<'a>(left: &mut u64, input: &mut &'a [u8]) -> &'a [u8] {
    let most = usize::try_from(*left).unwrap_or(usize::MAX);
    let (taken, rest) = input.split_at(most.min(input.len()));
    *left -= u64::try_from(taken.len()).unwrap_or(*left);
    *input = rest;
    taken
}

const AFTER_END: &str = "bytes follow after the end of the picture";

#[cfg(test)]
mod tests;

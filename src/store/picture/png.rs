//! The frame of a PNG: chunks with checksums, from `IHDR` to `IEND`.

use crate::store::picture::{AFTER_END, Gather, take_up_to};

pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Walks the chunks of a PNG.
#[derive(Debug, Default)]
pub(super) struct Png {
    pub(super) size: Option<(u32, u32)>,
    step: Step,
    gather: Gather,
    crc: crc32fast::Hasher,
    has_pixels: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Step {
    #[default]
    Signature,
    /// A chunk's length and kind.
    Head,
    /// The header chunk, the only one whose content matters here.
    Header,
    Content(Kind, u64),
    Checksum(Kind),
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Header,
    Pixels,
    End,
    Other,
}

impl Png {
    pub(super) const fn is_at_end(&self) -> bool {
        matches!(self.step, Step::End)
    }

    pub(super) fn feed(&mut self, mut input: &[u8]) -> Result<(), String> {
        while !input.is_empty() {
            if self.step_on(&mut input)?.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Makes one step, or gives nothing when it takes more bytes.
    fn step_on(&mut self, input: &mut &[u8]) -> Result<Option<()>, String> {
        self.step = match self.step {
            Step::Signature => match self.gather.take(SIGNATURE.len(), input) {
                Some(_) => Step::Head,
                None => return Ok(None),
            },
            Step::Head => match self.gather.take(8, input) {
                Some(head) => self.head(&head)?,
                None => return Ok(None),
            },
            Step::Header => match self.gather.take(13, input) {
                Some(header) => {
                    self.crc.update(&header);
                    self.size = Some((number(&header[..4]), number(&header[4..8])));
                    Step::Checksum(Kind::Header)
                }
                None => return Ok(None),
            },
            Step::Content(kind, mut left) => {
                self.crc.update(take_up_to(&mut left, input));
                match left {
                    0 => Step::Checksum(kind),
                    _ => Step::Content(kind, left),
                }
            }
            Step::Checksum(kind) => match self.gather.take(4, input) {
                Some(told) => self.checksum(kind, &told)?,
                None => return Ok(None),
            },
            Step::End => return Err(AFTER_END.to_owned()),
        };
        Ok(Some(()))
    }

    fn head(&mut self, head: &[u8]) -> Result<Step, String> {
        let (length, kind) = (number(&head[..4]), &head[4..]);
        if length > i32::MAX.unsigned_abs() || !kind.iter().all(u8::is_ascii_alphabetic) {
            return Err("what should be a chunk of it is none".to_owned());
        }
        self.crc = crc32fast::Hasher::new();
        self.crc.update(kind);
        let first = self.size.is_none();
        match (kind, length) {
            (b"IHDR", 13) if first => Ok(Step::Header),
            (b"IHDR", _) => Err("its header chunk is not in order".to_owned()),
            _ if first => Err("it does not begin with its header chunk".to_owned()),
            (b"IEND", 0) => Ok(Step::Checksum(Kind::End)),
            (b"IEND", _) => Err("its end chunk is not empty".to_owned()),
            (_, 0) => Ok(Step::Checksum(Kind::Other)),
            (b"IDAT", _) => Ok(Step::Content(Kind::Pixels, length.into())),
            _ => Ok(Step::Content(Kind::Other, length.into())),
        }
    }

    fn checksum(&mut self, kind: Kind, told: &[u8]) -> Result<Step, String> {
        let crc = std::mem::take(&mut self.crc).finalize();
        if crc != number(told) {
            return Err("the checksum of one of its chunks does not fit".to_owned());
        }
        self.has_pixels |= kind == Kind::Pixels;
        match kind {
            Kind::End if self.has_pixels => Ok(Step::End),
            Kind::End => Err("it holds no pixels".to_owned()),
            _ => Ok(Step::Head),
        }
    }
}

/// Reads a number of up to four bytes, the highest first.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |n, byte| n << 8 | u32::from(*byte))
}

//! The frame of a WebP: RIFF chunks that fill exactly the length its front tells.

use crate::store::picture::{AFTER_END, Gather, take_up_to};

/// Walks the chunks of a WebP.
#[derive(Debug, Default)]
pub(super) struct Webp {
    pub(super) size: Option<(u32, u32)>,
    step: Step,
    gather: Gather,
    /// Bytes of the file after the chunk at hand.
    left: u64,
    has_pixels: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Step {
    /// `RIFF`, the length, `WEBP`.
    #[default]
    Start,
    /// A chunk's kind and length.
    Head,
    /// The front of a chunk that tells a size, and how much of the chunk follows it.
    Front(Kind, u64),
    Content(u64),
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Lossy,
    Lossless,
    Extended,
}

impl Kind {
    /// How many bytes of the chunk tell the size.
    const fn front(self) -> usize {
        match self {
            Self::Lossless => 5,
            Self::Lossy | Self::Extended => 10,
        }
    }
}

impl Webp {
    pub(super) const fn is_at_end(&self) -> bool {
        matches!(self.step, Step::End)
    }

    pub(super) fn feed(&mut self, mut input: &[u8]) -> Result<(), String> {
        while !input.is_empty() {
            let gathered = match self.step {
                Step::Start => self.gather.take(12, &mut input),
                Step::Head => self.gather.take(8, &mut input),
                Step::Front(kind, _) => self.gather.take(kind.front(), &mut input),
                Step::Content(mut left) => {
                    let _content = take_up_to(&mut left, &mut input);
                    self.step = self.after_content(left)?;
                    continue;
                }
                Step::End => return Err(AFTER_END.to_owned()),
            };
            let Some(bytes) = gathered else { break };
            self.step = match self.step {
                Step::Front(kind, left) => {
                    self.learn_size(kind, &bytes)?;
                    self.after_content(left)?
                }
                Step::Head => self.head(&bytes)?,
                _ => {
                    self.left = number(&bytes[4..8])
                        .checked_sub(4)
                        .ok_or("it tells a length that is none")?;
                    self.after_content(0)?
                }
            };
        }
        Ok(())
    }

    fn head(&mut self, head: &[u8]) -> Result<Step, String> {
        let (kind, length) = (&head[..4], number(&head[4..]));
        // A chunk of odd length is followed by a byte of padding, which the last one may lack.
        let padded = (length + length % 2).min(self.left.saturating_sub(8));
        if padded < length {
            return Err("a chunk of it is longer than the whole".to_owned());
        }
        self.left -= 8 + padded;
        let kind = match kind {
            b"VP8 " => Kind::Lossy,
            b"VP8L" => Kind::Lossless,
            b"VP8X" => Kind::Extended,
            _ => {
                self.has_pixels |= kind == b"ANMF";
                return self.after_content(padded);
            }
        };
        let front = u64::try_from(kind.front()).unwrap_or(u64::MAX);
        match padded.checked_sub(front) {
            Some(rest) => Ok(Step::Front(kind, rest)),
            None => Err("a chunk of it is too short".to_owned()),
        }
    }

    fn learn_size(&mut self, kind: Kind, front: &[u8]) -> Result<(), String> {
        let number = |range: std::ops::Range<usize>| number(&front[range]);
        let (width, height) = match kind {
            Kind::Lossy if front[3..6] != [0x9d, 0x01, 0x2a] => {
                return Err("its picture has no start code".to_owned());
            }
            Kind::Lossless if front[0] != 0x2f => {
                return Err("its picture has no signature".to_owned());
            }
            Kind::Lossy => (number(6..8) & 0x3fff, number(8..10) & 0x3fff),
            Kind::Lossless => {
                let bits = number(1..5);
                ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)
            }
            Kind::Extended => (number(4..7) + 1, number(7..10) + 1),
        };
        self.has_pixels |= kind != Kind::Extended;
        if self.size.is_none() {
            self.size = u32::try_from(width).ok().zip(u32::try_from(height).ok());
        }
        Ok(())
    }

    /// Gives the step after a part of a chunk, of which `left` bytes are still to come.
    fn after_content(&self, left: u64) -> Result<Step, String> {
        match (left, self.left) {
            (0, 0) if self.has_pixels => Ok(Step::End),
            (0, 0) => Err("it holds no pixels".to_owned()),
            (0, 1..=7) => Err("its last chunk is no chunk".to_owned()),
            (0, _) => Ok(Step::Head),
            _ => Ok(Step::Content(left)),
        }
    }
}

/// Reads a number of up to four bytes, the lowest first.
fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |n, byte| n << 8 | u64::from(*byte))
}

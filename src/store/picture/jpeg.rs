//! The frame of a JPEG: segments, scans, and the end marker as its very last bytes.

use crate::store::picture::{AFTER_END, Gather, take_up_to};

/// Walks the segments and scans of a JPEG.
#[derive(Debug, Default)]
pub(super) struct Jpeg {
    pub(super) size: Option<(u32, u32)>,
    step: Step,
    gather: Gather,
    has_scan: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Step {
    /// The two bytes of the start marker.
    #[default]
    Start,
    /// The first byte of a marker.
    Marker,
    /// The byte that tells which marker it is.
    Code,
    /// The length of a segment.
    Length(Kind),
    /// The front of a frame's segment, and how much of the segment follows it.
    Frame(u64),
    Content(Kind, u64),
    /// Compressed data.
    Scan,
    /// The byte after 0xFF in compressed data.
    ScanCode,
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Tells the size.
    Frame,
    /// Is followed by compressed data.
    Scan,
    Other,
}

impl Jpeg {
    pub(super) const fn is_at_end(&self) -> bool {
        matches!(self.step, Step::End)
    }

    pub(super) fn feed(&mut self, mut input: &[u8]) -> Result<(), String> {
        while let Some(first) = input.first() {
            self.step = match self.step {
                Step::Scan => self.scan(&mut input),
                Step::Start | Step::Length(_) | Step::Frame(_) => {
                    match self.gathered(&mut input)? {
                        Some(step) => step,
                        None => return Ok(()),
                    }
                }
                Step::Content(kind, mut left) => {
                    let _content = take_up_to(&mut left, &mut input);
                    after_content(kind, left)
                }
                Step::Marker | Step::Code | Step::ScanCode => {
                    let step = self.byte(*first)?;
                    input = &input[1..];
                    step
                }
                Step::End => return Err(AFTER_END.to_owned()),
            };
        }
        Ok(())
    }

    /// Passes over compressed data up to the next 0xFF.
    fn scan(&mut self, input: &mut &[u8]) -> Step {
        self.has_scan = true;
        let Some(at) = memchr::memchr(0xff, input) else {
            *input = &[];
            return Step::Scan;
        };
        *input = &input[at + 1..];
        Step::ScanCode
    }

    fn gathered(&mut self, input: &mut &[u8]) -> Result<Option<Step>, String> {
        Ok(match self.step {
            Step::Length(kind) => match self.gather.take(2, input) {
                Some(length) => Some(segment(kind, number(&length))?),
                None => None,
            },
            Step::Frame(left) => self.gather.take(6, input).map(|frame| {
                self.size = Some((number(&frame[3..5]), number(&frame[1..3])));
                after_content(Kind::Frame, left)
            }),
            _ => self.gather.take(2, input).map(|_| Step::Marker),
        })
    }

    fn byte(&self, byte: u8) -> Result<Step, String> {
        match (self.step, byte) {
            (Step::Marker | Step::Code, 0xff) => Ok(Step::Code),
            (Step::Marker, _) => Err("bytes of it belong to no segment".to_owned()),
            // A 0xFF of the data itself, or a restart between two parts of it.
            (Step::ScanCode, 0x00 | 0xd0..=0xd7) => Ok(Step::Scan),
            (Step::ScanCode, 0xff) => Ok(Step::ScanCode),
            (_, code) => self.marker(code),
        }
    }

    fn marker(&self, code: u8) -> Result<Step, String> {
        match code {
            0x00 | 0xd8 => Err("what should be a marker of it is none".to_owned()),
            0xd9 if self.has_scan && self.size.is_some() => Ok(Step::End),
            0xd9 => Err("it ends before its first scan".to_owned()),
            0x01 | 0xd0..=0xd7 => Ok(Step::Marker),
            0xc4 | 0xc8 | 0xcc => Ok(Step::Length(Kind::Other)),
            0xc0..=0xcf => Ok(Step::Length(Kind::Frame)),
            0xda if self.size.is_some() => Ok(Step::Length(Kind::Scan)),
            0xda => Err("a scan of it comes before its size".to_owned()),
            _ => Ok(Step::Length(Kind::Other)),
        }
    }
}

fn segment(kind: Kind, length: u32) -> Result<Step, String> {
    const FRONT: u64 = 6;
    let wrong = || "a segment of it has a wrong length".to_owned();
    let content = u64::from(length).checked_sub(2).ok_or_else(wrong)?;
    match kind {
        Kind::Frame => content
            .checked_sub(FRONT)
            .map(Step::Frame)
            .ok_or_else(wrong),
        _ => Ok(after_content(kind, content)),
    }
}

/// Gives the step after a part of a segment, of which `left` bytes are still to come.
const fn after_content(kind: Kind, left: u64) -> Step {
    match (kind, left) {
        (Kind::Scan, 0) => Step::Scan,
        (_, 0) => Step::Marker,
        _ => Step::Content(kind, left),
    }
}

/// Reads a number of two bytes, the higher first.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |n, byte| n << 8 | u32::from(*byte))
}

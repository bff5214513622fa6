//! Pixels, filled a row at a time.

use std::ops::Range;

use super::Small;

/// An RGB colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour(pub(super) [u8; 3]);

impl Colour {
    /// Ink and paper are greys, so that lettering leaves JPEG's colour differences flat.
    pub(super) const INK: Self = Self([24; 3]);
    pub(super) const PAPER: Self = Self([242; 3]);
    pub(super) const AMBER: Self = Self([240, 190, 110]);
    /// How many hues there are.
    pub(super) const HUES: u64 = 6 * 256;

    /// Gives a hue at a brightness of 0..255, softened a little.
    pub(super) fn of_hue(hue: u64, brightness: u64) -> Self {
        let hue = hue % Self::HUES;
        let rising = hue % 256;
        let [red, green, blue] = match hue / 256 {
            0 => [255, rising, 0],
            1 => [255 - rising, 255, 0],
            2 => [0, 255, rising],
            3 => [0, 255 - rising, 255],
            4 => [rising, 0, 255],
            _ => [255, 0, 255 - rising],
        };
        let soften = |part: u64| u8::try_from((part / 2 + 100) * brightness / 256).unwrap_or(255);
        Self([soften(red), soften(green), soften(blue)])
    }
}

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

impl Field {
    pub(super) fn new((x, y): (usize, usize), (width, height): (usize, usize)) -> Self {
        Self {
            x,
            y,
            width,
            height,
        }
    }

    /// Says where the corner of a small picture lies if it is to be in the middle of the field.
    pub(super) fn middle_for(self, small: &Small) -> (usize, usize) {
        let (wide, high) = (self.width - small.width, self.height - small.height);
        (self.x + wide / 2, self.y + high / 2)
    }
}

/// Some rows of an RGB picture in the making. Whatever lies outside them is left out.
#[derive(Debug)]
pub(super) struct Canvas {
    width: usize,
    rows: Range<usize>,
    pixels: Vec<u8>,
}

impl Canvas {
    pub(super) fn new(width: usize, rows: Range<usize>) -> Self {
        let pixels = vec![0; width * rows.len() * 3];
        Self {
            width,
            rows,
            pixels,
        }
    }

    pub(super) fn of_pixels(width: usize, height: usize, pixels: Vec<u8>) -> Self {
        Self {
            width,
            rows: 0..height,
            pixels,
        }
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    pub(super) fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Says whether any of these rows is there.
    pub(super) fn shows(&self, rows: &Range<usize>) -> bool {
        rows.start < self.rows.end && self.rows.start < rows.end
    }

    /// Gives part of a row of pixels.
    pub(super) fn row(&self, x: usize, y: usize, width: usize) -> &[u8] {
        let start = self.place(x, y);
        &self.pixels[start..start + width * 3]
    }

    pub(super) fn fill(&mut self, field: Field, colour: Colour) {
        let width = field.width.min(self.width.saturating_sub(field.x));
        let pattern = colour.0.repeat(width);
        for y in self.shared(field.y, field.height) {
            let start = self.place(field.x, y);
            self.pixels[start..start + pattern.len()].copy_from_slice(&pattern);
        }
    }

    pub(super) fn blit(&mut self, (x, top): (usize, usize), small: &Small) {
        let width = small.width.min(self.width.saturating_sub(x));
        for y in self.shared(top, small.height) {
            let from = (y - top) * small.width * 3;
            let start = self.place(x, y);
            self.pixels[start..start + width * 3]
                .copy_from_slice(&small.rgb[from..from + width * 3]);
        }
    }

    /// Mixes a colour into one pixel; `cover` runs from 0 to 255.
    pub(super) fn mix(&mut self, x: usize, y: usize, colour: Colour, cover: u8) {
        if x >= self.width || !self.rows.contains(&y) {
            return;
        }
        let start = self.place(x, y);
        let cover = u32::from(cover);
        for (pixel, target) in self.pixels[start..start + 3].iter_mut().zip(colour.0) {
            let mixed = u32::from(*pixel) * (255 - cover) + u32::from(target) * cover;
            *pixel = u8::try_from(mixed / 255).unwrap_or(target);
        }
    }

    fn shared(&self, top: usize, height: usize) -> Range<usize> {
        top.max(self.rows.start)..(top + height).min(self.rows.end)
    }

    fn place(&self, x: usize, y: usize) -> usize {
        ((y - self.rows.start) * self.width + x) * 3
    }
}

impl Small {
    /// Makes it fit into a box by leaving pixels out.
    pub(super) fn fitted(&self, width: usize, height: usize) -> Self {
        if self.width <= width && self.height <= height {
            return self.clone();
        }
        let by_width = self.width * height > self.height * width;
        let (width, height) = if by_width {
            (width, (self.height * width / self.width).max(1))
        } else {
            ((self.width * height / self.height).max(1), height)
        };
        let mut rgb = Vec::with_capacity(width * height * 3);
        for y in 0..height {
            for x in 0..width {
                let from = (y * self.height / height * self.width + x * self.width / width) * 3;
                rgb.extend_from_slice(&self.rgb[from..from + 3]);
            }
        }
        Self { width, height, rgb }
    }
}

//! Pixels, filled a row at a time.

use super::Small;

/// An RGB colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour(pub(super) [u8; 3]);

/// The hue of amber, in the units of [`Colour::of_hue`].
pub(super) const AMBER: u64 = 160;

impl Colour {
    pub(super) const BLACK: Self = Self([0; 3]);
    pub(super) const INK: Self = Self([24, 24, 32]);
    pub(super) const PAPER: Self = Self([244, 244, 238]);
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
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// An RGB picture in the making. Whatever lies outside it is left out.
#[derive(Debug)]
pub(super) struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize, colour: Colour) -> Self {
        Self {
            width,
            height,
            pixels: colour.0.repeat(width * height),
        }
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn height(&self) -> usize {
        self.height
    }

    pub(super) fn shorter(&self) -> usize {
        self.width.min(self.height)
    }

    pub(super) fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Gives part of a row of pixels.
    pub(super) fn row(&self, x: usize, y: usize, width: usize) -> &[u8] {
        let start = (y * self.width + x) * 3;
        &self.pixels[start..start + width * 3]
    }

    pub(super) fn fill(&mut self, field: Field, colour: Colour) {
        let width = field.width.min(self.width.saturating_sub(field.x));
        let pattern = colour.0.repeat(width);
        for y in field.y..(field.y + field.height).min(self.height) {
            let start = (y * self.width + field.x) * 3;
            self.pixels[start..start + pattern.len()].copy_from_slice(&pattern);
        }
    }

    pub(super) fn blit(&mut self, x: usize, y: usize, small: &Small) {
        let width = small.width.min(self.width.saturating_sub(x));
        for row in 0..small.height.min(self.height.saturating_sub(y)) {
            let from = row * small.width * 3;
            let to = ((y + row) * self.width + x) * 3;
            self.pixels[to..to + width * 3].copy_from_slice(&small.rgb[from..from + width * 3]);
        }
    }

    /// Mixes a colour into one pixel; `cover` runs from 0 to 255.
    pub(super) fn mix(&mut self, x: usize, y: usize, colour: Colour, cover: u8) {
        if x >= self.width || y >= self.height {
            return;
        }
        let start = (y * self.width + x) * 3;
        for (pixel, target) in self.pixels[start..start + 3].iter_mut().zip(colour.0) {
            let (old, new) = (u32::from(*pixel), u32::from(target));
            let cover = u32::from(cover);
            *pixel = u8::try_from((old * (255 - cover) + new * cover) / 255).unwrap_or(target);
        }
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

//! Pictures that a person can tell apart: the prompt's words, the seed, the size, the task, and small
//! copies of the references that were really sent, over a pattern that prompt and seed decide.
//!
//! The same scene always gives the same bytes, so nothing painted has to be kept. Painting is cheap on
//! purpose, in an unoptimised build as well: large fields of one colour, on a grid that JPEG's blocks
//! share.

mod canvas;
mod jpeg;
mod text;

use image::{ExtendedColorType, ImageEncoder};

use super::id::draw;
use super::record::{Format, Picture};
use canvas::{Canvas, Colour, Field};
use jpeg::Jpeg;
use text::Line;

/// What is to be seen on a picture.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) picture: Picture,
    pub(super) prompt: String,
    pub(super) seed: u32,
    /// The task's short id.
    pub(super) task: String,
    /// Which result of how many, such as `2/4`.
    pub(super) turn: String,
    pub(super) flagged: bool,
    pub(super) references: Vec<Thumbnail>,
}

/// A small copy of a reference.
#[derive(Clone, Debug)]
pub(super) struct Thumbnail {
    pub(super) label: String,
    /// None where the server has not fetched the reference.
    pub(super) pixels: Option<Small>,
}

/// Small RGB pixels.
#[derive(Clone, Debug)]
pub(super) struct Small {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) rgb: Vec<u8>,
}

/// Fields begin and end at multiples of this, JPEG's block size.
const GRID: usize = 8;
/// A JPEG is painted and encoded this many rows at a time, so that it takes little memory.
const BAND: usize = 16 * GRID;
const PATTERN_CELLS: usize = 5;
/// How many references stand on either side.
const A_SIDE: usize = 5;

/// Paints a scene and encodes it. WEBP is lossless, so quality has no effect on it, nor on PNG.
pub(super) fn paint(scene: &Scene) -> Result<Vec<u8>, image::ImageError> {
    let sketch = Sketch::of(scene);
    let (width, height) = (scene.picture.width, scene.picture.height);
    let whole = || {
        let mut canvas = Canvas::new(sketch.width, 0..sketch.height);
        sketch.paint(&mut canvas);
        canvas
    };
    let mut bytes = Vec::new();
    match scene.picture.format {
        Format::Jpg => bytes = sketch.jpeg(scene.picture.quality),
        Format::Png => {
            let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
            encoder.write_image(whole().pixels(), width, height, ExtendedColorType::Rgb8)?;
        }
        Format::Webp => {
            let encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut bytes);
            encoder.write_image(whole().pixels(), width, height, ExtendedColorType::Rgb8)?;
        }
    }
    Ok(bytes)
}

/// Encodes pixels of an upload that had to be made smaller.
pub(super) fn encode_jpeg(width: usize, height: usize, rgb: Vec<u8>) -> Vec<u8> {
    let mut jpeg = Jpeg::new(width, height, 95);
    jpeg.add(&Canvas::of_pixels(width, height, rgb));
    jpeg.finish()
}

/// A scene with everything decided that does not depend on the part being painted.
struct Sketch<'a> {
    scene: &'a Scene,
    width: usize,
    height: usize,
    hue: u64,
    /// Where the foot with its words begins.
    foot: usize,
    references: Vec<Framed>,
    lines: Vec<Line>,
}

/// A reference in its place.
struct Framed {
    frame: Field,
    badge: Field,
    pixels: Option<Small>,
}

impl<'a> Sketch<'a> {
    fn of(scene: &'a Scene) -> Self {
        let size = |side: u32| usize::try_from(side).unwrap_or(GRID);
        let (width, height) = (size(scene.picture.width), size(scene.picture.height));
        let hue = draw(&[scene.prompt.as_bytes()]) % Colour::HUES;
        let foot = on_grid(height * 11 / 16);
        let (references, mut lines) = frame_references(&scene.references, width, height);
        lines.extend(words(scene, (width, height), foot));
        Self {
            scene,
            width,
            height,
            hue,
            foot,
            references,
            lines,
        }
    }

    fn jpeg(&self, quality: u8) -> Vec<u8> {
        let mut jpeg = Jpeg::new(self.width, self.height, quality);
        for top in (0..self.height).step_by(BAND) {
            let rows = top..(top + BAND).min(self.height);
            let mut canvas = Canvas::new(self.width, rows);
            self.paint(&mut canvas);
            jpeg.add(&canvas);
        }
        jpeg.finish()
    }

    fn paint(&self, canvas: &mut Canvas) {
        self.paint_shades(canvas);
        self.paint_pattern(canvas);
        canvas.fill(
            Field::new((0, self.foot), (self.width, self.height)),
            Colour::INK,
        );
        for framed in &self.references {
            canvas.fill(framed.frame, Colour::PAPER);
            if let Some(small) = &framed.pixels {
                canvas.blit(framed.frame.middle_for(small), small);
            }
            canvas.fill(framed.badge, Colour::INK);
        }
        for line in &self.lines {
            text::write(canvas, line);
        }
    }

    /// Lays shades of the prompt's hue over the whole, as the seed decides.
    fn paint_shades(&self, canvas: &mut Canvas) {
        let step = on_grid(self.width.min(self.height) / 4);
        let columns = self.width.div_ceil(step);
        let seed = self.scene.seed.to_le_bytes();
        for row in 0..self.height.div_ceil(step) {
            for column in 0..columns {
                let cell = (row * columns + column).to_le_bytes();
                let shade = draw(&[b"shade", &seed, &cell]) % 5;
                let field = Field::new((column * step, row * step), (step, step));
                canvas.fill(field, Colour::of_hue(self.hue, 120 + shade * 14));
            }
        }
    }

    /// Paints a mirrored figure in the middle; no two seeds are likely to share one.
    fn paint_pattern(&self, canvas: &mut Canvas) {
        let bits = draw(&[b"figure", &self.scene.seed.to_le_bytes()]);
        let third = Colour::HUES / 3;
        let colour = Colour::of_hue(self.hue + third + bits % third, 225);
        let step = on_grid(self.width.min(self.height) / 9);
        let left = on_grid((self.width - step * PATTERN_CELLS) / 2);
        let top = on_grid(self.height / 8);
        for row in 0..PATTERN_CELLS {
            for column in 0..PATTERN_CELLS {
                let mirrored = column.min(PATTERN_CELLS - 1 - column);
                let cell = row * PATTERN_CELLS.div_ceil(2) + mirrored;
                if bits >> (8 + cell) & 1 == 1 {
                    let corner = (left + column * step, top + row * step);
                    canvas.fill(Field::new(corner, (step, step)), colour);
                }
            }
        }
    }
}

/// Sets the references along the left edge, then along the right one, with their numbers.
fn frame_references(
    references: &[Thumbnail],
    width: usize,
    height: usize,
) -> (Vec<Framed>, Vec<Line>) {
    let step = on_grid(height * 5 / 8 / A_SIDE);
    let side = step - GRID;
    let badge = on_grid(side / 4).max(2 * GRID);
    let mut framed = Vec::new();
    let mut lines = Vec::new();
    for (place, reference) in references.iter().enumerate() {
        let x = if place < A_SIDE {
            GRID
        } else {
            width.saturating_sub(step)
        };
        let y = GRID + place % A_SIDE * step;
        framed.push(Framed {
            frame: Field::new((x, y), (side, side)),
            badge: Field::new((x, y), (badge, badge)),
            pixels: reference
                .pixels
                .as_ref()
                .map(|small| small.fitted(side - 4, side - 4)),
        });
        let number = (place + 1).to_string();
        lines.push(Line::new((x + 2, y + 1), badge - 4, Colour::PAPER, number));
        if reference.pixels.is_none() {
            let at = (x + 4, y + side / 2);
            lines.push(Line::new(at, 12, Colour::INK, reference.label.clone()));
        }
    }
    (framed, lines)
}

/// Lays the prompt and the facts out in the foot.
fn words(scene: &Scene, (width, height): (usize, usize), foot: usize) -> Vec<Line> {
    let margin = 2 * GRID;
    let room = width - 2 * margin;
    let last = (height - foot) / 6;
    let (size, words) = largest_words(&scene.prompt, height - foot - last, room);
    let place = |row: usize| (margin, foot + GRID / 2 + row * size * 5 / 4);
    let prompt = words.into_iter().enumerate();
    let prompt = prompt.map(|(row, words)| Line::new(place(row), size, Colour::PAPER, words));
    let Picture {
        width,
        height: high,
        format,
        quality,
    } = scene.picture;
    let quality = if format == Format::Jpg {
        format!(" q{quality}")
    } else {
        String::new()
    };
    let flag = if scene.flagged { "  NSFW flag" } else { "" };
    let facts = format!(
        "seed {}   {width}x{high} {}{quality}   task {} {}{flag}   rehearsal",
        scene.seed,
        format.extension().to_uppercase(),
        scene.task,
        scene.turn,
    );
    let size = text::fitting(&facts, last * 3 / 5, room);
    let facts = Line::new((margin, height - last), size, Colour::AMBER, facts);
    prompt.chain([facts]).collect()
}

/// Finds the largest lettering at which all words fit; past the smallest, words are left out.
fn largest_words(prompt: &str, height: usize, room: usize) -> (usize, Vec<String>) {
    const MOST_LINES: usize = 5;
    for lines in 2..MOST_LINES {
        let size = height * 4 / 5 / lines;
        let words = text::wrap(prompt, size, room, lines + 1);
        if words.len() <= lines {
            return (size, words);
        }
    }
    let size = height * 4 / 5 / MOST_LINES;
    (size, text::wrap(prompt, size, room, MOST_LINES))
}

fn on_grid(length: usize) -> usize {
    (length / GRID).max(1) * GRID
}

#[cfg(test)]
mod tests {
    use super::{Scene, Small, Thumbnail, paint};
    use crate::rehearsal::order::{SIZES_1K, sizes_2k};
    use crate::rehearsal::record::{Format, Picture};

    fn scene(picture: Picture) -> Scene {
        let pixels = Small {
            width: 40,
            height: 30,
            rgb: [200, 30, 30].repeat(1200),
        };
        let reference = |pixels| Thumbnail {
            label: "example.com".to_owned(),
            pixels,
        };
        Scene {
            picture,
            prompt: "Mira waves in thin rain; Otto turns away. \u{1F600}\u{7}".to_owned(),
            seed: 2_127_685_823,
            task: "3f0c9b52".to_owned(),
            turn: "1/2".to_owned(),
            flagged: true,
            references: (0..10)
                .map(|n| reference((n % 2 == 0).then(|| pixels.clone())))
                .collect(),
        }
    }

    #[test]
    fn every_size_and_format_is_a_whole_picture_of_that_size() {
        for (width, height) in SIZES_1K.into_iter().chain(sizes_2k().take(1)) {
            for format in [Format::Jpg, Format::Png, Format::Webp] {
                if format == Format::Webp && width > 1024 {
                    continue;
                }
                let picture = Picture {
                    width,
                    height,
                    format,
                    quality: 95,
                };
                let bytes = paint(&scene(picture)).unwrap();
                let decoded = image::load_from_memory(&bytes).unwrap();
                assert_eq!((decoded.width(), decoded.height()), (width, height));
            }
        }
    }

    #[test]
    fn equal_scenes_are_equal_to_the_byte_and_others_are_not() {
        let picture = Picture {
            width: 1024,
            height: 1024,
            format: Format::Jpg,
            quality: 95,
        };
        let first = paint(&scene(picture)).unwrap();
        assert_eq!(first, paint(&scene(picture)).unwrap());
        let other = Scene {
            seed: 5,
            ..scene(picture)
        };
        assert_ne!(first, paint(&other).unwrap());
    }

    #[test]
    fn lower_quality_is_smaller() {
        let at = |quality| {
            let picture = Picture {
                width: 1360,
                height: 768,
                format: Format::Jpg,
                quality,
            };
            paint(&scene(picture)).unwrap().len()
        };
        assert!(at(20) < at(60) && at(60) < at(99));
    }

    #[test]
    fn lossy_pixels_stay_near_the_lossless_ones() {
        let of = |format| {
            let picture = Picture {
                width: 1024,
                height: 1024,
                format,
                quality: 99,
            };
            image::load_from_memory(&paint(&scene(picture)).unwrap())
                .unwrap()
                .to_rgb8()
        };
        let (lossy, lossless) = (of(Format::Jpg), of(Format::Png));
        // The last line names the format and so differs.
        let shared = lossless.len() * 7 / 8;
        let pairs = lossy.iter().zip(lossless.iter()).take(shared);
        let far = pairs.filter(|(a, b)| a.abs_diff(**b) > 12).count();
        assert!(far < shared / 10_000, "{far}");
    }
}

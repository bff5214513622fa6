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
const PATTERN_CELLS: usize = 5;

/// Paints a scene and encodes it. WEBP is lossless, so quality has no effect on it, nor on PNG.
pub(super) fn paint(scene: &Scene) -> Result<Vec<u8>, image::ImageError> {
    let canvas = compose(scene);
    let Picture {
        width,
        height,
        format,
        quality,
    } = scene.picture;
    let mut bytes = Vec::new();
    match format {
        Format::Jpg => bytes = jpeg::encode(&canvas, quality),
        Format::Png => {
            let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
            encoder.write_image(canvas.pixels(), width, height, ExtendedColorType::Rgb8)?;
        }
        Format::Webp => {
            let encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut bytes);
            encoder.write_image(canvas.pixels(), width, height, ExtendedColorType::Rgb8)?;
        }
    }
    Ok(bytes)
}

/// Encodes pixels of an upload that had to be made smaller.
pub(super) fn encode_jpeg(width: usize, height: usize, rgb: &[u8]) -> Vec<u8> {
    let mut canvas = Canvas::new(width, height, Colour::BLACK);
    canvas.blit(
        0,
        0,
        &Small {
            width,
            height,
            rgb: rgb.to_vec(),
        },
    );
    jpeg::encode(&canvas, 95)
}

fn compose(scene: &Scene) -> Canvas {
    let size = |side: u32| usize::try_from(side).unwrap_or(GRID);
    let (width, height) = (size(scene.picture.width), size(scene.picture.height));
    let bits = draw(&[scene.prompt.as_bytes()]);
    let hue = bits % Colour::HUES;
    let mut canvas = Canvas::new(width, height, Colour::of_hue(hue, 150));
    paint_shades(&mut canvas, hue, scene.seed);
    paint_pattern(&mut canvas, hue, scene.seed);
    paint_references(&mut canvas, &scene.references);
    paint_words(&mut canvas, scene);
    canvas
}

/// Lays shades of the prompt's hue over the whole, as the seed decides.
fn paint_shades(canvas: &mut Canvas, hue: u64, seed: u32) {
    let step = on_grid(canvas.shorter() / 4);
    let columns = canvas.width().div_ceil(step);
    for row in 0..canvas.height().div_ceil(step) {
        for column in 0..columns {
            let cell = (row * columns + column).to_le_bytes();
            let shade = draw(&[b"shade", &seed.to_le_bytes(), &cell]) % 5;
            let field = Field {
                x: column * step,
                y: row * step,
                width: step,
                height: step,
            };
            canvas.fill(field, Colour::of_hue(hue, 120 + shade * 14));
        }
    }
}

/// Paints a mirrored figure in the middle; no two seeds are likely to share one.
fn paint_pattern(canvas: &mut Canvas, hue: u64, seed: u32) {
    let bits = draw(&[b"figure", &seed.to_le_bytes()]);
    let colour = Colour::of_hue(hue + Colour::HUES / 3 + bits % (Colour::HUES / 3), 225);
    let step = on_grid(canvas.shorter() / 9);
    let left = on_grid((canvas.width() - step * PATTERN_CELLS) / 2);
    let top = on_grid(canvas.height() / 8);
    for row in 0..PATTERN_CELLS {
        for column in 0..PATTERN_CELLS {
            let mirrored = column.min(PATTERN_CELLS - 1 - column);
            let cell = row * PATTERN_CELLS.div_ceil(2) + mirrored;
            if bits >> (8 + cell) & 1 == 1 {
                let (x, y) = (left + column * step, top + row * step);
                canvas.fill(
                    Field {
                        x,
                        y,
                        width: step,
                        height: step,
                    },
                    colour,
                );
            }
        }
    }
}

/// Sets the references along the left edge, then along the right one, with their numbers.
fn paint_references(canvas: &mut Canvas, references: &[Thumbnail]) {
    const A_SIDE: usize = 5;
    let step = on_grid(canvas.height() * 5 / 8 / A_SIDE);
    let frame = step - GRID;
    for (place, reference) in references.iter().enumerate() {
        let x = if place < A_SIDE {
            GRID
        } else {
            canvas.width().saturating_sub(step)
        };
        let y = GRID + place % A_SIDE * step;
        canvas.fill(
            Field {
                x,
                y,
                width: frame,
                height: frame,
            },
            Colour::PAPER,
        );
        match &reference.pixels {
            Some(pixels) => {
                let small = pixels.fitted(frame - 4, frame - 4);
                let (right, down) = ((frame - small.width) / 2, (frame - small.height) / 2);
                canvas.blit(x + right, y + down, &small);
            }
            None => text::write(
                canvas,
                (x + 4, y + frame / 2),
                12,
                Colour::INK,
                &reference.label,
            ),
        }
        let badge = on_grid(frame / 4).max(2 * GRID);
        canvas.fill(
            Field {
                x,
                y,
                width: badge,
                height: badge,
            },
            Colour::INK,
        );
        let number = (place + 1).to_string();
        text::write(canvas, (x + 2, y + 1), badge - 4, Colour::PAPER, &number);
    }
}

/// Writes the prompt and the facts at the foot.
fn paint_words(canvas: &mut Canvas, scene: &Scene) {
    let top = on_grid(canvas.height() * 11 / 16);
    let foot = Field {
        x: 0,
        y: top,
        width: canvas.width(),
        height: canvas.height() - top,
    };
    canvas.fill(foot, Colour::INK);
    let margin = 2 * GRID;
    let line = foot.height / 6;
    let room = canvas.width() - 2 * margin;
    let (size, lines) = largest_words(&scene.prompt, foot.height - line, room);
    for (row, words) in lines.iter().enumerate() {
        let at = (margin, top + GRID / 2 + row * size * 5 / 4);
        text::write(canvas, at, size, Colour::PAPER, words);
    }
    let Picture {
        width,
        height,
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
        "seed {}   {width}x{height} {}{quality}   task {} {}{flag}   rehearsal",
        scene.seed,
        format.extension().to_uppercase(),
        scene.task,
        scene.turn,
    );
    let size = text::fitting(&facts, line * 3 / 5, room);
    let at = (margin, canvas.height() - line);
    text::write(canvas, at, size, Colour::of_hue(canvas::AMBER, 230), &facts);
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

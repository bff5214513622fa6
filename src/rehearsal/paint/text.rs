//! Words on a canvas, in `DejaVu Sans`.

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};

use super::canvas::{Canvas, Colour};

static FONT_FILE: &[u8] = include_bytes!("../assets/DejaVuSans.ttf");

fn font() -> Option<FontRef<'static>> {
    // The file is part of the program; were it broken, pictures would merely have no words.
    FontRef::try_from_slice(FONT_FILE).ok()
}

/// One line of text in its place.
pub(super) struct Line {
    /// Its top left corner.
    at: (usize, usize),
    size: usize,
    colour: Colour,
    text: String,
}

impl Line {
    pub(super) fn new(at: (usize, usize), size: usize, colour: Colour, text: String) -> Self {
        Self {
            at,
            size,
            colour,
            text,
        }
    }
}

/// Writes one line; what does not fit is cut off.
pub(super) fn write(canvas: &mut Canvas, line: &Line) {
    let (left, top) = line.at;
    // A glyph with accents above or below may reach a little beyond its size.
    let reach = top.saturating_sub(line.size)..top + 2 * line.size;
    let Some(font) = font().filter(|_| canvas.shows(&reach)) else {
        return;
    };
    let scaled = font.as_scaled(PxScale::from(pixels(line.size)));
    let baseline = pixels(top) + scaled.ascent();
    let mut x = pixels(left);
    for letter in line.text.chars().map(printable) {
        let glyph = scaled.scaled_glyph(letter);
        let advance = scaled.h_advance(glyph.id);
        if x + advance > pixels(canvas.width()) {
            break;
        }
        let glyph = ab_glyph::Glyph {
            position: point(x, baseline),
            ..glyph
        };
        if let Some(outline) = font.outline_glyph(glyph) {
            let (corner, end) = (outline.px_bounds().min, outline.px_bounds().max);
            let (x, y) = (whole(corner.x), whole(corner.y));
            if canvas.shows(&(y..whole(end.y) + 1)) {
                outline.draw(|right, down, cover| {
                    let column = x + usize::try_from(right).unwrap_or(0);
                    let row = y + usize::try_from(down).unwrap_or(0);
                    let cover = u8::try_from(whole(cover * 255.0)).unwrap_or(255);
                    canvas.mix(column, row, line.colour, cover);
                });
            }
        }
        x += advance;
    }
}

/// Breaks text into lines that fit, the last one ending in `…` if more would follow.
pub(super) fn wrap(text: &str, size: usize, room: usize, most_lines: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or("", String::as_str);
        let longer = if line.is_empty() {
            word.to_owned()
        } else {
            format!("{line} {word}")
        };
        if line.is_empty() || width(&longer, size) <= pixels(room) {
            lines.pop();
            lines.push(longer);
        } else if lines.len() < most_lines {
            lines.push(word.to_owned());
        } else {
            let cut = lines.pop().map(|line| format!("{line} …"));
            lines.extend(cut);
            break;
        }
    }
    lines
}

/// Gives the largest size up to `size` at which a line fits.
pub(super) fn fitting(text: &str, size: usize, room: usize) -> usize {
    let mut size = size;
    while size > 8 && width(text, size) > pixels(room) {
        size -= 1;
    }
    size
}

fn width(text: &str, size: usize) -> f32 {
    let Some(font) = font() else { return 0.0 };
    let scaled = font.as_scaled(PxScale::from(pixels(size)));
    text.chars()
        .map(|letter| scaled.h_advance(scaled.glyph_id(printable(letter))))
        .sum()
}

fn printable(letter: char) -> char {
    if letter.is_control() { ' ' } else { letter }
}

fn pixels(length: usize) -> f32 {
    f32::from(u16::try_from(length).unwrap_or(u16::MAX))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pixel places are small; what is negative is clamped to the edge"
)]
fn whole(length: f32) -> usize {
    length.max(0.0) as usize
}

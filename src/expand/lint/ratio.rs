//! A ratio that is named in a prompt: words do not change it, and may make the model crop.

use std::ops::Range;

use crate::domain::diagnostic::Diagnostic;
use crate::expand::profile::ModelProfile;
use crate::expand::request::AskedSize;
use crate::manifest::settings::AspectRatio;

/// A ratio as it stands in a prompt.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Named {
    pub(super) range: Range<usize>,
    /// Width and height, in hundredths.
    pub(super) ratio: (u32, u32),
}

/// Ratios that mean a picture wherever they stand; of the others the words around must say so.
const SURE: &[(u32, u32)] = &[
    (1600, 900),
    (900, 1600),
    (2100, 900),
    (185, 100),
    (235, 100),
    (239, 100),
    (240, 100),
];

/// Words that say that a ratio is one of pictures.
const PICTURE_WORDS: &[&str] = &[
    "aspect",
    "ratio",
    "frame",
    "framing",
    "format",
    "crop",
    "cropped",
    "composition",
    "poster",
    "letterbox",
    "letterboxed",
    "anamorphic",
    "ar",
];

/// Words before a time of day.
const CLOCK_BEFORE: &[&str] = &[
    "at", "by", "until", "till", "from", "since", "after", "before", "around", "about", "past",
    "clock", "reads", "says", "shows", "showing", "reading", "time", "watch", "train",
];

/// Words after a time of day.
const CLOCK_AFTER: &[&str] = &[
    "am", "pm", "a", "p", "o", "hours", "train", "ferry", "bus", "flight", "news",
];

/// Words of a language of ratios, that may begin with a capital without naming a book.
const NO_BOOK: &[&str] = &[
    "a",
    "an",
    "the",
    "in",
    "wide",
    "cinematic",
    "shot",
    "vertical",
];

/// Finds every ratio that is surely meant as one of pictures.
pub(super) fn named(text: &str) -> impl Iterator<Item = Named> {
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(start) = text[from..].find(|c: char| c.is_ascii_digit()) {
            let start = from + start;
            let read = read(text, start);
            let digits = text[start..].len() - text[start..].trim_start_matches(is_number).len();
            from = read
                .as_ref()
                .map_or(start + digits, |named| named.range.end);
            if let Some(named) = read.filter(|named| is_of_a_picture(text, named)) {
                return Some(named);
            }
        }
        None
    })
}

const fn is_number(c: char) -> bool {
    matches!(c, '0'..='9' | '.')
}

/// Reads a pair of numbers such as `16:9`, `16x9`, `16 by 9` or `2.39:1`.
fn read(text: &str, start: usize) -> Option<Named> {
    let (width, rest) = number(&text[start..])?;
    let rest = ["by", "x", "X", "×", ":"].into_iter().find_map(|between| {
        let tight = rest.strip_prefix(between).filter(|_| between != "by");
        let loose = || rest.trim_start_matches([' ', '-']).strip_prefix(between);
        let colon = between == ":";
        tight.or_else(|| loose().filter(|_| !colon))
    })?;
    let (height, rest) = number(rest.trim_start_matches([' ', '-']))?;
    let end = text.len() - rest.len();
    let part = |c: char| c.is_alphanumeric() || matches!(c, ':' | '×');
    let before = text[..start].chars().next_back();
    let mut after = rest.chars();
    let goes_on = match after.next() {
        Some('.' | ',') => after.next().is_some_and(|c| c.is_ascii_digit()),
        Some(c) => part(c),
        None => false,
    };
    let is_part = before.is_some_and(|c| part(c) || matches!(c, '.' | '$')) || goes_on;
    (!is_part && width > 0 && height > 0).then_some(Named {
        range: start..end,
        ratio: (width, height),
    })
}

/// Reads a number in hundredths, and gives what follows it.
fn number(text: &str) -> Option<(u32, &str)> {
    let whole = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let value = text[..whole].parse::<u32>().ok()?.checked_mul(100)?;
    let rest = &text[whole..];
    let Some(decimals) = rest.strip_prefix('.') else {
        return Some((value, rest));
    };
    let length = decimals
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(decimals.len());
    let hundredths = match length {
        1 => decimals[..1].parse::<u32>().ok()? * 10,
        2 => decimals[..2].parse().ok()?,
        _ => return Some((value, rest)),
    };
    Some((value.checked_add(hundredths)?, &decimals[length..]))
}

fn is_of_a_picture(text: &str, named: &Named) -> bool {
    let is_known = row(named.ratio).is_some() || SURE.contains(&named.ratio);
    if !is_known {
        return false;
    }
    let words_before: Vec<&str> = words(&text[..named.range.start]).rev().take(3).collect();
    let words_after: Vec<&str> = words(&text[named.range.end..]).take(3).collect();
    let near = |known: &[&str]| {
        let mut all = words_before.iter().chain(&words_after);
        all.any(|word| known.contains(&word.to_ascii_lowercase().as_str()))
    };
    if near(PICTURE_WORDS) {
        return true;
    }
    if !SURE.contains(&named.ratio) {
        return false;
    }
    let is = |word: Option<&&str>, known: &[&str]| {
        word.is_some_and(|word| known.contains(&word.to_ascii_lowercase().as_str()))
    };
    let is_clock = named.ratio == (900, 1600)
        && (is(words_before.first(), CLOCK_BEFORE) || is(words_after.first(), CLOCK_AFTER));
    !is_clock && !is_verse(text, named, words_before.first().copied())
}

/// Tells whether a ratio stands after a name, as a verse stands after its book.
fn is_verse(text: &str, named: &Named, before: Option<&str>) -> bool {
    let Some(word) = before else { return false };
    let close = text[..named.range.start].ends_with(&format!("{word} "));
    let capital = word.starts_with(char::is_uppercase);
    close && capital && !NO_BOOK.contains(&word.to_ascii_lowercase().as_str())
}

fn words(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// Gives the manifest's word for a ratio, if it has one.
fn row((width, height): (u32, u32)) -> Option<&'static str> {
    AspectRatio::WORDS.iter().copied().find(|word| {
        word.split_once(':').is_some_and(|(w, h)| {
            let hundredths = |text: &str| text.parse::<u32>().ok().map(|n| n * 100);
            hundredths(w) == Some(width) && hundredths(h) == Some(height)
        })
    })
}

/// Says that the picture has another ratio.
pub(super) fn warning(
    named: &Named,
    text: &str,
    size: AskedSize,
    model: &ModelProfile,
) -> Option<Diagnostic> {
    let AskedSize::Exact(width, height) = size else {
        return None;
    };
    let own = model.row(width, height)?;
    if are_alike(named.ratio, (width, height)) {
        return None;
    }
    let typed = &text[named.range.clone()];
    let own = own.ratio.word();
    let warning = Diagnostic::warning(
        "other-ratio",
        format!("the prompt says {typed}, but the picture is {own}"),
    )
    .expected("the ratio in the settings alone; words do not change it");
    let near = row(named.ratio).or_else(|| nearest(named.ratio, model));
    Some(match near {
        Some(near) if near != own => warning.help(format!(
            "set `aspect_ratio = \"{near}\"`, or take {typed} out of the prompt"
        )),
        _ => warning.help(format!("take {typed} out of the prompt")),
    })
}

/// Tells whether two ratios differ by less than a twentieth.
fn are_alike(one: (u32, u32), other: (u32, u32)) -> bool {
    let product = |a: u32, b: u32| u64::from(a) * u64::from(b);
    let (left, right) = (product(one.0, other.1), product(one.1, other.0));
    left.abs_diff(right) * 20 < left.max(right)
}

fn nearest(ratio: (u32, u32), model: &ModelProfile) -> Option<&'static str> {
    let mut alike = model.sizes.iter();
    let found = alike.find(|size| are_alike(ratio, (size.width, size.height)))?;
    Some(found.ratio.word())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expand::profile::KLING_IMAGE_O1;
    use proptest::prelude::*;

    fn told(text: &str) -> Vec<String> {
        let size = AskedSize::Exact(1360, 768);
        let warning = |named: Named| warning(&named, text, size, &KLING_IMAGE_O1);
        let warnings = named(text).filter_map(warning);
        warnings.map(|warning| warning.message).collect()
    }

    #[test]
    fn other_ratios_are_seen() {
        for (text, typed) in [
            ("a 9:16 poster", "9:16"),
            ("a street, 9x16", "9x16"),
            ("a street, 9 x 16.", "9 x 16"),
            ("a street in 21 by 9", "21 by 9"),
            ("a street in 21-by-9", "21-by-9"),
            ("a street 21×9", "21×9"),
            ("a street --ar 1:1", "1:1"),
            ("aspect ratio 4:3", "4:3"),
            ("a 3:2 frame", "3:2"),
            ("cinematic 2.39:1", "2.39:1"),
            ("9:16", "9:16"),
        ] {
            let message = format!("the prompt says {typed}, but the picture is 16:9");
            assert_eq!(told(text), [message], "{text}");
        }
    }

    #[test]
    fn times_verses_scores_and_its_own_ratio_are_left_alone() {
        for text in [
            "a 16:9 frame",
            "16 x 9",
            "1.85:1 cinematic frame",
            "the clock says 12:16:9",
            "from 1:1 to 3:2",
            "the 9:16 am ferry",
            "the 9:16 ferry",
            "at 9:16 she leaves",
            "she reads John 21:9",
            "Genesis 1:1 on the wall",
            "Mark 4:3",
            "they win 3:2",
            "a 3x4 grid of windows",
            "a 4 by 3 metre door",
            "1:10 scale model",
            "2019-16:9",
            "9:160",
            "x16:9y",
            "3.5:1",
            "16:",
            ":9",
        ] {
            assert_eq!(told(text), Vec::<String>::new(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "[0-9:x×. bya-é-]{0,40}") {
            let _told = told(&text);
        }
    }
}

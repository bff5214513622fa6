//! What a person may have typed for a marker: `<<image_1>>`, `[Image 1]`, `@image1`, `image_1`.

use std::ops::Range;

use crate::domain::diagnostic::Diagnostic;
use crate::manifest::settings::{PromptSyntax, RefStyle};
use crate::manifest::shown::shown;

/// Words that a marker may be made with.
const WORDS: [&str; 3] = ["image", "img", "reference"];

/// What opens or introduces a marker in one spelling or another, wide letters too.
const OPEN: &[char] = &[
    '<', '[', '{', '@', '#', '(', '‹', '«', '〈', '《', '⟨', '＜', '［', '【', '〔', '「', '＠',
    '＃', '（',
];

/// What closes one.
const CLOSE: &[char] = &[
    '>', ']', '}', ')', '›', '»', '〉', '》', '⟩', '＞', '］', '】', '〕', '」', '）',
];

/// Finds what looks like a marker but is none, whoever wrote it.
pub(super) fn near(text: &str, style: RefStyle) -> impl Iterator<Item = Range<usize>> {
    words(text).filter_map(move |(start, word)| {
        let number = number_after(text, start + word)?;
        let range = with_brackets(text, start..number.end);
        let is_near = looks_meant(text, &range, start..number.end, number.start, style);
        is_near.then_some(range)
    })
}

/// Finds the words of [`WORDS`] that stand at the beginning of a word: where, and how long.
fn words(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let bytes = text.as_bytes();
    let firsts = bytes.iter().enumerate();
    let firsts = firsts.filter(|(_, byte)| matches!(byte.to_ascii_lowercase(), b'i' | b'r'));
    firsts.filter_map(move |(at, _)| {
        let is_inside = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
        let rest = &bytes[at..];
        let word = WORDS.into_iter().find(|word| {
            rest.get(..word.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
        })?;
        (!is_inside).then_some((at, word.len()))
    })
}

/// Gives the digits that follow a word, perhaps after a blank or two of their own kind.
fn number_after(text: &str, end: usize) -> Option<Range<usize>> {
    let rest = &text[end..];
    let gap = rest.len() - rest.trim_start_matches(['_', ' ', '-', '#']).len();
    let digits = &rest[gap..];
    let length = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    let after = &digits[length..];
    let mut follows = after.chars();
    let goes_on = match follows.next() {
        Some('.' | ':') => follows.next().is_some_and(char::is_alphanumeric),
        Some(c) => c.is_alphanumeric() || c == '_',
        None => false,
    };
    let is_number = (1..=3).contains(&length) && gap <= 2 && !goes_on;
    is_number.then_some(end + gap..end + gap + length)
}

fn with_brackets(text: &str, core: Range<usize>) -> Range<usize> {
    let before = text[..core.start].trim_end_matches(OPEN);
    let after = &text[core.end..];
    let close = after.len() - after.trim_start_matches(CLOSE).len();
    before.len()..core.end + close
}

/// Tells whether a word and its number are surely meant for a marker, and are none.
fn looks_meant(
    text: &str,
    whole: &Range<usize>,
    core: Range<usize>,
    number: usize,
    style: RefStyle,
) -> bool {
    let (open, close) = (&text[whole.start..core.start], &text[core.end..whole.end]);
    let inside = &text[core.clone()];
    let is_kling = inside.starts_with("image_");
    if is_kling && open == "<<<" && close == ">>>" {
        return false;
    }
    if is_kling && open == "@" && style == RefStyle::At {
        return false;
    }
    let bracketed = open.contains(|c| !matches!(c, '(' | '（'));
    let glued = number > 0 && text[..number].ends_with(|c: char| !matches!(c, ' ' | '-' | '#'));
    let is_reference = inside.len() >= 9 && inside[..9].eq_ignore_ascii_case("reference");
    bracketed || (glued && !is_reference) || style == RefStyle::Words
}

/// Says so.
pub(super) fn warning(text: &str, style: RefStyle, syntax: PromptSyntax) -> Diagnostic {
    let is_words = text.trim_matches(['(', ')']).starts_with("Image ") && style == RefStyle::Words;
    let message = if is_words {
        format!("{} is typed, and markers are spelled so here", shown(text))
    } else {
        format!("{} looks like a marker but is none", shown(text))
    };
    let (expected, help) = match syntax {
        PromptSyntax::Template => (
            "names in braces, such as `{mira}`; markers are put in for you",
            "name the entry in braces, or write the words out",
        ),
        PromptSyntax::Plain => (
            "a marker spelled as `ref_style` has it",
            "write it as `reshoot explain` shows it, or write the words out",
        ),
    };
    Diagnostic::warning("near-marker", message)
        .expected(expected)
        .help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str, style: RefStyle) -> Vec<&str> {
        near(text, style).map(|range| &text[range]).collect()
    }

    #[test]
    fn slips_are_seen_and_prose_is_left_alone() {
        for (text, slip) in [
            ("<<image_1>> waves", "<<image_1>>"),
            ("<<<image_1>> waves", "<<<image_1>>"),
            ("<<image 1>> waves", "<<image 1>>"),
            ("<image_1> waves", "<image_1>"),
            ("a [image 2] b", "[image 2]"),
            ("a [Image 1] b", "[Image 1]"),
            ("<img1>", "<img1>"),
            ("<<<image 1>>>", "<<<image 1>>>"),
            ("<<<Image_1>>>", "<<<Image_1>>>"),
            ("<<<<image_1>>>>", "<<<<image_1>>>>"),
            ("[Reference_3]", "[Reference_3]"),
            ("she, @image1, waves", "@image1"),
            ("@Image 1 waves", "@Image 1"),
            ("@image_1 waves", "@image_1"),
            ("image_1 waves", "image_1"),
            ("image1 waves.", "image1"),
            ("＜＜＜image_1＞＞＞ waves", "＜＜＜image_1＞＞＞"),
            ("【image 1】 waves", "【image 1】"),
            ("《image_1》", "《image_1》"),
            ("＠image_1", "＠image_1"),
            ("{image_1}", "{image_1}"),
        ] {
            assert_eq!(found(text, RefStyle::Kling), [slip], "{text}");
        }
        for text in [
            "<<<image_1>>> waves",
            "a < b > c [imagery]",
            "image 1 of a series",
            "Image 12 hangs on the wall",
            "(see image 3)",
            "a file called image_1.png",
            "in reference 3",
            "reference2",
            "reimage1",
            "image_1234567",
            "<",
        ] {
            assert!(found(text, RefStyle::Kling).is_empty(), "{text}");
        }
        assert!(found("@image_1 waves", RefStyle::At).is_empty());
        assert_eq!(found("@image1 waves", RefStyle::At), ["@image1"]);
        assert_eq!(found("Image 1 waves", RefStyle::Words), ["Image 1"]);
        assert_eq!(found("Mira (Image 1)", RefStyle::Words), ["(Image 1)"]);
    }

    proptest! {
        #[test]
        fn any_text_is_answered(body in "[<>\\[\\]@＜image_0-9 :é.]{0,40}") {
            for style in [RefStyle::Kling, RefStyle::Words, RefStyle::At] {
                let _found = found(&body, style);
            }
        }
    }
}

//! Warnings about prompts: what looks like a slip but may be meant.

use crate::domain::diagnostic::{Diagnostic, Place, Sources};
use crate::expand::profile::ModelProfile;
use crate::expand::prompt::narrow;
use crate::expand::request::AskedSize;
use crate::manifest::settings::AspectRatio;
use crate::manifest::shown::shown;

/// Looks at the body of a prompt, its names already put in.
pub(crate) fn lint(
    body: &str,
    size: AskedSize,
    model: &ModelProfile,
    place: Option<Place>,
    sources: &Sources,
) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    if let Some(text) = near_marker(body) {
        warnings.push(
            Diagnostic::warning(
                "near-marker",
                format!("{} looks like a marker but is none", shown(text)),
            )
            .at(narrow(place, text, sources))
            .expected("names in braces, such as `{mira}`; markers are put in for you")
            .help("name the entry in braces, or write the words out"),
        );
    }
    if let Some((ratio, own)) = other_ratio(body, size, model) {
        let message = format!("the prompt says {ratio}, but the picture is {own}");
        warnings.push(
            Diagnostic::warning("other-ratio", message)
                .at(narrow(place, ratio, sources))
                .expected("the ratio in the settings alone; words do not change it")
                .help(format!(
                    "set `aspect_ratio = \"{ratio}\"`, or take {ratio} out of the prompt"
                )),
        );
    }
    warnings
}

/// Finds what a person may have typed for a marker: `<<image_1>>`, `[image 1]`, `<image1>`.
fn near_marker(body: &str) -> Option<&str> {
    const WORDS: [&str; 3] = ["image", "img", "reference"];
    for (at, open) in body.match_indices(['<', '[']) {
        if body[..at].ends_with(open) {
            continue;
        }
        let inside = body[at..].trim_start_matches(['<', '[']);
        let Some(end) = inside.find(['>', ']']) else {
            continue;
        };
        let (inside, rest) = inside.split_at(end);
        let close = rest.len() - rest.trim_start_matches(['>', ']']).len();
        let until = body.len() - rest.len() + close;
        let whole = &body[at..until];
        let plain = inside.to_ascii_lowercase();
        let word = WORDS.into_iter().find_map(|word| plain.strip_prefix(word));
        let number = word.map(|rest| rest.trim_start_matches(['_', ' ', '-', '#']));
        let digits = number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        let exact = whole.starts_with("<<<image_") && whole.ends_with(">>>") && close == 3;
        if digits && !exact {
            return Some(whole);
        }
    }
    None
}

/// Finds a ratio in the prompt that is a row of the table but not the picture's.
fn other_ratio(
    body: &str,
    size: AskedSize,
    model: &ModelProfile,
) -> Option<(&'static str, &'static str)> {
    let AskedSize::Exact(width, height) = size else {
        return None;
    };
    if !body.contains(':') {
        return None;
    }
    let own = model.row(width, height)?.ratio.word();
    let stands = |ratio: &str| {
        body.match_indices(ratio).any(|(at, _)| {
            let (before, after) = (&body[..at], &body[at + ratio.len()..]);
            let part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit() || c == ':');
            let clock = [" am", " pm", " a.m", " p.m"]
                .iter()
                .any(|word| after.starts_with(word));
            !clock && !part(before.chars().next_back()) && !part(after.chars().next())
        })
    };
    let found: Vec<&str> = AspectRatio::WORDS
        .iter()
        .copied()
        .filter(|ratio| stands(ratio))
        .collect();
    match found[..] {
        [ratio] if ratio != own && ratio.contains(':') => Some((ratio, own)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expand::profile::KLING_IMAGE_O1;
    use proptest::prelude::*;

    fn codes(body: &str) -> Vec<&'static str> {
        let size = AskedSize::Exact(1360, 768);
        let sources = Sources::default();
        let warnings = lint(body, size, &KLING_IMAGE_O1, None, &sources);
        warnings.iter().map(|warning| warning.code).collect()
    }

    #[test]
    fn slips_are_seen_and_prose_is_left_alone() {
        for body in [
            "<<image_1>> waves",
            "a [image 2] b",
            "<img1>",
            "<<<image 1>>>",
            "[Reference_3]",
        ] {
            assert_eq!(codes(body), ["near-marker"], "{body}");
        }
        assert_eq!(codes("a 9:16 poster"), ["other-ratio"]);
        for body in [
            "<<<image_1>>> waves",
            "a 16:9 frame",
            "the clock says 12:16:9",
            "a < b > c [imagery]",
            "from 1:1 to 3:2",
            "the 9:16 am ferry",
            "<",
        ] {
            assert!(codes(body).is_empty(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(body in "[<>\\[\\]image_0-9 :é]{0,40}") {
            let _codes = codes(&body);
        }
    }
}

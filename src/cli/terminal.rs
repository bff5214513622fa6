//! Text for a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Tells whether a character could steer a terminal or change the order in which text is seen.
///
/// Joiners within words are none of these: scripts and emoji need them.
#[must_use]
pub const fn is_steering(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'
        | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Makes text harmless on a terminal, on one line: what could steer it is spelled out.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_steering) {
        return Cow::Borrowed(text);
    }
    let mut harmless = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        push_escaped(&mut harmless, c);
    }
    Cow::Owned(harmless)
}

/// Adds a character, spelled out if it could steer a terminal.
pub fn push_escaped(text: &mut String, c: char) {
    match c {
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        _ if is_steering(c) => {
            // Writing to a string cannot fail.
            let _written = write!(text, "\\u{{{:x}}}", u32::from(c));
        }
        _ => text.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_steers_is_spelled_out() {
        assert_eq!(
            escape("a\u{1b}[31mb\u{202e}c\n"),
            "a\\u{1b}[31mb\\u{202e}c\\n"
        );
        assert_eq!(escape("\u{9b}2J"), "\\u{9b}2J");
        assert_eq!(escape("明日 café 👩\u{200d}🚀"), "明日 café 👩\u{200d}🚀");
    }

    proptest! {
        #[test]
        fn nothing_steering_is_left(text in ".{0,40}") {
            prop_assert!(!escape(&text).contains(is_steering));
        }
    }
}

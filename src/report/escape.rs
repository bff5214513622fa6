//! Foreign text made harmless: on a terminal, in a spreadsheet, in JSON.

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
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(is_steering) {
        return Cow::Borrowed(text);
    }
    let mut harmless = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        push_shown(&mut harmless, c);
    }
    Cow::Owned(harmless)
}

/// Makes text harmless and no longer than a number of characters, which `…` may take up one of.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    let mut harmless = shown(text).into_owned();
    if let Some((cut, _)) = harmless.char_indices().nth(most) {
        let last = harmless[..cut].char_indices().next_back();
        harmless.truncate(last.map_or(0, |(at, _)| at));
        harmless.push('…');
    }
    harmless
}

/// Adds a character, spelled out if it could steer a terminal.
pub fn push_shown(text: &mut String, c: char) {
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

/// Makes text harmless in a cell that a spreadsheet opens.
///
/// What begins like a formula gets a `'` in front, as spreadsheets mark text. Line breaks stay, for
/// a quoted cell can hold them; every other character that could steer a terminal is spelled out.
#[must_use]
pub fn csv_cell(text: &str) -> Cow<'_, str> {
    const KEPT: [char; 2] = ['\n', '\t'];
    let spelled = |c: char| is_steering(c) && !KEPT.contains(&c);
    let runs = looks_like_formula(text);
    if !runs && !text.contains(spelled) {
        return Cow::Borrowed(text);
    }
    let mut cell = String::with_capacity(text.len() + 1);
    if runs {
        cell.push('\'');
    }
    for c in text.replace("\r\n", "\n").chars() {
        if spelled(c) {
            push_shown(&mut cell, c);
        } else {
            cell.push(c);
        }
    }
    Cow::Owned(cell)
}

/// Tells whether a spreadsheet may read a cell as a formula; spaces in front do not hide it.
fn looks_like_formula(text: &str) -> bool {
    const SIGNS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    text.trim_start_matches(' ').starts_with(SIGNS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_steers_is_spelled_out() {
        let text = "a\u{1b}[31mb\u{202e}c\n\u{9b}2J";
        assert_eq!(shown(text), "a\\u{1b}[31mb\\u{202e}c\\n\\u{9b}2J");
        assert_eq!(shown("明日 café 👩\u{200d}🚀"), "明日 café 👩\u{200d}🚀");
    }

    #[test]
    fn long_text_ends_in_an_ellipsis() {
        assert_eq!(shortened("pier", 4), "pier");
        assert_eq!(shortened("piers", 4), "pie…");
        assert_eq!(shortened("äöüß!", 4), "äöü…");
        assert_eq!(shortened("x", 0), "…");
    }

    #[test]
    fn no_cell_is_a_formula() {
        for formula in [
            "=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", " =1", "＝1", "\n=1",
        ] {
            assert!(csv_cell(formula).starts_with('\''), "{formula:?}");
        }
        assert_eq!(csv_cell("104/TCC/0010"), "104/TCC/0010");
        assert_eq!(
            csv_cell("two\r\nlines"),
            "two\r\nlines".replace("\r\n", "\n")
        );
        assert_eq!(csv_cell("a\u{1b}[2Jb\tc"), "a\\u{1b}[2Jb\tc");
    }

    /// Text in which what is dangerous is frequent.
    fn hostile() -> impl Strategy<Value = String> {
        let steering = prop::sample::select(vec![
            '\u{1b}',
            '\u{9b}',
            '\u{202e}',
            '\u{2066}',
            '\u{feff}',
            '\u{7f}',
            '\0',
            '\r',
            '\n',
            '\t',
            '=',
            '@',
            '\u{e0041}',
        ]);
        prop::collection::vec(prop_oneof![any::<char>(), steering], 0..40)
            .prop_map(|chars| chars.into_iter().collect())
    }

    proptest! {
        #[test]
        fn nothing_steering_is_left(text in hostile(), most in 0usize..50) {
            prop_assert!(!shown(&text).contains(is_steering));
            let short = shortened(&text, most);
            prop_assert!(!short.contains(is_steering));
            prop_assert!(short.chars().count() <= most.max(1));
        }

        #[test]
        fn cells_neither_steer_nor_run(text in hostile()) {
            let cell = csv_cell(&text);
            let is_kept = |c: char| c == '\n' || c == '\t';
            prop_assert!(!cell.contains(|c| is_steering(c) && !is_kept(c)));
            prop_assert!(!looks_like_formula(&cell));
        }
    }
}

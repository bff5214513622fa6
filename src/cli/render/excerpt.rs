//! The part of a line that is worth showing, made harmless and without secrets.

use std::ops::Range;

use crate::cli::render::position::Line;
use crate::report::escape::push_shown;

/// Stands for what was cut.
const CUT: char = '…';

/// How much of a long line is shown before what is marked, as a part of the room.
const LEAD: usize = 3;

/// A line ready to be drawn.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// The line's number, from 1.
    pub(super) number: usize,
    /// What is shown of it.
    pub(super) line: String,
    /// The marked bytes of what is shown.
    pub(super) marked: Range<usize>,
}

impl Excerpt {
    /// Cuts a line to the room there is, in columns, around what is marked.
    pub(super) fn cut(line: &Line<'_>, room: usize) -> Self {
        let near = near(line);
        let mut secrets = secrets(line.text);
        secrets.retain(|secret| secret.start < near.end && secret.end > near.start);
        let is_whole = near == (0..line.text.len());
        let pieces = pieces(line.text, near, &secrets);
        let total: usize = pieces.iter().map(|piece| piece.columns).sum();
        // A line that is not looked at whole is longer than any room.
        let total = if is_whole { total } else { total.max(room + 1) };
        let first = pieces
            .iter()
            .position(|piece| piece.at.end > line.marked.start)
            .unwrap_or(pieces.len());
        let from = if total <= room {
            0
        } else {
            back(&pieces, first, room / LEAD)
        };
        let mut excerpt = Self {
            number: line.number,
            line: String::new(),
            marked: 0..0,
        };
        let mut begun = None;
        if from > 0 {
            excerpt.line.push(CUT);
        }
        let mut columns = usize::from(from > 0);
        for piece in &pieces[from..] {
            if total > room && columns + piece.columns + 1 > room {
                excerpt.line.push(CUT);
                break;
            }
            columns += piece.columns;
            let start = excerpt.line.len();
            excerpt.line.push_str(&piece.shown);
            if piece.at.start < line.marked.end.max(line.marked.start + 1)
                && piece.at.end > line.marked.start
            {
                begun.get_or_insert(start);
                excerpt.marked.end = excerpt.line.len();
            }
        }
        let length = excerpt.line.len();
        excerpt.marked = match begun {
            Some(start) => start..excerpt.marked.end,
            None => length..length,
        };
        excerpt
    }
}

/// A character or a secret, and how it is shown.
struct Piece {
    at: Range<usize>,
    shown: String,
    columns: usize,
}

/// Gives the bytes of a line that can come into sight, for a line may be as long as its file.
fn near(line: &Line<'_>) -> Range<usize> {
    const SEEN: usize = 16 << 10;
    let (text, marked) = (line.text, line.marked.start.min(line.text.len()));
    let mut start = marked.saturating_sub(SEEN);
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = text.len().min(marked + SEEN);
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

fn pieces(text: &str, near: Range<usize>, secrets: &[Range<usize>]) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(near.len());
    let chars = text[near.clone()].char_indices();
    for (at, c) in chars.map(|(at, c)| (near.start + at, c)) {
        let secret = secrets.iter().find(|secret| secret.contains(&at));
        let end = at + c.len_utf8();
        match secret {
            Some(secret) if secret.start != at && at != near.start => {}
            Some(secret) => pieces.push(Piece {
                at: secret.clone(),
                shown: CUT.to_string(),
                columns: 1,
            }),
            None => {
                let mut shown = String::new();
                push_shown(&mut shown, c);
                let columns = shown.chars().map(width).sum();
                pieces.push(Piece {
                    at: at..end,
                    shown,
                    columns,
                });
            }
        }
    }
    pieces
}

/// Gives the columns a character takes, near enough to cut a line by.
fn width(c: char) -> usize {
    if c < '\u{1100}' { 1 } else { 2 }
}

/// Goes back from a piece by as many columns as may stand before it.
fn back(pieces: &[Piece], first: usize, mut columns: usize) -> usize {
    let mut from = first;
    while from > 0 && pieces[from - 1].columns <= columns {
        columns -= pieces[from - 1].columns;
        from -= 1;
    }
    from
}

/// Finds what must not be shown: hooks, the query and credentials of an address, inline images.
fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut secrets = Vec::new();
    for key in ["webhook_url", "upload_endpoint"] {
        for (at, _) in text.match_indices(key) {
            let after = at + key.len();
            let Some(equals) = text[after..].find('=') else {
                continue;
            };
            let value = after + equals + 1;
            secrets.push(value..value + end_of_value(&text[value..]));
        }
    }
    for (at, _) in text.match_indices("://") {
        let rest = &text[at + 3..];
        let end = at + 3 + end_of_address(rest);
        let address = &text[at + 3..end];
        if let Some(sign) = address.find('@') {
            secrets.push(at + 3..at + 3 + sign);
        }
        if let Some(query) = address.find(['?', '#']) {
            let from = at + 3 + query + 1;
            secrets.push(from..end);
        }
    }
    for (at, _) in text.match_indices("data:") {
        let head = text[at..]
            .split([',', '"', '\'', ' '])
            .next()
            .unwrap_or_default();
        let from = at + head.len() + 1;
        if head.contains('/') && text[at + head.len()..].starts_with(',') {
            secrets.push(from..from + end_of_address(&text[from..]));
        }
    }
    secrets.retain(|secret| !secret.is_empty());
    secrets
}

fn end_of_address(text: &str) -> usize {
    text.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ';' | '<' | '>' | ','))
        .unwrap_or(text.len())
}

/// Finds the end of a value of TOML that begins here, if it is quoted, else of the line.
fn end_of_value(text: &str) -> usize {
    let open = text.len() - text.trim_start().len();
    let Some(quote @ ('"' | '\'')) = text[open..].chars().next() else {
        return text.len();
    };
    let inner = open + 1;
    text[inner..]
        .find(quote)
        .map_or(text.len(), |end| inner + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(text: &str, marked: Range<usize>, room: usize) -> (String, String) {
        let excerpt = Excerpt::cut(
            &Line {
                number: 1,
                text,
                marked,
            },
            room,
        );
        let marked = excerpt.line[excerpt.marked.clone()].to_owned();
        (excerpt.line, marked)
    }

    #[test]
    fn a_long_line_is_cut_around_what_is_marked() {
        let line = format!("{}mark{}", "a".repeat(100), "b".repeat(100));
        let (shown, marked) = cut(&line, 100..104, 30);
        assert_eq!(marked, "mark");
        assert_eq!(shown, "…aaaaaaaaaamarkbbbbbbbbbbbbbb…");
    }

    #[test]
    fn secrets_are_not_shown() {
        for line in [
            "webhook_url = \"https://a.b/canary\"",
            "x = { upload_endpoint = 'https://a.b/?canary', takes = 1 }",
            "webhook_url = \"canary",
            "references = [\"https://a.b/c.png?sig=canary\"]",
            "0010,prompt,https://me:canary@a.b/c.png",
            "r = [\"data:image/png;base64,canary\"]",
        ] {
            let (shown, _) = cut(line, 0..1, 200);
            assert!(!shown.contains("canary"), "{shown}");
        }
        let (shown, _) = cut("x = { webhook_url = \"canary\", takes = 0 }", 0..1, 200);
        assert_eq!(shown, "x = { webhook_url =…, takes = 0 }");
    }

    #[test]
    fn what_is_marked_survives_escapes() {
        let (shown, marked) = cut("\u{1b}[2Jxé", 4..5, 80);
        assert_eq!(shown, "\\u{1b}[2Jxé");
        assert_eq!(marked, "x");
    }

    proptest! {
        #[test]
        fn any_line_is_cut(text in ".{0,80}", start in 0usize..100, more in 0usize..100, room in 0usize..60) {
            let start = start.min(text.len());
            let end = (start + more).min(text.len());
            let _cut = cut(&text, start..end, room);
        }
    }
}

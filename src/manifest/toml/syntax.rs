//! Errors of TOML's grammar, in words for people who do not know it.

use std::ops::Range;

use crate::domain::diagnostic::{Diagnostic, FileNo};
use crate::manifest::shown::shown;
use crate::manifest::toml::walk::place;

/// Turns an error of the parser into a complaint.
pub(super) fn complaint(file: FileNo, text: &str, error: &toml::de::Error) -> Diagnostic {
    let span = error.span().unwrap_or(text.len()..text.len());
    let (message, expected) = match error.message().split_once(", expected ") {
        Some((message, expected)) => (message.trim(), Some(expected.trim())),
        None => (error.message().trim(), None),
    };
    if let Some((message, help, span)) = plain(text, message, expected, &span) {
        return Diagnostic::error("toml-syntax", message)
            .at(place(file, &span))
            .help(help);
    }
    let complaint = Diagnostic::error("toml-syntax", message).at(place(file, &span));
    match expected {
        Some(expected) => complaint.expected(expected),
        None => complaint,
    }
}

/// Says the usual mistakes in plain words, with what to do and where.
fn plain(
    text: &str,
    message: &str,
    expected: Option<&str>,
    span: &Range<usize>,
) -> Option<(String, String, Range<usize>)> {
    let told = |message: &str, help: &str, span: &Range<usize>| {
        Some((message.to_owned(), help.to_owned(), span.clone()))
    };
    if message == "duplicate key" {
        let key = text.get(span.clone()).unwrap_or_default();
        let message = format!("{} is written twice", shown(key));
        return told(&message, "take one of the two out", span);
    }
    if message.contains("string") && matches!(expected, Some("`\"`" | "`'`" | "'`'")) {
        return told(
            "a quote is opened on this line and not closed",
            "close the text with the quote that opened it",
            span,
        );
    }
    match message {
        "unclosed array table" => return told("`[[` is not closed", "write `]]`", span),
        "unclosed table" | "unclosed array" => {
            return told("`[` is not closed", "write `]`", span);
        }
        "unclosed inline table" => return told("`{` is not closed", "write `}`", span),
        "key with no value" => {
            return told(
                "this line gives no value",
                "write it as `key = \"value\"`, or begin it with `#` if it is a remark",
                span,
            );
        }
        _ => {}
    }
    let value = unquoted(text, span.start)?;
    let word = text.get(value.clone())?;
    if word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = word.trim_start_matches('0');
        return Some((
            format!("the number `{word}` begins with a zero"),
            format!("write `{number}`, or `\"{word}\"` where the zero matters, as in an id"),
            value,
        ));
    }
    Some((
        format!("{} is neither a number nor text in quotes", shown(word)),
        format!("put text in quotes: `\"{word}\"`"),
        value,
    ))
}

/// Finds the bare value that an error lies in: what follows `=`, `[` or `,` up to the next break.
fn unquoted(text: &str, at: usize) -> Option<Range<usize>> {
    let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}' | '#' | '"' | '\'');
    let before = text.get(..at)?;
    let begins = |c: char| ends(c) || matches!(c, '=' | '[' | '{');
    let start = before.rfind(begins).map_or(0, |found| {
        found + before[found..].chars().next().map_or(1, char::len_utf8)
    });
    let lead = before[..start].trim_end_matches([' ', '\t']);
    if !lead.ends_with(['=', '[', ',']) || lead.ends_with("[[") {
        return None;
    }
    // A header `[name]` follows a line end, a list follows `=`.
    let line = &lead[lead.rfind('\n').map_or(0, |found| found + 1)..];
    if !line.contains('=') && line.trim_start().starts_with('[') {
        return None;
    }
    let rest = &text[start..];
    let breaks = |c: char| ends(c) && c != ' ';
    let words = rest[..rest.find(breaks).unwrap_or(rest.len())].trim_end();
    let word = words.split(' ').next().unwrap_or_default();
    let fits = word
        .chars()
        .all(|c| c.is_alphanumeric() || ":.-_/+%".contains(c));
    (!word.is_empty() && fits).then_some(start..start + words.len())
}

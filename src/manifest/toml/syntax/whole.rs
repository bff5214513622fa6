//! What is wrong with a text as a whole, rather than with a line of it.

use std::ops::Range;

use crate::manifest::table::is_header;
use crate::manifest::toml::syntax::Mistake;
use crate::manifest::toml::syntax::line::first_line;

/// How the lines of a merge that was not finished begin.
const MERGE: [&str; 3] = ["<<<<<<< ", "=======", ">>>>>>> "];

/// Finds out that a text is no manifest at all, or two of them.
pub(super) fn mistakes(text: &str) -> Option<Vec<Mistake>> {
    let first = first_line(text);
    let begin = &text[first.clone()];
    let lower = begin.to_ascii_lowercase();
    if ["<!doctype", "<html", "<?xml", "<head"]
        .iter()
        .any(|tag| lower.starts_with(tag))
    {
        let help = "download the manifest again; a page in its place often asks for a sign-in";
        return Some(vec![Mistake::new(
            "this is a web page, not a manifest",
            help,
            first,
        )]);
    }
    if begin.starts_with('{') {
        let help = "write it as TOML: a heading `[[shots]]` for each shot, and below it lines such \
                    as `prompt = \"the ferry leaves\"`";
        return Some(vec![Mistake::new(
            "this is JSON, and manifests are TOML",
            help,
            first,
        )]);
    }
    let cells = begin.split([',', ';', '\t']);
    if !begin.contains(['=', '['])
        && begin.contains([',', ';', '\t'])
        && cells.clone().any(is_header)
    {
        let help = "give the file a name that ends in `.csv`";
        return Some(vec![Mistake::new(
            "this is a shot list, not a manifest",
            help,
            first,
        )]);
    }
    merge(text)
}

/// Finds two versions of a file side by side, as version control leaves them.
fn merge(text: &str) -> Option<Vec<Mistake>> {
    let mut at = 0;
    let mut mistakes = Vec::new();
    let mut seen = [false; 3];
    for line in text.split_inclusive('\n') {
        for (seen, mark) in seen.iter_mut().zip(MERGE) {
            *seen |= line.starts_with(mark);
        }
        if line.starts_with(MERGE[0]) {
            let help = "keep one of the two and take out the lines that begin with `<<<<<<<`, \
                        `=======` and `>>>>>>>`";
            let message = "two versions of the file stand here one below the other";
            let end = at + line.trim_end().len();
            mistakes.push(Mistake::new(message, help, at..end));
        }
        at += line.len();
    }
    (seen == [true; 3]).then_some(mistakes)
}

/// Finds the bracket or brace of a value that is still open at the end of the text.
pub(super) fn unclosed(text: &str) -> Option<Range<usize>> {
    let mut open: Vec<(usize, u8)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let is_heading = open.is_empty() && line.trim_start().starts_with('[');
        if !is_heading {
            let value = if open.is_empty() {
                line.find('=').map_or(line.len(), |found| found + 1)
            } else {
                0
            };
            brackets(&line[value..], at + value, &mut open);
        }
        at += line.len();
    }
    open.first().map(|(at, _)| *at..at + 1)
}

/// Follows the brackets of a line, texts in quotes and remarks aside.
fn brackets(line: &str, from: usize, open: &mut Vec<(usize, u8)>) {
    let mut quote = None;
    let mut escaped = false;
    for (at, byte) in line.bytes().enumerate() {
        match (quote, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(b'"'), b'\\') => escaped = true,
            (Some(opened), byte) if opened == byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'#') => return,
            (None, b'[' | b'{') => open.push((from + at, byte)),
            (None, b']' | b'}') => {
                open.pop();
            }
            _ => {}
        }
    }
}

/// Tells of a bracket or brace that nothing closes.
pub(super) fn open(text: &str, at: Range<usize>) -> Mistake {
    let (opened, closing, what) = if text[at.clone()].starts_with('{') {
        ('{', '}', "what is grouped")
    } else {
        ('[', ']', "the list")
    };
    let message = format!("the `{opened}` that is opened here is not closed");
    let help = format!("write `{closing}` where {what} ends");
    Mistake::new(message, help, at)
}

//! What people usually get wrong on a line.

use std::ops::Range;

use crate::manifest::shown::shown;
use crate::manifest::toml::syntax::Mistake;
use crate::manifest::toml::syntax::value;

/// What a line ought to look like.
const LIKE: &str = "compare it with a line such as `title = \"A Grey Morning\"`";

/// Quotes that word processors and chats put in.
pub(super) const CURLY: [char; 8] = ['“', '”', '„', '‟', '‘', '’', '«', '»'];

/// A line of a text.
pub(super) struct Line<'t> {
    pub(super) all: &'t str,
    /// Its bytes in the whole text, without space around it and the line end.
    pub(super) range: Range<usize>,
    /// What it says.
    pub(super) text: &'t str,
}

/// Finds the first line that says something.
pub(super) fn first_line(text: &str) -> Range<usize> {
    let start = text.len() - text.trim_start().len();
    let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    start..start + text[start..end].trim_end().len()
}

impl<'t> Line<'t> {
    pub(super) fn of(all: &'t str, range: Range<usize>) -> Self {
        let raw = all.get(range.clone()).unwrap_or_default();
        let text = raw.trim_matches([' ', '\t', '\r', '\n']);
        let start = range.start + raw.find(text).unwrap_or_default();
        Self {
            all,
            range: start..start + text.len(),
            text,
        }
    }

    pub(super) fn is_heading(&self) -> bool {
        self.text.starts_with('[')
    }

    /// Gives what stands before the first `=`, and what after it.
    pub(super) fn parts(&self) -> Option<(&'t str, &'t str)> {
        let (key, value) = self.text.split_once('=')?;
        Some((key.trim(), value.trim()))
    }

    /// Gives the bytes of what stands after the first `=`.
    pub(super) fn value(&self) -> Range<usize> {
        let value = self.parts().map_or("", |(_, value)| value);
        self.range.end - value.len()..self.range.end
    }

    /// Gives the bytes of a part of the line.
    pub(super) fn part(&self, part: &str) -> Range<usize> {
        let at = self.text.find(part).unwrap_or_default();
        let start = self.range.start + at;
        start..start + part.len()
    }

    /// Tells whether its value is a text that is not closed.
    pub(super) fn has_open_text(&self) -> bool {
        let value = self.parts().map_or(self.text, |(_, value)| value);
        value.matches('"').count() % 2 == 1
    }

    /// Tells whether a text that began before it ends on it.
    pub(super) fn ends_text(&self) -> bool {
        self.text.matches('"').count() % 2 == 1
    }
}

/// Tells what is wrong with a line; `message` is the parser's, about a span of the text.
pub(super) fn mistake(line: &Line<'_>, message: &str, span: Range<usize>) -> Mistake {
    let unbroken = |c: &char| c.is_whitespace() && !c.is_ascii();
    if let Some(space) = line.text.chars().next().filter(unbroken) {
        let at = line.range.start..line.range.start + space.len_utf8();
        let message = "a space stands here that is no ordinary one";
        return Mistake::new(message, "delete it and type the line's beginning again", at);
    }
    if let Some(remark) = remark(line) {
        return remark;
    }
    if message.contains("duplicate key") {
        return twice(line, span);
    }
    if message.contains("recurs") {
        let message = "brackets stand within brackets, more than can be followed";
        return Mistake::new(message, "close the brackets that are opened", span);
    }
    if line.is_heading() {
        return heading(line);
    }
    match line.parts() {
        None => without_value(line),
        Some((key, value)) => {
            let colon = key
                .find([':', '"'])
                .filter(|at| key[*at..].starts_with(':'));
            if colon.is_some() {
                without_value(line)
            } else if let Some(mistake) = key_of(line, key, value) {
                mistake
            } else {
                value::mistake(line, key, value, message, span)
            }
        }
    }
}

fn remark(line: &Line<'_>) -> Option<Mistake> {
    let mark = ["//", "--", "/*", ";"]
        .into_iter()
        .find(|mark| line.text.starts_with(mark))?;
    let rest = line.text[mark.len()..].trim_end_matches("*/").trim();
    let at = line.part(mark);
    let message = format!("a remark does not begin with `{mark}`");
    Some(Mistake::new(message, format!("write `# {rest}`"), at))
}

/// Tells of a heading or a setting that stands twice, with where it stands first.
fn twice(line: &Line<'_>, span: Range<usize>) -> Mistake {
    let word = line.all.get(span.clone()).unwrap_or_default();
    let (told, help) = if line.is_heading() {
        let told = shown(line.text);
        let help = format!("put the lines of both under one {told}");
        (told, help)
    } else {
        (shown(word), "take one of the two out".to_owned())
    };
    let at = if line.is_heading() {
        line.range.clone()
    } else {
        span
    };
    let mut mistake = Mistake::new(format!("{told} is written twice"), help, at);
    mistake.other = former(line, word).map(|at| (at, "the first is here"));
    mistake
}

/// Finds an earlier line that begins as this one does.
fn former(line: &Line<'_>, word: &str) -> Option<Range<usize>> {
    let before = &line.all[..line.range.start];
    let section = if line.is_heading() {
        0
    } else {
        before.rfind("\n[").unwrap_or_default()
    };
    let mut at = section;
    let mut found = None;
    for other in before[section..].split_inclusive('\n') {
        let same = if line.is_heading() {
            other.trim() == line.text
        } else {
            other
                .split('=')
                .next()
                .is_some_and(|key| key.trim() == word)
        };
        if same && found.is_none() {
            let start = at + other.len() - other.trim_start().len();
            found = Some(start..start + word.len().max(1));
        }
        at += other.len();
    }
    found
}

/// Tells what is wrong with a heading.
fn heading(line: &Line<'_>) -> Mistake {
    let is_list = line.text.starts_with("[[");
    let (open, close) = if is_list { ("[[", "]]") } else { ("[", "]") };
    let inside = line.text.trim_start_matches('[');
    let Some((name, _)) = inside.split_once(']') else {
        let message = format!("the `{open}` of this heading is not closed");
        let help = format!("write `{open}{}{close}`", inside.trim());
        return Mistake::new(message, help, line.range.clone());
    };
    if is_list && !line.text.contains("]]") {
        let message = "the `[[` of this heading is not closed";
        return Mistake::new(message, format!("write `[[{name}]]`"), line.range.clone());
    }
    let Some((section, rest)) = name.split_once('.') else {
        let at = line.part(name);
        let message = format!("{} cannot be a heading", shown(name));
        return Mistake::new(message, "write one word, such as `[defaults]`", at);
    };
    let rest = rest.trim();
    let message = format!("{} cannot stand in a heading as it is", shown(rest));
    let help = if section.trim() == "sequences" {
        format!("put it in quotes: `{open}sequences.\"{rest}\"{close}`")
    } else {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let better: String = rest
            .chars()
            .map(|c| if fits(c) { c } else { '_' })
            .collect();
        format!("write `{open}{section}.{better}{close}`: letters, digits, `_` and `-` are allowed")
    };
    Mistake::new(message, help, line.part(rest))
}

/// Tells of a line without `=`.
fn without_value(line: &Line<'_>) -> Mistake {
    let text = line.text.trim_start_matches("- ");
    if let Some((key, value)) = text.split_once(':') {
        let (key, value) = (key.trim().trim_matches('"'), value.trim());
        let at = line.part(":");
        let message = "`:` stands where a manifest has `=`";
        let help = match value {
            "" if key == "shots" => "write `[[shots]]` above each shot".to_owned(),
            "" | "[" | "{" => format!("write a heading: `[{key}]`"),
            value => format!("write `{key} = {}`", value::quoted(value)),
        };
        return Mistake::new(message, help, at);
    }
    let mistake = |help: String| Mistake::new("this line has no `=`", help, line.range.clone());
    let word = text
        .find(['"', '\'', ' ', '“'])
        .map_or(text, |end| text[..end].trim_end());
    let rest = text[word.len()..].trim();
    if rest.starts_with(['"', '\'', '“']) && !word.is_empty() {
        return mistake(format!("write `{word} = {}`", value::quoted(rest)));
    }
    mistake("write it as `name = \"value\"`, or begin it with `#` if it is a remark".to_owned())
}

/// Tells what is wrong with what stands before the `=`.
fn key_of(line: &Line<'_>, key: &str, value: &str) -> Option<Mistake> {
    let at = || line.part(key);
    if key.is_empty() {
        let help = "write it as `name = \"value\"`";
        return Some(Mistake::new("nothing stands before the `=`", help, at()));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if key.starts_with(['"', '\'', '{', '[']) || key.chars().all(fits) {
        return None;
    }
    let better: String = key
        .chars()
        .filter(|c| !is_unseen(*c))
        .map(|c| if fits(c) { c } else { '_' })
        .collect();
    let better = better.trim_matches('_');
    let message = format!("{} cannot stand before a `=` as it is", shown(key));
    let help = if better.is_empty() || value.is_empty() {
        LIKE.to_owned()
    } else {
        format!("write `{better} = …`, or put the name in quotes")
    };
    Some(Mistake::new(message, help, at()))
}

/// Tells whether a character is not seen.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Tells of a line of which nothing better is known.
pub(super) fn unread(span: Range<usize>) -> Mistake {
    Mistake::new("this line cannot be read", LIKE, span)
}

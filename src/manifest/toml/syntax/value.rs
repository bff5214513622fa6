//! What people usually get wrong behind a `=`.

use std::ops::Range;

use crate::manifest::shown::shown;
use crate::manifest::toml::syntax::Mistake;
use crate::manifest::toml::syntax::line::{CURLY, Line, unread};

/// Puts a text in straight quotes, whatever quotes it has.
pub(super) fn quoted(text: &str) -> String {
    let text = text.trim().trim_end_matches(',');
    let bare = text.trim_matches(|c| CURLY.contains(&c) || c == '"' || c == '\'');
    format!("\"{bare}\"")
}

/// Tells what is wrong with a value; `message` is the parser's, about a span of the text.
pub(super) fn mistake(
    line: &Line<'_>,
    key: &str,
    value: &str,
    message: &str,
    span: Range<usize>,
) -> Mistake {
    let told = |message: &str, help: String, at: Range<usize>| Mistake::new(message, help, at);
    if value.is_empty() {
        let help = format!("write `{key} = \"…\"`, or take the line out");
        return told("nothing follows the `=`", help, span);
    }
    if let Some(curly) = value
        .find(CURLY)
        .filter(|at| !value[..*at].contains(['"', '\'']))
    {
        let better: String = value
            .chars()
            .map(|c| if CURLY.contains(&c) { '"' } else { c })
            .collect();
        let help = format!("write `{key} = {better}`, with straight quotes");
        let (at, width) = (line.value().start + curly, value[curly..].chars().next());
        let at = at..at + width.map_or(1, char::len_utf8);
        return told("curly quotes do not hold text together", help, at);
    }
    if message.contains("escape") {
        let better = value.replace("\\\\", "/").replace('\\', "/");
        let help = format!("write paths with `/`: `{better}`");
        return told("`\\` means something else in quotes", help, span);
    }
    if message.contains("comma") && value.contains(['[', '{']) {
        return told(
            "a comma is missing here",
            "separate values with `,`".to_owned(),
            span,
        );
    }
    if value.starts_with(['"', '\'']) {
        return text(line, key, value, message, span);
    }
    match unquoted(line, value, span.start) {
        Some(bare) => bare,
        None => unread(span),
    }
}

/// Tells what is wrong with a text in quotes.
fn text(line: &Line<'_>, key: &str, value: &str, message: &str, span: Range<usize>) -> Mistake {
    let opening = line.value().start;
    let quote = if value.starts_with('"') { '"' } else { '\'' };
    if let Some(three) = ["\"\"\"", "'''"]
        .into_iter()
        .find(|three| value.starts_with(three))
    {
        let help = format!("write `{three}` where the text ends");
        let message = format!("the `{three}` that is opened here is not closed");
        return Mistake::new(message, help, opening..opening + 3);
    }
    let inner = &value[1..];
    let Some(close) = inner.find(quote) else {
        let help = format!(
            "write `{key} = {}`; a text over several lines begins and ends with \
             `{quote}{quote}{quote}`",
            quoted(value)
        );
        let message = "the quote that is opened here is not closed on its line";
        return Mistake::new(message, help, opening..opening + 1);
    };
    if message.contains("string")
        && !message.contains("unexpected")
        && value.matches(quote).count() % 2 == 1
    {
        let message = "a quote of this line is not closed";
        let help = format!("close the text with `{quote}`");
        return Mistake::new(message, help, span);
    }
    let rest = inner[close + 1..].trim();
    let at =
        opening + close + 2 + (inner[close + 1..].len() - inner[close + 1..].trim_start().len());
    let at = at..at + rest.len().max(1);
    if rest == "," {
        return Mistake::new("a comma ends this line", "take the comma out", at);
    }
    let message = "text goes on behind the quote that ends it";
    let whole = value.trim_end_matches([',', ' ']);
    let help = if quote == '\'' {
        format!("put it between double quotes: `{key} = {}`", quoted(whole))
    } else if whole.contains('\'') || !whole.ends_with('"') || whole.len() < 2 {
        "write a quote within the text as `\\\"`".to_owned()
    } else {
        format!(
            "put the whole text between single quotes: `'{}'`",
            &whole[1..whole.len() - 1]
        )
    };
    Mistake::new(message, help, at)
}

/// Tells of a text or number that is not written as one.
fn unquoted(line: &Line<'_>, value: &str, at: usize) -> Option<Mistake> {
    let range = line.value();
    let is_group = value.starts_with(['[', '{']);
    let (word, range) = if is_group {
        let part = within(line, at)?;
        (line.all.get(part.clone())?, part)
    } else {
        let word = value.split(" #").next().unwrap_or(value).trim();
        (word, range.start..range.start + word.len())
    };
    let word_of = |word: &str| word.trim_end_matches(',').to_owned();
    let bare = word_of(word);
    let digits = bare.bytes().all(|byte| byte.is_ascii_digit());
    if digits && bare.len() > 1 && bare.starts_with('0') {
        let number = bare.trim_start_matches('0');
        let number = if number.is_empty() { "0" } else { number };
        return Some(Mistake::new(
            format!("the number `{bare}` begins with a zero"),
            format!("write `{number}`, or `\"{bare}\"` where the zero matters, as in an id"),
            range,
        ));
    }
    if digits && word.ends_with(',') {
        let at = range.end - 1..range.end;
        return Some(Mistake::new(
            "a comma ends this line",
            "take the comma out",
            at,
        ));
    }
    let lower = bare.to_ascii_lowercase();
    let help = if matches!(lower.as_str(), "true" | "false") {
        format!("write `{lower}`")
    } else if let Some((whole, cents)) = decimal_comma(&bare) {
        format!("write the amount with a point and in quotes: `\"{whole}.{cents}\"`")
    } else if let Some((number, _)) = bare.split_once(' ').filter(|(n, _)| is_number(n)) {
        format!("write the number alone, `{number}`, or put text in quotes: `\"{bare}\"`")
    } else {
        format!("put text in quotes: {}", shown(&quoted(&bare)))
    };
    let message = format!("{} is neither a number nor text in quotes", shown(&bare));
    Some(Mistake::new(message, help, range))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn decimal_comma(text: &str) -> Option<(&str, &str)> {
    let (whole, cents) = text.split_once(',')?;
    (is_number(whole) && is_number(cents)).then_some((whole, cents))
}

/// Finds the bare word of a list or group that a byte stands in.
fn within(line: &Line<'_>, at: usize) -> Option<Range<usize>> {
    let ends = |c: char| matches!(c, ',' | '[' | ']' | '{' | '}' | '=' | '"' | '\'');
    let before = line.all.get(line.range.start..at)?;
    let start = line.range.start + before.rfind(ends).map_or(0, |found| found + 1);
    let rest = line.all.get(start..line.range.end)?;
    let word = rest[..rest.find(ends).unwrap_or(rest.len())].trim();
    let start = start + rest.find(word)?;
    (!word.is_empty()).then_some(start..start + word.len())
}

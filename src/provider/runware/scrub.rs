//! Making the API's words fit to be shown.

use crate::domain::secret::ApiKey;

/// The longest message, in characters.
const LONGEST: usize = 500;

/// The longest code, in characters.
const LONGEST_CODE: usize = 80;

/// The length from which a word without a break is taken for image data, in bytes.
const IMAGE_DATA: usize = 160;

/// Takes secrets and image data out of what the API says.
#[derive(Clone, Debug)]
pub(super) struct Scrub {
    key: ApiKey,
}

impl Scrub {
    pub(super) fn new(key: ApiKey) -> Self {
        Self { key }
    }

    /// Gives a message without key, image data or the private parts of addresses, shortened.
    ///
    /// The vendor's own addresses keep their path, since they lead to documentation; of others the
    /// host is left, since a path or query may open a bucket or a webhook.
    pub(super) fn message(&self, text: &str) -> String {
        let text = text.replace(self.key.reveal(), "[key]");
        // Only the beginning is shown, so only the beginning is worked on.
        let text = beginning(&text, 64 * LONGEST);
        let mut shown = String::new();
        for word in text.split_inclusive(|c: char| c.is_whitespace() || QUOTES.contains(&c)) {
            shown.push_str(&scrubbed(word));
        }
        shorten(&shown, LONGEST)
    }

    /// Gives a code, shortened.
    pub(super) fn code(&self, text: &str) -> String {
        shorten(&self.message(text), LONGEST_CODE)
    }
}

const QUOTES: [char; 7] = ['"', '\'', '`', '<', '>', '(', ')'];

fn scrubbed(word: &str) -> String {
    let data = find_ascii(word, "data:");
    if let Some(at) = data.filter(|at| at + "data:".len() < word.trim_end().len()) {
        return format!("{}data:…{}", &word[..at], ending(word));
    }
    if let Some(at) = word.find("://") {
        return format!("{}://{}", &word[..at], address(&word[at + 3..]));
    }
    if word.len() >= IMAGE_DATA {
        return format!("…({} characters){}", word.chars().count(), ending(word));
    }
    word.to_owned()
}

/// Gives what a word was split at.
fn ending(word: &str) -> &str {
    let last = word.char_indices().next_back();
    match last {
        Some((at, c)) if c.is_whitespace() || QUOTES.contains(&c) => &word[at..],
        _ => "",
    }
}

fn address(rest: &str) -> String {
    let end = rest.len() - ending(rest).len();
    let (rest, ending) = rest.split_at(end);
    let host_end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(host_end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    let path_end = path.find(['?', '#']).unwrap_or(path.len());
    let path = if path.is_empty() {
        ""
    } else if host == "runware.ai" || host.ends_with(".runware.ai") {
        &path[..path_end]
    } else {
        "/…"
    };
    format!("{host}{path}{ending}")
}

fn find_ascii(text: &str, part: &str) -> Option<usize> {
    text.as_bytes()
        .windows(part.len())
        .position(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

fn beginning(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at));
    &text[..end.unwrap_or(0)]
}

fn shorten(text: &str, longest: usize) -> String {
    let text = text.trim();
    if text.char_indices().nth(longest).is_none() {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scrub() -> Scrub {
        Scrub::new(ApiKey::new("canary-key").expect("a key"))
    }

    #[test]
    fn secrets_do_not_come_through() {
        let cases = [
            ("key canary-key is wrong", "key [key] is wrong"),
            (
                "cannot PUT to https://u:p@bucket.example/a/b.jpg?X-Sig=canary now",
                "cannot PUT to https://bucket.example/… now",
            ),
            (
                "hook \"https://hooks.example?token=canary\", bad",
                "hook \"https://hooks.example/…\", bad",
            ),
            (
                "see https://runware.ai/docs/errors#x.",
                "see https://runware.ai/docs/errors",
            ),
            (
                "not an image: 'data:image/png;base64,iVBORw0KGgo=' given",
                "not an image: 'data:…' given",
            ),
        ];
        for (told, shown) in cases {
            assert_eq!(scrub().message(told), shown);
        }
        let long = format!("bad image {}", "A".repeat(4000));
        assert_eq!(scrub().message(&long), "bad image …(4000 characters)");
    }

    #[test]
    fn messages_are_short() {
        let told = "word ".repeat(1000);
        assert_eq!(scrub().message(&told).chars().count(), LONGEST);
        assert_eq!(scrub().code(&told).chars().count(), LONGEST_CODE);
    }

    proptest! {
        #[test]
        fn no_message_is_too_much(
            before in ".{0,200}",
            scheme in "https?://|data:|DATA:|ftp://|",
            after in ".{0,200}",
        ) {
            let told = format!("{before}{scheme}x.example/?s=canary-key{after}");
            let shown = scrub().message(&told);
            prop_assert!(shown.chars().count() <= LONGEST);
            prop_assert!(!shown.contains("canary-key"));
        }
    }
}

//! The fenced blocks of a page.

/// A fenced block.
#[derive(Clone, Debug)]
pub(super) struct Fence {
    /// The language, such as `toml`.
    pub(super) language: String,
    /// How it is to be read, such as `part` or `file=show.toml`; empty for the whole of something.
    pub(super) mark: String,
    /// What it holds.
    pub(super) text: String,
    /// The line it begins on.
    pub(super) line: usize,
}

impl Fence {
    /// Gives what follows `key=` in its mark.
    pub(super) fn marked(&self, key: &str) -> Option<&str> {
        self.mark.strip_prefix(key)?.strip_prefix('=')
    }
}

/// Gives the fenced blocks of a page in order.
pub(super) fn fences(page: &str) -> Vec<Fence> {
    let mut fences = Vec::new();
    let mut open: Option<Fence> = None;
    for (at, line) in page.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(said)) => {
                let (language, mark) = said.split_once(' ').unwrap_or((said, ""));
                open = Some(Fence {
                    language: language.to_owned(),
                    mark: mark.trim().to_owned(),
                    text: String::new(),
                    line: at + 1,
                });
            }
            (Some(_), Some(_)) => fences.extend(open.take()),
            (Some(fence), None) => {
                fence.text.push_str(line);
                fence.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    fences
}

/// Puts a text in place of what stands between two comments, if the page has them.
pub(super) fn between(page: &str, begin: &str, end: &str, text: &str) -> Option<String> {
    let (before, rest) = page.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n{text}{end}{after}"))
}

/// Puts a text into the fenced block that begins with a line.
pub(super) fn filled(page: &str, first: &str, text: &str) -> String {
    let begin = format!("```{first}\n");
    let (before, rest) = page.split_once(&begin).expect("the block");
    let end = if rest.starts_with("```") {
        0
    } else {
        rest.find("\n```").map_or(0, |at| at + 1)
    };
    format!("{before}{begin}{}\n{}", text.trim_end(), &rest[end..])
}

//! How text is laid out and painted.

/// How text is laid out and painted; the caller knows terminal, flags and environment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Whether words are coloured; they say everything without it.
    pub color: bool,
    /// How many columns there are; none where lines may be as long as they like.
    pub width: Option<usize>,
}

/// What a colour stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    Bad,
    Doubtful,
    Good,
    Heading,
}

impl Style {
    /// Paints harmless text.
    pub(super) fn paint(self, paint: Paint, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let code = match paint {
            Paint::Bad => "31",
            Paint::Doubtful => "33",
            Paint::Good => "32",
            Paint::Heading => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Counts in words: `1 take`, `2 takes`.
pub fn count(number: impl Into<u64>, noun: &str) -> String {
    let number = number.into();
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

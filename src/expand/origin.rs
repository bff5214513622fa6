//! A prompt as it is put together, every piece with where it came from.

use std::ops::Range;

use crate::domain::diagnostic::{Place, Placed, Sources};
use crate::expand::layers::ValueSource;

/// Who says a piece of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// The compiler's own words.
    Compiler,
    /// The marker of the reference with this index.
    Marker(usize),
    /// The shot's template, from this layer.
    Template(ValueSource<'a>),
    /// A var of this name, from this layer.
    Var(&'a str, ValueSource<'a>),
    /// The entry of the bible with this key; none stands for a reference of the shot's own.
    Entry(Option<&'a str>, Part),
}

/// What of an entry or reference a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// How it is called.
    Name,
    /// Its `text`.
    Text,
    /// Its `keep`.
    Keep,
    /// A reference's role.
    Role,
    /// A reference's `use`.
    Scope,
}

impl Part {
    /// Gives the manifest's key.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Text => "text",
            Self::Keep => "keep",
            Self::Role => "role",
            Self::Scope => "use",
        }
    }
}

impl Origin<'_> {
    /// Tells whether a person typed the piece into a prompt or var.
    #[must_use]
    pub const fn is_body(self) -> bool {
        matches!(self, Self::Template(_) | Self::Var(..))
    }

    /// Tells whether the compiler put the piece in.
    #[must_use]
    pub const fn is_compiled(self) -> bool {
        matches!(self, Self::Compiler | Self::Marker(_))
    }
}

/// Where a piece was cut from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct From<'a> {
    /// Who says it.
    pub origin: Origin<'a>,
    /// Where the whole value was written.
    pub place: Option<Place>,
    /// The byte of that value at which the piece begins.
    pub at: usize,
}

impl<'a> From<'a> {
    /// Begins at the start of a value.
    pub(crate) const fn start(origin: Origin<'a>, place: Option<Place>) -> Self {
        Self {
            origin,
            place,
            at: 0,
        }
    }

    const fn later(self, bytes: usize) -> Self {
        Self {
            at: self.at + bytes,
            ..self
        }
    }
}

/// A piece of a prompt; it begins where the one before it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The byte of the prompt after its last.
    pub end: usize,
    /// Where it was cut from.
    pub from: From<'a>,
}

/// A text and its segments, which cover all of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written<'a> {
    pub(crate) text: String,
    pub(crate) segments: Vec<Segment<'a>>,
}

impl<'a> Written<'a> {
    /// Begins a text with room for a usual prompt.
    pub(crate) fn roomy() -> Self {
        Self {
            text: String::with_capacity(1024),
            segments: Vec::with_capacity(64),
        }
    }

    /// Adds words of the compiler's own.
    pub(crate) fn own(&mut self, text: &str) {
        self.push(text, From::start(Origin::Compiler, None));
    }

    /// Adds a piece.
    pub(crate) fn push(&mut self, text: &str, from: From<'a>) {
        if text.is_empty() {
            return;
        }
        self.text.push_str(text);
        let end = self.text.len();
        match self.segments.last_mut() {
            Some(last) if from.origin == Origin::Compiler && last.from == from => last.end = end,
            _ => self.segments.push(Segment { end, from }),
        }
    }

    /// Adds a value that was written somewhere, its blanks at both ends left out.
    pub(crate) fn value(&mut self, value: &'a Placed<String>, origin: Origin<'a>) {
        let text = value.value.trim();
        let at = value.value.len() - value.value.trim_start().len();
        self.push(text, From::start(origin, value.place).later(at));
    }

    /// Adds another text with its segments, blanks at both ends left out.
    pub(crate) fn append_trimmed(&mut self, other: &Self) {
        let start = other.text.len() - other.text.trim_start().len();
        let end = start + other.text.trim().len();
        let mut from = 0;
        for segment in &other.segments {
            let range = from.max(start)..segment.end.min(end);
            if range.start < range.end {
                let cut = segment.from.later(range.start - from);
                self.push(&other.text[range], cut);
            }
            from = segment.end;
        }
    }

    /// Takes blanks off the end.
    pub(crate) fn trim_end(&mut self) {
        let end = self.text.trim_end().len();
        self.text.truncate(end);
        while let Some(last) = self.segments.pop() {
            let begins = self.segments.last().map_or(0, |before| before.end);
            if begins < end {
                self.segments.push(Segment { end, ..last });
                return;
            }
        }
    }

    /// Gives the segment that a byte belongs to, with where it begins.
    pub(crate) fn segment(&self, at: usize) -> Option<(usize, Segment<'a>)> {
        let index = self.segments.partition_point(|segment| segment.end <= at);
        let begins = index.checked_sub(1).map_or(0, |i| self.segments[i].end);
        self.segments.get(index).map(|segment| (begins, *segment))
    }

    /// Tells whether the byte belongs to something a person wrote.
    pub(crate) fn is_typed(&self, at: usize) -> bool {
        self.segment(at)
            .is_some_and(|(_, segment)| !segment.from.origin.is_compiled())
    }

    /// Gives where the text at these bytes was written, as closely as can be told.
    pub(crate) fn place(&self, range: &Range<usize>, sources: &Sources) -> Option<Place> {
        let (begins, segment) = self.segment(range.start)?;
        let end = range.end.min(segment.end);
        let from = segment.from.later(range.start - begins);
        pinpoint(&from, self.text.get(range.start..end)?, sources)
    }
}

/// Gives where a piece of a value was written; the whole value's place where its source spells it
/// otherwise, such as with escapes.
#[must_use]
pub fn pinpoint(from: &From<'_>, piece: &str, sources: &Sources) -> Option<Place> {
    let place = from.place?;
    let found = || {
        let text = &sources.get(place.file)?.text;
        let start = usize::try_from(place.start).ok()?;
        let written = text.get(start..usize::try_from(place.end).ok()?)?;
        let offset = u32::try_from(offset(written, from.at, piece)?).ok()?;
        let start = place.start.checked_add(offset)?;
        let end = start.checked_add(u32::try_from(piece.len()).ok()?)?;
        Some(Place {
            start,
            end,
            ..place
        })
    };
    Some(found().unwrap_or(place))
}

/// Finds a piece in a value as it is written: at its byte, after the opening quotes, else wherever
/// it stands first.
fn offset(written: &str, at: usize, piece: &str) -> Option<usize> {
    let quotes = written.len() - written.trim_start_matches(['"', '\'', '\r', '\n']).len();
    let exact = (0..=quotes.min(5)).map(|quotes| quotes + at);
    let mut exact = exact.filter(|&at| written.get(at..).is_some_and(|t| t.starts_with(piece)));
    exact.next_back().or_else(|| written.find(piece))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::diagnostic::FileNo;
    use proptest::prelude::*;

    fn typed(place: Option<Place>) -> From<'static> {
        From::start(Origin::Template(ValueSource::Shot), place)
    }

    fn spelled(written: &Written<'_>) -> String {
        let mut from = 0;
        let mut all = String::new();
        for segment in &written.segments {
            assert!(from < segment.end, "an empty segment");
            all.push_str(&written.text[from..segment.end]);
            from = segment.end;
        }
        all
    }

    proptest! {
        #[test]
        fn segments_cover_the_text_whatever_is_cut_off(
            pieces in prop::collection::vec(("[ a-cé\n]{0,4}", any::<bool>()), 0..8),
        ) {
            let mut inner = Written::default();
            for (piece, own) in &pieces {
                if *own { inner.own(piece) } else { inner.push(piece, typed(None)) }
            }
            prop_assert_eq!(spelled(&inner), inner.text.clone());
            let mut outer = Written::default();
            outer.own("x ");
            outer.append_trimmed(&inner);
            prop_assert_eq!(&outer.text, &format!("x {}", inner.text.trim()));
            prop_assert_eq!(spelled(&outer), outer.text.clone());
            inner.trim_end();
            prop_assert_eq!(spelled(&inner), inner.text.clone());
        }
    }

    #[test]
    fn a_piece_is_found_where_it_was_written_even_if_it_stands_there_twice() {
        let mut sources = Sources::default();
        let text = "prompt = \"Mira and Mira\"";
        let file = sources.add("show.toml".to_owned(), text.to_owned());
        let place = Place {
            file,
            start: 9,
            end: 24,
            cell: None,
        };
        assert_eq!(file, FileNo(0));
        let from = typed(Some(place)).later(9);
        let found = pinpoint(&from, "Mira", &sources).expect("a place");
        assert_eq!((found.start, found.end), (19, 23));
        let escaped = pinpoint(&from, "a \u{e9}", &sources).expect("a place");
        assert_eq!(escaped, place);
    }
}

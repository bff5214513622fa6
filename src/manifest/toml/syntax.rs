//! Errors of TOML's grammar, in words for people who do not know it.
//!
//! The parser's own words are not used: a line that it cannot read is looked at again for what
//! people usually get wrong, and told once, however many errors the parser finds on it.

mod line;
mod value;
mod whole;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::domain::diagnostic::{Diagnostic, FileNo, Place};
use crate::domain::lines::Lines;
use crate::manifest::toml::walk::place;

/// What is wrong with the grammar of a text.
pub(super) struct Broken {
    /// What is told of it.
    pub(super) complaints: Vec<Diagnostic>,
    /// The bytes of which nothing else should be told: it would follow from the errors.
    pub(super) spoilt: Vec<Range<usize>>,
}

/// A mistake as it is told.
struct Mistake {
    message: String,
    help: String,
    /// The bytes of the text that are marked.
    at: Range<usize>,
    /// Another place of the text, with a word about it.
    other: Option<(Range<usize>, &'static str)>,
}

impl Mistake {
    fn new(message: impl Into<String>, help: impl Into<String>, at: Range<usize>) -> Self {
        Self {
            message: message.into(),
            help: help.into(),
            at,
            other: None,
        }
    }

    fn complaint(self, file: FileNo) -> Diagnostic {
        let complaint = Diagnostic::error("toml-syntax", self.message)
            .at(place(file, &self.at))
            .help(self.help);
        match self.other {
            Some((at, word)) => complaint.related(Some(place(file, &at)), word),
            None => complaint,
        }
    }
}

/// Explains the errors that the parser found in a text.
pub(super) fn explain(file: FileNo, text: &str, errors: &[toml::de::Error]) -> Broken {
    let end = text.len();
    if let Some(mistakes) = whole::mistakes(text) {
        return Broken {
            complaints: told(file, mistakes),
            spoilt: std::iter::once(0..end + 1).collect(),
        };
    }
    let lines = Lines::of(text);
    let open = whole::unclosed(text);
    let open_line = open.as_ref().map(|at| lines.line(at.start));
    let mut by_line: BTreeMap<usize, &toml::de::Error> = BTreeMap::new();
    for error in errors {
        let at = error.span().map_or(end, |span| span.start);
        by_line.entry(lines.line(at)).or_insert(error);
    }
    let mut mistakes = Vec::new();
    let mut spoilt = Vec::new();
    let mut goes_on = None;
    for (number, error) in by_line {
        if open_line.is_some_and(|open| number > open) {
            break;
        }
        let range = lines.range(number);
        let span = error.span().unwrap_or(end..end);
        let (message, line) = (error.message(), line::Line::of(text, range.clone()));
        spoilt.push(range.start..range.end + 1);
        if line.is_heading() {
            spoilt.push(range.start..next_heading(text, range.end));
        }
        // The rest of a text that goes on over a line end was told with its beginning.
        if goes_on == Some(number) && line.ends_text() {
            continue;
        }
        goes_on = (message.contains("string") && line.has_open_text()).then_some(number + 1);
        if open_line != Some(number) {
            mistakes.push(line::mistake(&line, message, span));
        }
    }
    if let Some(at) = open {
        spoilt.push(at.start..end + 1);
        mistakes.push(whole::open(text, at));
    }
    Broken {
        complaints: told(file, mistakes),
        spoilt,
    }
}

fn told(file: FileNo, mistakes: Vec<Mistake>) -> Vec<Diagnostic> {
    let mistakes = mistakes.into_iter();
    mistakes.map(|mistake| mistake.complaint(file)).collect()
}

/// Finds where the section that a byte stands in ends.
fn next_heading(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.match_indices('\n')
        .map(|(at, _)| from + at + 1)
        .find(|at| text[*at..].trim_start_matches([' ', '\t']).starts_with('['))
        .unwrap_or(text.len() + 1)
}

impl Broken {
    /// Tells whether a complaint stands where nothing else should be told.
    pub(super) fn covers(&self, file: FileNo, place: Option<Place>) -> bool {
        place.is_some_and(|place| {
            let start = usize::try_from(place.start).unwrap_or(usize::MAX);
            place.file == file && self.spoilt.iter().any(|range| range.contains(&start))
        })
    }
}

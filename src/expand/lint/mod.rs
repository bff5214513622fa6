//! Warnings about prompts: what looks like a slip but may be meant.
//!
//! They look at the compiled prompt, and only at what a person wrote in it.

mod marker;
mod names;
mod ratio;

use std::ops::Range;

use crate::domain::diagnostic::{Diagnostic, Place, Sources};
use crate::expand::bible::Bible;
use crate::expand::layers::Settings;
use crate::expand::origin::Written;
use crate::expand::prompt::Listed;

/// A compiled prompt with what was known when it was made.
pub(crate) struct Page<'p, 'a> {
    pub(crate) prompt: &'p Written<'a>,
    pub(crate) listed: &'p [Listed<'a, 'a>],
    /// How often each listed entry is named in braces.
    pub(crate) mentions: &'p [usize],
    pub(crate) bible: &'p Bible<'a>,
    pub(crate) settings: &'p Settings<'a>,
    pub(crate) sources: &'p Sources,
}

impl Page<'_, '_> {
    /// Gives every warning.
    pub(crate) fn lint(&self) -> Vec<Diagnostic> {
        let mut warnings = Vec::new();
        self.near_markers(&mut warnings);
        self.other_ratio(&mut warnings);
        self.names(&mut warnings);
        self.namesakes(&mut warnings);
        warnings
    }

    fn place(&self, range: &Range<usize>) -> Option<Place> {
        self.prompt.place(range, self.sources)
    }

    fn near_markers(&self, warnings: &mut Vec<Diagnostic>) {
        let text = &self.prompt.text;
        let style = *self.settings.ref_style.value;
        for range in marker::near(text, style) {
            if self.prompt.is_typed(range.start) {
                let place = self.place(&range);
                let syntax = *self.settings.prompt_syntax.value;
                warnings.push(marker::warning(&text[range], style, syntax).at(place));
            }
        }
    }

    fn other_ratio(&self, warnings: &mut Vec<Diagnostic>) {
        let found = ratio::named(&self.prompt.text);
        let mut typed = found.filter(|named| self.prompt.is_typed(named.range.start));
        let Some(first) = typed.next() else { return };
        if typed.any(|other| other.ratio != first.ratio) {
            return;
        }
        let (size, model) = (self.settings.size, self.settings.model);
        if let Some(warning) = ratio::warning(&first, &self.prompt.text, size, model) {
            warnings.push(warning.at(self.place(&first.range)));
        }
    }
}

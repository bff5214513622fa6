//! The braces of prompts: `{name}`, `{{` and `}}`.

/// A piece of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'t> {
    /// Text that stands for itself.
    Text(&'t str),
    /// A name in braces, without them.
    Name(&'t str),
}

/// Why a template cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw<'t> {
    /// `{` without its `}`; the text from there on.
    Unclosed(&'t str),
    /// `}` without a `{` before it.
    Unopened,
    /// Braces around what is no name, such as `{}` or `{a b}`; the text in them.
    NotAName(&'t str),
}

/// The pieces of a template, one after the other; after a flaw there are none.
#[derive(Clone, Debug)]
pub(crate) struct Pieces<'t> {
    rest: &'t str,
    length: usize,
}

impl<'t> Pieces<'t> {
    pub(crate) const fn of(template: &'t str) -> Self {
        Self {
            rest: template,
            length: template.len(),
        }
    }

    /// Gives the byte of the template at which the next piece begins.
    pub(crate) const fn at(&self) -> usize {
        self.length - self.rest.len()
    }

    fn name(&mut self) -> Result<Piece<'t>, Flaw<'t>> {
        let (whole, inside) = (self.rest, &self.rest[1..]);
        self.rest = "";
        let Some(end) = inside
            .find(['}', '{'])
            .filter(|&end| inside[end..].starts_with('}'))
        else {
            return Err(Flaw::Unclosed(whole));
        };
        let name = &inside[..end];
        if !is_name(name) {
            return Err(Flaw::NotAName(name));
        }
        self.rest = &inside[end + 1..];
        Ok(Piece::Name(name))
    }
}

impl<'t> Iterator for Pieces<'t> {
    type Item = Result<Piece<'t>, Flaw<'t>>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest;
        let Some(brace) = text.find(['{', '}']) else {
            self.rest = "";
            return (!text.is_empty()).then_some(Ok(Piece::Text(text)));
        };
        let doubled = text[brace..].starts_with("{{") || text[brace..].starts_with("}}");
        if doubled {
            self.rest = &text[brace + 2..];
            return Some(Ok(Piece::Text(&text[..=brace])));
        }
        if brace > 0 {
            self.rest = &text[brace..];
            return Some(Ok(Piece::Text(&text[..brace])));
        }
        if text.starts_with('}') {
            self.rest = "";
            return Some(Err(Flaw::Unopened));
        }
        Some(self.name())
    }
}

/// Tells whether braces around a text make it a name: letters, digits, `_`, `-`, and `.` within.
pub(crate) fn is_name(text: &str) -> bool {
    let known = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    !text.is_empty() && text.chars().all(known) && !text.starts_with('.') && !text.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(template: &str) -> Result<Vec<Piece<'_>>, Flaw<'_>> {
        Pieces::of(template).collect()
    }

    #[test]
    fn names_and_literal_braces_are_told_apart() {
        use Piece::{Name, Text};
        assert_eq!(
            pieces("a {mira.rain}{{x}} b"),
            Ok(vec![
                Text("a "),
                Name("mira.rain"),
                Text("{"),
                Text("x}"),
                Text(" b")
            ])
        );
        assert_eq!(pieces(""), Ok(vec![]));
    }

    #[test]
    fn flaws_are_named() {
        assert_eq!(pieces("a {b"), Err(Flaw::Unclosed("{b")));
        assert_eq!(pieces("{a {b}"), Err(Flaw::Unclosed("{a {b}")));
        assert_eq!(pieces("a } b"), Err(Flaw::Unopened));
        assert_eq!(pieces("{}"), Err(Flaw::NotAName("")));
        assert_eq!(pieces("{a b}"), Err(Flaw::NotAName("a b")));
        assert_eq!(pieces("{\"k\": 1}"), Err(Flaw::NotAName("\"k\": 1")));
    }

    proptest! {
        #[test]
        fn any_text_is_answered_and_doubled_braces_give_it_back(text in ".{0,30}") {
            let _pieces = pieces(&text);
            let doubled = text.replace('{', "{{").replace('}', "}}");
            let back: String = pieces(&doubled)
                .expect("no flaw")
                .into_iter()
                .map(|piece| match piece { Piece::Text(text) | Piece::Name(text) => text })
                .collect();
            prop_assert_eq!(back, text);
        }
    }
}

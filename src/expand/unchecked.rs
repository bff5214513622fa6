//! The last checks of a compiled prompt: its length, and markers that somebody typed.

use crate::domain::diagnostic::{Diagnostic, Place, Sources};
use crate::expand::layers::{Sourced, ValueSource};
use crate::expand::numbered::References;
use crate::expand::origin::Written;
use crate::expand::profile::ModelProfile;
use crate::expand::prompt::Body;
use crate::manifest::model::Shot;
use crate::manifest::settings::{PromptSyntax, RefStyle};
use crate::manifest::shown::shown;

/// A compiled prompt, not yet checked.
pub(crate) struct Unchecked<'c, 'a> {
    pub(crate) prompt: &'c Written<'a>,
    pub(crate) body: &'c Body<'a>,
    pub(crate) template: Sourced<'a, String>,
    pub(crate) shot: &'c Shot,
    pub(crate) syntax: PromptSyntax,
}

impl Unchecked<'_, '_> {
    /// Gives the prompt's length in characters, and warnings.
    ///
    /// # Errors
    /// Complains of a length the model does not take, and of markers without their reference.
    pub(crate) fn check(
        &self,
        references: &References<'_>,
        model: &ModelProfile,
        sources: &Sources,
    ) -> Result<(usize, Vec<Diagnostic>), Vec<Diagnostic>> {
        let mut complaints = Vec::new();
        let chars = self.prompt.text.chars().count();
        complaints.extend(self.length(chars, model));
        let count = references.sent.len();
        let typed: Vec<Marker<'_>> = markers(&self.prompt.text, references.style)
            .filter(|marker| self.prompt.is_typed(marker.at))
            .collect();
        let place = |marker: &Marker<'_>| {
            let range = marker.at..marker.at + marker.text.len();
            self.prompt.place(&range, sources)
        };
        for marker in typed
            .iter()
            .filter(|marker| !(1..=count).contains(&marker.number))
        {
            let Marker { text, number, .. } = marker;
            let message = format!(
                "{} is typed in the prompt, but no reference has number {number}",
                shown(text)
            );
            complaints.push(
                Diagnostic::error("marker-without-reference", message)
                    .at(place(marker))
                    .of_shot(&self.shot.id.value)
                    .expected(format!(
                        "{count}/{} references in this shot",
                        model.references
                    ))
                    .help("name a character or add a reference; markers are put in for you"),
            );
        }
        if !complaints.is_empty() {
            return Err(complaints);
        }
        let (expected, help) = match self.syntax {
            PromptSyntax::Template => (
                "names in braces; numbers change when references are added",
                "name the entry, such as `{mira}`, and its marker is put in",
            ),
            PromptSyntax::Plain => (
                "a number that is right; numbers change when references are added",
                "compare it with what `reshoot explain` shows, or take `prompt_syntax` out to name \
                 entries in braces",
            ),
        };
        let warning = typed.last().map(|marker| {
            Diagnostic::warning("typed-marker", "a marker is typed in the prompt")
                .at(place(marker))
                .of_shot(&self.shot.id.value)
                .expected(expected)
                .help(help)
        });
        Ok((chars, warning.into_iter().collect()))
    }

    /// Gives the place to mend: the shot's own prompt or that of `--set`, or the shot that puts
    /// itself into a shared one.
    fn place(&self) -> Place {
        match self.template.source {
            ValueSource::Shot | ValueSource::Variant | ValueSource::Set => {
                self.template.place.unwrap_or(self.shot.place)
            }
            _ => self.shot.place,
        }
    }

    fn length(&self, chars: usize, model: &ModelProfile) -> Option<Diagnostic> {
        let (least, most) = model.prompt_chars;
        let help = if chars < least {
            "write what is to be seen, or set the shot's status to `omit`".to_owned()
        } else if chars > most {
            let own = self.body.written.text.trim().chars().count();
            let (over, others) = (chars - most, chars.saturating_sub(own));
            match others {
                0 => format!("shorten it by {over} characters"),
                others => format!(
                    "shorten it by {over} characters: {own} are the shot's own text, {others} are \
                     references and the bible's"
                ),
            }
        } else {
            return None;
        };
        let plural = if chars == 1 { "" } else { "s" };
        let message = format!("the prompt has {chars} character{plural} with all names put in");
        Some(
            Diagnostic::error("prompt-length", message)
                .at(self.place())
                .of_shot(&self.shot.id.value)
                .expected(format!(
                    "{least} to {most} ({}): {chars}/{most}",
                    model.name
                ))
                .help(help),
        )
    }
}

/// A marker found in a prompt, whoever put it in.
struct Marker<'p> {
    /// The byte at which it begins.
    at: usize,
    number: usize,
    text: &'p str,
}

/// Finds markers that the model could take for one: Kling's own, and those of the style in use.
///
/// `Image 1` is left to the lints: people write that of a series too.
fn markers(prompt: &str, style: RefStyle) -> impl Iterator<Item = Marker<'_>> {
    let at = (style == RefStyle::At).then(|| spelled(prompt, "@image_", ""));
    spelled(prompt, "<<<image_", ">>>").chain(at.into_iter().flatten())
}

fn spelled<'p>(
    prompt: &'p str,
    start: &'static str,
    end: &'static str,
) -> impl Iterator<Item = Marker<'p>> {
    let marker = move |at: usize| {
        let rest = &prompt[at + start.len()..];
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let number = rest[..digits].parse().ok()?;
        rest[digits..].starts_with(end).then(|| Marker {
            at,
            number,
            text: &prompt[at..at + start.len() + digits + end.len()],
        })
    };
    prompt
        .match_indices(start)
        .filter_map(move |(at, _)| marker(at))
}

//! Draws complaints for people, with the line they are about.

pub mod json;

mod excerpt;
mod fold;
#[cfg(test)]
mod lists;
mod position;
mod wrap;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::cli::render::excerpt::Excerpt;
use crate::cli::render::fold::{Folded, fold};
use crate::cli::render::position::Positions;
use crate::cli::render::wrap::wrap;
use crate::domain::diagnostic::{Diagnostic, Place, Severity, Sources};
use crate::domain::id::ShotId;
use crate::report::escape::shown;
use crate::report::skipped::Skipped;

/// The narrowest width that is drawn for, in columns.
const NARROWEST: usize = 40;

/// Draws every complaint in the order of files and places, and how many there are.
///
/// The last line tells that nothing was spent where there is an error; a caller that goes on all
/// the same, leaving shots out, draws [`complaints`] alone.
#[must_use]
pub fn render(sources: &Sources, diagnostics: &[Diagnostic], color: bool, width: usize) -> String {
    let mut drawn = complaints(sources, diagnostics, color, width);
    if let Some(closing) = closing(diagnostics) {
        drawn.push_str(&closing);
        drawn.push('\n');
    }
    drawn
}

/// Draws every complaint in the order of files and places, each followed by an empty line.
///
/// Those that are the same but for their place are drawn once, with the places of the others.
#[must_use]
pub fn complaints(
    sources: &Sources,
    diagnostics: &[Diagnostic],
    color: bool,
    width: usize,
) -> String {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|diagnostic| (diagnostic.place.is_some(), diagnostic.place));
    let mut pen = Pen {
        positions: Positions::of(sources),
        color,
        width: width.max(NARROWEST),
    };
    let mut drawn = String::new();
    for folded in fold(&sorted) {
        pen.draw(&folded, &mut drawn);
        drawn.push('\n');
    }
    drawn
}

/// Says of shots that are left out where and why: at the first error of each, or else the shot.
#[must_use]
pub fn skipped<'c>(
    sources: &Sources,
    shots: impl IntoIterator<Item = (Option<Place>, Option<ShotId>, Option<&'c Diagnostic>)>,
) -> Vec<Skipped> {
    let mut positions = Positions::of(sources);
    let mut skip =
        |(shot_place, shot, why): (Option<Place>, Option<ShotId>, Option<&Diagnostic>)| {
            let place = why.and_then(|why| why.place).or(shot_place);
            let source = place.and_then(|place| sources.get(place.file));
            Skipped {
                shot,
                at: place.map(|place| positions.of_place(place)),
                file: source.map(|source| source.path.clone()),
                line: place.and_then(|place| Some(positions.line_and_column(place)?.0)),
                code: why.map_or("", |why| why.code),
                message: why.map_or_else(String::new, |why| why.message.clone()),
            }
        };
    shots.into_iter().map(&mut skip).collect()
}

/// Gives a place as file and line, such as `bible/cast.toml:3`.
#[must_use]
pub fn file_and_line(sources: &Sources, place: Place) -> Option<String> {
    let source = sources.get(place.file)?;
    let (line, _) = Positions::of(sources).line_and_column(place)?;
    Some(format!("{}:{line}", source.path))
}

/// Counts the complaints, if any of them stops a purchase.
#[must_use]
pub fn closing(diagnostics: &[Diagnostic]) -> Option<String> {
    let count = |severity, one: &str| {
        let number = diagnostics
            .iter()
            .filter(|d| d.severity == severity)
            .count();
        let plural = if number == 1 { "" } else { "s" };
        (number > 0).then(|| format!("{number} {one}{plural}"))
    };
    let problems = count(Severity::Error, "problem")?;
    let warnings = count(Severity::Warning, "warning");
    let warnings = warnings.map_or_else(String::new, |warnings| format!(", {warnings}"));
    Some(format!(
        "{problems}{warnings}. Nothing was sent, nothing was spent."
    ))
}

struct Pen<'s> {
    positions: Positions<'s>,
    color: bool,
    width: usize,
}

impl Pen<'_> {
    fn draw(&mut self, folded: &Folded<'_>, drawn: &mut String) {
        let diagnostic = folded.first;
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let title = level
            .primary_title(shown(&diagnostic.message).into_owned())
            .id(diagnostic.code);
        let mut group = Group::with_title(title);
        let excerpt = diagnostic.place.and_then(|place| self.excerpt(place));
        if let Some(excerpt) = &excerpt {
            let annotation = AnnotationKind::Primary.span(excerpt.marked.clone());
            group = group.element(
                Snippet::source(excerpt.line.as_str())
                    .line_start(excerpt.number)
                    .annotation(annotation),
            );
        }
        let renderer = if self.color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let renderer = renderer
            .decor_style(DecorStyle::Ascii)
            .term_width(self.width * 2);
        let report = renderer.render(&[group]);
        let (head, body) = report.split_once('\n').unwrap_or((&report, ""));
        let gutter = excerpt.map_or(1, |excerpt| excerpt.number.to_string().len());
        drawn.push_str(head);
        drawn.push('\n');
        if let Some(origin) = self.origin(diagnostic) {
            let line = format!("{:gutter$}--> {origin}\n", "");
            drawn.push_str(&line);
        }
        if !body.is_empty() {
            drawn.push_str(body);
            drawn.push('\n');
        }
        self.footer(folded, gutter, drawn);
    }

    /// Writes what was expected, the other places, and what to do.
    fn footer(&mut self, folded: &Folded<'_>, gutter: usize, drawn: &mut String) {
        let diagnostic = folded.first;
        let expected = diagnostic.expected.iter();
        let mut lines: Vec<String> = expected.map(|line| format!("expected {line}")).collect();
        lines.extend(diagnostic.facts.iter().cloned());
        for (place, word) in &diagnostic.related {
            let at = self.positions.of_place(*place);
            lines.push(format!("{word}: {at}"));
        }
        lines.extend(folded.told(&mut self.positions));
        for line in lines {
            let head = format!("{:gutter$} = ", "");
            drawn.push_str(&wrap(&head, &shown(&line), self.width));
        }
        if let Some(help) = &diagnostic.help {
            drawn.push_str(&wrap("help: ", &shown(help), self.width));
        }
    }

    /// Says where: file, line, column, cell, shot.
    fn origin(&mut self, diagnostic: &Diagnostic) -> Option<String> {
        let mut origin = match (diagnostic.place, &diagnostic.file) {
            (Some(place), _) => self.positions.of_place(place),
            (None, Some(file)) => shown(file).into_owned(),
            (None, None) => String::new(),
        };
        if let Some(shot) = &diagnostic.shot {
            if !origin.is_empty() {
                origin.push_str(", ");
            }
            origin.push_str("shot ");
            origin.push_str(&shown(shot.as_str()));
        }
        (!origin.is_empty()).then_some(origin)
    }

    fn excerpt(&mut self, place: Place) -> Option<Excerpt> {
        let line = self.positions.line_of(place)?;
        let room = self.width.saturating_sub(line.number.to_string().len() + 3);
        Some(Excerpt::cut(&line, room))
    }
}

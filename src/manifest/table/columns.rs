//! What the columns of a shot list mean.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::diagnostic::{Diagnostic, Place, Placed, column_name};
use crate::manifest::rules::check_name;
use crate::manifest::shown::{count, nearest, shown};

/// What a column means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// A column of the contract.
    Known(Known),
    /// A var of this name.
    Var(Arc<str>),
    /// An axis of the matrix of this name.
    Matrix(Arc<str>),
    /// Kept for reports, under its header.
    Kept(Arc<str>),
    /// Kept for reports, under its letter.
    Unnamed(Arc<str>),
}

macro_rules! known {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $(| $alias:literal)*,)+) => {
        /// The columns that are known.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Known { $($(#[$doc])* $variant,)+ }

        impl Known {
            /// Every column by the name it is documented under.
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Gives the name it is documented under.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Finds the column of a plain header.
            fn find(plain: &str) -> Option<Self> {
                match plain {
                    $(_ if plain == plain_header($name) $(|| plain == $alias)* =>
                        Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

known! {
    /// The id.
    Id = "id" | "shotid" | "shotcode",
    /// The episode.
    Episode = "episode" | "ep",
    /// The sequence; a scene is one.
    Sequence = "sequence" | "seq" | "scene" | "sceneid",
    /// The name of the shot within its sequence.
    Name = "name" | "shot",
    /// The prompt.
    Prompt = "prompt",
    /// The var `action`.
    Action = "action" | "description",
    /// The characters.
    Characters = "characters" | "character",
    /// The location.
    Location = "location",
    /// The props.
    Props = "props" | "prop",
    /// The look.
    Look = "look",
    /// The preset.
    Preset = "preset",
    /// The references.
    References = "references" | "refs" | "reference" | "ref",
    /// The number of takes.
    Takes = "takes",
    /// The aspect ratio.
    AspectRatio = "aspect ratio" | "aspect",
    /// The status.
    Status = "status",
    /// The note.
    Note = "note" | "notes",
}

/// A header without what may differ: case, spaces, `_` and `-`.
pub(super) fn plain_header(header: &str) -> String {
    header
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-' | '\u{feff}'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Tells whether a header is a column of the contract.
pub(in crate::manifest) fn is_known(header: &str) -> bool {
    let plain = plain_header(header);
    Known::find(&plain).is_some() || plain.starts_with("var:") || plain.starts_with("matrix:")
}

/// `[columns]`, and which of its lines some list made use of.
#[derive(Debug, Default)]
pub(in crate::manifest) struct Mapping {
    lines: Vec<(Placed<String>, Placed<String>)>,
    used: BTreeSet<usize>,
}

impl Mapping {
    /// Takes the lines of `[columns]`.
    pub(in crate::manifest) const fn new(lines: Vec<(Placed<String>, Placed<String>)>) -> Self {
        Self {
            lines,
            used: BTreeSet::new(),
        }
    }

    /// Warns about the lines that fit no column of any list.
    pub(in crate::manifest) fn unused(&self) -> impl Iterator<Item = Diagnostic> {
        let lines = self.lines.iter().enumerate();
        let unused = lines.filter(|(at, _)| !self.used.contains(at));
        unused.map(|(_, (header, _))| {
            let message = format!("no shot list has a column {}", shown(&header.value));
            Diagnostic::warning("unused-column", message)
                .at(header.place)
                .help("write the header as the list has it, or take the line out")
        })
    }

    /// Finds what a header is mapped to; a line may be written either way round.
    fn find(&mut self, plain: &str, headers: &[String]) -> Option<&Placed<String>> {
        let at = self.lines.iter().position(|(header, target)| {
            let header = plain_header(&header.value);
            let target = plain_header(&target.value);
            header == plain || (target == plain && !headers.contains(&header))
        })?;
        self.used.insert(at);
        let (header, target) = &self.lines[at];
        Some(if plain_header(&header.value) == plain {
            target
        } else {
            header
        })
    }
}

/// Says what every column means; with an error among the complaints the list cannot be read.
pub(super) fn columns(
    headers: &[(String, Place)],
    mapping: &mut Mapping,
    complaints: &mut Vec<Diagnostic>,
) -> Vec<Column> {
    let plain: Vec<String> = headers.iter().map(|(h, _)| plain_header(h)).collect();
    let mut columns: Vec<Column> = Vec::with_capacity(headers.len());
    let mut unknown: Vec<(&str, Place)> = Vec::new();
    for (at, (header, place)) in headers.iter().enumerate() {
        let mapped = mapping.find(&plain[at], &plain).cloned();
        let column = match &mapped {
            Some(target) => Some(target_of(target, complaints)),
            None => meaning(header, &plain[at], *place, complaints),
        };
        let column = column.unwrap_or_else(|| kept(header, at));
        let exact = mapped.is_some() || exactly(&column, &plain[at]);
        let told = complaints.len();
        let column = settle(column, exact, at, headers, &plain, &mut columns, complaints);
        if let Column::Kept(_) = column
            && mapped.is_none()
            && complaints.len() == told
        {
            unknown.push((header, *place));
        }
        columns.push(column);
    }
    if columns.contains(&Column::Known(Known::Id)) {
        // With an id of its own a shot needs no name, so that this one is only told in reports.
        for (column, (header, _)) in columns.iter_mut().zip(headers) {
            if *column == Column::Known(Known::Name) {
                *column = Column::Kept(header.as_str().into());
            }
        }
    }
    complaints.extend(kept_warning(&unknown));
    columns
}

/// Gives the meaning of a header that nobody mapped.
fn meaning(
    header: &str,
    plain: &str,
    place: Place,
    complaints: &mut Vec<Diagnostic>,
) -> Option<Column> {
    for (prefix, make) in [
        ("var:", Column::Var as fn(Arc<str>) -> Column),
        ("matrix:", Column::Matrix),
    ] {
        if plain.starts_with(prefix) {
            let name = header.split_once(':').map_or("", |(_, name)| name.trim());
            named(name, Some(place), complaints);
            return Some(make(name.into()));
        }
    }
    Known::find(plain).map(Column::Known)
}

/// Gives the meaning that a line of `[columns]` asks for.
fn target_of(target: &Placed<String>, complaints: &mut Vec<Diagnostic>) -> Column {
    let plain = plain_header(&target.value);
    if let Some(known) = Known::find(&plain) {
        return Column::Known(known);
    }
    let (name, axis) = match target.value.split_once(':') {
        Some((_, name)) if plain.starts_with("var:") => (name.trim(), false),
        Some((_, name)) if plain.starts_with("matrix:") => (name.trim(), true),
        _ => (target.value.trim(), false),
    };
    named(name, target.place, complaints);
    let known = Known::ALL.iter().map(|known| known.name());
    if let Some(near) = nearest(name, known)
        && plain == plain_header(name)
    {
        let message = format!("{} becomes a var of that name", shown(name));
        let warning = Diagnostic::warning("near-column", message).at(target.place);
        complaints.push(warning.help(format!("is `{near}` meant?")));
    }
    if axis {
        Column::Matrix(name.into())
    } else {
        Column::Var(name.into())
    }
}

fn named(name: &str, place: Option<Place>, complaints: &mut Vec<Diagnostic>) {
    if let Err((message, help)) = check_name(name) {
        complaints.push(Diagnostic::error("bad-name", message).at(place).help(help));
    }
}

/// Tells whether a header is the documented name itself and no alias of it.
fn exactly(column: &Column, plain: &str) -> bool {
    match column {
        Column::Known(known) => plain_header(known.name()) == plain,
        Column::Var(_) | Column::Matrix(_) => true,
        Column::Kept(_) | Column::Unnamed(_) => false,
    }
}

/// Decides between two columns that mean the same: a documented name wins over an alias.
fn settle(
    column: Column,
    exact: bool,
    at: usize,
    headers: &[(String, Place)],
    plain: &[String],
    columns: &mut [Column],
    complaints: &mut Vec<Diagnostic>,
) -> Column {
    let Some(former) = columns.iter().position(|other| *other == column) else {
        return column;
    };
    if let Column::Kept(_) | Column::Unnamed(_) = column {
        return column;
    }
    let former_exact = exactly(&column, &plain[former]);
    if former_exact && !exact {
        return Column::Kept(headers[at].0.as_str().into());
    }
    if exact && !former_exact {
        columns[former] = Column::Kept(headers[former].0.as_str().into());
        return column;
    }
    let message = format!(
        "the columns {} and {} mean the same",
        shown(&headers[former].0),
        shown(&headers[at].0)
    );
    complaints.push(
        Diagnostic::error("duplicate-column", message)
            .at(headers[at].1)
            .help("rename one of the two")
            .related(Some(headers[former].1), "the other one"),
    );
    Column::Kept(headers[at].0.as_str().into())
}

fn kept(header: &str, at: usize) -> Column {
    if header.is_empty() {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        Column::Unnamed(format!("column {}", column_name(at)).into())
    } else {
        Column::Kept(header.into())
    }
}

fn kept_warning(unknown: &[(&str, Place)]) -> Option<Diagnostic> {
    let (first, place) = unknown.first()?;
    let names: Vec<String> = unknown.iter().map(|(header, _)| shown(header)).collect();
    let message = format!(
        "{} kept for reports and not used in prompts: {}",
        count(unknown.len(), "column").replace("column", "other column"),
        names.join(", ")
    );
    let warning = Diagnostic::warning("unknown-columns", message).at(*place);
    let names = || Known::ALL.iter().map(|known| known.name());
    // A header whose meaning another column took over is not misspelt.
    let near = unknown
        .iter()
        .filter(|(header, _)| !is_known(header))
        .find_map(|(header, _)| Some((header, nearest(header, names())?)));
    Some(match near {
        Some((header, near)) => warning.help(format!("is {} meant to be `{near}`?", shown(header))),
        None => warning.help(format!(
            "to use one in prompts, map it under `[columns]` of the manifest, or of a `show.toml` \
             beside the list: `\"{}\" = \"{}\"`",
            first,
            suggestion(first)
        )),
    })
}

/// Makes the name of a var out of a header.
fn suggestion(header: &str) -> String {
    let name: String = header
        .trim()
        .to_lowercase()
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '_' })
        .collect();
    name.trim_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_match_without_what_may_differ() {
        for header in ["Aspect Ratio", "aspect_ratio", "ASPECT-RATIO", "aspect"] {
            assert_eq!(Known::find(&plain_header(header)), Some(Known::AspectRatio));
        }
        assert_eq!(Known::find(&plain_header("Shot Code")), Some(Known::Id));
        assert_eq!(Known::find(&plain_header("Shot Size")), None);
    }
}

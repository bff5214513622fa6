//! `[columns]` and `[statuses]`: what a manifest says about the headers and words of its lists.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::diagnostic::{Diagnostic, Placed};
use crate::manifest::model::Status;
use crate::manifest::shown::{any_of, nearest, shown};
use crate::manifest::table::aliases::plain_header;

/// What a header is mapped to when it is to mean nothing.
const NOTHING: &[&str] = &["-", "ignore"];

/// `[columns]`, which of its lines some list made use of, and `[statuses]`.
#[derive(Debug, Default)]
pub(in crate::manifest) struct Mapping {
    lines: Vec<Line>,
    used: BTreeSet<usize>,
    statuses: Arc<Statuses>,
}

/// The words of a studio's own that `[statuses]` translates, in lower case.
pub(in crate::manifest) type Statuses = BTreeMap<String, Status>;

#[derive(Debug)]
struct Line {
    key: Placed<String>,
    value: Placed<String>,
    plain_key: String,
    plain_value: String,
}

/// What a line says of a header.
#[derive(Clone, Debug)]
pub(super) enum Said {
    /// It means this.
    Means(Placed<String>),
    /// It means nothing and is not worth a warning.
    Nothing,
}

impl Mapping {
    /// Takes the lines of `[columns]` and `[statuses]`, and complains about those that contradict
    /// each other or say nothing.
    pub(in crate::manifest) fn new(
        columns: Vec<(Placed<String>, Placed<String>)>,
        statuses: Vec<(Placed<String>, Placed<String>)>,
        complaints: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut mapping = Self {
            statuses: read_statuses(statuses, complaints).into(),
            ..Self::default()
        };
        for (key, value) in columns {
            let plain_key = plain_header(&key.value);
            let plain_value = plain_header(&value.value);
            if let Some(former) = mapping
                .lines
                .iter()
                .find(|line| line.plain_key == plain_key)
            {
                let message = format!("{} is mapped twice", shown(&key.value));
                complaints.push(
                    Diagnostic::error("mapped-twice", message)
                        .at(key.place)
                        .help("headers match without case, spaces, `_` and `-`; take one line out")
                        .related(former.key.place, "the other line"),
                );
                continue;
            }
            mapping.lines.push(Line {
                key,
                value,
                plain_key,
                plain_value,
            });
        }
        mapping
    }

    /// Gives what `[statuses]` says.
    pub(super) fn statuses(&self) -> Arc<Statuses> {
        Arc::clone(&self.statuses)
    }

    /// Tells whether a line speaks of a plain header, either way round.
    pub(super) fn speaks_of(&self, plain: &str) -> bool {
        let speaks = |line: &Line| line.plain_key == plain || line.plain_value == plain;
        !plain.is_empty() && self.lines.iter().any(speaks)
    }

    /// Warns about the lines that fit no column of any list.
    pub(in crate::manifest) fn unused(&self) -> impl Iterator<Item = Diagnostic> {
        let lines = self.lines.iter().enumerate();
        let unused = lines.filter(|(at, _)| !self.used.contains(at));
        unused.map(|(_, line)| {
            let message = format!("no shot list has a column {}", shown(&line.key.value));
            Diagnostic::warning("unused-column", message)
                .at(line.key.place)
                .help("write the header as the list has it, or take the line out")
        })
    }

    /// Finds what a header is mapped to; a line may be written either way round.
    pub(super) fn find(&mut self, plain: &str, headers: &BTreeSet<&str>) -> Option<Said> {
        if plain.is_empty() {
            return None;
        }
        let forth = self.lines.iter().position(|line| line.plain_key == plain);
        let back = || {
            let fits = |line: &Line| {
                line.plain_value == plain && !headers.contains(line.plain_key.as_str())
            };
            self.lines.iter().position(fits)
        };
        let (at, is_forth) = match forth {
            Some(at) => (at, true),
            None => (back()?, false),
        };
        self.used.insert(at);
        let line = &self.lines[at];
        let said = if is_forth { &line.value } else { &line.key };
        let is_nothing = NOTHING.contains(&said.value.trim().to_lowercase().as_str());
        Some(if is_nothing {
            Said::Nothing
        } else {
            Said::Means(said.clone())
        })
    }
}

fn read_statuses(
    lines: Vec<(Placed<String>, Placed<String>)>,
    complaints: &mut Vec<Diagnostic>,
) -> Statuses {
    let mut statuses = Statuses::new();
    for (word, target) in lines {
        let Some(status) = Status::parse(target.value.trim()).filter(|_| !target.value.is_empty())
        else {
            let message = format!("{} is no status", shown(&target.value));
            let complaint = Diagnostic::error("bad-value", message)
                .at(target.place)
                .expected(any_of(Status::WORDS));
            let near = nearest(&target.value, Status::WORDS.iter().copied());
            complaints.push(match near {
                Some(near) => complaint.help(format!("write `\"{}\" = \"{near}\"`", word.value)),
                None => complaint,
            });
            continue;
        };
        statuses.insert(word.value.trim().to_lowercase(), status);
    }
    statuses
}

//! Complaints that are the same but for their place, told once.

use std::collections::HashMap;

use crate::cli::render::position::Positions;
use crate::domain::diagnostic::{Diagnostic, Place, Severity};

/// How many of the other places are named.
const NAMED: usize = 5;

/// A complaint, and the others that say the same of other places.
pub(super) struct Folded<'d> {
    /// The first.
    pub(super) first: &'d Diagnostic,
    /// Where the others are.
    others: Vec<Place>,
}

/// What two complaints that are the same have in common.
#[derive(PartialEq, Eq, Hash)]
struct Same<'d> {
    severity: Severity,
    code: &'static str,
    message: &'d str,
    expected: &'d [String],
    facts: &'d [String],
    help: Option<&'d str>,
    related: &'d [(Place, String)],
}

/// Puts complaints that are the same together, at the first of them.
pub(super) fn fold<'d>(sorted: &[&'d Diagnostic]) -> Vec<Folded<'d>> {
    let mut folded: Vec<Folded<'d>> = Vec::new();
    let mut met: HashMap<Same<'d>, usize> = HashMap::new();
    for diagnostic in sorted {
        let same = Same {
            severity: diagnostic.severity,
            code: diagnostic.code,
            message: &diagnostic.message,
            expected: &diagnostic.expected,
            facts: &diagnostic.facts,
            help: diagnostic.help.as_deref(),
            related: &diagnostic.related,
        };
        let former = met.get(&same).copied();
        let former = former.and_then(|at| folded.get_mut(at));
        if let (Some(former), Some(place)) = (former, diagnostic.place) {
            former.others.push(place);
            continue;
        }
        met.insert(same, folded.len());
        folded.push(Folded {
            first: diagnostic,
            others: Vec::new(),
        });
    }
    folded
}

impl Folded<'_> {
    /// Names the first of the other places.
    pub(super) fn told(&self, positions: &mut Positions<'_>) -> Option<String> {
        let more = self.others.len();
        let file = self.first.place.map(|place| place.file);
        let is_list = self.others.iter().all(|other| other.cell.is_some());
        let word = if is_list { "cell" } else { "place" };
        let named: Vec<String> = self
            .others
            .iter()
            .take(NAMED)
            .map(|other| match other.cell {
                Some(cell) if Some(other.file) == file => cell.address(),
                _ => positions.of_place(*other),
            })
            .collect();
        let plural = if more == 1 { "" } else { "s" };
        let dots = if more > NAMED { ", …" } else { "" };
        (more > 0).then(|| {
            let named = named.join(", ");
            format!("the same in {more} more {word}{plural}: {named}{dots}")
        })
    }
}

//! What is true of shots, and who says so: the status column or a decision.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::domain::id::{ShotId, Variant};
use crate::ledger::decision::{Decisions, Kind, Made, TakeAt, Verdict};
use crate::manifest::model::Status;
use crate::report::escape::{shortened, shown};
use crate::report::style::{Paint, Style};

/// How many shots are listed one by one.
const LISTED: usize = 40;
/// The longest note shown to people, in characters.
const NOTE: usize = 120;

/// What the manifest says of a shot's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What it says.
    pub says: Status,
    /// Where: file and line.
    pub at: String,
}

/// A shot of which column or decisions say something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided<'a> {
    /// The shot.
    pub shot: ShotId,
    /// What the manifest says; none where the shot is gone from it.
    pub column: Option<Column>,
    /// What is true.
    pub verdict: Verdict<'a>,
    /// The chosen take of each variant that has one.
    pub chosen: Vec<TakeAt>,
    /// Single takes on hold or omitted, each with the last word on it.
    pub marked: Vec<(TakeAt, &'a Made)>,
}

/// Shots, counted by what is true of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Approved.
    pub approved: usize,
    /// On hold, or waiting for approval.
    pub held: usize,
    /// Omitted.
    pub omitted: usize,
    /// Asked for again.
    pub retakes: usize,
    /// Of all these, by decision.
    pub by_decision: usize,
}

impl<'a> Decided<'a> {
    /// Finds what is true of a shot.
    #[must_use]
    pub fn of(decisions: &'a Decisions, shot: &ShotId, column: Option<Column>) -> Self {
        let says = column.as_ref().map_or(Status::Todo, |column| column.says);
        let made = decisions.on(shot);
        let named: BTreeSet<TakeAt> = made.iter().filter_map(|made| made.take).collect();
        let variants: BTreeSet<Variant> = named.iter().map(|at| at.variant).collect();
        let chosen = variants.iter().filter_map(|variant| {
            let (take, _) = decisions.chosen(shot, *variant)?;
            Some(TakeAt {
                variant: *variant,
                take,
            })
        });
        let marked = named.iter().filter_map(|at| {
            let last = made.iter().rev().find(|made| made.take == Some(*at))?;
            matches!(last.kind, Kind::Hold | Kind::Omit).then_some((*at, last))
        });
        Self {
            verdict: decisions.verdict(shot, says),
            chosen: chosen.collect(),
            marked: marked.collect(),
            shot: shot.clone(),
            column,
        }
    }

    /// Gives the word for what is true.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.verdict.decision {
            Some(made) if made.kind == Kind::Retake => made.kind.word(),
            _ => self.verdict.status.word(),
        }
    }

    /// Says what is true, and who says so.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = format!("{} ({})", self.word(), self.by());
        if let Some(column) = &self.column
            && self.verdict.decision.is_some()
            && column.says != Status::Todo
        {
            let says = column.says.word();
            let _written = write!(words, ", over the column's `{says}`");
        }
        if !self.chosen.is_empty() {
            let chosen = self.chosen.iter().map(|at| spell_take(*at));
            let _written = write!(words, "; chosen {}", chosen.collect::<Vec<_>>().join(", "));
        }
        words
    }

    fn by(&self) -> String {
        match (self.verdict.decision, &self.column) {
            (Some(made), Some(_)) => by(made),
            (Some(made), None) => format!("{}; gone from the manifest", by(made)),
            (None, Some(column)) => format!("status column of {}", shown(&column.at)),
            (None, None) => "gone from the manifest".to_owned(),
        }
    }
}

impl Counts {
    /// Counts.
    #[must_use]
    pub fn of(decided: &[Decided<'_>]) -> Self {
        let mut counts = Self::default();
        for one in decided.iter().filter(|one| one.column.is_some()) {
            let of_kind = match one.verdict.status {
                Status::Approved => &mut counts.approved,
                Status::Hold | Status::WaitingForApproval => &mut counts.held,
                Status::Omit => &mut counts.omitted,
                Status::Retake => &mut counts.retakes,
                Status::Todo if one.word() == Kind::Retake.word() => &mut counts.retakes,
                Status::Todo => continue,
            };
            *of_kind += 1;
            counts.by_decision += usize::from(one.verdict.decision.is_some());
        }
        counts
    }

    fn words(self) -> String {
        let Self {
            approved,
            held,
            omitted,
            retakes,
            by_decision,
        } = self;
        format!(
            "{approved} approved, {held} held, {omitted} omitted, {retakes} asked for again; of these \
             {by_decision} by decision"
        )
    }
}

/// Says who decided, when and why.
#[must_use]
pub fn by(made: &Made) -> String {
    let mut words = "decision".to_owned();
    if let Some(by) = &made.by {
        let _written = write!(words, " by {}", shortened(by, 40));
    }
    let _written = write!(words, ", {}", made.at.strftime("%Y-%m-%d"));
    if let Some(note) = &made.note {
        let _written = write!(words, ": \"{}\"", shortened(note, NOTE));
    }
    words
}

/// Spells a take as file names do: `v003`, and `02_v003` of a variant.
#[must_use]
pub fn spell_take(at: TakeAt) -> String {
    match at.variant.0 {
        0 => at.take.to_string(),
        _ => format!("{}_{}", at.variant, at.take),
    }
}

/// Tells of shots that are approved, held or omitted, or were decided on.
pub fn tell(decided: &[Decided<'_>], style: Style, out: &mut String) {
    if decided.is_empty() {
        return;
    }
    let head = style.paint(Paint::Heading, "Shots");
    let _written = writeln!(out, "{head}  {}", Counts::of(decided).words());
    for one in decided.iter().take(LISTED) {
        let shot = shown(one.shot.as_str());
        let _written = writeln!(out, "       {shot}  {}", one.words());
        for (at, made) in &one.marked {
            let (take, kind) = (spell_take(*at), made.kind.word());
            let _written = writeln!(out, "       {shot}@{take}  {kind} ({})", by(made));
        }
    }
    if decided.len() > LISTED {
        let more = decided.len() - LISTED;
        let _written = writeln!(out, "       and {more} more; --json lists them all");
    }
}

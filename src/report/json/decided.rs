//! How decisions are spelled.

use serde::Serialize;

use crate::ledger::decision::{Act, Made, Record, SetAside, Stamped, TakeAt};
use crate::report::decided::{Counts, Decided};
use crate::report::json::{FORMAT, text};

/// Spells what a command decided as one JSON object, and a newline.
#[must_use]
pub fn spell(records: &[Stamped], running: bool) -> String {
    text(&AppendedJson {
        format: FORMAT,
        decided: records.iter().filter_map(RecordJson::of).collect(),
        takes_effect: if running { "next-run" } else { "now" },
    })
}

#[derive(Serialize)]
struct AppendedJson<'a> {
    format: u32,
    decided: Vec<RecordJson<'a>>,
    /// `next-run` while a run is at work.
    takes_effect: &'static str,
}

#[derive(Serialize)]
struct RecordJson<'a> {
    seq: u64,
    at: String,
    kind: &'static str,
    shot: &'a str,
    #[serde(flatten)]
    take: Option<TakeJson>,
    note: Option<&'a str>,
    by: Option<&'a str>,
    column: Option<&'a str>,
    sets_aside: Option<Vec<AsideJson>>,
    undoes: Option<u64>,
}

impl<'a> RecordJson<'a> {
    fn of(stamped: &'a Stamped) -> Option<Self> {
        let Record::Decision(decision) = &stamped.record else {
            return None;
        };
        Some(Self {
            seq: stamped.seq,
            at: stamped.at.to_string(),
            kind: decision.act.word(),
            shot: decision.shot.as_str(),
            take: decision.take.map(TakeJson::of),
            note: decision.note.as_deref(),
            by: decision.by.as_deref(),
            column: decision.column.as_deref(),
            sets_aside: match &decision.act {
                Act::Retake(takes) => Some(takes.iter().map(AsideJson::of).collect()),
                _ => None,
            },
            undoes: match decision.act {
                Act::Undo(seq, _) => Some(seq),
                _ => None,
            },
        })
    }
}

#[derive(Serialize)]
struct TakeJson {
    variant: u32,
    take: u32,
}

impl TakeJson {
    const fn of(at: TakeAt) -> Self {
        Self {
            variant: at.variant.0,
            take: at.take.0,
        }
    }
}

#[derive(Serialize)]
struct AsideJson {
    #[serde(flatten)]
    at: TakeJson,
    task: String,
    index: u32,
}

impl AsideJson {
    fn of(aside: &SetAside) -> Self {
        Self {
            at: TakeJson::of(aside.at),
            task: aside.task.to_string(),
            index: aside.index,
        }
    }
}

/// A decision that stands.
#[derive(Serialize)]
struct MadeJson<'a> {
    kind: &'static str,
    at: String,
    by: Option<&'a str>,
    note: Option<&'a str>,
}

impl<'a> MadeJson<'a> {
    fn of(made: &'a Made) -> Self {
        Self {
            kind: made.kind.word(),
            at: made.at.to_string(),
            by: made.by.as_deref(),
            note: made.note.as_deref(),
        }
    }
}

/// What is true of a shot, and who says so.
#[derive(Serialize)]
pub struct DecidedJson<'a> {
    shot: &'a str,
    status: &'static str,
    /// `column` or `decision`.
    decided_by: &'static str,
    decision: Option<MadeJson<'a>>,
    column: Option<&'static str>,
    place: Option<&'a str>,
    chosen: Vec<TakeJson>,
    marked: Vec<MarkedJson<'a>>,
}

#[derive(Serialize)]
struct MarkedJson<'a> {
    #[serde(flatten)]
    at: TakeJson,
    #[serde(flatten)]
    made: MadeJson<'a>,
}

impl<'a> DecidedJson<'a> {
    /// Spells one shot.
    #[must_use]
    pub fn of(decided: &'a Decided<'a>) -> Self {
        let (column, made) = (decided.column.as_ref(), decided.verdict.decision);
        let marked = decided.marked.iter().map(|(at, made)| MarkedJson {
            at: TakeJson::of(*at),
            made: MadeJson::of(made),
        });
        Self {
            shot: decided.shot.as_str(),
            status: decided.word(),
            decided_by: if made.is_some() { "decision" } else { "column" },
            decision: made.map(MadeJson::of),
            column: column.map(|column| column.says.word()),
            place: column.map(|column| column.at.as_str()),
            chosen: decided.chosen.iter().copied().map(TakeJson::of).collect(),
            marked: marked.collect(),
        }
    }
}

/// Shots, counted by what is true of them.
#[derive(Serialize)]
pub(super) struct ShotCountsJson {
    approved: usize,
    held: usize,
    omitted: usize,
    retakes: usize,
    by_decision: usize,
}

impl From<Counts> for ShotCountsJson {
    fn from(counts: Counts) -> Self {
        let Counts {
            approved,
            held,
            omitted,
            retakes,
            by_decision,
        } = counts;
        Self {
            approved,
            held,
            omitted,
            retakes,
            by_decision,
        }
    }
}

//! The spelling of decisions as lines of `decisions.jsonl`.
//!
//! Lines are sealed and chained as those of the run log; the first one tells the format.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::domain::id::{ShotId, TakeNo, TaskId, Variant};
use crate::ledger::decision::{Act, Decision, FORMAT, Kind, Record, SetAside, Stamped, TakeAt};
use crate::ledger::json::wire::put_members;
use crate::ledger::json::word::Word;
use crate::ledger::json::{Head, LineError, encode_line, form, format_above, open_line};

/// Appends one record as a line and gives its checksum.
///
/// `previous` is the checksum of the line before, or 0 for the first line.
pub fn encode(head: Head, record: &Record, previous: u32, out: &mut Vec<u8>) -> u32 {
    let format = (head.seq == 1).then_some(FORMAT);
    let (kind, decision) = match record {
        Record::Decision(decision) => (decision.act.word(), Some(&**decision)),
        Record::Other(kind) => (kind.as_str(), None),
    };
    let put_fields = |out: &mut Vec<u8>| match (decision, format) {
        (Some(decision), format) => put_members(&DecisionLine::of(decision, format), out),
        (None, Some(format)) => put_members(&FormatLine { format }, out),
        (None, None) => {}
    };
    encode_line(head, kind, put_fields, previous, out)
}

/// Reads one line, with or without its newline, and gives its checksum.
///
/// Fields that are not known are passed over; a kind that is not known becomes [`Record::Other`].
///
/// # Errors
/// Tells why the line is not a sound record that follows the one of checksum `previous`.
pub fn decode(line: &[u8], previous: u32) -> Result<(Stamped, u32), LineError> {
    let opened = open_line(line, previous)?;
    if opened.head.seq == 1 {
        let _told: FormatLine = serde_json::from_slice(opened.line).map_err(form)?;
    }
    let kind = &*opened.kind;
    let record = if kind == UNDO || Kind::parse(kind).is_some() {
        let line: DecisionLine<'_> = serde_json::from_slice(opened.line).map_err(form)?;
        Record::Decision(Box::new(line.decision(kind)?))
    } else {
        Record::Other(kind.to_owned())
    };
    let stamped = Stamped {
        seq: opened.head.seq,
        at: opened.head.at,
        record,
    };
    Ok((stamped, opened.crc))
}

/// Gives the format of the decisions from their first line when it is newer than this version
/// reads.
#[must_use]
pub fn newer_format(first_line: &[u8]) -> Option<u64> {
    format_above(FORMAT, first_line)
}

const UNDO: &str = "undo";

#[derive(Serialize, Deserialize)]
struct FormatLine {
    format: u32,
}

#[derive(Serialize, Deserialize)]
struct DecisionLine<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    format: Option<u32>,
    #[serde(borrow)]
    shot: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variant: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    take: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    column: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sets_aside: Option<Vec<AsideLine>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    undoes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    undone: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
struct AsideLine {
    variant: u32,
    take: u32,
    task: Word<TaskId>,
    index: u32,
}

impl<'a> DecisionLine<'a> {
    fn of(decision: &'a Decision, format: Option<u32>) -> Self {
        let sets_aside = match &decision.act {
            Act::Retake(takes) => Some(takes.iter().map(AsideLine::from).collect()),
            _ => None,
        };
        let undone = match decision.act {
            Act::Undo(seq, kind) => Some((seq, kind)),
            _ => None,
        };
        let borrowed = |text: &'a Option<String>| text.as_deref().map(Cow::Borrowed);
        Self {
            format,
            shot: decision.shot.as_str().into(),
            variant: decision.take.map(|at| at.variant.0),
            take: decision.take.map(|at| at.take.0),
            note: borrowed(&decision.note),
            by: borrowed(&decision.by),
            column: borrowed(&decision.column),
            sets_aside,
            undoes: undone.map(|(seq, _)| seq),
            undone: undone.map(|(_, kind)| kind.word().into()),
        }
    }

    fn decision(self, kind: &str) -> Result<Decision, LineError> {
        let act = match Kind::parse(kind) {
            Some(Kind::Approve) => Act::Approve,
            Some(Kind::Hold) => Act::Hold,
            Some(Kind::Omit) => Act::Omit,
            Some(Kind::Retake) => {
                let takes = self.sets_aside.ok_or_else(|| lacks("sets_aside"))?;
                Act::Retake(takes.into_iter().map(SetAside::from).collect())
            }
            None => {
                let undone = self.undone.as_deref().and_then(Kind::parse);
                let undone = undone.ok_or_else(|| lacks("undone"))?;
                Act::Undo(self.undoes.ok_or_else(|| lacks("undoes"))?, undone)
            }
        };
        let take = match (self.variant, self.take) {
            (_, None) => None,
            (variant, Some(take)) => Some(TakeAt {
                variant: Variant(variant.unwrap_or_default()),
                take: TakeNo(take),
            }),
        };
        Ok(Decision {
            act,
            shot: ShotId::new(&self.shot),
            take,
            note: self.note.map(Cow::into_owned),
            by: self.by.map(Cow::into_owned),
            column: self.column.map(Cow::into_owned),
        })
    }
}

fn lacks(field: &str) -> LineError {
    LineError::Form(format!("it has no sound `{field}`"))
}

impl From<&SetAside> for AsideLine {
    fn from(aside: &SetAside) -> Self {
        Self {
            variant: aside.at.variant.0,
            take: aside.at.take.0,
            task: Word(aside.task),
            index: aside.index,
        }
    }
}

impl From<AsideLine> for SetAside {
    fn from(line: AsideLine) -> Self {
        Self {
            at: TakeAt {
                variant: Variant(line.variant),
                take: TakeNo(line.take),
            },
            task: line.task.0,
            index: line.index,
        }
    }
}

//! How it is spelled that a signed plan is not what would be bought now.

use serde::Serialize;

use crate::domain::money::Micros;
use crate::ledger::money::plan_number;
use crate::plan::moved::{Change, Move, Part, Spot};
use crate::plan::reason::Kept;
use crate::plan::saved::Total;
use crate::report::json::{Each, FORMAT, text};
use crate::report::moved::View;

/// Spells what moved as one JSON object, and a newline.
#[must_use]
pub fn spell(view: &View<'_>) -> String {
    text(&MovedJson {
        format: FORMAT,
        valid: false,
        plan: view.plan.to_string(),
        number: plan_number(view.plan),
        moved: Each(&view.comparison.moves, MoveJson::of),
        signed: view.signed.total().into(),
        now: view.comparison.now.into(),
        sent: view.comparison.sent.into(),
    })
}

#[derive(Serialize)]
struct MovedJson<'a> {
    format: u32,
    valid: bool,
    plan: String,
    number: String,
    moved: Each<'a, Move, MoveJson<'a>>,
    signed: TotalJson,
    now: TotalJson,
    sent: TotalJson,
}

#[derive(Serialize)]
struct TotalJson {
    takes: u64,
    tasks: u64,
    usd_micros: u64,
}

impl From<Total> for TotalJson {
    fn from(total: Total) -> Self {
        Self {
            takes: total.takes,
            tasks: total.tasks,
            usd_micros: total.price.get(),
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
enum MoveJson<'a> {
    Show {
        signed: &'a str,
        now: Option<&'a str>,
    },
    Text {
        path: &'a str,
        change: &'static str,
    },
    Reference {
        path: &'a str,
        change: &'static str,
    },
    Price {
        model: &'a str,
        size: &'a str,
        signed_usd_micros: u64,
        now_usd_micros: u64,
    },
    Cap {
        name: &'a str,
        signed_usd_micros: Option<u64>,
        now_usd_micros: Option<u64>,
    },
    Task {
        #[serde(flatten)]
        spot: SpotJson<'a>,
        change: &'static str,
        parts: Vec<&'static str>,
        why: Option<&'static str>,
    },
}

#[derive(Serialize)]
struct SpotJson<'a> {
    shot: &'a str,
    variant: u32,
    takes: Vec<u32>,
}

impl<'a> SpotJson<'a> {
    fn of(spot: &'a Spot) -> Self {
        Self {
            shot: spot.shot.as_str(),
            variant: spot.variant.0,
            takes: spot.takes.iter().map(|take| take.0).collect(),
        }
    }
}

impl<'a> MoveJson<'a> {
    fn of(moved: &'a Move) -> Self {
        match moved {
            Move::Show(signed, now) => Self::Show {
                signed,
                now: now.as_deref(),
            },
            Move::Text(path, change) => Self::Text {
                path,
                change: word(*change),
            },
            Move::Reference(path, change) => Self::Reference {
                path,
                change: word(*change),
            },
            Move::Price {
                model,
                size,
                before,
                now,
            } => Self::Price {
                model,
                size,
                signed_usd_micros: before.get(),
                now_usd_micros: now.get(),
            },
            Move::Cap { name, before, now } => Self::Cap {
                name,
                signed_usd_micros: before.map(Micros::get),
                now_usd_micros: now.map(Micros::get),
            },
            Move::Task(spot, parts) => Self::Task {
                spot: SpotJson::of(spot),
                change: word(Change::Changed),
                parts: parts.iter().map(|part| part_word(*part)).collect(),
                why: None,
            },
            Move::Added(spot, reason) => Self::Task {
                spot: SpotJson::of(spot),
                change: word(Change::Added),
                parts: Vec::new(),
                why: Some(reason.word()),
            },
            Move::Gone(spot, why) => Self::Task {
                spot: SpotJson::of(spot),
                change: word(Change::Gone),
                parts: Vec::new(),
                why: why.map(Kept::word),
            },
        }
    }
}

const fn word(change: Change) -> &'static str {
    match change {
        Change::Changed => "changed",
        Change::Added => "added",
        Change::Gone => "gone",
    }
}

const fn part_word(part: Part) -> &'static str {
    match part {
        Part::Prompt => "prompt",
        Part::References => "references",
        Part::Settings => "settings",
    }
}

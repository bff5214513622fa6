//! How the end of a run is spelled.

use serde::Serialize;

use crate::domain::id::RunId;
use crate::ledger::bills::Bills;
use crate::report::json::bill::BillCheckJson;
use crate::report::json::skipped::SkippedJson;
use crate::report::json::status::ProblemJson;
use crate::report::json::{AccountJson, CapsJson, FORMAT, OverCapJson, text};
use crate::report::summary::{View, how_it_ended, problems};
use crate::runner::outcome::{Pace, RunEnd};

/// Spells how a run ended as one JSON object, and a newline.
#[must_use]
pub fn spell(view: &View<'_>) -> String {
    let outcome = view.outcome;
    let problems = problems(outcome, view.findings);
    text(&RunJson {
        format: FORMAT,
        run: outcome.ledger.last_run().map(RunId::as_str),
        end: outcome.end.word(),
        why: how_it_ended(view, &problems),
        exit_code: view.exit.0,
        exit_meaning: view.exit.1,
        rehearsal: view.rehearsal,
        folder: view.folder,
        seconds: view.took.as_secs(),
        saved: outcome.saved,
        refetched: outcome.refetched,
        not_begun: outcome.not_begun,
        problems: ProblemJson::all(&problems, Some(view.findings.unasked())),
        concurrency: ConcurrencyJson::of(&outcome.pace),
        money: MoneyJson {
            run: outcome.ledger.accounts.run.into(),
            show: outcome.ledger.accounts.show.into(),
            caps_usd_micros: view.caps.into(),
        },
        bill_check: (&Bills::of(&outcome.ledger, view.absent)).into(),
        stopped_at: match &outcome.end {
            RunEnd::Cap(over) => Some(over.into()),
            _ => None,
        },
        left_out: outcome.capped.iter().map(OverCapJson::from).collect(),
        skipped: view
            .findings
            .skipped()
            .iter()
            .map(SkippedJson::of)
            .collect(),
    })
}

#[derive(Serialize)]
struct RunJson<'a> {
    format: u32,
    run: Option<&'a str>,
    end: &'static str,
    why: String,
    exit_code: u8,
    exit_meaning: &'a str,
    rehearsal: bool,
    folder: &'a str,
    seconds: u64,
    saved: u64,
    refetched: u64,
    not_begun: u64,
    problems: Vec<ProblemJson<'a>>,
    concurrency: Option<ConcurrencyJson>,
    money: MoneyJson,
    bill_check: BillCheckJson,
    stopped_at: Option<OverCapJson>,
    left_out: Vec<OverCapJson>,
    skipped: Vec<SkippedJson<'a>>,
}

#[derive(Serialize)]
struct MoneyJson {
    run: AccountJson,
    show: AccountJson,
    caps_usd_micros: CapsJson,
}

/// How many tasks were in flight at most, and what held them back; none where nothing was sent.
#[derive(Serialize)]
struct ConcurrencyJson {
    most: usize,
    lowest: usize,
    busy: u64,
    time_outs: u64,
    pauses: u64,
}

impl ConcurrencyJson {
    fn of(pace: &Pace) -> Option<Self> {
        (pace.most > 0).then_some(Self {
            most: pace.most,
            lowest: pace.lowest,
            busy: pace.busy,
            time_outs: pace.time_outs,
            pauses: pace.pauses,
        })
    }
}

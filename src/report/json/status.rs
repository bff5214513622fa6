//! How the status is spelled.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::domain::id::{ShowId, TaskId};
use crate::journal::lock::Holder;
use crate::ledger::bills::Bills;
use crate::report::decided;
use crate::report::json::bill::BillCheckJson;
use crate::report::json::decided::{DecidedJson, ShotCountsJson};
use crate::report::json::report::{RunJson, WhyJson};
use crate::report::json::{AccountJson, CapsJson, FORMAT, text};
use crate::report::phrase::advice;
use crate::report::standing::Standing;
use crate::report::status::{Counts, Selected, View, run_account};
use crate::runner::event::Problem;

/// Spells the status as one JSON object, and a newline.
#[must_use]
pub fn spell(view: &View<'_>) -> String {
    let standing = Standing::of(view.ledger);
    let unasked = view.plan.map(|plan| plan.unasked().collect::<HashSet<_>>());
    let accounts = &view.ledger.accounts;
    text(&StatusJson {
        format: FORMAT,
        show_id: view.ledger.show.as_ref().map(ShowId::as_str),
        folder: view.folder,
        problems: ProblemJson::all(&standing.problems, unasked.as_ref()),
        takes: CountsJson::of(&Counts::of(&standing, view.plan)),
        selected: view.selected.map(SelectedJson::of),
        shots: decided::Counts::of(view.decided).into(),
        decided: view.decided.iter().map(DecidedJson::of).collect(),
        money: MoneyJson {
            show: accounts.show.into(),
            run: run_account(view.ledger).into(),
            caps_usd_micros: view.caps.into(),
            sequences: accounts
                .sequences
                .iter()
                .map(|(name, account)| (&**name, (*account).into()))
                .collect(),
            shots: accounts
                .shots
                .iter()
                .map(|(shot, account)| (shot.as_str(), (*account).into()))
                .collect(),
        },
        bill_check: (&Bills::of(view.ledger, view.absent)).into(),
        cut_off: view.is_cut_off(),
        running: view.running.map(RunningJson::of),
        runs: runs(view),
    })
}

/// Spells the runs; the last one, if it has no end and somebody is at work, is running.
fn runs<'a>(view: &View<'a>) -> Vec<RunJson<'a>> {
    let mut runs: Vec<_> = view.ledger.runs.iter().map(RunJson::of).collect();
    if view.running.is_some()
        && view.ledger.was_cut_off()
        && let Some(last) = runs.last_mut()
    {
        last.reason = "running";
    }
    runs
}

/// Who is at work; what it did not leave word of is null.
#[derive(Serialize)]
struct RunningJson<'a> {
    pid: Option<u32>,
    host: Option<&'a str>,
    since: Option<String>,
}

impl<'a> RunningJson<'a> {
    fn of(holder: &'a Holder) -> Self {
        let known = holder.known();
        Self {
            pid: known.map(|known| known.pid),
            host: known.map(|known| known.host.as_str()),
            since: known.map(|known| known.since.to_string()),
        }
    }
}

#[derive(Serialize)]
struct StatusJson<'a> {
    format: u32,
    show_id: Option<&'a str>,
    folder: &'a str,
    takes: CountsJson,
    /// What is selected; null where everything is.
    selected: Option<SelectedJson>,
    /// Shots of the manifest, by what is true of them.
    shots: ShotCountsJson,
    /// Every shot of which status column or decisions say something.
    decided: Vec<DecidedJson<'a>>,
    problems: Vec<ProblemJson<'a>>,
    money: MoneyJson<'a>,
    bill_check: BillCheckJson,
    cut_off: bool,
    running: Option<RunningJson<'a>>,
    runs: Vec<RunJson<'a>>,
}

/// What the selected shots come to.
#[derive(Serialize)]
struct SelectedJson {
    shots: u64,
    wanted: u64,
    have: u64,
    to_buy: u64,
}

impl SelectedJson {
    const fn of(selected: &Selected) -> Self {
        Self {
            shots: selected.shots,
            wanted: selected.wanted,
            have: selected.have,
            to_buy: selected.to_buy,
        }
    }
}

/// Takes, counted by where they are.
#[derive(Serialize)]
pub(super) struct CountsJson {
    wanted: Option<u64>,
    have: Option<u64>,
    saved: u64,
    pending: u64,
    to_buy: u64,
    over_budget: u64,
    under_way: u64,
    failed: u64,
    refused: u64,
    unsure: u64,
    lost: u64,
    missing_files: u64,
}

impl CountsJson {
    pub(super) const fn of(counts: &Counts) -> Self {
        Self {
            wanted: counts.wanted,
            have: counts.have,
            saved: counts.saved,
            pending: counts.pending,
            to_buy: counts.to_buy,
            over_budget: counts.over_budget,
            under_way: counts.under_way,
            failed: counts.failed,
            refused: counts.refused,
            unsure: counts.unsure,
            lost: counts.lost,
            missing_files: counts.missing_files,
        }
    }
}

#[derive(Serialize)]
struct MoneyJson<'a> {
    show: AccountJson,
    run: AccountJson,
    caps_usd_micros: CapsJson,
    sequences: BTreeMap<&'a str, AccountJson>,
    shots: BTreeMap<&'a str, AccountJson>,
}

/// A take that did not come.
#[derive(Serialize)]
pub(super) struct ProblemJson<'a> {
    kind: &'static str,
    shot: &'a str,
    variant: u32,
    take: u32,
    takes: u32,
    task: String,
    why: WhyJson<'a>,
    at_stake_usd_micros: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    what_to_do: Option<&'static str>,
}

impl<'a> ProblemJson<'a> {
    /// Spells problems; `unasked` are the tasks that the manifest asks for no more.
    pub(super) fn all(problems: &'a [Problem], unasked: Option<&HashSet<TaskId>>) -> Vec<Self> {
        let spell = |problem| Self {
            what_to_do: Some(advice(problem, unasked)),
            ..Self::of(problem)
        };
        problems.iter().map(spell).collect()
    }

    /// Spells a problem as what happened, whatever can be done about it now.
    pub(super) fn of(problem: &'a Problem) -> Self {
        Self {
            kind: problem.kind.word(),
            shot: problem.shot.as_str(),
            variant: problem.variant.0,
            take: problem.take.0,
            takes: problem.takes,
            task: problem.task.to_string(),
            why: WhyJson::of(&problem.trouble),
            at_stake_usd_micros: problem.at_stake.get(),
            what_to_do: None,
        }
    }
}

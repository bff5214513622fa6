//! How the health of a run log is spelled.

use serde::Serialize;

use crate::journal::doctor::{Damage, Looks, State};
use crate::report::checkup::{View, looks};
use crate::report::json::{AccountJson, FORMAT, text};
use crate::report::standing::Standing;

/// The rest of the machine, for the same object.
#[derive(Debug, Serialize)]
pub struct Health {
    /// Where the key comes from, or why there is none.
    pub key: String,
    /// How much room the disk has, or what is wrong with it.
    pub disk: String,
    /// How the clock stands to the log.
    pub clock: String,
}

/// Spells an examination as one JSON object, and a newline.
#[must_use]
pub fn spell(view: Option<&View<'_>>, health: &Health) -> String {
    text(&CheckupJson {
        format: FORMAT,
        log: view.map(log),
        health,
    })
}

#[derive(Serialize)]
struct CheckupJson<'a> {
    format: u32,
    log: Option<LogJson<'a>>,
    health: &'a Health,
}

#[derive(Serialize)]
struct LogJson<'a> {
    path: &'a str,
    state: &'static str,
    bytes: u64,
    newer_format: Option<u64>,
    torn_bytes: Option<u64>,
    damage: Option<DamageJson<'a>>,
    good: GoodJson,
    copied_to: Option<&'a str>,
}

#[derive(Serialize)]
struct GoodJson {
    records: u64,
    bytes: u64,
    last_at: Option<String>,
    saved: u64,
    unfetched: u64,
    under_way: u64,
    money: AccountJson,
    runs: usize,
    has_gap: bool,
}

#[derive(Serialize)]
struct DamageJson<'a> {
    line: u64,
    byte: u64,
    expected_seq: u64,
    looks: &'static str,
    found: String,
    why: &'a str,
    lines: u64,
    readable: u64,
    unknown_tasks: u64,
    unknown_images: u64,
    unknown_saved: u64,
    unknown_spent_usd_micros: u64,
}

fn log<'a>(view: &View<'a>) -> LogJson<'a> {
    let checkup = view.checkup;
    let standing = Standing::of(view.ledger);
    let (state, newer_format, torn_bytes, damage) = match &checkup.state {
        State::Whole => ("whole", None, None, None),
        State::Torn(tail) => ("torn", None, Some(tail.bytes), None),
        State::Damaged(damage) => ("damaged", None, None, Some(damage_of(view, damage))),
        State::Newer(format) => ("newer", Some(*format), None, None),
    };
    LogJson {
        path: &checkup.path,
        state,
        bytes: checkup.bytes,
        newer_format,
        torn_bytes,
        damage,
        good: GoodJson {
            records: checkup.good.records,
            bytes: checkup.good.bytes,
            last_at: checkup.good.last_at.map(|at| at.to_string()),
            saved: standing.saved,
            unfetched: standing.unfetched,
            under_way: standing.open,
            money: view.ledger.accounts.show.into(),
            runs: view.ledger.runs.len(),
            has_gap: view.ledger.has_gap,
        },
        copied_to: view.copied,
    }
}

fn damage_of<'a>(view: &View<'a>, damage: &'a Damage) -> DamageJson<'a> {
    let beyond = view.beyond;
    DamageJson {
        line: damage.line,
        byte: damage.byte,
        expected_seq: damage.expected,
        looks: word(damage.looks),
        found: looks(damage.looks),
        why: &damage.why,
        lines: damage.lines,
        readable: damage.readable,
        unknown_tasks: beyond.tasks,
        unknown_images: beyond.images,
        unknown_saved: beyond.saved,
        unknown_spent_usd_micros: beyond.spent.get(),
    }
}

const fn word(looks: Looks) -> &'static str {
    match looks {
        Looks::OneBit { .. } => "one-bit",
        Looks::Changed => "changed",
        Looks::Lost { .. } => "lost",
        Looks::Again { .. } => "again",
        Looks::Moved => "moved",
        Looks::Blank => "blank",
        Looks::NoRecord => "no-record",
        Looks::Contradicts => "contradicts",
    }
}

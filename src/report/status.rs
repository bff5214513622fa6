//! What the run log knows, for people: takes, money, the last runs; what is unsure comes first.

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::domain::id::ShotId;
use crate::domain::money::Micros;
use crate::journal::lock::Holder;
use crate::ledger::bills::{Absent, Bills};
use crate::ledger::fold::{Ledger, Run};
use crate::ledger::money::{Account, CapKind, Caps};
use crate::plan::build::{Entry, Plan};
use crate::plan::reason::Kept;
use crate::report::bill;
use crate::report::decided::{self, Decided};
use crate::report::escape::{shortened, shown};
use crate::report::phrase::tell_kind;
use crate::report::standing::Standing;
use crate::report::style::{Paint, Style, count};
use crate::report::table::{Side, Table};
use crate::runner::event::ProblemKind;

/// How many of the last runs are shown.
const RUNS: usize = 5;
/// How many accounts near a cap are named.
const CAPPED: usize = 5;

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// What the run log says.
    pub ledger: &'a Ledger,
    /// What would be done now; none where the manifest cannot be read.
    pub plan: Option<&'a Plan>,
    /// The files that are gone or changed.
    pub absent: &'a Absent,
    /// The caps in force.
    pub caps: &'a Caps,
    /// The output folder, as a person knows it.
    pub folder: &'a str,
    /// Who is at work in it just now; none where nobody is.
    pub running: Option<&'a Holder>,
    /// The shots of which status column or decisions say something.
    pub decided: &'a [Decided<'a>],
    /// What is selected, where not everything is.
    pub selected: Option<&'a Selected>,
}

/// What the selected shots come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// The flags, as they were given.
    pub flags: String,
    /// Shots.
    pub shots: u64,
    /// Takes that are wanted of them.
    pub wanted: u64,
    /// Of these, on disk.
    pub have: u64,
    /// Of these, to be bought.
    pub to_buy: u64,
    last: Option<ShotId>,
}

impl Selected {
    /// Begins to count what some flags select.
    #[must_use]
    pub fn by(flags: String) -> Self {
        Self {
            flags,
            ..Self::default()
        }
    }

    /// Counts a shot and variant that is selected; call it in the order of the plan.
    pub fn add(&mut self, entry: &Entry) {
        self.shots += u64::from(self.last.as_ref() != Some(&entry.shot));
        self.last = Some(entry.shot.clone());
        self.wanted += u64::from(entry.wanted);
        self.have += entry.keeps.get(&Kept::Have).map_or(0, |n| u64::from(*n));
        self.to_buy += entry.buys.values().map(|n| u64::from(*n)).sum::<u64>();
    }
}

impl View<'_> {
    /// Tells whether the last run was cut off: it has no end, and nobody is at work.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        self.running.is_none() && self.ledger.was_cut_off()
    }
}

/// Takes, counted by where they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Wanted by the manifest; none without a plan.
    pub wanted: Option<u64>,
    /// Wanted and on disk; none without a plan.
    pub have: Option<u64>,
    /// Saved in all, as the log knows, wanted now or not.
    pub saved: u64,
    /// Still to come: to be bought, or under way.
    pub pending: u64,
    /// Of those, to be bought; 0 without a plan.
    pub to_buy: u64,
    /// Of those, left out by a cap; 0 without a plan.
    pub over_budget: u64,
    /// Of those, sent or paid for and not on disk.
    pub under_way: u64,
    /// Ended without an image, and nothing later took them over.
    pub failed: u64,
    /// Refused, unpaid, and nothing later took them over.
    pub refused: u64,
    /// Nobody can tell whether they were bought.
    pub unsure: u64,
    /// Paid for and not to be had any more.
    pub lost: u64,
    /// Saved, and their files are gone or changed; 0 without a plan.
    pub missing_files: u64,
}

impl Counts {
    /// Counts.
    #[must_use]
    pub fn of(standing: &Standing, plan: Option<&Plan>) -> Self {
        let under_way = standing.open + standing.unfetched;
        let kept = |kept: Kept| plan.map(|plan| plan.kept(kept));
        let over_budget = plan.map_or(0, over_budget_takes);
        let to_buy = plan.map_or(0, bought_takes) - over_budget;
        Self {
            wanted: plan.map(Plan::wanted),
            have: kept(Kept::Have),
            saved: standing.saved,
            pending: to_buy + over_budget + under_way,
            to_buy,
            over_budget,
            under_way,
            failed: standing.takes(ProblemKind::Failed),
            refused: standing.takes(ProblemKind::Refused),
            unsure: standing.takes(ProblemKind::Unsure),
            lost: standing.takes(ProblemKind::Lost),
            missing_files: kept(Kept::MissingFile).unwrap_or_default(),
        }
    }
}

/// Gives how many takes a plan buys, where no cap stands in the way.
#[must_use]
pub fn bought_takes(plan: &Plan) -> u64 {
    let purchases = plan.purchases.iter();
    purchases.map(|p| u64::from(p.takes.count)).sum()
}

/// Gives how many of those takes a cap leaves out.
#[must_use]
pub fn over_budget_takes(plan: &Plan) -> u64 {
    let over = plan.purchases.iter().filter(|p| p.over.is_some());
    over.map(|p| u64::from(p.takes.count)).sum()
}

/// Gives the account that the next run, or the one that was cut off, goes on with.
#[must_use]
pub fn run_account(ledger: &Ledger) -> Account {
    if ledger.was_cut_off() {
        ledger.accounts.run
    } else {
        Account::default()
    }
}

/// Tells what the run log knows.
#[must_use]
pub fn text(view: &View<'_>, style: Style) -> String {
    let standing = Standing::of(view.ledger);
    let unasked = view.plan.map(|plan| plan.unasked().collect::<HashSet<_>>());
    let mut out = String::new();
    let tell_kind =
        |kind, out: &mut String| tell_kind(&standing.problems, unasked.as_ref(), kind, style, out);
    if let Some(holder) = view.running {
        tell_running(holder, style, &mut out);
    }
    tell_kind(ProblemKind::Unsure, &mut out);
    if view.ledger.runs.is_empty() {
        let folder = shown(view.folder);
        let _written = writeln!(out, "{folder}: nothing was bought yet.");
    }
    tell_takes(&Counts::of(&standing, view.plan), style, &mut out);
    if let Some(selected) = view.selected {
        tell_selected(selected, style, &mut out);
    }
    decided::tell(view.decided, style, &mut out);
    tell_money(view, style, &mut out);
    if !view.ledger.runs.is_empty() {
        bill::tell(&Bills::of(view.ledger, view.absent), style, &mut out);
    }
    for kind in [ProblemKind::Lost, ProblemKind::Failed, ProblemKind::Refused] {
        tell_kind(kind, &mut out);
    }
    tell_runs(view, style, &mut out);
    out
}

fn tell_running(holder: &Holder, style: Style, out: &mut String) {
    let head = style.paint(Paint::Good, "running");
    let who = holder.known().map_or_else(String::new, |known| {
        let host = shown(&known.host);
        format!(" (pid {} on {host}, since {})", known.pid, known.since)
    });
    let _written = writeln!(
        out,
        "{head}: a run is at work here{who}; what follows is of this moment and changes as it goes"
    );
}

fn tell_takes(counts: &Counts, style: Style, out: &mut String) {
    let mut parts = Vec::new();
    if let (Some(wanted), Some(have)) = (counts.wanted, counts.have) {
        parts.push(format!("{wanted} wanted, {have} of them on disk"));
    }
    parts.push(format!("{} saved in all", counts.saved));
    let over_budget = match counts.over_budget {
        0 => String::new(),
        takes => format!(", {takes} over-budget"),
    };
    parts.push(format!(
        "{} pending ({} to buy{over_budget}, {} under way)",
        counts.pending, counts.to_buy, counts.under_way
    ));
    for (number, word) in [
        (counts.unsure, "unsure"),
        (counts.lost, "lost"),
        (counts.failed, "failed"),
        (counts.refused, "refused"),
    ] {
        parts.push(format!("{number} {word}"));
    }
    if counts.missing_files > 0 {
        let files = count(counts.missing_files, "file");
        parts.push(format!("{files} gone or changed"));
    }
    let head = style.paint(Paint::Heading, "Takes");
    let _written = writeln!(out, "{head}  {}", parts.join("; "));
}

/// Tells what is selected; takes, money and problems above and below are those of the whole show.
fn tell_selected(selected: &Selected, style: Style, out: &mut String) {
    let head = style.paint(Paint::Heading, "Of these");
    let Selected {
        flags,
        shots,
        wanted,
        have,
        to_buy,
        last: _,
    } = selected;
    let (flags, shots) = (shown(flags), count(*shots, "shot"));
    let _written = writeln!(
        out,
        "{head}  {flags}: {shots}; {wanted} wanted, {have} of them on disk; {to_buy} to buy"
    );
}

fn tell_money(view: &View<'_>, style: Style, out: &mut String) {
    let head = style.paint(Paint::Heading, "Money");
    let show = view.ledger.accounts.show;
    let _written = writeln!(out, "{head}  {}", account("show", show, view.caps.show));
    if view.ledger.was_cut_off() || view.caps.run.is_some() {
        let run = run_account(view.ledger);
        let name = if !view.ledger.was_cut_off() {
            "next run"
        } else if view.running.is_some() {
            "run at work"
        } else {
            "run that was cut off"
        };
        let _written = writeln!(out, "       {}", account(name, run, view.caps.run));
    }
    tell_caps(view.ledger, view.caps, out);
}

/// Tells of the accounts under the caps of sequences and shots: those that are nearly used up, or
/// else the one that is used most.
pub(super) fn tell_caps(ledger: &Ledger, caps: &Caps, out: &mut String) {
    let accounts = &ledger.accounts;
    let sequences = accounts.sequences.iter();
    let sequences = sequences.map(|(name, account)| (&**name, *account));
    tell_fullest(CapKind::Sequence, sequences, caps, out);
    let shots = accounts.shots.iter();
    let shots = shots.map(|(shot, account)| (shot.as_str(), *account));
    tell_fullest(CapKind::Shot, shots, caps, out);
}

fn tell_fullest<'a>(
    kind: CapKind,
    accounts: impl Iterator<Item = (&'a str, Account)>,
    caps: &Caps,
    out: &mut String,
) {
    let cap = caps.of(kind);
    if cap.is_none() {
        return;
    }
    let mut all: Vec<_> = accounts.collect();
    all.sort_by(|a, b| b.1.counted().cmp(&a.1.counted()).then(a.0.cmp(b.0)));
    let tight = all
        .iter()
        .filter(|(_, money)| is_tight(*money, cap))
        .count();
    let word = kind.word();
    for (name, money) in all.iter().take(tight.clamp(1, CAPPED)) {
        let name = format!("{word} {}", shortened(name, 60));
        let _written = writeln!(out, "       {}", account(&name, *money, cap));
    }
    if tight > CAPPED {
        let more = tight - CAPPED;
        let _written = writeln!(out, "       and {more} more near the {word} cap");
    }
}

/// Tells whether less than a fifth of a cap is left.
fn is_tight(account: Account, cap: Option<Micros>) -> bool {
    cap.is_some_and(|cap| account.counted().times(5) > cap.times(4))
}

/// Says what is gone, what may go and what is left under a cap.
pub(super) fn account(name: &str, account: Account, cap: Option<Micros>) -> String {
    let (spent, reserved) = (account.spent, account.reserved);
    let money = format!("{name}: {spent} spent, {reserved} reserved");
    match cap {
        Some(cap) if account.counted() > cap => format!(
            "{money}; {} over the cap of {cap}: the provider charged more than was expected",
            account.counted().minus(cap)
        ),
        Some(cap) => format!(
            "{money}; {} left of the cap of {cap}",
            cap.minus(account.counted())
        ),
        None => format!("{money}; no cap"),
    }
}

fn tell_runs(view: &View<'_>, style: Style, out: &mut String) {
    let runs = &view.ledger.runs;
    if runs.is_empty() {
        return;
    }
    let earlier = runs.len().saturating_sub(RUNS);
    let left = |head| (head, Side::Left);
    let mut table = Table::new(vec![
        left("Last runs"),
        left("Began"),
        left("Ended"),
        left("How"),
        ("Spent", Side::Right),
        ("Reserved", Side::Right),
        left("Counts"),
    ]);
    for (ago, run) in runs[earlier..].iter().rev().enumerate() {
        table.add(run_row(run, ago == 0 && view.running.is_some()));
    }
    table.draw(style, out);
    if earlier > 0 {
        let _written = writeln!(out, "and {} before", count(earlier as u64, "run"));
    }
}

/// Draws a run; one without an end was cut off, unless it is at work.
fn run_row(run: &Run, at_work: bool) -> Vec<String> {
    let time = |at: Option<jiff::Timestamp>| {
        at.map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
            .unwrap_or_default()
    };
    let ended = run.ended.as_ref();
    let counts = ended.map(|ended| {
        let counts = ended.counts.iter().filter(|(_, count)| **count > 0);
        let counts = counts.map(|(name, count)| format!("{count} {}", name.replace('_', " ")));
        counts.collect::<Vec<_>>().join(", ")
    });
    let money = |of: fn(&crate::ledger::record::RunEnded) -> Micros| {
        ended.map(|ended| of(ended).to_string()).unwrap_or_default()
    };
    vec![
        shortened(run.started.run.as_str(), 40),
        time(run.at),
        time(run.ended_at),
        match ended {
            Some(ended) => ended.reason.clone(),
            None if at_work => "running".to_owned(),
            None => "cut off".to_owned(),
        },
        money(|ended| ended.spent),
        money(|ended| ended.reserved),
        counts.unwrap_or_default(),
    ]
}

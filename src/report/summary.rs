//! What is told when a run ends: what was saved, what it cost, what did not come and what to do.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::time::Duration;

use crate::domain::class::{Class, Trouble};
use crate::domain::id::TaskId;
use crate::ledger::bills::{Absent, Bills};
use crate::ledger::fold::Ledger;
use crate::ledger::money::{CapKind, Caps};
use crate::ledger::task::{Fate, Image};
use crate::plan::build::Plan;
use crate::report::bill;
use crate::report::escape::shortened;
use crate::report::phrase::{CHANGED_FILE, tell_kind};
use crate::report::progress::words::span;
use crate::report::skipped::{self, Skipped};
use crate::report::standing::{Standing, order, problem};
use crate::report::status::{account, tell_caps};
use crate::report::style::{Paint, Style, count};
use crate::runner::event::{Problem, ProblemKind};
use crate::runner::outcome::{Outcome, Pace, RunEnd};
use crate::runner::shutdown::Why;

/// The exit codes that tell of takes that did not come, or were left at a cap.
const INCOMPLETE: u8 = 5;
const CAPPED: u8 = 6;

/// A run that ended.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// What came of it.
    pub outcome: &'a Outcome,
    /// What its plan left as it was.
    pub findings: &'a Findings,
    /// The files that are gone or changed.
    pub absent: &'a Absent,
    /// The caps it ran under.
    pub caps: &'a Caps,
    /// Where its images are, as a person knows it.
    pub folder: &'a str,
    /// How long it took.
    pub took: Duration,
    /// The exit code and what it means, as the command line defines it.
    pub exit: (u8, &'a str),
    /// Whether the money is play money.
    pub rehearsal: bool,
}

/// What a plan finds that no run makes good by itself.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    refused: Vec<TaskId>,
    unasked: HashSet<TaskId>,
    changed_files: Vec<String>,
    skipped: Vec<Skipped>,
}

impl Findings {
    /// Reads a plan, and the shots that it leaves out as not sound.
    #[must_use]
    pub fn of(plan: &Plan, skipped: &[Skipped]) -> Self {
        Self {
            refused: plan.refused.clone(),
            unasked: plan.unasked().collect(),
            changed_files: plan.changed_files.clone(),
            skipped: skipped.to_vec(),
        }
    }

    /// Gives the tasks that the manifest asks for no more.
    #[must_use]
    pub const fn unasked(&self) -> &HashSet<TaskId> {
        &self.unasked
    }

    /// Gives the shots that are left out as not sound.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Gives what stands in the way of takes that are wanted, as the ledger has it now.
    fn problems(&self, ledger: &Ledger) -> Vec<Problem> {
        let refused = self.refused.iter();
        let refused = refused.filter_map(|id| problem(*id, ledger.task(*id)?));
        let changed = self.changed_files.iter();
        refused
            .chain(changed.filter_map(|path| changed_file(ledger, path)))
            .collect()
    }
}

fn changed_file(ledger: &Ledger, path: &str) -> Option<Problem> {
    let is_it = |image: &&Image| matches!(&image.fate, Fate::Saved(at) if at.path == path);
    let mut tasks = ledger.tasks();
    let (id, task, image) = tasks.find_map(|(id, task)| {
        let image = task.images.iter().find(is_it)?;
        Some((id, task, image))
    })?;
    Some(Problem {
        kind: ProblemKind::Missing,
        task: id,
        shot: task.shot.clone(),
        variant: task.variant,
        take: ledger.take_of(id, image.index).unwrap_or(task.takes.first),
        takes: 1,
        trouble: Trouble {
            class: Class::Unknown,
            code: CHANGED_FILE.to_owned(),
            message: "it has not the size it was saved with, and was left alone".to_owned(),
        },
        at_stake: image.cost,
    })
}

/// Gives everything that did not come, and what earlier runs left that stands in the way.
#[must_use]
pub fn problems(outcome: &Outcome, findings: &Findings) -> Vec<Problem> {
    let standing = Standing::of(&outcome.ledger);
    let is_old =
        |problem: &Problem| matches!(problem.kind, ProblemKind::Unsure | ProblemKind::Lost);
    let mut problems: Vec<_> = standing.problems.into_iter().filter(is_old).collect();
    let given_up = outcome.problems.iter().filter(|p| stands(outcome, p));
    let found = findings.problems(&outcome.ledger);
    for problem in given_up.cloned().chain(found) {
        let known = |other: &Problem| {
            other.kind == problem.kind
                && other.task == problem.task
                && (!is_of_one_image(problem.kind) || other.take == problem.take)
        };
        if !problems.iter().any(known) {
            problems.push(problem);
        }
    }
    problems.sort_by(order);
    problems
}

const fn is_of_one_image(kind: ProblemKind) -> bool {
    matches!(
        kind,
        ProblemKind::Lost | ProblemKind::Missing | ProblemKind::Pending
    )
}

/// Tells whether what was given up during the run was not made good before its end.
fn stands(outcome: &Outcome, problem: &Problem) -> bool {
    let Some(task) = outcome.ledger.task(problem.task) else {
        return true;
    };
    match problem.kind {
        ProblemKind::Unsure => task.missing() > 0,
        ProblemKind::UnderWay => task.is_open(),
        ProblemKind::Refused | ProblemKind::Failed => {
            !crate::report::standing::is_superseded(&outcome.ledger, problem.task, task)
        }
        ProblemKind::Lost | ProblemKind::Pending | ProblemKind::Missing => true,
    }
}

/// Tells how a run ended.
#[must_use]
pub fn text(view: &View<'_>, style: Style) -> String {
    let problems = problems(view.outcome, view.findings);
    let unasked = Some(view.findings.unasked());
    let mut out = String::new();
    for kind in [
        ProblemKind::Unsure,
        ProblemKind::Lost,
        ProblemKind::Missing,
        ProblemKind::UnderWay,
        ProblemKind::Pending,
        ProblemKind::Failed,
        ProblemKind::Refused,
    ] {
        tell_kind(&problems, unasked, kind, style, &mut out);
    }
    skipped::tell(view.findings.skipped(), false, style, &mut out);
    tell_end(view, &problems, style, &mut out);
    tell_pace(&view.outcome.pace, style, &mut out);
    tell_money(view, style, &mut out);
    tell_next(view, style, &mut out);
    let (code, meaning) = view.exit;
    let _written = writeln!(out, "Exit code {code}: {meaning}");
    out
}

fn tell_end(view: &View<'_>, problems: &[Problem], style: Style, out: &mut String) {
    let outcome = view.outcome;
    let paint = match outcome.end {
        RunEnd::Done if view.exit.0 == 0 => Paint::Good,
        _ => Paint::Doubtful,
    };
    let end = style.paint(paint, &how_it_ended(view, problems));
    let mut counts = vec![format!("{} saved", count(outcome.saved, "take"))];
    if outcome.refetched > 0 {
        counts.push(format!(
            "{} fetched again",
            count(outcome.refetched, "file")
        ));
    }
    if outcome.not_begun > 0 {
        counts.push(format!("{} not begun", count(outcome.not_begun, "take")));
    }
    let took = span(view.took);
    let folder = shortened(view.folder, 200);
    let _written = writeln!(out, "{end}. {} in {took}, in {folder}", counts.join(", "));
}

/// Says how a run ended: one that went through its plan is not done while takes are missing.
pub(super) fn how_it_ended(view: &View<'_>, problems: &[Problem]) -> String {
    let lacks = matches!(view.exit.0, INCOMPLETE | CAPPED);
    if !lacks || view.outcome.end != RunEnd::Done {
        return end_sentence(&view.outcome.end);
    }
    let missing: u64 = problems.iter().map(|p| u64::from(p.takes)).sum();
    match missing + view.outcome.not_begun {
        0 if !view.findings.skipped.is_empty() => "Ended, without what is not sound".to_owned(),
        0 => "Ended, with takes missing".to_owned(),
        missing => format!("Ended, with {} missing", count(missing, "take")),
    }
}

/// Says why a run ended.
fn end_sentence(end: &RunEnd) -> String {
    let trouble = |trouble: &crate::domain::class::Trouble| {
        let message = shortened(&trouble.message, 240);
        format!("{}: {message}", shortened(&trouble.code, 80))
    };
    match end {
        RunEnd::Done => "Done".to_owned(),
        RunEnd::Cap(over) if over.cap == CapKind::Plan => format!(
            "Stopped at what was signed: {} ({} spent, {} reserved)",
            over.limit, over.spent, over.reserved
        ),
        RunEnd::Cap(over) if over.cap.stops_all() => format!("Stopped at a cap: {over}"),
        RunEnd::Cap(over) => format!("Ended, with takes left out by a {} cap", over.cap.word()),
        RunEnd::Drained(Why::Until) => "Stopped at the time given by --until".to_owned(),
        RunEnd::Drained(Why::Interrupted) => "Stopped by Ctrl-C, nothing left in flight".to_owned(),
        RunEnd::Drained(Why::Terminated) => "Stopped by SIGTERM, nothing left in flight".to_owned(),
        RunEnd::Drained(Why::HungUp) => {
            "Stopped because the terminal went away, nothing left in flight".to_owned()
        }
        RunEnd::Left(_) => {
            "Left at once; the run log is whole, and the same command resumes".to_owned()
        }
        RunEnd::Account(why) => {
            format!("Stopped: the account needs a person ({})", trouble(why))
        }
        RunEnd::Disk(why) => format!("Stopped: images cannot be kept ({})", shortened(why, 240)),
        RunEnd::Unreachable(why) => {
            format!(
                "Stopped: the provider cannot be reached, or takes nothing ({})",
                trouble(why)
            )
        }
        RunEnd::Log(error) => {
            let error = shortened(&error.to_string(), 240);
            format!("Stopped: the run log takes no more records ({error})")
        }
    }
}

/// Tells what held the run back; nothing where nothing did.
fn tell_pace(pace: &Pace, style: Style, out: &mut String) {
    let Pace {
        most,
        lowest,
        busy,
        time_outs,
        pauses,
    } = *pace;
    if lowest == most && busy == 0 && time_outs == 0 && pauses == 0 {
        return;
    }
    let mut seen = Vec::new();
    if busy > 0 {
        seen.push(format!("429 seen {}", count(busy, "time")));
    }
    if time_outs > 0 {
        seen.push(format!("{} timed out", count(time_outs, "task")));
    }
    if pauses > 0 {
        let pauses = count(pauses, "time");
        seen.push(format!(
            "sending paused {pauses} because the provider seemed to be down"
        ));
    }
    let head = style.paint(Paint::Heading, "Concurrency");
    let between = if lowest == most {
        format!("{most} throughout")
    } else {
        format!("between {lowest} and {most}")
    };
    let why = match seen.as_slice() {
        [] => " (tasks took long)".to_owned(),
        seen => format!(" ({})", seen.join("; ")),
    };
    let _written = writeln!(out, "{head}: {between}{why}");
}

fn tell_money(view: &View<'_>, style: Style, out: &mut String) {
    let accounts = &view.outcome.ledger.accounts;
    let head = style.paint(Paint::Heading, "Money");
    let play = if view.rehearsal { " (play money)" } else { "" };
    let run = account(&run_name(view.outcome), accounts.run, view.caps.run);
    let _written = writeln!(out, "{head}  {run}{play}");
    let show = account("the show", accounts.show, view.caps.show);
    let _written = writeln!(out, "       {show}{play}");
    tell_caps(&view.outcome.ledger, view.caps, out);
    bill::tell(&Bills::of(&view.outcome.ledger, view.absent), style, out);
}

/// Names what the run's account holds: this run, and those before it that were cut off.
fn run_name(outcome: &Outcome) -> String {
    let runs = outcome.ledger.runs.iter().rev().skip(1);
    let cut_off = runs.take_while(|run| run.ended.is_none()).count();
    match cut_off {
        0 => "this run".to_owned(),
        n => format!("this run and {} cut off before it", count(n as u64, "run")),
    }
}

/// Says what to do about what is left, beyond what each kind of problem says itself.
fn tell_next(view: &View<'_>, style: Style, out: &mut String) {
    let outcome = view.outcome;
    let head = style.paint(Paint::Heading, "Next");
    let mut tell = |what: &str| {
        let _written = writeln!(out, "{head}   {what}");
    };
    match &outcome.end {
        // What single sequences or shots are short of is told below.
        RunEnd::Cap(over) if !over.cap.stops_all() => {}
        RunEnd::Cap(over) if over.cap == CapKind::Plan => {
            tell("plan and sign anew to buy what is left");
        }
        RunEnd::Cap(over) => tell(&format!(
            "raise the {} cap and run again to buy what is left",
            over.cap.word()
        )),
        RunEnd::Drained(_) | RunEnd::Left(_) if outcome.not_begun > 0 => {
            tell("the same command buys what is left");
        }
        RunEnd::Left(_) => tell("the same command takes up what was in flight"),
        RunEnd::Account(_) => tell("put the key or the balance right, then run again"),
        RunEnd::Disk(_) | RunEnd::Log(_) => {
            tell("put the disk right, then run again: what was paid for is fetched first");
        }
        RunEnd::Unreachable(_) => {
            tell("run again when the provider is back: what it did not take is still to come");
        }
        RunEnd::Done | RunEnd::Drained(_) => {}
    }
    if !view.findings.skipped.is_empty() {
        tell("mend the shots that are not sound, as `reshoot check` says, and run again");
    }
    let mut told = Vec::new();
    for over in &outcome.capped {
        let kind = over.cap.word();
        if !told.contains(&kind) {
            told.push(kind);
            let left_out = outcome.capped.iter().filter(|other| other.cap == over.cap);
            let tasks = count(left_out.count() as u64, "task");
            if over.cap == CapKind::Plan {
                tell(&format!("{tasks} left out: not signed for"));
                continue;
            }
            tell(&format!(
                "{tasks} left out: {over}; raise the {kind} cap to buy"
            ));
        }
    }
}

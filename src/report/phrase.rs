//! Words for people about takes that did not come.

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::domain::class::Class;
use crate::domain::id::{ShotId, TakeNo, TaskId, Variant};
use crate::domain::money::Micros;
use crate::report::escape::shortened;
use crate::report::standing::at_stake;
use crate::report::style::{Paint, Style, count};
use crate::runner::event::{Problem, ProblemKind};

/// How much of a provider's message is shown.
const MESSAGE: usize = 240;
/// The code of a file that has not the size it was saved with, which no run touches.
pub(super) const CHANGED_FILE: &str = "file-changed";
/// How many takes are named under one reason.
const NAMED: usize = 6;

/// Names takes of a shot: `104/TCC/0010 v003`, with its variant where there is one.
pub(super) fn takes_of(shot: &ShotId, variant: Variant, first: TakeNo, takes: u32) -> String {
    let mut name = shortened(shot.as_str(), 80);
    if variant.0 > 0 {
        let _written = write!(name, " variant {variant}");
    }
    let _written = write!(name, " {first}");
    if takes > 1 {
        let last = TakeNo(first.0.saturating_add(takes - 1));
        let _written = write!(name, "-{last}");
    }
    name
}

/// Names the takes of a problem.
pub(super) fn takes_of_problem(problem: &Problem) -> String {
    takes_of(&problem.shot, problem.variant, problem.take, problem.takes)
}

/// Says why, in the provider's words, harmless.
pub(super) fn why(problem: &Problem) -> String {
    let trouble = &problem.trouble;
    match (trouble.code.as_str(), trouble.message.as_str()) {
        ("", message) => shortened(message, MESSAGE),
        (code, "") => shortened(code, 80),
        (code, message) => format!("{}: {}", shortened(code, 80), shortened(message, MESSAGE)),
    }
}

/// Names a kind of problem.
pub(super) fn head(kind: ProblemKind) -> String {
    kind.word().replace('_', " ")
}

/// Says what a kind of problem means.
const fn meaning(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::Unsure => "may have been paid for, and nobody can tell yet",
        ProblemKind::Lost => "paid for, and the provider does not have the image any more",
        ProblemKind::Failed => "ended without an image",
        ProblemKind::Refused => "refused by the provider, unpaid",
        ProblemKind::UnderWay => "sent, and not settled yet",
        ProblemKind::Pending => "paid for, and not on disk yet",
        ProblemKind::Missing => "the file is gone or changed and could not be fetched again",
    }
}

/// Says what a person can do about a problem.
///
/// `unasked` are the tasks that the manifest asks for no more, where that is known.
pub(super) fn advice(problem: &Problem, unasked: Option<&HashSet<TaskId>>) -> &'static str {
    match problem.kind {
        ProblemKind::Unsure => match unasked.map(|tasks| tasks.contains(&problem.task)) {
            Some(true) => {
                "the manifest asks for them no more, so nothing buys them anew; each run asks the \
                 provider again, free of charge, and ends with exit code 5 until it tells"
            }
            Some(false) => {
                "run again: the provider is asked again, free of charge; \
                 `run --rebuy missing` buys them anew at the risk of paying twice"
            }
            None => "run again: the provider is asked again, free of charge",
        },
        ProblemKind::Missing if problem.trouble.code == CHANGED_FILE => {
            "move the file away and run again: the image is fetched once more, free of charge"
        }
        ProblemKind::Lost | ProblemKind::Missing => "`run --rebuy missing` buys them again",
        ProblemKind::Failed if !matches!(problem.trouble.class, Class::Safety | Class::Request) => {
            "run again: failed takes are tried once more"
        }
        ProblemKind::Failed | ProblemKind::Refused => {
            "change the prompt, the references or the settings; \
             `run --retry-refused` sends the same request again"
        }
        ProblemKind::UnderWay => "run again: the provider is asked about them first",
        ProblemKind::Pending => "run again: they are fetched, free of charge",
    }
}

/// How a kind of problem is painted.
pub(super) const fn paint(kind: ProblemKind) -> Paint {
    match kind {
        ProblemKind::Unsure | ProblemKind::UnderWay | ProblemKind::Pending => Paint::Doubtful,
        _ => Paint::Bad,
    }
}

/// Tells of all problems of a kind: how many, what it means, each reason with its takes, and what
/// to do. Adds nothing when there is none.
pub(super) fn tell_kind(
    problems: &[Problem],
    unasked: Option<&HashSet<TaskId>>,
    kind: ProblemKind,
    style: Style,
    out: &mut String,
) {
    let of_kind: Vec<_> = problems.iter().filter(|p| p.kind == kind).collect();
    if of_kind.is_empty() {
        return;
    }
    let takes: u64 = of_kind.iter().map(|problem| u64::from(problem.takes)).sum();
    let head = style.paint(paint(kind), &head(kind));
    let money = money_word(kind, at_stake(problems, kind));
    let _written = writeln!(
        out,
        "{head}: {}: {}{money}",
        count(takes, "take"),
        meaning(kind)
    );
    for (why, named) in by_reason(&of_kind) {
        let _written = writeln!(out, "  {why}");
        let _written = writeln!(out, "    {}", some_of(&named));
    }
    let mut told = Vec::new();
    for what in of_kind.iter().map(|problem| advice(problem, unasked)) {
        if !told.contains(&what) {
            told.push(what);
            let _written = writeln!(out, "  -> {what}");
        }
    }
}

fn money_word(kind: ProblemKind, amount: Micros) -> String {
    match kind {
        _ if amount.is_zero() => String::new(),
        ProblemKind::Lost | ProblemKind::Pending | ProblemKind::Missing => {
            format!("; {amount} was spent on them")
        }
        _ => format!("; {amount} stays reserved for them"),
    }
}

/// Groups problems by their code, in order of appearance; the first message speaks for the group.
fn by_reason(problems: &[&Problem]) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(&str, String, Vec<String>)> = Vec::new();
    for problem in problems {
        let code = problem.trouble.code.as_str();
        let name = takes_of_problem(problem);
        match groups.iter_mut().find(|(known, _, _)| *known == code) {
            Some((_, _, named)) => named.push(name),
            None => groups.push((code, why(problem), vec![name])),
        }
    }
    groups
        .into_iter()
        .map(|(_, why, named)| (why, named))
        .collect()
}

/// Names some, and says how many more there are.
pub(super) fn some_of(names: &[String]) -> String {
    let shown = names.len().min(NAMED);
    let mut text = names[..shown].join(", ");
    if names.len() > shown {
        let _written = write!(text, " and {} more", names.len() - shown);
    }
    text
}

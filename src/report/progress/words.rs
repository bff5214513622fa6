//! What is said while a run goes on.
//!
//! Lines are made of foreign text as it is; they are escaped where they are written.

use std::time::Duration;

use crate::domain::class::Trouble;
use crate::domain::id::TaskId;
use crate::ledger::record::{Intent, Produced};
use crate::report::escape::shortened;
use crate::report::phrase::{advice, head, paint, takes_of, takes_of_problem, why};
use crate::report::progress::Level;
use crate::report::progress::tally::{Goal, Tally};
use crate::report::style::{Paint, count};
use crate::runner::event::{Draining, Pause, Problem, SavedImage};
use crate::runner::shutdown::Why;

/// A line: a word that may be painted, and the rest.
pub(super) struct Line {
    pub(super) paint: Paint,
    pub(super) head: String,
    pub(super) rest: String,
}

fn line(paint: Paint, head: &str, rest: String) -> Line {
    Line {
        paint,
        head: head.to_owned(),
        rest,
    }
}

/// Tells of a take that will not come.
pub(super) fn trouble(problem: &Problem) -> Line {
    let name = takes_of_problem(problem);
    let money = if problem.at_stake.is_zero() {
        String::new()
    } else {
        format!(" ({} at stake)", problem.at_stake)
    };
    let (why, advice) = (why(problem), advice(problem, None));
    let rest = format!("{name}: {why}{money} -> {advice}");
    line(paint(problem.kind), &head(problem.kind), rest)
}

/// Tells that nothing new is begun.
pub(super) fn draining(why: &Draining, in_flight: usize) -> Line {
    let waiting = match in_flight {
        0 => "nothing is in flight".to_owned(),
        n => format!("waiting for {} in flight", count(n as u64, "task")),
    };
    let (paint, rest) = match why {
        Draining::Told(Why::Until) => (
            Paint::Doubtful,
            format!("the time given by --until has come; {waiting}"),
        ),
        Draining::Told(Why::Interrupted) => (
            Paint::Doubtful,
            format!("{waiting}; press Ctrl-C again to leave now, nothing is lost"),
        ),
        Draining::Told(Why::Terminated | Why::HungUp) => (
            Paint::Doubtful,
            format!("{waiting}; a second signal leaves now, nothing is lost"),
        ),
        Draining::Cap(over) => (Paint::Doubtful, format!("{over}; {waiting}")),
        Draining::Account(trouble) => {
            let why = told(trouble);
            (Paint::Bad, format!("a person has to act: {why}; {waiting}"))
        }
        Draining::Unreachable(trouble) => {
            let why = told(trouble);
            (
                Paint::Bad,
                format!("the provider cannot be reached, or takes nothing: {why}; {waiting}"),
            )
        }
        Draining::Disk(why) => {
            let why = shortened(why, 240);
            (
                Paint::Bad,
                format!("images cannot be kept: {why}; {waiting}"),
            )
        }
    };
    line(paint, "stopping", rest)
}

fn told(trouble: &Trouble) -> String {
    let message = shortened(&trouble.message, 240);
    format!("{}: {message}", shortened(&trouble.code, 80))
}

/// Tells that a task is asked about further.
pub(super) fn asking(task: TaskId, most: Duration, trouble: &Trouble) -> Line {
    let (most, why) = (span(most), told(trouble));
    let rest = format!("task {task} is asked about for at most {most} more: {why}");
    line(Paint::Doubtful, "waiting", rest)
}

/// Tells that a task is sent again after a while.
pub(super) fn waiting(task: TaskId, wait: Duration, trouble: &Trouble) -> Line {
    let why = told(trouble);
    let what = if wait.is_zero() {
        "until another task has ended".to_owned()
    } else {
        span(wait)
    };
    let rest = format!("{what} before task {task} is sent again: {why}");
    line(Paint::Doubtful, "waiting", rest)
}

/// Tells that sending pauses, or goes on.
pub(super) fn pause(pause: &Pause) -> (Level, Line) {
    match pause {
        Pause::Began {
            failures,
            wait,
            trouble,
        } => {
            let (failures, wait, why) = (*failures, span(*wait), told(trouble));
            let rest = format!(
                "{failures} sends in a row failed ({why}); one task at a time is tried from now \
                 on, the first in {wait}"
            );
            (Level::Warning, line(Paint::Doubtful, "pausing", rest))
        }
        Pause::GoesOn { wait, trouble } => {
            let (wait, why) = (span(*wait), told(trouble));
            let rest = format!("one more failed ({why}); the next is tried in {wait}");
            (Level::Progress, line(Paint::Doubtful, "pausing", rest))
        }
        Pause::Ended { after } => {
            let rest = format!("the provider answers again, after {}", span(*after));
            (Level::Warning, line(Paint::Good, "going on", rest))
        }
    }
}

/// Tells that what earlier runs left is being settled.
pub(super) fn settling(tasks: u64) -> Line {
    let tasks = count(tasks.max(1), "task");
    let rest = format!("asking the provider about {tasks} that earlier runs left, free of charge");
    line(Paint::Heading, "settling", rest)
}

/// Tells which task is being settled.
pub(super) fn settling_one(task: TaskId) -> Line {
    line(Paint::Heading, "settling", format!("task {task}"))
}

/// Tells that the provider told no price.
pub(super) fn assumed(produced: &Produced) -> Line {
    let cost = produced.cost;
    let rest = format!(
        "the provider told no price; images are booked at {cost}, and the report lists them"
    );
    line(Paint::Doubtful, "assumed", rest)
}

/// Gives what a person should know of an image that was saved.
pub(super) fn remarks(image: &SavedImage) -> Vec<Line> {
    let name = name(image);
    let mut lines = Vec::new();
    if let Some(unlike) = &image.unlike_asked {
        let unlike = shortened(unlike, 240);
        lines.push(line(
            Paint::Doubtful,
            "unlike asked",
            format!("{name}: {unlike}"),
        ));
    }
    if image.produced.as_ref().and_then(|p| p.nsfw) == Some(true) {
        let rest = format!("{name}: flagged by the content check, saved all the same");
        lines.push(line(Paint::Doubtful, "nsfw", rest));
    }
    lines
}

fn name(image: &SavedImage) -> String {
    match &image.intent {
        Some(intent) => takes_of(&intent.shot, intent.variant, image.saved.take, 1),
        None => image.saved.path.clone(),
    }
}

/// Tells of an image that was saved.
pub(super) fn saved(image: &SavedImage) -> Line {
    let saved = &image.saved;
    let (name, path) = (name(image), shortened(&saved.path, 300));
    let (width, height) = (saved.width, saved.height);
    let cost = image.produced.as_ref().map(|p| format!(", {}", p.cost));
    let cost = cost.unwrap_or_default();
    let rest = format!("{name} as {path} ({width}x{height}{cost})");
    line(Paint::Good, "saved", rest)
}

/// Tells that a task is sent.
pub(super) fn sent(intent: &Intent) -> Line {
    let takes = intent.takes;
    let name = takes_of(&intent.shot, intent.variant, takes.first, takes.count);
    let again = if intent.resend > 0 { " again" } else { "" };
    let rest = format!("{name} as task {}{again}", intent.task);
    line(Paint::Heading, "sent", rest)
}

/// Tells that the provider has a task.
pub(super) fn accepted(task: TaskId) -> Line {
    line(Paint::Heading, "accepted", format!("task {task}"))
}

/// Says how many of the takes are saved.
pub(super) fn done(goal: Goal, tally: &Tally) -> String {
    let takes = count(goal.takes.max(tally.ended()), "take");
    format!("{} of {takes} saved", tally.saved)
}

/// Says what is under way, what went wrong, what it cost and how long it may still take.
pub(super) fn progress(goal: Goal, tally: &Tally, elapsed: Duration) -> String {
    let in_flight = tally.in_flight;
    let mut parts = vec![match tally.limit {
        Some(limit) => format!("{in_flight} in flight (at most {limit} for now)"),
        None => format!("{in_flight} in flight"),
    }];
    if tally.pausing {
        parts.push("pausing".to_owned());
    }
    for (takes, word) in [
        (tally.unsure, "unsure"),
        (tally.lost, "lost"),
        (tally.failed, "failed"),
        (tally.refused, "refused"),
        (tally.under_way, "left under way"),
        (tally.pending, "pending"),
        (tally.missing, "missing"),
    ] {
        // Failed and unsure are told even when there are none: that is what is looked for.
        if takes > 0 || matches!(word, "failed" | "unsure") {
            parts.push(format!("{takes} {word}"));
        }
    }
    let (spent, reserved) = (tally.spent, tally.reserved);
    parts.push(match goal.cap {
        Some(cap) => format!("{spent} spent and {reserved} reserved of {cap}"),
        None => format!("{spent} spent and {reserved} reserved"),
    });
    if tally.draining {
        parts.push("stopping".to_owned());
    } else if let Some(left) = time_left(goal, tally, elapsed) {
        parts.push(format!("about {} left", span(left)));
    }
    parts.join(", ")
}

/// Reckons how long the rest takes, at the pace so far.
fn time_left(goal: Goal, tally: &Tally, elapsed: Duration) -> Option<Duration> {
    let ended = tally.ended();
    let left = goal.takes.checked_sub(ended).filter(|left| *left > 0)?;
    let millis = u64::try_from(elapsed.as_millis()).ok()?;
    let rest = millis.checked_mul(left)?.checked_div(ended)?;
    Some(Duration::from_millis(rest))
}

/// Spells a span of time: `1.5 s`, `45 s`, `3 min 05 s`, `2 h 10 min`.
#[must_use]
pub fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0) => format!("{} ms", time.as_millis()),
        (0, 0, s) if s < 10 => format!("{s}.{} s", time.subsec_millis() / 100),
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s:02} s"),
        (h, m, _) => format!("{h} h {m:02} min"),
    }
}

/// Spells a time since the beginning as `HH:MM:SS`.
pub(super) fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}")
}

//! What moved since a plan was signed, for people.

use std::fmt::Write as _;

use crate::domain::digest::Sha256;
use crate::domain::money::Micros;
use crate::ledger::money::plan_number;
use crate::plan::moved::{Change, Comparison, Move, Part, Spot};
use crate::plan::reason::Kept;
use crate::plan::saved::{SavedPlan, Total};
use crate::report::escape::shown;
use crate::report::phrase::{some_of, takes_of};
use crate::report::style::{Paint, Style, count};

/// How many moves are told before they are counted.
const TOLD: usize = 40;

/// A signed plan that was compared with what would be bought now.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The plan.
    pub signed: &'a SavedPlan,
    /// Its digest.
    pub plan: Sha256,
    /// What came of the comparison.
    pub comparison: &'a Comparison,
    /// The output folder that is looked at, as the plan names its own.
    pub output: &'a str,
    /// Whether everything is listed.
    pub full: bool,
}

/// Says what moved, and that nothing was sent.
#[must_use]
pub fn refusal(view: &View<'_>, style: Style) -> String {
    let moves = &view.comparison.moves;
    let head = style.paint(Paint::Bad, "error[plan-moved]");
    let number = plan_number(view.plan);
    let at = view.signed.saved_at.strftime("%Y-%m-%d %H:%MZ");
    let mut out = format!("{head}: this is not what was signed as plan {number}, saved {at}\n");
    let told = if view.full { moves.len() } else { TOLD };
    for moved in moves.iter().take(told) {
        let _written = writeln!(out, "  {}", words(moved));
    }
    if moves.len() > told {
        let more = moves.len() - told;
        let _written = writeln!(out, "  and {more} more; -v lists them all");
    }
    let sent = view.comparison.sent;
    let since = if sent.tasks == 0 {
        String::new()
    } else {
        format!(", beside {} sent under it since", total(sent))
    };
    let before = signed(view.signed);
    let now = total(view.comparison.now);
    let _written = writeln!(out, "Signed: {before} at the most. Now: {now}{since}.");
    if view.signed.output != view.output {
        let (before, now) = (shown(&view.signed.output), shown(view.output));
        let _written = writeln!(
            out,
            "The plan was made with the run log of {before}; this is {now}, which may hold other \
             takes."
        );
    }
    out.push_str(
        "help: put back what moved, or plan and sign anew: `reshoot plan -o FILE`\n\n\
         Nothing was sent, nothing was spent.\n",
    );
    out
}

/// Says how what is bought differs from what was signed though nothing moved; nothing where it
/// does not.
#[must_use]
pub fn notes(view: &View<'_>) -> String {
    let Comparison {
        fewer,
        left_out,
        sent,
        ..
    } = view.comparison;
    let mut out = String::new();
    if sent.tasks > 0 {
        let number = plan_number(view.plan);
        let _written = writeln!(out, "Sent under plan {number} before: {}", total(*sent));
    }
    for why in [
        Some(Kept::ApprovedButStale),
        Some(Kept::Held),
        Some(Kept::Omitted),
        None,
    ] {
        let of_it = fewer.iter().filter(|(_, kept)| *kept == why);
        let names: Vec<_> = of_it.map(|(spot, _)| name(spot)).collect();
        if !names.is_empty() {
            let names = some_of(&names);
            let _written = writeln!(out, "Fewer than signed: {names}: {}", since(why));
        }
    }
    if !left_out.is_empty() {
        let names = left_out.iter().map(|purchase| {
            let takes = purchase.takes;
            takes_of(&purchase.shot, purchase.variant, takes.first, takes.count)
        });
        let names = some_of(&names.collect::<Vec<_>>());
        let _written = writeln!(out, "Left out, for it is not signed: {names}");
    }
    out
}

/// Says why a signed task is left alone since.
const fn since(why: Option<Kept>) -> &'static str {
    match why {
        Some(Kept::ApprovedButStale) => "approved since",
        Some(Kept::Held) => "on hold since",
        Some(Kept::Omitted) => "omitted since",
        _ => "not needed any more",
    }
}

/// Says what was signed.
#[must_use]
pub fn signed(plan: &SavedPlan) -> String {
    let resent = plan.resent();
    let mut words = total(plan.total());
    if !resent.is_zero() {
        let _written = write!(words, " and {resent} for what has to be sent again");
    }
    words
}

fn total(total: Total) -> String {
    let Total {
        takes,
        tasks,
        price,
    } = total;
    let (takes, tasks) = (count(takes, "take"), count(tasks, "task"));
    format!("{takes} in {tasks} for {price}")
}

/// Says one thing that moved.
fn words(moved: &Move) -> String {
    match moved {
        Move::Show(before, now) => {
            let now = now.as_deref().map_or_else(
                || "the manifest has no `show.id` now".to_owned(),
                |now| format!("it is {} now", shown(now)),
            );
            format!("the show was {} when signed; {now}", shown(before))
        }
        Move::Text(path, change) => format!("{}: the text {}", shown(path), became(*change)),
        Move::Reference(path, change) => {
            format!("{}: the reference {}", shown(path), became(*change))
        }
        Move::Price {
            model,
            size,
            before,
            now,
        } => {
            let (model, size) = (shown(model), shown(size));
            format!("price of an image of {model} at {size}: {before} when signed, {now} now")
        }
        Move::Cap { name, before, now } => {
            let amount =
                |cap: &Option<Micros>| cap.map_or_else(|| "none".to_owned(), |cap| cap.to_string());
            let (before, now) = (amount(before), amount(now));
            format!("{} cap: {before} when signed, {now} now", shown(name))
        }
        Move::Task(spot, parts) => format!("{}: {} changed", name(spot), changed(parts)),
        Move::Added(spot, reason) => {
            format!(
                "{}: not signed, and would be bought ({})",
                name(spot),
                reason.word()
            )
        }
        Move::Gone(spot, None) => format!("{}: signed, and not to be bought any more", name(spot)),
        Move::Gone(spot, why) => format!("{}: signed, and {}", name(spot), since(*why)),
    }
}

fn name(spot: &Spot) -> String {
    takes_of(&spot.shot, spot.variant, spot.takes.first, spot.takes.count)
}

const fn became(change: Change) -> &'static str {
    match change {
        Change::Changed => "changed",
        Change::Added => "is new",
        Change::Gone => "is not part of the show any more",
    }
}

fn changed(parts: &[Part]) -> String {
    let words = parts.iter().map(|part| match part {
        Part::Prompt => "prompt",
        Part::References => "references",
        Part::Settings => "settings",
    });
    match words.collect::<Vec<_>>().as_slice() {
        [] => "the request".to_owned(),
        words => format!("the {}", words.join(" and the ")),
    }
}

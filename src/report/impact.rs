//! What a change touches: approved shots that are kept though stale, and the shots of a character.

use std::fmt::Write as _;

use crate::report::escape::{shortened, shown};
use crate::report::outlook::{Becomes, Cast, Stale, to_refresh};
use crate::report::style::{Paint, Style, count};

/// How many shots are named, unless all are asked for.
const NAMED: usize = 10;

/// Tells of the approved shots that are kept though stale.
pub(super) fn tell_stale(stale: &[Stale], full: bool, style: Style, out: &mut String) {
    if stale.is_empty() {
        return;
    }
    let head = style.paint(Paint::Doubtful, "Approved and kept though stale");
    let (takes, price) = to_refresh(stale);
    let takes = count(takes, "take");
    let names = names(stale, full);
    let _written = writeln!(
        out,
        "{head}: {names}; to refresh them: {takes} for {price} (a retake of each buys it)"
    );
}

/// Tells of each character that was asked about.
pub(super) fn tell_casts(casts: &[Cast], full: bool, style: Style, out: &mut String) {
    for cast in casts.iter().filter(|cast| cast.shots() > 0) {
        tell_cast(cast, full, style, out);
    }
}

fn tell_cast(cast: &Cast, full: bool, style: Style, out: &mut String) {
    let title = style.paint(Paint::Heading, &shortened(&cast.title, 80));
    let at = cast.at.as_ref().map(|at| format!(" ({})", shown(at)));
    let shots = count(cast.shots(), "shot");
    let of = match cast.sequences() {
        0 => String::new(),
        sequences => format!(" of {}", count(sequences, "sequence")),
    };
    let takes = count(cast.takes, "take");
    let _written = write!(
        out,
        "{title}{} is in {shots}{of} ({takes}): ",
        at.unwrap_or_default()
    );
    let told = Becomes::ALL.into_iter().filter_map(|becomes| {
        let shots = cast.count_of(becomes);
        (shots > 0).then(|| sentence(becomes, shots, &cast.stale, full))
    });
    out.push_str(&told.collect::<Vec<_>>().join(", "));
    if !cast.stale.is_empty() {
        let (_, price) = to_refresh(&cast.stale);
        let _written = write!(out, "; to refresh those too: {price}");
    }
    out.push('\n');
}

fn sentence(becomes: Becomes, shots: u64, stale: &[Stale], full: bool) -> String {
    let is = if shots == 1 { "is" } else { "are" };
    match becomes {
        Becomes::UpToDate => format!("{shots} {is} up to date"),
        Becomes::UnderWay => format!("{shots} {is} under way"),
        Becomes::Anew => format!("{shots} {is} bought anew"),
        Becomes::First => format!("{shots} {is} bought for the first time"),
        Becomes::Stuck => format!("{shots} {is} unsure, lost, missing or refused"),
        Becomes::HeldBack => format!("{shots} {is} on hold or omitted"),
        Becomes::NotNow => format!("{shots} {is} left out by the selection"),
        Becomes::Stale => {
            let names = names(stale, full);
            format!("{shots} approved {is} kept though stale: {names}")
        }
    }
}

/// Names shots, each once, and says how many more there are.
fn names(stale: &[Stale], full: bool) -> String {
    let mut shots: Vec<_> = stale.iter().collect();
    shots.dedup_by(|a, b| a.shot == b.shot);
    let named = if full { shots.len() } else { NAMED };
    let more = shots.len().saturating_sub(named);
    let names = shots.iter().take(named).map(|stale| {
        let unbought = if stale.is_unbought {
            " (nothing bought yet)"
        } else {
            ""
        };
        format!("{}{unbought}", shortened(stale.shot.as_str(), 80))
    });
    let mut text = names.collect::<Vec<_>>().join(", ");
    if more > 0 {
        let _written = write!(text, " and {more} more");
    }
    text
}

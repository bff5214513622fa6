//! The bill check in words: what a bookkeeper should compare with the provider's bill.

use std::fmt::Write as _;

use crate::ledger::bills::{Bills, Tally};
use crate::report::style::{Paint, Style, count};

/// Tells where charges, files and prices do not meet, or that they do.
pub(super) fn tell(bills: &Bills, style: Style, out: &mut String) {
    let head = style.paint(Paint::Heading, "Bill");
    let found = findings(bills);
    if found.is_empty() {
        let clean = "every charge has its file, every file its charge, at the listed price";
        let _written = writeln!(out, "{head}   {clean}");
        return;
    }
    for (number, finding) in found.iter().enumerate() {
        let margin = if number == 0 { &head } else { "    " };
        let _written = writeln!(out, "{margin}   {finding}");
    }
    let _written = writeln!(out, "       `reshoot report` names each of them");
}

fn findings(bills: &Bills) -> Vec<String> {
    let Bills {
        paid_without_file,
        file_without_charge,
        cost_assumed,
        unlike_listed,
        listed,
        unsure,
        failed,
    } = bills;
    let told = |tally: &Tally, words: &str| {
        let takes = count(tally.takes, "take");
        (tally.takes > 0).then(|| format!("{takes} {words}: {}", tally.money))
    };
    let unlike = told(unlike_listed, "at another price than is listed")
        .map(|words| format!("{words} where {listed} is listed"));
    [
        told(unsure, "unsure, their money reserved"),
        told(failed, "failed and perhaps billed, their money reserved"),
        told(paid_without_file, "paid for and not on disk"),
        told(file_without_charge, "on disk and booked at nothing"),
        told(
            cost_assumed,
            "whose cost was missing or nought, booked at the expected price",
        ),
        unlike,
    ]
    .into_iter()
    .flatten()
    .collect()
}

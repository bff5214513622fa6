//! A run with nothing to do: whether it is one, what it says, and that the next one may know.

use crate::cli::args;
use crate::cli::memo;
use crate::cli::planning::{self, Budget, Wish};
use crate::cli::show::{Checked, Show};
use crate::cli::streams::Streams;
use crate::domain::id::ShowId;
use crate::ledger::fold::Ledger;
use crate::plan::build::Plan;
use crate::plan::reason::Kept;
use crate::report::style::count;

/// Tells whether everything that is wanted is there.
#[must_use]
pub fn is_whole(plan: &Plan, invalid: usize) -> bool {
    invalid == 0 && plan.changed_files.is_empty() && !plan.lacks()
}

/// Says that there is nothing to do.
#[must_use]
pub fn text(show: &Show, plan: &Plan) -> String {
    let have = count(plan.kept(Kept::Have), "take");
    let folder = show.output.display();
    format!("Nothing to do: {have} on disk, in {folder}\n")
}

/// Remembers that everything is there, so that the next run with the same words is quick.
pub fn memorise(
    show: &Show,
    ledger: &Ledger,
    (plan, checked): (&Plan, &Checked),
    streams: &Streams,
) {
    if !streams.json && is_whole(plan, checked.invalid) {
        let talk = show.told(&checked.complaints, streams);
        memo::remember(show, ledger, &talk, &text(show, plan), streams);
    }
}

/// Does the same at the end of a run that made everything, by planning once more.
pub fn memorise_end(
    show: &Show,
    args: &args::Run,
    (id, budget): (&ShowId, &Budget),
    ledger: &Ledger,
    streams: &Streams,
) {
    let wish = Wish {
        show,
        chosen: &args.selection,
        flags: &args.buying,
        listed: 0,
    };
    if let Ok((plan, checked)) = planning::plan(&wish, ledger, id, budget, streams)
        && plan.is_idle()
    {
        memorise(show, ledger, (&plan, &checked), streams);
    }
}

//! `plan`: what would be bought and why, with prices and caps. Offline and free.

use crate::cli::args;
use crate::cli::commands::print;
use crate::cli::exit::Exit;
use crate::cli::show::{Stopped, load, show_id};
use crate::cli::streams::Streams;
use crate::cli::{books, planning};
use crate::report::json;
use crate::report::plan_table::{self, View};
use crate::report::prices::Prices;

/// Shows the plan.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn plan(args: &args::Plan, streams: &Streams) -> Result<Exit, Stopped> {
    let show = load(&args.manifest, streams)?;
    let budget = planning::budget(&show, &args.buying, streams)?;
    let ledger = books::read(&show.output, streams)?;
    let from_manifest = ledger.show_id_from_manifest;
    let id = show_id(&show, ledger.show.as_ref(), from_manifest, streams)?;
    let mut prices = Prices::default();
    let (plan, checked) = planning::plan_with(
        &planning::Wish {
            show: &show,
            chosen: &args.selection,
            flags: &args.buying,
        },
        &ledger,
        &id,
        &budget,
        streams,
        |wanted| prices.add(&ledger, wanted),
    )?;
    show.tell(&checked.complaints, streams);
    let view = View {
        plan: &plan,
        ledger: &ledger,
        caps: &budget.caps,
        prices: &prices,
        full: streams.verbose > 0,
        skipped: &checked.skipped,
    };
    let text = if streams.json {
        json::plan::spell(&view)
    } else {
        plan_table::text(&view, streams.style())
    };
    print(streams, &text)
}

//! `status`: what the run log knows.

use std::collections::HashSet;

use crate::cli::args;
use crate::cli::commands::print;
use crate::cli::exit::Exit;
use crate::cli::show::{Files, Stopped, load, selection, show_id, spelled};
use crate::cli::streams::Streams;
use crate::cli::{books, deciding, planning};
use crate::domain::id::ShotId;
use crate::report::json;
use crate::report::status::{self, Selected, View};

/// Shows what is made, what lacks and what it cost.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn status(args: &args::Show, streams: &Streams) -> Result<Exit, Stopped> {
    let show = load(&args.manifest, streams)?;
    let flags = args::Buying::only_looking();
    let budget = planning::budget(&show, &flags, streams)?;
    // Asked before and after, since a run may begin or end while its log is read.
    let before = books::at_work(&show.output, streams)?;
    let ledger = books::read(&show.output, streams)?;
    let running = match before {
        Some(holder) => Some(holder),
        None => books::at_work(&show.output, streams)?,
    };
    let from_manifest = ledger.show_id_from_manifest;
    let id = show_id(&show, ledger.show.as_ref(), from_manifest, streams)?;
    let wish = planning::Wish {
        show: &show,
        chosen: &args.selection,
        flags: &flags,
        listed: 0,
    };
    let selection = selection(&args.selection, streams)?;
    let mut asked = HashSet::new();
    let mut selected = Selected::by(spelled(&args.selection).join(" "));
    let (plan, _) = planning::plan_with(
        &wish,
        &ledger,
        &id,
        &budget,
        streams,
        |wanted, (entry, _)| {
            if !selection.is_everything() && selection.has(wanted) {
                asked.insert(wanted.shot.clone());
                selected.add(entry);
            }
        },
    )?;
    let is_asked = |shot: &ShotId| selection.is_everything() || asked.contains(shot);
    let decided = deciding::decided(&show, is_asked);
    let absent = Files::open(&show.output, streams)?.absent(&ledger);
    let folder = show.output.to_string_lossy();
    let view = View {
        ledger: &ledger,
        plan: Some(&plan),
        absent: &absent,
        caps: &budget.caps,
        folder: &folder,
        running: running.as_ref(),
        decided: &decided,
        selected: (!selection.is_everything()).then_some(&selected),
    };
    let text = if streams.json {
        json::status::spell(&view)
    } else {
        status::text(&view, streams.style())
    };
    print(streams, &text)
}

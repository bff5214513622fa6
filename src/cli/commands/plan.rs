//! `plan`: what would be bought and why, with prices and caps. Offline and free.

use crate::cli::args;
use crate::cli::commands::print;
use crate::cli::exit::Exit;
use crate::cli::render;
use crate::cli::show::{Show, Stopped, load, show_id};
use crate::cli::signing::{self, Draft};
use crate::cli::streams::Streams;
use crate::cli::{books, planning};
use crate::report::json;
use crate::report::outlook::{Cast, Outlook};
use crate::report::plan_table::{self, View};

/// Shows the plan, and saves it where it is told to.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn plan(args: &args::Plan, streams: &Streams) -> Result<Exit, Stopped> {
    if let Some(file) = &args.output {
        signing::may_save(file, &args.manifest.set, streams)?;
    }
    let show = load(&args.manifest, streams)?;
    let budget = planning::budget(&show, &args.buying, streams)?;
    let ledger = books::read(&show.output, streams)?;
    let from_manifest = ledger.show_id_from_manifest;
    let id = show_id(&show, ledger.show.as_ref(), from_manifest, streams)?;
    let mut outlook = Outlook::of(casts(&show, &args.selection.character));
    let (plan, checked) = planning::plan_with(
        &planning::Wish {
            show: &show,
            chosen: &args.selection,
            flags: &args.buying,
            listed: if streams.json || streams.verbose > 0 || args.output.is_some() {
                usize::MAX
            } else {
                plan_table::ROWS
            },
        },
        &ledger,
        &id,
        &budget,
        streams,
        |wanted, becomes| outlook.add(&ledger, wanted, becomes),
    )?;
    show.tell(&checked.complaints, streams);
    let outlook = outlook.finish();
    let draft = Draft {
        args,
        show: &show,
        ledger: &ledger,
        budget: &budget,
        plan: &plan,
        prices: &outlook.prices,
    };
    let file = args.output.as_ref();
    let saved = file.map(|file| signing::save(&draft, file, streams));
    let saved = saved.transpose()?;
    let view = View {
        plan: &plan,
        ledger: &ledger,
        caps: &budget.caps,
        named: &budget.named,
        outlook: &outlook,
        full: streams.verbose > 0,
        skipped: &checked.skipped,
    };
    let text = if streams.json {
        json::plan::spell(&view, saved.as_ref())
    } else {
        let mut text = plan_table::text(&view, streams.style());
        text.extend(saved.map(|saved| plan_table::saved(&saved, streams.style())));
        text
    };
    print(streams, &text)
}

/// Finds the characters that are asked about; `mira.rain` is one wardrobe of hers.
fn casts(show: &Show, names: &[String]) -> Vec<Cast> {
    let manifest = show.manifest;
    let cast = |name: &String| {
        let (bare, state) = match name.split_once('.') {
            Some((bare, state)) => (bare, Some(state)),
            None => (name.as_str(), None),
        };
        let whole = manifest.characters.get(bare);
        let entry = match state {
            None => whole,
            Some(state) => whole.and_then(|whole| whole.wardrobe.get(state)),
        };
        let called = whole.and_then(|whole| whole.name.as_ref());
        let called = called.map_or(bare, |name| name.value.as_str());
        let title = match state {
            None => called.to_owned(),
            Some(state) => format!("{called} ({state})"),
        };
        let at = entry.and_then(|entry| render::file_and_line(&manifest.sources, entry.place));
        Cast::new(name, title, at)
    };
    names.iter().map(cast).collect()
}

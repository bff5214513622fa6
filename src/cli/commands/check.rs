//! `check`: is everything sound? Offline and free.

use serde_json::json;

use crate::cli::args;
use crate::cli::commands::print;
use crate::cli::exit::Exit;
use crate::cli::render;
use crate::cli::show::{Stopped, load, read, refuse, selection};
use crate::cli::streams::Streams;
use crate::cli::unselected;
use crate::domain::diagnostic::Diagnostic;
use crate::report::columns;
use crate::report::style::count;

/// Checks a show.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn check(args: &args::Check, streams: &Streams) -> Result<Exit, Stopped> {
    if args.columns {
        return survey(&args.manifest, streams);
    }
    let show = load(&args.manifest, streams)?;
    let selection = selection(&args.selection, streams)?;
    let (mut shots, mut variants, mut takes) = (0_u64, 0_u64, 0_u64);
    let mut last = None;
    let checked = show.check(false, streams, |index, wanted| {
        if selection.has(wanted) {
            shots += u64::from(last != Some(index));
            last = Some(index);
            variants += 1;
            takes += u64::from(wanted.takes);
        }
    })?;
    if shots == 0 && !selection.is_everything() {
        return Err(unselected::refuse(&show, &args.selection, streams));
    }
    if streams.json {
        let shown = json!({
            "format": 1,
            "valid": true,
            "shots": shots,
            "variants": variants,
            "takes": takes,
            "complaints": render::json::complaints(&show.manifest.sources, &checked.complaints),
        });
        return print(streams, &format!("{shown:#}\n"));
    }
    show.tell(&checked.complaints, streams);
    let [shots, variants, takes] = [(shots, "shot"), (variants, "variant"), (takes, "take")]
        .map(|(number, word)| count(number, word));
    print(
        streams,
        &format!("{shots}, {variants}, {takes}: all sound\n"),
    )
}

/// Tells what the columns of the lists are taken for, whatever else is wrong with them.
fn survey(args: &args::Manifest, streams: &Streams) -> Result<Exit, Stopped> {
    let outcome = read(args, true, streams)?.outcome;
    let is_broken = outcome.complaints.iter().any(Diagnostic::is_error);
    let exit = if is_broken { Exit::Invalid } else { Exit::Done };
    if streams.json {
        let mut shown = columns::json(&outcome.sources, &outcome.surveys);
        shown["format"] = json!(1);
        shown["valid"] = json!(!is_broken);
        let complaints = render::json::complaints(&outcome.sources, &outcome.complaints);
        shown["complaints"] = complaints;
        return print(streams, &format!("{shown:#}\n")).map(|_| exit);
    }
    let text = columns::text(&outcome.sources, &outcome.surveys, streams.style());
    print(streams, &text)?;
    if is_broken {
        return Err(refuse(&outcome.sources, &outcome.complaints, streams));
    }
    if streams.quiet == 0 && !outcome.complaints.is_empty() {
        let (color, width) = (streams.color_err, streams.width());
        let drawn = render::complaints(&outcome.sources, &outcome.complaints, color, width);
        streams.say(&drawn);
    }
    Ok(exit)
}

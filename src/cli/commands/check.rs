//! `check`: is everything sound? Offline and free.

use serde_json::json;

use crate::cli::args;
use crate::cli::commands::print;
use crate::cli::exit::Exit;
use crate::cli::render;
use crate::cli::show::{Stopped, load, selection};
use crate::cli::streams::Streams;
use crate::report::style::count;

/// Checks a show.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn check(args: &args::Show, streams: &Streams) -> Result<Exit, Stopped> {
    let show = load(&args.manifest, streams)?;
    let selection = selection(&args.selection, streams)?;
    let (mut shots, mut pictures, mut takes) = (0_u64, 0_u64, 0_u64);
    let mut last = None;
    let checked = show.check(false, streams, |index, wanted| {
        if selection.has(wanted) {
            shots += u64::from(last != Some(index));
            last = Some(index);
            pictures += 1;
            takes += u64::from(wanted.takes);
        }
    })?;
    if streams.json {
        let shown = json!({
            "format": 1,
            "valid": true,
            "shots": shots,
            "variants": pictures,
            "takes": takes,
            "complaints": render::json::complaints(&show.manifest.sources, &checked.complaints),
        });
        return print(streams, &format!("{shown:#}\n"));
    }
    show.tell(&checked.complaints, streams);
    let (shots, takes) = (count(shots, "shot"), count(takes, "take"));
    let pictures = count(pictures, "picture");
    print(
        streams,
        &format!("{shots}, {pictures} with their variants, {takes}: all sound\n"),
    )
}

//! `report`: everything that happened, from the run log.

use crate::cli::args::{self, ReportFormat};
use crate::cli::books;
use crate::cli::commands::print;
use crate::cli::exit::Exit;
use crate::cli::show::{Files, Stopped, load};
use crate::cli::streams::Streams;
use crate::report::history::History;
use crate::report::{csv, json};

/// Makes the report.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn report(args: &args::Report, streams: &Streams) -> Result<Exit, Stopped> {
    if streams.json && args.format != ReportFormat::Json {
        streams
            .insist("error: --json prints one object, which --format csv is not: leave one out\n");
        return Err(Exit::Usage);
    }
    let show = load(&args.manifest, streams)?;
    books::must_be_there(&show.output, streams)?;
    let mut history = History::default();
    books::replay(&show.output, streams, |stamped| {
        history.take_in(&stamped).map_err(|why| why.to_string())
    })?;
    let absent = Files::open(&show.output, streams)?.absent(history.ledger());
    let mut report = history.report(&absent);
    let shots = show.manifest.shots.iter();
    let kept: Vec<_> = shots.filter(|shot| !shot.kept.is_empty()).collect();
    report.kept = kept
        .iter()
        .map(|shot| (shot.id.value.as_str(), shot.kept.as_slice()))
        .collect();
    report.decisions = Some(&show.decisions);
    let mut text = Vec::new();
    let spelled = match args.format {
        ReportFormat::Json => json::report::spell(&report, &mut text),
        ReportFormat::Csv => csv::spell(&report, &mut text),
    };
    spelled.map_err(|error| unexpected(&error, streams))?;
    match &args.output {
        None => print(streams, &String::from_utf8_lossy(&text)),
        Some(file) => {
            std::fs::write(file, &text)
                .map_err(|error| unexpected(&format!("{}: {error}", file.display()), streams))?;
            streams.say(&format!("wrote {}\n", file.display()));
            Ok(Exit::Done)
        }
    }
}

fn unexpected(error: &dyn std::fmt::Display, streams: &Streams) -> Stopped {
    streams.insist(&format!("error: {error}\n"));
    Exit::Unexpected
}

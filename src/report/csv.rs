//! The report as a table for spreadsheets: a header, and a row for each take.
//!
//! A row stands for every take that has an image or was tried; a shot that nothing was ever bought
//! for is not in the run log and has no row: `plan` and `status` tell of it. Lines end as RFC 4180
//! says. Cells that a spreadsheet could take for formulas are marked as text, so that the table is
//! for people; the exact texts are in the JSON report.

use std::collections::BTreeSet;
use std::io;

use crate::domain::id::ShotId;
use crate::domain::money::Micros;
use crate::ledger::record::{Made, MadeOf};
use crate::report::escape::csv_cell;
use crate::report::history::report::{Report, Take};

/// The columns, in order.
///
/// The last two tell how a take came about and change with the number of runs it took, the five
/// before them what people decided; all others depend on what was bought alone. The note and the
/// other columns of the shots follow them.
pub const COLUMNS: [&str; 33] = [
    "shot",
    "sequence",
    "variant",
    "values",
    "take",
    "state",
    "why",
    "message",
    "preset",
    "model",
    "file",
    "width",
    "height",
    "bytes",
    "sha256",
    "cost_usd",
    "cost_assumed",
    "reserved_usd",
    "seed",
    "nsfw",
    "prompt",
    "template",
    "references",
    "key",
    "task",
    "image",
    "decision",
    "decision_note",
    "decision_by",
    "decision_at",
    "chosen",
    "run",
    "saved_at",
];

/// Writes the table.
///
/// # Errors
/// Passes on what the writer says.
pub fn spell(report: &Report<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let mut table = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(out);
    let kept = kept_columns(report);
    let head = COLUMNS.iter().map(|column| (*column).to_owned());
    table.write_record(head.chain(kept.iter().map(|header| kept_header(header))))?;
    for take in &report.takes {
        let mut cells = Vec::from(row(report, take));
        let own = report.kept.get(take.known.shot.as_str());
        let own = own.copied().unwrap_or_default();
        cells.extend(kept.iter().map(|header| kept_cell(own, header)));
        table.write_record(cells.iter().map(|cell| csv_cell(cell).into_owned()))?;
    }
    table.flush()
}

/// Finds the columns that the shots of the report have beside those that mean something here.
fn kept_columns<'a>(report: &Report<'a>) -> BTreeSet<&'a str> {
    let told = report.takes.iter();
    let kept = told.filter_map(|take| report.kept.get(take.known.shot.as_str()));
    let cells = kept.flat_map(|kept| kept.iter());
    cells.map(|(header, _)| header.as_str()).collect()
}

/// Names such a column; one that is called as one of ours is told apart.
fn kept_header(header: &str) -> String {
    let header = csv_cell(header).into_owned();
    if COLUMNS.contains(&header.as_str()) {
        format!("{header} (of the list)")
    } else {
        header
    }
}

/// Gives a shot's cell in such a column; a list may have two columns of one name.
fn kept_cell(kept: &[(String, String)], header: &str) -> String {
    let cells = kept.iter().filter(|(name, _)| name == header);
    let cells: Vec<&str> = cells.map(|(_, cell)| cell.as_str()).collect();
    cells.join("; ")
}

fn row(report: &Report<'_>, take: &Take<'_>) -> [String; COLUMNS.len()] {
    let (decision, is_chosen) = report.decision(take);
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    let bought = &take.trail.bought;
    let (made, file, trouble) = (&*bought.made, take.file(), take.trouble());
    let number = |number: Option<u32>| number.map(|n| n.to_string()).unwrap_or_default();
    let saved_at = take.image_trail.and_then(|image| image.saved_at);
    [
        ShotId::as_str(&bought.shot).to_owned(),
        made.sequence.clone().unwrap_or_default(),
        bought.variant.0.to_string(),
        values(made),
        take.number.to_string(),
        take.state().word().to_owned(),
        trouble
            .map(|trouble| trouble.code.clone())
            .unwrap_or_default(),
        trouble
            .map(|trouble| trouble.message.clone())
            .unwrap_or_default(),
        made.preset.clone(),
        made.model.clone(),
        file.map(|file| file.path.clone()).unwrap_or_default(),
        number(file.map(|file| file.width)),
        number(file.map(|file| file.height)),
        file.map(|file| file.bytes.to_string()).unwrap_or_default(),
        file.map(|file| file.sha256.to_string()).unwrap_or_default(),
        dollars(take.spent()),
        yes_or_no(take.image.map(|image| image.cost_assumed)),
        dollars(take.reserved()),
        take.image
            .and_then(|image| image.seed)
            .map(|seed| seed.to_string())
            .unwrap_or_default(),
        yes_or_no(take.image.and_then(|image| image.nsfw)),
        made.prompt.clone(),
        made.template.clone(),
        references(&made.references),
        bought.key.to_string(),
        take.task.to_string(),
        take.image
            .map(|image| image.image.to_string())
            .unwrap_or_default(),
        decision
            .map(|made| made.kind.word())
            .unwrap_or_default()
            .to_owned(),
        text(decision.and_then(|made| made.note.as_ref())),
        text(decision.and_then(|made| made.by.as_ref())),
        decision.map(|made| made.at.to_string()).unwrap_or_default(),
        yes_or_no(is_chosen.then_some(true)),
        bought.run.to_string(),
        saved_at.map(|at| at.to_string()).unwrap_or_default(),
    ]
}

/// Spells money as a plain decimal number of dollars.
fn dollars(amount: Micros) -> String {
    amount.to_string().trim_start_matches('$').to_owned()
}

fn yes_or_no(value: Option<bool>) -> String {
    let word = match value {
        Some(true) => "yes",
        Some(false) => "no",
        None => "",
    };
    word.to_owned()
}

fn values(made: &Made) -> String {
    let spelled = made
        .values
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    spelled.collect::<Vec<_>>().join("; ")
}

fn references(references: &[MadeOf]) -> String {
    let spelled = references.iter().map(|reference| {
        let source = reference.source.as_deref().unwrap_or("(data URI)");
        match &reference.role {
            Some(role) => format!("{source} ({role})"),
            None => source.to_owned(),
        }
    });
    spelled.collect::<Vec<_>>().join("; ")
}

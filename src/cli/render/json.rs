//! Complaints as JSON, for `--json`.

use serde_json::{Value, json};

use crate::cli::render::position::{Positions, named};
use crate::domain::diagnostic::{Diagnostic, Place, Sources};
use crate::manifest::table;

/// Gives every complaint as an object, in the order of files and places.
///
/// Keys: `severity`, `code`, `message`, `file`, `line`, `column`, `cell`, `shot`, `expected`,
/// `facts`, `help`, `related`; what is not known is null, lines and columns count from 1.
#[must_use]
pub fn complaints(sources: &Sources, diagnostics: &[Diagnostic]) -> Value {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|diagnostic| (diagnostic.place.is_some(), diagnostic.place));
    let mut positions = Positions::of(sources);
    let complaints = sorted.into_iter();
    Value::Array(
        complaints
            .map(|diagnostic| complaint(sources, &mut positions, diagnostic))
            .collect(),
    )
}

fn complaint(sources: &Sources, positions: &mut Positions<'_>, diagnostic: &Diagnostic) -> Value {
    let related: Vec<Value> = diagnostic
        .related
        .iter()
        .map(|(place, word)| {
            let mut at = position(sources, positions, *place);
            at["message"] = json!(word);
            at
        })
        .collect();
    let mut complaint = match diagnostic.place {
        Some(place) => position(sources, positions, place),
        None => json!({
            "file": diagnostic.file,
            "line": null,
            "column": null,
            "cell": null,
        }),
    };
    complaint["severity"] = json!(diagnostic.severity.word());
    complaint["code"] = json!(diagnostic.code);
    complaint["message"] = json!(diagnostic.message);
    complaint["shot"] = json!(diagnostic.shot.as_ref().map(ToString::to_string));
    complaint["expected"] = json!(diagnostic.expected);
    complaint["facts"] = json!(diagnostic.facts);
    complaint["help"] = json!(diagnostic.help);
    complaint["related"] = Value::Array(related);
    complaint
}

fn position(sources: &Sources, positions: &mut Positions<'_>, place: Place) -> Value {
    let source = sources.get(place.file);
    let at = positions.line_and_column(place);
    let cell = place
        .cell
        .zip(source)
        .map(|(cell, source)| named(cell, &table::headers(source)));
    json!({
        "file": source.map(|source| &source.path),
        "line": at.map(|(line, _)| line),
        "column": at.map(|(_, column)| column),
        "cell": cell,
    })
}

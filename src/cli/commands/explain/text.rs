//! What `explain` prints for a person.

use crate::cli::commands::explain::Told;
use crate::cli::commands::explain::account::{Account, Brought, Piece, Setting, spelled};
use crate::cli::show::Show;
use crate::report::escape::shown;

/// Tells one variant.
pub(super) fn variant(show: &Show, told: &Told<'_>) -> String {
    let (wanted, account) = (told.wanted, &told.account);
    let mut lines = vec![format!(
        "shot {}, variant {}",
        shown(wanted.shot.as_str()),
        wanted.variant
    )];
    let values = wanted.values.iter();
    lines.extend(values.map(|(name, value)| format!("  {} = {}", shown(name), shown(value))));
    lines.push(format!(
        "written at {}",
        shown(&spelled(show, wanted.place))
    ));
    let model = wanted.request.model;
    lines.push(format!(
        "{}/{} references, {}/{} characters",
        wanted.request.references.len(),
        model.references,
        account.chars,
        model.prompt_chars.1
    ));
    lines.extend([String::new(), "prompt:".to_owned()]);
    let prompt = wanted.request.prompt.lines();
    lines.extend(prompt.map(|line| format!("  {}", shown(line))));
    lines.push("every word of it:".to_owned());
    pieces(&account.pieces, &mut lines);
    lines.push("references:".to_owned());
    references(account, &mut lines);
    unnamed(account, &mut lines);
    lines.push("settings:".to_owned());
    for one in &account.settings {
        setting(one, &mut lines);
    }
    let fields = account.fields.iter();
    let fields = fields.map(|(name, value)| match value.as_str() {
        "" => format!("{{{name}}} is empty"),
        value => format!("{{{name}}} is {value}"),
    });
    lines.push(format!(
        "name: {}",
        shown(&fields.collect::<Vec<_>>().join(", "))
    ));
    lines.extend(told.files().iter().map(|file| format!("  {}", shown(file))));
    lines.push("request:".to_owned());
    lines.extend(told.request().lines().map(|line| format!("  {line}")));
    lines.push(format!("key {}", wanted.key));
    lines.push(format!("status: {}", told.decided.words()));
    lines.push(format!("plan: {}", told.why().join("; ")));
    lines.push(String::new());
    lines.join("\n")
}

fn pieces(pieces: &[Piece], lines: &mut Vec<String>) {
    let rows: Vec<(String, String, String)> = pieces
        .iter()
        .map(|piece| {
            let place = piece.place.clone().unwrap_or_default();
            (who(piece), place, format!("{:?}", piece.text))
        })
        .collect();
    let width = |cell: fn(&(String, String, String)) -> &String| {
        let widths = rows.iter().map(|row| cell(row).chars().count());
        widths.max().unwrap_or_default()
    };
    let (who, place) = (width(|row| &row.0), width(|row| &row.1));
    lines.extend(rows.iter().map(|row| {
        let line = format!("  {:who$}  {:place$}  {}", row.0, row.1, row.2);
        shown(&line).into_owned()
    }));
}

fn who(piece: &Piece) -> String {
    let name = piece.name.as_deref();
    let source = piece.source.as_deref().unwrap_or_default();
    match (piece.kind, piece.part) {
        ("marker", _) => format!("reference {}", name.unwrap_or_default()),
        ("template", _) => format!("prompt, {source}"),
        ("var", _) => format!("{{{}}}, {source}", name.unwrap_or_default()),
        (_, Some(part)) => format!("{part} of {}", name.unwrap_or("the shot's own")),
        (_, None) => "reshoot".to_owned(),
    }
}

fn references(account: &Account, lines: &mut Vec<String>) {
    for sent in &account.references {
        let first = sent.given.first().map(brought).unwrap_or_default();
        let measures = match sent.measures {
            Some((bytes, width, height)) => format!("  {width}x{height}, {bytes} bytes"),
            None => String::new(),
        };
        let sha256 = sent.sha256.get(..16).unwrap_or_default();
        let (marker, image) = (&sent.marker, &sent.image);
        let line = format!("  {marker}  {first}  {image}{measures}  sha256 {sha256}…");
        lines.push(shown(&line).into_owned());
        let place = sent.given.first().and_then(|given| given.place.as_deref());
        let place = place.map(|at| format!("{at}; ")).unwrap_or_default();
        lines.push(shown(&format!("      {place}{}", sent.why)).into_owned());
        lines.extend(sent.given.iter().skip(1).map(|given| {
            let line = format!("      the same picture, sent once: {}", with_place(given));
            shown(&line).into_owned()
        }));
    }
    if let Some(left) = &account.compacted {
        lines.push(format!(
            "  left out as `ref_limit = \"compact\"` asks, {} -> {}:",
            left.before, left.after
        ));
        let left_out = left.references.iter();
        lines.extend(left_out.map(|given| {
            let line = format!("      {}; the sheet goes instead", with_place(given));
            shown(&line).into_owned()
        }));
    }
}

/// Says what the shot lists that its prompt never names.
fn unnamed(account: &Account, lines: &mut Vec<String>) {
    for (kind, key, times) in &account.listed {
        if *times == 0 && *kind != crate::expand::bible::Kind::Look {
            let line = format!(
                "  {} {key} is listed, but its prompt never names it: only the first lines tell of it",
                kind.word()
            );
            lines.push(shown(&line).into_owned());
        }
    }
}

fn brought(given: &Brought) -> String {
    let entry = given.entry.as_deref().unwrap_or("the shot's own");
    let mut words = vec![entry];
    words.extend(given.role.as_deref());
    words.extend(given.scope.as_deref());
    words.join(", ")
}

fn with_place(given: &Brought) -> String {
    let place = given.place.as_deref();
    let place = place.map(|at| format!(" ({at})")).unwrap_or_default();
    format!("{}{place}", brought(given))
}

fn setting(setting: &Setting, lines: &mut Vec<String>) {
    let at = |source: &str, place: Option<&str>| match place {
        Some(place) => format!("{source}, {place}"),
        None => source.to_owned(),
    };
    let from = at(&setting.source, setting.place.as_deref());
    let line = format!("  {} = {}  ({from})", setting.name, setting.value);
    lines.push(shown(&line).into_owned());
    lines.extend(setting.overridden.iter().map(|said| {
        let from = at(&said.source, said.place.as_deref());
        let by = &setting.source;
        let line = format!("      {from} says {}, overridden by {by}", said.value);
        shown(&line).into_owned()
    }));
}

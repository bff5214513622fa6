//! What `explain --json` prints.

use serde_json::{Value, json};

use crate::cli::commands::explain::Told;
use crate::cli::commands::explain::account::{Account, Brought, LeftOut, Piece, Sent, Setting};
use crate::cli::render;
use crate::cli::show::Show;
use crate::report::json::decided::DecidedJson;

/// Gives one variant as an object.
pub(super) fn variant(show: &Show, told: &Told<'_>) -> Value {
    let (wanted, account) = (told.wanted, &told.account);
    let model = wanted.request.model;
    let request: Value = serde_json::from_str(&told.request()).unwrap_or_default();
    json!({
        "variant": wanted.variant.0,
        "values": wanted.values,
        "counts": {
            "references": wanted.request.references.len(),
            "most_references": model.references,
            "characters": account.chars,
            "most_characters": model.prompt_chars.1,
        },
        "prompt": &*wanted.request.prompt,
        "prompt_chars": account.chars,
        "segments": account.pieces.iter().map(segment).collect::<Vec<_>>(),
        "references": account.references.iter().map(reference).collect::<Vec<_>>(),
        "compacted": account.compacted.as_ref().map(compacted),
        "listed": listed(account),
        "request": request,
        "key": wanted.key.to_string(),
        "settings": account.settings.iter().map(setting).collect::<Vec<_>>(),
        "name_fields": name_fields(account),
        "status": DecidedJson::of(told.decided),
        "why": told.why(),
        "files": told.files(),
        "complaints": render::json::complaints(&show.manifest.sources, &account.warnings),
    })
}

fn segment(piece: &Piece) -> Value {
    json!({
        "text": piece.text,
        "from": piece.kind,
        "name": piece.name,
        "part": piece.part,
        "source": piece.source,
        "place": piece.place,
    })
}

fn reference(sent: &Sent) -> Value {
    let first = sent.given.first();
    json!({
        "marker": sent.marker,
        "entry": first.and_then(|given| given.entry.as_deref()),
        "role": first.and_then(|given| given.role.as_deref()),
        "use": first.and_then(|given| given.scope.as_deref()),
        "place": first.and_then(|given| given.place.as_deref()),
        "image": sent.image,
        "sha256": sent.sha256,
        "bytes": sent.measures.map(|(bytes, _, _)| bytes),
        "width": sent.measures.map(|(_, width, _)| width),
        "height": sent.measures.map(|(_, _, height)| height),
        "why": sent.why,
        "same_content": sent.given.iter().skip(1).map(brought).collect::<Vec<_>>(),
    })
}

fn brought(given: &Brought) -> Value {
    json!({
        "entry": given.entry,
        "role": given.role,
        "use": given.scope,
        "place": given.place,
    })
}

fn compacted(left: &LeftOut) -> Value {
    json!({
        "characters": left.characters,
        "before": left.before,
        "after": left.after,
        "left_out": left.references.iter().map(brought).collect::<Vec<_>>(),
    })
}

fn listed(account: &Account) -> Vec<Value> {
    let listed = account.listed.iter();
    listed
        .map(|(kind, key, times)| json!({ "kind": kind.word(), "key": key, "named": times }))
        .collect()
}

fn setting(setting: &Setting) -> Value {
    let overridden = setting
        .overridden
        .iter()
        .map(|said| json!({ "value": said.value, "source": said.source, "place": said.place }));
    json!({
        "name": setting.name,
        "value": setting.value,
        "source": setting.source,
        "place": setting.place,
        "overridden": overridden.collect::<Vec<_>>(),
    })
}

fn name_fields(account: &Account) -> Value {
    let fields = account.fields.iter();
    Value::Object(
        fields
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect(),
    )
}

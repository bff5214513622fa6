//! `--set key=value`: a last layer above all others.

use crate::domain::diagnostic::{Diagnostic, Place, Placed};
use crate::manifest::keys::layer::CREATIVE;
use crate::manifest::keys::names;
use crate::manifest::keys::technical::TECHNICAL;
use crate::manifest::rules::check_name;
use crate::manifest::setting::{Given, Setting};
use crate::manifest::settings::Layer;
use crate::manifest::shown::shown;
use crate::manifest::unknown;

/// Applies one `key=value` that stands at a place.
pub(super) fn apply(text: &str, place: Place, layer: &mut Layer, complaints: &mut Vec<Diagnostic>) {
    let Some((key, value)) = text.split_once('=') else {
        let complaint = Diagnostic::error("bad-set", format!("{} sets nothing", shown(text)));
        let help = match text.split_once(':') {
            Some((key, value)) => format!("write `--set {}={}`", key.trim(), value.trim()),
            None => format!("write a value behind it, such as `--set {}=…`", text.trim()),
        };
        let help = if text.contains("//") {
            "write `--set name=value`".to_owned()
        } else {
            help
        };
        complaints.push(
            complaint
                .at(place)
                .expected("`name=value`, such as `takes=2`")
                .help(help),
        );
        return;
    };
    let offset = |at: usize| place.start + u32::try_from(at).unwrap_or_default();
    let key_place = Place {
        end: offset(key.len()),
        ..place
    };
    let value_place = Place {
        start: offset(key.len() + 1),
        ..place
    };
    let key = key.trim();
    let setting = Setting {
        key,
        given: Given::Loose(value),
        place: Some(value_place),
    };
    let text = || Placed::at(value.to_owned(), value_place);
    if let Some(name) = key.strip_prefix("vars.") {
        match check_name(name) {
            Ok(()) => {
                layer.vars.insert(name.to_owned(), text());
            }
            Err((message, help)) => {
                let complaint = Diagnostic::error("bad-name", message).at(key_place);
                complaints.push(complaint.help(help));
            }
        }
        return;
    }
    match key {
        "action" => {
            layer.vars.insert(key.to_owned(), text());
        }
        "characters" => layer.characters = Some(listed(value, value_place)),
        "props" => layer.props = Some(listed(value, value_place)),
        _ => {
            let taken = setting.creative(layer, complaints)
                || setting.technical(&mut layer.technical, complaints);
            if !taken {
                complaints.push(stranger(key, key_place));
            }
        }
    }
}

fn listed(value: &str, place: Place) -> Vec<Placed<String>> {
    let names = value.split(';').map(str::trim);
    names
        .filter(|name| !name.is_empty() && *name != "-")
        .map(|name| Placed::at(name.to_owned(), place))
        .collect()
}

fn stranger(key: &str, place: Place) -> Diagnostic {
    let mut known = names(CREATIVE);
    known.extend(names(TECHNICAL));
    known.extend(["characters", "props", "action"]);
    let complaint = unknown::complaint(key, "`--set`", &known).at(place);
    match complaint.help.as_deref() {
        Some(help) if help.contains("` ") => {
            complaint.help("set one of these, or `vars.NAME` for a word of your own")
        }
        _ => complaint,
    }
}

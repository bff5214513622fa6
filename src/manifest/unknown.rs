//! What is said of a setting that nobody knows, whichever text names it.

use crate::domain::diagnostic::Diagnostic;
use crate::manifest::keys::layer::{CREATIVE, DEFAULTS};
use crate::manifest::keys::shots::SHOT;
use crate::manifest::keys::show::{RUN, SHOW};
use crate::manifest::keys::technical::TECHNICAL;
use crate::manifest::keys::{ROOT, has};
use crate::manifest::shown::{any_of, nearest, shown};

/// How many settings are named where one of them is near.
const FEW: usize = 3;

/// Words that other programs use for a setting, with the setting.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("amount", "run"),
    ("columns", "columns"),
    ("count", "takes"),
    ("description", "text"),
    ("folder", "output"),
    ("image", "references"),
    ("images", "references"),
    ("max", "run"),
    ("path", "file"),
    ("ratio", "aspect_ratio"),
    ("ref", "references"),
    ("refs", "references"),
    ("src", "file"),
    ("threads", "jobs"),
    ("total", "show"),
    ("usage", "use"),
    ("workers", "jobs"),
];

/// Complains of a setting that is not one of those known within a place, such as `[show]`.
pub(super) fn complaint(key: &str, within: &str, known: &[&str]) -> Diagnostic {
    let message = format!("{within} has no setting {}", shown(key));
    let complaint = Diagnostic::error("unknown-key", message);
    if let Some(meant) = meant(key, known) {
        let complaint = complaint.help(format!("write `{meant}`"));
        return complaint.expected(some(meant, known));
    }
    let complaint = complaint.expected(these(known));
    match home(key) {
        Some(home) => complaint.help(format!("write `{key}` {home}")),
        None if known.contains(&"vars") => complaint.help(format!(
            "to use it in prompts, write it as `vars = {{ {key} = \"…\" }}`; else take it out"
        )),
        None if known.contains(&"keep") => {
            complaint.help("say it in `text` or `keep`, or take it out")
        }
        None => complaint.help(OUT),
    }
}

/// Complains of a section that no manifest has, such as `[character.mira]`.
pub(super) fn section(key: &str) -> Diagnostic {
    let others = |name: &&str| !matches!(*name, "manifest" | "include" | "shots");
    let sections: Vec<String> = ROOT
        .names()
        .into_iter()
        .filter(others)
        .map(headed)
        .collect();
    let sections: Vec<&str> = sections.iter().map(String::as_str).collect();
    let message = format!("a manifest has no section {}", shown(&headed(key)));
    let complaint = Diagnostic::error("unknown-key", message);
    let complaint = complaint.expected(format!("{} or `[[shots]]`", sections_of(&sections)));
    complaint.help(match (key, meant(key, &ROOT.names())) {
        ("shot", _) | (_, Some("shots")) => "write `[[shots]]`".to_owned(),
        ("wardrobe", _) => "write `[characters.NAME.wardrobe.STATE]`".to_owned(),
        (_, Some(meant)) => format!("write `{meant}`"),
        (key, None) => format!("write what it is before its name, such as `[characters.{key}]`"),
    })
}

fn headed(key: &str) -> String {
    format!("[{key}]")
}

fn sections_of(sections: &[&str]) -> String {
    let quoted: Vec<String> = sections.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// What to do about a setting that is of no use anywhere.
const OUT: &str = "take it out, or write `#` before it to keep it as a remark";

/// Finds the setting that is meant.
fn meant<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let other = || {
        let plain = key.to_lowercase();
        let (_, word) = OTHER_WORDS.iter().find(|(other, _)| *other == plain)?;
        known.iter().copied().find(|known| known == word)
    };
    nearest(key, known.iter().copied()).or_else(other)
}

/// Says where a setting belongs that stands in the wrong place.
fn home(key: &str) -> Option<String> {
    if ROOT.has(key) && !matches!(key, "manifest" | "include" | "shots") {
        Some(format!("as a heading of its own, `[{key}]`"))
    } else if RUN.has(key) {
        Some("under `[run]`".to_owned())
    } else if has(CREATIVE, key) || (DEFAULTS.has(key) && !has(TECHNICAL, key)) {
        Some("under `[defaults]`, a sequence or a shot".to_owned())
    } else if has(TECHNICAL, key) {
        Some("under `[defaults]` or a preset".to_owned())
    } else if SHOT.has(key) {
        Some("in a shot, below `[[shots]]`".to_owned())
    } else if SHOW.has(key) {
        Some("under `[show]`".to_owned())
    } else {
        None
    }
}

/// Names the setting that is meant among the few that come nearest to it.
fn some(meant: &str, known: &[&str]) -> String {
    if known.len() <= 2 * FEW {
        return any_of(known);
    }
    let mut others: Vec<(usize, &str)> = known
        .iter()
        .filter(|other| **other != meant)
        .map(|other| (strsim::damerau_levenshtein(meant, other), *other))
        .collect();
    others.sort_by_key(|(distance, _)| *distance);
    let near = others.into_iter().map(|(_, other)| other).take(FEW - 1);
    let listed: Vec<&str> = std::iter::once(meant).chain(near).collect();
    format!("a setting such as {}", any_of(&listed))
}

/// Lists settings for a reader; the technical ones are summed up where they stand beside others.
///
/// A table that shares only a name with them, as `[show]` does with its `output`, lists all.
fn these(known: &[&str]) -> String {
    let is_technical = |key: &&str| has(TECHNICAL, key) && *key != "references";
    let others: Vec<&str> = known.iter().copied().filter(|k| !is_technical(k)).collect();
    let is_layer = TECHNICAL.iter().all(|key| known.contains(&key.name));
    if others.len() <= 3 || !is_layer {
        any_of(known)
    } else {
        format!("{}, or a setting of presets", any_of(&others))
    }
}

//! What is said of a name that no entry of the bible has.

use crate::domain::diagnostic::{Diagnostic, Place};
use crate::expand::bible::{Bible, Kind, Member};
use crate::expand::template::is_name;
use crate::manifest::shown::{nearest, one_of, shown};

/// What people put between names that a list separates with `;`.
const BETWEEN: [&str; 10] = [
    ",", "/", "&", "+", "|", "\n", " and ", " und ", " with ", " et ",
];

/// Complains of a name, and says which is meant.
pub(super) fn complaint(
    bible: &Bible<'_>,
    kind: Kind,
    name: &str,
    place: Option<Place>,
) -> Diagnostic {
    let (code, word) = match kind {
        Kind::Character => ("unknown-character", "character"),
        Kind::Location => ("unknown-location", "location"),
        Kind::Prop => ("unknown-prop", "prop"),
        Kind::Look => ("unknown-look", "look"),
    };
    let message = format!("no {word} is called {}", shown(name));
    let complaint = Diagnostic::error(code, message).at(place);
    let members: Vec<&Member<'_>> = bible.iter().filter(|member| member.kind == kind).collect();
    if members.is_empty() {
        return complaint
            .expected(format!("an entry of the bible; there are no {word}s"))
            .help(add(word, name, "add ") + &free_text(kind, word, place));
    }
    if let Some(complaint) = undressed(&complaint, &members, word, name) {
        return complaint;
    }
    let keys = || members.iter().map(|member| member.key.as_str());
    let complaint = complaint.expected(one_of(keys()));
    if let Some(several) = several(&members, name) {
        let in_list = place.is_some_and(|place| place.cell.is_some());
        return complaint.help(if in_list {
            format!("separate names with `;`: `{}`", several.join("; "))
        } else {
            format!(
                "write each name in quotes of its own: `\"{}\"`",
                several.join("\", \"")
            )
        });
    }
    if let Some(member) = meant(&members, name) {
        let is_case_alone = member.key.to_lowercase() == name.to_lowercase();
        let add = if is_case_alone {
            String::new()
        } else {
            add(word, name, ", or add ")
        };
        return complaint
            .related(Some(member.place), format!("`{}` is here", member.key))
            .help(format!("write `{}`{add}", member.key));
    }
    let other = bible.of_key(name).next();
    let complaint = match other {
        Some(other) => complaint.fact(format!("`{name}` is a {}", other.kind.word())),
        None => complaint,
    };
    complaint.help(format!(
        "name a {word} there is{}{}",
        add(word, name, ", or add "),
        free_text(kind, word, place)
    ))
}

/// Says what to do about a column that does not hold names at all.
fn free_text(kind: Kind, word: &str, place: Option<Place>) -> String {
    if place.is_none_or(|place| place.cell.is_none()) {
        return String::new();
    }
    format!(
        "; if the column holds free text, map it under `[columns]`: `\"{}\" = \"var: {word}_text\"`",
        column_of(kind)
    )
}

/// Names the column of a shot list that holds such entries.
const fn column_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Character => "Characters",
        Kind::Location => "Location",
        Kind::Prop => "Props",
        Kind::Look => "Look",
    }
}

/// Says what to add to the bible; nothing for a name that a heading cannot hold.
fn add(word: &str, name: &str, before: &str) -> String {
    if is_name(name) && !name.contains('.') {
        format!("{before}`[{word}s.{name}]` to the bible")
    } else if before.starts_with(',') {
        String::new()
    } else {
        format!("{before}a heading such as `[{word}s.NAME]` to the bible")
    }
}

/// Complains of a state that its character does not have.
fn undressed(
    complaint: &Diagnostic,
    members: &[&Member<'_>],
    word: &str,
    name: &str,
) -> Option<Diagnostic> {
    let (base, state) = name.split_once('.')?;
    let base = members.iter().find(|member| member.key == base)?;
    let own = format!("{}.", base.key);
    let states = members.iter().map(|member| member.key.as_str());
    let states: Vec<&str> = states.filter(|key| key.starts_with(&own)).collect();
    let mut known = states.clone();
    known.insert(0, &base.key);
    let near = nearest(name, states.iter().copied()).unwrap_or(&base.key);
    let expected = if states.is_empty() {
        format!("`{}`, which has no wardrobe", base.key)
    } else {
        one_of(known)
    };
    let heading = if is_name(state) {
        format!(
            ", or add `[{word}s.{}.wardrobe.{state}]` to the bible",
            base.key
        )
    } else {
        String::new()
    };
    let complaint = complaint.clone().expected(expected);
    let complaint = complaint.related(Some(base.place), format!("`{}` is here", base.key));
    Some(complaint.help(format!("write `{near}`{heading}")))
}

/// Finds the entry that is meant: one that is called so, or spelled nearly so.
fn meant<'a, 'm>(members: &[&'a Member<'m>], name: &str) -> Option<&'a Member<'m>> {
    let plain = |text: &str| text.trim().to_lowercase().replace(['_', '-', ' '], "");
    let find = |fits: &dyn Fn(&Member<'_>) -> bool| members.iter().copied().find(|m| fits(m));
    find(&|member| plain(&member.key) == plain(name))
        .or_else(|| find(&|member| plain(member.shown) == plain(name)))
        .or_else(|| {
            let near = nearest(name, members.iter().map(|member| member.key.as_str()))?;
            find(&|member| member.key == near)
        })
}

/// Reads a value as several names, if each of its parts is one.
fn several<'a>(members: &[&'a Member<'_>], value: &str) -> Option<Vec<&'a str>> {
    BETWEEN.into_iter().find_map(|between| {
        let parts = value.split(between).map(str::trim);
        let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
        if parts.len() < 2 {
            return None;
        }
        let keys = parts
            .into_iter()
            .map(|part| Some(meant(members, part)?.key.as_str()));
        keys.collect()
    })
}

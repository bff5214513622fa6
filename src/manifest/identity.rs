//! Identities of shots: their form, their parts, and that no two are alike.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::domain::diagnostic::{Diagnostic, Place, Placed};
use crate::domain::id::ShotId;
use crate::manifest::model::Shot;
use crate::manifest::shots::Shots;
use crate::manifest::shown::shown;

/// The longest id in bytes: it becomes part of file names, which end at 255.
const LONGEST: usize = 200;

/// What a shot is called and which sequence it belongs to.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// The id.
    pub(super) id: Placed<ShotId>,
    /// The episode.
    pub(super) episode: Option<String>,
    /// The sequence within the episode.
    pub(super) sequence: Option<String>,
    /// The last part of the id.
    pub(super) name: String,
}

/// The parts that a shot gives of its identity.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    /// `id`.
    pub(super) id: Option<Placed<String>>,
    /// `episode`.
    pub(super) episode: Option<Placed<String>>,
    /// `sequence`.
    pub(super) sequence: Option<Placed<String>>,
    /// `name`, or `shot`.
    pub(super) name: Option<Placed<String>>,
}

impl Given {
    /// Tells whether the shot is named at all, so that it needs no number.
    pub(super) const fn is_named(&self) -> bool {
        self.id.is_some() || self.name.is_some()
    }

    /// Gives what stands before the name: episode and sequence, or nothing.
    pub(super) fn prefix(&self) -> String {
        let mut prefix = String::new();
        for part in [&self.episode, &self.sequence].into_iter().flatten() {
            prefix.push_str(&part.value);
            prefix.push('/');
        }
        prefix
    }

    /// Makes the identity; `fallback` names a shot that has neither id nor name.
    pub(super) fn identify(
        self,
        fallback: impl FnOnce() -> Placed<String>,
        complaints: &mut Vec<Diagnostic>,
    ) -> Option<Identity> {
        let prefix = self.prefix();
        let text = match (self.id, self.name) {
            (Some(id), _) => id,
            (None, name) => name
                .unwrap_or_else(fallback)
                .map(|name| format!("{prefix}{name}")),
        };
        if let Err((message, help)) = check(&text.value) {
            complaints.push(
                Diagnostic::error("bad-id", message)
                    .at(text.place)
                    .help(help),
            );
            return None;
        }
        let (episode, sequence, name) = parts(&text.value);
        Some(Identity {
            episode: self.episode.map(|p| p.value).or(episode),
            sequence: self.sequence.map(|p| p.value).or(sequence),
            name: name.to_owned(),
            id: text.map(|text| ShotId::new(&text)),
        })
    }
}

/// Gives the id of the shot at a position, from 0, in a list without ids.
pub(super) fn number(position: usize) -> String {
    format!("{:04}", (position + 1) * 10)
}

fn check(id: &str) -> Result<(), (String, &'static str)> {
    let refuse = |why: &str, help| Err((format!("the id {} {why}", shown(id)), help));
    if id.trim().is_empty() {
        return Err((
            "the id is empty".to_owned(),
            "write an id, such as `104/TCC/0010`",
        ));
    }
    if id.trim() != id {
        return refuse("has a space at an end", "take the space out");
    }
    if id.chars().any(is_invisible) {
        return refuse(
            "holds an invisible character",
            "type the id again; it may have been copied with formatting",
        );
    }
    if id
        .chars()
        .any(|c| c.is_whitespace() && c != ' ' && c != '\u{3000}')
    {
        return refuse(
            "holds a space that is not the ordinary one",
            "type the space again; it may have been copied with formatting",
        );
    }
    if id.len() > LONGEST {
        return refuse(
            "is too long",
            "keep ids under 200 bytes, they become file names",
        );
    }
    if id.starts_with('/') || id.ends_with('/') || id.contains("//") {
        return refuse(
            "has an empty part",
            "write it as episode/sequence/shot, or any of these alone, without a `/` at an end",
        );
    }
    if id.split('/').any(|part| part.chars().all(|c| c == '.')) {
        return refuse(
            "has a part of dots alone",
            "name every part; ids become folders",
        );
    }
    Ok(())
}

/// Tells whether a character changes how text looks without being seen itself.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Splits `104/TCC/0010` into episode, sequence and name.
fn parts(id: &str) -> (Option<String>, Option<String>, &str) {
    let Some((before, name)) = id.rsplit_once('/') else {
        return (None, None, id);
    };
    match before.split_once('/') {
        None => (None, Some(before.to_owned()), name),
        Some((episode, sequence)) => (Some(episode.to_owned()), Some(sequence.to_owned()), name),
    }
}

/// Finds every shot whose id another one has too, and says so.
///
/// `prints` stand for the ids of the shots, `refused` are the ids of shots already left out. None of
/// two alike is kept: nobody can tell which of them is meant. All that are to be taken out are given,
/// by their index, each with its complaint.
pub(super) fn clashes(
    shots: &Shots,
    prints: &[u64],
    refused: &[Placed<ShotId>],
    complaints: &mut Vec<Diagnostic>,
) -> Vec<(usize, Shot, Diagnostic)> {
    let own = refused.iter().map(|id| fingerprint(&id.value));
    let twice = seen_twice(prints.iter().copied().chain(own).collect());
    if twice.is_empty() {
        return Vec::new();
    }
    let suspected = |print: u64| twice.binary_search(&print).is_ok();
    let at = (0..shots.len()).filter(|at| prints.get(*at).is_some_and(|print| suspected(*print)));
    let suspects: Vec<(usize, Shot)> = at
        .filter_map(|at| Some((at, shots.get(at)?.into_owned())))
        .collect();
    let refused = refused
        .iter()
        .filter(|id| suspected(fingerprint(&id.value)));
    let mut ids: Vec<&Placed<ShotId>> = suspects.iter().map(|(_, shot)| &shot.id).collect();
    ids.extend(refused);
    ids.sort_by_key(|id| id.place);
    let mut first: HashMap<String, &Placed<ShotId>> = HashMap::new();
    let mut clashing: HashMap<String, Diagnostic> = HashMap::new();
    for id in ids {
        let plain = without_leading_zeros(id.value.as_str());
        if let Some(former) = first.get(plain.as_str()) {
            let complaint = clash(former, id);
            complaints.push(complaint.clone());
            clashing.entry(plain).or_insert(complaint);
        } else {
            first.insert(plain, id);
        }
    }
    let told = |(at, shot): (usize, Shot)| {
        let why = clashing.get(&without_leading_zeros(shot.id.value.as_str()))?;
        Some((at, shot, why.clone()))
    };
    suspects.into_iter().filter_map(told).collect()
}

/// Stands for an id without its leading zeros, near enough to tell most ids apart cheaply.
pub(super) fn fingerprint(id: &ShotId) -> u64 {
    let mut hasher = DefaultHasher::new();
    for part in id.as_str().split('/') {
        bare(part).hash(&mut hasher);
    }
    hasher.finish()
}

/// Gives what stands in a list more than once, in order.
fn seen_twice(mut prints: Vec<u64>) -> Vec<u64> {
    prints.sort_unstable();
    let pairs = prints.windows(2).filter(|pair| pair[0] == pair[1]);
    let mut twice: Vec<u64> = pairs.map(|pair| pair[0]).collect();
    twice.dedup();
    twice
}

fn clash(former: &Placed<ShotId>, later: &Placed<ShotId>) -> Diagnostic {
    let (code, message, help) = if former.value == later.value {
        (
            "duplicate-id",
            format!("two shots are called {}", shown(later.value.as_str())),
            format!(
                "give each shot an id of its own, such as `{}-b`; its id is what a shot is known by",
                later.value
            ),
        )
    } else {
        (
            "ambiguous-id",
            format!(
                "{} and {} differ in leading zeros alone",
                shown(former.value.as_str()),
                shown(later.value.as_str())
            ),
            "write ids with the same number of digits; a spreadsheet keeps zeros in a column \
             formatted as text"
                .to_owned(),
        )
    };
    Diagnostic::error(code, message)
        .at(later.place)
        .of_shot(&later.value)
        .help(help)
        .related(former.place, "the other one")
}

fn without_leading_zeros(id: &str) -> String {
    id.split('/').map(bare).collect::<Vec<_>>().join("/")
}

/// Gives a part of an id without leading zeros, if it is a number.
fn bare(part: &str) -> &str {
    if part.bytes().all(|byte| byte.is_ascii_digit()) {
        part.trim_start_matches('0')
    } else {
        part
    }
}

/// Complains about a shot without an id among others that have one.
pub(super) fn missing(place: Place, position: usize) -> Diagnostic {
    let message = "this shot has no id, though others of its list have one";
    Diagnostic::error("missing-id", message)
        .at(place)
        .help(format!(
            "write an id that no other shot has, such as `{}`",
            number(position)
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart() {
        let own = |text: &str| Some(text.to_owned());
        assert_eq!(parts("0010"), (None, None, "0010"));
        assert_eq!(parts("TCC/0010"), (None, own("TCC"), "0010"));
        assert_eq!(parts("104/TCC/0010"), (own("104"), own("TCC"), "0010"));
        assert_eq!(parts("104/A/B/10"), (own("104"), own("A/B"), "10"));
    }

    #[test]
    fn what_cannot_name_a_file_is_refused() {
        let long = "x".repeat(LONGEST + 1);
        for id in [
            "",
            " ",
            "a ",
            "a\tb",
            "a\u{202e}b",
            "/a",
            "a/",
            "a//b",
            "../a",
            "a/./b",
            &long,
        ] {
            assert!(check(id).is_err(), "{id:?}");
        }
        for id in ["0010", "104/TCC/0010", "S001 b", "場面/1", "a.b"] {
            assert!(check(id).is_ok(), "{id:?}");
        }
    }

    #[test]
    fn numbers_go_by_ten() {
        assert_eq!(number(0), "0010");
        assert_eq!(number(1631), "16320");
    }
}

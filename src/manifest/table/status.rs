//! The words of a status column: ours, those of trackers, and those of a studio.
//!
//! Money is spent on our own words alone (`todo`, `retake`, nothing written) and on what
//! `[statuses]` says; a tracker's word is understood by itself only where it surely buys nothing.

use crate::domain::diagnostic::{Diagnostic, FileNo, Place, Placed};
use crate::manifest::model::Status;
use crate::manifest::shown::{any_of, nearest, shown};
use crate::manifest::table::aliases::Known;
use crate::manifest::table::cells::{Row, Rows};
use crate::manifest::table::columns::{Column, Columns, Why};
use crate::manifest::table::mapping::Statuses;
use crate::manifest::table::rows::place;

/// Words of trackers that surely say not to buy, with what they are read as.
///
/// The short names of Kitsu and of `ShotGrid`, and the long ones they stand for.
const SURE: &[(&str, Status)] = &[
    ("apr", Status::Approved),
    ("done", Status::Approved),
    ("fin", Status::Approved),
    ("final", Status::Approved),
    ("hld", Status::Hold),
    ("on hold", Status::Hold),
    ("omt", Status::Omit),
    ("omitted", Status::Omit),
    ("waiting for approval", Status::WaitingForApproval),
];

/// Words of trackers of which only the studio can say whether they ask for a picture.
const UNSURE: &[(&str, &str)] = &[
    ("ready", "ready to start"),
    ("rdy", "ready to start"),
    ("ready to start", "ready to start"),
    ("wtg", "waiting to start"),
    ("waiting to start", "waiting to start"),
    ("not started", "not started"),
    ("opn", "open"),
    ("wip", "work in progress"),
    ("ip", "in progress"),
    ("in progress", "in progress"),
    ("rev", "pending review, or revision"),
    ("pending review", "pending review"),
    ("vwd", "viewed"),
    ("cmpt", "complete"),
    ("complete", "complete"),
    ("completed", "complete"),
    ("na", "not applicable"),
    ("n/a", "not applicable"),
    ("rtk", "retake"),
    ("client approved", "approved by the client"),
    ("revision needed", "revision needed"),
];

/// Reads the text of a status cell.
pub(super) fn status(
    text: &str,
    place: Place,
    statuses: &Statuses,
    complaints: &mut Vec<Diagnostic>,
) -> Status {
    // Nearly every cell holds one of our words, for which nothing is allocated.
    if text == "-" {
        return Status::Todo;
    }
    if statuses.is_empty()
        && let Some(status) = Status::parse(text)
    {
        return status;
    }
    let word = text.to_lowercase();
    let told = statuses.get(&word).copied();
    let known = told.or_else(|| Status::parse(&word)).or_else(|| {
        let sure = SURE.iter().find(|(sure, _)| *sure == word);
        sure.map(|(_, status)| *status)
    });
    known.unwrap_or_else(|| {
        complaints.push(unknown(&Placed::at(text.to_owned(), place), &word));
        Status::default()
    })
}

/// Finds a column that nobody knows, called nearly `status`, that says not to buy: it is not to be
/// overlooked, or what it holds back would be bought.
pub(super) fn misspelt(file: FileNo, mut rows: Rows<'_>, columns: &Columns) -> Option<Diagnostic> {
    let known = Column::Known(Known::Status);
    if columns.meanings.contains(&known) {
        return None;
    }
    let all = columns.meanings.iter().zip(&columns.reasons).enumerate();
    let near = all.filter_map(|(at, (column, why))| match column {
        Column::Kept(header) if *why == Why::Unknown => {
            nearest(header, [known_name()])?;
            Some((at, header))
        }
        _ => None,
    });
    let near: Vec<_> = near.collect();
    let mut row = Row::default();
    while !near.is_empty() && rows.read(&mut row) {
        for (at, header) in &near {
            let Some(cell) = row.cells.get(*at).filter(|cell| holds_back(&cell.text)) else {
                continue;
            };
            let message = format!(
                "the column {} says {}, but no column is called `status`",
                shown(header),
                shown(&cell.text)
            );
            return Some(
                Diagnostic::error("misspelt-status", message)
                    .at(place(file, row.number, *at, cell))
                    .expected("`status` as the name of the column that holds shots back")
                    .help(format!(
                        "call the column `status`, or write `\"{header}\" = \"status\"` under \
                         `[columns]`; `\"-\"` there if it is none"
                    )),
            );
        }
    }
    None
}

const fn known_name() -> &'static str {
    Known::Status.name()
}

/// Tells whether a word surely says not to buy.
fn holds_back(text: &str) -> bool {
    let word = text.to_lowercase();
    let own = Status::parse(&word);
    own.is_some_and(|status| !matches!(status, Status::Todo | Status::Retake))
        || SURE.iter().any(|(sure, _)| *sure == word)
}

fn unknown(text: &Placed<String>, word: &str) -> Diagnostic {
    let tracker = UNSURE.iter().find(|(unsure, _)| *unsure == word);
    let near = nearest(word, Status::WORDS.iter().copied()).filter(|_| tracker.is_none());
    let message = match tracker {
        Some((unsure, meaning)) => format!(
            "`status` is {}, a tracker's word{} that does not say whether to buy",
            shown(&text.value),
            if unsure == meaning {
                String::new()
            } else {
                format!(" ({meaning})")
            }
        ),
        None => format!("`status` cannot be {}", shown(&text.value)),
    };
    let help = match near {
        Some(near) => format!("write `{near}`"),
        None => format!(
            "say what it means under `[statuses]` of the manifest, or of a `show.toml` beside the \
             list: `\"{}\" = \"todo\"` buys, `\"hold\"` does not",
            text.value.replace(['"', '\\'], "")
        ),
    };
    Diagnostic::error("bad-value", message)
        .at(text.place)
        .expected(any_of(Status::WORDS))
        .help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::diagnostic::FileNo;

    fn read(text: &str, statuses: &Statuses) -> Result<Status, Diagnostic> {
        let place = Place {
            file: FileNo(0),
            start: 0,
            end: 0,
            cell: None,
        };
        let mut complaints = Vec::new();
        let status = status(text, place, statuses, &mut complaints);
        complaints.pop().map_or(Ok(status), Err)
    }

    #[test]
    fn only_our_own_words_buy() {
        let none = Statuses::new();
        for word in ["todo", "TODO", "-"] {
            assert_eq!(read(word, &none), Ok(Status::Todo));
        }
        assert_eq!(read("Retake", &none), Ok(Status::Retake));
        for (word, status) in SURE {
            assert!(!matches!(status, Status::Todo | Status::Retake), "{word}");
            assert_eq!(read(&word.to_uppercase(), &none), Ok(*status));
        }
        for (word, _) in UNSURE {
            let complaint = read(word, &none).expect_err(word);
            assert!(
                complaint
                    .help
                    .is_some_and(|help| help.contains("[statuses]"))
            );
        }
    }

    #[test]
    fn the_studio_has_the_last_word() {
        let statuses = Statuses::from([
            ("wtg".to_owned(), Status::Todo),
            ("done".to_owned(), Status::Hold),
        ]);
        assert_eq!(read("WTG", &statuses), Ok(Status::Todo));
        assert_eq!(read("Done", &statuses), Ok(Status::Hold));
        assert!(read("wip", &statuses).is_err());
    }
}

//! Messy tables: whatever is read of one stands in the same row and column of it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::domain::diagnostic::Place;
use crate::manifest::model::Shot;
use crate::manifest::read::{Options, Outcome, Text, TextError, Texts, read};

struct Alone;

impl Texts for Alone {
    fn read(&mut self, _by: &str, _path: &str) -> Result<Text, TextError> {
        Err(TextError::Missing)
    }
}

fn outcome(name: &str, bytes: &[u8]) -> Outcome {
    let root = Text {
        path: name.to_owned(),
        bytes: bytes.to_vec(),
    };
    let options = Options {
        survey: true,
        set: vec!["prompt=x".to_owned()],
        ..Options::default()
    };
    read(root, &mut Alone, &options)
}

/// Checks every value of every sound shot against the table it was written from.
fn each_in_its_place(
    outcome: &Outcome,
    table: &BTreeMap<(u32, u32), String>,
) -> Result<usize, TestCaseError> {
    let Some(manifest) = &outcome.manifest else {
        return Ok(0);
    };
    let mut checked = 0;
    let mut check = |text: &str, place: Option<Place>| {
        let Some(cell) = place.and_then(|place| place.cell) else {
            return Ok(());
        };
        checked += 1;
        let written = table.get(&(cell.row, cell.column)).map(|text| text.trim());
        prop_assert_eq!(written, Some(text), "{:?}", cell);
        Ok(())
    };
    for shot in manifest.shots.iter() {
        check(shot.id.value.as_str(), shot.id.place)?;
        for var in shot.layer.vars.values() {
            check(&var.value, var.place)?;
        }
    }
    for shot in manifest.shots.iter() {
        for (header, text) in &shot.kept {
            let columns = table
                .iter()
                .filter(|((row, _), name)| *row == 1 && *name == header);
            let mut columns = columns.map(|((_, column), _)| *column);
            let row = shot.place.cell.map_or(0, |cell| cell.row);
            let is_there = columns.any(|column| {
                table
                    .get(&(row, column))
                    .is_some_and(|written| written.trim() == text)
            });
            prop_assert!(is_there, "{header}: {text:?} in row {row}");
        }
    }
    Ok(checked)
}

fn first(outcome: &Outcome) -> Shot {
    let manifest = outcome.manifest.as_ref().expect("a manifest");
    manifest.shots.first().expect("a shot").into_owned()
}

fn written(cell: &str, delimiter: char, quoting: bool) -> String {
    let needs = cell.contains([delimiter, '"', '\n', '\r']);
    if needs || quoting {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn values_stay_in_their_cells(
        rows in proptest::collection::vec(
            proptest::collection::vec("[a-c\",;\t #\u{a0}é\n]{0,6}", 5), 1..8),
        delimiter in 0usize..3,
        end in 0usize..3,
        quoting in any::<bool>(),
        blank in any::<bool>(),
        mark in any::<bool>(),
    ) {
        let headers = ["Shot Code", "Angle", "Budget", "Description", "var: x"];
        let (delimiter, end) = ([',', ';', '\t'][delimiter], ["\n", "\r\n", "\r"][end]);
        let mut text = if mark { "\u{feff}".to_owned() } else { String::new() };
        let mut table = BTreeMap::new();
        let mut row = 0;
        let head = headers.map(str::to_owned).to_vec();
        let rows = rows.into_iter().enumerate().map(|(at, mut row)| {
            row[0] = format!("S{at}{}", row[0].replace(|c: char| !c.is_ascii_alphabetic(), ""));
            row
        });
        for cells in std::iter::once(head).chain(rows) {
            row += 1;
            for (column, cell) in (0..).zip(&cells) {
                table.insert((row, column), cell.clone());
            }
            let line: Vec<String> = cells.iter().map(|cell| written(cell, delimiter, quoting)).collect();
            text.push_str(&line.join(&delimiter.to_string()));
            text.push_str(end);
            if blank {
                row += 1;
                text.push_str(end);
            }
        }
        let outcome = outcome("a.csv", text.as_bytes());
        prop_assert!(each_in_its_place(&outcome, &table)? > 0, "{:?}", outcome.complaints);
    }

    #[test]
    fn no_row_is_lost_unnoticed(text in "(id|prompt|note)?([a,;\"\n\r\t =0]|total|id,|prompt,|sep=;){0,40}") {
        let outcome = outcome("a.csv", text.as_bytes());
        for survey in &outcome.surveys {
            let read = outcome.manifest.as_ref().map_or(0, |manifest| manifest.shots.iter().count());
            let sums = outcome.complaints.iter().filter(|c| c.code == "summary-row").count();
            let all = u64::try_from(read + outcome.left_out.len() + sums).unwrap();
            if outcome.manifest.is_some() {
                prop_assert_eq!(all, survey.rows, "{:?}: {:?}", text, outcome.complaints);
            }
            let told = outcome.complaints.iter().any(|c| c.code == "header-row" || c.is_error());
            let above = text.split(['\n', '\r']).next().unwrap_or_default();
            let says = above.chars().any(|c| !c.is_whitespace() && !matches!(c, ',' | ';' | '"' | '='));
            if says && !above.contains("sep=") && survey.header_row != 1 {
                prop_assert!(told, "{:?}", text);
            }
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for name in ["a.csv", "a.tsv", "a.xlsx", "a.xlsm#b", "a.xlsx#"] {
            let _answer = outcome(name, &bytes);
        }
    }
}

#[test]
fn wide_and_long_lists_are_read_in_good_time() {
    let headers: Vec<String> = (0..16_000).map(|at| format!("var: v{at}")).collect();
    let cells = vec!["x"; headers.len()];
    let text = format!("id,{}\n0010,{}\n", headers.join(","), cells.join(","));
    let read = outcome("a.csv", text.as_bytes());
    assert_eq!(first(&read).layer.vars.len(), 16_000);
    let total = "total,1\n".repeat(20_000);
    let text = format!("id,note\n0010,x\n{total}0020,y\n{total}");
    let read = outcome("a.csv", text.as_bytes());
    let sums = read
        .complaints
        .iter()
        .filter(|c| c.code == "summary-row")
        .count();
    assert_eq!(sums, 20_000);
    let huge = "é".repeat(4 << 20);
    let read = outcome("a.csv", format!("id,var: x\n0010,{huge}\n").as_bytes());
    assert_eq!(first(&read).layer.vars["x"].value, huge);
}

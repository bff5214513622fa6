//! What became of the columns of shot lists, as a table and as lines to paste.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::domain::diagnostic::{Sources, column_name};
use crate::manifest::shown::shown;
use crate::manifest::table::survey::{Survey, Surveyed, quoted};
use crate::report::escape;
use crate::report::style::{Style, count};
use crate::report::table::{Side, Table};

/// Tells the columns of every list, and how to write the same down in the manifest.
#[must_use]
pub fn text(sources: &Sources, surveys: &[Survey], style: Style) -> String {
    let mut text = String::new();
    for survey in surveys {
        list(sources, survey, style, &mut text);
        text.push('\n');
    }
    if surveys.is_empty() {
        text.push_str("there is no shot list whose columns could be read\n");
        return text;
    }
    text.push_str(
        "To write this down, put it into the manifest, or into a `show.toml` beside the list, in place of \
         any `[columns]` there:\n\n",
    );
    text.push_str(&block(sources, surveys));
    text
}

fn list(sources: &Sources, survey: &Survey, style: Style, text: &mut String) {
    let path = path(sources, survey);
    let cells = if is_sheet(sources, survey) {
        String::new()
    } else {
        format!(", cells separated by {}", survey.delimiter)
    };
    let title = format!(
        "{}: {} below the columns' names in row {}{cells}\n",
        escape::shown(&path),
        count(survey.rows, "row"),
        survey.header_row,
    );
    text.push_str(&title);
    let heads = vec![
        ("Col", Side::Left),
        ("Header", Side::Left),
        ("Becomes", Side::Left),
        ("Because", Side::Left),
        ("Filled", Side::Right),
        ("Example", Side::Left),
    ];
    let mut table = Table::new(heads);
    for (at, column) in survey.columns.iter().enumerate() {
        table.add(vec![
            letter(at),
            short(&column.header),
            becomes(column),
            because(column).to_owned(),
            format!("{}/{}", column.filled, survey.rows),
            example(column).unwrap_or_default(),
        ]);
    }
    table.draw(style, text);
    if !survey.has_ids() {
        text.push_str("No column names the shots: they are numbered in order.\n");
    }
}

/// Gives the same for `--json`: `lists`, and `block`, the lines to paste.
#[must_use]
pub fn json(sources: &Sources, surveys: &[Survey]) -> Value {
    let lists = surveys.iter().map(|survey| {
        let columns = survey.columns.iter().enumerate();
        let columns: Vec<Value> = columns
            .map(|(at, column)| {
                json!({
                    "column": letter(at),
                    "header": column.header,
                    "becomes": column.target,
                    "because": column.why,
                    "filled": column.filled,
                    "example": example(column),
                })
            })
            .collect();
        json!({
            "file": path(sources, survey),
            "header_row": survey.header_row,
            "delimiter": (!is_sheet(sources, survey)).then(|| survey.delimiter.trim_matches('`')),
            "rows": survey.rows,
            "columns": columns,
        })
    });
    json!({ "lists": lists.collect::<Vec<_>>(), "block": block(sources, surveys) })
}

/// Writes a `[columns]` that says what was made of every list.
///
/// Lists that disagree about a header cannot share one: the first wins, and a comment says so.
#[must_use]
pub fn block(sources: &Sources, surveys: &[Survey]) -> String {
    let mut block = "[columns]\n".to_owned();
    let mut written: BTreeMap<String, &str> = BTreeMap::new();
    for survey in surveys {
        for (key, target) in survey.lines() {
            let plain = Survey::plain(key);
            let (left, right) = (quoted(key), quoted(target));
            let line = match written.get(&plain) {
                Some(former) if *former == target => continue,
                Some(_) => {
                    let path = path(sources, survey);
                    format!(
                        "# in {} it would be {left} = {right}\n",
                        escape::shown(&path)
                    )
                }
                None => format!("{left} = {right}\n"),
            };
            block.push_str(&line);
            written.entry(plain).or_insert(target);
        }
    }
    block
}

fn path(sources: &Sources, survey: &Survey) -> String {
    let source = sources.get(survey.file);
    source.map_or_else(String::new, |source| source.path.clone())
}

fn is_sheet(sources: &Sources, survey: &Survey) -> bool {
    let source = sources.get(survey.file);
    source.is_some_and(|source| source.is_sheet)
}

fn letter(at: usize) -> String {
    column_name(u32::try_from(at).unwrap_or(u32::MAX))
}

fn becomes(column: &Surveyed) -> String {
    match column.target.split_once(": ") {
        Some(("var", name)) => format!("{{{name}}} in prompts"),
        Some((_, name)) => format!("matrix over {name}"),
        None if column.target == "-" => "kept for reports".to_owned(),
        None => column.target.clone(),
    }
}

fn because(column: &Surveyed) -> &'static str {
    match column.why {
        "mapped" | "silenced" => "[columns]",
        "documented" => "its name",
        "alias" | "creative" => "a guess",
        "replaced" => "the id",
        _ => "unknown",
    }
}

/// Shows a value on one line, without the secret part of an address or image data.
fn example(column: &Surveyed) -> Option<String> {
    let text = column.example.as_deref()?;
    let open = text.find("data:").unwrap_or(text.len());
    Some(short(&text[..open]) + if open < text.len() { "data:…" } else { "" })
}

fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    shown(&line).trim_matches('`').to_owned()
}

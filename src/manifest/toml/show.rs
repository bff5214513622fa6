//! `[show]`, `[budget]` and `[run]`.

use toml::de::{DeTable, DeValue};

use crate::domain::diagnostic::{Diagnostic, Placed};
use crate::domain::id::ShowId;
use crate::domain::money::Micros;
use crate::manifest::draft::ShowDraft;
use crate::manifest::keys::bounds;
use crate::manifest::keys::show::{BUDGET, LONGEST_CODE, LONGEST_ID, RUN, RUN_KEYS, SHOW};
use crate::manifest::model::{Budget, RunSettings};
use crate::manifest::shown::shown;
use crate::manifest::toml::walk::{Field, known};

/// Reads `[show]`.
pub(super) fn show(
    section: &Field<'_>,
    table: &DeTable<'_>,
    complaints: &mut Vec<Diagnostic>,
) -> ShowDraft {
    let mut show = ShowDraft::default();
    for field in known(&SHOW, "`[show]`", section.place.file, table, complaints) {
        let setting = field.setting();
        match field.key {
            "id" => {
                let id = setting.name(complaints);
                let id = id.and_then(|id| short(id, LONGEST_ID, &field, complaints));
                show.id = id.map(|id| id.map(|text| ShowId::new(text.trim())));
            }
            "code" => {
                let code = setting.name(complaints);
                show.code = code.and_then(|code| short(code, LONGEST_CODE, &field, complaints));
            }
            "title" => show.title = setting.text(complaints),
            "output" => {
                let output = setting.name(complaints);
                show.output = output.and_then(|output| inside(output, complaints));
            }
            "name" => show.name = setting.name(complaints),
            "shots" => {
                let lists = match field.value {
                    DeValue::String(_) => setting.name(complaints).map(|list| vec![list]),
                    _ => field.texts("a list of CSV or TOML files", complaints),
                };
                show.shots = lists.unwrap_or_default();
            }
            _ => complaints.push(field.unknown("`[show]`", &SHOW.names())),
        }
    }
    show
}

/// Refuses a text that is too long or holds control characters: it goes into names and the log.
fn short(
    text: Placed<String>,
    longest: usize,
    field: &Field<'_>,
    complaints: &mut Vec<Diagnostic>,
) -> Option<Placed<String>> {
    let unfit = text.value.len() > longest || text.value.chars().any(char::is_control);
    if unfit {
        let (is, help) = if text.value.len() > longest {
            ("is too long", "shorten it, for instance to its initials")
        } else {
            ("holds a character that is not seen", "type it again")
        };
        let message = format!("`{}` {is}", field.key);
        let complaint = Diagnostic::error("bad-value", message).at(text.place);
        let complaint = complaint.expected(format!("one line of at most {longest} letters"));
        complaints.push(complaint.help(help));
        return None;
    }
    Some(text)
}

/// Refuses an output folder that a manifest must not choose on somebody else's machine.
fn inside(output: Placed<String>, complaints: &mut Vec<Diagnostic>) -> Option<Placed<String>> {
    let path = &output.value;
    let outside = path.starts_with(['/', '\\', '~'])
        || path.split(['/', '\\']).any(|part| part == "..")
        || path.get(1..2) == Some(":")
        || path.chars().any(char::is_control);
    if outside {
        let message = format!("the output folder {} lies outside of the show", shown(path));
        complaints.push(
            Diagnostic::error("bad-value", message)
                .at(output.place)
                .expected("a folder below the one that holds the manifest, such as `out`")
                .help(
                    "write a folder such as `out`, or name any other with `--out` when you run it",
                ),
        );
        return None;
    }
    Some(output)
}

/// Reads `[budget]`.
pub(super) fn budget(
    section: &Field<'_>,
    table: &DeTable<'_>,
    complaints: &mut Vec<Diagnostic>,
) -> Budget {
    let mut budget = Budget::default();
    for field in known(&BUDGET, "`[budget]`", section.place.file, table, complaints) {
        let cap = match field.key {
            "run" => &mut budget.run,
            "show" => &mut budget.show,
            "sequence" => &mut budget.sequence,
            "shot" => &mut budget.shot,
            _ => {
                complaints.push(field.unknown("`[budget]`", &BUDGET.names()));
                continue;
            }
        };
        *cap = amount(&field, complaints);
    }
    budget
}

fn amount(field: &Field<'_>, complaints: &mut Vec<Diagnostic>) -> Option<Placed<Micros>> {
    const EXPECTED: &str = "US dollars as text, such as `\"25.00\"`";
    let text = match field.value {
        DeValue::String(text) => text,
        DeValue::Integer(number) => {
            let help = format!("write `{} = \"{}.00\"`", field.key, number.as_str());
            complaints.push(field.wrong_type(EXPECTED).help(help));
            return None;
        }
        DeValue::Float(number) => {
            let digits = number.as_str();
            let cents = digits
                .split_once('.')
                .is_some_and(|(_, cents)| cents.len() == 1);
            let zero = if cents { "0" } else { "" };
            let help = format!("write `{} = \"{digits}{zero}\"`", field.key);
            complaints.push(field.wrong_type(EXPECTED).help(help));
            return None;
        }
        _ => {
            let help = format!("write `{} = \"25.00\"`", field.key);
            complaints.push(field.wrong_type(EXPECTED).help(help));
            return None;
        }
    };
    match Micros::parse(text) {
        Ok(amount) => Some(Placed::at(amount, field.place)),
        Err(why) => {
            let message = if text.trim().is_empty() {
                format!("`{}` is empty", field.key)
            } else {
                format!("`{}` is {}, {why}", field.key, shown(text))
            };
            let complaint = Diagnostic::error("bad-amount", message).at(field.place);
            let help = match better(text) {
                Some(amount) => format!("write `{} = \"{amount}\"`", field.key),
                None if text.bytes().any(|byte| byte.is_ascii_digit()) => {
                    format!("write an amount such as `{} = \"25.00\"`", field.key)
                }
                None => "write an amount, or take the line out for no cap".to_owned(),
            };
            complaints.push(complaint.expected(EXPECTED).help(help));
            None
        }
    }
}

/// Finds the amount that is meant by a spelling with a comma, spaces or a currency.
fn better(text: &str) -> Option<String> {
    let bare: String = text
        .chars()
        .filter(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-'))
        .collect();
    let mut amount = bare.replace(',', ".");
    while amount.matches('.').count() > 1 {
        amount = amount.replacen('.', "", 1);
    }
    Micros::parse(&amount).ok().map(|_| amount)
}

/// Reads `[run]`.
pub(super) fn run(
    section: &Field<'_>,
    table: &DeTable<'_>,
    complaints: &mut Vec<Diagnostic>,
) -> RunSettings {
    let mut run = RunSettings::default();
    for field in known(&RUN, "`[run]`", section.place.file, table, complaints) {
        let setting = match field.key {
            "jobs" => &mut run.jobs,
            "rate_per_minute" => &mut run.rate_per_minute,
            "retries" => &mut run.retries,
            "quiet_s" => &mut run.quiet_s,
            "patience_s" => &mut run.patience_s,
            "poll_batch" => &mut run.poll_batch,
            _ => {
                complaints.push(field.unknown("`[run]`", &RUN.names()));
                continue;
            }
        };
        let (least, most) = bounds(RUN_KEYS, field.key).unwrap_or((0, u32::MAX));
        if let Some(number) = field.setting().whole(least, most, complaints) {
            *setting = number.value;
        }
    }
    run
}

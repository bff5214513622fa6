//! A tree of TOML, read field by field with complaints about every one that is not as it should be.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::domain::diagnostic::{Diagnostic, FileNo, Place, Placed};
use crate::manifest::keys::Table;
use crate::manifest::setting::{Given, Setting};
use crate::manifest::unknown;

/// A key of a table with its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'d> {
    /// The key.
    pub(super) key: &'d str,
    /// Where the key stands.
    pub(super) key_place: Place,
    /// The value.
    pub(super) value: &'d DeValue<'d>,
    /// Where the value stands.
    pub(super) place: Place,
}

/// Turns a span of the text into a place.
pub(super) fn place(file: FileNo, span: &Range<usize>) -> Place {
    // A text is refused long before its length leaves 32 bits.
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Place {
        file,
        start: offset(span.start),
        end: offset(span.end),
        cell: None,
    }
}

/// Gives the fields of a table in the order they were written.
pub(super) fn fields<'d>(file: FileNo, table: &'d DeTable<'d>) -> Vec<Field<'d>> {
    let mut fields: Vec<Field<'d>> = table
        .iter()
        .map(|(key, value)| Field {
            key: key.get_ref().as_ref(),
            key_place: place(file, &key.span()),
            value: value.get_ref(),
            place: place(file, &value.span()),
        })
        .collect();
    fields.sort_by_key(|field| field.key_place.start);
    fields
}

/// Gives the fields whose keys a table knows, and complains about the others.
///
/// A key that is read has thereby been documented.
pub(super) fn known<'d>(
    known: &Table,
    within: &str,
    file: FileNo,
    table: &'d DeTable<'d>,
    complaints: &mut Vec<Diagnostic>,
) -> Vec<Field<'d>> {
    let mut fields = fields(file, table);
    fields.retain(|field| {
        let is_known = known.has(field.key);
        if !is_known {
            complaints.push(field.unknown(within, &known.names()));
        }
        is_known
    });
    fields
}

/// Says what a value is, for a reader.
pub(super) const fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a decimal point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a group of settings",
    }
}

/// Gives the value as a setting reads it.
pub(super) fn given<'d>(value: &'d DeValue<'d>) -> Given<'d> {
    match value {
        DeValue::String(text) => Given::Text(text),
        DeValue::Integer(number) if number.radix() == 10 => Given::Whole(number.as_str()),
        other => Given::Other(kind(other)),
    }
}

impl<'d> Field<'d> {
    /// Gives the field as a setting of one value.
    pub(super) fn setting(&self) -> Setting<'d> {
        Setting {
            key: self.key,
            given: given(self.value),
            place: Some(self.place),
        }
    }

    /// Reads a table; `written` is how one is written here, such as `[show]`.
    pub(super) fn table(
        &self,
        written: &str,
        complaints: &mut Vec<Diagnostic>,
    ) -> Option<&'d DeTable<'d>> {
        if let DeValue::Table(table) = self.value {
            return Some(table);
        }
        let heads = written.starts_with('[');
        let (expected, help) = if heads {
            (
                format!("a heading `{written}` with its settings below"),
                format!("write `{written}`, and each setting on a line of its own below it"),
            )
        } else {
            (
                format!("names with values, such as `{written}`"),
                format!("write `{written}`"),
            )
        };
        complaints.push(self.wrong_type(&expected).help(help));
        None
    }

    /// Reads a list.
    pub(super) fn list(
        &self,
        expected: &str,
        complaints: &mut Vec<Diagnostic>,
    ) -> Option<&'d [Spanned<DeValue<'d>>]> {
        if let DeValue::Array(list) = self.value {
            return Some(list);
        }
        let complaint = self.wrong_type(expected);
        complaints.push(match self.value {
            DeValue::Table(_) if expected.contains("image") || expected.contains('{') => {
                complaint.help(format!("write `{} = [{{ … }}]`", self.key))
            }
            DeValue::Integer(number) if expected.contains("values") => {
                complaint.help(format!("write `{} = [{}]`", self.key, number.as_str()))
            }
            _ => complaint,
        });
        None
    }

    /// Reads a list whose entries are texts or numbers, telling how one is written.
    pub(super) fn values(
        &self,
        expected: &str,
        complaints: &mut Vec<Diagnostic>,
    ) -> Option<&'d [Spanned<DeValue<'d>>]> {
        let list = self.list(expected, complaints);
        if list.is_none()
            && let DeValue::String(text) = self.value
            && !text.contains(['"', '\n', '\\'])
            && let Some(complaint) = complaints.last_mut()
        {
            let parts = text
                .split([';', ','])
                .map(|part| format!("\"{}\"", part.trim()));
            let parts: Vec<String> = parts.collect();
            complaint.help = Some(format!("write `{} = [{}]`", self.key, parts.join(", ")));
        }
        list
    }

    /// Reads a list of texts; `None` if it is no list, else those entries that are texts.
    pub(super) fn texts(
        &self,
        expected: &str,
        complaints: &mut Vec<Diagnostic>,
    ) -> Option<Vec<Placed<String>>> {
        let list = self.values(expected, complaints)?;
        let mut texts = Vec::with_capacity(list.len());
        for entry in list {
            let setting = self.entry(entry);
            texts.extend(setting.name(complaints));
        }
        Some(texts)
    }

    /// Gives an entry of this list as a setting of one value.
    pub(super) fn entry(&self, entry: &'d Spanned<DeValue<'d>>) -> Setting<'d> {
        Setting {
            key: self.key,
            given: given(entry.get_ref()),
            place: Some(place(self.place.file, &entry.span())),
        }
    }

    /// Complains that the value is of the wrong kind.
    pub(super) fn wrong_type(&self, expected: &str) -> Diagnostic {
        let message = format!("`{}` is {}", self.key, kind(self.value));
        let complaint = Diagnostic::error("wrong-type", message);
        let complaint = complaint.at(self.place).expected(expected);
        complaint.help(format!("write {expected}"))
    }

    /// Complains that nobody knows the key.
    pub(super) fn unknown(&self, within: &str, known: &[&str]) -> Diagnostic {
        unknown::complaint(self.key, within, known).at(self.key_place)
    }
}

/// Reads a scalar as text: a number stands for its digits, `true` for itself.
pub(super) fn scalar(setting: &Setting<'_>, value: &DeValue<'_>) -> Option<Placed<String>> {
    let text = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(flag) => flag.to_string(),
        _ => return None,
    };
    Some(Placed {
        value: text,
        place: setting.place,
    })
}

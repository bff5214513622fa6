//! Numbers, dates and the like as a person sees them in a cell.

use calamine::{DataRef, ExcelDateTime};

/// Gives what a person sees in a cell whose number format has this code; none in an empty one.
pub(super) fn seen(value: &DataRef<'_>, code: Option<&str>) -> Option<String> {
    Some(match value {
        DataRef::Empty => return None,
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            text.clone()
        }
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(true) => "TRUE".to_owned(),
        DataRef::Bool(false) => "FALSE".to_owned(),
        #[expect(clippy::cast_precision_loss, reason = "a sheet has no greater numbers")]
        DataRef::Int(number) => in_format(*number as f64, code),
        DataRef::Float(number) => in_format(*number, code),
        DataRef::DateTime(moment) => date(moment),
        DataRef::Error(error) => error.to_string(),
    })
}

/// Tells whether a value is a date, a time or a duration.
pub(super) const fn is_date(value: &DataRef<'_>) -> bool {
    matches!(
        value,
        DataRef::DateTime(_) | DataRef::DateTimeIso(_) | DataRef::DurationIso(_)
    )
}

/// Writes a number as its format has it: leading zeros, words around it and percent; separators
/// of thousands and colours are left out.
fn in_format(number: f64, code: Option<&str>) -> String {
    let code = code.filter(|code| !matches!(*code, "General" | "@" | ""));
    let Some(format) = code.and_then(Format::of) else {
        return plain(number);
    };
    let number = if format.percent {
        number * 100.0
    } else {
        number
    };
    let mut digits = if format.zeros > 0 && format.decimals == 0 {
        // What is seen is rounded, but an id must not be: 10.4 shown as `0010` is no 10.
        let whole = plain(number);
        if whole.bytes().all(|byte| byte.is_ascii_digit()) {
            format!("{whole:0>width$}", width = format.zeros)
        } else {
            whole
        }
    } else {
        plain(number)
    };
    if format.percent {
        digits.push('%');
    }
    format!("{}{digits}{}", format.before, format.after)
}

/// Writes a number with the fifteen digits a spreadsheet shows, without `.0`.
fn plain(number: f64) -> String {
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    let rounded = if rounded == 0.0 { 0.0 } else { rounded };
    rounded.to_string()
}

/// The first part of a number format, as far as it is obeyed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Format {
    before: String,
    zeros: usize,
    decimals: usize,
    percent: bool,
    after: String,
}

impl Format {
    /// Reads a code; none where it holds anything that is not understood.
    fn of(code: &str) -> Option<Self> {
        let mut format = Self::default();
        let (mut any, mut decimal) = (false, false);
        let mut chars = code.chars();
        while let Some(c) = chars.next() {
            match c {
                ';' => break,
                '0' | '#' | '?' => {
                    if !format.after.is_empty() {
                        return None;
                    }
                    any = true;
                    format.zeros += usize::from(c == '0' && !decimal);
                    format.decimals += usize::from(decimal);
                }
                '.' => decimal = true,
                ',' => {}
                '%' => format.percent = true,
                '"' => {
                    let text: String = chars.by_ref().take_while(|c| *c != '"').collect();
                    format.add(any, &text);
                }
                '\\' => format.add(any, &String::from(chars.next()?)),
                '_' | '*' => {
                    chars.next()?;
                }
                '[' => {
                    // A colour, currency or condition.
                    chars.by_ref().find(|c| *c == ']')?;
                }
                ' ' | '-' | '/' | ':' | '(' | ')' | '+' | '$' => format.add(any, &String::from(c)),
                _ => return None,
            }
        }
        (any && format.zeros <= 30).then_some(format)
    }

    fn add(&mut self, is_after: bool, text: &str) {
        if is_after {
            self.after.push_str(text);
        } else {
            self.before.push_str(text);
        }
    }
}

/// Writes a date as `2026-11-30`, a time as `16:09`, both with a space between.
fn date(moment: &ExcelDateTime) -> String {
    const DAY_S: f64 = 86_400.0;
    let value = moment.as_f64();
    if moment.is_duration() && value.abs() < 1e9 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "seconds of less than 1e9 days"
        )]
        let seconds = (value * DAY_S).round() as i64;
        let (sign, seconds) = (if seconds < 0 { "-" } else { "" }, seconds.abs());
        let (minutes, hours) = (seconds / 60 % 60, seconds / 3600);
        return format!("{sign}{hours}:{minutes:02}:{:02}", seconds % 60);
    }
    let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
    let time = if second == 0 {
        format!("{hour:02}:{minute:02}")
    } else {
        format!("{hour:02}:{minute:02}:{second:02}")
    };
    if (0.0..1.0).contains(&value) {
        return time;
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    if (hour, minute, second) == (0, 0, 0) {
        date
    } else {
        format!("{date} {time}")
    }
}

#[cfg(test)]
mod tests {
    use calamine::ExcelDateTimeType;

    use super::*;

    #[test]
    fn numbers_are_seen_as_their_format_has_them() {
        let seen = |number, code| in_format(number, code);
        assert_eq!(seen(10.0, None), "10");
        assert_eq!(seen(10.0, Some("General")), "10");
        assert_eq!(seen(10.0, Some("0000")), "0010");
        assert_eq!(seen(12345.0, Some("0000")), "12345");
        assert_eq!(seen(10.4, Some("0000")), "10.4");
        assert_eq!(seen(-3.0, Some("000")), "-3");
        assert_eq!(seen(7.0, Some("\"SH\"0000")), "SH0007");
        assert_eq!(seen(7.0, Some("\\S000\\ \"x\"")), "S007 x");
        assert_eq!(seen(35.0, Some("0\"mm\"")), "35mm");
        assert_eq!(seen(0.25, Some("0%")), "25%");
        assert_eq!(seen(1200.0, Some("#,##0")), "1200");
        assert_eq!(seen(0.1 + 0.2, None), "0.3");
        assert_eq!(seen(1.5, Some("0.00")), "1.5");
        assert_eq!(seen(-0.0, None), "0");
        assert_eq!(seen(2.0, Some("[Red]000;-0")), "002");
        assert_eq!(seen(2.0, Some("0.00E+00")), "2");
        assert_eq!(seen(1e300, None).len(), 301);
    }

    #[test]
    fn dates_and_times_are_told_apart() {
        let moment = |value, kind| date(&ExcelDateTime::new(value, kind, false));
        let clock = ExcelDateTimeType::DateTime;
        assert_eq!(moment(45_943.0, clock), "2025-10-13");
        assert_eq!(moment(45_943.5, clock), "2025-10-13 12:00");
        assert_eq!(moment(16.0 / 24.0 + 9.0 / 1440.0, clock), "16:09");
        assert_eq!(moment(1.5, ExcelDateTimeType::TimeDelta), "36:00:00");
    }
}

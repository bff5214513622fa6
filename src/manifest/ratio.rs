//! Aspect ratios as people and spreadsheets write them.

use crate::manifest::settings::AspectRatio;

/// How far from a ratio, as a part of it, another still counts as the same.
const SAME: f64 = 0.02;

/// Says what to write instead of a ratio that is not one of the model's.
pub(super) fn help(word: &str) -> String {
    if let Some(ratio) = of_time(word) {
        return format!(
            "format the column as text and write `{ratio}` again: the spreadsheet took it for a \
             time of day"
        );
    }
    match value(word).map(nearest) {
        Some((ratio, true)) => format!("write `{ratio}`"),
        Some((ratio, false)) => format!("write `{ratio}`, the nearest there is"),
        None => "write one of these".to_owned(),
    }
}

/// Reads the ratio back that a spreadsheet took for hours and minutes, or for a part of a day.
fn of_time(word: &str) -> Option<String> {
    let clock = word.rsplit(' ').next()?;
    let mut parts = clock.split(':');
    let hours = parts.next()?;
    let minutes = match parts.next() {
        Some(minutes) if minutes.len() == 2 => minutes.to_owned(),
        Some(_) => return None,
        None => return of_day(word),
    };
    whole(hours, &minutes)
}

fn of_day(word: &str) -> Option<String> {
    let day: f64 = word.parse().ok().filter(|day| (0.0..1.0).contains(day))?;
    let minutes = (day * 24.0 * 60.0).round();
    let hours = (minutes / 60.0).floor();
    whole(&format!("{hours}"), &format!("{}", minutes - hours * 60.0))
}

/// Puts two numbers together if they make a ratio of the table.
fn whole(width: &str, height: &str) -> Option<String> {
    let [width, height] = [width, height].map(|side| side.parse::<u8>().ok());
    let ratio = format!("{}:{}", width?, height?);
    AspectRatio::parse(&ratio).map(|_| ratio)
}

/// Reads what a spelling such as `16x9`, `2.35:1` or `1.78` comes to.
fn value(word: &str) -> Option<f64> {
    let number = |text: &str| text.trim().replace(',', ".").parse::<f64>().ok();
    let sides = word.split_once([':', 'x', 'X', '×', '/', '*']);
    let value = match sides {
        Some((width, height)) => number(width)? / number(height)?,
        None => number(word)?,
    };
    (value.is_finite() && value > 0.0).then_some(value)
}

/// Finds the ratio of the table that comes nearest, and whether it is the same.
fn nearest(value: f64) -> (&'static str, bool) {
    let mut best = ("16:9", f64::INFINITY);
    for word in AspectRatio::WORDS {
        let Some(other) = self::value(word) else {
            continue;
        };
        let off = (value / other).ln().abs();
        if off < best.1 {
            best = (word, off);
        }
    }
    (best.0, best.1 < SAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_found() {
        for (word, ratio) in [
            ("16x9", "`16:9`"),
            ("16 : 9", "`16:9`"),
            ("1.78", "`16:9`"),
            ("1,78", "`16:9`"),
            ("2.35:1", "`21:9`"),
            ("5:4", "`4:3`, the nearest"),
            ("16:09", "write `16:9` again"),
            ("1899-12-30 16:09", "write `16:9` again"),
            ("0.672916667", "write `16:9` again"),
            ("16:09:00", "write `16:9` again"),
            ("wide", "one of these"),
            ("0:0", "one of these"),
        ] {
            let help = help(word);
            assert!(help.contains(ratio), "{word}: {help}");
        }
    }
}

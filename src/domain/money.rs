//! Money, in whole micro-dollars.

use std::fmt;

/// An amount of US dollars, counted in micro-dollars.
///
/// One dollar is 1 000 000. Sums are checked: an amount never wraps and never goes below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(u64);

/// Why a text is not an amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The text is not a decimal number.
    #[error("not a decimal amount such as \"25.00\"")]
    NotDecimal,
    /// The amount is below zero.
    #[error("an amount below zero")]
    Negative,
    /// The amount is finer than a micro-dollar.
    #[error("finer than a millionth of a dollar")]
    TooFine,
    /// The amount is larger than can be counted.
    #[error("too large to count")]
    TooLarge,
}

const PER_DOLLAR: u64 = 1_000_000;
const DIGITS: usize = 6;

impl Micros {
    /// No money.
    pub const ZERO: Self = Self(0);
    /// The largest amount that can be counted.
    pub const MAX: Self = Self(u64::MAX);

    /// Makes an amount of that many micro-dollars.
    #[must_use]
    pub const fn new(micros: u64) -> Self {
        Self(micros)
    }

    /// Gives the number of micro-dollars.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Tells whether this is no money at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Adds, stopping at the largest amount.
    ///
    /// Stopping there is safe: every cap lies below it, so a sum that large is refused.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Subtracts, stopping at zero.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Multiplies by a count, stopping at the largest amount.
    #[must_use]
    pub const fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// Reads an amount a person wrote, such as `25.00` or `$25`.
    ///
    /// # Errors
    /// Refuses what is not decimal, is below zero, is finer than a micro-dollar or too large.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        let text = text.trim();
        let text = text.strip_prefix('$').unwrap_or(text);
        let (micros, exact) = parse_decimal(text)?;
        if exact {
            Ok(micros)
        } else {
            Err(MoneyError::TooFine)
        }
    }

    /// Reads the decimal text of a JSON number, rounding a part of a micro-dollar up.
    ///
    /// The vendor's docs give `cost` as a float such as `0.028`; its text is read so that no binary
    /// float ever holds money. An exponent (`2.8e-2`) is understood.
    ///
    /// # Errors
    /// Refuses what is not a number, is below zero or too large.
    pub fn parse_json_number(text: &str) -> Result<Self, MoneyError> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            None => return parse_decimal(text).map(|(micros, exact)| micros.rounded_up(exact)),
            Some((mantissa, exponent)) => (
                mantissa,
                exponent
                    .parse::<i32>()
                    .map_err(|_| MoneyError::NotDecimal)?,
            ),
        };
        let plain = without_exponent(mantissa, exponent)?;
        parse_decimal(&plain).map(|(micros, exact)| micros.rounded_up(exact))
    }

    const fn rounded_up(self, exact: bool) -> Self {
        if exact { self } else { self.plus(Self(1)) }
    }
}

/// Reads plain decimal digits; the flag says whether nothing was cut off below a micro-dollar.
fn parse_decimal(text: &str) -> Result<(Micros, bool), MoneyError> {
    if let Some(rest) = text.strip_prefix('-') {
        let (amount, exact) = parse_decimal(rest)?;
        return if amount.is_zero() && exact {
            Ok((amount, exact))
        } else {
            Err(MoneyError::Negative)
        };
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || text.ends_with('.') {
        return Err(MoneyError::NotDecimal);
    }
    let whole: u64 = whole.parse().map_err(|_| MoneyError::TooLarge)?;
    let kept = &part[..part.len().min(DIGITS)];
    let exact = part[kept.len()..].bytes().all(|b| b == b'0');
    let mut fraction = 0;
    for place in 0..DIGITS {
        let digit = kept
            .as_bytes()
            .get(place)
            .map_or(0, |b| u64::from(b - b'0'));
        fraction = fraction * 10 + digit;
    }
    let micros = whole
        .checked_mul(PER_DOLLAR)
        .and_then(|w| w.checked_add(fraction))
        .ok_or(MoneyError::TooLarge)?;
    Ok((Micros(micros), exact))
}

/// Moves the point of `mantissa` by `exponent` places.
fn without_exponent(mantissa: &str, exponent: i32) -> Result<String, MoneyError> {
    const FARTHEST: i32 = 40;
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    if exponent.abs() > FARTHEST || digits.len() > 60 || digits.is_empty() {
        return Err(if exponent > FARTHEST {
            MoneyError::TooLarge
        } else {
            MoneyError::NotDecimal
        });
    }
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{part}");
    let point = i32::try_from(whole.len()).unwrap_or(FARTHEST) + exponent;
    let width = usize::try_from(point.max(1)).unwrap_or(1);
    let lead = usize::try_from((1 - point).max(0)).unwrap_or(0);
    let all = format!("{}{all}", "0".repeat(lead));
    let all = format!("{all:0<width$}");
    let (whole, part) = all.split_at(width);
    Ok(if part.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{part}")
    })
}

impl fmt::Display for Micros {
    /// Shows dollars with two to six decimals, such as `$25.00` or `$0.028`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:06}", self.0 % PER_DOLLAR);
        let trimmed = fraction.trim_end_matches('0');
        let shown = if trimmed.len() < 2 {
            &fraction[..2]
        } else {
            trimmed
        };
        write!(f, "${}.{shown}", self.0 / PER_DOLLAR)
    }
}

impl std::iter::Sum for Micros {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::plus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_people_write() {
        assert_eq!(Micros::parse("25.00"), Ok(Micros(25_000_000)));
        assert_eq!(Micros::parse("$0.028"), Ok(Micros(28_000)));
        assert_eq!(Micros::parse("7"), Ok(Micros(7_000_000)));
        assert_eq!(Micros::parse("-1"), Err(MoneyError::Negative));
        assert_eq!(Micros::parse("1."), Err(MoneyError::NotDecimal));
        assert_eq!(Micros::parse(".5"), Err(MoneyError::NotDecimal));
        assert_eq!(Micros::parse("1,5"), Err(MoneyError::NotDecimal));
        assert_eq!(Micros::parse("0.0000001"), Err(MoneyError::TooFine));
        assert_eq!(
            Micros::parse("99999999999999999999"),
            Err(MoneyError::TooLarge)
        );
    }

    #[test]
    fn reads_what_the_api_writes() {
        assert_eq!(Micros::parse_json_number("0.028"), Ok(Micros(28_000)));
        assert_eq!(Micros::parse_json_number("2.8e-2"), Ok(Micros(28_000)));
        assert_eq!(Micros::parse_json_number("28E-3"), Ok(Micros(28_000)));
        assert_eq!(Micros::parse_json_number("1e2"), Ok(Micros(100_000_000)));
        assert_eq!(
            Micros::parse_json_number("0.0280000001"),
            Ok(Micros(28_001))
        );
        assert_eq!(Micros::parse_json_number("1e99"), Err(MoneyError::TooLarge));
        assert_eq!(Micros::parse_json_number("x"), Err(MoneyError::NotDecimal));
    }

    #[test]
    fn shows_cents_and_finer() {
        assert_eq!(Micros(28_000).to_string(), "$0.028");
        assert_eq!(Micros(25_000_000).to_string(), "$25.00");
        assert_eq!(Micros(1_500_000).to_string(), "$1.50");
        assert_eq!(Micros(1).to_string(), "$0.000001");
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(n in 0..u64::MAX / 2) {
            prop_assert_eq!(Micros::parse(&Micros(n).to_string()), Ok(Micros(n)));
        }

        #[test]
        fn any_text_is_answered(text in ".{0,40}") {
            let _read = Micros::parse(&text);
            let _read = Micros::parse_json_number(&text);
        }
    }
}

//! Play money, in whole micro-dollars.

use std::fmt;

use serde::{Deserialize, Serialize};

const MICROS_PER_DOLLAR: u64 = 1_000_000;

/// Holds an amount of US dollars as whole micro-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Usd(u64);

impl Usd {
    pub(super) const ZERO: Self = Self(0);

    pub(super) const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    pub(super) const fn micros(self) -> u64 {
        self.0
    }

    pub(super) fn times(self, count: u8) -> Self {
        Self(self.0.saturating_mul(u64::from(count)))
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Reads a decimal such as `0.028`, with at most six digits after the point.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 6 {
            return None;
        }
        let micros: u64 = format!("{fraction:0<6}").parse().ok()?;
        let dollars: u64 = whole.parse().ok()?;
        Some(Self(
            dollars
                .checked_mul(MICROS_PER_DOLLAR)?
                .checked_add(micros)?,
        ))
    }

    /// Gives the amount as a JSON number, made from its decimal text so that no arithmetic on
    /// floats can touch it.
    pub(super) fn to_json(self) -> serde_json::Value {
        serde_json::from_str(&self.to_string()).unwrap_or_default()
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, micros) = (self.0 / MICROS_PER_DOLLAR, self.0 % MICROS_PER_DOLLAR);
        if micros == 0 {
            return write!(f, "{dollars}");
        }
        let fraction = format!("{micros:06}");
        write!(f, "{dollars}.{}", fraction.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::Usd;

    #[test]
    fn prints_what_it_read() {
        for text in ["0.028", "0", "12", "0.0001", "999999.999999", "0.1"] {
            let amount = Usd::parse(text).unwrap();
            assert_eq!(amount.to_string(), text);
            assert_eq!(amount.to_json().to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_no_amount() {
        for text in ["", ".5", "-1", "1e3", "0.0000001", "1,5", "NaN"] {
            assert_eq!(Usd::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_small_multiple_stays_exact_on_the_wire() {
        let price = Usd::from_micros(28_000);
        for count in 0..=255 {
            let total = price.times(count);
            assert_eq!(Usd::parse(&total.to_json().to_string()), Some(total));
        }
    }
}

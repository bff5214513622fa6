//! How JSON is spelled here: two spaces of indent, keys in a fixed order, money in whole
//! micro-dollars, times as RFC 3339, a newline at the end.
//!
//! Inside strings, characters that could steer a terminal are written as `\u` escapes: the value
//! is the same for whoever reads it, and nothing happens to whoever prints it.

mod bill;
pub mod checkup;
pub mod decided;
pub mod moved;
pub mod plan;
pub mod report;
pub mod run;
pub mod sidecar;
mod skipped;
pub mod status;

use std::fmt::Write as _;
use std::io;

use serde::{Serialize, Serializer};
use serde_json::ser::{Formatter, PrettyFormatter};

use crate::domain::money::Micros;
use crate::ledger::money::{Account, CapKind, Caps, OverCap};
use crate::report::escape::is_steering;

/// The version of every object that is written here.
///
/// History: 1, the first.
pub const FORMAT: u32 = 1;

/// Spells a value.
fn text<T: Serialize>(value: &T) -> String {
    let mut bytes = Vec::new();
    // Writing to memory does not fail, nor do values that are made of texts and numbers.
    let _written = write(value, &mut bytes);
    String::from_utf8(bytes).unwrap_or_default()
}

/// Spells a value into a writer.
fn write<T: Serialize>(value: &T, out: &mut dyn io::Write) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Harmless::default());
    value.serialize(&mut serializer)?;
    out.write_all(b"\n")
}

/// Lays JSON out in lines and writes what could steer a terminal as `\u` escapes.
#[derive(Default)]
struct Harmless(PrettyFormatter<'static>);

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_steering) {
            let (plain, tail) = rest.split_at(at);
            out.write_all(plain.as_bytes())?;
            let mut chars = tail.chars();
            let mut units = [0; 2];
            if let Some(steering) = chars.next() {
                for unit in steering.encode_utf16(&mut units) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
            rest = chars.as_str();
        }
        out.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

/// Writes what could steer a terminal as `\\u` escapes in JSON that others spelled: it stands in
/// strings alone, whose values stay what they are.
#[must_use]
pub fn harmless(json: &str) -> String {
    let mut harmless = String::with_capacity(json.len());
    let mut units = [0; 2];
    for c in json.chars() {
        if is_steering(c) && c != '\n' {
            for unit in c.encode_utf16(&mut units) {
                let _written = write!(harmless, "\\u{unit:04x}");
            }
        } else {
            harmless.push(c);
        }
    }
    harmless
}

/// A list whose members are spelled one by one, so that no second list is held.
struct Each<'a, T, U>(&'a [T], fn(&'a T) -> U);

impl<T, U: Serialize> Serialize for Each<'_, T, U> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(self.1))
    }
}

/// Money that is gone and money that may go.
#[derive(Serialize)]
struct AccountJson {
    spent_usd_micros: u64,
    reserved_usd_micros: u64,
}

impl From<Account> for AccountJson {
    fn from(account: Account) -> Self {
        Self {
            spent_usd_micros: account.spent.get(),
            reserved_usd_micros: account.reserved.get(),
        }
    }
}

/// Caps in micro-dollars; `null` is none.
#[derive(Serialize)]
struct CapsJson {
    run: Option<u64>,
    show: Option<u64>,
    sequence: Option<u64>,
    shot: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<u64>,
}

impl From<&Caps> for CapsJson {
    fn from(caps: &Caps) -> Self {
        Self {
            run: caps.run.map(Micros::get),
            show: caps.show.map(Micros::get),
            sequence: caps.sequence.map(Micros::get),
            shot: caps.shot.map(Micros::get),
            plan: caps.plan.map(|signed| signed.most.get()),
        }
    }
}

/// A cap that stands in the way.
#[derive(Serialize)]
struct OverCapJson {
    cap: &'static str,
    limit_usd_micros: u64,
    spent_usd_micros: u64,
    reserved_usd_micros: u64,
    price_usd_micros: u64,
}

impl From<&OverCap> for OverCapJson {
    fn from(over: &OverCap) -> Self {
        Self {
            cap: CapKind::word(over.cap),
            limit_usd_micros: over.limit.get(),
            spent_usd_micros: over.spent.get(),
            reserved_usd_micros: over.reserved.get(),
            price_usd_micros: over.price.get(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_reads_back_and_steers_nothing(value in ".{0,40}", odd in "[\u{1b}\u{202e}\u{9b}\u{e0041}\n\\\\\"]{0,9}") {
            let value = format!("{value}{odd}");
            let spelled = text(&vec![&value]);
            prop_assert!(!spelled.contains(|c| is_steering(c) && c != '\n'));
            let read: Vec<String> = serde_json::from_str(&spelled).expect("JSON");
            prop_assert_eq!(&read[0], &value);
            let spelled = serde_json::to_string_pretty(&vec![&value]).expect("JSON");
            let spelled = harmless(&spelled);
            prop_assert!(!spelled.contains(|c| is_steering(c) && c != '\n'));
            let read: Vec<String> = serde_json::from_str(&spelled).expect("JSON");
            prop_assert_eq!(&read[0], &value);
        }
    }
}

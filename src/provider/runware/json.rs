//! Reading JSON that may be anything.
//!
//! A reply is read in one pass into borrowed pieces. What is unknown is skipped, what has the
//! wrong type counts as absent, and what is kept is bounded in number, so that no reply costs more
//! memory than a small multiple of its length.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::domain::money::Micros;

/// The deepest nesting that is read.
pub(super) const DEEPEST: usize = 64;

/// The most entries of one list that are kept: far above twenty results for each task that is
/// asked about at once.
const MOST_ENTRIES: usize = 8192;

/// The members that are read; every other is skipped.
const READ: &[&str] = &[
    "NSFWContent",
    "allowedValues",
    "amount",
    "balance",
    "code",
    "cost",
    "currency",
    "data",
    "error",
    "errors",
    "freeBalance",
    "imageBase64Data",
    "imageDataURI",
    "imageURL",
    "imageUUID",
    "max",
    "mediaUUID",
    "message",
    "min",
    "operation",
    "organizationName",
    "parameter",
    "pong",
    "response",
    "responseContent",
    "seed",
    "status",
    "taskType",
    "taskUUID",
];

/// Tells whether brackets nest deeper than [`DEEPEST`].
///
/// The text need not be JSON; brackets inside strings are not counted.
pub(super) fn is_too_deep(text: &[u8]) -> bool {
    let opening = |&&byte: &&u8| matches!(byte, b'[' | b'{');
    if text.iter().filter(opening).count() <= DEEPEST {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for &byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > DEEPEST {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// The members of an object that are read. Of a member given twice, the last counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields<'a>(Vec<(&'static str, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// Reads an object; nothing is said of any other value.
    pub(super) fn read(raw: &'a RawValue) -> Option<Self> {
        match serde_json::from_str(raw.get()) {
            Ok(Entry::Fields(fields)) => Some(fields),
            _ => None,
        }
    }

    /// Gives a member's JSON text, unless it is `null`.
    pub(super) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        let (_, raw) = self.0.iter().find(|(known, _)| *known == name)?;
        (raw.get() != "null").then_some(*raw)
    }

    /// Gives a member that is text and not empty.
    pub(super) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.raw(name)
            .and_then(text_of)
            .filter(|text| !text.is_empty())
    }

    /// Gives a member that is true or false.
    pub(super) fn truth(&self, name: &str) -> Option<bool> {
        serde_json::from_str(self.raw(name)?.get()).ok()
    }

    /// Gives a member that is a whole number, written as one or as its digits in text.
    pub(super) fn whole(&self, name: &str) -> Option<u64> {
        self.number(name)?.parse().ok()
    }

    /// Gives a member that is an amount of dollars, from its decimal text.
    pub(super) fn money(&self, name: &str) -> Option<Micros> {
        money_of(&self.number(name)?)
    }

    fn number(&self, name: &str) -> Option<Cow<'a, str>> {
        number_of(self.raw(name)?)
    }

    fn set(&mut self, name: &'static str, value: &'a RawValue) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }
}

/// Reads an amount of dollars from the text of a JSON number.
///
/// A balance below zero is nothing to spend.
fn money_of(text: &str) -> Option<Micros> {
    match Micros::parse_json_number(text) {
        Ok(amount) => Some(amount),
        Err(crate::domain::money::MoneyError::Negative) => Some(Micros::ZERO),
        Err(_) => None,
    }
}

/// Gives the text of a number, written as one or in quotes.
pub(super) fn number_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    let text = raw.get();
    if text.starts_with('"') {
        text_of(raw)
    } else {
        Some(Cow::Borrowed(text))
    }
}

/// Gives the text of a string; it is copied only if it holds escapes.
pub(super) fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    let text = raw.get();
    if !text.starts_with('"') {
        return None;
    }
    match serde_json::from_str::<&str>(text) {
        Ok(plain) => Some(Cow::Borrowed(plain)),
        Err(_) => serde_json::from_str::<String>(text).ok().map(Cow::Owned),
    }
}

/// One entry of a list.
#[derive(Clone, Debug)]
pub(super) enum Entry<'a> {
    /// An object.
    Fields(Fields<'a>),
    /// Text.
    Words(Cow<'a, str>),
    /// Anything else.
    Other,
}

/// A list, or the one thing that stands where a list is due.
#[derive(Clone, Debug, Default)]
pub(super) struct List<'a>(pub(super) Vec<Entry<'a>>);

impl<'a> List<'a> {
    /// Reads a member that is a list or a single entry; an absent one is empty.
    ///
    /// Fails on a list of more entries than any reply has.
    pub(super) fn read(raw: Option<&'a RawValue>) -> Option<Self> {
        match raw {
            None => Some(Self::default()),
            Some(raw) => serde_json::from_str(raw.get()).ok(),
        }
    }
}

macro_rules! other_scalars {
    ($value:expr) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    other_scalars!(Entry::Other);

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Entry::Words(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Entry::Words(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Entry::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(Key(name)) = members.next_key()? {
            match name {
                Some(name) => fields.set(name, members.next_value()?),
                None => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Entry::Fields(fields))
    }
}

impl<'de> Deserialize<'de> for Entry<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

/// The name of a member, if it is one that is read.
struct Key(Option<&'static str>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl Visitor<'_> for Names {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Key, E> {
                Ok(Key(READ.iter().copied().find(|known| *known == name)))
            }
        }
        deserializer.deserialize_str(Names)
    }
}

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = List<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    other_scalars!(List::default());

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(List(vec![Entry::Words(Cow::Borrowed(text))]))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(List(vec![Entry::Words(Cow::Owned(text.to_owned()))]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element()? {
            if entries.len() == MOST_ENTRIES {
                return Err(A::Error::custom("more entries than any reply has"));
            }
            if !matches!(entry, Entry::Other) {
                entries.push(entry);
            }
        }
        Ok(List(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        Ok(List(vec![EntryVisitor.visit_map(members)?]))
    }
}

impl<'de> Deserialize<'de> for List<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Fields<'_> {
        match serde_json::from_str(text) {
            Ok(Entry::Fields(fields)) => fields,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn numbers_are_read_as_text() {
        let read = fields(
            r#"{"seed":18446744073709551615,"cost":0.028,"amount":"1.5","min":-1,"max":2.0}"#,
        );
        assert_eq!(read.whole("seed"), Some(u64::MAX));
        assert_eq!(read.money("cost"), Some(Micros::new(28_000)));
        assert_eq!(read.money("amount"), Some(Micros::new(1_500_000)));
        assert_eq!(read.whole("min"), None);
        assert_eq!(read.money("min"), Some(Micros::ZERO));
        assert_eq!(read.whole("max"), None);
    }

    #[test]
    fn wrong_types_count_as_absent() {
        let read = fields(r#"{"seed":{},"cost":true,"status":7,"NSFWContent":"no","code":null}"#);
        assert_eq!(read.whole("seed"), None);
        assert_eq!(read.money("cost"), None);
        assert_eq!(read.text("status"), None);
        assert_eq!(read.truth("NSFWContent"), None);
        assert!(read.raw("code").is_none());
    }

    #[test]
    fn the_last_of_two_counts_and_escapes_are_undone() {
        let read = fields(r#"{"imageURL":"a","imageURL":"https:\/\/x","other":[1,{"a":2}]}"#);
        assert_eq!(read.text("imageURL").as_deref(), Some("https://x"));
    }

    #[test]
    fn depth_is_counted_outside_strings() {
        let deep = |n: usize| [vec![b'['; n], vec![b']'; n]].concat();
        assert!(!is_too_deep(&deep(DEEPEST)));
        assert!(is_too_deep(&deep(DEEPEST + 1)));
        let text = format!("[\"{}\\\"[\"]", "[".repeat(200));
        assert!(!is_too_deep(text.as_bytes()));
        let wide = format!("[{}]", "[],".repeat(200));
        assert!(!is_too_deep(wide.as_bytes()));
    }

    #[test]
    fn a_list_beyond_reason_is_refused() {
        let list = |n: usize| format!("[{}{{}}]", "{},".repeat(n - 1));
        let read = |text: &str| {
            let raw: &RawValue = serde_json::from_str(text).expect("JSON");
            List::read(Some(raw)).map(|list| list.0.len())
        };
        assert_eq!(read(&list(MOST_ENTRIES)), Some(MOST_ENTRIES));
        assert_eq!(read(&list(MOST_ENTRIES + 1)), None);
        assert_eq!(read("{}"), Some(1));
        assert_eq!(read("[1,[2],\"x\"]"), Some(1));
        assert_eq!(read("5"), Some(0));
    }
}

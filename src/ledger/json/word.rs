//! Values as JSON spells them: digests, ids and times as text, money as whole micro-dollars.

use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::digest::Sha256;
use crate::domain::id::{TakeNo, Takes, TaskId};
use crate::domain::money::Micros;

/// A value that is spelled as a JSON string of its own form.
pub(super) struct Word<T>(pub(super) T);

/// A value that can be read back from its own form.
pub(super) trait FromWord: Sized {
    /// What is expected, for the message about anything else.
    const WHAT: &'static str;
    /// Reads the form.
    fn from_word(word: &str) -> Option<Self>;
}

impl<T: fmt::Display> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromWord> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form<T>(PhantomData<T>);
        impl<T: FromWord> Visitor<'_> for Form<T> {
            type Value = T;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::WHAT)
            }
            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<T, E> {
                T::from_word(word)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(word), &self))
            }
        }
        deserializer.deserialize_str(Form(PhantomData)).map(Self)
    }
}

impl FromWord for Sha256 {
    const WHAT: &'static str = "a SHA-256 of 64 hexadecimal digits";
    fn from_word(word: &str) -> Option<Self> {
        Self::parse(word)
    }
}

impl FromWord for TaskId {
    const WHAT: &'static str = "a task's UUID";
    fn from_word(word: &str) -> Option<Self> {
        Self::parse(word)
    }
}

impl FromWord for Timestamp {
    const WHAT: &'static str = "a time of RFC 3339";
    fn from_word(word: &str) -> Option<Self> {
        word.parse().ok()
    }
}

/// Money, as whole micro-dollars.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Money(u64);

impl From<Micros> for Money {
    fn from(micros: Micros) -> Self {
        Self(micros.get())
    }
}

impl From<Money> for Micros {
    fn from(money: Money) -> Self {
        Self::new(money.0)
    }
}

/// Consecutive takes, as an array of their numbers.
pub(super) struct TakeNumbers(pub(super) Takes);

impl Serialize for TakeNumbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|take| take.0))
    }
}

impl<'de> Deserialize<'de> for TakeNumbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = Vec::<u32>::deserialize(deserializer)?;
        let consecutive = numbers
            .windows(2)
            .all(|pair| pair[0].checked_add(1) == Some(pair[1]));
        match (
            numbers.first(),
            numbers.last(),
            u32::try_from(numbers.len()),
        ) {
            // The number after the last must be countable too.
            (Some(&first), Some(&last), Ok(count)) if consecutive && last < u32::MAX => {
                Ok(Self(Takes {
                    first: TakeNo(first),
                    count,
                }))
            }
            _ => Err(D::Error::custom("`takes` are not consecutive numbers")),
        }
    }
}

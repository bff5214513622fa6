//! What holds while nobody writes a key.

use crate::expand::presets::BUILT_IN;
use crate::manifest::keys::Unset;
use crate::manifest::model::RunSettings;

/// What holds, for a reader or as TOML spells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Nothing,
    Told(&'static str),
    Toml(String),
}

/// Asks the built-in layer and settings what holds.
pub(super) fn holds(unset: Unset) -> Holds {
    match unset {
        Unset::Nothing => Holds::Nothing,
        Unset::Value(value) => Holds::Toml(value.to_owned()),
        Unset::Text(text) => Holds::Toml(format!("\"{text}\"")),
        Unset::Told(words) => Holds::Told(words),
        Unset::OfLayer(value) => value(&BUILT_IN).map_or(Holds::Nothing, Holds::Toml),
        Unset::OfRun(value) => Holds::Toml(value(&RunSettings::default()).to_string()),
    }
}

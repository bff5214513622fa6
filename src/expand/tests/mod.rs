//! The room as a whole, on manifests built by hand.

pub(crate) mod fixture;
mod keys;
mod names;
mod prompts;
mod refusals;
mod settings;

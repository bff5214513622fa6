//! The room as a whole, on manifests built by hand.

pub(crate) mod fixture;
mod keys;
mod limits;
mod lints;
mod names;
mod pieces;
mod prompts;
mod refusals;
mod settings;

//! The manifest explained: the JSON Schema that editors complete from, and the tables of its docs.
//!
//! Everything here is made of `manifest::keys`, with the defaults of the built-in layer and the
//! models that are known. It reads no manifest; what it says of one, tests hold to the reader.

pub mod json;
pub mod tables;

mod unset;

#[cfg(test)]
mod tests;

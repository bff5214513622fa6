//! What people wrote: TOML and CSV text turned into a [`model::Manifest`], each value with its place.
//!
//! Owns the grammar of manifests and shot lists and every complaint about their form. It never
//! opens a file (whoever calls [`read::read`] hands it texts), never looks at a reference picture
//! and never decides what a prompt compiles to.
//!
//! Invariants: any bytes are answered, never with a panic; every problem of a text is reported at
//! once; no value is moved to another key or column unnoticed; a shot with a problem never stands
//! among the shots of a manifest; what the types here hold has the right form, though a name may
//! still point at nothing.

pub mod keys;
pub mod model;
pub mod read;
pub mod settings;
pub mod sheet;
pub mod shots;
pub mod shown;
pub mod table;

mod draft;
mod identity;
mod ratio;
mod reference;
mod rules;
mod set;
mod setting;
mod text;
mod told;
mod toml;
mod unknown;

#[cfg(test)]
mod tests;

//! Decides: what is bought and why, and what every open task needs next.
//!
//! Owns the one brain that `plan` prints and `run` obeys; resuming is the same call on a longer
//! log. It never does anything: no files, no network, no clock. Whether an image's file is still
//! there is a fact handed in.
//!
//! Invariants: the same wanted pictures and the same ledger give the same plan; a take that is
//! saved, open or unsure under the current key is never planned again; a take number is never
//! given to two images; an approved shot is never bought on its own; what a person asked to be made
//! again is bought again once, and what it replaces is still settled and fetched.

pub mod build;
mod counting;
pub mod foresight;
pub mod moved;
pub mod numbers;
pub mod reason;
pub mod saved;
pub mod select;
pub mod slots;
pub mod step;

//! Tells what happened: on the terminal while it happens, and afterwards as text, JSON, CSV,
//! sidecars and sums.
//!
//! Owns every text that is made of events, of the ledger or of a plan. It never opens a file, never
//! asks the provider and never decides what is bought: it gives back text and bytes, and whoever
//! called writes them.
//!
//! Invariants: everything but [`progress`] is derived from records of the run log (or from a plan)
//! alone, so that it can be deleted and made again; what was bought is told the same way however
//! many runs it took; nothing that could steer a terminal or be run by a spreadsheet leaves this
//! room; nothing is told by colour alone.

mod bill;
pub mod cap_lines;
pub mod checkup;
pub mod columns;
pub mod csv;
pub mod decided;
pub mod escape;
pub mod history;
mod impact;
pub mod json;
pub mod lines;
pub mod moved;
pub mod outlook;
mod phrase;
pub mod plan_table;
pub mod prices;
pub mod progress;
pub mod sidecar;
pub mod skipped;
pub mod standing;
pub mod status;
pub mod style;
pub mod summary;
mod table;

#[cfg(test)]
mod tests;

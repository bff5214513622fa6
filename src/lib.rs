//! The map of reshoot: each group of modules below is a floor, and a room imports only from floors
//! above its own.
//!
//! Text becomes a manifest, the manifest becomes what is wanted, what is wanted and what the ledger
//! knows become a plan, and the runner obeys the plan. What one run records the next one reads.

pub mod domain;

pub mod manifest;

pub mod expand;

pub mod ledger;

pub mod plan;

pub mod folder;

pub mod intake;
pub mod journal;
pub mod provider;
pub mod store;

pub mod runner;

pub mod guide;
pub mod rehearsal;
pub mod report;

pub mod cli;

//! The real runner and plan against a simulated world: a log that loses what was not synced, a
//! provider that loses, delays, doubles and forgets, a store whose files tear and whose names are
//! lost, clocks that jump, people who edit the manifest between runs, and a crash at any step.

mod allowed;
mod books;
mod crash;
mod cupboard;
mod dice;
mod history;
mod log_disk;
mod pace;
mod promises;
mod regressions;
mod service;
mod settling;
mod show;
mod sights;
mod simulation;
mod teller;
mod universe;
mod vendor;
mod weather;

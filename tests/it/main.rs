//! Every promise, proved through the real program: real files, real processes, real HTTP.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends by panicking, and says aloud what it skips"
)]

mod support;

mod again;
mod bible;
mod decisions;
mod disk;
mod errors;
mod faults;
mod invalid;
mod kill;
mod lists;
mod log;
mod long;
mod network;
mod pace;
mod plans;
mod polish;
mod power;
mod promises;
mod repair;
mod run;
mod schema;
mod scripts;
mod search;
mod settle;
mod signals;
mod tangles;
mod tidy;
mod variants;
mod words;

//! Every promise, proved through the real program: real files, real processes, real HTTP.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test ends by panicking, and says aloud what it skips"
)]

mod support;

mod errors;
mod faults;
mod kill;
mod network;
mod promises;
mod run;
mod tidy;

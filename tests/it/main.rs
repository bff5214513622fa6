//! Every promise, proved through the real program: real files, real processes, real HTTP.

mod support;

mod kill;
mod promises;
mod run;
mod tidy;

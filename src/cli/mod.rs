//! The command line: arguments in, rooms wired together, an exit code out.
//!
//! Owns flags, environment variables, what is shown on which stream, and exit codes. It decides
//! nothing about purchases and speaks no API.
//!
//! Invariants: results go to stdout and talk to stderr; foreign text is escaped before it is
//! shown; no key is ever taken from a flag's value.

pub mod args;
pub mod books;
pub mod commands;
pub mod deciding;
pub mod exit;
mod further;
pub mod idle;
pub mod limits;
pub mod memo;
pub mod planning;
pub mod render;
pub mod repair;
pub mod searching;
pub mod service;
pub mod settings;
pub mod show;
pub mod signals;
pub mod signed;
pub mod signing;
pub mod streams;
pub mod targets;
pub mod unselected;
pub mod watching;
pub mod words;

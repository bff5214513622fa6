//! The real runner against a simulated world: a log that loses what was not synced, a provider
//! that loses requests and replies, a store that loses what was not renamed, and a crash at any
//! step of any of them.

mod crash;
mod doors;
mod settling;
mod show;
mod teller;

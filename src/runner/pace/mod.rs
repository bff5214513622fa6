//! How fast: how many tasks in flight, how long between tries, and when to stop trying.
//!
//! Owns the numbers and their rules. Nothing here sends, sleeps or tells; instants are handed in,
//! so that every rule can be tested without a clock.
//!
//! Invariants: the limit is never below one nor above what was asked for; one round trip halves it
//! once at the most; while the provider seems to be down one task at a time is sent to it, and
//! only so often.

pub(super) mod backoff;
pub(super) mod breaker;
pub(super) mod gate;
mod limit;
pub(super) mod queueing;
pub(super) mod rate;

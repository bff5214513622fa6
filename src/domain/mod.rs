//! The words every other room speaks: money, identities, digests, secrets, complaints.
//!
//! Owns small values that refuse what they cannot mean. It never reads a file, a clock, the
//! environment or the network, and knows no other room.
//!
//! Invariants: money is whole micro-dollars and never wraps; an identity is never a bare string or
//! number; a secret has no way to print itself.

pub mod class;
pub mod diagnostic;
pub mod digest;
pub mod id;
pub mod lines;
pub mod money;
pub mod secret;

//! The rehearsal API.

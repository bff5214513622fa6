//! The show.

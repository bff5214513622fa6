//! Runware.

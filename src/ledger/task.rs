//! One task's life.

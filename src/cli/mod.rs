//! Arguments in, exit code out: the commands, and how everything is shown.

pub mod render;
pub mod terminal;

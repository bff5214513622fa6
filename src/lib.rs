//! The map of reshoot: each group of modules below is a floor, and a room imports only from floors
//! above its own.

pub mod rehearsal;

//! Reading the user's files: manifests, shot lists, reference pictures.
//!
//! Owns the way from a path in a manifest to bytes, and the facts about reference pictures. It never
//! writes a file, never follows a path or link out of the manifest's folder, and never says what to
//! do about a file it cannot use: the manifest and expand rooms complain.
//!
//! Invariants: one file is read once, however often it is named; what is not a regular file is never
//! opened; memory is bounded whatever the size of a reference.

pub mod folder;
pub mod references;

#[cfg(test)]
pub(crate) mod shows;

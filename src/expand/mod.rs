//! What the manifest asks for, worked out: settings resolved, prompts compiled, files named.
//!
//! Owns the meaning of a manifest: which layers win, how a prompt is compiled, which references go
//! along in which order, what a take's key is and what its file is called, and what the model
//! allows. It never reads a file: facts about reference pictures come from the intake room as
//! [`facts::ReferenceFacts`].
//!
//! Invariants: the same manifest and the same reference bytes give the same [`wanted::Wanted`],
//! in the same order; a key changes if and only if something that changes the picture does;
//! nothing that breaks the model's limits becomes a `Wanted`.

pub mod bible;
pub mod check;
pub mod compact;
pub mod compile;
pub mod expansion;
pub mod facts;
pub mod key;
pub mod layers;
mod links;
mod lint;
pub mod naming;
pub mod numbered;
pub mod numbers;
pub mod origin;
pub mod picture;
pub mod presets;
pub mod profile;
mod prompt;
pub mod reference;
pub mod request;
mod size;
mod stranger;
mod template;
pub mod told;
mod unchecked;
mod variants;
pub mod wanted;

#[cfg(test)]
pub(crate) mod tests;

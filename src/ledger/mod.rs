//! Records and what they mean: the truth about what was bought.
//!
//! Owns the records of the run log, their folding into the state of every task, take and dollar,
//! the decisions of people, and the [`port::RunLog`] trait through which others append. It never opens a file and never
//! decides what to do next.
//!
//! Invariants: state is a fold of records and nothing else; a step that cannot follow from the
//! state before it is refused; a take's number belongs to one image for ever; a send needs a
//! [`port::CommittedIntent`], which only exists when the intent is durable.

pub mod bills;
pub mod decision;
pub mod fold;
pub mod json;
pub mod known;
pub mod money;
pub mod port;
pub mod record;
pub mod task;

#[cfg(test)]
mod tests;

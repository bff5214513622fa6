//! Runware's API.
//!
//! Owns how a task is spelled for it, how its replies are read and what its error codes mean. One
//! generation task goes into a request, since an error that names no task then still means that
//! one.
//!
//! Invariants: a reply is matched by `taskUUID` and `taskType`, its images by `imageUUID`, never by
//! order; what is found in `data` counts whatever the HTTP status; after a send nothing short of
//! an error that the table in [`classify`] calls definite is a refusal; cost is read as decimal
//! text.

pub mod account;
mod api;
mod classify;
pub mod client;
mod files;
mod json;
mod read;
mod reply;
mod scrub;
#[cfg(test)]
mod tests;
mod wire;

/// Spells the request of a task for people to read: as it is sent, but for secrets and image data.
#[must_use]
pub fn preview(
    task: crate::domain::id::TaskId,
    results: u32,
    request: &crate::expand::request::Request,
) -> Option<String> {
    wire::preview(task, results, request)
}

//! How a shot that is not sound is spelled.

use serde::Serialize;

use crate::domain::id::ShotId;
use crate::report::skipped::Skipped;

/// A shot that is left out because it is not sound.
#[derive(Serialize)]
pub(super) struct SkippedJson<'a> {
    shot: Option<&'a str>,
    at: Option<&'a str>,
    file: Option<&'a str>,
    line: Option<usize>,
    code: &'a str,
    message: &'a str,
}

impl<'a> SkippedJson<'a> {
    pub(super) fn of(skipped: &'a Skipped) -> Self {
        Self {
            shot: skipped.shot.as_ref().map(ShotId::as_str),
            at: skipped.at.as_deref(),
            file: skipped.file.as_deref(),
            line: skipped.line,
            code: skipped.code,
            message: &skipped.message,
        }
    }
}

//! Shots that are left out because they are not sound.

use std::fmt::Write as _;

use crate::domain::id::ShotId;
use crate::report::escape::shown;
use crate::report::style::{Paint, Style, count};

/// How many are listed, unless all are asked for.
const LISTED: usize = 60;

/// A shot that is left out because it is not sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its id, where that could be read.
    pub shot: Option<ShotId>,
    /// Where the reason stands, for people.
    pub at: Option<String>,
    /// The file of that.
    pub file: Option<String>,
    /// The line of that, from 1.
    pub line: Option<usize>,
    /// The kind of the reason.
    pub code: &'static str,
    /// The reason, in one line.
    pub message: String,
}

/// Lists them, each with place and reason; nothing where there is none.
pub(super) fn tell(skipped: &[Skipped], full: bool, style: Style, out: &mut String) {
    if skipped.is_empty() {
        return;
    }
    let all = skipped.len();
    let listed = if full { all } else { all.min(LISTED) };
    let head = style.paint(Paint::Doubtful, "Left out as not sound");
    let _written = writeln!(out, "{head}: {}", count(all as u64, "shot"));
    for skipped in skipped.iter().take(listed) {
        let shot = skipped.shot.as_ref().map_or("(no id)", ShotId::as_str);
        let at = skipped.at.as_deref().unwrap_or("(no place)");
        let (shot, at, why) = (shown(shot), shown(at), shown(&skipped.message));
        let _written = writeln!(out, "  {shot}  {at}: {why}");
    }
    if all > listed {
        let _written = writeln!(out, "  and {} more; -v lists them all", all - listed);
    }
}

//! The list of sums that `sha256sum -c` reads.

use std::collections::BTreeMap;

use crate::expand::wanted::is_safe;
use crate::ledger::fold::Ledger;
use crate::ledger::task::Fate;

/// The file's name below the output folder, where it is to be checked from.
pub const FILE: &str = "SHA256SUMS";

/// Gives the lines of the list: every saved image, sorted by path.
///
/// A path that reshoot itself would never write is left out: a log can be forged, and the list is
/// handed on to tools that follow it.
#[must_use]
pub fn lines(ledger: &Ledger) -> String {
    let mut files = BTreeMap::new();
    for (_, task) in ledger.tasks() {
        for image in &task.images {
            if let Fate::Saved(on_disk) = &image.fate
                && is_safe(&on_disk.path)
            {
                files.insert(on_disk.path.as_str(), on_disk.sha256);
            }
        }
    }
    let lines = files
        .into_iter()
        .map(|(path, sha256)| format!("{sha256}  {path}\n"));
    lines.collect()
}

//! Sidecars: beside each image a file that says what it is, made from records of the run log alone.
//!
//! A [`Feed`] is shown every record as it becomes durable and gives a sidecar for each `saved`
//! record. Shown the same records again, it gives the same bytes: that is how sidecars are rebuilt.

use std::collections::HashSet;

use crate::domain::id::TaskId;
use crate::ledger::record::{Record, Saved, Stamped};
use crate::report::history::trail::{ImageTrail, RunFacts, Trail, Trails};
use crate::report::json;

/// The IPTC's name of pictures that a trained model made.
///
/// Per <https://cv.iptc.org/newscodes/digitalsourcetype/>.
pub const DIGITAL_SOURCE_TYPE: &str =
    "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";

/// A sidecar, ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SidecarFile {
    /// Its path below the output folder.
    pub path: String,
    /// Its bytes: JSON, ending with a newline.
    pub bytes: Vec<u8>,
}

/// Makes sidecars of records as they pass by.
///
/// It lets go of a task once all of it is settled, so that its memory follows what is in flight.
#[derive(Debug, Default)]
pub struct Feed {
    trails: Trails,
    kept: HashSet<TaskId>,
    stale: HashSet<TaskId>,
}

/// What a sidecar is made of.
#[derive(Clone, Copy, Debug)]
pub struct Sidecar<'a> {
    /// The task.
    pub trail: &'a Trail,
    /// The image.
    pub image: &'a ImageTrail,
    /// Its file.
    pub saved: &'a Saved,
    /// The run that sent the task last.
    pub run: Option<&'a RunFacts>,
}

impl Feed {
    /// Begins a feed that never lets go of some tasks, for rebuilding the sidecars of just these.
    #[must_use]
    pub fn keeping(tasks: HashSet<TaskId>) -> Self {
        Self {
            kept: tasks,
            ..Self::default()
        }
    }

    /// Takes in a record and gives the sidecar that it completes.
    ///
    /// An image that is saved again (its file was gone) after its task was let go of, or whose
    /// intent was never shown, gives none; its task is then among [`Feed::stale`].
    pub fn take_in(&mut self, stamped: &Stamped) -> Option<SidecarFile> {
        self.trails.take_in(stamped, None);
        let (task, index) = match &stamped.record {
            Record::Saved(saved) => (saved.task, Some(saved.index)),
            Record::Lost(lost) => (lost.task, None),
            Record::Refused(ended) | Record::Failed(ended) => (ended.task, None),
            _ => return None,
        };
        let file = index.and_then(|index| {
            let file = self.sidecar(task, index).map(|sidecar| sidecar.file());
            if file.is_none() {
                self.stale.insert(task);
            }
            file
        });
        let is_settled = self.trails.get(task).is_some_and(Trail::is_settled);
        if is_settled && !self.kept.contains(&task) {
            self.trails.forget(task);
        }
        file
    }

    /// Gives the tasks whose sidecars are older than their files, or missing.
    ///
    /// Show the whole log to [`Feed::keeping`] them, and the last sidecar of each image is right.
    #[must_use]
    pub const fn stale(&self) -> &HashSet<TaskId> {
        &self.stale
    }

    fn sidecar(&self, task: TaskId, index: u32) -> Option<Sidecar<'_>> {
        Sidecar::of(&self.trails, self.trails.get(task)?, index)
    }
}

impl<'a> Sidecar<'a> {
    /// Describes a saved image of a task; none while it is not saved.
    #[must_use]
    pub fn of(trails: &'a Trails, trail: &'a Trail, index: u32) -> Option<Self> {
        let image = trail.image(index)?;
        Some(Self {
            trail,
            image,
            saved: image.saved.as_ref()?,
            run: trails.run(&trail.bought.run),
        })
    }

    /// Spells it.
    #[must_use]
    pub fn file(&self) -> SidecarFile {
        SidecarFile {
            path: path(&self.saved.path),
            bytes: json::sidecar::spell(self).into_bytes(),
        }
    }
}

/// Gives the path of an image's sidecar.
#[must_use]
pub fn path(image: &str) -> String {
    format!("{image}.json")
}

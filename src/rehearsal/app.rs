//! What every handler shares.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use super::books::Books;
use super::clock::{Clock, Moment};
use super::faults::Faults;
use super::memory::{Memory, TaskIndex};
use super::money::Usd;
use super::paint::{self, Scene, Thumbnail};
use super::record::{Accepted, Record};
use super::shelf::Shelf;
use super::switches::Switches;

/// The running service.
pub(super) struct App {
    pub(super) origin: String,
    pub(super) latency: Duration,
    pub(super) accepted_keys: Option<Vec<String>>,
    pub(super) opening_balance: Usd,
    pub(super) faults: Faults,
    pub(super) clock: Clock,
    pub(super) books: Books,
    pub(super) shelf: Shelf,
    pub(super) memory: Mutex<Memory>,
    /// Rung whenever a count changes.
    pub(super) changed: Notify,
    /// Bounds how many pictures are painted at once, and with them the memory painting takes.
    pub(super) painters: Arc<Semaphore>,
    pub(super) web: OnceLock<Option<reqwest::Client>>,
}

/// Says that a picture could not be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotPainted;

impl App {
    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        // Each change leaves the memory whole, so what a panicking handler left can be used.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn switches(&self) -> &Switches {
        &self.faults.switches
    }

    pub(super) fn now(&self) -> Moment {
        self.clock.now()
    }

    pub(super) fn balance(&self, memory: &Memory) -> Usd {
        self.opening_balance.minus(memory.bill.total)
    }

    /// Counts a request or part of one under its kind.
    pub(super) fn count(&self, kind: &str) {
        let mut memory = self.memory();
        if kind == "imageInference" {
            memory.tally.asked += 1;
        }
        match memory.tally.requests.get_mut(kind) {
            Some(count) => *count += 1,
            None => drop(memory.tally.requests.insert(kind.to_owned(), 1)),
        }
        drop(memory);
        self.changed.notify_waiters();
    }

    /// Reads back what was accepted.
    pub(super) fn accepted(&self, index: TaskIndex) -> Option<Accepted> {
        let place = self.memory().task(index)?.place?;
        // A few hundred bytes from the page cache, far quicker than a trip to another thread.
        match self.books.read(place)? {
            Record::Accepted(accepted) => Some(*accepted),
            _ => None,
        }
    }

    /// Paints one result of a task; the same bytes each time.
    pub(super) async fn paint(
        self: &Arc<Self>,
        accepted: &Accepted,
        index: u8,
    ) -> Result<Vec<u8>, NotPainted> {
        let permit = Arc::clone(&self.painters)
            .acquire_owned()
            .await
            .map_err(|_| NotPainted)?;
        let accepted = accepted.clone();
        let app = Arc::clone(self);
        let painting = tokio::task::spawn_blocking(move || {
            let bytes = paint::paint(&app.scene(&accepted, index));
            drop(permit);
            bytes
        });
        painting
            .await
            .map_err(|_| NotPainted)?
            .map_err(|_| NotPainted)
    }

    fn scene(&self, accepted: &Accepted, index: u8) -> Scene {
        let prompt = accepted
            .request
            .get("positivePrompt")
            .and_then(serde_json::Value::as_str);
        let thumbnail = |reference: &super::record::Reference| Thumbnail {
            label: reference.label.clone(),
            pixels: reference
                .sha256
                .as_deref()
                .and_then(|sha256| self.shelf.small(sha256)),
        };
        Scene {
            picture: accepted.picture,
            prompt: prompt.unwrap_or_default().to_owned(),
            seed: accepted.seed_of(index),
            task: accepted.task.short(),
            turn: format!("{}/{}", index + 1, accepted.results),
            flagged: accepted.flagged,
            references: accepted.references.iter().map(thumbnail).collect(),
        }
    }
}

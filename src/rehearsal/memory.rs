//! What the server knows while it runs: a fold of the books, and nothing that the books do not hold
//! but counters for faults.
//!
//! Kept small for each task (its record stays on disk), so that a long rehearsal stays light.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::time::Duration;

use super::books::Place;
use super::clock::Moment;
use super::id::Id;
use super::money::Usd;
use super::record::{Accepted, Delivery, Fate, KeyTag, Record, Tally, Uploaded};
use super::switches::{ConflictMemory, Forgets, Switches};

/// Points at a task, in order of acceptance.
pub(super) type TaskIndex = usize;

/// What is kept of an accepted task.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) id: Id,
    pub(super) key: KeyTag,
    pub(super) number: u64,
    pub(super) at: Moment,
    pub(super) ends: Moment,
    pub(super) delivery: Delivery,
    pub(super) forgotten: bool,
    pub(super) failed: bool,
    pub(super) images_billed: u8,
    pub(super) bill: Usd,
    /// Where its record stands; none until it is on disk, and until then nobody hears of the task.
    pub(super) place: Option<Place>,
    /// An earlier task of the same UUID, of another key or after the UUID was forgotten.
    older: Option<TaskIndex>,
    answered: bool,
}

/// What is kept of an uploaded image.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub(super) sha256: String,
    pub(super) extension: String,
    pub(super) bytes: u64,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) last_used: Moment,
}

/// Remembers a task that was asked for but not accepted, for as long as the server runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) number: u64,
    pub(super) attempts: u64,
}

/// Counts money and tasks; all of it follows from the books.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bill {
    pub(super) tasks_accepted: u64,
    pub(super) tasks_failed: u64,
    pub(super) tasks_billed: u64,
    pub(super) images_billed: u64,
    pub(super) distinct_task_uuids: u64,
    pub(super) total: Usd,
}

/// Holds it all.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) salt: String,
    tasks: Vec<Task>,
    by_uuid: HashMap<Id, TaskIndex>,
    images: HashMap<Id, (TaskIndex, u8)>,
    uploads: HashMap<Id, Upload>,
    taken: HashSet<(KeyTag, Id)>,
    undelivered: HashSet<TaskIndex>,
    next_number: u64,
    asked: HashMap<Id, Asked>,
    uploads_asked: u64,
    polls: HashMap<TaskIndex, u64>,
    fetches: HashMap<Id, u64>,
    renewed: HashMap<Id, (u8, Moment)>,
    misled: HashSet<Id>,
    in_flight: BinaryHeap<Reverse<Moment>>,
    pub(super) conflicts: u64,
    pub(super) bill: Bill,
    pub(super) tally: Tally,
    /// The counters as the books have them.
    pub(super) noted_tally: Tally,
}

impl Memory {
    /// Takes in one record of the books.
    pub(super) fn fold(&mut self, record: Record, place: Place) {
        match record {
            Record::Opened { salt, .. } => self.salt = salt,
            Record::Accepted(accepted) => {
                let index = self.add(&accepted);
                self.confirm(index, place);
            }
            Record::Uploaded(uploaded) => self.add_upload(uploaded),
            Record::Deleted { image } => drop(self.uploads.remove(&image)),
            Record::Conflict { .. } => self.conflicts += 1,
            Record::Taken { task, key } => drop(self.taken.insert((key, task))),
            Record::Delivered { task } => {
                if let Some(index) = self.by_uuid.get(&task) {
                    self.undelivered.remove(index);
                }
            }
            Record::Tally(tally) => {
                self.noted_tally.clone_from(&tally);
                self.tally = tally;
            }
        }
    }

    /// Adds an accepted task. Until [`Memory::confirm`] it takes its UUID but is not known otherwise.
    pub(super) fn add(&mut self, accepted: &Accepted) -> TaskIndex {
        let index = self.tasks.len();
        let older = self.by_uuid.insert(accepted.task, index);
        let ends = accepted.at.later(Duration::from_millis(accepted.takes_ms));
        self.tasks.push(Task {
            id: accepted.task,
            key: accepted.key,
            number: accepted.number,
            at: accepted.at,
            ends,
            delivery: accepted.delivery,
            forgotten: accepted.forgotten,
            failed: accepted.fate != Fate::Made,
            images_billed: accepted.images_billed,
            bill: accepted.bill(),
            place: None,
            older,
            answered: false,
        });
        for image in 0..accepted.images() {
            self.images
                .insert(accepted.image(&self.salt, image), (index, image));
        }
        for upload in accepted
            .references
            .iter()
            .filter_map(|reference| reference.upload)
        {
            if let Some(upload) = self.uploads.get_mut(&upload) {
                upload.last_used = accepted.at;
            }
        }
        if accepted.webhook.is_some() || accepted.upload_endpoint.is_some() {
            self.undelivered.insert(index);
        }
        self.next_number = self.next_number.max(accepted.number);
        self.asked.remove(&accepted.task);
        self.in_flight.push(Reverse(ends));
        index
    }

    /// Makes a task known, and bills it, once its record is on disk.
    pub(super) fn confirm(&mut self, index: TaskIndex, place: Place) {
        let Some(task) = self.tasks.get_mut(index) else {
            return;
        };
        task.place = Some(place);
        let task = task.clone();
        self.bill.tasks_accepted += 1;
        self.bill.tasks_failed += u64::from(task.failed);
        if task.images_billed > 0 {
            let first = !self.earlier(&task).any(|earlier| earlier.images_billed > 0);
            self.bill.tasks_billed += 1;
            self.bill.images_billed += u64::from(task.images_billed);
            self.bill.distinct_task_uuids += u64::from(first);
            self.bill.total = self.bill.total.plus(task.bill);
        }
    }

    /// Takes a task back whose record could not be written: it is neither billed nor remembered.
    pub(super) fn withdraw(&mut self, index: TaskIndex) {
        let Some(task) = self.tasks.get(index) else {
            return;
        };
        match task.older {
            Some(older) => drop(self.by_uuid.insert(task.id, older)),
            None => drop(self.by_uuid.remove(&task.id)),
        }
    }

    fn earlier(&self, task: &Task) -> impl Iterator<Item = &Task> {
        let step = |task: &Task| task.older.and_then(|older| self.tasks.get(older));
        std::iter::successors(step(task), move |task| step(task))
    }

    pub(super) fn task(&self, index: TaskIndex) -> Option<&Task> {
        self.tasks.get(index).filter(|task| task.place.is_some())
    }

    /// Gives every task that is on disk, in order of acceptance.
    pub(super) fn known(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(|task| task.place.is_some())
    }

    /// Gives how many tasks there are, those among them that are not on disk yet.
    pub(super) fn count(&self) -> usize {
        self.tasks.len()
    }

    /// Finds a task by UUID: the asking key's own, or else the latest of that UUID.
    pub(super) fn find(&self, key: KeyTag, id: Id) -> Option<(TaskIndex, &Task)> {
        let latest = *self.by_uuid.get(&id)?;
        let step = |index: &TaskIndex| self.tasks.get(*index)?.older;
        let all = || std::iter::successors(Some(latest), step);
        let index = all()
            .find(|index| self.tasks[*index].key == key)
            .unwrap_or(latest);
        self.task(index).map(|task| (index, task))
    }

    /// Says whether a UUID cannot be used (again) by this key.
    pub(super) fn is_taken(&self, key: KeyTag, id: Id, now: Moment, switches: &Switches) -> bool {
        if self.taken.contains(&(key, id)) {
            return true;
        }
        let Some(latest) = self
            .by_uuid
            .get(&id)
            .and_then(|index| self.tasks.get(*index))
        else {
            return false;
        };
        let same_key = |task: &&Task| task.key == key;
        let mut all = std::iter::once(latest)
            .chain(self.earlier(latest))
            .filter(same_key);
        all.any(|task| {
            let remembered = match switches.conflict_memory {
                ConflictMemory::ForEver => true,
                ConflictMemory::InFlightOnly => now < task.ends,
                ConflictMemory::For(span) => now < task.at.later(span),
            };
            remembered && !(task.forgotten && switches.forgets == Forgets::Everything)
        })
    }

    pub(super) fn take(&mut self, key: KeyTag, id: Id) {
        self.taken.insert((key, id));
    }

    /// Counts a submit of a task and gives its number and how many went before.
    pub(super) fn ask(&mut self, id: Id) -> Asked {
        let next_number = &mut self.next_number;
        let asked = self.asked.entry(id).or_insert_with(|| {
            *next_number += 1;
            Asked {
                number: *next_number,
                attempts: 0,
            }
        });
        let before = *asked;
        asked.attempts += 1;
        before
    }

    pub(super) fn image(&self, image: Id) -> Option<(TaskIndex, u8)> {
        self.images.get(&image).copied()
    }

    pub(super) fn upload(&self, image: Id) -> Option<&Upload> {
        self.uploads.get(&image)
    }

    pub(super) fn uploads(&self) -> usize {
        self.uploads.len()
    }

    pub(super) fn add_upload(&mut self, uploaded: Uploaded) {
        self.taken.insert((uploaded.key, uploaded.task));
        let upload = Upload {
            sha256: uploaded.sha256,
            extension: uploaded.extension,
            bytes: uploaded.bytes,
            width: uploaded.width,
            height: uploaded.height,
            last_used: uploaded.at,
        };
        self.uploads.insert(uploaded.image, upload);
    }

    pub(super) fn remove_upload(&mut self, image: Id) -> bool {
        self.uploads.remove(&image).is_some()
    }

    /// Gives the tasks whose webhook or upload endpoint has not been served.
    pub(super) fn undelivered(&self) -> Vec<TaskIndex> {
        self.undelivered.iter().copied().collect()
    }

    /// Counts the tasks that have not ended.
    pub(super) fn in_flight(&mut self, now: Moment) -> u64 {
        while self
            .in_flight
            .peek()
            .is_some_and(|Reverse(ends)| *ends <= now)
        {
            self.in_flight.pop();
        }
        u64::try_from(self.in_flight.len()).unwrap_or(u64::MAX)
    }

    /// Says when one of `workers` will be free.
    pub(super) fn free_worker(&mut self, now: Moment, workers: u64) -> Moment {
        let busy = self.in_flight(now);
        let over = busy.saturating_sub(workers.max(1) - 1);
        if over == 0 {
            return now;
        }
        // With `over` more tasks than other workers, the `over`-th to end makes room.
        let mut ends: Vec<Moment> = self.in_flight.iter().map(|Reverse(ends)| *ends).collect();
        ends.sort_unstable();
        let turn = usize::try_from(over - 1).unwrap_or(usize::MAX);
        ends.get(turn).copied().unwrap_or(now)
    }

    pub(super) fn note_peak(&mut self, now: Moment) {
        self.tally.concurrent_peak = self.tally.concurrent_peak.max(self.in_flight(now));
    }

    /// Counts a poll of a task and says how many went before.
    pub(super) fn poll(&mut self, index: TaskIndex) -> u64 {
        let polls = self.polls.entry(index).or_default();
        *polls += 1;
        *polls - 1
    }

    /// Counts an upload and gives its number, from 1.
    pub(super) fn count_upload(&mut self) -> u64 {
        self.uploads_asked += 1;
        self.uploads_asked
    }

    /// Counts a fetch of an image and says how many went before.
    pub(super) fn fetch(&mut self, image: Id) -> u64 {
        let fetches = self.fetches.entry(image).or_default();
        *fetches += 1;
        *fetches - 1
    }

    /// Gives which of an image's addresses is the current one, and since when it is.
    pub(super) fn address(&self, image: Id) -> (u8, Option<Moment>) {
        self.renewed
            .get(&image)
            .map_or((0, None), |(turn, since)| (*turn, Some(*since)))
    }

    /// Notes that a wrong address is given for an image; false if one was given before.
    pub(super) fn mislead(&mut self, image: Id) -> bool {
        self.misled.insert(image)
    }

    /// Makes the address after `turn` the current one.
    pub(super) fn renew(&mut self, image: Id, turn: u8, now: Moment) {
        let renewed = self.renewed.entry(image).or_insert((0, now));
        if renewed.0 <= turn {
            *renewed = (turn.saturating_add(1), now);
        }
    }

    /// Counts a task as answered the first time its results go out.
    pub(super) fn answer(&mut self, index: TaskIndex) {
        if let Some(task) = self.tasks.get_mut(index)
            && !task.answered
        {
            task.answered = true;
            self.tally.answered += 1;
        }
    }
}

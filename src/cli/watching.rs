//! What a person sees of a run, and the files that are made from its log while it goes on.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc as channel};
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use crate::cli::books;
use crate::cli::exit::Exit;
use crate::cli::planning::Budget;
use crate::cli::show::Stopped;
use crate::cli::streams::Streams;
use crate::domain::id::TaskId;
use crate::journal::Journal;
use crate::ledger::fold::Ledger;
use crate::ledger::port::{LogError, RunLog};
use crate::ledger::record::{Record, Stamped};
use crate::ledger::task::Fate;
use crate::plan::build::Plan;
use crate::report::progress::tally::Goal;
use crate::report::progress::{self, Manner};
use crate::report::sidecar::Feed;
use crate::runner::event::Event;
use crate::runner::outcome::Outcome;
use crate::store::leftover;
use crate::store::sums;
use crate::store::text::Texts;

/// The run log, overheard: whatever becomes durable is passed on to whoever writes sidecars.
pub struct Overheard {
    journal: Arc<Journal>,
    records: channel::Sender<Stamped>,
}

impl RunLog for Overheard {
    async fn append(&self, record: Record) -> Result<Stamped, LogError> {
        let stamped = self.journal.append(record).await?;
        // Sidecars can be made again from the log: a writer that went away is no reason to stop.
        let _unheard = self.records.send(stamped.clone());
        Ok(stamped)
    }
}

/// Writes the sidecar of each image as soon as the log says that it is saved.
pub struct Clerk {
    output: PathBuf,
    thread: JoinHandle<Result<HashSet<TaskId>, String>>,
}

impl Clerk {
    /// Begins to overhear a log; tasks that earlier runs left are read up on first.
    ///
    /// # Errors
    /// Ends with an exit code after saying what is wrong.
    pub fn start(
        output: &Path,
        journal: Arc<Journal>,
        plan: &Plan,
        streams: &Streams,
    ) -> Result<(Overheard, Self), Stopped> {
        let settled = plan.settle.iter().map(|unsettled| unsettled.task);
        let left: HashSet<_> = settled
            .chain(plan.refetch.iter().map(|refetch| refetch.task))
            .collect();
        let anything_left = !left.is_empty();
        let mut feed = Feed::keeping(left);
        if anything_left {
            books::replay(output, streams, |stamped| {
                // What is saved already has its sidecar.
                let _written_before = feed.take_in(&stamped);
                Ok(())
            })?;
        }
        let texts = Texts::open(output).map_err(|error| unexpected(&error, streams))?;
        let (records, overheard) = channel::channel::<Stamped>();
        let thread = std::thread::Builder::new().name("sidecars".to_owned());
        let thread = thread.spawn(move || write_sidecars(&overheard, feed, &texts));
        let thread = thread.map_err(|error| unexpected(&error, streams))?;
        let clerk = Self {
            output: output.to_owned(),
            thread,
        };
        Ok((Overheard { journal, records }, clerk))
    }

    /// Waits for the last sidecar; those that could not be made on the way are made from the log.
    ///
    /// `all` makes every sidecar that is not there, as after a run that was cut off.
    ///
    /// # Errors
    /// Ends with an exit code after saying what is wrong.
    pub fn finish(self, all: bool, streams: &Streams) -> Result<(), Stopped> {
        let stale = match self.thread.join() {
            Ok(Ok(stale)) => stale,
            Ok(Err(error)) => return Err(unexpected(&error, streams)),
            Err(_) => return Err(unexpected(&"the writer of sidecars broke", streams)),
        };
        if stale.is_empty() && !all {
            return Ok(());
        }
        rebuild_sidecars(&self.output, &stale, all, streams).map(drop)
    }
}

fn write_sidecars(
    records: &channel::Receiver<Stamped>,
    mut feed: Feed,
    texts: &Texts,
) -> Result<HashSet<TaskId>, String> {
    for stamped in records {
        if let Some(file) = feed.take_in(&stamped) {
            texts
                .put(&file.path, &file.bytes)
                .map_err(|error| error.to_string())?;
        }
    }
    Ok(feed.stale().clone())
}

/// Makes the sidecars of some tasks again from the log, or all; gives how many were not right.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub(in crate::cli) fn rebuild_sidecars(
    output: &Path,
    stale: &HashSet<TaskId>,
    all: bool,
    streams: &Streams,
) -> Result<u64, Stopped> {
    let texts = Texts::open(output).map_err(|error| unexpected(&error, streams))?;
    let mut made = 0;
    let mut feed = Feed::keeping(stale.clone());
    books::replay(output, streams, |stamped| {
        let task = match &stamped.record {
            Record::Saved(saved) => Some(saved.task),
            _ => None,
        };
        match feed.take_in(&stamped) {
            Some(file) if all || task.is_some_and(|task| stale.contains(&task)) => texts
                .put(&file.path, &file.bytes)
                .map(|changed| made += u64::from(changed))
                .map_err(|error| error.to_string()),
            _ => Ok(()),
        }
    })?;
    Ok(made)
}

/// Shows a run while it goes on.
pub struct Watcher(tokio::task::JoinHandle<()>);

impl Watcher {
    /// Begins to watch.
    #[must_use]
    pub fn start(
        plan: &Plan,
        ledger: &Ledger,
        budget: &Budget,
        events: mpsc::UnboundedReceiver<Event>,
        streams: &Streams,
    ) -> Self {
        let goal = Goal::of(plan, ledger, &budget.caps);
        let manner = Manner {
            columns: streams.err_is_terminal.then_some(columns as fn() -> u16),
            color: streams.color_err,
            quiet: streams.quiet,
            verbose: streams.verbose,
        };
        let out: Box<dyn Write + Send> = Box::new(std::io::stderr());
        Self(tokio::spawn(async move {
            let _tally = progress::watch(events, goal, manner, out).await;
        }))
    }

    /// Waits until everything that happened was shown.
    pub async fn finish(self) {
        // A watcher that broke has nothing more to show.
        let _broke = self.0.await;
    }
}

/// Asks the terminal how wide it is just now: bars that are drawn for another width fall apart.
fn columns() -> u16 {
    const USUAL: u16 = 80;
    rustix::termios::tcgetwinsize(std::io::stderr())
        .ok()
        .map(|size| size.ws_col)
        .filter(|columns| *columns > 0)
        .unwrap_or(USUAL)
}

/// Makes `SHA256SUMS` say what the ledger says; tells whether it did not before.
///
/// # Errors
/// Ends with [`Exit::Unexpected`] when it cannot be written.
pub fn write_sums(output: &Path, ledger: &Ledger, streams: &Streams) -> Result<bool, Stopped> {
    let images = ledger.tasks().flat_map(|(_, task)| &task.images);
    let files = images.filter_map(|image| match &image.fate {
        Fate::Saved(on_disk) => Some((on_disk.path.clone(), on_disk.sha256)),
        Fate::Produced(_) | Fate::Lost(_) => None,
    });
    sums::write(output, files.collect()).map_err(|error| unexpected(&error, streams))
}

/// Makes again what is made from the log, where the last run could not or it was deleted.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn mend(output: &Path, ledger: &Ledger, streams: &Streams) -> Result<(), Stopped> {
    if ledger.runs.is_empty() {
        return Ok(());
    }
    if ledger.was_cut_off() {
        leftover::sweep(output).map_err(|error| unexpected(&error, streams))?;
        rebuild_sidecars(output, &HashSet::new(), true, streams)?;
    }
    if ledger.was_cut_off() || !output.join("SHA256SUMS").exists() {
        write_sums(output, ledger, streams)?;
    }
    Ok(())
}

/// Counts what a run did, for its last record.
#[must_use]
pub fn counts(outcome: &Outcome) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::from([("saved".to_owned(), outcome.saved)]);
    for problem in &outcome.problems {
        *counts.entry(problem.kind.word().to_owned()).or_default() += u64::from(problem.takes);
    }
    counts
}

fn unexpected(error: &dyn std::fmt::Display, streams: &Streams) -> Stopped {
    streams.insist(&format!("error: {error}\n"));
    Exit::Unexpected
}

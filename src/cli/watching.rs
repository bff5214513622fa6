//! What a person sees of a run, and the files that are made from its log.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::cli::exit::Exit;
use crate::cli::planning::Budget;
use crate::cli::show::{Show, Stopped};
use crate::cli::streams::Streams;
use crate::ledger::fold::Ledger;
use crate::plan::build::Plan;
use crate::plan::reason::Kept;
use crate::runner::event::Event;
use crate::runner::outcome::Outcome;

/// Watches a run: shows progress and writes the sidecar of every image.
pub struct Watcher(JoinHandle<()>);

impl Watcher {
    /// Begins to watch.
    ///
    /// # Errors
    /// Ends with [`Exit::Unexpected`] when the output folder cannot be written.
    pub fn start(
        _show: &Show,
        _plan: &Plan,
        _budget: &Budget,
        mut events: mpsc::UnboundedReceiver<Event>,
        streams: &Streams,
    ) -> Result<Self, Stopped> {
        let streams = *streams;
        Ok(Self(tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if streams.verbose > 0 {
                    streams.say(&format!("{event:?}\n"));
                }
            }
        })))
    }

    /// Waits until everything that happened was shown.
    pub async fn finish(self) {
        // A watcher that broke has nothing more to show.
        let _broke = self.0.await;
    }
}

/// Makes again what is made from the log and is not there.
///
/// # Errors
/// Ends with [`Exit::Unexpected`] when it cannot be written.
pub fn mend(show: &Show, ledger: &Ledger, streams: &Streams) -> Result<(), Stopped> {
    let mut files = Vec::new();
    for (_, task) in ledger.tasks() {
        for image in &task.images {
            if let crate::ledger::task::Fate::Saved(on_disk) = &image.fate {
                files.push((on_disk.path.clone(), on_disk.sha256));
            }
        }
    }
    crate::store::sums::write(&show.output, files)
        .map(drop)
        .map_err(|error| {
            streams.insist(&format!("error: {error}\n"));
            Exit::Unexpected
        })
}

/// Tells whether takes are lacking though there is nothing to buy.
#[must_use]
pub fn lacks(plan: &Plan) -> bool {
    let lacking = [
        Kept::Unsure,
        Kept::Lost,
        Kept::MissingFile,
        Kept::RefusedBefore,
    ];
    plan.entries
        .iter()
        .any(|entry| lacking.iter().any(|kept| entry.keeps.contains_key(kept)))
}

/// Says that there is nothing to do.
///
/// # Errors
/// Ends with an exit code when it cannot be said.
pub fn tell_nothing_to_do(
    _plan: &Plan,
    _ledger: &Ledger,
    streams: &Streams,
) -> Result<(), Stopped> {
    streams.say("nothing to do\n");
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

/// Says what came of a run.
///
/// # Errors
/// Ends with an exit code when it cannot be said.
pub fn summarise(
    _show: &Show,
    outcome: &Outcome,
    _budget: &Budget,
    _changed: &[String],
    _invalid: usize,
    streams: &Streams,
) -> Result<(), Stopped> {
    streams.say(&format!(
        "{:?}: {} saved, {} spent\n",
        outcome.end,
        outcome.saved,
        outcome.spent()
    ));
    for problem in &outcome.problems {
        streams.say(&format!("{problem:?}\n"));
    }
    Ok(())
}

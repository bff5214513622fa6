//! The run log as commands open it: read and folded, or opened for a run.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use crate::cli::exit::Exit;
use crate::cli::show::Stopped;
use crate::cli::streams::Streams;
use crate::domain::id::ShowId;
use crate::journal::lock::Holder;
use crate::journal::reader::Tail;
use crate::journal::{self, Journal, OpenError};
use crate::ledger::fold::Ledger;
use crate::ledger::record::{LogOpened, Stamped};
use crate::report::style::count;
use crate::store::shelf;

/// The tool's name and version, as the log records it.
pub const TOOL: &str = concat!("reshoot ", env!("CARGO_PKG_VERSION"));

/// A run log opened for a run.
pub struct Books {
    /// Where records are appended.
    pub journal: Arc<Journal>,
    /// What the log means.
    pub ledger: Ledger,
    /// Whether the log was begun just now.
    pub new: bool,
    /// Whether its torn end was cut off.
    pub mended: bool,
}

/// Gives the time of day; the one place that asks the wall clock.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Reads the run log of an output folder and folds it, changing nothing.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn read(output: &Path, streams: &Streams) -> Result<Ledger, Stopped> {
    let mut ledger = Ledger::default();
    replay(output, streams, |stamped| {
        ledger.apply(&stamped).map_err(|why| why.to_string())
    })?;
    Ok(ledger)
}

/// Reads the run log of an output folder record by record, changing nothing.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn replay(
    output: &Path,
    streams: &Streams,
    each: impl FnMut(Stamped) -> Result<(), String>,
) -> Result<(), Stopped> {
    let read = journal::read(output, each).map_err(|error| stopped(&error, streams))?;
    if let Some(tail) = read.and_then(|read| read.tail) {
        tell_tail(
            &tail,
            "a run at work is writing it, or the next run cuts it off",
            streams,
        );
    }
    Ok(())
}

/// Tells who is at work in an output folder; none where nobody is.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn at_work(output: &Path, streams: &Streams) -> Result<Option<Holder>, Stopped> {
    journal::at_work(output).map_err(|error| stopped(&error, streams))
}

/// Says that a folder has no run log, to commands that tell of nothing else.
///
/// # Errors
/// Ends with [`Exit::Damaged`] where the log of a folder with images is gone, and with
/// [`Exit::Usage`] where nothing was run yet.
pub fn must_be_there(output: &Path, streams: &Streams) -> Result<(), Stopped> {
    if output.join(journal::FILE).exists() {
        return Ok(());
    }
    let folder = output.display();
    let holds_images = shelf::holds_images(output).map_err(|error| {
        streams.insist(&format!("error: {error}\n"));
        Exit::Unexpected
    })?;
    if holds_images {
        streams.insist(&format!(
            "error: {folder}/images holds files, but {folder}/{} is gone: put it back; with a \
             `show.id` in the manifest, `reshoot run` asks the provider for what was bought\n",
            journal::FILE
        ));
        return Err(Exit::Damaged);
    }
    streams.insist(&format!(
        "error: {folder} has no run log: nothing was run there yet; run first, or name the folder \
         of the run with --out, or with --rehearse that of its rehearsal\n"
    ));
    Err(Exit::Usage)
}

/// Refuses a folder that holds images whose log is gone.
///
/// # Errors
/// Ends with [`Exit::Damaged`] after saying so.
pub fn must_hold_no_images(output: &Path, streams: &Streams) -> Result<(), Stopped> {
    let holds_images = shelf::holds_images(output).map_err(|error| {
        streams.insist(&format!("error: {error}\n"));
        Exit::Unexpected
    })?;
    if !holds_images {
        return Ok(());
    }
    let folder = output.display();
    streams.insist(&format!(
        "error: {folder}/images holds files, but {folder}/{} is gone: without it nobody can tell \
         what was paid for; put the log back, or choose another folder with --out\n",
        journal::FILE
    ));
    Err(Exit::Damaged)
}

/// Opens the run log of an output folder for a run.
///
/// # Errors
/// Ends with an exit code after saying what is wrong; another run at work is [`Exit::Locked`].
pub fn open(
    output: &Path,
    show: &ShowId,
    written: bool,
    streams: &Streams,
) -> Result<Books, Stopped> {
    let mut ledger = Ledger::default();
    let begin = || LogOpened {
        format: crate::ledger::record::FORMAT,
        show: show.clone(),
        show_id_from_manifest: written,
        tool: TOOL.to_owned(),
    };
    let fold = |stamped: Stamped| ledger.apply(&stamped).map_err(|why| why.to_string());
    let opened = journal::open(output, Arc::new(now), begin, fold);
    let opened = opened.map_err(|error| stopped(&error, streams))?;
    if let Some(tail) = &opened.cut {
        tell_tail(
            tail,
            "it was cut off; everything before it is whole",
            streams,
        );
    }
    Ok(Books {
        journal: Arc::new(opened.journal),
        ledger,
        new: opened.new,
        mended: opened.cut.is_some(),
    })
}

fn tell_tail(tail: &Tail, fate: &str, streams: &Streams) {
    let Tail { at_byte, bytes, .. } = tail;
    let bytes = count(*bytes, "byte");
    streams.say(&format!(
        "note: the run log ends in {bytes} at byte {at_byte}, no whole record, as a crash leaves \
         it: {fate}\n"
    ));
}

/// Says why a run log cannot be used.
fn stopped(error: &OpenError, streams: &Streams) -> Stopped {
    streams.insist(&format!("error: {error}\n"));
    match error {
        OpenError::Locked { .. } => Exit::Locked,
        OpenError::Damaged { .. } | OpenError::Newer { .. } => Exit::Damaged,
        OpenError::File(_) | OpenError::Log(_) => Exit::Unexpected,
    }
}

//! `doctor`: the health of log, key, disk and clock.

use std::path::{Path, PathBuf};

use crate::cli::args;
use crate::cli::books::now;
use crate::cli::commands::print;
use crate::cli::exit::Exit;
use crate::cli::settings;
use crate::cli::show::{Stopped, load_undecided, named_output};
use crate::cli::streams::Streams;
use crate::folder::Folder;
use crate::folder::error::FileError;
use crate::journal;
use crate::journal::doctor::{Checkup, Patient, State};
use crate::ledger::fold::Ledger;
use crate::report::checkup::{self, Beyond, View};
use crate::report::escape::shown;
use crate::report::json;
use crate::report::json::checkup::Health;

/// Examines a show's run log, and what else a run needs.
///
/// The log is only read, without its lock.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn doctor(args: &args::Doctor, streams: &Streams) -> Result<Exit, Stopped> {
    let path = log_path(args, streams)?;
    let output = path.parent().unwrap_or(Path::new("."));
    let patient = Patient::open(&path).map_err(|error| unexpected(&error, streams))?;
    let Some(patient) = patient else {
        if args.output.is_some() {
            streams.insist(&format!("error: {}: there is no run log\n", path.display()));
            return Err(Exit::Usage);
        }
        let health = health(output, None);
        let words = format!(
            "{}: there is no run log yet\n",
            shown(&path.to_string_lossy())
        );
        return print(streams, &spell(None, &words, &health, streams));
    };
    let mut ledger = Ledger::default();
    let checkup = patient.examine(|stamped| ledger.apply(&stamped).map_err(|why| why.to_string()));
    let checkup = checkup.map_err(|error| unexpected(&error, streams))?;
    let mut beyond = Beyond::default();
    patient
        .read_on(&checkup, |stamped| beyond.take_in(&ledger, stamped))
        .map_err(|error| unexpected(&error, streams))?;
    let copied = match &args.output {
        Some(to) => Some(copy(&patient, &checkup, to, streams)?),
        None => None,
    };
    let view = View {
        checkup: &checkup,
        ledger: &ledger,
        beyond: &beyond,
        copied: copied.as_deref(),
    };
    let words = checkup::text(&view, streams.style());
    let health = health(output, Some(&checkup));
    print(streams, &spell(Some(&view), &words, &health, streams))?;
    Ok(match checkup.state {
        State::Whole | State::Torn(_) => Exit::Done,
        State::Damaged(_) | State::Newer(_) => Exit::Damaged,
    })
}

/// Finds the log: the file itself, or the one of a show or an output folder.
fn log_path(args: &args::Doctor, streams: &Streams) -> Result<PathBuf, Stopped> {
    let named = &args.manifest.manifest;
    if named
        .extension()
        .is_some_and(|extension| extension == "jsonl")
    {
        return Ok(named.clone());
    }
    let output = match named_output(&args.manifest) {
        Some(output) => output,
        None => load_undecided(&args.manifest, streams)?.output,
    };
    Ok(output.join(journal::FILE))
}

fn copy(
    patient: &Patient,
    checkup: &Checkup,
    to: &Path,
    streams: &Streams,
) -> Result<String, Stopped> {
    let shown = to.to_string_lossy().into_owned();
    if checkup.good.records == 0 || matches!(checkup.state, State::Newer(_)) {
        streams.insist(&format!(
            "error: {}: no record of it can be vouched for, so there is nothing to copy\n",
            checkup.path
        ));
        return Err(Exit::Damaged);
    }
    match patient.save(checkup, now(), to) {
        Ok(()) => Ok(shown),
        Err(error) if error.is_taken() => {
            streams.insist(&format!(
                "error: {shown}: a file stands there and is never overwritten; name another one\n"
            ));
            Err(Exit::Usage)
        }
        Err(error) => Err(unexpected(&error, streams)),
    }
}

fn spell(view: Option<&View<'_>>, words: &str, health: &Health, streams: &Streams) -> String {
    if streams.json {
        return json::checkup::spell(view, health);
    }
    let Health { key, disk, clock } = health;
    format!("{words}Key        {key}\nDisk       {disk}\nClock      {clock}\n")
}

fn health(output: &Path, checkup: Option<&Checkup>) -> Health {
    Health {
        key: key(),
        disk: shown(&disk(output)).into_owned(),
        clock: clock(checkup),
    }
}

fn key() -> String {
    match settings::api_key(None) {
        Ok(_) => "found".to_owned(),
        Err(error) => error.to_string().replace('\n', "; "),
    }
}

/// Says how much room there is where the output folder is, or will be.
fn disk(output: &Path) -> String {
    let mut there = Some(output);
    loop {
        let folder = match there {
            Some(path) if !path.as_os_str().is_empty() => path,
            _ => Path::new("."),
        };
        match Folder::open(folder) {
            Ok(folder) => {
                return match folder.room() {
                    Ok(room) => format!("{}: {room}", folder.path()),
                    Err(error) => error.to_string(),
                };
            }
            Err(error) if error.is_missing() && folder != Path::new(".") => {
                there = folder.parent();
            }
            Err(error) => return error.to_string(),
        }
    }
}

/// Compares the clock with the last record: waits across a restart go by both.
fn clock(checkup: Option<&Checkup>) -> String {
    let now = now();
    let last = checkup.and_then(|checkup| checkup.good.last_at);
    match last {
        Some(last) if last > now => format!(
            "{now:.0}; the last record is of {last:.0}: the clock was set back, or the log comes from \
             a machine whose clock is ahead. No money depends on it; open tasks may wait longer"
        ),
        _ => format!("{now:.0}"),
    }
}

fn unexpected(error: &FileError, streams: &Streams) -> Stopped {
    streams.insist(&format!("error: {error}\n"));
    Exit::Unexpected
}

//! Decisions as commands read them, and what they make of the statuses of shots.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::cli::exit::Exit;
use crate::cli::show::{Show, Stopped};
use crate::cli::streams::Streams;
use crate::domain::diagnostic::Place;
use crate::domain::id::ShotId;
use crate::domain::lines::Lines;
use crate::journal::decisions::{self, DecisionsError};
use crate::journal::reader::Tail;
use crate::ledger::decision::Decisions;
use crate::manifest::model::{Manifest, Shot, Status};
use crate::report::decided::{Column, Decided};

/// Reads the decisions of an output folder.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn read(output: &Path, streams: &Streams) -> Result<Decisions, Stopped> {
    let (decisions, tail) = decisions::read(output).map_err(|error| stopped(&error, streams))?;
    if let Some(tail) = tail {
        tell_tail(
            &tail,
            "it counts for nothing, and the next decision cuts it off",
            streams,
        );
    }
    Ok(decisions)
}

/// Says that the decisions did not end in a whole line, and what becomes of that.
pub fn tell_tail(tail: &Tail, fate: &str, streams: &Streams) {
    let Tail { at_byte, bytes } = tail;
    streams.say(&format!(
        "note: the decisions end in {bytes} bytes at byte {at_byte}, no whole record, as a crash \
         leaves it: {fate}\n"
    ));
}

/// Says why the decisions cannot be used.
pub fn stopped(error: &DecisionsError, streams: &Streams) -> Stopped {
    streams.insist(&format!("error: {error}\n"));
    match error {
        DecisionsError::Damaged { .. } | DecisionsError::Newer { .. } => Exit::Damaged,
        DecisionsError::File(_) | DecisionsError::Write { .. } => Exit::Unexpected,
    }
}

/// Gives the shots of which a decision, and not the status column, has the last word.
#[must_use]
pub fn overruled(manifest: &Manifest, decisions: &Decisions) -> HashMap<ShotId, Status> {
    let decided: HashSet<&ShotId> = decisions.shots().collect();
    if decided.is_empty() {
        return HashMap::new();
    }
    let shots = manifest.shots.iter();
    let shots = shots.filter(|shot| decided.contains(&shot.id.value));
    let overruled = shots.filter_map(|shot| {
        let verdict = decisions.verdict(&shot.id.value, shot.status);
        let _made = verdict.decision?;
        Some((shot.id.value.clone(), verdict.status))
    });
    overruled.collect()
}

/// Gives what is true of every shot, in the manifest's order; then of shots that are gone from it.
///
/// Shots of which neither column nor decision says anything are left out.
pub fn decided<'a>(show: &'a Show, is_asked: impl Fn(&ShotId) -> bool) -> Vec<Decided<'a>> {
    let decisions = &show.decisions;
    let mut listed = HashSet::new();
    let mut told = Vec::new();
    for shot in show.manifest.shots.iter() {
        let id = &shot.id.value;
        listed.insert(id.clone());
        if (shot.status == Status::Todo && decisions.on(id).is_empty()) || !is_asked(id) {
            continue;
        }
        told.push(Decided::of(decisions, id, Some(column(show, shot))));
    }
    let gone = decisions.shots().filter(|id| !listed.contains(*id));
    let gone = gone.filter(|id| !decisions.on(id).is_empty() && is_asked(id));
    told.extend(gone.map(|id| Decided::of(decisions, id, None)));
    told
}

/// Gives what is true of one shot of the manifest, by its place in it.
pub fn decided_on<'a>(show: &'a Show, shot: &Shot) -> Decided<'a> {
    Decided::of(&show.decisions, &shot.id.value, Some(column(show, shot)))
}

fn column(show: &Show, shot: &Shot) -> Column {
    Column {
        says: shot.status,
        at: spelled(show, shot.place),
    }
}

/// Spells where a shot is written: file and line.
fn spelled(show: &Show, place: Place) -> String {
    let Some(source) = show.manifest.sources.get(place.file) else {
        return String::new();
    };
    let at = usize::try_from(place.start).unwrap_or(usize::MAX);
    let (line, _) = Lines::of(&source.text).position(&source.text, at);
    format!("{}:{line}", source.path)
}

//! Decisions as commands read them, and what they make of the statuses of shots.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use crate::cli::exit::Exit;
use crate::cli::show::{Show, Stopped};
use crate::cli::streams::Streams;
use crate::domain::diagnostic::{FileNo, Place, Sources};
use crate::domain::id::ShotId;
use crate::domain::lines::Lines;
use crate::journal::decisions::{self, DecisionsError};
use crate::journal::reader::Tail;
use crate::ledger::decision::Decisions;
use crate::manifest::model::{Manifest, Shot, Status};
use crate::report::decided::{Column, Decided};

/// Reads the decisions of an output folder, and tells whether their file ends in no whole record.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn read(output: &Path, streams: &Streams) -> Result<(Decisions, bool), Stopped> {
    let (decisions, tail) = decisions::read(output).map_err(|error| stopped(&error, streams))?;
    if let Some(tail) = &tail {
        tell_tail(
            tail,
            "it counts for nothing, and the next decision cuts it off",
            streams,
        );
    }
    Ok((decisions, tail.is_some()))
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
#[must_use]
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
pub fn decided(show: &Show, is_asked: impl Fn(&ShotId) -> bool) -> Vec<Decided<'_>> {
    let decisions = &show.decisions;
    let standing = decisions.shots().filter(|id| !decisions.on(id).is_empty());
    let mut gone: BTreeSet<&ShotId> = standing.collect();
    let mut places = Places::of(show);
    let mut told = Vec::new();
    for shot in show.manifest.shots.iter() {
        let id = &shot.id.value;
        let says_something = gone.remove(id) || shot.status != Status::Todo;
        if says_something && is_asked(id) {
            let column = places.column(&shot);
            told.push(Decided::of(decisions, id, Some(column)));
        }
    }
    let gone = gone.into_iter().filter(|id| is_asked(id));
    told.extend(gone.map(|id| Decided::of(decisions, id, None)));
    told
}

/// Gives what is true of one shot of the manifest.
pub fn decided_on<'a>(show: &'a Show, shot: &Shot) -> Decided<'a> {
    let column = Places::of(show).column(shot);
    Decided::of(&show.decisions, &shot.id.value, Some(column))
}

/// Finds lines in the manifest's files, each of which is gone through once.
struct Places<'a> {
    sources: &'a Sources,
    lines: HashMap<FileNo, Lines>,
}

impl<'a> Places<'a> {
    fn of(show: &'a Show) -> Self {
        Self {
            sources: &show.manifest.sources,
            lines: HashMap::new(),
        }
    }

    fn column(&mut self, shot: &Shot) -> Column {
        Column {
            says: shot.status,
            at: self.spelled(shot.place),
        }
    }

    /// Spells where a shot is written: file and line.
    fn spelled(&mut self, place: Place) -> String {
        let Some(source) = self.sources.get(place.file) else {
            return String::new();
        };
        let lines = self.lines.entry(place.file);
        let lines = lines.or_insert_with(|| Lines::of(&source.text));
        let at = usize::try_from(place.start).unwrap_or(usize::MAX);
        let (line, _) = lines.position(&source.text, at);
        format!("{}:{line}", source.path)
    }
}

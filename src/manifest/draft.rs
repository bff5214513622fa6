//! A manifest as it grows, text by text.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::diagnostic::{Diagnostic, Place, Placed};
use crate::domain::id::{ShotId, ShowId};
use crate::manifest::identity;
use crate::manifest::model::{Budget, Entry, Faulty, LeftOut, Preset, RunSettings, Shot};
use crate::manifest::settings::Layer;
use crate::manifest::shots::Shots;
use crate::manifest::shown::{nearest, shown};
use crate::manifest::table::{List, RowAt};

/// Everything that was read so far.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// `[show]`.
    pub(super) show: ShowDraft,
    /// `[budget]`.
    pub(super) budget: Budget,
    /// `[run]`.
    pub(super) run: RunSettings,
    /// `[defaults]`.
    pub(super) defaults: Layer,
    /// `[presets.NAME]`.
    pub(super) presets: BTreeMap<String, Preset>,
    /// The four tables of the bible.
    pub(super) bible: Bible,
    /// `[sequences."EP/SEQ"]`.
    pub(super) sequences: BTreeMap<String, Layer>,
    /// `[columns]`: a header or known column, and the other.
    pub(super) columns: Vec<(Placed<String>, Placed<String>)>,
    /// `[statuses]`: a studio's word and ours.
    pub(super) statuses: Vec<(Placed<String>, Placed<String>)>,
    /// Texts that `include` names and nobody has read yet.
    pub(super) includes: Vec<Placed<String>>,
    /// The shots.
    pub(super) shots: Gathered,
    /// Whether a text or table could not be read, so that names may be missing elsewhere.
    pub(super) has_gaps: bool,
    /// Tables and names that were defined, by their dotted path.
    defined: BTreeMap<String, Place>,
}

/// `[show]`, nothing filled in.
#[derive(Debug, Default)]
pub(super) struct ShowDraft {
    /// `id`.
    pub(super) id: Option<Placed<ShowId>>,
    /// `code`.
    pub(super) code: Option<Placed<String>>,
    /// `title`.
    pub(super) title: Option<Placed<String>>,
    /// `output`.
    pub(super) output: Option<Placed<String>>,
    /// `name`.
    pub(super) name: Option<Placed<String>>,
    /// `shots`.
    pub(super) shots: Vec<Placed<String>>,
}

/// The entries that prompts can name.
#[derive(Debug, Default)]
pub(super) struct Bible {
    /// `[characters.NAME]`.
    pub(super) characters: BTreeMap<String, Entry>,
    /// `[locations.NAME]`.
    pub(super) locations: BTreeMap<String, Entry>,
    /// `[props.NAME]`.
    pub(super) props: BTreeMap<String, Entry>,
    /// `[looks.NAME]`.
    pub(super) looks: BTreeMap<String, Entry>,
}

impl Draft {
    /// Tells whether some layer above the shots gives a prompt.
    pub(super) fn has_prompt(&self) -> bool {
        let mut layers = self.sequences.values().chain([&self.defaults]);
        layers.any(|layer| layer.prompt.is_some())
    }

    /// Warns about sequences that no shot belongs to.
    pub(super) fn unused_sequences(&self, shots: &Gathered) -> Vec<Diagnostic> {
        if self.sequences.is_empty() || !shots.left_out.is_empty() {
            return Vec::new();
        }
        let found: BTreeSet<String> = shots
            .sound
            .iter()
            .filter_map(|shot| shot.full_sequence())
            .collect();
        let unused = self.sequences.keys().filter(|key| !found.contains(*key));
        unused
            .map(|key| {
                let message = format!("no shot belongs to the sequence {}", shown(key));
                let warning = Diagnostic::warning("unused-sequence", message)
                    .at(self.defined.get(&format!("sequences.{key}")).copied());
                match nearest(key, found.iter().map(String::as_str)) {
                    Some(near) => warning.help(format!("write {} if that is meant", shown(near))),
                    None => warning.help("write it as the ids of its shots begin, or take it out"),
                }
            })
            .collect()
    }

    /// Notes that a table or name is defined here; a second time is a complaint.
    pub(super) fn define(
        &mut self,
        path: String,
        place: Place,
        complaints: &mut Vec<Diagnostic>,
    ) -> bool {
        let Some(former) = self.defined.get(&path) else {
            self.defined.insert(path, place);
            return true;
        };
        complaints.push(
            Diagnostic::error("defined-twice", format!("`{path}` is defined twice"))
                .at(place)
                .help("rename one of the two, or take it out")
                .related(Some(*former), "the other one"),
        );
        false
    }
}

/// What came of reading one shot.
#[derive(Debug)]
pub(super) struct Found {
    /// Where it was written.
    pub(super) place: Place,
    /// Its id, where that could be read.
    pub(super) id: Option<Placed<ShotId>>,
    /// The shot, or what could be read of it.
    pub(super) shot: Option<Shot>,
    /// What is wrong with it.
    pub(super) complaints: Vec<Diagnostic>,
}

impl Found {
    /// Gives the shot if it has no error.
    pub(super) fn sound(&self) -> Option<&Shot> {
        let is_sound = !self.complaints.iter().any(Diagnostic::is_error);
        self.shot.as_ref().filter(|_| is_sound)
    }
}

/// Shots as they are gathered: the sound ones, and what is wrong with the others.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Those without a complaint.
    pub(super) sound: Shots,
    /// For each of those, what stands for its id when it is compared with others.
    prints: Vec<u64>,
    /// Those with one.
    pub(super) left_out: Vec<LeftOut>,
    /// What could be read of those.
    pub(super) faulty: Vec<Faulty>,
    /// The ids of those left out, to be compared with the others.
    pub(super) refused: Vec<Placed<ShotId>>,
    /// What is wrong, shot by shot.
    pub(super) complaints: Vec<Diagnostic>,
    /// Where each list without ids begins.
    pub(super) numbered: Vec<Place>,
}

impl Gathered {
    /// Tells whether there is no shot, sound or not.
    pub(super) const fn is_empty(&self) -> bool {
        self.sound.is_empty() && self.left_out.is_empty()
    }

    /// Takes out every shot whose id another one has too.
    pub(super) fn take_out_clashes(&mut self) {
        let taken = identity::clashes(
            &self.sound,
            &self.prints,
            &self.refused,
            &mut self.complaints,
        );
        self.sound.take_out(taken.iter().map(|(at, _, _)| *at));
        for (_, shot, why) in taken {
            self.left_out.push(LeftOut {
                place: shot.id.place,
                shot: Some(shot.id.value.clone()),
                why: Some(Box::new(why)),
            });
            self.faulty.push(Faulty {
                shot,
                is_told: true,
            });
        }
    }

    /// Begins a list of shots; its sound rows are then noted one by one.
    pub(super) fn begin(&mut self, list: List) {
        self.sound.begin(list);
    }

    /// Notes the row of a sound shot, which is read again when it is asked for.
    pub(super) fn note(&mut self, row: RowAt, found: Found) {
        if let Some(shot) = found.sound() {
            self.prints.push(identity::fingerprint(&shot.id.value));
            self.sound.note(row, shot);
        }
        for mut complaint in found.complaints {
            if complaint.shot.is_none() {
                complaint.shot = found.id.as_ref().map(|id| id.value.clone());
            }
            self.complaints.push(complaint);
        }
    }

    /// Takes a shot, or what is known of one that could not be read.
    ///
    /// Complaints without a shot are put down to this one; with an error among them it is left out.
    pub(super) fn take(&mut self, found: Found) {
        let Found {
            place,
            id,
            shot,
            complaints,
        } = found;
        let mut errors = complaints.iter().filter(|complaint| complaint.is_error());
        let why = errors.clone().next().cloned().map(Box::new);
        let is_told = errors.all(|error| matches!(error.code, "bad-value" | "out-of-range"));
        for mut complaint in complaints {
            if complaint.shot.is_none() {
                complaint.shot = id.as_ref().map(|id| id.value.clone());
            }
            self.complaints.push(complaint);
        }
        match shot {
            Some(shot) if why.is_none() => {
                self.prints.push(identity::fingerprint(&shot.id.value));
                self.sound.push(shot);
            }
            shot => {
                self.left_out.push(LeftOut {
                    place: Some(place),
                    shot: id.as_ref().map(|id| id.value.clone()),
                    why,
                });
                let faulty = shot.map(|shot| Faulty { shot, is_told });
                self.faulty.extend(faulty);
                self.refused.extend(id);
            }
        }
    }
}

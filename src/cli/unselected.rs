//! What is said where selection flags find no shot: which name is not known, and which is near.

use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::show::{self, Show, Stopped};
use crate::cli::streams::Streams;
use crate::domain::id::ShotId;
use crate::expand::presets::PRESETS;
use crate::manifest::model::Manifest;
use crate::manifest::shown::nearest;

/// Says that no shot is selected, and what may be meant.
#[must_use]
pub fn refuse(show: &Show, flags: &args::Selection, streams: &Streams) -> Stopped {
    let spelled = show::spelled(flags).join(" ");
    let near = suggestions(show.manifest, flags);
    let help = if near.is_empty() {
        "`reshoot plan -v` lists every shot".to_owned()
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    streams.insist(&format!(
        "error: no shot is selected by {spelled}; {help}\n"
    ));
    Exit::Usage
}

/// Gives a flag that finds something for each one whose name is not known.
fn suggestions(manifest: &Manifest, flags: &args::Selection) -> Vec<String> {
    let mut near = Vec::new();
    let mut look = |flag: &str, asked: &[String], known: &[String]| {
        for word in asked.iter().filter(|word| !known.contains(word)) {
            let found = nearest(word, known.iter().map(String::as_str));
            near.extend(found.map(|found| format!("`{flag} {found}`")));
        }
    };
    look("--sequence", &flags.sequence, &sequences(manifest));
    look("--character", &flags.character, &characters(manifest));
    let presets = manifest.presets.keys().chain(PRESETS.keys());
    let presets: Vec<String> = presets.cloned().collect();
    look("--preset", &flags.preset, &presets);
    let ids: Vec<ShotId> = manifest
        .shots
        .iter()
        .map(|shot| shot.id.value.clone())
        .collect();
    near.extend(flags.shot.iter().filter_map(|glob| shot(&ids, glob)));
    near
}

/// Finds the shot that is meant: one with this name in some sequence, or one with an id like it.
fn shot(ids: &[ShotId], glob: &str) -> Option<String> {
    let names = |id: &ShotId| {
        let name = id.as_str().rsplit('/').next();
        name == Some(glob) && id.as_str() != glob
    };
    if ids.iter().any(names) {
        return Some(format!("`--shot '**/{glob}'`"));
    }
    let found = nearest(glob, ids.iter().map(ShotId::as_str))?;
    (found != glob).then(|| format!("`--shot {found}`"))
}

/// Names every sequence that shots are in, with and without its episode.
fn sequences(manifest: &Manifest) -> Vec<String> {
    let mut names = Vec::new();
    for shot in manifest.shots.iter() {
        names.extend(shot.full_sequence());
        names.extend(shot.sequence.clone());
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// Names every character, alone and in each state of the wardrobe.
fn characters(manifest: &Manifest) -> Vec<String> {
    let all = manifest.characters.iter();
    let each = all.flat_map(|(name, entry)| {
        let states = entry.wardrobe.keys();
        let states = states.map(move |state| format!("{name}.{state}"));
        std::iter::once(name.clone()).chain(states)
    });
    each.collect()
}

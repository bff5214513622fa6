//! What is told beside a manifest's own complaints: that there is none, and what else is wrong with
//! one whose form is wrong.

use std::collections::HashSet;
use std::path::Path;

use crate::domain::diagnostic::Diagnostic;
use crate::expand::expansion::Expansion;
use crate::expand::facts::ReferenceFacts;
use crate::intake::folder::Folder;
use crate::intake::references;
use crate::manifest::model::{Faulty, Manifest};
use crate::manifest::shown::shown;

/// Says that there is no manifest at a path, and which may be meant.
pub(super) fn no_manifest(path: String, why: &str) -> Diagnostic {
    let near = Folder::of(&path)
        .ok()
        .and_then(|folder| folder.beside(&path));
    let inside = Path::new(&path).join("show.toml");
    let help = if inside.is_file() {
        format!("name the file in it: `{}`", inside.display())
    } else if let Some(near) = near {
        format!("write `{near}`")
    } else {
        "name the manifest, such as `reshoot run shots.csv`, or make a show with `reshoot init`"
            .to_owned()
    };
    let message = format!("{} is no manifest: {why}", shown(&path));
    let complaint = Diagnostic::error("no-manifest", message).in_file(path);
    complaint.help(help)
}

/// Complaints that may follow from a value that was written and could not be read.
const FOLLOWING: &[&str] = &[
    "no-prompt",
    "prompt-length",
    "unknown-name",
    "not-cast",
    "not-listed",
    "no-reference-for-ratio",
    "marker-without-reference",
    "typed-marker",
];

/// Finds what else is wrong with a manifest or with shots whose form is wrong in places, and gives
/// the facts about all its references.
///
/// A name that only lacks because its entry could not be read is not complained of again.
pub(super) fn complain_further(
    manifest: &mut Manifest,
    faulty: Vec<Faulty>,
    folder: &Folder,
    complaints: &mut Vec<Diagnostic>,
) -> ReferenceFacts {
    let untold = faulty.iter().filter(|faulty| !faulty.is_told);
    let untold: HashSet<_> = untold.map(|faulty| faulty.shot.id.value.clone()).collect();
    let sound = manifest.shots.len();
    let shots = faulty.into_iter().map(|faulty| faulty.shot);
    manifest.shots.extend(shots);
    let facts = references::gather(manifest, folder);
    let further = Expansion::new(manifest, &facts).check().complaints;
    manifest.shots.truncate(sound);
    let known = complaints.iter().map(|known| (known.place, known.code));
    let known: HashSet<_> = known.collect();
    let no_prompts = known.iter().any(|(_, code)| *code == "no-prompts");
    let of_lists = ["empty-axis", "value-twice", "uneven-zip"];
    let lists_told = known.iter().any(|(_, code)| of_lists.contains(code));
    complaints.extend(further.into_iter().filter(|new| {
        let untold = new.shot.as_ref().is_some_and(|shot| untold.contains(shot));
        let follows = (no_prompts && new.code == "no-prompt")
            || (untold && FOLLOWING.contains(&new.code))
            // The lists of such a matrix were counted and compared already.
            || (new.code == "variant-list" && lists_told)
            // Shots with the same id share their names too.
            || new.code == "name-clash";
        !follows && !known.contains(&(new.place, new.code))
    }));
    facts
}

//! Which word of a command line names the manifest, where it stands beside shots.

use std::ffi::OsStr;
use std::path::Path;

use crate::cli::args::{Decide, Explain, Manifest};
use crate::manifest::sheet;

/// The endings of manifests.
const ENDINGS: [&str; 5] = ["toml", "csv", "tsv", "xlsx", "xlsm"];

/// The manifest that is meant where none is named.
const USUAL: &str = "show.toml";

/// Tells the manifest from the shots of a decision: the one that `-f` names, or else a first or last
/// word that is such a file.
#[must_use]
pub fn of_decision(args: &Decide) -> (Manifest, &[String]) {
    let (mut file, mut shots) = (args.file.clone(), args.targets.as_slice());
    if file.is_none() {
        let found = match shots {
            [first, rest @ ..] if !rest.is_empty() && is_manifest(first) => Some((first, rest)),
            [rest @ .., last] if !rest.is_empty() && is_manifest(last) => Some((last, rest)),
            _ => None,
        };
        if let Some((word, rest)) = found {
            (file, shots) = (Some(word.into()), rest);
        }
    }
    let manifest = Manifest {
        manifest: file.unwrap_or_else(|| USUAL.into()),
        out: args.out.clone(),
        encoding: args.encoding.clone(),
        set: args.set.clone(),
        rehearse: args.rehearse,
    };
    (manifest, shots)
}

/// Tells the manifest from the shot that is explained, whichever was named first.
#[must_use]
pub fn of_explanation(args: &Explain) -> (Manifest, String) {
    let mut manifest = args.manifest.clone();
    let named = manifest.manifest.to_string_lossy().into_owned();
    if !is_manifest(&named) && is_manifest(&args.shot) {
        manifest.manifest = args.shot.clone().into();
        return (manifest, named);
    }
    (manifest, args.shot.clone())
}

/// Tells whether a word is a file that can be a manifest: ids of shots may look alike.
fn is_manifest(word: &str) -> bool {
    let file = Path::new(sheet::split(word).0);
    let ending = file.extension().map(OsStr::to_ascii_lowercase);
    ending.is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known)) && file.is_file()
}

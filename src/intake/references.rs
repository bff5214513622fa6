//! Facts about the reference pictures that a manifest names.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::domain::digest::Sha256;
use crate::expand::facts::{Facts, Named, ReferenceFacts, Unusable};
use crate::expand::picture;
use crate::intake::folder::{Folder, Found, NotFound, refusal};
use crate::manifest::model::{self, Image, Manifest, Reference};
use crate::manifest::settings::Layer;

/// The largest file that is read whole; no model takes references as large, and larger ones are only
/// measured.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Pictures read at a time: hashing keeps a core busy, and each is in memory while it is looked at.
const AT_A_TIME: usize = 2;

/// The most paths that lead nowhere for which a file of nearly that name is looked for.
const MISSPELT: usize = 50;

/// What is known of one file, its path aside.
type Look = Result<(Sha256, picture::Picture, u64), Unusable>;

/// Gathers the facts about every file that the manifest names as a reference.
#[must_use]
pub fn gather(manifest: &Manifest, folder: &Folder) -> ReferenceFacts {
    let mut found: HashMap<Named, Result<Found, NotFound>> = HashMap::new();
    let mut misspelt: HashMap<Named, String> = HashMap::new();
    for named in named(manifest) {
        if let Entry::Vacant(vacant) = found.entry(named) {
            let Named { by, path } = vacant.key();
            let by = manifest
                .sources
                .get(*by)
                .map_or("", |source| source.path.as_str());
            let file = folder.find(by, path);
            if file == Err(NotFound::Missing) && misspelt.len() < MISSPELT {
                let near = folder.nearly(by, path);
                misspelt.extend(near.map(|near| (vacant.key().clone(), near)));
            }
            vacant.insert(file);
        }
    }
    let mut files: Vec<&Found> = found
        .values()
        .filter_map(|file| file.as_ref().ok())
        .collect();
    files.sort_unstable_by(|one, other| one.real.cmp(&other.real));
    files.dedup_by(|one, other| one.real == other.real);
    let looks = look_at_all(&files);
    let seen: HashMap<&Path, &Look> = files
        .iter()
        .map(|file| file.real.as_path())
        .zip(&looks)
        .collect();
    let facts = found.iter().map(|(named, file)| {
        let facts = match file {
            Ok(file) => facts(file, seen.get(file.real.as_path()).copied()),
            Err(why) => Err(match misspelt.remove(named) {
                Some(near) => Unusable::Misspelt(near),
                None => unusable(why),
            }),
        };
        (named.clone(), facts)
    });
    ReferenceFacts(facts.collect())
}

fn facts(file: &Found, look: Option<&Look>) -> Result<Facts, Unusable> {
    let (sha256, picture, bytes) = look.cloned().unwrap_or(Err(Unusable::Missing))?;
    Ok(Facts {
        path: file.path.to_string_lossy().into_owned(),
        shown: file.shown.clone(),
        sha256,
        bytes,
        width: picture.width,
        height: picture.height,
        media_type: picture.media_type,
    })
}

fn unusable(why: &NotFound) -> Unusable {
    match why {
        NotFound::Missing => Unusable::Missing,
        NotFound::Outside => Unusable::Outside,
        NotFound::Unreadable(reason) => Unusable::Unreadable(reason.clone()),
    }
}

/// Looks at files, a few at a time, and answers in their order.
fn look_at_all(files: &[&Found]) -> Vec<Look> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut looks = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = files.get(at) else {
                return looks;
            };
            looks.push((at, look(file)));
        }
    };
    let mut looks: Vec<(usize, Look)> = std::thread::scope(|scope| {
        let helpers: Vec<_> = (1..AT_A_TIME.min(files.len()))
            .map(|_| scope.spawn(work))
            .collect();
        let mut looks = work();
        for helper in helpers {
            looks.extend(
                helper
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            );
        }
        looks
    });
    looks.sort_unstable_by_key(|(at, _)| *at);
    looks.into_iter().map(|(_, look)| look).collect()
}

fn look(file: &Found) -> Look {
    if file.bytes > LARGEST {
        return Err(Unusable::Huge(file.bytes));
    }
    let unreadable = |error| unusable(&refusal(&error));
    let mut bytes = Vec::new();
    let opened = File::open(&file.real).map_err(unreadable)?;
    opened
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if count > LARGEST {
        return Err(Unusable::Huge(count));
    }
    let picture = picture::look(&bytes).map_err(Unusable::NotAnImage)?;
    Ok((Sha256::of(&bytes), picture, count))
}

/// Lists every file that is named as a reference, as often as it is.
fn named(manifest: &Manifest) -> impl Iterator<Item = Named> {
    let tables = [
        &manifest.characters,
        &manifest.locations,
        &manifest.props,
        &manifest.looks,
    ];
    let entries = tables.into_iter().flat_map(|table| table.values());
    let entries = entries.flat_map(|entry| std::iter::once(entry).chain(entry.wardrobe.values()));
    let of_entries = entries.flat_map(|entry: &model::Entry| &entry.references);
    let layers = [&manifest.defaults, &manifest.set].into_iter();
    let layers = layers.chain(manifest.sequences.values());
    let of_layers = layers.flat_map(|layer: &Layer| layer.references.iter().flatten());
    let of_shots = manifest.shots.iter().flat_map(|shot| {
        let references = shot.layer.references.iter().flatten();
        references.filter_map(file_of).collect::<Vec<_>>()
    });
    of_entries
        .chain(of_layers)
        .filter_map(file_of)
        .chain(of_shots)
}

fn file_of(reference: &Reference) -> Option<Named> {
    let Image::File(path) = &reference.image.value else {
        return None;
    };
    Some(Named {
        by: reference.image.place?.file,
        path: path.clone(),
    })
}

#[cfg(test)]
mod tests;

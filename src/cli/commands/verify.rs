//! `verify`: hashes every saved image and compares it with the run log.

use serde_json::json;

use crate::cli::args;
use crate::cli::books;
use crate::cli::commands::print;
use crate::cli::exit::Exit;
use crate::cli::show::{Stopped, load};
use crate::cli::streams::Streams;
use crate::ledger::task::{Fate, OnDisk};
use crate::report::escape::shown;
use crate::store::verify::{Expected, Finding, Verifier};

/// Verifies a show.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn verify(args: &args::Verify, streams: &Streams) -> Result<Exit, Stopped> {
    let show = load(&args.manifest, streams)?;
    let ledger = books::read(&show.output, streams)?;
    let verifier = Verifier::open(&show.output).map_err(|error| {
        streams.insist(&format!("error: {error}\n"));
        Exit::Unexpected
    })?;
    let images = ledger.tasks().flat_map(|(_, task)| &task.images);
    let mut saved: Vec<&OnDisk> = images
        .filter_map(|image| match &image.fate {
            Fate::Saved(on_disk) => Some(&**on_disk),
            Fate::Produced(_) | Fate::Lost(_) => None,
        })
        .collect();
    saved.sort_by(|one, other| one.path.cmp(&other.path));
    let mut wrong = Vec::new();
    for image in &saved {
        let OnDisk {
            path,
            sha256,
            bytes,
            ..
        } = image;
        let finding = verifier.check(&Expected {
            path,
            sha256: *sha256,
            bytes: *bytes,
        });
        if finding != Finding::Sound {
            wrong.push((path.as_str(), finding));
        }
    }
    let sound = saved.len() - wrong.len();
    let text = if streams.json {
        as_json(sound, &wrong)
    } else {
        as_text(sound, &wrong)
    };
    print(streams, &text)?;
    Ok(if wrong.is_empty() {
        Exit::Done
    } else {
        Exit::Damaged
    })
}

fn words(finding: &Finding) -> (&'static str, String) {
    match finding {
        Finding::Sound => ("sound", "as it was saved".to_owned()),
        Finding::Missing => (
            "missing",
            "the file is gone; run again to fetch it".to_owned(),
        ),
        Finding::Cut(bytes) => ("cut", format!("only {bytes} bytes are left")),
        Finding::Changed(sha256) => ("changed", format!("its bytes are others now: {sha256}")),
        Finding::Unreadable(why) => ("unreadable", why.clone()),
    }
}

fn as_text(sound: usize, wrong: &[(&str, Finding)]) -> String {
    let mut text = String::new();
    for (path, finding) in wrong {
        let (word, why) = words(finding);
        text += &[word, ": ", &shown(path), ": ", &shown(&why), "\n"].concat();
    }
    let all = sound + wrong.len();
    text += &[
        &sound.to_string(),
        " of ",
        &all.to_string(),
        " saved images are sound\n",
    ]
    .concat();
    text
}

fn as_json(sound: usize, wrong: &[(&str, Finding)]) -> String {
    let list = wrong.iter().map(|(path, finding)| {
        let (word, why) = words(finding);
        json!({ "path": path, "finding": word, "message": why })
    });
    let shown = json!({ "format": 1, "sound": sound, "wrong": list.collect::<Vec<_>>() });
    format!("{shown:#}\n")
}

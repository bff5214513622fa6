//! `verify`: hashes every saved image and compares it with the run log; `--repair` mends.

use std::collections::HashSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cli::args;
use crate::cli::books::{self, Books};
use crate::cli::commands::print;
use crate::cli::exit::Exit;
use crate::cli::repair::{self, Gone, Outlook, Repaired, Wants};
use crate::cli::service::Service;
use crate::cli::show::{self, Show, Stopped, load_undecided};
use crate::cli::streams::Streams;
use crate::cli::watching;
use crate::domain::id::TaskId;
use crate::ledger::fold::Ledger;
use crate::ledger::task::{Fate, OnDisk};
use crate::report::escape::shown;
use crate::report::style::count;
use crate::store::leftover;
use crate::store::verify::{Finding, Verifier};

/// Verifies a show.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn verify(args: &args::Verify, streams: &Streams) -> Result<Exit, Stopped> {
    let show: &'static Show = Box::leak(Box::new(load_undecided(&args.manifest, streams)?));
    books::must_be_there(&show.output, streams)?;
    if args.repair {
        return mend(show, args, streams);
    }
    let ledger = books::read(&show.output, streams)?;
    let found = look(show, &ledger, streams)?;
    tell(&found, None, streams)
}

/// What was found on disk.
struct Found {
    sound: usize,
    wrong: Vec<Wrong>,
}

/// A saved image that is not as it was saved.
struct Wrong {
    task: TaskId,
    index: u32,
    saved: OnDisk,
    finding: Finding,
}

/// Hashes every saved image.
fn look(show: &Show, ledger: &Ledger, streams: &Streams) -> Result<Found, Stopped> {
    let verifier = Verifier::open(&show.output).map_err(|error| {
        streams.insist(&format!("error: {error}\n"));
        Exit::Unexpected
    })?;
    let mut saved = Vec::new();
    for (id, task) in ledger.tasks() {
        for image in &task.images {
            if let Fate::Saved(on_disk) = &image.fate {
                saved.push((id, image.index, &**on_disk));
            }
        }
    }
    saved.sort_by(|one, other| one.2.path.cmp(&other.2.path));
    let mut wrong = Vec::new();
    for (task, index, on_disk) in &saved {
        let finding = verifier.check(&repair::expected(on_disk));
        if finding != Finding::Sound {
            wrong.push(Wrong {
                task: *task,
                index: *index,
                saved: (*on_disk).clone(),
                finding,
            });
        }
    }
    Ok(Found {
        sound: saved.len() - wrong.len(),
        wrong,
    })
}

/// What `--repair` did.
struct Mended {
    gone: Vec<(Gone, &'static str)>,
    sidecars: u64,
    sums: bool,
}

/// Fetches again what is missing or damaged, and makes sidecars and sums anew from the log.
fn mend(show: &'static Show, args: &args::Verify, streams: &Streams) -> Result<Exit, Stopped> {
    let written = show.manifest.show.id.is_some();
    let fresh = show::show_id(show, None, false, streams)?;
    let books = books::open(&show.output, &fresh, written, streams)?;
    let id = show::show_id(
        show,
        books.ledger.show.as_ref(),
        books.ledger.show_id_from_manifest,
        streams,
    )?;
    leftover::sweep(&show.output).map_err(|error| {
        streams.insist(&format!("error: {error}\n"));
        Exit::Unexpected
    })?;
    let before = look(show, &books.ledger, streams)?;
    let wants = wants(&before);
    let (ledger, gone, end) = if wants.is_nothing() {
        (books.ledger.clone(), Vec::new(), Ok(()))
    } else {
        let service = Service::find(&args.manifest, &args.reach, streams)?;
        let repaired = repair::fetch_again(show, &id, &books, service, wants, streams)?;
        let end = repaired.sound_end(streams);
        let Repaired { ledger, gone, .. } = repaired;
        (ledger, gone, end)
    };
    let sidecars = watching::rebuild_sidecars(&show.output, &HashSet::new(), true, streams)?;
    let sums = watching::write_sums(&show.output, &ledger, streams)?;
    let after = look(show, &ledger, streams)?;
    let named = |gone: Gone| {
        let mut wrong = before.wrong.iter();
        let found = wrong.find(|wrong| (wrong.task, wrong.index) == (gone.task, gone.index));
        (
            gone,
            found.map_or("missing", |wrong| words(&wrong.finding).0),
        )
    };
    let mended = Mended {
        gone: gone.into_iter().map(named).collect(),
        sidecars,
        sums,
    };
    drop::<Books>(books);
    let exit = tell(&after, Some(&mended), streams)?;
    end.map(|()| exit)
}

/// Gives what can be fetched again; what cannot even be read is left to a person.
fn wants(found: &Found) -> Wants {
    let gone = found.wrong.iter().filter_map(|wrong| {
        let damaged = match wrong.finding {
            Finding::Sound | Finding::Unreadable(_) => return None,
            Finding::Missing => false,
            Finding::Cut(_) | Finding::Changed(_) => true,
        };
        Some(Gone::new(wrong.task, wrong.index, &wrong.saved, damaged))
    });
    Wants {
        gone: gone.collect(),
        unsure: Vec::new(),
    }
}

fn tell(found: &Found, mended: Option<&Mended>, streams: &Streams) -> Result<Exit, Stopped> {
    let text = if streams.json {
        as_json(found, mended)
    } else {
        as_text(found, mended)
    };
    print(streams, &text)?;
    Ok(if found.wrong.is_empty() {
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
        Finding::Cut(bytes) => ("cut", format!("only {} left", count(*bytes, "byte"))),
        Finding::Changed(sha256) => ("changed", format!("its bytes are others now: {sha256}")),
        Finding::Unreadable(why) => ("unreadable", why.clone()),
    }
}

fn as_text(found: &Found, mended: Option<&Mended>) -> String {
    let mut text = String::new();
    for (gone, word) in mended.iter().flat_map(|mended| &mended.gone) {
        text += &[word, ": ", &gone.words()].concat();
    }
    let told = |wrong: &Wrong| {
        let mut gone = mended.iter().flat_map(|mended| &mended.gone);
        gone.any(|(gone, _)| (gone.task, gone.index) == (wrong.task, wrong.index))
    };
    for wrong in found.wrong.iter().filter(|wrong| !told(wrong)) {
        let (word, why) = words(&wrong.finding);
        text += &[
            word,
            ": ",
            &shown(&wrong.saved.path),
            ": ",
            &shown(&why),
            "\n",
        ]
        .concat();
    }
    if let Some(mended) = mended {
        let sums = if mended.sums { "made anew" } else { "right" };
        let made = mended.sidecars;
        let _written = writeln!(text, "sidecars made anew: {made}; SHA256SUMS: {sums}");
    } else if found
        .wrong
        .iter()
        .any(|wrong| !matches!(wrong.finding, Finding::Unreadable(_)))
    {
        text += "`reshoot verify --repair` fetches them again, free of charge\n";
    }
    let all = found.sound + found.wrong.len();
    let are = if all == 1 { "image is" } else { "images are" };
    let _written = writeln!(text, "{} of {all} saved {are} sound", found.sound);
    text
}

fn as_json(found: &Found, mended: Option<&Mended>) -> String {
    let list = found.wrong.iter().map(|wrong| {
        let (word, why) = words(&wrong.finding);
        json!({ "path": wrong.saved.path, "finding": word, "message": why })
    });
    let mut shown = json!({
        "format": 1,
        "sound": found.sound,
        "wrong": list.collect::<Vec<_>>(),
    });
    if let Some(mended) = mended {
        shown["repair"] = repair_json(mended);
    }
    format!("{shown:#}\n")
}

fn repair_json(mended: &Mended) -> Value {
    let images = mended.gone.iter().map(|(gone, word)| {
        let (fetched, same, why) = match &gone.fate {
            Outlook::Untried => (false, None, None),
            Outlook::Fetched(same) => (true, Some(*same), None),
            Outlook::Lacking(why) => (false, None, Some(why)),
        };
        json!({
            "path": gone.saved.path,
            "finding": word,
            "moved_to": gone.aside,
            "fetched": fetched,
            "same_bytes": same,
            "why": why,
        })
    });
    json!({
        "images": images.collect::<Vec<_>>(),
        "sidecars_made": mended.sidecars,
        "sums_made": mended.sums,
    })
}

//! What a run that found nothing to do remembers, so that the next one need not work it out again.
//!
//! A memo is believed only while everything that was looked at is as it was: the words of the
//! command and where it was given, every text and reference by its content, the run log by what the
//! file system says of it, the decisions, and each image by its size. Whatever differs, the memo
//! counts for nothing and the run goes its usual way. It lies in the user's cache folder, holds
//! nothing that is not in those files, and can be deleted at any time.

mod spelled;

use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::cli::books::{self, TOOL};
use crate::cli::show::Show;
use crate::cli::streams::Streams;
use crate::domain::digest::Hasher;
use crate::folder::Folder;
use crate::intake::folder::Seen;
use crate::journal;
use crate::journal::lock::Lock;
use crate::ledger::fold::Ledger;
use crate::ledger::task::Fate;
use crate::store::stat::Sizes;
use crate::store::sums;
use crate::store::text::Texts;

/// Images looked at at a time: the kernel answers each thread by itself.
const AT_A_TIME: usize = 2;

/// A memo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Memo {
    /// What was said of the manifest, on standard error.
    talk: String,
    /// What was printed.
    data: String,
    /// The output folder.
    output: PathBuf,
    /// What the file system says of the run log.
    log: LogFile,
    /// Every text and reference.
    seen: Vec<Seen>,
    /// Every image with its size in bytes, by its path below the output folder.
    images: Vec<(u64, String)>,
}

/// What the file system says of a run log: nobody writes to it without changing this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct LogFile {
    device: u64,
    inode: u64,
    bytes: u64,
    /// When its content changed, in seconds and nanoseconds.
    modified: (i64, i64),
    /// When anything about it changed, likewise; no program can set this one.
    changed: (i64, i64),
}

impl LogFile {
    fn of(output: &Path) -> Option<Self> {
        let found: Metadata = fs::symlink_metadata(output.join(journal::FILE)).ok()?;
        found.is_file().then(|| Self {
            device: found.dev(),
            inode: found.ino(),
            bytes: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}

/// Says what the last run with the same words said, if it found nothing to do and nothing has
/// changed since; else says nothing.
#[must_use]
pub fn recall(streams: &Streams) -> Option<String> {
    let (folder, name) = place(streams)?;
    let memo = Memo::read(&fs::read(folder.join(name)).ok()?)?;
    let opened = Folder::open(&memo.output).ok()?;
    // Who holds it is for the usual way to tell.
    let lock = Lock::take(&opened, books::now()).ok()?;
    let holds = LogFile::of(&memo.output) == Some(memo.log)
        && memo.output.join(sums::FILE).is_file()
        && memo.seen.iter().all(Seen::is_as_it_was)
        && memo.has_all_images();
    drop(lock);
    if !holds {
        return None;
    }
    streams.say(&memo.talk);
    Some(memo.data)
}

/// Remembers that there was nothing to do, and what was said; the run log must be held open.
///
/// A memo that cannot be written is none: the next run takes longer.
pub fn remember(show: &Show, ledger: &Ledger, talk: &str, data: &str, streams: &Streams) {
    let Some((folder, name)) = place(streams) else {
        return;
    };
    let Some(memo) = Memo::of(show, ledger, talk, data) else {
        return;
    };
    if let Some(text) = memo.spell()
        && let Ok(texts) = Texts::open(&folder)
    {
        let _lost = texts.put(&name, text.as_bytes());
    }
}

/// Gives the folder and the name of the memo for the words of this command.
fn place(streams: &Streams) -> Option<(PathBuf, String)> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.filter(|cache| cache.is_absolute());
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    let folder = cache.or_else(home).filter(|cache| cache.is_absolute())?;
    let mut words = Hasher::default();
    let mut add = |word: &[u8]| {
        words.update(&u64::try_from(word.len()).unwrap_or(u64::MAX).to_be_bytes());
        words.update(word);
    };
    add(TOOL.as_bytes());
    let program = fs::metadata(std::env::current_exe().ok()?).ok()?;
    add(format!("{} {}", program.len(), program.mtime()).as_bytes());
    add(std::env::current_dir().ok()?.as_os_str().as_bytes());
    let manner = (
        streams.color_err,
        streams.width(),
        streams.quiet,
        streams.verbose,
    );
    add(format!("{manner:?}").as_bytes());
    for word in std::env::args_os() {
        add(word.as_bytes());
    }
    let name = format!("nothing-to-do-{}", words.finish().short());
    Some((folder.join("reshoot"), name))
}

impl Memo {
    /// Gathers what a run looked at; nothing where the next one might find it otherwise.
    fn of(show: &Show, ledger: &Ledger, talk: &str, data: &str) -> Option<Self> {
        if ledger.was_cut_off() || show.decisions_are_torn {
            // What was left unfinished is looked for until a run has ended well, and told.
            return None;
        }
        let mut seen = show.seen.clone();
        for facts in show.facts.0.values() {
            let facts = facts.as_ref().ok()?;
            seen.push(Seen {
                path: PathBuf::from(&facts.path),
                sha256: Some(facts.sha256),
            });
        }
        let mut images = Vec::new();
        for (_, task) in ledger.tasks() {
            for image in &task.images {
                if let Fate::Saved(on_disk) = &image.fate {
                    images.push((on_disk.bytes, on_disk.path.clone()));
                }
            }
        }
        // In order, so that a folder is opened once.
        images.sort_unstable_by(|one, other| one.1.cmp(&other.1));
        let memo = Self {
            talk: talk.to_owned(),
            data: data.to_owned(),
            output: std::path::absolute(&show.output).ok()?,
            log: LogFile::of(&show.output)?,
            seen,
            images,
        };
        memo.has_all_images().then_some(memo)
    }

    fn has_all_images(&self) -> bool {
        let share = self.images.len().div_ceil(AT_A_TIME).max(1);
        let there = |images: &[(u64, String)]| {
            let Ok(mut sizes) = Sizes::open(&self.output) else {
                return false;
            };
            let mut images = images.iter();
            images.all(|(bytes, path)| sizes.of(path) == Ok(Some(*bytes)))
        };
        std::thread::scope(|scope| {
            let shares = self.images.chunks(share);
            let helpers: Vec<_> = shares
                .map(|share| scope.spawn(move || there(share)))
                .collect();
            helpers
                .into_iter()
                .all(|helper| helper.join().unwrap_or(false))
        })
    }
}

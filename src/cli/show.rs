//! A show as a command needs it: the manifest read and checked, its references known.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use glob::Pattern;

use crate::cli::args;
use crate::cli::deciding;
use crate::cli::exit::Exit;
use crate::cli::further::{complain_further, no_manifest};
use crate::cli::render;
use crate::cli::streams::Streams;
use crate::domain::diagnostic::{Diagnostic, Place, Sources};
use crate::domain::digest::{Hasher, Sha256};
use crate::domain::id::{ShowId, TaskId, Variant};
use crate::expand::check;
use crate::expand::expansion::Expansion;
use crate::expand::facts::ReferenceFacts;
use crate::expand::wanted::Wanted;
use crate::intake::folder::{Folder, Seen};
use crate::intake::references;
use crate::journal::decisions;
use crate::ledger::bills::Absent;
use crate::ledger::decision::Decisions;
use crate::ledger::fold::Ledger;
use crate::ledger::task::{Fate, OnDisk, Task};
use crate::manifest::model::{LeftOut, Manifest};
use crate::manifest::read::{self, Options};
use crate::manifest::sheet;
use crate::plan::build::FileState;
use crate::plan::select::Selection;
use crate::report::skipped::Skipped;
use crate::runner::order::Orders;
use crate::store::stat::Sizes;

/// A command that cannot go on, with what was to be said already said.
pub type Stopped = Exit;

/// A manifest whose form is sound, with its references known.
///
/// It lives as long as the process: every part of a run refers to it.
pub struct Show {
    /// The manifest.
    pub manifest: &'static Manifest,
    /// What it expands to.
    pub expansion: Expansion<'static>,
    /// Shots that could not even be read, each with a complaint.
    pub left_out: Vec<LeftOut>,
    /// Every complaint about the manifest's form.
    pub complaints: Vec<Diagnostic>,
    /// The digest of every text the manifest was read from.
    pub sha256: Sha256,
    /// What people decided.
    pub decisions: Decisions,
    /// Whether the file of decisions ends in no whole record.
    pub decisions_are_torn: bool,
    /// Where its files go.
    pub output: PathBuf,
    /// Whether that is the folder of its rehearsal.
    pub rehearsal: bool,
    /// Every text that was read or looked for.
    pub seen: Vec<Seen>,
    /// What is known of its references.
    pub facts: &'static ReferenceFacts,
    /// The name of the manifest's file, as a run log without a `show.id` remembers it.
    name: String,
}

/// What came of reading a manifest, with the folder it lies in and what the manifest itself was.
pub struct Reading {
    /// What came of reading it.
    pub outcome: read::Outcome,
    folder: Folder,
    root: Seen,
}

/// Reads a manifest, whatever is wrong with it.
///
/// # Errors
/// Ends with [`Exit::Invalid`] where there is no such file.
pub fn read(args: &args::Manifest, survey: bool, streams: &Streams) -> Result<Reading, Stopped> {
    let path = args.manifest.to_string_lossy().into_owned();
    let (root, mut folder) = match open(&path) {
        Ok(opened) => opened,
        Err(why) => {
            let complaint = no_manifest(path, &why);
            return Err(refuse(&Sources::default(), &[complaint], streams));
        }
    };
    let seen = Seen {
        path: PathBuf::from(sheet::split(&path).0),
        sha256: Some(Sha256::of(&root.bytes)),
    };
    let options = Options {
        encoding: args.encoding.clone(),
        set: args.set.clone(),
        survey,
    };
    Ok(Reading {
        outcome: read::read(root, &mut folder, &options),
        folder,
        root: seen,
    })
}

/// Reads a manifest and what was decided; what is wrong with its form stops the command here.
///
/// # Errors
/// Ends with [`Exit::Invalid`] after every complaint was shown, and with [`Exit::Damaged`] where
/// the decisions are damaged.
pub fn load(args: &args::Manifest, streams: &Streams) -> Result<Show, Stopped> {
    let mut show = load_undecided(args, streams)?;
    // Before they are read, so that one made meanwhile counts as a change.
    let decided = show.output.join(decisions::FILE);
    show.seen.push(Seen::now(&decided));
    (show.decisions, show.decisions_are_torn) = deciding::read(&show.output, streams)?;
    let statuses = deciding::overruled(show.manifest, &show.decisions);
    show.expansion.overrule(statuses);
    Ok(show)
}

/// Reads a manifest without what was decided: for commands that buy nothing and tell no status.
///
/// # Errors
/// Ends with [`Exit::Invalid`] after every complaint was shown.
pub fn load_undecided(args: &args::Manifest, streams: &Streams) -> Result<Show, Stopped> {
    let Reading {
        outcome,
        folder,
        root,
    } = read(args, false, streams)?;
    let read::Outcome {
        manifest,
        partial,
        sources,
        mut complaints,
        left_out,
        faulty,
        surveys: _,
    } = outcome;
    let Some(mut manifest) = manifest else {
        if let Some(mut partial) = partial {
            complain_further(&mut partial, faulty, &folder, &mut complaints);
        }
        return Err(refuse(&sources, &complaints, streams));
    };
    let facts = if faulty.is_empty() {
        references::gather(&manifest, &folder)
    } else {
        complain_further(&mut manifest, faulty, &folder, &mut complaints)
    };
    let manifest: &'static Manifest = Box::leak(Box::new(manifest));
    let facts: &'static ReferenceFacts = Box::leak(Box::new(facts));
    let output = output(args, manifest);
    let mut seen = vec![root];
    seen.extend_from_slice(folder.seen());
    Ok(Show {
        seen,
        facts,
        expansion: Expansion::new(manifest, facts),
        left_out,
        complaints,
        sha256: digest(&manifest.sources),
        decisions: Decisions::default(),
        decisions_are_torn: false,
        output,
        rehearsal: args.rehearse,
        name: file_name(&args.manifest),
        manifest,
    })
}

fn open(path: &str) -> Result<(read::Text, Folder), String> {
    let (file, sheet) = sheet::split(path);
    let mut root = Folder::manifest(file).map_err(|error| error.to_string())?;
    let folder = Folder::of(file).map_err(|error| error.to_string())?;
    if let Some(sheet) = sheet {
        root.path = format!("{}#{sheet}", root.path);
    }
    Ok((root, folder))
}

/// Shows complaints and gives the exit code that goes with them: that of wrong usage where a flag's
/// value is at fault.
#[must_use]
pub fn refuse(sources: &Sources, complaints: &[Diagnostic], streams: &Streams) -> Stopped {
    if streams.json {
        let shown = serde_json::json!({
            "format": 1,
            "valid": false,
            "complaints": render::json::complaints(sources, complaints),
        });
        // An unreadable standard output leaves nothing more to be done here.
        let _unread = streams.data(&format!("{shown:#}\n"));
    }
    streams.insist(&render::render(
        sources,
        complaints,
        streams.color_err,
        streams.width(),
    ));
    let of_flag = |complaint: &Diagnostic| {
        let source = complaint.place.and_then(|place| sources.get(place.file));
        let file = source.map(|source| source.path.as_str());
        let file = file.or(complaint.file.as_deref());
        file.is_some_and(|file| matches!(file, read::SET | read::ENCODING))
    };
    let mut errors = complaints.iter().filter(|complaint| complaint.is_error());
    if errors.any(of_flag) {
        Exit::Usage
    } else {
        Exit::Invalid
    }
}

/// Gives the output folder where flags alone tell it, so that no manifest needs to be read.
#[must_use]
pub fn named_output(args: &args::Manifest) -> Option<PathBuf> {
    args.out.clone().map(|real| its_own(args, real))
}

/// Gives the output folder: `--out` or the manifest's.
fn output(args: &args::Manifest, manifest: &Manifest) -> PathBuf {
    let beside = args.manifest.parent().unwrap_or(Path::new(""));
    named_output(args).unwrap_or_else(|| its_own(args, beside.join(&manifest.show.output.value)))
}

/// Gives a rehearsal a folder of its own.
fn its_own(args: &args::Manifest, real: PathBuf) -> PathBuf {
    if !args.rehearse {
        return real;
    }
    let mut name = real.file_name().unwrap_or_default().to_owned();
    name.push("-rehearsal");
    real.with_file_name(name)
}

fn digest(sources: &Sources) -> Sha256 {
    let mut hasher = Hasher::default();
    for (_, source) in sources.iter() {
        let length = u64::try_from(source.text.len()).unwrap_or(u64::MAX);
        hasher.update(&length.to_be_bytes());
        hasher.update(source.text.as_bytes());
    }
    hasher.finish()
}

impl Show {
    /// Expands and checks every shot, and passes on what is wanted in manifest order.
    ///
    /// With `skip_invalid`, shots with errors are left out and only told; without it any error
    /// stops the command, and what was passed on before counts for nothing.
    ///
    /// # Errors
    /// Ends with [`Exit::Invalid`] after every complaint was shown.
    pub fn check(
        &self,
        skip_invalid: bool,
        streams: &Streams,
        mut each: impl FnMut(usize, &Wanted),
    ) -> Result<Checked, Stopped> {
        // Which shots are sound is known only at the end: where some may be left out, they are
        // expanded once more rather than all kept in memory.
        let checked = self.expansion.walk(|index, wanted| {
            if !skip_invalid {
                for wanted in &wanted {
                    each(index, wanted);
                }
            }
        });
        let skipped = if skip_invalid {
            self.skipped(&checked)
        } else {
            Vec::new()
        };
        let mut complaints = self.complaints.clone();
        let known = complaints.iter().map(told_of).collect::<HashSet<_>>();
        let new = checked.complaints.iter();
        let new = new.filter(|new| !known.contains(&told_of(new)));
        let new: Vec<Diagnostic> = new.cloned().collect();
        complaints.extend(new);
        let invalid = self.left_out.len() + checked.invalid.len();
        if complaints.iter().any(Diagnostic::is_error) && !skip_invalid {
            let stopped = refuse(&self.manifest.sources, &complaints, streams);
            self.advise_skipping(invalid, streams);
            return Err(stopped);
        }
        for index in 0..self.expansion.shots().len() {
            if skip_invalid && !checked.is_left_out(index) {
                let wanted = self.expansion.wanted(index).unwrap_or_default();
                for wanted in &wanted {
                    each(index, wanted);
                }
            }
        }
        Ok(Checked {
            complaints,
            invalid,
            skipped,
        })
    }

    /// Lists the shots that are left out, each with its first error, in the order they were written.
    fn skipped(&self, checked: &check::Checked) -> Vec<Skipped> {
        let unread = self.left_out.iter();
        let unread = unread.map(|left| (left.place, left.shot.clone(), left.why.as_deref()));
        let unsound = checked.invalid.iter().filter_map(|(at, why)| {
            let shot = self.expansion.shots().get(*at)?;
            let why = checked.complaints.get(*why);
            Some((Some(shot.place), Some(shot.id.value.clone()), why))
        });
        let mut skipped: Vec<_> = unread.chain(unsound).collect();
        skipped.sort_by_key(|(place, _, _)| *place);
        render::skipped(&self.manifest.sources, skipped)
    }

    /// Says how to buy the rest where only some shots are wrong.
    fn advise_skipping(&self, invalid: usize, streams: &Streams) {
        let sound = self.expansion.shots().len() + self.left_out.len() - invalid;
        let advice = match sound {
            _ if invalid == 0 => return,
            0 => return,
            1 => "1 other shot is sound: --skip-invalid buys that alone\n".to_owned(),
            sound => format!("{sound} other shots are sound: --skip-invalid buys those alone\n"),
        };
        streams.insist(&advice);
    }

    /// Shows warnings and notes, and the errors of shots that are left out.
    pub fn tell(&self, complaints: &[Diagnostic], streams: &Streams) {
        streams.say(&self.told(complaints, streams));
    }

    /// Draws warnings and notes, and the errors of shots that are left out, unless quiet is asked for.
    #[must_use]
    pub fn told(&self, complaints: &[Diagnostic], streams: &Streams) -> String {
        if streams.quiet > 0 || complaints.is_empty() {
            return String::new();
        }
        let (color, width) = (streams.color_err, streams.width());
        render::complaints(&self.manifest.sources, complaints, color, width)
    }
}

/// What a check left standing.
pub struct Checked {
    /// Warnings and notes, and errors of shots that are left out.
    pub complaints: Vec<Diagnostic>,
    /// How many shots are left out.
    pub invalid: usize,
    /// Those shots, each with the reason.
    pub skipped: Vec<Skipped>,
}

/// Tells complaints apart that were found twice.
fn told_of(complaint: &Diagnostic) -> (&'static str, Option<Place>, &str) {
    (complaint.code, complaint.place, &complaint.message)
}

impl Orders for &'static Show {
    fn wanted(&self, shot_index: usize, variant: Variant) -> Option<Wanted> {
        self.expansion.one(shot_index, variant).ok().flatten()
    }
}

/// Reads the selection flags.
///
/// # Errors
/// Ends with [`Exit::Usage`] after saying which glob is wrong.
pub fn selection(args: &args::Selection, streams: &Streams) -> Result<Selection, Stopped> {
    let mut shots = Vec::new();
    for glob in &args.shot {
        match Pattern::new(glob) {
            Ok(pattern) => shots.push(pattern),
            Err(error) => {
                streams.insist(&format!("error: --shot {glob}: {}\n", error.msg));
                return Err(Exit::Usage);
            }
        }
    }
    Ok(Selection {
        shots,
        sequences: args.sequence.clone(),
        characters: args.character.clone(),
        presets: args.preset.clone(),
        limit: args.limit,
    })
}

/// Spells the selection flags as they were given, for the run log.
#[must_use]
pub fn spelled(args: &args::Selection) -> Vec<String> {
    let mut words = Vec::new();
    let mut add = |flag: &str, values: &[String]| {
        for value in values {
            words.extend([flag.to_owned(), value.clone()]);
        }
    };
    add("--shot", &args.shot);
    add("--sequence", &args.sequence);
    add("--character", &args.character);
    add("--preset", &args.preset);
    if let Some(limit) = args.limit {
        add("--limit", &[limit.to_string()]);
    }
    words
}

/// Gives the show's id: the log's, else the manifest's, else a new one.
///
/// A new one is random, and ends in the name of the file that it was made for: so that the next
/// list with the same output folder is not taken for this one.
///
/// # Errors
/// Ends with [`Exit::Invalid`] when the output folder belongs to another show, and with
/// [`Exit::Usage`] when it belongs to another list that has no id.
pub fn show_id(
    show: &Show,
    in_log: Option<&ShowId>,
    log_has_it_from_manifest: bool,
    streams: &Streams,
) -> Result<ShowId, Stopped> {
    let written = show.manifest.show.id.as_ref();
    match (in_log, written) {
        (Some(log), Some(written)) if *log != written.value && log_has_it_from_manifest => {
            let output = show.output.display();
            let complaint = Diagnostic::error(
                "other-show",
                format!("the output folder `{output}` belongs to another show"),
            )
            .at(written.place)
            .expected(format!(
                "`{log}`, whose run log it holds, or another output folder"
            ))
            .help("give every show an output folder of its own, or put its id back");
            Err(refuse(&show.manifest.sources, &[complaint], streams))
        }
        (Some(log), None) if log_has_it_from_manifest => {
            let output = show.output.display();
            let complaint = Diagnostic::error(
                "other-show",
                format!("the output folder `{output}` belongs to a show with an id"),
            )
            .in_file(&show.name)
            .expected(format!(
                "`id = \"{log}\"` under `[show]`, or another output folder"
            ))
            .help("write that id if this is that show, else choose another folder with `--out`");
            Err(refuse(&show.manifest.sources, &[complaint], streams))
        }
        (Some(log), written) if !log_has_it_from_manifest => {
            let is_same = written.is_some_and(|written| written.value == *log);
            match begun_for(log).filter(|list| *list != show.name && !is_same) {
                Some(list) => Err(other_list(show, list, log, streams)),
                None => Ok(log.clone()),
            }
        }
        (Some(log), _) => Ok(log.clone()),
        (None, Some(written)) => Ok(written.value.clone()),
        (None, None) => {
            let random = uuid::Uuid::new_v4();
            Ok(ShowId::new(&format!("{random}:{}", show.name)))
        }
    }
}

/// Gives the name of the file that a show id which stands in no manifest was made for.
fn begun_for(id: &ShowId) -> Option<&str> {
    id.as_str().split_once(':').map(|(_, name)| name)
}

/// Gives the name of a manifest's file, short and without control characters.
fn file_name(manifest: &Path) -> String {
    const LONGEST: usize = 80;
    let name = manifest.file_name().unwrap_or_default().to_string_lossy();
    let plain = name.chars().map(|c| if c.is_control() { '_' } else { c });
    plain.take(LONGEST).collect()
}

/// Refuses to mix two lists in one run log.
fn other_list(show: &Show, list: &str, log: &ShowId, streams: &Streams) -> Stopped {
    let (output, name) = (show.output.display(), &show.name);
    let complaint = Diagnostic::error(
        "other-list",
        format!("the output folder `{output}` holds the run log of `{list}`, not of `{name}`"),
    )
    .in_file(name)
    .expected("a folder of its own for each list: one run log tells of one show")
    .help(format!(
        "name another folder with `--out`; if this is the same list under a new name, write \
         `id = \"{log}\"` under `[show]` of the manifest, or of a `show.toml` beside the list"
    ));
    let _invalid = refuse(&show.manifest.sources, &[complaint], streams);
    Exit::Usage
}

/// Looks at files below an output folder, by their size alone.
pub struct Files(Mutex<Sizes>);

impl Files {
    /// Opens an output folder, which need not exist.
    ///
    /// # Errors
    /// Ends with [`Exit::Unexpected`] after saying what is wrong.
    pub fn open(output: &Path, streams: &Streams) -> Result<Self, Stopped> {
        Sizes::open(output)
            .map(|sizes| Self(Mutex::new(sizes)))
            .map_err(|error| {
                streams.insist(&format!("error: {error}\n"));
                Exit::Unexpected
            })
    }

    /// Tells whether a saved image's file is there.
    ///
    /// A file that cannot be looked at counts as changed: it is told, and left alone.
    pub fn state(&self, on_disk: &OnDisk) -> FileState {
        let mut sizes = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match sizes.of(&on_disk.path) {
            Ok(Some(bytes)) if bytes == on_disk.bytes => FileState::Present,
            Ok(None) => FileState::Missing,
            Ok(Some(_)) | Err(_) => FileState::OtherSize,
        }
    }

    /// Gives the saved images whose files are gone or have another size, wanted now or not.
    pub fn absent(&self, ledger: &Ledger) -> Absent {
        let images = |(id, task): (TaskId, &Task)| {
            let gone = task.images.iter().filter(|image| match &image.fate {
                Fate::Saved(on_disk) => self.state(on_disk) != FileState::Present,
                Fate::Produced(_) | Fate::Lost(_) => false,
            });
            gone.map(|image| (id, image.index)).collect::<Vec<_>>()
        };
        ledger.tasks().flat_map(images).collect()
    }
}

//! A show as a command needs it: the manifest read and checked, its references known.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use glob::Pattern;

use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::render;
use crate::cli::streams::Streams;
use crate::domain::diagnostic::{Diagnostic, Sources};
use crate::domain::digest::{Hasher, Sha256};
use crate::domain::id::{ShowId, TaskId, Variant};
use crate::expand::expansion::Expansion;
use crate::expand::facts::ReferenceFacts;
use crate::expand::wanted::Wanted;
use crate::intake::folder::Folder;
use crate::intake::references;
use crate::ledger::bills::Absent;
use crate::ledger::fold::Ledger;
use crate::ledger::task::{Fate, OnDisk, Task};
use crate::manifest::model::{LeftOut, Manifest};
use crate::manifest::read::{self, Options};
use crate::plan::build::FileState;
use crate::plan::select::Selection;
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
    /// Where its files go.
    pub output: PathBuf,
    /// Whether that is the folder of its rehearsal.
    pub rehearsal: bool,
}

/// Reads a manifest; what is wrong with its form stops the command here.
///
/// # Errors
/// Ends with [`Exit::Invalid`] after every complaint was shown.
pub fn load(args: &args::Manifest, streams: &Streams) -> Result<Show, Stopped> {
    let path = args.manifest.to_string_lossy().into_owned();
    let (root, mut folder) = match open(&path) {
        Ok(opened) => opened,
        Err(why) => {
            let help = "name the manifest, such as `reshoot run shots.csv`, \
                        or make a show with `reshoot init`";
            let complaint = Diagnostic::error("no-manifest", why)
                .in_file(path)
                .help(help);
            return Err(refuse(&Sources::default(), &[complaint], streams));
        }
    };
    let options = Options {
        encoding: args.encoding.clone(),
        set: args.set.clone(),
    };
    let read::Outcome {
        manifest,
        partial,
        sources,
        mut complaints,
        left_out,
    } = read::read(root, &mut folder, &options);
    let Some(manifest) = manifest else {
        if let Some(partial) = &partial {
            complain_further(partial, &folder, &mut complaints);
        }
        return Err(refuse(&sources, &complaints, streams));
    };
    let manifest: &'static Manifest = Box::leak(Box::new(manifest));
    let facts: &'static ReferenceFacts = Box::leak(Box::new(references::gather(manifest, &folder)));
    let output = output(args, manifest);
    Ok(Show {
        expansion: Expansion::new(manifest, facts),
        left_out,
        complaints,
        sha256: digest(&manifest.sources),
        output,
        rehearsal: args.rehearse,
        manifest,
    })
}

/// Finds what else is wrong with a manifest whose form is wrong in places.
///
/// A name that only lacks because its entry could not be read is not complained of again.
fn complain_further(partial: &Manifest, folder: &Folder, complaints: &mut Vec<Diagnostic>) {
    let facts = references::gather(partial, folder);
    let further = Expansion::new(partial, &facts).check().complaints;
    let known: Vec<_> = complaints
        .iter()
        .map(|known| (known.place, known.code))
        .collect();
    let no_prompts = known.iter().any(|(_, code)| *code == "no-prompts");
    complaints.extend(further.into_iter().filter(|new| {
        let follows = no_prompts && new.code == "no-prompt";
        !follows && !known.contains(&(new.place, new.code))
    }));
}

fn open(path: &str) -> Result<(read::Text, Folder), String> {
    let root = Folder::manifest(path).map_err(|error| error.to_string())?;
    let folder = Folder::of(path).map_err(|error| error.to_string())?;
    Ok((root, folder))
}

/// Shows complaints and gives the exit code that goes with them.
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
    Exit::Invalid
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
    /// stops the command.
    ///
    /// # Errors
    /// Ends with [`Exit::Invalid`] after every complaint was shown.
    pub fn check(
        &self,
        skip_invalid: bool,
        streams: &Streams,
        mut each: impl FnMut(usize, &Wanted),
    ) -> Result<Checked, Stopped> {
        let mut kept: Vec<(usize, Vec<Wanted>)> = Vec::new();
        let checked = self
            .expansion
            .walk(|index, wanted| kept.push((index, wanted)));
        let mut complaints = self.complaints.clone();
        complaints.extend(checked.complaints);
        let invalid = self.left_out.len() + checked.invalid.len();
        if complaints.iter().any(Diagnostic::is_error) && !skip_invalid {
            self.advise_skipping(&mut complaints, invalid);
            return Err(refuse(&self.manifest.sources, &complaints, streams));
        }
        for (index, wanted) in &kept {
            if !checked.invalid.contains(index) {
                for wanted in wanted {
                    each(*index, wanted);
                }
            }
        }
        Ok(Checked {
            complaints,
            invalid,
        })
    }

    /// Says how to buy the rest where only some shots are wrong.
    fn advise_skipping(&self, complaints: &mut [Diagnostic], invalid: usize) {
        let sound = self.expansion.shots().len() + self.left_out.len() - invalid;
        let advice = format!("{sound} other shots are sound: --skip-invalid buys those alone");
        let last = complaints
            .iter_mut()
            .rev()
            .find(|complaint| complaint.is_error());
        if let Some(last) = last.filter(|_| sound > 0 && invalid > 0) {
            last.help = Some(match last.help.take() {
                Some(help) => format!("{help}; {advice}"),
                None => advice,
            });
        }
    }

    /// Shows warnings and notes, and the errors of shots that are left out.
    pub fn tell(&self, complaints: &[Diagnostic], streams: &Streams) {
        if streams.quiet == 0 && !complaints.is_empty() {
            let (color, width) = (streams.color_err, streams.width());
            let sources = &self.manifest.sources;
            streams.say(&render::complaints(sources, complaints, color, width));
        }
    }
}

/// What a check left standing.
pub struct Checked {
    /// Warnings and notes, and errors of shots that are left out.
    pub complaints: Vec<Diagnostic>,
    /// How many shots are left out.
    pub invalid: usize,
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
/// # Errors
/// Ends with [`Exit::Invalid`] when the output folder belongs to another show.
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
                format!("the output folder {output} holds the run log of show {log}"),
            )
            .at(written.place)
            .expected(format!("`{log}`, or another output folder"))
            .help("give every show an output folder of its own, or put its id back");
            Err(refuse(&show.manifest.sources, &[complaint], streams))
        }
        (Some(log), None) if log_has_it_from_manifest => {
            let output = show.output.display();
            let complaint = Diagnostic::error(
                "other-show",
                format!("the output folder {output} holds the run log of show {log}, and this manifest has no `show.id`"),
            )
            .help("choose another output folder with --out, or write that id into `[show]` if this is that show");
            Err(refuse(&show.manifest.sources, &[complaint], streams))
        }
        (Some(log), _) => Ok(log.clone()),
        (None, Some(written)) => Ok(written.value.clone()),
        (None, None) => Ok(ShowId::new(&uuid::Uuid::new_v4().to_string())),
    }
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

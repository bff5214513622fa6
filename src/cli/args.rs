//! The command line's grammar.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cli::exit::TABLE;

/// Regenerates shot lists with consistent characters: every image bought once, none lost.
#[derive(Debug, Parser)]
#[command(name = "reshoot", version, about, after_help = TABLE, max_term_width = 100)]
pub struct Cli {
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Print one JSON object instead of text
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    /// Say less; twice, only errors
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Everywhere")]
    pub quiet: u8,
    /// Say more
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Everywhere")]
    pub verbose: u8,
    /// Colour the output
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Everywhere"
    )]
    pub color: ColorChoice,
}

impl Global {
    /// `--json` alone, for a command line that cannot be read.
    pub const JSON: Self = Self {
        json: true,
        quiet: 0,
        verbose: 0,
        color: ColorChoice::Never,
    };
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a new show: manifest, example bible, shots CSV, .gitignore
    Init(Init),
    /// Check the manifest and its references; offline and free
    Check(Check),
    /// Show what would be bought and why, with prices and caps; offline and free
    Plan(Plan),
    /// Buy what the plan says; the same command again resumes
    Run(Run),
    /// Show what the run log knows
    Status(Show),
    /// Show how one shot is made: prompt, references, request, and why it would be bought
    Explain(Explain),
    /// Approve shots or takes: they are not bought again
    Approve(Decide),
    /// Ask for shots or takes again: what there is counts no longer
    Retake(Decide),
    /// Put shots on hold, or mark takes so
    Hold(Decide),
    /// Leave shots out, or mark takes so
    Omit(Decide),
    /// Hash every saved image and compare it with the run log
    Verify(Verify),
    /// Tell everything that happened, from the run log
    Report(Report),
    /// Examine the run log (MANIFEST may be a .jsonl file), key, disk and clock; changes nothing
    Doctor(Doctor),
    /// Serve the rehearsal API on loopback, which bills play money
    Rehearse(Rehearse),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Print the manual page
    Man,
    /// Print the JSON Schema of manifests, from which editors complete and explain keys
    Schema,
}

/// Which show.
#[derive(Clone, Debug, Args)]
pub struct Manifest {
    /// The show: a .toml, .csv, .tsv or .xlsx file; a sheet is named as `file.xlsx#Sheet`
    #[arg(value_name = "MANIFEST", default_value = "show.toml")]
    pub manifest: PathBuf,
    /// Where images and the run log go, instead of the manifest's `show.output`
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The text encoding of lists that are not UTF-8, such as windows-1252
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// Set a manifest key for every shot, such as `preset=final`; wins over everything
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Look at the rehearsal's folder instead of the real one
    #[arg(long)]
    pub rehearse: bool,
}

/// Which shots.
#[derive(Clone, Debug, Default, Args)]
pub struct Selection {
    /// Only shots whose id matches; `*` stops at a slash, `**` does not
    #[arg(long, value_name = "GLOB", help_heading = "Selection")]
    pub shot: Vec<String>,
    /// Only shots of this sequence
    #[arg(long, value_name = "NAME", help_heading = "Selection")]
    pub sequence: Vec<String>,
    /// Only shots with this character
    #[arg(long, value_name = "NAME", help_heading = "Selection")]
    pub character: Vec<String>,
    /// Only shots with this preset
    #[arg(long, value_name = "NAME", help_heading = "Selection")]
    pub preset: Vec<String>,
    /// At most this many takes
    #[arg(long, value_name = "N", help_heading = "Selection")]
    pub limit: Option<u32>,
}

/// `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The folder to make
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
}

/// `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Which show.
    #[command(flatten)]
    pub manifest: Manifest,
    /// Which shots.
    #[command(flatten)]
    pub selection: Selection,
    /// Show what each column of the shot lists is taken for, and a `[columns]` to paste
    #[arg(long)]
    pub columns: bool,
}

/// `status`.
#[derive(Debug, Args)]
pub struct Show {
    /// Which show.
    #[command(flatten)]
    pub manifest: Manifest,
    /// Which shots.
    #[command(flatten)]
    pub selection: Selection,
}

/// `plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// Which show.
    #[command(flatten)]
    pub manifest: Manifest,
    /// Which shots.
    #[command(flatten)]
    pub selection: Selection,
    /// What is bought at the most.
    #[command(flatten)]
    pub buying: Buying,
    /// Save the plan, to be signed and then bought by `run --plan FILE`
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Flags that change what is bought.
#[derive(Clone, Debug, Args)]
pub struct Buying {
    /// The most this run may spend, in US dollars, such as 25.00
    #[arg(long, value_name = "USD")]
    pub max_cost: Option<String>,
    /// Buy the shots that are sound and list the rest; the exit code is then 5
    #[arg(long)]
    pub skip_invalid: bool,
    /// Send again what was refused before
    #[arg(long)]
    pub retry_refused: bool,
    /// Buy again what was paid for and is gone, lost or unsure
    #[arg(long, value_name = "WHAT")]
    pub rebuy: Option<Rebuy>,
}

impl Buying {
    /// For commands that only look: shots that are not sound are for `check` to tell.
    #[must_use]
    pub const fn only_looking() -> Self {
        Self {
            max_cost: None,
            skip_invalid: true,
            retry_refused: false,
            rebuy: None,
        }
    }
}

/// What to buy again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Rebuy {
    /// What is gone, lost or unsure.
    Missing,
}

/// `run`.
#[derive(Clone, Debug, Args)]
pub struct Run {
    /// Which show.
    #[command(flatten)]
    pub manifest: Manifest,
    /// Which shots.
    #[command(flatten)]
    pub selection: Selection,
    /// What is bought at the most.
    #[command(flatten)]
    pub buying: Buying,
    /// Buy what this saved plan holds, with its flags, and nothing else; refused if anything moved
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Do not ask before spending
    #[arg(long)]
    pub yes: bool,
    /// The most tasks in flight
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub jobs: Option<u32>,
    /// The most tasks sent in a minute
    #[arg(long, value_name = "N")]
    pub rate: Option<u32>,
    /// Begin nothing new after this time of day
    #[arg(long, value_name = "HH:MM")]
    pub until: Option<String>,
    /// How the API is reached.
    #[command(flatten)]
    pub reach: Reach,
}

/// How the API is reached, or the rehearsal that stands in for it.
#[derive(Clone, Debug, Args)]
pub struct Reach {
    /// The API's address
    #[arg(long, value_name = "URL", conflicts_with = "rehearse")]
    pub endpoint: Option<String>,
    /// A file that holds the API key
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// With --rehearse: how long the rehearsal takes for a task, such as 800ms or 2s
    #[arg(long, value_name = "TIME", requires = "rehearse")]
    pub latency: Option<String>,
    /// With --rehearse: what goes wrong, a file or NAME=RATE,…
    #[arg(long, value_name = "FAULTS", requires = "rehearse")]
    pub faults: Option<String>,
}

/// `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The shot's id
    #[arg(value_name = "SHOT")]
    pub shot: String,
    /// Which show.
    #[command(flatten)]
    pub manifest: Manifest,
    /// Only this variant, by its number; all of them otherwise
    #[arg(long, value_name = "N")]
    pub variant: Option<u32>,
}

/// `approve`, `retake`, `hold` and `omit`.
#[derive(Debug, Args)]
pub struct Decide {
    /// Shots by id or glob (`*` stops at a slash, `**` does not), or a take: `@v003`, `@02_v003`
    #[arg(value_name = "SHOT[@TAKE]", required = true)]
    pub targets: Vec<String>,
    /// Why, for those who come later
    #[arg(short = 'm', long, value_name = "NOTE")]
    pub note: Option<String>,
    /// Take back the last decision of this kind on them
    #[arg(long)]
    pub undo: bool,
    /// The show, `show.toml` when left out; it may also stand before or after the shots
    #[arg(short, long, value_name = "MANIFEST")]
    pub file: Option<PathBuf>,
    /// Where the run log is, instead of the manifest's `show.output`
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The text encoding of lists that are not UTF-8, such as windows-1252
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// Set a manifest key for every shot, as `run` was told
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Decide on the rehearsal instead of the real show
    #[arg(long)]
    pub rehearse: bool,
}

/// `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Which show.
    #[command(flatten)]
    pub manifest: Manifest,
    /// Fetch missing and damaged images again, free of charge, and make sidecars and sums anew
    #[arg(long)]
    pub repair: bool,
    /// How the API is reached.
    #[command(flatten)]
    pub reach: Reach,
}

/// `report`.
#[derive(Debug, Args)]
pub struct Report {
    /// Which show.
    #[command(flatten)]
    pub manifest: Manifest,
    /// The form
    #[arg(long, value_name = "FORM", default_value = "json")]
    pub format: ReportFormat,
    /// Write it to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Which show, or a run log itself as a .jsonl file.
    #[command(flatten)]
    pub manifest: Manifest,
    /// Copy the good part of the run log to a new file, which must not be there yet
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// One JSON object.
    Json,
    /// A table with a row a take.
    Csv,
}

/// `rehearse`.
#[derive(Debug, Args)]
pub struct Rehearse {
    /// The port; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,
    /// How long a task takes, such as 800ms or 2s
    #[arg(long, value_name = "TIME", default_value = "500ms")]
    pub latency: String,
    /// What goes wrong: a file, or NAME=RATE,…
    #[arg(long, value_name = "FAULTS")]
    pub faults: Option<String>,
    /// The folder of its books
    #[arg(long, value_name = "DIR", default_value = "rehearsal-provider")]
    pub folder: PathBuf,
}

/// `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

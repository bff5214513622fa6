//! Which faults strike, how often, and when: read once, then drawn from a seed.
//!
//! A draw depends on the seed, the fault's name, the task and the attempt alone. By default a task
//! is known by its number (the n-th new one the server sees), so that runs with fresh task UUIDs
//! meet the same faults; `by = "uuid"` ties them to the UUID, whatever order tasks arrive in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::id;
use super::switches::{NotSet, Switches};

/// Declares the faults with their spelling.
macro_rules! fault_names {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// Names something that goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Fault { $($(#[$doc])* $name),* }

        impl Fault {
            const NAMES: &'static [(&'static str, Self)] = &[$(($text, Self::$name)),*];

            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

fault_names! {
    /// The connection is cut before the task is taken.
    DropBeforeAccept = "drop-before-accept",
    /// The task is taken and billed, then the connection is cut.
    DropAfterAccept = "drop-after-accept",
    /// The task is taken and billed, then nothing is said for as long as the client waits.
    Silence = "silence",
    /// The task takes longer than the others.
    Late = "late",
    /// 429 at submit.
    RateLimit = "rate-limit",
    /// 500 (or another status) with an errors body at submit.
    ServerError = "server-error",
    /// 502 with a web page at submit.
    HtmlError = "html-error",
    /// A reply cut in the middle of its JSON.
    BrokenJson = "broken-json",
    /// Half the bytes of an image, announced as if they were all.
    TruncatedImage = "truncated-image",
    /// The connection is cut in the middle of an image.
    WrongLength = "wrong-length",
    /// 500 when an image is fetched.
    DownloadError = "download-error",
    /// A web page where an image should be.
    HtmlImage = "html-image",
    /// No bytes where an image should be.
    EmptyImage = "empty-image",
    /// An image address that leads on to another host.
    RedirectImage = "redirect-image",
    /// Half an image, then nothing for as long as the client waits.
    StalledImage = "stalled-image",
    /// The first address given for a result leads off the service, to an inner network.
    ForeignUrl = "foreign-url",
    /// The image URL is dead from the start.
    ExpiredUrl = "expired-url",
    /// Some of a task's results fail.
    PartialResults = "partial-results",
    /// All of a task's results fail, after it was taken.
    Failed = "failed",
    /// The result is flagged.
    Nsfw = "nsfw",
    /// The provider refuses the content.
    Moderated = "moderated",
    /// The balance is said not to suffice.
    NoCredit = "no-credit",
    /// The task is taken and billed, then nobody knows it.
    ForgetsTask = "forgets-task",
    /// The results carry no cost.
    CostMissing = "cost-missing",
    /// 500 in answer to a poll.
    PollServerError = "poll-server-error",
    /// 429 in answer to a poll.
    PollRateLimit = "poll-rate-limit",
    /// The connection is cut instead of a poll's answer.
    PollDrop = "poll-drop",
    /// A web page in answer to a poll.
    PollHtml = "poll-html",
    /// A poll's answer cut in the middle of its JSON.
    PollBrokenJson = "poll-broken-json",
    /// A poll's answer with its items backwards, each twice, and one of a task nobody asked about.
    PollShuffled = "poll-shuffled",
    /// An upload that is lost on the way.
    UploadDrop = "upload-drop",
    /// An upload answered by 500.
    UploadError = "upload-error",
}

/// Says what a draw is tied to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum By {
    #[default]
    Order,
    Uuid,
}

/// Strikes one numbered task.
#[derive(Clone, Debug)]
pub(super) struct Scripted {
    pub(super) task: u64,
    pub(super) fault: Fault,
    /// How many times in a row it strikes that task.
    pub(super) times: u64,
}

/// Holds what is to go wrong, and which reading of each open question is played.
///
/// The default is a server without faults.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    pub(super) seed: u64,
    pub(super) by: By,
    pub(super) rates: BTreeMap<Fault, f64>,
    pub(super) script: Vec<Scripted>,
    pub(super) switches: Switches,
    /// Reference URLs off loopback that count as dead.
    pub(super) dead_references: Vec<String>,
}

/// Says why faults could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FaultsError {
    /// The file could not be read.
    #[error("cannot read the faults file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("the faults file {} is not TOML: {message}", path.display())]
    NotToml {
        /// The file.
        path: PathBuf,
        /// What the parser said, with line and column.
        message: String,
    },
    /// Something in the file or list is not known or out of range.
    #[error("{place}: {message}")]
    Wrong {
        /// Where it stands.
        place: String,
        /// What is wrong and what would be right.
        message: String,
    },
}

/// Identifies what a draw is for.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub(super) number: u64,
    pub(super) task: id::Id,
    /// Counts from 0: submits of that task, polls of it, or fetches of one of its images.
    pub(super) attempt: u64,
    /// Tells results of one task apart; 0 where there is but the task.
    pub(super) index: u8,
}

impl Faults {
    /// Gives the name of every fault, in no particular order.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Fault::NAMES.iter().map(|(name, _)| *name)
    }

    /// Gives the name of every switch.
    pub fn switch_names() -> impl Iterator<Item = &'static str> {
        Switches::NAMES.iter().copied()
    }

    /// Reads `--faults`: a list such as `late=0.1,seed=7,poll-sync=no`, or the path of a file.
    ///
    /// Whatever holds a `=` and is not the name of a file is taken as a list.
    ///
    /// # Errors
    ///
    /// Fails on an unreadable file, a name that is no fault, setting or switch, and a value out of
    /// range.
    pub fn parse(text: &str) -> Result<Self, FaultsError> {
        let path = Path::new(text);
        if text.contains('=') && !path.is_file() {
            return Self::from_list(text);
        }
        let source = std::fs::read_to_string(path).map_err(|source| FaultsError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        super::toml::read(path, &source)
    }

    /// Reads a list of `NAME=VALUE` parted by commas, with rates, `seed`, `by` and switches mixed.
    ///
    /// # Errors
    ///
    /// Names the part that is not known or out of range.
    pub fn from_list(text: &str) -> Result<Self, FaultsError> {
        let mut faults = Self::default();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let wrong = |message| FaultsError::Wrong {
                place: format!("`{part}`"),
                message,
            };
            let (name, value) = part.split_once('=').ok_or_else(|| {
                wrong("a fault is written NAME=RATE, such as `late=0.1`".to_owned())
            })?;
            faults.set(name.trim(), value.trim()).map_err(wrong)?;
        }
        Ok(faults)
    }

    /// Reads the text of a faults file.
    ///
    /// # Errors
    ///
    /// As [`Faults::parse`].
    pub fn from_toml(source: &str) -> Result<Self, FaultsError> {
        super::toml::read(Path::new("faults.toml"), source)
    }

    /// Says that nothing goes wrong, so that nothing has to be counted for it.
    pub(super) fn is_quiet(&self) -> bool {
        self.rates.is_empty() && self.script.is_empty()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "seed" => {
                let seed = value.parse();
                self.seed = seed.map_err(|_| "a seed is a whole number".to_owned())?;
            }
            "by" => self.by = By::read(value)?,
            _ if Fault::read(name).is_ok() && value.parse::<f64>().is_ok() => {
                self.set_rate(name, value.parse().unwrap_or(f64::NAN))?;
            }
            _ => self.set_switch(name, value)?,
        }
        Ok(())
    }

    pub(super) fn set_rate(&mut self, name: &str, rate: f64) -> Result<(), String> {
        let fault = Fault::read(name)?;
        if !(0.0..=1.0).contains(&rate) {
            return Err(format!("the rate of `{name}` lies between 0 and 1"));
        }
        self.rates.insert(fault, rate);
        Ok(())
    }

    pub(super) fn set_switch(&mut self, name: &str, value: &str) -> Result<(), String> {
        match self.switches.set(name, value) {
            Ok(()) => Ok(()),
            Err(NotSet::BadValue(right)) => {
                Err(format!("`{name}` is `{value}`, but has to be {right}"))
            }
            Err(NotSet::NoSuchSwitch) => {
                let names = Self::names()
                    .chain(Self::switch_names())
                    .chain(["seed", "by"]);
                Err(unknown("fault or switch", name, names))
            }
        }
    }

    /// Decides whether a fault strikes, by script or by rate.
    pub(super) fn strikes(&self, fault: Fault, target: Target) -> bool {
        let scripted = self.script.iter().any(|line| {
            let at = line.fault == fault && line.task == target.number;
            at && target.index == 0 && target.attempt < line.times
        });
        scripted
            || self
                .rates
                .get(&fault)
                .is_some_and(|rate| self.draw(fault, target) < *rate)
    }

    /// Draws a number in 0..1 for a fault and its target.
    fn draw(&self, fault: Fault, target: Target) -> f64 {
        let number = target.number.to_le_bytes();
        let task: &[u8] = match self.by {
            By::Order => &number,
            By::Uuid => target.task.as_bytes(),
        };
        let bits = id::draw(&[
            &self.seed.to_le_bytes(),
            fault.name().as_bytes(),
            task,
            &target.attempt.to_le_bytes(),
            &[target.index],
        ]);
        let [a, b, c, d, ..] = bits.to_le_bytes();
        f64::from(u32::from_le_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
    }

    /// Decides evenly between two ends of the same fault.
    pub(super) fn coin(&self, fault: Fault, target: Target) -> bool {
        let second_face = Target {
            attempt: target.attempt ^ (1 << 63),
            ..target
        };
        self.draw(fault, second_face) < 0.5
    }
}

impl Fault {
    pub(super) fn read(name: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        let names = Self::NAMES.iter().map(|(known, _)| *known);
        found
            .map(|(_, fault)| *fault)
            .ok_or_else(|| unknown("fault", name, names))
    }
}

impl By {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        match text {
            "order" => Ok(Self::Order),
            "uuid" => Ok(Self::Uuid),
            _ => Err(format!("`by` is `{text}`, but has to be `order` or `uuid`")),
        }
    }
}

/// Says that a name is not known, with the nearest known one.
pub(super) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let nearest = known
        .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    let hint = nearest
        .map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default();
    format!("there is no {what} `{name}`{hint}")
}

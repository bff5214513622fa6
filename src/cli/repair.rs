//! Fetching again what was paid for and is gone or damaged, free of charge; nothing is ever bought.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::cli::books::{Books, now};
use crate::cli::commands;
use crate::cli::exit::Exit;
use crate::cli::limits;
use crate::cli::planning::Budget;
use crate::cli::service::{Line, Service};
use crate::cli::show::{Show, Stopped};
use crate::cli::signals;
use crate::cli::streams::Streams;
use crate::cli::watching::Watcher;
use crate::domain::class::Class;
use crate::domain::id::{RunId, ShowId, TaskId};
use crate::ledger::fold::Ledger;
use crate::ledger::money::Caps;
use crate::ledger::task::{End, Fate, OnDisk};
use crate::plan::build::{Plan, Refetch, Unsettled};
use crate::report::escape::{shortened, shown};
use crate::runner::event::Problem;
use crate::runner::outcome::{Outcome, RunEnd};
use crate::runner::settings::{AskFirst, Settings};
use crate::runner::shutdown::{Stop, Why};
use crate::runner::{self, Doors};
use crate::store::aside::put_aside;
use crate::store::shelf::Shelf;
use crate::store::verify::{Expected, Finding, Verifier};

/// What is to be had again.
#[derive(Debug, Default)]
pub struct Wants {
    /// Images whose files are missing or damaged.
    pub gone: Vec<Gone>,
    /// Tasks of which nobody could tell whether they were bought.
    pub unsure: Vec<TaskId>,
}

/// An image whose file is missing or damaged, and what became of it.
#[derive(Debug)]
pub struct Gone {
    /// The task.
    pub task: TaskId,
    /// Which of its images.
    pub index: u32,
    /// How it was saved.
    pub saved: OnDisk,
    /// Whether a file stands at its place that is not the image any more.
    pub damaged: bool,
    /// Where that file is now.
    pub aside: Option<String>,
    /// What came of it.
    pub fate: Outlook,
}

/// What came of an image that was to be had again.
#[derive(Debug, Default)]
pub enum Outlook {
    /// It was not come to.
    #[default]
    Untried,
    /// It is on disk again; the flag says whether its bytes are those that were saved first.
    Fetched(bool),
    /// It could not be had, for this reason.
    Lacking(String),
}

/// What came of it all.
pub struct Repaired {
    /// The ledger as it is now.
    pub ledger: Ledger,
    /// Each image with its fate.
    pub gone: Vec<Gone>,
    problems: Vec<Problem>,
    end: RunEnd,
}

impl Wants {
    /// Gives what `--rebuy missing` would otherwise buy, as far as the provider can be asked for it.
    #[must_use]
    pub fn of(plan: &Plan, ledger: &Ledger) -> Self {
        let changed: HashSet<&str> = plan.changed_files.iter().map(String::as_str).collect();
        let missing: HashSet<(TaskId, u32)> =
            plan.refetch.iter().map(|r| (r.task, r.index)).collect();
        let mut wants = Self::default();
        for (id, task) in ledger.tasks() {
            if matches!(task.end, Some(End::Unsure(_))) {
                wants.unsure.push(id);
            }
            for image in &task.images {
                let Fate::Saved(saved) = &image.fate else {
                    continue;
                };
                let damaged = changed.contains(saved.path.as_str());
                if damaged || missing.contains(&(id, image.index)) {
                    wants.gone.push(Gone::new(id, image.index, saved, damaged));
                }
            }
        }
        wants
    }

    /// Tells whether there is nothing to be had.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.gone.is_empty() && self.unsure.is_empty()
    }
}

impl Gone {
    /// Names an image whose file is missing, or damaged.
    #[must_use]
    pub fn new(task: TaskId, index: u32, saved: &OnDisk, damaged: bool) -> Self {
        Self {
            task,
            index,
            saved: saved.clone(),
            damaged,
            aside: None,
            fate: Outlook::Untried,
        }
    }

    /// Says what was done about it, in a line.
    #[must_use]
    pub fn words(&self) -> String {
        let moved = self.aside.as_ref().map(|aside| {
            let aside = shown(aside);
            format!("the damaged file was moved to {aside}; ")
        });
        let fate = match &self.fate {
            Outlook::Untried => "not fetched, the program was told to stop".to_owned(),
            Outlook::Fetched(true) => "fetched again, free of charge".to_owned(),
            Outlook::Fetched(false) => "fetched again, free of charge; the provider sent other \
                                        bytes than the first time, and the log says so"
                .to_owned(),
            Outlook::Lacking(why) => {
                format!("could not be fetched again: {}", shortened(why, 240))
            }
        };
        format!(
            "{}: {}{fate}\n",
            shown(&self.saved.path),
            moved.unwrap_or_default()
        )
    }

    /// Moves a damaged file out of the way.
    fn step_aside(&mut self, show: &Show) {
        if !self.damaged || self.aside.is_some() {
            return;
        }
        match put_aside(&show.output, &self.saved.path) {
            Ok(aside) => self.aside = Some(aside),
            Err(error) => self.fate = Outlook::Lacking(error.to_string()),
        }
    }

    fn learn(&mut self, outcome: &Outcome, verifier: &Verifier) {
        if !matches!(self.fate, Outlook::Untried) {
            return;
        }
        if let Some(now) = on_disk(&outcome.ledger, self.task, self.index)
            && verifier.check(&expected(now)) == Finding::Sound
        {
            self.fate = Outlook::Fetched(now.sha256 == self.saved.sha256);
            return;
        }
        let take = outcome.ledger.take_of(self.task, self.index);
        let mut problems = outcome.problems.iter();
        let found = problems.find(|p| p.task == self.task && Some(p.take) == take);
        if let Some(problem) = found {
            self.fate = Outlook::Lacking(problem.trouble.message.clone());
        }
    }
}

/// Gives how an image was saved last.
#[must_use]
pub fn on_disk(ledger: &Ledger, task: TaskId, index: u32) -> Option<&OnDisk> {
    let mut images = ledger.task(task)?.images.iter();
    match &images.find(|image| image.index == index)?.fate {
        Fate::Saved(on_disk) => Some(on_disk),
        Fate::Produced(_) | Fate::Lost(_) => None,
    }
}

/// Gives what a saved image has to be.
#[must_use]
pub fn expected(on_disk: &OnDisk) -> Expected<'_> {
    Expected {
        path: &on_disk.path,
        sha256: on_disk.sha256,
        bytes: on_disk.bytes,
    }
}

impl Repaired {
    /// Gives the tasks whose files are new.
    #[must_use]
    pub fn tasks(&self) -> HashSet<TaskId> {
        self.gone.iter().map(|gone| gone.task).collect()
    }

    /// Tells whether everything was gone through.
    ///
    /// # Errors
    /// Ends with an exit code after saying what stopped it.
    pub fn sound_end(&self, streams: &Streams) -> Result<(), Stopped> {
        let refused = |problem: &&Problem| problem.trouble.class == Class::Account;
        let stopped = |why: &str, exit| {
            streams.insist(&format!("error: {}\n", shortened(why, 400)));
            Err(exit)
        };
        match &self.end {
            RunEnd::Drained(Why::Interrupted) | RunEnd::Left(Why::Interrupted) => {
                Err(Exit::Interrupted)
            }
            RunEnd::Drained(_) | RunEnd::Left(_) => Err(Exit::Terminated),
            RunEnd::Log(error) => stopped(&error.to_string(), Exit::Unexpected),
            RunEnd::Disk(why) => stopped(why, Exit::Unexpected),
            RunEnd::Account(trouble) => stopped(&trouble.message, Exit::Account),
            RunEnd::Done | RunEnd::Cap(_) | RunEnd::Unreachable(_) => {
                match self.problems.iter().find(refused) {
                    Some(problem) => stopped(&problem.trouble.message, Exit::Account),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Fetches images again from the provider; damaged files are moved aside first.
///
/// What was saved stands in the log with the same take, path and price as before. A crash leaves
/// at most a file that is missing, which the next run or repair fetches.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn fetch_again(
    show: &'static Show,
    id: &ShowId,
    books: &Books,
    service: Service,
    mut wants: Wants,
    streams: &Streams,
) -> Result<Repaired, Stopped> {
    let unexpected = |error: &dyn std::fmt::Display| {
        streams.insist(&format!("error: {error}\n"));
        Exit::Unexpected
    };
    limits::reserve_files(jobs(show), show.rehearsal, streams)?;
    let runtime = commands::runtime(streams)?;
    let outcome = runtime.block_on(async {
        let line = service.connect(show, &books.ledger, streams).await?;
        let shelf = Shelf::open(&show.output).map_err(|error| unexpected(&error))?;
        for gone in &mut wants.gone {
            gone.step_aside(show);
        }
        Ok(fetch(show, id, books, line, shelf, &wants, streams).await)
    });
    runtime.shutdown_timeout(Duration::from_millis(200));
    let outcome = outcome?;
    let verifier = Verifier::open(&show.output).map_err(|error| unexpected(&error))?;
    for gone in &mut wants.gone {
        gone.learn(&outcome, &verifier);
    }
    Ok(Repaired {
        gone: wants.gone,
        problems: outcome.problems,
        end: outcome.end,
        ledger: outcome.ledger,
    })
}

/// Lets the runner fetch.
async fn fetch(
    show: &'static Show,
    id: &ShowId,
    books: &Books,
    line: Line,
    shelf: Shelf,
    wants: &Wants,
    streams: &Streams,
) -> Outcome {
    let open = wants.gone.iter();
    let open = open.filter(|gone| matches!(gone.fate, Outlook::Untried));
    let unsettled = |task: &TaskId| Unsettled {
        task: *task,
        wanted_by: None,
        may_return: true,
    };
    let plan = Plan {
        refetch: open
            .map(|gone| Refetch {
                task: gone.task,
                index: gone.index,
            })
            .collect(),
        settle: wants.unsure.iter().map(unsettled).collect(),
        ..Plan::default()
    };
    let (stopping, stop) = watch::channel(Stop::No);
    let signals = tokio::spawn(signals::watch(stopping, None));
    let (events, happenings) = mpsc::unbounded_channel();
    let budget = Budget::default();
    let watcher = Watcher::start(&plan, &books.ledger, &budget, happenings, streams);
    let doors = Doors {
        log: Arc::clone(&books.journal),
        provider: Arc::new(line.client),
        store: Arc::new(shelf),
        orders: Arc::new(show) as _,
    };
    let settings = settings(show, id, &books.ledger);
    let outcome = runner::run(doors, books.ledger.clone(), plan, settings, stop, events).await;
    signals.abort();
    watcher.finish().await;
    if let Some(server) = line.server {
        server.shutdown().await;
    }
    outcome
}

fn jobs(show: &Show) -> usize {
    usize::try_from(show.manifest.run.jobs).unwrap_or(1).max(1)
}

fn settings(show: &Show, id: &ShowId, ledger: &Ledger) -> Settings {
    let written = &show.manifest.run;
    let jobs = jobs(show);
    Settings {
        // Nothing is sent, so that no record names a run.
        run: ledger
            .last_run()
            .cloned()
            .unwrap_or_else(|| RunId::new("none")),
        show: id.clone(),
        began: now(),
        jobs,
        rate_per_minute: 0,
        retries: written.retries,
        quiet: Duration::from_secs(u64::from(written.quiet_s)),
        poll_batch: usize::try_from(written.poll_batch).unwrap_or(1).max(1),
        patience: Duration::from_secs(u64::from(written.patience_s)),
        downloads: limits::downloads(jobs),
        caps: Caps::default(),
        ask_first: AskFirst::Nothing,
        seed: uuid::Uuid::new_v4().as_u64_pair().0,
    }
}

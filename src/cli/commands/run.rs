//! `run`: buys what the plan says. Resuming is the same command again.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::cli::args;
use crate::cli::books::{self, Books, TOOL, now};
use crate::cli::commands::print;
use crate::cli::exit::Exit;
use crate::cli::planning::{self, Budget};
use crate::cli::settings;
use crate::cli::show::{self, Show, Stopped, load};
use crate::cli::signals;
use crate::cli::streams::Streams;
use crate::cli::watching::{self, Clerk, Watcher};
use crate::domain::id::{RunId, ShowId};
use crate::domain::secret::ApiKey;
use crate::journal::{self, Journal};
use crate::ledger::fold::Ledger;
use crate::ledger::port::RunLog;
use crate::ledger::record::{Record, RunEnded, RunStarted};
use crate::manifest::model::Manifest;
use crate::manifest::settings::Output;
use crate::plan::build::Plan;
use crate::plan::reason::Kept;
use crate::provider::runware::client::{Client, ClientSettings};
use crate::rehearsal;
use crate::report::{json, plan_table, status, summary};
use crate::runner::outcome::{Outcome, RunEnd};
use crate::runner::settings::Settings;
use crate::runner::shutdown::Stop;
use crate::runner::{self, Doors};
use crate::store::leftover;
use crate::store::shelf::Shelf;

/// Runs a show.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn run(args: &args::Run, streams: &Streams) -> Result<Exit, Stopped> {
    let show: &'static Show = Box::leak(Box::new(load(&args.manifest, streams)?));
    let budget = planning::budget(show, &args.buying, streams)?;
    let until = signals::until(args.until.as_deref(), streams)?;
    // Nothing is made on disk for a show that is not sound: a log that is there is opened first,
    // one that is not only once there is something to buy.
    let written = show.manifest.show.id.is_some();
    let fresh = show::show_id(show, None, false, streams)?;
    let open = || books::open(&show.output, &fresh, written, streams);
    let there = show.output.join(journal::FILE).exists();
    let found = if there { Some(open()?) } else { None };
    let known = found.as_ref().map(|books| &books.ledger);
    let id = known.map_or_else(
        || Ok(fresh.clone()),
        |ledger| {
            show::show_id(
                show,
                ledger.show.as_ref(),
                ledger.show_id_from_manifest,
                streams,
            )
        },
    )?;
    let nothing = Ledger::default();
    let wish = planning::Wish {
        show,
        chosen: &args.selection,
        flags: &args.buying,
    };
    let (plan, checked) = planning::plan(&wish, known.unwrap_or(&nothing), &id, &budget, streams)?;
    show.tell(&checked.complaints, streams);
    let invalid = checked.invalid;
    if plan.purchases.is_empty() && plan.settle.is_empty() && plan.refetch.is_empty() {
        let ledger = found.map(|books| books.ledger).unwrap_or_default();
        return nothing_to_do(show, ledger, &plan, &budget, invalid, streams);
    }
    agree(args, &plan, &budget, streams)?;
    let service = Service::find(args, streams)?;
    let Books {
        journal,
        ledger,
        new,
        mended,
    } = match found {
        Some(books) => books,
        None => open()?,
    };
    if !there && !new {
        streams.insist("error: another run began in this folder just now; wait for it\n");
        return Err(Exit::Locked);
    }
    let trip = Trip {
        show,
        id,
        ask_first: (new && written) || mended || ledger.was_cut_off(),
        args,
        budget,
        plan,
        until,
        invalid,
        cut_off: ledger.was_cut_off(),
    };
    let runtime = super::runtime(streams)?;
    let exit = runtime.block_on(trip.make(service, journal, ledger, streams));
    // What was left at once may still sit in a thread; the log is whole without it.
    runtime.shutdown_timeout(Duration::from_millis(200));
    exit
}

/// Where tasks are sent.
enum Service {
    /// To an API at an address.
    Api(String, ApiKey),
    /// To a rehearsal inside this process.
    Rehearsal(Box<rehearsal::Settings>),
}

impl Service {
    fn find(args: &args::Run, streams: &Streams) -> Result<Self, Stopped> {
        if args.manifest.rehearse {
            let settings = super::rehearse::settings(
                args.latency.as_deref().unwrap_or("500ms"),
                args.faults.as_deref(),
                streams,
            )?;
            return Ok(Self::Rehearsal(Box::new(settings)));
        }
        let key = settings::api_key(args.key_file.as_deref()).map_err(|error| {
            streams.insist(&format!("error: {error}\n"));
            Exit::Account
        })?;
        Ok(Self::Api(settings::endpoint(args.endpoint.as_deref()), key))
    }
}

/// Says that there is nothing to buy; files that can be made again are made where they lack.
fn nothing_to_do(
    show: &Show,
    ledger: Ledger,
    plan: &Plan,
    budget: &Budget,
    invalid: usize,
    streams: &Streams,
) -> Result<Exit, Stopped> {
    watching::mend(&show.output, &ledger, streams)?;
    for path in &plan.changed_files {
        streams.insist(&changed_file(show, path));
    }
    let whole = invalid == 0 && plan.changed_files.is_empty() && !watching::lacks(plan);
    let exit = if whole { Exit::Done } else { Exit::Incomplete };
    let outcome = Outcome {
        end: RunEnd::Done,
        ledger,
        problems: Vec::new(),
        saved: 0,
        refetched: 0,
        not_begun: 0,
        capped: Vec::new(),
    };
    if whole && !streams.json {
        let have = status::kept_takes(plan, Kept::Have);
        let folder = show.output.display();
        let text = format!("Nothing to do: {have} takes are on disk, in {folder}\n");
        return print(streams, &text).map(|_| exit);
    }
    summarise(show, &outcome, budget, Duration::ZERO, exit, streams)?;
    Ok(exit)
}

fn changed_file(show: &Show, path: &str) -> String {
    let file = show.output.join(path);
    format!(
        "warning: {}: the file has not the size it was saved with, and was left alone; move it \
         away and run again to fetch the image once more, free of charge\n",
        file.display()
    )
}

/// Says what came of a run, on standard output.
fn summarise(
    show: &Show,
    outcome: &Outcome,
    budget: &Budget,
    took: Duration,
    exit: Exit,
    streams: &Streams,
) -> Result<(), Stopped> {
    let folder = show.output.to_string_lossy();
    let view = summary::View {
        outcome,
        caps: &budget.caps,
        folder: &folder,
        took,
        exit: (exit.code(), exit.meaning()),
        rehearsal: show.rehearsal,
    };
    let text = if streams.json {
        json::run::spell(&view)
    } else {
        summary::text(&view, streams.style())
    };
    print(streams, &text).map(drop)
}

/// Shows what it will cost and asks, where somebody can answer.
fn agree(args: &args::Run, plan: &Plan, budget: &Budget, streams: &Streams) -> Result<(), Stopped> {
    let plan_table::Sum { takes, price, .. } = plan_table::Totals::of(plan).all;
    let cap = budget
        .caps
        .run
        .map_or_else(|| "no cap".to_owned(), |cap| format!("cap {cap}"));
    let play = if args.manifest.rehearse {
        " of play money"
    } else {
        ""
    };
    streams.say(&format!(
        "{takes} images to buy for {price}{play} at the most, {cap}\n"
    ));
    if args.manifest.rehearse || args.yes || takes == 0 {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !streams.err_is_terminal {
        streams.insist(
            "error: nobody is here to say yes; add --yes to buy, or --rehearse to try for free\n",
        );
        return Err(Exit::Usage);
    }
    streams.insist("Buy them? [y/N] ");
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    let yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if read.is_ok() && yes {
        return Ok(());
    }
    streams.insist("Nothing was sent, nothing was spent.\n");
    Err(Exit::Done)
}

/// One run, ready to go.
struct Trip<'a> {
    show: &'static Show,
    id: ShowId,
    ask_first: bool,
    args: &'a args::Run,
    budget: Budget,
    plan: Plan,
    until: Option<signals::Until>,
    invalid: usize,
    cut_off: bool,
}

impl Trip<'_> {
    async fn make(
        mut self,
        service: Service,
        journal: Journal,
        mut ledger: Ledger,
        streams: &Streams,
    ) -> Result<Exit, Stopped> {
        let journal = Arc::new(journal);
        let (endpoint, key, server) = self.connect(service, streams).await?;
        let client = self.client(&endpoint, key, &ledger, streams)?;
        let swept = if self.cut_off || ledger.runs.is_empty() {
            leftover::sweep(&self.show.output)
        } else {
            Ok(())
        };
        let shelf = swept.and_then(|()| Shelf::open(&self.show.output));
        let shelf = shelf.map_err(|error| {
            streams.insist(&format!("error: {error}\n"));
            Exit::Unexpected
        })?;
        let run = RunId::new(&uuid::Uuid::new_v4().to_string());
        let (log, clerk) =
            Clerk::start(&self.show.output, Arc::clone(&journal), &self.plan, streams)?;
        self.start(&log, &mut ledger, &run, &endpoint, streams)
            .await?;
        let settings = self.settings(run.clone());
        let plan = std::mem::take(&mut self.plan);
        let (stopping, stop) = watch::channel(Stop::No);
        let signals = tokio::spawn(signals::watch(stopping, self.until.take()));
        let (events, happenings) = mpsc::unbounded_channel();
        let cut_off = self.cut_off;
        let watcher = Watcher::start(&plan, &ledger, &self.budget, happenings, streams);
        let changed = plan.changed_files.clone();
        let doors = Doors {
            log: Arc::new(log),
            provider: Arc::new(client),
            store: Arc::new(shelf),
            orders: Arc::new(self.show) as _,
        };
        let began = std::time::Instant::now();
        let outcome = runner::run(doors, ledger, plan, settings, stop, events).await;
        signals.abort();
        watcher.finish().await;
        if let Some(server) = server {
            server.shutdown().await;
        }
        let left = matches!(outcome.end, RunEnd::Left(_));
        let kept = if left {
            Ok(())
        } else {
            clerk.finish(cut_off, streams)
        };
        let summed = watching::write_sums(&self.show.output, &outcome.ledger, streams);
        let kept = kept.and(summed);
        // The end is said last: a run that said it has nothing left to be mended.
        let ended = if kept.is_ok() {
            self.end(&journal, &run, &outcome).await
        } else {
            Ok(())
        };
        drop(journal);
        for path in &changed {
            streams.insist(&changed_file(self.show, path));
        }
        let exit = self.exit(&outcome, &changed);
        summarise(
            self.show,
            &outcome,
            &self.budget,
            began.elapsed(),
            exit,
            streams,
        )?;
        if let Err(error) = ended {
            streams.insist(&format!("error: {error}\n"));
            return Err(Exit::Unexpected);
        }
        kept.map(|()| exit)
    }

    async fn connect(
        &self,
        service: Service,
        streams: &Streams,
    ) -> Result<(String, ApiKey, Option<rehearsal::Server>), Stopped> {
        match service {
            Service::Api(endpoint, key) => Ok((endpoint, key, None)),
            Service::Rehearsal(mut settings) => {
                settings.folder = self.show.output.join("provider");
                let server = rehearsal::serve(*settings).await.map_err(|error| {
                    streams.insist(&format!("error: the rehearsal cannot start: {error}\n"));
                    Exit::Unexpected
                })?;
                let key = ApiKey::new("rehearsal").ok_or(Exit::Unexpected)?;
                Ok((format!("{}/v1", server.origin()), key, Some(server)))
            }
        }
    }

    fn client(
        &self,
        endpoint: &str,
        key: ApiKey,
        ledger: &Ledger,
        streams: &Streams,
    ) -> Result<Client, Stopped> {
        let mut settings = ClientSettings::new(endpoint, key);
        settings.inline_results = inline_results(self.show.manifest, ledger);
        Client::new(settings).map_err(|error| {
            streams.insist(&format!("error: {error}\n"));
            Exit::Usage
        })
    }

    /// Logs that the run begins.
    async fn start(
        &self,
        log: &impl RunLog,
        ledger: &mut Ledger,
        run: &RunId,
        endpoint: &str,
        streams: &Streams,
    ) -> Result<(), Stopped> {
        let started = RunStarted {
            run: run.clone(),
            manifest: self.show.sha256,
            selection: show::spelled(&self.args.selection),
            caps: self.budget.named.clone(),
            jobs: self.jobs(),
            endpoint: endpoint.split('?').next().unwrap_or(endpoint).to_owned(),
            tool: TOOL.to_owned(),
        };
        let appended = log.append(Record::RunStarted(Box::new(started))).await;
        let folded = appended
            .map_err(|error| error.to_string())
            .and_then(|stamped| ledger.apply(&stamped).map_err(|error| error.to_string()));
        folded.map_err(|error| {
            streams.insist(&format!("error: {error}\n"));
            Exit::Unexpected
        })
    }

    fn jobs(&self) -> u32 {
        self.args.jobs.unwrap_or(self.show.manifest.run.jobs).max(1)
    }

    fn settings(&self, run: RunId) -> Settings {
        let written = &self.show.manifest.run;
        let jobs = usize::try_from(self.jobs()).unwrap_or(usize::MAX);
        let seed = uuid::Uuid::new_v4().as_u64_pair().0;
        Settings {
            run,
            show: self.id.clone(),
            began: now(),
            jobs,
            rate_per_minute: self.args.rate.unwrap_or(written.rate_per_minute),
            retries: written.retries,
            quiet: Duration::from_secs(u64::from(written.quiet_s)),
            poll_batch: usize::try_from(written.poll_batch).unwrap_or(1).max(1),
            patience: Duration::from_secs(u64::from(written.patience_s)),
            downloads: jobs.clamp(4, 16),
            caps: self.budget.caps,
            ask_first: self.ask_first,
            seed,
        }
    }

    /// Logs that the run ends; one that left at once, or whose log failed, ends unsaid.
    async fn end(
        &self,
        journal: &Journal,
        run: &RunId,
        outcome: &Outcome,
    ) -> Result<(), crate::ledger::port::LogError> {
        if matches!(outcome.end, RunEnd::Left(_) | RunEnd::Log(_)) {
            return Ok(());
        }
        let ended = RunEnded {
            run: run.clone(),
            reason: outcome.end.word().to_owned(),
            counts: watching::counts(outcome),
            spent: outcome.spent(),
            reserved: outcome.reserved(),
        };
        journal.append(Record::RunEnded(ended)).await.map(drop)
    }

    fn exit(&self, outcome: &Outcome, changed: &[String]) -> Exit {
        use crate::runner::shutdown::Why;
        match &outcome.end {
            RunEnd::Log(_) | RunEnd::Disk(_) => Exit::Unexpected,
            RunEnd::Account(_) => Exit::Account,
            RunEnd::Drained(Why::Interrupted) | RunEnd::Left(Why::Interrupted) => Exit::Interrupted,
            RunEnd::Drained(Why::Terminated | Why::HungUp)
            | RunEnd::Left(Why::Terminated | Why::HungUp) => Exit::Terminated,
            RunEnd::Unreachable(_) => Exit::Incomplete,
            _ if !outcome.problems.is_empty() || !changed.is_empty() || self.invalid > 0 => {
                Exit::Incomplete
            }
            _ if !outcome.capped.is_empty() || outcome.not_begun > 0 => Exit::Capped,
            RunEnd::Done | RunEnd::Cap(_) | RunEnd::Drained(_) | RunEnd::Left(_) => Exit::Done,
        }
    }
}

/// Gives the most images that one task may bring inside a reply; 0 where all come by address, so
/// that replies need no room for them.
fn inline_results(manifest: &Manifest, ledger: &Ledger) -> u32 {
    let layers = [&manifest.defaults, &manifest.set];
    let layers = layers.into_iter().chain(manifest.sequences.values());
    let layers = layers.chain(manifest.shots.iter().map(|shot| &shot.layer));
    let layers = layers.chain(manifest.presets.values().map(|preset| &preset.layer));
    let (mut inline, mut results) = (false, 1);
    for technical in layers.map(|layer| &layer.technical) {
        let output = technical.output.as_ref().map(|placed| placed.value);
        inline |= output.is_some_and(|output| output != Output::Url);
        let asked = technical.results_per_task.as_ref();
        results = results.max(asked.map_or(1, |placed| placed.value));
    }
    let left_over = ledger.tasks().filter_map(|(_, task)| {
        let intent = task.intent.as_ref()?;
        (intent.made.output != Output::Url.word()).then_some(task.takes.count)
    });
    let written = if inline { results } else { 0 };
    left_over.max().unwrap_or(0).max(written)
}

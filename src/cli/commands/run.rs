//! `run`: buys what the plan says. Resuming is the same command again.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::cli::args;
use crate::cli::books::{self, Books, TOOL, now};
use crate::cli::commands::print;
use crate::cli::exit::Exit;
use crate::cli::limits;
use crate::cli::memo;
use crate::cli::planning::{self, Budget};
use crate::cli::repair;
use crate::cli::searching::{self, Searched};
use crate::cli::service::{Line, Service};
use crate::cli::show::{self, Checked, Files, Show, Stopped, load};
use crate::cli::signals;
use crate::cli::signed::{self, Left};
use crate::cli::streams::Streams;
use crate::cli::watching::{self, Clerk, Watcher};
use crate::domain::id::{RunId, ShowId};
use crate::domain::money::Micros;
use crate::journal::{self, Journal};
use crate::ledger::fold::Ledger;
use crate::ledger::port::RunLog;
use crate::ledger::record::{Record, RunEnded, RunStarted};
use crate::plan::build::{Plan, Purchase};
use crate::plan::reason::Kept;
use crate::provider::runware::client::Client;
use crate::report::style::count;
use crate::report::summary::Findings;
use crate::report::{json, plan_table, status, summary};
use crate::runner::outcome::{Outcome, Pace, RunEnd};
use crate::runner::settings::{AskFirst, Settings};
use crate::runner::shutdown::Stop;
use crate::runner::{self, Doors};
use crate::store::leftover;
use crate::store::shelf::Shelf;

/// Runs a show.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn run(args: &args::Run, streams: &Streams) -> Result<Exit, Stopped> {
    if args.plan.is_none()
        && let Some(text) = memo::recall(streams)
    {
        return print(streams, &text);
    }
    let (args, signed) = signed::take_up(args, streams)?;
    let args = &args;
    let show: &'static Show = Box::leak(Box::new(load(&args.manifest, streams)?));
    let budget = signed::budget(signed.as_ref(), show, args, streams)?;
    let until = signals::until(args.until.as_deref(), streams)?;
    // Nothing is made on disk for a show that is not sound: a log that is there is opened first,
    // one that is not only once there is something to buy.
    let written = show.manifest.show.id.is_some();
    let fresh = show::show_id(show, None, false, streams)?;
    let open = || books::open(&show.output, &fresh, written, streams);
    let there = show.output.join(journal::FILE).exists();
    if !there && !written {
        books::must_hold_no_images(&show.output, streams)?;
    }
    let found = if there { Some(open()?) } else { None };
    let known = found.as_ref().map(|books| &books.ledger);
    let in_log = known.and_then(|ledger| ledger.show.as_ref());
    let from_manifest = known.is_some_and(|ledger| ledger.show_id_from_manifest);
    let id = match known {
        Some(_) => show::show_id(show, in_log, from_manifest, streams)?,
        None => fresh.clone(),
    };
    let case = signed::Case {
        signed: signed.as_ref(),
        show,
        args,
        id: &id,
        budget: &budget,
    };
    let found = match found {
        Some(books) if args.buying.rebuy.is_some() => {
            if signed.is_some() {
                // Nothing is asked, either, under a plan that is not what was signed.
                case.left(&books.ledger, streams)?;
            }
            Some(free_first(show, args, books, &id, &budget, streams)?)
        }
        found => found,
    };
    let known = found.as_ref().map(|books| &books.ledger);
    let nothing = Ledger::default();
    let ledger = known.unwrap_or(&nothing);
    let Left {
        plan,
        checked,
        left_out,
    } = case.left(ledger, streams)?;
    show.tell(&checked.complaints, streams);
    let invalid = checked.invalid;
    if plan.purchases.is_empty() && plan.settle.is_empty() && plan.refetch.is_empty() {
        if signed.is_none() {
            memorise(show, found.as_ref(), &plan, &checked, streams);
        }
        let ledger = found.map(|books| books.ledger).unwrap_or_default();
        let done = nothing_to_do(show, ledger, &plan, &budget, invalid, streams)?;
        return Ok(signed::end(done, &left_out));
    }
    agree(
        args,
        &plan,
        known.map_or(Micros::ZERO, |ledger| plan_table::resends(&plan, ledger)),
        &budget,
        streams,
    )?;
    let service = Service::find(&args.manifest, &args.reach, streams)?;
    limits::reserve_files(jobs(args, show), show.rehearsal, streams)?;
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
    let lacking = watching::lacks_for_good(&plan);
    let trip = Trip {
        show,
        id: &id,
        ask_first: ask_first(&ledger, written, mended),
        args,
        case,
        budget: &budget,
        plan,
        left_out,
        until,
        invalid,
        lacking,
        cut_off: ledger.was_cut_off(),
    };
    let runtime = super::runtime(streams)?;
    let exit = runtime.block_on(trip.make(service, journal, ledger, streams));
    // What was left at once may still sit in a thread; the log is whole without it.
    runtime.shutdown_timeout(Duration::from_millis(200));
    exit
}

/// Says which ids the provider is asked about before anything is sent.
fn ask_first(ledger: &Ledger, written: bool, mended: bool) -> AskFirst {
    if (written && !ledger.was_gone_through()) || ledger.has_gap {
        AskFirst::EveryAttempt
    } else if mended || ledger.was_cut_off() {
        AskFirst::NextAttempt
    } else {
        AskFirst::Nothing
    }
}

/// Gives the most tasks in flight.
fn jobs(args: &args::Run, show: &Show) -> usize {
    let jobs = args.jobs.unwrap_or(show.manifest.run.jobs).max(1);
    usize::try_from(jobs).unwrap_or(usize::MAX)
}

/// Fetches what can be had free of charge before anything is bought again.
fn free_first(
    show: &'static Show,
    args: &args::Run,
    books: Books,
    id: &ShowId,
    budget: &Budget,
    streams: &Streams,
) -> Result<Books, Stopped> {
    let flags = args::Buying {
        rebuy: None,
        ..args.buying.clone()
    };
    let wish = planning::Wish {
        show,
        chosen: &args.selection,
        flags: &flags,
        listed: 0,
    };
    let (plan, _) = planning::plan(&wish, &books.ledger, id, budget, streams)?;
    let wants = repair::Wants::of(&plan, &books.ledger);
    if wants.is_nothing() {
        return Ok(books);
    }
    let service = Service::find(&args.manifest, &args.reach, streams)?;
    let takes = count((wants.gone.len() + wants.unsure.len()) as u64, "take");
    streams.say(&format!(
        "{takes} missing or unsure: the provider is asked first, free of charge\n"
    ));
    let repaired = repair::fetch_again(show, id, &books, service, wants, streams)?;
    for gone in &repaired.gone {
        streams.say(&gone.words());
    }
    repaired.sound_end(streams)?;
    watching::rebuild_sidecars(&show.output, &repaired.tasks(), false, streams)?;
    Ok(Books {
        ledger: repaired.ledger,
        ..books
    })
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
    let whole = is_whole(plan, invalid);
    let exit = if whole { Exit::Done } else { Exit::Incomplete };
    let mut ledger = ledger;
    // This run has no account: what the last one spent is not to look like its own.
    ledger.accounts.run = status::run_account(&ledger);
    let outcome = Outcome {
        end: RunEnd::Done,
        ledger,
        problems: Vec::new(),
        saved: 0,
        refetched: 0,
        not_begun: 0,
        capped: Vec::new(),
        pace: Pace::default(),
    };
    if whole && !streams.json {
        return print(streams, &nothing_text(show, plan)).map(|_| exit);
    }
    let findings = Findings::of(plan);
    let none = Duration::ZERO;
    summarise(show, &outcome, &findings, budget, none, exit, streams)?;
    Ok(exit)
}

/// Remembers that everything is there, so that the next run with the same words is quick.
fn memorise(show: &Show, found: Option<&Books>, plan: &Plan, checked: &Checked, streams: &Streams) {
    if let Some(books) = found.filter(|books| !books.mended)
        && !streams.json
        && is_whole(plan, checked.invalid)
    {
        let talk = show.told(&checked.complaints, streams);
        let data = nothing_text(show, plan);
        memo::remember(show, &books.ledger, &talk, &data, streams);
    }
}

/// Tells whether everything that is wanted is there.
fn is_whole(plan: &Plan, invalid: usize) -> bool {
    invalid == 0 && plan.changed_files.is_empty() && !watching::lacks(plan)
}

fn nothing_text(show: &Show, plan: &Plan) -> String {
    let have = count(status::kept_takes(plan, Kept::Have), "take");
    let folder = show.output.display();
    format!("Nothing to do: {have} on disk, in {folder}\n")
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
    findings: &Findings,
    budget: &Budget,
    took: Duration,
    exit: Exit,
    streams: &Streams,
) -> Result<(), Stopped> {
    let absent = Files::open(&show.output, streams)?.absent(&outcome.ledger);
    let folder = show.output.to_string_lossy();
    let view = summary::View {
        outcome,
        findings,
        absent: &absent,
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
fn agree(
    args: &args::Run,
    plan: &Plan,
    resends: Micros,
    budget: &Budget,
    streams: &Streams,
) -> Result<(), Stopped> {
    let plan_table::Sum { takes, price, .. } = plan_table::Totals::of(plan).all;
    let caps = budget.words();
    let play = if args.manifest.rehearse {
        " of play money"
    } else {
        ""
    };
    streams.say(&format!(
        "{} to buy for {price}{play} at the most, {caps}\n",
        count(takes, "image")
    ));
    if !resends.is_zero() {
        streams.say(&format!(
            "Tasks of earlier runs that the provider does not know are sent again, for {resends} \
             at the most\n"
        ));
    }
    if args.manifest.rehearse || args.yes || (takes == 0 && resends.is_zero()) {
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
    id: &'a ShowId,
    ask_first: AskFirst,
    args: &'a args::Run,
    case: signed::Case<'a>,
    budget: &'a Budget,
    plan: Plan,
    /// What would be bought, and is not signed for.
    left_out: Vec<Purchase>,
    until: Option<signals::Until>,
    invalid: usize,
    /// Whether takes lack that no run makes good by itself.
    lacking: bool,
    cut_off: bool,
}

impl Trip<'_> {
    async fn make(
        mut self,
        service: Service,
        journal: Arc<Journal>,
        mut ledger: Ledger,
        streams: &Streams,
    ) -> Result<Exit, Stopped> {
        let Line {
            endpoint,
            client,
            server,
        } = service.connect(self.show, &ledger, streams).await?;
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
        let unasked = self
            .search(&client, &journal, &run, &mut ledger, streams)
            .await?;
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
        let watcher = Watcher::start(&plan, &ledger, self.budget, happenings, streams);
        let changed = plan.changed_files.clone();
        let findings = Findings::of(&plan);
        let doors = Doors {
            log: Arc::new(log),
            provider: Arc::new(client),
            store: Arc::new(shelf),
            orders: Arc::new(self.show) as _,
        };
        let began = std::time::Instant::now();
        let mut outcome = match unasked {
            Some(end) => {
                // Whoever listens waits until nobody speaks any more.
                drop((doors, events, stop));
                Outcome::not_begun(end, ledger, &plan)
            }
            None => runner::run(doors, ledger, plan, settings, stop, events).await,
        };
        signed::add_left_out(&self.left_out, self.budget, &mut outcome);
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
        let kept = kept.and(summed.map(drop));
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
        if let Err(error) = &ended {
            streams.insist(&format!("error: {error}\n"));
        }
        let exit = if kept.is_ok() && ended.is_ok() {
            self.exit(&outcome, &changed)
        } else {
            Exit::Unexpected
        };
        summarise(
            self.show,
            &outcome,
            &findings,
            self.budget,
            began.elapsed(),
            exit,
            streams,
        )?;
        Ok(exit)
    }

    /// Searches for what an earlier log told of, before anything is bought on a new one; what is
    /// found is planned for. Gives the end of a run that could not even ask.
    async fn search(
        &mut self,
        client: &Client,
        journal: &Journal,
        run: &RunId,
        ledger: &mut Ledger,
        streams: &Streams,
    ) -> Result<Option<RunEnd>, Stopped> {
        if self.ask_first != AskFirst::EveryAttempt {
            return Ok(None);
        }
        let case = searching::Case {
            show: self.show,
            id: self.id,
            run,
            journal,
            streams,
        };
        match case.search(client, ledger).await? {
            Searched::Nothing => Ok(None),
            Searched::NotAsked(end) => Ok(Some(end)),
            Searched::TakenOver => {
                let left = self.case.left(ledger, streams)?;
                self.lacking = watching::lacks_for_good(&left.plan);
                self.plan = left.plan;
                self.left_out = left.left_out;
                Ok(None)
            }
        }
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
            plan: self.budget.caps.plan.map(|signed| signed.plan),
            jobs: u32::try_from(jobs(self.args, self.show)).unwrap_or(u32::MAX),
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

    fn settings(&self, run: RunId) -> Settings {
        let written = &self.show.manifest.run;
        let jobs = jobs(self.args, self.show);
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
            downloads: limits::downloads(jobs),
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
            _ if !outcome.problems.is_empty()
                || !changed.is_empty()
                || self.invalid > 0
                || self.lacking =>
            {
                Exit::Incomplete
            }
            _ if !outcome.capped.is_empty() || outcome.not_begun > 0 => Exit::Capped,
            RunEnd::Cap(_) => Exit::Capped,
            RunEnd::Done | RunEnd::Drained(_) | RunEnd::Left(_) => Exit::Done,
        }
    }
}

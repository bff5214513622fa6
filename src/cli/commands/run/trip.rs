//! One run, from the first record to the last.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::cli::args;
use crate::cli::books::{TOOL, now};
use crate::cli::commands::run::{changed_file, jobs, summarise};
use crate::cli::exit::Exit;
use crate::cli::idle;
use crate::cli::limits;
use crate::cli::planning::Budget;
use crate::cli::searching::{self, Searched};
use crate::cli::service::{Line, Service};
use crate::cli::show::{self, Show, Stopped};
use crate::cli::signals;
use crate::cli::signed;
use crate::cli::streams::Streams;
use crate::cli::watching::{self, Clerk, Watcher};
use crate::domain::id::{RunId, ShowId};
use crate::journal::Journal;
use crate::ledger::fold::Ledger;
use crate::ledger::port::{LogError, RunLog};
use crate::ledger::record::{Record, RunEnded, RunStarted};
use crate::plan::build::{Plan, Purchase};
use crate::provider::runware::client::Client;
use crate::report::skipped::Skipped;
use crate::report::summary::Findings;
use crate::runner::outcome::{Outcome, RunEnd};
use crate::runner::settings::{AskFirst, Settings};
use crate::runner::shutdown::{Stop, Why};
use crate::runner::{self, Doors};
use crate::store::leftover;
use crate::store::shelf::Shelf;

/// One run, ready to go.
pub(super) struct Trip<'a> {
    pub(super) show: &'static Show,
    pub(super) id: &'a ShowId,
    pub(super) ask_first: AskFirst,
    pub(super) args: &'a args::Run,
    pub(super) budget: &'a Budget,
    pub(super) case: signed::Case<'a>,
    pub(super) plan: Plan,
    /// What would be bought, and is not signed for.
    pub(super) left_out: Vec<Purchase>,
    pub(super) until: Option<signals::Until>,
    /// The shots that are left out as not sound.
    pub(super) skipped: Vec<Skipped>,
    /// Whether takes lack that no run makes good by itself.
    pub(super) lacking: bool,
    pub(super) cut_off: bool,
}

impl Trip<'_> {
    /// Goes: buys, fetches, keeps, and says what came of it.
    pub(super) async fn make(
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
        let shelf = self.shelf(&ledger, streams)?;
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
        let watcher = Watcher::start(&plan, &ledger, self.budget, happenings, streams);
        let changed = plan.changed_files.clone();
        let findings = Findings::of(&plan, &self.skipped);
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
        let closed = self.close(clerk, &journal, &run, &outcome, streams).await;
        drop(journal);
        for path in &changed {
            streams.insist(&changed_file(self.show, path));
        }
        if let Err(Some(error)) = &closed {
            streams.insist(&format!("error: {error}\n"));
        }
        let exit = match closed {
            Ok(()) => self.exit(&outcome, &changed),
            Err(_) => Exit::Unexpected,
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
        if exit == Exit::Done && self.args.plan.is_none() && !streams.json {
            self.remember(&run, outcome, streams);
        }
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
                self.lacking = left.plan.lacks_for_good();
                self.plan = left.plan;
                self.left_out = left.left_out;
                Ok(None)
            }
        }
    }

    /// Opens the folder of images, without what a run that is gone left unfinished.
    fn shelf(&self, ledger: &Ledger, streams: &Streams) -> Result<Shelf, Stopped> {
        let swept = if self.cut_off || ledger.runs.is_empty() {
            leftover::sweep(&self.show.output)
        } else {
            Ok(())
        };
        let shelf = swept.and_then(|()| Shelf::open(&self.show.output));
        shelf.map_err(|error| {
            streams.insist(&format!("error: {error}\n"));
            Exit::Unexpected
        })
    }

    /// Writes what is made of the log, then logs the end: a run that said it has nothing left to be
    /// mended.
    ///
    /// # Errors
    /// Gives what is still to be said, if anything.
    async fn close(
        &self,
        clerk: Clerk,
        journal: &Journal,
        run: &RunId,
        outcome: &Outcome,
        streams: &Streams,
    ) -> Result<(), Option<LogError>> {
        let kept = match outcome.end {
            RunEnd::Left(_) => Ok(()),
            _ => clerk.finish(self.cut_off, streams),
        };
        let summed = watching::write_sums(&self.show.output, &outcome.ledger, streams);
        if kept.and(summed.map(drop)).is_err() {
            return Err(None);
        }
        self.end(journal, run, outcome).await.map_err(Some)
    }

    /// Remembers that nothing is left to do, as the log has it by now.
    fn remember(&self, run: &RunId, outcome: Outcome, streams: &Streams) {
        let ended = ended_as(run, &outcome);
        let mut ledger = outcome.ledger;
        if let Some(last) = ledger.runs.last_mut() {
            last.ended = Some(ended);
        }
        let under = (self.id, self.budget);
        idle::memorise_end(self.show, self.args, under, &ledger, streams);
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
    async fn end(&self, journal: &Journal, run: &RunId, outcome: &Outcome) -> Result<(), LogError> {
        if matches!(outcome.end, RunEnd::Left(_) | RunEnd::Log(_)) {
            return Ok(());
        }
        let ended = ended_as(run, outcome);
        journal.append(Record::RunEnded(ended)).await.map(drop)
    }

    fn exit(&self, outcome: &Outcome, changed: &[String]) -> Exit {
        match &outcome.end {
            RunEnd::Log(_) | RunEnd::Disk(_) => Exit::Unexpected,
            RunEnd::Account(_) => Exit::Account,
            RunEnd::Drained(Why::Interrupted) | RunEnd::Left(Why::Interrupted) => Exit::Interrupted,
            RunEnd::Drained(Why::Terminated | Why::HungUp)
            | RunEnd::Left(Why::Terminated | Why::HungUp) => Exit::Terminated,
            RunEnd::Unreachable(_) => Exit::Incomplete,
            _ if !outcome.problems.is_empty()
                || !changed.is_empty()
                || !self.skipped.is_empty()
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

/// Gives the last record of a run.
fn ended_as(run: &RunId, outcome: &Outcome) -> RunEnded {
    RunEnded {
        run: run.clone(),
        reason: outcome.end.word().to_owned(),
        counts: watching::counts(outcome),
        spent: outcome.spent(),
        reserved: outcome.reserved(),
    }
}

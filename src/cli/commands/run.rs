//! `run`: buys what the plan says. Resuming is the same command again.

mod trip;

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::args;
use crate::cli::books::{self, Books};
use crate::cli::commands::print;
use crate::cli::commands::run::trip::Trip;
use crate::cli::exit::Exit;
use crate::cli::idle;
use crate::cli::limits;
use crate::cli::memo;
use crate::cli::planning::{self, Budget};
use crate::cli::repair;
use crate::cli::service::Service;
use crate::cli::show::{self, Files, Show, Stopped, load};
use crate::cli::signals;
use crate::cli::signed::{self, Left};
use crate::cli::streams::Streams;
use crate::cli::watching;
use crate::domain::id::ShowId;
use crate::domain::money::Micros;
use crate::journal::{self, Journal};
use crate::ledger::fold::Ledger;
use crate::plan::build::Plan;
use crate::report::skipped::Skipped;
use crate::report::style::count;
use crate::report::summary::Findings;
use crate::report::{json, plan_table, status, summary};
use crate::runner::outcome::{Outcome, Pace, RunEnd};
use crate::runner::settings::AskFirst;

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
    let ground = Ground::of(show, streams)?;
    let found = ground.there.then(|| ground.open(streams)).transpose()?;
    let id = ground.id(found.as_ref(), streams)?;
    let case = signed::Case {
        signed: signed.as_ref(),
        show,
        args,
        id: &id,
        budget: &budget,
    };
    let found = match found {
        Some(books) if args.buying.rebuy.is_some() => Some(free_first(&case, books, streams)?),
        found => found,
    };
    let nothing = Ledger::default();
    let ledger = found.as_ref().map_or(&nothing, |books| &books.ledger);
    let Left {
        plan,
        checked,
        left_out,
    } = case.left(ledger, streams)?;
    show.tell(&checked.complaints, streams);
    if plan.is_idle() {
        let sound = found
            .as_ref()
            .filter(|books| !books.mended && signed.is_none());
        if let Some(books) = sound {
            idle::memorise(show, &books.ledger, (&plan, &checked), streams);
        }
        let ledger = found.map(|books| books.ledger).unwrap_or_default();
        let done = nothing_to_do(show, ledger, &plan, &budget, &checked.skipped, streams)?;
        return Ok(signed::end(done, &left_out));
    }
    let resends = plan_table::resends(&plan, ledger);
    agree(args, &plan, resends, &budget, streams)?;
    let service = Service::find(&args.manifest, &args.reach, streams)?;
    limits::reserve_files(jobs(args, show), show.rehearsal, streams)?;
    let Books {
        journal,
        ledger,
        mended,
        ..
    } = ground.take(found, streams)?;
    let trip = Trip {
        show,
        id: &id,
        ask_first: ask_first(&ledger, ground.written, mended),
        args,
        case,
        budget: &budget,
        lacking: plan.lacks_for_good(),
        plan,
        left_out,
        until,
        skipped: checked.skipped,
        cut_off: ledger.was_cut_off(),
    };
    go(trip, service, journal, ledger, streams)
}

fn go(
    trip: Trip<'_>,
    service: Service,
    journal: Arc<Journal>,
    ledger: Ledger,
    streams: &Streams,
) -> Result<Exit, Stopped> {
    let runtime = super::runtime(streams)?;
    let exit = runtime.block_on(trip.make(service, journal, ledger, streams));
    // What was left at once may still sit in a thread; the log is whole without it.
    runtime.shutdown_timeout(Duration::from_millis(200));
    exit
}

/// What stands in the output folder before a run.
///
/// Nothing is made on disk for a show that is not sound: a log that is there is opened first, one
/// that is not only once there is something to buy.
struct Ground {
    show: &'static Show,
    /// The id where no log gives one.
    fresh: ShowId,
    /// Whether the manifest gives the id.
    written: bool,
    /// Whether a run log is there.
    there: bool,
}

impl Ground {
    fn of(show: &'static Show, streams: &Streams) -> Result<Self, Stopped> {
        let fresh = show::show_id(show, None, false, streams)?;
        let written = show.manifest.show.id.is_some();
        let there = show.output.join(journal::FILE).exists();
        if !there && !written {
            books::must_hold_no_images(&show.output, streams)?;
        }
        Ok(Self {
            show,
            fresh,
            written,
            there,
        })
    }

    fn open(&self, streams: &Streams) -> Result<Books, Stopped> {
        books::open(&self.show.output, &self.fresh, self.written, streams)
    }

    /// Gives the books of a run that buys: those that are there, or new ones.
    fn take(&self, found: Option<Books>, streams: &Streams) -> Result<Books, Stopped> {
        let books = match found {
            Some(books) => books,
            None => self.open(streams)?,
        };
        if !self.there && !books.new {
            streams.insist("error: another run began in this folder just now; wait for it\n");
            return Err(Exit::Locked);
        }
        Ok(books)
    }

    fn id(&self, found: Option<&Books>, streams: &Streams) -> Result<ShowId, Stopped> {
        let Some(Books { ledger, .. }) = found else {
            return Ok(self.fresh.clone());
        };
        let from_manifest = ledger.show_id_from_manifest;
        show::show_id(self.show, ledger.show.as_ref(), from_manifest, streams)
    }
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
///
/// Nothing is asked, either, under a plan that is not what was signed.
fn free_first(case: &signed::Case<'_>, books: Books, streams: &Streams) -> Result<Books, Stopped> {
    let signed::Case {
        signed,
        show,
        args,
        id,
        budget,
    } = *case;
    if signed.is_some() {
        case.left(&books.ledger, streams)?;
    }
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
    skipped: &[Skipped],
    streams: &Streams,
) -> Result<Exit, Stopped> {
    watching::mend(&show.output, &ledger, streams)?;
    for path in &plan.changed_files {
        streams.insist(&changed_file(show, path));
    }
    let whole = idle::is_whole(plan, skipped.len());
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
        return print(streams, &idle::text(show, plan)).map(|_| exit);
    }
    let findings = Findings::of(plan, skipped);
    let none = Duration::ZERO;
    summarise(show, &outcome, &findings, budget, none, exit, streams)?;
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

//! How the report is spelled.
//!
//! `takes`, `problems`, `money` and `bill_check` depend on what was bought alone (the last also on
//! which files are there) and are equal however many runs it took; `timeline` and `runs` tell how
//! it came about.

use std::collections::BTreeMap;
use std::io;

use serde::{Serialize, Serializer};

use crate::domain::class::Trouble;
use crate::domain::id::ShowId;
use crate::domain::money::Micros;
use crate::ledger::fold::Run;
use crate::ledger::record::AcceptedBy;
use crate::report::history::bill::listed_price;
use crate::report::history::report::{Report, Take, Told};
use crate::report::history::trail::{ImageTrail, Trail};
use crate::report::json::sidecar::{ReferenceJson, Values, references};
use crate::report::json::{AccountJson, Each, FORMAT, status, write};

/// Writes a report as one JSON object, and a newline.
///
/// # Errors
/// Passes on what the writer says.
pub fn spell(report: &Report<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    write(&ReportJson::of(report), out)
}

#[derive(Serialize)]
struct ReportJson<'a> {
    format: u32,
    show_id: Option<&'a str>,
    takes: TakesJson<'a>,
    problems: Each<'a, Told, ProblemJson<'a>>,
    money: MoneyJson<'a>,
    bill_check: BillJson<'a>,
    timeline: Vec<TimelineJson<'a>>,
    runs: Each<'a, Run, RunJson<'a>>,
    /// By shot, what the manifest has of it beside its picture.
    columns: BTreeMap<&'a str, Values<'a>>,
}

impl<'a> ReportJson<'a> {
    fn of(report: &'a Report<'a>) -> Self {
        Self {
            format: FORMAT,
            show_id: report.show.map(ShowId::as_str),
            takes: TakesJson(report),
            problems: Each(&report.problems, ProblemJson::of),
            money: MoneyJson::of(report),
            bill_check: BillJson::of(report),
            timeline: timeline(report),
            runs: Each(report.runs, RunJson::of),
            columns: report
                .kept
                .iter()
                .map(|(shot, kept)| (*shot, Values(kept)))
                .collect(),
        }
    }
}

/// The takes of a report, each spelled when it is come to.
struct TakesJson<'a>(&'a Report<'a>);

impl Serialize for TakesJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let takes = self.0.takes.iter();
        serializer.collect_seq(takes.map(|take| TakeJson::of(self.0, take)))
    }
}

#[derive(Serialize)]
struct TakeJson<'a> {
    shot: &'a str,
    sequence: Option<&'a str>,
    variant: u32,
    values: Values<'a>,
    take: u32,
    state: &'static str,
    why: Option<WhyJson<'a>>,
    task: String,
    index: Option<u32>,
    attempt: u32,
    key: String,
    preset: &'a str,
    model: &'a str,
    template: &'a str,
    prompt: &'a str,
    references: Vec<ReferenceJson<'a>>,
    image: Option<&'a str>,
    seed: Option<u64>,
    nsfw: Option<bool>,
    cost_usd_micros: u64,
    cost_assumed: bool,
    reserved_usd_micros: u64,
    file: Option<FileJson<'a>>,
    decision: Option<&'static str>,
    decision_note: Option<&'a str>,
    decision_by: Option<&'a str>,
    decision_at: Option<String>,
    /// Whether it is the take that was approved by its number.
    chosen: bool,
}

impl<'a> TakeJson<'a> {
    fn of(report: &'a Report<'a>, take: &'a Take<'a>) -> Self {
        let (decision, chosen) = report.decision(take);
        let bought = &take.trail.bought;
        let made = &*bought.made;
        Self {
            shot: bought.shot.as_str(),
            sequence: made.sequence.as_deref(),
            variant: bought.variant.0,
            values: Values(&made.values),
            take: take.number.0,
            state: take.state().word(),
            why: take.trouble().map(WhyJson::of),
            task: take.task.to_string(),
            index: take.image.map(|image| image.index),
            attempt: bought.attempt.0,
            key: bought.key.to_string(),
            preset: &made.preset,
            model: &made.model,
            template: &made.template,
            prompt: &made.prompt,
            references: references(made),
            image: take.image.map(|image| image.image.as_str()),
            seed: take.image.and_then(|image| image.seed),
            nsfw: take.image.and_then(|image| image.nsfw),
            cost_usd_micros: take.spent().get(),
            cost_assumed: take.image.is_some_and(|image| image.cost_assumed),
            reserved_usd_micros: take.reserved().get(),
            file: take.file().map(|saved| FileJson {
                path: &saved.path,
                sha256: saved.sha256.to_string(),
                bytes: saved.bytes,
                width: saved.width,
                height: saved.height,
            }),
            decision: decision.map(|made| made.kind.word()),
            decision_note: decision.and_then(|made| made.note.as_deref()),
            decision_by: decision.and_then(|made| made.by.as_deref()),
            decision_at: decision.map(|made| made.at.to_string()),
            chosen,
        }
    }
}

#[derive(Serialize)]
struct FileJson<'a> {
    path: &'a str,
    sha256: String,
    bytes: u64,
    width: u32,
    height: u32,
}

/// Why there is no image.
#[derive(Serialize)]
pub(super) struct WhyJson<'a> {
    class: &'static str,
    code: &'a str,
    message: &'a str,
}

impl<'a> WhyJson<'a> {
    pub(super) fn of(trouble: &'a Trouble) -> Self {
        Self {
            class: trouble.class.word(),
            code: &trouble.code,
            message: &trouble.message,
        }
    }
}

#[derive(Serialize)]
struct ProblemJson<'a> {
    #[serde(flatten)]
    problem: status::ProblemJson<'a>,
    stands: bool,
}

impl<'a> ProblemJson<'a> {
    fn of(told: &'a Told) -> Self {
        Self {
            problem: status::ProblemJson::of(&told.problem),
            stands: told.stands,
        }
    }
}

#[derive(Serialize)]
struct MoneyJson<'a> {
    #[serde(flatten)]
    show: AccountJson,
    assumed_usd_micros: u64,
    sequences: BTreeMap<&'a str, AccountJson>,
    shots: BTreeMap<&'a str, AccountJson>,
    presets: BTreeMap<&'a str, AccountJson>,
}

impl<'a> MoneyJson<'a> {
    fn of(report: &Report<'a>) -> Self {
        let money = &report.money;
        let spell = |(name, account): (&&'a str, &_)| (*name, AccountJson::from(*account));
        Self {
            show: money.show.into(),
            assumed_usd_micros: money.assumed.get(),
            sequences: money.sequences.iter().map(spell).collect(),
            shots: money
                .shots
                .iter()
                .map(|(shot, account)| (shot.as_str(), (*account).into()))
                .collect(),
            presets: money.presets.iter().map(spell).collect(),
        }
    }
}

#[derive(Serialize)]
struct BillJson<'a> {
    clean: bool,
    paid_without_file: Vec<ChargeJson<'a>>,
    may_be_billed: Vec<ProblemJson<'a>>,
    file_without_charge: Vec<ChargeJson<'a>>,
    cost_assumed: Vec<ChargeJson<'a>>,
    price_unlike_listed: Vec<ChargeJson<'a>>,
}

impl<'a> BillJson<'a> {
    fn of(report: &'a Report<'a>) -> Self {
        let bill = &report.bill;
        let charges = |places: &[usize]| -> Vec<ChargeJson<'a>> {
            let takes = places.iter().filter_map(|place| report.takes.get(*place));
            takes.map(ChargeJson::of).collect()
        };
        let problems = bill.may_be_billed.iter();
        Self {
            clean: bill.is_clean(),
            paid_without_file: charges(&bill.paid_without_file),
            may_be_billed: problems
                .filter_map(|place| report.problems.get(*place))
                .map(ProblemJson::of)
                .collect(),
            file_without_charge: charges(&bill.file_without_charge),
            cost_assumed: charges(&bill.cost_assumed),
            price_unlike_listed: charges(&bill.unlike_listed),
        }
    }
}

/// A take as a bookkeeper looks it up.
#[derive(Serialize)]
struct ChargeJson<'a> {
    shot: &'a str,
    variant: u32,
    take: u32,
    state: &'static str,
    task: String,
    image: Option<&'a str>,
    cost_usd_micros: u64,
    listed_usd_micros: Option<u64>,
}

impl<'a> ChargeJson<'a> {
    fn of(take: &'a Take<'a>) -> Self {
        Self {
            shot: take.known.shot.as_str(),
            variant: take.known.variant.0,
            take: take.number.0,
            state: take.state().word(),
            task: take.task.to_string(),
            image: take.image.map(|image| image.image.as_str()),
            cost_usd_micros: take.spent().get(),
            listed_usd_micros: listed_price(take).map(Micros::get),
        }
    }
}

/// How a task came about.
#[derive(Serialize)]
struct TimelineJson<'a> {
    task: String,
    shot: &'a str,
    variant: u32,
    run: &'a str,
    resends: u32,
    intended: String,
    sent: String,
    accepted: Option<String>,
    accepted_by: Option<&'static str>,
    ended: Option<String>,
    images: Each<'a, ImageTrail, ImageTimesJson>,
}

#[derive(Serialize)]
struct ImageTimesJson {
    index: u32,
    produced: String,
    saved: Option<String>,
    lost: Option<String>,
}

/// Gives the tasks behind the takes, each once, by when they were first intended.
fn timeline<'a>(report: &'a Report<'a>) -> Vec<TimelineJson<'a>> {
    let mut trails: Vec<&Trail> = report.trails.clone();
    trails.sort_by_key(|trail| (trail.times.intended, trail.bought.task));
    trails.into_iter().map(TimelineJson::of).collect()
}

impl<'a> TimelineJson<'a> {
    fn of(trail: &'a Trail) -> Self {
        let (bought, times) = (&trail.bought, &trail.times);
        Self {
            task: bought.task.to_string(),
            shot: bought.shot.as_str(),
            variant: bought.variant.0,
            run: bought.run.as_str(),
            resends: trail.resends,
            intended: times.intended.to_string(),
            sent: times.sent.to_string(),
            accepted: times.accepted.map(|at| at.to_string()),
            accepted_by: trail.accepted_by.map(|by| match by {
                AcceptedBy::Reply => "reply",
                AcceptedBy::Conflict => "conflict",
                AcceptedBy::Asked => "asked",
            }),
            ended: times.ended.map(|at| at.to_string()),
            images: Each(&trail.images, |image| ImageTimesJson {
                index: image.produced.index,
                produced: image.produced_at.to_string(),
                saved: image.saved_at.map(|at| at.to_string()),
                lost: image.lost_at.map(|at| at.to_string()),
            }),
        }
    }
}

/// One run; without an end it was cut off, or is under way.
#[derive(Serialize)]
pub(super) struct RunJson<'a> {
    run: &'a str,
    started: Option<String>,
    ended: Option<String>,
    pub(super) reason: &'a str,
    counts: BTreeMap<&'a str, u64>,
    spent_usd_micros: Option<u64>,
    reserved_usd_micros: Option<u64>,
    caps_usd_micros: BTreeMap<&'a str, u64>,
    selection: &'a [String],
    jobs: u32,
    endpoint: &'a str,
    manifest_sha256: String,
    tool: &'a str,
}

impl<'a> RunJson<'a> {
    pub(super) fn of(run: &'a Run) -> Self {
        let (started, ended) = (&run.started, run.ended.as_ref());
        let counts = ended.map(|ended| ended.counts.iter());
        Self {
            run: started.run.as_str(),
            started: run.at.map(|at| at.to_string()),
            ended: run.ended_at.map(|at| at.to_string()),
            reason: ended.map_or("cut-off", |ended| &ended.reason),
            counts: counts
                .into_iter()
                .flatten()
                .map(|(name, count)| (name.as_str(), *count))
                .collect(),
            spent_usd_micros: ended.map(|ended| ended.spent.get()),
            reserved_usd_micros: ended.map(|ended| ended.reserved.get()),
            caps_usd_micros: started
                .caps
                .iter()
                .map(|(name, cap)| (name.as_str(), cap.get()))
                .collect(),
            selection: &started.selection,
            jobs: started.jobs,
            endpoint: &started.endpoint,
            manifest_sha256: started.manifest.to_string(),
            tool: &started.tool,
        }
    }
}

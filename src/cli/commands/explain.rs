//! `explain`: how one shot is made, and why it would be bought or not.

mod account;
mod json;
mod text;

use serde_json::{Value, json};

use crate::cli::args;
use crate::cli::books;
use crate::cli::commands::explain::account::Account;
use crate::cli::commands::print;
use crate::cli::deciding;
use crate::cli::exit::Exit;
use crate::cli::planning::{self, Budget, Wish};
use crate::cli::show::{Show, Stopped, load, refuse, show_id};
use crate::cli::streams::Streams;
use crate::cli::words;
use crate::domain::diagnostic::Diagnostic;
use crate::domain::id::{ShotId, TaskId};
use crate::expand::wanted::Wanted;
use crate::ledger::decision::Decisions;
use crate::ledger::fold::Ledger;
use crate::manifest::shown::nearest;
use crate::plan::build::{Entry, Plan};
use crate::plan::slots::{allot, next_attempt};
use crate::provider::runware;
use crate::report::decided::Decided;
use crate::store::shelf;

/// Explains a shot.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn explain(args: &args::Explain, streams: &Streams) -> Result<Exit, Stopped> {
    let (manifest, named) = words::of_explanation(args);
    let show = load(&manifest, streams)?;
    let Some(index) = find(&show, &named, streams) else {
        return Err(Exit::Usage);
    };
    let ledger = books::read(&show.output, streams)?;
    let numbers = || planning::numbers(&show, &ledger);
    show.expansion.remember(numbers);
    let wanted = show
        .expansion
        .wanted(index)
        .map_err(|complaints| refuse(&show.manifest.sources, &complaints, streams))?;
    let from_manifest = ledger.show_id_from_manifest;
    let id = show_id(&show, ledger.show.as_ref(), from_manifest, streams)?;
    let flags = args::Buying::only_looking();
    let everything = args::Selection::default();
    let wish = Wish {
        show: &show,
        chosen: &everything,
        flags: &flags,
        listed: usize::MAX,
    };
    let (plan, _) = planning::plan(&wish, &ledger, &id, &Budget::default(), streams)?;
    let chosen = chosen(&wanted, args.variant, streams)?;
    let Some(shot) = show.expansion.shots().get(index) else {
        return Err(Exit::Usage);
    };
    let decided = deciding::decided_on(&show, &shot);
    let told: Vec<Told<'_>> = chosen
        .into_iter()
        .filter_map(|variant| {
            Some(Told {
                wanted: variant,
                decided: &decided,
                account: account::of(&show, index, variant)?,
                entry: entry(&plan, variant),
                task: task_of(variant, &ledger, &show.decisions, &plan, &id),
            })
        })
        .collect();
    if streams.json {
        let list = told.iter().map(|told| json::variant(&show, told));
        let list: Vec<Value> = list.collect();
        let object = json!({ "format": 1, "shot": named, "variants": list });
        return print(streams, &format!("{object:#}\n"));
    }
    let mut warnings: Vec<Diagnostic> = Vec::new();
    for warning in told.iter().flat_map(|told| &told.account.warnings) {
        if !warnings.contains(warning) {
            warnings.push(warning.clone());
        }
    }
    show.tell(&warnings, streams);
    let texts = told.iter().map(|told| text::variant(&show, told));
    print(streams, &texts.collect::<Vec<_>>().join("\n"))
}

/// Gives the variants that are asked for: all, or one by its number.
fn chosen<'w>(
    wanted: &'w [Wanted],
    variant: Option<u32>,
    streams: &Streams,
) -> Result<Vec<&'w Wanted>, Stopped> {
    let Some(variant) = variant else {
        return Ok(wanted.iter().collect());
    };
    let found = wanted.iter().filter(|w| w.variant.0 == variant);
    let found: Vec<&Wanted> = found.collect();
    if found.is_empty() {
        let numbers = wanted.iter().map(|w| w.variant.to_string());
        streams.insist(&format!(
            "error: the shot has no variant {variant:02}; it has {}\n",
            numbers.collect::<Vec<_>>().join(", ")
        ));
        return Err(Exit::Usage);
    }
    Ok(found)
}

/// Finds a shot by its id; an unknown one is answered with the nearest that is known.
fn find(show: &Show, id: &str, streams: &Streams) -> Option<usize> {
    let shots = show.expansion.shots();
    let found = shots.iter().position(|shot| shot.id.value.as_str() == id);
    if found.is_none() {
        let ids: Vec<ShotId> = shots.iter().map(|shot| shot.id.value.clone()).collect();
        let near = nearest(id, ids.iter().map(ShotId::as_str));
        let complaint = Diagnostic::error("unknown-shot", format!("no shot is called `{id}`"));
        let complaint = complaint.help(match near {
            Some(near) => format!("write `{near}`"),
            None => "name a shot there is: `reshoot plan -v` lists them".to_owned(),
        });
        let _usage = refuse(&show.manifest.sources, &[complaint], streams);
    }
    found
}

fn entry<'p>(plan: &'p Plan, wanted: &Wanted) -> Option<&'p Entry> {
    let mut entries = plan.entries.iter();
    entries.find(|entry| entry.shot == wanted.shot && entry.variant == wanted.variant)
}

/// Gives the id its next task has or would have.
fn task_of(
    wanted: &Wanted,
    ledger: &Ledger,
    decisions: &Decisions,
    plan: &Plan,
    show: &crate::domain::id::ShowId,
) -> TaskId {
    let mut planned = plan.purchases.iter();
    let planned = planned.find(|p| p.shot == wanted.shot && p.variant == wanted.variant);
    planned.map_or_else(
        || {
            let (shot, variant, key) = (&wanted.shot, wanted.variant, wanted.key);
            let used = decisions.aside(shot).numbers(variant);
            let slot = allot(ledger, shot, variant, key, &used, 1, 1);
            let first = slot
                .first()
                .map_or(ledger.next_take(shot, variant), |slot| slot.takes.first);
            let attempt = next_attempt(ledger, shot, variant, key, first);
            TaskId::derive(show, shot, variant, first, key, attempt)
        },
        |purchase| purchase.task,
    )
}

/// All that is told of one variant.
struct Told<'a> {
    wanted: &'a Wanted,
    decided: &'a Decided<'a>,
    account: Account,
    entry: Option<&'a Entry>,
    task: TaskId,
}

impl Told<'_> {
    fn request(&self) -> String {
        let results = self.wanted.results_per_task.min(self.wanted.takes).max(1);
        runware::preview(self.task, results, &self.wanted.request).unwrap_or_default()
    }

    fn why(&self) -> Vec<String> {
        let Some(entry) = self.entry else {
            return Vec::new();
        };
        let buys = entry
            .buys
            .iter()
            .map(|(reason, takes)| format!("buy {takes}: {}", reason.word()));
        let keeps = entry
            .keeps
            .iter()
            .map(|(kept, takes)| format!("not {takes}: {}", kept.word()));
        buys.chain(keeps).collect()
    }

    /// Gives the files it would make, below the output folder.
    fn files(&self) -> Vec<String> {
        let files = self.entry.iter().flat_map(|entry| &entry.files);
        files
            .map(|file| format!("{}/{file}", shelf::FOLDER))
            .collect()
    }
}

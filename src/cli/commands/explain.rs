//! `explain`: how one shot is made, and why it would be bought or not.

use serde_json::{Value, json};

use crate::cli::args;
use crate::cli::books;
use crate::cli::commands::print;
use crate::cli::deciding;
use crate::cli::exit::Exit;
use crate::cli::planning::{self, Budget, Wish};
use crate::cli::show::{Show, Stopped, load, refuse, show_id};
use crate::cli::streams::Streams;
use crate::domain::diagnostic::{Diagnostic, Place};
use crate::domain::id::{ShotId, TaskId};
use crate::domain::lines::Lines;
use crate::expand::layers::{Settings, Sourced, Stack};
use crate::expand::wanted::Wanted;
use crate::ledger::decision::Decisions;
use crate::ledger::fold::Ledger;
use crate::manifest::shown::nearest;
use crate::plan::build::{Entry, Plan};
use crate::plan::slots::{allot, next_attempt};
use crate::provider::runware;
use crate::report::decided::Decided;
use crate::report::escape::shown;
use crate::report::json::decided::DecidedJson;
use crate::store::shelf;

/// Explains a shot.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn explain(args: &args::Explain, streams: &Streams) -> Result<Exit, Stopped> {
    let show = load(&args.manifest, streams)?;
    let Some(index) = find(&show, &args.shot, streams) else {
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
    let chosen = args::Selection::default();
    let wish = Wish {
        show: &show,
        chosen: &chosen,
        flags: &flags,
    };
    let (plan, _) = planning::plan(&wish, &ledger, &id, &Budget::default(), streams)?;
    let mut told = Vec::new();
    let Some(shot) = show.expansion.shots().get(index) else {
        return Err(Exit::Usage);
    };
    let decided = deciding::decided_on(&show, &shot);
    for variant in &wanted {
        let origins = origins(&show, index, variant);
        let task = task_of(variant, &ledger, &show.decisions, &plan, &id);
        told.push(Told {
            wanted: variant,
            decided: &decided,
            origins,
            entry: entry(&plan, variant),
            task,
        });
    }
    let text = if streams.json {
        let list: Vec<Value> = told.iter().map(Told::as_json).collect();
        format!(
            "{:#}\n",
            json!({ "format": 1, "shot": args.shot, "variants": list })
        )
    } else {
        told.iter()
            .map(|told| told.as_text(&show))
            .collect::<Vec<_>>()
            .join("\n")
    };
    print(streams, &text)
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

/// Where a setting came from.
struct Origin {
    name: &'static str,
    value: String,
    source: String,
    place: Option<String>,
}

fn origins(show: &Show, index: usize, wanted: &Wanted) -> Vec<Origin> {
    let told = show
        .expansion
        .explain(index, wanted.variant, |stack, settings, compiled| {
            list_origins(show, stack, settings, compiled)
        });
    told.ok().flatten().unwrap_or_default()
}

fn list_origins(
    show: &Show,
    stack: &Stack<'_>,
    settings: &Settings<'_>,
    compiled: &crate::expand::compile::Compiled<'_>,
) -> Vec<Origin> {
    let mut list = Vec::new();
    let mut add = |name, value: String, source: String, place: Option<Place>| {
        list.push(Origin {
            name,
            value,
            source,
            place: place.map(|at| spelled(show, at)),
        });
    };
    macro_rules! add {
        ($name:literal, $sourced:expr, $show:expr) => {{
            let sourced = $sourced;
            add(
                $name,
                $show(sourced.value),
                sourced.source.to_string(),
                sourced.place,
            );
        }};
    }
    add!("preset", settings.preset, String::clone);
    add!("prompt", compiled.template, String::clone);
    add!(
        "format",
        settings.format,
        |f: &crate::manifest::settings::Format| f.word().to_owned()
    );
    add!("quality", settings.quality, u32::to_string);
    add!("takes", settings.takes, u32::to_string);
    add!(
        "results_per_task",
        settings.results_per_task,
        u32::to_string
    );
    add!(
        "delivery",
        settings.delivery,
        |d: &crate::manifest::settings::Delivery| { d.word().to_owned() }
    );
    add!(
        "output",
        settings.output,
        |o: &crate::manifest::settings::Output| o.word().to_owned()
    );
    add!(
        "safety",
        settings.safety,
        |s: &crate::manifest::settings::Safety| s.word().to_owned()
    );
    let named: [(&'static str, Option<Sourced<'_, String>>); 2] =
        [("location", stack.location()), ("look", stack.look())];
    for (name, sourced) in named {
        if let Some(sourced) = sourced {
            add(
                name,
                sourced.value.clone(),
                sourced.source.to_string(),
                sourced.place,
            );
        }
    }
    for (name, sourced) in stack.vars() {
        let value = format!("{name} = {}", sourced.value);
        add("var", value, sourced.source.to_string(), sourced.place);
    }
    list
}

fn spelled(show: &Show, place: Place) -> String {
    let Some(source) = show.manifest.sources.get(place.file) else {
        return String::new();
    };
    let at = usize::try_from(place.start).unwrap_or(usize::MAX);
    let (line, column) = Lines::of(&source.text).position(&source.text, at);
    format!("{}:{line}:{column}", source.path)
}

/// All that is told of one variant.
struct Told<'a> {
    wanted: &'a Wanted,
    decided: &'a Decided<'a>,
    origins: Vec<Origin>,
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

    fn as_json(&self) -> Value {
        let wanted = self.wanted;
        let references = wanted.request.references.iter().map(|reference| {
            json!({
                "marker": reference.marker,
                "entry": reference.entry,
                "role": reference.role,
                "use": reference.scope,
                "sha256": reference.image.digest().to_string(),
            })
        });
        let origins = self.origins.iter().map(|origin| {
            json!({
                "name": origin.name,
                "value": origin.value,
                "source": origin.source,
                "place": origin.place,
            })
        });
        let request: Value = serde_json::from_str(&self.request()).unwrap_or_default();
        json!({
            "variant": wanted.variant.0,
            "values": wanted.values,
            "prompt": &*wanted.request.prompt,
            "prompt_chars": wanted.request.prompt.chars().count(),
            "references": references.collect::<Vec<_>>(),
            "request": request,
            "key": wanted.key.to_string(),
            "settings": origins.collect::<Vec<_>>(),
            "status": DecidedJson::of(self.decided),
            "why": self.why(),
            "files": self.entry.map(Self::files),
        })
    }

    /// Gives the files it would make, below the output folder.
    fn files(entry: &Entry) -> Vec<String> {
        let files = entry.files.iter();
        files
            .map(|file| format!("{}/{file}", shelf::FOLDER))
            .collect()
    }

    fn as_text(&self, show: &Show) -> String {
        let wanted = self.wanted;
        let model = wanted.request.model;
        let mut lines = vec![format!(
            "shot {}, variant {}",
            shown(wanted.shot.as_str()),
            wanted.variant
        )];
        lines.extend(
            wanted
                .values
                .iter()
                .map(|(name, value)| format!("  {} = {}", shown(name), shown(value))),
        );
        lines.push(format!("written at {}", spelled(show, wanted.place)));
        lines.push(String::new());
        lines.push(format!(
            "prompt ({}/{} characters):",
            wanted.request.prompt.chars().count(),
            model.prompt_chars.1
        ));
        lines.extend(
            wanted
                .request
                .prompt
                .lines()
                .map(|line| format!("  {}", shown(line))),
        );
        let references = &wanted.request.references;
        lines.push(format!(
            "references ({}/{}):",
            references.len(),
            model.references
        ));
        lines.extend(references.iter().map(|reference| {
            let words = [&reference.entry, &reference.role, &reference.scope];
            let words: Vec<_> = words.into_iter().flatten().map(String::as_str).collect();
            let sha256 = reference.image.digest().short();
            format!(
                "  {}  {}  sha256 {sha256}…",
                reference.marker,
                shown(&words.join(", "))
            )
        }));
        lines.push("settings:".to_owned());
        lines.extend(self.origins.iter().map(|origin| {
            let place = origin
                .place
                .as_deref()
                .map(|p| format!(", {p}"))
                .unwrap_or_default();
            format!(
                "  {} = {}  ({}{place})",
                origin.name,
                shown(&origin.value),
                origin.source
            )
        }));
        lines.push("request:".to_owned());
        lines.extend(self.request().lines().map(|line| format!("  {line}")));
        lines.push(format!("key {}", wanted.key));
        lines.push(format!("status: {}", self.decided.words()));
        lines.push(format!("plan: {}", self.why().join("; ")));
        lines.push(String::new());
        lines.join("\n")
    }
}

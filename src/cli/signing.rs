//! Saving a plan for a signature: what it is made from, gathered and written in one step.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use crate::cli::args;
use crate::cli::books::{TOOL, now};
use crate::cli::exit::Exit;
use crate::cli::planning::Budget;
use crate::cli::show::{Show, Stopped};
use crate::cli::streams::Streams;
use crate::domain::digest::Sha256;
use crate::domain::money::Micros;
use crate::expand::request::SentImage;
use crate::expand::wanted::Wanted;
use crate::folder::Folder;
use crate::ledger::fold::Ledger;
use crate::manifest::read::SET;
use crate::plan::build::{Plan, Purchase};
use crate::plan::saved::{Flags, Resend, SavedPlan, SavedPrice, SavedTask, json};
use crate::report::json::harmless;
use crate::report::plan_table::Signature;
use crate::report::prices::{self, Prices};

/// A plan to be saved, and what it was made with.
pub struct Draft<'a> {
    /// The command's flags.
    pub args: &'a args::Plan,
    /// The show.
    pub show: &'a Show,
    /// What the run log says.
    pub ledger: &'a Ledger,
    /// The caps.
    pub budget: &'a Budget,
    /// The plan.
    pub plan: &'a Plan,
    /// What images are reckoned at.
    pub prices: &'a Prices,
}

/// Makes sure that a plan can be saved under a name, before it is made.
///
/// # Errors
/// Ends with [`Exit::Usage`] where something stands there that is no saved plan, or where a flag
/// holds what no file may hold.
pub fn may_save(file: &Path, set: &[String], streams: &Streams) -> Result<(), Stopped> {
    let shown = file.display();
    let refuse = |why: &str| {
        streams.insist(&format!("error: {shown}: {why}\n"));
        Err(Exit::Usage)
    };
    if let Some(flag) = set.iter().find(|flag| may_hold_a_secret(flag)) {
        let key = flag.split('=').next().unwrap_or_default();
        streams.insist(&format!(
            "error: --set {key}=…: an address may hold a secret, and a saved plan holds none; \
             write it into the manifest\n"
        ));
        return Err(Exit::Usage);
    }
    let parent = folder(file);
    if !parent.is_dir() {
        return refuse(&format!("there is no folder {}", parent.display()));
    }
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => refuse(&error.to_string()),
        Ok(there) if there.is_dir() => refuse("it is a folder; name a file in it"),
        Ok(there) if !there.is_file() => refuse("it is not a regular file; name another one"),
        Ok(_) => match fs::read(file) {
            Ok(bytes) if json::is_one(&bytes) => Ok(()),
            Ok(_) => refuse(
                "a file stands there that is no saved plan, and is never overwritten; name \
                 another one",
            ),
            Err(error) => refuse(&error.to_string()),
        },
    }
}

/// Tells whether a flag sets an address or image data.
fn may_hold_a_secret(flag: &str) -> bool {
    let (key, value) = flag.split_once('=').unwrap_or((flag, ""));
    let value = value.trim().to_ascii_lowercase();
    matches!(key.trim(), "webhook_url" | "upload_endpoint")
        || value.contains("://")
        || value.starts_with("data:")
}

/// Saves a plan, in one step; gives where, and the number to sign.
///
/// # Errors
/// Ends with [`Exit::Unexpected`] where it cannot be written.
pub fn save(draft: &Draft<'_>, file: &Path, streams: &Streams) -> Result<Signature, Stopped> {
    let saved = draft.saved();
    let digest = json::digest(&saved);
    write(file, harmless(&json::spell(&saved)).as_bytes()).map_err(|why| {
        streams.insist(&format!("error: {why}\n"));
        Exit::Unexpected
    })?;
    Ok(Signature {
        file: file.to_string_lossy().into_owned(),
        plan: digest,
        most: saved.most(),
    })
}

/// Gives the folder a file is to stand in.
fn folder(file: &Path) -> &Path {
    let parent = file.parent();
    let named = parent.filter(|parent| !parent.as_os_str().is_empty());
    named.unwrap_or(Path::new("."))
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), String> {
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| format!("{}: no name for a file", file.display()))?;
    let folder = Folder::open(folder(file)).map_err(|error| error.to_string())?;
    let beside = format!(".reshoot-plan.{}.part", uuid::Uuid::new_v4().simple());
    let replaced = folder.replace(name, &beside, bytes, true);
    replaced.map_err(|error| error.to_string())
}

/// Gives the digest of every text a manifest was read from, by its path from the manifest's folder.
#[must_use]
pub fn texts(show: &Show, manifest: &Path) -> BTreeMap<String, Sha256> {
    let beside = manifest.parent().unwrap_or(Path::new(""));
    let texts = show.manifest.sources.iter().map(|(_, source)| source);
    let texts = texts.filter(|source| source.path != SET);
    let named = texts.map(|source| {
        let path = Path::new(&source.path);
        let path = path.strip_prefix(beside).unwrap_or(path);
        let path = path.to_string_lossy().into_owned();
        (path, Sha256::of(source.text.as_bytes()))
    });
    named.collect()
}

/// Gives the digest of every reference file that can be used, by its path from the manifest's
/// folder.
#[must_use]
pub fn references(show: &Show) -> BTreeMap<String, Sha256> {
    let facts = show.facts.0.values().flatten();
    facts
        .map(|facts| (facts.shown.clone(), facts.sha256))
        .collect()
}

/// Gives the caps of the manifest, by name.
#[must_use]
pub fn caps(budget: &Budget) -> BTreeMap<String, Micros> {
    let named = budget.named.iter();
    let named = named.filter(|(name, _)| !matches!(name.as_str(), "max-cost" | "plan"));
    named.map(|(name, cap)| (name.clone(), *cap)).collect()
}

impl Draft<'_> {
    fn saved(&self) -> SavedPlan {
        let (manifest, show) = (&self.args.manifest.manifest, self.show);
        let mut saved = SavedPlan {
            saved_at: now(),
            tool: TOOL.to_owned(),
            show: show.manifest.show.id.as_ref().map(|id| id.value.clone()),
            manifest: manifest.to_string_lossy().into_owned(),
            output: show.output.to_string_lossy().into_owned(),
            flags: self.flags(),
            texts: texts(show, manifest),
            references: BTreeMap::new(),
            prices: Vec::new(),
            caps: caps(self.budget),
            tasks: Vec::with_capacity(self.plan.purchases.len()),
            resends: self.resends(),
        };
        let mut sizes = BTreeSet::new();
        // What a shot asks for is worked out anew, a shot at a time.
        let of_one_shot = |a: &Purchase, b: &Purchase| a.shot_index == b.shot_index;
        for purchases in self.plan.purchases.chunk_by(of_one_shot) {
            let wanted = show.expansion.wanted(purchases[0].shot_index);
            let wanted = wanted.unwrap_or_default();
            for purchase in purchases {
                let its = |wanted: &&Wanted| wanted.variant == purchase.variant;
                let Some(wanted) = wanted.iter().find(its) else {
                    continue;
                };
                let request = &wanted.request;
                sizes.insert((request.model.id, prices::size(request.size)));
                for reference in &request.references {
                    if let SentImage::File { shown, sha256, .. } = &reference.image {
                        saved.references.insert(shown.clone(), *sha256);
                    }
                }
                saved.tasks.push(task(purchase, wanted));
            }
        }
        let prices = self.prices.iter();
        let used = prices.filter(|(model, size, _)| sizes.contains(&(*model, (*size).to_owned())));
        saved
            .prices
            .extend(used.map(|(model, size, price)| SavedPrice {
                model: model.to_owned(),
                size: size.to_owned(),
                amount: price.amount,
                basis: price.basis.word().to_owned(),
            }));
        saved
    }

    fn flags(&self) -> Flags {
        let args::Plan {
            manifest,
            selection,
            buying,
            ..
        } = self.args;
        Flags {
            shot: selection.shot.clone(),
            sequence: selection.sequence.clone(),
            character: selection.character.clone(),
            preset: selection.preset.clone(),
            limit: selection.limit,
            set: manifest.set.clone(),
            encoding: manifest.encoding.clone(),
            max_cost: self.budget.named.get("max-cost").copied(),
            skip_invalid: buying.skip_invalid,
            rebuy_missing: buying.rebuy.is_some(),
            retry_refused: buying.retry_refused,
        }
    }

    /// Gives the tasks of earlier runs that are sent again should the provider not know them.
    fn resends(&self) -> Vec<Resend> {
        let wanted = self.plan.settle.iter();
        let wanted = wanted.filter(|left| left.wanted_by.is_some());
        let known = wanted.filter_map(|left| Some((left.task, self.ledger.task(left.task)?)));
        let unseen = known.filter(|(_, task)| task.is_open() && !task.accepted);
        let resends = unseen.map(|(id, task)| Resend {
            task: id,
            shot: task.shot.clone(),
            variant: task.variant,
            takes: task.takes,
            price: task.weight().reserved,
        });
        resends.collect()
    }
}

fn task(purchase: &Purchase, wanted: &Wanted) -> SavedTask {
    let extension = wanted.request.format.word();
    let files = purchase.takes.iter();
    let files = files.map(|take| format!("images/{}", wanted.name.path(take, extension)));
    SavedTask {
        shot: purchase.shot.clone(),
        sequence: purchase.sequence.as_deref().map(str::to_owned),
        variant: purchase.variant,
        values: wanted.values.clone(),
        takes: purchase.takes,
        key: purchase.key,
        parts: wanted.parts.clone(),
        attempt: purchase.attempt,
        reason: purchase.reason.word().to_owned(),
        price: purchase.price,
        over: purchase
            .over
            .as_ref()
            .map(|over| over.cap.word().to_owned()),
        files: files.collect(),
    }
}

//! How a saved plan is spelled: JSON, two spaces of indent, keys in a fixed order; see `docs/plan.md`.

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::digest::{Hasher, Sha256};
use crate::domain::id::{Attempt, Key, ShotId, ShowId, TakeNo, Takes, TaskId, Variant};
use crate::domain::money::Micros;
use crate::expand::wanted::KeyParts;
use crate::plan::saved::{FORMAT, Flags, Resend, SavedPlan, SavedPrice, SavedTask};

/// What stands first in every saved plan, so that no other file is taken for one.
const KIND: &str = "reshoot-plan";

/// The most takes of one task: the API's `numberResults`, per the model's page.
const MOST_TAKES: usize = 20;

/// Why a file is no plan that can be obeyed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPlan {
    /// It is something else, or only a part.
    #[error("it is no plan as `reshoot plan -o` saves it ({0})")]
    Other(String),
    /// A newer version wrote it.
    #[error("a newer reshoot saved it, in format {0}; this one reads format {FORMAT}")]
    Newer(u32),
    /// Its digest is not that of its content.
    #[error("it was changed after it was saved: it says plan {said}, and its content is plan {is}")]
    Changed {
        /// The number that it says.
        said: String,
        /// The number of what it holds.
        is: String,
    },
    /// Its totals are not the sums of its tasks.
    #[error("it was changed after it was saved: its totals are not the sums of its tasks")]
    Sums,
}

/// Gives the digest of a plan, which covers all of it but the time.
#[must_use]
pub fn digest(plan: &SavedPlan) -> Sha256 {
    struct Hashing(Hasher);
    impl io::Write for Hashing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut hashing = Hashing(Hasher::default());
    // Texts and numbers can always be spelled, and hashing does not fail.
    let _written = serde_json::to_writer(&mut hashing, &PlanJson::of(plan, None));
    hashing.0.finish()
}

/// Spells a plan with its digest, and a newline.
#[must_use]
pub fn spell(plan: &SavedPlan) -> String {
    let signed = (digest(plan), plan.saved_at);
    let mut bytes = Vec::new();
    // Texts and numbers can always be spelled, and writing to memory does not fail.
    let _written = serde_json::to_writer_pretty(&mut bytes, &PlanJson::of(plan, Some(signed)));
    bytes.push(b'\n');
    String::from_utf8(bytes).unwrap_or_default()
}

/// Tells whether a file is a plan that some version saved, so that another may take its place.
#[must_use]
pub fn is_one(bytes: &[u8]) -> bool {
    head(bytes).is_ok()
}

/// Reads a plan and its digest.
///
/// # Errors
/// Says why it cannot be obeyed.
pub fn read(bytes: &[u8]) -> Result<(SavedPlan, Sha256), NotAPlan> {
    let format = head(bytes)?;
    if format > FORMAT {
        return Err(NotAPlan::Newer(format));
    }
    let other = |error: serde_json::Error| NotAPlan::Other(error.to_string());
    let json: PlanJson = serde_json::from_slice(bytes).map_err(other)?;
    let said = json.plan.as_deref().and_then(Sha256::parse);
    let totals = json.totals;
    let plan = json.into_plan().ok_or_else(|| {
        NotAPlan::Other("a digest, an id, a time or a list of takes is none".to_owned())
    })?;
    if TotalsJson::of(&plan) != totals {
        return Err(NotAPlan::Sums);
    }
    let is = digest(&plan);
    if said == Some(is) {
        return Ok((plan, is));
    }
    let number = |plan| crate::ledger::money::plan_number(plan);
    Err(NotAPlan::Changed {
        said: said.map_or_else(|| "(none)".to_owned(), number),
        is: number(is),
    })
}

/// Gives the format of what says that it is a saved plan.
fn head(bytes: &[u8]) -> Result<u32, NotAPlan> {
    #[derive(Deserialize)]
    struct Head {
        kind: String,
        format: u32,
    }
    match serde_json::from_slice::<Head>(bytes) {
        Ok(head) if head.kind == KIND => Ok(head.format),
        Ok(_) => Err(NotAPlan::Other(format!("its `kind` is not `{KIND}`"))),
        Err(error) => Err(NotAPlan::Other(error.to_string())),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanJson {
    kind: String,
    format: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    saved_at: Option<String>,
    tool: String,
    show: Option<String>,
    manifest: String,
    output: String,
    flags: FlagsJson,
    totals: TotalsJson,
    caps_usd_micros: BTreeMap<String, u64>,
    prices: Vec<PriceJson>,
    texts: Vec<FileJson>,
    references: Vec<FileJson>,
    tasks: Vec<TaskJson>,
    resends: Vec<ResendJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FlagsJson {
    shot: Vec<String>,
    sequence: Vec<String>,
    character: Vec<String>,
    preset: Vec<String>,
    limit: Option<u32>,
    set: Vec<String>,
    encoding: Option<String>,
    max_cost_usd_micros: Option<u64>,
    skip_invalid: bool,
    rebuy_missing: bool,
    retry_refused: bool,
}

#[derive(Clone, Copy, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct TotalsJson {
    takes: u64,
    tasks: u64,
    usd_micros: u64,
    resends_usd_micros: u64,
    most_usd_micros: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceJson {
    model: String,
    size: String,
    image_usd_micros: u64,
    basis: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileJson {
    path: String,
    sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskJson {
    shot: String,
    sequence: Option<String>,
    variant: u32,
    values: Vec<(String, String)>,
    takes: Vec<u32>,
    key: String,
    parts: PartsJson,
    attempt: u32,
    reason: String,
    usd_micros: u64,
    over_budget: Option<String>,
    files: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartsJson {
    prompt: String,
    references: String,
    settings: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResendJson {
    task: String,
    shot: String,
    variant: u32,
    takes: Vec<u32>,
    usd_micros: u64,
}

impl PlanJson {
    /// Takes a plan, with its digest and time or, for the digest, without.
    fn of(plan: &SavedPlan, signed: Option<(Sha256, Timestamp)>) -> Self {
        Self {
            kind: KIND.to_owned(),
            format: FORMAT,
            plan: signed.map(|(plan, _)| plan.to_string()),
            saved_at: signed.map(|(_, at)| at.to_string()),
            tool: plan.tool.clone(),
            show: plan.show.as_ref().map(ToString::to_string),
            manifest: plan.manifest.clone(),
            output: plan.output.clone(),
            flags: FlagsJson::of(&plan.flags),
            totals: TotalsJson::of(plan),
            caps_usd_micros: amounts(&plan.caps),
            prices: plan.prices.iter().map(PriceJson::of).collect(),
            texts: files(&plan.texts),
            references: files(&plan.references),
            tasks: plan.tasks.iter().map(TaskJson::of).collect(),
            resends: plan.resends.iter().map(ResendJson::of).collect(),
        }
    }

    /// Gives the plan; nothing where a value is not what it has to be.
    fn into_plan(self) -> Option<SavedPlan> {
        let caps = self.caps_usd_micros.into_iter();
        Some(SavedPlan {
            saved_at: self.saved_at?.parse().ok()?,
            tool: self.tool,
            show: self.show.as_deref().map(ShowId::new),
            manifest: self.manifest,
            output: self.output,
            flags: self.flags.into_flags(),
            texts: digests(self.texts)?,
            references: digests(self.references)?,
            prices: self.prices.into_iter().map(PriceJson::into_price).collect(),
            caps: caps.map(|(name, cap)| (name, Micros::new(cap))).collect(),
            tasks: all(self.tasks, TaskJson::into_task)?,
            resends: all(self.resends, ResendJson::into_resend)?,
        })
    }
}

fn all<T, U>(list: Vec<T>, read: impl Fn(T) -> Option<U>) -> Option<Vec<U>> {
    list.into_iter().map(read).collect()
}

fn amounts(caps: &BTreeMap<String, Micros>) -> BTreeMap<String, u64> {
    let caps = caps.iter();
    caps.map(|(name, cap)| (name.clone(), cap.get())).collect()
}

fn files(digests: &BTreeMap<String, Sha256>) -> Vec<FileJson> {
    let file = |(path, sha256): (&String, &Sha256)| FileJson {
        path: path.clone(),
        sha256: sha256.to_string(),
    };
    digests.iter().map(file).collect()
}

fn digests(files: Vec<FileJson>) -> Option<BTreeMap<String, Sha256>> {
    let read = |file: FileJson| Some((file.path, Sha256::parse(&file.sha256)?));
    files.into_iter().map(read).collect()
}

fn numbers(takes: Takes) -> Vec<u32> {
    takes.iter().map(|take| take.0).collect()
}

/// Reads consecutive take numbers.
fn takes(numbers: &[u32]) -> Option<Takes> {
    let first = *numbers.first().filter(|first| **first > 0)?;
    let consecutive = (first..=u32::MAX)
        .zip(numbers)
        .all(|(one, two)| one == *two);
    let fits = consecutive && numbers.len() <= MOST_TAKES;
    let count = u32::try_from(numbers.len()).ok()?;
    first.checked_add(count)?;
    let first = TakeNo(first);
    fits.then_some(Takes { first, count })
}

impl FlagsJson {
    fn of(flags: &Flags) -> Self {
        Self {
            shot: flags.shot.clone(),
            sequence: flags.sequence.clone(),
            character: flags.character.clone(),
            preset: flags.preset.clone(),
            limit: flags.limit,
            set: flags.set.clone(),
            encoding: flags.encoding.clone(),
            max_cost_usd_micros: flags.max_cost.map(Micros::get),
            skip_invalid: flags.skip_invalid,
            rebuy_missing: flags.rebuy_missing,
            retry_refused: flags.retry_refused,
        }
    }

    fn into_flags(self) -> Flags {
        Flags {
            shot: self.shot,
            sequence: self.sequence,
            character: self.character,
            preset: self.preset,
            limit: self.limit,
            set: self.set,
            encoding: self.encoding,
            max_cost: self.max_cost_usd_micros.map(Micros::new),
            skip_invalid: self.skip_invalid,
            rebuy_missing: self.rebuy_missing,
            retry_refused: self.retry_refused,
        }
    }
}

impl TotalsJson {
    fn of(plan: &SavedPlan) -> Self {
        let total = plan.total();
        Self {
            takes: total.takes,
            tasks: total.tasks,
            usd_micros: total.price.get(),
            resends_usd_micros: plan.resent().get(),
            most_usd_micros: plan.most().get(),
        }
    }
}

impl PriceJson {
    fn of(price: &SavedPrice) -> Self {
        Self {
            model: price.model.clone(),
            size: price.size.clone(),
            image_usd_micros: price.amount.get(),
            basis: price.basis.clone(),
        }
    }

    fn into_price(self) -> SavedPrice {
        SavedPrice {
            model: self.model,
            size: self.size,
            amount: Micros::new(self.image_usd_micros),
            basis: self.basis,
        }
    }
}

impl TaskJson {
    fn of(task: &SavedTask) -> Self {
        Self {
            shot: task.shot.to_string(),
            sequence: task.sequence.clone(),
            variant: task.variant.0,
            values: task.values.clone(),
            takes: numbers(task.takes),
            key: task.key.to_string(),
            parts: PartsJson {
                prompt: task.parts.prompt.clone(),
                references: task.parts.references.clone(),
                settings: task.parts.settings.clone(),
            },
            attempt: task.attempt.0,
            reason: task.reason.clone(),
            usd_micros: task.price.get(),
            over_budget: task.over.clone(),
            files: task.files.clone(),
        }
    }

    fn into_task(self) -> Option<SavedTask> {
        Some(SavedTask {
            shot: ShotId::new(&self.shot),
            sequence: self.sequence,
            variant: Variant(self.variant),
            values: self.values,
            takes: takes(&self.takes)?,
            key: Key(Sha256::parse(&self.key)?),
            parts: KeyParts {
                prompt: self.parts.prompt,
                references: self.parts.references,
                settings: self.parts.settings,
            },
            attempt: Attempt(self.attempt),
            reason: self.reason,
            price: Micros::new(self.usd_micros),
            over: self.over_budget,
            files: self.files,
        })
    }
}

impl ResendJson {
    fn of(resend: &Resend) -> Self {
        Self {
            task: resend.task.to_string(),
            shot: resend.shot.to_string(),
            variant: resend.variant.0,
            takes: numbers(resend.takes),
            usd_micros: resend.price.get(),
        }
    }

    fn into_resend(self) -> Option<Resend> {
        Some(Resend {
            task: TaskId::parse(&self.task)?,
            shot: ShotId::new(&self.shot),
            variant: Variant(self.variant),
            takes: takes(&self.takes)?,
            price: Micros::new(self.usd_micros),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const DOCUMENT: &str = include_str!("../../../docs/plan.md");

    fn example() -> &'static str {
        let after = DOCUMENT.split("```json\n").nth(1).expect("an example");
        after.split("```").next().expect("its end")
    }

    #[test]
    fn the_documents_example_is_a_plan_of_this_format() {
        let (plan, digest) = read(example().as_bytes()).expect("a plan");
        assert_eq!(spell(&plan), example());
        let number = crate::ledger::money::plan_number(digest);
        assert!(
            DOCUMENT.contains(&format!("Its number is {number}.")),
            "{number}"
        );
    }

    #[test]
    fn the_document_names_every_field() {
        let mut values = vec![serde_json::from_str::<Value>(example()).expect("JSON")];
        while let Some(value) = values.pop() {
            match value {
                Value::Array(list) => values.extend(list),
                Value::Object(fields) => {
                    for (name, value) in fields {
                        assert!(DOCUMENT.contains(&format!("`{name}`")), "{name}");
                        values.push(value);
                    }
                }
                _ => {}
            }
        }
    }
}

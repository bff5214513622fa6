//! How a plan is spelled.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::ledger::money::plan_number;
use crate::plan::build::{Entry, Purchase, Refetch, Unsettled};
use crate::plan::reason::Kept;
use crate::report::cap_lines::{self, CapLine};
use crate::report::json::skipped::SkippedJson;
use crate::report::json::{AccountJson, CapsJson, Each, FORMAT, OverCapJson, text};
use crate::report::lines::Line;
use crate::report::outlook::{Becomes, Cast, Stale, to_refresh};
use crate::report::plan_table::{Signature, Sum, Totals, Unasked, View};
use crate::report::skipped::Skipped;
use crate::report::status::run_account;

/// Spells a plan as one JSON object, and a newline; `saved` says where and as what it was saved.
#[must_use]
pub fn spell(view: &View<'_>, saved: Option<&Signature>) -> String {
    let plan = view.plan;
    let totals = Totals::of(plan);
    let unasked = Unasked::of(view);
    let caps = cap_lines::of(view);
    let (references, uploaded) = view.outlook.references();
    let kept = Kept::ALL.map(|kept| (kept.word(), plan.kept(kept)));
    text(&PlanJson {
        format: FORMAT,
        totals: TotalsJson {
            buy: totals.all.into(),
            reasons: totals
                .buys
                .iter()
                .map(|(reason, sum)| (reason.word(), (*sum).into()))
                .collect(),
            over_budget: totals
                .over
                .iter()
                .map(|(cap, sum)| (cap.word(), (*sum).into()))
                .collect(),
            not_bought: kept.into_iter().filter(|(_, takes)| *takes > 0).collect(),
        },
        caps_usd_micros: view.caps.into(),
        run: run_account(view.ledger).into(),
        show: view.ledger.accounts.show.into(),
        prices: prices(view),
        caps: caps.lines.iter().map(CapLineJson::of).collect(),
        caps_not_listed: caps.more.clone(),
        sequences: view.outlook.lines.iter().map(LineJson::of).collect(),
        reuse: ReuseJson {
            takes: plan.kept(Kept::Have),
            references,
            references_uploaded: uploaded,
        },
        impact: ImpactJson {
            stale: StaleJson::of(&view.outlook.stale),
            characters: view.outlook.casts.iter().map(CastJson::of).collect(),
        },
        saved: saved.map(SavedJson::of),
        shots: Each(&plan.entries, EntryJson::of),
        tasks: Each(&plan.purchases, PurchaseJson::of),
        settle: Each(&plan.settle, SettleJson::of),
        refetch: Each(&plan.refetch, RefetchJson::of),
        changed_files: &plan.changed_files,
        unasked: unasked.iter().map(UnaskedJson::of).collect(),
        skipped: Each(view.skipped, SkippedJson::of),
    })
}

#[derive(Serialize)]
struct PlanJson<'a> {
    format: u32,
    totals: TotalsJson,
    caps_usd_micros: CapsJson,
    run: AccountJson,
    show: AccountJson,
    prices: Vec<PriceJson<'a>>,
    caps: Vec<CapLineJson<'a>>,
    /// How many sequences and shots there are beside those with least left; `-v` lists all.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    caps_not_listed: BTreeMap<&'static str, usize>,
    sequences: Vec<LineJson<'a>>,
    reuse: ReuseJson,
    impact: ImpactJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    saved: Option<SavedJson<'a>>,
    shots: Each<'a, Entry, EntryJson<'a>>,
    tasks: Each<'a, Purchase, PurchaseJson<'a>>,
    settle: Each<'a, Unsettled, SettleJson>,
    refetch: Each<'a, Refetch, RefetchJson>,
    changed_files: &'a [String],
    unasked: Vec<UnaskedJson<'a>>,
    skipped: Each<'a, Skipped, SkippedJson<'a>>,
}

/// A cap, and what the plan leaves of it.
#[derive(Serialize)]
struct CapLineJson<'a> {
    cap: &'static str,
    of: Option<&'a str>,
    limit_usd_micros: u64,
    spent_usd_micros: u64,
    reserved_usd_micros: u64,
    plan_usd_micros: u64,
    left_usd_micros: u64,
}

impl<'a> CapLineJson<'a> {
    fn of(line: &'a CapLine) -> Self {
        Self {
            cap: line.cap,
            of: line.of.as_deref(),
            limit_usd_micros: line.limit.get(),
            spent_usd_micros: line.account.spent.get(),
            reserved_usd_micros: line.account.reserved.get(),
            plan_usd_micros: line.planned.get(),
            left_usd_micros: line.left().get(),
        }
    }
}

/// What a sequence comes to.
#[derive(Serialize)]
struct LineJson<'a> {
    sequence: Option<&'a str>,
    shots: u64,
    variants: u64,
    wanted: u64,
    have: u64,
    buy: SumJson,
    over_budget: SumJson,
    reasons: BTreeMap<&'static str, u64>,
    basis: Vec<&'static str>,
}

impl<'a> LineJson<'a> {
    fn of((sequence, line): (Option<&'a str>, &Line)) -> Self {
        Self {
            sequence,
            shots: line.shots,
            variants: line.variants,
            wanted: line.wanted,
            have: line.have,
            buy: line.buy.into(),
            over_budget: line.over.into(),
            reasons: line
                .reasons
                .iter()
                .map(|(reason, takes)| (reason.word(), *takes))
                .collect(),
            basis: line.bases.iter().map(|basis| basis.word()).collect(),
        }
    }
}

/// What is used that was paid for or sent before.
#[derive(Serialize)]
struct ReuseJson {
    takes: u64,
    references: u64,
    references_uploaded: u64,
}

/// What is kept though stale, and what becomes of the shots of characters.
#[derive(Serialize)]
struct ImpactJson<'a> {
    stale: StaleJson<'a>,
    characters: Vec<CastJson<'a>>,
}

/// Approved shots that are kept though stale.
#[derive(Serialize)]
struct StaleJson<'a> {
    shots: Vec<&'a str>,
    nothing_bought_yet: Vec<&'a str>,
    takes: u64,
    refresh_usd_micros: u64,
}

impl<'a> StaleJson<'a> {
    fn of(stale: &'a [Stale]) -> Self {
        let (takes, price) = to_refresh(stale);
        let names = |of: fn(&Stale) -> bool| {
            let named = stale.iter().filter(|stale| of(stale));
            let mut shots: Vec<_> = named.map(|stale| stale.shot.as_str()).collect();
            shots.dedup();
            shots
        };
        Self {
            shots: names(|_| true),
            nothing_bought_yet: names(|stale| stale.is_unbought),
            takes,
            refresh_usd_micros: price.get(),
        }
    }
}

/// What becomes of the shots of a character.
#[derive(Serialize)]
struct CastJson<'a> {
    character: &'a str,
    title: &'a str,
    at: Option<&'a str>,
    shots: u64,
    sequences: u64,
    takes: u64,
    becomes: BTreeMap<&'static str, u64>,
    stale: StaleJson<'a>,
}

impl<'a> CastJson<'a> {
    fn of(cast: &'a Cast) -> Self {
        let becomes = Becomes::ALL.map(|becomes| (becomes.word(), cast.count_of(becomes)));
        Self {
            character: &cast.name,
            title: &cast.title,
            at: cast.at.as_deref(),
            shots: cast.shots(),
            sequences: cast.sequences(),
            takes: cast.takes,
            becomes: becomes.into_iter().filter(|(_, n)| *n > 0).collect(),
            stale: StaleJson::of(&cast.stale),
        }
    }
}

/// Where a plan was saved, and as what.
#[derive(Serialize)]
struct SavedJson<'a> {
    file: &'a str,
    plan: String,
    number: String,
    most_usd_micros: u64,
}

impl<'a> SavedJson<'a> {
    fn of(signature: &'a Signature) -> Self {
        Self {
            file: &signature.file,
            plan: signature.plan.to_string(),
            number: plan_number(signature.plan),
            most_usd_micros: signature.most.get(),
        }
    }
}

#[derive(Serialize)]
struct TotalsJson {
    buy: SumJson,
    reasons: BTreeMap<&'static str, SumJson>,
    over_budget: BTreeMap<&'static str, SumJson>,
    not_bought: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct SumJson {
    takes: u64,
    tasks: u64,
    usd_micros: u64,
}

impl From<Sum> for SumJson {
    fn from(sum: Sum) -> Self {
        Self {
            takes: sum.takes,
            tasks: sum.tasks,
            usd_micros: sum.price.get(),
        }
    }
}

#[derive(Serialize)]
struct PriceJson<'a> {
    model: &'a str,
    size: &'a str,
    image_usd_micros: u64,
    basis: &'static str,
}

fn prices<'a>(view: &View<'a>) -> Vec<PriceJson<'a>> {
    let prices = view.outlook.prices.iter();
    prices
        .map(|(model, size, price)| PriceJson {
            model,
            size,
            image_usd_micros: price.amount.get(),
            basis: price.basis.word(),
        })
        .collect()
}

#[derive(Serialize)]
struct EntryJson<'a> {
    shot: &'a str,
    sequence: Option<&'a str>,
    variant: u32,
    wanted: u32,
    buy: BTreeMap<&'static str, u32>,
    not_bought: BTreeMap<&'static str, u32>,
    usd_micros: u64,
    files: Each<'a, String, String>,
}

impl<'a> EntryJson<'a> {
    fn of(entry: &'a Entry) -> Self {
        Self {
            shot: entry.shot.as_str(),
            sequence: entry.sequence.as_deref(),
            variant: entry.variant.0,
            wanted: entry.wanted,
            buy: entry
                .buys
                .iter()
                .map(|(reason, takes)| (reason.word(), *takes))
                .collect(),
            not_bought: entry
                .keeps
                .iter()
                .map(|(kept, takes)| (kept.word(), *takes))
                .collect(),
            usd_micros: entry.price.get(),
            files: Each(&entry.files, |file| format!("images/{file}")),
        }
    }
}

#[derive(Serialize)]
struct PurchaseJson<'a> {
    task: String,
    shot: &'a str,
    variant: u32,
    takes: Vec<u32>,
    key: String,
    attempt: u32,
    reason: &'static str,
    usd_micros: u64,
    over_budget: Option<OverCapJson>,
}

impl<'a> PurchaseJson<'a> {
    fn of(purchase: &'a Purchase) -> Self {
        Self {
            task: purchase.task.to_string(),
            shot: purchase.shot.as_str(),
            variant: purchase.variant.0,
            takes: purchase.takes.iter().map(|take| take.0).collect(),
            key: purchase.key.to_string(),
            attempt: purchase.attempt.0,
            reason: purchase.reason.word(),
            usd_micros: purchase.price.get(),
            over_budget: purchase.over.as_deref().map(OverCapJson::from),
        }
    }
}

#[derive(Serialize)]
struct SettleJson {
    task: String,
    still_wanted: bool,
}

impl SettleJson {
    fn of(unsettled: &Unsettled) -> Self {
        Self {
            task: unsettled.task.to_string(),
            still_wanted: unsettled.wanted_by.is_some(),
        }
    }
}

#[derive(Serialize)]
struct RefetchJson {
    task: String,
    index: u32,
}

impl RefetchJson {
    fn of(refetch: &Refetch) -> Self {
        Self {
            task: refetch.task.to_string(),
            index: refetch.index,
        }
    }
}

/// Takes that may have been paid for and that the manifest asks for no more.
#[derive(Serialize)]
struct UnaskedJson<'a> {
    task: String,
    shot: &'a str,
    variant: u32,
    takes: Vec<u32>,
    reserved_usd_micros: u64,
}

impl<'a> UnaskedJson<'a> {
    fn of(unasked: &Unasked<'a>) -> Self {
        Self {
            task: unasked.id.to_string(),
            shot: unasked.task.shot.as_str(),
            variant: unasked.task.variant.0,
            takes: unasked.takes.iter().map(|take| take.0).collect(),
            reserved_usd_micros: unasked.reserved.get(),
        }
    }
}

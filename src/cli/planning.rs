//! From a show and its ledger to a plan.

use std::collections::BTreeMap;

use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::show::{Checked, Files, Show, Stopped, selection};
use crate::cli::streams::Streams;
use crate::cli::unselected;
use crate::domain::diagnostic::Placed;
use crate::domain::id::ShowId;
use crate::domain::money::Micros;
use crate::expand::numbers::Numbers;
use crate::expand::wanted::Wanted;
use crate::ledger::fold::Ledger;
use crate::ledger::money::Caps;
use crate::ledger::task::OnDisk;
use crate::plan::build::{Builder, Entry, Plan, Purchase, Terms};
use crate::plan::numbers;

/// The caps in force, and each by the name of where it was set.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    /// The caps.
    pub caps: Caps,
    /// By name, for the run log: `max-cost`, `run`, `show`, `sequence`, `shot`.
    pub named: BTreeMap<String, Micros>,
}

impl Budget {
    /// Names every cap that is set, for the line before a run.
    #[must_use]
    pub fn words(&self) -> String {
        let Caps {
            run,
            show,
            sequence,
            shot,
            plan,
        } = self.caps;
        let caps = [
            (run, "on this run"),
            (show, "on the show"),
            (sequence, "on each sequence"),
            (shot, "on each shot"),
        ];
        let set = caps
            .iter()
            .filter_map(|(cap, on)| cap.map(|cap| format!("{cap} {on}")));
        let signed =
            plan.map(|signed| format!("{} signed as plan {}", signed.most, signed.short()));
        let set = set.chain(signed);
        match set.collect::<Vec<_>>().as_slice() {
            [] => "no cap".to_owned(),
            [one] => format!("cap {one}"),
            all => format!("caps {}", all.join(", ")),
        }
    }
}

/// Gathers the caps: the manifest's `[budget]` and `--max-cost`, the lower one of a run.
///
/// # Errors
/// Ends with [`Exit::Usage`] when `--max-cost` is no amount of money.
pub fn budget(show: &Show, flags: &args::Buying, streams: &Streams) -> Result<Budget, Stopped> {
    let written = &show.manifest.budget;
    let amount = |cap: &Option<Placed<Micros>>| cap.as_ref().map(|cap| cap.value);
    let max_cost = match flags.max_cost.as_deref().map(Micros::parse) {
        None => None,
        Some(Ok(amount)) => Some(amount),
        Some(Err(why)) => {
            streams.insist(&format!(
                "error: --max-cost: {why}; write it like --max-cost 25.00\n"
            ));
            return Err(Exit::Usage);
        }
    };
    let run = [amount(&written.run), max_cost].into_iter().flatten().min();
    let caps = Caps {
        run,
        show: amount(&written.show),
        sequence: amount(&written.sequence),
        shot: amount(&written.shot),
        plan: None,
    };
    let named = [
        ("max-cost", max_cost),
        ("run", amount(&written.run)),
        ("show", caps.show),
        ("sequence", caps.sequence),
        ("shot", caps.shot),
    ];
    let named = named
        .into_iter()
        .filter_map(|(name, cap)| Some((name.to_owned(), cap?)));
    Ok(Budget {
        caps,
        named: named.collect(),
    })
}

/// What a command wants planned.
pub struct Wish<'a> {
    /// The show.
    pub show: &'a Show,
    /// The selection flags.
    pub chosen: &'a args::Selection,
    /// The flags that change what is bought.
    pub flags: &'a args::Buying,
    /// How many shots and variants the plan lists one by one.
    pub listed: usize,
}

/// What becomes of a shot and variant, with what is bought of it.
pub type Becomes<'a> = (&'a Entry, &'a [Purchase]);

/// Checks the show and builds its plan.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn plan(
    wish: &Wish<'_>,
    ledger: &Ledger,
    id: &ShowId,
    budget: &Budget,
    streams: &Streams,
) -> Result<(Plan, Checked), Stopped> {
    plan_with(wish, ledger, id, budget, streams, |_, _| {})
}

/// Gathers the numbers that variants had, of every shot that has variants now or had them before.
#[must_use]
pub fn numbers(show: &Show, ledger: &Ledger) -> Numbers {
    numbers::known(ledger, show.manifest.shots.varied())
}

/// Checks the show and builds its plan, and passes on what it is built of and what becomes of it.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn plan_with(
    wish: &Wish<'_>,
    ledger: &Ledger,
    id: &ShowId,
    budget: &Budget,
    streams: &Streams,
    each: impl FnMut(&Wanted, Becomes<'_>),
) -> Result<(Plan, Checked), Stopped> {
    let (plan, checked, any) = build(wish, ledger, id, budget, streams, each)?;
    if !any {
        return Err(unselected::refuse(wish.show, wish.chosen, streams));
    }
    Ok((plan, checked))
}

/// Does the same, and tells whether any shot was selected instead of ending where none is.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn build(
    wish: &Wish<'_>,
    ledger: &Ledger,
    id: &ShowId,
    budget: &Budget,
    streams: &Streams,
    mut each: impl FnMut(&Wanted, Becomes<'_>),
) -> Result<(Plan, Checked, bool), Stopped> {
    wish.show.expansion.remember(|| numbers(wish.show, ledger));
    let selection = selection(wish.chosen, streams)?;
    let files = Files::open(&wish.show.output, streams)?;
    let state = |on_disk: &OnDisk| files.state(on_disk);
    let terms = Terms {
        show: id,
        selection: &selection,
        decisions: &wish.show.decisions,
        caps: budget.caps,
        rebuy_missing: wish.flags.rebuy.is_some(),
        retry_refused: wish.flags.retry_refused,
        file_state: &state,
    };
    let mut builder = Builder::new(ledger, terms).listing(wish.listed);
    let mut any = selection.is_everything();
    let checked = wish
        .show
        .check(wish.flags.skip_invalid, streams, |index, wanted| {
            any = any || selection.has(wanted);
            builder.add(index, wanted);
            if let Some(becomes) = builder.latest() {
                each(wanted, becomes);
            }
        })?;
    Ok((builder.finish(), checked, any))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cap_that_is_set_is_named() {
        let words = |caps| {
            let named = BTreeMap::new();
            Budget { caps, named }.words()
        };
        let cents = |cents: u64| Some(Micros::new(cents * 10_000));
        assert_eq!(words(Caps::default()), "no cap");
        let show = Caps {
            show: cents(90_000),
            ..Caps::default()
        };
        assert_eq!(words(show), "cap $900.00 on the show");
        let all = Caps {
            run: cents(2500),
            sequence: cents(12_000),
            shot: cents(120),
            ..show
        };
        assert_eq!(
            words(all),
            "caps $25.00 on this run, $900.00 on the show, $120.00 on each sequence, $1.20 on \
             each shot"
        );
    }
}

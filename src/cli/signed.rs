//! Obeying a signed plan: its flags instead of others, and nothing bought that is not in it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::args;
use crate::cli::commands::print;
use crate::cli::exit::Exit;
use crate::cli::planning::{self, Budget, Wish};
use crate::cli::show::{Checked, Show, Stopped};
use crate::cli::signing;
use crate::cli::streams::Streams;
use crate::domain::digest::Sha256;
use crate::domain::id::ShowId;
use crate::domain::money::Micros;
use crate::ledger::fold::Ledger;
use crate::ledger::money::{CapKind, OverCap, PlanCap};
use crate::plan::build::{Plan, Purchase};
use crate::plan::foresight::Foresight;
use crate::plan::moved::{self, Now};
use crate::plan::saved::json::{self, NotAPlan};
use crate::plan::saved::{Flags, SavedPlan};
use crate::report::escape::shown;
use crate::report::json as spelled;
use crate::report::moved::{self as told, View};
use crate::report::prices::Prices;
use crate::runner::outcome::{Outcome, RunEnd};

/// The manifest that is meant where none is named.
const NOT_NAMED: &str = "show.toml";

/// A plan that was signed.
pub struct Signed {
    plan: SavedPlan,
    digest: Sha256,
}

/// What is left to do of a signed plan.
pub struct Left {
    /// What is bought: nothing that is not signed.
    pub plan: Plan,
    /// What the check of the show left standing.
    pub checked: Checked,
    /// What would be bought, and is not signed for.
    pub left_out: Vec<Purchase>,
}

/// Reads the plan that a run is to obey, if any, and gives the run's arguments with its flags.
///
/// # Errors
/// Ends with an exit code after saying which flag does not go along with a plan, or why the file
/// is none that can be obeyed.
pub fn take_up(
    args: &args::Run,
    streams: &Streams,
) -> Result<(args::Run, Option<Signed>), Stopped> {
    let Some(file) = &args.plan else {
        return Ok((args.clone(), None));
    };
    if let Some(flag) = contradicting(args) {
        streams.insist(&format!(
            "error: {flag} does not go along with --plan: what is bought stands in the signed plan; \
             leave it out, or plan and sign anew\n"
        ));
        return Err(Exit::Usage);
    }
    let signed = read(file, streams)?;
    let mut args = args.clone();
    let flags = &signed.plan.flags;
    args.buying.max_cost = max_cost(&args, flags, streams)?;
    signed.give_flags(&mut args);
    Ok((args, Some(signed)))
}

/// Names a flag that says what is bought: the plan says that.
fn contradicting(args: &args::Run) -> Option<&'static str> {
    let args::Run {
        manifest,
        selection,
        buying,
        ..
    } = args;
    let given = [
        ("--shot", !selection.shot.is_empty()),
        ("--sequence", !selection.sequence.is_empty()),
        ("--character", !selection.character.is_empty()),
        ("--preset", !selection.preset.is_empty()),
        ("--limit", selection.limit.is_some()),
        ("--set", !manifest.set.is_empty()),
        ("--encoding", manifest.encoding.is_some()),
        ("--skip-invalid", buying.skip_invalid),
        ("--retry-refused", buying.retry_refused),
        ("--rebuy", buying.rebuy.is_some()),
    ];
    let mut given = given.into_iter().filter(|(_, is_given)| *is_given);
    given.next().map(|(flag, _)| flag)
}

/// Gives the lower one of what the plan and the command line allow.
fn max_cost(args: &args::Run, flags: &Flags, streams: &Streams) -> Result<Option<String>, Stopped> {
    let Some(given) = &args.buying.max_cost else {
        return Ok(flags.max_cost.map(|cap| cap.to_string()));
    };
    match (Micros::parse(given), flags.max_cost) {
        (Ok(given), Some(signed)) if given > signed => {
            streams.insist(&format!(
                "error: --max-cost {given}: the plan was signed with {signed}, which can only be \
                 lowered; plan and sign anew to spend more\n"
            ));
            Err(Exit::Usage)
        }
        // What is no amount is told where caps are gathered.
        _ => Ok(Some(given.clone())),
    }
}

fn read(file: &Path, streams: &Streams) -> Result<Signed, Stopped> {
    let shown = file.display();
    let refuse = |why: &dyn std::fmt::Display, exit| {
        streams.insist(&format!("error: {shown}: {why}\n"));
        exit
    };
    let is_file = fs::metadata(file).map(|metadata| metadata.is_file());
    match is_file {
        Ok(true) => {}
        Ok(false) => return Err(refuse(&"it is no file", Exit::Usage)),
        Err(error) => return Err(refuse(&error, Exit::Usage)),
    }
    let bytes = fs::read(file).map_err(|error| refuse(&error, Exit::Usage))?;
    match json::read(&bytes) {
        Ok((plan, digest)) => Ok(Signed { plan, digest }),
        Err(why @ (NotAPlan::Other(_) | NotAPlan::Newer(_))) => Err(refuse(&why, Exit::Usage)),
        Err(why @ (NotAPlan::Changed { .. } | NotAPlan::Sums)) => {
            let why = format!(
                "{why}; take the file that was signed, or plan and sign anew\n\nNothing was sent, \
                 nothing was spent."
            );
            Err(refuse(&why, Exit::Invalid))
        }
    }
}

impl Signed {
    fn give_flags(&self, args: &mut args::Run) {
        let flags = &self.plan.flags;
        args.selection = args::Selection {
            shot: flags.shot.clone(),
            sequence: flags.sequence.clone(),
            character: flags.character.clone(),
            preset: flags.preset.clone(),
            limit: flags.limit,
        };
        args.manifest.set.clone_from(&flags.set);
        args.manifest.encoding.clone_from(&flags.encoding);
        if args.manifest.manifest == Path::new(NOT_NAMED) {
            args.manifest.manifest = PathBuf::from(&self.plan.manifest);
        }
        args.buying.skip_invalid = flags.skip_invalid;
        args.buying.retry_refused = flags.retry_refused;
        args.buying.rebuy = flags.rebuy_missing.then_some(args::Rebuy::Missing);
    }

    /// Adds what was signed to the caps of a run.
    fn cap(&self, budget: &mut Budget) {
        let most = self.plan.most();
        budget.caps.plan = Some(PlanCap {
            plan: self.digest,
            most,
        });
        budget.named.insert("plan".to_owned(), most);
    }

    /// Refuses another output folder where nothing would tell what was spent there already: the
    /// account of a plan is in the run log, and only a show with an id finds its purchases without.
    fn must_be_here(&self, show: &Show, manifest: &Path, streams: &Streams) -> Result<(), Stopped> {
        let signed = Path::new(&self.plan.output);
        let named_alike = beside(signed, Path::new(&self.plan.manifest));
        let is_same = *signed == *show.output || named_alike == beside(&show.output, manifest);
        if is_same || show.rehearsal || show.manifest.show.id.is_some() {
            return Ok(());
        }
        let (before, now) = (shown(&self.plan.output), show.output.to_string_lossy());
        streams.insist(&format!(
            "error: the plan was made with the run log of {before}, and this is {}: a show without \
             `id` in `[show]` cannot tell there what was bought under the plan already; name the \
             same folder, or plan and sign anew\n\nNothing was sent, nothing was spent.\n",
            shown(&now)
        ));
        Err(Exit::Invalid)
    }

    /// Makes the plan anew and compares: gives what is left of it to do.
    fn left(&self, case: &Case<'_>, ledger: &Ledger, streams: &Streams) -> Result<Left, Stopped> {
        let Case {
            show,
            args,
            id,
            budget,
            ..
        } = *case;
        self.must_be_here(show, &args.manifest.manifest, streams)?;
        let mut chosen = args.selection.clone();
        // What was bought since counts no more: the limit is that of what is signed.
        chosen.limit = None;
        let mut flags = args.buying.clone();
        flags.max_cost = self.plan.flags.max_cost.map(|cap| cap.to_string());
        let wish = Wish {
            show,
            chosen: &chosen,
            flags: &flags,
            listed: usize::MAX,
        };
        let as_signed = planning::budget(show, &flags, streams)?;
        let mut prices = Prices::default();
        let (mut plan, checked, _any) =
            planning::build(&wish, ledger, id, &as_signed, streams, |wanted, _| {
                let _known = prices.add(ledger, wanted);
            })?;
        let prices = prices.iter();
        let prices =
            prices.map(|(model, size, price)| ((model.to_owned(), size.to_owned()), price.amount));
        let parts = |purchase: &Purchase| {
            let wanted = show.expansion.one(purchase.shot_index, purchase.variant);
            wanted.ok().flatten().map(|wanted| wanted.parts)
        };
        let comparison = moved::compare(
            &self.plan,
            &Now {
                show: show.manifest.show.id.as_ref().map(|id| &id.value),
                texts: &signing::texts(show, &args.manifest.manifest),
                references: &signing::references(show),
                prices: &prices.collect(),
                caps: &signing::caps(&as_signed),
                ledger,
                parts: &parts,
            },
            &mut plan,
        );
        let view = View {
            signed: &self.plan,
            plan: self.digest,
            comparison: &comparison,
            output: &show.output.to_string_lossy(),
            full: streams.verbose > 0,
        };
        if !comparison.moves.is_empty() {
            if streams.json {
                print(streams, &spelled::moved::spell(&view))?;
            }
            streams.insist(&told::refusal(&view, streams.style_err()));
            return Err(Exit::Invalid);
        }
        streams.say(&told::notes(&view));
        Foresight::new(ledger, budget.caps).again(&mut plan.purchases);
        Ok(Left {
            plan,
            checked,
            left_out: comparison.left_out,
        })
    }
}

/// Gives a folder as it is named from the folder of a manifest.
fn beside<'p>(folder: &'p Path, manifest: &Path) -> &'p Path {
    let parent = manifest.parent().unwrap_or(Path::new(""));
    folder.strip_prefix(parent).unwrap_or(folder)
}

/// Gathers the caps of a run: those of the show, `--max-cost` and what was signed.
///
/// # Errors
/// Ends with [`Exit::Usage`] when `--max-cost` is no amount of money.
pub fn budget(
    signed: Option<&Signed>,
    show: &Show,
    args: &args::Run,
    streams: &Streams,
) -> Result<Budget, Stopped> {
    let mut budget = planning::budget(show, &args.buying, streams)?;
    if let Some(signed) = signed {
        signed.cap(&mut budget);
    }
    Ok(budget)
}

/// A run that is about to begin, under a signed plan or without.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// The plan it obeys.
    pub signed: Option<&'a Signed>,
    /// The show.
    pub show: &'static Show,
    /// Its arguments, with the plan's flags.
    pub args: &'a args::Run,
    /// The show's id.
    pub id: &'a ShowId,
    /// The caps, with that of the plan.
    pub budget: &'a Budget,
}

impl Case<'_> {
    /// Plans what is to be done.
    ///
    /// # Errors
    /// Ends with an exit code after saying what is wrong; with [`Exit::Invalid`] after everything
    /// that moved since the plan was signed.
    pub fn left(&self, ledger: &Ledger, streams: &Streams) -> Result<Left, Stopped> {
        if let Some(signed) = self.signed {
            return signed.left(self, ledger, streams);
        }
        let wish = Wish {
            show: self.show,
            chosen: &self.args.selection,
            flags: &self.args.buying,
            listed: 0,
        };
        let (plan, checked) = planning::plan(&wish, ledger, self.id, self.budget, streams)?;
        Ok(Left {
            plan,
            checked,
            left_out: Vec::new(),
        })
    }
}

/// Gives the cap that keeps out what is not signed.
fn not_signed(purchase: &Purchase, budget: &Budget, ledger: &Ledger) -> Option<OverCap> {
    let signed = budget.caps.plan?;
    let account = ledger.accounts.under_plan(signed.plan);
    Some(OverCap {
        cap: CapKind::Plan,
        limit: signed.most,
        spent: account.spent,
        reserved: account.reserved,
        price: purchase.price,
    })
}

/// Gives the end of a run that found nothing to do: what was left out is still to be bought.
#[must_use]
pub fn end(done: Exit, left_out: &[Purchase]) -> Exit {
    if done == Exit::Done && !left_out.is_empty() {
        Exit::Capped
    } else {
        done
    }
}

/// Adds what was left out to what came of a run: it did not go through the whole show.
pub fn add_left_out(left_out: &[Purchase], budget: &Budget, outcome: &mut Outcome) {
    for purchase in left_out {
        outcome.not_begun += u64::from(purchase.takes.count);
        let over = not_signed(purchase, budget, &outcome.ledger);
        outcome.capped.extend(over);
    }
    if outcome.end == RunEnd::Done
        && let Some(over) = outcome.capped.first()
    {
        outcome.end = RunEnd::Cap(over.clone());
    }
}

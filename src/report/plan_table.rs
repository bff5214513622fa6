//! The plan as a table that a producer can sign: what is bought, why, and what it costs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::domain::digest::Sha256;
use crate::domain::id::{Takes, TaskId};
use crate::domain::money::Micros;
use crate::ledger::fold::Ledger;
use crate::ledger::money::{CapKind, Caps, plan_number};
use crate::ledger::task::Task;
use crate::plan::build::{Entry, Plan, Purchase};
use crate::plan::reason::{Kept, Reason};
use crate::report::cap_lines;
use crate::report::escape::shown;
use crate::report::impact;
use crate::report::lines::{self, Line};
use crate::report::outlook::Outlook;
use crate::report::phrase::{some_of, takes_of};
use crate::report::prices::{Basis, Prices};
use crate::report::skipped::{self, Skipped};
use crate::report::standing::lacking;
use crate::report::status::bought_takes;
use crate::report::style::{Paint, Style, count};
use crate::report::table::{Side, Table};

/// How many shots and variants are listed one by one before they are grouped.
pub const ROWS: usize = 60;

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// What the run log says.
    pub ledger: &'a Ledger,
    /// The caps in force.
    pub caps: &'a Caps,
    /// Each cap by the name of where it was set: `max-cost`, `run`, `show`, `sequence`, `shot`.
    pub named: &'a BTreeMap<String, Micros>,
    /// What it is made with beside its tasks.
    pub outlook: &'a Outlook,
    /// Whether every shot is listed, however many there are.
    pub full: bool,
    /// The shots that are left out because they are not sound.
    pub skipped: &'a [Skipped],
}

/// Where a plan was saved, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The file.
    pub file: String,
    /// The digest.
    pub plan: Sha256,
    /// The most that may be spent under it.
    pub most: Micros,
}

/// Tells where a plan was saved, and the number to sign.
#[must_use]
pub fn saved(signature: &Signature, style: Style) -> String {
    let head = style.paint(
        Paint::Heading,
        &format!("plan {}", plan_number(signature.plan)),
    );
    let (file, most) = (shown(&signature.file), signature.most);
    format!(
        "{head}: saved in {file}, {most} at the most; `reshoot run --plan {file}` buys this and \
         nothing else\n"
    )
}

/// Purchases of one reason, or over one cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many takes.
    pub takes: u64,
    /// In how many tasks.
    pub tasks: u64,
    /// What they cost at the most.
    pub price: Micros,
}

impl Sum {
    /// Adds a purchase.
    pub fn add(&mut self, purchase: &Purchase) {
        self.takes += u64::from(purchase.takes.count);
        self.tasks += 1;
        self.price = self.price.plus(purchase.price);
    }

    /// Adds another sum.
    pub fn plus(&mut self, other: Self) {
        self.takes += other.takes;
        self.tasks += other.tasks;
        self.price = self.price.plus(other.price);
    }
}

/// Purchases summed up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// What is bought, by reason.
    pub buys: BTreeMap<Reason, Sum>,
    /// All of that.
    pub all: Sum,
    /// What would pass a cap and is left out.
    pub over: BTreeMap<CapKind, Sum>,
}

impl Totals {
    /// Sums up.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut totals = Self::default();
        for purchase in &plan.purchases {
            if let Some(over) = &purchase.over {
                totals.over.entry(over.cap).or_default().add(purchase);
            } else {
                totals
                    .buys
                    .entry(purchase.reason)
                    .or_default()
                    .add(purchase);
                totals.all.add(purchase);
            }
        }
        totals
    }
}

/// Tells the plan.
#[must_use]
pub fn text(view: &View<'_>, style: Style) -> String {
    let mut out = String::new();
    if view.full || view.plan.count() <= ROWS {
        shots(view).draw(style, &mut out);
        out.push('\n');
    }
    sequences(view).draw(style, &mut out);
    if !view.full && view.plan.count() > ROWS {
        out.push_str("(-v lists every shot)\n");
    }
    out.push('\n');
    skipped::tell(view.skipped, view.full, style, &mut out);
    if !view.skipped.is_empty() {
        out.push('\n');
    }
    let totals = Totals::of(view.plan);
    tell_buys(view, &totals, style, &mut out);
    tell_keeps(view.plan, style, &mut out);
    impact::tell_stale(&view.outlook.stale, view.full, style, &mut out);
    tell_reuse(view, &mut out);
    tell_settling(view, &mut out);
    tell_unasked(view, style, &mut out);
    tell_prices(&view.outlook.prices, &mut out);
    tell_caps(view, style, &mut out);
    impact::tell_casts(&view.outlook.casts, view.full, style, &mut out);
    out
}

const fn left(head: &'static str) -> (&'static str, Side) {
    (head, Side::Left)
}

const fn right(head: &'static str) -> (&'static str, Side) {
    (head, Side::Right)
}

/// Draws a row for each shot and variant.
fn shots(view: &View<'_>) -> Table {
    let mut table = Table::new(vec![
        left("Shot"),
        left("Variant"),
        right("Want"),
        right("Have"),
        right("Buy"),
        right("Over cap"),
        left("Why"),
        right("Price"),
        left("Basis"),
        left("First file"),
    ]);
    let lines = || lines::by_shot(view.plan, &view.outlook.bases);
    let with_basis = differ(lines().map(|(_, line)| line));
    for (entry, line) in lines() {
        let variant = match entry.variant.0 {
            0 => String::new(),
            _ => entry.variant.to_string(),
        };
        table.add(vec![
            entry.shot.to_string(),
            variant,
            line.wanted.to_string(),
            line.have.to_string(),
            line.buy.takes.to_string(),
            some(line.over.takes),
            why(entry, &line),
            money(line.buy.price),
            if with_basis {
                line.basis()
            } else {
                String::new()
            },
            first_file(entry),
        ]);
    }
    table
}

/// Tells whether prices rest on different things, so that each line says on what.
fn differ(lines: impl Iterator<Item = Line>) -> bool {
    let bases: BTreeSet<Basis> = lines.flat_map(|line| line.bases).collect();
    bases.len() > 1
}

fn some(number: u64) -> String {
    if number == 0 {
        String::new()
    } else {
        number.to_string()
    }
}

/// Gives the first file that is bought, as it will stand below the output folder.
fn first_file(entry: &Entry) -> String {
    let first = entry.files.first();
    first
        .map(|file| format!("images/{file}"))
        .unwrap_or_default()
}

/// Spells the reasons of a shot; counts only where there is more than one.
fn why(entry: &Entry, line: &Line) -> String {
    let buys = line.reasons.iter();
    let buys = buys.map(|(reason, n)| (reason.word(), *n));
    let over = (line.over.takes > 0).then_some(("over-budget", line.over.takes));
    let keeps = entry.keeps.iter();
    let keeps = keeps.map(|(kept, n)| (kept.word(), u64::from(*n)));
    let reasons: Vec<_> = buys.chain(over).chain(keeps).collect();
    match reasons.as_slice() {
        [(word, _)] => (*word).to_owned(),
        many => {
            let spelled = many.iter().map(|(word, n)| format!("{n} {word}"));
            spelled.collect::<Vec<_>>().join(", ")
        }
    }
}

fn money(amount: Micros) -> String {
    if amount.is_zero() {
        "-".to_owned()
    } else {
        amount.to_string()
    }
}

/// Draws a row for each sequence, in the order of their first shots, and one for all of them.
fn sequences(view: &View<'_>) -> Table {
    let lines = &view.outlook.lines;
    let mut table = Table::new(vec![
        left("Sequence"),
        right("Shots"),
        right("Variants"),
        right("Want"),
        right("Have"),
        right("Buy"),
        right("Over cap"),
        right("Price"),
        left("Basis"),
        left("Why"),
    ]);
    let with_basis = differ(lines.iter().map(|(_, line)| line.clone()));
    let mut add = |name: &str, line: &Line| {
        let reasons = line.reasons.iter();
        let reasons = reasons.map(|(reason, takes)| format!("{takes} {}", reason.word()));
        table.add(vec![
            name.to_owned(),
            line.shots.to_string(),
            line.variants.to_string(),
            line.wanted.to_string(),
            line.have.to_string(),
            line.buy.takes.to_string(),
            some(line.over.takes),
            money(line.buy.price),
            if with_basis {
                line.basis()
            } else {
                String::new()
            },
            reasons.collect::<Vec<_>>().join(", "),
        ]);
    };
    for (name, line) in lines.iter() {
        add(name.unwrap_or("(no sequence)"), line);
    }
    if lines.iter().count() != 1 {
        add("Total", &lines::total(lines.iter().map(|(_, line)| line)));
    }
    table
}

fn tell_buys(view: &View<'_>, totals: &Totals, style: Style, out: &mut String) {
    let head = style.paint(Paint::Heading, "To buy");
    if bought_takes(view.plan) == 0 {
        let _written = writeln!(out, "{head}: nothing");
        return;
    }
    let Sum {
        takes,
        tasks,
        price,
    } = totals.all;
    let _written = writeln!(
        out,
        "{head}: {} in {} for {price} at the most",
        count(takes, "take"),
        count(tasks, "task")
    );
    for reason in Reason::ALL {
        if let Some(sum) = totals.buys.get(&reason) {
            let takes = count(sum.takes, "take");
            let _written = writeln!(out, "  {:18} {takes:>11}  {}", reason.word(), sum.price);
        }
    }
    let head = style.paint(Paint::Doubtful, "over-budget");
    for (cap, sum) in &totals.over {
        let (cap, takes) = (cap.word(), count(sum.takes, "take"));
        let price = sum.price;
        let _written = writeln!(out, "{head}: {takes} for {price} would pass the {cap} cap");
    }
}

fn tell_keeps(plan: &Plan, style: Style, out: &mut String) {
    let kept = Kept::ALL.map(|kept| (kept, plan.kept(kept)));
    let kept: Vec<_> = kept.into_iter().filter(|(_, takes)| *takes > 0).collect();
    if kept.is_empty() {
        return;
    }
    let head = style.paint(Paint::Heading, "Not bought");
    let _written = writeln!(out, "{head}:");
    for (kept, takes) in kept {
        let takes = count(takes, "take");
        let _written = writeln!(out, "  {:18} {takes:>11}  {}", kept.word(), meaning(kept));
    }
}

/// Says what a reason for not buying means.
const fn meaning(kept: Kept) -> &'static str {
    match kept {
        Kept::Have => "on disk",
        Kept::Open => "under way, or paid for and to be fetched: the run settles them first",
        Kept::Unsure => "may have been paid for; `--rebuy missing` or a retake buys them anew",
        Kept::Lost => "paid for and gone; `--rebuy missing` buys them anew",
        Kept::MissingFile => "bought, but the file is gone or changed",
        Kept::RefusedBefore => "the same request was refused; `--retry-refused` sends it again",
        Kept::ApprovedButStale => {
            "approved, so nothing more is bought, though these lack of the shot as written"
        }
        Kept::Held => "on hold or waiting for approval",
        Kept::Omitted => "omitted",
        Kept::NotSelected => "left out by the selection",
    }
}

/// Tells what is used that was paid for or sent before.
fn tell_reuse(view: &View<'_>, out: &mut String) {
    let have = view.plan.kept(Kept::Have);
    let (references, uploaded) = view.outlook.references();
    let mut parts = Vec::new();
    if have > 0 {
        parts.push(format!("{} on disk", count(have, "take")));
    }
    if references > 0 {
        let all = count(references, "reference");
        parts.push(format!("{uploaded} of {all} at the provider already"));
    }
    if !parts.is_empty() {
        let _written = writeln!(out, "Reused: {}", parts.join("; "));
    }
}

/// Gives what may still go for tasks of earlier runs that have to be sent again.
#[must_use]
pub fn resends(plan: &Plan, ledger: &Ledger) -> Micros {
    let wanted = plan.settle.iter().filter(|left| left.wanted_by.is_some());
    let tasks = wanted.filter_map(|left| ledger.task(left.task));
    let unseen = tasks.filter(|task| task.is_open() && !task.accepted);
    unseen.map(|task| task.weight().reserved).sum()
}

fn tell_settling(view: &View<'_>, out: &mut String) {
    let plan = view.plan;
    if !plan.settle.is_empty() {
        let tasks = count(plan.settle.len() as u64, "task");
        let resends = resends(plan, view.ledger);
        let again = if resends.is_zero() {
            String::new()
        } else {
            format!("; those the provider does not know are sent again, for {resends} at the most")
        };
        let _written = writeln!(
            out,
            "Settled first, free of charge: {tasks} of earlier runs{again}"
        );
    }
    if !plan.refetch.is_empty() {
        let files = count(plan.refetch.len() as u64, "file");
        let _written = writeln!(out, "Fetched again, free of charge: {files} missing here");
    }
    if !plan.changed_files.is_empty() {
        let files = count(plan.changed_files.len() as u64, "file");
        let _written = writeln!(
            out,
            "Left alone: {files} with another size than the run log says:"
        );
        for path in plan.changed_files.iter().take(10) {
            let _written = writeln!(out, "  {}", shown(path));
        }
    }
}

/// Takes that may have been paid for and that the manifest asks for no more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unasked<'a> {
    /// Their task.
    pub(super) id: TaskId,
    /// What is known of it.
    pub(super) task: &'a Task,
    /// The takes.
    pub(super) takes: Takes,
    /// What stays reserved for them.
    pub(super) reserved: Micros,
}

impl<'a> Unasked<'a> {
    /// Finds them in a plan.
    pub(super) fn of(view: &View<'a>) -> Vec<Self> {
        let known = view.plan.unasked().filter_map(|id| {
            let task = view.ledger.task(id)?;
            let reserved = task.weight().reserved;
            (!reserved.is_zero()).then(|| Self {
                id,
                task,
                takes: lacking(task),
                reserved,
            })
        });
        let mut all: Vec<_> = known.collect();
        let place = |one: &Self| (one.task.variant, one.takes.first, one.id);
        all.sort_by(|a, b| {
            let shots = a.task.shot.cmp(&b.task.shot);
            shots.then_with(|| place(a).cmp(&place(b)))
        });
        all
    }
}

fn tell_unasked(view: &View<'_>, style: Style, out: &mut String) {
    let all = Unasked::of(view);
    if all.is_empty() {
        return;
    }
    let head = style.paint(Paint::Doubtful, "Not asked for any more");
    let takes = count(
        all.iter()
            .map(|one| u64::from(one.takes.count))
            .sum::<u64>(),
        "take",
    );
    let reserved: Micros = all.iter().map(|one| one.reserved).sum();
    let names = all.iter().map(|one| {
        let takes = one.takes;
        takes_of(&one.task.shot, one.task.variant, takes.first, takes.count)
    });
    let names = some_of(&names.collect::<Vec<_>>());
    let _written = writeln!(
        out,
        "{head}: {takes} that may have been paid for; {reserved} stays reserved until the \
         provider tells\n  {names}"
    );
}

fn tell_prices(prices: &Prices, out: &mut String) {
    let mut sizes: BTreeMap<(&str, Micros, Basis), Vec<String>> = BTreeMap::new();
    for (_, size, price) in prices.iter() {
        let key = (price.model, price.amount, price.basis);
        // A tier alone stands for the ratio of a reference, which gives no size before the picture.
        let size = if size.contains('x') {
            size.to_owned()
        } else {
            format!("{size} in the ratio of a reference")
        };
        sizes.entry(key).or_default().push(size);
    }
    for ((model, amount, basis), sizes) in sizes {
        let sizes = sizes.join(", ");
        let basis = basis.word();
        let _written = writeln!(
            out,
            "Price: {amount} an image of {model} at {sizes} ({basis})"
        );
    }
}

/// Tells what the plan leaves of every cap.
fn tell_caps(view: &View<'_>, style: Style, out: &mut String) {
    let caps = cap_lines::of(view);
    let mut table = Table::new(vec![
        left("Cap"),
        right("Amount"),
        right("Spent"),
        right("Reserved"),
        right("This plan"),
        right("Left after"),
    ]);
    for line in &caps.lines {
        let of = line.of.as_ref();
        let name = of.map_or_else(|| line.cap.to_owned(), |of| format!("{} {of}", line.cap));
        let (spent, reserved) = (line.account.spent, line.account.reserved);
        let amounts = [line.limit, spent, reserved, line.planned, line.left()];
        let cells = amounts.map(|amount| amount.to_string());
        table.add([name].into_iter().chain(cells).collect());
    }
    if !caps.lines.is_empty() {
        table.draw(style, out);
    }
    for (kind, more) in caps.more {
        let more = count(more as u64, kind);
        let _written = writeln!(out, "(and {more} with as much left or more; -v lists all)");
    }
    if view.caps.run.is_none() && view.caps.show.is_none() {
        out.push_str("No cap on the run or the show (`--max-cost`, [budget])\n");
    }
}

//! The plan as a table that a producer can sign: what is bought, why, and what it costs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::domain::id::{ShotId, Takes, TaskId};
use crate::domain::money::Micros;
use crate::ledger::fold::Ledger;
use crate::ledger::money::{Account, CapKind, Caps};
use crate::ledger::task::Task;
use crate::plan::build::{Entry, Plan, Purchase};
use crate::plan::reason::{Kept, Reason};
use crate::report::escape::shown;
use crate::report::phrase::{some_of, takes_of};
use crate::report::prices::{Basis, Prices};
use crate::report::standing::lacking;
use crate::report::status::{bought_takes, kept_takes, run_account};
use crate::report::style::{Paint, Style, count};
use crate::report::table::{Side, Table};

/// How many shots and variants are listed one by one before they are grouped.
const ROWS: usize = 60;

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// What the run log says.
    pub ledger: &'a Ledger,
    /// The caps in force.
    pub caps: &'a Caps,
    /// What images are reckoned at.
    pub prices: &'a Prices,
    /// Whether every shot is listed, however many there are.
    pub full: bool,
    /// The shots that are left out because they are not sound.
    pub skipped: &'a [Skipped],
}

/// A shot that is left out because it is not sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its id, where that could be read.
    pub shot: Option<ShotId>,
    /// Where the reason stands, for people.
    pub at: Option<String>,
    /// The file of that.
    pub file: Option<String>,
    /// The line of that, from 1.
    pub line: Option<usize>,
    /// The kind of the reason.
    pub code: &'static str,
    /// The reason, in one line.
    pub message: String,
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
    if view.full || view.plan.entries.len() <= ROWS {
        shots(&view.plan.entries).draw(style, &mut out);
    } else {
        sequences(&view.plan.entries).draw(style, &mut out);
        out.push_str(
            "(a row for each sequence, since there are many shots; -v lists every shot)\n",
        );
    }
    out.push('\n');
    tell_skipped(view, style, &mut out);
    let totals = Totals::of(view.plan);
    tell_buys(view, &totals, style, &mut out);
    tell_keeps(view.plan, style, &mut out);
    tell_settling(view.plan, &mut out);
    tell_unasked(view, style, &mut out);
    tell_prices(view.prices, &mut out);
    tell_caps(view, &totals, style, &mut out);
    out
}

const fn left(head: &'static str) -> (&'static str, Side) {
    (head, Side::Left)
}

const fn right(head: &'static str) -> (&'static str, Side) {
    (head, Side::Right)
}

/// Lists the shots that are left out because they are not sound, with place and reason.
fn tell_skipped(view: &View<'_>, style: Style, out: &mut String) {
    if view.skipped.is_empty() {
        return;
    }
    let all = view.skipped.len();
    let listed = if view.full { all } else { all.min(ROWS) };
    let head = style.paint(Paint::Doubtful, "Left out as not sound");
    let _written = writeln!(out, "{head}: {}", count(all as u64, "shot"));
    for skipped in &view.skipped[..listed] {
        let shot = skipped.shot.as_ref().map_or("(no id)", ShotId::as_str);
        let at = skipped.at.as_deref().unwrap_or("(no place)");
        let (shot, at, why) = (shown(shot), shown(at), shown(&skipped.message));
        let _written = writeln!(out, "  {shot}  {at}: {why}");
    }
    if all > listed {
        let _written = writeln!(out, "  and {} more; -v lists them all", all - listed);
    }
    out.push('\n');
}

/// Draws a row for each shot and variant.
fn shots(entries: &[Entry]) -> Table {
    let mut table = Table::new(vec![
        left("Shot"),
        left("Variant"),
        right("Want"),
        right("Have"),
        right("Buy"),
        left("Why"),
        right("Price"),
        left("First file"),
    ]);
    for entry in entries {
        let have = entry.keeps.get(&Kept::Have).copied().unwrap_or_default();
        let buy: u32 = entry.buys.values().sum();
        let variant = match entry.variant.0 {
            0 => String::new(),
            _ => entry.variant.to_string(),
        };
        table.add(vec![
            entry.shot.to_string(),
            variant,
            entry.wanted.to_string(),
            have.to_string(),
            buy.to_string(),
            why(entry),
            money(entry.price),
            first_file(entry),
        ]);
    }
    table
}

/// Gives the first file that is bought, as it will stand below the output folder.
fn first_file(entry: &Entry) -> String {
    let first = entry.files.first();
    first
        .map(|file| format!("images/{file}"))
        .unwrap_or_default()
}

/// Spells the reasons of a shot; counts only where there is more than one.
fn why(entry: &Entry) -> String {
    let buys = entry.buys.iter().map(|(reason, n)| (reason.word(), *n));
    let keeps = entry.keeps.iter().map(|(kept, n)| (kept.word(), *n));
    let reasons: Vec<_> = buys.chain(keeps).collect();
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

/// What a sequence comes to.
#[derive(Default)]
struct Group {
    shots: u64,
    wanted: u64,
    have: u64,
    buys: BTreeMap<&'static str, u64>,
    price: Micros,
}

/// Draws a row for each sequence, in the order of their first shots.
fn sequences(entries: &[Entry]) -> Table {
    let mut order: Vec<&str> = Vec::new();
    let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
    for entry in entries {
        let name = entry.sequence.as_deref().unwrap_or("(no sequence)");
        let group = groups.entry(name).or_insert_with(|| {
            order.push(name);
            Group::default()
        });
        group.add(entry);
    }
    let mut table = Table::new(vec![
        left("Sequence"),
        right("Shots"),
        right("Want"),
        right("Have"),
        right("Buy"),
        right("Price"),
        left("Why"),
    ]);
    for name in order {
        if let Some(group) = groups.get(name) {
            table.add(group.row(name));
        }
    }
    table
}

impl Group {
    fn add(&mut self, entry: &Entry) {
        self.shots += 1;
        self.wanted += u64::from(entry.wanted);
        self.have += u64::from(entry.keeps.get(&Kept::Have).copied().unwrap_or_default());
        self.price = self.price.plus(entry.price);
        for (reason, takes) in &entry.buys {
            *self.buys.entry(reason.word()).or_default() += u64::from(*takes);
        }
    }

    fn row(&self, name: &str) -> Vec<String> {
        let reasons = self
            .buys
            .iter()
            .map(|(word, takes)| format!("{takes} {word}"));
        vec![
            name.to_owned(),
            self.shots.to_string(),
            self.wanted.to_string(),
            self.have.to_string(),
            self.buys.values().sum::<u64>().to_string(),
            money(self.price),
            reasons.collect::<Vec<_>>().join(", "),
        ]
    }
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
    let kept = Kept::ALL.map(|kept| (kept, kept_takes(plan, kept)));
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
        Kept::ApprovedButStale => "approved, though the shot was changed since; left as it is",
        Kept::Held => "on hold or waiting for approval",
        Kept::Omitted => "omitted",
        Kept::NotSelected => "left out by the selection",
    }
}

fn tell_settling(plan: &Plan, out: &mut String) {
    if !plan.settle.is_empty() {
        let tasks = count(plan.settle.len() as u64, "task");
        let _written = writeln!(
            out,
            "Settled first, free of charge: {tasks} of earlier runs"
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

fn tell_caps(view: &View<'_>, totals: &Totals, style: Style, out: &mut String) {
    let accounts = &view.ledger.accounts;
    let heads = vec![
        left("Cap"),
        right("Amount"),
        right("Spent"),
        right("Reserved"),
        right("This plan"),
        right("Left after"),
    ];
    let mut table = Table::new(heads);
    let mut add = |name: &str, cap: Option<Micros>, account: Account| {
        if let Some(cap) = cap {
            let after = cap.minus(account.counted().plus(totals.all.price));
            let amounts = [
                cap,
                account.spent,
                account.reserved,
                totals.all.price,
                after,
            ];
            let cells = amounts.map(|amount| amount.to_string());
            table.add([name.to_owned()].into_iter().chain(cells).collect());
        }
    };
    add(CapKind::Run.word(), view.caps.run, run_account(view.ledger));
    add(CapKind::Show.word(), view.caps.show, accounts.show);
    if view.caps.run.is_some() || view.caps.show.is_some() {
        table.draw(style, out);
    } else {
        out.push_str("No cap on the run or the show (`--max-cost`, [budget])\n");
    }
    for (kind, cap) in [
        (CapKind::Sequence, view.caps.sequence),
        (CapKind::Shot, view.caps.shot),
    ] {
        if let Some(cap) = cap {
            let _written = writeln!(out, "Each {} has a cap of {cap}", kind.word());
        }
    }
}

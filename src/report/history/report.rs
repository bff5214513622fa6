//! The report: a view over a history that every format spells in its own way.

use std::collections::BTreeMap;

use crate::domain::class::Trouble;
use crate::domain::id::{ShotId, ShowId, TakeNo, TaskId, Variant};
use crate::domain::money::Micros;
use crate::ledger::bills::Absent;
use crate::ledger::decision::{Decisions, Made, TakeAt};
use crate::ledger::fold::{Ledger, Run};
use crate::ledger::money::Account;
use crate::ledger::record::Saved;
use crate::ledger::task::{End, Fate, Image, Task};
use crate::report::history::History;
use crate::report::history::bill::Bill;
use crate::report::history::trail::{ImageTrail, Trail};
use crate::report::standing::{is_superseded, lacking, order, problem};
use crate::runner::event::{Problem, ProblemKind};

/// Everything that happened.
///
/// Takes, problems, money and bill depend on what was bought alone, the bill also on which files
/// are there; how it came about (runs, times, resends) stands in [`Report::runs`] and in each
/// take's trail.
#[derive(Debug)]
pub struct Report<'a> {
    /// The show.
    pub show: Option<&'a ShowId>,
    /// Every take that has an image or was tried last under its number; by shot, variant, take.
    ///
    /// An attempt that a later one took over is told among the problems, not here.
    pub takes: Vec<Take<'a>>,
    /// Everything that ended without an image, made good or not; the gravest kind first.
    pub problems: Vec<Told>,
    /// Money.
    pub money: Money<'a>,
    /// What a bookkeeper should look at.
    pub bill: Bill,
    /// How each task came about, in no order.
    pub trails: Vec<&'a Trail>,
    /// The runs, in order.
    pub runs: &'a [Run],
    /// What the manifest says of each shot beside its picture: its note and columns that mean
    /// nothing here. Not from the log; none until the caller, who has the manifest, puts it in.
    pub kept: BTreeMap<&'a str, &'a [(String, String)]>,
    /// What people decided. Not from the log either; none until the caller puts it in.
    pub decisions: Option<&'a Decisions>,
}

/// One take.
#[derive(Clone, Copy, Debug)]
pub struct Take<'a> {
    /// Its number.
    pub number: TakeNo,
    /// The task that bought it.
    pub task: TaskId,
    /// What the ledger knows of that task.
    pub known: &'a Task,
    /// What its records say.
    pub trail: &'a Trail,
    /// Its image, once it was made.
    pub image: Option<&'a Image>,
    /// What that image's records say.
    pub image_trail: Option<&'a ImageTrail>,
}

/// How far a take has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It may have been sent.
    Intended,
    /// The provider has it.
    Accepted,
    /// Made and paid for, not on disk.
    Produced,
    /// On disk.
    Saved,
    /// Refused, unpaid.
    Refused,
    /// Ended without an image.
    Failed,
    /// Nobody can tell whether it was bought.
    Unsure,
    /// Paid for and not to be had any more.
    Lost,
}

impl State {
    /// Gives the word for people and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Accepted => "accepted",
            Self::Produced => "produced",
            Self::Saved => "saved",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unsure => "unsure",
            Self::Lost => "lost",
        }
    }
}

/// A problem, and whether it still stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What it is.
    pub problem: Problem,
    /// Whether nothing that came later took its takes over.
    pub stands: bool,
}

/// Money, under every heading.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Money<'a> {
    /// The whole show.
    pub show: Account,
    /// What of the money spent was assumed, because the provider told no price.
    pub assumed: Micros,
    /// Each sequence.
    pub sequences: BTreeMap<&'a str, Account>,
    /// Each shot.
    pub shots: BTreeMap<&'a ShotId, Account>,
    /// Each preset.
    pub presets: BTreeMap<&'a str, Account>,
}

impl<'a> Report<'a> {
    pub(super) fn of(history: &'a History, absent: &Absent) -> Self {
        let ledger = history.ledger();
        let mut takes = Vec::new();
        let mut problems = Vec::new();
        for (id, known) in ledger.tasks() {
            let Some(trail) = history.trails().get(id) else {
                continue;
            };
            let stands = !is_superseded(ledger, id, known);
            let told = |problem| Told { problem, stands };
            problems.extend(problem(id, known).map(told));
            for image in &known.images {
                let take = made(ledger, id, known, trail, image);
                problems.extend(lost(&take));
                takes.push(take);
            }
            if stands {
                takes.extend(lacking(known).iter().map(|number| Take {
                    number,
                    task: id,
                    known,
                    trail,
                    image: None,
                    image_trail: None,
                }));
            }
        }
        takes.sort_by(|a, b| a.place().cmp(&b.place()));
        problems.sort_by(|a, b| order(&a.problem, &b.problem));
        Self {
            show: ledger.show.as_ref(),
            bill: Bill::of(&takes, &problems, absent),
            money: Money::of(history),
            takes,
            problems,
            trails: history.trails().iter().map(|(_, trail)| trail).collect(),
            runs: &ledger.runs,
            kept: BTreeMap::new(),
            decisions: None,
        }
    }
}

impl<'a> Report<'a> {
    /// Gives the last decision that says something of a take, and whether it is the chosen one.
    #[must_use]
    pub fn decision(&self, take: &Take<'_>) -> (Option<&'a Made>, bool) {
        let Some(decisions) = self.decisions else {
            return (None, false);
        };
        let (shot, at) = (&take.known.shot, take.at());
        let index = take.index();
        let made = decisions.on_take(shot, at, take.task, index);
        let chosen = decisions.chosen(shot, at.variant);
        // Of several attempts under a number only one has the picture that was chosen.
        let is_chosen = chosen.is_some_and(|(number, _)| number == at.take);
        (made, is_chosen && take.image.is_some())
    }
}

fn made<'a>(
    ledger: &Ledger,
    id: TaskId,
    known: &'a Task,
    trail: &'a Trail,
    image: &'a Image,
) -> Take<'a> {
    Take {
        number: ledger.take_of(id, image.index).unwrap_or(known.takes.first),
        task: id,
        known,
        trail,
        image: Some(image),
        image_trail: trail.image(image.index),
    }
}

fn lost(take: &Take<'_>) -> Option<Told> {
    let Some(Image {
        fate: Fate::Lost(trouble),
        cost,
        ..
    }) = take.image
    else {
        return None;
    };
    let problem = Problem {
        kind: ProblemKind::Lost,
        task: take.task,
        shot: take.known.shot.clone(),
        variant: take.known.variant,
        take: take.number,
        takes: 1,
        trouble: trouble.clone(),
        at_stake: *cost,
    };
    Some(Told {
        problem,
        stands: true,
    })
}

impl<'a> Take<'a> {
    /// Gives what takes are sorted by.
    fn place(&self) -> (&'a ShotId, Variant, TakeNo, TaskId) {
        (&self.known.shot, self.known.variant, self.number, self.task)
    }

    /// Gives its variant and number.
    fn at(&self) -> TakeAt {
        TakeAt {
            variant: self.known.variant,
            take: self.number,
        }
    }

    /// Gives which image of its task it is, or would be.
    fn index(&self) -> u32 {
        let missing = self.number.0.saturating_sub(self.known.takes.first.0);
        self.image.map_or(missing, |image| image.index)
    }

    /// Gives how far it has come.
    #[must_use]
    pub fn state(&self) -> State {
        match (self.image.map(|image| &image.fate), &self.known.end) {
            (Some(Fate::Saved(_)), _) => State::Saved,
            (Some(Fate::Produced(_)), _) => State::Produced,
            (Some(Fate::Lost(_)), _) => State::Lost,
            (None, Some(End::Refused(_))) => State::Refused,
            (None, Some(End::Failed(..))) => State::Failed,
            (None, Some(End::Unsure(_))) => State::Unsure,
            (None, None) if self.known.is_in_doubt() => State::Unsure,
            (None, None) if self.known.accepted => State::Accepted,
            (None, None) => State::Intended,
        }
    }

    /// Gives why there is no image of it.
    #[must_use]
    pub fn trouble(&self) -> Option<&'a Trouble> {
        match self.image.map(|image| &image.fate) {
            Some(Fate::Lost(trouble)) => Some(trouble),
            Some(_) => None,
            None => self.known.end.as_ref().map(End::trouble),
        }
    }

    /// Gives the file, as it was last saved.
    #[must_use]
    pub fn file(&self) -> Option<&'a Saved> {
        self.image_trail?.saved.as_ref()
    }

    /// Gives what it is booked at.
    #[must_use]
    pub fn spent(&self) -> Micros {
        self.image.map(|image| image.cost).unwrap_or_default()
    }

    /// Gives what may still be billed for it.
    #[must_use]
    pub fn reserved(&self) -> Micros {
        if self.image.is_none() && !self.known.weight().reserved.is_zero() {
            self.known.price
        } else {
            Micros::ZERO
        }
    }
}

impl<'a> Money<'a> {
    fn of(history: &'a History) -> Self {
        let ledger = history.ledger();
        let mut money = Self {
            show: ledger.accounts.show,
            ..Self::default()
        };
        let sequences = &ledger.accounts.sequences;
        money
            .sequences
            .extend(sequences.iter().map(|(name, account)| (&**name, *account)));
        money.shots.extend(
            ledger
                .accounts
                .shots
                .iter()
                .map(|(shot, account)| (shot, *account)),
        );
        for (id, task) in ledger.tasks() {
            let assumed = task.images.iter().filter(|image| image.cost_assumed);
            money.assumed = money.assumed.plus(assumed.map(|image| image.cost).sum());
            if let Some(trail) = history.trails().get(id) {
                let account = money.presets.entry(&trail.bought.made.preset).or_default();
                let weight = task.weight();
                account.spent = account.spent.plus(weight.spent);
                account.reserved = account.reserved.plus(weight.reserved);
            }
        }
        money
    }
}

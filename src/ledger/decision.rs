//! Decisions: what people say of shots and takes, and what that comes to.
//!
//! Clocks play no part: of two decisions the one recorded later wins, and a decision wins over the
//! status column as long as the column says what it said when the decision was made.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::domain::id::{ShotId, TakeNo, TaskId, Variant};
use crate::manifest::model::Status;

/// The version of the decisions' format that is written.
///
/// History: 1, the first.
pub const FORMAT: u32 = 1;

/// What a person may decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// It is good: nothing more is bought.
    Approve,
    /// Once more: what there is does not count any longer.
    Retake,
    /// Not now.
    Hold,
    /// Not at all.
    Omit,
}

/// A take of a shot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TakeAt {
    /// The variant.
    pub variant: Variant,
    /// The take's number.
    pub take: TakeNo,
}

/// A take that a retake sets aside: it counts no longer, whatever becomes of it.
///
/// It is known by its task, for the number of a take without an image may be given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SetAside {
    /// Which take.
    pub at: TakeAt,
    /// The task that bought it, or tried to.
    pub task: TaskId,
    /// Which image of that task.
    pub index: u32,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// The shot is approved; where a take is named, that is the chosen one.
    Approve,
    /// Approval, hold and omission are lifted, and these takes are set aside.
    Retake(Vec<SetAside>),
    /// The shot, or only the take, is on hold.
    Hold,
    /// The shot, or only the take, is omitted.
    Omit,
    /// A decision is taken back, named by its record's number and its kind.
    Undo(u64, Kind),
}

/// One thing somebody decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What.
    pub act: Act,
    /// On which shot.
    pub shot: ShotId,
    /// On which take of it; none where the whole shot is meant.
    pub take: Option<TakeAt>,
    /// In their own words.
    pub note: Option<String>,
    /// Who, as their system calls them.
    pub by: Option<String>,
    /// What the status column said then; none where the shot was not in the manifest.
    pub column: Option<String>,
}

/// A record of the decisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A decision.
    Decision(Box<Decision>),
    /// One of a kind this version does not know; it is kept and means nothing here.
    Other(String),
}

/// A record as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped {
    /// Its number, from 1.
    pub seq: u64,
    /// When it was written; for people, no order is read from it.
    pub at: Timestamp,
    /// What it says.
    pub record: Record,
}

/// A decision that was not taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its record's number.
    pub seq: u64,
    /// When it was made; for people.
    pub at: Timestamp,
    /// What it is.
    pub kind: Kind,
    /// On which take; none where the whole shot is meant.
    pub take: Option<TakeAt>,
    /// Its note.
    pub note: Option<String>,
    /// Who made it.
    pub by: Option<String>,
    /// What the status column said then.
    pub column: Option<String>,
    /// What it sets aside.
    pub sets_aside: Vec<SetAside>,
}

/// All decisions, folded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    shots: BTreeMap<ShotId, Vec<Made>>,
}

/// What is true of a shot, and which of column and decision says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// What is true.
    pub status: Status,
    /// The decision that says so; none where the column does.
    pub decision: Option<&'a Made>,
}

/// The takes of a shot that are set aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aside(Vec<SetAside>);

impl Kind {
    /// Every kind, in the order documented.
    pub const ALL: [Self; 4] = [Self::Approve, Self::Retake, Self::Hold, Self::Omit];

    /// Gives the word that is recorded, which is the command's name too.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Retake => "retake",
            Self::Hold => "hold",
            Self::Omit => "omit",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Gives what a shot's status is after it; after a retake the shot runs like any other.
    const fn status(self) -> Status {
        match self {
            Self::Approve => Status::Approved,
            Self::Retake => Status::Todo,
            Self::Hold => Status::Hold,
            Self::Omit => Status::Omit,
        }
    }
}

impl Act {
    /// Gives the word that is recorded.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Approve => Kind::Approve.word(),
            Self::Retake(_) => Kind::Retake.word(),
            Self::Hold => Kind::Hold.word(),
            Self::Omit => Kind::Omit.word(),
            Self::Undo(..) => "undo",
        }
    }
}

impl Made {
    fn of(seq: u64, at: Timestamp, decision: &Decision) -> Option<Self> {
        let (kind, sets_aside) = match &decision.act {
            Act::Approve => (Kind::Approve, Vec::new()),
            Act::Retake(takes) => (Kind::Retake, takes.clone()),
            Act::Hold => (Kind::Hold, Vec::new()),
            Act::Omit => (Kind::Omit, Vec::new()),
            Act::Undo(..) => return None,
        };
        Some(Self {
            seq,
            at,
            kind,
            take: decision.take,
            note: decision.note.clone(),
            by: decision.by.clone(),
            column: decision.column.clone(),
            sets_aside,
        })
    }

    /// Tells whether it changes what is bought of the shot: hold and omit of one take do not.
    #[must_use]
    pub const fn is_of_shot(&self) -> bool {
        self.take.is_none() || matches!(self.kind, Kind::Approve | Kind::Retake)
    }

    /// Tells whether it says something of a take.
    fn is_about(&self, at: TakeAt, task: TaskId, index: u32) -> bool {
        match (self.kind, self.take) {
            (Kind::Retake, _) => {
                let mut aside = self.sets_aside.iter();
                aside.any(|aside| aside.task == task && aside.index == index)
            }
            (_, Some(named)) => named == at,
            (_, None) => true,
        }
    }
}

impl Decisions {
    /// Takes in one record.
    pub fn apply(&mut self, stamped: &Stamped) {
        let Record::Decision(decision) = &stamped.record else {
            return;
        };
        if let Act::Undo(seq, _) = decision.act {
            if let Some(made) = self.shots.get_mut(&decision.shot) {
                made.retain(|made| made.seq != seq);
            }
        } else if let Some(made) = Made::of(stamped.seq, stamped.at, decision) {
            let shot = self.shots.entry(decision.shot.clone()).or_default();
            shot.push(made);
        }
    }

    /// Gives every decision on a shot that was not taken back, in the order they were made.
    #[must_use]
    pub fn on(&self, shot: &ShotId) -> &[Made] {
        self.shots.get(shot).map(Vec::as_slice).unwrap_or_default()
    }

    /// Gives the shots that were ever decided on, in order.
    pub fn shots(&self) -> impl Iterator<Item = &ShotId> {
        self.shots.keys()
    }

    /// Gives the last decision of a kind on a shot, or on one take of it.
    #[must_use]
    pub fn last(&self, kind: Kind, shot: &ShotId, take: Option<TakeAt>) -> Option<&Made> {
        let mut made = self.on(shot).iter().rev();
        made.find(|made| made.kind == kind && made.take == take)
    }

    /// Says what is true of a shot whose status column says something.
    ///
    /// The decision wins while the column says what it said when the decision was made; where it
    /// says something else, it was changed later.
    #[must_use]
    pub fn verdict(&self, shot: &ShotId, column: Status) -> Verdict<'_> {
        let mut made = self.on(shot).iter().rev();
        let last = made.find(|made| made.is_of_shot()).filter(|made| {
            let said = made.column.as_deref();
            said.unwrap_or(Status::Todo.word()) == column.word()
        });
        Verdict {
            status: last.map_or(column, |made| made.kind.status()),
            decision: last,
        }
    }

    /// Gives the takes of a shot that are set aside; approving one by its number takes it back in.
    #[must_use]
    pub fn aside(&self, shot: &ShotId) -> Aside {
        let mut aside = Aside::default();
        for made in self.on(shot) {
            match (made.kind, made.take) {
                (Kind::Retake, _) => aside.0.extend(&made.sets_aside),
                (Kind::Approve, Some(chosen)) => aside.0.retain(|aside| aside.at != chosen),
                _ => {}
            }
        }
        aside
    }

    /// Gives the chosen take of a shot and variant: the one approved last and not set aside since.
    #[must_use]
    pub fn chosen(&self, shot: &ShotId, variant: Variant) -> Option<(TakeNo, &Made)> {
        let mut chosen = None;
        for made in self.on(shot) {
            match (made.kind, made.take) {
                (Kind::Approve, Some(at)) if at.variant == variant => chosen = Some((at, made)),
                (Kind::Retake, _) => {
                    chosen = chosen
                        .filter(|(at, _)| made.sets_aside.iter().all(|aside| aside.at != *at));
                }
                _ => {}
            }
        }
        chosen.map(|(at, made)| (at.take, made))
    }

    /// Gives the last decision that says something of a take.
    #[must_use]
    pub fn on_take(&self, shot: &ShotId, at: TakeAt, task: TaskId, index: u32) -> Option<&Made> {
        let mut made = self.on(shot).iter().rev();
        made.find(|made| made.is_about(at, task, index))
    }
}

impl Aside {
    /// Tells whether an image of a task, made or not, is set aside.
    #[must_use]
    pub fn has(&self, task: TaskId, index: u32) -> bool {
        let mut aside = self.0.iter();
        aside.any(|aside| aside.task == task && aside.index == index)
    }

    /// Gives the take numbers of a variant that are set aside: they are not given again.
    #[must_use]
    pub fn numbers(&self, variant: Variant) -> BTreeSet<u32> {
        let of_variant = self.0.iter().filter(|aside| aside.at.variant == variant);
        of_variant.map(|aside| aside.at.take.0).collect()
    }

    /// Gives how many takes of a variant are set aside.
    #[must_use]
    pub fn count(&self, variant: Variant) -> usize {
        let takes = self.0.iter().filter(|aside| aside.at.variant == variant);
        takes.count()
    }
}

#[cfg(test)]
mod tests;

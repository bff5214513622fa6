//! What came of a run.

use crate::domain::class::Trouble;
use crate::domain::money::Micros;
use crate::ledger::fold::Ledger;
use crate::ledger::money::OverCap;
use crate::ledger::port::LogError;
use crate::plan::build::Plan;
use crate::runner::event::Problem;
use crate::runner::shutdown::Why;

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// Why it ended.
    pub end: RunEnd,
    /// The ledger as the run left it.
    pub ledger: Ledger,
    /// The takes that did not come, in the order they were given up.
    pub problems: Vec<Problem>,
    /// Images saved.
    pub saved: u64,
    /// Images fetched again for files that were gone.
    pub refetched: u64,
    /// Takes of the plan that were not begun.
    pub not_begun: u64,
    /// The caps that left single shots or sequences out.
    pub capped: Vec<OverCap>,
    /// How many tasks were in flight at most, and what held them back.
    pub pace: Pace,
}

/// How many tasks were in flight at most, and what held them back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// What was asked for; 0 where nothing was sent.
    pub most: usize,
    /// The lowest that the provider pressed it to.
    pub lowest: usize,
    /// How often the provider said that it was too busy (HTTP 429).
    pub busy: u64,
    /// How often a task timed out.
    pub time_outs: u64,
    /// How often sending paused because many tasks in a row could not be sent.
    pub pauses: u64,
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// All of the plan was gone through.
    Done,
    /// A cap stood in the way: of all that was left, or only of single shots or sequences, which
    /// [`Outcome::capped`] names then.
    Cap(OverCap),
    /// It was told to begin nothing new, and what was in flight is settled.
    Drained(Why),
    /// It was told to leave at once.
    Left(Why),
    /// Key, rights or balance.
    Account(Trouble),
    /// Images cannot be kept.
    Disk(String),
    /// The provider cannot be reached, or took nothing for too long.
    Unreachable(Trouble),
    /// The run log takes no more records.
    Log(LogError),
}

impl RunEnd {
    /// Gives the word that `run_ended` records.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Cap(_) => "cap",
            Self::Drained(Why::Until) => "until",
            Self::Drained(Why::Interrupted) | Self::Left(Why::Interrupted) => "interrupted",
            Self::Drained(_) | Self::Left(_) => "terminated",
            Self::Account(_) => "account",
            Self::Disk(_) => "disk",
            Self::Unreachable(_) => "unreachable",
            Self::Log(_) => "log",
        }
    }
}

impl Outcome {
    /// Gives what came of a run that ended before anything of its plan was begun.
    #[must_use]
    pub fn not_begun(end: RunEnd, ledger: Ledger, plan: &Plan) -> Self {
        let takes = plan.purchases.iter();
        let takes = takes.map(|purchase| u64::from(purchase.takes.count));
        Self {
            end,
            ledger,
            problems: Vec::new(),
            saved: 0,
            refetched: 0,
            not_begun: takes.sum(),
            capped: Vec::new(),
            pace: Pace::default(),
        }
    }

    /// Gives what this run spent, together with runs before it that were cut off.
    #[must_use]
    pub fn spent(&self) -> Micros {
        self.ledger.accounts.run.spent
    }

    /// Gives what stays reserved for what this run could not settle.
    #[must_use]
    pub fn reserved(&self) -> Micros {
        self.ledger.accounts.run.reserved
    }
}

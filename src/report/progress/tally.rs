//! What is counted while a run goes on.

use crate::domain::money::Micros;
use crate::ledger::fold::Ledger;
use crate::ledger::money::Caps;
use crate::plan::build::Plan;
use crate::runner::event::{Event, Pause, ProblemKind};

/// What a run has before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Goal {
    /// Images that are to come: bought, settled or fetched.
    pub takes: u64,
    /// Tasks of earlier runs that are settled.
    pub settling: u64,
    /// The cap on the run.
    pub cap: Option<Micros>,
}

impl Goal {
    /// Reads a plan; what would pass a cap is not counted.
    #[must_use]
    pub fn of(plan: &Plan, ledger: &Ledger, caps: &Caps) -> Self {
        let within = plan.purchases.iter().filter(|p| p.over.is_none());
        let bought: u64 = within.map(|p| u64::from(p.takes.count)).sum();
        let unsettled = plan.settle.iter().filter_map(|u| ledger.task(u.task));
        let left: u64 = unsettled
            .map(|task| {
                let open = if task.is_open() { task.missing() } else { 0 };
                u64::from(open) + task_unsaved(task)
            })
            .sum();
        Self {
            takes: bought + left + plan.refetch.len() as u64,
            settling: plan.settle.len() as u64,
            cap: caps.run,
        }
    }
}

fn task_unsaved(task: &crate::ledger::task::Task) -> u64 {
    let unsaved = task
        .images
        .iter()
        .filter(|image| matches!(image.fate, crate::ledger::task::Fate::Produced(_)));
    unsaved.count() as u64
}

/// What has happened so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Images saved or fetched again.
    pub saved: u64,
    /// Takes that will not come, by how.
    pub unsure: u64,
    /// Paid for and gone.
    pub lost: u64,
    /// Ended without an image.
    pub failed: u64,
    /// Refused, unpaid.
    pub refused: u64,
    /// Sent and left to the next run.
    pub under_way: u64,
    /// Paid for and left to the next run.
    pub pending: u64,
    /// Files that could not be fetched again.
    pub missing: u64,
    /// Tasks in flight.
    pub in_flight: usize,
    /// The most tasks in flight for now, where it is less than was asked for.
    pub limit: Option<usize>,
    /// Whether sending pauses because the provider seems to be down.
    pub pausing: bool,
    /// Spent in this run.
    pub spent: Micros,
    /// Reserved in this run.
    pub reserved: Micros,
    /// Whether nothing new is begun any more.
    pub draining: bool,
}

impl Tally {
    pub(super) fn count(&mut self, event: &Event) {
        match event {
            Event::Saved(_) => self.saved += 1,
            Event::Trouble(problem) => {
                *self.of_kind(problem.kind) += u64::from(problem.takes);
            }
            Event::Money { spent, reserved } => {
                (self.spent, self.reserved) = (*spent, *reserved);
            }
            Event::InFlight(tasks) => self.in_flight = *tasks,
            Event::Limit { now, most } => self.limit = (now < most).then_some(*now),
            Event::Pause(pause) => self.pausing = !matches!(pause, Pause::Ended { .. }),
            Event::Draining { .. } => self.draining = true,
            Event::Sent(_)
            | Event::Accepted(_)
            | Event::Produced(_)
            | Event::Waiting { .. }
            | Event::Asking { .. }
            | Event::Settling(_) => {}
        }
    }

    const fn of_kind(&mut self, kind: ProblemKind) -> &mut u64 {
        match kind {
            ProblemKind::Unsure => &mut self.unsure,
            ProblemKind::Lost => &mut self.lost,
            ProblemKind::Failed => &mut self.failed,
            ProblemKind::Refused => &mut self.refused,
            ProblemKind::UnderWay => &mut self.under_way,
            ProblemKind::Pending => &mut self.pending,
            ProblemKind::Missing => &mut self.missing,
        }
    }

    /// Gives how many takes are through, one way or the other.
    #[must_use]
    pub const fn ended(&self) -> u64 {
        self.saved
            + self.unsure
            + self.lost
            + self.failed
            + self.refused
            + self.under_way
            + self.pending
            + self.missing
    }
}

//! The bill check: what a bookkeeper should compare with the provider's bill.

use crate::domain::money::Micros;
use crate::expand::profile;
use crate::ledger::bills::Absent;
use crate::report::history::report::{State, Take, Told};
use crate::runner::event::ProblemKind;

/// Where log and money do not meet as they should.
///
/// Takes and problems are named by their place in the report's lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// Takes that were paid for and have no file: not fetched yet, lost, or the file is gone or
    /// changed.
    pub paid_without_file: Vec<usize>,
    /// Problems that may have been billed though no image came of them.
    pub may_be_billed: Vec<usize>,
    /// Takes with a file that are booked at nothing.
    pub file_without_charge: Vec<usize>,
    /// Takes booked at an assumed price, because the provider told none.
    pub cost_assumed: Vec<usize>,
    /// Takes whose price is not the one that is listed for their model.
    pub unlike_listed: Vec<usize>,
}

impl Bill {
    pub(super) fn of(takes: &[Take<'_>], problems: &[Told], absent: &Absent) -> Self {
        let such = |wanted: &dyn Fn(&Take<'_>) -> bool| {
            let found = takes.iter().enumerate().filter(|(_, take)| wanted(take));
            found.map(|(place, _)| place).collect()
        };
        let may_be_billed = |told: &Told| {
            let kind = told.problem.kind;
            matches!(kind, ProblemKind::Unsure | ProblemKind::Failed)
                && !told.problem.at_stake.is_zero()
        };
        let problems = problems.iter().enumerate();
        Self {
            paid_without_file: such(&|take| match take.state() {
                State::Produced | State::Lost => true,
                State::Saved => {
                    let image = take.image.map(|image| (take.task, image.index));
                    image.is_some_and(|image| absent.contains(&image))
                }
                _ => false,
            }),
            may_be_billed: problems
                .filter(|(_, told)| may_be_billed(told))
                .map(|(place, _)| place)
                .collect(),
            file_without_charge: such(&|take| {
                take.state() == State::Saved && take.spent().is_zero()
            }),
            cost_assumed: such(&|take| take.image.is_some_and(|image| image.cost_assumed)),
            unlike_listed: such(&|take| {
                let listed = listed_price(take);
                let told = take.image.filter(|image| !image.cost_assumed);
                told.is_some_and(|image| listed.is_some_and(|listed| listed != image.cost))
            }),
        }
    }

    /// Tells whether everything meets.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

/// Gives the price that is listed for a take's model.
#[must_use]
pub fn listed_price(take: &Take<'_>) -> Option<Micros> {
    profile::find(&take.trail.bought.made.model).map(|model| model.price)
}

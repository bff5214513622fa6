//! The bill check: where charges, files and prices do not meet as they should.

use std::collections::HashSet;

use crate::domain::id::TaskId;
use crate::domain::money::Micros;
use crate::expand::profile;
use crate::ledger::fold::Ledger;
use crate::ledger::task::{End, Fate, Image, Task};

/// Images that the log has as saved and whose files are gone or changed, by task and index.
///
/// The log alone cannot tell: whoever can look at files says it.
pub type Absent = HashSet<(TaskId, u32)>;

/// What a bookkeeper should compare with the provider's bill, over the whole log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bills {
    /// Paid for and not on disk: not fetched yet, lost, or the file is gone or changed.
    pub paid_without_file: Tally,
    /// On disk and booked at nothing.
    pub file_without_charge: Tally,
    /// Booked at an assumed price, because the reply told none, or nought.
    pub cost_assumed: Tally,
    /// Told at a price that is not the one listed for their model.
    pub unlike_listed: Tally,
    /// What those would cost at the listed price.
    pub listed: Micros,
    /// May have been bought, and nobody can tell: their money stays reserved.
    pub unsure: Tally,
    /// Ended without an image and may be billed all the same: their money stays reserved.
    pub failed: Tally,
}

/// Takes, and the money they are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub takes: u64,
    /// How much, all together.
    pub money: Micros,
}

impl Tally {
    fn add(&mut self, takes: u32, money: Micros) {
        self.takes += u64::from(takes);
        self.money = self.money.plus(money);
    }
}

impl Bills {
    /// Checks everything the log knows.
    #[must_use]
    pub fn of(ledger: &Ledger, absent: &Absent) -> Self {
        let mut bills = Self::default();
        for (id, task) in ledger.tasks() {
            bills.check_task(task);
            let listed = profile::find(task.model()).map(|model| model.price);
            for image in &task.images {
                let is_absent = absent.contains(&(id, image.index));
                bills.check_image(image, is_absent, listed);
            }
        }
        bills
    }

    /// Tells whether everything meets.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }

    fn check_task(&mut self, task: &Task) {
        let (missing, reserved) = (task.missing(), task.weight().reserved);
        if task.is_in_doubt() {
            self.unsure.add(missing, reserved);
        } else if matches!(task.end, Some(End::Failed(_, true))) && missing > 0 {
            self.failed.add(missing, reserved);
        }
    }

    fn check_image(&mut self, image: &Image, is_absent: bool, listed: Option<Micros>) {
        let cost = image.cost;
        match image.fate {
            Fate::Produced(_) | Fate::Lost(_) => self.paid_without_file.add(1, cost),
            Fate::Saved(_) if is_absent => self.paid_without_file.add(1, cost),
            Fate::Saved(_) if cost.is_zero() => self.file_without_charge.add(1, cost),
            Fate::Saved(_) => {}
        }
        if image.cost_assumed {
            self.cost_assumed.add(1, cost);
        } else if let Some(listed) = listed.filter(|listed| *listed != cost) {
            self.unlike_listed.add(1, cost);
            self.listed = self.listed.plus(listed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::tests::fixture::{Book, PRICE, deal};

    fn tally(takes: u64, money: Micros) -> Tally {
        Tally { takes, money }
    }

    #[test]
    fn a_log_in_which_everything_meets_is_clean() {
        let mut book = Book::open();
        book.intend(&deal(1, 2)).accept(&deal(1, 2));
        assert!(
            Bills::of(&book.ledger, &Absent::new()).is_clean(),
            "under way is no fault"
        );
        for index in 0..2 {
            book.produce(&deal(1, 2), index, Some(PRICE))
                .save(&deal(1, 2), index);
        }
        assert!(Bills::of(&book.ledger, &Absent::new()).is_clean());
    }

    #[test]
    fn each_thing_that_does_not_meet_is_counted_with_its_money() {
        let mut book = Book::open();
        // Paid and not on disk: one to be fetched, one lost.
        book.intend(&deal(1, 2));
        book.produce(&deal(1, 2), 0, Some(PRICE))
            .produce(&deal(1, 2), 1, Some(PRICE))
            .lose(&deal(1, 2), 1);
        // No price was told.
        book.intend(&deal(3, 1))
            .produce(&deal(3, 1), 0, None)
            .save(&deal(3, 1), 0);
        // Dearer, and cheaper, than listed.
        for (first, cost) in [(4, 50_000), (5, 10_000)] {
            let deal = deal(first, 1);
            book.intend(&deal)
                .produce(&deal, 0, Some(Micros::new(cost)))
                .save(&deal, 0);
        }
        // In doubt: said so, and sent again without an answer.
        book.intend(&deal(6, 1)).doubt(&deal(6, 1));
        book.intend(&deal(7, 2)).resend(&deal(7, 2), 1);
        // Failed after acceptance; and refused, which is unpaid.
        book.intend(&deal(9, 1)).fail(&deal(9, 1), true);
        book.intend(&deal(10, 1)).fail(&deal(10, 1), false);
        book.intend(&deal(11, 1)).refuse(&deal(11, 1));
        let expected = Bills {
            paid_without_file: tally(2, PRICE.times(2)),
            file_without_charge: Tally::default(),
            cost_assumed: tally(1, PRICE),
            unlike_listed: tally(2, Micros::new(60_000)),
            listed: PRICE.times(2),
            unsure: tally(3, PRICE.times(3)),
            failed: tally(1, PRICE),
        };
        assert_eq!(Bills::of(&book.ledger, &Absent::new()), expected);
    }

    #[test]
    fn a_charge_whose_file_is_gone_has_no_file() {
        let mut book = Book::open();
        book.intend(&deal(1, 2));
        for index in 0..2 {
            book.produce(&deal(1, 2), index, Some(PRICE))
                .save(&deal(1, 2), index);
        }
        let absent = Absent::from([(deal(1, 2).task(), 1)]);
        let bills = Bills::of(&book.ledger, &absent);
        assert_eq!(bills.paid_without_file, tally(1, PRICE));
        assert!(!bills.is_clean());
    }

    #[test]
    fn a_file_booked_at_nothing_is_told() {
        let mut book = Book::open();
        book.intend(&deal(1, 1))
            .produce(&deal(1, 1), 0, Some(Micros::ZERO))
            .save(&deal(1, 1), 0);
        let bills = Bills::of(&book.ledger, &Absent::new());
        assert_eq!(bills.file_without_charge, tally(1, Micros::ZERO));
        assert!(!bills.is_clean());
    }

    #[test]
    fn a_doubt_that_is_settled_is_no_doubt_any_more() {
        let mut book = Book::open();
        book.intend(&deal(1, 1)).resend(&deal(1, 1), 1);
        assert_eq!(
            Bills::of(&book.ledger, &Absent::new()).unsure,
            tally(1, PRICE)
        );
        book.accept(&deal(1, 1));
        assert!(
            Bills::of(&book.ledger, &Absent::new()).is_clean(),
            "it is known to be there"
        );
        book.produce(&deal(1, 1), 0, Some(PRICE))
            .save(&deal(1, 1), 0);
        assert!(Bills::of(&book.ledger, &Absent::new()).is_clean());
    }
}

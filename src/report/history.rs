//! Everything that happened, gathered from the run log's records one by one.
//!
//! The ledger says where every take and dollar is; the trails add what it lets go of: what a take
//! was made of, its pixels and its times. A [`report::Report`] is a view over both.

pub mod bill;
pub mod report;
pub mod trail;

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::id::{Key, ShotId, Variant};
use crate::ledger::bills::Absent;
use crate::ledger::fold::{Contradiction, Ledger};
use crate::ledger::record::{Made, Record, Stamped};
use crate::report::history::report::Report;
use crate::report::history::trail::Trails;

/// Gathers records; feed it the whole log, in order.
///
/// Its memory grows by some hundred bytes a take; what takes are made of is held once for all
/// takes of a shot and variant that are made alike.
#[derive(Debug, Default)]
pub struct History {
    ledger: Ledger,
    trails: Trails,
    made: HashMap<(ShotId, Variant, Key), Arc<Made>>,
}

impl History {
    /// Takes in the next record.
    ///
    /// # Errors
    /// Refuses a record that cannot follow from those before; the history is then as it was.
    pub fn take_in(&mut self, stamped: &Stamped) -> Result<(), Contradiction> {
        self.ledger.apply(stamped)?;
        let made = match &stamped.record {
            Record::Intent(intent) => {
                let place = (intent.shot.clone(), intent.variant, intent.key);
                let known = self.made.get(&place).filter(|made| ***made == intent.made);
                let made = known.map_or_else(|| Arc::new(intent.made.clone()), Arc::clone);
                self.made.insert(place, Arc::clone(&made));
                Some(made)
            }
            _ => None,
        };
        self.trails.take_in(stamped, made);
        Ok(())
    }

    /// Gives the ledger that the records fold into.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Gives the trails of all tasks.
    #[must_use]
    pub const fn trails(&self) -> &Trails {
        &self.trails
    }

    /// Makes the report; `absent` are the files that are gone or changed.
    #[must_use]
    pub fn report(&self, absent: &Absent) -> Report<'_> {
        Report::of(self, absent)
    }
}

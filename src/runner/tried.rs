//! How often one thing was tried, and whether it is tried again.

use std::time::Duration;

use crate::domain::class::Trouble;
use crate::ledger::port::RunLog;
use crate::plan::step::{After, after_submit};
use crate::provider::{Away, Provider};
use crate::runner::world::World;
use crate::store::ImageStore;

/// How often a send was turned away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tried {
    /// As an attempt that counts.
    counted: u32,
    /// In a row.
    row: u32,
}

impl Tried {
    /// Says how long to rest before another try, or that there is none.
    ///
    /// Being told to wait is no attempt, and neither is a try while nobody else gets through
    /// either: that is an outage, which the breaker bounds for all. What counts is being turned
    /// away while the provider takes others.
    pub(super) fn again<L: RunLog, P: Provider, S: ImageStore>(
        &mut self,
        world: &World<L, P, S>,
        trouble: &Trouble,
        away: Away,
        alive: bool,
    ) -> Option<Duration> {
        let told = matches!(away, Away::Busy(_)) || away.asked().is_some();
        let counted = if alive && !told { self.counted } else { 0 };
        let retries = world.settings.retries.max(u32::from(!alive || told));
        if after_submit(trouble, counted, retries) != After::SameAgain {
            return None;
        }
        self.counted += u32::from(alive && !told);
        self.row = self.row.saturating_add(1);
        // A place comes free by itself where the provider is only full; more patience is asked of
        // a task that was turned away before.
        let rests = self.row.saturating_sub(1 + u32::from(told));
        Some(if told && self.row == 1 {
            Duration::ZERO
        } else {
            world.backoff.wait(rests, None)
        })
    }
}

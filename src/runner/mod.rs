//! Obeys the plan: sends, asks, fetches and keeps, many at once, and stops when told.
//!
//! Owns the order in which things happen to a task and how many happen at once. It reaches the
//! world through three traits only (the run log, the provider, the image store) and tokio's clock:
//! no file, no wall clock, no randomness but a seed it is given. What to do next is not decided
//! here but in [`crate::plan::step`].
//!
//! Invariants: nothing is sent before its intent is durable; every cap holds over what is spent
//! and reserved at the moment an intent is made; a failed log write stops all buying; whatever is
//! dropped half way is taken up by the next run from the log alone.

pub mod event;
mod executor;
mod follow;
mod intent;
mod landing;
pub mod order;
pub mod outcome;
mod pace;
mod place;
mod poller;
mod purchase;
mod scout;
pub mod search;
pub mod settings;
mod settle;
pub mod shutdown;
mod tried;
mod uploads;
mod world;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::ledger::fold::Ledger;
use crate::ledger::port::RunLog;
use crate::plan::build::Plan;
use crate::provider::Provider;
use crate::runner::event::Event;
use crate::runner::order::Orders;
use crate::runner::outcome::Outcome;
use crate::runner::settings::Settings;
use crate::runner::shutdown::Stop;
use crate::store::ImageStore;

/// The doors a run goes through.
pub struct Doors<L, P, S> {
    /// The run log.
    pub log: Arc<L>,
    /// The provider.
    pub provider: Arc<P>,
    /// The image store.
    pub store: Arc<S>,
    /// What each purchase asks for, worked out anew when it is sent.
    pub orders: Arc<dyn Orders>,
}

/// Carries out a plan and tells what came of it.
///
/// The caller has appended `run_started` and folded it into the ledger; it appends `run_ended`
/// itself from the outcome. Dropping the future is a crash: the log is whole, and the next run
/// takes up what was left.
pub async fn run<L: RunLog, P: Provider, S: ImageStore>(
    doors: Doors<L, P, S>,
    ledger: Ledger,
    plan: Plan,
    settings: Settings,
    stop: watch::Receiver<Stop>,
    events: mpsc::UnboundedSender<Event>,
) -> Outcome {
    executor::execute(doors, ledger, plan, settings, stop, events).await
}

//! The queue: fills slots, puts attempts back in line, stops when told, and ends when all is done.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::domain::class::{Class, Trouble};
use crate::ledger::fold::Ledger;
use crate::ledger::money::OverCap;
use crate::ledger::port::{LogError, RunLog};
use crate::plan::build::{Plan, Refetch, Unsettled};
use crate::provider::Provider;
use crate::runner::Doors;
use crate::runner::event::{Draining, Event, ProblemKind};
use crate::runner::landing::{Ashore, Landing, land};
use crate::runner::outcome::{Outcome, RunEnd};
use crate::runner::purchase::{Errand, Left, buy, not_begun};
use crate::runner::scout::{Word, scout};
use crate::runner::settings::Settings;
use crate::runner::settle::resume;
use crate::runner::shutdown::Stop;
use crate::runner::world::{Halt, World};
use crate::store::ImageStore;

/// Carries out a plan.
pub(super) async fn execute<L: RunLog, P: Provider, S: ImageStore>(
    doors: Doors<L, P, S>,
    ledger: Ledger,
    plan: Plan,
    settings: Settings,
    mut stop: watch::Receiver<Stop>,
    events: mpsc::UnboundedSender<Event>,
) -> Outcome {
    let (landing_sender, landings) = mpsc::unbounded_channel();
    let world = Arc::new(World::new(
        doors,
        ledger,
        settings,
        stop.clone(),
        events,
        landing_sender,
    ));
    let mut queue = Queue::new(Arc::clone(&world), plan, landings);
    let poller = Arc::clone(&world.poller);
    let end = tokio::select! {
        biased;
        end = left_at_once(&mut stop) => end,
        end = queue.work() => end,
        never = poller.serve(&*world.provider) => match never {},
    };
    queue.outcome(end)
}

/// Ends when the run is told to leave at once.
async fn left_at_once(stop: &mut watch::Receiver<Stop>) -> RunEnd {
    loop {
        if let Stop::Now(why) = *stop.borrow_and_update() {
            return RunEnd::Left(why);
        }
        if stop.changed().await.is_err() {
            // Nobody is left who could tell.
            std::future::pending::<()>().await;
        }
    }
}

/// What is under way and what waits.
struct Queue<L, P, S> {
    world: Arc<World<L, P, S>>,
    /// Purchases on their way through slots.
    slots: JoinSet<Left>,
    /// Tasks of earlier runs being settled.
    settling: JoinSet<Left>,
    /// Images being fetched.
    ashore: JoinSet<Ashore>,
    landings: mpsc::UnboundedReceiver<(Landing, OwnedSemaphorePermit)>,
    downloads: Arc<Semaphore>,
    unsettled: VecDeque<Unsettled>,
    refetch: VecDeque<Refetch>,
    line: Option<mpsc::Receiver<Word>>,
    scouting: JoinSet<()>,
    /// Attempts that go first, and purchases that wait for money.
    returned: VecDeque<Box<Errand>>,
    /// The cap that stands in the way until something settles.
    short_of_money: Option<OverCap>,
    draining: Option<RunEnd>,
    planned: u64,
    begun: u64,
    saved: u64,
    refetched: u64,
    capped: Vec<OverCap>,
    /// Purchases that did not fit under a cap of their sequence or shot, while money in flight may
    /// still come free.
    parked: Vec<(Box<Errand>, OverCap)>,
}

impl<L: RunLog, P: Provider, S: ImageStore> Queue<L, P, S> {
    fn new(
        world: Arc<World<L, P, S>>,
        plan: Plan,
        landings: mpsc::UnboundedReceiver<(Landing, OwnedSemaphorePermit)>,
    ) -> Self {
        let downloads = Arc::new(Semaphore::new(world.settings.downloads.max(1)));
        let (sender, line) = mpsc::channel(world.settings.poll_batch.max(1));
        let planned = plan
            .purchases
            .iter()
            .map(|p| u64::from(p.takes.count))
            .sum();
        let mut scouting = JoinSet::new();
        scouting.spawn(scout(Arc::clone(&world), plan.purchases, sender));
        Self {
            world,
            slots: JoinSet::new(),
            settling: JoinSet::new(),
            ashore: JoinSet::new(),
            landings,
            downloads,
            unsettled: plan.settle.into(),
            refetch: plan.refetch.into(),
            line: Some(line),
            scouting,
            returned: VecDeque::new(),
            short_of_money: None,
            draining: None,
            planned,
            begun: 0,
            saved: 0,
            refetched: 0,
            capped: Vec::new(),
            parked: Vec::new(),
        }
    }

    /// Works until everything is done, settled or left.
    async fn work(&mut self) -> RunEnd {
        let mut stop = self.world.stop_watch();
        let places = Arc::clone(&self.world.places);
        loop {
            if let Stop::Drain(why) = self.world.stop() {
                self.drain(RunEnd::Drained(why), Draining::Told(why));
            }
            if let Some(trouble) = self.world.places.hopeless() {
                let why = Draining::Unreachable(trouble.clone());
                self.drain(RunEnd::Unreachable(trouble), why);
            }
            self.settle_more();
            self.begin_returned();
            let free = self.has_free_slot() && self.returned.is_empty();
            let line_open = self.line.is_some() && self.draining.is_none();
            if self.is_idle() && !line_open && self.returned.is_empty() {
                return self.draining.take().unwrap_or_else(|| self.gone_through());
            }
            // In a fixed order, so that a run is not steered by chance. No branch starves the line:
            // only so many tasks are under way at once, and more come from the line alone.
            let step = tokio::select! {
                biased;
                Some(left) = self.slots.join_next() => self.left(joined(left)),
                Some(left) = self.settling.join_next() => self.left(joined(left)),
                Some(ashore) = self.ashore.join_next() => self.came_ashore(ashore),
                Some((landing, permit)) = self.landings.recv() => {
                    self.begin_landing(landing, permit);
                    Ok(())
                }
                word = next_word(&mut self.line), if free && line_open => {
                    self.heard(word);
                    Ok(())
                }
                () = places.eased() => Ok(()),
                _ = stop.changed(), if self.draining.is_none() => Ok(()),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// Gives the end of a run that went through its whole plan: a cap may have left some of it out.
    fn gone_through(&self) -> RunEnd {
        let over = self.capped.first();
        over.map_or(RunEnd::Done, |over| RunEnd::Cap(over.clone()))
    }

    fn is_idle(&self) -> bool {
        self.slots.is_empty()
            && self.settling.is_empty()
            && self.ashore.is_empty()
            && self.unsettled.is_empty()
            && self.refetch.is_empty()
            && self.landings.is_empty()
    }

    fn has_free_slot(&self) -> bool {
        self.draining.is_none()
            && self.short_of_money.is_none()
            && self.slots.len() < self.world.settings.jobs.max(1)
            && self.world.places.has_room_beside(self.slots.len())
    }

    /// Begins nothing new from now on; the first reason counts.
    fn drain(&mut self, end: RunEnd, why: Draining) {
        if self.draining.is_none() {
            let in_flight = self.slots.len() + self.settling.len();
            self.world.tell(Event::Draining { why, in_flight });
            self.draining = Some(end);
            self.line = None;
            self.world.places.shut();
            self.give_up_parked();
            for errand in std::mem::take(&mut self.returned) {
                // Purchases that wait for money were counted back when they began to wait.
                let _counted = not_begun(&self.world, &errand);
            }
            if matches!(
                self.draining,
                Some(RunEnd::Drained(_) | RunEnd::Unreachable(_))
            ) {
                self.leave_what_earlier_runs_left();
            }
        }
    }

    /// Leaves it to the next run, and says so.
    fn leave_what_earlier_runs_left(&mut self) {
        let trouble = Trouble {
            class: Class::Unknown,
            code: "stopped".to_owned(),
            message: "the run was stopped before it looked after this".to_owned(),
        };
        for unsettled in std::mem::take(&mut self.unsettled) {
            self.world.leave_open(unsettled.task, &trouble);
        }
        for refetch in std::mem::take(&mut self.refetch) {
            let take = self.world.ledger().take_of(refetch.task, refetch.index);
            if let Some(take) = take {
                let kind = ProblemKind::Missing;
                self.world.give_up_image(kind, refetch.task, take, &trouble);
            }
        }
    }

    /// Takes up what earlier runs left, a few at a time, whatever else goes on: it is free.
    fn settle_more(&mut self) {
        let most = self.world.settings.jobs.max(8);
        while self.settling.len() < most
            && let Some(unsettled) = self.unsettled.pop_front()
        {
            let world = Arc::clone(&self.world);
            self.settling
                .spawn(async move { resume(&world, &unsettled).await.unwrap_or_else(Left::Halt) });
        }
        while self.ashore.len() < most
            && let Some(refetch) = self.refetch.pop_front()
        {
            if let Some(landing) = Landing::again(&self.world, refetch.task, refetch.index) {
                self.ashore.spawn(land(Arc::clone(&self.world), landing));
            }
        }
    }

    fn begin_returned(&mut self) {
        while self.has_free_slot()
            && let Some(errand) = self.returned.pop_front()
        {
            self.begin_in_turn(errand);
        }
    }

    /// Begins a purchase, unless the plan has it stop the run at a cap: then it waits for all
    /// before it, and whatever comes after it waits too.
    fn begin_in_turn(&mut self, errand: Box<Errand>) {
        let over = errand.purchase.over.as_deref();
        let stops = over.filter(|over| over.cap.stops_all() && errand.known.is_none());
        match stops {
            Some(over) if !self.slots.is_empty() || !self.settling.is_empty() => {
                self.short_of_money = Some(over.clone());
                self.returned.push_front(errand);
            }
            _ => self.begin(*errand),
        }
    }

    fn begin(&mut self, errand: Errand) {
        if errand.attempts == 0 {
            self.begun += u64::from(errand.purchase.takes.count);
        }
        self.slots.spawn(buy(Arc::clone(&self.world), errand));
        self.world.tell(Event::InFlight(self.slots.len()));
    }

    fn begin_landing(&mut self, landing: Landing, backlog: OwnedSemaphorePermit) {
        let world = Arc::clone(&self.world);
        let downloads = Arc::clone(&self.downloads);
        self.ashore.spawn(async move {
            let Ok(_turn) = downloads.acquire_owned().await else {
                return Ashore::Halt(Halt::Gone);
            };
            let ashore = land(world, landing).await;
            drop(backlog);
            ashore
        });
    }

    fn heard(&mut self, word: Option<Word>) {
        match word {
            Some(Word::Go(errand)) => self.begin_in_turn(errand),
            Some(Word::Unreachable(trouble)) => {
                let (end, why) = match trouble.class {
                    Class::Account => {
                        (RunEnd::Account(trouble.clone()), Draining::Account(trouble))
                    }
                    _ => (
                        RunEnd::Unreachable(trouble.clone()),
                        Draining::Unreachable(trouble),
                    ),
                };
                self.drain(end, why);
            }
            None => self.line = None,
        }
    }

    fn left(&mut self, left: Left) -> Result<(), RunEnd> {
        self.world.tell(Event::InFlight(self.slots.len()));
        // Whatever settled may have set money free.
        self.short_of_money = None;
        match left {
            Left::Again(errand) if self.draining.is_none() => self.returned.push_back(errand),
            Left::Again(errand) => {
                let _told = not_begun(&self.world, &errand);
            }
            Left::Settled => {}
            Left::NotBegun(takes) => self.begun = self.begun.saturating_sub(u64::from(takes)),
            Left::OverCap(errand, over) => {
                self.over_cap(errand, over);
                return Ok(());
            }
            Left::StopAll(trouble) => {
                let why = Draining::Account(trouble.clone());
                self.drain(RunEnd::Account(trouble), why);
            }
            Left::Halt(Halt::Log(error)) => return Err(RunEnd::Log(error)),
            Left::Halt(Halt::Gone) => return Err(RunEnd::Log(LogError::Shut)),
        }
        self.look_at_parked();
        Ok(())
    }

    /// A purchase did not fit under a cap: it waits while money in flight may come free.
    fn over_cap(&mut self, errand: Box<Errand>, over: OverCap) {
        if errand.attempts == 0 {
            self.begun -= u64::from(errand.purchase.takes.count);
        }
        let is_last = self.slots.is_empty() && self.settling.is_empty();
        if !over.cap.stops_all() {
            self.parked.push((errand, over));
            if is_last || self.draining.is_some() {
                self.give_up_parked();
            }
        } else if is_last {
            let _told = not_begun(&self.world, &errand);
            self.drain(RunEnd::Cap(over.clone()), Draining::Cap(over));
        } else if self.draining.is_none() {
            self.returned.push_front(errand);
            self.short_of_money = Some(over);
        } else {
            let _told = not_begun(&self.world, &errand);
        }
    }

    /// Takes up purchases that fit under their caps by now; gives up on them when nothing is in
    /// flight any more that could set money free.
    fn look_at_parked(&mut self) {
        if self.parked.is_empty() {
            return;
        }
        let caps = self.world.settings.caps;
        let fits = |errand: &Errand| {
            let purchase = &errand.purchase;
            let (shot, sequence) = (&purchase.shot, purchase.sequence.as_deref());
            let accounts = &self.world.ledger().accounts;
            accounts
                .allow(&caps, shot, sequence, purchase.price)
                .is_ok()
        };
        let (fit, parked): (Vec<_>, Vec<_>) = std::mem::take(&mut self.parked)
            .into_iter()
            .partition(|(errand, _)| fits(errand));
        self.parked = parked;
        self.returned
            .extend(fit.into_iter().map(|(errand, _)| errand));
        if self.slots.is_empty() && self.settling.is_empty() && self.returned.is_empty() {
            self.give_up_parked();
        }
    }

    /// Leaves to a later run, or a larger cap, what waited for money.
    fn give_up_parked(&mut self) {
        for (errand, over) in std::mem::take(&mut self.parked) {
            let _told = not_begun(&self.world, &errand);
            self.capped.push(over);
        }
    }

    fn came_ashore(
        &mut self,
        ashore: Result<Ashore, tokio::task::JoinError>,
    ) -> Result<(), RunEnd> {
        match ashore {
            Ok(Ashore::Saved { again: false }) => self.saved += 1,
            Ok(Ashore::Saved { again: true }) => self.refetched += 1,
            Ok(Ashore::GivenUp) => {}
            Ok(Ashore::Disk(why)) => self.drain(RunEnd::Disk(why.clone()), Draining::Disk(why)),
            Ok(Ashore::Halt(Halt::Log(error))) => return Err(RunEnd::Log(error)),
            Ok(Ashore::Halt(Halt::Gone)) => return Err(RunEnd::Log(LogError::Shut)),
            Err(error) => return Err(RunEnd::Log(broken(&error))),
        }
        Ok(())
    }

    fn outcome(mut self, end: RunEnd) -> Outcome {
        self.slots.abort_all();
        self.settling.abort_all();
        self.ashore.abort_all();
        self.scouting.abort_all();
        let (ledger, problems) = self.world.take_ledger_and_problems();
        Outcome {
            end,
            ledger,
            problems,
            saved: self.saved,
            refetched: self.refetched,
            not_begun: self.planned.saturating_sub(self.begun),
            capped: self.capped,
            pace: self.world.places.told(),
        }
    }
}

async fn next_word(line: &mut Option<mpsc::Receiver<Word>>) -> Option<Word> {
    match line {
        Some(line) => line.recv().await,
        None => None,
    }
}

fn joined(left: Result<Left, tokio::task::JoinError>) -> Left {
    left.unwrap_or_else(|error| Left::Halt(Halt::Log(broken(&error))))
}

/// A part of the run that broke leaves its task open in the log; the run stops rather than guess.
fn broken(error: &tokio::task::JoinError) -> LogError {
    LogError::Write {
        path: "run".to_owned(),
        reason: format!("a part of the run broke ({error}); this is a mistake in reshoot"),
    }
}

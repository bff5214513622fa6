//! The fold: records in, state out.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::digest::Sha256;
use crate::domain::id::{ImageId, RunId, ShotId, ShowId, TakeNo, TaskId, Variant};
use crate::domain::money::Micros;
use crate::expand::numbers::Values;
use crate::expand::wanted::KeyParts;
use crate::ledger::money::{Accounts, Caps, OverCap};
use crate::ledger::record::{Intent, Record, RunEnded, RunStarted, Stamped};
use crate::ledger::task::{Task, Weight, price_key};

/// What the run log means.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// The show the log belongs to.
    pub show: Option<ShowId>,
    /// Whether that id came from a manifest.
    pub show_id_from_manifest: bool,
    /// The number of the last record.
    pub last_seq: u64,
    /// Whether the log is the good part of a damaged one, so that it may not tell of every send.
    pub has_gap: bool,
    /// Money.
    pub accounts: Accounts,
    /// Runs, in order.
    pub runs: Vec<Run>,
    tasks: HashMap<TaskId, Task>,
    shots: HashMap<(ShotId, Variant), ShotHistory>,
    references: HashMap<Sha256, Upload>,
    dearest: HashMap<Arc<str>, Micros>,
    varied: HashMap<ShotId, Varied>,
}

/// What the numbers of a shot's variants stood for: each set of values once, the latest last.
pub type Varied = BTreeMap<Variant, Vec<Values>>;

/// What happened to a shot and variant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShotHistory {
    /// Its tasks, in the order of their first intents.
    pub tasks: Vec<TaskId>,
    /// The key parts of its latest intent.
    pub latest: Option<KeyParts>,
    /// Which image each take number was spent by.
    spent: BTreeMap<u32, (TaskId, u32)>,
}

impl ShotHistory {
    /// Tells whether an image has a take number.
    #[must_use]
    pub fn is_spent(&self, take: TakeNo) -> bool {
        self.spent.contains_key(&take.0)
    }

    /// Gives the highest take number an image has, or 0.
    #[must_use]
    pub fn highest_spent(&self) -> u32 {
        self.spent.keys().next_back().copied().unwrap_or(0)
    }
}

/// A reference the provider has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// What the provider calls it.
    pub image: ImageId,
    /// When it was uploaded or last used; each use renews its life at the provider.
    pub used_at: Option<Timestamp>,
}

/// One run, as the log tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// How it began.
    pub started: RunStarted,
    /// When.
    pub at: Option<Timestamp>,
    /// How it ended; a run that was cut off did not.
    pub ended: Option<RunEnded>,
    /// When.
    pub ended_at: Option<Timestamp>,
}

/// A record that cannot follow from those before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {seq} contradicts what the log said before: {why}")]
pub struct Contradiction {
    /// The record's number.
    pub seq: u64,
    /// What is wrong.
    pub why: &'static str,
}

impl Ledger {
    /// Takes in one record.
    ///
    /// # Errors
    /// Refuses a step that cannot follow; the ledger is then as it was.
    pub fn apply(&mut self, stamped: &Stamped) -> Result<(), Contradiction> {
        let step = self.step(&stamped.record, Some(stamped.at));
        step.map_err(|why| Contradiction {
            seq: stamped.seq,
            why,
        })?;
        self.last_seq = stamped.seq;
        Ok(())
    }

    /// Takes in a record that is about to be appended, so that its money is reserved at once.
    ///
    /// # Errors
    /// Refuses a step that cannot follow; the ledger is then as it was.
    pub fn foresee(&mut self, record: &Record) -> Result<(), Contradiction> {
        let seq = self.last_seq;
        self.step(record, None)
            .map_err(|why| Contradiction { seq, why })
    }

    fn step(&mut self, record: &Record, at: Option<Timestamp>) -> Result<(), &'static str> {
        match record {
            Record::LogOpened(opened) => {
                self.show = Some(opened.show.clone());
                self.show_id_from_manifest = opened.show_id_from_manifest;
                Ok(())
            }
            Record::RunStarted(started) => {
                self.start_run(started, at);
                Ok(())
            }
            Record::RunEnded(ended) => {
                let run = self
                    .runs
                    .iter_mut()
                    .rev()
                    .find(|run| run.started.run == ended.run);
                let run = run.ok_or("a run ends that never began")?;
                run.ended = Some(ended.clone());
                run.ended_at = at;
                Ok(())
            }
            Record::Reference(uploaded) => {
                let upload = Upload {
                    image: uploaded.image.clone(),
                    used_at: at,
                };
                self.references.insert(uploaded.sha256, upload);
                Ok(())
            }
            Record::Intent(intent) => self.intend(intent, at),
            Record::Accepted(accepted) => self.change(accepted.task, |task| {
                task.accept();
                Ok(())
            }),
            Record::Produced(produced) => {
                self.change(produced.task, |task| task.produce(produced))?;
                self.spend(produced.task, produced.index)?;
                if !produced.cost_assumed {
                    self.remember_price(produced.task, produced.cost);
                }
                Ok(())
            }
            Record::Saved(saved) => {
                self.check_take(saved.task, saved.index, saved.take)?;
                self.change(saved.task, |task| task.save(saved))
            }
            Record::Lost(lost) => self.change(lost.task, |task| task.lose(lost)),
            Record::Refused(ended) => self.change(ended.task, |task| task.refuse(ended)),
            Record::Failed(ended) => self.change(ended.task, |task| task.fail(ended)),
            Record::Unsure(ended) => self.change(ended.task, |task| task.doubt(ended)),
            Record::Gap(_) => {
                self.has_gap = true;
                Ok(())
            }
            Record::Other(_) => Ok(()),
        }
    }

    fn start_run(&mut self, started: &RunStarted, at: Option<Timestamp>) {
        let cut_off = self.runs.last().is_some_and(|run| run.ended.is_none());
        if !cut_off {
            self.accounts.new_period();
        }
        self.accounts.obey(started.plan);
        let started = started.clone();
        self.runs.push(Run {
            started,
            at,
            ended: None,
            ended_at: None,
        });
    }

    fn intend(&mut self, intent: &Intent, at: Option<Timestamp>) -> Result<(), &'static str> {
        let intent = Arc::new(intent.clone());
        for reference in &intent.made.references {
            if let Some(upload) = self.references.get_mut(&reference.sha256) {
                upload.used_at = at.or(upload.used_at);
            }
        }
        let (period, plan) = (self.accounts.period, self.accounts.plan);
        if let Some(task) = self.tasks.get_mut(&intent.task) {
            let (before, joined) = (task.weight(), task.period != period);
            task.send_again(&intent, at, period)?;
            // A run without a plan leaves it where it counts: the plan has no more to spend for that.
            let obeyed = task.plan;
            task.plan = plan.or(obeyed);
            let task = &*task;
            self.accounts.change_plan(obeyed, task.plan, before);
            self.accounts.book(task, before, joined);
            return Ok(());
        }
        let place = (intent.shot.clone(), intent.variant);
        if intent.variant.0 != 0 {
            self.remember_values(&intent);
        }
        let history = self.shots.entry(place).or_default();
        if intent.takes.iter().any(|take| history.is_spent(take)) {
            return Err("an intent wants a take number that an image already has");
        }
        history.tasks.push(intent.task);
        history.latest = Some(intent.parts.clone());
        let mut task = Task::begin(&intent, at, period);
        task.plan = plan;
        self.accounts.book(&task, Weight::default(), false);
        self.tasks.insert(intent.task, task);
        Ok(())
    }

    fn change(
        &mut self,
        id: TaskId,
        step: impl FnOnce(&mut Task) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        let task = self
            .tasks
            .get_mut(&id)
            .ok_or("a task is spoken of that was never intended")?;
        let before = task.weight();
        step(task)?;
        let task = &*task;
        self.accounts.book(task, before, false);
        Ok(())
    }

    /// Gives an image its take number: the one its task holds for it, or the next that is free.
    fn spend(&mut self, id: TaskId, index: u32) -> Result<(), &'static str> {
        let task = self
            .tasks
            .get(&id)
            .ok_or("a task is spoken of that was never intended")?;
        let next = self.next_take(&task.shot, task.variant);
        let place = (task.shot.clone(), task.variant);
        let history = self.shots.entry(place).or_default();
        if history.spent.values().any(|holder| *holder == (id, index)) {
            return Ok(());
        }
        let take = task
            .takes
            .at(index)
            .filter(|take| !history.is_spent(*take))
            .unwrap_or(next);
        history.spent.insert(take.0, (id, index));
        Ok(())
    }

    fn check_take(&self, id: TaskId, index: u32, take: TakeNo) -> Result<(), &'static str> {
        match self.take_of(id, index) {
            Some(held) if held == take => Ok(()),
            Some(_) => Err("an image is saved under a take number that is not its own"),
            None => Err("an image is saved that was never produced"),
        }
    }

    /// Notes the values that a variant's number stands for, the latest last.
    fn remember_values(&mut self, intent: &Intent) {
        let variants = self.varied.entry(intent.shot.clone()).or_default();
        let values = variants.entry(intent.variant).or_default();
        values.retain(|former| *former != intent.made.values);
        values.push(intent.made.values.clone());
    }

    fn remember_price(&mut self, id: TaskId, cost: Micros) {
        if let Some(task) = self.tasks.get(&id) {
            let dearest = self.dearest.entry(Arc::clone(&task.price_key)).or_default();
            *dearest = cost.max(*dearest);
        }
    }

    /// Gives the take number of a produced image.
    #[must_use]
    pub fn take_of(&self, id: TaskId, index: u32) -> Option<TakeNo> {
        let task = self.tasks.get(&id)?;
        let history = self.shots.get(&(task.shot.clone(), task.variant))?;
        let found = history
            .spent
            .iter()
            .find(|(_, holder)| **holder == (id, index));
        found.map(|(take, _)| TakeNo(*take))
    }

    /// Gives the lowest take number above all that are spent or held by a task.
    #[must_use]
    pub fn next_take(&self, shot: &ShotId, variant: Variant) -> TakeNo {
        let Some(history) = self.history(shot, variant) else {
            return TakeNo(1);
        };
        let held = self
            .tasks_of(shot, variant)
            .filter(|(_, task)| task.weight().reserved > Micros::ZERO || task.is_open());
        let held = held
            .map(|(_, task)| task.takes.first.0 + task.takes.count - 1)
            .max();
        TakeNo(history.highest_spent().max(held.unwrap_or(0)) + 1)
    }

    /// Gives a task.
    #[must_use]
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        self.tasks.get(&id)
    }

    /// Gives every task, in no order.
    pub fn tasks(&self) -> impl Iterator<Item = (TaskId, &Task)> {
        self.tasks.iter().map(|(id, task)| (*id, task))
    }

    /// Gives every shot and variant that a task was ever intended for, in no order.
    pub fn histories(&self) -> impl Iterator<Item = (&(ShotId, Variant), &ShotHistory)> {
        self.shots.iter()
    }

    /// Gives the shots that have had variants: under each number the values it stood for, each set
    /// once, the latest last.
    pub fn varied(&self) -> impl Iterator<Item = (&ShotId, &Varied)> {
        self.varied.iter()
    }

    /// Gives what happened to a shot and variant.
    #[must_use]
    pub fn history(&self, shot: &ShotId, variant: Variant) -> Option<&ShotHistory> {
        self.shots.get(&(shot.clone(), variant))
    }

    /// Gives the tasks of a shot and variant, in the order of their first intents.
    pub fn tasks_of(
        &self,
        shot: &ShotId,
        variant: Variant,
    ) -> impl Iterator<Item = (TaskId, &Task)> {
        let ids = self
            .history(shot, variant)
            .map(|history| history.tasks.as_slice());
        ids.unwrap_or_default()
            .iter()
            .filter_map(|id| Some((*id, self.tasks.get(id)?)))
    }

    /// Gives the upload of a reference.
    #[must_use]
    pub fn upload(&self, sha256: &Sha256) -> Option<&Upload> {
        self.references.get(sha256)
    }

    /// Gives the dearest price told for an image of a model and size; none before the first.
    #[must_use]
    pub fn dearest(&self, model: &str, size: &str) -> Option<Micros> {
        self.dearest.get(&price_key(model, size)).copied()
    }

    /// Tells whether a task of the log may be sent once more under every cap.
    ///
    /// # Errors
    /// Names the first cap in the way.
    pub fn allow_again(&self, caps: &Caps, id: TaskId) -> Result<(), OverCap> {
        let task = self.tasks.get(&id);
        task.map_or(Ok(()), |task| self.accounts.allow_again(caps, task))
    }

    /// Tells whether the last run was cut off.
    #[must_use]
    pub fn was_cut_off(&self) -> bool {
        self.runs.last().is_some_and(|run| run.ended.is_none())
    }

    /// Tells whether some run went through the whole plan.
    ///
    /// Until then a log that was begun anew may lack purchases that an earlier log told of.
    #[must_use]
    pub fn was_gone_through(&self) -> bool {
        let whole = |run: &Run| {
            let done = run.ended.as_ref().is_some_and(|end| end.reason == "done");
            // One that obeyed a signed plan ends as `cap` where it left anything out.
            done && run.started.selection.is_empty()
        };
        self.runs.iter().any(whole)
    }

    /// Gives the run under way or the last one.
    #[must_use]
    pub fn last_run(&self) -> Option<&RunId> {
        self.runs.last().map(|run| &run.started.run)
    }
}

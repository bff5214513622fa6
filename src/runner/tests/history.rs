//! One history of a show: lives of the program, what befalls each, and what people do in between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use crate::domain::digest::Sha256;
use crate::domain::id::{RunId, ShotId, ShowId};
use crate::domain::money::Micros;
use crate::expand::numbers::Numbers;
use crate::ledger::decision::{self, Act, Decision, Decisions, SetAside};
use crate::ledger::fold::Ledger;
use crate::ledger::known;
use crate::ledger::money::Caps;
use crate::ledger::port::{LogError, RunLog as _};
use crate::ledger::record::{LogOpened, Record, RunEnded, RunStarted};
use crate::ledger::task::{End as TaskEnd, OnDisk, Task};
use crate::plan::build::{Builder, FileState, Plan, Terms};
use crate::plan::numbers;
use crate::plan::select::Selection;
use crate::runner::event::ProblemKind;
use crate::runner::outcome::{Outcome, Pace, RunEnd};
use crate::runner::search::{self, Found, Ground, NotWritten};
use crate::runner::settings::{AskFirst, Settings};
use crate::runner::shutdown::Stop;
use crate::runner::tests::cupboard::Shelf;
use crate::runner::tests::dice::Dice;
use crate::runner::tests::log_disk::{Death, Log};
use crate::runner::tests::promises;
use crate::runner::tests::service::Line;
use crate::runner::tests::show::{Edition, REWRITTEN, Script};
use crate::runner::tests::sights::{Sight, Sights};
use crate::runner::tests::universe::{Fates, State, Universe};
use crate::runner::tests::weather::{FOR_EVER, PRICE, Weather};
use crate::runner::{Doors, run};

/// The longest a run may take, in the time of its world.
const LONGEST_RUN: Duration = Duration::from_secs(6 * 3600);
/// How many calm lives may pass before nothing is left to do.
const CALM_LIVES: u32 = 12;

/// What a person says when starting a run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    pub(super) rebuy_missing: bool,
    pub(super) retry_refused: bool,
    pub(super) limit: Option<u32>,
}

/// A history as it goes on.
pub(super) struct History {
    pub(super) universe: Arc<Universe>,
    pub(super) script: Script,
    /// What the script asks for.
    edition: Arc<Edition>,
    pub(super) caps: Caps,
    pub(super) settings: Settings,
    pub(super) lives: u32,
    show: ShowId,
    /// Whether the end of the log was mended since the last life.
    mended: bool,
    /// What people decided.
    decisions: Decisions,
    decided: u64,
}

/// How a life ended.
#[derive(Debug)]
pub(super) enum End {
    /// There was nothing to do.
    Idle,
    /// The run ended by itself.
    Outcome(Box<Outcome>),
    /// The world ended first.
    Cut,
}

/// A history that broke a promise.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) promise: String,
    pub(super) trace: Vec<String>,
}

/// Plays the history of a seed to its end; gives what was seen, and told if it is traced.
pub(super) fn play(seed: u64, trace: bool) -> Result<(Sights, Vec<String>), Broken> {
    let mut dice = Dice::new(seed);
    let weather = Weather::draw(&mut dice);
    let script = Script::draw(&mut dice, weather.images.inline);
    let mut people = Dice::new(dice.draw());
    let mut history = History::new(dice, weather, script, trace);
    history.draw_settings(&mut people);
    let lives = people.pick(&[1, 2, 2, 3, 4]);
    for life in 0..lives {
        if life > 0 {
            history.meddle(&mut people);
        }
        history.live_through(&mut people);
        if history.is_broken() {
            return Err(history.broken());
        }
    }
    history.come_to_rest();
    if history.is_broken() {
        return Err(history.broken());
    }
    let mut state = history.universe.state();
    Ok((state.sights.clone(), state.trace.take().unwrap_or_default()))
}

impl History {
    pub(super) fn new(dice: Dice, weather: Weather, script: Script, trace: bool) -> Self {
        let show = ShowId::new("show");
        let universe = Universe::new(dice, weather, trace);
        universe.state().tell_weather();
        let settings = Settings {
            run: RunId::new("run"),
            show: show.clone(),
            began: universe.state().clock.wall(),
            jobs: 4,
            rate_per_minute: 0,
            retries: 4,
            quiet: Duration::from_secs(60),
            poll_batch: 3,
            patience: Duration::from_secs(1200),
            downloads: 2,
            caps: Caps::default(),
            ask_first: AskFirst::Nothing,
            seed: 1,
        };
        Self {
            universe,
            edition: Arc::new(Edition::of(&script, &Numbers::default())),
            script,
            caps: Caps::default(),
            settings,
            lives: 0,
            show,
            mended: false,
            decisions: Decisions::default(),
            decided: 0,
        }
    }

    fn draw_settings(&mut self, people: &mut Dice) {
        let settings = &mut self.settings;
        settings.jobs = people.pick(&[1, 2, 3, 5]);
        settings.rate_per_minute = people.pick(&[0, 0, 0, 30]);
        settings.retries = people.pick(&[0, 1, 2, 4]);
        settings.quiet = Duration::from_secs(people.pick(&[4, 10, 30]));
        settings.poll_batch = people.pick(&[1, 2, 4, 20]);
        settings.patience = Duration::from_secs(people.pick(&[10, 10, 40]));
        settings.downloads = people.pick(&[1, 2, 4]);
        self.caps = draw_caps(people);
    }

    pub(super) fn is_broken(&self) -> bool {
        self.universe.state().broken.is_some()
    }

    pub(super) fn broken(&self) -> Broken {
        let mut state = self.universe.state();
        Broken {
            promise: state.broken.clone().unwrap_or_default(),
            trace: state.trace.take().unwrap_or_default(),
        }
    }

    /// What people and time do between two lives.
    fn meddle(&mut self, people: &mut Dice) {
        let mut state = self.universe.state();
        if people.chance(300) && state.log_can_be_lost() {
            state.log.delete();
            state.allowed.log_was_lost = true;
            state.see(Sight::LogGone);
            state.tell(|| "people: the run log is deleted".to_owned());
        }
        if state.allowed.log_was_lost {
            // Only the same manifest finds what the log told of.
            return;
        }
        while people.chance(400) {
            let edit = self.script.edit(people);
            state.see(Sight::Edited);
            if edit == REWRITTEN {
                state.see(Sight::Rewritten);
            }
            state.tell(|| format!("people: {edit}"));
        }
        if people.chance(150) {
            self.caps = draw_caps(people);
            let caps = self.caps;
            state.tell(|| format!("people: caps are now {caps:?}"));
        }
        if people.chance(80)
            && let Some(path) = state.images.meddle(people)
        {
            state.see(Sight::FileGone);
            state.tell(|| format!("people: {path} is taken away or cut"));
        }
        let odds = state.weather.disk.in_the_way;
        if people.chance(odds)
            && let Some((_, wanted)) = self.edition.0.first()
        {
            let take = crate::domain::id::TakeNo(1 + u32::try_from(people.below(3)).unwrap_or(0));
            let path = format!("images/{}", wanted.name.path(take, "jpg"));
            state.images.put_in_the_way(path);
        }
        if state.weather.clock_jumps > 0 && people.chance(300) {
            state.clock.jump(people);
            state.see(Sight::ClockJump);
        }
        drop(state);
        if people.chance(250) {
            self.retake(people);
        }
    }

    /// Somebody asks for a shot again, or for one take of it: whatever it has counts no longer.
    fn retake(&mut self, people: &mut Dice) {
        let mut state = self.universe.state();
        let state = &mut *state;
        let known = known::takes(&state.log.ledger);
        let shots: Vec<&ShotId> = known.keys().collect();
        let Some(shot) = (!shots.is_empty()).then(|| people.pick(&shots)) else {
            return;
        };
        let aside = self.decisions.aside(shot);
        let takes = known[shot].iter().map(|known| known.take);
        let mut takes: Vec<SetAside> = takes
            .filter(|take| !aside.has(take.task, take.index))
            .collect();
        if people.chance(400) {
            takes.truncate(1);
        }
        state.allowed.retake(&state.log.ledger, &takes);
        state.see(Sight::Retaken);
        state.tell(|| {
            format!("people: {shot} is to be made again, these count no longer: {takes:?}")
        });
        self.decided += 1;
        self.decisions.apply(&decision::Stamped {
            seq: self.decided,
            at: Timestamp::UNIX_EPOCH,
            record: decision::Record::Decision(Box::new(Decision {
                act: Act::Retake(takes),
                shot: (*shot).clone(),
                take: None,
                note: None,
                by: None,
                column: None,
            })),
        });
    }

    fn live_through(&mut self, people: &mut Dice) {
        let flags = Flags {
            rebuy_missing: people.chance(120),
            retry_refused: people.chance(150),
            limit: people
                .chance(100)
                .then(|| 1 + u32::try_from(people.below(3)).unwrap_or(0)),
        };
        // Half the steps are among the first few dozen, where most of a life happens.
        let mut step = |odds| {
            let reach = people.pick(&[30, 120, 400]);
            people.chance(odds).then(|| people.within(1..reach))
        };
        let (crash, drain) = (step(550), step(200));
        let leave = drain.and_then(|drain| step(400).map(|more| drain + more));
        let fates = Fates {
            crash,
            drain,
            leave,
        };
        let pause = people.pick(&[1_000, 1_000, 70_000, 90_000_000]);
        let death = people.pick(&[Death::Kill, Death::PowerCut]);
        self.live(flags, fates);
        self.die(pause, death);
    }

    /// Lives on in fine weather until two lives in a row find nothing to do.
    pub(super) fn come_to_rest(&mut self) {
        {
            let mut state = self.universe.state();
            state.weather.clear_up();
            state.images.clear_the_way();
            state.tell(|| "the weather clears up".to_owned());
        }
        // It would take as many runs as there are takes left, which proves nothing.
        self.caps.run = None;
        let mut before = None;
        for _ in 0..CALM_LIVES {
            let end = self.live(Flags::default(), Fates::default());
            self.die(100_000, Death::Kill);
            if self.is_broken() {
                return;
            }
            let now = self.universe.state().happenings();
            let capped = self.lacks_only_money();
            if before == Some(now) && capped {
                promises::at_rest(&mut self.universe.state());
                return;
            }
            before = Some(now);
            drop(end);
        }
        self.universe
            .breaks(|| format!("after {CALM_LIVES} calm lives there is still something to do"));
    }

    /// Tells whether a new run would buy nothing but what a cap forbids.
    fn lacks_only_money(&self) -> bool {
        let plan = self.plan(Flags::default());
        plan.purchases
            .iter()
            .all(|purchase| purchase.over.is_some())
    }

    pub(super) fn plan(&self, flags: Flags) -> Plan {
        self.plan_of(&self.edition, flags)
    }

    fn plan_of(&self, edition: &Edition, flags: Flags) -> Plan {
        let state = self.universe.state();
        let selection = Selection {
            limit: flags.limit,
            ..Selection::default()
        };
        let files = |file: &OnDisk| match state.images.size(&file.path) {
            None => FileState::Missing,
            Some(size) if size == file.bytes => FileState::Present,
            Some(_) => FileState::OtherSize,
        };
        let terms = Terms {
            show: &self.show,
            selection: &selection,
            decisions: &self.decisions,
            caps: self.caps,
            rebuy_missing: flags.rebuy_missing,
            retry_refused: flags.retry_refused,
            file_state: &files,
        };
        let mut builder = Builder::new(&state.log.ledger, terms);
        for (index, wanted) in &edition.0 {
            builder.add(*index, wanted);
        }
        builder.finish()
    }

    /// Lives once.
    pub(super) fn live(&mut self, flags: Flags, fates: Fates) -> End {
        self.lives += 1;
        self.begin(flags, fates);
        let plan = self.plan(flags);
        if plan.purchases.is_empty() && plan.settle.is_empty() && plan.refetch.is_empty() {
            return End::Idle;
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let end = runtime.block_on(async {
            self.universe.state().clock.begin_life();
            let end = tokio::select! {
                biased;
                () = self.universe.ends() => End::Cut,
                end = tokio::time::timeout(LONGEST_RUN, self.run(plan, flags)) => {
                    end.unwrap_or_else(|_| {
                        self.universe.breaks(|| "a run does not end: it waits for ever".to_owned());
                        End::Cut
                    })
                }
            };
            let mut state = self.universe.state();
            state.look_back(&end);
            // Whatever the runtime still holds ends with it, at no time at all.
            state.dead = true;
            state.stop = None;
            state.clock.end_life(0);
            end
        });
        self.mended = false;
        end
    }

    /// Ends a life: time passes, and what was not kept is gone.
    pub(super) fn die(&mut self, pause: u64, death: Death) {
        let mut state = self.universe.state();
        let state = &mut *state;
        state.clock.end_life(pause);
        let torn = state.log.die(death, &mut state.dice);
        state.images.die(death, &mut state.dice);
        if death == Death::PowerCut {
            state.see(Sight::PowerCut);
        }
        if torn {
            self.mended = true;
            state.see(Sight::LogTorn);
        }
        if let Err(why) = state.log.open() {
            state.breaks(|| why);
        }
        if state.broken.is_none() {
            promises::after_life(state);
        }
    }

    /// Works out what the script asks for, given what the log tells.
    fn edition(&self, ledger: &Ledger, found: &[Found]) -> Arc<Edition> {
        let mut numbers = numbers::known(ledger, &self.script.varied());
        for found in found {
            numbers.add(&found.shot, found.number());
        }
        Arc::new(Edition::of(&self.script, &numbers))
    }

    fn begin(&mut self, flags: Flags, fates: Fates) {
        let universe = Arc::clone(&self.universe);
        let mut state = universe.state();
        let state = &mut *state;
        self.edition = self.edition(&state.log.ledger, &[]);
        state.deliver();
        for (_, wanted) in &self.edition.0 {
            state.allowed.want(wanted);
        }
        state.steps = 0;
        state.dead = false;
        state.fates = fates;
        state.caps = self.caps;
        state.see(Sight::Life);
        let life = self.lives;
        state.tell(|| format!("life {life}: {flags:?} {fates:?}"));
        if flags.rebuy_missing {
            state.see(Sight::Rebuy);
            state.allowed.rebuy(&state.log.ledger, &state.images);
        }
        if flags.retry_refused {
            state.see(Sight::RetryRefused);
        }
    }

    async fn run(&self, mut plan: Plan, flags: Flags) -> End {
        let (log_is_new, cut_off, gone_through) = {
            let state = self.universe.state();
            let ledger = &state.log.ledger;
            let (cut_off, gone_through) = (ledger.was_cut_off(), ledger.was_gone_through());
            (state.log.is_new(), cut_off, gone_through)
        };
        let log = Arc::new(Log::start(Arc::clone(&self.universe)));
        let settings = Settings {
            run: RunId::new(&format!("run-{}", self.lives)),
            began: self.universe.state().clock.wall(),
            caps: self.caps,
            ask_first: if !gone_through {
                AskFirst::EveryAttempt
            } else if self.mended || cut_off {
                AskFirst::NextAttempt
            } else {
                AskFirst::Nothing
            },
            seed: u64::from(self.lives),
            ..self.settings.clone()
        };
        if cut_off || log_is_new {
            self.universe.state().images.sweep();
        }
        let mut edition = Arc::clone(&self.edition);
        if settings.ask_first == AskFirst::EveryAttempt {
            match self.search(&log, &settings).await {
                Ok(None) => {}
                Ok(Some(found)) => {
                    plan = self.plan_of(&found, flags);
                    edition = found;
                }
                Err(end) => return end,
            }
            // Most lives end where most happens, which is not while questions are asked.
            let mut state = self.universe.state();
            if state.dice.chance(700) {
                state.steps = 0;
            }
        }
        let ledger = match self.open(&log, &settings, flags).await {
            Ok(ledger) => ledger,
            Err(error) => return End::Outcome(Box::new(failed(error))),
        };
        let doors = Doors {
            log: Arc::clone(&log),
            provider: Arc::new(Line(Arc::clone(&self.universe))),
            store: Arc::new(Shelf(Arc::clone(&self.universe))),
            orders: edition as _,
        };
        let (stop, stopped) = watch::channel(Stop::No);
        self.universe.state().stop = Some(stop);
        // Nobody watches.
        let (events, _) = mpsc::unbounded_channel();
        let id = settings.run.clone();
        let outcome = run(doors, ledger, plan, settings, stopped, events).await;
        if !matches!(outcome.end, RunEnd::Left(_) | RunEnd::Log(_)) {
            let ended = RunEnded {
                run: id,
                reason: outcome.end.word().to_owned(),
                counts: BTreeMap::new(),
                spent: outcome.spent(),
                reserved: outcome.reserved(),
            };
            if let Err(error) = log.append(Record::RunEnded(ended)).await {
                return End::Outcome(Box::new(failed(error)));
            }
        }
        End::Outcome(Box::new(outcome))
    }

    /// Searches for what a lost log told of, as the program does; gives what is asked for under the
    /// numbers that were found, if anything was.
    async fn search(&self, log: &Log, settings: &Settings) -> Result<Option<Arc<Edition>>, End> {
        let before = self.universe.state().log.ledger.clone();
        let ground = Ground {
            show: &self.show,
            ledger: &before,
            shots: self.script.shots.len(),
            wanted: &|index| self.edition.of_shot(index),
            poll_batch: settings.poll_batch,
            retries: settings.retries,
            going_on: &|| {},
        };
        let line = Line(Arc::clone(&self.universe));
        let found = match search::search(&line, &ground).await {
            Ok(found) if found.is_empty() => return Ok(None),
            Ok(found) => found,
            Err(trouble) => {
                let end = RunEnd::Unreachable(trouble);
                let outcome = Outcome::not_begun(end, before, &Plan::default());
                return Err(End::Outcome(Box::new(outcome)));
            }
        };
        let failed = |error| End::Outcome(Box::new(failed(error)));
        self.begin_log(log).await.map_err(failed)?;
        let edition = self.edition(&before, &found);
        let mut ledger = self.universe.state().log.ledger.clone();
        let run = &settings.run;
        match search::take_over(log, &mut ledger, &found, &*edition, run).await {
            Ok(_) => {
                self.universe.state().see(Sight::Searched);
                Ok(Some(edition))
            }
            Err(NotWritten::Log(error)) => Err(failed(error)),
            Err(NotWritten::Contradiction(why)) => {
                self.universe.breaks(|| why.to_string());
                Err(End::Cut)
            }
        }
    }

    async fn begin_log(&self, log: &Log) -> Result<(), LogError> {
        if self.universe.state().log.is_new() {
            let opened = LogOpened {
                format: 1,
                show: self.show.clone(),
                show_id_from_manifest: true,
                tool: "test".to_owned(),
            };
            log.append(Record::LogOpened(opened)).await?;
        }
        Ok(())
    }

    /// Begins the log where there is none, and the run; gives the ledger the run begins with.
    async fn open(&self, log: &Log, settings: &Settings, flags: Flags) -> Result<Ledger, LogError> {
        self.begin_log(log).await?;
        let started = RunStarted {
            run: settings.run.clone(),
            manifest: Sha256::of(b""),
            selection: flags.limit.iter().map(|_| "--limit".to_owned()).collect(),
            caps: BTreeMap::new(),
            plan: None,
            jobs: 4,
            endpoint: String::new(),
            tool: "test".to_owned(),
        };
        log.append(Record::RunStarted(Box::new(started))).await?;
        Ok(self.universe.state().log.ledger.clone())
    }
}

/// The outcome of a run that could not begin or end its log.
fn failed(error: LogError) -> Outcome {
    Outcome {
        end: RunEnd::Log(error),
        ledger: Ledger::default(),
        problems: Vec::new(),
        saved: 0,
        refetched: 0,
        not_begun: 0,
        capped: Vec::new(),
        pace: Pace::default(),
    }
}

fn draw_caps(people: &mut Dice) -> Caps {
    let mut cap = |odds| {
        let cap = Micros::new(PRICE * people.within(1..9) + people.below(3) * 9_000);
        people.chance(odds).then_some(cap)
    };
    Caps {
        run: cap(250),
        show: cap(200),
        sequence: cap(150),
        shot: cap(150),
        plan: None,
    }
}

impl State {
    fn tell_weather(&mut self) {
        let weather = self.weather.clone();
        self.tell(|| format!("{weather:#?}"));
    }

    /// Tells whether everything that was bought can be found without the log: all of it has arrived,
    /// and its ids are those of a first run of this manifest, or the archive remembers all of them
    /// for as long as it takes to search for others.
    fn log_can_be_lost(&self) -> bool {
        let never = |sight| self.sights.of(sight) == 0;
        // A run with a new log looks through so many attempts. It finds those behind a refused one
        // by asking: nothing is sent under their ids that could be answered by a conflict.
        let asked = self.weather.memory.archive >= FOR_EVER;
        let most = if asked { 4 } else { 0 };
        let found = |task: &Task| {
            let gone = matches!(task.end, Some(TaskEnd::Failed(..) | TaskEnd::Refused(_)));
            // The images of one task need not come in the order in which they were numbered.
            let single = task.takes.count == 1;
            let as_first = !gone && never(Sight::Edited);
            single && task.attempt.0 <= most && (asked || as_first)
        };
        never(Sight::Rewritten)
            && never(Sight::Rebuy)
            && !self.log.is_new()
            && self.books.nothing_is_on_its_way()
            && self.log.ledger.tasks().all(|(_, task)| found(task))
    }

    /// Counts the records that say more than that a run began or ended.
    fn happenings(&self) -> usize {
        let records = self.log.records.iter();
        records
            .filter(|stamped| {
                !matches!(
                    stamped.record,
                    Record::LogOpened(_) | Record::RunStarted(_) | Record::RunEnded(_)
                )
            })
            .count()
    }

    /// Judges how a life ended.
    fn look_back(&mut self, end: &End) {
        let outcome = match end {
            End::Idle => return,
            End::Cut => return self.see(Sight::Crash),
            End::Outcome(outcome) => outcome,
        };
        self.tell(|| format!("the run ends: {:?} {:?}", outcome.end, outcome.problems));
        let problems = outcome.problems.iter();
        let unsure = problems
            .filter(|problem| matches!(problem.kind, ProblemKind::Unsure | ProblemKind::UnderWay));
        self.unsure = unsure.map(|problem| problem.task).collect();
        match &outcome.end {
            RunEnd::Log(error) if !self.log.failed => {
                self.breaks(|| format!("the run ended for no fault of the log: {error}"));
                return;
            }
            RunEnd::Log(_) => return,
            RunEnd::Left(_) => return self.see(Sight::Left),
            RunEnd::Drained(_) => self.see(Sight::Drain),
            RunEnd::Cap(_) => self.see(Sight::CapReached),
            RunEnd::Account(_) => self.see(Sight::AccountStop),
            RunEnd::Done | RunEnd::Disk(_) | RunEnd::Unreachable(_) => {}
        }
        if let Some(differs) = promises::same_state(&outcome.ledger, &self.log.ledger)
            && !matches!(outcome.end, RunEnd::Disk(_))
        {
            self.breaks(|| differs);
        }
    }
}

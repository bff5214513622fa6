//! Crash anywhere, restart, and count: each take bought once, each image kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::domain::digest::Sha256;
use crate::domain::id::{RunId, ShowId, Variant};
use crate::domain::money::Micros;
use crate::ledger::fold::Ledger;
use crate::ledger::money::Caps;
use crate::ledger::port::RunLog as _;
use crate::ledger::record::{LogOpened, Record, RunEnded, RunStarted};
use crate::plan::build::{Builder, FileState, Plan, Terms};
use crate::plan::select::Selection;
use crate::runner::order::Orders as _;
use crate::runner::outcome::{Outcome, RunEnd};
use crate::runner::settings::Settings;
use crate::runner::shutdown::Stop;
use crate::runner::tests::doors::{Line, Log, Odds, Shelf, Universe, Vendor};
use crate::runner::tests::show::Shots;
use crate::runner::{Doors, run};

const PRICE: u64 = 28_000;

/// One history of a show: its lives and what they left.
struct History {
    universe: Arc<Universe>,
    shots: Arc<Shots>,
    caps: Caps,
    lives: u64,
}

impl History {
    fn new(seed: u64, shots: Shots, odds: Odds, caps: Caps) -> Self {
        Self {
            universe: Universe::new(seed, odds),
            shots: Arc::new(shots),
            caps,
            lives: 0,
        }
    }

    fn fold(&self) -> Ledger {
        let mut ledger = Ledger::default();
        for stamped in &self.universe.state().log {
            ledger
                .apply(stamped)
                .unwrap_or_else(|error| panic!("{error}: {stamped:?}"));
        }
        ledger
    }

    fn plan(&self, ledger: &Ledger) -> Plan {
        let selection = Selection::default();
        let state = |file: &crate::ledger::task::OnDisk| {
            let there = self.universe.state().files.contains_key(&file.path);
            if there {
                FileState::Present
            } else {
                FileState::Missing
            }
        };
        let show = ShowId::new("show");
        let mut builder = Builder::new(
            ledger,
            Terms {
                show: &show,
                selection: &selection,
                caps: self.caps,
                rebuy_missing: false,
                retry_refused: false,
                file_state: &state,
            },
        );
        for index in 0..self.shots.count {
            let wanted = self.shots.wanted(index, Variant(0)).expect("a shot");
            builder.add(index, &wanted);
        }
        builder.finish()
    }

    /// Lives once; gives the outcome unless the world ended first.
    fn live(&mut self, crash_at: Option<u64>) -> Option<Outcome> {
        self.lives += 1;
        self.universe.restart(crash_at);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.universe.crashed.notified() => None,
                outcome = self.run() => Some(outcome),
            }
        })
    }

    async fn run(&self) -> Outcome {
        let log = Arc::new(Log(Arc::clone(&self.universe)));
        let id = RunId::new(&format!("run-{}", self.lives));
        if self.universe.state().log.is_empty() {
            let opened = LogOpened {
                format: 1,
                show: ShowId::new("show"),
                show_id_from_manifest: true,
                tool: "test".to_owned(),
            };
            log.append(Record::LogOpened(opened)).await.expect("a log");
        }
        let started = RunStarted {
            run: id.clone(),
            manifest: Sha256::of(b""),
            selection: Vec::new(),
            caps: BTreeMap::new(),
            jobs: 4,
            endpoint: String::new(),
            tool: "test".to_owned(),
        };
        log.append(Record::RunStarted(Box::new(started)))
            .await
            .expect("a log");
        let ledger = self.fold();
        let plan = self.plan(&ledger);
        let doors = Doors {
            log: Arc::clone(&log),
            provider: Arc::new(Line {
                vendor: Vendor(Arc::clone(&self.universe)),
                born: Instant::now(),
            }),
            store: Arc::new(Shelf(Arc::clone(&self.universe))),
            orders: Arc::clone(&self.shots) as _,
        };
        let settings = Settings {
            run: id.clone(),
            show: ShowId::new("show"),
            began: self.universe.state().now(),
            jobs: 4,
            rate_per_minute: 0,
            retries: 4,
            quiet: Duration::from_secs(60),
            poll_batch: 3,
            patience: Duration::from_secs(1200),
            downloads: 2,
            caps: self.caps,
            ask_first: self.lives == 1,
            seed: self.lives,
        };
        let (_stop, stopped) = watch::channel(Stop::No);
        let (events, _watcher) = mpsc::unbounded_channel();
        let outcome = run(doors, ledger, plan, settings, stopped, events).await;
        let ended = RunEnded {
            run: id,
            reason: outcome.end.word().to_owned(),
            counts: BTreeMap::new(),
            spent: outcome.spent(),
            reserved: outcome.reserved(),
        };
        log.append(Record::RunEnded(ended)).await.expect("a log");
        outcome
    }

    /// Every image that was billed is on disk under a name of its own, and in the log.
    fn audit(&self, seed: u64) {
        let ledger = self.fold();
        let state = self.universe.state();
        let billed: BTreeSet<_> = state
            .tasks
            .values()
            .flat_map(|task| task.images.iter().cloned())
            .collect();
        let on_disk: BTreeSet<_> = state.files.values().cloned().collect();
        assert_eq!(
            billed, on_disk,
            "seed {seed}: what was billed is not what is on disk"
        );
        let spent = Micros::new(PRICE * billed.len() as u64);
        assert_eq!(ledger.accounts.show.spent, spent, "seed {seed}: money");
    }
}

fn calm() -> Odds {
    Odds::default()
}

fn stormy() -> Odds {
    Odds {
        lose_request: 60,
        lose_reply: 60,
        turn_away: 60,
        end_without_image: 0,
        break_download: 60,
        fail_question: 60,
    }
}

fn small() -> Shots {
    Shots {
        count: 4,
        takes: 2,
        per_task: 1,
    }
}

/// Lives on until a life ends by itself with everything done.
fn live_to_the_end(history: &mut History, first_crash: Option<u64>, seed: u64) {
    let mut outcome = history.live(first_crash);
    for _ in 0..6 {
        match outcome {
            Some(Outcome {
                end: RunEnd::Done,
                ref problems,
                ..
            }) if problems.is_empty() => return,
            _ => outcome = history.live(None),
        }
    }
    panic!(
        "seed {seed}: not done after {} lives: {outcome:?}",
        history.lives
    );
}

#[test]
fn a_calm_run_buys_each_take_once() {
    let mut history = History::new(1, small(), calm(), Caps::default());
    live_to_the_end(&mut history, None, 1);
    assert_eq!(history.lives, 1);
    assert_eq!(history.universe.state().images_billed(), 8);
    history.audit(1);
}

#[test]
fn a_crash_at_any_step_loses_and_repeats_nothing() {
    let mut whole = History::new(1, small(), calm(), Caps::default());
    live_to_the_end(&mut whole, None, 1);
    let steps = whole.universe.state().steps;
    assert!(steps > 50, "{steps}");
    for crash_at in 1..=steps {
        let mut history = History::new(1, small(), calm(), Caps::default());
        live_to_the_end(&mut history, Some(crash_at), crash_at);
        assert!(
            history.lives <= 3,
            "{} lives after a crash at {crash_at}",
            history.lives
        );
        assert_eq!(
            history.universe.state().images_billed(),
            8,
            "crash at {crash_at}"
        );
        history.audit(crash_at);
    }
}

#[test]
fn a_storm_with_crashes_loses_and_repeats_nothing() {
    for seed in 0..300 {
        let shots = Shots {
            count: 5,
            takes: 3,
            per_task: 1 + u32::try_from(seed % 3).unwrap(),
        };
        let mut history = History::new(seed, shots, stormy(), Caps::default());
        live_to_the_end(&mut history, Some(20 + seed % 150), seed);
        assert_eq!(history.universe.state().images_billed(), 15, "seed {seed}");
        history.audit(seed);
    }
}

#[test]
fn takes_that_end_without_an_image_are_tried_again_under_new_ids() {
    for seed in 0..50 {
        let odds = Odds {
            end_without_image: 200,
            ..stormy()
        };
        let mut history = History::new(seed, small(), odds, Caps::default());
        live_to_the_end(&mut history, Some(30 + seed), seed);
        assert_eq!(history.universe.state().images_billed(), 8, "seed {seed}");
        history.audit(seed);
    }
}

#[test]
fn a_cap_holds_over_crashes() {
    for seed in 0..100 {
        let cap = Micros::new(PRICE * 5);
        let caps = Caps {
            run: Some(cap),
            show: Some(cap),
            ..Caps::default()
        };
        let mut history = History::new(seed, small(), stormy(), caps);
        let mut outcome = history.live(Some(20 + seed));
        for _ in 0..5 {
            let billed = history.universe.state().images_billed();
            assert!(billed <= 5, "seed {seed}: {billed} images under a cap of 5");
            if matches!(
                outcome,
                Some(Outcome {
                    end: RunEnd::Cap(_),
                    ..
                })
            ) {
                break;
            }
            outcome = history.live(None);
        }
        assert!(
            matches!(
                outcome,
                Some(Outcome {
                    end: RunEnd::Cap(_),
                    ..
                })
            ),
            "seed {seed}: {outcome:?}"
        );
        history.audit(seed);
    }
}

//! A provider that takes only so many at once, is slow, or goes away: how fast a run still is, what
//! it sends meanwhile, and that it marks nothing as failed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::domain::digest::Sha256;
use crate::domain::id::{RunId, ShowId, Variant};
use crate::expand::request::{SentImage, SentReference};
use crate::expand::wanted::Wanted;
use crate::ledger::decision::Decisions;
use crate::ledger::fold::Ledger;
use crate::ledger::money::Caps;
use crate::ledger::port::RunLog as _;
use crate::ledger::record::{LogOpened, Record, RunStarted};
use crate::plan::build::{Builder, FileState, Plan, Terms};
use crate::plan::select::Selection;
use crate::runner::event::{Event, Pause};
use crate::runner::order::Orders;
use crate::runner::outcome::{Outcome, RunEnd};
use crate::runner::settings::{AskFirst, Settings};
use crate::runner::shutdown::{Stop, Why};
use crate::runner::tests::show::Shots;
use crate::runner::tests::teller::{Teller, time};
use crate::runner::tests::vendor::{Ill, Nature, Vendor};
use crate::runner::{Doors, run};

/// Shots that share one reference file.
struct Referring(Shots);

impl Orders for Referring {
    fn wanted(&self, shot_index: usize, variant: Variant) -> Option<Wanted> {
        let mut wanted = self.0.wanted(shot_index, variant)?;
        wanted.request.references.push(SentReference {
            image: SentImage::File {
                path: "/face.png".to_owned(),
                shown: "face.png".to_owned(),
                sha256: Sha256::of(b"face"),
                media_type: "image/png",
            },
            role: Some("face".to_owned()),
            scope: None,
            entry: None,
            marker: String::new(),
        });
        Some(wanted)
    }
}

/// A show, its log and its images, and the lives it goes through.
struct Stage {
    disk: Teller,
    orders: Arc<dyn Orders>,
    shots: usize,
    jobs: usize,
    lives: u64,
}

/// What came of a life.
struct Told {
    outcome: Outcome,
    events: Vec<Event>,
    took: Duration,
}

impl Stage {
    fn new(shots: usize, jobs: usize) -> Self {
        Self {
            disk: Teller::default(),
            orders: Arc::new(all(shots)),
            shots,
            jobs,
            lives: 0,
        }
    }

    /// Lives until the run ends by itself, told to stop after a while if asked.
    async fn live(&mut self, vendor: &Arc<Vendor>, stop_after: Option<Duration>) -> Told {
        self.lives += 1;
        let log = Arc::new(self.disk.clone());
        let id = RunId::new(&format!("run-{}", self.lives));
        if self.lives == 1 {
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
            plan: None,
            jobs: 4,
            endpoint: String::new(),
            tool: "test".to_owned(),
        };
        let started = Record::RunStarted(Box::new(started));
        log.append(started).await.expect("a log");
        let ledger = self.fold();
        let began = time(ledger.last_seq + 1);
        let plan = self.plan(&ledger);
        let doors = Doors {
            log,
            provider: Arc::clone(vendor),
            store: Arc::new(self.disk.clone()),
            orders: Arc::clone(&self.orders),
        };
        let settings = Settings {
            run: id,
            show: ShowId::new("show"),
            began,
            jobs: self.jobs,
            rate_per_minute: 0,
            retries: 4,
            quiet: Duration::from_secs(60),
            poll_batch: 20,
            patience: Duration::from_secs(1200),
            downloads: 8,
            caps: Caps::default(),
            ask_first: AskFirst::Nothing,
            seed: 11,
        };
        let (stop, stopped) = watch::channel(Stop::No);
        let (sender, mut watcher) = mpsc::unbounded_channel();
        let began = Instant::now();
        let running = run(doors, ledger, plan, settings, stopped, sender);
        let stopping = async {
            if let Some(after) = stop_after {
                tokio::time::sleep(after).await;
                stop.send_replace(Stop::Drain(Why::Interrupted));
            }
            std::future::pending::<()>().await;
        };
        let outcome = tokio::select! {
            outcome = running => outcome,
            () = stopping => unreachable!("it never ends"),
        };
        let took = began.elapsed();
        let mut events = Vec::new();
        while let Ok(event) = watcher.try_recv() {
            events.push(event);
        }
        Told {
            outcome,
            events,
            took,
        }
    }

    fn fold(&self) -> Ledger {
        let mut ledger = Ledger::default();
        for stamped in &self.disk.world().log {
            ledger.apply(stamped).expect("a log that makes sense");
        }
        ledger
    }

    fn plan(&self, ledger: &Ledger) -> Plan {
        let (show, selection) = (ShowId::new("show"), Selection::default());
        let terms = Terms {
            show: &show,
            selection: &selection,
            decisions: &Decisions::default(),
            caps: Caps::default(),
            rebuy_missing: false,
            retry_refused: false,
            file_state: &|_| FileState::Present,
        };
        let mut builder = Builder::new(ledger, terms);
        for index in 0..self.shots {
            let wanted = self.orders.wanted(index, Variant(0)).expect("a shot");
            builder.add(index, &wanted);
        }
        builder.finish()
    }

    /// Counts the records of a kind.
    fn records(&self, is: fn(&Record) -> bool) -> usize {
        self.disk.kinds(is)
    }

    /// Every shot has its one image, bought under its first id, and nothing else was logged.
    fn is_whole(&self, told: &Told, vendor: &Vendor) {
        assert_eq!(told.outcome.end, RunEnd::Done);
        assert_eq!(told.outcome.problems, []);
        assert_eq!(self.disk.world().files.len(), self.shots);
        assert_eq!(vendor.state().tasks.len(), self.shots);
        assert_eq!(self.records(|r| matches!(r, Record::Failed(_))), 0);
    }
}

const fn all(count: usize) -> Shots {
    Shots {
        count,
        takes: 1,
        per_task: 1,
    }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn pauses(events: &[Event]) -> Vec<&Pause> {
    let pauses = events.iter().filter_map(|event| match event {
        Event::Pause(pause) => Some(pause),
        _ => None,
    });
    pauses.collect()
}

/// Runs against a cap of half of what is asked for; gives the wall over the ideal one, in percent.
async fn storm(jobs: usize, shots: usize, nature: Nature) -> (u128, Told) {
    let cap = jobs / 2;
    let nature = Nature {
        caps: vec![(Duration::ZERO, cap)],
        ..nature
    };
    let mean = nature.takes + nature.varies / 2;
    let vendor = Arc::new(Vendor::new(nature));
    let mut stage = Stage::new(shots, jobs);
    let told = stage.live(&vendor, None).await;
    stage.is_whole(&told, &vendor);
    assert_eq!(stage.records(|r| matches!(r, Record::Intent(_))), shots);
    assert_eq!(vendor.state().peak, cap, "the cap was made use of");
    assert!(told.outcome.pace.busy > 0 && told.outcome.pace.lowest < jobs);
    let ideal = mean.as_millis() * shots.div_ceil(cap) as u128;
    (told.took.as_millis() * 100 / ideal, told)
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_429_ends_within_a_quarter_over_the_ideal_wall() {
    for (jobs, shots) in [(64, 480), (16, 160), (8, 80), (2, 24)] {
        let (percent, told) = storm(jobs, shots, Nature::default()).await;
        assert!(percent <= 125, "-j {jobs}, {shots} shots: {percent} %");
        // Each turned away costs a request: few, beside the half that is turned away at first.
        let most = jobs as u64 / 2 + shots as u64 / 4;
        assert!(told.outcome.pace.busy <= most, "{:?}", told.outcome.pace);
    }
}

#[tokio::test(start_paused = true)]
async fn the_storm_may_vary_and_may_ask_for_time() {
    let uneven = Nature {
        takes: secs(1),
        varies: secs(4),
        ..Nature::default()
    };
    let asking = Nature {
        retry_after: Some(secs(1)),
        takes: secs(4),
        ..Nature::default()
    };
    let waiting = Nature {
        sync: true,
        ..uneven.clone()
    };
    for nature in [uneven, asking, waiting] {
        for (jobs, shots) in [(64, 480), (16, 240)] {
            let (percent, _) = storm(jobs, shots, nature.clone()).await;
            assert!(percent <= 125, "-j {jobs}: {percent} % with {nature:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cap_that_moves_is_followed() {
    let nature = Nature {
        caps: vec![
            (Duration::ZERO, 4),
            (secs(30), 48),
            (secs(70), 12),
            (secs(100), 1000),
        ],
        ..Nature::default()
    };
    let vendor = Arc::new(Vendor::new(nature));
    let mut stage = Stage::new(60 + 600 + 180 + 500, 64);
    let told = stage.live(&vendor, None).await;
    stage.is_whole(&told, &vendor);
    // The caps leave room for 1200 in the first hundred seconds, and the rest is soon done.
    assert!(told.took <= secs(130), "{:?}", told.took);
    let last = told.events.iter().rev().find_map(|event| match event {
        Event::Limit { now, .. } => Some(*now),
        _ => None,
    });
    assert_eq!(last, Some(64));
}

#[tokio::test(start_paused = true)]
async fn what_the_provider_asks_for_is_waited_for() {
    let nature = Nature {
        retry_after: Some(secs(20)),
        ill: vec![(Duration::ZERO, secs(130), Ill::Busy)],
        ..Nature::default()
    };
    let vendor = Arc::new(Vendor::new(nature));
    let mut stage = Stage::new(6, 1);
    let told = stage.live(&vendor, None).await;
    stage.is_whole(&told, &vendor);
    let state = vendor.state();
    let refused: Vec<_> = state.sends.iter().take_while(|(_, taken)| !taken).collect();
    assert!(refused.len() > 5, "more than any number of attempts");
    for pair in state.sends[..=refused.len()].windows(2) {
        assert!(pair[1].0 >= pair[0].0 + secs(20), "{:?}", state.sends);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_waited_out_by_one_task_at_a_time() {
    for (from, to, ill) in [(9, 100, Ill::Unavailable), (0, 25, Ill::Gone)] {
        let nature = Nature {
            ill: vec![(secs(from), secs(to), ill)],
            ..Nature::default()
        };
        let vendor = Arc::new(Vendor::new(nature));
        let mut stage = Stage::new(400, 16);
        let told = stage.live(&vendor, None).await;
        stage.is_whole(&told, &vendor);
        let pace = told.outcome.pace;
        assert_eq!((pace.pauses, pace.busy), (1, 0), "{ill:?}: {pace:?}");
        // Those that were under way when it began, and then the probes, ever more rarely.
        let state = vendor.state();
        let while_ill: Vec<_> = state.sends.iter().filter(|(_, taken)| !taken).collect();
        assert!(while_ill.len() <= 16 + 10, "{ill:?}: {while_ill:?}");
        let probes = &while_ill[while_ill.len() - 4..];
        for pair in probes.windows(2) {
            assert!(pair[1].0 > pair[0].0 + secs(1) / 2, "{ill:?}: {probes:?}");
        }
        match pauses(&told.events).as_slice() {
            [Pause::Began { failures: 5, .. }, .., Pause::Ended { after }] => {
                let least = secs(to - from - 1);
                assert!(*after >= least && *after < least * 2, "{after:?}");
            }
            other => panic!("{other:?}"),
        }
        // 25 waves of two seconds, and the outage.
        assert!(told.took <= secs(230), "{ill:?}: {:?}", told.took);
    }
}

#[tokio::test(start_paused = true)]
async fn questions_that_fail_for_a_while_hold_nothing_back() {
    let nature = Nature {
        ill: vec![(secs(9), secs(100), Ill::Gone)],
        ..Nature::default()
    };
    let vendor = Arc::new(Vendor::new(nature));
    let mut stage = Stage::new(400, 16);
    let told = stage.live(&vendor, None).await;
    stage.is_whole(&told, &vendor);
    // Everything that may be in flight was, so that nothing was sent into the outage.
    assert_eq!(
        (told.outcome.pace.lowest, told.outcome.pace.pauses),
        (16, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn sends_that_nobody_can_tell_of_open_the_breaker_too() {
    let nature = Nature {
        ill: vec![(secs(5), secs(70), Ill::Broken)],
        ..Nature::default()
    };
    let vendor = Arc::new(Vendor::new(nature));
    let mut stage = Stage::new(200, 8);
    let told = stage.live(&vendor, None).await;
    stage.is_whole(&told, &vendor);
    assert!(told.outcome.pace.pauses >= 1);
    let state = vendor.state();
    let broken = state.sends.iter().filter(|(_, taken)| !taken).count();
    assert!(broken <= 20, "{broken} sends into the outage");
    assert_eq!(state.conflicts, 0);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_stays_away_ends_the_run_with_nothing_failed() {
    let ever = secs(1_000_000);
    for (from, ill, longest) in [
        (Duration::ZERO, Ill::Unavailable, 100),
        (Duration::ZERO, Ill::Gone, 100),
        (secs(9), Ill::Unavailable, 500),
        // What was taken is asked about for twenty minutes first.
        (secs(9), Ill::Gone, 1700),
        (secs(9), Ill::Busy, 1300),
    ] {
        let nature = Nature {
            ill: vec![(from, ever, ill)],
            ..Nature::default()
        };
        let vendor = Arc::new(Vendor::new(nature));
        let mut stage = Stage::new(100, 4);
        let told = stage.live(&vendor, None).await;
        let outcome = &told.outcome;
        assert!(matches!(outcome.end, RunEnd::Unreachable(_)), "{outcome:?}");
        assert!(told.took <= secs(longest), "{ill:?}: {:?}", told.took);
        assert_eq!(stage.records(|r| matches!(r, Record::Failed(_))), 0);
        let taken = vendor.state().tasks.len() as u64;
        let unsaved = if ill == Ill::Gone {
            outcome.problems.len() as u64
        } else {
            0
        };
        assert_eq!(
            outcome.problems.len() as u64,
            unsaved,
            "{:?}",
            outcome.problems
        );
        assert_eq!(outcome.saved + unsaved, taken, "{ill:?}");
        assert_eq!(outcome.not_begun, 100 - taken, "{ill:?}");
        let sends = vendor.state().sends.len() as u64;
        assert!(sends <= taken + 100, "{ill:?}: {sends} sends");

        // The same command goes on when it is back; what was turned away keeps its id.
        let back = Arc::new(Vendor::new(Nature::default()));
        back.state()
            .tasks
            .extend(vendor.state().tasks.keys().map(|id| (*id, Duration::ZERO)));
        let told = stage.live(&back, None).await;
        stage.is_whole(&told, &back);
        assert_eq!(back.state().conflicts, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_while_sending_pauses_it_leaves_soon() {
    let nature = Nature {
        ill: vec![(secs(5), secs(1_000_000), Ill::Unavailable)],
        ..Nature::default()
    };
    let vendor = Arc::new(Vendor::new(nature));
    let mut stage = Stage::new(100, 8);
    let told = stage.live(&vendor, Some(secs(40))).await;
    assert_eq!(told.outcome.end, RunEnd::Drained(Why::Interrupted));
    assert!(told.took <= secs(41), "{:?}", told.took);
    assert_eq!(told.outcome.problems, []);
    let taken = vendor.state().tasks.len() as u64;
    assert_eq!(
        (told.outcome.saved, told.outcome.not_begun),
        (taken, 100 - taken)
    );
    assert!(matches!(
        pauses(&told.events).as_slice(),
        [Pause::Began { .. }, Pause::GoesOn { .. }, ..]
    ));
}

#[tokio::test(start_paused = true)]
async fn an_outage_during_uploads_fails_no_take() {
    for (until, whole) in [(secs(40), true), (secs(1_000_000), false)] {
        let nature = Nature {
            ill: vec![(Duration::ZERO, until, Ill::Unavailable)],
            ..Nature::default()
        };
        let vendor = Arc::new(Vendor::new(nature));
        let mut stage = Stage::new(20, 4);
        stage.orders = Arc::new(Referring(all(20)));
        let told = stage.live(&vendor, None).await;
        if whole {
            stage.is_whole(&told, &vendor);
        } else {
            assert!(matches!(told.outcome.end, RunEnd::Unreachable(_)));
            assert_eq!(told.outcome.not_begun, 20);
            assert_eq!(stage.records(|r| matches!(r, Record::Intent(_))), 0);
        }
        assert_eq!(told.outcome.problems, []);
        let uploads = vendor.state().uploads.len();
        assert!(uploads <= 20, "{uploads}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_at_the_provider_is_seen_and_costs_nothing() {
    let nature = Nature {
        workers: 8,
        ..Nature::default()
    };
    let vendor = Arc::new(Vendor::new(nature));
    let mut stage = Stage::new(640, 64);
    let told = stage.live(&vendor, None).await;
    stage.is_whole(&told, &vendor);
    let pace = told.outcome.pace;
    assert!(pace.lowest >= 16 && pace.lowest < 64, "{pace:?}");
    let ideal = secs(640 / 8 * 2);
    assert!(told.took <= ideal * 105 / 100, "{:?}", told.took);
}

#[tokio::test(start_paused = true)]
async fn a_provider_without_bounds_is_not_held_back() {
    let vendor = Arc::new(Vendor::new(Nature::default()));
    let mut stage = Stage::new(960, 64);
    let told = stage.live(&vendor, None).await;
    stage.is_whole(&told, &vendor);
    assert_eq!((told.outcome.pace.lowest, vendor.state().peak), (64, 64));
    let ideal = secs(960 / 64 * 2);
    assert!(told.took <= ideal * 105 / 100, "{:?}", told.took);
}

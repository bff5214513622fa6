//! Thousands of histories, each from one seed: whatever happens, the promises hold.
//!
//! `RESHOOT_SIM_HISTORIES=1000000` plays more of them, and `RESHOOT_SIM_SEED=123` plays one again
//! and tells every step of it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::runner::tests::history::{Broken, play};
use crate::runner::tests::sights::Sights;

/// How many histories the normal test run plays.
const HISTORIES: u64 = 20_000;

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} must be a whole number, not {text:?}")))
}

/// Plays one history; a panic of the program counts as a broken promise.
fn watch(seed: u64, trace: bool) -> Result<(Sights, Vec<String>), Broken> {
    std::panic::catch_unwind(|| play(seed, trace)).unwrap_or_else(|_| {
        Err(Broken {
            promise: "the program panicked; see above".to_owned(),
            trace: Vec::new(),
        })
    })
}

/// Plays a history again, tells all of it, and fails the test if it breaks a promise.
fn replay(seed: u64) {
    let broken = match watch(seed, true) {
        Ok((sights, trace)) => {
            println!("{}", trace.join("\n"));
            println!("seed {seed} keeps every promise:{sights}");
            return;
        }
        Err(broken) => broken,
    };
    println!("{}", broken.trace.join("\n"));
    panic!(
        "seed {seed}: {}\nagain: RESHOOT_SIM_SEED={seed} cargo test --lib \
         runner::tests::simulation -- --nocapture",
        broken.promise
    );
}

/// Plays the first so many histories on every core; gives what was seen, or the first that broke.
fn play_all(histories: u64) -> Result<Sights, (u64, u64)> {
    let (next, played) = (AtomicU64::new(0), AtomicU64::new(0));
    let (seen, broken) = (Mutex::new(Sights::default()), Mutex::new(None));
    let work = || {
        let mut mine = Sights::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= histories || broken.lock().expect("no panic").is_some() {
                break;
            }
            if let Ok((sights, _)) = watch(seed, false) {
                mine.add(&sights);
            } else {
                let played = played.load(Ordering::Relaxed);
                let mut first = broken.lock().expect("no panic");
                first.get_or_insert((seed, played));
            }
            played.fetch_add(1, Ordering::Relaxed);
        }
        seen.lock().expect("no panic").add(&mine);
    };
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    match broken.into_inner().expect("no panic") {
        Some(broken) => Err(broken),
        None => Ok(seen.into_inner().expect("no panic")),
    }
}

#[test]
fn whatever_happens_the_promises_hold() {
    if let Some(seed) = setting("RESHOOT_SIM_SEED") {
        return replay(seed);
    }
    let histories = setting("RESHOOT_SIM_HISTORIES").unwrap_or(HISTORIES);
    let began = Instant::now();
    match play_all(histories) {
        Ok(seen) => {
            let took = began.elapsed();
            let each = took.as_micros() / u128::from(histories.max(1));
            println!("{histories} histories in {took:.1?}, {each} us each:{seen}");
            let missing = seen.missing();
            assert!(
                missing.is_empty() || histories < HISTORIES,
                "never seen, so nothing is proved of it: {missing:?}"
            );
        }
        Err((seed, played)) => {
            println!(
                "broken after {played} histories and {:.1?}",
                began.elapsed()
            );
            replay(seed);
            panic!("seed {seed} broke a promise, and did not when it was played again");
        }
    }
}

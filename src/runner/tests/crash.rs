//! Crash at every single step of a calm run, by kill and by power cut, and again while it resumes.

use crate::runner::tests::dice::Dice;
use crate::runner::tests::history::{End, Flags, History};
use crate::runner::tests::log_disk::Death;
use crate::runner::tests::show::Script;
use crate::runner::tests::universe::Fates;
use crate::runner::tests::weather::Weather;

const IMAGES: u64 = 8;

fn calm(seed: u64, as_bytes: bool) -> History {
    let mut weather = Weather::calm();
    weather.disk.bytes = as_bytes;
    History::new(Dice::new(seed), weather, Script::plain(4, 2, 1), false)
}

fn crash_at(step: u64) -> Fates {
    Fates {
        crash: Some(step),
        ..Fates::default()
    }
}

/// Plays a history to its end; each take must have been billed once.
fn come_to_rest(mut history: History, what: &str) {
    history.come_to_rest();
    let state = history.universe.state();
    assert_eq!(state.broken, None, "{what}");
    let billed: usize = state.books.sold.values().map(|s| s.images().count()).sum();
    assert_eq!(billed as u64, IMAGES, "{what}");
}

/// Gives how many steps a calm run takes.
fn steps() -> u64 {
    let mut history = calm(1, false);
    let end = history.live(Flags::default(), Fates::default());
    assert!(matches!(end, End::Outcome(_)), "{end:?}");
    let steps = history.universe.state().steps;
    history.die(1_000, Death::Kill);
    come_to_rest(history, "a calm run");
    steps
}

#[test]
fn a_crash_at_any_step_loses_and_repeats_nothing() {
    let steps = steps();
    assert!(steps > 50, "{steps}");
    for step in 1..=steps {
        for death in [Death::Kill, Death::PowerCut] {
            let mut history = calm(1, step % 2 == 0);
            history.live(Flags::default(), crash_at(step));
            history.die(1_000, death);
            come_to_rest(history, &format!("{death:?} at step {step}"));
        }
    }
}

#[test]
fn a_second_crash_while_resuming_loses_and_repeats_nothing() {
    let steps = steps();
    for step in 1..=steps {
        let mut history = calm(1, false);
        for crash in [step, 1 + step * 7 % 40] {
            history.live(Flags::default(), crash_at(crash));
            history.die(1_000, Death::PowerCut);
        }
        come_to_rest(
            history,
            &format!("power cuts at step {step} and soon after"),
        );
    }
}

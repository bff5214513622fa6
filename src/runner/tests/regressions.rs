//! What the simulation found, each told again in its smallest form.

use std::time::Duration;

use crate::domain::money::Micros;
use crate::ledger::money::Caps;
use crate::ledger::record::Record;
use crate::runner::event::ProblemKind;
use crate::runner::outcome::Outcome;
use crate::runner::tests::dice::Dice;
use crate::runner::tests::history::{End, Flags, History, play};
use crate::runner::tests::log_disk::Death;
use crate::runner::tests::show::Script;
use crate::runner::tests::universe::Fates;
use crate::runner::tests::weather::{PRICE, Weather};

fn history(weather: Weather, script: Script) -> History {
    let mut history = History::new(Dice::new(1), weather, script, false);
    history.settings.patience = Duration::from_secs(60);
    history.settings.quiet = Duration::from_secs(10);
    history
}

/// Lives once, with a crash at a step where one is given.
fn live(history: &mut History, crash: Option<u64>) -> Option<Outcome> {
    let fates = Fates {
        crash,
        ..Fates::default()
    };
    let end = history.live(Flags::default(), fates);
    history.die(1_000, Death::PowerCut);
    match end {
        End::Outcome(outcome) => Some(*outcome),
        End::Cut | End::Idle => None,
    }
}

fn keeps_every_promise(history: &History) {
    assert_eq!(history.universe.state().broken, None);
}

#[test]
fn a_seed_is_always_the_same_history() {
    for seed in 0..40 {
        let traces = [seed, seed].map(|seed| play(seed, true).expect("kept promises").1);
        assert_eq!(traces[0], traces[1], "seed {seed}");
    }
}

#[test]
fn a_result_that_never_comes_does_not_keep_a_run_for_ever() {
    for (short, stuck) in [(1000, 0), (0, 1000)] {
        let mut weather = Weather::calm();
        (weather.ends.short, weather.ends.stuck) = (short, stuck);
        let mut history = history(weather, Script::plain(1, 2, 2));
        let outcome = live(&mut history, None).expect("the run ends by itself");
        assert_eq!(outcome.problems[0].kind, ProblemKind::Unsure);
        keeps_every_promise(&history);
        // It is asked about again, and not waited for again.
        let before = history.universe.state().clock.now();
        live(&mut history, None).expect("the run ends by itself");
        let took = history.universe.state().clock.now() - before;
        assert!(took < 10_000, "{took} ms for a task that is unsure");
    }
}

#[test]
fn an_unsure_task_of_which_nothing_new_is_told_is_not_waited_for_again() {
    let mut history = history(Weather::calm(), Script::plain(1, 4, 4));
    history.universe.state().weather.ends.short = 500;
    live(&mut history, None).expect("the run ends by itself");
    let (made, before) = {
        let state = history.universe.state();
        let sold = state.books.sold.values().next().expect("a task");
        (sold.images().count(), state.clock.now())
    };
    assert!((1..4).contains(&made), "{made} of 4 came");
    live(&mut history, None).expect("the run ends by itself");
    let took = history.universe.state().clock.now() - before;
    assert!(took < 10_000, "{took} ms for a task that is unsure");
    keeps_every_promise(&history);
}

#[test]
fn the_plan_stops_at_the_cap_that_stops_the_run() {
    let mut script = Script::plain(2, 4, 4);
    script.shots[1].takes = 1;
    let mut history = history(Weather::calm(), script);
    history.caps.run = Some(Micros::new(PRICE * 2));
    let plan = history.plan(Flags::default());
    let over: Vec<_> = plan.purchases.iter().map(|p| p.over.is_some()).collect();
    assert_eq!(over, [true, true]);
    live(&mut history, None).expect("the run ends by itself");
    assert!(history.universe.state().books.sold.is_empty());
}

#[test]
fn an_image_is_lost_only_when_asking_again_does_not_help() {
    // One answer may be older than the image, and the archive may not know it.
    for seed in 0..60 {
        let mut weather = Weather::calm();
        weather.memory.archive = 0;
        weather.questions.stale = 700;
        weather.images.broken = 700;
        weather.images.inline = true;
        let mut script = Script::plain(2, 2, 2);
        for shot in &mut script.shots {
            shot.inline = true;
        }
        let mut history = History::new(Dice::new(seed), weather, script, false);
        history.settings.retries = 1;
        live(&mut history, None).expect("the run ends by itself");
        keeps_every_promise(&history);
        let state = history.universe.state();
        let mut records = state.log.records.iter();
        assert!(records.all(|stamped| !matches!(stamped.record, Record::Lost(_))));
    }
}

#[test]
fn a_task_is_not_sent_again_over_a_cap() {
    let low = Some(Micros::new(PRICE - 1));
    let lowered = [
        Caps {
            show: low,
            ..Caps::default()
        },
        Caps {
            shot: low,
            ..Caps::default()
        },
        // The run that sends it again has not counted it before.
        Caps {
            run: low,
            ..Caps::default()
        },
    ];
    for caps in lowered {
        let mut history = history(Weather::calm(), Script::plain(1, 1, 1));
        history.universe.state().weather.sends.lose_request = 1000;
        let fates = Fates {
            drain: Some(30),
            ..Fates::default()
        };
        history.live(Flags::default(), fates);
        history.die(60_000, Death::Kill);
        history.universe.state().weather.sends.lose_request = 0;
        history.caps = caps;
        let outcome = live(&mut history, None).expect("the run ends by itself");
        keeps_every_promise(&history);
        assert_eq!(outcome.problems[0].trouble.code, "cap", "{caps:?}");
        history.caps = Caps::default();
        live(&mut history, None).expect("the run ends by itself");
        assert_eq!(history.universe.state().books.sold.len(), 1, "{caps:?}");
        keeps_every_promise(&history);
    }
}

#[test]
fn an_image_is_fetched_though_the_file_of_another_one_of_its_task_is_gone() {
    for crash in 1..60 {
        let mut history = history(Weather::calm(), Script::plain(1, 2, 2));
        live(&mut history, Some(crash));
        {
            // What is gone is gone: only the addresses in the log are left.
            let mut state = history.universe.state();
            let state = &mut *state;
            while state.images.meddle(&mut state.dice).is_some() {
                state.images.clear_the_way();
            }
            (state.weather.memory.queue, state.weather.memory.archive) = (0, 0);
        }
        history.come_to_rest();
        keeps_every_promise(&history);
    }
}

#[test]
fn a_new_log_that_was_cut_off_at_once_still_finds_what_was_bought() {
    for crash in 1..30 {
        let mut weather = Weather::calm();
        (weather.memory.archive, weather.memory.conflict) = (0, 0);
        let mut history = history(weather, Script::plain(2, 1, 1));
        live(&mut history, None).expect("the run ends by itself");
        {
            let mut state = history.universe.state();
            state.log.delete();
            state.allowed.log_was_lost = true;
        }
        live(&mut history, Some(crash));
        history.come_to_rest();
        keeps_every_promise(&history);
        assert_eq!(history.universe.state().books.sold.len(), 2);
    }
}

#[test]
fn a_task_is_asked_about_again_before_it_is_sent_again_after_a_wait() {
    // Its first send runs unseen for a while, and its id is refused for as long as it runs only.
    for seed in 0..60 {
        let mut weather = Weather::calm();
        (weather.memory.conflict, weather.memory.queue) = (5_000, 0);
        weather.questions.running_unknown = true;
        weather.sends.lose_reply = 500;
        weather.sends.busy = 500;
        weather.ends.slow = 1000;
        let mut history = History::new(Dice::new(seed), weather, Script::plain(3, 1, 1), false);
        history.settings.patience = Duration::from_secs(60);
        history.settings.quiet = Duration::from_secs(5);
        live(&mut history, None).expect("the run ends by itself");
        history.come_to_rest();
        keeps_every_promise(&history);
    }
}

#[test]
fn a_take_that_a_run_with_a_new_log_passed_over_is_not_bought_under_another_number() {
    let mut history = history(Weather::calm(), Script::plain(1, 3, 1));
    live(&mut history, None).expect("the run ends by itself");
    let (second, hidden) = {
        let mut state = history.universe.state();
        let mut tasks = state.log.ledger.tasks();
        let second = tasks.find(|(_, task)| task.takes.first.0 == 2);
        let second = second.expect("a second take").0;
        drop(tasks);
        state.log.delete();
        state.allowed.log_was_lost = true;
        // The provider does not show the second take just now, and the cap lets nothing be bought.
        (second, state.books.sold.remove(&second).expect("sold"))
    };
    history.caps.run = Some(Micros::ZERO);
    live(&mut history, None).expect("the run ends by itself");
    let known = history.universe.state().log.ledger.tasks().count();
    assert_eq!(known, 2, "the first and the third are found");
    history.universe.state().books.sold.insert(second, hidden);
    history.come_to_rest();
    keeps_every_promise(&history);
    assert_eq!(history.universe.state().books.sold.len(), 3);
}

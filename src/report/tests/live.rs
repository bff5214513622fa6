//! Progress, as it is shown while a run goes on.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::domain::class::Class;
use crate::domain::id::{ShotId, TakeNo, Variant};
use crate::domain::money::Micros;
use crate::ledger::money::{CapKind, Caps, OverCap};
use crate::report::escape::is_steering;
use crate::report::progress::tally::{Goal, Tally};
use crate::report::progress::{Manner, watch};
use crate::report::tests::fixture::{Deal, HOSTILE, PRICE, deal, eventful, trouble};
use crate::report::tests::plans::plan;
use crate::runner::event::{Draining, Event, Pause, Problem, ProblemKind, SavedImage};
use crate::runner::shutdown::Why;

/// A writer whose bytes can be read while it is in use.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("sound").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("sound").clone()).expect("UTF-8")
    }
}

fn saved(bought: &Deal, index: u32) -> Event {
    Event::Saved(Box::new(SavedImage {
        intent: Some(Arc::new(bought.intent("run-1", 0))),
        produced: Some(bought.produced(index, None)),
        saved: bought.saved(index),
        at: "2026-11-24T16:28:13Z".parse().expect("a time"),
        unlike_asked: (index == 1).then(|| "1024x1024 instead of 1360x768".to_owned()),
    }))
}

fn problem(kind: ProblemKind, at_stake: Micros) -> Event {
    let bought = deal("104/TCC/0040", 1, 1);
    Event::Trouble(Box::new(Problem {
        kind,
        task: bought.task(),
        shot: ShotId::new("104/TCC/\u{202e}0040"),
        variant: Variant(3),
        take: TakeNo(1),
        takes: 2,
        trouble: trouble(Class::Safety, "prompt\u{1b}Blocked", HOSTILE),
        at_stake,
    }))
}

/// A run of three minutes.
async fn show(manner: Manner, goal: Goal) -> (String, Tally) {
    let paper = Paper::default();
    let (sender, events) = mpsc::unbounded_channel();
    let watching = tokio::spawn(watch(events, goal, manner, Box::new(paper.clone())));
    let tell = |event| sender.send(event).expect("somebody watches");
    let bought = deal("104/TCC/0010", 1, 2);
    let task = bought.task();
    tell(Event::Settling(task));
    tell(Event::Settling(task));
    tell(Event::Sent(Arc::new(bought.intent("run-1", 1))));
    tell(Event::InFlight(1));
    tell(Event::Accepted(task));
    for _ in 0..3 {
        tell(Event::Waiting {
            task,
            wait: Duration::from_millis(1500),
            trouble: trouble(Class::Transient, "rateLimitExceeded", HOSTILE),
        });
    }
    tokio::time::sleep(Duration::from_secs(70)).await;
    tell(Event::Produced(bought.produced(0, None)));
    tell(Event::Money {
        spent: PRICE,
        reserved: PRICE.times(3),
    });
    tell(saved(&bought, 0));
    tell(saved(&bought, 1));
    tell(problem(ProblemKind::Unsure, PRICE));
    tell(problem(ProblemKind::Refused, Micros::ZERO));
    tokio::time::sleep(Duration::from_secs(70)).await;
    tell(Event::Draining {
        why: Draining::Told(Why::Interrupted),
        in_flight: 3,
    });
    tell(Event::InFlight(0));
    tokio::time::sleep(Duration::from_secs(30)).await;
    drop(sender);
    let tally = watching.await.expect("it ends by itself");
    (paper.text(), tally)
}

const GOAL: Goal = Goal {
    takes: 10,
    settling: 2,
    cap: Some(Micros::new(25_000_000)),
};

#[tokio::test(start_paused = true)]
async fn without_a_terminal_a_line_a_minute_and_at_the_end() {
    let (text, tally) = show(Manner::default(), GOAL).await;
    assert!(!text.contains(|c| is_steering(c) && c != '\n'));
    insta::assert_snapshot!(text);
    assert_eq!((tally.saved, tally.unsure, tally.refused), (2, 2, 2));
    assert_eq!(tally.ended(), 6);
}

#[tokio::test(start_paused = true)]
async fn told_everything_on_request() {
    let manner = Manner {
        verbose: 2,
        ..Manner::default()
    };
    let (text, _) = show(manner, GOAL).await;
    assert!(!text.contains(|c| is_steering(c) && c != '\n'));
    insta::assert_snapshot!(text);
}

#[tokio::test(start_paused = true)]
async fn quiet_tells_what_goes_wrong() {
    let manner = |quiet| Manner {
        quiet,
        columns: Some(|| 80),
        ..Manner::default()
    };
    insta::assert_snapshot!(show(manner(1), GOAL).await.0);
    insta::assert_snapshot!(show(manner(2), GOAL).await.0);
}

/// Leaves out the ways in which bars move the cursor, each of which is known.
fn without_moves(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let end = after
            .find(|c: char| c.is_ascii_alphabetic())
            .expect("a whole sequence");
        assert!(
            matches!(after.as_bytes()[end], b'A'..=b'D' | b'K' | b'm'),
            "{after:?}"
        );
        rest = &after[end + 1..];
    }
    plain.push_str(rest);
    plain.replace('\r', "")
}

#[tokio::test(start_paused = true)]
async fn on_a_terminal_bars_and_lines_above_them() {
    let manner = Manner {
        columns: Some(|| 100),
        color: true,
        ..Manner::default()
    };
    let (text, _) = show(manner, GOAL).await;
    let plain = without_moves(&text);
    assert!(
        !plain.contains(|c| is_steering(c) && c != '\n'),
        "{plain:?}"
    );
    let stopping = "\u{1b}[33mstopping\u{1b}[0m: waiting for 3 tasks in flight; press Ctrl-C again \
                    to leave now, nothing is lost\n";
    assert!(text.contains(stopping), "{text:?}");
    assert!(plain.contains("6/10"), "{plain:?}");
    assert!(
        plain.contains("$0.028 spent and $0.084 reserved of $25.00"),
        "{plain:?}"
    );
    // What is left of the bars is two empty lines, the cursor on the first.
    assert!(text.ends_with("\r\u{1b}[2K\u{1b}[1A"), "{text:?}");
}

#[tokio::test(start_paused = true)]
async fn every_way_to_stop_is_told_at_once() {
    let paper = Paper::default();
    let (sender, events) = mpsc::unbounded_channel();
    let over = OverCap {
        cap: CapKind::Run,
        limit: PRICE,
        spent: PRICE,
        reserved: Micros::ZERO,
        price: PRICE,
    };
    let account = trouble(Class::Account, "invalidApiKey", HOSTILE);
    let whys = [
        Draining::Told(Why::Until),
        Draining::Told(Why::Terminated),
        Draining::Cap(over),
        Draining::Account(account),
        Draining::Disk("out: no space left".to_owned()),
    ];
    for (in_flight, why) in whys.into_iter().enumerate() {
        sender
            .send(Event::Draining { why, in_flight })
            .expect("heard");
    }
    drop(sender);
    let manner = Manner {
        quiet: 2,
        ..Manner::default()
    };
    let _tally = watch(events, GOAL, manner, Box::new(paper.clone())).await;
    insta::assert_snapshot!(paper.text());
}

#[tokio::test(start_paused = true)]
async fn a_lower_limit_and_pauses_are_told() {
    let paper = Paper::default();
    let (sender, events) = mpsc::unbounded_channel();
    let manner = Manner::default();
    let watching = tokio::spawn(watch(events, GOAL, manner, Box::new(paper.clone())));
    let tell = |event| sender.send(event).expect("somebody watches");
    let down = trouble(Class::Transient, "serviceUnavailable", HOSTILE);
    tell(Event::Asking {
        task: deal("104/TCC/0010", 1, 1).task(),
        most: Duration::from_secs(1199),
        trouble: trouble(Class::Unknown, "not-known", "not known just now"),
    });
    tell(Event::InFlight(8));
    tell(Event::Limit { now: 8, most: 64 });
    tell(Event::Waiting {
        task: deal("104/TCC/0010", 1, 1).task(),
        wait: Duration::ZERO,
        trouble: trouble(Class::Transient, "rateLimitExceeded", "too many"),
    });
    tell(Event::Pause(Pause::Began {
        failures: 5,
        wait: Duration::from_millis(800),
        trouble: down.clone(),
    }));
    tell(Event::Pause(Pause::GoesOn {
        wait: Duration::from_secs(2),
        trouble: down.clone(),
    }));
    tokio::time::sleep(Duration::from_secs(61)).await;
    tell(Event::Pause(Pause::Ended {
        after: Duration::from_secs(61),
    }));
    tell(Event::Limit { now: 64, most: 64 });
    tell(Event::Draining {
        why: Draining::Unreachable(down),
        in_flight: 0,
    });
    drop(sender);
    let tally = watching.await.expect("it ends by itself");
    assert_eq!((tally.limit, tally.pausing), (None, false));
    let text = paper.text();
    assert!(!text.contains(|c| is_steering(c) && c != '\n'));
    let lines: Vec<&str> = text.lines().collect();
    let begins = [
        "waiting: task 5bc56433-a0df-4005-a8be-5bc2965fe2be is asked about for at most 19 min 59 s \
         more: not-known: not known just now",
        "waiting: until another task has ended before task ",
        "pausing: 5 sends in a row failed (serviceUnavailable: ",
        "pausing: one more failed (serviceUnavailable: ",
        "[00:01:00] 0 of 10 takes saved; 8 in flight (at most 8 for now), pausing, 0 unsure, ",
        "going on: the provider answers again, after 1 min 01 s",
        "stopping: the provider cannot be reached, or takes nothing: serviceUnavailable: ",
        "[00:01:01] 0 of 10 takes saved; 8 in flight, 0 unsure, ",
    ];
    assert_eq!(lines.len(), begins.len(), "{text}");
    for (line, begin) in lines.iter().zip(begins) {
        assert!(line.starts_with(begin), "{line:?}");
    }
    assert!(lines[2].ends_with("the first in 800 ms"), "{text}");
}

#[test]
fn the_goal_counts_what_is_to_come() {
    let ledger = eventful().ledger();
    let goal = Goal::of(&plan(), &ledger, &Caps::default());
    // Two within the cap, one fetched again; the task that is settled is not in this log.
    assert_eq!((goal.takes, goal.settling, goal.cap), (3, 1, None));
}

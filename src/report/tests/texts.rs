//! Status and summary, for people and as JSON.

use std::sync::LazyLock;
use std::time::Duration;

use crate::domain::class::Class;
use crate::domain::id::{ShotId, TakeNo, Variant};
use crate::domain::money::Micros;
use crate::ledger::bills::Absent;
use crate::ledger::fold::Ledger;
use crate::ledger::money::{CapKind, Caps, OverCap};
use crate::report::escape::is_steering;
use crate::report::style::Style;
use crate::report::summary::Findings;
use crate::report::tests::fixture::{Deal, HOSTILE, Log, deal, eventful, trouble};
use crate::report::tests::plans::plan;
use crate::report::{json, status, summary};
use crate::runner::event::{Problem, ProblemKind};
use crate::runner::outcome::{Outcome, Pace, RunEnd};
use crate::runner::shutdown::Why;

const CAPS: Caps = Caps {
    run: Some(Micros::new(25_000_000)),
    show: Some(Micros::new(900_000_000)),
    sequence: Some(Micros::new(300_000)),
    shot: None,
    plan: None,
};

fn over() -> OverCap {
    OverCap {
        cap: CapKind::Run,
        limit: Micros::new(1_000_000),
        spent: Micros::new(980_000),
        reserved: Micros::ZERO,
        price: Micros::new(28_000),
    }
}

fn harmless(text: String) -> String {
    assert!(!text.contains(|c| is_steering(c) && c != '\n'), "{text:?}");
    text
}

#[test]
fn the_status_tells_what_is_unsure_first() {
    let ledger = eventful().ledger();
    let plan = plan();
    let view = status::View {
        ledger: &ledger,
        plan: Some(&plan),
        absent: &Absent::new(),
        caps: &CAPS,
        folder: "out",
        running: None,
        decided: &[],
        selected: None,
    };
    let text = harmless(status::text(&view, Style::default()));
    assert!(text.starts_with("unsure: 1 take: "), "{text}");
    insta::assert_snapshot!(text);
    insta::assert_snapshot!(harmless(json::status::spell(&view)));
}

#[test]
fn the_status_of_nothing() {
    let view = status::View {
        ledger: &Ledger::default(),
        plan: None,
        absent: &Absent::new(),
        caps: &Caps::default(),
        folder: "o\u{1b}ut",
        running: None,
        decided: &[],
        selected: None,
    };
    insta::assert_snapshot!(harmless(status::text(&view, Style::default())));
    insta::assert_snapshot!(harmless(json::status::spell(&view)));
}

fn problem(kind: ProblemKind, bought: &Deal, code: &str, message: &str) -> Problem {
    Problem {
        kind,
        task: bought.task(),
        shot: ShotId::new(bought.shot),
        variant: Variant(bought.variant),
        take: TakeNo(bought.first),
        takes: bought.count,
        trouble: trouble(Class::Request, code, message),
        at_stake: Micros::ZERO,
    }
}

fn outcome(end: RunEnd, log: &Log, problems: Vec<Problem>) -> Outcome {
    Outcome {
        end,
        ledger: log.ledger(),
        problems,
        saved: 118,
        refetched: 1,
        not_begun: 4,
        capped: Vec::new(),
        pace: Pace::default(),
    }
}

fn view<'a>(outcome: &'a Outcome, exit: (u8, &'a str)) -> summary::View<'a> {
    static NONE: LazyLock<(Findings, Absent)> = LazyLock::new(Default::default);
    summary::View {
        outcome,
        findings: &NONE.0,
        absent: &NONE.1,
        caps: &CAPS,
        folder: "out",
        took: Duration::from_secs(185),
        exit,
        rehearsal: true,
    }
}

#[test]
fn the_summary_groups_what_did_not_come_by_its_reason() {
    let mut problems: Vec<_> = (1..9)
        .map(|first| {
            let bought = deal("104/TDD/0090", first, 1);
            problem(ProblemKind::Refused, &bought, "promptBlocked", HOSTILE)
        })
        .collect();
    problems.push(problem(
        ProblemKind::Failed,
        &deal("104/TCC/0030", 1, 2),
        "timeoutProvider",
        "took too long",
    ));
    problems.push(problem(
        ProblemKind::Missing,
        &deal("104/TCC/0010", 1, 1),
        "image-gone",
        "",
    ));
    // Tried again since, with success: not told any more.
    problems.push(problem(
        ProblemKind::Failed,
        &deal("104/TCC/0020", 1, 1).variant(1),
        "timeoutProvider",
        "took too long",
    ));
    let outcome = outcome(RunEnd::Done, &eventful(), problems);
    let exit = (5, "finished, but some takes failed, are unsure or lost");
    let view = view(&outcome, exit);
    let text = harmless(summary::text(&view, Style::default()));
    assert!(text.starts_with("unsure: 1 take: "), "{text}");
    insta::assert_snapshot!(text);
    insta::assert_snapshot!(harmless(json::run::spell(&view)));
}

#[test]
fn the_summary_says_why_a_run_stopped_and_what_to_do() {
    let log = Log::open();
    let mut all = String::new();
    for end in [
        RunEnd::Cap(over()),
        RunEnd::Drained(Why::Until),
        RunEnd::Drained(Why::Interrupted),
        RunEnd::Drained(Why::HungUp),
        RunEnd::Left(Why::Terminated),
        RunEnd::Account(trouble(Class::Account, "invalidApiKey", HOSTILE)),
        RunEnd::Disk("out/images: no space left on the device".to_owned()),
        RunEnd::Unreachable(trouble(Class::Unknown, "network", "no route to host")),
        RunEnd::Log(crate::ledger::port::LogError::Shut),
    ] {
        let outcome = outcome(end, &log, Vec::new());
        all += &harmless(summary::text(
            &view(&outcome, (6, "stopped")),
            Style::default(),
        ));
        all.push('\n');
    }
    let of_a_shot = OverCap {
        cap: CapKind::Shot,
        ..over()
    };
    let mut capped = outcome(RunEnd::Cap(of_a_shot.clone()), &log, Vec::new());
    capped.capped = vec![of_a_shot.clone(), of_a_shot];
    all += &summary::text(&view(&capped, (6, "stopped")), Style::default());
    insta::assert_snapshot!(all);
}

#[test]
fn colour_adds_nothing_but_colour() {
    let ledger = eventful().ledger();
    let view = status::View {
        ledger: &ledger,
        plan: None,
        absent: &Absent::new(),
        caps: &CAPS,
        folder: "out",
        running: None,
        decided: &[],
        selected: None,
    };
    let plain = status::text(&view, Style::default());
    let style = Style {
        color: true,
        width: None,
    };
    let mut coloured = status::text(&view, style);
    for code in ["31", "33", "32", "1", "0"] {
        coloured = coloured.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(coloured, plain);
}

#[test]
fn what_held_a_run_back_is_told() {
    let log = eventful();
    let mut outcome = outcome(RunEnd::Done, &log, Vec::new());
    let mut told = |pace| {
        outcome.pace = pace;
        let view = view(&outcome, (0, "done, or nothing to do"));
        let text = summary::text(&view, Style::default());
        let line = text.lines().find(|line| line.starts_with("Concurrency"));
        (line.map(str::to_owned), json::run::spell(&view))
    };
    let asked_for = Pace {
        most: 64,
        lowest: 64,
        ..Pace::default()
    };
    assert_eq!(told(Pace::default()).0, None);
    assert!(told(Pace::default()).1.contains("\"concurrency\": null"));
    assert_eq!(told(asked_for).0, None);
    let pressed = Pace {
        lowest: 8,
        busy: 31,
        ..asked_for
    };
    let (line, spelled) = told(pressed);
    assert_eq!(
        line.as_deref(),
        Some("Concurrency: between 8 and 64 (429 seen 31 times)")
    );
    let spelled: String = spelled.split_whitespace().collect();
    let concurrency = r#""concurrency":{"most":64,"lowest":8,"busy":31,"time_outs":0,"pauses":0}"#;
    assert!(spelled.contains(concurrency), "{spelled}");
    let everything = Pace {
        busy: 1,
        time_outs: 2,
        pauses: 1,
        ..pressed
    };
    let line = "Concurrency: between 8 and 64 (429 seen 1 time; 2 tasks timed out; sending paused \
                1 time because the provider seemed to be down)";
    assert_eq!(told(everything).0.as_deref(), Some(line));
}

//! The plan's table and its JSON.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::domain::digest::Sha256;
use crate::domain::id::{Attempt, Key, ShotId, ShowId, TakeNo, Takes, Variant};
use crate::domain::money::Micros;
use crate::ledger::decision::Decisions;
use crate::ledger::fold::Ledger;
use crate::ledger::money::{CapKind, Caps, OverCap};
use crate::manifest::model::Status;
use crate::plan::build::{
    Builder, Entry, FileState, Plan, Purchase, Refetch, Rest, Terms, Unsettled,
};
use crate::plan::reason::{Kept, Reason};
use crate::plan::select::Selection;
use crate::report::escape::is_steering;
use crate::report::impact;
use crate::report::json;
use crate::report::lines::{self, Lines};
use crate::report::outlook::{Cast, Outlook};
use crate::report::plan_table::{self, Sum, Totals, View};
use crate::report::prices::Basis;
use crate::report::style::Style;
use crate::report::tests::fixture::{EXACT, LIKE_REFERENCE, PRICE, deal, eventful, wanted};

fn entry(shot: &str, buys: &[(Reason, u32)], keeps: &[(Kept, u32)]) -> Entry {
    let bought: u32 = buys.iter().map(|(_, takes)| takes).sum();
    let kept: u32 = keeps.iter().map(|(_, takes)| takes).sum();
    Entry {
        shot: ShotId::new(shot),
        sequence: shot.rsplit_once('/').map(|(name, _)| name.into()),
        variant: Variant(0),
        wanted: bought + kept,
        buys: buys.iter().copied().collect(),
        keeps: keeps.iter().copied().collect::<BTreeMap<_, _>>(),
        price: PRICE.times(u64::from(bought)),
        files: (1..=bought)
            .map(|take| format!("{shot}_v{take:03}.jpg"))
            .collect(),
    }
}

fn purchase(shot: &'static str, first: u32, reason: Reason, over: Option<OverCap>) -> Purchase {
    let bought = deal(shot, first, 1);
    Purchase {
        task: bought.task(),
        shot_index: 0,
        shot: ShotId::new(shot),
        sequence: None,
        variant: Variant(0),
        takes: Takes {
            first: TakeNo(first),
            count: 1,
        },
        key: Key(Sha256::of(shot.as_bytes())),
        attempt: Attempt(0),
        reason,
        price: PRICE,
        over: over.map(Box::new),
    }
}

/// A plan of a few shots, one of them over a cap.
pub(super) fn plan() -> Plan {
    let over = OverCap {
        cap: CapKind::Show,
        limit: Micros::new(100_000),
        spent: Micros::new(84_000),
        reserved: Micros::ZERO,
        price: PRICE,
    };
    Plan {
        entries: vec![
            entry("104/TCC/0010", &[(Reason::New, 2)], &[]),
            entry(
                "104/TCC/0020",
                &[(Reason::PromptChanged, 1)],
                &[(Kept::Have, 1)],
            ),
            entry("104/TCC/0030", &[], &[(Kept::Have, 2)]),
            entry(
                "104/TDD/\u{1b}0010",
                &[],
                &[(Kept::Unsure, 1), (Kept::Held, 1)],
            ),
        ],
        purchases: vec![
            purchase("104/TCC/0010", 1, Reason::New, None),
            purchase("104/TCC/0010", 2, Reason::New, None),
            purchase("104/TCC/0020", 2, Reason::PromptChanged, Some(over)),
        ],
        settle: vec![Unsettled {
            may_return: false,
            task: deal("104/TDD/0010", 1, 1).task(),
            wanted_by: Some(3),
        }],
        refetch: vec![Refetch {
            task: deal("104/TCC/0030", 1, 1).task(),
            index: 0,
        }],
        changed_files: vec!["images/104/TCC/0030_v\u{202e}001.jpg".to_owned()],
        refused: Vec::new(),
        rest: Rest::default(),
    }
}

fn outlook(ledger: &Ledger, plan: &Plan) -> Outlook {
    let mut outlook = Outlook::default();
    for (place, entry) in plan.entries.iter().enumerate() {
        let size = if place == 2 { LIKE_REFERENCE } else { EXACT };
        let shot = ["104/TCC/0010", "104/TCC/0020", "104/TCC/0030"][place % 3];
        outlook.add(ledger, &wanted(shot, size), (entry, &[]));
    }
    outlook.lines = Lines::of(plan, &outlook.bases);
    outlook.finish()
}

fn named() -> BTreeMap<String, Micros> {
    let cap = |name: &str, cap| (name.to_owned(), Micros::new(cap));
    BTreeMap::from([cap("run", 30_000_000), cap("max-cost", 25_000_000)])
}

const CAPS: Caps = Caps {
    run: Some(Micros::new(25_000_000)),
    show: Some(Micros::new(100_000)),
    sequence: None,
    shot: Some(Micros::new(1_200_000)),
    plan: None,
};

#[test]
fn a_producer_reads_what_is_bought_why_and_for_how_much() {
    let (plan, ledger) = (plan(), eventful().ledger());
    let outlook = outlook(&ledger, &plan);
    let named = named();
    let view = View {
        plan: &plan,
        ledger: &ledger,
        caps: &CAPS,
        named: &named,
        outlook: &outlook,
        full: false,
        skipped: &[],
    };
    let text = plan_table::text(&view, Style::default());
    assert!(!text.contains(|c| is_steering(c) && c != '\n'));
    insta::assert_snapshot!(text);
    let text = json::plan::spell(&view, None);
    assert!(!text.contains(|c| is_steering(c) && c != '\n'));
    insta::assert_snapshot!(text);
}

#[test]
fn a_long_plan_is_grouped_by_sequence() {
    let mut plan = Plan::default();
    for number in 0..70 {
        let shot = format!("10{}/A/{number:04}", number % 3);
        let new = [(Reason::New, 1), (Reason::Retake, 1)];
        plan.entries.push(entry(&shot, &new, &[(Kept::Have, 1)]));
        for (first, reason) in [(2, Reason::New), (3, Reason::Retake)] {
            let mut bought = purchase("104/TCC/0010", first, reason, None);
            bought.shot = ShotId::new(&shot);
            plan.purchases.push(bought);
        }
    }
    plan.entries
        .push(entry("loose", &[], &[(Kept::NotSelected, 1)]));
    let ledger = Ledger::default();
    let outlook = outlook(&ledger, &plan);
    let named = BTreeMap::new();
    let mut view = View {
        plan: &plan,
        ledger: &ledger,
        caps: &Caps::default(),
        named: &named,
        outlook: &outlook,
        full: false,
        skipped: &[],
    };
    insta::assert_snapshot!(plan_table::text(&view, Style::default()));
    view.full = true;
    let full = plan_table::text(&view, Style::default());
    assert!(full.lines().count() > 70);
}

#[test]
fn prices_that_rest_on_different_things_say_so_in_every_line() {
    let (plan, ledger) = (plan(), Ledger::default());
    let mut outlook = outlook(&ledger, &plan);
    outlook.bases = vec![Basis::Listed, Basis::Assumed, Basis::Billed, Basis::Assumed];
    let mut both = plan.clone();
    both.purchases[2].over = None;
    outlook.lines = Lines::of(&both, &outlook.bases);
    let named = BTreeMap::new();
    let mut view = View {
        plan: &both,
        ledger: &ledger,
        caps: &Caps::default(),
        named: &named,
        outlook: &outlook,
        full: false,
        skipped: &[],
    };
    let text = plan_table::text(&view, Style::default());
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.contains("104/TCC"))
        .collect();
    assert!(lines[0].contains("$0.056  listed "), "{text}");
    assert!(lines[1].contains("$0.028  assumed"), "{text}");
    assert!(lines[3].contains("$0.084  listed, assumed"), "{text}");
    let mut outlook = outlook.clone();
    outlook.lines = Lines::of(&plan, &outlook.bases);
    (view.plan, view.outlook) = (&plan, &outlook);
    let text = plan_table::text(&view, Style::default());
    assert!(
        !text.contains("Basis"),
        "all that is bought is listed: {text}"
    );
}

#[test]
fn the_shots_of_a_character_are_counted_by_what_becomes_of_them() {
    let ledger = Ledger::default();
    let casts = ["mira", "mira.rain", "otto"];
    let casts = casts.map(|name| Cast::new(name, name.to_owned(), None));
    let mut outlook = Outlook::of(casts.to_vec());
    let entries = [
        (
            "104/TCC/0010",
            "mira",
            entry("104/TCC/0010", &[], &[(Kept::Have, 2)]),
        ),
        (
            "104/TCC/0020",
            "mira.rain",
            entry("104/TCC/0020", &[(Reason::PromptChanged, 1)], &[]),
        ),
        (
            "104/TCC/0020",
            "mira",
            entry("104/TCC/0020", &[], &[(Kept::Have, 1)]),
        ),
        (
            "104/TDD/0030",
            "mira",
            entry("104/TDD/0030", &[], &[(Kept::ApprovedButStale, 3)]),
        ),
        (
            "104/TDD/0040",
            "mira.rain",
            entry("104/TDD/0040", &[], &[(Kept::Held, 1)]),
        ),
    ];
    for (shot, character, entry) in entries {
        let mut wanted = wanted(shot, EXACT);
        wanted.characters = vec![character.to_owned()];
        outlook.add(&ledger, &wanted, (&entry, &[]));
    }
    let outlook = outlook.finish();
    let mut text = String::new();
    impact::tell_casts(&outlook.casts, false, Style::default(), &mut text);
    impact::tell_stale(&outlook.stale, false, Style::default(), &mut text);
    insta::assert_snapshot!(text, @r"
    mira is in 4 shots of 2 sequences (8 takes): 1 is up to date, 1 is bought anew, 1 is on hold or omitted, 1 approved is kept though stale: 104/TDD/0030 (nothing bought yet); to refresh those too: $0.084
    mira.rain is in 2 shots of 2 sequences (2 takes): 1 is bought anew, 1 is on hold or omitted
    Approved and kept though stale: 104/TDD/0030 (nothing bought yet); to refresh them: 3 takes for $0.084 (a retake of each buys it)
    ");
}

/// A plan as it is built: purchases in the order of entries, some of them over a cap.
fn any_plan() -> impl Strategy<Value = Plan> {
    let task = (1u32..4, 0usize..7, 0u64..90_000, any::<bool>());
    let shot = (0u32..3, 0u32..4, prop::collection::vec(task, 0..4));
    prop::collection::vec(shot, 0..20).prop_map(|shots| {
        let mut plan = Plan::default();
        for (number, (sequence, variant, tasks)) in shots.into_iter().enumerate() {
            let name = match sequence {
                0 => format!("{number}"),
                _ => format!("10{sequence}/A/{number}"),
            };
            let mut entry = entry(&name, &[], &[]);
            entry.variant = Variant(variant);
            let shot = entry.shot.clone();
            plan.entries.push(entry);
            for (count, reason, price, over) in tasks {
                let mut bought = purchase("104/TCC/0010", 1, Reason::ALL[reason], None);
                bought.shot = shot.clone();
                bought.variant = Variant(variant);
                bought.takes.count = count;
                bought.price = Micros::new(price);
                let over = over.then_some(OverCap {
                    cap: CapKind::Show,
                    limit: Micros::ZERO,
                    spent: Micros::ZERO,
                    reserved: Micros::ZERO,
                    price: Micros::new(price),
                });
                bought.over = over.map(Box::new);
                plan.purchases.push(bought);
            }
        }
        plan
    })
}

proptest! {
    #[test]
    fn lines_add_up_to_the_total_to_the_micro_dollar(plan in any_plan()) {
        let totals = Totals::of(&plan);
        let by_sequence = Lines::of(&plan, &[]);
        let sequences = lines::total(by_sequence.iter().map(|(_, line)| line));
        let by_shot: Vec<_> = lines::by_shot(&plan, &[]).map(|(_, line)| line).collect();
        let shots = lines::total(&by_shot);
        prop_assert_eq!(&sequences, &shots);
        prop_assert_eq!(sequences.buy, totals.all);
        let over = totals.over.values().fold(Sum::default(), |mut sum, over| {
            sum.plus(*over);
            sum
        });
        prop_assert_eq!(sequences.over, over);
        for (reason, sum) in totals.buys {
            prop_assert_eq!(sequences.reasons.get(&reason), Some(&sum.takes));
        }
        prop_assert_eq!(sequences.variants, plan.entries.len() as u64);
    }
}

/// Plans some shots, listing so many of them, with the lines that are summed up on the way.
fn built(listed: usize, show: &ShowId) -> (Plan, Lines) {
    let (ledger, selection) = (Ledger::default(), Selection::default());
    let decisions = Decisions::default();
    let terms = Terms {
        show,
        selection: &selection,
        decisions: &decisions,
        caps: Caps {
            show: Some(PRICE.times(4)),
            ..Caps::default()
        },
        rebuy_missing: false,
        retry_refused: false,
        file_state: &|_| FileState::Present,
    };
    let mut builder = Builder::new(&ledger, terms).listing(listed);
    let mut lines = Lines::default();
    for (at, shot) in ["104/TCC/0010", "104/TCC/0020", "105/A/0010", "0010"]
        .iter()
        .enumerate()
    {
        let mut wanted = wanted(shot, EXACT);
        wanted.takes = 2;
        if at == 1 {
            wanted.status = Status::Hold;
        }
        builder.add(at, &wanted);
        let (entry, purchases) = builder.latest().expect("just added");
        lines.add(entry, purchases, Basis::Listed);
    }
    (builder.finish(), lines)
}

#[test]
fn what_is_not_listed_one_by_one_is_summed_up() {
    let show = ShowId::new("show");
    let (all, lines) = built(usize::MAX, &show);
    assert_eq!((all.entries.len(), all.rest.count), (4, 0));
    assert!(all.purchases.iter().any(|purchase| purchase.over.is_some()));
    assert_eq!(lines, Lines::of(&all, &[Basis::Listed; 4]));
    for listed in 0..4 {
        let (some, summed) = built(listed, &show);
        assert_eq!((some.entries.len(), some.count()), (listed, 4));
        assert_eq!(some.purchases, all.purchases);
        assert_eq!((some.wanted(), some.lacks()), (all.wanted(), all.lacks()));
        for kept in Kept::ALL {
            assert_eq!(some.kept(kept), all.kept(kept), "{}", kept.word());
        }
        assert_eq!(summed, lines);
    }
}

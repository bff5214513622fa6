//! What is a move, what is none, and what is left to buy.

use std::cell::Cell;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::domain::class::{Class, Trouble};
use crate::domain::id::{Attempt, Key, RunId, TakeNo, TaskId};
use crate::ledger::record::{Ended, Intent, Made, Record, Stamped};
use crate::plan::build::{Entry, Unsettled};
use crate::plan::saved::{Flags, Resend, SavedPrice, json};

const PRICE: Micros = Micros::new(28_000);

fn key(word: &str) -> Key {
    Key(Sha256::of(word.as_bytes()))
}

fn parts(word: &str) -> KeyParts {
    KeyParts {
        prompt: word.to_owned(),
        references: "r".to_owned(),
        settings: "s".to_owned(),
    }
}

fn takes(first: u32, count: u32) -> Takes {
    let first = TakeNo(first);
    Takes { first, count }
}

fn spot(shot: &str, first: u32, count: u32) -> Spot {
    Spot {
        shot: ShotId::new(shot),
        variant: Variant(0),
        takes: takes(first, count),
    }
}

fn saved_task(shot: &str, first: u32, count: u32) -> SavedTask {
    SavedTask {
        shot: ShotId::new(shot),
        sequence: Some("104/TCC".to_owned()),
        variant: Variant(0),
        values: vec![("angle".to_owned(), "low".to_owned())],
        takes: takes(first, count),
        key: key(shot),
        parts: parts("p"),
        attempt: Attempt(0),
        reason: Reason::New.word().to_owned(),
        price: PRICE.times(u64::from(count)),
        over: None,
        files: vec![format!("images/{shot}_v{first:03}.jpg")],
    }
}

fn saved(tasks: Vec<SavedTask>) -> SavedPlan {
    let digest = |word: &str| (word.to_owned(), Sha256::of(word.as_bytes()));
    SavedPlan {
        saved_at: "2026-11-29T16:28:13Z".parse().expect("a time"),
        tool: "reshoot 0.1.0".to_owned(),
        show: Some(ShowId::new("show")),
        manifest: "show.toml".to_owned(),
        output: "out".to_owned(),
        flags: Flags::default(),
        texts: BTreeMap::from([digest("show.toml")]),
        references: BTreeMap::from([digest("mira/face.png")]),
        prices: vec![SavedPrice {
            model: "m".to_owned(),
            size: "1360x768".to_owned(),
            amount: PRICE,
            basis: "listed".to_owned(),
        }],
        caps: BTreeMap::from([("show".to_owned(), Micros::new(900_000))]),
        tasks,
        resends: Vec::new(),
    }
}

fn purchase(shot: &str, first: u32, count: u32) -> Purchase {
    let attempt = Attempt(0);
    Purchase {
        task: TaskId::derive(
            &ShowId::new("show"),
            &ShotId::new(shot),
            Variant(0),
            TakeNo(first),
            key(shot),
            attempt,
        ),
        shot_index: 0,
        shot: ShotId::new(shot),
        sequence: None,
        variant: Variant(0),
        takes: takes(first, count),
        key: key(shot),
        attempt,
        reason: Reason::New,
        price: PRICE.times(u64::from(count)),
        over: None,
    }
}

fn entry(shot: &str, keeps: &[(Kept, u32)]) -> Entry {
    Entry {
        shot: ShotId::new(shot),
        sequence: None,
        variant: Variant(0),
        wanted: 1,
        buys: BTreeMap::new(),
        keeps: keeps.iter().copied().collect(),
        price: Micros::ZERO,
        files: Vec::new(),
    }
}

fn plan(purchases: Vec<Purchase>) -> Plan {
    Plan {
        entries: purchases
            .iter()
            .map(|purchase| entry(purchase.shot.as_str(), &[]))
            .collect(),
        purchases,
        ..Plan::default()
    }
}

/// A log in which purchases were sent, and refused where the flag says so.
fn log(sent: &[(&Purchase, bool)]) -> Ledger {
    let mut ledger = Ledger::default();
    let mut add = |record| {
        let at = Timestamp::UNIX_EPOCH;
        let seq = ledger.last_seq + 1;
        ledger
            .apply(&Stamped { seq, at, record })
            .expect("a sound record");
    };
    for (purchase, refused) in sent {
        add(Record::Intent(Box::new(intent(purchase))));
        if *refused {
            add(Record::Refused(Ended {
                task: purchase.task,
                trouble: Trouble {
                    class: Class::Request,
                    code: "no".to_owned(),
                    message: String::new(),
                },
                may_be_billed: false,
            }));
        }
    }
    ledger
}

fn intent(purchase: &Purchase) -> Intent {
    Intent {
        run: RunId::new("run"),
        task: purchase.task,
        shot: purchase.shot.clone(),
        variant: purchase.variant,
        takes: purchase.takes,
        key: purchase.key,
        parts: parts("p"),
        attempt: purchase.attempt,
        reserved: purchase.price,
        resend: 0,
        reason: None,
        made: Made {
            sequence: None,
            values: Vec::new(),
            name: String::new(),
            preset: String::new(),
            model: "m".to_owned(),
            template: String::new(),
            prompt: String::new(),
            size: Some((1360, 768)),
            resolution: None,
            format: "jpg".to_owned(),
            quality: 95,
            safety: "none".to_owned(),
            delivery: "async".to_owned(),
            output: "url".to_owned(),
            ttl: None,
            webhook: false,
            upload: false,
            references: Vec::new(),
        },
    }
}

/// What stands now: as it was signed, unless changed.
struct World {
    show: Option<ShowId>,
    texts: BTreeMap<String, Sha256>,
    references: BTreeMap<String, Sha256>,
    prices: BTreeMap<(String, String), Micros>,
    caps: BTreeMap<String, Micros>,
    ledger: Ledger,
}

impl World {
    fn of(signed: &SavedPlan) -> Self {
        let prices = signed.prices.iter();
        Self {
            show: signed.show.clone(),
            texts: signed.texts.clone(),
            references: signed.references.clone(),
            prices: prices
                .map(|price| ((price.model.clone(), price.size.clone()), price.amount))
                .collect(),
            caps: signed.caps.clone(),
            ledger: Ledger::default(),
        }
    }

    fn compare(&self, signed: &SavedPlan, plan: &mut Plan) -> Comparison {
        let now = Now {
            show: self.show.as_ref(),
            texts: &self.texts,
            references: &self.references,
            prices: &self.prices,
            caps: &self.caps,
            ledger: &self.ledger,
            parts: &|_| Some(parts("other")),
        };
        compare(signed, &now, plan)
    }
}

#[test]
fn nothing_moved_and_everything_is_bought() {
    let signed = saved(vec![saved_task("a", 1, 1), saved_task("b", 1, 2)]);
    let mut now = plan(vec![purchase("a", 1, 1), purchase("b", 1, 2)]);
    let before = now.clone();
    let comparison = World::of(&signed).compare(&signed, &mut now);
    assert_eq!(comparison.moves, []);
    assert_eq!(comparison.now, signed.total());
    assert_eq!(now, before);
}

#[test]
fn every_source_that_moved_is_named() {
    let signed = saved(Vec::new());
    let mut world = World::of(&signed);
    world.show = None;
    world.texts = BTreeMap::from([
        ("show.toml".to_owned(), Sha256::of(b"other")),
        ("more.toml".to_owned(), Sha256::of(b"more")),
    ]);
    world.references.clear();
    world.prices = BTreeMap::from([(("m".to_owned(), "1360x768".to_owned()), Micros::new(30_000))]);
    world.caps = BTreeMap::from([("run".to_owned(), PRICE)]);
    let comparison = world.compare(&signed, &mut Plan::default());
    let cap = |name: &str, before, now| Move::Cap {
        name: name.to_owned(),
        before,
        now,
    };
    let expected = [
        Move::Show("show".to_owned(), None),
        Move::Text("show.toml".to_owned(), Change::Changed),
        Move::Text("more.toml".to_owned(), Change::Added),
        Move::Reference("mira/face.png".to_owned(), Change::Gone),
        Move::Price {
            model: "m".to_owned(),
            size: "1360x768".to_owned(),
            before: PRICE,
            now: Micros::new(30_000),
        },
        cap("run", None, Some(PRICE)),
        cap("show", Some(Micros::new(900_000)), None),
    ];
    assert_eq!(comparison.moves, expected);
}

#[test]
fn a_reference_that_no_signed_task_uses_is_no_move() {
    let signed = saved(Vec::new());
    let mut world = World::of(&signed);
    let other = ("other.png".to_owned(), Sha256::of(b"other"));
    world.references.extend([other]);
    assert_eq!(world.compare(&signed, &mut Plan::default()).moves, []);
}

#[test]
fn a_task_that_changed_came_or_went_is_named() {
    let signed = saved(vec![
        saved_task("a", 1, 1),
        saved_task("gone", 1, 1),
        saved_task("left", 1, 1),
    ]);
    let mut changed = purchase("a", 1, 1);
    changed.key = key("other");
    let mut now = plan(vec![changed, purchase("new", 1, 1)]);
    now.entries.push(entry("left", &[(Kept::Omitted, 1)]));
    let mut world = World::of(&signed);
    world.texts.clear();
    let comparison = world.compare(&signed, &mut now);
    let expected = [
        Move::Text("show.toml".to_owned(), Change::Gone),
        Move::Task(spot("a", 1, 1), vec![Part::Prompt]),
        Move::Added(spot("new", 1, 1), Reason::New),
        Move::Gone(spot("gone", 1, 1), None),
        Move::Gone(spot("left", 1, 1), Some(Kept::Omitted)),
    ];
    assert_eq!(comparison.moves, expected);
    assert!(now.purchases.is_empty(), "nothing of it is bought");
}

#[test]
fn what_was_sent_since_is_no_move_nor_is_a_further_attempt() {
    let signed = saved(vec![
        saved_task("a", 1, 1),
        saved_task("b", 1, 4),
        saved_task("c", 1, 1),
    ]);
    let mut world = World::of(&signed);
    world.ledger = log(&[(&purchase("a", 1, 1), false), (&purchase("c", 1, 1), true)]);
    let again = purchase("c", 1, 1).as_attempt(&ShowId::new("show"), Attempt(1));
    // Of four takes one is still to come.
    let mut now = plan(vec![purchase("b", 4, 1), again.clone()]);
    now.entries.push(entry("a", &[(Kept::Open, 1)]));
    let comparison = world.compare(&signed, &mut now);
    assert_eq!(comparison.moves, []);
    assert_eq!(comparison.fewer, []);
    assert_eq!(comparison.sent.takes, 1);
    assert_eq!(now.purchases, [purchase("b", 4, 1), again]);
}

#[test]
fn fewer_by_a_persons_decision_is_allowed_and_told() {
    let signed = saved(vec![saved_task("a", 1, 1), saved_task("b", 1, 1)]);
    let mut now = plan(vec![purchase("b", 1, 1)]);
    now.entries.push(entry("a", &[(Kept::ApprovedButStale, 1)]));
    let comparison = World::of(&signed).compare(&signed, &mut now);
    assert_eq!(comparison.moves, []);
    let approved = Some(Kept::ApprovedButStale);
    assert_eq!(comparison.fewer, [(spot("a", 1, 1), approved)]);
    assert_eq!(now.purchases.len(), 1);
}

#[test]
fn more_takes_than_were_signed_are_refused() {
    let signed = saved(vec![saved_task("a", 1, 1)]);
    let mut world = World::of(&signed);
    world.ledger = log(&[(&purchase("a", 1, 1), false)]);
    let mut retake = purchase("a", 2, 1);
    retake.reason = Reason::Retake;
    let expected = [Move::Added(spot("a", 2, 1), Reason::Retake)];
    for limit in [None, Some(1)] {
        let mut signed = signed.clone();
        signed.flags.limit = limit;
        let mut now = plan(vec![retake.clone()]);
        let comparison = world.compare(&signed, &mut now);
        assert_eq!(comparison.moves, expected);
        assert!(now.purchases.is_empty());
    }
}

#[test]
fn what_a_limit_left_out_is_not_bought_on_a_resume() {
    let mut signed = saved(vec![saved_task("a", 1, 1), saved_task("b", 1, 1)]);
    signed.flags.limit = Some(2);
    let mut world = World::of(&signed);
    world.ledger = log(&[(&purchase("a", 1, 1), false)]);
    let mut now = plan(vec![purchase("b", 1, 1), purchase("c", 1, 1)]);
    let comparison = world.compare(&signed, &mut now);
    assert_eq!(comparison.moves, []);
    assert_eq!(now.purchases, [purchase("b", 1, 1)]);
    assert_eq!(comparison.left_out, []);
}

#[test]
fn what_a_cap_left_out_when_it_was_signed_is_left_out() {
    let mut over = saved_task("b", 1, 1);
    over.over = Some("show".to_owned());
    let signed = saved(vec![saved_task("a", 1, 1), over]);
    assert_eq!(signed.most(), PRICE);
    let mut now = plan(vec![purchase("a", 1, 1), purchase("b", 1, 1)]);
    let comparison = World::of(&signed).compare(&signed, &mut now);
    assert_eq!(comparison.moves, []);
    assert_eq!(now.purchases, [purchase("a", 1, 1)]);
    assert_eq!(comparison.left_out, [purchase("b", 1, 1)]);
}

#[test]
fn what_came_to_grief_since_is_not_bought_beyond_what_was_signed() {
    let mut signed = saved(vec![saved_task("a", 1, 1)]);
    signed.flags.rebuy_missing = true;
    let mut world = World::of(&signed);
    world.ledger = log(&[(&purchase("a", 1, 1), false)]);
    let mut now = plan(vec![purchase("a", 2, 1)]);
    let comparison = world.compare(&signed, &mut now);
    assert_eq!(comparison.moves, []);
    assert_eq!(comparison.left_out.len(), 1);
    assert!(now.purchases.is_empty());
}

#[test]
fn a_task_that_was_not_signed_is_not_sent_again() {
    let (signed_task, foreign, known) = (
        purchase("a", 1, 1),
        purchase("x", 1, 1),
        purchase("y", 1, 1),
    );
    let mut signed = saved(vec![saved_task("a", 1, 1)]);
    signed.resends.push(Resend {
        task: known.task,
        shot: known.shot.clone(),
        variant: known.variant,
        takes: known.takes,
        price: PRICE,
    });
    assert_eq!(signed.most(), PRICE.times(2));
    let mut world = World::of(&signed);
    world.ledger = log(&[(&signed_task, false), (&foreign, false), (&known, false)]);
    let mut now = plan(Vec::new());
    let left = |purchase: &Purchase| Unsettled {
        task: purchase.task,
        wanted_by: Some(0),
        may_return: false,
    };
    now.settle = vec![left(&signed_task), left(&foreign), left(&known)];
    let comparison = world.compare(&signed, &mut now);
    assert_eq!(comparison.moves, []);
    let again: Vec<_> = now.settle.iter().map(|left| left.wanted_by).collect();
    assert_eq!(again, [Some(0), None, Some(0)]);
    assert!(
        now.settle[1].may_return,
        "it stays open, and is asked about"
    );
}

#[test]
fn parts_are_asked_for_only_where_something_changed() {
    let signed = saved(vec![saved_task("a", 1, 1), saved_task("b", 1, 1)]);
    let world = World::of(&signed);
    let mut changed = purchase("b", 1, 1);
    changed.key = key("other");
    let asked = Cell::new(0);
    let now = Now {
        show: world.show.as_ref(),
        texts: &world.texts,
        references: &world.references,
        prices: &world.prices,
        caps: &world.caps,
        ledger: &world.ledger,
        parts: &|_| {
            asked.set(asked.get() + 1);
            None
        },
    };
    compare(&signed, &now, &mut plan(vec![purchase("a", 1, 1), changed]));
    assert_eq!(asked.get(), 1);
}

#[test]
fn a_saved_plan_reads_back_and_any_edit_is_seen() {
    let mut signed = saved(vec![saved_task("104/\u{202e}a", 1, 2)]);
    signed.flags.set.push("takes=2".to_owned());
    let text = json::spell(&signed);
    let (read, digest) = json::read(text.as_bytes()).expect("a plan");
    assert_eq!(read, signed);
    assert_eq!(digest, json::digest(&signed));
    let mut later = signed.clone();
    later.saved_at = "2027-01-01T00:00:00Z".parse().expect("a time");
    assert_eq!(json::digest(&later), digest, "the time is not signed");
    for (from, to) in [
        ("\"takes=2\"", "\"takes=3\""),
        ("\"attempt\": 0", "\"attempt\": 1"),
        ("\"image_usd_micros\": 28000", "\"image_usd_micros\": 29000"),
        ("\"over_budget\": null", "\"over_budget\": \"run\""),
        ("\"usd_micros\": 56000", "\"usd_micros\": 57000"),
        ("\"plan\": \"", "\"plan\": \"0"),
    ] {
        assert!(text.contains(from), "{from}");
        let edited = text.replacen(from, to, 1);
        let refused = json::read(edited.as_bytes());
        let why = refused.expect_err(to);
        let changed = matches!(why, json::NotAPlan::Changed { .. } | json::NotAPlan::Sums);
        assert!(changed, "{to}: {why}");
    }
    let newer = text.replacen("\"format\": 1", "\"format\": 2", 1);
    let newer = json::read(newer.as_bytes()).expect_err("newer");
    assert_eq!(newer, json::NotAPlan::Newer(2));
    assert!(json::is_one(text.as_bytes()));
    assert!(!json::is_one(b"{\"format\": 1}"));
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(json::read(&bytes).is_err());
    }

    #[test]
    fn a_broken_plan_is_answered(at in 0usize..4000, byte in any::<u8>()) {
        let whole = saved(vec![saved_task("a", 1, 2)]);
        let mut bytes = json::spell(&whole).into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok((read, _)) = json::read(&bytes) {
            // Only the time, which is not signed, and spaces may differ.
            prop_assert_eq!(read.tasks, whole.tasks);
        }
    }

    #[test]
    fn what_is_saved_is_read_back(
        tasks in prop::collection::vec((".{1,12}", 1u32..9, 1u32..20, any::<bool>()), 0..5),
        words in prop::collection::vec("(?s).{0,20}", 4),
        limit in prop::option::of(any::<u32>()), cost in prop::option::of(any::<u32>()),
        flag in any::<bool>(), seconds in 0i64..4_000_000_000,
    ) {
        let tasks = tasks.into_iter().map(|(shot, first, count, over)| {
            let mut task = saved_task(&shot, first, count);
            task.over = over.then(|| "run".to_owned());
            task
        });
        let mut whole = saved(tasks.collect());
        whole.saved_at = jiff::Timestamp::from_second(seconds).expect("a time");
        whole.show = flag.then(|| ShowId::new(&words[0]));
        whole.texts.insert(words[1].clone(), Sha256::of(b"text"));
        whole.flags.set.clone_from(&words);
        whole.flags.encoding = (!flag).then(|| words[2].clone());
        whole.flags.shot = vec![words[3].clone()];
        (whole.flags.limit, whole.flags.skip_invalid) = (limit, flag);
        whole.flags.max_cost = cost.map(|cost| Micros::new(u64::from(cost)));
        let (read, _digest) = json::read(json::spell(&whole).as_bytes()).expect("a plan");
        prop_assert_eq!(read, whole);
    }

    #[test]
    fn nothing_is_ever_bought_that_is_not_signed(
        signed in prop::collection::vec((0usize..3, 1u32..5, 1u32..3, any::<bool>()), 0..6),
        now in prop::collection::vec((0usize..3, 1u32..6, 1u32..3, 0usize..2, any::<bool>()), 0..6),
        limit in prop::option::of(1u32..3), rebuy_missing in any::<bool>(),
    ) {
        const SHOTS: [&str; 3] = ["a", "b", "c"];
        let tasks = signed.into_iter().map(|(shot, first, count, over)| {
            let mut task = saved_task(SHOTS[shot], first, count);
            task.over = over.then(|| "run".to_owned());
            task
        });
        let mut signed = saved(tasks.collect());
        signed.flags.limit = limit;
        signed.flags.rebuy_missing = rebuy_missing;
        let purchases = now.into_iter().map(|(shot, first, count, other, retake)| {
            let mut purchase = purchase(SHOTS[shot], first, count);
            if other > 0 {
                purchase.key = key("other");
            }
            if retake {
                purchase.reason = Reason::Retake;
            }
            purchase
        });
        let mut now = plan(purchases.collect());
        World::of(&signed).compare(&signed, &mut now);
        for purchase in &now.purchases {
            let mut tasks = signed.tasks.iter().filter(|task| task.over.is_none());
            prop_assert!(tasks.any(|task| task.covers(purchase)), "{purchase:?}");
        }
    }
}

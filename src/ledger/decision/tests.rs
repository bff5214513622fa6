//! Decisions fold the same whoever folds them, the last one wins, and lines read back as written.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::domain::digest::Sha256;
use crate::domain::id::{Attempt, Key, ShowId};
use crate::ledger::json::{Head, decision as json};

const SHOTS: [&str; 3] = ["104/TCC/0010", "104/TCC/0020", "0030"];

fn at(variant: u32, take: u32) -> TakeAt {
    TakeAt {
        variant: Variant(variant),
        take: TakeNo(take),
    }
}

fn task(shot: &str, at: TakeAt) -> TaskId {
    TaskId::derive(
        &ShowId::new("show"),
        &ShotId::new(shot),
        at.variant,
        at.take,
        Key(Sha256::of(b"key")),
        Attempt(0),
    )
}

fn aside(shot: &str, at: TakeAt) -> SetAside {
    let task = task(shot, at);
    SetAside { at, task, index: 0 }
}

/// Decisions, numbered as they are written.
#[derive(Default)]
struct Minutes(Vec<Stamped>);

impl Minutes {
    fn say(&mut self, act: Act, take: Option<TakeAt>, column: Option<Status>) -> u64 {
        let seq = self.0.len() as u64 + 1;
        let decision = Decision {
            act,
            shot: ShotId::new(SHOTS[0]),
            take,
            note: None,
            by: None,
            column: column.map(|column| column.word().to_owned()),
        };
        self.0.push(Stamped {
            seq,
            at: Timestamp::UNIX_EPOCH,
            record: Record::Decision(Box::new(decision)),
        });
        seq
    }

    fn fold(&self) -> Decisions {
        fold(&self.0)
    }
}

fn fold(records: &[Stamped]) -> Decisions {
    let mut decisions = Decisions::default();
    for record in records {
        decisions.apply(record);
    }
    decisions
}

fn shot() -> ShotId {
    ShotId::new(SHOTS[0])
}

#[test]
fn the_later_of_column_and_decision_wins() {
    let mut minutes = Minutes::default();
    minutes.say(Act::Approve, None, Some(Status::Hold));
    let decisions = minutes.fold();
    let verdict = |column| decisions.verdict(&shot(), column);
    assert_eq!(verdict(Status::Hold).status, Status::Approved);
    assert!(verdict(Status::Hold).decision.is_some());
    let changed = verdict(Status::Retake);
    assert_eq!((changed.status, changed.decision), (Status::Retake, None));
    let other = decisions.verdict(&ShotId::new("another"), Status::Omit);
    assert_eq!((other.status, other.decision), (Status::Omit, None));
}

#[test]
fn a_shot_that_was_not_in_the_list_had_an_empty_column() {
    let mut minutes = Minutes::default();
    minutes.say(Act::Hold, None, None);
    let decisions = minutes.fold();
    assert_eq!(
        decisions.verdict(&shot(), Status::Todo).status,
        Status::Hold
    );
    assert_eq!(decisions.verdict(&shot(), Status::Approved).decision, None);
}

#[test]
fn hold_and_omit_of_one_take_bar_nothing() {
    let mut minutes = Minutes::default();
    minutes.say(Act::Hold, Some(at(0, 1)), Some(Status::Todo));
    minutes.say(Act::Omit, Some(at(0, 2)), Some(Status::Todo));
    let decisions = minutes.fold();
    assert_eq!(decisions.verdict(&shot(), Status::Todo).decision, None);
    let said = |take| {
        let of = at(0, take);
        let made = decisions.on_take(&shot(), of, task(SHOTS[0], of), 0);
        made.map(|made| made.kind)
    };
    assert_eq!(
        [said(1), said(2), said(3)],
        [Some(Kind::Hold), Some(Kind::Omit), None]
    );
}

#[test]
fn a_retake_lifts_and_sets_aside_until_it_is_taken_back() {
    let mut minutes = Minutes::default();
    minutes.say(Act::Approve, Some(at(0, 1)), Some(Status::Todo));
    let listed = vec![aside(SHOTS[0], at(0, 1)), aside(SHOTS[0], at(0, 2))];
    let retake = minutes.say(Act::Retake(listed), None, Some(Status::Todo));
    let decisions = minutes.fold();
    assert_eq!(
        decisions.verdict(&shot(), Status::Todo).status,
        Status::Todo
    );
    assert_eq!(decisions.chosen(&shot(), Variant(0)), None);
    let set_aside = decisions.aside(&shot());
    assert!(set_aside.has(task(SHOTS[0], at(0, 1)), 0));
    assert!(!set_aside.has(task(SHOTS[0], at(0, 1)), 1));
    assert_eq!(set_aside.numbers(Variant(0)), BTreeSet::from([1, 2]));
    assert_eq!(set_aside.count(Variant(1)), 0);
    minutes.say(Act::Undo(retake, Kind::Retake), None, Some(Status::Todo));
    let back = minutes.fold();
    assert_eq!(back.aside(&shot()), Aside::default());
    assert_eq!(back.verdict(&shot(), Status::Todo).status, Status::Approved);
    let chosen = back.chosen(&shot(), Variant(0));
    assert_eq!(chosen.map(|(take, _)| take), Some(TakeNo(1)));
}

#[test]
fn approving_a_take_brings_it_back_and_chooses_it() {
    let mut minutes = Minutes::default();
    let listed = vec![aside(SHOTS[0], at(0, 1)), aside(SHOTS[0], at(0, 2))];
    minutes.say(Act::Retake(listed), None, Some(Status::Todo));
    minutes.say(Act::Approve, Some(at(0, 2)), Some(Status::Todo));
    minutes.say(Act::Approve, None, Some(Status::Todo));
    let decisions = minutes.fold();
    let numbers = decisions.aside(&shot()).numbers(Variant(0));
    assert_eq!(numbers, BTreeSet::from([1]));
    let chosen = decisions.chosen(&shot(), Variant(0));
    assert_eq!(chosen.map(|(take, _)| take), Some(TakeNo(2)));
    assert_eq!(decisions.chosen(&shot(), Variant(1)), None);
}

fn any_at() -> impl Strategy<Value = TakeAt> {
    (0u32..3, 1u32..5).prop_map(|(variant, take)| at(variant, take))
}

fn any_act() -> impl Strategy<Value = Act> {
    let taken = (any_at(), 0u32..3, prop::sample::select(SHOTS.to_vec()));
    let taken = taken.prop_map(|(at, index, shot)| SetAside {
        index,
        ..aside(shot, at)
    });
    prop_oneof![
        Just(Act::Approve),
        Just(Act::Hold),
        Just(Act::Omit),
        vec(taken, 0..4).prop_map(Act::Retake),
        (1u64..20, prop::sample::select(Kind::ALL.to_vec()))
            .prop_map(|(seq, kind)| Act::Undo(seq, kind)),
    ]
}

prop_compose! {
    fn any_decision()(
        act in any_act(), shot in prop::sample::select(SHOTS.to_vec()),
        take in prop::option::of(any_at()), note in any::<Option<String>>(),
        by in any::<Option<String>>(),
        column in prop::option::of(prop::sample::select(Status::WORDS.to_vec())),
    ) -> Decision {
        let column = column.map(str::to_owned);
        Decision { act, shot: ShotId::new(shot), take, note, by, column }
    }
}

fn any_minutes() -> impl Strategy<Value = Vec<Stamped>> {
    vec((any_decision(), any::<i32>()), 0..20).prop_map(|decisions| {
        let numbered = decisions.into_iter().zip(1..);
        let stamped = numbered.map(|((decision, second), seq)| Stamped {
            seq,
            at: Timestamp::from_second(i64::from(second)).expect("a time"),
            record: Record::Decision(Box::new(decision)),
        });
        stamped.collect()
    })
}

/// Spells records as a file.
fn spelled(records: &[Stamped]) -> Vec<u8> {
    let (mut out, mut crc) = (Vec::new(), 0);
    for stamped in records {
        let head = Head {
            seq: stamped.seq,
            at: stamped.at,
            nth: 0,
        };
        crc = json::encode(head, &stamped.record, crc, &mut out);
    }
    out
}

/// Gives the last decision on a shot that stands, found the slow way.
fn last_standing(records: &[Stamped], shot: &ShotId) -> Option<u64> {
    let of_shot = |stamped: &&Stamped| match &stamped.record {
        Record::Decision(decision) => decision.shot == *shot,
        Record::Other(_) => false,
    };
    let is_undone = |seq: u64| {
        let mut later = records.iter().filter(of_shot).filter(|r| r.seq > seq);
        later.any(|later| {
            let Record::Decision(later) = &later.record else {
                return false;
            };
            matches!(later.act, Act::Undo(undone, _) if undone == seq)
        })
    };
    let bears = |stamped: &&Stamped| {
        let Record::Decision(decision) = &stamped.record else {
            return false;
        };
        match decision.act {
            Act::Undo(..) => false,
            Act::Approve | Act::Retake(_) => true,
            Act::Hold | Act::Omit => decision.take.is_none(),
        }
    };
    let mut standing = records.iter().rev().filter(of_shot).filter(bears);
    standing
        .find(|stamped| !is_undone(stamped.seq))
        .map(|stamped| stamped.seq)
}

proptest! {
    #[test]
    fn lines_read_back_as_they_were_written(records in any_minutes()) {
        let bytes = spelled(&records);
        let (mut crc, mut read) = (0, Vec::new());
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            prop_assert!(!line.contains(&0));
            let (stamped, next) = json::decode(line, crc).expect("a sound line");
            read.push(stamped);
            crc = next;
        }
        prop_assert_eq!(fold(&read), fold(&records));
        prop_assert_eq!(read, records);
    }

    #[test]
    fn the_last_decision_that_stands_wins(records in any_minutes()) {
        let decisions = fold(&records);
        for shot in SHOTS.map(ShotId::new) {
            let expected = last_standing(&records, &shot);
            let column = expected.and_then(|seq| {
                let Record::Decision(decision) = &records[usize::try_from(seq).ok()? - 1].record
                else { return None };
                Status::parse(decision.column.as_deref().unwrap_or_default())
            });
            let verdict = decisions.verdict(&shot, column.unwrap_or_default());
            prop_assert_eq!(verdict.decision.map(|made| made.seq), expected);
        }
    }

    #[test]
    fn what_is_written_in_between_of_other_shots_changes_nothing(records in any_minutes()) {
        let whole = fold(&records);
        for shot in SHOTS.map(ShotId::new) {
            let own: Vec<Stamped> = records
                .iter()
                .filter(|stamped| matches!(
                    &stamped.record, Record::Decision(decision) if decision.shot == shot
                ))
                .cloned()
                .collect();
            let alone = fold(&own);
            prop_assert_eq!(alone.on(&shot), whole.on(&shot));
        }
    }
}

/// `docs/decisions.md` is true: its example is sound and means what is said, its fields are named.
#[test]
fn the_document_is_true() {
    const DOCUMENT: &str = include_str!("../../../docs/decisions.md");
    let (_, rest) = DOCUMENT.split_once("```jsonl\n").expect("an example");
    let example = rest.split_once("```").expect("its end").0;
    let (mut crc, mut records, mut kinds) = (0, Vec::new(), BTreeSet::new());
    for line in example.lines() {
        let (stamped, next) = json::decode(line.as_bytes(), crc).expect("a sound line");
        crc = next;
        let written: serde_json::Value = serde_json::from_str(line).expect("json");
        for field in written.as_object().expect("an object").keys() {
            assert!(DOCUMENT.contains(&format!("`{field}`")), "{field}");
        }
        kinds.insert(written["kind"].as_str().expect("a kind").to_owned());
        records.push(stamped);
    }
    assert_eq!(kinds.len(), Kind::ALL.len() + 1, "{kinds:?}");
    let decisions = fold(&records);
    let verdict = |shot, column| decisions.verdict(&ShotId::new(shot), column).status;
    assert_eq!(verdict("104/TCC/0020", Status::Todo), Status::Approved);
    assert_eq!(
        verdict("104/TCC/0030", Status::WaitingForApproval),
        Status::Hold
    );
    assert_eq!(verdict("104/TCC/0040", Status::Todo), Status::Todo);
    assert_eq!(verdict("104/TCC/0050", Status::Todo), Status::Omit);
    let aside = decisions.aside(&ShotId::new("104/TCC/0010"));
    assert_eq!(aside.numbers(Variant(0)), BTreeSet::from([1]));
}

#[test]
fn later_kinds_are_kept_and_mean_nothing() {
    let head = |seq| Head {
        seq,
        at: Timestamp::UNIX_EPOCH,
        nth: 0,
    };
    let mut line = Vec::new();
    let crc = json::encode(head(1), &Record::Other("dream".into()), 0, &mut line);
    let (read, checksum) = json::decode(&line, 0).expect("a sound line");
    assert_eq!(read.record, Record::Other("dream".into()));
    assert_eq!(checksum, crc);
    assert_eq!(fold(&[read]), Decisions::default());
    // The first line tells the format; a file that begins otherwise is not one of ours.
    let mut late = Vec::new();
    let _crc = json::encode(head(2), &Record::Other("dream".into()), 0, &mut late);
    let moved = String::from_utf8(late).expect("text");
    let moved = moved.replace("\"seq\":2", "\"seq\":1");
    let body = moved.split(",\"crc\"").next().expect("a body");
    let sealed = format!(
        "{body},\"crc\":\"{:08x}\"}}",
        crc32c::crc32c(body.as_bytes())
    );
    assert!(json::decode(sealed.as_bytes(), 0).is_err());
    assert_eq!(json::newer_format(b"{\"format\":2}"), Some(2));
    assert_eq!(json::newer_format(b"{\"format\":1}"), None);
}

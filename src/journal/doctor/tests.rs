use std::fs;

use super::*;
use crate::domain::id::{RunId, ShowId};
use crate::domain::money::Micros;
use crate::ledger::record::{FORMAT, LogOpened, RunEnded};

fn now() -> Timestamp {
    "2026-11-24T10:00:00.123456Z".parse().expect("a time")
}

/// A log of ten records, as its lines.
fn lines() -> Vec<Vec<u8>> {
    let opened = Record::LogOpened(LogOpened {
        format: FORMAT,
        show: ShowId::new("show"),
        show_id_from_manifest: true,
        tool: "reshoot test".into(),
    });
    let ended = |n: u64| {
        Record::RunEnded(RunEnded {
            run: RunId::new(&format!("run {n}")),
            reason: "done".into(),
            counts: [("saved".to_owned(), n)].into(),
            spent: Micros::new(28_000),
            reserved: Micros::ZERO,
        })
    };
    let mut crc = 0;
    let mut lines = Vec::new();
    for seq in 1..=10 {
        let record = if seq == 1 { opened.clone() } else { ended(seq) };
        let (mut line, at) = (Vec::new(), now());
        crc = json::encode(Head { seq, at, nth: 0 }, &record, crc, &mut line);
        lines.push(line);
    }
    lines
}

struct Case {
    home: tempfile::TempDir,
    log: Vec<u8>,
}

impl Case {
    fn new(log: Vec<u8>) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        fs::write(home.path().join("log.jsonl"), &log).expect("written");
        Self { home, log }
    }

    fn patient(&self) -> Patient {
        let path = self.home.path().join("log.jsonl");
        Patient::open(&path).expect("readable").expect("there")
    }

    fn checkup(&self) -> Checkup {
        let checkup = self.patient().examine(|_| Ok(())).expect("examined");
        let path = self.home.path().join("log.jsonl");
        assert_eq!(fs::read(path).expect("read"), self.log, "it was changed");
        checkup
    }

    fn damage(&self) -> Damage {
        match self.checkup().state {
            State::Damaged(damage) => damage,
            other => panic!("not told as damage: {other:?}"),
        }
    }
}

fn start_of(lines: &[Vec<u8>], line: usize) -> u64 {
    lines[..line - 1]
        .iter()
        .map(|line| u64::try_from(line.len()).expect("few"))
        .sum()
}

#[test]
fn a_whole_log_is_whole() {
    let case = Case::new(lines().concat());
    let checkup = case.checkup();
    assert_eq!(checkup.state, State::Whole);
    assert_eq!(checkup.good.records, 10);
    assert_eq!(checkup.good.bytes, checkup.bytes);
    let path = case.home.path().join("none.jsonl");
    assert!(Patient::open(&path).expect("no error").is_none());
}

/// Figure 13: each single bit of a line is found again, wherever it is.
#[test]
fn one_wrong_bit_is_found_and_the_rest_is_read() {
    let whole = lines();
    let start = start_of(&whole, 4);
    for at in 0..whole[3].len() - 1 {
        let mut damaged = whole.clone();
        let bit = 1 << (at % 8);
        damaged[3][at] ^= bit;
        if damaged[3][at] == b'\n' {
            continue;
        }
        let case = Case::new(damaged.concat());
        let found = case.damage();
        assert_eq!((found.line, found.byte, found.expected), (4, start, 4));
        let was = whole[3][at];
        let byte = start + u64::try_from(at).expect("few");
        let looks = Looks::OneBit {
            byte,
            found: was ^ bit,
            was,
        };
        assert_eq!(found.looks, looks);
        assert_eq!((found.lines, found.readable), (7, 7));
    }
}

#[test]
fn lost_doubled_moved_and_changed_lines_are_told_apart() {
    let whole = lines();
    let with = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut damaged = whole.clone();
        change(&mut damaged);
        let damage = Case::new(damaged.concat()).damage();
        (damage.line, damage.looks, damage.lines, damage.readable)
    };
    let lost = with(&|lines| drop(lines.drain(3..5)));
    assert_eq!(lost, (4, Looks::Lost { records: 2 }, 5, 4));
    let again = with(&|lines| lines.insert(4, lines[3].clone()));
    assert_eq!(again, (5, Looks::Again { seq: 4 }, 7, 6));
    let moved = with(&|lines| lines.swap(3, 5));
    assert_eq!((moved.0, moved.1), (4, Looks::Moved));
    let changed = with(&|lines| lines[3][20..24].fill(b'7'));
    assert_eq!(changed, (4, Looks::Changed, 7, 6));
    let blank = with(&|lines| lines[3][20..60].fill(0));
    assert_eq!(blank, (4, Looks::Blank, 7, 6));
    let foreign = with(&|lines| lines[3] = b"# mended by hand\n".to_vec());
    assert_eq!(foreign, (4, Looks::NoRecord, 7, 5));
}

#[test]
fn what_the_fold_refuses_is_damage_of_its_line() {
    let case = Case::new(lines().concat());
    let examined = case.patient().examine(|stamped| match stamped.seq {
        6 => Err("no".to_owned()),
        _ => Ok(()),
    });
    let State::Damaged(damage) = examined.expect("examined").state else {
        panic!("not told as damage");
    };
    assert_eq!((damage.line, damage.looks), (6, Looks::Contradicts));
    assert_eq!(damage.why, "no");
}

#[test]
fn a_torn_end_and_a_newer_format_are_no_damage() {
    let mut torn = lines().concat();
    torn.extend([0; 7]);
    let checkup = Case::new(torn).checkup();
    let bytes = checkup.good.bytes;
    let tail = Tail {
        at_byte: bytes,
        bytes: 7,
    };
    assert_eq!(checkup.state, State::Torn(tail));
    let newer = b"{\"kind\":\"log_opened\",\"format\":2,\"sum\":\"md5\"}\nwhatever\n".to_vec();
    assert_eq!(Case::new(newer).checkup().state, State::Newer(2));
}

#[test]
fn the_good_part_is_copied_with_a_gap_after_it_and_nothing_overwritten() {
    let mut damaged = lines();
    damaged[3][20..24].fill(b'7');
    let case = Case::new(damaged.concat());
    let (patient, checkup) = (case.patient(), case.checkup());
    let to = case.home.path().join("good.jsonl");
    patient.save(&checkup, now(), &to).expect("saved");
    let copy = Patient::open(&to).expect("readable").expect("there");
    let mut records = Vec::new();
    let copied = copy.examine(|stamped| {
        records.push(stamped.record);
        Ok(())
    });
    let copied = copied.expect("examined");
    assert_eq!((copied.state, copied.good.records), (State::Whole, 4));
    let gap = Gap {
        line: 4,
        byte: checkup.good.bytes,
        bytes: checkup.bytes - checkup.good.bytes,
    };
    assert_eq!(records.last(), Some(&Record::Gap(gap)));
    let before = fs::read(&to).expect("read");
    let again = patient.save(&checkup, now(), &to).expect_err("taken");
    assert!(again.is_taken(), "{again}");
    assert_eq!(fs::read(&to).expect("read"), before);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&to).expect("stat").permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_copy_of_a_torn_log_is_its_records_and_no_more() {
    let whole = lines().concat();
    let mut torn = whole.clone();
    torn.extend(b"{\"seq\":11");
    let case = Case::new(torn);
    let to = case.home.path().join("good.jsonl");
    let saved = case.patient().save(&case.checkup(), now(), &to);
    saved.expect("saved");
    assert_eq!(fs::read(&to).expect("read"), whole);
}

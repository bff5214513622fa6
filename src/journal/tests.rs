use std::fs;
use std::io::Cursor;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;
use crate::domain::id::{RunId, ShowId};
use crate::journal::reader::{Replayed, replay};
use crate::journal::writer::{Appender, Medium};
use crate::ledger::json::{self, Head};
use crate::ledger::record::RunEnded;

fn clock() -> Clock {
    Arc::new(|| "2026-11-24T10:00:00.123456Z".parse().expect("a time"))
}

fn begin() -> LogOpened {
    LogOpened {
        format: FORMAT,
        show: ShowId::new("show"),
        show_id_from_manifest: true,
        tool: "reshoot test".into(),
    }
}

fn note(n: usize) -> Record {
    Record::RunEnded(RunEnded {
        run: RunId::new(&format!("run {n}")),
        reason: "done".into(),
        counts: [("saved".to_owned(), 7)].into(),
        spent: crate::domain::money::Micros::new(28_000),
        reserved: crate::domain::money::Micros::ZERO,
    })
}

/// A log in memory: one list of records for each write.
fn log_of(writes: &[usize]) -> Vec<u8> {
    let at = clock()();
    let mut log = Vec::new();
    let head = |seq, nth| Head { seq, at, nth };
    let mut crc = json::encode(head(1, 0), &Record::LogOpened(begin()), 0, &mut log);
    let mut seq = 1;
    for records in writes {
        for nth in 0..*records {
            seq += 1;
            let nth = u32::try_from(nth).expect("few");
            crc = json::encode(head(seq, nth), &note(0), crc, &mut log);
        }
    }
    log
}

fn read_bytes(log: &[u8]) -> Result<Replayed, Fault> {
    replay(&mut Cursor::new(log), &mut |_: Stamped| Ok(()))
}

fn damaged_at(log: &[u8]) -> (u64, u64) {
    match read_bytes(log) {
        Err(Fault::Damaged { line, byte, .. }) => (line, byte),
        other => panic!("not told as damage: {other:?}"),
    }
}

struct Home {
    home: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        Self { home }
    }

    fn output(&self) -> PathBuf {
        self.home.path().join("show/out")
    }

    fn log(&self) -> PathBuf {
        self.output().join(FILE)
    }

    fn open(&self) -> Result<Opened, OpenError> {
        open(&self.output(), clock(), begin, |_| Ok(()))
    }

    fn put(&self, log: &[u8]) {
        fs::create_dir_all(self.output()).expect("made");
        fs::write(self.log(), log).expect("written");
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.log()).expect("read")
    }

    fn records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        let read = read(&self.output(), |stamped| {
            records.push(stamped.record);
            Ok(())
        });
        assert_eq!(read.expect("sound").expect("there").tail, None);
        records
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(future)
}

#[test]
fn a_log_begins_goes_on_and_is_read_back() {
    let home = Home::new();
    assert_eq!(read(&home.output(), |_| Ok(())), Ok(None));
    let opened = home.open().expect("opened");
    assert!(opened.new && opened.cut.is_none() && opened.records == 1);
    let stamped = block_on(opened.journal.append(note(1))).expect("durable");
    assert_eq!(stamped.seq, 2);
    assert_eq!(stamped.at.to_string(), "2026-11-24T10:00:00.123Z");
    drop(opened);
    let opened = home.open().expect("opened again");
    assert!(!opened.new && opened.records == 2);
    let stamped = block_on(opened.journal.append(note(2))).expect("durable");
    assert_eq!(stamped.seq, 3);
    drop(opened);
    assert_eq!(
        home.records(),
        [Record::LogOpened(begin()), note(1), note(2)]
    );
    let mode = fs::metadata(home.log()).expect("stat").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_second_run_is_told_who_holds_the_folder() {
    let home = Home::new();
    let first = home.open().expect("opened");
    let second = home.open().expect_err("held");
    assert!(matches!(second, OpenError::Locked { .. }), "{second:?}");
    assert!(second.to_string().contains("another run (pid "), "{second}");
    drop(first);
    assert!(home.open().is_ok());
}

/// Figure 12.
#[test]
fn a_last_record_cut_at_any_byte_is_torn() {
    let log = log_of(&[1, 1, 1]);
    let last = log_of(&[1, 1]).len();
    for end in last + 1..log.len() {
        let read = read_bytes(&log[..end]).expect("torn, not damaged");
        let bytes = u64::try_from(end - last).expect("few");
        let at_byte = u64::try_from(last).expect("few");
        assert_eq!(read.records, 3);
        assert_eq!(read.tail, Some(Tail { at_byte, bytes }));
    }
    // The same with NUL bytes where the rest was to be, its newline lost or not.
    for end in last..log.len() - 1 {
        let mut log = log.clone();
        let full = log.len() - 1;
        log[end..full].fill(0);
        let read = read_bytes(&log).expect("torn, not damaged");
        assert_eq!((read.records, read.tail.is_some()), (3, true));
        log[full] = 0;
        let read = read_bytes(&log).expect("torn, not damaged");
        assert_eq!((read.records, read.tail.is_some()), (3, true));
    }
}

/// Figure 12.
#[test]
fn any_length_of_nul_bytes_at_the_end_is_torn() {
    let mut log = log_of(&[2]);
    let sound = u64::try_from(log.len()).expect("few");
    for bytes in 1..=5000 {
        log.push(0);
        let read = read_bytes(&log).expect("torn, not damaged");
        let tail = Tail {
            at_byte: sound,
            bytes,
        };
        assert_eq!((read.records, read.tail), (3, Some(tail)));
    }
}

#[test]
fn a_torn_end_is_cut_before_the_first_append_and_told() {
    for (torn, new) in [(log_of(&[1]).len() - 3, false), (20, true)] {
        let home = Home::new();
        let whole = log_of(&[1]);
        home.put(&whole[..torn]);
        let told = read(&home.output(), |_| Ok(()))
            .expect("read")
            .expect("there");
        assert!(told.tail.is_some());
        assert_eq!(home.bytes(), &whole[..torn], "reading changes nothing");
        let opened = home.open().expect("opened");
        let cut = opened.cut.clone().expect("told");
        assert_eq!(opened.new, new);
        assert!(cut.to_string().contains("were not written whole"), "{cut}");
        let _stamped = block_on(opened.journal.append(note(1))).expect("durable");
        drop(opened);
        assert_eq!(home.records(), [Record::LogOpened(begin()), note(1)]);
    }
}

/// Figure 13.
#[test]
fn a_flipped_bit_is_damage_of_its_line_and_nothing_is_rewritten() {
    let log = log_of(&[1, 1, 1]);
    let last = log_of(&[1, 1]).len();
    for at in 0..last {
        for bit in 0..8 {
            let mut log = log.clone();
            log[at] ^= 1 << bit;
            match read_bytes(&log) {
                Err(Fault::Damaged { byte, .. }) => {
                    let line = log_start(&log_of(&[1, 1, 1]), at);
                    // A newline made of another byte ends the line early.
                    assert!(byte == line || log[at] == b'\n', "byte {at}: {byte}");
                }
                // The first line said another format before it could be checked.
                Err(Fault::Newer(_)) => assert!(at < 100),
                other => panic!("byte {at} bit {bit}: {other:?}"),
            }
        }
    }
    let home = Home::new();
    let mut log = log;
    log[last - 20] ^= 4;
    home.put(&log);
    let error = home.open().expect_err("damaged").to_string();
    assert!(
        error.contains("run-log.jsonl:3: the run log is damaged at byte "),
        "{error}"
    );
    assert_eq!(home.bytes(), log);
}

fn log_start(log: &[u8], at: usize) -> u64 {
    let start = log[..at]
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |n| n + 1);
    u64::try_from(start).expect("few")
}

/// Figure 13.
#[test]
fn a_line_lost_doubled_or_moved_is_damage() {
    let log = log_of(&[1, 1, 1, 1]);
    let lines: Vec<&[u8]> = log.split_inclusive(|b| *b == b'\n').collect();
    let joined = |order: &[usize]| -> Vec<u8> {
        order
            .iter()
            .flat_map(|n| lines[*n].iter().copied())
            .collect()
    };
    assert_eq!(damaged_at(&joined(&[0, 2, 3, 4])).0, 2);
    assert_eq!(damaged_at(&joined(&[0, 1, 1, 2, 3, 4])).0, 3);
    assert_eq!(damaged_at(&joined(&[0, 2, 1, 3, 4])).0, 2);
    assert_eq!(damaged_at(&joined(&[1, 2, 3, 4])), (1, 0));
    assert_eq!(damaged_at(&joined(&[0, 1, 2, 3, 4, 4])).0, 6);
    assert_eq!(damaged_at(b"\n").0, 1);
    assert_eq!(damaged_at(&[log.as_slice(), b"\n"].concat()).0, 6);
}

#[test]
fn a_log_that_begins_otherwise_is_damage() {
    let mut log = Vec::new();
    let head = Head {
        seq: 1,
        at: clock()(),
        nth: 0,
    };
    let _crc = json::encode(head, &note(1), 0, &mut log);
    assert_eq!(damaged_at(&log), (1, 0));
}

#[test]
fn what_the_ledger_refuses_is_damage_of_its_line() {
    let home = Home::new();
    home.put(&log_of(&[1, 1]));
    let refused = open(&home.output(), clock(), begin, |stamped| {
        if stamped.seq == 3 {
            Err("saved without intent".into())
        } else {
            Ok(())
        }
    });
    let error = refused.expect_err("refused").to_string();
    assert!(
        error.contains(".jsonl:3:") && error.contains("saved without intent"),
        "{error}"
    );
}

/// Figure 14.
#[test]
fn a_newer_format_is_refused_untouched() {
    let home = Home::new();
    let log = b"{\"seq\":1,\"kind\":\"log_opened\",\"format\":9,\"sum\":\"other\"}\nwhatever\n";
    home.put(log);
    let error = home.open().expect_err("newer");
    assert!(
        matches!(error, OpenError::Newer { format: 9, .. }),
        "{error:?}"
    );
    assert_eq!(home.bytes(), log);
}

/// Figure 14.
#[test]
fn unknown_fields_stay_as_they_are() {
    let home = Home::new();
    let body = "{\"seq\":1,\"at\":\"2026-11-24T10:00:00Z\",\"kind\":\"log_opened\",\"format\":1,\
                \"show_id\":\"s\",\"show_id_from_manifest\":false,\"tool\":\"t\",\"mood\":[1]";
    let crc = crc32c::crc32c(body.as_bytes());
    let line = format!("{body},\"crc\":\"{crc:08x}\"}}\n");
    home.put(line.as_bytes());
    let opened = home.open().expect("opened");
    let _stamped = block_on(opened.journal.append(note(1))).expect("durable");
    drop(opened);
    assert!(home.bytes().starts_with(line.as_bytes()));
    assert_eq!(home.records().len(), 2);
}

#[test]
fn a_link_in_place_of_the_log_or_the_lock_is_refused() {
    for name in [FILE, ".lock"] {
        let home = Home::new();
        let outside = home.home.path().join("outside");
        fs::create_dir_all(home.output()).expect("made");
        symlink(&outside, home.output().join(name)).expect("a link");
        let error = home.open().expect_err("a link");
        assert!(error.to_string().contains("it is a link"), "{error}");
        assert!(!outside.exists());
    }
}

proptest! {
    /// What a power cut can leave of the last write: any of its blocks as NUL bytes, then short.
    #[test]
    fn a_power_cut_takes_only_what_was_not_synced(
        synced in prop::collection::vec(1usize..4, 0..4), last in 1usize..12,
        lost in any::<u64>(), end in any::<prop::sample::Index>(),
    ) {
        let before = log_of(&synced);
        let mut all = synced.clone();
        all.push(last);
        let mut log = log_of(&all);
        for (block, bytes) in log.chunks_mut(512).enumerate() {
            let start = (block * 512).max(before.len()) - block * 512;
            if lost >> (block % 64) & 1 == 1 && start < bytes.len() {
                bytes[start..].fill(0);
            }
        }
        log.truncate(before.len() + end.index(log.len() - before.len() + 1));
        let read = read_bytes(&log).expect("torn, not damaged");
        let durable = u64::try_from(1 + synced.iter().sum::<usize>()).expect("few");
        prop_assert!(read.records >= durable);
        if let Some(tail) = read.tail {
            prop_assert!(tail.at_byte >= u64::try_from(before.len()).expect("few"));
        }
    }

    /// NUL bytes before records of a later write are no torn end: those were read as durable.
    #[test]
    fn nul_bytes_in_what_was_synced_are_damage(
        synced in prop::collection::vec(1usize..4, 1..4), last in 1usize..4,
        from in any::<prop::sample::Index>(), length in 1usize..700,
    ) {
        let durable = log_of(&synced).len();
        let mut all = synced;
        all.push(last);
        let mut log = log_of(&all);
        let from = from.index(durable);
        // The newline before the last write is kept, so that its first record can be read.
        let until = (from + length).min(durable - 1).max(from);
        prop_assume!(from < until);
        log[from..until].fill(0);
        let (_, byte) = damaged_at(&log);
        prop_assert!(byte <= u64::try_from(from).expect("few"));
    }

    #[test]
    fn any_bytes_are_answered(log in prop::collection::vec(prop_oneof![Just(b'\n'), Just(0), any::<u8>()], 0..300)) {
        let _read = read_bytes(&log);
        let _read = read_bytes(&[log_of(&[1]), log].concat());
    }
}

/// A file whose steps fail.
struct Faulty {
    file: fs::File,
    steps: Arc<AtomicUsize>,
    syncs: Arc<AtomicUsize>,
    fail_at: usize,
    for_good: bool,
    /// How many bytes a failing write still takes.
    takes: usize,
}

impl Faulty {
    fn fails(&self) -> bool {
        let step = self.steps.fetch_add(1, Ordering::SeqCst);
        step == self.fail_at || (self.for_good && step > self.fail_at)
    }
}

impl Medium for Faulty {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // Halves, so that every record takes several writes.
        let bytes = &bytes[..bytes.len().div_ceil(2)];
        if self.fails() {
            let taken = &bytes[..self.takes.min(bytes.len())];
            Medium::write(&mut self.file, taken)?;
            return Err(std::io::Error::from_raw_os_error(28));
        }
        Medium::write(&mut self.file, bytes)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        if self.fails() {
            return Err(std::io::Error::from_raw_os_error(5));
        }
        Ok(())
    }
}

fn faulty_journal(
    home: &Home,
    fail_at: usize,
    for_good: bool,
    takes: usize,
) -> (Journal, Arc<AtomicUsize>) {
    home.put(&log_of(&[]));
    let file = fs::OpenOptions::new()
        .append(true)
        .open(home.log())
        .expect("opened");
    let read = read_bytes(&home.bytes()).expect("sound");
    let syncs = Arc::new(AtomicUsize::new(0));
    let medium = Faulty {
        file,
        steps: Arc::default(),
        syncs: Arc::clone(&syncs),
        fail_at,
        for_good,
        takes,
    };
    let place = Place {
        seq: read.records,
        crc: read.crc,
    };
    let path = home.log().display().to_string();
    let appender = Appender::new(medium, path, clock(), place);
    let writer = Writer::start(appender).expect("started");
    (
        Journal {
            writer,
            _lock: None,
        },
        syncs,
    )
}

/// Figures 3 and 4, the log's part.
#[test]
fn after_a_failed_write_or_sync_nothing_more_is_taken_and_the_next_run_goes_on() {
    for fail_at in 0..40 {
        for (for_good, takes) in [(false, 0), (true, 0), (false, 7), (true, 1000)] {
            let home = Home::new();
            let (journal, _) = faulty_journal(&home, fail_at, for_good, takes);
            let mut durable = vec![Record::LogOpened(begin())];
            let mut failed = 0;
            for n in 0..8 {
                match block_on(journal.append(note(n))) {
                    Ok(stamped) => {
                        assert_eq!(failed, 0, "nothing is taken after a failure");
                        durable.push(stamped.record);
                    }
                    Err(LogError::Write { path, reason }) => {
                        failed += 1;
                        assert!(path.ends_with(FILE) && reason.contains("disk"), "{reason}");
                    }
                    Err(LogError::Shut) => panic!("the first failure is told to everybody"),
                }
            }
            assert_eq!(failed > 0, durable.len() < 9);
            drop(journal);
            // What was never answered may stand there whole all the same.
            let opened = home.open().expect("the next run goes on");
            drop(opened);
            let records = home.records();
            assert!(records.starts_with(&durable));
            assert!(records.len() <= durable.len() + 1);
        }
    }
}

#[test]
fn records_that_wait_share_a_sync_and_keep_their_order() {
    let home = Home::new();
    let (journal, syncs) = faulty_journal(&home, usize::MAX, false, 0);
    let stamped = block_on(futures::future::join_all(
        (0..500).map(|n| journal.append(note(n))),
    ));
    for (stamped, n) in stamped.into_iter().zip(0..) {
        let stamped = stamped.expect("durable");
        assert_eq!(stamped.seq, u64::try_from(n).expect("few") + 2);
        assert_eq!(stamped.record, note(n));
    }
    drop(journal);
    assert_eq!(home.records().len(), 501);
    assert!(syncs.load(Ordering::SeqCst) < 250, "{syncs:?}");
}

#[test]
fn what_was_asked_for_is_written_though_nobody_waits() {
    let home = Home::new();
    let opened = home.open().expect("opened");
    block_on(async {
        let mut appended = Box::pin(opened.journal.append(note(1)));
        assert!(futures::poll!(appended.as_mut()).is_pending());
    });
    drop(opened);
    assert_eq!(home.records().len(), 2);
}

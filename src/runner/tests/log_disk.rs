//! A simulated run log: written in batches, synced, and torn when the power goes.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::journal::reader;
use crate::ledger::fold::Ledger;
use crate::ledger::json::{self, Head};
use crate::ledger::port::{LogError, RunLog};
use crate::ledger::record::{Record, Stamped};
use crate::runner::tests::dice::Dice;
use crate::runner::tests::promises;
use crate::runner::tests::sights::Sight;
use crate::runner::tests::universe::{State, Universe};

/// The log as it is on disk.
pub(super) struct LogDisk {
    /// What was written, synced or not.
    pub(super) records: Vec<Stamped>,
    /// How many of them are synced.
    synced: usize,
    /// The fold of what is synced.
    pub(super) ledger: Ledger,
    /// The same as lines, in histories that keep them.
    lines: Option<Lines>,
    /// Whether a write failed in this life.
    pub(super) failed: bool,
}

#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    /// After each record: where its line ends, and its checksum.
    ends: Vec<(usize, u32)>,
}

/// How a life ended, as the disk sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// The process went, the machine stays: what was written is there.
    Kill,
    /// What was not synced may be gone.
    PowerCut,
}

impl LogDisk {
    pub(super) fn new(as_bytes: bool) -> Self {
        Self {
            records: Vec::new(),
            synced: 0,
            ledger: Ledger::default(),
            lines: as_bytes.then(Lines::default),
            failed: false,
        }
    }

    fn write(&mut self, stamped: Stamped, nth: u32) {
        if let Some(lines) = &mut self.lines {
            let head = Head {
                seq: stamped.seq,
                at: stamped.at,
                nth,
            };
            let before = lines.ends.last().map_or(0, |(_, crc)| *crc);
            let crc = json::encode(head, &stamped.record, before, &mut lines.bytes);
            lines.ends.push((lines.bytes.len(), crc));
        }
        self.records.push(stamped);
    }

    /// Loses what was not synced, and tells whether the end had to be mended.
    pub(super) fn die(&mut self, death: Death, dice: &mut Dice) -> bool {
        let unsynced = self.records.len() - self.synced;
        let kept = match death {
            Death::Kill => unsynced,
            Death::PowerCut => dice.index(unsynced + 1),
        };
        let whole = self.synced + kept;
        let torn = whole < self.records.len() && dice.chance(500);
        if let Some(lines) = &mut self.lines {
            lines.tear(self.synced, whole, torn, dice);
        }
        self.records.truncate(whole);
        torn
    }

    /// Takes what is on disk for synced, as a run does that opens it.
    ///
    /// # Errors
    /// Tells what is wrong with the log.
    pub(super) fn open(&mut self) -> Result<(), String> {
        self.failed = false;
        if let Some(lines) = &mut self.lines {
            lines.open(&self.records)?;
        }
        self.sync()
    }

    fn sync(&mut self) -> Result<(), String> {
        for stamped in &self.records[self.synced..] {
            let folded = self.ledger.apply(stamped);
            folded.map_err(|why| format!("the log contradicts itself: {why}"))?;
            self.synced += 1;
        }
        Ok(())
    }

    /// Folds the whole log anew.
    pub(super) fn fold(&self) -> Result<Ledger, String> {
        let mut ledger = Ledger::default();
        for stamped in &self.records[..self.synced] {
            let folded = ledger.apply(stamped);
            folded.map_err(|why| format!("the log contradicts itself: {why}"))?;
        }
        Ok(ledger)
    }

    /// Loses the log altogether.
    pub(super) fn delete(&mut self) {
        *self = Self::new(self.lines.is_some());
    }

    pub(super) fn is_new(&self) -> bool {
        self.records.is_empty()
    }
}

impl Lines {
    /// Leaves `whole` records and, if it is torn, some of the bytes after them.
    fn tear(&mut self, synced: usize, whole: usize, torn: bool, dice: &mut Dice) {
        let end_of = |count: usize| match count {
            0 => 0,
            count => self.ends[count - 1].0,
        };
        let (sound, end) = (end_of(whole), self.bytes.len());
        debug_assert!(end_of(synced) <= sound, "what is synced stays");
        if !torn {
            self.bytes.truncate(sound);
            return;
        }
        let line_end = end_of(whole + 1);
        let from = sound + dice.index(line_end - sound);
        match dice.below(3) {
            // The size is there and the blocks are not.
            0 => self.bytes[from..end].fill(0),
            // A block is not there, and what was written after it is.
            1 => self.bytes[from..line_end].fill(0),
            _ => self.bytes.truncate((from + 1).min(line_end - 1)),
        }
    }

    /// Reads the lines back with the journal's own reader and cuts the torn end off.
    fn open(&mut self, records: &[Stamped]) -> Result<(), String> {
        let mut read = Vec::new();
        let mut each = |stamped: Stamped| {
            read.push(stamped);
            Ok(())
        };
        let replayed = reader::replay(&mut self.bytes.as_slice(), &mut each);
        let replayed = replayed.map_err(|fault| format!("the log is damaged: {fault:?}"))?;
        if let Some(tail) = replayed.tail {
            let sound = usize::try_from(tail.at_byte).unwrap_or(usize::MAX);
            self.bytes.truncate(sound);
        }
        self.ends.truncate(read.len());
        if read == records {
            Ok(())
        } else {
            Err(format!(
                "{} records read back are not the {} that were written",
                read.len(),
                records.len()
            ))
        }
    }
}

/// A record on its way to the disk.
struct Letter {
    record: Record,
    answer: oneshot::Sender<Result<Stamped, LogError>>,
}

/// The log of one life.
pub(super) struct Log(mpsc::UnboundedSender<Letter>);

impl Log {
    pub(super) fn start(universe: Arc<Universe>) -> Self {
        let (letters, waiting) = mpsc::unbounded_channel();
        tokio::spawn(write_all(universe, waiting));
        Self(letters)
    }
}

impl RunLog for Log {
    async fn append(&self, record: Record) -> Result<Stamped, LogError> {
        let (answer, answered) = oneshot::channel();
        match self.0.send(Letter { record, answer }) {
            Ok(()) => answered.await.unwrap_or(Err(LogError::Shut)),
            Err(_) => Err(LogError::Shut),
        }
    }
}

async fn write_all(universe: Arc<Universe>, mut waiting: mpsc::UnboundedReceiver<Letter>) {
    let mut shut = false;
    while let Some(first) = waiting.recv().await {
        let mut batch = vec![first];
        while let Ok(more) = waiting.try_recv() {
            batch.push(more);
        }
        universe.step().await;
        if shut {
            for letter in batch {
                let _unheard = letter.answer.send(Err(LogError::Shut));
            }
            continue;
        }
        let answers = write(&universe, batch);
        universe.step().await;
        shut = !sync(&universe);
        for (answer, stamped) in answers {
            let told = if shut { Err(failed()) } else { Ok(stamped) };
            let _unheard = answer.send(told);
        }
    }
}

type Answer = (oneshot::Sender<Result<Stamped, LogError>>, Stamped);

fn write(universe: &Universe, batch: Vec<Letter>) -> Vec<Answer> {
    let mut state = universe.state();
    let mut answers = Vec::with_capacity(batch.len());
    for (nth, letter) in (0..).zip(batch) {
        let stamped = Stamped {
            seq: state.log.records.len() as u64 + 1,
            at: state.clock.wall(),
            record: letter.record,
        };
        state.tell(|| promises::told(&stamped.record));
        promises::on_record(&mut state, &stamped.record);
        state.log.write(stamped.clone(), nth);
        answers.push((letter.answer, stamped));
    }
    answers
}

/// Syncs what was written, unless the disk fails.
fn sync(universe: &Universe) -> bool {
    let mut state = universe.state();
    let odds = state.weather.disk.log;
    if state.dice.chance(odds) {
        state.log.failed = true;
        state.see(Sight::LogFailed);
        state.tell(|| "the log cannot be synced".to_owned());
        return false;
    }
    sync_and_check(&mut state);
    true
}

/// Takes in what was written, and checks every purchase against the caps as it is made.
fn sync_and_check(state: &mut State) {
    while let Some(stamped) = state.log.records.get(state.log.synced) {
        if let Err(why) = state.log.ledger.apply(stamped) {
            state.breaks(|| format!("the log contradicts itself: {why}"));
            return;
        }
        let intended = match &stamped.record {
            Record::Intent(intent) => Some(intent.task),
            _ => None,
        };
        state.log.synced += 1;
        if let Some(task) = intended {
            promises::on_intent(state, task);
        }
    }
}

fn failed() -> LogError {
    LogError::Write {
        path: "run-log.jsonl".to_owned(),
        reason: "no space is left".to_owned(),
    }
}

//! The fields of each kind of record, as JSON names them.
//!
//! Each line type mirrors a record and borrows from it when written, or from the line when read.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::class::{Class, Trouble};
use crate::domain::digest::Sha256;
use crate::domain::id::{ImageId, RunId, ShowId, TakeNo, TaskId};
use crate::domain::money::Micros;
use crate::ledger::json::intent::IntentLine;
use crate::ledger::json::word::{Money, Word};
use crate::ledger::record::{
    Accepted, AcceptedBy, Ended, Gap, LogOpened, Lost, Produced, Record, ReferenceUploaded,
    RunEnded, RunStarted, Saved,
};

/// The JSON object that a line is.
pub(super) struct Object;

impl Object {
    /// Appends the record's own fields, each after a comma.
    pub(super) fn put_fields(record: &Record, out: &mut Vec<u8>) {
        match record {
            Record::LogOpened(r) => put_members(&LogOpenedLine::from(r), out),
            Record::RunStarted(r) => put_members(&RunStartedLine::from(&**r), out),
            Record::Reference(r) => put_members(&ReferenceLine::from(r), out),
            Record::Intent(r) => put_members(&IntentLine::from(&**r), out),
            Record::Accepted(r) => put_members(&AcceptedLine::from(r), out),
            Record::Produced(r) => put_members(&ProducedLine::from(r), out),
            Record::Saved(r) => put_members(&SavedLine::from(r), out),
            Record::Refused(r) | Record::Failed(r) | Record::Unsure(r) => {
                put_members(&EndedLine::from(r), out);
            }
            Record::Lost(r) => put_members(&LostLine::from(r), out),
            Record::RunEnded(r) => put_members(&RunEndedLine::from(r), out),
            Record::Gap(r) => put_members(&GapLine::from(r), out),
            Record::Other(_) => {}
        }
    }

    /// Appends a text as JSON.
    pub(super) fn put_text(text: &str, out: &mut Vec<u8>) {
        put_json(text, out);
    }

    /// Reads the record of a kind from its line.
    pub(super) fn read(kind: &str, line: &[u8]) -> serde_json::Result<Record> {
        use serde_json::from_slice as read;
        Ok(match kind {
            "log_opened" => Record::LogOpened(read::<LogOpenedLine<'_>>(line)?.into()),
            "run_started" => Record::RunStarted(Box::new(read::<RunStartedLine<'_>>(line)?.into())),
            "reference" => Record::Reference(read::<ReferenceLine<'_>>(line)?.into()),
            "intent" => Record::Intent(Box::new(read::<IntentLine<'_>>(line)?.into())),
            "accepted" => Record::Accepted(read::<AcceptedLine>(line)?.into()),
            "produced" => Record::Produced(read::<ProducedLine<'_>>(line)?.into()),
            "saved" => Record::Saved(read::<SavedLine<'_>>(line)?.into()),
            "refused" => Record::Refused(read::<EndedLine<'_>>(line)?.into()),
            "failed" => Record::Failed(read::<EndedLine<'_>>(line)?.into()),
            "unsure" => Record::Unsure(read::<EndedLine<'_>>(line)?.into()),
            "lost" => Record::Lost(read::<LostLine<'_>>(line)?.into()),
            "run_ended" => Record::RunEnded(read::<RunEndedLine<'_>>(line)?.into()),
            "gap" => Record::Gap(read::<GapLine>(line)?.into()),
            _ => Record::Other(kind.to_owned()),
        })
    }
}

/// Appends the members of an object without its braces, each after a comma.
pub(super) fn put_members(object: &impl Serialize, out: &mut Vec<u8>) {
    let brace = out.len();
    put_json(object, out);
    out[brace] = b',';
    let _brace = out.pop();
}

#[expect(
    clippy::expect_used,
    reason = "writing to a Vec has no error, and every line type is an object of string keys"
)]
fn put_json(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("a Vec takes every byte");
}

#[derive(Serialize, Deserialize)]
struct LogOpenedLine<'a> {
    format: u32,
    #[serde(borrow)]
    show_id: Cow<'a, str>,
    show_id_from_manifest: bool,
    #[serde(borrow)]
    tool: Cow<'a, str>,
}

impl<'a> From<&'a LogOpened> for LogOpenedLine<'a> {
    fn from(r: &'a LogOpened) -> Self {
        Self {
            format: r.format,
            show_id: r.show.as_str().into(),
            show_id_from_manifest: r.show_id_from_manifest,
            tool: r.tool.as_str().into(),
        }
    }
}

impl From<LogOpenedLine<'_>> for LogOpened {
    fn from(line: LogOpenedLine<'_>) -> Self {
        Self {
            format: line.format,
            show: ShowId::new(&line.show_id),
            show_id_from_manifest: line.show_id_from_manifest,
            tool: line.tool.into_owned(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct RunStartedLine<'a> {
    #[serde(borrow)]
    run: Cow<'a, str>,
    manifest_sha256: Word<Sha256>,
    selection: Cow<'a, [String]>,
    /// Micro-dollars.
    caps: BTreeMap<Cow<'a, str>, Money>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plan: Option<Word<Sha256>>,
    jobs: u32,
    #[serde(borrow)]
    endpoint: Cow<'a, str>,
    #[serde(borrow)]
    tool: Cow<'a, str>,
}

impl<'a> From<&'a RunStarted> for RunStartedLine<'a> {
    fn from(r: &'a RunStarted) -> Self {
        let cap = |(name, cap): (&'a String, &'a Micros)| (name.as_str().into(), (*cap).into());
        Self {
            run: r.run.as_str().into(),
            manifest_sha256: Word(r.manifest),
            selection: r.selection.as_slice().into(),
            caps: r.caps.iter().map(cap).collect(),
            plan: r.plan.map(Word),
            jobs: r.jobs,
            endpoint: r.endpoint.as_str().into(),
            tool: r.tool.as_str().into(),
        }
    }
}

impl From<RunStartedLine<'_>> for RunStarted {
    fn from(line: RunStartedLine<'_>) -> Self {
        let caps = line.caps.into_iter();
        Self {
            run: RunId::new(&line.run),
            manifest: line.manifest_sha256.0,
            selection: line.selection.into_owned(),
            caps: caps
                .map(|(name, cap)| (name.into_owned(), cap.into()))
                .collect(),
            plan: line.plan.map(|plan| plan.0),
            jobs: line.jobs,
            endpoint: line.endpoint.into_owned(),
            tool: line.tool.into_owned(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct ReferenceLine<'a> {
    sha256: Word<Sha256>,
    #[serde(borrow)]
    image: Cow<'a, str>,
}

impl<'a> From<&'a ReferenceUploaded> for ReferenceLine<'a> {
    fn from(r: &'a ReferenceUploaded) -> Self {
        Self {
            sha256: Word(r.sha256),
            image: r.image.as_str().into(),
        }
    }
}

impl From<ReferenceLine<'_>> for ReferenceUploaded {
    fn from(line: ReferenceLine<'_>) -> Self {
        Self {
            sha256: line.sha256.0,
            image: ImageId::new(&line.image),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct AcceptedLine {
    task: Word<TaskId>,
    by: ByWord,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ByWord {
    Reply,
    Conflict,
    Asked,
}

impl From<&Accepted> for AcceptedLine {
    fn from(r: &Accepted) -> Self {
        Self {
            task: Word(r.task),
            by: match r.by {
                AcceptedBy::Reply => ByWord::Reply,
                AcceptedBy::Conflict => ByWord::Conflict,
                AcceptedBy::Asked => ByWord::Asked,
            },
        }
    }
}

impl From<AcceptedLine> for Accepted {
    fn from(line: AcceptedLine) -> Self {
        Self {
            task: line.task.0,
            by: match line.by {
                ByWord::Reply => AcceptedBy::Reply,
                ByWord::Conflict => AcceptedBy::Conflict,
                ByWord::Asked => AcceptedBy::Asked,
            },
        }
    }
}

#[derive(Serialize, Deserialize)]
struct ProducedLine<'a> {
    task: Word<TaskId>,
    index: u32,
    #[serde(borrow)]
    image: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nsfw: Option<bool>,
    cost_usd_micros: Money,
    cost_assumed: bool,
}

impl<'a> From<&'a Produced> for ProducedLine<'a> {
    fn from(r: &'a Produced) -> Self {
        Self {
            task: Word(r.task),
            index: r.index,
            image: r.image.as_str().into(),
            url: r.url.as_deref().map(Cow::Borrowed),
            seed: r.seed,
            nsfw: r.nsfw,
            cost_usd_micros: r.cost.into(),
            cost_assumed: r.cost_assumed,
        }
    }
}

impl From<ProducedLine<'_>> for Produced {
    fn from(line: ProducedLine<'_>) -> Self {
        Self {
            task: line.task.0,
            index: line.index,
            image: ImageId::new(&line.image),
            url: line.url.map(Cow::into_owned),
            seed: line.seed,
            nsfw: line.nsfw,
            cost: line.cost_usd_micros.into(),
            cost_assumed: line.cost_assumed,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct SavedLine<'a> {
    task: Word<TaskId>,
    index: u32,
    take: u32,
    #[serde(borrow)]
    path: Cow<'a, str>,
    sha256: Word<Sha256>,
    bytes: u64,
    width: u32,
    height: u32,
}

impl<'a> From<&'a Saved> for SavedLine<'a> {
    fn from(r: &'a Saved) -> Self {
        Self {
            task: Word(r.task),
            index: r.index,
            take: r.take.0,
            path: r.path.as_str().into(),
            sha256: Word(r.sha256),
            bytes: r.bytes,
            width: r.width,
            height: r.height,
        }
    }
}

impl From<SavedLine<'_>> for Saved {
    fn from(line: SavedLine<'_>) -> Self {
        Self {
            task: line.task.0,
            index: line.index,
            take: TakeNo(line.take),
            path: line.path.into_owned(),
            sha256: line.sha256.0,
            bytes: line.bytes,
            width: line.width,
            height: line.height,
        }
    }
}

fn trouble(class: &str, code: Cow<'_, str>, message: Cow<'_, str>) -> Trouble {
    Trouble {
        class: Class::from_word(class),
        code: code.into_owned(),
        message: message.into_owned(),
    }
}

#[derive(Serialize, Deserialize)]
struct EndedLine<'a> {
    task: Word<TaskId>,
    #[serde(borrow)]
    class: Cow<'a, str>,
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(borrow)]
    message: Cow<'a, str>,
    may_be_billed: bool,
}

impl<'a> From<&'a Ended> for EndedLine<'a> {
    fn from(r: &'a Ended) -> Self {
        Self {
            task: Word(r.task),
            class: r.trouble.class.word().into(),
            code: r.trouble.code.as_str().into(),
            message: r.trouble.message.as_str().into(),
            may_be_billed: r.may_be_billed,
        }
    }
}

impl From<EndedLine<'_>> for Ended {
    fn from(line: EndedLine<'_>) -> Self {
        Self {
            task: line.task.0,
            trouble: trouble(&line.class, line.code, line.message),
            may_be_billed: line.may_be_billed,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct LostLine<'a> {
    task: Word<TaskId>,
    index: u32,
    #[serde(borrow)]
    class: Cow<'a, str>,
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(borrow)]
    message: Cow<'a, str>,
}

impl<'a> From<&'a Lost> for LostLine<'a> {
    fn from(r: &'a Lost) -> Self {
        Self {
            task: Word(r.task),
            index: r.index,
            class: r.trouble.class.word().into(),
            code: r.trouble.code.as_str().into(),
            message: r.trouble.message.as_str().into(),
        }
    }
}

impl From<LostLine<'_>> for Lost {
    fn from(line: LostLine<'_>) -> Self {
        Self {
            task: line.task.0,
            index: line.index,
            trouble: trouble(&line.class, line.code, line.message),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct RunEndedLine<'a> {
    #[serde(borrow)]
    run: Cow<'a, str>,
    #[serde(borrow)]
    reason: Cow<'a, str>,
    counts: Cow<'a, BTreeMap<String, u64>>,
    money: MoneyLine,
}

#[derive(Serialize, Deserialize)]
struct MoneyLine {
    spent_usd_micros: Money,
    reserved_usd_micros: Money,
}

impl<'a> From<&'a RunEnded> for RunEndedLine<'a> {
    fn from(r: &'a RunEnded) -> Self {
        Self {
            run: r.run.as_str().into(),
            reason: r.reason.as_str().into(),
            counts: Cow::Borrowed(&r.counts),
            money: MoneyLine {
                spent_usd_micros: r.spent.into(),
                reserved_usd_micros: r.reserved.into(),
            },
        }
    }
}

impl From<RunEndedLine<'_>> for RunEnded {
    fn from(line: RunEndedLine<'_>) -> Self {
        Self {
            run: RunId::new(&line.run),
            reason: line.reason.into_owned(),
            counts: line.counts.into_owned(),
            spent: line.money.spent_usd_micros.into(),
            reserved: line.money.reserved_usd_micros.into(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct GapLine {
    line: u64,
    byte: u64,
    bytes: u64,
}

impl From<&Gap> for GapLine {
    fn from(r: &Gap) -> Self {
        let Gap { line, byte, bytes } = *r;
        Self { line, byte, bytes }
    }
}

impl From<GapLine> for Gap {
    fn from(read: GapLine) -> Self {
        let GapLine { line, byte, bytes } = read;
        Self { line, byte, bytes }
    }
}

//! Made-up histories.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::class::{Class, Trouble};
use crate::domain::diagnostic::{FileNo, Place};
use crate::domain::digest::Sha256;
use crate::domain::id::{
    Attempt, ImageId, Key, RunId, ShotId, ShowId, TakeNo, Takes, TaskId, Variant,
};
use crate::domain::money::Micros;
use crate::expand::profile::KLING_IMAGE_O1;
use crate::expand::request::{AskedSize, Request};
use crate::expand::wanted::{FileName, KeyParts, NamePart, Wanted};
use crate::ledger::fold::Ledger;
use crate::ledger::record::{
    Accepted, AcceptedBy, Ended, Intent, LogOpened, Lost, Made, MadeOf, Produced, Record, RunEnded,
    RunStarted, Saved, Stamped,
};
use crate::manifest::model::Status;
use crate::manifest::settings::{Delivery, Format, Output, ReferenceTransfer, Resolution, Safety};
use crate::report::history::History;

/// A message that would steer a terminal.
pub(super) const HOSTILE: &str = "\u{1b}[31mno\u{202e}pe\u{9b}2J\nreally";
/// An id that a spreadsheet would run.
pub(super) const FORMULA: &str = "=HYPERLINK(1)";

pub(super) const PRICE: Micros = Micros::new(28_000);

/// A purchase that records are written about.
#[derive(Clone, Debug)]
pub(super) struct Deal {
    pub(super) shot: &'static str,
    pub(super) variant: u32,
    pub(super) first: u32,
    pub(super) count: u32,
    pub(super) attempt: u32,
}

/// Gives the purchase of a shot's takes.
pub(super) const fn deal(shot: &'static str, first: u32, count: u32) -> Deal {
    Deal {
        shot,
        variant: 0,
        first,
        count,
        attempt: 0,
    }
}

impl Deal {
    pub(super) const fn again(mut self) -> Self {
        self.attempt += 1;
        self
    }

    pub(super) const fn variant(mut self, variant: u32) -> Self {
        self.variant = variant;
        self
    }

    pub(super) fn task(&self) -> TaskId {
        TaskId::derive(
            &ShowId::new("show"),
            &ShotId::new(self.shot),
            Variant(self.variant),
            TakeNo(self.first),
            self.key(),
            Attempt(self.attempt),
        )
    }

    fn key(&self) -> Key {
        Key(Sha256::of(self.shot.as_bytes()))
    }

    pub(super) fn intent(&self, run: &str, resend: u32) -> Intent {
        Intent {
            run: RunId::new(run),
            task: self.task(),
            shot: ShotId::new(self.shot),
            variant: Variant(self.variant),
            takes: Takes {
                first: TakeNo(self.first),
                count: self.count,
            },
            key: self.key(),
            parts: KeyParts {
                prompt: "p".to_owned(),
                references: "r".to_owned(),
                settings: "s".to_owned(),
            },
            attempt: Attempt(self.attempt),
            reserved: PRICE.times(u64::from(self.count)),
            resend,
            reason: None,
            made: self.made(),
        }
    }

    fn made(&self) -> Made {
        let mut values = Vec::new();
        if self.variant > 0 {
            values.push(("angle".to_owned(), "low angle".to_owned()));
        }
        Made {
            sequence: self.shot.rsplit_once('/').map(|(name, _)| name.to_owned()),
            values,
            name: format!("{}_v{{take:3}}.{{ext}}", self.shot),
            preset: "board".to_owned(),
            model: "klingai:kling-image@o1".to_owned(),
            template: "{mira} waves".to_owned(),
            prompt: "<<<image_1>>> Mira waves,\n\"slowly\"".to_owned(),
            size: (self.variant != 2).then_some((1360, 768)),
            resolution: (self.variant == 2).then(|| "1k".to_owned()),
            format: "jpg".to_owned(),
            quality: 95,
            safety: "fast".to_owned(),
            delivery: "async".to_owned(),
            output: "url".to_owned(),
            ttl: (self.variant == 1).then_some(86_400),
            webhook: self.variant == 1,
            upload: false,
            references: vec![
                MadeOf {
                    source: Some("bible/mira/face.png".to_owned()),
                    sha256: Sha256::of(b"face"),
                    role: Some("face".to_owned()),
                    scope: Some("the face only".to_owned()),
                    entry: Some("mira".to_owned()),
                    marker: "<<<image_1>>>".to_owned(),
                },
                MadeOf {
                    source: None,
                    sha256: Sha256::of(b"data"),
                    role: None,
                    scope: None,
                    entry: None,
                    marker: "<<<image_2>>>".to_owned(),
                },
            ],
        }
    }

    pub(super) fn produced(&self, index: u32, cost: Option<Micros>) -> Produced {
        let image = format!("image-{}-{}-{index}", self.shot, self.first);
        Produced {
            task: self.task(),
            index,
            url: Some(format!("https://im.runware.ai/secret/{image}.jpg")),
            image: ImageId::new(&image),
            seed: Some(u64::MAX - u64::from(index)),
            nsfw: Some(index == 1),
            cost: cost.unwrap_or(PRICE),
            cost_assumed: cost.is_none(),
        }
    }

    pub(super) fn saved(&self, index: u32) -> Saved {
        let take = TakeNo(self.first + index);
        let path = format!("images/{}_{}_{take}.jpg", self.shot, self.variant);
        Saved {
            task: self.task(),
            index,
            take,
            sha256: Sha256::of(path.as_bytes()),
            path,
            bytes: 262_144,
            width: 1360,
            height: 768,
        }
    }
}

pub(super) fn trouble(class: Class, code: &str, message: &str) -> Trouble {
    Trouble {
        class,
        code: code.to_owned(),
        message: message.to_owned(),
    }
}

/// A run log that is made up record by record, a second apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    pub(super) records: Vec<Stamped>,
    run: String,
}

impl Log {
    /// Begins a log and its first run.
    pub(super) fn open() -> Self {
        let mut log = Self::default();
        log.add(Record::LogOpened(LogOpened {
            format: 1,
            show: ShowId::new("show"),
            show_id_from_manifest: true,
            tool: "reshoot 0.1.0".to_owned(),
        }));
        log.run("run-1");
        log
    }

    pub(super) fn add(&mut self, record: Record) -> &mut Self {
        let seq = self.records.len() as u64 + 1;
        let began: Timestamp = "2026-11-24T16:28:13Z".parse().expect("a time");
        let at = began + SignedDuration::from_secs(i64::try_from(seq).expect("few"));
        self.records.push(Stamped { seq, at, record });
        self
    }

    pub(super) fn run(&mut self, run: &str) -> &mut Self {
        run.clone_into(&mut self.run);
        self.add(Record::RunStarted(Box::new(RunStarted {
            run: RunId::new(run),
            manifest: Sha256::of(b"manifest"),
            selection: vec!["--shot".to_owned(), "104/*".to_owned()],
            caps: BTreeMap::from([("run".to_owned(), Micros::new(25_000_000))]),
            plan: None,
            jobs: 4,
            endpoint: "https://api.runware.ai/v1".to_owned(),
            tool: "reshoot 0.1.0".to_owned(),
        })))
    }

    pub(super) fn end(&mut self, reason: &str) -> &mut Self {
        let ledger = self.ledger();
        self.add(Record::RunEnded(RunEnded {
            run: RunId::new(&self.run.clone()),
            reason: reason.to_owned(),
            counts: BTreeMap::from([("saved".to_owned(), 3), ("unsure".to_owned(), 0)]),
            spent: ledger.accounts.run.spent,
            reserved: ledger.accounts.run.reserved,
        }))
    }

    pub(super) fn intend(&mut self, deal: &Deal) -> &mut Self {
        let intent = deal.intent(&self.run, 0);
        self.add(Record::Intent(Box::new(intent)))
    }

    pub(super) fn accept(&mut self, deal: &Deal) -> &mut Self {
        self.add(Record::Accepted(Accepted {
            task: deal.task(),
            by: AcceptedBy::Reply,
        }))
    }

    pub(super) fn produce(&mut self, deal: &Deal, index: u32) -> &mut Self {
        self.add(Record::Produced(deal.produced(index, Some(PRICE))))
    }

    pub(super) fn save(&mut self, deal: &Deal, index: u32) -> &mut Self {
        self.add(Record::Saved(deal.saved(index)))
    }

    /// Buys and saves all takes of a purchase.
    pub(super) fn buy(&mut self, deal: &Deal) -> &mut Self {
        self.intend(deal).accept(deal);
        for index in 0..deal.count {
            self.produce(deal, index).save(deal, index);
        }
        self
    }

    pub(super) fn refuse(&mut self, deal: &Deal, why: Trouble) -> &mut Self {
        self.add(Record::Refused(ended(deal, why, false)))
    }

    pub(super) fn fail(&mut self, deal: &Deal, why: Trouble) -> &mut Self {
        self.add(Record::Failed(ended(deal, why, true)))
    }

    pub(super) fn doubt(&mut self, deal: &Deal, why: Trouble) -> &mut Self {
        self.add(Record::Unsure(ended(deal, why, true)))
    }

    pub(super) fn lose(&mut self, deal: &Deal, index: u32) -> &mut Self {
        self.add(Record::Lost(Lost {
            task: deal.task(),
            index,
            trouble: trouble(Class::Upstream, "image-gone", "it is gone"),
        }))
    }

    pub(super) fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        for stamped in &self.records {
            ledger.apply(stamped).expect("a sound record");
        }
        ledger
    }

    pub(super) fn history(&self) -> History {
        let mut history = History::default();
        for stamped in &self.records {
            history.take_in(stamped).expect("a sound record");
        }
        history
    }
}

fn ended(deal: &Deal, trouble: Trouble, may_be_billed: bool) -> Ended {
    Ended {
        task: deal.task(),
        trouble,
        may_be_billed,
    }
}

/// A history in which everything happens that can.
pub(super) fn eventful() -> Log {
    let mut log = Log::open();
    log.buy(&deal("104/TCC/0010", 1, 2));
    // Refused, hostile in its message and in its id.
    let formula = deal(FORMULA, 1, 1);
    log.intend(&formula);
    log.refuse(&formula, trouble(Class::Safety, "promptBlocked", HOSTILE));
    // Failed, and made good by the next attempt.
    let first = deal("104/TCC/0020", 1, 1).variant(1);
    log.intend(&first).accept(&first);
    let timeout = || trouble(Class::Upstream, "timeoutProvider", "took too long");
    log.fail(&first, timeout()).buy(&first.again());
    // Failed for good after one of its two images.
    let half = deal("104/TCC/0030", 1, 2);
    log.intend(&half)
        .accept(&half)
        .produce(&half, 0)
        .save(&half, 0);
    log.fail(&half, timeout());
    // Unsure.
    let unsure = deal("104/TCC/0040", 1, 1);
    log.intend(&unsure);
    log.doubt(
        &unsure,
        trouble(Class::Unknown, "connection-lost", "the reply was lost"),
    );
    log.end("interrupted").run("run-2");
    // Lost, fetched too late.
    let lost = deal("104/TCC/0050", 1, 1);
    log.intend(&lost)
        .accept(&lost)
        .produce(&lost, 0)
        .lose(&lost, 0);
    // Paid at an assumed price and not on disk; dearer than listed; open.
    let waiting = deal("104/TDD/0010", 1, 1).variant(2);
    log.intend(&waiting);
    log.add(Record::Produced(waiting.produced(0, None)));
    let dear = deal("104/TDD/0020", 1, 1);
    log.intend(&dear);
    log.add(Record::Produced(
        dear.produced(0, Some(Micros::new(56_000))),
    ));
    log.save(&dear, 0);
    log.intend(&deal("104/TDD/0030", 1, 3));
    log
}

/// A shot that is wanted.
pub(super) fn wanted(shot: &str, size: AskedSize) -> Wanted {
    let key = Key(Sha256::of(shot.as_bytes()));
    Wanted {
        shot: ShotId::new(shot),
        episode: None,
        sequence: shot.rsplit_once('/').map(|(name, _)| name.to_owned()),
        variant: Variant(0),
        values: Vec::new(),
        place: Place {
            file: FileNo(0),
            start: 0,
            end: 0,
            cell: None,
        },
        status: Status::Todo,
        takes: 2,
        results_per_task: 1,
        preset: "board".to_owned(),
        characters: Vec::new(),
        template: Arc::from("prompt"),
        request: Request {
            model: &KLING_IMAGE_O1,
            prompt: Arc::from("prompt"),
            size,
            format: Format::Jpg,
            quality: 95,
            safety: Safety::Off,
            references: Vec::new(),
            transfer: ReferenceTransfer::Upload,
            delivery: Delivery::Async,
            output: Output::Url,
            ttl: None,
            webhook_url: None,
            upload_endpoint: None,
        },
        key,
        parts: KeyParts {
            prompt: key.0.short(),
            references: String::new(),
            settings: String::new(),
        },
        name: FileName::new(vec![
            NamePart::Text(format!("{shot}_v")),
            NamePart::Take(3),
            NamePart::Text(".".to_owned()),
            NamePart::Extension,
        ]),
        kept: Vec::new(),
    }
}

/// A size that the model's table has.
pub(super) const EXACT: AskedSize = AskedSize::Exact(1360, 768);
/// The size of a reference.
pub(super) const LIKE_REFERENCE: AskedSize = AskedSize::LikeReference(Resolution::OneK);

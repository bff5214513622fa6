//! A book that is kept record by record, as a run keeps it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::class::{Class, Trouble};
use crate::domain::digest::Sha256;
use crate::domain::id::{
    Attempt, ImageId, Key, RunId, ShotId, ShowId, TakeNo, Takes, TaskId, Variant,
};
use crate::domain::money::Micros;
use crate::expand::wanted::KeyParts;
use crate::ledger::fold::Ledger;
use crate::ledger::record::{
    Accepted, AcceptedBy, Ended, Intent, Lost, Made, Produced, Record, RunEnded, RunStarted, Saved,
    Stamped,
};

pub(in crate::ledger) const PRICE: Micros = Micros::new(28_000);

/// A purchase that records are written about.
#[derive(Clone, Debug)]
pub(in crate::ledger) struct Deal {
    pub(in crate::ledger) shot: String,
    pub(in crate::ledger) sequence: Option<String>,
    pub(in crate::ledger) first: u32,
    pub(in crate::ledger) count: u32,
    /// What one of its images costs at the most.
    pub(in crate::ledger) price: Micros,
}

/// Gives the purchase of takes of one shot.
pub(in crate::ledger) fn deal(first: u32, count: u32) -> Deal {
    Deal {
        shot: "104/TCC/0010".to_owned(),
        sequence: Some("104/TCC".to_owned()),
        first,
        count,
        price: PRICE,
    }
}

impl Deal {
    fn key(&self) -> Key {
        Key(Sha256::of(self.shot.as_bytes()))
    }

    pub(in crate::ledger) fn task(&self) -> TaskId {
        TaskId::derive(
            &ShowId::new("show"),
            &ShotId::new(&self.shot),
            Variant(0),
            TakeNo(self.first),
            self.key(),
            Attempt(0),
        )
    }

    pub(in crate::ledger) fn intent(&self, run: &str, resend: u32) -> Intent {
        Intent {
            run: RunId::new(run),
            task: self.task(),
            shot: ShotId::new(&self.shot),
            variant: Variant(0),
            takes: Takes {
                first: TakeNo(self.first),
                count: self.count,
            },
            key: self.key(),
            parts: KeyParts {
                prompt: String::new(),
                references: String::new(),
                settings: String::new(),
            },
            attempt: Attempt(0),
            reserved: self.price.times(u64::from(self.count)),
            resend,
            reason: None,
            made: self.made(),
        }
    }

    fn made(&self) -> Made {
        Made {
            sequence: self.sequence.clone(),
            values: Vec::new(),
            name: format!("{}_v{{take:3}}.{{ext}}", self.shot),
            preset: "board".to_owned(),
            model: "klingai:kling-image@o1".to_owned(),
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
        }
    }

    fn ended(&self, may_be_billed: bool) -> Ended {
        Ended {
            task: self.task(),
            trouble: trouble(),
            may_be_billed,
        }
    }
}

fn trouble() -> Trouble {
    Trouble {
        class: Class::Unknown,
        code: "code".to_owned(),
        message: "message".to_owned(),
    }
}

/// A log and the ledger it folds into.
#[derive(Debug, Default)]
pub(in crate::ledger) struct Book {
    pub(in crate::ledger) ledger: Ledger,
    pub(in crate::ledger) records: Vec<Stamped>,
    /// The signed plan that the next run obeys.
    pub(in crate::ledger) plan: Option<Sha256>,
    run: String,
}

impl Book {
    /// Begins a log and its first run.
    pub(in crate::ledger) fn open() -> Self {
        let mut book = Self::default();
        book.start();
        book
    }

    fn add(&mut self, record: Record) -> &mut Self {
        let seq = self.records.len() as u64 + 1;
        let began: Timestamp = "2026-11-24T16:28:13Z".parse().expect("a time");
        let at = began + SignedDuration::from_secs(i64::try_from(seq).expect("few"));
        let stamped = Stamped { seq, at, record };
        self.ledger.apply(&stamped).expect("a sound record");
        self.records.push(stamped);
        self
    }

    /// Folds the log anew, as a restart does.
    pub(in crate::ledger) fn refold(&self) -> Ledger {
        let mut ledger = Ledger::default();
        for stamped in &self.records {
            ledger.apply(stamped).expect("a sound record");
        }
        ledger
    }

    pub(in crate::ledger) fn start(&mut self) -> &mut Self {
        self.run = format!("run-{}", self.ledger.runs.len() + 1);
        self.add(Record::RunStarted(Box::new(RunStarted {
            run: RunId::new(&self.run),
            manifest: Sha256::of(b"manifest"),
            selection: Vec::new(),
            caps: BTreeMap::new(),
            plan: self.plan,
            jobs: 4,
            endpoint: String::new(),
            tool: String::new(),
        })))
    }

    pub(in crate::ledger) fn end(&mut self) -> &mut Self {
        let run = self.ledger.accounts.run;
        self.add(Record::RunEnded(RunEnded {
            run: RunId::new(&self.run.clone()),
            reason: "done".to_owned(),
            counts: BTreeMap::new(),
            spent: run.spent,
            reserved: run.reserved,
        }))
    }

    pub(in crate::ledger) fn intend(&mut self, deal: &Deal) -> &mut Self {
        let intent = deal.intent(&self.run, 0);
        self.add(Record::Intent(Box::new(intent)))
    }

    pub(in crate::ledger) fn resend(&mut self, deal: &Deal, resend: u32) -> &mut Self {
        let intent = deal.intent(&self.run, resend);
        self.add(Record::Intent(Box::new(intent)))
    }

    pub(in crate::ledger) fn accept(&mut self, deal: &Deal) -> &mut Self {
        self.add(Record::Accepted(Accepted {
            task: deal.task(),
            by: AcceptedBy::Reply,
        }))
    }

    pub(in crate::ledger) fn produce(
        &mut self,
        deal: &Deal,
        index: u32,
        cost: Option<Micros>,
    ) -> &mut Self {
        let image = format!("{}-{}-{index}", deal.shot, deal.first);
        self.add(Record::Produced(Produced {
            task: deal.task(),
            index,
            image: ImageId::new(&image),
            url: None,
            seed: None,
            nsfw: None,
            cost: cost.unwrap_or(deal.price),
            cost_assumed: cost.is_none(),
        }))
    }

    pub(in crate::ledger) fn save(&mut self, deal: &Deal, index: u32) -> &mut Self {
        let take = self.ledger.take_of(deal.task(), index).expect("a take");
        let path = format!("images/{}_{take}.jpg", deal.shot);
        self.add(Record::Saved(Saved {
            task: deal.task(),
            index,
            take,
            sha256: Sha256::of(path.as_bytes()),
            path,
            bytes: 1,
            width: 1,
            height: 1,
        }))
    }

    pub(in crate::ledger) fn lose(&mut self, deal: &Deal, index: u32) -> &mut Self {
        self.add(Record::Lost(Lost {
            task: deal.task(),
            index,
            trouble: trouble(),
        }))
    }

    pub(in crate::ledger) fn refuse(&mut self, deal: &Deal) -> &mut Self {
        self.add(Record::Refused(deal.ended(false)))
    }

    pub(in crate::ledger) fn fail(&mut self, deal: &Deal, may_be_billed: bool) -> &mut Self {
        self.add(Record::Failed(deal.ended(may_be_billed)))
    }

    pub(in crate::ledger) fn doubt(&mut self, deal: &Deal) -> &mut Self {
        self.add(Record::Unsure(deal.ended(true)))
    }
}

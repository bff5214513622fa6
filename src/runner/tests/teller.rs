//! A provider that does as it is told, with a log and a store that hold what they are given.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::domain::class::{Class, Trouble};
use crate::domain::digest::Sha256;
use crate::domain::id::{ImageId, TakeNo, TaskId};
use crate::domain::money::Micros;
use crate::expand::request::Request;
use crate::expand::wanted::FileName;
use crate::ledger::port::{CommittedIntent, LogError, RunLog};
use crate::ledger::record::{Record, Stamped};
use crate::provider::{
    Address, CallError, FetchError, ImageStream, Known, Provider, ReferenceFile, Report,
    ResultImage, Submitted,
};
use crate::runner::event::Event;
use crate::store::{Asked, ImageStore, Landed, Part, StoreError};

/// What the provider says to a send.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    Accept,
    Refuse(Class),
    /// The reply is lost.
    Lose,
}

/// What the provider is told to do; the last answer of a list stands for ever.
#[derive(Default)]
pub(super) struct Script {
    pub(super) replies: VecDeque<Reply>,
    /// What the queue says of any task; nothing at all where the list is empty.
    pub(super) queue: VecDeque<Known>,
    pub(super) archive: VecDeque<Known>,
    /// Whether nobody can be asked.
    pub(super) unreachable: bool,
    /// What fetches give, one after the other; then whole images.
    pub(super) fetches: VecDeque<FetchError>,
    pub(super) submits: Vec<(TaskId, Vec<Option<ImageId>>)>,
    pub(super) uploads: u32,
    /// An upload that the provider does not know any more.
    pub(super) forgotten: Option<ImageId>,
    pub(super) asked: u32,
    pub(super) fetched: Vec<String>,
}

/// The whole world: what outlives a run, and what the provider does.
#[derive(Default)]
pub(super) struct World {
    pub(super) log: Vec<Stamped>,
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) script: Script,
    /// What was told to those who watch.
    pub(super) heard: Vec<Event>,
}

#[derive(Clone, Default)]
pub(super) struct Teller(Arc<Mutex<World>>);

impl Teller {
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn kinds(&self, wanted: fn(&Record) -> bool) -> usize {
        let world = self.world();
        world.log.iter().filter(|s| wanted(&s.record)).count()
    }
}

/// The time of the simulated world: a day between records, so that any wait is over.
pub(super) fn time(seq: u64) -> Timestamp {
    let began: Timestamp = "2026-11-24T00:00:00Z".parse().expect("a time");
    began + SignedDuration::from_secs(i64::try_from(seq).expect("few") * 100)
}

/// Gives what is told of a task: these of its images, and whether more are to come.
pub(super) fn told(images: &[u32], working: bool) -> Known {
    let image = |n: &u32| ResultImage {
        image: ImageId::new(&format!("image-{n}")),
        address: Address::Url(format!("https://im.example/{n}")),
        seed: Some(1),
        nsfw: None,
        cost: Some(Micros::new(28_000)),
    };
    Known::Task(Report {
        images: images.iter().map(image).collect(),
        failures: Vec::new(),
        working,
    })
}

pub(super) fn trouble(class: Class) -> Trouble {
    Trouble {
        class,
        code: "told".to_owned(),
        message: "as the script says".to_owned(),
    }
}

fn next<T: Clone>(list: &mut VecDeque<T>) -> Option<T> {
    if list.len() > 1 {
        list.pop_front()
    } else {
        list.front().cloned()
    }
}

impl RunLog for Teller {
    async fn append(&self, record: Record) -> Result<Stamped, LogError> {
        let mut world = self.world();
        let seq = world.log.len() as u64 + 1;
        let stamped = Stamped {
            seq,
            at: time(seq),
            record,
        };
        world.log.push(stamped.clone());
        Ok(stamped)
    }
}

impl Provider for Teller {
    type Stream = Bytes;

    async fn upload(&self, _reference: &ReferenceFile) -> Result<ImageId, CallError> {
        let mut world = self.world();
        world.script.uploads += 1;
        Ok(ImageId::new(&format!("upload-{}", world.script.uploads)))
    }

    async fn submit(
        &self,
        intent: CommittedIntent,
        _request: &Request,
        references: &[Option<ImageId>],
    ) -> Submitted {
        let mut world = self.world();
        let script = &mut world.script;
        script.submits.push((intent.task(), references.to_vec()));
        if script.forgotten.is_some() && references.contains(&script.forgotten) {
            return Submitted::Refused(trouble(Class::Reference));
        }
        match next(&mut script.replies) {
            Some(Reply::Refuse(class)) => Submitted::Refused(trouble(class)),
            Some(Reply::Lose) => Submitted::Unknown(intent.open(), trouble(Class::Unknown)),
            Some(Reply::Accept) | None => Submitted::Accepted(Report {
                working: true,
                ..Report::default()
            }),
        }
    }

    async fn ask(&self, tasks: &[TaskId]) -> Result<Vec<(TaskId, Known)>, CallError> {
        let mut world = self.world();
        world.script.asked += 1;
        if world.script.unreachable {
            return Err(CallError {
                trouble: trouble(Class::Unknown),
                retry_after: None,
                names_no_task: false,
            });
        }
        let known = next(&mut world.script.queue).unwrap_or(Known::Nothing);
        Ok(tasks.iter().map(|task| (*task, known.clone())).collect())
    }

    async fn details(&self, _task: TaskId) -> Result<Known, CallError> {
        let mut world = self.world();
        Ok(next(&mut world.script.archive).unwrap_or(Known::Nothing))
    }

    async fn fetch(&self, image: &Address) -> Result<Bytes, FetchError> {
        let Address::Url(url) = image else {
            return Err(FetchError::Gone);
        };
        let mut world = self.world();
        world.script.fetched.push(url.clone());
        match world.script.fetches.pop_front() {
            Some(error) => Err(error),
            None => Ok(Bytes::of(url)),
        }
    }
}

pub(super) struct Bytes(Option<Vec<u8>>);

impl Bytes {
    pub(super) fn of(text: &str) -> Self {
        Self(Some(text.as_bytes().to_vec()))
    }
}

impl ImageStream for Bytes {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, FetchError> {
        Ok(self.0.take())
    }
}

impl ImageStore for Teller {
    type Part = Sheet;

    async fn begin(&self, name: &FileName, take: TakeNo) -> Result<Sheet, StoreError> {
        Ok(Sheet {
            teller: self.clone(),
            path: format!("images/{}", name.path(take, "jpg")),
            bytes: Vec::new(),
        })
    }
}

pub(super) struct Sheet {
    teller: Teller,
    path: String,
    bytes: Vec<u8>,
}

impl Part for Sheet {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    async fn finish(self, _asked: Asked) -> Result<Landed, StoreError> {
        let mut world = self.teller.world();
        let there = world.files.insert(self.path.clone(), self.bytes.clone());
        assert!(
            there.is_none_or(|there| there == self.bytes),
            "{} was overwritten",
            self.path
        );
        Ok(Landed {
            sha256: Sha256::of(&self.bytes),
            bytes: self.bytes.len() as u64,
            path: self.path,
            width: 1,
            height: 1,
            unlike_asked: None,
        })
    }
}

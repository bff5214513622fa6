//! Fetching an image and keeping it: from an address to a file with its name and a `saved` record.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::class::{Class, Trouble};
use crate::domain::id::{ImageId, TakeNo, TaskId};
use crate::expand::wanted::{FileName, NamePart};
use crate::ledger::port::{LogError, RunLog};
use crate::ledger::record::{Intent, Lost, Produced, Record, Saved};
use crate::ledger::task::{Fate, OnDisk};
use crate::manifest::settings::Format;
use crate::provider::{Address, FetchError, ImageStream as _, Known, Provider, Report};
use crate::runner::event::{Event, ProblemKind, SavedImage};
use crate::runner::settle::{Look, look};
use crate::runner::world::{Halt, World};
use crate::store::{Asked, ImageStore, Landed, Part as _, StoreError};

/// The folder below the output folder that holds images.
const IMAGES: &str = "images/";

type Logged = Pin<Box<dyn Future<Output = Result<(), LogError>> + Send>>;

/// An image to be fetched and kept, once the log holds its record.
pub(super) struct Landing {
    /// The `produced` record on its way to the disk.
    logged: Option<Logged>,
    freight: Freight,
}

/// The image itself: where it is and what becomes of it.
struct Freight {
    produced: Produced,
    address: Address,
    take: TakeNo,
    name: FileName,
    asked: Asked,
    intent: Option<Arc<Intent>>,
    /// Whether the image was saved before and its file is gone.
    again: bool,
}

/// What became of a landing.
pub(super) enum Ashore {
    /// The image is on disk and in the log.
    Saved { again: bool },
    /// It will not come in this run; that has been told.
    GivenUp,
    /// Images cannot be kept.
    Disk(String),
    /// The run cannot go on.
    Halt(Halt),
}

/// Why one try to fetch and keep an image failed.
enum Miss {
    Fetch(FetchError),
    Store(StoreError),
}

impl Landing {
    /// Makes ready to fetch an image that was made and is not on disk.
    pub(super) fn new<L: RunLog, P: Provider, S: ImageStore>(
        world: &World<L, P, S>,
        produced: Produced,
        address: Address,
        logged: Option<Logged>,
    ) -> Option<Self> {
        let ledger = world.ledger();
        let take = ledger.take_of(produced.task, produced.index)?;
        let intent = ledger.task(produced.task)?.intent.clone();
        let made = intent.as_ref().map(|intent| &intent.made);
        let name = made
            .and_then(|made| FileName::from_pattern(&made.name))
            .unwrap_or_else(|| recovered(produced.task));
        let asked = Asked {
            format: made
                .and_then(|made| Format::parse(&made.format))
                .unwrap_or(Format::Jpg),
            size: made.and_then(|made| made.size),
        };
        let freight = Freight {
            produced,
            address,
            take,
            name,
            asked,
            intent,
            again: false,
        };
        Some(Self { logged, freight })
    }

    /// Makes ready to fetch an image again whose file is gone.
    pub(super) fn again<L: RunLog, P: Provider, S: ImageStore>(
        world: &World<L, P, S>,
        task: TaskId,
        index: u32,
    ) -> Option<Self> {
        let (image, on_disk) = {
            let ledger = world.ledger();
            let known = ledger
                .task(task)?
                .images
                .iter()
                .find(|image| image.index == index)?;
            let Fate::Saved(on_disk) = &known.fate else {
                return None;
            };
            (known.as_produced(task), on_disk.clone())
        };
        let mut landing = Self::new(world, image, Address::Nowhere, None)?;
        landing.freight.name = name_of(&on_disk)?;
        landing.freight.asked = Asked {
            format: format_of(&on_disk).unwrap_or(landing.freight.asked.format),
            size: None,
        };
        landing.freight.again = true;
        Some(landing)
    }

    pub(super) const fn image(&self) -> &ImageId {
        &self.freight.produced.image
    }
}

/// Names a file by its task, where the log does not hold its name.
fn recovered(task: TaskId) -> FileName {
    FileName::new(vec![
        NamePart::Text(format!("recovered/{task}_v")),
        NamePart::Take(3),
        NamePart::Text(".".to_owned()),
        NamePart::Extension,
    ])
}

/// Gives the format that a file had.
fn format_of(on_disk: &OnDisk) -> Option<Format> {
    let (_, extension) = on_disk.path.rsplit_once('.')?;
    Format::parse(extension)
}

/// Gives the name that a file had, its extension open again.
fn name_of(on_disk: &OnDisk) -> Option<FileName> {
    let path = on_disk.path.strip_prefix(IMAGES)?;
    let (stem, _extension) = path.rsplit_once('.')?;
    FileName::from_pattern(&format!("{stem}.{{ext}}"))
}

/// Fetches an image and keeps it.
pub(super) async fn land<L: RunLog, P: Provider, S: ImageStore>(
    world: Arc<World<L, P, S>>,
    landing: Landing,
) -> Ashore {
    if let Some(logged) = landing.logged
        && let Err(error) = logged.await
    {
        return Ashore::Halt(Halt::Log(error));
    }
    try_land(&world, landing.freight)
        .await
        .unwrap_or_else(Ashore::Halt)
}

async fn try_land<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    mut landing: Freight,
) -> Result<Ashore, Halt> {
    /// How long images may be out of reach before that is told, whatever the jitter of waits: long
    /// enough for a service to be started again.
    const SHORT_OUTAGE: Duration = Duration::from_secs(10);
    let (mut tried, mut gone) = (0, 0);
    let mut first_failure = None;
    let mut asked_anew = false;
    let patient = patience(world, &landing);
    loop {
        if matches!(landing.address, Address::Nowhere) {
            match fresh_address(world, &landing).await {
                Ok(address) => landing.address = address,
                Err(None) if gone < patient && !landing.again => {
                    gone += 1;
                    let_it_appear(world, gone).await;
                    continue;
                }
                Err(trouble) => return no_address(world, &landing, trouble.as_ref()).await,
            }
        }
        let miss = match fetch_and_keep(world, &landing).await {
            Ok(landed) => return saved(world, landing, landed).await,
            Err(miss) => miss,
        };
        let trouble = match miss {
            Miss::Store(StoreError::Disk { path, reason }) => {
                give_up(
                    world,
                    &landing,
                    &trouble("disk", format!("{path}: {reason}")),
                );
                return Ok(Ashore::Disk(format!("{path}: {reason}")));
            }
            Miss::Store(error @ StoreError::InTheWay(_)) => {
                give_up(
                    world,
                    &landing,
                    &trouble("file-in-the-way", error.to_string()),
                );
                return Ok(Ashore::GivenUp);
            }
            Miss::Fetch(FetchError::Gone) if gone < patient => {
                gone += 1;
                landing.address = Address::Nowhere;
                let_it_appear(world, gone).await;
                continue;
            }
            Miss::Fetch(FetchError::Gone) => return lost(world, &landing).await,
            // An address of an earlier run may have been good then, as that of a service that moved.
            Miss::Fetch(FetchError::Forbidden(_)) if !asked_anew => {
                asked_anew = true;
                landing.address = Address::Nowhere;
                continue;
            }
            Miss::Fetch(error @ FetchError::Forbidden(_)) => {
                give_up(
                    world,
                    &landing,
                    &trouble("forbidden-address", error.to_string()),
                );
                return Ok(Ashore::GivenUp);
            }
            Miss::Fetch(error) => trouble("fetch", error.to_string()),
            Miss::Store(error) => trouble("bad-picture", error.to_string()),
        };
        let since = *first_failure.get_or_insert_with(Instant::now);
        if tried >= world.settings.retries && since.elapsed() >= SHORT_OUTAGE {
            give_up(world, &landing, &trouble);
            return Ok(Ashore::GivenUp);
        }
        // A picture that came inside a reply cannot be fetched again from there.
        if matches!(landing.address, Address::Here(_)) {
            landing.address = Address::Nowhere;
        }
        // Being told to stop does not end the fetching of what is paid for.
        tokio::time::sleep(world.backoff.wait(tried, None)).await;
        tried += 1;
    }
}

/// Gives how often an address is asked for again before an image counts as lost, which is for good.
fn patience<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    landing: &Freight,
) -> u32 {
    const LEAST: u32 = 2;
    if landing.again {
        LEAST
    } else {
        world.settings.retries.max(LEAST)
    }
}

/// Waits before an address is asked for once more, the first time excepted: an image that was made
/// just now may be told of before it can be had, and an answer may be some seconds old.
async fn let_it_appear<L: RunLog, P: Provider, S: ImageStore>(world: &World<L, P, S>, gone: u32) {
    const AT_LEAST: Duration = Duration::from_secs(5);
    if gone > 1 {
        let wait = world.backoff.wait(gone - 1, None);
        tokio::time::sleep(wait.max(AT_LEAST)).await;
    }
}

fn trouble(code: &str, message: String) -> Trouble {
    Trouble {
        class: Class::Transient,
        code: code.to_owned(),
        message,
    }
}

async fn fetch_and_keep<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    landing: &Freight,
) -> Result<Landed, Miss> {
    let mut stream = world
        .provider
        .fetch(&landing.address)
        .await
        .map_err(Miss::Fetch)?;
    let mut part = world
        .store
        .begin(&landing.name, landing.take)
        .await
        .map_err(Miss::Store)?;
    while let Some(bytes) = stream.chunk().await.map_err(Miss::Fetch)? {
        part.write(&bytes).await.map_err(Miss::Store)?;
    }
    part.finish(landing.asked).await.map_err(Miss::Store)
}

/// Asks queue and archive where the image is now.
async fn fresh_address<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    landing: &Freight,
) -> Result<Address, Option<Trouble>> {
    let of = |report: &Report| {
        let mut images = report.images.iter();
        let found = images.find(|image| image.image == landing.produced.image)?;
        (!matches!(found.address, Address::Nowhere)).then(|| found.address.clone())
    };
    let mut failures = 0;
    loop {
        match look(world, landing.produced.task).await {
            Look::Known(report) => {
                if let Some(address) = of(&report) {
                    return Ok(address);
                }
                // The queue may have let go of this image, and the archive not.
                match world.provider.details(landing.produced.task).await {
                    Ok(Known::Task(report)) => return of(&report).ok_or(None),
                    Ok(Known::Nothing) => return Err(None),
                    Err(error) if failures >= world.settings.retries => {
                        return Err(Some(error.trouble));
                    }
                    Err(_) => {}
                }
                tokio::time::sleep(world.backoff.wait(failures, None)).await;
                failures += 1;
            }
            Look::Nothing => return Err(None),
            Look::CannotAsk(trouble) if failures >= world.settings.retries => {
                return Err(Some(trouble));
            }
            Look::CannotAsk(_) => {
                tokio::time::sleep(world.backoff.wait(failures, None)).await;
                failures += 1;
            }
        }
    }
}

/// No address is to be had: lost, unless it was only that nobody could be asked.
async fn no_address<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    landing: &Freight,
    trouble: Option<&Trouble>,
) -> Result<Ashore, Halt> {
    match trouble {
        Some(trouble) => {
            give_up(world, landing, trouble);
            Ok(Ashore::GivenUp)
        }
        None => lost(world, landing).await,
    }
}

/// The provider does not have the image any more.
async fn lost<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    landing: &Freight,
) -> Result<Ashore, Halt> {
    let trouble = Trouble {
        class: Class::Upstream,
        code: "image-gone".to_owned(),
        message: "the provider does not have the image any more".to_owned(),
    };
    if landing.again {
        give_up(world, landing, &trouble);
        return Ok(Ashore::GivenUp);
    }
    let (task, index) = (landing.produced.task, landing.produced.index);
    world
        .record(Record::Lost(Lost {
            task,
            index,
            trouble: trouble.clone(),
        }))
        .await?;
    world.give_up_image(ProblemKind::Lost, task, landing.take, &trouble);
    Ok(Ashore::GivenUp)
}

/// Leaves an image to the next run.
fn give_up<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    landing: &Freight,
    trouble: &Trouble,
) {
    let kind = if landing.again {
        ProblemKind::Missing
    } else {
        ProblemKind::Pending
    };
    world.give_up_image(kind, landing.produced.task, landing.take, trouble);
}

async fn saved<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    landing: Freight,
    landed: Landed,
) -> Result<Ashore, Halt> {
    let saved = Saved {
        task: landing.produced.task,
        index: landing.produced.index,
        take: landing.take,
        path: landed.path,
        sha256: landed.sha256,
        bytes: landed.bytes,
        width: landed.width,
        height: landed.height,
    };
    let stamped = world.record(Record::Saved(saved.clone())).await?;
    world.tell(Event::Saved(Box::new(SavedImage {
        intent: landing.intent,
        produced: Some(landing.produced),
        saved,
        at: stamped.at,
        unlike_asked: landed.unlike_asked,
    })));
    Ok(Ashore::Saved {
        again: landing.again,
    })
}

//! Fetching an image and keeping it: from an address to a file with its name and a `saved` record.

use std::pin::Pin;
use std::sync::Arc;

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
        landing.freight.asked.size = None;
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
    let (mut tried, mut gone) = (0, 0);
    // What was said of an address that leads where nothing is fetched from.
    let mut misled = None;
    loop {
        if matches!(landing.address, Address::Nowhere) {
            match fresh_address(world, &landing).await {
                Ok(address) => landing.address = address,
                Err(Some(trouble)) => {
                    give_up(world, &landing, &trouble);
                    return Ok(Ashore::GivenUp);
                }
                Err(None) => {
                    return lost(world, &landing, misled.unwrap_or_else(gone_for_good)).await;
                }
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
            Miss::Fetch(FetchError::Gone) if gone < 2 => {
                gone += 1;
                landing.address = Address::Nowhere;
                continue;
            }
            Miss::Fetch(FetchError::Gone) => return lost(world, &landing, gone_for_good()).await,
            Miss::Fetch(error @ FetchError::Forbidden(_)) => {
                let forbidden = trouble("forbidden-address", error.to_string());
                if misled.is_some() {
                    give_up(world, &landing, &forbidden);
                    return Ok(Ashore::GivenUp);
                }
                // The provider may tell a better one when it is asked again.
                misled = Some(forbidden);
                landing.address = Address::Nowhere;
                continue;
            }
            Miss::Fetch(error) => trouble("fetch", error.to_string()),
            Miss::Store(error) => trouble("bad-picture", error.to_string()),
        };
        if tried >= world.settings.retries {
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
                // The queue may know the task and not all of its images any more.
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

fn gone_for_good() -> Trouble {
    Trouble {
        class: Class::Upstream,
        code: "image-gone".to_owned(),
        message: "the provider does not have the image any more".to_owned(),
    }
}

/// Nobody has the image at an address it may be fetched from.
async fn lost<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    landing: &Freight,
    trouble: Trouble,
) -> Result<Ashore, Halt> {
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

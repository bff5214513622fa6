//! Reference files at the provider: each content uploaded once, shared by all who need it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use crate::domain::class::{Class, Trouble};
use crate::domain::digest::Sha256;
use crate::domain::id::ImageId;
use crate::expand::request::{Request, SentImage};
use crate::ledger::port::RunLog;
use crate::ledger::record::{Record, ReferenceUploaded};
use crate::manifest::settings::ReferenceTransfer;
use crate::provider::{Provider, ReferenceFile};
use crate::runner::world::{Halt, World};
use crate::store::ImageStore;

/// How long an upload is trusted after its last use, in days.
///
/// The vendor's docs say that uploads are deleted 30 days after their last use.
const TRUSTED_DAYS: i64 = 25;

/// The uploads of a run.
#[derive(Default)]
pub(super) struct Uploads(Mutex<State>);

#[derive(Default)]
struct State {
    cells: HashMap<Sha256, Arc<OnceCell<ImageId>>>,
    /// Uploads that the provider turned out not to have, as far as this run knows.
    unknown: HashSet<ImageId>,
}

/// Why a reference is not at the provider.
pub(super) enum NotUploaded {
    /// The provider, or the file, is in the way.
    Trouble(Trouble),
    /// The run cannot go on.
    Halt(Halt),
}

impl Uploads {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cell(&self, sha256: Sha256) -> Arc<OnceCell<ImageId>> {
        Arc::clone(self.state().cells.entry(sha256).or_default())
    }

    /// Forgets uploads that a request was sent with, because the provider did not know one of them.
    ///
    /// What was uploaded anew for another task since is kept: each content goes up once more only.
    pub(super) fn forget(&self, sent: &[ImageId]) {
        let mut state = self.state();
        state.unknown.extend(sent.iter().cloned());
        let State { cells, unknown } = &mut *state;
        cells.retain(|_, cell| cell.get().is_none_or(|id| !unknown.contains(id)));
    }

    fn is_unknown(&self, id: &ImageId) -> bool {
        self.state().unknown.contains(id)
    }

    fn is_known_again(&self, id: &ImageId) {
        self.state().unknown.remove(id);
    }
}

/// Sees to it that every file of a request is at the provider.
///
/// Gives, for each reference in order, what the provider calls it, and nothing for those sent in
/// their own form.
pub(super) async fn ready<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    request: &Request,
) -> Result<Vec<Option<ImageId>>, NotUploaded> {
    let mut ids = Vec::with_capacity(request.references.len());
    for reference in &request.references {
        let id = match &reference.image {
            SentImage::File {
                path,
                sha256,
                media_type,
                ..
            } if request.transfer == ReferenceTransfer::Upload => {
                let file = ReferenceFile {
                    path: path.clone(),
                    sha256: *sha256,
                    media_type,
                };
                Some(upload_once(world, file).await?)
            }
            _ => None,
        };
        ids.push(id);
    }
    Ok(ids)
}

async fn upload_once<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    file: ReferenceFile,
) -> Result<ImageId, NotUploaded> {
    loop {
        let cell = world.uploads.cell(file.sha256);
        let id = cell.get_or_try_init(|| async {
            match known_upload(world, &file.sha256) {
                Some(id) => Ok(id),
                None => upload(world, &file).await,
            }
        });
        let id = id.await?.clone();
        if !world.uploads.is_unknown(&id) {
            return Ok(id);
        }
        // Another task learnt just now that this one is gone.
        world.uploads.forget(&[]);
    }
}

/// Finds an upload of an earlier run that the provider still keeps.
fn known_upload<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    sha256: &Sha256,
) -> Option<ImageId> {
    let ledger = world.ledger();
    let upload = ledger.upload(sha256)?;
    if world.uploads.is_unknown(&upload.image) {
        return None;
    }
    let age = world.settings.began.duration_since(upload.used_at?);
    (age.as_hours() < TRUSTED_DAYS * 24 && !age.is_negative()).then(|| upload.image.clone())
}

/// Uploads a file; not a purchase, so trouble that may pass is simply tried again.
async fn upload<L: RunLog, P: Provider, S: ImageStore>(
    world: &World<L, P, S>,
    file: &ReferenceFile,
) -> Result<ImageId, NotUploaded> {
    let mut tried = 0;
    loop {
        match world.provider.upload(file).await {
            Ok(image) => {
                let uploaded = ReferenceUploaded {
                    sha256: file.sha256,
                    image: image.clone(),
                };
                world
                    .record(Record::Reference(uploaded))
                    .await
                    .map_err(NotUploaded::Halt)?;
                world.uploads.is_known_again(&image);
                return Ok(image);
            }
            Err(error) => {
                let passing = matches!(
                    error.trouble.class,
                    Class::Transient | Class::Unknown | Class::Upstream
                );
                if !passing || tried >= world.settings.retries {
                    return Err(NotUploaded::Trouble(error.trouble));
                }
                let wait = world.backoff.wait(tried, error.retry_after);
                tried += 1;
                if !world.sleep(wait).await {
                    return Err(NotUploaded::Trouble(error.trouble));
                }
            }
        }
    }
}

//! A simulated folder of images: what is not synced may be torn, and names may be lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::digest::Sha256;
use crate::domain::id::TakeNo;
use crate::expand::wanted::FileName;
use crate::runner::tests::dice::Dice;
use crate::runner::tests::log_disk::Death;
use crate::runner::tests::sights::Sight;
use crate::runner::tests::universe::Universe;
use crate::store::{Asked, ImageStore, Landed, Part, StoreError};

/// The images on disk.
#[derive(Default)]
pub(super) struct Cupboard {
    pub(super) files: BTreeMap<String, OnShelf>,
    /// What is being written and has no name yet, as a dead run leaves it too.
    parts: BTreeMap<u64, Vec<u8>>,
    next_part: u64,
    /// Files that were taken away or cut by somebody else, at any time.
    pub(super) meddled: BTreeSet<String>,
}

/// A file with a name.
pub(super) struct OnShelf {
    pub(super) bytes: Vec<u8>,
    /// Whether the folder was synced since it got its name.
    named: bool,
}

impl Cupboard {
    /// Tells whether a file is there with the size it should have.
    pub(super) fn is_whole(&self, path: &str, size: u64) -> bool {
        self.size(path) == Some(size)
    }

    pub(super) fn size(&self, path: &str) -> Option<u64> {
        let file = self.files.get(path)?;
        Some(file.bytes.len() as u64)
    }

    /// Tells whether a file with these very bytes is there for good.
    pub(super) fn keeps(&self, path: &str, bytes: &[u8]) -> bool {
        let file = self.files.get(path);
        file.is_some_and(|file| file.named && file.bytes == bytes)
    }

    /// Loses what was not synced.
    pub(super) fn die(&mut self, death: Death, dice: &mut Dice) {
        if death == Death::Kill {
            return;
        }
        for part in self.parts.values_mut() {
            part.truncate(dice.index(part.len() + 1));
        }
        self.files.retain(|_, file| file.named || dice.chance(500));
    }

    /// Removes what a dead run left half written.
    pub(super) fn sweep(&mut self) {
        self.parts.clear();
    }

    /// Somebody takes a file away or cuts it.
    pub(super) fn meddle(&mut self, dice: &mut Dice) -> Option<String> {
        let at = dice.index(self.files.len());
        let path = self.files.keys().nth(at)?.clone();
        if dice.chance(700) {
            self.files.remove(&path);
        } else if let Some(file) = self.files.get_mut(&path) {
            file.bytes.truncate(1);
        }
        self.meddled.insert(path.clone());
        Some(path)
    }

    /// Somebody puts a file where an image belongs.
    pub(super) fn put_in_the_way(&mut self, path: String) {
        self.files.entry(path).or_insert_with(|| OnShelf {
            bytes: b"a holiday picture".to_vec(),
            named: true,
        });
    }

    /// Somebody takes away what is in the way: all that is not a picture of the provider's.
    pub(super) fn clear_the_way(&mut self) {
        self.files.retain(|_, file| is_picture(&file.bytes).is_ok());
    }
}

/// Gives the bytes of an image.
pub(super) fn picture(image: &str) -> Vec<u8> {
    format!("picture of {image}, whole").into_bytes()
}

/// Tells whether bytes are a complete picture.
fn is_picture(bytes: &[u8]) -> Result<(), StoreError> {
    if bytes.starts_with(b"picture of ") && bytes.ends_with(b", whole") {
        Ok(())
    } else {
        Err(StoreError::BadPicture("it ends too early".to_owned()))
    }
}

/// The image store of one life.
pub(super) struct Shelf(pub(super) Arc<Universe>);

impl ImageStore for Shelf {
    type Part = Sheet;

    async fn begin(&self, name: &FileName, take: TakeNo) -> Result<Sheet, StoreError> {
        self.0.step().await;
        let path = format!("images/{}", name.path(take, "jpg"));
        let mut state = self.0.state();
        let part = state.images.next_part;
        state.images.next_part += 1;
        state.images.parts.insert(part, Vec::new());
        drop(state);
        Ok(Sheet {
            universe: Arc::clone(&self.0),
            path,
            part,
        })
    }
}

/// An image that is being written.
pub(super) struct Sheet {
    universe: Arc<Universe>,
    path: String,
    part: u64,
}

impl Sheet {
    fn fails(&self) -> Result<(), StoreError> {
        let mut state = self.universe.state();
        let odds = state.weather.disk.image;
        if state.dice.chance(odds) {
            return Err(StoreError::Disk {
                path: self.path.clone(),
                reason: "no space is left".to_owned(),
            });
        }
        Ok(())
    }

    /// Gives the finished part its name, unless that is taken by something else.
    fn rename(&self, bytes: &[u8]) -> Result<(), StoreError> {
        let mut state = self.universe.state();
        if let Some(there) = state.images.files.get(&self.path) {
            if there.bytes != bytes {
                state.see(Sight::FileInTheWay);
                return Err(StoreError::InTheWay(self.path.clone()));
            }
            state.see(Sight::FoundAgain);
            return Ok(());
        }
        let file = OnShelf {
            bytes: bytes.to_vec(),
            named: false,
        };
        state.images.files.insert(self.path.clone(), file);
        Ok(())
    }
}

impl Part for Sheet {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.universe.step().await;
        self.fails()?;
        let mut state = self.universe.state();
        if let Some(part) = state.images.parts.get_mut(&self.part) {
            part.extend_from_slice(bytes);
        }
        Ok(())
    }

    async fn finish(self, _asked: Asked) -> Result<Landed, StoreError> {
        self.universe.step().await;
        self.fails()?;
        let bytes = self.universe.state().images.parts.get(&self.part).cloned();
        let bytes = bytes.unwrap_or_default();
        is_picture(&bytes)?;
        self.rename(&bytes)?;
        self.universe.step().await;
        self.fails()?;
        {
            let mut state = self.universe.state();
            if let Some(file) = state.images.files.get_mut(&self.path) {
                file.named = true;
            }
        }
        self.universe.step().await;
        Ok(Landed {
            path: self.path.clone(),
            sha256: Sha256::of(&bytes),
            bytes: bytes.len() as u64,
            width: 1024,
            height: 1024,
            unlike_asked: None,
        })
    }
}

impl Drop for Sheet {
    fn drop(&mut self) {
        let mut state = self.universe.state();
        if !state.dead {
            state.images.parts.remove(&self.part);
        }
    }
}

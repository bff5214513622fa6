//! The images folder on disk.
//!
//! What a crash leaves, step by step: while bytes come in, a `.part` file that the next run sweeps
//! away; after the file is synced, the same; after it has its name but before its folder is
//! synced, a complete file whose name a power cut may take away; after that, the image for good. A
//! complete file that no record tells of is met again when the image is fetched once more, and
//! counts as that image if its bytes are the same.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;
use tokio::sync::Semaphore;

use crate::domain::digest::{Hasher, Sha256};
use crate::domain::id::TakeNo;
use crate::expand::wanted::FileName;
use crate::folder::error::FileError;
use crate::folder::{Folder, Readers, path};
use crate::manifest::settings::Format;
use crate::store::leftover::PartNames;
use crate::store::picture::{Inspector, Shape};
use crate::store::{Asked, ImageStore, Landed, Part, StoreError};

/// The folder of images below the output folder.
pub const FOLDER: &str = "images";

/// The most threads that sync at a time: more only queue up in the disk.
const HANDS: usize = 4;

/// The most bytes that are hashed and written before other tasks get their turn.
const PIECE: usize = 128 << 10;

/// The longest name in bytes that common file systems take.
const LONGEST_NAME: usize = 255;

/// The images of an output folder.
///
/// To be opened under the lock of the output folder.
#[derive(Clone, Debug)]
pub struct Shelf(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    images: Folder,
    names: PartNames,
    folders: Mutex<Folders>,
    /// Held by whoever syncs the names of folders, so that those who wait need not sync them too.
    syncing: Mutex<()>,
    hands: Arc<Semaphore>,
}

/// What is known of folders below the images folder, by their path.
#[derive(Debug, Default)]
struct Folders {
    /// Those whose own name is durable.
    durable: HashSet<String>,
    /// Those whose name is not, each with the count of folders met when it was.
    fleeting: HashMap<String, u64>,
    met: u64,
}

impl Folders {
    /// Takes note of a folder that was not met before.
    fn meet(&mut self, folder: &str) {
        if !self.durable.contains(folder) && !self.fleeting.contains_key(folder) {
            self.meet_anew(folder);
        }
    }

    /// Takes note of a folder that was made just now: what was known of its name holds no more.
    fn meet_anew(&mut self, folder: &str) {
        self.durable.remove(folder);
        self.met += 1;
        self.fleeting.insert(folder.to_owned(), self.met);
    }

    /// Gives the folders directly in another one whose names are not durable.
    fn fleeting_in(&self, above: &str) -> Vec<(String, u64)> {
        let inside = |folder: &&String| path::split(folder).0 == above;
        let found = self.fleeting.iter().filter(|(folder, _)| inside(folder));
        found.map(|(folder, met)| (folder.clone(), *met)).collect()
    }

    /// Takes note that names are durable, those left out that were made anew since.
    fn are_durable(&mut self, folders: Vec<(String, u64)>) {
        for (folder, met) in folders {
            if self.fleeting.get(&folder) == Some(&met) {
                self.fleeting.remove(&folder);
                self.durable.insert(folder);
            }
        }
    }
}

impl Shelf {
    /// Opens the images folder of an output folder and makes both where they are missing.
    ///
    /// # Errors
    /// Gives [`StoreError::Disk`].
    pub fn open(output: &Path) -> Result<Self, StoreError> {
        let output = Folder::make(output)?;
        let images = output.make_below(FOLDER)?;
        output.sync()?;
        Ok(Self(Arc::new(Shared {
            images,
            names: PartNames::new(),
            folders: Mutex::default(),
            syncing: Mutex::default(),
            hands: Arc::new(Semaphore::new(HANDS)),
        })))
    }
}

/// Tells whether anything stands in the images folder of an output folder.
///
/// # Errors
/// Gives [`StoreError::Disk`] where a folder cannot be read.
pub fn holds_images(output: &Path) -> Result<bool, StoreError> {
    let images = Folder::open(output).and_then(|output| output.below(FOLDER));
    let images = match images {
        Err(error) if error.is_missing() => return Ok(false),
        images => images?,
    };
    let mut left = vec![String::new()];
    while let Some(path) = left.pop() {
        let names = images.below(&path)?.names()?;
        if !names.others.is_empty() {
            return Ok(true);
        }
        let below = |name: &String| match path.as_str() {
            "" => name.clone(),
            path => format!("{path}/{name}"),
        };
        left.extend(names.folders.iter().map(below));
    }
    Ok(false)
}

impl ImageStore for Shelf {
    type Part = Draft;

    async fn begin(&self, name: &FileName, take: TakeNo) -> Result<Draft, StoreError> {
        Ok(Draft {
            shared: Arc::clone(&self.0),
            name: name.clone(),
            take,
            inspector: Inspector::default(),
            hasher: Hasher::default(),
            bytes: 0,
            early: Vec::new(),
            open: None,
            broken: None,
        })
    }
}

impl Shared {
    /// Runs what may wait for the disk on a thread made for waiting.
    async fn hand_over<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let hands = Arc::clone(&self.hands);
        let stopped = || StoreError::Disk {
            path: self.images.path().to_owned(),
            reason: "the thread that writes here stopped; run again".to_owned(),
        };
        let hand = hands.acquire_owned().await.map_err(|_| stopped())?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(hand);
            done
        });
        done.await.map_err(|_| stopped())?
    }

    fn folders(&self) -> MutexGuard<'_, Folders> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a folder, and makes it where it is missing.
    fn enter(&self, folder: &str) -> Result<Folder, FileError> {
        let opened = self.images.below(folder);
        let (opened, there) = match opened {
            Err(error) if error.is_missing() => self.images.make_anew(folder)?,
            opened => (opened?, usize::MAX),
        };
        let mut folders = self.folders();
        for (n, folder) in way(folder).enumerate() {
            // A folder that somebody removed while in use has another name now.
            if n < there {
                folders.meet(folder);
            } else {
                folders.meet_anew(folder);
            }
        }
        Ok(opened)
    }

    /// Makes the names of a folder and of those above it durable, once each.
    ///
    /// One sync covers every folder that was met in the same place before it began.
    fn sync_way(&self, folder: &str) -> Result<(), FileError> {
        for named in way(folder) {
            if self.folders().durable.contains(named) {
                continue;
            }
            let _syncing = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
            let above = path::split(named).0;
            let covered = {
                let folders = self.folders();
                if folders.durable.contains(named) {
                    continue;
                }
                folders.fleeting_in(above)
            };
            self.images.below(above)?.sync()?;
            self.folders().are_durable(covered);
        }
        Ok(())
    }
}

/// Gives the folders that are walked to reach a folder, itself last.
fn way(folder: &str) -> impl Iterator<Item = &str> {
    let above = folder.match_indices('/').map(|(end, _)| &folder[..end]);
    above.chain((!folder.is_empty()).then_some(folder))
}

/// An image that is being written.
///
/// Nothing is on disk before the first bytes have told the format, for the name depends on it.
#[derive(Debug)]
pub struct Draft {
    shared: Arc<Shared>,
    name: FileName,
    take: TakeNo,
    inspector: Inspector,
    hasher: Hasher,
    bytes: u64,
    /// Bytes that came before the file was made.
    early: Vec<u8>,
    open: Option<OpenPart>,
    broken: Option<StoreError>,
}

impl Part for Draft {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        for (piece, n) in bytes.chunks(PIECE).zip(0..) {
            if n > 0 {
                tokio::task::yield_now().await;
            }
            if let Err(error) = self.take(piece) {
                self.open = None;
                self.broken = Some(error.clone());
                return Err(error);
            }
        }
        Ok(())
    }

    async fn finish(self, asked: Asked) -> Result<Landed, StoreError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let shape = self.inspector.finish().map_err(StoreError::BadPicture)?;
        let Some(open) = self.open else {
            return Err(StoreError::BadPicture("there are no bytes at all".into()));
        };
        let (sha256, bytes) = (self.hasher.finish(), self.bytes);
        let land = move || open.land(sha256, bytes);
        let path = self.shared.hand_over(land).await?;
        Ok(Landed {
            path: format!("{FOLDER}/{path}"),
            sha256,
            bytes,
            width: shape.width,
            height: shape.height,
            unlike_asked: difference(shape, asked),
        })
    }
}

impl Draft {
    fn take(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        self.inspector.feed(piece).map_err(StoreError::BadPicture)?;
        self.hasher.update(piece);
        self.bytes += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if let Some(open) = &mut self.open {
            return Ok(open.write(piece)?);
        }
        self.early.extend_from_slice(piece);
        if let Some(format) = self.inspector.format() {
            let mut open = self.make_part(format)?;
            open.write(&std::mem::take(&mut self.early))?;
            self.open = Some(open);
        }
        Ok(())
    }

    fn make_part(&self, format: Format) -> Result<OpenPart, StoreError> {
        let name = self.name.path(self.take, format.word());
        let (folder, file) = path::split(&name);
        if file.len() > LONGEST_NAME {
            let shown = self.shared.images.shown(&name);
            return Err(FileError::new(shown, Errno::NAMETOOLONG).into());
        }
        let folder = self.shared.enter(folder)?;
        Ok(OpenPart::make(Arc::clone(&self.shared), folder, name)?)
    }
}

/// Says how a picture differs from what was asked.
fn difference(shape: Shape, asked: Asked) -> Option<String> {
    let mut words = Vec::new();
    if shape.format != asked.format {
        let (asked, got) = (asked.format.word(), shape.format.word());
        words.push(format!("asked for {asked}, got {got}"));
    }
    if let Some((width, height)) = asked.size
        && (width, height) != (shape.width, shape.height)
    {
        let (w, h) = (shape.width, shape.height);
        words.push(format!("asked for {width}x{height} pixels, got {w}x{h}"));
    }
    (!words.is_empty()).then(|| words.join("; "))
}

/// A `.part` file, removed when it is dropped without having got its name.
#[derive(Debug)]
struct OpenPart {
    shared: Arc<Shared>,
    folder: Folder,
    file: File,
    /// The name of the `.part` file in its folder.
    part: String,
    /// The path it is to have below the images folder.
    path: String,
    landed: bool,
}

impl OpenPart {
    fn make(shared: Arc<Shared>, folder: Folder, path: String) -> Result<Self, FileError> {
        let part = shared.names.next(path::split(&path).1);
        let file = folder.create(&part, Readers::ByUmask)?;
        Ok(Self {
            shared,
            folder,
            file,
            part,
            path,
            landed: false,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| FileError::from_io(self.folder.shown(&self.part), &error))
    }

    /// Syncs the file, gives it its name, syncs the folder, and gives the path below the images.
    fn land(mut self, sha256: Sha256, bytes: u64) -> Result<String, StoreError> {
        let synced = self.file.sync_all();
        synced.map_err(|error| FileError::from_io(self.folder.shown(&self.part), &error))?;
        let (above, name) = path::split(&self.path);
        match self.folder.rename_to_free(&self.part, name) {
            Ok(()) => {}
            Err(error) if error.is_taken() => {
                if !is_same(&self.folder, name, sha256, bytes)? {
                    return Err(StoreError::InTheWay(self.folder.shown(name)));
                }
                self.folder.remove(&self.part);
            }
            Err(error) => return Err(error.into()),
        }
        self.landed = true;
        self.folder.sync()?;
        self.shared.sync_way(above)?;
        Ok(self.path.clone())
    }
}

impl Drop for OpenPart {
    fn drop(&mut self) {
        if !self.landed {
            self.folder.remove(&self.part);
        }
    }
}

/// Tells whether the file that has the name already is this very image, and syncs it if so.
fn is_same(folder: &Folder, name: &str, sha256: Sha256, bytes: u64) -> Result<bool, FileError> {
    if folder.size(name)? != Some(bytes) {
        return Ok(false);
    }
    let mut file = folder.read(name)?;
    let io = |error| FileError::from_io(folder.shown(name), &error);
    if digest(&mut file).map_err(io)? != (sha256, bytes) {
        return Ok(false);
    }
    file.sync_all().map_err(io)?;
    Ok(true)
}

/// Reads a file to its end and gives its digest and size, holding a small part of it at a time.
pub(super) fn digest(file: &mut File) -> std::io::Result<(Sha256, u64)> {
    let mut hasher = Hasher::default();
    let mut piece = vec![0; PIECE];
    let mut size = 0;
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok((hasher.finish(), size)),
            Ok(n) => {
                hasher.update(&piece[..n]);
                size += u64::try_from(n).unwrap_or(u64::MAX);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests;

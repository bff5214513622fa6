//! The images folder on disk.
//!
//! What a crash leaves, step by step: while bytes come in, a `.part` file that the next run
//! removes; after the file is synced, the same; after it has its name but before its folder is
//! synced, a complete file whose name a power cut may take away; after that, the image for good. A
//! complete file that no record tells of is met again when the image is fetched once more, and
//! counts as that image if its bytes are the same.

use std::collections::HashSet;
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
/// To be opened under the lock of the output folder: unfinished files of others are removed.
#[derive(Clone, Debug)]
pub struct Shelf(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    images: Folder,
    names: PartNames,
    folders: Mutex<Folders>,
    hands: Arc<Semaphore>,
}

/// What is known of folders below the images folder, by their path.
#[derive(Debug, Default)]
struct Folders {
    /// Those that were entered and cleared of leftovers.
    entered: HashSet<String>,
    /// Those whose own name is durable.
    durable: HashSet<String>,
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
            hands: Arc::new(Semaphore::new(HANDS)),
        })))
    }
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

    /// Opens a folder that was entered before and is still there.
    fn entered(&self, folder: &str) -> Option<Folder> {
        let known = self.folders().entered.contains(folder);
        known.then(|| self.images.below(folder).ok()).flatten()
    }

    /// Enters a folder for the first time: makes it and clears it of what dead runs left.
    fn enter(&self, folder: &str) -> Result<Folder, FileError> {
        let (opened, there) = self.images.make_below_counting(folder)?;
        if there == way(folder).count() {
            for name in opened.names(|name| self.names.is_leftover(name))? {
                opened.remove(&name);
            }
        }
        let mut folders = self.folders();
        // Somebody may have removed folders in use: their names were made anew just now.
        for anew in way(folder).skip(there) {
            folders.durable.remove(anew);
        }
        folders.entered.insert(folder.to_owned());
        Ok(opened)
    }

    /// Makes the names of a folder and of those above it durable, once each.
    fn sync_way(&self, folder: &str) -> Result<(), FileError> {
        for named in way(folder) {
            if self.folders().durable.contains(named) {
                continue;
            }
            self.images.below(path::split(named).0)?.sync()?;
            self.folders().durable.insert(named.to_owned());
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
            if let Err(error) = self.take(piece).await {
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
    async fn take(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        self.inspector.feed(piece).map_err(StoreError::BadPicture)?;
        self.hasher.update(piece);
        self.bytes += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if let Some(open) = &mut self.open {
            return Ok(open.write(piece)?);
        }
        self.early.extend_from_slice(piece);
        if let Some(format) = self.inspector.format() {
            let mut open = self.make_part(format).await?;
            open.write(&std::mem::take(&mut self.early))?;
            self.open = Some(open);
        }
        Ok(())
    }

    async fn make_part(&self, format: Format) -> Result<OpenPart, StoreError> {
        let name = self.name.path(self.take, format.word());
        let shared = Arc::clone(&self.shared);
        let (folder, file) = path::split(&name);
        if file.len() > LONGEST_NAME {
            let shown = shared.images.shown(&name);
            return Err(FileError::new(shown, Errno::NAMETOOLONG).into());
        }
        if let Some(opened) = shared.entered(folder) {
            return Ok(OpenPart::make(shared, &opened, name)?);
        }
        let enter = move || {
            let opened = shared.enter(path::split(&name).0)?;
            Ok(OpenPart::make(shared, &opened, name)?)
        };
        self.shared.hand_over(enter).await
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
    file: File,
    /// The name of the `.part` file in its folder.
    part: String,
    /// The path it is to have below the images folder.
    path: String,
    landed: bool,
}

impl OpenPart {
    fn make(shared: Arc<Shared>, folder: &Folder, path: String) -> Result<Self, FileError> {
        let part = shared.names.next(path::split(&path).1);
        let file = folder.create(&part, Readers::ByUmask)?;
        Ok(Self {
            shared,
            file,
            part,
            path,
            landed: false,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| FileError::from_io(self.shown(), &error))
    }

    fn shown(&self) -> String {
        let folder = path::split(&self.path).0;
        let images = &self.shared.images;
        match folder {
            "" => images.shown(&self.part),
            _ => images.shown(&format!("{folder}/{}", self.part)),
        }
    }

    /// Syncs the file, gives it its name, syncs the folder, and gives the path below the images.
    fn land(mut self, sha256: Sha256, bytes: u64) -> Result<String, StoreError> {
        let synced = self.file.sync_all();
        synced.map_err(|error| FileError::from_io(self.shown(), &error))?;
        let (folder, name) = path::split(&self.path);
        let opened = self.shared.images.below(folder)?;
        match opened.rename_to_free(&self.part, name) {
            Ok(()) => {}
            Err(error) if error.is_taken() => {
                if !is_same(&opened, name, sha256, bytes)? {
                    return Err(StoreError::InTheWay(opened.shown(name)));
                }
                opened.remove(&self.part);
            }
            Err(error) => return Err(error.into()),
        }
        self.landed = true;
        opened.sync()?;
        self.shared.sync_way(folder)?;
        Ok(self.path.clone())
    }
}

impl Drop for OpenPart {
    fn drop(&mut self) {
        if !self.landed
            && let Ok(folder) = self.shared.images.below(path::split(&self.path).0)
        {
            folder.remove(&self.part);
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

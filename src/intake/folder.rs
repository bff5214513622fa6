//! The folder of a manifest, out of which no path leads.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::domain::digest::Sha256;
use crate::manifest::read::{Text, TextError, Texts};
use crate::manifest::shown::nearest;

/// The folder a manifest lies in.
#[derive(Debug)]
pub struct Folder {
    /// The folder by the path the manifest was given under; empty for the current folder.
    given: PathBuf,
    /// The folder with every link in its path followed.
    real: PathBuf,
    /// Every text that was asked for.
    seen: Vec<Seen>,
}

/// A file as it was found: by its content, or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The path it was looked for at.
    pub path: PathBuf,
    /// The digest of its bytes; none where there was no file.
    pub sha256: Option<Sha256>,
}

impl Seen {
    /// Looks at a file now.
    #[must_use]
    pub fn now(path: &Path) -> Self {
        let bytes = fs::read(path).ok();
        Self {
            path: path.to_owned(),
            sha256: bytes.map(|bytes| Sha256::of(&bytes)),
        }
    }

    /// Tells whether it is there as it was, or still not there at all.
    ///
    /// One that cannot be read is neither: whoever needs it has to complain.
    #[must_use]
    pub fn is_as_it_was(&self) -> bool {
        match (fs::read(&self.path), &self.sha256) {
            (Ok(bytes), Some(sha256)) => Sha256::of(&bytes) == *sha256,
            (Err(error), None) => matches!(refusal(&error), NotFound::Missing),
            (Ok(_), None) | (Err(_), Some(_)) => false,
        }
    }
}

/// A file below the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// A path by which this process opens it.
    pub(crate) path: PathBuf,
    /// Its path relative to the folder, as it is shown.
    pub(crate) shown: String,
    /// Its path with every link followed.
    pub(crate) real: PathBuf,
    /// Its size in bytes.
    pub(crate) bytes: u64,
}

/// Why there is no file at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotFound {
    /// There is none.
    Missing,
    /// There is one outside of the folder.
    Outside,
    /// There is one that cannot be read; the reason.
    Unreadable(String),
}

impl Folder {
    /// Takes the folder of a manifest.
    ///
    /// # Errors
    /// Passes on that the folder cannot be found.
    pub fn of(manifest: &str) -> io::Result<Self> {
        let given = Path::new(manifest)
            .parent()
            .unwrap_or(Path::new(""))
            .to_owned();
        let real = fs::canonicalize(if given.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &given
        })?;
        let seen = Vec::new();
        Ok(Self { given, real, seen })
    }

    /// Finds the manifest that is meant by a path that leads nowhere.
    #[must_use]
    pub fn beside(&self, manifest: &str) -> Option<String> {
        let name = Path::new(manifest).file_name()?.to_string_lossy();
        let kinds = [".toml", ".csv", ".tsv"];
        let near = self.nearly(manifest, &name)?;
        let is_manifest = kinds.iter().any(|kind| near.to_lowercase().ends_with(kind));
        let near = self.given.join(&near).to_string_lossy().into_owned();
        is_manifest.then_some(near)
    }

    /// Reads the manifest itself, wherever it lies.
    ///
    /// # Errors
    /// Says why it cannot be read.
    pub fn manifest(path: &str) -> Result<Text, TextError> {
        let bytes = fs::read(path).map_err(|error| TextError::from(refusal(&error)))?;
        Ok(Text {
            path: tidy(Path::new(path)).to_string_lossy().into_owned(),
            bytes,
        })
    }

    /// Finds the file whose path is nearly one that leads nowhere, as it should be written.
    ///
    /// Looks at one folder alone, or at its parent where that is misspelt, and at no more files
    /// than a person could have put there.
    pub(crate) fn nearly(&self, by: &str, path: &str) -> Option<String> {
        const MOST: usize = 4096;
        let beside = Path::new(by).parent().unwrap_or(Path::new(""));
        let mut parts: Vec<String> = path.split('/').map(str::to_owned).collect();
        if path.contains("..") || path.starts_with('/') {
            return None;
        }
        let mut folder = beside.to_owned();
        for part in &mut parts {
            let here = folder.join(&*part);
            if !here.exists() {
                let looked = if folder.as_os_str().is_empty() {
                    Path::new(".")
                } else {
                    &folder
                };
                let names = fs::read_dir(looked).ok()?.take(MOST).flatten();
                let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
                let names: Vec<String> = names.collect();
                let alike = names.iter().filter(|name| digits(name) == digits(part));
                let alike = alike.map(String::as_str);
                nearest(part, alike)?.clone_into(part);
            }
            folder.push(&*part);
        }
        let near = parts.join("/");
        self.find(by, &near).ok().map(|_| near)
    }

    /// Gives every text that was asked for below the folder, there or not.
    #[must_use]
    pub fn seen(&self) -> &[Seen] {
        &self.seen
    }

    /// Finds the file that a text in this folder names.
    pub(crate) fn find(&self, by: &str, path: &str) -> Result<Found, NotFound> {
        let beside = Path::new(by).parent().unwrap_or(Path::new(""));
        let joined = beside.join(path);
        let real = fs::canonicalize(&joined).map_err(|error| refusal(&error))?;
        let below = real
            .strip_prefix(&self.real)
            .map_err(|_| NotFound::Outside)?;
        let metadata = fs::metadata(&real).map_err(|error| refusal(&error))?;
        if metadata.is_dir() {
            return Err(NotFound::Unreadable("it is a folder".to_owned()));
        }
        if !metadata.is_file() {
            return Err(NotFound::Unreadable("it is not a regular file".to_owned()));
        }
        let tidied = tidy(&joined);
        let shown = tidied
            .strip_prefix(tidy(&self.given))
            .ok()
            .filter(|shown| shown.is_relative());
        let shown = shown
            .filter(|shown| !shown.starts_with(".."))
            .unwrap_or(below);
        Ok(Found {
            shown: slashed(shown),
            path: joined,
            bytes: metadata.len(),
            real,
        })
    }
}

/// Gives the digits of a name in order: names with other digits are numbered, not misspelt.
fn digits(name: &str) -> Vec<u8> {
    let mut digits: Vec<u8> = name.bytes().filter(u8::is_ascii_digit).collect();
    digits.sort_unstable();
    digits
}

impl Texts for Folder {
    fn nearly(&mut self, by: &str, path: &str) -> Option<String> {
        Self::nearly(self, by, path)
    }

    fn read(&mut self, by: &str, path: &str) -> Result<Text, TextError> {
        let found = self.find(by, path).inspect_err(|_| {
            let beside = Path::new(by).parent().unwrap_or(Path::new(""));
            self.seen.push(Seen {
                path: beside.join(path),
                sha256: None,
            });
        })?;
        let bytes = fs::read(&found.real).map_err(|error| TextError::from(refusal(&error)))?;
        self.seen.push(Seen {
            path: found.path,
            sha256: Some(Sha256::of(&bytes)),
        });
        let below = found.real.strip_prefix(&self.real).unwrap_or(&found.real);
        Ok(Text {
            path: slashed(&tidy(&self.given).join(below)),
            bytes,
        })
    }
}

impl From<NotFound> for TextError {
    fn from(why: NotFound) -> Self {
        match why {
            NotFound::Missing => Self::Missing,
            NotFound::Outside => Self::Outside,
            NotFound::Unreadable(reason) => Self::Unreadable(reason),
        }
    }
}

/// Says what an error of the operating system means for a path.
pub(crate) fn refusal(error: &io::Error) -> NotFound {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => NotFound::Missing,
        io::ErrorKind::IsADirectory => NotFound::Unreadable("it is a folder".to_owned()),
        io::ErrorKind::PermissionDenied => NotFound::Unreadable("permission denied".to_owned()),
        _ => NotFound::Unreadable(error.to_string()),
    }
}

/// Takes `.` and, where a name stands before it, `..` out of a path.
fn tidy(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(tidied.components().next_back(), Some(Component::Normal(_))) =>
            {
                tidied.pop();
            }
            other => tidied.push(other),
        }
    }
    tidied
}

fn slashed(path: &Path) -> String {
    let parts = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy());
    let joined = parts.collect::<Vec<_>>().join("/");
    if path.is_absolute() {
        joined.replacen("//", "/", 1)
    } else {
        joined
    }
}

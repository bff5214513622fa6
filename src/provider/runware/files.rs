//! Reading reference files at the moment they are sent.

use std::fs::File;
use std::io::Read as _;

use crate::domain::class::{Class, Trouble};
use crate::domain::digest::Sha256;

/// The largest file that is read, in bytes; what a model takes is less and was checked before.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Reads a file and checks that it is still the one that was planned with.
///
/// # Errors
/// Gives trouble of the request's class if the file cannot be read or has changed.
pub(super) async fn read(path: &str, sha256: Sha256) -> Result<Vec<u8>, Trouble> {
    let owned = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        let bytes = read_bounded(&owned)?;
        let digest = Sha256::of(&bytes);
        Ok::<_, std::io::Error>((bytes, digest))
    });
    match reading.await {
        Ok(Ok((bytes, digest))) if digest == sha256 => Ok(bytes),
        Ok(Ok(_)) => Err(trouble(
            "reference-changed",
            format!(
                "{path}: the file has changed since it was planned with; run again to plan anew"
            ),
        )),
        Ok(Err(reason)) => Err(trouble(
            "reference-missing",
            format!("{path}: the reference cannot be read: {reason}"),
        )),
        Err(_) => Err(trouble(
            "reference-missing",
            format!("{path}: the reading of the reference was broken off"),
        )),
    }
}

fn read_bounded(path: &str) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn trouble(code: &str, message: String) -> Trouble {
    Trouble {
        class: Class::Request,
        code: code.to_owned(),
        message,
    }
}

//! Not yet.
use crate::cli::args;
use crate::cli::exit::Exit;
use crate::cli::show::Stopped;
use crate::cli::streams::Streams;
/// Not yet.
///
/// # Errors
/// Always.
pub fn verify(_args: &args::Verify, _streams: &Streams) -> Result<Exit, Stopped> {
    Err(Exit::Unexpected)
}

//! `schema`: the JSON Schema of manifests, from which editors complete and explain keys.

use crate::cli::commands::print;
use crate::cli::exit::Exit;
use crate::cli::show::Stopped;
use crate::cli::streams::Streams;
use crate::guide::json::schema as text;

/// Prints the schema.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn schema(streams: &Streams) -> Result<Exit, Stopped> {
    print(streams, &text())
}

//! `completions`: a shell's completion script.

use clap::CommandFactory as _;

use crate::cli::args::{Cli, Completions};
use crate::cli::commands::print_text;
use crate::cli::exit::Exit;
use crate::cli::show::Stopped;
use crate::cli::streams::Streams;

/// Prints the script.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn completions(args: &Completions, streams: &Streams) -> Result<Exit, Stopped> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "reshoot", &mut script);
    print_text(streams, "script", &String::from_utf8_lossy(&script))
}

//! The commands, a file each.

pub mod check;
pub mod completions;
pub mod decide;
pub mod doctor;
pub mod explain;
pub mod init;
pub mod man;
pub mod plan;
pub mod rehearse;
pub mod report;
pub mod run;
pub mod schema;
pub mod status;
pub mod verify;

use std::io;
use std::os::unix::net::UnixStream;

use clap::Parser as _;
use tokio::runtime::{Builder, Runtime};

use crate::cli::args::{Cli, Command, Global};
use crate::cli::exit::Exit;
use crate::cli::streams::Streams;
use crate::ledger::decision::Kind;
use crate::provider::tls;

/// Reads the command line and does what it says.
#[must_use]
pub fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misread(&error),
    };
    tls::init();
    let streams = Streams::new(&cli.global);
    let done = match &cli.command {
        Command::Init(args) => init::init(args, &streams),
        Command::Check(args) => check::check(args, &streams),
        Command::Plan(args) => plan::plan(args, &streams),
        Command::Run(args) => run::run(args, &streams),
        Command::Status(args) => status::status(args, &streams),
        Command::Explain(args) => explain::explain(args, &streams),
        Command::Approve(args) => decide::decide(Kind::Approve, args, &streams),
        Command::Retake(args) => decide::decide(Kind::Retake, args, &streams),
        Command::Hold(args) => decide::decide(Kind::Hold, args, &streams),
        Command::Omit(args) => decide::decide(Kind::Omit, args, &streams),
        Command::Verify(args) => verify::verify(args, &streams),
        Command::Doctor(args) => doctor::doctor(args, &streams),
        Command::Report(args) => report::report(args, &streams),
        Command::Rehearse(args) => rehearse::rehearse(args, &streams),
        Command::Completions(args) => completions::completions(args, &streams),
        Command::Man => man::man(&streams),
        Command::Schema => schema::schema(&streams),
    };
    let exit = done.unwrap_or_else(|stopped| stopped);
    streams.close(exit);
    exit
}

/// Shows help or what is wrong with the command line.
fn misread(error: &clap::Error) -> Exit {
    if error.use_stderr() && std::env::args_os().any(|arg| arg == "--json") {
        let streams = Streams::new(&Global::JSON);
        streams.insist(&error.to_string());
        streams.close(Exit::Usage);
        return Exit::Usage;
    }
    // A stream that went away is nothing to complain about on the same stream.
    let _unread = error.print();
    if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Done
    }
}

/// Starts what waits for the network, or says why it cannot.
///
/// The runtime panics where the system gives it no files to wait with, so that is tried first.
pub(super) fn runtime(streams: &Streams) -> Result<Runtime, Exit> {
    const PAIRS: usize = 4;
    let spare: io::Result<Vec<_>> = (0..PAIRS).map(|_| UnixStream::pair()).collect();
    let started = spare.and_then(|spare| {
        drop(spare);
        Builder::new_multi_thread().enable_all().build()
    });
    started.map_err(|error| {
        let remedy = if is_out_of_files(&error) {
            "; let this process open more files (`ulimit -n`)"
        } else {
            ""
        };
        streams.insist(&format!("error: cannot start: {error}{remedy}\n"));
        Exit::Unexpected
    })
}

fn is_out_of_files(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE]
        .map(rustix::io::Errno::raw_os_error)
        .iter()
        .any(|files| code == Some(*files))
}

/// Prints data, or says why it could not be printed.
pub(super) fn print(streams: &Streams, text: &str) -> Result<Exit, Exit> {
    match streams.data(text) {
        Ok(()) => Ok(Exit::Done),
        Err(error) => {
            streams.insist(&format!(
                "error: cannot write to standard output: {error}\n"
            ));
            Err(Exit::Unexpected)
        }
    }
}

/// Prints a text that is no table of facts, under a name where one JSON object is asked for.
pub(super) fn print_text(streams: &Streams, name: &str, text: &str) -> Result<Exit, Exit> {
    if streams.json {
        let shown = serde_json::json!({ "format": 1, name: text });
        return print(streams, &format!("{shown:#}\n"));
    }
    print(streams, text)
}

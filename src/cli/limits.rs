//! What the operating system allows this process: how many files it may have open.

use rustix::fd::{AsFd, OwnedFd};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::cli::exit::Exit;
use crate::cli::show::Stopped;
use crate::cli::streams::Streams;

/// Files that are open besides those of tasks: log, lock, folders, the runtime's own, a reserve.
const ALWAYS: usize = 16;

/// Files for an image that comes in: its connection, its part file, the folders on the way to it.
const FOR_AN_IMAGE: usize = 3;

/// As many as anybody needs; some systems would take a larger limit for an invitation to loop.
const ENOUGH: u64 = 65_536;

/// Gives the most images that come in at a time.
#[must_use]
pub fn downloads(jobs: usize) -> usize {
    jobs.clamp(4, 16)
}

/// Makes sure that a run does not run out of open files half way.
///
/// Raises this process's own limit as far as the system allows, then tries.
///
/// # Errors
/// Ends with [`Exit::Unexpected`] after saying what to do where too few files can be open.
pub fn reserve_files(jobs: usize, rehearsal: bool, streams: &Streams) -> Result<(), Stopped> {
    raise();
    let tasks = jobs + FOR_AN_IMAGE * downloads(jobs);
    // The rehearsal's server holds the other ends of all connections.
    let needed = ALWAYS + if rehearsal { 2 * tasks } else { tasks };
    let can = spare(needed);
    if can < needed {
        streams.insist(&format!(
            "error: this process may open {can} more files, and {jobs} jobs need {needed}; raise \
             its limit (`ulimit -n`) or lower --jobs, then run again\n"
        ));
        return Err(Exit::Unexpected);
    }
    Ok(())
}

/// Raises the limit that a shell sets to the one that only an administrator may pass.
fn raise() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let reach = maximum.unwrap_or(ENOUGH).min(ENOUGH);
    if current.is_some_and(|current| current < reach) {
        let wish = Rlimit {
            current: Some(reach),
            maximum,
        };
        // Where it is not allowed, what there is has to do.
        let _raised = setrlimit(Resource::Nofile, wish);
    }
}

/// Counts how many more files can be open, up to a number, by opening as many.
fn spare(most: usize) -> usize {
    let again = || rustix::io::fcntl_dupfd_cloexec(std::io::stderr().as_fd(), 0).ok();
    let held: Vec<OwnedFd> = std::iter::repeat_with(again)
        .take(most)
        .map_while(|fd| fd)
        .collect();
    held.len()
}

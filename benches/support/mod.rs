//! What the benchmarks share.

pub(crate) mod measure;
pub(crate) mod server;

use std::error::Error;
use std::io::Write;

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Writes a line; where nobody reads, nothing is lost.
pub(crate) fn say(mut to: impl Write, line: &str) {
    let _unread = writeln!(to, "{line}");
}

/// Reads how many rounds were asked for.
pub(crate) fn rounds(words: &[&str], usual: usize) -> Result<usize, Failure> {
    let rounds = match words.iter().position(|word| *word == "--rounds") {
        Some(at) => words
            .get(at + 1)
            .ok_or("--rounds takes a number")?
            .parse()?,
        None => usual,
    };
    if rounds == 0 {
        return Err("--rounds takes a number from 1".into());
    }
    Ok(rounds)
}

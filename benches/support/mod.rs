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

/// Reads the number that follows a flag, such as `--rounds 3`.
pub(crate) fn number(words: &[&str], flag: &str, usual: usize) -> Result<usize, Failure> {
    let Some(at) = words.iter().position(|word| *word == flag) else {
        return Ok(usual);
    };
    let number = words.get(at + 1).and_then(|word| word.parse().ok());
    let number = number.filter(|number| *number > 0);
    number.ok_or_else(|| format!("{flag} takes a number from 1").into())
}

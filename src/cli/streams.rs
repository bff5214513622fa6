//! Standard output and error: what is data and what is talk.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;

use crate::cli::args::{ColorChoice, Global};
use crate::cli::exit::Exit;

/// What every failure begins with.
const ERROR: &str = "error: ";

/// Where a command writes.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about a stream"
)]
pub struct Streams {
    /// Whether one JSON object is printed instead of text.
    pub json: bool,
    /// 0 as usual, 1 less, 2 only errors.
    pub quiet: u8,
    /// How much more is told.
    pub verbose: u8,
    /// Whether standard error is coloured.
    pub color_err: bool,
    /// Whether standard output is coloured.
    pub color_out: bool,
    /// Whether standard error is a terminal.
    pub err_is_terminal: bool,
    told: Arc<Mutex<Told>>,
}

/// What was told so far, for a script that reads standard output alone.
#[derive(Debug, Default)]
struct Told {
    printed: bool,
    errors: Vec<String>,
}

impl Streams {
    /// Looks at flags, environment and terminals.
    #[must_use]
    pub fn new(global: &Global) -> Self {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        Self {
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            color_err: wants_color(global.color, err),
            color_out: wants_color(global.color, out),
            err_is_terminal: err && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
            told: Arc::default(),
        }
    }

    /// Gives the width of what is drawn for people, in columns.
    #[must_use]
    pub fn width(&self) -> usize {
        const USUAL: usize = 100;
        let columns = std::env::var("COLUMNS")
            .ok()
            .and_then(|text| text.parse().ok());
        columns.unwrap_or(USUAL).clamp(40, 200)
    }

    /// Gives how text on standard output is laid out.
    #[must_use]
    pub fn style(&self) -> crate::report::style::Style {
        let width = io::stdout().is_terminal().then(|| self.width());
        crate::report::style::Style {
            color: self.color_out,
            width,
        }
    }

    /// Gives how text on standard error is laid out.
    #[must_use]
    pub const fn style_err(&self) -> crate::report::style::Style {
        crate::report::style::Style {
            color: self.color_err,
            width: None,
        }
    }

    /// Prints data.
    ///
    /// # Errors
    /// Passes on what standard output says; a reader that went away is no error.
    pub fn data(&self, text: &str) -> io::Result<()> {
        self.note(|told| told.printed = true);
        let mut out = io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Says something to the person, unless they asked for quiet.
    pub fn say(&self, text: &str) {
        if self.quiet == 0 {
            self.insist(text);
        }
    }

    /// Says something that must be heard.
    pub fn insist(&self, text: &str) {
        if let Some(error) = text.strip_prefix(ERROR) {
            self.note(|told| told.errors.push(error.trim_end().to_owned()));
        }
        let mut err = io::stderr().lock();
        // With nobody listening there is nothing left to say it to.
        let _unheard = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }
}

impl Streams {
    /// Ends a command: where one object is asked for and none was printed, tells what stopped it.
    pub fn close(&self, exit: Exit) {
        let mut failure = None;
        self.note(|told| {
            if self.json && !told.printed {
                failure = Some(json!({
                    "format": 1,
                    "error": (!told.errors.is_empty()).then(|| told.errors.join("\n")),
                    "exit_code": exit.code(),
                    "exit_meaning": exit.meaning(),
                }));
            }
        });
        if let Some(failure) = failure {
            // The same was said on standard error; nobody is left to tell that this was not read.
            let _unread = self.data(&format!("{failure:#}\n"));
        }
    }

    fn note(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn wants_color(choice: ColorChoice, terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if set("NO_COLOR") => false,
        ColorChoice::Auto if set("CLICOLOR_FORCE") => true,
        ColorChoice::Auto => terminal && std::env::var_os("TERM").is_none_or(|t| t != "dumb"),
    }
}

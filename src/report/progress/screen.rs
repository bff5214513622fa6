//! The one writer that lines and bars go through.

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::TermLike;

/// A writer, and the terminal that bars are drawn on if it is one.
///
/// What is put together between two flushes reaches the terminal at once, so that bars do not
/// flicker.
#[derive(Clone)]
pub(super) struct Screen {
    out: Arc<Mutex<BufWriter<Box<dyn Write + Send>>>>,
    columns: Option<fn() -> u16>,
}

impl Screen {
    pub(super) fn new(out: Box<dyn Write + Send>, columns: Option<fn() -> u16>) -> Self {
        Self {
            out: Arc::new(Mutex::new(BufWriter::new(out))),
            columns,
        }
    }

    /// Writes a line. Nobody reading is no reason to stop.
    pub(super) fn line(&self, text: &str) {
        let _unread = self.put(format_args!("{text}\n"));
        let _unread = self.flush();
    }

    fn put(&self, text: fmt::Arguments<'_>) -> io::Result<()> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.write_fmt(text)
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Screen")
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        self.columns.map_or(80, |columns| columns().max(20))
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.put(format_args!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.put(format_args!("{text}"))
    }

    fn clear_line(&self) -> io::Result<()> {
        self.put(format_args!("\r\u{1b}[2K"))
    }

    fn flush(&self) -> io::Result<()> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.flush()
    }
}

impl Screen {
    /// Moves the cursor; by nothing is nothing, which a terminal would read as by one.
    fn moved(&self, n: usize, way: char) -> io::Result<()> {
        if n == 0 {
            return Ok(());
        }
        self.put(format_args!("\u{1b}[{n}{way}"))
    }
}

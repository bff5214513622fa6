//! The rehearsal: a real HTTP server on loopback that answers as the image service does, bills play
//! money and paints pictures that can be told apart.
//!
//! Owns its own reading of the API, its books and its faults. It imports nothing else of this crate
//! and calls nobody off this machine, so that a mistake of the client's cannot be shared by the server.
//!
//! Invariants:
//! - A task is in the books, synced, before it is acknowledged or billed; a killed server starts again
//!   with every task, upload and conflict, and tasks in flight end when they would have.
//! - A refused task is neither billed nor remembered.
//! - The same task and result are the same picture, to the byte, each time they are fetched.
//! - A fault strikes by seed, name, task and attempt, so it strikes again in the next run.

mod accept;
mod account;
mod api;
mod app;
pub mod books;
mod clock;
mod deliver;
mod dispatch;
mod envelope;
pub mod faults;
mod id;
mod images;
mod memory;
mod money;
mod order;
mod paint;
mod poll;
mod record;
mod references;
mod results;
mod shelf;
mod size;
mod socket;
mod stats;
mod strike;
mod switches;
mod toml;
mod upload;
mod web;

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, oneshot};

use app::App;
use books::{Books, BooksError};
use faults::Faults;
use memory::Memory;
use money::Usd;
use record::Record;
use shelf::Shelf;

/// How often counters that nothing else in the books would give are written to them.
const TALLY_EVERY: Duration = Duration::from_millis(250);
/// How long open connections are given to end when the server is told to.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a rehearsal is to be like.
pub struct Settings {
    /// The port on 127.0.0.1; 0 takes any that is free.
    pub port: u16,
    /// Where the books are kept; made if it is not there.
    pub folder: PathBuf,
    /// How long a task takes.
    pub latency: Duration,
    /// What goes wrong, and which readings of the API's open questions are played.
    pub faults: Faults,
    /// The keys that are valid; without a list, any but an empty one and `wrong-key`.
    pub accepted_keys: Option<Vec<String>>,
    /// The play money there was before the first task, in micro-dollars.
    pub balance_usd_micros: u64,
}

impl Settings {
    /// Gives a server without faults and with money enough, whose tasks take a second.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            port: 0,
            folder: folder.into(),
            latency: Duration::from_secs(1),
            faults: Faults::default(),
            accepted_keys: None,
            balance_usd_micros: 1_000_000_000_000,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("port", &self.port)
            .field("folder", &self.folder)
            .field("latency", &self.latency)
            .field("faults", &self.faults)
            .field("accepted_keys", &self.accepted_keys.as_ref().map(Vec::len))
            .field("balance_usd_micros", &self.balance_usd_micros)
            .finish()
    }
}

/// Says why a rehearsal did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The books cannot be used.
    #[error(transparent)]
    Books(#[from] BooksError),
    /// The port cannot be had.
    #[error("cannot serve on 127.0.0.1:{port}: {source}")]
    Port {
        /// The port that was asked for.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A running rehearsal. Dropping it ends it too, without waiting for anybody.
pub struct Server {
    addr: SocketAddr,
    app: Arc<App>,
    stop: Option<oneshot::Sender<()>>,
    serving: tokio::task::JoinHandle<()>,
    tallying: tokio::task::JoinHandle<()>,
}

/// Starts a rehearsal on the runtime this is called from.
///
/// # Errors
///
/// Fails if the port is taken, or if the books are damaged, in use by another rehearsal or cannot be
/// written.
pub async fn serve(settings: Settings) -> Result<Server, ServeError> {
    let port = settings.port;
    let failed = |source| ServeError::Port { port, source };
    let (books, memory, shelf) = tokio::task::spawn_blocking({
        let folder = settings.folder.clone();
        move || open(&folder)
    })
    .await
    .map_err(|error| failed(std::io::Error::other(error)))??;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    let painters = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let app = Arc::new(App {
        origin: format!("http://{addr}"),
        latency: settings.latency,
        accepted_keys: settings.accepted_keys,
        opening_balance: Usd::from_micros(settings.balance_usd_micros),
        faults: settings.faults,
        clock: clock::Clock::start(),
        books,
        shelf,
        memory: Mutex::new(memory),
        changed: Notify::new(),
        painters: Arc::new(Semaphore::new(painters)),
        web: OnceLock::new(),
    });
    for index in app.memory().undelivered() {
        deliver::start(&app, index);
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let service =
        api::router(Arc::clone(&app)).into_make_service_with_connect_info::<socket::Scissors>();
    let serving = tokio::spawn(async move {
        let stopped = async move { stopped.await.unwrap_or(()) };
        let serving = axum::serve(socket::Ear(listener), service).with_graceful_shutdown(stopped);
        // Accepting is retried inside; there is no other way for serving to fail.
        serving.await.ok();
    });
    let tallying = tokio::spawn(keep_tally(Arc::clone(&app)));
    Ok(Server {
        addr,
        app,
        stop: Some(stop),
        serving,
        tallying,
    })
}

fn open(folder: &std::path::Path) -> Result<(Books, Memory, Shelf), BooksError> {
    let mut memory = Memory::default();
    let books = Books::open(folder, |record, place| memory.fold(record, place))?;
    let shelf = Shelf::open(folder).map_err(|source| BooksError::Io {
        path: folder.to_owned(),
        source,
    })?;
    Ok((books, memory, shelf))
}

/// Notes the counters whenever they have changed.
async fn keep_tally(app: Arc<App>) {
    loop {
        // Registered before noting, so that the last change of all is noted too.
        let mut change = std::pin::pin!(app.changed.notified());
        change.as_mut().enable();
        note_tally(&app);
        change.await;
        tokio::time::sleep(TALLY_EVERY).await;
    }
}

/// Notes the counters if they differ from the last ones noted.
fn note_tally(app: &App) {
    let mut memory = app.memory();
    if memory.tally != memory.noted_tally {
        memory.noted_tally = memory.tally.clone();
        app.books.note(&Record::Tally(memory.tally.clone()));
    }
}

impl Server {
    /// Gives the address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Gives its origin, such as `http://127.0.0.1:40123`; the API is at `/v1` below it.
    #[must_use]
    pub fn origin(&self) -> String {
        self.app.origin.clone()
    }

    /// Gives the address requests are posted to.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("{}/v1", self.app.origin)
    }

    /// Ends it: answers what can be answered at once, closes the books and frees their folder.
    pub async fn shutdown(mut self) {
        drop(self.stop.take());
        // Whoever waits longer than that, such as a sync task, is cut off as by a real outage.
        tokio::time::timeout(PATIENCE, &mut self.serving).await.ok();
        self.end();
        let app = Arc::clone(&self.app);
        tokio::task::spawn_blocking(move || app.books.close())
            .await
            .ok();
    }

    fn end(&self) {
        self.serving.abort();
        self.tallying.abort();
        note_tally(&self.app);
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
        self.app.books.close();
    }
}

//! Signals and times of day that tell a run to stop.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::cli::books::now;
use crate::cli::exit::Exit;
use crate::cli::show::Stopped;
use crate::cli::streams::Streams;
use crate::runner::shutdown::{Stop, Why};

/// The moment given by `--until`.
#[derive(Clone, Copy, Debug)]
pub struct Until(std::time::Duration);

/// Reads `--until HH:MM`: the next time the wall clock shows it.
///
/// # Errors
/// Ends with [`Exit::Usage`] after saying what is wrong.
pub fn until(text: Option<&str>, streams: &Streams) -> Result<Option<Until>, Stopped> {
    let Some(text) = text else { return Ok(None) };
    wait_until(text).map(Some).map_err(|why| {
        streams.insist(&format!("error: --until {text}: {why}\n"));
        Exit::Usage
    })
}

fn wait_until(text: &str) -> Result<Until, String> {
    let zone = TimeZone::system();
    if zone.is_unknown() {
        return Err(
            "this machine does not tell its time zone; set TZ, such as TZ=Europe/Berlin".to_owned(),
        );
    }
    let time = Time::strptime("%H:%M", text).map_err(|_| "write a time like 07:30".to_owned())?;
    let now = now().to_zoned_datetime(zone);
    let today = now
        .with()
        .time(time)
        .build()
        .map_err(|error| error.to_string())?;
    let next = if today > now {
        today
    } else {
        let tomorrow = now.tomorrow().map_err(|error| error.to_string())?;
        tomorrow
            .with()
            .time(time)
            .build()
            .map_err(|error| error.to_string())?
    };
    let wait = now.duration_until(&next);
    let wait = std::time::Duration::try_from(wait).map_err(|error| error.to_string())?;
    Ok(Until(wait))
}

/// Tells the run to stop: once to begin nothing new, twice to leave at once.
///
/// Where a signal cannot be listened for, it keeps its usual effect.
pub async fn watch(stop: watch::Sender<Stop>, until: Option<Until>) {
    let mut interrupt = signal(SignalKind::interrupt()).ok();
    let mut terminate = signal(SignalKind::terminate()).ok();
    let mut hangup = signal(SignalKind::hangup()).ok();
    let deadline = until.map(|Until(wait)| tokio::time::Instant::now() + wait);
    let mut told = false;
    loop {
        let why = tokio::select! {
            () = next(&mut interrupt) => Why::Interrupted,
            () = next(&mut terminate) => Why::Terminated,
            () = next(&mut hangup) => Why::HungUp,
            () = at(deadline), if !told => Why::Until,
        };
        let again = matches!(*stop.borrow(), Stop::Drain(before) if before != Why::Until);
        let next = if again {
            Stop::Now(why)
        } else {
            Stop::Drain(why)
        };
        told = true;
        if stop.send(next).is_err() {
            return;
        }
    }
}

async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

async fn at(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

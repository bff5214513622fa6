//! `rehearse`: serves the rehearsal API on loopback for any client.

use std::time::Duration;

use serde_json::json;

use crate::cli::args;
use crate::cli::commands::print;
use crate::cli::exit::Exit;
use crate::cli::settings::duration;
use crate::cli::show::Stopped;
use crate::cli::streams::Streams;
use crate::rehearsal::faults::Faults;
use crate::rehearsal::{self, Settings};

/// Reads what a rehearsal is to be like.
///
/// # Errors
/// Ends with [`Exit::Usage`] after saying what is wrong.
pub fn settings(
    latency: &str,
    faults: Option<&str>,
    streams: &Streams,
) -> Result<Settings, Stopped> {
    let Some(latency) = duration(latency) else {
        streams.insist(&format!(
            "error: --latency {latency}: write a time like 800ms or 2s\n"
        ));
        return Err(Exit::Usage);
    };
    let faults = faults.map(Faults::parse).transpose().map_err(|error| {
        streams.insist(&format!("error: --faults: {error}\n"));
        Exit::Usage
    })?;
    let mut settings = Settings::new("");
    settings.latency = latency;
    settings.faults = faults.unwrap_or_default();
    Ok(settings)
}

/// Serves until it is told to stop.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn rehearse(args: &args::Rehearse, streams: &Streams) -> Result<Exit, Stopped> {
    let mut settings = settings(&args.latency, args.faults.as_deref(), streams)?;
    settings.folder.clone_from(&args.folder);
    settings.port = args.port;
    let runtime = super::runtime(streams)?;
    let served = runtime.block_on(serve(settings, streams));
    runtime.shutdown_timeout(Duration::from_millis(200));
    served
}

async fn serve(settings: Settings, streams: &Streams) -> Result<Exit, Stopped> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| unexpected(&error, streams))?;
    let server = rehearsal::serve(settings)
        .await
        .map_err(|error| unexpected(&error, streams))?;
    let origin = server.origin();
    if streams.json {
        let shown = json!({ "format": 1, "endpoint": format!("{origin}/v1"), "origin": origin });
        print(streams, &format!("{shown}\n"))?;
    } else {
        print(streams, &format!("{origin}/v1\n"))?;
        streams.say(&format!(
            "The rehearsal bills play money only. In another terminal:\n  \
             RUNWARE_API_KEY=rehearsal reshoot run --endpoint {origin}/v1 --yes\n\
             Its books: {origin}/rehearsal/stats. Ctrl-C ends it.\n"
        ));
    }
    let stopped = tokio::select! {
        _ = tokio::signal::ctrl_c() => Exit::Interrupted,
        _ = terminate.recv() => Exit::Terminated,
    };
    server.shutdown().await;
    Ok(stopped)
}

fn unexpected(error: &dyn std::fmt::Display, streams: &Streams) -> Stopped {
    streams.insist(&format!("error: the rehearsal cannot start: {error}\n"));
    Exit::Unexpected
}

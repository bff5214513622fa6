//! How the API is reached: at an address with a key, or as a rehearsal inside this process.

use crate::cli::args;
use crate::cli::commands::rehearse;
use crate::cli::exit::Exit;
use crate::cli::settings;
use crate::cli::show::{Show, Stopped};
use crate::cli::streams::Streams;
use crate::domain::secret::ApiKey;
use crate::ledger::fold::Ledger;
use crate::manifest::model::Manifest;
use crate::manifest::settings::{Layer, Output};
use crate::provider::runware::client::{Client, ClientSettings};
use crate::rehearsal;

/// Where tasks are sent and asked about.
pub enum Service {
    /// To an API at an address.
    Api(String, ApiKey),
    /// To a rehearsal inside this process.
    Rehearsal(Box<rehearsal::Settings>),
}

/// A way to the service that is open.
pub struct Line {
    /// Its address.
    pub endpoint: String,
    /// The client that speaks to it.
    pub client: Client,
    /// The rehearsal behind it, to be shut down at the end.
    pub server: Option<rehearsal::Server>,
}

impl Service {
    /// Finds the service that flags and environment name; nothing is sent.
    ///
    /// # Errors
    /// Ends with an exit code after saying what is wrong.
    pub fn find(
        show: &args::Manifest,
        reach: &args::Reach,
        streams: &Streams,
    ) -> Result<Self, Stopped> {
        if show.rehearse {
            let settings = rehearse::settings(
                reach.latency.as_deref().unwrap_or("500ms"),
                reach.faults.as_deref(),
                streams,
            )?;
            return Ok(Self::Rehearsal(Box::new(settings)));
        }
        let key = settings::api_key(reach.key_file.as_deref()).map_err(|error| {
            streams.insist(&format!("error: {error}\n"));
            Exit::Account
        })?;
        let endpoint = settings::endpoint(reach.endpoint.as_deref());
        Ok(Self::Api(endpoint, key))
    }

    /// Opens a way to it; a rehearsal is started, its books in the show's output folder.
    ///
    /// # Errors
    /// Ends with an exit code after saying what is wrong.
    pub async fn connect(
        self,
        show: &Show,
        ledger: &Ledger,
        streams: &Streams,
    ) -> Result<Line, Stopped> {
        let (endpoint, key, server) = match self {
            Self::Api(endpoint, key) => (endpoint, key, None),
            Self::Rehearsal(mut settings) => {
                settings.folder = show.output.join("provider");
                let server = rehearsal::serve(*settings).await.map_err(|error| {
                    streams.insist(&format!("error: the rehearsal cannot start: {error}\n"));
                    Exit::Unexpected
                })?;
                let key = ApiKey::new("rehearsal").ok_or(Exit::Unexpected)?;
                (format!("{}/v1", server.origin()), key, Some(server))
            }
        };
        let client = client(show, ledger, &endpoint, key, streams)?;
        Ok(Line {
            endpoint,
            client,
            server,
        })
    }
}

fn client(
    show: &Show,
    ledger: &Ledger,
    endpoint: &str,
    key: ApiKey,
    streams: &Streams,
) -> Result<Client, Stopped> {
    let mut settings = ClientSettings::new(endpoint, key);
    settings.inline_results = inline_results(show.manifest, ledger);
    Client::new(settings).map_err(|error| {
        streams.insist(&format!("error: {error}\n"));
        Exit::Usage
    })
}

/// Gives the most images that one task may bring inside a reply; 0 where all come by address, so
/// that replies need no room for them.
fn inline_results(manifest: &Manifest, ledger: &Ledger) -> u32 {
    let layers = [&manifest.defaults, &manifest.set];
    let layers = layers.into_iter().chain(manifest.sequences.values());
    let layers = layers.chain(manifest.presets.values().map(|preset| &preset.layer));
    let (mut inline, mut results) = (false, 1);
    let mut look_at = |layer: &Layer| {
        let output = layer.technical.output.as_ref().map(|placed| placed.value);
        inline |= output.is_some_and(|output| output != Output::Url);
        let asked = layer.technical.results_per_task.as_ref();
        results = results.max(asked.map_or(1, |placed| placed.value));
    };
    layers.for_each(&mut look_at);
    let shots = manifest.shots.iter();
    shots.for_each(|shot| look_at(&shot.layer));
    let left_over = ledger.tasks().filter_map(|(_, task)| {
        let intent = task.intent.as_ref()?;
        (intent.made.output != Output::Url.word()).then_some(task.takes.count)
    });
    let written = if inline { results } else { 0 };
    left_over.max().unwrap_or(0).max(written)
}

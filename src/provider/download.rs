//! Fetching images.
//!
//! The client here never carries the key, takes nothing from an address that [`Hosts`] does not
//! allow, and follows no redirect that was not checked in the same way.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, LOCATION};
use reqwest::{Response, StatusCode, Url};
use tokio::time::{Instant, timeout, timeout_at};

use crate::provider::hosts::{Guard, Hosts, LeadsInward};
use crate::provider::network::{self, Roots};
use crate::provider::{Address, FetchError, ImageStream};

/// The largest image that is taken, in bytes.
pub const LARGEST_IMAGE: u64 = 64 * 1024 * 1024;

/// The most redirects that are followed for one image.
const MOST_REDIRECTS: usize = 3;

/// The size of the pieces in which an image at hand is given.
const PIECE: usize = 256 * 1024;

/// How long a download may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The longest silence before the first and between two chunks.
    pub stall: Duration,
    /// The longest time for a whole image.
    pub whole: Duration,
}

/// Opens images for reading.
#[derive(Debug)]
pub struct Images {
    client: reqwest::Client,
    hosts: Hosts,
    patience: Patience,
}

impl Images {
    /// Makes a client that fetches from these hosts only.
    ///
    /// # Errors
    /// Passes on why no HTTP client could be made.
    pub fn new(
        hosts: Hosts,
        roots: Roots,
        connect: Duration,
        patience: Patience,
    ) -> Result<Self, reqwest::Error> {
        let client = network::builder(roots, connect)
            .referer(false)
            .dns_resolver(Arc::new(Guard::new(hosts.clone())))
            .build()?;
        Ok(Self {
            client,
            hosts,
            patience,
        })
    }

    /// Opens an image.
    ///
    /// # Errors
    /// Tells whether it is gone, not to be fetched, too large, or worth another try.
    pub async fn open(&self, address: &Address) -> Result<ImageBytes, FetchError> {
        match address {
            Address::Url(url) => self.open_url(url).await,
            Address::Here(bytes) => open_here(bytes),
            Address::Nowhere => Err(FetchError::Gone),
        }
    }

    async fn open_url(&self, url: &str) -> Result<ImageBytes, FetchError> {
        let until = Instant::now() + self.patience.whole;
        let mut url = self.allowed(Url::parse(url))?;
        for _ in 0..=MOST_REDIRECTS {
            let response = self.get(&url).await?;
            if !response.status().is_redirection() {
                return self.opened(&url, response, until);
            }
            let place = response.headers().get(LOCATION);
            let place = place.and_then(|place| place.to_str().ok());
            url = self.allowed(url.join(place.unwrap_or_default()))?;
        }
        Err(FetchError::Broken(format!(
            "{} redirected more than {MOST_REDIRECTS} times",
            name(&url)
        )))
    }

    fn allowed<E>(&self, parsed: Result<Url, E>) -> Result<Url, FetchError> {
        let url = parsed.map_err(|_| {
            FetchError::Forbidden("the image's address is not an address".to_owned())
        })?;
        self.hosts.check(&url).map_err(FetchError::Forbidden)?;
        Ok(url)
    }

    async fn get(&self, url: &Url) -> Result<Response, FetchError> {
        let sent = self.client.get(url.clone()).send();
        match timeout(self.patience.stall, sent).await {
            Err(_) => Err(self.stalled(url)),
            Ok(Err(error)) => Err(failed(url, &error)),
            Ok(Ok(response)) => Ok(response),
        }
    }

    fn stalled(&self, url: &Url) -> FetchError {
        let seconds = self.patience.stall.as_secs();
        FetchError::Broken(format!("{} was silent for {seconds} s", name(url)))
    }

    fn opened(
        &self,
        url: &Url,
        response: Response,
        until: Instant,
    ) -> Result<ImageBytes, FetchError> {
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::GONE => {
                return Err(FetchError::Gone);
            }
            other => {
                let status = other.as_u16();
                return Err(FetchError::Broken(format!(
                    "{} answered with HTTP {status}",
                    name(url)
                )));
            }
        }
        let encoding = response.headers().get(CONTENT_ENCODING);
        if encoding.is_some_and(|encoding| encoding != "identity") {
            return Err(FetchError::Broken(format!(
                "{} sent the image compressed, which was not asked for",
                name(url)
            )));
        }
        let promised = response.content_length();
        if promised.is_some_and(|bytes| bytes > LARGEST_IMAGE) {
            return Err(FetchError::TooLarge(LARGEST_IMAGE));
        }
        Ok(ImageBytes(Source::Host(Box::new(FromHost {
            url: url.clone(),
            response,
            promised,
            received: 0,
            stall: self.patience.stall,
            until,
        }))))
    }
}

fn open_here(bytes: &Arc<[u8]>) -> Result<ImageBytes, FetchError> {
    let within = u64::try_from(bytes.len()).is_ok_and(|length| length <= LARGEST_IMAGE);
    if !within {
        return Err(FetchError::TooLarge(LARGEST_IMAGE));
    }
    Ok(ImageBytes(Source::Here {
        bytes: Arc::clone(bytes),
        given: 0,
    }))
}

/// Names a host; the rest of an address may open a bucket and is not shown.
fn name(url: &Url) -> &str {
    url.host_str().unwrap_or("the image's host")
}

fn failed(url: &Url, error: &reqwest::Error) -> FetchError {
    match network::cause::<LeadsInward>(error) {
        Some(inward) => FetchError::Forbidden(inward.to_string()),
        None => FetchError::Broken(network::describe(name(url), error).1),
    }
}

/// An image as it streams in.
pub struct ImageBytes(Source);

enum Source {
    Host(Box<FromHost>),
    Here { bytes: Arc<[u8]>, given: usize },
}

impl std::fmt::Debug for ImageBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ImageBytes")
    }
}

struct FromHost {
    url: Url,
    response: Response,
    promised: Option<u64>,
    received: u64,
    stall: Duration,
    until: Instant,
}

impl ImageStream for ImageBytes {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, FetchError> {
        match &mut self.0 {
            Source::Host(host) => host.chunk().await,
            Source::Here { bytes, given } => {
                let rest = bytes.get(*given..).unwrap_or_default();
                let piece = &rest[..rest.len().min(PIECE)];
                *given += piece.len();
                Ok((!piece.is_empty()).then(|| piece.to_vec()))
            }
        }
    }
}

impl FromHost {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, FetchError> {
        let until = self.until.min(Instant::now() + self.stall);
        let next = match timeout_at(until, self.response.chunk()).await {
            Err(_) => return Err(self.broken("stopped sending half way")),
            Ok(Err(error)) => return Err(failed(&self.url, &error)),
            Ok(Ok(next)) => next,
        };
        let Some(bytes) = next else {
            return self.ended();
        };
        self.received += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.received > LARGEST_IMAGE {
            return Err(FetchError::TooLarge(LARGEST_IMAGE));
        }
        Ok(Some(Vec::from(bytes)))
    }

    fn ended(&self) -> Result<Option<Vec<u8>>, FetchError> {
        match self.promised {
            Some(promised) if promised != self.received => Err(self.broken(&format!(
                "promised {promised} bytes and sent {}",
                self.received
            ))),
            _ => Ok(None),
        }
    }

    fn broken(&self, what: &str) -> FetchError {
        FetchError::Broken(format!("{} {what}", name(&self.url)))
    }
}

//! Requests the server itself makes: references, webhooks, upload endpoints. Loopback only, bounded in
//! size and time, no redirects.

use std::net::IpAddr;
use std::time::Duration;

use super::app::App;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Says whether an address is on this machine.
pub(super) fn is_loopback(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Says that a fetch or call came to nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed;

impl App {
    /// Gives the client, made on first use so that a server that never calls anybody stays light.
    fn web(&self) -> Option<&reqwest::Client> {
        let make = || {
            // Already installed by somebody else: just as good.
            rustls::crypto::ring::default_provider()
                .install_default()
                .ok();
            reqwest::Client::builder()
                .no_proxy()
                .tls_certs_only([])
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .timeout(TIMEOUT)
                .build()
                .ok()
        };
        self.web.get_or_init(make).as_ref()
    }

    /// Fetches a file of at most `limit` bytes; one more byte is read to show that it is longer.
    pub(super) async fn fetch(&self, url: &reqwest::Url, limit: usize) -> Result<Vec<u8>, Failed> {
        let client = self.web().filter(|_| is_loopback(url)).ok_or(Failed)?;
        let mut response = client.get(url.clone()).send().await.map_err(|_| Failed)?;
        if !response.status().is_success() {
            return Err(Failed);
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| Failed)? {
            let room = (limit + 1).saturating_sub(bytes.len());
            bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if bytes.len() > limit {
                break;
            }
        }
        Ok(bytes)
    }

    /// Sends a body and says whether it was taken (2xx).
    pub(super) async fn call(
        &self,
        method: reqwest::Method,
        url: &reqwest::Url,
        mime: &'static str,
        body: Vec<u8>,
    ) -> Result<(), Failed> {
        let client = self.web().filter(|_| is_loopback(url)).ok_or(Failed)?;
        let request = client
            .request(method, url.clone())
            .header("content-type", mime)
            .body(body);
        let response = request.send().await.map_err(|_| Failed)?;
        if response.status().is_success() {
            Ok(())
        } else {
            Err(Failed)
        }
    }
}

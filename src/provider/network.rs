//! What the two HTTP clients have in common, and words for what can go wrong below HTTP.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::ClientBuilder;

use crate::provider::tls;

/// Whom a client trusts, and by which way it goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roots {
    /// Nobody: plain HTTP to this machine, past any proxy.
    Nobody,
    /// The machine's own store and the roots that come with this program, so that a machine
    /// without a store can still buy. The environment's proxy is used.
    World,
}

/// How long an unused connection is kept.
///
/// Below the five seconds after which many servers hang up, so that a request is not written to a
/// connection that is just being closed: its fate would be unknown.
const IDLE: Duration = Duration::from_secs(4);

/// The most connections kept for reuse.
const POOL: usize = 1024;

/// How often a silent connection is probed, so that a dead peer is noticed during a long wait.
const PROBE: Duration = Duration::from_secs(30);

/// Begins a client that repeats nothing and follows nothing on its own.
///
/// One request a connection: with HTTP/2 one lost connection would make every paid call in flight
/// unknown at once.
pub fn builder(roots: Roots, connect: Duration) -> ClientBuilder {
    tls::init();
    let builder = reqwest::Client::builder()
        .user_agent(concat!("reshoot/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        .retry(reqwest::retry::never())
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(POOL)
        .tcp_nodelay(true)
        .tcp_keepalive(PROBE);
    match roots {
        Roots::Nobody => builder.no_proxy().tls_certs_only([]),
        Roots::World => builder.tls_certs_merge(built_in_roots()),
    }
}

fn built_in_roots() -> impl Iterator<Item = reqwest::Certificate> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .filter_map(|der| reqwest::Certificate::from_der(der).ok())
}

/// Finds a cause of a kind below an error.
#[must_use]
pub fn cause<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    causes(error).find_map(|cause| cause.downcast_ref::<E>())
}

/// Gives what is below an error, from the outside in.
///
/// An `io::Error` that wraps another error hides it from `source`; it is looked into here.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| {
        let wrapped = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        match wrapped {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => cause.source(),
        }
    })
}

/// Puts an error into a word and a sentence, naming the host and the cause but no address.
#[must_use]
pub fn describe(host: &str, error: &reqwest::Error) -> (&'static str, String) {
    if let Some(tls) = cause::<rustls::Error>(error) {
        return ("no-trust", format!("{host}: no secure connection: {tls}"));
    }
    let deepest = causes(error)
        .last()
        .map_or_else(|| "no reason given".to_owned(), ToString::to_string);
    if error.is_dns() {
        return (
            "no-such-host",
            format!("{host}: its address cannot be found (DNS): {deepest}"),
        );
    }
    let kind = cause::<io::Error>(error).map(io::Error::kind);
    match kind {
        Some(io::ErrorKind::ConnectionRefused) => (
            "refused-connection",
            format!("{host}: it refuses connections (nothing listens there)"),
        ),
        _ if error.is_timeout() && error.is_connect() => (
            "no-connection",
            format!("{host}: no connection came about in time"),
        ),
        _ if error.is_timeout() => ("no-reply", format!("{host}: no answer came in time")),
        _ if error.is_connect() => ("no-connection", format!("{host}: no connection: {deepest}")),
        _ => (
            "lost-connection",
            format!("{host}: the connection was lost: {deepest}"),
        ),
    }
}

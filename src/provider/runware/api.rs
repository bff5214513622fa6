//! The paid client: one POST, sent once, answered whole or not at all.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Response, Url};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::class::{Class, Trouble};
use crate::domain::secret::ApiKey;
use crate::provider::network::{self, Roots};
use crate::provider::{CallError, RetryAfter};

/// The longest that a `Retry-After` is obeyed.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// The slowest line that a request still goes out on, in bytes a second: time for a large request
/// is added to the time for its answer.
const SLOWEST_LINE: usize = 64 * 1024;

/// The length from which a reply is large, in bytes; no more than that is reserved on the word of
/// its head alone.
const LARGE: usize = 1024 * 1024;

/// How many large replies are held at once: however many tasks are in flight, a server that sends
/// too much fills no more memory than these.
const LARGE_AT_ONCE: usize = 4;

/// Sends requests to the API.
#[derive(Debug)]
pub(super) struct Api {
    client: reqwest::Client,
    endpoint: Url,
    authorization: HeaderValue,
    large: Arc<Semaphore>,
}

/// What came back, whatever its status.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<RetryAfter>,
    pub(super) body: Vec<u8>,
    /// The place among the large replies that it takes while it is held.
    #[expect(
        dead_code,
        reason = "it is held for as long as the answer is, and never read"
    )]
    pub(super) place: Option<OwnedSemaphorePermit>,
}

/// Why nothing came back.
pub(super) enum Silence {
    /// No connection came about: not a byte of the request went out.
    NeverSent(Trouble),
    /// The request went out, wholly or in part.
    Lost(Trouble),
}

impl Silence {
    /// Says what it means for a call that buys nothing: it may simply be made again.
    ///
    /// A question about several tasks whose answer is too large is asked about one at a time.
    pub(super) fn into_call_error(self, several: bool) -> CallError {
        let (Self::NeverSent(trouble) | Self::Lost(trouble)) = self;
        CallError {
            names_no_task: several && trouble.code == TOO_LARGE,
            trouble: Trouble {
                class: Class::Transient,
                ..trouble
            },
            retry_after: None,
        }
    }
}

impl From<Silence> for CallError {
    fn from(silence: Silence) -> Self {
        silence.into_call_error(false)
    }
}

const TOO_LARGE: &str = "reply-too-large";

/// How long an answer is waited for and how large it may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) wait: Duration,
    pub(super) bytes: usize,
}

impl Api {
    /// Makes the client; nothing if the key cannot stand in a header.
    pub(super) fn new(
        endpoint: Url,
        key: &ApiKey,
        roots: Roots,
        connect: Duration,
    ) -> Result<Self, reqwest::Error> {
        let here = crate::provider::hosts::LOOPBACK.map(|ip| (ip, 0).into());
        let builder = network::builder(roots, connect);
        let builder = if crate::provider::hosts::is_loopback(&endpoint) {
            builder.resolve_to_addrs(crate::provider::hosts::LOCALHOST, &here)
        } else {
            builder
        };
        // A key is graphic ASCII by its making, which a header always takes.
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", key.reveal()))
            .unwrap_or(HeaderValue::from_static("Bearer"));
        authorization.set_sensitive(true);
        Ok(Self {
            client: builder.build()?,
            endpoint,
            authorization,
            large: Arc::new(Semaphore::new(LARGE_AT_ONCE)),
        })
    }

    /// Sends a request once.
    pub(super) async fn post(&self, body: Vec<u8>, bounds: Bounds) -> Result<Answer, Silence> {
        let on_the_line = u64::try_from(body.len() / SLOWEST_LINE).unwrap_or(u64::MAX);
        let sent = self
            .client
            .post(self.endpoint.clone())
            .header(AUTHORIZATION, self.authorization.clone())
            .header(CONTENT_TYPE, "application/json")
            .timeout(bounds.wait + Duration::from_secs(on_the_line))
            .body(body)
            .send()
            .await;
        match sent {
            Ok(response) => self.whole(response, bounds).await,
            Err(error) => Err(self.unsent(&error)),
        }
    }

    async fn whole(&self, mut response: Response, bounds: Bounds) -> Result<Answer, Silence> {
        let promised = usize::try_from(response.content_length().unwrap_or(0));
        let mut body = Vec::with_capacity(promised.unwrap_or(LARGE).min(LARGE));
        let mut place = None;
        loop {
            let next = response.chunk().await;
            let chunk = match next {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(error) => return Err(Silence::Lost(self.trouble(Class::Unknown, &error))),
            };
            let length = body.len() + chunk.len();
            if length > bounds.bytes {
                return Err(Silence::Lost(too_large(bounds.bytes)));
            }
            if length > LARGE && place.is_none() {
                place = self.place(bounds.wait).await;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: response.status().as_u16(),
            retry_after: retry_after(response.headers()),
            body,
            place,
        })
    }

    /// Waits for a place among the large replies. One that waited as long as any reply may take
    /// goes on without: by then its own time is up, and the next read says so.
    async fn place(&self, wait: Duration) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.large).acquire_owned();
        tokio::time::timeout(wait, place).await.ok()?.ok()
    }

    /// A connection that did not come about is the one error below HTTP after which it is certain
    /// that nothing was sent.
    fn unsent(&self, error: &reqwest::Error) -> Silence {
        if error.is_connect() || error.is_builder() {
            Silence::NeverSent(self.trouble(Class::Transient, error))
        } else {
            Silence::Lost(self.trouble(Class::Unknown, error))
        }
    }

    fn trouble(&self, class: Class, error: &reqwest::Error) -> Trouble {
        let host = self.endpoint.host_str().unwrap_or("the API");
        let (code, message) = network::describe(host, error);
        Trouble {
            class,
            code: code.to_owned(),
            message,
        }
    }
}

fn too_large(most: usize) -> Trouble {
    Trouble {
        class: Class::Unknown,
        code: TOO_LARGE.to_owned(),
        message: format!("the reply is larger than {most} bytes"),
    }
}

/// Reads `Retry-After`, as seconds or as a date, never more than [`LONGEST_WAIT`].
///
/// A date is counted from the reply's own `Date`, so that this machine's clock does not matter; only
/// a reply without one is counted from it.
fn retry_after(headers: &HeaderMap) -> Option<RetryAfter> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let told = text(RETRY_AFTER)?;
    let wait = if told.bytes().all(|b| b.is_ascii_digit()) {
        Duration::from_secs(told.parse().unwrap_or(u64::MAX))
    } else {
        let then = http_date(told)?;
        let now = text(DATE)
            .and_then(http_date)
            .unwrap_or_else(Timestamp::now);
        Duration::try_from(then.duration_since(now)).unwrap_or_default()
    };
    Some(RetryAfter(wait.min(LONGEST_WAIT)))
}

fn http_date(text: &str) -> Option<Timestamp> {
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(date.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(pairs: &[(&str, &str)]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name = reqwest::header::HeaderName::try_from(*name).expect("a name");
            headers.insert(name, HeaderValue::from_str(value).expect("a value"));
        }
        retry_after(&headers).map(|after| after.0.as_secs())
    }

    #[test]
    fn waits_as_long_as_it_is_told_within_reason() {
        assert_eq!(wait(&[("retry-after", "7")]), Some(7));
        assert_eq!(wait(&[("retry-after", "0")]), Some(0));
        assert_eq!(wait(&[("retry-after", "99999999999999999999")]), Some(300));
        assert_eq!(wait(&[("retry-after", "-7")]), None);
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(wait(&[]), None);
        let date = ("date", "Tue, 24 Nov 2026 16:28:16 GMT");
        let later = ("retry-after", "Tue, 24 Nov 2026 16:28:46 GMT");
        assert_eq!(wait(&[date, later]), Some(30));
        let earlier = ("retry-after", "Tue, 24 Nov 2026 16:28:00 GMT");
        assert_eq!(wait(&[date, earlier]), Some(0));
        let far = ("retry-after", "Wed, 24 Nov 2027 16:28:00 GMT");
        assert_eq!(wait(&[date, far]), Some(300));
        assert_eq!(
            wait(&[("retry-after", "Wed, 24 Nov 1999 16:28:00 GMT")]),
            Some(0)
        );
    }
}

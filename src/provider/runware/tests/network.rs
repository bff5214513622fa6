//! What the network and a broken server can do.

use super::server::{Act, Server, reply};
use super::support::{client, committed, fixture, request, task, told};
use super::tls;
use crate::domain::class::Class;
use crate::domain::secret::ApiKey;
use crate::provider::Provider as _;
use crate::provider::runware::client::{Client, ClientError, ClientSettings};

async fn submitted(act: Act) -> (String, usize) {
    let server = Server::start(vec![act]).await;
    let client = client(&server.endpoint());
    let outcome = client.submit(committed(1).await, &request(), &[]).await;
    (told(&outcome), server.seen().len())
}

#[tokio::test]
async fn after_the_bytes_went_everything_is_unknown_and_nothing_is_repeated() {
    let whole = reply(200, "", &fixture("acknowledged"));
    let half = whole[..whole.len() - 20].to_vec();
    let html = reply(
        502,
        "content-type: text/html\r\n",
        "<html>Bad gateway</html>",
    );
    let moved = reply(302, "location: http://127.0.0.1:9/\r\n", "");
    let long = b"HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\n{}".to_vec();
    let chunked = b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"dat\r\n".to_vec();
    let endless = Act::Endless(
        b"HTTP/1.1 200 X\r\n\r\n{\"data\":\"".to_vec(),
        vec![b'A'; 65536],
    );
    let announced = reply(200, "", "x");
    let announced = String::from_utf8(announced)
        .expect("text")
        .replace(": 1", ": 99999999999");
    let endless_head = Act::Endless(b"HTTP/1.1 200 X\r\nx: ".to_vec(), vec![b'A'; 65536]);
    let bomb = reply(200, "content-encoding: gzip\r\n", "\u{1f}\u{8b}");
    for (what, act, code) in [
        ("drop", Act::Close, "lost-connection"),
        ("half", Act::SendAndClose(half), "lost-connection"),
        ("html", Act::Send(html), "not-understood"),
        ("redirect", Act::Send(moved), "not-understood"),
        ("long", Act::SendAndClose(long), "lost-connection"),
        ("chunked", Act::SendAndClose(chunked), "lost-connection"),
        ("silence", Act::SendAndHang(Vec::new()), "no-reply"),
        (
            "half, then silence",
            Act::SendAndHang(b"HTTP/1.1 200 X\r\n".to_vec()),
            "no-reply",
        ),
        ("endless", endless, "reply-too-large"),
        (
            "announced",
            Act::SendAndClose(announced.into_bytes()),
            "lost-connection",
        ),
        ("endless head", endless_head, "lost-connection"),
        (
            "no HTTP",
            Act::SendAndClose(b"SSH-2.0-x\r\n".to_vec()),
            "lost-connection",
        ),
        ("bomb", Act::Send(bomb), "not-understood"),
    ] {
        let (outcome, requests) = submitted(act).await;
        assert_eq!(outcome, format!("unknown {code}"), "{what}");
        assert_eq!(requests, 1, "{what}");
    }
}

#[tokio::test]
async fn large_replies_are_held_a_few_at_a_time() {
    let padding = "x".repeat(3 << 20);
    let body = fixture("processing").replacen('{', &format!("{{\"padding\":\"{padding}\","), 1);
    let server = Server::start(vec![Act::Send(reply(200, "", &body))]).await;
    let settings = ClientSettings::new(&server.endpoint(), ApiKey::new("key").expect("a key"));
    let client = Client::new(settings).expect("a client");
    let tasks = [task()];
    let all = futures::future::join_all((0..12).map(|_| client.ask(&tasks))).await;
    assert!(all.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_slow_reply_still_counts() {
    let whole = reply(200, "", &fixture("acknowledged"));
    let (outcome, _) = submitted(Act::Drip(whole, 1)).await;
    assert_eq!(outcome, "accepted 0");
}

#[tokio::test]
async fn a_busy_server_is_obeyed() {
    let body = fixture("rate-limited");
    let (outcome, _) = submitted(Act::Send(reply(429, "retry-after: 3\r\n", &body))).await;
    assert_eq!(outcome, "turned away transient rateLimitExceeded 3 s");
    let dates =
        "date: Tue, 24 Nov 2026 16:28:16 GMT\r\nretry-after: Tue, 24 Nov 2026 17:28:16 GMT\r\n";
    let (outcome, _) = submitted(Act::Send(reply(503, dates, &body))).await;
    assert_eq!(outcome, "turned away transient rateLimitExceeded 300 s");
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let plain = tls::endpoint(tls::speak_plainly);
    let untrusted = tls::endpoint(tls::show_a_certificate_of_nobody);
    let mute = tls::endpoint(tls::say_nothing);
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    for (endpoint, code, cause) in [
        (
            format!("http://127.0.0.1:{port}/v1"),
            "refused-connection",
            "nothing listens there",
        ),
        (
            format!("http://localhost:{port}/v1"),
            "refused-connection",
            "nothing listens there",
        ),
        (
            "https://no-such-host.invalid/v1".to_owned(),
            "no-such-host",
            "DNS",
        ),
        (plain, "no-trust", "no secure connection"),
        (untrusted, "no-trust", "UnknownIssuer"),
        (mute, "no-connection", "in time"),
    ] {
        let client = client(&endpoint);
        let outcome = client.submit(committed(1).await, &request(), &[]).await;
        assert_eq!(
            told(&outcome),
            format!("turned away transient {code}"),
            "{endpoint}"
        );
        let error = client.ask(&[task()]).await.expect_err("no connection");
        assert_eq!(error.trouble.class, Class::Transient);
        assert!(error.to_string().contains(cause), "{error}");
        assert!(!error.to_string().contains("/v1"), "{error}");
    }
}

#[tokio::test]
async fn a_connection_that_went_stale_is_no_loss() {
    let whole = reply(200, "", &fixture("processing"));
    let server = Server::start(vec![Act::SendAndClose(whole)]).await;
    let client = client(&server.endpoint());
    for _ in 0..5 {
        assert!(client.ask(&[task()]).await.is_ok());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn connections_are_reused_and_a_dropped_call_harms_none() {
    let whole = reply(200, "", &fixture("processing"));
    let server = Server::start(vec![Act::Drip(whole.clone(), 2), Act::Send(whole)]).await;
    let client = client(&server.endpoint());
    let tasks = [task()];
    let dropped = tokio::time::timeout(std::time::Duration::from_millis(40), client.ask(&tasks));
    assert!(dropped.await.is_err());
    for _ in 0..20 {
        assert!(client.ask(&tasks).await.is_ok());
    }
    assert_eq!(server.seen().len(), 21);
}

#[test]
fn an_address_that_would_leak_the_key_is_refused() {
    let client = |endpoint: &str| {
        let key = ApiKey::new("canary").expect("a key");
        Client::new(ClientSettings::new(endpoint, key))
    };
    for endpoint in [
        "http://api.runware.ai/v1",
        "http://10.0.0.1/v1",
        "http://localhost.example/v1",
        "ftp://127.0.0.1/v1",
        "https://user:canary@api.runware.ai/v1",
        "https://api.runware.ai/v1?key=canary",
        "api.runware.ai",
        "",
    ] {
        let Err(ClientError::Endpoint(why)) = client(endpoint) else {
            panic!("{endpoint} was taken");
        };
        assert!(!why.contains("canary"));
    }
    for endpoint in [
        "http://127.0.0.1:1/v1",
        "http://[::1]:1/v1",
        "https://api.runware.ai/v1",
    ] {
        assert!(client(endpoint).is_ok(), "{endpoint}");
    }
}

//! Fetching images from hosts that misbehave.

use std::sync::Arc;

use super::server::{Act, Server, reply};
use super::support::{KEY, client};
use crate::provider::download::LARGEST_IMAGE;
use crate::provider::{Address, FetchError, ImageStream as _, Provider as _};

async fn fetched(server: &Server, url: String) -> Result<Vec<u8>, FetchError> {
    let client = client(&server.endpoint());
    let mut stream = client.fetch(&Address::Url(url)).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.chunk().await? {
        bytes.extend(chunk);
    }
    Ok(bytes)
}

async fn fetch(act: Act) -> Result<Vec<u8>, FetchError> {
    let server = Server::start(vec![act]).await;
    fetched(&server, server.url("/image/a.jpg")).await
}

#[tokio::test]
async fn an_image_comes_whole_and_without_the_key() {
    let body = "x".repeat(300_000);
    let server = Server::start(vec![Act::Send(reply(200, "", &body))]).await;
    let bytes = fetched(&server, server.url("/image/a.jpg?x=1")).await;
    assert_eq!(bytes.expect("an image").len(), 300_000);
    let seen = server.seen();
    assert!(seen[0].head.starts_with("get /image/a.jpg?x=1 http/1.1"));
    for word in [KEY, "authorization", "cookie", "referer", "accept-encoding"] {
        assert!(!seen[0].head.contains(word), "{word}");
    }
}

#[tokio::test]
async fn an_image_at_hand_is_given_in_pieces() {
    let server = Server::start(vec![Act::Close]).await;
    let client = client(&server.endpoint());
    let bytes: Arc<[u8]> = vec![7; 600_000].into();
    let mut stream = client.fetch(&Address::Here(bytes)).await.expect("bytes");
    let mut lengths = Vec::new();
    while let Some(chunk) = stream.chunk().await.expect("bytes") {
        lengths.push(chunk.len());
    }
    assert_eq!(lengths.iter().sum::<usize>(), 600_000);
    assert!(lengths.len() > 1);
    let nowhere = client.fetch(&Address::Nowhere).await;
    assert_eq!(nowhere.err(), Some(FetchError::Gone));
}

#[tokio::test]
async fn what_is_gone_is_gone_and_what_broke_is_broken() {
    for status in [404, 403, 410] {
        let gone = fetch(Act::Send(reply(status, "", "gone"))).await;
        assert_eq!(gone, Err(FetchError::Gone), "{status}");
    }
    let short = b"HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\nabc".to_vec();
    let cut = b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n".to_vec();
    let gzip = reply(200, "content-encoding: gzip\r\n", "abc");
    for (what, act) in [
        ("500", Act::Send(reply(500, "", "x"))),
        ("206", Act::Send(reply(206, "", "x"))),
        ("204", Act::Send(b"HTTP/1.1 204 X\r\n\r\n".to_vec())),
        ("drop", Act::Close),
        ("short", Act::SendAndClose(short.clone())),
        ("cut", Act::SendAndClose(cut)),
        ("stall", Act::SendAndHang(short)),
        ("silence", Act::SendAndHang(Vec::new())),
        ("gzip", Act::Send(gzip)),
    ] {
        let broken = fetch(act).await;
        assert!(
            matches!(broken, Err(FetchError::Broken(_))),
            "{what}: {broken:?}"
        );
    }
}

#[tokio::test]
async fn a_byte_now_and_then_still_works() {
    let image = fetch(Act::Drip(reply(200, "", &"x".repeat(60)), 5)).await;
    assert_eq!(image.map(|bytes| bytes.len()), Ok(60));
}

#[tokio::test]
async fn an_image_without_end_is_cut_off() {
    let head = b"HTTP/1.1 200 X\r\n\r\n".to_vec();
    let endless = fetch(Act::Endless(head, vec![0; 1 << 20])).await;
    assert_eq!(endless, Err(FetchError::TooLarge(LARGEST_IMAGE)));
    let announced = b"HTTP/1.1 200 X\r\ncontent-length: 99999999999\r\n\r\n".to_vec();
    let endless = fetch(Act::SendAndHang(announced)).await;
    assert_eq!(endless, Err(FetchError::TooLarge(LARGEST_IMAGE)));
}

#[tokio::test]
async fn no_smuggled_address_is_followed() {
    let elsewhere = Server::start(vec![Act::Send(reply(200, "", "secret"))]).await;
    let server = Server::start(vec![Act::Send(reply(200, "", "image"))]).await;
    let port = server.address.port();
    for url in [
        "file:///etc/passwd".to_owned(),
        "data:image/png;base64,AAAA".to_owned(),
        "not an address".to_owned(),
        String::new(),
        elsewhere.url("/a.jpg"),
        format!("http://user:pw@127.0.0.1:{port}/a.jpg"),
        format!("http://10.0.0.1:{port}/a.jpg"),
        format!("http://169.254.169.254:{port}/a.jpg"),
        format!("https://evil.example:{port}/a.jpg"),
        format!("http://127.0.0.1:{port}@10.0.0.1/a.jpg"),
    ] {
        let forbidden = fetched(&server, url.clone()).await;
        assert!(matches!(forbidden, Err(FetchError::Forbidden(_))), "{url}");
    }
    assert!(server.seen().is_empty());
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn redirects_are_checked_one_by_one() {
    let elsewhere = Server::start(vec![Act::Send(reply(200, "", "secret"))]).await;
    let to = |place: &str| Act::Send(reply(302, &format!("location: {place}\r\n"), ""));
    let image = Act::Send(reply(200, "", "image"));

    let script = vec![to("/b.jpg"), to("c.jpg"), to("/d.jpg"), image.clone()];
    let server = Server::start(script).await;
    let bytes = fetched(&server, server.url("/image/a.jpg")).await;
    assert_eq!(bytes.as_deref(), Ok(b"image".as_slice()));
    assert!(server.seen()[3].head.starts_with("get /d.jpg"));

    let server = Server::start(vec![to("/again.jpg")]).await;
    let round = fetched(&server, server.url("/image/a.jpg")).await;
    assert!(matches!(round, Err(FetchError::Broken(_))), "{round:?}");
    assert_eq!(server.seen().len(), 4);

    for place in [
        elsewhere.url("/a.jpg").as_str(),
        "http://10.0.0.1/a.jpg",
        "file:///etc/passwd",
        "//169.254.169.254/latest",
        "https://evil.example/a.jpg",
    ] {
        let server = Server::start(vec![to(place), image.clone()]).await;
        let away = fetched(&server, server.url("/image/a.jpg")).await;
        assert!(
            matches!(away, Err(FetchError::Forbidden(_))),
            "{place}: {away:?}"
        );
        assert_eq!(server.seen().len(), 1);
    }
    assert!(elsewhere.seen().is_empty());
}

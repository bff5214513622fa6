//! No secret comes out of this room.

use super::server::{Act, Server, reply};
use super::support::{KEY, client, committed, reference, request, task};
use crate::domain::digest::Sha256;
use crate::domain::secret::{ApiKey, SecretUrl};
use crate::expand::request::{Request, SentImage};
use crate::provider::runware::client::{Client, ClientSettings};
use crate::provider::{Address, Provider as _};

const CANARIES: [&str; 4] = [KEY, "canary-webhook", "canary-signature", "Q0FOQVJZ"];

fn clean(shown: &str) {
    for canary in CANARIES {
        assert!(!shown.contains(canary), "{canary} in {shown}");
    }
}

fn full_of_secrets() -> Request {
    Request {
        references: vec![reference(SentImage::DataUri {
            uri: SecretUrl::new("data:image/png;base64,Q0FOQVJZ".to_owned()),
            sha256: Sha256::of(b"CANARY"),
        })],
        webhook_url: Some(SecretUrl::new(
            "https://hook.example/canary-webhook?t=canary-webhook".to_owned(),
        )),
        upload_endpoint: Some(SecretUrl::new(
            "https://put.example/x?sig=canary-signature".to_owned(),
        )),
        ..request()
    }
}

/// Complains in the words of the request itself.
fn echo(seen: &super::server::Seen) -> Vec<u8> {
    let told = format!("{} {}", seen.head, seen.body);
    let message = serde_json::to_string(&told).expect("text");
    let task = task();
    let body = format!(
        r#"{{"errors":[{{"code":"invalidX","message":{message},"responseContent":{message},"parameter":{message},"taskUUID":"{task}"}}]}}"#
    );
    reply(400, "", &body)
}

#[tokio::test]
async fn an_api_that_echoes_everything_gives_nothing_away() {
    let server = Server::start(vec![Act::Decide(echo)]).await;
    let client = client(&server.endpoint());
    let outcome = client
        .submit(committed(1).await, &full_of_secrets(), &[])
        .await;
    let seen = server.seen();
    for canary in CANARIES {
        assert!(format!("{}{}", seen[0].head, seen[0].body).contains(canary));
    }
    clean(&format!("{outcome:?}"));
    clean(&format!("{:?}", client.ask(&[task()]).await));
    clean(&format!("{:?}", client.details(task()).await));
    clean(&format!("{:?}", client.account().await));
    clean(&format!("{client:?}"));
}

#[tokio::test]
async fn network_errors_name_no_secret() {
    let broken = reply(200, "", "canary-key-0123456789 canary-webhook");
    for act in [Act::Close, Act::Send(broken), Act::SendAndHang(Vec::new())] {
        let server = Server::start(vec![act]).await;
        let client = client(&server.endpoint());
        let outcome = client
            .submit(committed(1).await, &full_of_secrets(), &[])
            .await;
        clean(&format!("{outcome:?}"));
        let signed = server.url("/image/canary-webhook.jpg?sig=canary-signature");
        for url in [signed, "https://evil.example/?canary-signature".to_owned()] {
            match client.fetch(&Address::Url(url)).await {
                Ok(stream) => clean(&format!("{stream:?}")),
                Err(error) => clean(&format!("{error:?} {error}")),
            }
        }
    }
}

#[test]
fn a_clients_making_shows_no_key() {
    let settings = ClientSettings::new(
        "https://api.runware.ai/v1",
        ApiKey::new(KEY).expect("a key"),
    );
    clean(&format!("{settings:?}"));
    clean(&format!("{:?}", Client::new(settings)));
}

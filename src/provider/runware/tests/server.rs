//! A server on this machine that does what a script says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with one request.
#[derive(Clone)]
pub(super) enum Act {
    /// Writes these bytes and keeps the connection.
    Send(Vec<u8>),
    /// Writes these bytes and hangs up.
    SendAndClose(Vec<u8>),
    /// Hangs up at once.
    Close,
    /// Writes these bytes and then nothing more, for as long as the client waits.
    SendAndHang(Vec<u8>),
    /// Writes the first bytes and then the second ones for ever.
    Endless(Vec<u8>, Vec<u8>),
    /// Writes byte by byte, with this many milliseconds between them.
    Drip(Vec<u8>, u64),
    /// Decides on seeing the request.
    Decide(fn(&Seen) -> Vec<u8>),
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) head: String,
    pub(super) body: String,
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Starts a server whose n-th request gets the n-th act; the last act goes on for ever.
    pub(super) async fn start(script: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let for_task = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let script = Arc::new(script);
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&for_task)));
            }
        });
        Self {
            address,
            seen,
            task,
        }
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Vec<Act>>, seen: Arc<Mutex<Vec<Seen>>>) {
    while let Some(request) = request(&mut stream).await {
        let act = {
            let mut seen = seen.lock().expect("no panic");
            let act = script.get(seen.len()).or(script.last()).cloned();
            seen.push(request.clone());
            act.unwrap_or(Act::Close)
        };
        match act {
            Act::Send(bytes) => drop(stream.write_all(&bytes).await),
            Act::Decide(decide) => drop(stream.write_all(&decide(&request)).await),
            Act::SendAndClose(bytes) => {
                drop(stream.write_all(&bytes).await);
                return;
            }
            Act::Close => return,
            Act::SendAndHang(bytes) => {
                drop(stream.write_all(&bytes).await);
                std::future::pending::<()>().await;
            }
            Act::Endless(first, then) => {
                drop(stream.write_all(&first).await);
                while stream.write_all(&then).await.is_ok() {}
                return;
            }
            Act::Drip(bytes, pause) => {
                for byte in bytes {
                    drop(stream.write_all(&[byte]).await);
                    tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
                }
            }
        }
    }
}

async fn request(stream: &mut TcpStream) -> Option<Seen> {
    let mut read = Vec::new();
    let head_end = loop {
        if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&read[..head_end]).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().expect("a length"));
    while read.len() < head_end + length {
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
    Some(Seen {
        head,
        body: String::from_utf8_lossy(&read[head_end..]).into_owned(),
    })
}

/// Spells a reply with a body.
pub(super) fn reply(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}").into_bytes()
}

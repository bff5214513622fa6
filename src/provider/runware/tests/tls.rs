//! Servers that fail at TLS.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const CERTIFICATE: &[u8] = include_bytes!("../../../../tests/fixtures/runware/tls/self-signed.der");
const CERTIFICATE_KEY: &[u8] =
    include_bytes!("../../../../tests/fixtures/runware/tls/self-signed-key.der");

/// Starts a server and gives its address; it ends with the tests.
pub(super) fn endpoint(serve: fn(TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            serve(stream);
        }
    });
    format!("https://{address}/v1")
}

pub(super) fn speak_plainly(mut stream: TcpStream) {
    drop(stream.write_all(b"HTTP/1.1 400 X\r\ncontent-length: 0\r\n\r\n"));
    // Until the client hangs up, so that it reads the answer before anything else happens.
    drop(stream.read_to_end(&mut Vec::new()));
}

pub(super) fn say_nothing(stream: TcpStream) {
    std::thread::sleep(Duration::from_secs(1));
    drop(stream);
}

pub(super) fn show_a_certificate_of_nobody(stream: TcpStream) {
    crate::provider::tls::init();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(CERTIFICATE_KEY));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(CERTIFICATE)], key)
        .expect("a certificate and its key");
    let connection = ServerConnection::new(Arc::new(config)).expect("a server");
    let mut request = Vec::new();
    let read = StreamOwned::new(connection, stream).read_to_end(&mut request);
    assert!(
        read.is_err() && request.is_empty(),
        "the client trusted nobody"
    );
}

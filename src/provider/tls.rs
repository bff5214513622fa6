//! The one choice of cryptography for TLS.

/// Chooses ring for every TLS client of this process; calling it again changes nothing.
///
/// Whoever builds a TLS client calls it first, since a client without it would panic.
pub fn init() {
    // An error means that a choice was made before; there is only this one to make.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
}

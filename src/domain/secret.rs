//! Values that must never be shown.

use std::fmt;

/// The key that opens the account at the API.
///
/// It has no `Display` and no serde form; only the HTTP client may ask for its text.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Takes a key as it was read; white space around it is dropped.
    ///
    /// Gives nothing for an empty key or one that cannot stand in an HTTP header.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// Reveals the key, for the `Authorization` header alone.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(hidden)")
    }
}

/// A URL whose query may open a bucket or a webhook.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// Wraps a URL.
    #[must_use]
    pub fn new(url: String) -> Self {
        Self(url)
    }

    /// Reveals the URL, for the request body alone.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretUrl(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_prints_itself() {
        let key = ApiKey::new(" canary-key\n").expect("a sound key");
        assert_eq!(key.reveal(), "canary-key");
        assert!(!format!("{key:?}").contains("canary"));
        let url = SecretUrl::new("https://x/?sig=canary".to_owned());
        assert!(!format!("{url:?}").contains("canary"));
        assert_eq!(ApiKey::new("  "), None);
        assert_eq!(ApiKey::new("a\nb"), None);
    }
}

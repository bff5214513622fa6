//! Settings that come from the environment: the key, the address, times.

use std::path::Path;
use std::time::Duration;

use crate::domain::secret::ApiKey;

/// The API's address, per the vendor's introduction page.
pub const DEFAULT_ENDPOINT: &str = "https://api.runware.ai/v1";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// None was given.
    #[error(
        "no API key: set RUNWARE_API_KEY, or name a file with --key-file\n\
         To try everything with play money and no key, add --rehearse"
    )]
    None,
    /// A key was given that cannot be one.
    #[error("{0} holds no usable key: it is empty, or has spaces or other odd characters inside")]
    Unusable(String),
    /// The file cannot be read.
    #[error("{0}: cannot read the key: {1}")]
    Unreadable(String, std::io::Error),
}

/// Finds the API key: `--key-file`, then `RUNWARE_API_KEY`, then a systemd credential.
///
/// # Errors
/// Says where a key can be put when there is none, and which source holds an unusable one.
pub fn api_key(file: Option<&Path>) -> Result<ApiKey, KeyError> {
    if let Some(file) = file {
        return read_key(file);
    }
    if let Some(text) = std::env::var_os("RUNWARE_API_KEY").filter(|text| !text.is_empty()) {
        let key = text.to_str().and_then(ApiKey::new);
        return key.ok_or_else(|| KeyError::Unusable("RUNWARE_API_KEY".to_owned()));
    }
    if let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") {
        let file = Path::new(&folder).join("runware-api-key");
        if file.exists() {
            return read_key(&file);
        }
    }
    Err(KeyError::None)
}

fn read_key(file: &Path) -> Result<ApiKey, KeyError> {
    let shown = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|e| KeyError::Unreadable(shown.clone(), e))?;
    ApiKey::new(&text).ok_or(KeyError::Unusable(shown))
}

/// Finds the API's address: the flag, then `RUNWARE_API_URL`, then the vendor's.
#[must_use]
pub fn endpoint(flag: Option<&str>) -> String {
    let environment = std::env::var("RUNWARE_API_URL")
        .ok()
        .filter(|url| !url.is_empty());
    flag.map(str::to_owned)
        .or(environment)
        .unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned())
}

/// Reads a time such as `800ms`, `2s` or `1.5s`.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let number: f64 = number.trim().parse().ok()?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|time| *time <= Duration::from_secs(86_400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times() {
        assert_eq!(duration("800ms"), Some(Duration::from_millis(800)));
        assert_eq!(duration("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Some(Duration::from_secs(120)));
        for bad in ["", "2", "s", "-1s", "2h", "1e9s", "NaNs"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }
}

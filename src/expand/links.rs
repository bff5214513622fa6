//! Webhook and upload addresses, templated for each shot.

use std::borrow::Cow;

use crate::domain::diagnostic::Diagnostic;
use crate::domain::secret::SecretUrl;
use crate::expand::template::{Piece, Pieces};
use crate::manifest::shown::some_of;

/// Fields that an address may hold.
pub(crate) const FIELDS: [&str; 6] = ["show", "episode", "sequence", "shot", "preset", "variant"];

/// Fills an address in, each value escaped for a URL.
///
/// # Errors
/// Complains without showing the address, which is a secret.
pub(crate) fn fill<'v>(
    setting: &str,
    template: &SecretUrl,
    value: impl Fn(&str) -> Cow<'v, str>,
) -> Result<SecretUrl, Diagnostic> {
    let refuse = |message: String| {
        Diagnostic::error(
            "secret-url",
            format!("{message} (the address is not shown here)"),
        )
        .expected(format!(
            "an http(s) address; in braces one of {}",
            some_of(FIELDS)
        ))
        .help(format!(
            "correct `{setting}`; for a brace in it, write `{{{{` or `}}}}`"
        ))
    };
    let mut url = String::new();
    for piece in Pieces::of(template.reveal()) {
        match piece {
            Ok(Piece::Text(text)) => url.push_str(text),
            Ok(Piece::Name(name)) if FIELDS.contains(&name) => url.push_str(&escape(&value(name))),
            Ok(Piece::Name(_)) => {
                return Err(refuse(format!(
                    "`{setting}` names a field that is not known"
                )));
            }
            Err(_) => return Err(refuse(format!("the braces of `{setting}` do not match"))),
        }
    }
    let web = ["https://", "http://"]
        .iter()
        .any(|scheme| url.starts_with(scheme));
    if !web || url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(refuse(format!(
            "`{setting}` is no absolute http(s) address"
        )));
    }
    Ok(SecretUrl::new(url))
}

fn escape(value: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            let _infallible = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> Result<String, String> {
        let value = |field: &str| Cow::Borrowed(if field == "shot" { "00 1/é" } else { "" });
        fill("webhook_url", &SecretUrl::new(template.to_owned()), value)
            .map(|url| url.reveal().to_owned())
            .map_err(|complaint| format!("{complaint:?}"))
    }

    #[test]
    fn values_are_escaped_and_secrets_never_told() {
        let url = filled("https://a.example/{shot}?k=canary&v={variant}&b={{}}");
        assert_eq!(
            url.as_deref(),
            Ok("https://a.example/00%201%2F%C3%A9?k=canary&v=&b={}")
        );
        for bad in [
            "canary",
            "https://a/canary{",
            "https://a/{canary}",
            "https://a/ canary",
        ] {
            let told = filled(bad).expect_err(bad);
            assert!(!told.contains("canary"), "{told}");
        }
    }
}

//! A value that never shows itself.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;

/// What stands in logs and in `config print` in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// A secret setting. `Debug` and `Serialize` show [`REDACTED`], or nothing when it is empty; the memory is wiped on drop.
#[derive(Clone, Default)]
pub struct Secret(SecretString);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The secret itself. Every call is a place where it could leak.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }

    fn shown(&self) -> &'static str {
        if self.is_empty() { "" } else { REDACTED }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Secret")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.shown())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Secret;

            // A number read as one has lost its leading zeros, so it is refused rather than turned back into text.
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text (put a secret of digits in double quotes)")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret, E> {
                Ok(Secret::new(text))
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

/// Hides the password of every URL in the text: `redis://user:secret@host` becomes `redis://user:[redacted]@host`.
pub fn redact_urls(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + "://".len());
        shown.push_str(before);
        let authority_end = after
            .find(|c: char| matches!(c, '/' | '?' | '#' | ',') || c.is_whitespace())
            .unwrap_or(after.len());
        let (authority, remainder) = after.split_at(authority_end);
        match authority.rsplit_once('@') {
            Some((userinfo, host)) => {
                let user = userinfo.split(':').next().unwrap_or_default();
                let password = if userinfo.contains(':') { ":" } else { "" };
                let mark = if password.is_empty() { "" } else { REDACTED };
                shown.push_str(&format!("{user}{password}{mark}@{host}"));
            }
            None => shown.push_str(authority),
        }
        rest = remainder;
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_itself_to_nobody() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), REDACTED);
        assert_eq!(
            serde_json::to_string(&secret).expect("json"),
            format!("\"{REDACTED}\"")
        );
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(
            format!("{:?}", Secret::default()),
            "",
            "absent is not hidden"
        );
    }

    #[test]
    fn passwords_in_urls_are_hidden_and_the_rest_is_kept() {
        for (text, shown) in [
            ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
            ("rediss://app:s3cr3t@h:1/2", "rediss://app:[redacted]@h:1/2"),
            ("redis://:p@ss@h", "redis://:[redacted]@h"),
            (
                "redis://a:b@h1,redis://c:d@h2",
                "redis://a:[redacted]@h1,redis://c:[redacted]@h2",
            ),
            ("no url", "no url"),
        ] {
            assert_eq!(redact_urls(text), shown);
        }
    }
}

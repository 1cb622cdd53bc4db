//! Where Redis is and how long things stay in it.

use crate::Error;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Longest key prefix; it stands in every key.
const KEY_PREFIX_BYTES_MAX: usize = 64;

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// `redis://` or `rediss://` addresses: one for a single Redis, some of the nodes for a cluster, the sentinels with
    /// `sentinel_master`. A list, or one text with commas.
    #[serde(
        deserialize_with = "list_or_text",
        serialize_with = "urls_without_secrets"
    )]
    pub urls: Vec<String>,
    /// Whether the addresses are those of a Redis Cluster.
    pub cluster: bool,
    /// The name under which sentinels know the master. The addresses are then those of the sentinels, with what is the
    /// same for the servers: `rediss://`, and the number of the database.
    pub sentinel_master: Option<String>,
    /// Overrides the user of the addresses for asking the sentinels; `username` and `password` are for the servers alone.
    pub sentinel_username: Option<String>,
    /// Overrides the password of the addresses for asking the sentinels.
    #[serde(serialize_with = "redacted")]
    #[schemars(with = "Option<String>")]
    pub sentinel_password: Option<SecretString>,
    /// Overrides the user of the addresses.
    pub username: Option<String>,
    /// Overrides the password of the addresses.
    #[serde(serialize_with = "redacted")]
    #[schemars(with = "Option<String>")]
    pub password: Option<SecretString>,
    /// PEM file of the authority that signed the servers' certificates, for `rediss://`; without it the public ones count.
    pub tls_ca_file: Option<PathBuf>,
    /// PEM file of our own certificate, where the servers ask for one.
    pub tls_cert_file: Option<PathBuf>,
    /// The key to it.
    pub tls_key_file: Option<PathBuf>,
    /// First part of every key; several installations may share one Redis under different prefixes.
    pub key_prefix: String,
    /// Longest time for a connection to be made.
    pub connect_timeout_ms: u64,
    /// Longest wait for the answer to one command.
    pub response_timeout_ms: u64,
    /// How long a conversation stays after its last change.
    pub retention_ms: u64,
    /// How long the pages of one listing stay consistent with its first page.
    pub page_ttl_ms: u64,
    /// Former places of one project's conversations that are noted for it, some 30 MB when all are used. Beyond it the
    /// oldest listings go on by present places.
    pub noted_places_max: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        const MINUTE_MS: u64 = 60_000;
        const DAY_MS: u64 = 24 * 60 * MINUTE_MS;
        Self {
            urls: vec!["redis://127.0.0.1:6379".to_owned()],
            cluster: false,
            sentinel_master: None,
            sentinel_username: None,
            sentinel_password: None,
            username: None,
            password: None,
            tls_ca_file: None,
            tls_cert_file: None,
            tls_key_file: None,
            key_prefix: "colloquy".to_owned(),
            connect_timeout_ms: 2_000,
            response_timeout_ms: 5_000,
            retention_ms: 30 * DAY_MS,
            page_ttl_ms: 15 * MINUTE_MS,
            noted_places_max: 100_000,
        }
    }
}

impl StoreConfig {
    /// Says what is wrong before anything is connected.
    pub fn validate(&self) -> Result<(), Error> {
        let prefix_is_plain =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        let problem = if self.urls.is_empty() {
            "urls is empty: give at least one redis:// address"
        } else if self.cluster && self.sentinel_master.is_some() {
            "cluster and sentinel_master exclude each other: a cluster fails over by itself"
        } else if self.sentinel_master.as_deref() == Some("") {
            "sentinel_master is empty: give the name of the master, or leave it out"
        } else if self.sentinel_master.is_none()
            && (self.sentinel_username.is_some() || self.sentinel_password.is_some())
        {
            "sentinel_username and sentinel_password are for sentinel_master, which is not set"
        } else if !self.cluster && self.sentinel_master.is_none() && self.urls.len() > 1 {
            "urls has several addresses: set cluster or sentinel_master, or give one address"
        } else if self.tls_cert_file.is_some() != self.tls_key_file.is_some() {
            "tls_cert_file and tls_key_file go together: give both or none"
        } else if self.key_prefix.is_empty()
            || self.key_prefix.len() > KEY_PREFIX_BYTES_MAX
            || !self.key_prefix.chars().all(prefix_is_plain)
        {
            "key_prefix must be 1 to 64 letters, digits, '_', '-', '.' or ':' (braces would move keys to other slots)"
        } else if [
            self.connect_timeout_ms,
            self.response_timeout_ms,
            self.retention_ms,
            self.page_ttl_ms,
        ]
        .contains(&0)
        {
            "timeouts, retention_ms and page_ttl_ms must be above 0"
        } else {
            return Ok(());
        };
        Err(Error::Config(problem.to_owned()))
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    pub(crate) fn response_timeout(&self) -> Duration {
        Duration::from_millis(self.response_timeout_ms)
    }
}

impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreConfig")
            .field(
                "urls",
                &self
                    .urls
                    .iter()
                    .map(|url| without_secrets(url))
                    .collect::<Vec<_>>(),
            )
            .field("cluster", &self.cluster)
            .field("sentinel_master", &self.sentinel_master)
            .field("sentinel_username", &self.sentinel_username)
            .field("sentinel_password", &self.sentinel_password)
            .field("username", &self.username)
            .field("password", &self.password)
            .field("tls_ca_file", &self.tls_ca_file)
            .field("tls_cert_file", &self.tls_cert_file)
            .field("tls_key_file", &self.tls_key_file)
            .field("key_prefix", &self.key_prefix)
            .field("connect_timeout_ms", &self.connect_timeout_ms)
            .field("response_timeout_ms", &self.response_timeout_ms)
            .field("retention_ms", &self.retention_ms)
            .field("page_ttl_ms", &self.page_ttl_ms)
            .field("noted_places_max", &self.noted_places_max)
            .finish()
    }
}

/// For printing an effective configuration: says that there is a password, not which.
fn redacted<S: Serializer>(
    password: &Option<SecretString>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    password
        .as_ref()
        .map(|_| "[redacted]")
        .serialize(serializer)
}

fn urls_without_secrets<S: Serializer>(urls: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(urls.iter().map(|url| without_secrets(url)))
}

/// The address with everything before the last `@`, which may be a password, taken out.
fn without_secrets(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://[redacted]@{host}"),
        (None, Some((_, host))) => format!("[redacted]@{host}"),
        _ => url.to_owned(),
    }
}

/// As `runtime::config::list_or_text`, which a layer below may not know.
fn list_or_text<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum ListOrText {
        List(Vec<String>),
        Text(String),
    }
    Ok(match ListOrText::deserialize(deserializer)? {
        ListOrText::List(urls) => urls,
        ListOrText::Text(text) => text
            .split(',')
            .map(str::trim)
            .filter(|url| !url.is_empty())
            .map(str::to_owned)
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_holds_no_secret() {
        let config = StoreConfig {
            urls: vec!["redis://user:pa@ss@host:6379/0".into(), "pw@host".into()],
            password: Some("hidden".into()),
            sentinel_password: Some("hidden too".into()),
            ..StoreConfig::default()
        };
        let printed = serde_json::to_string(&config).unwrap();
        let text = format!("{config:?} {printed}");
        assert!(text.contains("redis://[redacted]@host:6379/0"), "{text}");
        for secret in ["pa@ss", "pw@", "hidden"] {
            assert!(!text.contains(secret), "{text}");
        }
    }

    #[test]
    fn addresses_come_as_a_list_or_as_text() {
        let list: StoreConfig =
            serde_json::from_str(r#"{"urls":["redis://a","redis://b"],"cluster":true}"#).unwrap();
        let text: StoreConfig =
            serde_json::from_str(r#"{"urls":"redis://a, redis://b","cluster":true}"#).unwrap();
        assert_eq!(list.urls, text.urls);
        assert!(list.validate().is_ok());
    }

    #[test]
    fn what_cannot_work_is_refused_with_a_reason() {
        let default = StoreConfig::default;
        for bad in [
            StoreConfig {
                urls: vec![],
                ..default()
            },
            StoreConfig {
                urls: vec!["redis://a".into(), "redis://b".into()],
                ..default()
            },
            StoreConfig {
                sentinel_master: Some("main".into()),
                cluster: true,
                ..default()
            },
            StoreConfig {
                sentinel_master: Some(String::new()),
                ..default()
            },
            StoreConfig {
                sentinel_password: Some("hidden".into()),
                ..default()
            },
            StoreConfig {
                key_prefix: "a{b}".into(),
                ..default()
            },
            StoreConfig {
                key_prefix: String::new(),
                ..default()
            },
            StoreConfig {
                retention_ms: 0,
                ..default()
            },
        ] {
            assert!(matches!(bad.validate(), Err(Error::Config(_))), "{bad:?}");
        }
    }
}

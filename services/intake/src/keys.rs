//! Who is sending, and into which project. A key belongs to one project, and what it sends goes there, whatever it says.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use runtime::config::{Problems, Secret};
use runtime::token::{self, Tokens};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::refusal::{Reason, Refusal};

/// Every request is compared with every token.
const KEYS_MAX: usize = 1_000;
/// Other header that carries a token, for exporters that cannot write `Authorization`.
const API_KEY_HEADER: &str = "x-api-key";
/// Lets secret scanners recognise a token that was published by mistake.
const TOKEN_PREFIX: &str = "clq_in_";
/// As Sentry's own keys: 32 hex characters.
const PUBLIC_KEY_BYTES: usize = 16;
const PUBLIC_KEY_CHARACTERS_MAX: usize = 64;

/// One entry of `intake.keys`: a token for OTLP, a public key for the DSN of Sentry SDKs, or both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// Shown in logs.
    pub name: String,
    /// Where everything goes that is sent with this key.
    pub project: String,
    /// SHA-256 of the token, 64 hex characters. The token itself is never stored.
    #[serde(default)]
    pub sha256: Option<String>,
    /// The user part of the DSN. No secret: web pages carry it.
    #[serde(default)]
    pub public_key: Option<String>,
    /// The number at the end of the DSN, which Sentry SDKs need to have. Stands in the records beside the project.
    #[serde(default = "first_project")]
    pub project_id: u64,
}

fn first_project() -> u64 {
    1
}

/// Where the spans of a Sentry SDK go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentryProject {
    pub name: Arc<str>,
    pub id: u64,
}

/// The configured keys. Without any, whoever reaches the intake may write anywhere.
#[derive(Debug)]
pub struct Keyring {
    is_open: bool,
    tokens: Tokens<Arc<str>>,
    public_keys: HashMap<String, SentryProject>,
}

impl Keyring {
    /// Entries that [`validate`] refuses are left out.
    pub fn new(keys: &[KeyConfig]) -> Self {
        let tokens = keys
            .iter()
            .filter_map(|key| Some((key.sha256.as_deref()?, Arc::from(key.project.as_str()))));
        let public_keys = keys.iter().filter_map(|key| {
            let project = SentryProject {
                name: Arc::from(key.project.as_str()),
                id: key.project_id,
            };
            Some((key.public_key.clone()?, project))
        });
        Self {
            is_open: keys.is_empty(),
            tokens: Tokens::new(tokens),
            public_keys: public_keys.collect(),
        }
    }

    /// The project of the token in `Authorization: Bearer` or `x-api-key`; `None` when no keys are configured.
    ///
    /// # Errors
    /// When the token is missing or unknown.
    pub fn admit_token(&self, headers: &HeaderMap) -> Result<Option<Arc<str>>, Refusal> {
        if self.is_open {
            return Ok(None);
        }
        let unauthenticated = |message: &str| Refusal::new(Reason::Unauthenticated, message);
        let token = token_of(headers).ok_or_else(|| {
            unauthenticated(
                "a token is needed: send the header `Authorization: Bearer TOKEN`, for instance by \
                 OTEL_EXPORTER_OTLP_HEADERS=\"authorization=Bearer TOKEN\"",
            )
        })?;
        let project = self.tokens.find(token).ok_or_else(|| {
            unauthenticated("the token is not known: check it, or ask the operator for a new one")
        })?;
        Ok(Some(project.clone()))
    }

    /// The project of a DSN. Without configured keys it is the number in the DSN, whatever the key.
    ///
    /// # Errors
    /// When the key is unknown, or the number is that of another project.
    pub fn admit_public_key(&self, key: &str, project_id: u64) -> Result<SentryProject, Refusal> {
        if self.is_open {
            let name = Arc::from(project_id.to_string());
            return Ok(SentryProject {
                name,
                id: project_id,
            });
        }
        let forbidden = |message: String| Refusal::new(Reason::Forbidden, message);
        let project = self.public_keys.get(key).ok_or_else(|| {
            forbidden(
                "the public key of the DSN is not known: check it, or ask the operator for a DSN"
                    .to_owned(),
            )
        })?;
        if project.id != project_id {
            let (own, given) = (project.id, project_id);
            return Err(forbidden(format!(
                "the public key belongs to project {own}, not to {given}: let the DSN end in /{own}"
            )));
        }
        Ok(project.clone())
    }
}

fn token_of(headers: &HeaderMap) -> Option<&str> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim());
    }
    Some(headers.get(API_KEY_HEADER)?.to_str().ok()?.trim())
}

/// Reports keys that could not work.
pub fn validate(keys: &[KeyConfig], problems: &mut Problems) {
    let place = "intake.keys";
    problems.require(
        keys.len() <= KEYS_MAX,
        place,
        format!("at most {KEYS_MAX} keys are supported"),
    );
    for (position, key) in keys.iter().enumerate() {
        let (name, before) = (&key.name, &keys[..position]);
        problems.require(
            !name.is_empty() && before.iter().all(|other| other.name != *name),
            place,
            format!("the name {name:?} is empty or used twice: logs could not tell whose it was"),
        );
        problems.require(
            !key.project.trim().is_empty(),
            place,
            format!("{name:?} has no project: name the one that its spans belong to"),
        );
        problems.require(
            key.sha256.is_some() || key.public_key.is_some(),
            place,
            format!("{name:?} lets nobody in: make a key with `intake key new`"),
        );
        if let Some(hash) = &key.sha256 {
            problems.require(
                token::is_hash(hash),
                place,
                format!(
                    "sha256 of {name:?} is not 64 hex characters: make a key with `intake key new`"
                ),
            );
            let is_twin = |other: &&KeyConfig| {
                let other = other.sha256.as_deref();
                other.is_some_and(|other| other.eq_ignore_ascii_case(hash))
            };
            let twin = before.iter().find(is_twin);
            problems.require(
                twin.is_none(),
                place,
                format!(
                    "{name:?} has the token of {:?}: nobody could tell whose spans they are; make another one",
                    twin.map_or("", |twin| twin.name.as_str())
                ),
            );
        }
        if key.public_key.is_some() {
            validate_public_key(key, before, problems);
        }
    }
}

fn validate_public_key(key: &KeyConfig, before: &[KeyConfig], problems: &mut Problems) {
    let (place, name) = ("intake.keys", &key.name);
    let text = key.public_key.as_deref().unwrap_or_default();
    let is_word = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    problems.require(
        is_word && (1..=PUBLIC_KEY_CHARACTERS_MAX).contains(&text.len()),
        place,
        format!("public_key of {name:?} must be 1 to {PUBLIC_KEY_CHARACTERS_MAX} letters, digits or underscores, or SDKs refuse the DSN"),
    );
    let mut others = before.iter().filter(|other| other.public_key.is_some());
    problems.require(
        others
            .clone()
            .all(|other| other.public_key != key.public_key),
        place,
        format!("public_key of {name:?} is used twice: it could not tell the project"),
    );
    problems.require(
        others.all(|other| (other.project_id == key.project_id) == (other.project == key.project)),
        place,
        format!("project_id of {name:?} must be the same for the same project and another for another one"),
    );
}

/// A new key: what the client gets, and what the configuration gets.
#[derive(Debug)]
pub struct NewKey {
    pub token: Secret,
    pub config: KeyConfig,
}

impl NewKey {
    /// # Errors
    /// When the system gives no random numbers.
    pub fn generate(name: String, project: String, project_id: u64) -> anyhow::Result<Self> {
        let made = token::generate(TOKEN_PREFIX)?;
        let config = KeyConfig {
            name,
            project,
            sha256: Some(token::hash(&made)),
            public_key: Some(token::hex(&token::random::<PUBLIC_KEY_BYTES>()?)),
            project_id,
        };
        let token = Secret::new(made);
        Ok(Self { token, config })
    }

    /// The entry for `intake.keys`.
    pub fn config_line(&self) -> String {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let KeyConfig {
            name,
            project,
            sha256,
            public_key,
            project_id,
        } = &self.config;
        format!(
            "{{ name = {}, project = {}, sha256 = {}, public_key = {}, project_id = {project_id} }}",
            text(name),
            text(project),
            text(sha256.as_deref().unwrap_or_default()),
            text(public_key.as_deref().unwrap_or_default()),
        )
    }
}

#[cfg(test)]
mod tests;

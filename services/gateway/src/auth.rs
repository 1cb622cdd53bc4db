//! Who is asking, and which projects they may see. The same for HTTP and for WebSockets.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use runtime::config::Problems;
use runtime::token::{Tokens, is_hash};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Stands for every project.
pub const EVERY_PROJECT: &str = "*";
/// Every request is compared with every token.
const TOKENS_MAX: usize = 1_000;

/// One entry of `gateway.tokens`. The token itself is never stored: it is random and long, so a plain hash of it
/// cannot be turned back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// Shown in logs.
    pub name: String,
    /// SHA-256 of the token, 64 hex characters.
    pub sha256: String,
    /// Projects that the token may see; `*` for all.
    pub projects: Vec<String>,
}

/// On whose behalf a request is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requester {
    /// No tokens are configured, so whoever reaches the gateway on this machine may see everything.
    Local,
    Token(Arc<Identity>),
}

#[derive(Debug, PartialEq, Eq)]
pub struct Identity {
    pub name: String,
    /// Sorted; `None` for all.
    projects: Option<Vec<String>>,
}

impl Requester {
    /// The projects that may be seen, sorted; `None` for all.
    pub fn projects(&self) -> Option<&[String]> {
        match self {
            Self::Local => None,
            Self::Token(identity) => identity.projects.as_deref(),
        }
    }

    pub fn may_see(&self, project: &str) -> bool {
        self.projects()
            .is_none_or(|visible| visible.iter().any(|name| name == project))
    }

    /// Of the projects asked for those that may be seen; `None` for all there are.
    pub fn visible(&self, asked: Option<&[String]>) -> Option<Vec<String>> {
        match asked {
            None => self.projects().map(<[String]>::to_vec),
            Some(asked) => {
                let mut visible: Vec<String> = asked
                    .iter()
                    .filter(|project| self.may_see(project))
                    .cloned()
                    .collect();
                visible.sort_unstable();
                visible.dedup();
                Some(visible)
            }
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Local => "local",
            Self::Token(identity) => &identity.name,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error(
        "a token is needed: send `Authorization: Bearer TOKEN`, or on a WebSocket the connection_init payload {{\"Authorization\": \"Bearer TOKEN\"}}"
    )]
    Missing,
    #[error("the token is not known: check it, or ask the operator for a new one")]
    Unknown,
}

/// The configured tokens.
#[derive(Debug)]
pub struct Authenticator {
    tokens: Tokens<Arc<Identity>>,
}

impl Authenticator {
    /// Entries that [`validate`] refuses are left out.
    pub fn new(tokens: &[TokenConfig]) -> Self {
        let tokens = tokens.iter().map(|token| {
            let identity = Identity {
                name: token.name.clone(),
                projects: projects_of(token),
            };
            (token.sha256.as_str(), Arc::new(identity))
        });
        let tokens = Tokens::new(tokens);
        Self { tokens }
    }

    /// Whether requests need a token.
    pub fn is_required(&self) -> bool {
        !self.tokens.is_empty()
    }

    pub fn authenticate(&self, token: Option<&str>) -> Result<Requester, Denied> {
        if self.tokens.is_empty() {
            return Ok(Requester::Local);
        }
        let token = token.ok_or(Denied::Missing)?;
        let identity = self.tokens.find(token).ok_or(Denied::Unknown)?;
        Ok(Requester::Token(identity.clone()))
    }

    pub fn authenticate_headers(&self, headers: &HeaderMap) -> Result<Requester, Denied> {
        self.authenticate(bearer(headers))
    }

    /// Of a WebSocket's `connection_init`: the payload, or else what the upgrade request carried.
    pub fn authenticate_payload(
        &self,
        payload: &serde_json::Value,
        headers: &HeaderMap,
    ) -> Result<Requester, Denied> {
        let text = |key: &str| payload.get(key).and_then(serde_json::Value::as_str);
        let token = ["Authorization", "authorization", "token"]
            .into_iter()
            .find_map(text)
            .map(without_scheme);
        self.authenticate(token.or_else(|| bearer(headers)))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn without_scheme(value: &str) -> &str {
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => value.trim(),
    }
}

fn projects_of(token: &TokenConfig) -> Option<Vec<String>> {
    if token.projects.iter().any(|name| name == EVERY_PROJECT) {
        return None;
    }
    let mut projects = token.projects.clone();
    projects.sort_unstable();
    projects.dedup();
    Some(projects)
}

/// Reports tokens that could not work.
pub fn validate(tokens: &[TokenConfig], problems: &mut Problems) {
    let key = "gateway.tokens";
    problems.require(
        tokens.len() <= TOKENS_MAX,
        key,
        format!("at most {TOKENS_MAX} tokens are supported; give one to each team rather than to each person"),
    );
    for (position, token) in tokens.iter().enumerate() {
        let name = &token.name;
        problems.require(
            is_hash(&token.sha256),
            key,
            format!(
                "sha256 of {name:?} is not 64 hex characters: make a token with `gateway token new`"
            ),
        );
        problems.require(
            !token.projects.is_empty(),
            key,
            format!("{name:?} may see no project: name some, or write projects = [\"*\"]"),
        );
        let before = &tokens[..position];
        let twin = before
            .iter()
            .find(|other| other.sha256.eq_ignore_ascii_case(&token.sha256));
        problems.require(
            twin.is_none(),
            key,
            format!(
                "{name:?} has the token of {:?}: nobody could tell which of them it is; make another one",
                twin.map_or("", |twin| twin.name.as_str())
            ),
        );
        let is_repeated = before.iter().any(|other| other.name == *name);
        problems.require(
            !is_repeated && !name.is_empty(),
            key,
            format!("the name {name:?} is empty or used twice: logs could not tell who it was"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::token::hash;
    use serde_json::json;

    fn authenticator() -> Authenticator {
        let config = |name: &str, token: &str, projects: &[&str]| TokenConfig {
            name: name.to_owned(),
            sha256: hash(token),
            projects: projects.iter().map(|name| (*name).to_owned()).collect(),
        };
        Authenticator::new(&[
            config("ops", "secret-of-ops", &["*"]),
            config("shop", "secret-of-shop", &["shop", "crm"]),
        ])
    }

    #[test]
    fn a_token_opens_its_projects_and_no_others() {
        let requester = authenticator()
            .authenticate(Some("secret-of-shop"))
            .expect("is known");
        assert_eq!(requester.name(), "shop");
        assert!(requester.may_see("shop") && !requester.may_see("bank"));
        assert_eq!(
            requester.visible(None),
            Some(vec!["crm".to_owned(), "shop".to_owned()])
        );
        let asked = ["shop".to_owned(), "bank".to_owned(), "shop".to_owned()];
        assert_eq!(
            requester.visible(Some(&asked)),
            Some(vec!["shop".to_owned()])
        );
        let everywhere = authenticator()
            .authenticate(Some("secret-of-ops"))
            .expect("is known");
        assert!(everywhere.may_see("bank"));
        assert_eq!(everywhere.visible(None), None);
    }

    #[test]
    fn missing_and_wrong_tokens_are_told_apart() {
        let authenticator = authenticator();
        assert_eq!(authenticator.authenticate(None), Err(Denied::Missing));
        for wrong in [
            "",
            "secret-of-sho",
            "secret-of-shop ",
            "Bearer secret-of-shop",
        ] {
            assert_eq!(
                authenticator.authenticate(Some(wrong)),
                Err(Denied::Unknown),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn without_tokens_everyone_is_local() {
        let open = Authenticator::new(&[]);
        assert!(!open.is_required());
        assert_eq!(open.authenticate(None), Ok(Requester::Local));
        assert_eq!(open.authenticate(Some("anything")), Ok(Requester::Local));
    }

    #[test]
    fn a_token_is_found_in_a_header_or_in_a_payload() {
        let authenticator = authenticator();
        let mut headers = HeaderMap::new();
        let none = HeaderMap::new();
        headers.insert(
            header::AUTHORIZATION,
            "bearer secret-of-ops".parse().expect("a header"),
        );
        assert!(authenticator.authenticate_headers(&headers).is_ok());
        for payload in [
            json!({"Authorization": "Bearer secret-of-ops"}),
            json!({"authorization": "secret-of-ops"}),
            json!({"token": "secret-of-ops"}),
        ] {
            assert!(
                authenticator.authenticate_payload(&payload, &none).is_ok(),
                "{payload}"
            );
        }
        assert!(
            authenticator
                .authenticate_payload(&json!(null), &headers)
                .is_ok()
        );
        assert_eq!(
            authenticator.authenticate_payload(&json!({"token": 1}), &none),
            Err(Denied::Missing)
        );
    }

    #[test]
    fn tokens_that_cannot_work_are_reported() {
        let token = |name: &str, sha256: String, projects: &[&str]| TokenConfig {
            name: name.to_owned(),
            sha256,
            projects: projects.iter().map(|name| (*name).to_owned()).collect(),
        };
        let cases = [
            vec![token("a", "zz".repeat(32), &["*"])],
            vec![token("a", "ä".repeat(32), &["*"])],
            vec![token("a", hash("a"), &[])],
            vec![token("", hash("a"), &["*"])],
            vec![token("a", hash("a"), &["*"]), token("a", hash("b"), &["*"])],
            vec![
                token("a", hash("a"), &["x"]),
                token("b", hash("a").to_uppercase(), &["*"]),
            ],
        ];
        for tokens in cases {
            let mut problems = Problems::default();
            validate(&tokens, &mut problems);
            assert!(!problems.is_empty(), "{tokens:?}");
        }
    }
}

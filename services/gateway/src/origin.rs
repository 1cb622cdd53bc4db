//! Which web pages may call the gateway, and under which names it may be reached.
//!
//! A browser sends along whoever's page it shows. A gateway without tokens would answer any page in the world that knows
//! its address; so a page has to be the gateway's own, or configured. And since a name can be made to point anywhere, a
//! gateway without tokens answers only under names that mean this machine.

use std::net::IpAddr;

use axum::http::{HeaderMap, Uri, header};

/// Who may call.
#[derive(Clone, Debug)]
pub struct OriginPolicy {
    allowed_origins: Vec<String>,
    /// `None` when any host name will do, because requests carry tokens.
    allowed_hosts: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("this page may not call the gateway: add its origin to gateway.allowed_origins")]
    Origin,
    #[error(
        "the gateway may not be reached under this host name: use localhost, add the name to gateway.allowed_hosts, or configure tokens"
    )]
    Host,
}

impl OriginPolicy {
    pub fn new(allowed_origins: &[String], allowed_hosts: &[String], has_tokens: bool) -> Self {
        Self {
            allowed_origins: allowed_origins.to_vec(),
            allowed_hosts: (!has_tokens).then(|| allowed_hosts.to_vec()),
        }
    }

    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refused> {
        // HTTP/2 has the host in the URI.
        let host = uri
            .authority()
            .map(|authority| authority.as_str())
            .or_else(|| headers.get(header::HOST)?.to_str().ok())
            .unwrap_or_default();
        if let Some(allowed) = &self.allowed_hosts
            && !is_loopback_name(host)
            && !allowed.iter().any(|name| name == without_port(host))
        {
            return Err(Refused::Host);
        }
        let Some(origin) = headers.get(header::ORIGIN) else {
            // Not a browser, or a page of the gateway's own that is only read.
            return Ok(());
        };
        let origin = origin.to_str().unwrap_or_default();
        let is_own = origin
            .split_once("://")
            .is_some_and(|(_, authority)| !authority.is_empty() && authority == host);
        if is_own || self.allowed_origins.iter().any(|allowed| allowed == origin) {
            Ok(())
        } else {
            Err(Refused::Origin)
        }
    }
}

/// Whether a page of another site makes its reader's browser ask, as by an image's address. Such a request has no origin.
pub fn is_embedded(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    matches!(site, Some(b"cross-site" | b"same-site")) && !headers.contains_key(header::ORIGIN)
}

/// Whether the text is what a browser sends as an origin: scheme and authority, nothing after them.
pub fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else {
        return false;
    };
    matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.authority().is_some()
        && !text.ends_with('/')
        && uri.path_and_query().is_none_or(|path| path.as_str() == "/")
}

fn is_loopback_name(host: &str) -> bool {
    let name = without_port(host);
    name == "localhost"
        || name
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// `[::1]:80` is `[::1]`, `localhost:80` is `localhost`.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_of_another_site_is_told_from_a_page_and_from_a_program() {
        for (site, origin, expected) in [
            (None, None, false),
            (Some("none"), None, false),
            (Some("same-origin"), None, false),
            (Some("cross-site"), None, true),
            (Some("same-site"), None, true),
            (Some("cross-site"), Some("https://app.example"), false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
                if let Some(value) = value {
                    headers.insert(name, value.parse().expect("a header"));
                }
            }
            assert_eq!(is_embedded(&headers), expected, "{site:?} {origin:?}");
        }
    }

    fn check(policy: &OriginPolicy, host: &str, origin: Option<&str>) -> Result<(), Refused> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().expect("a header"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().expect("a header"));
        }
        policy.check(&Uri::from_static("/graphql"), &headers)
    }

    #[test]
    fn without_tokens_only_names_of_this_machine_will_do() {
        let policy = OriginPolicy::new(&[], &["dev.box".to_owned()], false);
        for host in [
            "localhost",
            "localhost:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "[::1]",
            "127.1.2.3",
            "dev.box:1",
        ] {
            assert_eq!(check(&policy, host, None), Ok(()), "{host}");
        }
        for host in [
            "evil.example:8080",
            "127.0.0.1.evil.example",
            "10.0.0.1:8080",
            "",
            "localhost.evil",
        ] {
            assert_eq!(check(&policy, host, None), Err(Refused::Host), "{host}");
        }
        let with_tokens = OriginPolicy::new(&[], &[], true);
        assert_eq!(check(&with_tokens, "colloquy.example", None), Ok(()));
    }

    #[test]
    fn pages_of_other_origins_are_refused_unless_configured() {
        let policy = OriginPolicy::new(&["https://app.example".to_owned()], &[], true);
        let host = "colloquy.example:8080";
        for origin in [
            "http://colloquy.example:8080",
            "https://colloquy.example:8080",
            "https://app.example",
        ] {
            assert_eq!(check(&policy, host, Some(origin)), Ok(()), "{origin}");
        }
        for origin in [
            "https://evil.example",
            "null",
            "http://colloquy.example",
            "https://app.example.evil",
            "",
        ] {
            assert_eq!(
                check(&policy, host, Some(origin)),
                Err(Refused::Origin),
                "{origin}"
            );
        }
    }

    #[test]
    fn origins_are_scheme_and_authority() {
        for origin in ["https://app.example", "http://localhost:5173"] {
            assert!(is_origin(origin), "{origin}");
        }
        for other in [
            "app.example",
            "https://app.example/",
            "https://app.example/x",
            "ftp://a",
            "*",
            "",
        ] {
            assert!(!is_origin(other), "{other}");
        }
    }
}

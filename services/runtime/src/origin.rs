//! Which web pages may call a service, and under which names it may be reached.
//!
//! A browser sends along whoever's page it shows. A service that asks nobody who he is would serve any page in the world that
//! knows its address; so a page has to be the service's own, or configured. And since a name can be made to point anywhere,
//! such a service answers only under names that mean this machine.

use std::net::IpAddr;

use axum::http::{HeaderMap, Uri, header};

/// Who may call.
#[derive(Clone, Debug)]
pub struct OriginPolicy {
    /// Of web pages beside the service's own.
    pub allowed_origins: Vec<String>,
    /// Beside those that mean this machine; `None` when any host name will do, because requests carry credentials.
    pub allowed_hosts: Option<Vec<String>>,
    /// Whether pages that this machine serves may call, on whatever port.
    pub allows_local_pages: bool,
    /// Where the two lists are configured, for the refusals.
    pub settings: (&'static str, &'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("this page may not call: add its origin to {setting}")]
    Origin { setting: &'static str },
    #[error(
        "this may not be reached under this host name: use localhost, add the name to {setting}, or configure who may call"
    )]
    Host { setting: &'static str },
}

impl OriginPolicy {
    /// # Errors
    /// When the page, or the name, is not allowed.
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
            let (_, setting) = self.settings;
            return Err(Refused::Host { setting });
        }
        let Some(origin) = headers.get(header::ORIGIN) else {
            // Not a browser, or a page of the service's own that is only read.
            return Ok(());
        };
        let origin = origin.to_str().unwrap_or_default();
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        let authority = authority.unwrap_or_default();
        let is_own = !authority.is_empty()
            && (authority == host || self.allows_local_pages && is_loopback_name(authority));
        if is_own || self.allowed_origins.iter().any(|allowed| allowed == origin) {
            Ok(())
        } else {
            let (setting, _) = self.settings;
            Err(Refused::Origin { setting })
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

    fn policy_of(
        origins: &[&str],
        hosts: Option<&[&str]>,
        allows_local_pages: bool,
    ) -> OriginPolicy {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        OriginPolicy {
            allowed_origins: owned(origins),
            allowed_hosts: hosts.map(owned),
            allows_local_pages,
            settings: ("origins", "hosts"),
        }
    }

    const ORIGIN: Result<(), Refused> = Err(Refused::Origin { setting: "origins" });
    const HOST: Result<(), Refused> = Err(Refused::Host { setting: "hosts" });

    #[test]
    fn pages_of_this_machine_may_call_where_that_is_meant() {
        for (origin, expected) in [
            ("http://localhost:3000", Ok(())),
            ("http://[::1]:3000", Ok(())),
            ("https://evil.example", ORIGIN),
            ("http://localhost.evil", ORIGIN),
            ("null", ORIGIN),
        ] {
            let policy = policy_of(&[], Some(&[]), true);
            assert_eq!(
                check(&policy, "127.0.0.1:4318", Some(origin)),
                expected,
                "{origin}"
            );
        }
        let strict = policy_of(&[], Some(&[]), false);
        assert_eq!(
            check(&strict, "127.0.0.1:4318", Some("http://localhost:3000")),
            ORIGIN
        );
    }

    #[test]
    fn without_tokens_only_names_of_this_machine_will_do() {
        let policy = policy_of(&[], Some(&["dev.box"]), false);
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
            assert_eq!(check(&policy, host, None), HOST, "{host}");
        }
        let with_tokens = policy_of(&[], None, false);
        assert_eq!(check(&with_tokens, "colloquy.example", None), Ok(()));
    }

    #[test]
    fn pages_of_other_origins_are_refused_unless_configured() {
        let policy = policy_of(&["https://app.example"], None, false);
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
            assert_eq!(check(&policy, host, Some(origin)), ORIGIN, "{origin}");
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

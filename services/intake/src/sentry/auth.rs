//! The public key of the DSN, in the three places where SDKs put it.

use axum::http::request::Parts;

use crate::refusal::{Reason, Refusal};

const AUTH_HEADER: &str = "x-sentry-auth";
/// Longest header line of an envelope that is looked into for a DSN.
const HEADER_LINE_BYTES_MAX: usize = 64 * 1024;

/// What the head of a request says of its sender.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Client {
    /// `None` when only the envelope itself may tell.
    pub(super) key: Option<String>,
}

/// Looks into the header `X-Sentry-Auth` and into the query.
///
/// # Errors
/// When the two say different things.
pub(super) fn of_head(head: &Parts) -> Result<Client, Refusal> {
    let header = head
        .headers
        .get(AUTH_HEADER)
        .or_else(|| head.headers.get(axum::http::header::AUTHORIZATION));
    let in_header = header.and_then(|value| of_header(value.to_str().ok()?));
    let in_query = head.uri.query().and_then(of_query);
    match (in_header, in_query) {
        (Some(a), Some(b)) if a != b => Err(Refusal::new(
            Reason::Forbidden,
            "the header X-Sentry-Auth and the query name two different keys: send one",
        )),
        (a, b) => Ok(Client { key: a.or(b) }),
    }
}

/// `Sentry sentry_key=…, sentry_version=7, …`; exporters of OTLP are told to write the scheme in lower case.
fn of_header(value: &str) -> Option<String> {
    let (scheme, fields) = value.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("sentry") {
        return None;
    }
    fields.split([',', ' ']).find_map(|field| {
        let (name, value) = field.trim().split_once('=')?;
        (name == "sentry_key" && !value.is_empty()).then(|| value.trim_matches('"').to_owned())
    })
}

/// Keys have no characters that would need to be escaped.
fn of_query(query: &str) -> Option<String> {
    query.split('&').find_map(|field| {
        let key = field.strip_prefix("sentry_key=")?;
        (!key.is_empty()).then(|| key.to_owned())
    })
}

/// The key of the `dsn` in the header line of an envelope.
///
/// # Errors
/// When there is none: then nothing says who is sending.
pub(super) fn of_envelope(body: &[u8]) -> Result<String, Refusal> {
    let line = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = &line[..line.len().min(HEADER_LINE_BYTES_MAX)];
    let dsn = domain::json::document(line)
        .ok()
        .and_then(|header| header.get("dsn")?.as_str().map(str::to_owned));
    dsn.as_deref().and_then(of_dsn).ok_or_else(|| {
        Refusal::new(
            Reason::Forbidden,
            "missing authorization information: send the DSN's public key in the header X-Sentry-Auth, \
             in the query as sentry_key, or the DSN in the envelope's header",
        )
    })
}

/// `scheme://KEY[:secret]@host/project`
fn of_dsn(dsn: &str) -> Option<String> {
    let (_, rest) = dsn.split_once("://")?;
    let (user, _) = rest.split_once('@')?;
    let key = user.split(':').next()?;
    (!key.is_empty()).then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn head(uri: &str, auth: Option<&str>) -> Parts {
        let mut request = Request::builder().uri(uri);
        if let Some(auth) = auth {
            request = request.header(AUTH_HEADER, auth);
        }
        request.body(()).expect("a request").into_parts().0
    }

    fn key(uri: &str, auth: Option<&str>) -> Option<String> {
        of_head(&head(uri, auth)).expect("no conflict").key
    }

    #[test]
    fn the_key_is_found_in_each_of_its_places() {
        let python = "Sentry sentry_key=abc, sentry_version=7, sentry_client=sentry.python/2.75.0";
        assert_eq!(key("/", Some(python)).as_deref(), Some("abc"));
        let tight = "Sentry sentry_version=7,sentry_key=abc,sentry_secret=s";
        assert_eq!(key("/", Some(tight)).as_deref(), Some("abc"));
        let otlp = "sentry sentry_key=abc";
        assert_eq!(key("/", Some(otlp)).as_deref(), Some("abc"));
        let node = "/api/1/envelope/?sentry_version=7&sentry_key=abc&sentry_client=sentry.javascript.node%2F11";
        assert_eq!(key(node, None).as_deref(), Some("abc"));
        assert_eq!(key(node, Some(python)).as_deref(), Some("abc"));
        let envelope = b"{\"dsn\":\"https://abc:secret@host:4318/1\"}\n{\"type\":\"span\"}\n{}";
        assert_eq!(of_envelope(envelope), Ok("abc".to_owned()));
    }

    #[test]
    fn two_keys_and_no_key_are_refused() {
        let header = "Sentry sentry_key=other";
        let refused = of_head(&head("/?sentry_key=abc", Some(header))).expect_err("differ");
        assert_eq!(refused.reason, Reason::Forbidden);
        for nothing in [
            &b""[..],
            b"{}\n",
            b"{\"dsn\":1}",
            b"{\"dsn\":\"abc\"}",
            b"{\"dsn\":\"https://@host/1\"}",
            b"no json",
        ] {
            let refused = of_envelope(nothing).expect_err("nothing there");
            assert_eq!(refused.reason, Reason::Forbidden);
        }
        for nothing in [
            None,
            Some("Bearer abc"),
            Some("Sentry sentry_key="),
            Some(""),
        ] {
            assert_eq!(key("/?sentry_key=", nothing), None);
        }
    }
}

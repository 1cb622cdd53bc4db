//! The built page, as files within this binary.

use std::borrow::Cow;
use std::fmt::Write as _;

use axum::http::{HeaderMap, header};
use rust_embed::Embed;

/// Empty when the page was not built before this binary: see `build.rs`.
#[derive(Embed)]
#[folder = "../web/dist/page"]
#[allow_missing = true]
struct Built;

/// Those that the page's build wrote beside each file that becomes smaller by them, the smaller first.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];
/// Bytes of the content's hash that tell one version from another.
const ETAG_BYTES: usize = 12;

/// One file in the form that fits a request.
#[derive(Debug)]
pub(super) struct File {
    pub(super) body: Cow<'static, [u8]>,
    pub(super) content_type: &'static str,
    pub(super) encoding: Option<&'static str>,
    pub(super) etag: String,
}

/// The file with this path, compressed if the client can read that.
pub(super) fn find(path: &str, headers: &HeaderMap) -> Option<File> {
    let content_type = content_type(path)?;
    let plain = Built::get(path)?;
    let compressed = ENCODINGS
        .iter()
        .filter(|(name, _)| accepts(headers, name))
        .find_map(|(name, suffix)| Some((*name, Built::get(&format!("{path}{suffix}"))?)));
    let (encoding, file) = match compressed {
        Some((name, file)) => (Some(name), file),
        None => (None, plain),
    };
    let mut etag = String::from('"');
    for byte in &file.metadata.sha256_hash()[..ETAG_BYTES] {
        let _ = write!(etag, "{byte:02x}");
    }
    etag.push('"');
    Some(File {
        body: file.data,
        content_type,
        encoding,
        etag,
    })
}

/// By the end of the name. `None` for what is no file of the page, such as the compressed forms.
fn content_type(path: &str) -> Option<&'static str> {
    let (_, extension) = path.rsplit_once('.')?;
    match extension {
        "html" => Some("text/html; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "png" => Some("image/png"),
        "woff2" => Some("font/woff2"),
        _ => None,
    }
}

/// Whether `Accept-Encoding` names the encoding, and not to exclude it.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|choice| {
            let (name, weight) = choice.split_once(';').unwrap_or((choice, ""));
            let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
            name.trim().eq_ignore_ascii_case(encoding)
                && weight.trim().parse().is_ok_and(|weight: f32| weight > 0.0)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_accepted_when_it_is_named_with_a_weight() {
        for (value, expected) in [
            ("gzip, deflate, br, zstd", true),
            ("BR", true),
            ("gzip;q=1.0, br;q=0.5", true),
            ("br;q=0", false),
            ("br; q=0.000", false),
            ("br;q=much", false),
            ("gzip", false),
            ("brotli", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, value.parse().expect("a header"));
            assert_eq!(accepts(&headers, "br"), expected, "{value}");
        }
        assert!(!accepts(&HeaderMap::new(), "br"));
    }

    #[test]
    fn only_files_of_the_page_have_a_type() {
        assert!(content_type("assets/index-1.js").is_some());
        for path in ["assets/index-1.js.br", "index.html.gz", "", "LICENSE"] {
            assert_eq!(content_type(path), None, "{path}");
        }
    }
}

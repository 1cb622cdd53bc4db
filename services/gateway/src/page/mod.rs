//! What people look at: the page, what it has to know about its surroundings, and an editor for queries.

mod files;

use std::sync::Arc;

use async_graphql::http::GraphiQLSource;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;

use crate::http::App;

/// Files of the page and calls to this gateway are all that the page may load, and all that it needs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Their names hold a hash of what is in them.
const ASSETS: &str = "assets/";
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Asked about each time; the answer is mostly that nothing has changed.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
const NOT_BUILT: &str = "The page is not built into this gateway. GraphQL is served at /graphql.\n\
    To have the page: run scripts/page.sh, which needs Node, and build the gateway again; `make up` does both.\n";

/// `/config.json`: what the page has to know before anyone has signed in.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Surroundings<'a> {
    /// Where a span can be looked at: an address with `{traceId}` and, if it likes, `{spanId}` in it.
    trace_url_template: Option<&'a str>,
    /// Where an error event can be looked at: an address with `{eventId}` in it.
    error_url_template: Option<&'a str>,
    auth_required: bool,
    /// Where queries can be tried out.
    graphiql_url: Option<&'static str>,
}

/// The page at `/` and at every address that it gives meaning to.
pub(crate) fn routes(router: Router<Arc<App>>, app: &App) -> Router<Arc<App>> {
    let router = router
        .route("/config.json", get(surroundings))
        .fallback(get(serve));
    match graphiql_url(app) {
        Some(path) => router.route(path, get(graphiql)),
        None => router,
    }
}

fn graphiql_url(app: &App) -> Option<&'static str> {
    (app.config.graphiql && app.config.bind.ip().is_loopback()).then_some("/graphiql")
}

async fn surroundings(State(app): State<Arc<App>>) -> Response {
    let body = axum::Json(Surroundings {
        trace_url_template: app.config.trace_url_template.as_deref(),
        error_url_template: app.config.error_url_template.as_deref(),
        auth_required: app.authenticator.is_required(),
        graphiql_url: graphiql_url(&app),
    });
    ([(header::CACHE_CONTROL, ASK_AGAIN)], body).into_response()
}

async fn serve(uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let found = match files::find(path, &headers) {
        Some(file) => Some((file, path)),
        // Conversations have addresses of their own; it is the page that knows them.
        None if !is_file_name(path) => {
            files::find("index.html", &headers).map(|file| (file, "index.html"))
        }
        None => return (StatusCode::NOT_FOUND, "There is no such file.\n").into_response(),
    };
    match found {
        Some((file, path)) => answer(file, path, &headers),
        None => (StatusCode::NOT_FOUND, NOT_BUILT).into_response(),
    }
}

/// A conversation's id may have dots in it; only elsewhere does a dot mean a file.
fn is_file_name(path: &str) -> bool {
    path.starts_with(ASSETS) || (!path.contains('/') && path.contains('.'))
}

fn answer(file: files::File, path: &str, headers: &HeaderMap) -> Response {
    let is_known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|known| known.split(',').any(|tag| tag.trim() == file.etag));
    let caching = if path.starts_with(ASSETS) {
        FOR_EVER
    } else {
        ASK_AGAIN
    };
    let common = [
        (header::CACHE_CONTROL, caching),
        (
            header::VARY,
            HeaderValue::from_static(header::ACCEPT_ENCODING.as_str()),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
    ];
    let etag = [(header::ETAG, file.etag)];
    if is_known {
        return (StatusCode::NOT_MODIFIED, common, etag).into_response();
    }
    let content_type = [(header::CONTENT_TYPE, file.content_type)];
    let encoding = file
        .encoding
        .map(|encoding| [(header::CONTENT_ENCODING, encoding)]);
    match encoding {
        Some(encoding) => (common, etag, content_type, encoding, file.body).into_response(),
        None => (common, etag, content_type, file.body).into_response(),
    }
}

async fn graphiql() -> Html<String> {
    Html(
        GraphiQLSource::build()
            .title("Colloquy")
            .endpoint("/graphql")
            .subscription_endpoint("/graphql")
            .finish(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_page_are_not_taken_for_files() {
        for path in ["", "conversations/shop/order.v2.4711", "conversations/a/b"] {
            assert!(!is_file_name(path), "{path}");
        }
        for path in ["favicon.ico", "robots.txt", "assets/gone.js", "assets/gone"] {
            assert!(is_file_name(path), "{path}");
        }
    }
}

//! Pages for people: where what is.

use std::sync::Arc;

use async_graphql::http::GraphiQLSource;
use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};

use crate::http::App;

/// The page loads nothing and runs nothing.
const LANDING_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const LANDING: &str = include_str!("landing.html");
const GRAPHIQL_LINK: &str = r#"<li><a href="/graphiql">/graphiql</a>: an editor for queries (its scripts come from a public CDN)</li>"#;

pub(crate) async fn landing(State(app): State<Arc<App>>) -> Response {
    let has_graphiql = app.config.graphiql && app.config.bind.ip().is_loopback();
    let page = LANDING.replace(
        "{{graphiql}}",
        if has_graphiql { GRAPHIQL_LINK } else { "" },
    );
    let policy = [(header::CONTENT_SECURITY_POLICY, LANDING_POLICY)];
    (policy, Html(page)).into_response()
}

pub(crate) async fn graphiql() -> Html<String> {
    Html(
        GraphiQLSource::build()
            .title("Colloquy")
            .endpoint("/graphql")
            .subscription_endpoint("/graphql")
            .finish(),
    )
}

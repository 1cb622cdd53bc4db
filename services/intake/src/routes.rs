//! What is served on the HTTP port: OTLP/HTTP and Sentry envelopes.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::json;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::app::App;
use crate::metrics::PANICS;
use crate::{otlp, sentry};

/// How long browsers may remember the answer to a preflight request.
const PREFLIGHT_AGE: Duration = Duration::from_secs(3_600);

/// Everything that is served on the HTTP port.
pub fn router(app: Arc<App>) -> Router {
    let config = &app.config;
    let otlp = Router::new()
        .route("/v1/traces", post(otlp::http::traces))
        .route("/v1/logs", post(otlp::http::logs))
        .route("/v1/metrics", post(otlp::http::metrics))
        .layer(cors(
            &config.otlp_origins,
            vec![
                header::CONTENT_TYPE,
                header::CONTENT_ENCODING,
                header::AUTHORIZATION,
                HeaderName::from_static("x-api-key"),
            ],
        ));
    let sentry = Router::new()
        .route("/api/{project}/envelope/", post(sentry::envelope))
        .route("/api/{project}/envelope", post(sentry::envelope))
        .merge(otlp_by_dsn())
        .layer(cors(
            &config.sentry_origins,
            vec![
                header::CONTENT_TYPE,
                header::CONTENT_ENCODING,
                header::AUTHORIZATION,
                HeaderName::from_static("x-sentry-auth"),
                HeaderName::from_static("x-requested-with"),
                HeaderName::from_static("sentry-trace"),
                HeaderName::from_static("baggage"),
            ],
        ));
    otlp.merge(sentry)
        .fallback(nothing_here)
        .layer(middleware::from_fn_with_state(app.clone(), check_origin))
        .layer(CatchPanicLayer::custom(|_| panicked()))
        .with_state(app)
}

/// Without keys nobody has to say who he is: then a page of another site must not write through its reader's browser.
async fn check_origin(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Some(policy) = &app.origins else {
        return next.run(request).await;
    };
    match policy.check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refused) => {
            let told = axum::Json(json!({"detail": refused.to_string()}));
            (StatusCode::FORBIDDEN, told).into_response()
        }
    }
}

/// Where Sentry's SDKs send OTLP when all they know is a DSN, and where its documentation sent exporters before.
fn otlp_by_dsn() -> Router<Arc<App>> {
    let mut router = Router::new();
    for base in ["/api/{project}/integration/otlp", "/api/{project}/otlp"] {
        for end in ["", "/"] {
            router = router
                .route(
                    &format!("{base}/v1/traces{end}"),
                    post(otlp::http::traces_by_dsn),
                )
                .route(
                    &format!("{base}/v1/logs{end}"),
                    post(otlp::http::logs_by_dsn),
                );
        }
    }
    router
}

/// Lets the pages of these origins send, and read what was wrong.
fn cors(origins: &[String], headers: Vec<HeaderName>) -> CorsLayer {
    let origins = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        let listed = origins.iter();
        AllowOrigin::list(listed.filter_map(|origin| origin.parse::<HeaderValue>().ok()))
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::POST])
        .allow_headers(headers)
        .expose_headers([sentry::ERROR, sentry::RATE_LIMITS, header::RETRY_AFTER])
        .max_age(PREFLIGHT_AGE)
}

async fn nothing_here() -> Response {
    let message = "nothing is served here: send OTLP to /v1/traces and /v1/logs, Sentry envelopes to /api/PROJECT/envelope/";
    (
        StatusCode::NOT_FOUND,
        axum::Json(json!({"detail": message})),
    )
        .into_response()
}

fn panicked() -> Response {
    metrics::counter!(PANICS).increment(1);
    let message = "the intake failed to answer; its log says why";
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        axum::Json(json!({"detail": message})),
    )
        .into_response()
}

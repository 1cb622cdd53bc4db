//! GraphQL over HTTP, and the routes around it.

use std::sync::Arc;

use async_graphql::Response as GraphQlResponse;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::auth::Authenticator;
use crate::config::{GatewayConfig, LimitsConfig};
use crate::conversations::Slots;
use crate::graphql::Schema;
use crate::graphql::error::Code;
use crate::metrics::{PANICS, REFUSED, SOCKETS};
use crate::origin::OriginPolicy;
use crate::{page, socket};

/// What the routes share.
#[derive(Debug)]
pub struct App {
    pub schema: SchemaHandle,
    pub authenticator: Authenticator,
    pub config: GatewayConfig,
    pub requests: Slots,
    pub sockets: Slots,
    pub stopping: CancellationToken,
    /// The open sockets, so that a stop can wait until they are closed in order.
    pub open_sockets: TaskTracker,
    origins: OriginPolicy,
}

/// [`Schema`] has no `Debug`.
pub struct SchemaHandle(pub Schema);

impl std::fmt::Debug for SchemaHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Schema")
    }
}

impl App {
    pub fn new(schema: Schema, config: GatewayConfig, stopping: CancellationToken) -> Self {
        let authenticator = Authenticator::new(&config.tokens);
        Self {
            schema: SchemaHandle(schema),
            origins: OriginPolicy::new(
                &config.allowed_origins,
                &config.allowed_hosts,
                authenticator.is_required(),
            ),
            authenticator,
            requests: Slots::new(config.limits.queries_max),
            sockets: Slots::new(config.live.sockets_max).with_gauge(SOCKETS),
            stopping,
            open_sockets: TaskTracker::new(),
            config,
        }
    }
}

/// Everything that is served on the public port.
pub fn router(app: Arc<App>) -> Router {
    let api = Router::new().route("/graphql", post(graphql).get(socket::upgrade));
    let header_of = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    page::routes(api, &app)
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn_with_state(app.clone(), check_origin))
        .layer(cors(&app.config.allowed_origins))
        .layer(header_of(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header_of(header::REFERRER_POLICY, "no-referrer"))
        .layer(header_of(header::X_FRAME_OPTIONS, "DENY"))
        .layer(CatchPanicLayer::custom(|_| panicked()))
        .with_state(app)
}

/// Lets configured pages read the answers; without any, browsers keep other pages from it.
fn cors(allowed_origins: &[String]) -> CorsLayer {
    let origins = allowed_origins
        .iter()
        .filter_map(|origin| origin.parse::<HeaderValue>().ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
}

async fn check_origin(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    match app.origins.check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refused) => refusal(StatusCode::FORBIDDEN, Code::Forbidden, refused.to_string()),
    }
}

async fn graphql(State(app): State<Arc<App>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let requester = match app.authenticator.authenticate_headers(&head.headers) {
        Ok(requester) => requester,
        Err(denied) => {
            let answer = refusal(
                StatusCode::UNAUTHORIZED,
                Code::Unauthenticated,
                denied.to_string(),
            );
            return ([(header::WWW_AUTHENTICATE, "Bearer")], answer).into_response();
        }
    };
    let Some(_slot) = app.requests.take() else {
        return refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            Code::Busy,
            "as many queries are being answered as this gateway allows: try again later",
        );
    };
    // A form or plain text can be sent by any page in the world without asking first; JSON cannot.
    if !is_json(&head.headers) {
        return refusal(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::BadRequest,
            "send the query as JSON, with `Content-Type: application/json`",
        );
    }
    let body = match read(&app.config.limits, body).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    match parse(&body) {
        Ok(request) => {
            let answer = app.schema.0.execute(request.data(requester)).await;
            json(StatusCode::OK, &answer)
        }
        Err((code, message)) => refusal(StatusCode::BAD_REQUEST, code, message),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// The whole body, if it is not too large and arrives in time.
async fn read(limits: &LimitsConfig, body: Body) -> Result<Bytes, Response> {
    let bytes_max = limits.request_bytes_max;
    let reading = Limited::new(body, bytes_max).collect();
    match tokio::time::timeout(limits.query_timeout(), reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(cause)) if cause.is::<LengthLimitError>() => Err(refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            Code::PayloadTooLarge,
            format!("the request is larger than {bytes_max} bytes"),
        )),
        Ok(Err(cause)) => Err(refusal(
            StatusCode::BAD_REQUEST,
            Code::BadRequest,
            format!("the request did not arrive whole: {cause}"),
        )),
        Err(_) => Err(refusal(
            StatusCode::REQUEST_TIMEOUT,
            Code::Timeout,
            "the request did not arrive in time",
        )),
    }
}

fn parse(body: &[u8]) -> Result<async_graphql::Request, (Code, String)> {
    let is_batch = body
        .iter()
        .find(|byte| !byte.is_ascii_whitespace())
        .is_some_and(|byte| *byte == b'[');
    if is_batch {
        let message = "send one query in a request: batches are not supported";
        return Err((Code::BatchNotSupported, message.to_owned()));
    }
    serde_json::from_slice(body).map_err(|cause| {
        let message = format!(
            "the request is not a GraphQL request: {cause}. Send {{\"query\": \"…\", \"variables\": {{…}}}}"
        );
        (Code::BadRequest, message)
    })
}

/// An answer to what was not even tried, in the form of a GraphQL response.
pub(crate) fn refusal(status: StatusCode, code: Code, message: impl Into<String>) -> Response {
    metrics::counter!(REFUSED, "reason" => code.as_str()).increment(1);
    let answer = GraphQlResponse::from_errors(vec![code.server_error(message)]);
    json(status, &answer)
}

fn panicked() -> Response {
    metrics::counter!(PANICS).increment(1);
    let message = "the gateway failed to answer; its log says why";
    refusal(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, message)
}

fn json(status: StatusCode, answer: &GraphQlResponse) -> Response {
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    (status, no_store, axum::Json(answer)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_query_is_read_and_batches_and_other_things_are_not() {
        let request = parse(br#"{"query": "{ a }", "variables": {"b": 1}}"#).expect("a request");
        assert_eq!(request.query, "{ a }");
        for (body, code) in [
            (r#" [{"query": "{ a }"}]"#, Code::BatchNotSupported),
            ("", Code::BadRequest),
            ("{", Code::BadRequest),
            ("\"{ a }\"", Code::BadRequest),
            (r#"{"query": 1}"#, Code::BadRequest),
        ] {
            let (found, _) = parse(body.as_bytes()).expect_err(body);
            assert_eq!(found, code, "{body}");
        }
    }

    #[test]
    fn only_json_is_json() {
        for (kind, expected) in [
            ("application/json", true),
            ("application/JSON; charset=utf-8", true),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("multipart/form-data; boundary=x", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, kind.parse().expect("a header"));
            assert_eq!(is_json(&headers), expected, "{kind}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}

//! GraphQL over HTTP, and the routes around it.

use std::sync::Arc;

use async_graphql::Response as GraphQlResponse;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use runtime::http::{Connection, Places, Seats};
use runtime::origin::{self, OriginPolicy};
use serde::{Serialize, Serializer};
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
use crate::metrics::{PANICS, REFUSED};
use crate::request::{self, Refused, is_json};
use crate::{page, socket};

/// What the routes share.
#[derive(Debug)]
pub struct App {
    pub schema: SchemaHandle,
    pub authenticator: Authenticator,
    pub config: GatewayConfig,
    pub requests: Slots,
    pub sockets: Arc<Places>,
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
            origins: OriginPolicy {
                allowed_origins: config.allowed_origins.clone(),
                allowed_hosts: (!authenticator.is_required()).then(|| config.allowed_hosts.clone()),
                allows_local_pages: false,
                settings: ("gateway.allowed_origins", "gateway.allowed_hosts"),
            },
            authenticator,
            requests: Slots::new(config.limits.queries_max),
            sockets: Places::new(Seats {
                connections_max: config.live.sockets_max,
                strangers_max: config.live.strangers_max,
                strangers_per_address_max: config.live.strangers_max,
            }),
            stopping,
            open_sockets: TaskTracker::new(),
            config,
        }
    }
}

/// Everything that is served on the public port.
pub fn router(app: Arc<App>) -> Router {
    let api = Router::new().route("/graphql", post(graphql).get(get_graphql));
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
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
}

async fn check_origin(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    match app.origins.check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refused) => refusal(StatusCode::FORBIDDEN, Code::Forbidden, refused.to_string()),
    }
}

/// A query by POST.
async fn graphql(State(app): State<Arc<App>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    answer(&app, &head, async {
        // A form or plain text can be sent by any page in the world without asking first; JSON cannot.
        if !is_json(&head.headers) {
            return Err(refusal(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                Code::BadRequest,
                "send the query as JSON, with `Content-Type: application/json`",
            ));
        }
        let body = read(&app.config.limits, body).await?;
        request::of_body(&body).map_err(Response::from)
    })
    .await
}

/// A WebSocket, or a query by GET.
async fn get_graphql(
    State(app): State<Arc<App>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: Request,
) -> Response {
    let (head, _) = request.into_parts();
    if let Ok(upgrade) = upgrade {
        return socket::upgrade(app, head, upgrade);
    }
    let Some(parameters) = head.uri.query() else {
        let message = "send queries by POST with a JSON body, subscriptions over a WebSocket to this same address";
        return refusal(StatusCode::METHOD_NOT_ALLOWED, Code::BadRequest, message);
    };
    if origin::is_embedded(&head.headers) {
        let message = "another site's page may not send queries: open the gateway's own page";
        return refusal(StatusCode::FORBIDDEN, Code::Forbidden, message);
    }
    answer(&app, &head, async {
        request::of_address(parameters).map_err(Response::from)
    })
    .await
}

/// Answers a request once it is known who sends it and there is room for it.
async fn answer(
    app: &App,
    head: &Parts,
    request: impl Future<Output = Result<async_graphql::Request, Response>>,
) -> Response {
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
    if let Some(connection) = head.extensions.get::<Connection>() {
        connection.sign_in();
    }
    let Some(_slot) = app.requests.take() else {
        return refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            Code::Busy,
            "as many queries are being answered as this gateway allows: try again later",
        );
    };
    match request.await {
        Ok(request) => {
            let answer = app.schema.0.execute(request.data(requester)).await;
            json(StatusCode::OK, &answer)
        }
        Err(refused) => refused,
    }
}

impl From<Refused> for Response {
    fn from(refused: Refused) -> Self {
        refusal(refused.status, refused.code, refused.message)
    }
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
    let response = (status, no_store, axum::Json(Answer(answer))).into_response();
    match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            ([(header::ALLOW, "GET, POST")], response).into_response()
        }
        _ => response,
    }
}

/// A response as it is written: one that was refused before anything was executed has no `data` (GraphQL, "Response
/// Format").
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'a>(pub(crate) &'a GraphQlResponse);

impl Answer<'_> {
    /// Whether nothing was executed: what fails in a field says where.
    pub(crate) fn is_refused(self) -> bool {
        let Self(response) = self;
        response.data == async_graphql::Value::Null
            && !response.errors.is_empty()
            && response.errors.iter().all(|error| error.path.is_empty())
    }
}

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Refused<'a> {
            errors: &'a [async_graphql::ServerError],
        }
        match self.is_refused() {
            true => Refused {
                errors: &self.0.errors,
            }
            .serialize(serializer),
            false => self.0.serialize(serializer),
        }
    }
}

//! OTLP/gRPC: unary calls of the three Export methods.
//!
//! The framing of a unary call is a prefix of five bytes and a trailer. It is read here rather than by a gRPC server,
//! so that a call is bounded by the same budget and unfolded by the same decompression as every other request, and
//! its message is passed on as the bytes that it is.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use tonic::{Code, Status};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::field::Empty;

use super::{Encoding, Export, Rejections, Signal, answer};
use crate::app::{App, Observed};
use crate::body::{self, Coding};
use crate::metrics::PANICS;
use crate::refusal::{Reason, Refusal};

/// Before a message: whether it is compressed, and its length in four bytes.
const PREFIX_BYTES: usize = 5;
const GRPC_STATUS: &str = "grpc-status";
const GRPC_ENCODING: &str = "grpc-encoding";
const GRPC_ACCEPT_ENCODING: &str = "grpc-accept-encoding";

/// Everything that is served on the gRPC port.
pub fn router(app: Arc<App>) -> Router {
    let method = |signal: &str, service: &str| {
        format!("/opentelemetry.proto.collector.{signal}.v1.{service}/Export")
    };
    Router::new()
        .route(&method("trace", "TraceService"), post(traces))
        .route(&method("logs", "LogsService"), post(logs))
        .route(&method("metrics", "MetricsService"), post(metrics))
        .fallback(unknown_method)
        .method_not_allowed_fallback(unknown_method)
        .layer(CatchPanicLayer::custom(|_| panicked()))
        .with_state(app)
}

async fn traces(app: State<Arc<App>>, request: Request) -> Response {
    handle(Signal::Traces, app.0, request).await
}

async fn logs(app: State<Arc<App>>, request: Request) -> Response {
    handle(Signal::Logs, app.0, request).await
}

async fn metrics(app: State<Arc<App>>, request: Request) -> Response {
    handle(Signal::Metrics, app.0, request).await
}

#[tracing::instrument(name = "otlp_grpc", skip_all, fields(otel.kind = "server", signal = signal.name(), outcome = Empty, otel.status_code = Empty))]
async fn handle(signal: Signal, app: Arc<App>, request: Request) -> Response {
    let begin = Instant::now();
    let (head, body) = request.into_parts();
    if !is_grpc(&head.headers) {
        // As gRPC over HTTP/2 demands of requests that are not its own.
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let outcome = receive(signal, &app, &head.headers, body).await;
    app.observe(Observed {
        protocol: "otlp_grpc",
        signal: signal.name(),
        begin,
        rejected: outcome.as_ref().map(|rejections| rejections.total),
    });
    match outcome {
        Ok(rejections) => success(&answer::success_message(&rejections)),
        Err(refused) => refusal(&refused),
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| matches!(kind, "application/grpc" | "application/grpc+proto"))
}

async fn receive(
    signal: Signal,
    app: &App,
    headers: &HeaderMap,
    body: Body,
) -> Result<Rejections, Refusal> {
    let project = app.admit_token(headers)?;
    let _slot = app.begin()?;
    let mut held = app.budget.reservation();
    let framed = body::read(headers, body, &app.config.limits, &mut held).await?;
    let (is_compressed, message) = unframe(&framed)?;
    let coding = match headers.get(GRPC_ENCODING) {
        Some(name) if is_compressed => Coding::named(name.to_str().unwrap_or("?"))?,
        None if is_compressed => {
            return Err(Refusal::malformed(
                "the message is compressed, and grpc-encoding does not say how",
            ));
        }
        _ => Coding::Identity,
    };
    let export = Export {
        signal,
        encoding: Encoding::Proto,
        coding,
        body: message,
        project,
        held,
    };
    super::export(app, export).await
}

/// The single message of a unary call, and whether it is compressed.
fn unframe(framed: &Bytes) -> Result<(bool, Bytes), Refusal> {
    let malformed =
        |message: &str| Refusal::malformed(format!("the call is no unary gRPC call: {message}"));
    let Some((prefix, message)) = framed.split_first_chunk::<PREFIX_BYTES>() else {
        return Err(malformed("it holds no message"));
    };
    let [compressed, length @ ..] = *prefix;
    if u32::from_be_bytes(length) as usize != message.len() {
        return Err(malformed(
            "it does not hold exactly one message of the length that it says",
        ));
    }
    match compressed {
        0 => Ok((false, framed.slice(PREFIX_BYTES..))),
        1 => Ok((true, framed.slice(PREFIX_BYTES..))),
        _ => Err(malformed("its first byte is neither 0 nor 1")),
    }
}

fn success(message: &[u8]) -> Response {
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    let mut trailers = HeaderMap::new();
    trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"));
    let body = Full::new(framed.freeze()).with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response = Response::new(Body::new(body));
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn refusal(refused: &Refusal) -> Response {
    let details = Bytes::from(answer::status_message(refused));
    let status = Status::with_details(
        answer::code(refused.reason),
        refused.message.clone(),
        details,
    );
    let mut response = status.into_http::<Body>();
    if refused.reason == Reason::Unsupported {
        let known = HeaderValue::from_static("identity,gzip,deflate,zstd");
        response.headers_mut().insert(GRPC_ACCEPT_ENCODING, known);
    }
    response
}

async fn unknown_method() -> Response {
    Status::unimplemented(
        "only the Export methods of OTLP's trace, logs and metrics services are here",
    )
    .into_http()
}

fn panicked() -> Response {
    metrics::counter!(PANICS).increment(1);
    Status::new(
        Code::Internal,
        "the intake failed to answer; its log says why",
    )
    .into_http()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_holds_exactly_one_message() {
        let framed = |bytes: &'static [u8]| unframe(&Bytes::from_static(bytes));
        assert_eq!(
            framed(b"\0\0\0\0\x03abc"),
            Ok((false, Bytes::from_static(b"abc")))
        );
        assert_eq!(framed(b"\x01\0\0\0\0"), Ok((true, Bytes::new())));
        for bad in [
            &b""[..],
            b"\0\0\0\0",
            b"\0\0\0\0\x04abc",
            b"\0\0\0\0\x02abc",
            b"\x02\0\0\0\0",
        ] {
            assert_eq!(framed(bad).expect_err("is bad").reason, Reason::Malformed);
        }
    }
}

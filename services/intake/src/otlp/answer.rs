//! What OTLP answers over HTTP, in the encoding of the request.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prost::Message;
use serde_json::json;
use tonic::Code;

use super::{Encoding, Rejections, Signal};
use crate::refusal::{Reason, Refusal};

/// `ExportTraceServiceResponse`, and the same for logs and metrics: alike on the wire.
#[derive(Clone, PartialEq, Message)]
struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Duration>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct Duration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// The response message in protobuf. Without rejections it is empty, which means success.
pub fn success_message(rejections: &Rejections) -> Vec<u8> {
    let partial_success = (rejections.total > 0).then(|| PartialSuccess {
        rejected: i64::try_from(rejections.total).unwrap_or(i64::MAX),
        error_message: rejections.message(),
    });
    ExportResponse { partial_success }.encode_to_vec()
}

/// The status message in protobuf, with the time to wait where trying again can help.
pub fn status_message(refused: &Refusal) -> Vec<u8> {
    let retry = refused.reason.retry_after().map(|wait| {
        let retry_delay = Some(Duration {
            seconds: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(wait.subsec_nanos()).unwrap_or(0),
        });
        Any {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
            value: RetryInfo { retry_delay }.encode_to_vec(),
        }
    });
    Status {
        code: code(refused.reason) as i32,
        message: refused.message.clone(),
        details: retry.into_iter().collect(),
    }
    .encode_to_vec()
}

/// As gRPC counts reasons. Resources that are exhausted may be tried again only when the answer says when.
pub fn code(reason: Reason) -> Code {
    match reason {
        Reason::Malformed => Code::InvalidArgument,
        Reason::Unauthenticated => Code::Unauthenticated,
        Reason::Forbidden => Code::PermissionDenied,
        Reason::Timeout => Code::Cancelled,
        Reason::TooLarge | Reason::Overloaded => Code::ResourceExhausted,
        Reason::Unsupported => Code::Unimplemented,
        Reason::Unavailable => Code::Unavailable,
        Reason::Internal => Code::Internal,
    }
}

pub fn success(signal: Signal, encoding: Encoding, rejections: &Rejections) -> Response {
    let body = match encoding {
        Encoding::Proto => success_message(rejections),
        Encoding::Json => {
            let rejected = match signal {
                Signal::Traces => "rejectedSpans",
                Signal::Logs => "rejectedLogRecords",
                Signal::Metrics => "rejectedDataPoints",
            };
            let message = match rejections.total {
                0 => json!({}),
                total => json!({"partialSuccess": {
                    rejected: total.to_string(),
                    "errorMessage": rejections.message(),
                }}),
            };
            message.to_string().into_bytes()
        }
    };
    (StatusCode::OK, content_type(encoding), body).into_response()
}

pub fn refusal(encoding: Encoding, refused: &Refusal) -> Response {
    let body = match encoding {
        Encoding::Proto => status_message(refused),
        Encoding::Json => {
            let status = json!({"code": code(refused.reason) as i32, "message": refused.message});
            status.to_string().into_bytes()
        }
    };
    let mut response = (refused.reason.status(), content_type(encoding), body).into_response();
    let headers = response.headers_mut();
    if let Some(wait) = refused.reason.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    }
    if refused.reason == Reason::Unauthenticated {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn content_type(encoding: Encoding) -> [(header::HeaderName, &'static str); 1] {
    let kind = match encoding {
        Encoding::Proto => "application/x-protobuf",
        Encoding::Json => "application/json",
    };
    [(header::CONTENT_TYPE, kind)]
}

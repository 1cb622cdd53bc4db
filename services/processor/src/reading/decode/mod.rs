//! Bytes of a record become raw spans and log records. Pure: no clock, no client, no meaning given to attributes.
//!
//! A record that cannot be read as a whole is a [`DecodeError`] and belongs into the dead letters. A bad span, or a bad
//! resource or scope with the spans below it, is reported in [`Decoded::rejected`]; its neighbours live.

mod any_value;
mod batch;
mod json_values;
mod otlp_json;
mod otlp_proto;
mod sentry_span;
mod wire;

use bytes::Bytes;
use domain::json;
use domain::raw::{RawLog, RawSpan};
pub use kafka::{Encoding, PROJECT_HEADER, Signal};
use std::fmt;
use std::sync::Arc;

/// Spans and log records of one record. The OpenTelemetry Collector batches 8,192 by default; ten times as many and
/// more is a mistake or an attack on our memory.
pub const ITEMS_PER_RECORD_MAX: usize = 100_000;
/// Attributes of one span, event, log record or resource. Conventions that flatten messages into attributes write about
/// ten a message; the bound leaves room for conversations of some thousands of messages.
pub const ATTRIBUTES_MAX: usize = 50_000;
/// Events of one span; SDKs send 128 at most unless told otherwise.
pub const EVENTS_PER_SPAN_MAX: usize = 10_000;
/// Nesting of one attribute value. Deep tool schemas have some 15 levels.
pub const ATTRIBUTE_DEPTH_MAX: usize = 24;
/// Rejected spans that are described one by one; the rest is only counted.
pub const REJECTIONS_DESCRIBED_MAX: usize = 20;

/// What one record held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    pub spans: Vec<RawSpan>,
    pub logs: Vec<RawLog>,
    /// Spans without usable ids or with unreadable bytes, and resources and scopes with all below them, the first [`REJECTIONS_DESCRIBED_MAX`] of them. Whoever
    /// wants nothing to be lost sends a copy of the record to the dead letters when this is not empty.
    pub rejected: Vec<RejectedSpan>,
    /// All rejected spans, described or not, as far as they could be counted.
    pub rejected_total: usize,
    /// Log records that belong to no span, as ordinary application logs do. They are not of interest here.
    pub logs_without_span: usize,
}

/// A span of an otherwise good record that had to be left out, or what stands around spans, with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedSpan {
    pub reason: String,
    /// Its place in the record, such as `resource 0, scope 1, span 7 "chat gpt-4o"`.
    pub at: String,
}

impl fmt::Display for RejectedSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.reason)
    }
}

/// Why a whole record cannot be read; the text says what, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the record as {encoding}: {reason}")]
pub struct DecodeError {
    pub encoding: Encoding,
    pub reason: String,
}

impl DecodeError {
    fn new(encoding: Encoding, reason: impl Into<String>) -> Self {
        Self {
            encoding,
            reason: reason.into(),
        }
    }
}

/// Reads one record. An empty payload (a tombstone) holds nothing and is no error.
///
/// The configured encoding is what the operator believes. A payload that visibly is the other family (JSON on a
/// protobuf topic or the reverse) is read as what it is, so that a producer can be switched before its consumer.
pub fn decode(
    encoding: Encoding,
    signal: Signal,
    payload: &Bytes,
    headers: &[(String, Bytes)],
) -> Result<Decoded, DecodeError> {
    if payload.is_empty() {
        return Ok(Decoded::default());
    }
    let project = project_of(headers);
    let project = project.as_ref();
    let json = |encoding| decode_json(encoding, payload, project);
    let proto = |encoding| decode_proto(encoding, signal, payload, project);
    match encoding {
        // No OTLP message begins with these bytes: they would be groups, which OTLP does not use.
        Encoding::OtlpProto if matches!(payload[0], b'{' | b'[') => json(encoding),
        // A protobuf record may begin like indented JSON (0x0A is a line feed), so JSON is only the second guess.
        Encoding::OtlpProto => match proto(encoding) {
            Err(_) if json::looks_like_json(payload) => json(encoding),
            outcome => outcome,
        },
        Encoding::OtlpJson | Encoding::SentrySpanJson => match json(encoding) {
            Err(error) if payload[0] == wire::FIRST_BYTE => proto(encoding).map_err(|_| error),
            outcome => outcome,
        },
    }
}

fn decode_proto(
    encoding: Encoding,
    signal: Signal,
    payload: &Bytes,
    project: Option<&String>,
) -> Result<Decoded, DecodeError> {
    let outcome = match signal {
        Signal::Spans => otlp_proto::spans(payload, project),
        Signal::Logs => otlp_proto::logs(payload, project),
    };
    outcome.map_err(|reason| {
        let hint = match payload[0] {
            0 => "; it begins like a schema registry message: let the producer write plain OTLP",
            _ => "; let the producer write whole OTLP requests, or correct the topic's `encoding`",
        };
        DecodeError::new(encoding, reason + hint)
    })
}

/// JSON says itself what it is, so that each document goes to the reader that understands it.
fn decode_json(
    encoding: Encoding,
    payload: &[u8],
    project: Option<&String>,
) -> Result<Decoded, DecodeError> {
    let fail = |reason: String| DecodeError::new(encoding, reason);
    let documents = json::documents(payload).map_err(|error| {
        fail(format!(
            "not valid JSON: {error}; send whole JSON documents, or correct the topic's `encoding`"
        ))
    })?;
    let documents = documents.into_iter().flat_map(batch::array_or_single);
    let mut batch = batch::Batch::default();
    let mut bad = Vec::new();
    let mut good = 0;
    for (number, document) in documents.enumerate() {
        let read = match sentry_span::is_one(&document) {
            true => sentry_span::read(document, project, &mut batch).map_err(Unread::Record),
            false => otlp_json::read(document, project, &mut batch),
        };
        match read {
            Ok(()) => good += 1,
            Err(Unread::Document(reason)) => bad.push((number, reason)),
            Err(Unread::Record(reason)) => return Err(fail(reason)),
        }
    }
    match bad.first() {
        Some((_, reason)) if good == 0 => return Err(fail(reason.clone())),
        _ => {}
    }
    for (number, reason) in bad {
        batch.lose(0, reason, || format!("document {number}"));
    }
    Ok(batch.decoded)
}

/// Why a JSON document gave nothing.
#[derive(Debug)]
enum Unread {
    /// It is none of ours: its neighbours may be.
    Document(String),
    /// The record holds too much.
    Record(String),
}

fn project_of(headers: &[(String, Bytes)]) -> Option<String> {
    let (_, value) = headers.iter().find(|(name, _)| name == PROJECT_HEADER)?;
    let project = std::str::from_utf8(value).ok()?.trim();
    (!project.is_empty()).then(|| project.to_owned())
}

/// Shared by the readers: one [`Arc`] a scope, not one a span.
type SharedOrigin = Arc<domain::raw::Origin>;

//! What a decoder yields: attributes and events as they came, before anyone asks what they mean.

use crate::ids::{SpanId, TraceId};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Attribute values as JSON: bytes as base64 text, non-finite doubles as text, key/value lists as objects.
pub type Attributes = Map<String, Value>;

/// The producer's process and library, shared by all spans of one export.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Origin {
    pub resource: Attributes,
    pub scope_name: String,
    pub scope_version: String,
    /// Known from the producer's credentials or record (Sentry's project id), else `None`.
    pub project: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RawSpan {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub parent_span_id: Option<SpanId>,
    pub name: String,
    /// Unix nanoseconds; 0 when the producer gave none.
    pub start_ns: i64,
    pub end_ns: i64,
    pub status: RawStatus,
    pub attributes: Attributes,
    pub events: Vec<RawEvent>,
    /// How many attributes the SDK says it threw away.
    pub dropped_attributes: u32,
    pub origin: Arc<Origin>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawStatus {
    pub is_error: bool,
    pub message: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RawEvent {
    pub name: String,
    pub time_ns: i64,
    pub attributes: Attributes,
}

/// A log record that belongs to a span and may carry message content.
#[derive(Clone, Debug, PartialEq)]
pub struct RawLog {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    /// `event_name`, or the attribute `event.name` of older producers.
    pub event_name: String,
    pub time_ns: i64,
    /// Position within its export, the tie-break between records of one instant.
    pub index: u32,
    pub attributes: Attributes,
    pub body: Value,
    pub origin: Arc<Origin>,
}

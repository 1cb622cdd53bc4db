//! The OTLP messages as far as we read them.
//!
//! They are declared here instead of taken from `opentelemetry-proto` for the sake of bad input: text is read as bytes,
//! so that invalid UTF-8 costs a character instead of the batch, and repeated messages stay undecoded slices of the
//! record, so that one bad span is one bad span and a small record cannot unfold into gigabytes. The tests write with
//! the official types and read with these.

use bytes::Bytes;

/// Every OTLP request begins with its field 1, length-delimited.
pub(super) const FIRST_BYTE: u8 = 0x0A;

/// `ExportTraceServiceRequest`, `TracesData`, `ExportLogsServiceRequest` and `LogsData` are alike on the wire.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Request {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) resources: Vec<Bytes>,
}

/// `ResourceSpans` and `ResourceLogs`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ResourceItems {
    /// One [`Resource`], undecoded so that a broken one can be told from what it stands beside. Several count as one.
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) resource: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub(super) scopes: Vec<Bytes>,
    /// `instrumentation_library_spans` of producers older than OTLP 0.19, the same message under another number.
    #[prost(bytes = "bytes", repeated, tag = "1000")]
    pub(super) libraries: Vec<Bytes>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Resource {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) attributes: Vec<Bytes>,
}

/// `ScopeSpans` and `ScopeLogs`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ScopeItems {
    /// One [`Scope`], as above.
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) scope: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub(super) items: Vec<Bytes>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Scope {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) name: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) version: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Span {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) trace_id: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) span_id: Bytes,
    #[prost(bytes = "bytes", tag = "4")]
    pub(super) parent_span_id: Bytes,
    #[prost(bytes = "bytes", tag = "5")]
    pub(super) name: Bytes,
    #[prost(fixed64, tag = "7")]
    pub(super) start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    pub(super) end_time_unix_nano: u64,
    #[prost(bytes = "bytes", repeated, tag = "9")]
    pub(super) attributes: Vec<Bytes>,
    #[prost(uint32, tag = "10")]
    pub(super) dropped_attributes_count: u32,
    #[prost(bytes = "bytes", repeated, tag = "11")]
    pub(super) events: Vec<Bytes>,
    #[prost(message, optional, tag = "15")]
    pub(super) status: Option<Status>,
}

/// What is left of a span whose other fields cannot be read: enough to name it.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SpanName {
    #[prost(bytes = "bytes", tag = "5")]
    pub(super) name: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Event {
    #[prost(fixed64, tag = "1")]
    pub(super) time_unix_nano: u64,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) name: Bytes,
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub(super) attributes: Vec<Bytes>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Status {
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) message: Bytes,
    #[prost(int32, tag = "3")]
    pub(super) code: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LogRecord {
    #[prost(fixed64, tag = "1")]
    pub(super) time_unix_nano: u64,
    #[prost(bytes = "bytes", optional, tag = "5")]
    pub(super) body: Option<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "6")]
    pub(super) attributes: Vec<Bytes>,
    #[prost(bytes = "bytes", tag = "9")]
    pub(super) trace_id: Bytes,
    #[prost(bytes = "bytes", tag = "10")]
    pub(super) span_id: Bytes,
    #[prost(fixed64, tag = "11")]
    pub(super) observed_time_unix_nano: u64,
    #[prost(bytes = "bytes", tag = "12")]
    pub(super) event_name: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct KeyValue {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) key: Bytes,
    /// An [`AnyValue`], still undecoded: values are unfolded one level at a time.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub(super) value: Option<Bytes>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AnyValue {
    #[prost(oneof = "any_value::Kind", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub(super) kind: Option<any_value::Kind>,
}

pub(super) mod any_value {
    use bytes::Bytes;

    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(in super::super) enum Kind {
        #[prost(bytes = "bytes", tag = "1")]
        Text(Bytes),
        #[prost(bool, tag = "2")]
        Bool(bool),
        #[prost(int64, tag = "3")]
        Int(i64),
        #[prost(double, tag = "4")]
        Double(f64),
        #[prost(message, tag = "5")]
        Array(super::Values),
        #[prost(message, tag = "6")]
        Object(super::Values),
        #[prost(bytes = "bytes", tag = "7")]
        Binary(Bytes),
    }
}

/// `ArrayValue` (of `AnyValue`) and `KeyValueList` (of `KeyValue`).
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Values {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) values: Vec<Bytes>,
}

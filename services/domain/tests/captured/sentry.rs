//! Reads the recorded Sentry envelopes as the records they become. For tests only: the service's decoder of those
//! records is the processor's.

use crate::otlp::json_logs;
use domain::ids::{SpanId, TraceId};
use domain::raw::{Attributes, Origin, RawLog, RawSpan, RawStatus};
use domain::sentry_envelope::{self, Context, Envelope};
use serde_json::Value;
use std::sync::Arc;

pub(crate) fn spans(body: &[u8]) -> Vec<RawSpan> {
    let records = envelope(body).records.into_iter();
    records.map(|record| raw_span(&record.body)).collect()
}

/// The error events, as log records of their spans.
pub(crate) fn logs(body: &[u8]) -> Vec<RawLog> {
    let errors = envelope(body).errors.into_iter();
    errors.flat_map(|record| json_logs(&record.body)).collect()
}

fn envelope(body: &[u8]) -> Envelope {
    let context = Context {
        organization_id: 1,
        project_id: 42,
        key_id: None,
        received_s: 1_795_415_100.0,
    };
    let envelope = sentry_envelope::read(body, &context).expect("an envelope");
    assert_eq!(envelope.rejected_total, 0, "{:?}", envelope.rejected);
    envelope
}

fn raw_span(record: &Value) -> RawSpan {
    let attributes: Attributes = record["attributes"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, typed)| {
            let value = typed.get("value")?.clone();
            Some((name.clone(), value))
        })
        .collect();
    let word = ["sentry.status.message", "sentry.status"]
        .iter()
        .find_map(|name| attributes.get(*name)?.as_str());
    let is_error = record["status"] == "error" && word != Some("cancelled");
    RawSpan {
        trace_id: TraceId::parse_hex(&text(record, "trace_id")).expect("a trace id"),
        span_id: SpanId::parse_hex(&text(record, "span_id")).expect("a span id"),
        parent_span_id: SpanId::parse_hex(&text(record, "parent_span_id")),
        name: text(record, "name"),
        start_ns: nanoseconds(&record["start_timestamp"]),
        end_ns: nanoseconds(&record["end_timestamp"]),
        status: RawStatus {
            is_error,
            message: if is_error {
                word.unwrap_or_default().to_owned()
            } else {
                String::new()
            },
        },
        origin: Arc::new(Origin {
            project: Some("42".into()),
            scope_name: attributes
                .get("sentry.sdk.name")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            ..Origin::default()
        }),
        attributes,
        events: Vec::new(),
        dropped_attributes: 0,
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn nanoseconds(seconds: &Value) -> i64 {
    (seconds.as_f64().expect("seconds") * 1e6).round() as i64 * 1_000
}

//! Reads the recorded Sentry envelopes. For tests only: the service's reader is the intake's.

use domain::ids::{SpanId, TraceId};
use domain::raw::{Attributes, Origin, RawSpan, RawStatus};
use serde_json::Value;
use std::sync::Arc;

/// The spans of an envelope: of its span containers, and the transaction itself with its spans.
pub(crate) fn spans(body: &[u8]) -> Vec<RawSpan> {
    let mut spans = Vec::new();
    for (header, payload) in items(body) {
        match header["type"].as_str() {
            Some("span") => {
                let items = payload["items"].as_array().expect("items");
                spans.extend(items.iter().map(container_span));
            }
            Some("transaction") => {
                spans.push(transaction(&payload));
                let children = payload["spans"].as_array();
                spans.extend(children.into_iter().flatten().map(classic_span));
            }
            _ => {}
        }
    }
    spans
}

/// Header and payload of each item. Without a length the payload ends at the next newline.
fn items(body: &[u8]) -> Vec<(Value, Value)> {
    let mut rest = after_line(body).1;
    let mut items = Vec::new();
    while !rest.is_empty() {
        let (header, after) = after_line(rest);
        let header: Value = serde_json::from_slice(header).expect("an item header");
        let (payload, after) = match header["length"].as_u64() {
            Some(length) => {
                let (payload, after) = after.split_at(length as usize);
                (payload, after.strip_prefix(b"\n").unwrap_or(after))
            }
            None => after_line(after),
        };
        if let Ok(payload) = serde_json::from_slice(payload) {
            items.push((header, payload));
        }
        rest = after;
    }
    items
}

fn after_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

fn container_span(span: &Value) -> RawSpan {
    let attributes: Attributes = span["attributes"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, typed)| (name.clone(), typed["value"].clone()))
        .collect();
    raw(
        span,
        text(span, "name"),
        (
            seconds(&span["start_timestamp"]),
            seconds(&span["end_timestamp"]),
        ),
        span["status"] == "error",
        attributes,
    )
}

fn transaction(payload: &Value) -> RawSpan {
    let context = &payload["contexts"]["trace"];
    raw(
        context,
        text(payload, "transaction"),
        (
            seconds(&payload["start_timestamp"]),
            seconds(&payload["timestamp"]),
        ),
        is_failure(context),
        classic_attributes(context),
    )
}

fn classic_span(span: &Value) -> RawSpan {
    raw(
        span,
        text(span, "description"),
        (
            seconds(&span["start_timestamp"]),
            seconds(&span["timestamp"]),
        ),
        is_failure(span),
        classic_attributes(span),
    )
}

fn classic_attributes(holder: &Value) -> Attributes {
    let mut attributes = holder["data"].as_object().cloned().unwrap_or_default();
    for (key, name) in [("op", "sentry.op"), ("status", "sentry.status")] {
        if holder[key].is_string() {
            attributes.insert(name.into(), holder[key].clone());
        }
    }
    attributes
}

fn is_failure(holder: &Value) -> bool {
    holder["status"]
        .as_str()
        .is_some_and(|status| !matches!(status, "ok" | "cancelled" | "unknown"))
}

fn raw(
    span: &Value,
    name: String,
    (start_ns, end_ns): (i64, i64),
    is_error: bool,
    attributes: Attributes,
) -> RawSpan {
    RawSpan {
        trace_id: TraceId::parse_hex(&text(span, "trace_id")).expect("a trace id"),
        span_id: SpanId::parse_hex(&text(span, "span_id")).expect("a span id"),
        parent_span_id: SpanId::parse_hex(&text(span, "parent_span_id")),
        name,
        start_ns,
        end_ns,
        status: RawStatus {
            is_error,
            message: String::new(),
        },
        attributes,
        events: Vec::new(),
        dropped_attributes: 0,
        origin: Arc::new(Origin {
            project: Some("42".into()),
            ..Origin::default()
        }),
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// Float seconds; the ISO dates of classic transactions are not needed here.
fn seconds(value: &Value) -> i64 {
    value
        .as_f64()
        .map(|seconds| (seconds * 1e9) as i64)
        .unwrap_or_default()
}

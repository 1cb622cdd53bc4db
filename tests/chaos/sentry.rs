//! Spans as Sentry's Relay writes them.

use harness::otlp::hex;
use harness::record::Record;
use harness::topics::Topics;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

pub(crate) const SENTRY_PROJECT: &str = "4711";

/// A span as Relay writes it to `ingest-spans`.
pub(crate) fn sentry_record(topics: &Topics, span: &Span) -> Record {
    const NS_PER_SECOND: f64 = 1e9;
    let is_error = span.status.as_ref().is_some_and(|status| status.code == 2);
    let attributes: serde_json::Map<String, Value> = span
        .attributes
        .iter()
        .filter_map(|attribute| {
            let value = typed(attribute.value.as_ref()?.value.as_ref()?)?;
            Some((attribute.key.clone(), value))
        })
        .collect();
    let body = json!({
        "trace_id": hex(&span.trace_id),
        "span_id": hex(&span.span_id),
        "parent_span_id": (!span.parent_span_id.is_empty()).then(|| hex(&span.parent_span_id)),
        "name": span.name,
        "start_timestamp": span.start_time_unix_nano as f64 / NS_PER_SECOND,
        "end_timestamp": span.end_time_unix_nano as f64 / NS_PER_SECOND,
        "status": if is_error { "error" } else { "ok" },
        "attributes": attributes,
    });
    let mut record = Record::new(&topics.sentry, hex(&span.trace_id), body.to_string());
    record
        .headers
        .insert("project_id".to_owned(), SENTRY_PROJECT.into());
    record
}

fn typed(value: &Any) -> Option<Value> {
    let (kind, value) = match value {
        Any::StringValue(text) => ("string", json!(text)),
        Any::BoolValue(value) => ("boolean", json!(value)),
        Any::IntValue(number) => ("integer", json!(number)),
        Any::DoubleValue(number) => ("double", json!(number)),
        Any::ArrayValue(array) => {
            let texts = array.values.iter().filter_map(|item| match &item.value {
                Some(Any::StringValue(text)) => Some(text.as_str()),
                _ => None,
            });
            ("array", json!(texts.collect::<Vec<_>>()))
        }
        _ => return None,
    };
    Some(json!({"type": kind, "value": value}))
}

//! Reads the recorded OTLP bodies. For tests only: the service's decoder is the processor's.

use domain::ids::{SpanId, TraceId};
use domain::raw::{Attributes, Origin, RawEvent, RawLog, RawSpan, RawStatus};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, any_value::Value as Any,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) fn spans(body: &[u8]) -> Vec<RawSpan> {
    let request = ExportTraceServiceRequest::decode(body).expect("an export of traces");
    let mut spans = Vec::new();
    for resource_spans in request.resource_spans {
        for scope_spans in resource_spans.scope_spans {
            let origin = origin(&resource_spans.resource, scope_spans.scope);
            spans.extend(
                scope_spans
                    .spans
                    .into_iter()
                    .map(|span| raw_span(span, &origin)),
            );
        }
    }
    spans
}

pub(crate) fn logs(body: &[u8]) -> Vec<RawLog> {
    let request = ExportLogsServiceRequest::decode(body).expect("an export of logs");
    let mut logs = Vec::new();
    for resource_logs in request.resource_logs {
        for scope_logs in resource_logs.scope_logs {
            let origin = origin(&resource_logs.resource, scope_logs.scope);
            for record in scope_logs.log_records {
                logs.push(RawLog {
                    trace_id: TraceId::from_bytes(&record.trace_id).expect("a trace id"),
                    span_id: SpanId::from_bytes(&record.span_id).expect("a span id"),
                    event_name: record.event_name,
                    time_ns: record.time_unix_nano.max(record.observed_time_unix_nano) as i64,
                    index: logs.len() as u32,
                    attributes: attributes(record.attributes),
                    body: record.body.map(value).unwrap_or_default(),
                    origin: origin.clone(),
                });
            }
        }
    }
    logs
}

fn raw_span(span: Span, origin: &Arc<Origin>) -> RawSpan {
    let status = span.status.unwrap_or_default();
    RawSpan {
        trace_id: TraceId::from_bytes(&span.trace_id).expect("a trace id"),
        span_id: SpanId::from_bytes(&span.span_id).expect("a span id"),
        parent_span_id: SpanId::from_bytes(&span.parent_span_id),
        name: span.name,
        start_ns: span.start_time_unix_nano as i64,
        end_ns: span.end_time_unix_nano as i64,
        status: RawStatus {
            is_error: status.code == 2,
            message: status.message,
        },
        attributes: attributes(span.attributes),
        events: span
            .events
            .into_iter()
            .map(|event| RawEvent {
                name: event.name,
                time_ns: event.time_unix_nano as i64,
                attributes: attributes(event.attributes),
            })
            .collect(),
        dropped_attributes: span.dropped_attributes_count,
        origin: origin.clone(),
    }
}

fn origin(resource: &Option<Resource>, scope: Option<InstrumentationScope>) -> Arc<Origin> {
    let scope = scope.unwrap_or_default();
    Arc::new(Origin {
        resource: attributes(resource.clone().unwrap_or_default().attributes),
        scope_name: scope.name,
        scope_version: scope.version,
        project: None,
    })
}

fn attributes(pairs: Vec<KeyValue>) -> Attributes {
    pairs
        .into_iter()
        .map(|pair| (pair.key, pair.value.map(value).unwrap_or_default()))
        .collect()
}

fn value(any: AnyValue) -> Value {
    match any.value {
        Some(Any::StringValue(text)) => text.into(),
        Some(Any::BoolValue(flag)) => flag.into(),
        Some(Any::IntValue(number)) => number.into(),
        Some(Any::DoubleValue(number)) => json!(number),
        Some(Any::ArrayValue(list)) => list.values.into_iter().map(value).collect(),
        Some(Any::KvlistValue(list)) => Value::Object(attributes(list.values)),
        _ => Value::Null,
    }
}

/// One export in OTLP's JSON encoding.
pub(crate) fn json_spans(body: &[u8]) -> Vec<RawSpan> {
    let request: Value = serde_json::from_slice(body).expect("JSON");
    let mut spans = Vec::new();
    for resource_spans in list(&request, "resourceSpans") {
        for scope_spans in list(resource_spans, "scopeSpans") {
            let origin = Arc::new(Origin {
                resource: json_attributes(&resource_spans["resource"]),
                scope_name: text(&scope_spans["scope"], "name"),
                scope_version: text(&scope_spans["scope"], "version"),
                project: None,
            });
            spans.extend(
                list(scope_spans, "spans")
                    .iter()
                    .map(|span| json_span(span, &origin)),
            );
        }
    }
    spans
}

pub(crate) fn json_logs(request: &Value) -> Vec<RawLog> {
    let mut logs = Vec::new();
    for resource_logs in list(request, "resourceLogs") {
        for scope_logs in list(resource_logs, "scopeLogs") {
            for record in list(scope_logs, "logRecords") {
                logs.push(RawLog {
                    trace_id: TraceId::parse_hex(&text(record, "traceId")).expect("an id"),
                    span_id: SpanId::parse_hex(&text(record, "spanId")).expect("an id"),
                    event_name: text(record, "eventName"),
                    time_ns: text(record, "timeUnixNano").parse().unwrap_or_default(),
                    index: 0,
                    attributes: json_attributes(record),
                    body: Value::Null,
                    origin: Arc::default(),
                });
            }
        }
    }
    logs
}

fn json_span(span: &Value, origin: &Arc<Origin>) -> RawSpan {
    RawSpan {
        trace_id: TraceId::parse_hex(&text(span, "traceId")).expect("a trace id"),
        span_id: SpanId::parse_hex(&text(span, "spanId")).expect("a span id"),
        parent_span_id: SpanId::parse_hex(&text(span, "parentSpanId")),
        name: text(span, "name"),
        start_ns: text(span, "startTimeUnixNano").parse().expect("a time"),
        end_ns: text(span, "endTimeUnixNano").parse().expect("a time"),
        status: RawStatus {
            is_error: span["status"]["code"] == 2,
            message: text(&span["status"], "message"),
        },
        attributes: json_attributes(span),
        events: list(span, "events")
            .iter()
            .map(|event| RawEvent {
                name: text(event, "name"),
                time_ns: text(event, "timeUnixNano").parse().unwrap_or_default(),
                attributes: json_attributes(event),
            })
            .collect(),
        dropped_attributes: 0,
        origin: origin.clone(),
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn json_attributes(holder: &Value) -> Attributes {
    list(holder, "attributes")
        .iter()
        .map(|pair| (text(pair, "key"), json_value(&pair["value"])))
        .collect()
}

fn json_value(any: &Value) -> Value {
    let Some((kind, inner)) = any.as_object().and_then(|map| map.iter().next()) else {
        return Value::Null;
    };
    match kind.as_str() {
        "arrayValue" => list(inner, "values").iter().map(json_value).collect(),
        _ => inner.clone(),
    }
}

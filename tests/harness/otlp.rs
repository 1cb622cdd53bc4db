//! OTLP exports: putting spans into one, taking one apart by trace as the Collector does.

use crate::record::Record;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use serde_json::Value;
use std::collections::BTreeMap;

/// What the name of the instrumentation says in spans made here.
pub const SCOPE: &str = "colloquy.demo";

pub fn attribute(key: &str, value: impl Into<Value>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(any(&value.into())),
        ..KeyValue::default()
    }
}

/// A JSON value as an attribute value; objects become key/value lists.
pub fn any(value: &Value) -> AnyValue {
    let value = match value {
        Value::Null => None,
        Value::Bool(value) => Some(Any::BoolValue(*value)),
        Value::Number(number) => Some(match number.as_i64() {
            Some(integer) => Any::IntValue(integer),
            None => Any::DoubleValue(number.as_f64().unwrap_or(f64::NAN)),
        }),
        Value::String(text) => Some(Any::StringValue(text.clone())),
        Value::Array(values) => Some(Any::ArrayValue(ArrayValue {
            values: values.iter().map(any).collect(),
        })),
        Value::Object(map) => Some(Any::KvlistValue(KeyValueList {
            values: map
                .iter()
                .map(|(key, value)| attribute(key, value.clone()))
                .collect(),
        })),
    };
    AnyValue { value }
}

/// One export of a service's spans.
pub fn export(service: &str, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let resource = Resource {
        attributes: vec![
            attribute("service.name", service),
            attribute("deployment.environment.name", "demo"),
        ],
        ..Resource::default()
    };
    let scope_spans = ScopeSpans {
        scope: Some(InstrumentationScope {
            name: SCOPE.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        }),
        spans,
        ..ScopeSpans::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![scope_spans],
            ..ResourceSpans::default()
        }],
    }
}

/// One record per trace of the export, keyed by the trace id in hex: what the Collector's Kafka exporter writes with
/// `partition_traces_by_id`.
pub fn trace_records(topic: &str, request: &ExportTraceServiceRequest) -> Vec<Record> {
    split_by_trace(request)
        .into_iter()
        .map(|(trace_id, part)| Record::new(topic, hex(&trace_id), part.encode_to_vec()))
        .collect()
}

/// The same for logs, which go to the partition of their trace.
pub fn log_records(topic: &str, request: &ExportLogsServiceRequest) -> Vec<Record> {
    split_logs_by_trace(request)
        .into_iter()
        .map(|(trace_id, part)| Record::new(topic, hex(&trace_id), part.encode_to_vec()))
        .collect()
}

fn split_by_trace(
    request: &ExportTraceServiceRequest,
) -> BTreeMap<Vec<u8>, ExportTraceServiceRequest> {
    let mut parts: BTreeMap<Vec<u8>, ExportTraceServiceRequest> = BTreeMap::new();
    for resource_spans in &request.resource_spans {
        for scope_spans in &resource_spans.scope_spans {
            let mut by_trace: BTreeMap<&[u8], Vec<Span>> = BTreeMap::new();
            for span in &scope_spans.spans {
                by_trace
                    .entry(&span.trace_id)
                    .or_default()
                    .push(span.clone());
            }
            for (trace_id, spans) in by_trace {
                parts
                    .entry(trace_id.to_vec())
                    .or_default()
                    .resource_spans
                    .push(ResourceSpans {
                        resource: resource_spans.resource.clone(),
                        schema_url: resource_spans.schema_url.clone(),
                        scope_spans: vec![ScopeSpans {
                            scope: scope_spans.scope.clone(),
                            schema_url: scope_spans.schema_url.clone(),
                            spans,
                        }],
                    });
            }
        }
    }
    parts
}

fn split_logs_by_trace(
    request: &ExportLogsServiceRequest,
) -> BTreeMap<Vec<u8>, ExportLogsServiceRequest> {
    let mut parts: BTreeMap<Vec<u8>, ExportLogsServiceRequest> = BTreeMap::new();
    for resource_logs in &request.resource_logs {
        for scope_logs in &resource_logs.scope_logs {
            let mut by_trace: BTreeMap<&[u8], Vec<_>> = BTreeMap::new();
            for log in &scope_logs.log_records {
                by_trace.entry(&log.trace_id).or_default().push(log.clone());
            }
            for (trace_id, log_records) in by_trace {
                parts
                    .entry(trace_id.to_vec())
                    .or_default()
                    .resource_logs
                    .push(ResourceLogs {
                        resource: resource_logs.resource.clone(),
                        schema_url: resource_logs.schema_url.clone(),
                        scope_logs: vec![ScopeLogs {
                            scope: scope_logs.scope.clone(),
                            schema_url: scope_logs.schema_url.clone(),
                            log_records,
                        }],
                    });
            }
        }
    }
    parts
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

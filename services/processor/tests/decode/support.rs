//! Builders of records, and the recorded exports of real SDKs.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value as Kind};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use processor::reading::decode::{DecodeError, Decoded, Encoding, Signal, decode};
use prost::Message;
use std::path::PathBuf;

pub(crate) fn spans(encoding: Encoding, payload: impl AsRef<[u8]>) -> Result<Decoded, DecodeError> {
    let payload = Bytes::copy_from_slice(payload.as_ref());
    decode(encoding, Signal::Spans, &payload, &[])
}

pub(crate) fn proto(payload: impl AsRef<[u8]>) -> Decoded {
    spans(Encoding::OtlpProto, payload).expect("readable")
}

pub(crate) fn json(payload: impl AsRef<[u8]>) -> Decoded {
    spans(Encoding::OtlpJson, payload).expect("readable")
}

pub(crate) fn span(id: u8) -> Span {
    Span {
        trace_id: vec![7; 16],
        span_id: vec![id; 8],
        name: format!("span {id}"),
        ..Span::default()
    }
}

pub(crate) fn attribute(key: &str, kind: Kind) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(kind) }),
        ..KeyValue::default()
    }
}

pub(crate) fn text(text: impl Into<String>) -> Kind {
    Kind::StringValue(text.into())
}

pub(crate) fn request(spans: Vec<Span>) -> Vec<u8> {
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![attribute("service.name", text("bot"))],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
    .encode_to_vec()
}

/// Files of one recorded set-up whose names end so, in order.
pub(crate) fn recorded(label: &str, suffix: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../schemas/examples/captured")
        .join(label);
    let mut paths: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().ends_with(suffix))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no *{suffix} in {}", folder.display());
    paths
        .iter()
        .map(|path| std::fs::read(path).expect("a file"))
        .collect()
}

//! Records that cannot be read, whole or in places: what strangers, broken producers and wrong settings write to Kafka.

use crate::otlp::export;
use crate::record::Record;
use crate::topics::Topics;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

/// `resource_spans` of a request, `resource` of these, `scope_spans` of these, `scope` of these.
const RESOURCE_SPANS: u32 = 1;
const RESOURCE: u32 = 1;
const SCOPE_SPANS: u32 = 2;
const SCOPE: u32 = 1;
const SPANS: u32 = 2;
/// The first byte says that more follow, and none do.
const CUT_OFF: &[u8] = &[0xff];

/// One field of a protobuf message, whatever its bytes are.
fn field(tag: u32, bytes: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    encode_key(tag, WireType::LengthDelimited, &mut encoded);
    encode_varint(bytes.len() as u64, &mut encoded);
    encoded.extend_from_slice(bytes);
    encoded
}

fn number(tag: u32, value: u64) -> Vec<u8> {
    let mut encoded = Vec::new();
    encode_key(tag, WireType::Varint, &mut encoded);
    encode_varint(value, &mut encoded);
    encoded
}

/// OTLP requests whose spans are well and stand below something that is not, by what that is.
pub fn broken_heads(project: &str, spans: &[Span]) -> Vec<(&'static str, Vec<u8>)> {
    let resource = export(project, Vec::new())
        .resource_spans
        .remove(0)
        .resource;
    let resource = ResourceSpans {
        resource,
        ..ResourceSpans::default()
    };
    let resource = resource.encode_to_vec();
    let spans: Vec<u8> = spans
        .iter()
        .flat_map(|span| field(SPANS, &span.encode_to_vec()))
        .collect();
    let request = |resource: &[u8], scope: &[u8]| {
        let scope_spans = field(SCOPE_SPANS, &[scope, &spans].concat());
        field(RESOURCE_SPANS, &[resource, &scope_spans].concat())
    };
    let attribute = |bytes: &[u8]| field(RESOURCE, &field(1, bytes));
    let cut_off_value = [field(1, b"k"), field(2, &[0x0a, 0x7f])].concat();
    vec![
        (
            "a resource attribute that is no message",
            request(&attribute(CUT_OFF), &[]),
        ),
        (
            "a resource attribute whose value is cut off",
            request(&attribute(&cut_off_value), &[]),
        ),
        (
            "a resource that is a number",
            request(&number(RESOURCE, 5), &[]),
        ),
        (
            "a scope that is no message",
            request(&resource, &field(SCOPE, CUT_OFF)),
        ),
        (
            "a scope whose name is a number",
            request(&resource, &field(SCOPE, &number(1, 5))),
        ),
    ]
}

/// Records of which nothing can be read, by what they are. `good` is one that could be.
pub fn unreadable(topics: &Topics, key: &str, good: &[u8]) -> Vec<(&'static str, Record)> {
    let spans = |payload: &[u8]| Record::new(&topics.spans, key, payload);
    let json = |payload: &str| Record::new(&topics.spans_json, key, payload);
    let sentry = |payload: &str| Record::new(&topics.sentry, key, payload);
    vec![
        (
            "random bytes",
            spans(&[0xff, 0x00, 0xfe, 0x13, 0x37, 0xff, 0xff]),
        ),
        ("plain text", spans(b"hello, is this thing on?")),
        ("a message that was cut off", spans(&good[..good.len() / 2])),
        (
            "a schema registry frame",
            spans(&[&[0, 0, 0, 0, 7], good].concat()),
        ),
        (
            "JSON that was cut off",
            json(r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"00"#),
        ),
        ("JSON that is no export", json(r#"{"hello":"world"}"#)),
        ("nesting without end", json(&"[".repeat(100_000))),
        ("text on the Sentry topic", sentry("not json")),
    ]
}

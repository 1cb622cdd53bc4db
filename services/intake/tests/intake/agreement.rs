//! What the intake takes, the processor reads: whoever sends what cannot be read is told so, and nobody else pays for it.

use bytes::Bytes;
use intake::budget::Budget;
use intake::otlp::{Limits, RECORD_ITEMS_MAX, Signal, Split, VALUE_DEPTH_MAX, split, to_proto};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Kind;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::Event};
use processor::reading::decode::{
    ATTRIBUTE_DEPTH_MAX, Decoded, Encoding, ITEMS_PER_RECORD_MAX, decode,
};
use proptest::prelude::*;
use prost::Message as _;
use serde_json::{Value, json};

const LIMITS: Limits = Limits {
    items_max: 10_000,
    record_bytes_max: 2_000,
    item_bytes_max: 1_000_000,
};

fn cut(signal: Signal, request: &[u8]) -> Option<Split> {
    let mut held = Budget::new(1 << 30, 1 << 30).reservation();
    split(signal, request, LIMITS, &mut held).ok()
}

/// Every record that is taken can be read, with all of its items.
fn check(signal: Signal, split: &Split) -> Result<usize, TestCaseError> {
    let mut taken = 0;
    for part in &split.parts {
        let read = decoded(signal, &part.payload);
        let read = read.map_err(|cause| TestCaseError::fail(format!("{cause}: {part:?}")))?;
        prop_assert_eq!(&read.rejected, &vec![], "{:?}", part);
        prop_assert_eq!(read.spans.len() + read.logs.len(), part.items);
        taken += part.items;
    }
    Ok(taken)
}

fn decoded(
    signal: Signal,
    payload: &Bytes,
) -> Result<Decoded, processor::reading::decode::DecodeError> {
    let of = match signal {
        Signal::Logs => processor::reading::decode::Signal::Logs,
        _ => processor::reading::decode::Signal::Spans,
    };
    decode(Encoding::OtlpProto, of, payload, &[])
}

fn pair(key: &str, value: Kind) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn nested(depth: usize) -> Kind {
    (0..depth).fold(Kind::IntValue(7), |value, level| {
        if level % 2 == 0 {
            let values = vec![AnyValue { value: Some(value) }];
            return Kind::ArrayValue(ArrayValue { values });
        }
        let values = vec![pair("k", value)];
        Kind::KvlistValue(KeyValueList { values })
    })
}

fn span(trace: u8, id: u8) -> Span {
    Span {
        trace_id: vec![trace; 16],
        span_id: vec![id; 8],
        parent_span_id: vec![3; 8],
        name: "chat".to_owned(),
        kind: 3,
        start_time_unix_nano: 7,
        end_time_unix_nano: 1 << 60,
        attributes: vec![
            pair("deep", nested(8)),
            pair("text", Kind::StringValue("x".to_owned())),
            pair("ratio", Kind::DoubleValue(0.5)),
            pair("yes", Kind::BoolValue(true)),
            pair("raw", Kind::BytesValue(vec![1, 2])),
        ],
        dropped_attributes_count: 300,
        events: vec![Event {
            time_unix_nano: 8,
            name: "event".to_owned(),
            attributes: vec![pair("e", nested(3))],
            ..Event::default()
        }],
        status: Some(Status {
            code: 2,
            message: "failed".to_owned(),
        }),
        ..Span::default()
    }
}

fn request() -> ExportTraceServiceRequest {
    let resource = |name: &str, spans: Vec<Span>| ResourceSpans {
        resource: Some(Resource {
            attributes: vec![
                pair("service.name", Kind::StringValue(name.to_owned())),
                pair("deep", nested(5)),
            ],
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            scope: Some(InstrumentationScope {
                name: "scope".to_owned(),
                version: "1".to_owned(),
                attributes: vec![pair("s", nested(2))],
                ..InstrumentationScope::default()
            }),
            spans,
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![
            resource("a", vec![span(1, 1), span(2, 2)]),
            resource("b", vec![span(1, 3)]),
        ],
    }
}

#[test]
fn both_sides_have_the_same_bounds() {
    assert_eq!(VALUE_DEPTH_MAX, ATTRIBUTE_DEPTH_MAX);
    assert_eq!(RECORD_ITEMS_MAX, ITEMS_PER_RECORD_MAX);
}

#[test]
fn invalid_utf8_costs_a_character_wherever_it_is() {
    let mut bytes = request().encode_to_vec();
    for text in [&b"service.name"[..], b"scope", b"chat", b"event", b"failed"] {
        let at = bytes.windows(text.len()).position(|window| window == text);
        bytes[at.expect("it is there")] = 0xFF;
    }
    let split = cut(Signal::Traces, &bytes).expect("a request");
    assert_eq!(split.rejections.total, 0);
    assert_eq!(check(Signal::Traces, &split).expect("readable"), 3);
}

#[test]
fn values_are_looked_at_exactly_as_deep_as_they_are_read() {
    for depth in 0..40 {
        let mut deep = request();
        let span = &mut deep.resource_spans[1].scope_spans[0].spans[0];
        span.attributes = vec![pair("deep", nested(depth))];
        span.events.clear();
        let mut bytes = deep.encode_to_vec();
        // The value at the bottom, which is the last 0x18 0x07: its number never ends.
        let at = bytes.windows(2).rposition(|window| window == [0x18, 7]);
        bytes[at.expect("it is there") + 1] = 0x87;
        let split = cut(Signal::Traces, &bytes).expect("a request");
        let lost = usize::from(depth <= VALUE_DEPTH_MAX);
        assert_eq!(split.rejections.total, lost, "{depth}");
        assert_eq!(check(Signal::Traces, &split).expect("readable"), 3 - lost);
    }
}

fn document(spans: Value) -> Value {
    json!({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "a"}}]},
        "scopeSpans": [{"scope": {"name": "s", "version": "1"}, "spans": spans}],
    }]})
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        let names = prop::sample::select(vec![
            "key",
            "value",
            "values",
            "arrayValue",
            "stringValue",
            "name",
            "spans",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((names, inner), 0..3).prop_map(|members| members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

/// Puts a value in the place of the nth value of a tree.
fn replace(tree: &mut Value, place: &mut usize, with: &Value) {
    if *place == 0 {
        tree.clone_from(with);
    }
    *place = place.wrapping_sub(1);
    match tree {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, place, with)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|item| replace(item, place, with)),
        _ => {}
    }
}

/// What may stand in the place of any text or number.
fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![
            "",
            " ",
            "yesterday",
            "zz",
            "abc",
            "0",
            "7",
            " 7 ",
            "-7",
            "1e3",
            "1.5",
            "1e30",
            "NaN",
            "true",
            "FALSE",
            "00000000",
            "0000000000000000",
            "AAAAAAAAAAA=",
            "t61rcWkgMzE",
            "b7ad6b7169203331",
            "0af7651916cd43dd8448eb211c80319c",
            "CvdlGRbNQ92ESOshHIAxnA==",
            "9223372036854775808",
        ])
        .prop_map(Value::from),
    ]
}

/// Puts a value in the place of the nth text or number of a tree.
fn replace_leaf(tree: &mut Value, place: &mut usize, with: &Value) {
    match tree {
        Value::Array(items) => {
            items
                .iter_mut()
                .for_each(|item| replace_leaf(item, place, with));
        }
        Value::Object(members) => {
            members
                .values_mut()
                .for_each(|item| replace_leaf(item, place, with));
        }
        leaf => {
            if *place == 0 {
                leaf.clone_from(with);
            }
            *place = place.wrapping_sub(1);
        }
    }
}

/// How many of the items both sides take of a document: what the intake makes of it, and what the processor reads of it.
fn both_take(signal: Signal, document: &Value) -> Result<(usize, usize), TestCaseError> {
    let text = document.to_string();
    let converted = to_proto(signal, text.as_bytes());
    let converted = converted.map_err(|refused| TestCaseError::fail(refused.message))?;
    let split = cut(signal, &converted.request).expect("a request");
    let of = match signal {
        Signal::Logs => processor::reading::decode::Signal::Logs,
        _ => processor::reading::decode::Signal::Spans,
    };
    let read = decode(Encoding::OtlpJson, of, &Bytes::from(text), &[]);
    let read = read.map_err(|cause| TestCaseError::fail(cause.to_string()))?;
    Ok((check(signal, &split)?, read.spans.len() + read.logs.len()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn of_json_both_sides_refuse_the_same(place in 0usize..30, with in scalar(), is_logs in any::<bool>()) {
        let values = json!([
            {"key": "a", "value": {"arrayValue": {"values": [{"intValue": "5"}, {"doubleValue": 0.5}]}}},
            {"key": "b", "value": {"kvlistValue": {"values": [{"key": "c", "value": {"boolValue": true}}]}}},
            {"key": "d", "value": {"stringValue": "x"}}, {"key": "e", "value": {"bytesValue": "AQI="}},
        ]);
        let ids = |id: &str| json!({"traceId": "01".repeat(16), "spanId": id.repeat(8)});
        let (mut span, mut log) = (ids("02"), ids("02"));
        for (name, value) in [
            ("parentSpanId", json!("03".repeat(8))), ("name", json!("chat")), ("startTimeUnixNano", json!("7")),
            ("endTimeUnixNano", json!(8)), ("droppedAttributesCount", json!(1)), ("status", json!({"code": 2, "message": "no"})),
            ("events", json!([{"name": "e", "timeUnixNano": 5}])), ("attributes", values.clone()),
        ] {
            span[name] = value;
        }
        for (name, value) in [
            ("timeUnixNano", json!("7")), ("observedTimeUnixNano", json!(8)), ("eventName", json!("e")),
            ("attributes", values), ("body", json!({"intValue": 1})),
        ] {
            log[name] = value;
        }
        let (signal, resources, scopes, items, mut item) = if is_logs {
            (Signal::Logs, "resourceLogs", "scopeLogs", "logRecords", log)
        } else {
            (Signal::Traces, "resourceSpans", "scopeSpans", "spans", span)
        };
        let mut place = place;
        replace_leaf(&mut item, &mut place, &with);
        let document = json!({resources: [{scopes: [{items: [item, ids("09")]}]}]});
        let (intake, processor) = both_take(signal, &document)?;
        prop_assert_eq!(intake, processor, "{}", item);
        prop_assert!(intake >= 1, "the neighbour is taken");
    }

    #[test]
    fn what_is_taken_of_a_damaged_request_is_read_whole(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..5), is_logs in any::<bool>(),
    ) {
        let mut bytes = request().encode_to_vec();
        for (at, with) in flips {
            let at = at.index(bytes.len());
            bytes[at] = with;
        }
        // Read as logs the fields mean something else, which is one more way to be wrong.
        let signal = if is_logs { Signal::Logs } else { Signal::Traces };
        if let Some(split) = cut(signal, &bytes) {
            check(signal, &split)?;
        }
    }

    #[test]
    fn what_is_taken_of_damaged_json_is_read_whole(place in 0usize..60, with in any_json()) {
        let good = json!({"traceId": "01".repeat(16), "spanId": "02".repeat(8), "name": "chat",
            "startTimeUnixNano": "7", "status": {"code": 2}, "events": [{"name": "e", "timeUnixNano": 5}],
            "attributes": [{"key": "a", "value": {"arrayValue": {"values": [{"intValue": "5"}]}}}]});
        let mut damaged = document(json!([good]));
        let mut place = place;
        replace(&mut damaged, &mut place, &with);
        let neighbour = document(json!([good]))["resourceSpans"][0].clone();
        let resources = damaged.get_mut("resourceSpans").and_then(Value::as_array_mut);
        prop_assume!(resources.is_some());
        resources.expect("assumed").push(neighbour);
        let converted = to_proto(Signal::Traces, damaged.to_string().as_bytes());
        let converted = converted.map_err(|refused| TestCaseError::fail(refused.message))?;
        let split = cut(Signal::Traces, &converted.request).expect("a request");
        prop_assert!(check(Signal::Traces, &split)? >= 1, "the neighbour is taken");
    }
}

//! What stands around spans can be broken too: it costs the spans below it, and no others.

use super::support::{attribute, json, proto, request, span, text};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use processor::reading::decode::{Decoded, Encoding, Signal, decode};
use proptest::prelude::*;
use prost::Message;
use serde_json::{Value, json};

fn field(number: u8, data: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = data.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(data);
    out
}

/// A resource and its only scope as they stand on the wire, around two spans.
fn resource_spans(resource: &[u8], scope: &[u8]) -> Vec<u8> {
    let spans = [span(1), span(2)].map(|span| field(2, &span.encode_to_vec()));
    let scope = [scope, &spans.concat()].concat();
    field(1, &[resource, &field(2, &scope)].concat())
}

fn pair(key: &str, value: &[u8]) -> Vec<u8> {
    field(1, &[field(1, key.as_bytes()), field(2, value)].concat())
}

/// What is broken, on the wire: a resource, a scope, how many spans that costs, and a word of the complaint.
type Broken = (&'static str, Vec<u8>, Vec<u8>, usize, &'static str);

fn broken() -> Vec<Broken> {
    let good = field(1, &pair("service.name", &field(1, b"bot")));
    let deep = (0..20).fold(vec![0xff], |value, _| field(6, &pair("k", &value)));
    vec![
        (
            "an attribute that is no message",
            field(1, &field(1, b"\xff\xff\xff")),
            vec![],
            2,
            "bad attribute",
        ),
        (
            "an attribute whose value ends too early",
            field(1, &pair("k", b"\x0a\x7f")),
            vec![],
            2,
            "attribute \"k\"",
        ),
        (
            "an attribute that is broken deep below",
            field(1, &pair("k", &deep)),
            vec![],
            2,
            "bad value",
        ),
        (
            "a resource that is a number",
            vec![0x08, 5],
            vec![],
            1,
            "wire type",
        ),
        (
            "attributes that are a number",
            field(1, &[0x08, 5]),
            vec![],
            2,
            "wire type",
        ),
        (
            "a scope that is no message",
            good.clone(),
            field(1, b"\xff"),
            2,
            "varint",
        ),
        (
            "a scope whose name is a number",
            good.clone(),
            field(1, &[0x08, 5]),
            2,
            "wire type",
        ),
        (
            "a scope that is a number",
            good,
            vec![0x08, 5],
            1,
            "wire type",
        ),
    ]
}

fn is_neighbour(decoded: &Decoded) -> bool {
    let ids: Vec<u8> = decoded.spans.iter().map(|span| span.span_id.0[0]).collect();
    ids == [9] && decoded.spans[0].origin.resource["service.name"] == "bot"
}

#[test]
fn a_broken_resource_or_scope_costs_the_spans_below_it_and_says_where() {
    for (what, resource, scope, lost, complaint) in broken() {
        let bad = resource_spans(&resource, &scope);
        for (record, place) in [
            ([request(vec![span(9)]), bad.clone()].concat(), "resource 1"),
            ([bad, request(vec![span(9)])].concat(), "resource 0"),
        ] {
            let decoded = proto(record);
            assert!(is_neighbour(&decoded), "{what}: {decoded:?}");
            assert_eq!(decoded.rejected_total, lost, "{what}");
            let rejected = decoded.rejected[0].to_string();
            assert!(
                rejected.starts_with(place) && rejected.contains(complaint),
                "{what}: {rejected}"
            );
            let counted = rejected.contains("with the 2 items in it");
            assert_eq!(counted, lost == 2, "{what}: {rejected}");
        }
    }
}

#[test]
fn a_broken_scope_leaves_the_other_scopes_of_its_resource_alone() {
    let scope = |head: &[u8], id: u8| {
        let spans = field(2, &span(id).encode_to_vec());
        field(2, &[head, &spans].concat())
    };
    let scopes = [scope(&field(1, b"\xff"), 1), scope(&field(1, &[]), 2)].concat();
    let decoded = proto(field(1, &scopes));
    assert_eq!((decoded.spans.len(), decoded.rejected_total), (1, 1));
    assert_eq!(decoded.spans[0].span_id.0, [2; 8]);
    assert_eq!(
        decoded.rejected[0].at,
        "resource 0, scope 0 with the item in it"
    );
}

#[test]
fn a_resource_in_several_parts_is_one_as_protobuf_has_it() {
    let parts = [("a", "1"), ("b", "2")].map(|(key, value)| {
        let pair = attribute(key, text(value)).encode_to_vec();
        field(1, &field(1, &pair))
    });
    let decoded = proto(resource_spans(&parts.concat(), &[]));
    let resource = &decoded.spans[0].origin.resource;
    assert_eq!(Value::from(resource.clone()), json!({"a": "1", "b": "2"}));
}

#[test]
fn logs_fare_as_spans_do() {
    let log = LogRecord {
        trace_id: vec![7; 16],
        span_id: vec![1; 8],
        ..LogRecord::default()
    };
    let good = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![ScopeLogs {
                log_records: vec![log],
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    };
    for (what, resource, scope, lost, _) in broken() {
        let bad = resource_spans(&resource, &scope);
        let payload = Bytes::from([bad, good.encode_to_vec()].concat());
        let decoded = decode(Encoding::OtlpProto, Signal::Logs, &payload, &[]).expect("readable");
        assert_eq!(
            (decoded.logs.len(), decoded.rejected_total),
            (1, lost),
            "{what}"
        );
    }
}

#[test]
fn in_json_too() {
    let span = |id: &str| json!({"traceId": "07".repeat(16), "spanId": id.repeat(8)});
    let scope = json!({"spans": [span("01"), span("02")]});
    let good = json!({"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "bot"}}]},
        "scopeSpans": [{"spans": [span("09")]}]});
    let nested = json!({"arrayValue": {"values": [{"kvlistValue": {"values": [5]}}]}});
    for (bad, lost, complaint) in [
        (json!(5), 1, "a number where an object"),
        (
            json!({"resource": "x", "scopeSpans": [scope]}),
            2,
            "`resource`: a text",
        ),
        (
            json!({"resource": {"attributes": [5]}, "scopeSpans": [scope]}),
            2,
            "bad attribute: a number",
        ),
        (
            json!({"resource": {"attributes": {"service.name": "bot"}}, "scopeSpans": [scope]}),
            2,
            "\"service.name\" where `key`",
        ),
        (
            json!({"resource": {"attributes": [{"key": "a", "value": nested}]}, "scopeSpans": [scope]}),
            2,
            "attribute \"a\": bad attribute",
        ),
        (json!({"scopeSpans": [true]}), 1, "a boolean"),
        (
            json!({"scopeSpans": [{"scope": [1], "spans": [span("01"), span("02")]}]}),
            2,
            "`scope`: a list",
        ),
        (
            json!({"scopeSpans": [{"spans": [{"traceId": "07".repeat(16), "spanId": "01".repeat(8), "events": [1]}]}]}),
            1,
            "bad event",
        ),
    ] {
        let what = bad.to_string();
        for resources in [json!([bad, good]), json!([good, bad])] {
            let decoded = json(json!({"resourceSpans": resources}).to_string());
            assert!(is_neighbour(&decoded), "{what}: {decoded:?}");
            assert_eq!(decoded.rejected_total, lost, "{what}");
            let rejected = decoded.rejected[0].to_string();
            assert!(rejected.contains(complaint), "{what}: {rejected}");
        }
    }
    let logs = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [5, {"body": null}]}]}]});
    let decoded = json(logs.to_string());
    assert_eq!((decoded.rejected_total, decoded.logs_without_span), (1, 1));
}

#[test]
fn a_document_that_is_none_leaves_the_others_of_its_record_alone() {
    let span = json!({"trace_id": "07".repeat(16), "span_id": "01".repeat(8)});
    let otlp = json!({"resourceSpans": []});
    for record in [
        format!("{span}\n5\n{span}"),
        format!("{span}\n{{\"foo\": 1}}\n{span}"),
        format!("[{span}, \"x\", {span}]"),
        format!("{otlp} {span} {span} []  [7]"),
    ] {
        let decoded = json(&record);
        assert_eq!(
            (decoded.spans.len(), decoded.rejected_total),
            (2, 1),
            "{record}"
        );
        assert!(decoded.rejected[0].at.starts_with("document "), "{record}");
    }
}

#[test]
fn a_sentry_span_whose_attributes_are_none_is_not_taken_without_them() {
    let with = |attributes: Value| json!({"trace_id": "07".repeat(16), "span_id": "01".repeat(8), "attributes": attributes});
    let decoded = json(json!([with(json!(5)), with(json!({"a": 5, "b": null}))]).to_string());
    assert_eq!((decoded.spans.len(), decoded.rejected_total), (1, 1));
    assert!(
        decoded.rejected[0]
            .reason
            .contains("`attributes` is a number")
    );
    // Not typed, but plain.
    assert_eq!(
        Value::from(decoded.spans[0].attributes.clone()),
        json!({"a": 5})
    );
}

proptest! {
    #[test]
    fn whatever_a_resource_holds_its_neighbours_are_read(
        mut bytes in prop::collection::vec(any::<u8>(), 0..60), flips in prop::collection::vec((0usize..10_000, any::<u8>()), 0..4), is_real in any::<bool>(),
    ) {
        if is_real {
            bytes = resource_spans(&field(1, &pair("k", &field(1, b"v"))), &field(1, &field(1, b"scope")));
            bytes.drain(..2);
            for (at, with) in flips {
                let at = at % bytes.len();
                bytes[at] = with;
            }
        }
        let (before, after) = (request(vec![span(8)]), request(vec![span(9)]));
        let decoded = proto([before, field(1, &bytes), after].concat());
        let ids: Vec<u8> = decoded.spans.iter().map(|span| span.span_id.0[0]).collect();
        prop_assert_eq!((ids.first(), ids.last()), (Some(&8), Some(&9)));
    }
}

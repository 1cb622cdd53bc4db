use super::super::{Limits, split};
use super::*;
use crate::budget::Budget;
use crate::refusal::Reason;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

fn traces(text: &str) -> ExportTraceServiceRequest {
    let proto = to_proto(Signal::Traces, text.as_bytes()).expect("readable");
    ExportTraceServiceRequest::decode(proto.request).expect("a request")
}

fn span(span: &Value) -> Span {
    let request = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]});
    let mut request = traces(&request.to_string());
    request.resource_spans[0].scope_spans[0].spans.remove(0)
}

#[test]
fn all_of_a_span_comes_across() {
    let found = span(&json!({
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "B7AD6B7169203331",
        "parentSpanId": "00f067aa0ba902b7", "traceState": "a=b", "name": "chat gpt", "kind": 3,
        "startTimeUnixNano": "1795415018276906000", "endTimeUnixNano": 1_795_415_018_276_907_000_u64,
        "attributes": [
            {"key": "text", "value": {"stringValue": "hi"}}, {"key": "count", "value": {"intValue": "42"}},
            {"key": "yes", "value": {"boolValue": true}}, {"key": "ratio", "value": {"doubleValue": 1}},
            {"key": "list", "value": {"arrayValue": {"values": [{"intValue": 1}, {}]}}},
            {"key": "map", "value": {"kvlistValue": {"values": [{"key": "a", "value": {"bytesValue": "AQI="}}]}}},
            {"key": "nan", "value": {"doubleValue": "NaN"}}, {"key": "empty"}, {"key": "null", "value": null}
        ],
        "droppedAttributesCount": 1, "flags": 257,
        "events": [{"timeUnixNano": "5", "name": "exception", "attributes": []}],
        "links": [{"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331"}],
        "status": {"code": 2, "message": "no"}, "somethingNew": {"a": [1, 2]}
    }));
    assert_eq!(found.trace_id[..3], [0x0A, 0xF7, 0x65]);
    assert_eq!(found.span_id[..3], [0xB7, 0xAD, 0x6B]);
    assert_eq!(
        (found.parent_span_id.len(), found.kind, found.flags),
        (8, 3, 257)
    );
    assert_eq!(found.start_time_unix_nano, 1_795_415_018_276_906_000);
    assert_eq!(found.end_time_unix_nano, 1_795_415_018_276_907_000);
    assert_eq!(
        found.status.map(|status| (status.code, status.message)),
        Some((2, "no".to_owned()))
    );
    assert_eq!(
        (
            found.events.len(),
            found.links.len(),
            found.events[0].time_unix_nano
        ),
        (1, 1, 5)
    );
    let values: Vec<Option<Any>> = found
        .attributes
        .into_iter()
        .map(|attribute| attribute.value.and_then(|value| value.value))
        .collect();
    assert_eq!(values[0], Some(Any::StringValue("hi".to_owned())));
    assert_eq!(values[1], Some(Any::IntValue(42)));
    assert_eq!(values[2], Some(Any::BoolValue(true)));
    assert_eq!(values[3], Some(Any::DoubleValue(1.0)));
    assert!(matches!(&values[4], Some(Any::ArrayValue(list)) if list.values.len() == 2));
    assert!(matches!(&values[5], Some(Any::KvlistValue(map)) if map.values[0].key == "a"));
    assert!(matches!(values[6], Some(Any::DoubleValue(nan)) if nan.is_nan()));
    assert_eq!((&values[7], &values[8]), (&None, &None));
}

#[test]
fn other_ways_to_write_the_same_are_read() {
    let camel = span(&json!({
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331", "kind": 3,
        "startTimeUnixNano": 7, "parentSpanId": "", "status": {"code": 2},
        "attributes": [{"key": "a", "value": {"intValue": 1}}]
    }));
    let snake = span(&json!({
        "trace_id": "CvdlGRbNQ92ESOshHIAxnA==", "span_id": "t61rcWkgMzE", "kind": "SPAN_KIND_CLIENT",
        "start_time_unix_nano": "7", "parent_span_id": "0000000000000000", "status": {"code": "STATUS_CODE_ERROR"},
        "attributes": [{"key": "a", "value": {"int_value": 1.0}}], "events": null, "links": null
    }));
    assert_eq!(camel, snake);
    let old = traces(
        r#"{"resource_spans": [{"instrumentation_library_spans": [
            {"instrumentation_library": {"name": "old"}, "spans": [{"name": "a"}]}]}]}"#,
    );
    // Field 1000 is not in the official types any more, but on the wire it is.
    assert_eq!(old.resource_spans.len(), 1);
}

#[test]
fn a_text_cut_inside_an_emoji_costs_that_character_only() {
    let found = traces(r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a \ud83d b"}]}]}]}"#);
    assert_eq!(
        found.resource_spans[0].scope_spans[0].spans[0].name,
        "a \u{fffd} b"
    );
}

#[test]
fn an_id_that_is_none_stays_for_the_span_to_be_named() {
    assert_eq!(span(&json!({"traceId": "xyz"})).trace_id, b"xyz");
    assert!(
        span(&json!({"traceId": "0".repeat(32), "spanId": null}))
            .trace_id
            .is_empty()
    );
}

#[test]
fn logs_come_across() {
    let text = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{
        "timeUnixNano": "9", "severityNumber": 9, "eventName": "gen_ai.choice", "body": {"stringValue": "hello"},
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331"
    }]}]}]});
    let proto = to_proto(Signal::Logs, text.to_string().as_bytes()).expect("readable");
    let logs = ExportLogsServiceRequest::decode(proto.request).expect("a request");
    let log = &logs.resource_logs[0].scope_logs[0].log_records[0];
    assert_eq!(
        (
            log.time_unix_nano,
            log.severity_number,
            log.event_name.as_str()
        ),
        (9, 9, "gen_ai.choice")
    );
    assert_eq!(log.trace_id.len(), 16);
}

#[test]
fn nonsense_is_malformed_and_says_where() {
    for nonsense in [
        "",
        "{",
        "[]",
        "{\"resourceSpans\": 5}",
        "{} {}",
        "{\"resourceSpans\": [], \"resource_spans\": []}",
    ] {
        let refused = to_proto(Signal::Traces, nonsense.as_bytes()).expect_err(nonsense);
        assert_eq!(refused.reason, Reason::Malformed, "{nonsense}");
        let says_where = ["column", "`resourceSpans`"];
        assert!(
            says_where
                .iter()
                .any(|place| refused.message.contains(place)),
            "{nonsense}: {}",
            refused.message
        );
    }
    let deep = format!("{{\"resourceSpans\": {}", "[".repeat(100_000));
    assert!(to_proto(Signal::Traces, deep.as_bytes()).is_err());
}

#[test]
fn a_broken_piece_costs_what_is_in_it_and_says_where() {
    let id = |id: &str| json!({"traceId": "01".repeat(16), "spanId": id.repeat(8), "name": "chat"});
    let good = json!({"scopeSpans": [{"spans": [id("09")]}]});
    let two = json!([{"spans": [id("01"), id("02")]}]);
    let mut wrong = id("03");
    wrong["attributes"] = json!([{"key": "a", "value": {"arrayValue": 5}}]);
    let deep = (0..60).fold(
        json!(1),
        |value, _| json!({"arrayValue": {"values": [value]}}),
    );
    let mut too_deep = id("03");
    too_deep["attributes"] = json!([{"key": "a", "value": deep}]);
    for (bad, lost, complaint) in [
        (
            json!(5),
            1,
            "resource 0: integer `5` where an object belongs",
        ),
        (
            json!({"resource": 5, "scopeSpans": two}),
            2,
            "resource 0 with the 2 items in it: `resource`: integer `5` where an object belongs",
        ),
        (
            json!({"resource": {"attributes": [5]}, "scopeSpans": two}),
            2,
            "resource 0 with the 2 items in it: `resource.attributes[0]`: integer `5` where an attribute",
        ),
        (
            json!({"scopeSpans": 5}),
            1,
            "resource 0: `scopeSpans`: integer `5` where a list belongs",
        ),
        (json!({"scopeSpans": [5]}), 1, "resource 0, scope 0: "),
        (
            json!({"scopeSpans": [{"scope": [1], "spans": [id("01"), id("02")]}]}),
            2,
            "resource 0, scope 0 with the 2 items in it: `scope`: a list where an object belongs",
        ),
        (
            json!({"scopeSpans": [{"spans": [wrong]}]}),
            1,
            "resource 0, scope 0, span 0 \"chat\": `attributes[0].value.arrayValue`: integer `5` where an object belongs: let",
        ),
        (
            json!({"scopeSpans": [{"spans": [too_deep]}]}),
            1,
            "recursion limit exceeded",
        ),
        (
            json!({"scopeSpans": [{"spans": [null]}]}),
            1,
            "span 0 \"\": ",
        ),
    ] {
        for (resources, place) in [(json!([bad, good]), 1), (json!([good, bad]), 0)] {
            let text = json!({"resourceSpans": resources}).to_string();
            let read = to_proto(Signal::Traces, text.as_bytes()).expect("a request");
            let found = ExportTraceServiceRequest::decode(read.request).expect("a request");
            let spans = &found.resource_spans[place].scope_spans[0].spans;
            assert_eq!(spans[0].span_id, [9; 8], "{bad}");
            assert_eq!(read.rejections.total, lost, "{bad}");
            let message = read.rejections.message();
            let complaint = match place {
                0 => complaint.replace("resource 0", "resource 1"),
                _ => complaint.to_owned(),
            };
            assert!(message.contains(&complaint), "{message}");
        }
    }
}

#[test]
fn nonsense_in_a_field_costs_its_span_and_names_the_field() {
    let value = |value: Value| json!([{"key": "a", "value": value}]);
    for (field, nonsense, complaint) in [
        (
            "startTimeUnixNano",
            json!("yesterday"),
            "`startTimeUnixNano`: \"yesterday\" where a whole number",
        ),
        (
            "parentSpanId",
            json!("zz"),
            "its parent span id is 2 bytes long",
        ),
        (
            "parentSpanId",
            json!(5),
            "`parentSpanId`: 5 where a text of hex digits belongs",
        ),
        ("startTimeUnixNano", json!(-1), "`startTimeUnixNano`: -1"),
        ("startTimeUnixNano", json!(1.5), "`startTimeUnixNano`: 1.5"),
        (
            "end_time_unix_nano",
            json!(true),
            "`end_time_unix_nano`: true",
        ),
        (
            "endTimeUnixNano",
            json!("1e30"),
            "`endTimeUnixNano`: \"1e30\"",
        ),
        (
            "droppedAttributesCount",
            json!("many"),
            "`droppedAttributesCount`: \"many\"",
        ),
        (
            "events",
            json!([{"name": "e", "timeUnixNano": "noon"}]),
            "`events[0].timeUnixNano`: \"noon\"",
        ),
        ("events", json!([[1, "e"]]), "`events[0]`: a list"),
        ("status", json!(["no", 2]), "`status`: a list"),
        (
            "attributes",
            value(json!({"intValue": "abc"})),
            "`attributes[0].value.intValue`: \"abc\" where a whole number of 64 bits belongs",
        ),
        (
            "attributes",
            value(json!({"int_value": 1.5})),
            "`attributes[0].value.int_value`: 1.5",
        ),
        (
            "attributes",
            value(json!({"intValue": "9223372036854775808"})),
            "`attributes[0].value.intValue`: \"9223372036854775808\"",
        ),
        (
            "attributes",
            value(json!({"doubleValue": "fast"})),
            "`attributes[0].value.doubleValue`: \"fast\"",
        ),
        (
            "attributes",
            value(json!({"boolValue": "maybe"})),
            "`attributes[0].value.boolValue`: \"maybe\"",
        ),
        (
            "attributes",
            value(json!({"arrayValue": {"values": [{}, {"intValue": {}}]}})),
            "`attributes[0].value.arrayValue.values[1].intValue`: an object",
        ),
        (
            "attributes",
            json!([{"key": 5, "value": {"intValue": 1}}]),
            "`attributes[0].key`: 5 where a text belongs",
        ),
        (
            "attributes",
            json!([{"gen_ai.system": "x"}]),
            "`attributes[0]`: \"gen_ai.system\" where `key` and `value` belong",
        ),
    ] {
        let id =
            |id: &str| json!({"traceId": "01".repeat(16), "spanId": id.repeat(8), "name": "chat"});
        let mut bad = id("03");
        bad[field] = nonsense.clone();
        let request =
            json!({"resourceSpans": [{"scopeSpans": [{"spans": [id("02"), bad, id("04")]}]}]});
        let read = to_proto(Signal::Traces, request.to_string().as_bytes()).expect("a request");
        let mut held = Budget::new(1 << 30, 1 << 30).reservation();
        let limits = Limits {
            items_max: 10,
            record_bytes_max: 10_000,
            item_bytes_max: 10_000,
        };
        let mut split = split(Signal::Traces, &read.request, limits, &mut held).expect("a request");
        assert_eq!(
            split.parts.iter().map(|part| part.items).sum::<usize>(),
            2,
            "{nonsense}"
        );
        split.rejections.put_first(read.rejections);
        assert_eq!(split.rejections.total, 1, "{nonsense}");
        let message = split.rejections.message();
        let place = format!("resource 0, scope 0, span 1 \"chat\": {complaint}");
        assert!(message.starts_with(&place), "{message}");
    }
}

#[test]
fn what_is_unknown_or_read_by_nobody_is_passed_over() {
    let found = span(&json!({
        "traceId": "01".repeat(16), "spanId": "02".repeat(8), "kind": "SPAN_KIND_OF_TOMORROW",
        "flags": "none", "droppedLinksCount": "x", "somethingNew": 5, "startTimeUnixNano": "",
        "endTimeUnixNano": "1.7e18", "attributes": [
            {"key": "new", "value": {"futureValue": 1}}, {"key": "one", "value": {"boolValue": 1}},
            {"key": "text", "value": {"stringValue": 5}}, {"key": "double", "value": {"intValue": "1e3"}}
        ],
    }));
    assert_eq!((found.kind, found.flags), (0, 0));
    assert_eq!(
        (found.start_time_unix_nano, found.end_time_unix_nano),
        (0, 1_700_000_000_000_000_000)
    );
    let values: Vec<Option<Any>> = found
        .attributes
        .into_iter()
        .map(|attribute| attribute.value.and_then(|value| value.value))
        .collect();
    let text = Some(Any::StringValue("5".to_owned()));
    let double = Some(Any::IntValue(1_000));
    assert_eq!(values, [None, Some(Any::BoolValue(true)), text, double]);
}

#[test]
fn a_resource_whose_attribute_has_a_number_for_a_key_costs_what_is_in_it() {
    let id = json!({"traceId": "01".repeat(16), "spanId": "02".repeat(8)});
    let request = json!({"resourceSpans": [{
        "resource": {"attributes": [{"key": 5, "value": {"stringValue": "a"}}]},
        "scopeSpans": [{"spans": [id]}],
    }]});
    let read = to_proto(Signal::Traces, request.to_string().as_bytes()).expect("a request");
    let message = read.rejections.message();
    assert!(
        message.starts_with(
            "resource 0 with the item in it: `resource.attributes[0].key`: 5 where a text belongs"
        ),
        "{message}"
    );
}

#[test]
fn recorded_exports_agree_with_the_same_in_protobuf() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../schemas/examples/captured/f_vercel_ai7_json"
    );
    let mut files = 0;
    for file in std::fs::read_dir(folder).expect("the recordings are there") {
        let path = file.expect("an entry").path();
        if path.to_string_lossy().ends_with(".traces.json") {
            let text = std::fs::read_to_string(&path).expect("readable");
            let document: Value = serde_json::from_str(&text).expect("JSON");
            let names = document.to_string().matches("\"spanId\":").count();
            let request = traces(&text);
            let spans: usize = request
                .resource_spans
                .iter()
                .flat_map(|resource| &resource.scope_spans)
                .map(|scope| {
                    scope
                        .spans
                        .iter()
                        .map(|span| 1 + span.links.len())
                        .sum::<usize>()
                })
                .sum();
            assert_eq!(spans, names, "{}", path.display());
            files += 1;
        }
    }
    assert!(files > 0);
}

use super::support::{attribute, json, proto, recorded, request, span, spans, text};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Kind;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValueList};
use opentelemetry_proto::tonic::trace::v1::{Status, span::Event};
use processor::reading::decode::{Encoding, Signal, decode};
use prost::Message;
use serde_json::json;
use std::sync::Arc;

#[test]
fn reads_what_the_official_types_write() {
    let mut written = span(1);
    written.parent_span_id = vec![2; 8];
    written.start_time_unix_nano = 1_795_413_567_916_472_001;
    written.end_time_unix_nano = 1_795_413_567_926_670_002;
    written.dropped_attributes_count = 3;
    written.status = Some(Status {
        code: 2,
        message: "RateLimitError: slow down".into(),
    });
    written.events = vec![Event {
        time_unix_nano: 5,
        name: "exception".into(),
        attributes: vec![attribute("exception.type", text("E"))],
        ..Event::default()
    }];
    let object = KeyValueList {
        values: vec![
            attribute("role", text("user")),
            attribute("empty", text("")),
        ],
    };
    let array = ArrayValue {
        values: vec![
            AnyValue {
                value: Some(Kind::KvlistValue(object)),
            },
            AnyValue { value: None },
        ],
    };
    written.attributes = vec![
        attribute("int", Kind::IntValue(-5)),
        attribute("bool", Kind::BoolValue(true)),
        attribute("double", Kind::DoubleValue(0.5)),
        attribute("nan", Kind::DoubleValue(f64::NAN)),
        attribute("bytes", Kind::BytesValue(vec![1, 2, 255])),
        attribute("messages", Kind::ArrayValue(array)),
    ];

    let decoded = proto(request(vec![written, span(9)]));
    let read = &decoded.spans[0];

    assert_eq!(read.trace_id.to_string(), "07".repeat(16));
    assert_eq!(read.span_id.to_string(), "01".repeat(8));
    assert_eq!(
        read.parent_span_id.map(|id| id.to_string()),
        Some("02".repeat(8))
    );
    assert_eq!(read.start_ns, 1_795_413_567_916_472_001);
    assert_eq!(read.end_ns, 1_795_413_567_926_670_002);
    assert_eq!(read.dropped_attributes, 3);
    assert!(read.status.is_error && read.status.message.starts_with("RateLimitError"));
    assert_eq!(
        (read.events[0].name.as_str(), read.events[0].time_ns),
        ("exception", 5)
    );
    assert_eq!(
        serde_json::Value::Object(read.attributes.clone()),
        json!({
            "int": -5, "bool": true, "double": 0.5, "nan": "NaN", "bytes": "AQL/",
            "messages": [{"role": "user", "empty": ""}, null],
        })
    );
    assert_eq!(read.origin.resource["service.name"], "bot");
    assert!(
        Arc::ptr_eq(&read.origin, &decoded.spans[1].origin),
        "one origin a scope"
    );
}

#[test]
fn every_recorded_export_reads_as_the_official_types_read_it() {
    let labels = [
        "a_otel_openai_v2_latest_event",
        "b_openinference_openai",
        "c_traceloop_sdk_v0475",
        "d_agents_genai_chat",
        "f_vercel_ai6_proto",
        "g_pydantic_ai_v5",
        "h_langchain_langsmith",
        "i_growth_otel",
        "j_strands_latest",
        "k_adk",
    ];
    for label in labels {
        for record in recorded(label, "traces.pb") {
            let official = ExportTraceServiceRequest::decode(record.as_slice()).expect(label);
            let official: Vec<_> = official
                .resource_spans
                .into_iter()
                .flat_map(|resource| resource.scope_spans)
                .flat_map(|scope| scope.spans)
                .collect();
            let ours = proto(&record);
            assert_eq!(
                (ours.spans.len(), ours.rejected_total),
                (official.len(), 0),
                "{label}"
            );
            for (ours, official) in ours.spans.iter().zip(official) {
                assert_eq!(ours.span_id.0.as_slice(), official.span_id, "{label}");
                assert_eq!(ours.name, official.name);
                assert_eq!(ours.attributes.len(), official.attributes.len());
                assert_eq!(ours.events.len(), official.events.len());
            }
        }
    }
}

#[test]
fn message_content_in_log_records_is_read_with_its_order() {
    for record in recorded("a_otel_openai_v2_latest_event", "logs.pb") {
        let official = ExportLogsServiceRequest::decode(record.as_slice()).expect("official");
        let payload = Bytes::from(record);
        let decoded = decode(Encoding::OtlpProto, Signal::Logs, &payload, &[]).expect("readable");
        let official = official.resource_logs[0].scope_logs[0].log_records.len();
        assert_eq!(decoded.logs.len() + decoded.logs_without_span, official);
        let details = &decoded.logs[0];
        assert_eq!(
            details.event_name,
            "gen_ai.client.inference.operation.details"
        );
        assert!(details.attributes["gen_ai.input.messages"].is_array());
        assert!(decoded.logs.is_sorted_by_key(|log| log.index));
    }
}

#[test]
fn json_of_the_javascript_sdk_is_read() {
    for record in recorded("f_vercel_ai7_json", "traces.json") {
        let decoded = json(&record);
        assert_eq!(decoded.rejected_total, 0);
        assert!(
            decoded
                .spans
                .iter()
                .all(|span| span.start_ns > 1_700_000_000_000_000_000)
        );
        let tokens = "gen_ai.usage.input_tokens";
        let mut counted = decoded
            .spans
            .iter()
            .filter_map(|span| span.attributes.get(tokens));
        assert!(counted.all(|tokens| tokens.is_i64()));
    }
}

#[test]
fn json_is_read_liberally() {
    let snake = json!({"resource_spans": [{
        "resource": null,
        "scope_spans": [{"scope": {"name": "s", "version": "1"}, "spans": [{
            "trace_id": "BwcHBwcHBwcHBwcHBwcHBw==", "span_id": "AQEBAQEBAQE=", "parent_span_id": "",
            "name": null, "start_time_unix_nano": 12, "end_time_unix_nano": "13", "kind": "SPAN_KIND_CLIENT",
            "status": {"code": "STATUS_CODE_ERROR"}, "flags": 257, "unknown": {},
            "attributes": [
                {"key": "a", "value": {"int_value": "5"}},
                {"key": "b", "value": {"int_value": 6.0}},
                {"key": "c", "value": {"double_value": "NaN"}},
                {"key": "d", "value": {"double_value": 0}},
                {"key": "e", "value": {}},
                {"key": "f"},
                {"key": "g", "value": {"array_value": {}}},
                {"key": "h", "value": {"kvlist_value": {"values": [{"key": "k", "value": {"bool_value": "true"}}]}}},
            ],
        }]}],
    }]});
    let camel = json!({"resourceSpans": [{"instrumentationLibrarySpans": [{
        "instrumentationLibrary": {"name": "old"},
        "spans": [{"traceId": "0707070707070707070707070707070F", "spanId": "0202020202020202",
                   "parentSpanId": "0000000000000000", "status": {}, "attributes": null}],
    }]}]});

    let decoded = json(format!("{snake}\n{camel}\n"));

    let read = &decoded.spans[0];
    assert_eq!(
        (read.start_ns, read.end_ns, read.parent_span_id),
        (12, 13, None)
    );
    assert_eq!(read.trace_id.to_string(), "07".repeat(16));
    assert!(read.status.is_error);
    assert_eq!(
        (
            read.origin.scope_name.as_str(),
            read.origin.scope_version.as_str()
        ),
        ("s", "1")
    );
    assert_eq!(
        serde_json::Value::Object(read.attributes.clone()),
        json!({"a": 5, "b": 6, "c": "NaN", "d": 0, "e": null, "f": null, "g": [], "h": {"k": true}})
    );
    let old = &decoded.spans[1];
    assert_eq!(
        (old.origin.scope_name.as_str(), old.parent_span_id),
        ("old", None)
    );
    assert!(!old.status.is_error && old.name.is_empty());
}

#[test]
fn a_payload_of_the_other_family_is_read_as_what_it_is() {
    let protobuf = request(vec![span(1)]);
    let document = json!({"resourceSpans": [{"scopeSpans": [{"spans": [
        {"traceId": "07".repeat(16), "spanId": "01".repeat(8)}]}]}]});
    let sentry =
        json!({"trace_id": "07".repeat(16), "span_id": "01".repeat(8), "attributes": null});
    for encoding in [
        Encoding::OtlpProto,
        Encoding::OtlpJson,
        Encoding::SentrySpanJson,
    ] {
        for payload in [
            protobuf.clone(),
            document.to_string().into(),
            sentry.to_string().into(),
        ] {
            let decoded = spans(encoding, payload).expect("readable");
            assert_eq!(decoded.spans.len(), 1, "{encoding}");
        }
    }
    // A record whose first resource is 0x7B bytes long begins with "\n{".
    let padded = (0..200).map(|padding| {
        let mut padded = span(1);
        padded.name = "x".repeat(padding);
        request(vec![padded])
    });
    let ambiguous = padded.into_iter().find(|record| record.starts_with(b"\n{"));
    assert_eq!(proto(ambiguous.expect("one length fits")).spans.len(), 1);
}

#[test]
fn the_project_header_names_the_project() {
    let headers = [("project_id".to_owned(), Bytes::from_static(b" shop "))];
    let payload = Bytes::from(request(vec![span(1)]));
    let decoded = decode(Encoding::OtlpProto, Signal::Spans, &payload, &headers).expect("readable");
    assert_eq!(decoded.spans[0].origin.project.as_deref(), Some("shop"));
}

#[test]
fn a_tombstone_holds_nothing() {
    for encoding in [
        Encoding::OtlpProto,
        Encoding::OtlpJson,
        Encoding::SentrySpanJson,
    ] {
        assert_eq!(
            spans(encoding, b"").map(|decoded| decoded.spans.len()),
            Ok(0)
        );
    }
}

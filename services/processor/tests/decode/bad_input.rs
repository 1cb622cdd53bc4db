//! Every way a record can be wrong: none panics, each says what is wrong, and neighbours live.

use super::support::{attribute, json, proto, recorded, request, span, spans, text};
use domain::json::TOO_DEEP;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Kind;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue};
use processor::reading::decode::{ATTRIBUTE_DEPTH_MAX, Encoding, ITEMS_PER_RECORD_MAX};
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn a_record_cut_at_any_length_is_an_error_and_never_a_panic() {
    let record = &recorded("j_strands_latest", "traces.pb")[1];
    for length in 1..record.len() {
        let cut = spans(Encoding::OtlpProto, &record[..length]);
        assert!(
            cut.is_err(),
            "{length} of {} bytes were accepted",
            record.len()
        );
    }
    let record = &recorded("f_vercel_ai7_json", "traces.json")[0];
    for length in (1..record.len()).step_by(97) {
        let error = spans(Encoding::OtlpJson, &record[..length]).expect_err("cut");
        assert!(error.to_string().contains("line 1 column"), "{error}");
    }
}

#[test]
fn a_bad_span_does_not_take_its_neighbours_along() {
    let mut no_ids = span(0);
    no_ids.span_id = vec![];
    let mut short_trace = span(3);
    short_trace.trace_id = vec![1; 5];
    let decoded = proto(request(vec![
        span(1),
        no_ids,
        span(0),
        short_trace,
        span(4),
    ]));
    assert_eq!(decoded.spans.len(), 2);
    assert_eq!(decoded.rejected_total, 3);
    assert_eq!(
        decoded.rejected[0].at,
        "resource 0, scope 0, span 1 \"span 0\""
    );
    assert!(
        decoded.rejected[0]
            .reason
            .contains("the span id is missing")
    );
    assert!(decoded.rejected[1].reason.contains("8 zero bytes"));
    assert!(
        decoded.rejected[2]
            .reason
            .contains("the trace id is 5 bytes")
    );

    let good = json!({"traceId": "07".repeat(16), "spanId": "01".repeat(8)});
    let bad = json!({"traceId": "nonsense", "spanId": "01".repeat(8), "name": "chat"});
    let document = json!({"resourceSpans": [{"scopeSpans": [{"spans": [bad, good, 5, null]}]}]});
    let decoded = json(document.to_string());
    assert_eq!((decoded.spans.len(), decoded.rejected_total), (1, 3));
    assert_eq!(
        decoded.rejected[0].to_string(),
        "resource 0, scope 0, span 0 \"chat\": the trace id is \"nonsense\"; it must be 32 hex digits, not all zero"
    );
}

#[test]
fn nonsense_in_a_field_of_json_costs_its_span_and_names_the_field() {
    let value = |value: Value| json!([{"key": "a", "value": value}]);
    for (field, nonsense, complaint) in [
        (
            "startTimeUnixNano",
            json!("yesterday"),
            "`startTimeUnixNano`: \"yesterday\" where a whole number",
        ),
        ("endTimeUnixNano", json!(-1), "`endTimeUnixNano`: -1"),
        ("parentSpanId", json!("zz"), "the parent span id is \"zz\""),
        (
            "droppedAttributesCount",
            json!([]),
            "`droppedAttributesCount`: []",
        ),
        ("name", json!({}), "`name`: an object where a text belongs"),
        (
            "attributes",
            value(json!({"intValue": "abc"})),
            "attribute \"a\": `intValue`: \"abc\"",
        ),
        (
            "attributes",
            value(json!({"doubleValue": true})),
            "attribute \"a\": `doubleValue`: true",
        ),
        (
            "attributes",
            value(json!({"boolValue": "maybe"})),
            "attribute \"a\": `boolValue`: \"maybe\"",
        ),
        (
            "attributes",
            json!([{"key": 5, "value": {"intValue": 1}}]),
            "`key`: a number where a text belongs",
        ),
        (
            "events",
            json!([{"timeUnixNano": "noon"}]),
            "`timeUnixNano`: \"noon\"",
        ),
    ] {
        let id = |id: &str| json!({"traceId": "07".repeat(16), "spanId": id.repeat(8)});
        let mut bad = id("02");
        bad[field] = nonsense;
        let document =
            json!({"resourceSpans": [{"scopeSpans": [{"spans": [id("01"), bad, id("03")]}]}]});
        let decoded = json(document.to_string());
        assert_eq!(
            (decoded.spans.len(), decoded.rejected_total),
            (2, 1),
            "{complaint}"
        );
        assert!(
            decoded.rejected[0].reason.contains(complaint),
            "{:?}",
            decoded.rejected
        );
    }
}

#[test]
fn an_id_of_a_parent_that_is_none_costs_its_span() {
    let with_parent = |parent: &[u8]| {
        let mut child = span(2);
        child.parent_span_id = parent.to_vec();
        proto(request(vec![span(1), child]))
    };
    for none in [&[][..], &[0; 8]] {
        assert_eq!(with_parent(none).spans[1].parent_span_id, None);
    }
    let decoded = with_parent(&[1, 2]);
    assert_eq!((decoded.spans.len(), decoded.rejected_total), (1, 1));
    assert!(
        decoded.rejected[0]
            .reason
            .contains("the parent span id is 2 bytes")
    );
}

#[test]
fn damaged_bytes_inside_one_span_stay_its_own_problem() {
    let mut victim = span(2);
    victim.attributes = vec![attribute("k", text("v"))];
    let mut record = request(vec![span(1), victim, span(3)]);
    // The attribute's value claims more bytes than its span has.
    let at = record
        .windows(3)
        .position(|bytes| bytes == b"\x0a\x01v")
        .expect("the value");
    record[at + 1] = 0x70;
    let decoded = proto(record);
    assert_eq!((decoded.spans.len(), decoded.rejected_total), (2, 1));
    assert!(
        decoded.rejected[0].reason.contains("attribute \"k\""),
        "{:?}",
        decoded.rejected
    );
}

#[test]
fn invalid_utf8_costs_a_character_not_the_batch() {
    let mut marked = span(1);
    marked.name = "chat MARK".into();
    marked.attributes = vec![attribute("note MARK", text("say MARK!"))];
    let record: Vec<u8> = request(vec![marked, span(2)]);
    let mut record = record;
    while let Some(at) = record.windows(4).position(|bytes| bytes == b"MARK") {
        record[at..at + 4].copy_from_slice(b"x\xffy\x80");
    }
    let decoded = proto(&record);
    assert_eq!(decoded.spans.len(), 2);
    assert_eq!(decoded.spans[0].name, "chat x\u{fffd}y\u{fffd}");
    assert_eq!(
        decoded.spans[0].attributes["note x\u{fffd}y\u{fffd}"],
        "say x\u{fffd}y\u{fffd}!"
    );

    let document = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"07070707070707070707070707070707","spanId":"0101010101010101","name":"cut \ud83d"}]}]}]}"#;
    let mut bytes = document.as_bytes().to_vec();
    let at = document.find("cut").expect("it is there");
    bytes[at] = 0xff;
    assert_eq!(json(bytes).spans[0].name, "\u{fffd}ut \u{fffd}");
}

#[test]
fn nesting_bombs_are_cut_with_a_mark() {
    // Encoded by hand: the official types would overflow the stack when they write this.
    fn length(mut value: usize, out: &mut Vec<u8>) {
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }
    fn field(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut out = vec![tag << 3 | 2];
        length(body.len(), &mut out);
        out.extend_from_slice(body);
        out
    }
    let mut value = field(1, b"bottom");
    for _ in 0..3_000 {
        value = field(5, &field(1, &value));
    }
    let bomb = field(9, &[field(1, b"bomb"), field(2, &value)].concat());
    let span = [field(1, &[7; 16]), field(2, &[1; 8]), bomb].concat();
    let record = field(1, &field(2, &field(2, &span)));

    let decoded = proto(record);
    let mut value = &decoded.spans[0].attributes["bomb"];
    let mut depth = 0;
    while let Some(inner) = value.get(0) {
        value = inner;
        depth += 1;
    }
    assert_eq!(
        (value, depth),
        (&Value::from(TOO_DEEP), ATTRIBUTE_DEPTH_MAX + 1)
    );

    let bomb = format!(
        "{}1{}",
        r#"{"arrayValue":{"values":["#.repeat(50_000),
        "]}}".repeat(50_000)
    );
    let document = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{}","spanId":"{}","attributes":[{{"key":"bomb","value":{bomb}}}]}}]}}]}}]}}"#,
        "07".repeat(16),
        "01".repeat(8)
    );
    let decoded = json(document);
    assert!(
        decoded.spans[0].attributes["bomb"]
            .to_string()
            .contains(TOO_DEEP)
    );
}

#[test]
fn a_span_of_nine_megabytes_and_one_of_ten_thousand_attributes_pass() {
    let mut large = span(1);
    large.attributes = vec![attribute(
        "gen_ai.input.messages",
        text("x".repeat(9 << 20)),
    )];
    let mut many = span(2);
    many.attributes = (0..10_000)
        .map(|n| {
            attribute(
                &format!("llm.input_messages.{n}.message.content"),
                text("hi"),
            )
        })
        .collect();
    let decoded = proto(request(vec![large, many]));
    let content = decoded.spans[0].attributes["gen_ai.input.messages"].as_str();
    assert_eq!(content.map(str::len), Some(9 << 20));
    assert_eq!(decoded.spans[1].attributes.len(), 10_000);
}

#[test]
fn a_small_record_does_not_unfold_into_gigabytes() {
    // Two bytes a span: "an empty span follows".
    let spans_of = |count: usize| {
        let scope = [0x12, 0x00].repeat(count);
        let mut record = Vec::new();
        for (tag, length) in [(0x0a_u8, scope.len() + 5), (0x12, scope.len())] {
            record.push(tag);
            // Four bytes of a padded varint, so that the lengths above are known beforehand.
            record.extend(
                (0..4).map(|n| (length >> (7 * n)) as u8 & 0x7f | if n < 3 { 0x80 } else { 0 }),
            );
        }
        record.extend(scope);
        record
    };
    let decoded = proto(spans_of(1_000));
    assert_eq!((decoded.spans.len(), decoded.rejected_total), (0, 1_000));
    assert!(decoded.rejected.len() < 100, "only some are described");
    let error =
        spans(Encoding::OtlpProto, spans_of(ITEMS_PER_RECORD_MAX + 1)).expect_err("too many");
    assert!(error.to_string().contains("smaller batches"), "{error}");
}

#[test]
fn what_is_no_otlp_is_refused_with_advice() {
    let cases: [(Encoding, &[u8], &str); 7] = [
        (
            Encoding::OtlpProto,
            b"\x00\x00\x00\x00\x01\x00",
            "schema registry",
        ),
        (
            Encoding::OtlpProto,
            b"plain text",
            "correct the topic's `encoding`",
        ),
        (Encoding::OtlpProto, b"{\"foo\": 1, \"bar\": 2}", "bar, foo"),
        (Encoding::OtlpJson, b"[1, 2]", "resourceSpans"),
        (Encoding::OtlpJson, b"not json", "not valid JSON"),
        (Encoding::SentrySpanJson, b"{\"spans\": []}", "spans"),
        (Encoding::SentrySpanJson, b"\x0a\xff\xff", "not valid JSON"),
    ];
    for (encoding, payload, advice) in cases {
        let error = spans(encoding, payload).expect_err("refused").to_string();
        assert!(
            error.contains(advice) && error.contains(encoding.name()),
            "{error}"
        );
    }
}

#[test]
fn logs_on_a_topic_of_spans_are_rejected_one_by_one() {
    let record = &recorded("a_otel_openai_v2_latest_event", "logs.pb")[0];
    let decoded = proto(record);
    assert!(decoded.spans.is_empty() && decoded.rejected_total > 0);
}

proptest! {
    #[test]
    fn random_bytes_never_panic(payload in prop::collection::vec(any::<u8>(), 0..300)) {
        for encoding in [Encoding::OtlpProto, Encoding::OtlpJson, Encoding::SentrySpanJson] {
            let _ = spans(encoding, &payload);
        }
    }

    #[test]
    fn flipped_bytes_never_panic(at in 0usize..10_000, with in any::<u8>()) {
        let values = vec![AnyValue { value: Some(Kind::IntValue(3)) }];
        let mut victim = span(1);
        victim.attributes = vec![attribute("list", Kind::ArrayValue(ArrayValue { values })), attribute("t", text("x"))];
        let mut record = request(vec![victim, span(2)]);
        let at = at % record.len();
        record[at] = with;
        let _ = spans(Encoding::OtlpProto, &record);
    }
}

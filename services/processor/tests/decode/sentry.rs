use super::support::spans;
use bytes::Bytes;
use processor::reading::decode::{Encoding, Signal, decode};
use serde_json::{Value, json};

fn one(document: Value) -> domain::raw::RawSpan {
    let decoded = spans(Encoding::SentrySpanJson, document.to_string()).expect("readable");
    assert_eq!(decoded.rejected, vec![]);
    decoded.spans.into_iter().next().expect("one span")
}

fn minimal() -> Value {
    json!({
        "organization_id": 1, "project_id": 42, "received": 1_795_413_570.9, "retention_days": 90,
        "trace_id": "2e02b9c74bfc4d498d35d057f6e5ed10", "span_id": "baa22b4eea915364",
        "start_timestamp": 1_795_413_570.527_285, "end_timestamp": 1_795_413_570.537_491,
        "name": "chat gpt-4o", "status": "ok",
    })
}

#[test]
fn typed_attributes_become_plain_values() {
    let mut document = minimal();
    document["attributes"] = json!({
        "gen_ai.usage.input_tokens": {"type": "integer", "value": 100},
        "gen_ai.usage.total_tokens": {"type": "integer", "value": 112.0},
        "gen_ai.usage.output_tokens": {"type": "double", "value": 12.0},
        "as.text": {"type": "integer", "value": "7"},
        "gen_ai.response.finish_reasons": {"type": "array", "value": ["stop"]},
        "meta": {"type": "object", "value": {"a": {"b": 1}}},
        "flag": {"type": "boolean", "value": "true"},
        "foo": null, "bar": {"type": "string", "value": null}, "odd": 3,
    });
    document["links"] = json!([{"trace_id": "00", "span_id": "00", "attributes": null}, null]);
    let span = one(document);
    assert_eq!(
        Value::Object(span.attributes),
        json!({
            "gen_ai.usage.input_tokens": 100, "gen_ai.usage.total_tokens": 112,
            "gen_ai.usage.output_tokens": 12.0, "as.text": 7,
            "gen_ai.response.finish_reasons": ["stop"], "meta": {"a": {"b": 1}}, "flag": true,
            "odd": 3,
        })
    );
    assert_eq!(span.start_ns, 1_795_413_570_527_285_000);
    assert_eq!(span.end_ns, 1_795_413_570_537_491_000);
    assert_eq!(span.origin.project.as_deref(), Some("42"));
}

#[test]
fn everything_that_may_be_null_may_be_null() {
    let mut document = minimal();
    for field in [
        "name",
        "attributes",
        "parent_span_id",
        "links",
        "is_segment",
        "status",
        "key_id",
    ] {
        document[field] = Value::Null;
    }
    let span = one(document);
    assert_eq!(
        (
            span.name.as_str(),
            span.parent_span_id,
            span.attributes.len()
        ),
        ("", None, 0)
    );
}

#[test]
fn status_words_are_understood() {
    let status = |word: &str, attributes: Value| {
        let mut document = minimal();
        document["status"] = word.into();
        document["attributes"] = attributes;
        let status = one(document).status;
        (status.is_error, status.message)
    };
    let said = |text: &str| json!({"sentry.status.message": {"type": "string", "value": text}});
    assert_eq!(status("ok", Value::Null), (false, String::new()));
    assert_eq!(status("cancelled", Value::Null), (false, String::new()));
    assert_eq!(
        status("internal_error", Value::Null),
        (true, "internal_error".into())
    );
    assert_eq!(
        status("error", said("rate limit")),
        (true, "rate limit".into())
    );
    assert_eq!(status("error", said("cancelled")), (false, String::new()));
}

#[test]
fn the_project_of_the_header_wins_over_what_the_client_says() {
    let headers = [("project_id".to_owned(), Bytes::from_static(b"7"))];
    let project = |headers: &[(String, Bytes)]| {
        let payload = Bytes::from(minimal().to_string());
        let decoded = decode(Encoding::SentrySpanJson, Signal::Spans, &payload, headers);
        decoded.expect("readable").spans[0].origin.project.clone()
    };
    assert_eq!(project(&headers).as_deref(), Some("7"));
    assert_eq!(project(&[]).as_deref(), Some("42"));
}

#[test]
fn an_id_that_is_none_is_told_as_it_is() {
    for (given, shown) in [
        (json!(5), "`trace_id` is 5; it must be a text of hex digits"),
        (json!("zz"), "`trace_id` is \"zz\"; "),
        (json!(null), "`trace_id` is missing; "),
    ] {
        let mut document = minimal();
        document["trace_id"] = given;
        let decoded = spans(Encoding::SentrySpanJson, document.to_string()).expect("readable");
        assert!(
            decoded.rejected[0].reason.starts_with(shown),
            "{:?}",
            decoded.rejected
        );
    }
}

#[test]
fn trace_ids_may_be_uuids() {
    let mut document = minimal();
    document["trace_id"] = "2e02b9c7-4bfc-4d49-8d35-d057f6e5ed10".into();
    assert_eq!(
        one(document).trace_id.to_string(),
        "2e02b9c74bfc4d498d35d057f6e5ed10"
    );
}

#[test]
fn records_made_from_recorded_envelopes_are_read_whole() {
    let context = domain::sentry_envelope::Context {
        organization_id: 1,
        project_id: 42,
        key_id: None,
        received_s: 1_795_415_100.0,
    };
    for label in [
        "e_sentry_openai_tx",
        "f_sentry_node_static",
        "d_agents_sentry_responses",
    ] {
        for bytes in super::support::recorded(label, ".envelope.raw") {
            let envelope = domain::sentry_envelope::read(&bytes, &context).expect(label);
            for record in envelope.records {
                let attributes = record.body["attributes"]
                    .as_object()
                    .map(serde_json::Map::len);
                let span = one(record.body);
                assert_eq!(span.trace_id, record.trace_id);
                assert_eq!(Some(span.attributes.len()), attributes, "{label}");
                assert!(span.start_ns > 1_700_000_000_000_000_000 && span.end_ns >= span.start_ns);
            }
        }
    }
}

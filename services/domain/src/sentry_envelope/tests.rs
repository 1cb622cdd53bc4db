use super::*;
use proptest::prelude::*;
use serde_json::json;

macro_rules! recorded {
    ($file:literal) => {
        include_bytes!(concat!("../../../../schemas/examples/captured/", $file)).as_slice()
    };
}

fn context() -> Context {
    Context {
        organization_id: 1,
        project_id: 42,
        key_id: Some(7),
        received_s: 1_795_415_100.25,
    }
}

fn read(bytes: impl AsRef<[u8]>) -> Envelope {
    let envelope = super::read(bytes.as_ref(), &context()).expect("readable");
    for record in &envelope.records {
        assert_valid(record);
    }
    envelope
}

/// What the schema ingest-spans version 1 demands of a record.
fn assert_valid(record: &Record) {
    let body = &record.body;
    assert!(
        body["organization_id"].is_u64() && body["project_id"].is_u64(),
        "{body}"
    );
    assert!(
        body["retention_days"]
            .as_u64()
            .is_some_and(|days| days <= 65_535)
    );
    for time in ["received", "start_timestamp", "end_timestamp"] {
        assert!(
            body[time].as_f64().is_some_and(|seconds| seconds >= 0.0),
            "{time}: {body}"
        );
    }
    assert_eq!(
        body["trace_id"].as_str(),
        Some(record.trace_id.to_string().as_str())
    );
    assert_eq!(body["span_id"].as_str().map(str::len), Some(16));
    assert!(body["parent_span_id"].is_string() || body["parent_span_id"].is_null());
    assert!(matches!(body["status"].as_str(), Some("ok" | "error")));
    assert!(body["is_segment"].is_boolean() || body["is_segment"].is_null());
    for (key, entry) in body["attributes"].as_object().expect("attributes") {
        let value = &entry["value"];
        let fits = match entry["type"].as_str() {
            Some("string") => value.is_string(),
            Some("boolean") => value.is_boolean(),
            Some("integer" | "double") => value.is_number(),
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            _ => entry.is_null(),
        };
        assert!(fits, "{key}: {entry}");
    }
}

fn attribute<'a>(record: &'a Record, key: &str) -> &'a Value {
    &record.body["attributes"][key]["value"]
}

fn named<'a>(envelope: &'a Envelope, name: &str) -> &'a Record {
    let mut found = envelope
        .records
        .iter()
        .filter(|record| record.body["name"] == name);
    found
        .next()
        .unwrap_or_else(|| panic!("no span is called {name}"))
}

/// An envelope whose items give their length.
fn envelope(items: &[(&str, Value)]) -> Vec<u8> {
    let mut bytes = b"{\"event_id\":\"4140ea294cbc441e831ef6cebae74419\"}\n".to_vec();
    for (kind, payload) in items {
        let payload = payload.to_string();
        bytes.extend(
            json!({"type": kind, "length": payload.len()})
                .to_string()
                .bytes(),
        );
        bytes.extend(format!("\n{payload}\n").bytes());
    }
    bytes
}

fn transaction() -> Value {
    json!({
        "type": "transaction", "transaction": "POST /chat", "release": "app@1.0", "environment": "prod",
        "user": {"id": 12, "email": "jane@example.com", "username": "jane", "ip_address": "{{auto}}"},
        "contexts": {"trace": {"trace_id": "0aee407ccacf4fc5b351d236796c4542", "span_id": "9661be3cb12d631a",
                               "op": "http.server", "status": "ok"}},
        "start_timestamp": 100.5, "timestamp": "1970-01-01T00:01:42.25Z",
    })
}

#[test]
fn a_container_beside_a_transaction_is_completed_from_it() {
    let python = read(recorded!("e_sentry_openai_tx/001.envelope.raw"));
    assert_eq!(
        python.event_id.as_deref(),
        Some("ebb91c6b0bb248ae867dc375ac51833d")
    );
    assert_eq!((python.records.len(), python.rejected_total), (6, 0));
    let chat = named(&python, "chat gpt-4o-mini");
    assert_eq!(
        attribute(chat, "gen_ai.conversation.id"),
        "conv-3f9a1c7e-drivers"
    );
    assert_eq!(attribute(chat, "user.id"), "user-42");
    assert_eq!(attribute(chat, "sentry.release"), "travel-bot@1.0.0");
    assert_eq!(
        chat.body["start_timestamp"].as_f64().map(|s| s as i64),
        Some(1_795_415_018)
    );

    let node = read(recorded!("f_sentry_node_static/000.envelope.raw"));
    let chat = named(&node, "chat gpt-4o-mini");
    assert_eq!(attribute(chat, "sentry.environment"), "capture");
    assert_eq!(attribute(chat, "sentry.sdk.name"), "sentry.javascript.node");
    assert_eq!(attribute(chat, "sentry.segment.id"), "8e5d5bae5475ff0b");
    assert_eq!(chat.body["is_segment"], false);
}

#[test]
fn the_user_of_another_trace_is_not_taken_and_ones_own_wins() {
    let span = |trace_id: &str, attributes: Value| {
        json!({"trace_id": trace_id, "span_id": "88ee222b7af19e5b", "name": "chat", "status": "ok",
               "start_timestamp": 1.0, "end_timestamp": 2.0, "attributes": attributes})
    };
    let own = json!({"user.id": {"type": "string", "value": "me"}, "user.email": null, "bare": 3});
    let container = json!({"version": 2, "items": [
        span("0aee407ccacf4fc5b351d236796c4542", json!({})),
        span("ffee407ccacf4fc5b351d236796c4542", Value::Null),
        span("0aee407ccacf4fc5b351d236796c4542", own),
    ]});
    let read = read(envelope(&[
        ("span", container),
        ("transaction", transaction()),
    ]));
    assert_eq!(attribute(&read.records[0], "user.id"), "12");
    assert_eq!(attribute(&read.records[0], "user.name"), "jane");
    assert_eq!(attribute(&read.records[0], "user.ip_address"), &Value::Null);
    assert_eq!(attribute(&read.records[1], "user.id"), &Value::Null);
    assert_eq!(attribute(&read.records[2], "user.id"), "me");
    assert_eq!(
        attribute(&read.records[2], "user.email"),
        "jane@example.com"
    );
    assert_eq!(
        read.records[2].body["attributes"]["bare"],
        json!({"type": "integer", "value": 3})
    );
}

#[test]
fn the_transaction_may_itself_be_the_ai_span() {
    let read = read(recorded!("e_sentry_openai_tx/004.envelope.raw"));
    let root = named(&read, "chat gpt-4o-mini");
    assert_eq!(attribute(root, "sentry.op"), "gen_ai.chat");
    assert_eq!(
        attribute(root, "gen_ai.conversation.id"),
        "conv-3f9a1c7e-drivers"
    );
    assert_eq!(attribute(root, "gen_ai.request.max_tokens"), 200);
    assert_eq!(attribute(root, "user.email"), "jane.doe@example.com");
    assert_eq!(
        (&root.body["status"], &root.body["is_segment"]),
        (&"error".into(), &true.into())
    );
    assert_eq!(attribute(root, "sentry.status"), "internal_error");
}

#[test]
fn streamed_containers_stand_alone() {
    let python = read(recorded!("e_sentry_openai_stream/001.envelope.raw"));
    assert_eq!(
        (python.event_id, python.records.len(), python.rejected_total),
        (None, 6, 0)
    );
    let node = read(recorded!("f_sentry_node_stream/001.envelope.raw"));
    assert_eq!((node.records.len(), node.rejected_total), (6, 0));
    assert_eq!(
        attribute(named(&node, "chat gpt-4o-mini"), "sentry.environment"),
        "capture"
    );
    let segment = node
        .records
        .iter()
        .find(|record| record.body["is_segment"] == true);
    assert_eq!(
        segment.map(|record| &record.body["name"]),
        Some(&"chat turn 1".into())
    );
}

#[test]
fn items_of_other_kinds_are_skipped_and_counted() {
    let error = read(recorded!("e_sentry_openai_tx/003.envelope.raw"));
    assert_eq!(
        error.event_id.as_deref(),
        Some("0f103e8c32034dec8acbdfc023542e6b")
    );
    assert_eq!(
        (error.records.len(), error.errors.len(), error.skipped),
        (0, 1, [].into())
    );
    let mixed = envelope(&[
        ("session", json!({})),
        ("client_report", json!(1)),
        ("session", json!(2)),
        ("event", json!({"message": "outside of any span"})),
        ("event", json!("no object")),
    ]);
    let counted = [("client_report", 1), ("session", 2), ("event", 2)];
    let counted = counted.map(|(kind, count)| (kind.to_owned(), count)).into();
    let mixed = read(mixed);
    assert_eq!((mixed.skipped, mixed.rejected_total), (counted, 0));
}

#[test]
fn what_is_written_by_hand_is_taken() {
    let one = transaction().to_string();
    let items = [
        "{\"type\":\"session\"}\n{\"status\":\"ok\"}",
        "{\"type\":\"session\"}\n",
        "{\"type\":\"attachment\",\"length\":0,\"filename\":\"empty.txt\"}\n",
        "{\"type\":\"attachment\",\"length\":9,\"filename\":\"a.txt\"}\ntwo\nlines",
        "{\"type\":\"attachment\",\"filename\":\"a.bin\"}\n\u{1}\u{2} {\"type\":",
        "{\"type\":\"no_such_thing\",\"length\":null}\n[]",
        "{\"type\":\"\"}\n",
        "{}\nwithout a kind",
        "{\"type\":7}\n7",
    ];
    for (item, end) in items.iter().flat_map(|item| [(item, "\n"), (item, "\r\n")]) {
        // A length counts the payload's own line ends, which stay.
        let item = match item.contains("\"length\":9") {
            true => (*item).to_owned(),
            false => item.replace('\n', end),
        };
        for last in ["", end] {
            let transaction = format!("{{\"type\":\"transaction\"}}{end}{one}");
            for (first, second) in [(&item, &transaction), (&transaction, &item)] {
                let envelope = format!("{{}}{end}{first}{end}{second}{last}");
                let read = read(&envelope);
                assert_eq!(
                    (read.records.len(), read.rejected),
                    (1, vec![]),
                    "{envelope:?}"
                );
            }
        }
    }
}

#[test]
fn every_recorded_envelope_is_read_whole() {
    for bytes in [
        recorded!("d_agents_sentry_responses/000.envelope.raw"),
        recorded!("d_agents_sentry_responses/001.envelope.raw"),
        recorded!("d_agents_sentry_responses/002.envelope.raw"),
        recorded!("d_agents_sentry_responses/005.envelope.raw"),
        recorded!("e_sentry_openai_tx/000.envelope.raw"),
        recorded!("e_sentry_openai_tx/002.envelope.raw"),
        recorded!("e_sentry_openai_stream/000.envelope.raw"),
        recorded!("e_sentry_openai_stream/002.envelope.raw"),
        recorded!("e_sentry_openai_stream/004.envelope.raw"),
        recorded!("f_sentry_node_static/001.envelope.raw"),
        recorded!("f_sentry_node_static/003.envelope.raw"),
        recorded!("f_sentry_node_stream/000.envelope.raw"),
        recorded!("f_sentry_node_stream/003.envelope.raw"),
    ] {
        let read = read(bytes);
        assert_eq!((read.rejected, read.skipped.len()), (vec![], 0));
        let with_id = |record: &&Record| attribute(record, "gen_ai.conversation.id").is_string();
        assert!(read.records.iter().filter(with_id).count() > 0);
    }
}

#[test]
fn a_classic_transaction_holds_all_its_spans() {
    let mut event = transaction();
    event["spans"] = json!([
        {"span_id": "81624125bdb6bd01", "parent_span_id": "9661be3cb12d631a", "op": "ai.chat",
         "trace_id": "0aee407ccacf4fc5b351d236796c4542", "description": "chat gpt-4o",
         "start_timestamp": "1970-01-01T00:01:41Z", "timestamp": 102.0, "status": "internal_error",
         "origin": "auto.ai.openai", "tags": [["tag", "x"], "odd"],
         "measurements": {"ai_total_tokens_used": {"value": 30, "unit": "none"}},
         "data": {"gen_ai.request.messages": "[{\"role\":\"user\",\"content\":\"hi\"}]", "list": ["a"],
                  "map": {"k": 1}, "nothing": null, "temperature": 0.5, "flag": true}},
        {"span_id": "91624125bdb6bd01", "status": "cancelled", "start_timestamp": 101.0, "timestamp": 102.0},
    ]);
    event["_meta"] =
        json!({"spans": {"0": {"data": {"gen_ai.request.messages": {"": {"len": 5}}}}}});
    let read = read(envelope(&[("transaction", event)]));
    assert_eq!(read.rejected, Vec::<String>::new());
    let chat = named(&read, "chat gpt-4o");
    assert_eq!(
        (&chat.body["start_timestamp"], &chat.body["end_timestamp"]),
        (&json!(101.0), &json!(102.0))
    );
    assert_eq!(
        (&chat.body["status"], attribute(chat, "sentry.status")),
        (&"error".into(), &"internal_error".into())
    );
    assert_eq!(
        chat.body["attributes"]["map"],
        json!({"type": "object", "value": {"k": 1}}),
        "values keep their structure"
    );
    assert_eq!(attribute(chat, "tag"), "x");
    assert_eq!(attribute(chat, "ai_total_tokens_used"), 30);
    assert_eq!(
        attribute(
            chat,
            "sentry.sdk_meta.gen_ai.input.messages.original_length"
        ),
        5
    );
    assert_eq!(attribute(chat, "user.name"), "jane");
    let bare = &read.records[2].body;
    assert_eq!(
        bare["parent_span_id"], "9661be3cb12d631a",
        "the transaction is its parent"
    );
    assert_eq!(
        (&bare["trace_id"], &bare["status"]),
        (&read.records[0].body["trace_id"], &"ok".into())
    );
    assert_eq!(read.records[0].body["end_timestamp"], 102.25);
}

#[test]
fn a_bad_span_is_reported_and_its_neighbours_live() {
    let good = json!({"trace_id": "0aee407c-cacf-4fc5-b351-d236796c4542", "span_id": "88ee222b7af19e5b",
                      "end_timestamp": 2.0});
    let no_times =
        json!({"trace_id": "0aee407ccacf4fc5b351d236796c4542", "span_id": "88ee222b7af19e5b"});
    let no_ids = json!({"trace_id": "short", "start_timestamp": 1.0});
    let container = json!({"items": [no_ids, good, 5, no_times]});
    let mut bytes = envelope(&[("span", container)]);
    bytes.extend(b"{\"type\":\"span\"}\n{\"items\":[\n");
    bytes.extend(b"{\"type\":\"transaction\"}\n[]\n");
    let read = read(bytes);
    assert_eq!(read.records.len(), 1);
    assert_eq!(
        read.rejected,
        [
            "item 1 (span): the payload is not valid JSON: EOF while parsing a list at line 1 column 10",
            "item 2 (transaction): the payload is not a JSON object",
            "item 0 (span), span 0: `trace_id` is \"short\"; it must be 32 hex digits, not all zero",
            "item 0 (span), span 2: `trace_id` is \"\"; it must be 32 hex digits, not all zero",
            "item 0 (span), span 3: it has neither a start nor an end timestamp",
        ]
    );
}

#[test]
fn a_length_may_cover_line_feeds_and_be_missing() {
    let pretty = serde_json::to_string_pretty(&transaction()).expect("text");
    let bare = transaction().to_string();
    let bytes = format!(
        "{{}}\r\n\n{{\"type\":\"transaction\",\"length\":{}}}\r\n{pretty}\r\n\n{{\"type\":\"transaction\"}}\n{bare}",
        pretty.len()
    );
    assert_eq!(read(&bytes).records.len(), 2);
    assert_eq!(read(b"{}").records.len(), 0);
    assert_eq!(
        read(b"{}\n{\"type\":\"attachment\",\"length\":0}")
            .skipped
            .len(),
        1
    );
}

#[test]
fn errors_say_what_and_where() {
    let error = |bytes: &[u8]| super::read(bytes, &context()).expect_err("bad").to_string();
    assert_eq!(error(b" \n"), "the envelope is empty");
    assert!(
        error(b"hello\n{}").starts_with(
            "the envelope's header line is not a JSON object: expected value at line 1"
        )
    );
    assert!(error(b"{}\n[1]\n{}").starts_with("item 0: its header line is not a JSON object"));
    assert_eq!(
        error(b"{}\n{\"type\":\"session\"}\n{}\n{\"type\":\"span\",\"length\":50}\n{}"),
        "item 1 (span): its header promises 50 bytes, 2 are left"
    );
    assert_eq!(
        error(b"{}\n{\"type\":\"span\",\"length\":3}\n{\"items\":[]}\n"),
        "item 0 (span): no line feed after the 3 bytes its header promises"
    );
    let many = "{\"type\":\"session\"}\n{}\n".repeat(ITEMS_MAX + 1);
    assert_eq!(
        error(format!("{{}}\n{many}").as_bytes()),
        "more than 1000 items"
    );
    let spans = "{},".repeat(SPANS_MAX) + "{}";
    let flood = format!("{{}}\n{{\"type\":\"span\"}}\n{{\"items\":[{spans}]}}");
    assert_eq!(
        error(flood.as_bytes()),
        "more than 10000 spans; flush more often"
    );
}

#[test]
fn an_envelope_cut_anywhere_never_panics() {
    let whole = recorded!("e_sentry_openai_tx/001.envelope.raw");
    for length in 0..whole.len() {
        let _ = super::read(&whole[..length], &context());
    }
}

proptest! {
    #[test]
    fn odd_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..4_000) {
        let _ = super::read(&bytes, &context());
        let mut damaged = recorded!("f_sentry_node_static/000.envelope.raw")[..4_000].to_vec();
        let end = (at + bytes.len()).min(damaged.len());
        damaged[at..end].copy_from_slice(&bytes[..end - at]);
        let _ = super::read(&damaged, &context());
    }
}

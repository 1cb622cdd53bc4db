//! Bad input reaches the dead letters as it came; its neighbours do not notice.

use harness::dialogue::Dialogue;
use harness::otlp::{export, trace_records};
use harness::record::Record;
use harness::stack::Stack;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::Value;

const PROJECT: &str = "shop";
const START_NS: u64 = 1_767_600_000_000_000_000;

fn chat(id: &str, seed: u64) -> Vec<Span> {
    let mut chat = Dialogue::new(PROJECT, id, seed, START_NS);
    chat.ask("Still there?").answer("Still here.", 300);
    chat.take()
}

/// Records of which nothing can be read, by name.
fn unreadable(stack: &Stack) -> Vec<(&'static str, Record)> {
    let good = export(PROJECT, chat("cut-off", 100)).encode_to_vec();
    let spans = |payload: &[u8]| Record::new(&stack.topics.spans, "key", payload);
    let json = |payload: &str| Record::new(&stack.topics.spans_json, "key", payload);
    let sentry = |payload: &str| Record::new(&stack.topics.sentry, "key", payload);
    vec![
        (
            "random bytes",
            spans(&[0xff, 0x00, 0xfe, 0x13, 0x37, 0xff, 0xff]),
        ),
        ("plain text", spans(b"hello, is this thing on?")),
        ("a message that was cut off", spans(&good[..good.len() / 2])),
        (
            "a schema registry frame",
            spans(&[&[0, 0, 0, 0, 7], good.as_slice()].concat()),
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

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_records_become_dead_letters_and_neighbours_live() {
    let stack = Stack::start("poison").await;
    let poison = unreadable(&stack);
    for (number, (_, bad)) in (0u64..).zip(&poison) {
        let good = export(PROJECT, chat(&format!("neighbour-{number}"), number));
        let good = trace_records(&stack.topics.spans, &good);
        stack.send(good.into_iter().chain([bad.clone()])).await;
    }
    stack.settle().await;

    let rows = stack.client.list(Value::Null).await.expect("a list");
    assert_eq!(
        rows.len(),
        poison.len(),
        "every neighbour is listed, and nothing else"
    );
    let letters = stack.dead_letters().await;
    assert_eq!(letters.len(), poison.len());
    for (name, bad) in &poison {
        let letter = letters.iter().find(|letter| letter.payload == bad.payload);
        let letter = letter.unwrap_or_else(|| panic!("{name} is not among the dead letters"));
        assert_eq!(letter.key, bad.key, "{name}");
        assert!(!letter.headers.is_empty(), "{name} says why and whence");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tombstone_and_an_empty_export_are_nothing() {
    let stack = Stack::start("poison-empty").await;
    let empty = export(PROJECT, Vec::new()).encode_to_vec();
    stack
        .send([
            Record::new(&stack.topics.spans, "key", ""),
            Record::new(&stack.topics.spans, "key", empty),
        ])
        .await;
    stack
        .send(trace_records(
            &stack.topics.spans,
            &export(PROJECT, chat("after", 1)),
        ))
        .await;
    stack.settle().await;
    assert_eq!(
        stack.client.list(Value::Null).await.expect("a list").len(),
        1
    );
    assert_eq!(stack.dead_letters().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_span_does_not_take_its_batch_along() {
    let stack = Stack::start("poison-span").await;
    let mut spans = chat("survivor", 2);
    let mut without_trace = spans[0].clone();
    without_trace.trace_id = vec![0; 16];
    let mut short_id = spans[0].clone();
    short_id.span_id = vec![1, 2, 3];
    spans.splice(1..1, [without_trace, short_id]);
    let batch = export(PROJECT, spans).encode_to_vec();
    stack
        .send([Record::new(&stack.topics.spans, "key", batch.clone())])
        .await;
    stack.settle().await;

    let survivor = stack
        .client
        .conversation(PROJECT, "survivor")
        .await
        .expect("an answer")
        .expect("listed");
    assert_eq!(survivor["llmCalls"], 1);
    let letters = stack.dead_letters().await;
    assert!(
        letters.iter().any(|letter| letter.payload == batch),
        "a copy of the record says what was left out"
    );
}

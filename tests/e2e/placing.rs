//! Spans that carry no conversation id: where they stand, when, and that nobody waits for them.

use harness::eventually;
use harness::otlp::{attribute, export, trace_records};
use harness::services::Settings;
use harness::stack::Stack;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};
use std::time::Duration;

const PROJECT: &str = "agents";
const START_NS: u64 = 1_767_600_000_000_000_000;
const SECOND_NS: u64 = 1_000_000_000;
/// From records in Kafka to an answer, on a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// Nothing is decided in a test's lifetime because time has passed.
const NEVER_MS: u64 = 3_600_000;

/// A span of a trace; spans are named by small numbers, 0 for no parent.
fn span(trace: u8, id: u8, parent: u8, attributes: Vec<(&str, Value)>) -> Span {
    let span_id = |id: u8| match id {
        0 => Vec::new(),
        id => vec![trace, 0, 0, 0, 0, 0, 0, id],
    };
    let start_time_unix_nano = START_NS + u64::from(id) * SECOND_NS;
    Span {
        trace_id: vec![trace; 16],
        span_id: span_id(id),
        parent_span_id: span_id(parent),
        name: "step".to_owned(),
        start_time_unix_nano,
        end_time_unix_nano: start_time_unix_nano + SECOND_NS,
        attributes: attributes
            .into_iter()
            .map(|(key, value)| attribute(key, value))
            .collect(),
        ..Span::default()
    }
}

fn call(answer: &str) -> Vec<(&'static str, Value)> {
    let said = |role: &str, text: &str| json!([{"role": role, "parts": [{"type": "text", "content": text}]}]);
    vec![
        ("gen_ai.operation.name", json!("chat")),
        ("gen_ai.provider.name", json!("openai")),
        ("gen_ai.request.model", json!("gpt-4o-mini")),
        (
            "gen_ai.input.messages",
            json!(said("user", "Go on.").to_string()),
        ),
        (
            "gen_ai.output.messages",
            json!(said("assistant", answer).to_string()),
        ),
    ]
}

fn tool() -> Vec<(&'static str, Value)> {
    vec![
        ("gen_ai.operation.name", json!("execute_tool")),
        ("gen_ai.tool.name", json!("look_up")),
        ("gen_ai.tool.call.result", json!("found")),
    ]
}

fn agent() -> Vec<(&'static str, Value)> {
    vec![("gen_ai.operation.name", json!("invoke_agent"))]
}

fn named<'a>(mut attributes: Vec<(&'a str, Value)>, id: &str) -> Vec<(&'a str, Value)> {
    attributes.push(("gen_ai.conversation.id", json!(id)));
    attributes
}

async fn send(stack: &Stack, project: &str, spans: Vec<Span>) {
    stack
        .send(trace_records(&stack.topics.spans, &export(project, spans)))
        .await;
}

/// Calls and tool calls of a conversation; `None` when there is none.
async fn counts(stack: &Stack, project: &str, id: &str) -> Option<(u64, u64)> {
    let query = "query($project: ID!, $id: ID!) { conversation(project: $project, id: $id) { llmCalls toolCalls } }";
    let variables = json!({"project": project, "id": id});
    let data = stack
        .client
        .query(query, variables)
        .await
        .expect("an answer");
    let conversation = &data["conversation"];
    Some((
        conversation["llmCalls"].as_u64()?,
        conversation["toolCalls"].as_u64()?,
    ))
}

async fn comes_to(stack: &Stack, project: &str, id: &str, right: Option<(u64, u64)>) {
    eventually(&format!("{id} has {right:?}"), SOON, async || {
        let counts = counts(stack, project, id).await;
        if counts == right {
            Ok(())
        } else {
            Err(format!("{counts:?}"))
        }
    })
    .await;
}

async fn unassigned_comes_to(stack: &Stack, project: &str, spans: u64) {
    let query = "query($project: ID!) { unassignedSpans(projects: [$project]) { spans } }";
    eventually(
        &format!("{spans} spans are without a conversation"),
        SOON,
        async || {
            let data = stack
                .client
                .query(query, json!({"project": project}))
                .await?;
            let rows = data["unassignedSpans"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let counted: u64 = rows.iter().filter_map(|row| row["spans"].as_u64()).sum();
            anyhow::ensure!(counted == spans, "{counted}");
            Ok(())
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_names_the_conversation_late_brings_its_children_along() {
    let stack = Stack::start("placing-late-root").await;
    send(
        &stack,
        PROJECT,
        vec![span(1, 3, 2, tool()), span(1, 2, 1, call("Done."))],
    )
    .await;
    unassigned_comes_to(&stack, PROJECT, 2).await;
    assert_eq!(counts(&stack, PROJECT, "late").await, None);

    send(&stack, PROJECT, vec![span(1, 1, 0, named(agent(), "late"))]).await;
    comes_to(&stack, PROJECT, "late", Some((1, 1))).await;
    unassigned_comes_to(&stack, PROJECT, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_stand_in_the_only_conversation_of_their_trace_at_once_and_move_when_another_is_theirs()
 {
    let settings = Settings::default().set("processor.resolve.settle_ms", NEVER_MS);
    let stack = Stack::start_with("placing-move", settings).await;
    let list = "subscription { conversations(filter: {projects: [\"agents\"]}) { kind conversation { id toolCalls } } }";
    let mut rows = stack
        .client
        .subscribe(list, Value::Null)
        .await
        .expect("a subscription");

    // The tool runs below a span that nobody knows yet.
    send(
        &stack,
        PROJECT,
        vec![span(2, 1, 0, named(call("One."), "one"))],
    )
    .await;
    send(&stack, PROJECT, vec![span(2, 6, 5, tool())]).await;
    comes_to(&stack, PROJECT, "one", Some((1, 1))).await;

    send(&stack, PROJECT, vec![span(2, 5, 0, named(agent(), "two"))]).await;
    comes_to(&stack, PROJECT, "two", Some((0, 1))).await;
    comes_to(&stack, PROJECT, "one", Some((1, 0))).await;

    let mut shown: std::collections::BTreeMap<String, u64> = Default::default();
    while shown.get("one") != Some(&0) || shown.get("two") != Some(&1) {
        let event = rows.next(SOON).await.expect("an event");
        let row = &event["conversations"]["conversation"];
        let id = row["id"].as_str().unwrap_or_default().to_owned();
        shown.insert(id, row["toolCalls"].as_u64().unwrap_or_default());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_uses_a_trace_id_of_another_project_learns_and_changes_nothing() {
    let stack = Stack::start("placing-projects").await;
    send(
        &stack,
        "theirs",
        vec![span(3, 1, 0, named(agent(), "secret"))],
    )
    .await;
    comes_to(&stack, "theirs", "secret", Some((0, 0))).await;
    send(&stack, PROJECT, vec![span(3, 2, 1, call("Let me in."))]).await;
    send(
        &stack,
        PROJECT,
        vec![span(3, 1, 0, named(agent(), "forged"))],
    )
    .await;
    comes_to(&stack, PROJECT, "forged", Some((1, 0))).await;

    send(&stack, "theirs", vec![span(3, 4, 1, call("All is well."))]).await;
    comes_to(&stack, "theirs", "secret", Some((1, 0))).await;
    assert_eq!(counts(&stack, PROJECT, "secret").await, None);
    assert_eq!(counts(&stack, "theirs", "forged").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_of_another_project_in_a_trace_neither_places_nor_moves_its_spans() {
    let stack = Stack::start("placing-muddled").await;
    // The tool stands in the only conversation of its trace: that the other project has one there does not count.
    let theirs = vec![
        span(5, 1, 0, named(agent(), "clean")),
        span(5, 2, 9, tool()),
    ];
    send(&stack, "theirs", theirs).await;
    comes_to(&stack, "theirs", "clean", Some((0, 1))).await;
    send(
        &stack,
        PROJECT,
        vec![span(5, 9, 0, named(call("Noise."), "noise"))],
    )
    .await;
    comes_to(&stack, PROJECT, "noise", Some((1, 0))).await;

    // No span of theirs carries an id: the other project's is not the only one of the trace.
    send(
        &stack,
        PROJECT,
        vec![span(6, 1, 0, named(call("Noise."), "given"))],
    )
    .await;
    comes_to(&stack, PROJECT, "given", Some((1, 0))).await;
    send(&stack, "theirs", vec![span(6, 2, 1, call("All is well."))]).await;
    unassigned_comes_to(&stack, "theirs", 1).await;
    assert_eq!(counts(&stack, "theirs", "given").await, None);
    assert_eq!(counts(&stack, "theirs", "clean").await, Some((0, 1)));
    assert_eq!(counts(&stack, PROJECT, "given").await, Some((1, 0)));
}

/// Far more of them than may be in flight.
#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_spans_without_an_id_holds_nobody_up() {
    const TRACES: u8 = 200;
    let settings = Settings::default()
        .set("processor.resolve.settle_ms", NEVER_MS)
        .set("processor.in_flight_records_max", 50);
    let stack = Stack::start_with("placing-flood", settings).await;
    for parent in [0, 1, 2] {
        for trace in 1..=TRACES {
            let spans = vec![span(trace, parent + 1, parent, call("Anybody?"))];
            send(&stack, "bare", spans).await;
        }
    }
    send(
        &stack,
        PROJECT,
        vec![span(4, 1, 0, named(call("Here."), "served"))],
    )
    .await;
    comes_to(&stack, PROJECT, "served", Some((1, 0))).await;
    // Their records are done although nothing is decided about them.
    stack.settle().await;
    unassigned_comes_to(&stack, "bare", 0).await;
    assert!(stack.dead_letters().await.is_empty());
}

//! Spans of SDKs that give no conversation id: counted, or made conversations of one trace.

use harness::captured::{self, WITHOUT_ID};
use harness::services::Settings;
use harness::stack::Stack;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn spans_without_an_id_are_left_out_and_counted() {
    let stack = Stack::start("unassigned").await;
    for label in WITHOUT_ID {
        stack
            .send(
                captured::load(label)
                    .expect("readable")
                    .records(&stack.topics),
            )
            .await;
    }
    stack.settle().await;

    assert_eq!(
        stack.client.list(Value::Null).await.expect("a list"),
        Vec::<Value>::new()
    );
    let query = "{ unassignedSpans(projects: [\"travel-bot-d_agents_oi_chat\"]) { spans llmCalls exampleTraceId } }";
    let counted = stack
        .client
        .query(query, Value::Null)
        .await
        .expect("counts");
    assert_eq!(counted["unassignedSpans"][0]["llmCalls"], 5, "{counted}");
    let dropped = stack
        .processor
        .counter("processor_spans_dropped_total")
        .await
        .expect("metrics");
    assert!(dropped >= 20.0, "{dropped} spans are counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn by_configuration_their_traces_become_conversations() {
    let settings = Settings::default().set("processor.assembly.without_id", "trace");
    let stack = Stack::start_with("unassigned-trace", settings).await;
    let capture = captured::load("d_agents_oi_chat").expect("readable");
    stack.send(capture.records(&stack.topics)).await;
    stack.settle().await;

    let rows = stack.client.list(Value::Null).await.expect("a list");
    assert_eq!(rows.len(), 4, "one conversation a trace");
    assert!(rows.iter().all(|row| row["inferred"] == true));
    let calls: u64 = rows.iter().filter_map(|row| row["llmCalls"].as_u64()).sum();
    assert_eq!(calls, 5);
}

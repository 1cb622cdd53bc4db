//! Spans of SDKs that give no conversation id: counted, made conversations of one trace, or chained by what was said.

use harness::captured::{self, WITHOUT_ID};
use harness::eventually;
use harness::otlp::{self, attribute};
use harness::record::Record;
use harness::services::Settings;
use harness::stack::Stack;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};
use std::time::Duration;

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
    let query = "{ unassignedSpans(projects: [\"travel-bot-d_agents_oi_chat\"]) { spans llmCalls exampleTraceId } }";
    eventually("they are counted", DECIDED_WITHIN, async || {
        let counted = stack.client.query(query, Value::Null).await?;
        let calls = &counted["unassignedSpans"][0]["llmCalls"];
        anyhow::ensure!(*calls == 5, "{counted}");
        Ok(())
    })
    .await;
    assert_eq!(
        stack.client.list(Value::Null).await.expect("a list"),
        Vec::<Value>::new()
    );
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

    eventually("each trace is a conversation", DECIDED_WITHIN, async || {
        let rows = stack.client.list(Value::Null).await?;
        let calls: u64 = rows.iter().filter_map(|row| row["llmCalls"].as_u64()).sum();
        let are_inferred = rows.iter().all(|row| row["inferred"] == true);
        anyhow::ensure!(are_inferred && (rows.len(), calls) == (4, 5), "{rows:?}");
        Ok(())
    })
    .await;
}

/// Two processors, records in any order: each recording is one conversation, and people who all say the same are as many
/// as they are.
#[tokio::test(flavor = "multi_thread")]
async fn by_configuration_calls_are_chained_by_what_was_said() {
    const PEOPLE: u64 = 8;
    let settings = Settings::default()
        .set("processor.assembly.without_id", "history")
        .set("processor.chain.wait_ms", 8_000);
    let stack = Stack::start_with("unassigned-history", settings).await;
    let another = stack.another_processor().await;
    let mut records: Vec<Record> = (1..=PEOPLE)
        .flat_map(|person| chat_in_few_words(&stack.topics.spans, person))
        .collect();
    for label in WITHOUT_ID {
        let capture = captured::load(label).expect("readable");
        records.extend(capture.records(&stack.topics));
    }
    fastrand::Rng::with_seed(11).shuffle(&mut records);
    stack.send(records.clone()).await;

    let list = async || {
        let mut rows = stack.client.list(Value::Null).await.expect("a list");
        rows.sort_by_key(|row| row["id"].to_string());
        rows
    };
    let rows = eventually("calls are chained", DECIDED_WITHIN, async || {
        let rows = list().await;
        let calls = |project: &str| -> Vec<u64> {
            let rows = rows.iter().filter(|row| row["project"] == project);
            rows.filter_map(|row| row["llmCalls"].as_u64()).collect()
        };
        for label in WITHOUT_ID {
            let calls = calls(&format!("travel-bot-{label}"));
            anyhow::ensure!(calls == [5], "{label}: {calls:?}");
        }
        let calls = calls(FEW_WORDS);
        anyhow::ensure!(calls == [3; PEOPLE as usize], "{calls:?}");
        Ok(rows)
    })
    .await;
    assert!(rows.iter().all(|row| row["inferred"] == true));

    // The same again changes nothing.
    stack.send(records).await;
    stack.settle().await;
    let ids = |rows: &[Value]| -> Vec<Value> { rows.iter().map(|row| row["id"].clone()).collect() };
    assert_eq!(ids(&list().await), ids(&rows));
    drop(another);
}

/// What is decided without an id is decided when records are some seconds old.
const DECIDED_WITHIN: Duration = Duration::from_secs(60);
const FEW_WORDS: &str = "few-words";

/// Three bare calls of one user, each in a trace of its own; all users say the same.
fn chat_in_few_words(topic: &str, person: u64) -> Vec<Record> {
    const SECOND_NS: u64 = 1_000_000_000;
    let message = |role: &str, text: &str| json!({"role": role, "parts": [{"type": "text", "content": text}]});
    let mut history = Vec::new();
    let mut records = Vec::new();
    for (turn, word) in (1u64..).zip(["hello", "yes", "go on"]) {
        history.push(message("user", word));
        let answer = message("assistant", "ok");
        let start_time_unix_nano = 1_795_400_000 * SECOND_NS + (20 * turn + person) * SECOND_NS;
        let span = Span {
            trace_id: [[7; 8], (100 * person + turn).to_be_bytes()].concat(),
            span_id: turn.to_be_bytes().to_vec(),
            name: "chat gpt-4o-mini".to_owned(),
            start_time_unix_nano,
            end_time_unix_nano: start_time_unix_nano + SECOND_NS,
            attributes: vec![
                attribute("gen_ai.operation.name", "chat"),
                attribute("gen_ai.provider.name", "openai"),
                attribute("gen_ai.request.model", "gpt-4o-mini"),
                attribute(
                    "gen_ai.input.messages",
                    Value::from(history.clone()).to_string(),
                ),
                attribute("gen_ai.output.messages", json!([answer]).to_string()),
                attribute("user.id", format!("user-{person}")),
            ],
            ..Span::default()
        };
        records.extend(otlp::trace_records(
            topic,
            &otlp::export(FEW_WORDS, vec![span]),
        ));
        history.push(answer);
    }
    records
}

//! Finalisation: a silence ends a conversation, a late span opens it again, and a replay tells the same story.

use harness::clock::now_ms;
use harness::dialogue::Dialogue;
use harness::otlp::{export, trace_records};
use harness::record::Record;
use harness::services::Settings;
use harness::stack::Stack;
use harness::{eventually, process::workspace};
use serde_json::Value;
use std::time::Duration;

const PROJECT: &str = "shop";
const START_NS: u64 = 1_767_600_000_000_000_000;
const GAP_MS: u64 = 3_000;
/// The gap, the watermark's step and a busy machine.
const CLOSE_DEADLINE: Duration = Duration::from_secs(40);

fn short_gap() -> Settings {
    Settings::default().set("processor.assembly.inactivity_gap_ms", GAP_MS)
}

/// The revisions of one conversation on the topic, in order.
async fn revisions(stack: &Stack, id: &str) -> Vec<Value> {
    let records = stack.finalised().await;
    records
        .iter()
        .map(Record::json)
        .filter(|conversation| conversation["id"] == id)
        .collect()
}

async fn await_revision(stack: &Stack, id: &str, revision: u64) -> Value {
    eventually(
        &format!("revision {revision} of {id}"),
        CLOSE_DEADLINE,
        async || {
            let found = revisions(stack, id).await;
            let last = found
                .iter()
                .find(|conversation| conversation["revision"] == revision);
            last.cloned().ok_or(format!("{} revisions", found.len()))
        },
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_finalises_and_a_late_span_gives_the_next_revision() {
    let stack = Stack::start_with("windows", short_gap()).await;
    let mut chat = Dialogue::new(PROJECT, "silent", 1, START_NS);
    chat.ask("Are you there?").answer("I am.", 400);
    stack
        .send(trace_records(
            &stack.topics.spans,
            &export(PROJECT, chat.take()),
        ))
        .await;

    let first = await_revision(&stack, "silent", 1).await;
    check_schema(&first);
    assert_eq!(first["llmCalls"], 1);
    let shown = stack
        .client
        .conversation(PROJECT, "silent")
        .await
        .expect("an answer")
        .expect("known");
    assert_eq!(
        (&shown["status"], &shown["revision"]),
        (&"FINALIZED".into(), &1.into())
    );

    chat.ask("Still?").answer("Still.", 400);
    stack
        .send(trace_records(
            &stack.topics.spans,
            &export(PROJECT, chat.take()),
        ))
        .await;
    eventually(
        "the conversation is open again",
        CLOSE_DEADLINE,
        async || {
            let shown = stack
                .client
                .conversation(PROJECT, "silent")
                .await?
                .ok_or(anyhow::anyhow!("gone"))?;
            anyhow::ensure!(shown["llmCalls"] == 2, "{} calls", shown["llmCalls"]);
            Ok(())
        },
    )
    .await;
    let second = await_revision(&stack, "silent", 2).await;
    check_schema(&second);
    assert_eq!(second["llmCalls"], 2);
    assert_eq!(second["messages"].as_array().map(Vec::len), Some(4));
    assert_eq!(
        revisions(&stack, "silent").await.len(),
        2,
        "each revision is written once"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_old_records_gives_the_same_revisions() {
    let mut stack = Stack::start_with("windows-replay", short_gap()).await;
    // Three turns of an hour ago, with a silence before the last: two windows.
    let begin_ms = now_ms() - 3_600_000;
    let mut chat = Dialogue::new(PROJECT, "old", 2, START_NS);
    for (after_ms, question) in [(0, "One?"), (1_000, "Two?"), (60_000, "Three?")] {
        chat.ask(question).answer("Yes.", 400);
        let records = trace_records(&stack.topics.spans, &export(PROJECT, chat.take()));
        stack
            .send(
                records
                    .into_iter()
                    .map(|record| record.at_ms(begin_ms + after_ms)),
            )
            .await;
    }
    let live: Vec<Value> = [
        await_revision(&stack, "old", 1).await,
        await_revision(&stack, "old", 2).await,
    ]
    .into();
    assert_eq!([&live[0]["llmCalls"], &live[1]["llmCalls"]], [2, 3]);

    stack.redis.replace_by_an_empty_one().await;
    let again = eventually(
        "both revisions are written again",
        CLOSE_DEADLINE,
        async || {
            let found = revisions(&stack, "old").await;
            if found.len() >= 4 {
                Ok(found)
            } else {
                Err(format!("{} revisions", found.len()))
            }
        },
    )
    .await;
    assert_eq!(again[2..4], live);
    stack.processor.stop();
}

/// The record is what the schema in the repository promises.
fn check_schema(conversation: &Value) {
    let path = workspace().join("schemas/kafka/conversation.schema.json");
    let schema = std::fs::read_to_string(&path).expect("the schema is in the repository");
    let schema: Value = serde_json::from_str(&schema).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is a schema");
    let problems: Vec<String> = validator
        .iter_errors(conversation)
        .map(|problem| problem.to_string())
        .collect();
    assert_eq!(problems, Vec::<String>::new(), "{conversation}");
}

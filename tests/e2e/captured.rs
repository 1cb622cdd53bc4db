//! The recorded exports of real SDKs arrive as whole conversations, whatever their dialect.

use harness::captured::{self, Capture, GROWTH};
use harness::process::workspace;
use harness::reading::text;
use harness::stack::Stack;
use serde_json::Value;

/// What every recording's user says, whatever the SDK.
const QUESTIONS: [&str; 4] = [
    "Hello, I plan a trip to Paris next week.",
    "What is the weather in Paris, in celsius?",
    "Thanks! My e-mail is jane.doe@example.com, please remember it.",
    "please fail",
];

/// The script plays twice there: by chat completions, then by the Responses API.
const TWO_APIS: &str = "b_openinference_openai";

/// What Redis may hold of the chat of 40 turns, all keys together. Its spans weigh 950 KB, what was said 40 KB.
const GROWTH_BYTES_MAX: u64 = 80 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn every_recorded_conversation_is_listed_with_its_numbers() {
    let stack = Stack::start("captured").await;
    let captures = captured::all().expect("readable");
    for capture in &captures {
        stack.send(capture.records(&stack.topics)).await;
    }
    stack.settle().await;

    let rows = stack.client.list(Value::Null).await.expect("a list");
    for capture in captures.iter().filter(|capture| capture.label != GROWTH) {
        check(&stack, capture, &rows).await;
    }
}

async fn check(stack: &Stack, capture: &Capture, rows: &[Value]) {
    let label = &capture.label;
    let row = rows
        .iter()
        .find(|row| row["id"] == capture.conversation_id());
    if !capture.has_id() {
        assert!(
            row.is_none(),
            "{label} carries no id, so nothing may be listed for it"
        );
        return;
    }
    let row = row.unwrap_or_else(|| panic!("{label} is not listed"));
    assert_eq!(
        row["llmCalls"],
        if label == TWO_APIS { 9 } else { 5 },
        "{label}"
    );
    assert_eq!(row["toolCalls"], 1, "{label}");
    assert_eq!(row["errors"], 1, "{label}");
    let usage = &row["usage"];
    let tokens = format!(
        "{} in ({} cached), {} out",
        usage["inputTokens"], usage["cachedInputTokens"], usage["outputTokens"]
    );
    assert!(golden_summary(label).contains(&tokens), "{label}: {tokens}");

    let project = text(&row["project"]);
    let conversation = stack
        .client
        .conversation(&project, &capture.conversation_id())
        .await;
    let conversation = conversation.expect("an answer").expect("known");
    assert_eq!(said_by(&conversation, "USER"), QUESTIONS, "{label}");
}

/// The line of the golden transcript that says how many calls and tokens there are.
fn golden_summary(label: &str) -> String {
    let path = workspace().join(format!("schemas/examples/transcripts/{label}.txt"));
    let transcript =
        std::fs::read_to_string(path).expect("every recording has a golden transcript");
    let summary = transcript.lines().find(|line| line.starts_with("== "));
    summary.expect("a summary").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_of_forty_turns_is_stored_as_what_was_said() {
    let stack = Stack::start("growth").await;
    let capture = captured::load(GROWTH).expect("readable");
    stack.send(capture.records(&stack.topics)).await;
    stack.settle().await;

    let rows = stack.client.list(Value::Null).await.expect("a list");
    let [row] = rows.as_slice() else {
        panic!("one conversation, not {}", rows.len())
    };
    let conversation = stack
        .client
        .conversation(&text(&row["project"]), &text(&row["id"]))
        .await;
    let conversation = conversation.expect("an answer").expect("known");
    assert_eq!(said_by(&conversation, "USER").len(), 40);
    assert_eq!(said_by(&conversation, "ASSISTANT").len(), 40);

    let bytes = stack.redis.key_bytes();
    assert!(bytes <= GROWTH_BYTES_MAX, "{bytes} bytes in Redis");
}

/// The texts of one role's messages, in order.
fn said_by(conversation: &Value, role: &str) -> Vec<String> {
    let messages = conversation["messages"]["nodes"]
        .as_array()
        .expect("messages");
    let by_role = messages.iter().filter(|message| message["role"] == role);
    by_role.map(|message| text(&message["text"])).collect()
}

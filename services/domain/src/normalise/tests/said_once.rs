//! Every text that is put in appears exactly once, under its role, however the messages are spelled.

use crate::message::{Message, Part, Role};
use crate::normalise::tests::samples::read;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// How one message is spelled: its role, its body, and what stands beside them.
#[derive(Clone, Debug)]
struct Spelling {
    alias: prop::sample::Index,
    body: u8,
    nulls: bool,
    /// Keys are read in whatever order; names put before and after change it.
    extra: bool,
}

/// How a list of messages is wrapped, and whether as text.
#[derive(Clone, Copy, Debug)]
struct Wrapping {
    kind: u8,
    encodings: u8,
}

const ALIASES: [(Role, &[&str]); 3] = [
    (
        Role::User,
        &[
            "user",
            "USER",
            "human",
            "MessageRole.USER",
            "Role.user",
            "HumanMessage",
        ],
    ),
    (
        Role::Assistant,
        &[
            "assistant",
            "Assistant",
            "model",
            "ai",
            "CHATBOT",
            "bot",
            "AIMessageChunk",
            "MessageRole.ASSISTANT",
        ],
    ),
    (Role::Other, &["narrator", "Critic", "guardrail"]),
];

fn spelled(role: Role, text: &str, how: &Spelling) -> Value {
    let aliases = ALIASES
        .iter()
        .find_map(|(known, aliases)| (*known == role).then_some(*aliases))
        .expect("a role with aliases");
    let (key, body) = match how.body {
        0 => ("content", json!(text)),
        1 => ("content", json!([{"type": "text", "text": text}])),
        2 => ("parts", json!([{"type": "text", "content": text}])),
        3 => (
            "parts",
            json!([{"text": text, "function_call": null, "thought": null}]),
        ),
        4 => ("blocks", json!([{"block_type": "text", "text": text}])),
        5 => ("content", json!({"text": {"value": text}})),
        _ => (
            "contents",
            json!([{"message_content": {"type": "text", "text": text}}]),
        ),
    };
    let mut message = Map::new();
    message.insert("role".into(), (*how.alias.get(aliases)).into());
    message.insert(key.into(), body);
    if how.nulls {
        for key in [
            "tool_calls",
            "function_call",
            "refusal",
            "audio",
            "name",
            "text",
        ] {
            message.insert(key.into(), Value::Null);
        }
        message.insert("toolCalls".into(), json!([]));
        message.insert("additional_kwargs".into(), json!({}));
    }
    if how.extra {
        message.insert("a".into(), Value::Null);
        message.insert("id".into(), "msg_1".into());
        message.insert("timestamp".into(), "2026-01-01T00:00:00Z".into());
    }
    Value::Object(message)
}

fn wrapped(messages: Vec<Value>, how: Wrapping) -> Value {
    let list = Value::Array(messages);
    let mut value = match how.kind {
        0 => list,
        1 => json!({"messages": list}),
        2 => json!({"model": "m", "messages": list, "temperature": 0.5, "stop": null}),
        3 => json!({"messages": [list], "callbacks": null}),
        _ => json!({"input": list, "model": "m", "previous_response_id": null}),
    };
    for _ in 0..how.encodings {
        value = Value::String(value.to_string());
    }
    value
}

fn spelling() -> impl Strategy<Value = Spelling> {
    (
        any::<prop::sample::Index>(),
        0..7u8,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(alias, body, nulls, extra)| Spelling {
            alias,
            body,
            nulls,
            extra,
        })
}

fn texts(messages: &[Message]) -> Vec<(Role, String)> {
    messages
        .iter()
        .flat_map(|message| message.parts.iter().map(move |part| (message.role, part)))
        .filter_map(|(role, part)| match part {
            Part::Text { text } => Some((role, text.clone())),
            _ => None,
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_text_is_said_once_under_its_role(
        turns in proptest::collection::vec((0..3usize, spelling()), 1..7),
        kind in 0..5u8,
        encodings in 0..3u8,
    ) {
        let told: Vec<(Role, String)> = turns
            .iter()
            .enumerate()
            .map(|(at, (role, _))| (ALIASES[*role].0, format!("Text number {at} “é” 📈.")))
            .collect();
        let messages: Vec<Value> = told
            .iter()
            .zip(&turns)
            .map(|((role, text), (_, how))| spelled(*role, text, how))
            .collect();
        let input = wrapped(messages, Wrapping { kind, encodings });
        let span = read("app", "chat m", json!({"gen_ai.operation.name": "chat", "gen_ai.input.messages": input}));
        prop_assert_eq!(texts(&span.content.input), told);
    }

    #[test]
    fn an_answer_is_said_once_in_every_wrapper(how in spelling(), kind in 0..6u8, encodings in 0..3u8) {
        let message = spelled(Role::Assistant, "Rye.", &how);
        let mut output = match kind {
            0 => json!([message]),
            1 => message,
            2 => json!({"choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": null}], "id": "c", "model": "m"}),
            3 => json!({"message": message, "raw": {"id": "x"}, "delta": null, "logprobs": null}),
            4 => json!({"output": [message], "object": "response", "error": null}),
            _ => json!([{"message": message, "finish_reason": "stop"}]),
        };
        for _ in 0..encodings {
            output = Value::String(output.to_string());
        }
        let span = read("app", "chat m", json!({"gen_ai.operation.name": "chat", "gen_ai.output.messages": output}));
        prop_assert_eq!(texts(&span.content.output), vec![(Role::Assistant, "Rye.".to_owned())]);
    }
}

//! Spans of made-up conversations.

use domain::ids::{SpanId, SpanKey, TraceId};
use domain::message::{Message, Part, Role};
use domain::span::{Content, Operation, Span, SpanError, Tool};
use domain::usage::{CallCost, Usage};
use serde_json::{Value, json};

pub(crate) const SECOND_NS: i64 = 1_000_000_000;
/// 2026-11-23T06:00:00Z: when every story begins.
pub(crate) const BEGIN_NS: i64 = 1_795_413_600 * SECOND_NS;

pub(crate) fn user(text: &str) -> Message {
    Message::text_of(Role::User, text)
}

pub(crate) fn assistant(text: &str) -> Message {
    Message::text_of(Role::Assistant, text)
}

pub(crate) fn system(text: &str) -> Message {
    Message::text_of(Role::System, text)
}

pub(crate) fn tool_call(id: &str, name: &str, arguments: Value) -> Message {
    Message {
        role: Role::Assistant,
        parts: vec![Part::ToolCall {
            id: Some(id.to_owned()),
            name: name.to_owned(),
            arguments,
        }],
    }
}

pub(crate) fn tool_result(id: &str, result: Value) -> Message {
    Message {
        role: Role::Tool,
        parts: vec![Part::ToolResult {
            id: Some(id.to_owned()),
            name: None,
            result,
            is_error: false,
        }],
    }
}

/// The n-th span of a trace; it begins n seconds into the story and lasts half a second.
pub(crate) fn span(trace: u8, number: u64, operation: Operation) -> Span {
    let start_ns = BEGIN_NS + number as i64 * SECOND_NS;
    Span {
        key: SpanKey {
            trace: TraceId([trace; 16]),
            span: SpanId(number.to_be_bytes()),
        },
        project: String::new(),
        is_genai: true,
        name: format!("{operation:?} {number}"),
        operation,
        start_ns,
        end_ns: start_ns + SECOND_NS / 2,
        instrumentation: "test/harness".to_owned(),
        ..Span::default()
    }
}

/// A call with this history and this answer; it costs a cent.
pub(crate) fn chat(trace: u8, number: u64, history: &[Message], answer: Message) -> Span {
    let (system, input) = history
        .iter()
        .cloned()
        .partition(|message| message.role == Role::System);
    Span {
        request_model: Some("gpt-test".to_owned()),
        provider: Some("openai".to_owned()),
        usage: Some(Usage {
            input_tokens: 10,
            output_tokens: 5,
            ..Usage::default()
        }),
        reported_cost: Some(CallCost {
            input: 4_000_000,
            output: 6_000_000,
            total: 10_000_000,
        }),
        content: Content {
            system,
            input,
            output: vec![answer],
        },
        finish_reason: Some("stop".to_owned()),
        ..span(trace, number, Operation::Chat)
    }
}

pub(crate) fn tool(trace: u8, number: u64, name: &str, call_id: &str, result: Value) -> Span {
    Span {
        tool: Some(Tool {
            name: name.to_owned(),
            call_id: Some(call_id.to_owned()),
            arguments: Some(json!({"order": 4711})),
            result: Some(result),
            ..Tool::default()
        }),
        ..span(trace, number, Operation::ExecuteTool)
    }
}

pub(crate) fn failed(mut span: Span) -> Span {
    span.error = Some(SpanError {
        kind: Some("TimeoutError".to_owned()),
        message: Some("took too long".to_owned()),
        ..SpanError::default()
    });
    span
}

/// A conversation of that many turns: in each, the history so far, a question and an answer.
pub(crate) fn turns(trace: u8, count: u64) -> Vec<Span> {
    let mut history = Vec::new();
    (1..=count)
        .map(|turn| {
            history.push(user(&format!("question {turn}")));
            let answer = assistant(&format!("answer {turn}"));
            let call = chat(trace, turn, &history, answer.clone());
            history.push(answer);
            call
        })
        .collect()
}

//! Spans of chats without an id, written as one would tell of them.

use domain::ids::{SpanId, SpanKey, TraceId};
use domain::message::{Message, Part, Role};
use domain::span::{Content, Operation, Span, SpanError};
use serde_json::json;

pub const SECOND_NS: i64 = 1_000_000_000;
/// When everything begins.
pub const START_S: i64 = 1_795_000_000;

pub fn user(text: &str) -> Message {
    Message::text_of(Role::User, text)
}

pub fn assistant(text: &str) -> Message {
    Message::text_of(Role::Assistant, text)
}

pub fn tool_call(id: &str, city: &str) -> Message {
    Message {
        role: Role::Assistant,
        parts: vec![Part::ToolCall {
            id: Some(id.to_owned()),
            name: "weather".to_owned(),
            arguments: json!({ "city": city }),
        }],
    }
}

pub fn tool_result(id: &str, text: &str) -> Message {
    Message {
        role: Role::Tool,
        parts: vec![Part::ToolResult {
            id: Some(id.to_owned()),
            name: None,
            result: json!(text),
            is_error: false,
        }],
    }
}

pub fn span(number: u64, operation: Operation, at_s: i64) -> Span {
    let start_ns = (START_S + at_s) * SECOND_NS;
    Span {
        key: SpanKey {
            trace: trace(number),
            span: SpanId(number.to_be_bytes()),
        },
        project: "shop".into(),
        is_genai: true,
        name: String::new(),
        operation,
        start_ns,
        end_ns: start_ns + SECOND_NS / 2,
        instrumentation: "test".into(),
        ..Span::default()
    }
}

pub fn trace(number: u64) -> TraceId {
    let mut bytes = [7; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    TraceId(bytes)
}

/// A call in a trace of its own; it fails when there is no answer.
pub fn call(number: u64, at_s: i64, history: &[Message], answer: Option<Message>) -> Span {
    let mut span = span(number, Operation::Chat, at_s);
    if answer.is_none() {
        span.error = Some(SpanError {
            kind: Some("RateLimitError".to_owned()),
            message: None,
            ..SpanError::default()
        });
    }
    span.content = Content {
        system: vec![Message::text_of(
            Role::System,
            format!("It is second {at_s}."),
        )],
        input: history.to_vec(),
        output: answer.into_iter().collect(),
    };
    span
}

pub trait Told {
    fn by(self, user: &str) -> Self;
    fn on(self, instance: &str) -> Self;
    fn in_trace(self, trace: u64, parent: Option<u64>) -> Self;
}

impl Told for Span {
    fn by(mut self, user: &str) -> Self {
        self.user.id = Some(user.to_owned());
        self
    }

    fn on(mut self, instance: &str) -> Self {
        self.resource
            .insert("service.instance.id".to_owned(), json!(instance));
        self
    }

    fn in_trace(mut self, number: u64, parent: Option<u64>) -> Self {
        self.key.trace = trace(number);
        self.parent = parent.map(|parent| SpanId(parent.to_be_bytes()));
        self
    }
}

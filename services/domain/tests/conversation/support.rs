//! Spans for tests, written as one would tell of them, and transcripts as readable text.

use domain::conversation::Conversation;
use domain::facts::Entry;
use domain::ids::{SpanId, SpanKey, TraceId};
use domain::limits::Limits;
use domain::message::{Message, Part, Role};
use domain::prepare::{self, Prepared};
use domain::span::{Content, Operation, Span, SpanError, Tool};
use domain::usage::{NoPrices, Usage};
use domain::view::{ToolStatus, Transcript, Utterance, View};
use serde_json::{Value, json};
use std::fmt::Write as _;

pub const SECOND_NS: i64 = 1_000_000_000;

/// A span of trace 1 that starts at `number` seconds and lasts half a second.
pub fn span(number: u64, parent: u64, operation: Operation) -> Span {
    let start_ns = 1_000 * SECOND_NS + number as i64 * SECOND_NS;
    Span {
        key: SpanKey {
            trace: TraceId([1; 16]),
            span: span_id(number),
        },
        parent: (parent != 0).then(|| span_id(parent)),
        project: "shop".into(),
        conversation_id: Some("c".into()),
        is_genai: true,
        name: format!("{operation:?} {number}"),
        operation,
        start_ns,
        end_ns: start_ns + SECOND_NS / 2,
        instrumentation: "test".into(),
        ..Span::default()
    }
}

pub fn span_id(number: u64) -> SpanId {
    SpanId(number.to_be_bytes())
}

/// A chat call with this history, oldest first, and this answer.
pub fn chat(number: u64, parent: u64, history: &[Message], answer: Option<Message>) -> Span {
    let content = Content {
        system: Vec::new(),
        input: history.to_vec(),
        output: answer.into_iter().collect(),
    };
    Span {
        content,
        request_model: Some("m".into()),
        usage: Some(Usage {
            input_tokens: 10,
            output_tokens: 1,
            ..Usage::default()
        }),
        ..span(number, parent, Operation::Chat)
    }
}

pub fn failed(mut span: Span) -> Span {
    span.error = Some(SpanError {
        kind: Some("RateLimitError".into()),
        message: None,
        ..SpanError::default()
    });
    span.content.output.clear();
    span
}

pub fn tool_span(
    number: u64,
    parent: u64,
    name: &str,
    call_id: Option<&str>,
    result: Value,
) -> Span {
    let tool = Tool {
        name: name.into(),
        call_id: call_id.map(str::to_owned),
        arguments: Some(json!({"city": "Paris"})),
        result: Some(result),
        ..Tool::default()
    };
    Span {
        tool: Some(tool),
        ..span(number, parent, Operation::ExecuteTool)
    }
}

pub fn agent_span(number: u64, parent: u64, name: &str) -> Span {
    Span {
        agent: Some(name.into()),
        ..span(number, parent, Operation::InvokeAgent)
    }
}

pub fn user(text: &str) -> Message {
    Message::text_of(Role::User, text)
}

pub fn assistant(text: &str) -> Message {
    Message::text_of(Role::Assistant, text)
}

/// An assistant message that calls `weather` once per id.
pub fn calling(ids: &[&str]) -> Message {
    let call = |id: &&str| Part::ToolCall {
        id: Some((*id).to_owned()),
        name: "weather".into(),
        arguments: json!({"city": "Paris"}),
    };
    Message {
        role: Role::Assistant,
        parts: ids.iter().map(call).collect(),
    }
}

pub fn result(id: &str, value: Value) -> Message {
    Message {
        role: Role::Tool,
        parts: vec![Part::ToolResult {
            id: Some(id.into()),
            name: None,
            result: value,
            is_error: false,
        }],
    }
}

pub fn prepare_all(spans: &[Span]) -> Vec<Prepared> {
    spans
        .iter()
        .map(|span| prepare::span(span.clone(), 0, &NoPrices))
        .collect()
}

/// Applies the spans one by one, in this order, through the entries that would be stored.
pub fn assemble(spans: &[Span]) -> (Conversation, Vec<Entry>) {
    let mut conversation = Conversation::default();
    let mut entries = Vec::new();
    for prepared in prepare_all(spans) {
        let entry = conversation.entry_for(&[prepared], &[], &Limits::default());
        if !entry.is_empty() {
            conversation.apply(entry.clone());
            entries.push(entry);
        }
    }
    (conversation, entries)
}

pub fn view(spans: &[Span]) -> View {
    assemble(spans).0.view()
}

/// A tool's use by the producer's id of the call, or the span that ran it; other openers as they are.
fn opener(transcript: &Transcript, id: &str) -> String {
    let mut uses = transcript.messages.iter().flat_map(|m| &m.tool_calls);
    let named = uses.find(|tool| tool.id == id).and_then(|tool| {
        let span = tool.span.map(|key| key.span.to_string());
        tool.call_id.clone().or(span)
    });
    named.unwrap_or_else(|| id.to_owned())
}

/// The transcript as a person would write it down.
pub fn text(transcript: &Transcript) -> String {
    let mut out = String::new();
    for message in &transcript.messages {
        let indent = "    ".repeat(message.thread.min(1) as usize);
        let mark = if message.superseded { "~" } else { "" };
        let thread = message
            .thread_parent
            .as_ref()
            .map(|parent| format!("[{}] ", opener(transcript, parent)))
            .unwrap_or_default();
        writeln!(out, "{indent}{mark}{thread}{}", line(message)).expect("writing to a string");
        for tool in &message.tool_calls {
            let result = tool
                .result
                .as_ref()
                .map_or("-".to_owned(), Value::to_string);
            let status = match tool.status {
                ToolStatus::Pending => "?",
                ToolStatus::Ok => "",
                ToolStatus::Error => "!",
            };
            writeln!(out, "{indent}  {}{status} -> {result}", tool.name)
                .expect("writing to a string");
        }
    }
    out
}

fn line(message: &Utterance) -> String {
    let role = format!("{:?}", message.role).to_lowercase();
    let text = message.message.as_ref().and_then(|message| message.text());
    match (text, &message.error) {
        (Some(text), _) => format!("{role}: {text}"),
        (None, Some(error)) => format!(
            "{role} failed: {}",
            error.kind.as_deref().unwrap_or("_OTHER")
        ),
        (None, None) if message.message.is_some() => role,
        (None, None) => format!("{role} (not captured)"),
    }
}

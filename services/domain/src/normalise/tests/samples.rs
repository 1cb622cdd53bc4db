//! Spans for the tests of this module, and what was read from them as lines.

use crate::ids::{SpanId, TraceId};
use crate::message::{Message, Part};
use crate::normalise::{Rules, span};
use crate::raw::{Attributes, Origin, RawEvent, RawSpan, RawStatus};
use crate::span::Span;
use serde_json::Value;
use std::sync::Arc;

pub(crate) const RECORD_MS: i64 = 1_795_414_965_000;

/// A span of this name from this scope, with nothing else.
pub(crate) fn raw(scope: &str, name: &str, attributes: Value) -> RawSpan {
    RawSpan {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([2; 8]),
        parent_span_id: None,
        name: name.into(),
        start_ns: RECORD_MS * 1_000_000,
        end_ns: RECORD_MS * 1_000_000 + 5,
        status: RawStatus::default(),
        attributes: map(attributes),
        events: Vec::new(),
        dropped_attributes: 0,
        origin: Arc::new(Origin {
            scope_name: scope.into(),
            ..Origin::default()
        }),
    }
}

pub(crate) fn event(name: &str, attributes: Value) -> RawEvent {
    RawEvent {
        name: name.into(),
        time_ns: 7,
        attributes: map(attributes),
    }
}

pub(crate) fn map(value: Value) -> Attributes {
    match value {
        Value::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}

pub(crate) fn read(scope: &str, name: &str, attributes: Value) -> Span {
    span(raw(scope, name, attributes), RECORD_MS, &Rules::default())
}

pub(crate) fn read_events(
    scope: &str,
    name: &str,
    attributes: Value,
    events: Vec<RawEvent>,
) -> Span {
    let raw = RawSpan {
        events,
        ..raw(scope, name, attributes)
    };
    span(raw, RECORD_MS, &Rules::default())
}

/// Messages as `role: part + part`, to compare them at a glance.
pub(crate) fn lines(messages: &[Message]) -> Vec<String> {
    messages.iter().map(line).collect()
}

fn line(message: &Message) -> String {
    let parts: Vec<String> = message
        .parts
        .iter()
        .map(|part| match part {
            Part::Text { text } => text.clone(),
            Part::Reasoning { text } => format!("({text})"),
            Part::ToolCall {
                id,
                name,
                arguments,
            } => format!("{name}{arguments}#{}", id.as_deref().unwrap_or("-")),
            Part::ToolResult { id, result, .. } => {
                format!("={result}#{}", id.as_deref().unwrap_or("-"))
            }
            other => format!("{other:?}"),
        })
        .collect();
    format!("{:?}: {}", message.role, parts.join(" + ")).to_lowercase()
}

/// All content of a span: system, input, and output after an arrow.
pub(crate) fn content(span: &Span) -> Vec<String> {
    let content = &span.content;
    let said = lines(&content.system)
        .into_iter()
        .chain(lines(&content.input));
    let answered = lines(&content.output)
        .into_iter()
        .map(|line| format!("=> {line}"));
    said.chain(answered).collect()
}

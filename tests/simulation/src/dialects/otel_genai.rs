//! OpenTelemetry's GenAI conventions, with the content on the span or in a log record.

use super::{CallTold, as_text, role_name};
use crate::script::ToolRun;
use domain::message::{Message, Part};
use domain::raw::{RawLog, RawSpan};
use serde_json::{Value, json};

pub(super) fn call(told: &CallTold<'_>) -> Value {
    let mut attributes = call_without_content(told);
    if !told.system.is_empty() {
        let system = json!([{"type": "text", "content": told.system}]);
        attributes["gen_ai.system_instructions"] = json!(system.to_string());
    }
    words(told.history, told.answers, &mut attributes);
    attributes
}

pub(super) fn words(history: &[Message], answered: &[Message], attributes: &mut Value) {
    if !history.is_empty() {
        attributes["gen_ai.input.messages"] = json!(messages(history).to_string());
    }
    if !answered.is_empty() {
        attributes["gen_ai.output.messages"] = json!(answers(answered).to_string());
    }
}

pub(super) fn call_without_content(told: &CallTold<'_>) -> Value {
    let mut attributes = json!({
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "m",
    });
    if told.usage.0 > 0 {
        attributes["gen_ai.usage.input_tokens"] = json!(told.usage.0);
        attributes["gen_ai.usage.output_tokens"] = json!(told.usage.1);
    }
    attributes
}

/// The record that carries the content of a call whose span does not.
pub(super) fn details(span: &RawSpan, told: &CallTold<'_>) -> RawLog {
    let mut attributes = span.attributes.clone();
    attributes.insert(
        "gen_ai.system_instructions".into(),
        json!([{"type": "text", "content": told.system}]),
    );
    attributes.insert("gen_ai.input.messages".into(), messages(told.history));
    attributes.insert("gen_ai.output.messages".into(), answers(told.answers));
    RawLog {
        trace_id: span.trace_id,
        span_id: span.span_id,
        event_name: "gen_ai.client.inference.operation.details".into(),
        time_ns: span.end_ns,
        index: 0,
        attributes,
        body: Value::Null,
        origin: span.origin.clone(),
    }
}

pub(super) fn tool(run: &ToolRun) -> Value {
    json!({
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": run.name, "gen_ai.tool.call.id": run.call_id,
        "gen_ai.tool.call.arguments": run.arguments.to_string(), "gen_ai.tool.call.result": as_text(&run.result),
    })
}

fn messages(messages: &[Message]) -> Value {
    messages.iter().map(message).collect()
}

/// Only choices end with a reason each.
fn answers(answers: &[Message]) -> Value {
    let mut written = messages(answers);
    if answers.len() > 1 && answers.iter().all(|answer| answer.text().is_some()) {
        for answer in written.as_array_mut().into_iter().flatten() {
            answer["finish_reason"] = json!("stop");
        }
    }
    written
}

fn message(message: &Message) -> Value {
    json!({"role": role_name(message.role), "parts": message.parts.iter().map(part).collect::<Vec<_>>()})
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text { text } => json!({"type": "text", "content": text}),
        Part::Reasoning { text } => json!({"type": "reasoning", "content": text}),
        Part::ToolCall {
            id,
            name,
            arguments,
        } => json!({"type": "tool_call", "id": id, "name": name, "arguments": arguments}),
        Part::ToolResult { id, result, .. } => {
            json!({"type": "tool_call_response", "id": id, "response": result})
        }
        _ => unreachable!("scripts have no other parts"),
    }
}

//! OpenLLMetry before it took the names of the convention: `gen_ai.prompt.N.…`.

use super::{CallTold, as_text, role_name};
use crate::script::ToolRun;
use domain::message::{Message, Role};
use serde_json::{Value, json};

pub(super) fn call(told: &CallTold<'_>) -> Value {
    let mut attributes = json!({
        "llm.request.type": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "m",
    });
    if told.usage.0 > 0 {
        attributes["gen_ai.usage.prompt_tokens"] = json!(told.usage.0);
        attributes["gen_ai.usage.completion_tokens"] = json!(told.usage.1);
    }
    let system = (!told.system.is_empty()).then(|| Message::text_of(Role::System, told.system));
    let input = system.iter().chain(told.history);
    for (index, message) in input.enumerate() {
        put(&mut attributes, &format!("gen_ai.prompt.{index}"), message);
    }
    for (index, message) in told.answers.iter().enumerate() {
        put(
            &mut attributes,
            &format!("gen_ai.completion.{index}"),
            message,
        );
    }
    attributes
}

fn put(attributes: &mut Value, prefix: &str, message: &Message) {
    attributes[format!("{prefix}.role")] = json!(role_name(message.role));
    if let Some(text) = message.text() {
        attributes[format!("{prefix}.content")] = json!(text);
    }
    for (index, (id, name, arguments)) in message.tool_calls().enumerate() {
        let call = format!("{prefix}.tool_calls.{index}");
        attributes[format!("{call}.id")] = json!(id);
        attributes[format!("{call}.name")] = json!(name);
        attributes[format!("{call}.arguments")] = json!(as_text(arguments));
    }
    if let Some((id, _, result)) = message.tool_results().next() {
        attributes[format!("{prefix}.tool_call_id")] = json!(id);
        attributes[format!("{prefix}.content")] = json!(as_text(result));
    }
}

/// The decorator writes a Python call, and knows no call id.
pub(super) fn tool(run: &ToolRun) -> Value {
    json!({
        "traceloop.span.kind": "tool", "traceloop.entity.name": run.name,
        "traceloop.entity.input": json!({"args": [], "kwargs": run.arguments}).to_string(),
        "traceloop.entity.output": run.result.to_string(),
    })
}

//! OpenInference: messages flattened into one attribute a field.

use super::{CallTold, as_text, role_name};
use crate::script::ToolRun;
use domain::message::{Message, Role};
use serde_json::{Value, json};

pub(super) fn call(told: &CallTold<'_>) -> Value {
    let mut attributes = json!({"openinference.span.kind": "LLM", "llm.model_name": "m"});
    if told.usage.0 > 0 {
        attributes["llm.token_count.prompt"] = json!(told.usage.0);
        attributes["llm.token_count.completion"] = json!(told.usage.1);
    }
    let system = (!told.system.is_empty()).then(|| Message::text_of(Role::System, told.system));
    let input = system.iter().chain(told.history);
    for (index, message) in input.enumerate() {
        put(
            &mut attributes,
            &format!("llm.input_messages.{index}"),
            message,
        );
    }
    for (index, message) in told.answers.iter().enumerate() {
        put(
            &mut attributes,
            &format!("llm.output_messages.{index}"),
            message,
        );
    }
    attributes
}

fn put(attributes: &mut Value, prefix: &str, message: &Message) {
    attributes[format!("{prefix}.message.role")] = json!(role_name(message.role));
    if let Some(text) = message.text() {
        attributes[format!("{prefix}.message.content")] = json!(text);
    }
    for (index, (id, name, arguments)) in message.tool_calls().enumerate() {
        let call = format!("{prefix}.message.tool_calls.{index}.tool_call");
        attributes[format!("{call}.id")] = json!(id);
        attributes[format!("{call}.function.name")] = json!(name);
        attributes[format!("{call}.function.arguments")] = json!(as_text(arguments));
    }
    if let Some((id, _, result)) = message.tool_results().next() {
        attributes[format!("{prefix}.message.tool_call_id")] = json!(id);
        attributes[format!("{prefix}.message.content")] = json!(as_text(result));
    }
}

pub(super) fn tool(run: &ToolRun) -> Value {
    json!({
        "openinference.span.kind": "TOOL", "tool.name": run.name, "tool.id": run.call_id,
        "input.value": run.arguments.to_string(), "output.value": as_text(&run.result),
    })
}

//! Sentry's Python SDK: the API's own messages, and answers as Python prints them.

use super::{CallTold, as_text, openai_message};
use crate::script::ToolRun;
use serde_json::{Value, json};

pub(super) fn call(told: &CallTold<'_>) -> Value {
    let mut attributes = json!({
        "sentry.op": "gen_ai.chat", "gen_ai.operation.name": "chat", "gen_ai.system": "openai",
        "gen_ai.request.model": "m",
    });
    if told.usage.0 > 0 {
        attributes["gen_ai.usage.input_tokens"] = json!(told.usage.0);
        attributes["gen_ai.usage.output_tokens"] = json!(told.usage.1);
    }
    if !told.system.is_empty() {
        let mut messages = vec![json!({"role": "system", "content": told.system})];
        messages.extend(told.history.iter().map(openai_message));
        attributes["gen_ai.request.messages"] = json!(json!(messages).to_string());
    }
    if let Some(answer) = told.answers.first() {
        let text = answer.text();
        let calls: Vec<Value> = answer
            .tool_calls()
            .map(|(id, name, arguments)| {
                json!({"id": id, "type": "function", "function": {"name": name, "arguments": as_text(arguments)}})
            })
            .collect();
        let printed = json!({
            "content": text.unwrap_or_else(|| "None".to_owned()),
            "refusal": "None", "role": "assistant", "tool_calls": "None",
        });
        attributes["gen_ai.response.text"] = json!(printed.to_string());
        if !calls.is_empty() {
            attributes["gen_ai.response.tool_calls"] = json!(json!(calls).to_string());
        }
    }
    attributes
}

pub(super) fn tool(run: &ToolRun) -> Value {
    json!({
        "sentry.op": "gen_ai.execute_tool", "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": run.name, "gen_ai.tool.call.id": run.call_id,
        "gen_ai.tool.input": run.arguments.to_string(), "gen_ai.tool.output": as_text(&run.result),
    })
}

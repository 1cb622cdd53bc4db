//! The Vercel AI SDK up to version 6.

use super::{CallTold, role_name};
use crate::script::ToolRun;
use domain::message::{Message, Part};
use serde_json::{Value, json};

pub(super) fn call(told: &CallTold<'_>) -> Value {
    let mut attributes = json!({
        "ai.operationId": "ai.generateText.doGenerate", "ai.model.id": "m", "gen_ai.system": "openai.chat",
    });
    if told.usage.0 > 0 {
        attributes["ai.usage.promptTokens"] = json!(told.usage.0);
        attributes["ai.usage.completionTokens"] = json!(told.usage.1);
    }
    if !told.system.is_empty() {
        let mut prompt = vec![json!({"role": "system", "content": told.system})];
        prompt.extend(told.history.iter().map(message));
        attributes["ai.prompt.messages"] = json!(json!(prompt).to_string());
    }
    if let Some(text) = told.answers.first().and_then(Message::text) {
        attributes["ai.response.text"] = json!(text);
    }
    let calls: Vec<Value> = told
        .answers
        .iter()
        .flat_map(Message::tool_calls)
        .map(|(id, name, arguments)| json!({"toolCallId": id, "toolName": name, "input": arguments.to_string()}))
        .collect();
    if !calls.is_empty() {
        attributes["ai.response.toolCalls"] = json!(json!(calls).to_string());
    }
    attributes
}

pub(super) fn tool(run: &ToolRun) -> Value {
    json!({
        "ai.operationId": "ai.toolCall", "ai.toolCall.name": run.name, "ai.toolCall.id": run.call_id,
        "ai.toolCall.args": run.arguments.to_string(), "ai.toolCall.result": run.result.to_string(),
    })
}

fn message(message: &Message) -> Value {
    let parts: Vec<Value> = message.parts.iter().map(part).collect();
    json!({"role": role_name(message.role), "content": parts})
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text { text } => json!({"type": "text", "text": text}),
        Part::Reasoning { text } => json!({"type": "reasoning", "text": text}),
        Part::ToolCall {
            id,
            name,
            arguments,
        } => json!({"type": "tool-call", "toolCallId": id, "toolName": name, "input": arguments}),
        Part::ToolResult { id, result, .. } => {
            json!({"type": "tool-result", "toolCallId": id, "output": {"type": "text", "value": result}})
        }
        _ => unreachable!("scripts have no other parts"),
    }
}

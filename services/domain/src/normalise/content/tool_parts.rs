//! The parts of a message that are about tools: calls and results, in any SDK's spelling.

use super::tool_value;
use crate::message::Part;
use crate::normalise::values::fields::take_text;
use crate::normalise::values::json;
use serde_json::{Map, Value};

/// Where the id of a tool call stands, the surest first.
pub(crate) const CALL_ID_KEYS: [&str; 7] = [
    "tool_call_id",
    "call_id",
    "toolCallId",
    "tool_use_id",
    "toolUseId",
    "ref",
    "id",
];

/// A call by its type: tools of the provider's own have no other name. One that the provider ran has its result with it.
pub(crate) fn typed_call(mut map: Map<String, Value>) -> Vec<Part> {
    let kind = map.get("type").and_then(Value::as_str).unwrap_or_default();
    let kind = kind.strip_suffix("_call").unwrap_or_default().to_owned();
    if map.contains_key("action") || map.contains_key("operation") {
        let name = kind.clone().into();
        map.entry("name").or_insert(name);
    }
    let output = map.remove("output").filter(|_| kind == "mcp");
    let call = tool_call(map);
    let result = call.iter().zip(output).map(|(call, output)| {
        let (id, name) = match call {
            Part::ToolCall { id, name, .. } => (id.clone(), Some(name.clone())),
            _ => (None, None),
        };
        let result = tool_value::result(output);
        Part::ToolResult { id, name, result }
    });
    let result: Vec<Part> = result.collect();
    call.into_iter().chain(result).collect()
}

/// Reads a tool call; `None` when it has neither name nor arguments.
pub(crate) fn tool_call(mut map: Map<String, Value>) -> Option<Part> {
    for key in ["tool_call", "toolUse"] {
        if let Some(Value::Object(inner)) = map.remove(key) {
            map.extend(inner);
        }
    }
    if let Some(Value::Object(function)) = map.remove("function") {
        map.extend(function);
    }
    // `id` of an item of the Responses API (`fc_…`) is not the id of the call, which stands beside it.
    let id = call_id(&mut map);
    let name = take_text(&mut map, &["name", "toolName", "tool_name"]);
    let arguments = [
        "arguments",
        "input",
        "args",
        "arguments_json",
        "parameters",
        "server_tool_call",
        "action",
        "operation",
    ]
    .iter()
    .find_map(|key| map.remove(*key).filter(|value| !value.is_null()))
    .map_or(Value::Null, tool_value::arguments);
    (!name.is_empty() || !arguments.is_null()).then_some(Part::ToolCall {
        id,
        name,
        arguments,
    })
}

pub(crate) fn tool_result(mut map: Map<String, Value>) -> Part {
    let id = call_id(&mut map);
    let name = Some(take_text(&mut map, &["name", "toolName", "tool_name"]))
        .filter(|name| !name.is_empty());
    let result = [
        "response",
        "result",
        "output",
        "content",
        "value",
        "server_tool_call_response",
    ]
    .iter()
    .find_map(|key| map.remove(*key).filter(|value| !value.is_null()))
    .map_or(Value::Null, tool_value::result);
    Part::ToolResult { id, name, result }
}

fn call_id(map: &mut Map<String, Value>) -> Option<String> {
    CALL_ID_KEYS
        .iter()
        .find_map(|key| match map.remove(*key) {
            Some(Value::String(id)) => Some(id),
            Some(Value::Number(id)) => Some(id.to_string()),
            _ => None,
        })
        .filter(|id| !json::is_nothing(id))
}

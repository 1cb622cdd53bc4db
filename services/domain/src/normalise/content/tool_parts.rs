//! The parts of a message that are about tools: calls and results, in any SDK's spelling.

use super::{tool_value, tool_wrappers};
use crate::message::Part;
use crate::normalise::values::fields::take_text;
use crate::normalise::values::json;
use crate::span::Outcome;
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
    let is_failed = map.get("status").and_then(Value::as_str) == Some("failed");
    let told = |value: &Value| !value.is_null();
    let output = map.remove("output").filter(|_| kind == "mcp").filter(told);
    let error = map.remove("error").filter(|_| kind == "mcp").filter(told);
    let is_error = is_failed || error.is_some();
    let output = output.or(error);
    let call = tool_call(map);
    let result = call.iter().zip(output).map(|(call, output)| {
        let (id, name) = match call {
            Part::ToolCall { id, name, .. } => (id.clone(), Some(name.clone())),
            _ => (None, None),
        };
        let told = tool_value::told(output);
        Part::ToolResult {
            id,
            name,
            is_error: is_error || told.outcome == Outcome::Failed,
            result: told.value,
        }
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
    let own = tool_wrappers::outcome(&map);
    let is_typed = map.contains_key("type");
    let found = RESULT_KEYS
        .iter()
        .find_map(|key| Some((*key, map.remove(*key).filter(|value| !value.is_null())?)));
    let (key, value) = found.unwrap_or_default();
    if tool_wrappers::is_approval(&value) {
        return Part::Other { json: value };
    }
    // Gemini's function response: what failed stands under `error` in place of `output`.
    let (value, is_failure) = match value {
        Value::Object(mut response)
            if key == "response"
                && !is_typed
                && response.len() == 1
                && response.contains_key("error") =>
        {
            (response.remove("error").unwrap_or_default(), true)
        }
        other => (other, false),
    };
    let (inner_id, inner_name) = named_within(&value);
    let told = tool_value::told(value);
    Part::ToolResult {
        id: id.or(inner_id),
        name: name.or(inner_name),
        result: told.value,
        is_error: is_failure || own.max(told.outcome) == Outcome::Failed,
    }
}

/// Where a result stands in its part. `error` is AI SDK's.
const RESULT_KEYS: [&str; 7] = [
    "response",
    "result",
    "output",
    "content",
    "value",
    "server_tool_call_response",
    "error",
];

/// The id and the name that stand in the wrapper around a result, where the message tells neither: Sentry's SDKs put AI SDK's
/// result object into the content of a message.
fn named_within(value: &Value) -> (Option<String>, Option<String>) {
    let parsed = match value {
        Value::String(text) if text.starts_with('{') => json::structure(text),
        _ => None,
    };
    let Some(Value::Object(map)) = parsed.as_ref().or(Some(value)) else {
        return (None, None);
    };
    let is_wrapper = ["toolCallId", "tool_call_id", "toolUseId", "tool_use_id"]
        .iter()
        .any(|key| map.contains_key(*key));
    if !is_wrapper {
        return (None, None);
    }
    let text = |keys: &[&str]| {
        let texts = keys.iter().filter_map(|key| map.get(*key)?.as_str());
        let mut told = texts.filter(|text| !json::is_nothing(text));
        told.next().map(str::to_owned)
    };
    (
        text(&["toolCallId", "tool_call_id", "toolUseId", "tool_use_id"]),
        text(&["toolName", "tool_name", "name"]),
    )
}

/// The calls whose arguments a model wrote so that LangChain could not read them: they were made all the same.
pub(crate) fn invalid_calls(map: &mut Map<String, Value>) -> Vec<Part> {
    let listed = map.remove("invalid_tool_calls");
    let listed = match listed {
        Some(Value::String(text)) => json::structure(&text),
        listed => listed,
    };
    let Some(Value::Array(items)) = listed else {
        return Vec::new();
    };
    let calls = items.into_iter().filter_map(|item| match item {
        // What could not be read is no part of the call.
        Value::Object(call) => tool_call(call),
        _ => None,
    });
    calls.collect()
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

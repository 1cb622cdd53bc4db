//! The calls that stand beside the body of a message.

use super::{kinds, tool_parts};
use crate::message::Part;
use crate::normalise::values::{absent, json};
use serde_json::{Map, Value};

const LISTS: [&str; 3] = ["tool_calls", "toolCalls", "ToolCalls"];

/// Takes the calls out of a message.
pub(crate) fn take(map: &mut Map<String, Value>) -> Vec<Part> {
    let mut calls = Vec::new();
    let said = |value: &Value| match value {
        Value::String(text) => !json::is_nothing(text),
        other => !absent::is_absent(other),
    };
    let listed = LISTS
        .iter()
        .find_map(|key| map.remove(*key).filter(said))
        .or_else(|| {
            let more = map.get_mut("additional_kwargs")?.as_object_mut()?;
            more.remove("tool_calls")
        });
    let listed = match listed {
        Some(Value::String(text)) => json::structure(&text),
        listed => listed,
    };
    match listed {
        Some(Value::Array(items)) => calls.extend(items.into_iter().filter_map(call)),
        // Sentry's Python SDK unpacks a list of one.
        Some(one @ Value::Object(_)) => calls.extend(call(one)),
        _ => {}
    }
    calls.extend(tool_parts::invalid_calls(map));
    if let Some(one @ Value::Object(_)) = map.remove("function_call") {
        calls.extend(call(one));
    }
    if let Some(name) = map.remove("function_call_name") {
        let mut one = Map::from_iter([("name".to_owned(), name)]);
        if let Some(arguments) = map.remove("function_call_arguments_json") {
            one.insert("arguments".into(), arguments);
        }
        calls.extend(tool_parts::tool_call(one));
    }
    calls
}

fn call(item: Value) -> Option<Part> {
    let map = match item {
        Value::Object(map) => map,
        Value::String(text) => match json::structure(&text)? {
            Value::Object(map) => map,
            _ => return None,
        },
        _ => return None,
    };
    let mut map = kinds::plain_keys(map);
    kinds::plain_tool_keys(&mut map);
    tool_parts::tool_call(map)
}

/// Whether the SDK printed `None` where a field was empty.
pub(crate) fn prints_none(map: &Map<String, Value>) -> bool {
    ["refusal", "tool_calls", "function_call", "audio"]
        .iter()
        .any(|key| map.get(*key).and_then(Value::as_str) == Some("None"))
}

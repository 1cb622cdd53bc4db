//! Arguments and results of tools in one form, whichever wrapper an SDK put around them.

use super::media;
use crate::normalise::values::json;
use serde_json::{Map, Value};

/// Wrappers around one result. Real results have up to three.
const WRAPPERS_MAX: usize = 8;

/// Arguments as a structure where the SDK gave text that is one; `Null` when there are none.
pub(crate) fn arguments(value: Value) -> Value {
    match value {
        Value::String(text) if json::is_nothing(&text) => Value::Null,
        Value::String(text) => match json::structure(&text) {
            Some(structure) => structure,
            None => Value::String(json::unquoted(text)),
        },
        other => other,
    }
}

/// A result without its wrappers: an object or array where the SDK gave one or its text, else a plain value. Inline
/// images and sounds leave only their size.
pub(crate) fn result(value: Value) -> Value {
    let mut value = unwrapped(value);
    media::forget_bytes(&mut value);
    value
}

fn unwrapped(mut value: Value) -> Value {
    for _ in 0..WRAPPERS_MAX {
        value = match value {
            Value::String(text) => match json::structure(&text) {
                Some(structure) => structure,
                None => return Value::String(json::unquoted(text)),
            },
            Value::Array(items) => match sole_block(items) {
                Ok(inner) => inner,
                Err(items) => return Value::Array(items),
            },
            Value::Object(map) => match without_wrapper(map) {
                Ok(inner) => inner,
                Err(map) => return Value::Object(map),
            },
            plain => return plain,
        };
    }
    value
}

/// What a list of blocks holds: the value of a single JSON block (`[{"json": …}]`, as Bedrock has it), or the joined
/// text of text blocks.
fn sole_block(mut items: Vec<Value>) -> Result<Value, Vec<Value>> {
    if let [Value::Object(block)] = items.as_mut_slice()
        && block.len() == 1
        && let Some(inner) = block.remove("json")
    {
        return Ok(inner);
    }
    joined_text(items).map(Value::String)
}

/// The text of a list of text blocks (`[{"text": …}]`, as Bedrock, Anthropic and MCP return results); the list itself
/// when it holds anything else.
fn joined_text(items: Vec<Value>) -> Result<String, Vec<Value>> {
    let is_text_block = |item: &Value| {
        item.as_object().is_some_and(|map| {
            map.get("text").is_some_and(Value::is_string)
                && match map.get("type") {
                    None => map.len() == 1,
                    Some(kind) => {
                        matches!(kind.as_str(), Some("text" | "output_text" | "input_text"))
                    }
                }
        })
    };
    if items.is_empty() || !items.iter().all(is_text_block) {
        return Err(items);
    }
    let texts: Vec<&str> = items
        .iter()
        .filter_map(|item| item.get("text")?.as_str())
        .collect();
    Ok(texts.join("\n"))
}

/// Takes one wrapper off; gives the map back when it is none.
fn without_wrapper(mut map: Map<String, Value>) -> Result<Value, Map<String, Value>> {
    let kind = map.get("type").and_then(Value::as_str).unwrap_or_default();
    let inner = match kind {
        // LangChain: {"type":"tool","data":{"content":…}} or {"type":"tool","content":…}.
        "tool" if map.contains_key("data") => {
            let content = map.get_mut("data").and_then(|data| data.get_mut("content"));
            return match content.map(Value::take) {
                Some(content) => Ok(content),
                None => Err(map),
            };
        }
        "tool" | "ToolMessage" if map.contains_key("content") => Some("content"),
        // LangChain's serialised constructor.
        "constructor" if map.contains_key("kwargs") => Some("kwargs"),
        // AI SDK.
        "json" | "text" | "content" | "error-text" | "error-json" if map.contains_key("value") => {
            Some("value")
        }
        "tool-result" | "function_call_output" if map.contains_key("output") => Some("output"),
        "tool_result" if map.contains_key("content") => Some("content"),
        _ => sole_wrapper(&map),
    };
    match inner.and_then(|key| map.remove(key)) {
        Some(value) => Ok(value),
        None => Err(map),
    }
}

/// A wrapper that is told by its only key, or by what stands beside it.
fn sole_wrapper(map: &Map<String, Value>) -> Option<&'static str> {
    if map.len() == 1 {
        return ["result", "output", "response", "toolResult", "tool_result"]
            .into_iter()
            .find(|key| map.contains_key(*key));
    }
    // LangChain's constructor arguments, and Bedrock: {"toolUseId":…,"status":"success","content":[…]}.
    let is_message = map.contains_key("tool_call_id") || map.contains_key("toolUseId");
    (is_message && map.contains_key("content")).then_some("content")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_result_reads_the_same_in_every_wrapping() {
        let plain = json!({"temp": 14, "sky": "rainy"});
        let text = plain.to_string();
        let wrappings = [
            plain.clone(),
            json!(text),
            json!(json!(text).to_string()),
            json!("{'temp': 14, 'sky': 'rainy'}"),
            json!({"result": text}),
            json!({"output": {"type": "text", "value": text}}),
            json!({"type": "json", "value": plain}),
            json!({"type": "tool-result", "toolCallId": "c", "output": plain}),
            json!([{"text": text}]),
            json!([{"type": "text", "text": text}]),
            json!([{"json": plain}]),
            json!({"toolUseId": "c", "status": "success", "content": [{"text": text}]}),
            json!({"toolResult": {"toolUseId": "c", "status": "success", "content": [{"text": text}]}}),
            json!({"type": "tool", "data": {"content": text, "tool_call_id": "c"}}),
            json!({"output": {"content": text, "type": "tool", "tool_call_id": "c"}}),
            json!({"lc": 1, "type": "constructor", "id": ["ToolMessage"], "kwargs": {"content": text, "tool_call_id": "c"}}),
            json!(json!({"type": "tool", "data": {"content": text}}).to_string()),
        ];
        for wrapped in wrappings {
            assert_eq!(result(wrapped.clone()), plain, "{wrapped}");
        }
    }

    #[test]
    fn results_that_only_look_wrapped_stay() {
        for value in [
            json!({"result": 1, "unit": "C"}),
            json!({"type": "text", "size": 3}),
            json!([{"text": "a", "lang": "en"}]),
            json!([]),
            json!(14),
            json!("plain words"),
            json!("12"),
        ] {
            assert_eq!(result(value.clone()), value);
        }
    }

    #[test]
    fn arguments_are_parsed_and_nothing_is_null() {
        assert_eq!(arguments(json!("{\"a\": 1}")), json!({"a": 1}));
        assert_eq!(arguments(json!("{'a': None}")), json!({"a": null}));
        assert_eq!(arguments(json!({"a": 1})), json!({"a": 1}));
        assert_eq!(arguments(json!("free text")), json!("free text"));
        for nothing in [json!(""), json!("None"), json!(null)] {
            assert_eq!(arguments(nothing), Value::Null);
        }
    }
}

//! Arguments and results of tools in one form, whichever wrapper an SDK put around them.

use super::{media, tool_wrappers};
use crate::normalise::values::json;
use crate::span::Outcome;
use serde_json::Value;

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

/// A result, and what its wrappers say of how the tool ended.
#[derive(Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) value: Value,
    pub(crate) outcome: Outcome,
}

/// A result without its wrappers: an object or array where the SDK gave one or its text, else a plain value. Inline
/// images and sounds leave only their size.
pub(crate) fn told(value: Value) -> Told {
    let (mut value, outcome) = unwrapped(value);
    media::forget_bytes(&mut value);
    Told { value, outcome }
}

fn unwrapped(mut value: Value) -> (Value, Outcome) {
    let mut outcome = Outcome::Done;
    for _ in 0..WRAPPERS_MAX {
        value = match value {
            Value::String(text) => match json::structure(&text) {
                Some(structure) => structure,
                None => match tool_wrappers::printed(&text) {
                    Some((inner, printed)) => {
                        outcome = outcome.max(printed);
                        inner
                    }
                    None => return (Value::String(json::unquoted(text)), outcome),
                },
            },
            Value::Array(items) => match sole_block(items) {
                Ok(inner) => inner,
                Err(items) => return (Value::Array(items), outcome),
            },
            Value::Object(map) => {
                let own = tool_wrappers::outcome(&map);
                let kind = map.get("type").and_then(Value::as_str);
                if kind.is_some_and(tool_wrappers::is_bare_error) {
                    return (Value::Object(map), own);
                }
                match tool_wrappers::without(map) {
                    Ok(inner) => {
                        outcome = outcome.max(own);
                        inner
                    }
                    Err(map) => return (Value::Object(map), outcome),
                }
            }
            plain => return (plain, outcome),
        };
    }
    (value, outcome)
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
            json!({"content": [{"type": "text", "text": text}], "isError": false}),
            json!({"_meta": null, "content": [{"type": "text", "text": text, "annotations": null}], "structuredContent": plain, "isError": false}),
            json!({"content": [], "structuredContent": plain}),
            json!({"content": [{"type": "text", "text": text}]}),
            json!({"toolCallId": "c", "toolName": "f", "output": text}),
            json!({"toolCallId": null, "toolName": "f", "result": plain}),
            json!({"status": "success", "content": [{"json": plain}]}),
            json!(format!("content='{text}' name='f' tool_call_id='c'")),
        ];
        for wrapped in wrappings {
            assert_eq!(told(wrapped.clone()).value, plain, "{wrapped}");
        }
    }

    #[test]
    fn results_that_only_look_wrapped_stay() {
        for value in [
            json!({"result": 1, "unit": "C"}),
            json!({"type": "text", "size": 3}),
            json!([{"text": "a", "lang": "en"}]),
            json!({"status": "error", "order": 7}),
            json!({"status": "error", "content": "draft"}),
            json!({"status": "error", "content": [{"title": "a", "text": "b"}]}),
            json!({"isError": true, "order": 7}),
            json!({"is_error": true, "content": "x", "author": "y"}),
            json!({"content": "x", "title": "y"}),
            json!({"error": "no such order"}),
            json!({"type": "error", "code": 7}),
            json!({"outcome": "failed", "order": 7}),
            json!([{"status": "error"}]),
            json!("status='error'"),
            json!([]),
            json!(14),
            json!("plain words"),
            json!("12"),
        ] {
            let kept = told(value.clone());
            assert_eq!((kept.value, kept.outcome), (value, Outcome::Done));
        }
    }

    #[test]
    fn a_failure_is_told_by_the_key_of_a_wrapper() {
        let text = |text: &str| json!([{"type": "text", "text": text}]);
        for wrapped in [
            // MCP, as an object, as text, and as Python prints it.
            json!({"content": text("boom"), "isError": true}),
            json!({"isError": true, "content": text("boom"), "structuredContent": null, "_meta": {}}),
            json!(json!({"content": text("boom"), "isError": true}).to_string()),
            json!({"result": {"content": text("boom"), "isError": true}}),
            // Anthropic and Bedrock.
            json!({"type": "tool_result", "tool_use_id": "t", "content": "boom", "is_error": true}),
            json!({"toolUseId": "b", "status": "error", "content": [{"text": "boom"}]}),
            json!({"toolResult": {"toolUseId": "b", "status": "error", "content": [{"text": "boom"}]}}),
            json!({"status": "error", "content": [{"text": "boom"}]}),
            // LangChain, as an object, as a constructor, and as it prints itself.
            json!({"type": "tool", "content": "boom", "tool_call_id": "c", "status": "error"}),
            json!({"type": "tool", "data": {"content": "boom", "tool_call_id": "c", "status": "error"}}),
            json!({"lc": 1, "type": "constructor", "id": ["ToolMessage"], "kwargs": {"content": "boom", "tool_call_id": "c", "status": "error"}}),
            json!({"output": {"content": "boom", "type": "tool", "tool_call_id": "c", "status": "error"}}),
            json!("content='boom' name='f' tool_call_id='c' status='error'"),
            // AI SDK.
            json!({"type": "error-text", "value": "boom"}),
            json!({"type": "tool-result", "toolCallId": "c", "output": {"type": "error-text", "value": "boom"}}),
            json!({"type": "tool-error", "toolCallId": "c", "toolName": "f", "error": "boom"}),
            json!({"type": "tool_error", "message": "boom"}),
            // Pydantic AI.
            json!({"part_kind": "tool-return", "tool_name": "f", "tool_call_id": "c", "content": "boom", "outcome": "failed"}),
        ] {
            let found = told(wrapped.clone());
            assert_eq!(
                (found.value, found.outcome),
                (json!("boom"), Outcome::Failed),
                "{wrapped}"
            );
        }
        let json_error = told(json!({"type": "error-json", "value": {"code": 7}}));
        assert_eq!(
            (json_error.value, json_error.outcome),
            (json!({"code": 7}), Outcome::Failed)
        );
        let searched =
            json!({"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"});
        assert_eq!(
            told(searched.clone()),
            Told {
                value: searched,
                outcome: Outcome::Failed
            }
        );
        let printed = json!(
            "meta=None content=[TextContent(type='text', text='boom', annotations=None)] structuredContent=None isError=True"
        );
        assert_eq!(told(printed).outcome, Outcome::Failed);
        let pause = json!({"__interrupt__": [{"value": "Which city?"}]});
        assert_eq!(told(pause).outcome, Outcome::Paused);
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

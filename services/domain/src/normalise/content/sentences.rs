//! Words without anybody who says them: answers and questions as objects that have no role.

use super::parts;
use super::shapes::{Look, has_body};
use crate::normalise::values::absent;
use serde_json::{Map, Value};

/// Whether an object is the words of one message without a role, with nothing beside them but how they came about.
pub(crate) fn is_sentence(map: &Map<String, Value>, look: Look) -> bool {
    /// What SDKs put beside the words of an answer.
    const WITH_WORDS: [&str; 30] = [
        "tool_calls",
        "toolCalls",
        "toolResults",
        "reasoning",
        "reasoning_content",
        "reasoningText",
        "refusal",
        "audio",
        "files",
        "sources",
        "logprobs",
        "model",
        "model_name",
        "usage",
        "usage_metadata",
        "usageMetadata",
        "totalUsage",
        "token_usage",
        "finish_reason",
        "finishReason",
        "stop_reason",
        "stopReason",
        "response_metadata",
        "generation_info",
        "additional_kwargs",
        "response_id",
        "generation_id",
        "chat_history",
        "meta",
        "providerMetadata",
    ];
    const REASONS: [&str; 5] = [
        "finish_reason",
        "finishReason",
        "stop_reason",
        "stopReason",
        "tool_calls",
    ];
    if look.is_trusted {
        return has_body(map);
    }
    // Gemini's contents may leave out their role.
    let may_be_listed = absent::has_any(map, &REASONS) || absent::has(map, "parts");
    if look.is_strict || (look.is_listed && !may_be_listed) {
        return false;
    }
    let says = |key: &str| match absent::get(map, key) {
        Some(Value::String(_)) => true,
        Some(Value::Array(items)) => items.iter().all(parts::is_part),
        _ => false,
    };
    let words = ["content", "text", "parts"]
        .into_iter()
        .find(|key| says(key));
    match words {
        Some(words) => look
            .keys(map)
            .all(|key| key == words || (WITH_WORDS.contains(&key) && fits(key, &map[key]))),
        None => {
            absent::get(map, "tool_calls").is_some_and(Value::is_array)
                && absent::keys(map).all(|key| WITH_WORDS.contains(&key))
        }
    }
}

/// Whether what stands beside the words can be what SDKs put there. Models are asked for keys of such names too:
/// `{"text":"Take one","usage":"daily"}`.
fn fits(key: &str, value: &Value) -> bool {
    const STRUCTURES: [&str; 14] = [
        "tool_calls",
        "toolCalls",
        "toolResults",
        "files",
        "sources",
        "usage",
        "usage_metadata",
        "usageMetadata",
        "totalUsage",
        "token_usage",
        "response_metadata",
        "generation_info",
        "additional_kwargs",
        "chat_history",
    ];
    let is_structure = match value {
        Value::Object(_) | Value::Array(_) => true,
        Value::String(text) => text.is_empty() || text.starts_with(['{', '[']),
        other => other.is_null(),
    };
    is_structure || !STRUCTURES.contains(&key)
}

/// Whether an object is an answer in which every field is there and nothing is said (Mastra's failed calls).
pub(crate) fn is_blank(map: &Map<String, Value>) -> bool {
    const FIELDS: [&str; 7] = [
        "text",
        "content",
        "files",
        "reasoning",
        "sources",
        "toolCalls",
        "warnings",
    ];
    map.contains_key("text")
        && map.len() > 1
        && map
            .iter()
            .all(|(key, value)| FIELDS.contains(&key.as_str()) && absent::is_absent(value))
}

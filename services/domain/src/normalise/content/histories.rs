//! Histories as classes of SDKs, printed: turns of several parts, each of which has a role of its own.

use crate::normalise::values::absent;
use serde_json::{Map, Value, json};

/// Pydantic AI's `ModelRequest` and `ModelResponse`: `{"kind":"request","parts":[{"part_kind":"user-prompt",…}]}`.
pub(crate) fn is_turn(map: &Map<String, Value>) -> bool {
    let has_kinds = |parts: &Value| {
        let parts = parts.as_array();
        parts.is_some_and(|parts| parts.iter().any(|part| part.get("part_kind").is_some()))
    };
    !absent::has(map, "role") && map.get("parts").is_some_and(has_kinds)
}

/// Such a turn as messages with roles.
pub(crate) fn messages(mut map: Map<String, Value>) -> Vec<Value> {
    let is_response = map.get("kind").and_then(Value::as_str) == Some("response");
    let parts = match map.remove("parts") {
        Some(Value::Array(parts)) => parts,
        _ => Vec::new(),
    };
    if is_response {
        map.insert("role".into(), "assistant".into());
        map.insert("parts".into(), Value::Array(parts));
        return vec![Value::Object(map)];
    }
    let instructions = absent::take(&mut map, &["instructions"]);
    let system = instructions.map(|text| json!({"role": "system", "content": text}));
    system
        .into_iter()
        .chain(parts.into_iter().map(message))
        .collect()
}

fn message(mut part: Value) -> Value {
    let kind = part.get("part_kind").and_then(Value::as_str);
    let role = match kind.unwrap_or_default() {
        "system-prompt" => "system",
        "tool-return" | "builtin-tool-return" => "tool",
        // The model is asked to call a tool again, or to say it otherwise.
        "retry-prompt" if absent::has_any_in(&part, &["tool_name"]) => "tool",
        _ => "user",
    };
    if role == "tool" {
        if let Some(part) = part.as_object_mut() {
            part.insert("part_kind".into(), "tool-return".into());
        }
        return json!({"role": role, "parts": [part]});
    }
    let content = part.get_mut("content").map(Value::take);
    json!({"role": role, "content": content.unwrap_or_default()})
}

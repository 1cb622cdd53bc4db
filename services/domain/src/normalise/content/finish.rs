//! Why a model stopped, in one vocabulary.

use crate::normalise::values::json;
use serde_json::{Map, Value};

/// The reason in one spelling: OpenAI's where it has a word, else the producer's in lower case.
pub(crate) fn unified(reason: &str) -> Option<String> {
    let reason = reason.trim();
    if json::is_nothing(reason) {
        return None;
    }
    // Some SDKs print an enumeration: `FinishReason.STOP`.
    let reason = reason.rsplit('.').next().unwrap_or(reason);
    let lower = reason.to_ascii_lowercase().replace('-', "_");
    let known = match lower.as_str() {
        "tool_calls" | "tool_call" | "tool_use" | "function_call" | "tool_calls_requested" => {
            "tool_calls"
        }
        "stop" | "end_turn" | "stop_sequence" | "complete" | "completed" | "eos" | "eos_token"
        | "finished" => "stop",
        "length" | "max_tokens" | "max_output_tokens" | "model_length" | "incomplete" => "length",
        "content_filter" | "content_filtered" | "safety" | "refusal" | "guardrail_intervened" => {
            "content_filter"
        }
        _ => return Some(lower),
    };
    Some(known.to_owned())
}

/// The first reason of an attribute: a text, a list, or a list as JSON text.
pub(crate) fn of_attribute(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => match json::structure(text) {
            Some(structure) => of_attribute(&structure),
            None => unified(text),
        },
        Value::Array(items) => items.iter().find_map(of_attribute),
        _ => None,
    }
}

/// The reason that a message, a choice or a generation carries.
pub(crate) fn of_message(map: &Map<String, Value>) -> Option<String> {
    const KEYS: [&str; 4] = ["finish_reason", "finishReason", "stop_reason", "stopReason"];
    const NESTS: [&str; 2] = ["response_metadata", "generation_info"];
    let directly = |map: &Map<String, Value>| {
        KEYS.iter()
            .find_map(|key| unified(map.get(*key)?.as_str()?))
    };
    directly(map).or_else(|| {
        NESTS
            .iter()
            .find_map(|nest| directly(map.get(*nest)?.as_object()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn spellings_unite() {
        for (reasons, unified) in [
            (json!(["tool_calls"]), Some("tool_calls")),
            (json!(["tool-calls", "stop"]), Some("tool_calls")),
            (json!("[\"tool_call\"]"), Some("tool_calls")),
            (json!("tool_use"), Some("tool_calls")),
            (json!("end_turn"), Some("stop")),
            (json!("STOP"), Some("stop")),
            (json!("FinishReason.MAX_TOKENS"), Some("length")),
            (json!("something-new"), Some("something_new")),
            (json!([""]), None),
            (json!([]), None),
            (json!("None"), None),
        ] {
            assert_eq!(of_attribute(&reasons).as_deref(), unified, "{reasons}");
        }
    }
}

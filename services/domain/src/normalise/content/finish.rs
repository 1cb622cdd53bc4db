//! Why a model stopped, in one vocabulary.

use crate::normalise::values::json;
use serde_json::{Map, Value};

/// The reason in one spelling: OpenAI's where it has a word, else the producer's in lower case.
pub(crate) fn unified(reason: &str) -> Option<String> {
    let reason = reason.trim();
    if json::is_nothing(reason) {
        return None;
    }
    let lower = word(reason);
    let known = match lower.as_str() {
        "tool_calls"
        | "tool_call"
        | "tool_use"
        | "function_call"
        | "tool_calls_requested"
        | "function_calls"
        | "tool_execution" => "tool_calls",
        "stop" | "end_turn" | "stop_sequence" | "complete" | "completed" | "eos" | "eos_token"
        | "finished" | "finish" | "success" => "stop",
        "length" | "max_tokens" | "max_output_tokens" | "model_length" | "incomplete"
        | "max_token" | "token_limit" => "length",
        "content_filter"
        | "content_filtered"
        | "safety"
        | "refusal"
        | "guardrail_intervened"
        | "recitation"
        | "blocklist"
        | "prohibited_content"
        | "spii" => "content_filter",
        // How far a response is (OpenAI's Responses, streamed) is no reason; nor is Gemini's first value.
        "in_progress" | "queued" | "running" | "unspecified" => return None,
        _ => return Some(lower),
    };
    Some(known.to_owned())
}

/// The word of a reason in lower case, its parts joined by underscores. SDKs print enumerations in the manner of their language:
/// `FinishReason.STOP`, `<FinishReason.STOP: 'stop'>` (Python), `FINISH_REASON_STOP` (protobuf), `ToolCalls` (.NET, Java).
fn word(reason: &str) -> String {
    let repr = reason
        .strip_prefix('<')
        .and_then(|repr| repr.split(':').next());
    let reason = repr.unwrap_or(reason);
    let reason = reason.rsplit('.').next().unwrap_or(reason);
    let mut word = String::new();
    let mut was_lower = false;
    for letter in reason.chars() {
        if letter.is_uppercase() && was_lower {
            word.push('_');
        }
        was_lower = letter.is_lowercase();
        match letter {
            '-' | ' ' => word.push('_'),
            _ => word.extend(letter.to_lowercase()),
        }
    }
    let prefixes = ["finish_reason_", "stop_reason_"];
    let short = prefixes.iter().find_map(|prefix| word.strip_prefix(prefix));
    short.map(str::to_owned).unwrap_or(word)
}

/// The first reason of an attribute: a text, a list, or a list as JSON text.
pub(crate) fn of_attribute(value: &Value) -> Option<String> {
    match value {
        // A list that Python printed: `[<FinishReason.STOP: 1>]`.
        Value::String(text) if text.trim_start().starts_with("[<") => {
            unified(text.trim().trim_matches(['[', ']']))
        }
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
            (json!("<FinishReason.STOP: 'stop'>"), Some("stop")),
            (json!(["FINISH_REASON_STOP"]), Some("stop")),
            (json!("FINISH_REASON_UNSPECIFIED"), None),
            (json!("STOP_REASON_END_TURN"), Some("stop")),
            (json!("ToolCalls"), Some("tool_calls")),
            (json!("EndTurn"), Some("stop")),
            (json!("contentFilter"), Some("content_filter")),
            (json!("PROHIBITED_CONTENT"), Some("content_filter")),
            (json!(["in_progress"]), None),
            (json!("[<FinishReason.STOP: 1>]"), Some("stop")),
            (json!("something-new"), Some("something_new")),
            (json!([""]), None),
            (json!([]), None),
            (json!("None"), None),
        ] {
            assert_eq!(of_attribute(&reasons).as_deref(), unified, "{reasons}");
        }
    }
}

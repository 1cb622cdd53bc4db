//! One part of a message, in any SDK's spelling.

use super::media;
use super::tool_parts::{CALL_ID_KEYS, tool_call, tool_result, typed_call};
use crate::message::Part;
use crate::normalise::values::fields::take_text;
use crate::normalise::values::json;
use serde_json::{Map, Value};

/// Parts kept of one message. Real ones have up to a few hundred (parallel tool calls, pages of a document).
pub(crate) const PARTS_MAX: usize = 2_000;

/// Deepest nesting of wrappers around a part.
const DEPTH_MAX: usize = 16;

/// Reads a message body: a text, a part, or a list of parts.
pub(crate) fn read_body(body: Value, out: &mut Vec<Part>) {
    body_at(body, out, 0);
}

fn body_at(body: Value, out: &mut Vec<Part>, depth: usize) {
    if out.len() >= PARTS_MAX || depth > DEPTH_MAX {
        return;
    }
    match body {
        Value::Null => {}
        Value::String(text) => text_body(text, out, depth),
        Value::Array(items) => items
            .into_iter()
            .for_each(|item| body_at(item, out, depth + 1)),
        Value::Object(map) => object(map, out, depth),
        plain => push_text(plain.to_string(), out),
    }
}

/// Some SDKs write a list of parts as JSON into the text of a message.
fn text_body(text: String, out: &mut Vec<Part>, depth: usize) {
    if text.trim_start().starts_with("[{")
        && let Some(Value::Array(items)) = json::structure(&text)
        && items.iter().all(is_part)
    {
        return body_at(Value::Array(items), out, depth + 1);
    }
    push_text(text, out);
}

/// Whether a value can only be a part of a message, not something that a user or model might say or a chain might
/// work on (lists of tools, of files, of shapes have types too).
pub(crate) fn is_part(value: &Value) -> bool {
    let Some(map) = value.as_object().filter(|map| !map.contains_key("role")) else {
        return false;
    };
    let has = |keys: &[&str]| keys.iter().any(|key| map.contains_key(*key));
    let has_text = |keys: &[&str]| {
        keys.iter()
            .any(|key| map.get(*key).is_some_and(Value::is_string))
    };
    let Some(kind) = map.get("type").and_then(Value::as_str) else {
        return has(&BLOCK_KEYS) || (map.len() == 1 && has_text(&["text"]));
    };
    match Kind::of(kind) {
        Some(Kind::Text) => has_text(&["text", "content"]),
        Some(Kind::Reasoning) => has(&["text", "content", "thinking", "summary"]),
        Some(Kind::ToolCall) => has(&CALL_ID_KEYS) && has(&["name", "toolName", "function"]),
        Some(Kind::ToolResult) => has(&CALL_ID_KEYS),
        Some(Kind::Media) => media::is_block(map) || has(&["uri", "file_id", "data", "content"]),
        Some(Kind::Refusal | Kind::Object | Kind::Nothing) | None => false,
    }
}

/// Keys that tell what a block without a type is (Gemini, Bedrock, Genkit, OpenInference).
const BLOCK_KEYS: [&str; 14] = [
    "functionCall",
    "function_call",
    "functionResponse",
    "function_response",
    "inlineData",
    "inline_data",
    "fileData",
    "file_data",
    "toolUse",
    "toolResult",
    "toolRequest",
    "toolResponse",
    "reasoningContent",
    "message_content",
];

enum Kind {
    Text,
    Reasoning,
    ToolCall,
    ToolResult,
    Media,
    Refusal,
    Object,
    /// Says nothing: cache marks, references to what the provider keeps.
    Nothing,
}

impl Kind {
    fn of(kind: &str) -> Option<Self> {
        Some(match kind {
            "text" | "input_text" | "output_text" => Self::Text,
            "reasoning" | "thinking" | "redacted_thinking" | "redacted-reasoning"
            | "reasoning_content" | "summary_text" | "reasoning_text" => Self::Reasoning,
            "tool_call" | "tool-call" | "tool_use" | "function_call" | "function"
            | "server_tool_call" | "server_tool_use" | "custom_tool_call" | "mcp_call"
            | "mcp_tool_use" | "computer_call" | "local_shell_call" | "shell_call"
            | "apply_patch_call" => Self::ToolCall,
            "tool_call_response"
            | "tool-result"
            | "tool_result"
            | "tool-error"
            | "tool_error"
            | "function_call_output"
            | "computer_call_output"
            | "local_shell_call_output"
            | "shell_call_output"
            | "apply_patch_call_output"
            | "function_response"
            | "server_tool_call_response"
            | "custom_tool_call_output"
            | "web_search_tool_result"
            | "mcp_tool_result"
            | "tool_response"
            | "code_execution_tool_result" => Self::ToolResult,
            "image" | "image_url" | "input_image" | "image_file" | "output_image" | "audio"
            | "input_audio" | "output_audio" | "file" | "input_file" | "document" | "video"
            | "video_url" | "blob" | "uri" | "media" => Self::Media,
            "refusal" => Self::Refusal,
            "object" => Self::Object,
            "cachePoint" | "cache_point" | "cache-point" | "step-start" | "item_reference" => {
                Self::Nothing
            }
            _ => return None,
        })
    }
}

fn object(mut map: Map<String, Value>, out: &mut Vec<Part>, depth: usize) {
    let kind = ["type", "kind", "part_kind"]
        .iter()
        .find_map(|key| map.get(*key).and_then(Value::as_str))
        .map(|kind| (Kind::of(kind), kind.is_empty()));
    match kind {
        Some((Some(Kind::Text), _)) => text_part(map, out, depth),
        Some((Some(Kind::Reasoning), _)) => push_reasoning(reasoning_text(&mut map), out),
        Some((Some(Kind::ToolCall), _)) => out.extend(typed_call(map)),
        Some((Some(Kind::ToolResult), _)) => out.push(tool_result(map)),
        Some((Some(Kind::Media), _)) => out.push(media::part(map)),
        Some((Some(Kind::Refusal), _)) => {
            push_text(take_text(&mut map, &["refusal", "content", "text"]), out)
        }
        Some((Some(Kind::Object), _)) => push_object(map, out),
        Some((Some(Kind::Nothing), _)) => {}
        Some((None, false)) => push_other(map, out),
        Some((None, true)) | None => untyped(map, out, depth),
    }
}

/// Blocks that are told by a key instead of a type: Gemini, Bedrock, OpenInference.
fn untyped(mut map: Map<String, Value>, out: &mut Vec<Part>, depth: usize) {
    for key in ["message_content", "part"] {
        if let Some(inner) = map.remove(key) {
            return body_at(inner, out, depth + 1);
        }
    }
    for key in [
        "functionCall",
        "function_call",
        "toolUse",
        "toolRequest",
        "tool_call",
    ] {
        if let Some(Value::Object(call)) = map.remove(key) {
            return out.extend(tool_call(call));
        }
    }
    for key in [
        "functionResponse",
        "function_response",
        "toolResult",
        "toolResponse",
    ] {
        if let Some(Value::Object(response)) = map.remove(key) {
            return out.push(tool_result(response));
        }
    }
    if map.contains_key("reasoningContent") || map.get("thought") == Some(&Value::Bool(true)) {
        return push_reasoning(reasoning_text(&mut map), out);
    }
    if media::is_block(&map) {
        return out.push(media::part(map));
    }
    if let Some(parts @ Value::Array(_)) = map.remove("parts") {
        return body_at(parts, out, depth + 1);
    }
    if map.contains_key("text") || map.contains_key("content") {
        return text_part(map, out, depth);
    }
    if map.contains_key("cachePoint") || map.is_empty() {
        return;
    }
    push_other(map, out);
}

fn push_other(map: Map<String, Value>, out: &mut Vec<Part>) {
    let mut json = Value::Object(map);
    media::forget_bytes(&mut json);
    out.push(Part::Other { json });
}

fn text_part(mut map: Map<String, Value>, out: &mut Vec<Part>, depth: usize) {
    for key in ["text", "content", "value"] {
        match map.remove(key) {
            Some(Value::String(text)) => return push_text(text, out),
            // OpenAI's assistants: {"text": {"value": …}}.
            Some(Value::Object(mut inner)) => {
                return push_text(take_text(&mut inner, &["value", "text", "content"]), out);
            }
            Some(Value::Array(items)) => return body_at(Value::Array(items), out, depth + 1),
            _ => {}
        }
    }
}

fn push_text(text: String, out: &mut Vec<Part>) {
    if !text.is_empty() {
        out.push(Part::Text { text });
    }
}

/// Open models write their thoughts at the beginning of an answer: `<think>…</think>`.
pub(crate) fn part_thoughts(body: &mut Vec<Part>) {
    let Some(Part::Text { text }) = body.first() else {
        return;
    };
    let Some((thought, answer)) = text
        .trim_start()
        .strip_prefix("<think>")
        .and_then(|rest| rest.split_once("</think>"))
    else {
        return;
    };
    let (thought, answer) = (thought.trim().to_owned(), answer.trim_start().to_owned());
    body.remove(0);
    let mut parts = Vec::new();
    push_reasoning(thought, &mut parts);
    push_text(answer, &mut parts);
    body.splice(0..0, parts);
}

pub(crate) fn push_reasoning(text: String, out: &mut Vec<Part>) {
    if !json::is_nothing(&text) {
        out.push(Part::Reasoning { text });
    }
}

/// A structured answer stands as its JSON text.
fn push_object(mut map: Map<String, Value>, out: &mut Vec<Part>) {
    let object = ["object", "content", "value"]
        .iter()
        .find_map(|key| map.remove(*key));
    match object {
        Some(Value::String(text)) => push_text(text, out),
        Some(object) => push_text(object.to_string(), out),
        None => {}
    }
}

/// The text of a reasoning item: directly, or in OpenAI's `summary` list, or in Bedrock's nesting.
pub(crate) fn reasoning_text(map: &mut Map<String, Value>) -> String {
    const KEYS: [&str; 8] = [
        "summary",
        "content",
        "text",
        "thinking",
        "reasoning",
        "reasoningContent",
        "reasoningText",
        "value",
    ];
    let mut found = String::new();
    for key in KEYS {
        found = match map.remove(key) {
            Some(Value::String(text)) => text,
            Some(Value::Array(items)) => items
                .into_iter()
                .filter_map(|item| match item {
                    Value::String(text) => Some(text),
                    Value::Object(mut inner) => {
                        Some(take_text(&mut inner, &["text", "content", "summary"]))
                    }
                    _ => None,
                })
                .collect::<Vec<_>>()
                .join("\n"),
            Some(Value::Object(mut inner)) => match inner.remove("reasoningText") {
                Some(Value::Object(mut text)) => take_text(&mut text, &["text"]),
                _ => take_text(&mut inner, &["text", "content"]),
            },
            _ => continue,
        };
        if !found.trim().is_empty() {
            break;
        }
    }
    found
}

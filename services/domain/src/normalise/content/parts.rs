//! One part of a message, in any SDK's spelling.

use super::kinds::{self, Kind};
use super::media;
use super::thoughts;
use super::tool_parts::{CALL_ID_KEYS, tool_call, tool_result, typed_call};
use crate::message::Part;
use crate::normalise::values::fields::take_text;
use crate::normalise::values::{absent, json};
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
        Value::Object(map) => object(kinds::plain_keys(map), out, depth),
        plain => push_text(plain.to_string(), out),
    }
}

/// Some SDKs write a list of parts as JSON into the text of a message.
fn text_body(text: String, out: &mut Vec<Part>, depth: usize) {
    if text.trim_start().starts_with("[{")
        && let Some(Value::Array(items)) = json::structure(&text)
        && items
            .iter()
            .all(|item| is_part(item) && has_no_other_keys(item))
    {
        return body_at(Value::Array(items), out, depth + 1);
    }
    push_text(text, out);
}

/// Whether a value can only be a part of a message, not something that a user or model might say or a chain might
/// work on (lists of tools, of files, of shapes have types too).
pub(crate) fn is_part(value: &Value) -> bool {
    let Some(map) = value.as_object().filter(|map| !absent::has(map, "role")) else {
        return false;
    };
    let has_text = |keys: &[&str]| {
        keys.iter()
            .any(|key| map.get(*key).is_some_and(Value::is_string))
    };
    // A `kind` alone is a word of many data.
    let Some(name) = kinds::KEYS[..4]
        .iter()
        .find_map(|key| map.get(*key)?.as_str())
        .filter(|name| !name.is_empty())
    else {
        return absent::has_any(map, &BLOCK_KEYS)
            || (absent::keys(map).count() == 1 && has_text(&["text"]));
    };
    let has = |keys: &[&str]| absent::has_any(map, keys);
    match Kind::of(name) {
        Some(Kind::Text) => has_text(&["text", "content"]),
        Some(Kind::Reasoning) => has(&["text", "content", "thinking", "summary"]),
        Some(Kind::ToolCall) => {
            has(&CALL_ID_KEYS) && has(&["name", "toolName", "tool_name", "function"])
        }
        Some(Kind::ToolResult) => has(&CALL_ID_KEYS),
        Some(Kind::Media) => {
            media::is_block(map)
                || has(&["uri", "file_id", "data", "content"])
                || (has(&["url"]) && kinds::snake_case(name).ends_with("_url"))
        }
        Some(Kind::Refusal | Kind::Object | Kind::Nothing) | None => false,
    }
}

/// Whether a part of text is no more than that. Data that a model was asked for can look like one:
/// `{"type":"text","text":"Buy milk","due":"today"}`.
pub(crate) fn has_no_other_keys(part: &Value) -> bool {
    /// What SDKs put beside the text of a part.
    const BESIDE: [&str; 15] = [
        "type",
        "$type",
        "block_type",
        "text",
        "content",
        "annotations",
        "citations",
        "cache_control",
        "cacheControl",
        "providerOptions",
        "providerMetadata",
        "id",
        "index",
        "extras",
        "logprobs",
    ];
    let Some(map) = part.as_object() else {
        return false;
    };
    let is_text = kinds::of(map).is_none_or(|kind| Kind::of(kind) == Some(Kind::Text));
    !is_text || !absent::has(map, "text") || absent::keys(map).all(|key| BESIDE.contains(&key))
}

/// Keys that tell what a block without a type is (Gemini, Bedrock, Genkit, OpenInference).
const BLOCK_KEYS: [&str; 15] = [
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
    "guardContent",
    "message_content",
];

fn object(mut map: Map<String, Value>, out: &mut Vec<Part>, depth: usize) {
    let Some(name) = kinds::of(&map) else {
        return untyped(map, out, depth);
    };
    match Kind::of(name) {
        Some(Kind::Text) => text_part(map, out, depth),
        Some(Kind::Reasoning) => thoughts::push(thoughts::text_of(&mut map), out),
        Some(Kind::ToolCall) => out.extend(called(map)),
        Some(Kind::ToolResult) => out.push(returned(map)),
        Some(Kind::Media) => push_media(map, out),
        Some(Kind::Refusal) => push_text(take_text(&mut map, &["refusal", "content", "text"]), out),
        Some(Kind::Object) => push_object(map, out),
        Some(Kind::Nothing) => {}
        None => unknown(map, out),
    }
}

/// A call. Azure AI projects nest it: `{"type":"tool_call","content":{"type":"function_call",…}}`.
fn called(mut map: Map<String, Value>) -> Vec<Part> {
    if !absent::has_any(&map, &["name", "toolName", "tool_name", "function"])
        && let Some(Value::Object(inner)) = map.get("content")
        && inner.get("type").is_some_and(Value::is_string)
        && let Some(Value::Object(inner)) = map.remove("content")
    {
        return typed_call(inner);
    }
    kinds::plain_tool_keys(&mut map);
    typed_call(map)
}

/// A result, perhaps within the part that says so.
fn returned(mut map: Map<String, Value>) -> Part {
    let is_result = |value: &Value| {
        let kind = value.get("type").and_then(Value::as_str).and_then(Kind::of);
        kind == Some(Kind::ToolResult)
    };
    if !absent::has_any(&map, &CALL_ID_KEYS)
        && map.get("content").is_some_and(is_result)
        && let Some(Value::Object(inner)) = map.remove("content")
    {
        return tool_result(inner);
    }
    kinds::plain_tool_keys(&mut map);
    tool_result(map)
}

/// A part of a type that no table has: shown as it came, unless its fields tell what it is.
fn unknown(mut map: Map<String, Value>, out: &mut Vec<Part>) {
    let is_ui_tool = absent::has(&map, "toolCallId")
        && kinds::of(&map).is_some_and(|kind| kind.starts_with("tool-") || kind == "dynamic-tool");
    if is_ui_tool {
        return ui_tool(map, out);
    }
    if media::is_inline(&map) {
        return push_media(map, out);
    }
    // The encrypted thoughts and summaries that providers hand out are for nobody.
    map.remove("encrypted_content");
    push_other(map, out);
}

/// The AI SDK's messages for pages: `{"type":"tool-weather","toolCallId":…,"input":…,"output":…}` is a call and its result.
fn ui_tool(mut map: Map<String, Value>, out: &mut Vec<Part>) {
    if let Some(Value::String(kind)) = map.remove("type")
        && let Some(name) = kind.strip_prefix("tool-")
    {
        map.entry("toolName").or_insert_with(|| name.into());
    }
    let output = ["output", "result"]
        .iter()
        .find_map(|key| map.remove(*key).filter(|output| !output.is_null()));
    let mut result = map.clone();
    out.extend(tool_call(map));
    if let Some(output) = output {
        result.insert("output".into(), output);
        out.push(tool_result(result));
    }
}

/// Blocks that are told by a key instead of a type: Gemini, Bedrock, OpenInference, AutoGen.
fn untyped(mut map: Map<String, Value>, out: &mut Vec<Part>, depth: usize) {
    if let Some(inner) = absent::take(&mut map, &["message_content", "part", "guardContent"]) {
        return body_at(inner, out, depth + 1);
    }
    const CALLS: [&str; 5] = [
        "functionCall",
        "function_call",
        "toolUse",
        "toolRequest",
        "tool_call",
    ];
    const RESULTS: [&str; 4] = [
        "functionResponse",
        "function_response",
        "toolResult",
        "toolResponse",
    ];
    let nested = |map: &Map<String, Value>, keys: &[&'static str]| {
        keys.iter()
            .copied()
            .find(|key| absent::get(map, key).is_some_and(Value::is_object))
    };
    if let Some(key) = nested(&map, &CALLS)
        && let Some(Value::Object(call)) = map.remove(key)
    {
        return out.extend(tool_call(call));
    }
    if let Some(key) = nested(&map, &RESULTS)
        && let Some(Value::Object(response)) = map.remove(key)
    {
        return out.push(tool_result(response));
    }
    if absent::has(&map, "reasoningContent") || map.get("thought") == Some(&Value::Bool(true)) {
        return thoughts::push(thoughts::text_of(&mut map), out);
    }
    // AutoGen's FunctionCall and FunctionExecutionResult.
    if absent::has(&map, "name") && absent::has(&map, "arguments") {
        return out.extend(tool_call(map));
    }
    if absent::has(&map, "call_id") && map.contains_key("content") {
        return out.push(tool_result(map));
    }
    if media::is_block(&map) || media::is_inline(&map) {
        return push_media(map, out);
    }
    if let Some(key @ ("parts" | "blocks")) = ["parts", "blocks"]
        .into_iter()
        .find(|key| absent::get(&map, key).is_some_and(Value::is_array))
        && let Some(parts) = map.remove(key)
    {
        return body_at(parts, out, depth + 1);
    }
    if absent::has(&map, "text") || absent::has(&map, "content") {
        return text_part(map, out, depth);
    }
    if map.contains_key("cachePoint") || absent::keys(&map).next().is_none() {
        return;
    }
    push_other(map, out);
}

/// What no rule knows, as it came, without the bytes of files in it.
pub(crate) fn push_other(map: Map<String, Value>, out: &mut Vec<Part>) {
    let mut json = Value::Object(map);
    media::forget_all_bytes(&mut json);
    out.push(Part::Other { json });
}

/// An image, a sound, a file. What was spoken in a sound are its words.
fn push_media(mut map: Map<String, Value>, out: &mut Vec<Part>) {
    let transcript = take_text(&mut map, &["transcript"]);
    let whole = map.clone();
    match media::part(map) {
        Part::Media {
            mime_type: None,
            uri: None,
            size_bytes: None,
        } => {
            // A mark of what was there is no more than that beside its words.
            let says_more = absent::keys(&whole).any(|key| !kinds::KEYS.contains(&key));
            if transcript.is_empty() && says_more {
                push_other(whole, out);
            }
        }
        media => out.push(media),
    }
    push_text(transcript, out);
}

fn text_part(mut map: Map<String, Value>, out: &mut Vec<Part>, depth: usize) {
    match absent::take(&mut map, &["text", "content", "value"]) {
        Some(Value::String(text)) => text_body(text, out, depth),
        // OpenAI's assistants: {"text": {"value": …}}.
        Some(Value::Object(mut inner)) => {
            let text = take_text(&mut inner, &["value", "text", "content"]);
            if text.is_empty() {
                return body_at(Value::Object(inner), out, depth + 1);
            }
            push_text(text, out);
        }
        Some(inner) => body_at(inner, out, depth + 1),
        None => {}
    }
}

pub(crate) fn push_text(text: String, out: &mut Vec<Part>) {
    if !text.is_empty() {
        out.push(Part::Text { text });
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

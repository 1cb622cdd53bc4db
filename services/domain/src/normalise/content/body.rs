//! What one message says: its thoughts, its words, what is attached, its calls.

use super::calls;
use super::kinds::{self, Kind};
use super::parts;
use super::thoughts;
use crate::message::{Part, Role};
use crate::normalise::values::absent;
use crate::normalise::values::json;
use rustc_hash::FxHashSet;
use serde_json::{Map, Value};

/// Where the words of a message stand, the surest first.
pub(super) const KEYS: [&str; 9] = [
    "parts",
    "content",
    "contents",
    "blocks",
    "items",
    "completion",
    "text",
    // Cohere.
    "message",
    "refusal",
];

/// What a message says: thoughts, words, what is attached, calls.
pub(super) fn read(map: &mut Map<String, Value>, role: Role) -> Vec<Part> {
    let prints_none = calls::prints_none(map);
    let mut body = Vec::new();
    thoughts_of(map, &mut body);
    let calls = calls::take(map);
    if prints_none {
        map.retain(|_, value| value.as_str() != Some("None"));
    }
    if let Some(spoken) = absent::take(map, &KEYS) {
        parts::read_body(spoken, &mut body);
    }
    attached(map, &mut body);
    if role == Role::Assistant {
        thoughts::part(&mut body);
    }
    add_calls(calls, &mut body);
    let is_call = |part: &Part| matches!(part, Part::ToolCall { .. });
    if prints_none || body.iter().any(is_call) {
        body.retain(|part| !is_printed_nothing(part));
    } else if role == Role::Assistant {
        body.retain(|part| !matches!(part, Part::Text { text } if json::is_nothing(text) && !text.is_empty()));
    }
    body
}

/// Thoughts that stand beside the words: DeepSeek, Ollama, OpenRouter, the AI SDK, AutoGen, LangChain.
fn thoughts_of(map: &mut Map<String, Value>, body: &mut Vec<Part>) {
    const THOUGHTS: [&str; 5] = [
        "reasoning_content",
        "reasoning",
        "thinking",
        "reasoningText",
        "thought",
    ];
    let beside = absent::take(map, &THOUGHTS);
    let more = map
        .get_mut("additional_kwargs")
        .and_then(Value::as_object_mut)
        .and_then(|more| more.remove(THOUGHTS[0]));
    match beside.or(more) {
        Some(Value::String(text)) => thoughts::push(text, body),
        Some(items @ Value::Array(_)) => parts::read_body(items, body),
        _ => {}
    }
}

/// What stands beside the words: pictures (Ollama), files (the AI SDK), a sound with its words (OpenAI).
fn attached(map: &mut Map<String, Value>, body: &mut Vec<Part>) {
    if let Some(Value::Object(audio)) = map.remove("audio")
        && body.is_empty()
        && let Some(Value::String(transcript)) = audio.get("transcript")
    {
        parts::push_text(transcript.clone(), body);
    }
    let files = absent::take(map, &["images", "attachments", "experimental_attachments"]);
    if let Some(Value::Array(files)) = files {
        for file in files {
            let part = match file {
                Value::String(image) => serde_json::json!({"type": "image", "url": image}),
                Value::Object(mut file) => {
                    file.insert("type".into(), "file".into());
                    Value::Object(file)
                }
                _ => continue,
            };
            parts::read_body(part, body);
        }
    }
}

/// Python SDKs print the missing text of a message that only calls tools: `None`, or a list of one empty text.
fn is_printed_nothing(part: &Part) -> bool {
    let Part::Text { text } = part else {
        return false;
    };
    let blank = |item: &Value| item.as_str().is_some_and(json::is_nothing) || item.is_null();
    json::is_nothing(text)
        || matches!(json::structure(text), Some(Value::Array(items)) if items.iter().all(blank))
}

/// The body of a tool's answer given as text parts is their text.
pub(super) fn text_content(spoken: Value) -> Value {
    let Value::Array(items) = &spoken else {
        return spoken;
    };
    let texts: Option<Vec<&str>> = items
        .iter()
        .map(|item| {
            let map = item.as_object()?;
            let is_text = Kind::of(kinds::of(map)?) == Some(Kind::Text);
            let text = map.get("text").or_else(|| map.get("content"))?.as_str();
            text.filter(|_| is_text)
        })
        .collect();
    match texts {
        Some(texts) if !texts.is_empty() => Value::String(texts.join("\n")),
        _ => spoken,
    }
}

/// Adds the calls that stand beside the body, but not those that the body holds too.
fn add_calls(calls: Vec<Part>, body: &mut Vec<Part>) {
    let id = |part: &Part| match part {
        Part::ToolCall { id, .. } => id.clone(),
        _ => None,
    };
    let known: FxHashSet<String> = body.iter().filter_map(id).collect();
    let new = calls
        .into_iter()
        .filter(|call| id(call).is_none_or(|id| !known.contains(&id)));
    let room = parts::PARTS_MAX.saturating_sub(body.len());
    body.extend(new.take(room));
}

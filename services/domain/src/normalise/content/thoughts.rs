//! What a model thought, apart from what it said.

use super::parts;
use crate::message::Part;
use crate::normalise::values::fields::take_text;
use crate::normalise::values::json;
use serde_json::{Map, Value};

/// Open models write their thoughts at the beginning of an answer: `<think>…</think>`. Templates put the first tag into
/// the prompt, so that it is missing here, and what is cut off has no second.
pub(super) fn part(body: &mut Vec<Part>) {
    let Some(Part::Text { text }) = body.first() else {
        return;
    };
    let rest = text.trim_start();
    let tagged = ["think", "thinking", "thought", "reasoning"]
        .into_iter()
        .find_map(|tag| {
            let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
            match (rest.strip_prefix(&open), rest.split_once(&close)) {
                (Some(rest), _) => Some(rest.split_once(&close).unwrap_or((rest, ""))),
                // Words about tags have them in quotes or between others.
                (None, Some((thought, answer))) => {
                    let is_tag =
                        !thought.contains(&open) && !thought.ends_with(['`', '"', '\'', '(']);
                    is_tag.then_some((thought, answer))
                }
                (None, None) => None,
            }
        });
    let Some((thought, answer)) = tagged else {
        return;
    };
    let (thought, answer) = (thought.trim().to_owned(), answer.trim_start().to_owned());
    body.remove(0);
    let mut parts = Vec::new();
    push(thought, &mut parts);
    parts::push_text(answer, &mut parts);
    body.splice(0..0, parts);
}

pub(super) fn push(text: String, out: &mut Vec<Part>) {
    if !json::is_nothing(&text) {
        out.push(Part::Reasoning { text });
    }
}

/// The text of a reasoning item: directly, or in OpenAI's `summary` list, or in Bedrock's nesting.
pub(super) fn text_of(map: &mut Map<String, Value>) -> String {
    const KEYS: [&str; 9] = [
        "summary",
        "content",
        "text",
        "thinking",
        "reasoning",
        "reasoningContent",
        "reasoningText",
        // Haystack.
        "reasoning_text",
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
                Some(Value::String(text)) => text,
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

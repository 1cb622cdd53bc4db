//! Whether a span held words that no rule read: how an operator learns of an SDK that is not known here.

use super::Draft;
use crate::span::Operation;
use serde_json::Value;

/// What names of attributes and events that hold words end in, and of which side.
const ASKED: [&str; 10] = [
    "input",
    "inputs",
    "prompt",
    "prompts",
    "question",
    "query",
    "request",
    "arguments",
    "args",
    "instruction",
];
const ANSWERED: [&str; 12] = [
    "output",
    "outputs",
    "completion",
    "completions",
    "response",
    "responses",
    "answer",
    "reply",
    "replies",
    "result",
    "results",
    "generation",
];
const EITHER: [&str; 9] = [
    "message",
    "messages",
    "content",
    "contents",
    "text",
    "transcript",
    "conversation",
    "history",
    "dialogue",
];

/// Sets the draft's flag: a call, an agent or a tool of which a side is missing while something is left over that is
/// named like it and holds words.
pub(super) fn look(draft: &mut Draft) {
    let (asked, answered) = match draft.operation {
        Operation::ExecuteTool => (draft.tool_arguments.is_some(), draft.tool_result.is_some()),
        Operation::InvokeAgent => (
            !draft.content.input.is_empty(),
            !draft.content.output.is_empty(),
        ),
        operation if operation.is_llm() => (
            !draft.content.input.is_empty(),
            !draft.content.output.is_empty(),
        ),
        _ => return,
    };
    if asked && answered {
        return;
    }
    let is_missing = |name: &str| {
        let last = name
            .rsplit(['.', ':', '/', '_', '-'])
            .next()
            .unwrap_or(name);
        let last = last.to_ascii_lowercase();
        let is_one_of = |words: &[&str]| words.contains(&last.as_str());
        (!asked && is_one_of(&ASKED))
            || (!answered && is_one_of(&ANSWERED))
            || (!asked && !answered && is_one_of(&EITHER))
    };
    let mut left = draft.fields.map_mut().iter();
    let in_attributes = left.any(|(name, value)| is_missing(name) && holds_words(value));
    let in_events = draft.events.iter().any(|event| {
        let mut attributes = event.attributes.iter();
        event.name != "exception"
            && attributes.any(|(name, value)| is_missing(name) && holds_words(value))
    });
    draft.is_unread = in_attributes || in_events;
}

/// More than a flag, a number or an identifier.
fn holds_words(value: &Value) -> bool {
    match value {
        Value::String(text) => text.trim().contains(char::is_whitespace),
        Value::Array(items) => items.iter().any(holds_words),
        Value::Object(map) => map.values().any(holds_words),
        _ => false,
    }
}

//! Applies [`Limits`] to what was read. What is cut says so with its full size.

use crate::limits::Limits;
use crate::message::{Message, Part};
use crate::raw::Attributes;
use crate::span::Content;
use crate::text::{cut_with_mark, prefix};
use serde_json::Value;

/// Deepest nesting measured; what nests deeper counts as too large.
const DEPTH_MAX: usize = 120;

/// Counts how many attributes are not shown, beside what the SDK itself threw away.
const DROPPED: &str = "colloquy.dropped_attributes_count";

/// Cuts every text and value of the content, and histories to their newest messages. Returns how many messages a cut
/// history had.
pub(crate) fn content(content: &mut Content, limits: &Limits) -> Option<u32> {
    let had = content.input.len();
    let is_cut = had > limits.history_messages_max;
    if is_cut {
        content.input.drain(..had - limits.history_messages_max);
    }
    content.output.truncate(limits.history_messages_max);
    for messages in [&mut content.system, &mut content.input, &mut content.output] {
        messages
            .iter_mut()
            .for_each(|message| self::message(message, limits));
    }
    is_cut.then(|| u32::try_from(had).unwrap_or(u32::MAX))
}

fn message(message: &mut Message, limits: &Limits) {
    for part in &mut message.parts {
        match part {
            Part::Text { text } | Part::Reasoning { text } => {
                cut_with_mark(text, limits.part_bytes_max);
            }
            Part::ToolCall {
                id,
                name,
                arguments,
            } => {
                id.iter_mut().for_each(|id| short(id, limits));
                short(name, limits);
                value(arguments, limits.part_bytes_max);
            }
            Part::ToolResult {
                id, name, result, ..
            } => {
                id.iter_mut().for_each(|id| short(id, limits));
                name.iter_mut().for_each(|name| short(name, limits));
                value(result, limits.part_bytes_max);
            }
            Part::Media { mime_type, uri, .. } => {
                mime_type.iter_mut().for_each(|name| short(name, limits));
                uri.iter_mut()
                    .for_each(|uri| cut_with_mark(uri, limits.attribute_bytes_max));
            }
            Part::Other { json } => value(json, limits.part_bytes_max),
        }
    }
}

/// Cuts a name without a mark: names are compared, not read.
pub(crate) fn short(name: &mut String, limits: &Limits) {
    let kept = prefix(name, limits.name_bytes_max).len();
    name.truncate(kept);
}

pub(crate) fn shortened(mut name: String, limits: &Limits) -> String {
    short(&mut name, limits);
    name
}

/// A value that is too large becomes its cut text.
pub(crate) fn value(value: &mut Value, bytes_max: usize) {
    let mut budget = bytes_max;
    if fits(value, &mut budget, 0) {
        return;
    }
    let mut text = match std::mem::take(value) {
        Value::String(text) => text,
        other => other.to_string(),
    };
    cut_with_mark(&mut text, bytes_max);
    *value = Value::String(text);
}

/// Whether the JSON of a value takes about `budget` bytes at most. Stops as soon as it does not.
fn fits(value: &Value, budget: &mut usize, depth: usize) -> bool {
    /// Of a number, a flag, quotes and separators.
    const PLAIN_BYTES: usize = 4;
    let mut spend = |bytes: usize| match budget.checked_sub(bytes) {
        Some(rest) => {
            *budget = rest;
            true
        }
        None => false,
    };
    match value {
        // A text alone may take the whole budget.
        Value::String(text) => spend(text.len() + if depth > 0 { PLAIN_BYTES } else { 0 }),
        Value::Null | Value::Bool(_) | Value::Number(_) => spend(PLAIN_BYTES),
        _ if depth >= DEPTH_MAX => false,
        Value::Array(items) => {
            spend(PLAIN_BYTES) && items.iter().all(|item| fits(item, budget, depth + 1))
        }
        Value::Object(map) => {
            spend(PLAIN_BYTES)
                && map.iter().all(|(key, item)| {
                    budget
                        .checked_sub(key.len() + PLAIN_BYTES)
                        .map(|rest| *budget = rest)
                        .is_some()
                        && fits(item, budget, depth + 1)
                })
        }
    }
}

/// Cuts attribute values, and keeps the first attributes by name when there are too many.
pub(crate) fn attributes(map: Attributes, dropped_by_sdk: u32, limits: &Limits) -> Attributes {
    let had = map.len();
    let mut kept = Attributes::new();
    for (name, mut item) in map {
        if item.is_null() || name.len() > limits.name_bytes_max {
            continue;
        }
        if kept.len() == limits.attributes_max {
            break;
        }
        value(&mut item, limits.attribute_bytes_max);
        kept.insert(name, item);
    }
    let dropped = u64::from(dropped_by_sdk) + (had - kept.len()) as u64;
    if dropped > 0 {
        kept.insert(DROPPED.to_owned(), dropped.into());
    }
    kept
}

//! What facts take in memory, roughly: their structs, texts and the places that maps keep for them. Caches go by it.

use crate::facts::{Body, LogFact, Node, SpanFact};
use crate::ids::{Digest, SpanId, SpanKey};
use crate::message::{Message, Part, StoredMessage};
use crate::span::{SpanError, User};
use crate::staircase::Step;
use serde_json::{Map, Value};
use std::sync::Arc;

/// What an allocation takes beside what was asked for: sizes come in steps.
const ALLOCATION_BYTES: usize = 12;
/// The two counts of an [`Arc`].
const ARC_BYTES: usize = 16;

/// A place in a hash table with its control byte. Tables grow by doubling and are seven eighths full at most.
const fn hash_slot_bytes<K, V>() -> usize {
    (size_of::<(K, V)>() + 1) * 2
}

/// A place in a B-tree, whose nodes of eleven places are about two thirds full.
const fn tree_slot_bytes<K, V>() -> usize {
    (size_of::<K>() + size_of::<V>()) * 3 / 2 + 4
}

pub(crate) const NODE_BYTES: usize = hash_slot_bytes::<Digest, Node>();
pub(crate) const LINK_BYTES: usize = hash_slot_bytes::<SpanKey, Step<Option<SpanId>>>();
pub(crate) const OMITTED_BYTES: usize = hash_slot_bytes::<Digest, i64>();

pub(crate) fn span_bytes(span: &SpanFact) -> usize {
    let texts = [
        &span.agent,
        &span.request_model,
        &span.response_model,
        &span.provider,
        &span.response_id,
        &span.previous_response_id,
        &span.finish_reason,
        &span.environment,
    ];
    let tool = span.tool.as_ref().map_or(0, |tool| {
        text_bytes(&tool.name) + tool.call_id.as_deref().map_or(0, text_bytes)
    });
    tree_slot_bytes::<SpanKey, Arc<SpanFact>>()
        + ARC_BYTES
        + size_of::<SpanFact>()
        + ALLOCATION_BYTES
        + text_bytes(&span.name)
        + text_bytes(&span.instrumentation)
        + optional_bytes(texts)
        + tool
        + span.error.as_ref().map_or(0, error_bytes)
        + user_bytes(&span.user)
        + (span.content.system.len() + span.content.output.len()) * size_of::<Digest>()
        + map_bytes(&span.attributes)
}

/// With the map of its span, which has one log fact as a rule.
pub(crate) fn log_bytes(log: &LogFact) -> usize {
    /// The least that a B-tree allocates.
    const TREE_BYTES: usize = 11 * size_of::<(i64, u32, Digest, Arc<LogFact>)>();
    TREE_BYTES
        + ARC_BYTES
        + size_of::<LogFact>()
        + optional_bytes([&log.finish_reason])
        + log.error.as_ref().map_or(0, error_bytes)
        + user_bytes(&log.user)
        + (log.content.system.len() + log.content.output.len()) * size_of::<Digest>()
}

pub(crate) fn body_bytes(body: &Body) -> usize {
    match body {
        Body::Message(message) => {
            hash_slot_bytes::<Digest, StoredMessage>()
                + ARC_BYTES
                + size_of::<Message>()
                + message.parts.iter().map(part_bytes).sum::<usize>()
        }
        Body::Value(value) => {
            hash_slot_bytes::<Digest, Arc<Value>>()
                + ARC_BYTES
                + size_of::<Value>()
                + value_bytes(value)
        }
    }
}

fn part_bytes(part: &Part) -> usize {
    size_of::<Part>()
        + match part {
            Part::Text { text } | Part::Reasoning { text } => text_bytes(text),
            Part::ToolCall {
                id,
                name,
                arguments,
            } => optional_bytes([id]) + text_bytes(name) + value_bytes(arguments),
            Part::ToolResult {
                id, name, result, ..
            } => optional_bytes([id, name]) + value_bytes(result),
            Part::Media { mime_type, uri, .. } => optional_bytes([mime_type, uri]),
            Part::Other { json } => value_bytes(json),
        }
}

fn error_bytes(error: &SpanError) -> usize {
    optional_bytes([&error.kind, &error.message, &error.event_id])
}

fn user_bytes(user: &User) -> usize {
    optional_bytes([&user.id, &user.email, &user.name, &user.ip_address])
}

fn optional_bytes<const N: usize>(texts: [&Option<String>; N]) -> usize {
    texts
        .into_iter()
        .flatten()
        .map(|text| text_bytes(text))
        .sum()
}

fn text_bytes(text: &str) -> usize {
    match text.len() {
        0 => 0,
        length => length + ALLOCATION_BYTES,
    }
}

/// Beside the value itself.
fn value_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text_bytes(text),
        Value::Array(items) => items
            .iter()
            .map(|item| size_of::<Value>() + value_bytes(item))
            .sum(),
        Value::Object(map) => map_bytes(map),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

fn map_bytes(map: &Map<String, Value>) -> usize {
    const SLOT_BYTES: usize = tree_slot_bytes::<String, Value>();
    // The first node has all its places.
    let slots = map.len().max(if map.is_empty() { 0 } else { 8 });
    slots * SLOT_BYTES
        + map
            .iter()
            .map(|(key, value)| text_bytes(key) + value_bytes(value))
            .sum::<usize>()
}

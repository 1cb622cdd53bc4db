//! Content and exceptions that stand in span events and log records of the same names.

use super::Draft;
use crate::message::Role;
use crate::normalise::content::messages;
use crate::normalise::values::json as encoded;
use crate::raw::{Attributes, RawEvent};
use serde_json::{Map, Value, json};

/// The event that holds the content of a whole call (OpenTelemetry GenAI from 1.37 on).
pub(crate) const DETAILS: &str = "gen_ai.client.inference.operation.details";

/// Content under construction from events: kept apart until it is known that the attributes hold none.
#[derive(Default)]
pub(crate) struct Spoken {
    pub(crate) system: Vec<Value>,
    pub(crate) input: Vec<Value>,
    pub(crate) output: Vec<Value>,
}

/// Moves the content of span events into the draft, unless attributes held it already.
pub(crate) fn read(draft: &mut Draft) {
    let mut spoken = Spoken::default();
    let mut others = Vec::new();
    for mut event in std::mem::take(&mut draft.events) {
        if !take(&event.name, &mut event.attributes, &mut spoken) {
            others.push(event);
        }
    }
    draft.events = others;
    spoken
        .system
        .into_iter()
        .for_each(|value| draft.add_system(value));
    if draft.content.input.is_empty() {
        spoken
            .input
            .into_iter()
            .for_each(|value| draft.add_input(value));
    }
    if draft.content.output.is_empty() {
        // The events of one answer are one, unless they are numbered as choices.
        let output = spoken.output.into_iter();
        let turns = output.flat_map(|value| messages::read(value, Role::Assistant));
        draft.push_output(turns.collect());
    }
}

/// Moves what an event or record says out of its attributes. False when it is of another kind.
pub(crate) fn take(name: &str, attributes: &mut Attributes, spoken: &mut Spoken) -> bool {
    match name {
        DETAILS => details(attributes, spoken),
        "gen_ai.system.message" => spoken.system.extend(message(attributes, "system")),
        "gen_ai.user.message" => spoken.input.extend(message(attributes, "user")),
        "gen_ai.assistant.message" => spoken.input.extend(message(attributes, "assistant")),
        "gen_ai.tool.message" => spoken.input.extend(message(attributes, "tool")),
        "gen_ai.choice" => spoken.output.extend(choice(attributes)),
        "gen_ai.content.prompt" => spoken.input.extend(attributes.remove("gen_ai.prompt")),
        "gen_ai.content.completion" => {
            spoken.output.extend(attributes.remove("gen_ai.completion"));
        }
        "gen_ai.input.messages" | "gen_ai.conversation.item" => {
            spoken
                .input
                .extend(attributes.remove("gen_ai.event.content"));
        }
        "gen_ai.output.messages" => {
            spoken
                .output
                .extend(attributes.remove("gen_ai.event.content"));
        }
        "gen_ai.system.instructions" => {
            spoken
                .system
                .extend(attributes.remove("gen_ai.event.content"));
        }
        _ => return false,
    }
    true
}

fn details(attributes: &mut Attributes, spoken: &mut Spoken) {
    spoken
        .system
        .extend(attributes.remove("gen_ai.system_instructions"));
    spoken
        .input
        .extend(attributes.remove("gen_ai.input.messages"));
    spoken
        .output
        .extend(attributes.remove("gen_ai.output.messages"));
}

/// One message whose fields are the event's: `content`, `role`, `id`, `tool_calls`. Some SDKs write `content` as the
/// JSON text of a list of blocks, and Azure puts the whole message as JSON into `gen_ai.event.content`.
fn message(attributes: &mut Attributes, role: &str) -> Option<Value> {
    if let Some(Value::String(text)) = attributes.remove("gen_ai.event.content") {
        return match encoded::structure(&text) {
            Some(Value::Object(map)) => Some(with_role(map, role)),
            _ => Some(with_role(
                Map::from_iter([("content".to_owned(), Value::String(text))]),
                role,
            )),
        };
    }
    let mut map = Map::new();
    for key in [
        "content",
        "id",
        "tool_call_id",
        "tool_calls",
        "name",
        "parts",
    ] {
        if let Some(value) = attributes.remove(key) {
            map.insert(key.to_owned(), value);
        }
    }
    let role = attributes
        .get("role")
        .and_then(Value::as_str)
        .unwrap_or(role)
        .to_owned();
    (!map.is_empty()).then(|| with_role(map, &role))
}

/// A choice: `message` is the message, its text, or the JSON of a list of blocks; or the message's fields stand beside
/// `finish_reason`.
fn choice(attributes: &mut Attributes) -> Option<Value> {
    let mut map = match attributes.remove("message") {
        Some(Value::Object(map)) => map,
        Some(Value::String(text)) => match encoded::structure(&text) {
            Some(Value::Object(map)) if map.contains_key("content") => map,
            _ => Map::from_iter([("content".to_owned(), Value::String(text))]),
        },
        Some(other) => Map::from_iter([("content".to_owned(), other)]),
        None => match message(attributes, "assistant")? {
            Value::Object(map) => map,
            _ => return None,
        },
    };
    for key in ["finish_reason", "tool_calls"] {
        if let Some(value) = attributes.remove(key) {
            map.entry(key).or_insert(value);
        }
    }
    Some(with_role(map, "assistant"))
}

fn with_role(mut map: Map<String, Value>, role: &str) -> Value {
    map.entry("role").or_insert_with(|| role.into());
    Value::Object(map)
}

/// Moves events that are neither content nor exceptions to the attributes, where people find them.
pub(crate) fn keep_others(draft: &mut Draft) {
    /// Events kept. SDKs send 128 at most; a stream may report every chunk as one.
    const EVENTS_MAX: usize = 32;
    const NAME: &str = "colloquy.events";
    if draft.events.is_empty() {
        return;
    }
    let events: Vec<Value> = std::mem::take(&mut draft.events)
        .into_iter()
        .take(EVENTS_MAX)
        .map(|event| {
            json!({
                "name": event.name,
                "time_unix_nano": event.time_ns,
                "attributes": event.attributes,
            })
        })
        .collect();
    draft.fields.put(NAME, Value::Array(events));
}

/// The last exception among the events, removed from them.
pub(crate) fn take_exception(events: &mut Vec<RawEvent>) -> Option<RawEvent> {
    let last = events
        .iter()
        .rposition(|event| event.name == "exception" && !event.attributes.is_empty())?;
    let exception = events.swap_remove(last);
    events.retain(|event| event.name != "exception");
    Some(exception)
}

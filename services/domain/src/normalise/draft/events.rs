//! Content and exceptions that stand in span events and log records of the same names.

use super::Draft;
use super::content::Best;
use super::reading::{Reading, is_told};
use crate::message::Role;
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

/// Offers what span events say beside what attributes said.
pub(super) fn read(draft: &mut Draft, input: &mut Best, output: &mut Best) {
    let spoken = spoken(draft);
    spoken
        .system
        .into_iter()
        .for_each(|value| draft.add_system(value));
    let mut asked = Reading::of_events(spoken.input, Role::User);
    if spoken.output.is_empty() && output.is_empty() {
        // A run of Azure's agents has its answer in an event of the assistant, and no choice.
        let (before, answer) = asked.split();
        asked = before;
        output.offer(answer);
    }
    input.offer(asked);
    output.offer(Reading::of_events(spoken.output, Role::Assistant));
}

/// Takes the events that say something out of the draft.
pub(super) fn spoken(draft: &mut Draft) -> Spoken {
    let mut spoken = Spoken::default();
    let mut others = Vec::new();
    for mut event in std::mem::take(&mut draft.events) {
        if !take(&event.name, &mut event.attributes, &mut spoken) {
            others.push(event);
        }
    }
    draft.events = others;
    spoken
}

/// Whether events of this name are those of a call's words.
pub(crate) fn is_content(name: &str) -> bool {
    name == DETAILS
        || NAMED.contains(&name)
        || matches!(
            name,
            "gen_ai.system.message"
                | "gen_ai.user.message"
                | "gen_ai.assistant.message"
                | "gen_ai.tool.message"
                | "gen_ai.choice"
                | "gen_ai.content.prompt"
                | "gen_ai.content.completion"
        )
}

/// Events of Azure's SDKs that are named like attributes.
const NAMED: [&str; 4] = [
    "gen_ai.input.messages",
    "gen_ai.conversation.item",
    "gen_ai.output.messages",
    "gen_ai.system.instructions",
];

/// Moves what an event or record says out of its attributes. False when it says nothing.
pub(crate) fn take(name: &str, attributes: &mut Attributes, spoken: &mut Spoken) -> bool {
    if !NAMED.contains(&name) {
        open_content(attributes, CONTENT);
        if is_content(name) {
            open_content(attributes, "body");
        }
    }
    match name {
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
            spoken.input.extend(attributes.remove(CONTENT));
        }
        "gen_ai.output.messages" => {
            spoken.output.extend(attributes.remove(CONTENT));
        }
        "gen_ai.system.instructions" => {
            spoken.system.extend(attributes.remove(CONTENT));
        }
        DETAILS => {
            details(attributes, spoken);
        }
        // Claude Code's log events.
        "claude_code.user_prompt" | "user_prompt" => {
            spoken.input.extend(attributes.remove("prompt"));
        }
        "claude_code.assistant_response" | "assistant_response" => {
            let keys = ["response", "content", "text"];
            let said = keys.iter().find_map(|key| attributes.remove(*key));
            spoken.output.extend(said);
        }
        _ => return details(attributes, spoken) || sides(attributes, spoken),
    }
    true
}

/// The attribute that holds the whole body of an event as JSON (Azure, Semantic Kernel).
const CONTENT: &str = "gen_ai.event.content";

/// Puts the fields of such a body beside the event's attributes.
fn open_content(attributes: &mut Attributes, key: &str) {
    let body = match attributes.get(key) {
        Some(Value::String(text)) => encoded::structure(text),
        Some(Value::Object(map)) => Some(Value::Object(map.clone())),
        _ => None,
    };
    if let Some(Value::Object(body)) = body {
        attributes.remove(key);
        attributes.extend(body);
    }
}

/// What the convention's names hold, on events of any name.
fn details(attributes: &mut Attributes, spoken: &mut Spoken) -> bool {
    const SYSTEM: [&str; 2] = [
        "gen_ai.system_instructions",
        "gen_ai.system_instructions_ref",
    ];
    const INPUT: [&str; 3] = [
        "gen_ai.input.messages",
        "gen_ai.input.messages_delta",
        "gen_ai.input.messages_ref",
    ];
    const OUTPUT: [&str; 2] = ["gen_ai.output.messages", "gen_ai.output.messages_ref"];
    let mut said = false;
    for (names, side) in [
        (&SYSTEM[..], &mut spoken.system),
        (&INPUT, &mut spoken.input),
        (&OUTPUT, &mut spoken.output),
    ] {
        let mut told = names.iter().filter_map(|name| {
            let value = attributes.remove(*name).filter(is_told)?;
            Some(match name.ends_with("_ref") {
                true => json!({"role": "", "parts": [{"type": "uri", "uri": value}]}),
                false => value,
            })
        });
        let first = told.next();
        told.for_each(drop);
        said |= first.is_some();
        side.extend(first);
    }
    said
}

/// A body that has both sides in it, as AWS's exporters write it: `{"input":{"messages":[…]},"output":{"messages":[…]}}`.
/// Events of other kinds have such keys too, so only what is plainly messages counts.
fn sides(attributes: &mut Attributes, spoken: &mut Spoken) -> bool {
    let mut said = false;
    for (keys, role, side) in [
        (&["input", "messages"][..], Role::User, &mut spoken.input),
        (&["output"], Role::Assistant, &mut spoken.output),
    ] {
        for key in keys {
            let Some(value) = attributes.remove(*key) else {
                continue;
            };
            let value = without_envelopes(value);
            match Reading::of(value.clone(), role, true) {
                Ok(reading) if !reading.turns.is_empty() => {
                    said = true;
                    side.push(value);
                }
                _ => {
                    attributes.insert((*key).to_owned(), value);
                }
            }
        }
    }
    said
}

/// Messages whose content is the body of the event that they came from: `{"role":…,"content":{"content":"[…]"}}`, or
/// `{"message":"[…]","finish_reason":…}`.
fn without_envelopes(mut value: Value) -> Value {
    let Some(Value::Array(messages)) = value.get_mut("messages") else {
        return value;
    };
    for message in messages.iter_mut().filter_map(Value::as_object_mut) {
        let Some(Value::Object(body)) = message.get_mut("content") else {
            continue;
        };
        let Some(inner) = ["content", "message"]
            .iter()
            .find_map(|key| body.remove(*key))
        else {
            continue;
        };
        let rest = std::mem::take(body);
        message.insert("content".into(), inner);
        for (key, value) in rest {
            message.entry(key).or_insert(value);
        }
    }
    value
}

/// A value that is a list of events, `{"event.name": "gen_ai.user.message", …}` (Logfire, Pydantic AI's version 1);
/// anything else is given back.
pub(super) fn of_list(value: Value) -> Result<Spoken, Value> {
    let parsed = match &value {
        Value::String(text) => encoded::structure(text),
        other => Some(other.clone()),
    };
    let Some(Value::Array(events)) = parsed else {
        return Err(value);
    };
    if !events.iter().any(|event| event.get("event.name").is_some()) {
        return Err(value);
    }
    let mut spoken = Spoken::default();
    for event in events {
        let Value::Object(mut event) = event else {
            continue;
        };
        match event.remove("event.name") {
            Some(Value::String(name)) => {
                take(&name, &mut event, &mut spoken);
            }
            _ => spoken.input.push(Value::Object(event)),
        }
    }
    Ok(spoken)
}

/// One message whose fields are the event's: `content`, `role`, `id`, `tool_calls`. Some SDKs write `content` as the
/// JSON text of a list of blocks, and Azure puts the whole message as JSON into `gen_ai.event.content`.
fn message(attributes: &mut Attributes, role: &str) -> Option<Value> {
    if let Some(text) = attributes.remove(CONTENT) {
        attributes.entry("content").or_insert(text);
    }
    let mut map = Map::new();
    for key in [
        "content",
        "id",
        "tool_call_id",
        "tool_calls",
        "name",
        "parts",
        "text",
    ] {
        if let Some(value) = attributes.remove(key) {
            map.insert(key.to_owned(), value);
        }
    }
    let role = match attributes.remove("role") {
        Some(Value::String(role)) if !role.is_empty() => role,
        _ => role.to_owned(),
    };
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

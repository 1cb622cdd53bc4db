//! What an object is: a message, an item, a turn of a history, or a wrapper around messages.

use super::sentences::is_sentence;
use super::wrappers::{self, HISTORY_KEYS, SYSTEM_KEYS};
use super::{finish, histories, items, parts, roles};
use crate::message::Role;
use crate::normalise::values::absent;
use serde_json::{Map, Value};

/// An object as far as it is understood.
pub(crate) enum Opened {
    /// A message with its role or body at the top.
    Message(Map<String, Value>),
    /// A part that stands as a message of its own.
    Item(Map<String, Value>),
    /// A turn as several messages.
    Turn(Vec<Value>),
    Inner(Inner),
    Unknown(Map<String, Value>),
}

/// A wrapper, opened: what stands before the messages, the messages, and what is known of them.
pub(crate) struct Inner {
    pub(crate) system: Option<Value>,
    pub(crate) history: Option<Value>,
    pub(crate) inner: Value,
    pub(crate) role: Option<Role>,
    pub(crate) finish_reason: Option<String>,
    /// Whether each item is an answer of its own.
    pub(crate) are_answers: bool,
    /// Whether what is within is a piece of a stream.
    pub(crate) is_delta: bool,
}

/// From where an object is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// What a model or agent gave back: JSON is its words unless it can only be a wrapper.
    pub(crate) is_answer: bool,
    /// Within what a provider wrapped, so that no key stands for itself.
    pub(crate) is_trusted: bool,
    /// Among others in a list.
    pub(crate) is_listed: bool,
    /// On a span that is neither a call nor an agent's: words without anybody who says them are data.
    pub(crate) is_strict: bool,
    depth: usize,
}

impl Look {
    /// Deepest look into wrappers to tell messages from other data.
    const DEPTH_MAX: usize = 8;

    pub(crate) fn of(role: Role) -> Self {
        Self::within(role, false)
    }

    pub(crate) fn within(role: Role, is_trusted: bool) -> Self {
        Self {
            is_answer: role == Role::Assistant,
            is_trusted,
            is_listed: false,
            is_strict: false,
            depth: 0,
        }
    }

    pub(crate) fn strictly(self) -> Self {
        Self {
            is_strict: true,
            ..self
        }
    }

    /// Whether a text under this key is said.
    pub(crate) fn are_words(self, key: &str) -> bool {
        // Hugging Face answers with a list of one.
        (!self.is_listed || key == "generated_text")
            && (!self.is_strict || matches!(key, "prompt" | "input" | "output"))
    }

    /// The keys that count. Of what a model was asked to write, a key without a value is one.
    pub(crate) fn keys(self, map: &Map<String, Value>) -> impl Iterator<Item = &str> {
        map.iter()
            .filter(move |(_, value)| self.is_answer || !absent::is_absent(value))
            .map(|(key, _)| key.as_str())
    }

    pub(crate) fn is_too_deep(self) -> bool {
        self.depth > Self::DEPTH_MAX
    }

    pub(crate) fn deeper(self) -> Self {
        Self {
            depth: self.depth + 1,
            is_listed: false,
            ..self
        }
    }

    pub(crate) fn listed(self) -> Self {
        Self {
            is_listed: true,
            depth: self.depth + 1,
            ..self
        }
    }
}

/// Whether a value has the shape of messages and cannot be mere data.
pub(crate) fn looks_like_messages(value: &Value, look: Look) -> bool {
    if look.is_too_deep() {
        return false;
    }
    match value {
        Value::Array(items) => {
            let mut said = items
                .iter()
                .filter(|item| !item.is_string() && !absent::is_absent(item));
            let is_part = |item: &Value| {
                parts::is_part(item) && (!look.is_answer || parts::has_no_other_keys(item))
            };
            let Some(first) = said.next() else {
                return false;
            };
            // An answer is messages from its beginning on; what a request holds beside messages is shown with them.
            looks_like_messages(first, look.listed())
                || is_part(first)
                || (!look.is_answer && said.any(|item| looks_like_messages(item, look.listed())))
        }
        Value::Object(map) => {
            is_message(map, look)
                || items::is_item(map)
                || is_constructor(map)
                || histories::is_turn(map)
                || wrappers::of(map, look).is_some()
                || is_sentence(map, look)
        }
        _ => false,
    }
}

/// Where the body of a message stands.
const BODIES: [&str; 16] = [
    "content",
    "parts",
    "contents",
    "blocks",
    "items",
    "Items",
    "Contents",
    "tool_calls",
    "toolCalls",
    "text",
    "Text",
    "completion",
    "message",
    "refusal",
    "function_call",
    "audio",
];

/// What a message has beside role and body. An unknown role with other keys is data.
const BESIDE: [&str; 36] = [
    "role",
    "name",
    "id",
    "type",
    "kind",
    "status",
    "index",
    "created_at",
    "createdAt",
    "timestamp",
    "metadata",
    "additional_kwargs",
    "response_metadata",
    "usage_metadata",
    "usage",
    "model",
    "finish_reason",
    "finishReason",
    "stop_reason",
    "stopReason",
    "reasoning",
    "reasoning_content",
    "thinking",
    "tool_call_id",
    "toolCallId",
    "annotations",
    "author",
    "agent",
    "sender",
    "source",
    "images",
    "attachments",
    "cache_control",
    "thread_id",
    "example",
    "gen_ai.message.index",
];

pub(crate) fn is_message(map: &Map<String, Value>, look: Look) -> bool {
    let has_body = BODIES.iter().any(|key| map.contains_key(*key));
    let has_role = absent::has(map, "role") || absent::has(map, "Role");
    match roles::of(map) {
        Some(roles::Speaker::Known(_)) if has_role => {
            // Such as `{"role":"assistant"}`, whose content was not captured.
            has_body || map.contains_key("function_call_name") || absent::keys(map).count() <= 2
        }
        Some(roles::Speaker::Unknown(_)) => {
            has_body
                && (look.is_trusted
                    || absent::keys(map).all(|key| BODIES.contains(&key) || BESIDE.contains(&key)))
        }
        Some(roles::Speaker::Known(_)) => {
            has_body
                || map
                    .get("data")
                    .is_some_and(|data| absent::has_any_in(data, &BODIES))
        }
        // .NET's classes.
        None if has_role => has_body,
        None => has_body && map.get("type").and_then(Value::as_str) == Some("message"),
    }
}

/// Whether an object has words, calls or thoughts of its own.
pub(crate) fn has_body(map: &Map<String, Value>) -> bool {
    absent::has_any(map, &BODIES)
}

pub(crate) fn is_constructor(map: &Map<String, Value>) -> bool {
    map.contains_key("lc") && map.get("kwargs").is_some_and(Value::is_object)
}

/// Whether all items are parts, so that they are the body of one message.
pub(crate) fn is_body(items: &[Value]) -> bool {
    let is_response_item = |item: &Value| {
        item.as_object()
            .is_some_and(|map| items::is_item(map) && !map.contains_key("content"))
    };
    let mut said = items.iter().filter(|item| !item.is_null());
    said.clone().all(parts::is_part) && !said.clone().all(is_response_item)
        || (!items.is_empty() && said.all(is_langchain_call))
}

/// LangChain's tool node is given bare calls: `{"name":…,"args":…,"id":…,"type":"tool_call"}`.
fn is_langchain_call(item: &Value) -> bool {
    item.as_object()
        .is_some_and(|map| map.contains_key("args") && map.contains_key("name"))
}

/// Takes one layer off an object.
pub(crate) fn open(mut map: Map<String, Value>, look: Look) -> Opened {
    if is_constructor(&map) {
        return constructor(map);
    }
    if items::is_item(&map) {
        return Opened::Item(map);
    }
    if histories::is_turn(&map) {
        return Opened::Turn(histories::messages(map));
    }
    if is_message(&map, look) {
        return match map.remove("data") {
            // LangChain's stored form: {"type":"human","data":{"content":…}}.
            Some(Value::Object(mut data)) => {
                if let Some(kind) = map.remove("type") {
                    data.insert("type".into(), kind);
                }
                Opened::Message(data)
            }
            _ => opened_message(map, look),
        };
    }
    if let Some(wrapper) = wrappers::of(&map, look) {
        return Opened::Inner(opened(map, wrapper, look));
    }
    let is_words = is_sentence(&map, look)
        || (look.is_listed
            && absent::has_any(&map, &BODIES)
            && absent::keys(&map).all(|key| BODIES.contains(&key) || BESIDE.contains(&key)));
    if is_words {
        return Opened::Message(map);
    }
    Opened::Unknown(map)
}

/// A message whose body is a message itself (Claude Agent SDK: `{"type":"assistant","message":{"role":…}}`).
fn opened_message(mut map: Map<String, Value>, look: Look) -> Opened {
    let has_inner = map
        .get("message")
        .and_then(Value::as_object)
        .is_some_and(|inner| is_message(inner, look));
    if has_inner && let Some(Value::Object(inner)) = map.remove("message") {
        return Opened::Message(inner);
    }
    Opened::Message(map)
}

fn constructor(mut map: Map<String, Value>) -> Opened {
    let class = map
        .get("id")
        .and_then(Value::as_array)
        .and_then(|path| path.last())
        .and_then(Value::as_str)
        .map(str::to_owned);
    match map.remove("kwargs") {
        Some(Value::Object(mut inner)) => {
            if let Some(class) = class.filter(|_| roles::of(&inner).is_none()) {
                inner.insert("type".into(), class.into());
            }
            Opened::Message(inner)
        }
        _ => Opened::Unknown(map),
    }
}

fn opened(mut map: Map<String, Value>, wrapper: &wrappers::Wrapper, look: Look) -> Inner {
    let finish_reason = finish::of_message(&map);
    let inner = map.remove(wrapper.key).unwrap_or_default();
    let (mut system, mut history) = (None, None);
    if !look.is_answer {
        system = absent::take(&mut map, &SYSTEM_KEYS).or_else(|| match map.remove("config") {
            // Gemini's request: {"contents":…,"config":{"system_instruction":…}}.
            Some(Value::Object(mut config)) => absent::take(&mut config, &SYSTEM_KEYS),
            _ => None,
        });
        history = absent::take(&mut map, &HISTORY_KEYS)
            .filter(|history| looks_like_messages(history, look.deeper()));
    }
    Inner {
        system,
        history,
        inner,
        role: wrapper.role,
        finish_reason,
        are_answers: wrapper.holds_answers(),
        is_delta: wrapper.key == "delta",
    }
}

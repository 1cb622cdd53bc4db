//! Objects around messages: requests, responses, states and results, and which of their keys belong to them.
//!
//! A wrapper is opened only where it has no other keys than a wrapper's. `{"output":"approve","score":0.9}` is what a
//! model was asked to write, and is shown whole.

mod tables;

use super::sentences::is_sentence;
use super::shapes::{Look, is_constructor, is_message, looks_like_messages};
use crate::message::Role;
use crate::normalise::values::{absent, json};
use serde_json::{Map, Value};
pub(crate) use tables::{HISTORY_KEYS, SYSTEM_KEYS};
use tables::{REQUEST, RESPONSE, WRAPPERS};

/// What a wrapper holds under its key.
#[derive(Clone, Copy, PartialEq)]
enum Holds {
    /// Messages with roles, or other wrappers of such.
    Messages,
    /// Answers of a model, each perhaps one of several.
    Answers,
    /// One message, or one without a role.
    Message,
    /// Words of an answer, or messages.
    Answer,
    /// Words of a question, or messages.
    Question,
    /// A request or the arguments of a function, as an object.
    Request,
}

pub(crate) struct Wrapper {
    pub(crate) key: &'static str,
    /// The role that its content has by default.
    pub(crate) role: Option<Role>,
    holds: Holds,
    /// Keys beside it that belong to it alone.
    beside: &'static [&'static str],
}

impl Wrapper {
    pub(crate) fn holds_answers(&self) -> bool {
        self.holds == Holds::Answers
    }
}

/// The wrapper that an object is, as far as `look` allows to open it.
pub(crate) fn of(map: &Map<String, Value>, look: Look) -> Option<&'static Wrapper> {
    if look.is_too_deep() {
        return None;
    }
    WRAPPERS.iter().find(|wrapper| {
        absent::get(map, wrapper.key)
            .is_some_and(|inner| holds(wrapper, inner, look) && stands_alone(wrapper, map, look))
    })
}

fn holds(wrapper: &Wrapper, inner: &Value, look: Look) -> bool {
    let deeper = look.deeper();
    match (wrapper.holds, inner) {
        (Holds::Answers, Value::Array(items)) => items
            .iter()
            .all(|item| item.is_object() || item.is_array() || item.is_null()),
        (Holds::Answers, _) => false,
        (Holds::Message, Value::Object(inner)) => {
            is_constructor(inner) || is_message(inner, deeper) || is_sentence(inner, deeper)
        }
        (Holds::Message, Value::Array(_)) => {
            wrapper.key == "content" && looks_like_messages(inner, deeper)
        }
        (Holds::Message, _) => false,
        // The text of a completion, of a request by the Responses API, of an agent's run.
        (Holds::Answer, inner) if are_words(inner) => look.are_words(wrapper.key),
        (Holds::Question, inner) if are_words(inner) => {
            look.are_words(wrapper.key) && !look.is_answer
        }
        (Holds::Request, inner) => {
            !look.is_answer && inner.is_object() && looks_like_messages(inner, deeper)
        }
        (Holds::Messages, Value::Array(_)) => has_speaker(inner, deeper),
        (_, inner) => looks_like_messages(inner, deeper),
    }
}

/// A text, or a list of texts.
fn are_words(value: &Value) -> bool {
    match value {
        Value::String(_) => true,
        Value::Array(items) => items.iter().all(|item| item.is_string() || item.is_null()),
        _ => false,
    }
}

/// Whether nothing stands beside the wrapper's key that is not a wrapper's.
fn stands_alone(wrapper: &Wrapper, map: &Map<String, Value>, look: Look) -> bool {
    if look.is_trusted || is_envelope(map) {
        return true;
    }
    let inner = &map[wrapper.key];
    let is_words = are_words(inner);
    let is_known = |key: &str| {
        let shared: &[&str] = match wrapper.holds {
            Holds::Question | Holds::Request => &REQUEST,
            Holds::Messages if !look.is_answer => &REQUEST,
            _ => &RESPONSE,
        };
        key == wrapper.key
            || key.starts_with('_')
            || wrapper.beside.contains(&key)
            || shared.contains(&key)
            || (!is_words && matches!(key, "id" | "type" | "role"))
            || (!look.is_answer && (SYSTEM_KEYS.contains(&key) || HISTORY_KEYS.contains(&key)))
    };
    // In requests and states whatever an application keeps stands beside messages.
    look.keys(map).all(is_known)
        || is_langchain(inner)
        || (!look.is_answer && has_speaker(inner, look.deeper()))
}

/// Whether an object can only be a provider's response, whatever else stands in it.
fn is_envelope(map: &Map<String, Value>) -> bool {
    const OBJECTS: [&str; 5] = [
        "response",
        "chat.completion",
        "chat.completion.chunk",
        "text_completion",
        "message",
    ];
    let counts_tokens = |usage: &Value| {
        usage.as_object().is_some_and(|usage| {
            usage
                .keys()
                .any(|key| key.to_ascii_lowercase().contains("token"))
        })
    };
    // Ollama.
    let is_done = map.get("done").is_some_and(Value::is_boolean) && absent::has(map, "model");
    is_done
        || ["usage", "usage_metadata", "usageMetadata"]
            .iter()
            .any(|key| map.get(*key).is_some_and(counts_tokens))
        || map
            .get("object")
            .and_then(Value::as_str)
            .is_some_and(|object| OBJECTS.contains(&object))
        || map.contains_key("llm_output")
}

/// Whether an object tells of a request no more than how it was made.
pub(crate) fn is_bare_request(map: &Map<String, Value>) -> bool {
    absent::keys(map).all(|key| REQUEST.contains(&key) || RESPONSE.contains(&key))
}

/// Whether an object tells of a response no more than how it came about.
pub(crate) fn is_bare_response(map: &Map<String, Value>) -> bool {
    absent::keys(map).all(|key| RESPONSE.contains(&key))
}

/// Whether messages are among what a value holds, so that somebody speaks.
fn has_speaker(value: &Value, look: Look) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| has_speaker(item, look)),
        Value::Object(map) => {
            is_message(map, look)
                || is_constructor(map)
                || super::items::is_item(map)
                || super::histories::is_turn(map)
                || of(map, look.listed()).is_some()
        }
        Value::String(text) => {
            json::structure(text).is_some_and(|inner| looks_like_messages(&inner, look))
        }
        _ => false,
    }
}

/// LangChain's messages, which no model is asked to write.
fn is_langchain(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(is_langchain),
        Value::Object(map) => {
            is_constructor(map)
                || map.contains_key("additional_kwargs")
                || map.contains_key("response_metadata")
        }
        _ => false,
    }
}

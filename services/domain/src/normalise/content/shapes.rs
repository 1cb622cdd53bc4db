//! What an object is: a message, an item, or a wrapper around messages.

use super::{finish, parts, tool_parts};
use crate::message::{Part, Role};
use crate::normalise::values::json;
use serde_json::{Map, Value};

/// An object as far as it is understood.
pub(crate) enum Opened {
    /// A message with its role or body at the top.
    Message(Map<String, Value>),
    /// A part that stands as a message of its own.
    Item(Map<String, Value>),
    /// A wrapper, opened: system instructions beside the messages, the messages, and what is known of them.
    Inner {
        before: Option<Value>,
        inner: Value,
        role: Option<Role>,
        finish_reason: Option<String>,
    },
    Unknown(Map<String, Value>),
}

/// Wrappers told by a key, in order of precedence: the key, and the role that its content has by default.
const WRAPPERS: [(&str, Option<Role>); 15] = [
    ("messages", None),
    ("items", None),
    ("contents", None),
    ("choices", Some(Role::Assistant)),
    ("generations", Some(Role::Assistant)),
    ("candidates", Some(Role::Assistant)),
    ("message", None),
    ("delta", None),
    ("update", None),
    ("output", Some(Role::Assistant)),
    ("input", None),
    ("prompt", None),
    ("inputs", None),
    ("outputs", Some(Role::Assistant)),
    // Gemini's response: {"content":{"parts":…,"role":"model"},…}.
    ("content", None),
];

/// Where a system prompt stands beside the messages.
const SYSTEM_KEYS: [&str; 5] = [
    "system",
    "instructions",
    "system_instruction",
    "systemInstruction",
    "system_prompt",
];

/// Deepest look into wrappers to tell messages from other data.
const LOOK_DEPTH_MAX: usize = 8;

/// The role that a name stands for.
pub(crate) fn role(name: &str) -> Option<Role> {
    Some(match name.to_ascii_lowercase().as_str() {
        "system" | "developer" | "systemmessage" | "systemmessagechunk" => Role::System,
        "user" | "human" | "humanmessage" | "humanmessagechunk" => Role::User,
        "assistant" | "ai" | "model" | "bot" | "aimessage" | "aimessagechunk" => Role::Assistant,
        "tool" | "function" | "ipython" | "toolmessage" | "toolmessagechunk"
        | "functionmessage" => Role::Tool,
        _ => return None,
    })
}

/// The role of a message, told by `role`, or by LangChain's `type`.
pub(crate) fn role_of(map: &Map<String, Value>) -> Option<Role> {
    ["role", "type"]
        .iter()
        .find_map(|key| role(map.get(*key)?.as_str()?))
}

/// Whether a value has the shape of messages and cannot be mere data.
pub(crate) fn is_messages(value: &Value) -> bool {
    looks_like_messages(value, 0)
}

fn looks_like_messages(value: &Value, depth: usize) -> bool {
    if depth > LOOK_DEPTH_MAX {
        return false;
    }
    match value {
        Value::Array(items) => items
            .iter()
            .find(|item| !item.is_null() && !item.is_string())
            .is_some_and(|item| looks_like_messages(item, depth + 1) || parts::is_part(item)),
        Value::Object(map) => {
            is_message(map)
                || is_item(map)
                || is_constructor(map)
                || wrapper_of(map, depth).is_some()
        }
        _ => false,
    }
}

/// Where the body of a message stands.
const BODIES: [&str; 7] = [
    "content",
    "parts",
    "contents",
    "tool_calls",
    "toolCalls",
    "text",
    "completion",
];

fn is_message(map: &Map<String, Value>) -> bool {
    let has_body = BODIES.iter().any(|key| map.contains_key(*key));
    match map.get("role") {
        Some(Value::String(_)) => {
            // Such as `{"role":"assistant"}`, whose content was not captured.
            has_body
                || map.contains_key("function_call_name")
                || (map.len() <= 2 && role_of(map).is_some())
        }
        _ => {
            let is_typed = map.get("type").and_then(Value::as_str).is_some_and(|kind| {
                kind == "message" || (kind != "function" && role(kind).is_some())
            });
            is_typed && (has_body || map.get("data").is_some_and(Value::is_object))
        }
    }
}

fn is_item(map: &Map<String, Value>) -> bool {
    const ITEMS: [&str; 7] = [
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "reasoning",
        "tool_call",
        "tool_call_response",
    ];
    let kind = map.get("type").and_then(Value::as_str);
    kind.is_some_and(|kind| ITEMS.contains(&kind)) || is_provider_item(map)
}

/// An item of the Responses API about what the provider did by itself, what it asked the client to do with a tool of its
/// own, or what it keeps.
fn is_provider_item(map: &Map<String, Value>) -> bool {
    const ITEMS: [&str; 17] = [
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "mcp_call",
        "mcp_list_tools",
        "mcp_approval_request",
        "computer_call",
        "computer_call_output",
        "local_shell_call",
        "local_shell_call_output",
        "shell_call",
        "shell_call_output",
        "apply_patch_call",
        "apply_patch_call_output",
        "compaction",
        "item_reference",
    ];
    let kind = map.get("type").and_then(Value::as_str);
    kind.is_some_and(|kind| ITEMS.contains(&kind))
        && ["id", "call_id", "encrypted_content"]
            .iter()
            .any(|key| map.contains_key(*key))
}

fn is_constructor(map: &Map<String, Value>) -> bool {
    map.contains_key("lc") && map.get("kwargs").is_some_and(Value::is_object)
}

fn wrapper_of(map: &Map<String, Value>, depth: usize) -> Option<(&'static str, Option<Role>)> {
    WRAPPERS.into_iter().find(|(key, _)| {
        map.get(*key).is_some_and(|inner| match inner {
            // The text of a completion, of a request by the Responses API, of an agent's run.
            Value::String(_) => matches!(*key, "prompt" | "input" | "output"),
            Value::Object(inner) if matches!(*key, "message" | "delta") => {
                is_message(inner)
                    || is_constructor(inner)
                    || BODIES.iter().any(|body| inner.contains_key(*body))
            }
            Value::Array(items) if matches!(*key, "choices" | "generations" | "candidates") => {
                !items.is_empty()
            }
            inner => looks_like_messages(inner, depth + 1),
        })
    })
}

/// Whether all items are parts, so that they are the body of one message.
pub(crate) fn is_body(items: &[Value]) -> bool {
    let is_response_item = |item: &Value| {
        item.as_object()
            .is_some_and(|map| is_item(map) && !map.contains_key("content"))
    };
    items.iter().all(parts::is_part) && !items.iter().all(is_response_item)
        || (!items.is_empty() && items.iter().all(is_langchain_call))
}

/// LangChain's tool node is given bare calls: `{"name":…,"args":…,"id":…,"type":"tool_call"}`.
fn is_langchain_call(item: &Value) -> bool {
    item.as_object()
        .is_some_and(|map| map.contains_key("args") && map.contains_key("name"))
}

/// Whether a value is a part that holds a tool's result (or, in some tool spans, its call), or a list of such.
pub(crate) fn are_tool_parts(value: &Value) -> bool {
    const KINDS: [&str; 9] = [
        "tool_call_response",
        "tool-error",
        "tool_error",
        "tool-result",
        "tool_result",
        "function_call_output",
        "function_response",
        "tool_call",
        "tool-call",
    ];
    const KEYS: [&str; 4] = [
        "functionResponse",
        "function_response",
        "toolResult",
        "toolResponse",
    ];
    match value {
        Value::Array(items) => {
            !items.is_empty()
                && items
                    .iter()
                    .all(|item| item.is_object() && are_tool_parts(item))
        }
        Value::Object(map) => {
            map.get("type")
                .and_then(Value::as_str)
                .is_some_and(|kind| KINDS.contains(&kind))
                || KEYS.iter().any(|key| map.contains_key(*key))
        }
        _ => false,
    }
}

/// Takes one layer off an object.
pub(crate) fn open(mut map: Map<String, Value>) -> Opened {
    if is_constructor(&map) {
        return constructor(map);
    }
    if is_item(&map) {
        return Opened::Item(map);
    }
    if is_message(&map) {
        return match map.remove("data") {
            // LangChain's stored form: {"type":"human","data":{"content":…}}.
            Some(Value::Object(mut data)) => {
                if let Some(kind) = map.remove("type") {
                    data.insert("type".into(), kind);
                }
                Opened::Message(data)
            }
            _ => Opened::Message(map),
        };
    }
    wrapper(map)
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
            if let Some(class) = class.filter(|_| role_of(&inner).is_none()) {
                inner.insert("type".into(), class.into());
            }
            Opened::Message(inner)
        }
        _ => Opened::Unknown(map),
    }
}

fn wrapper(mut map: Map<String, Value>) -> Opened {
    let finish_reason = finish::of_message(&map);
    if let Some((key, role)) = wrapper_of(&map, 0) {
        let inner = map.remove(key).unwrap_or_default();
        let before = SYSTEM_KEYS
            .iter()
            .find_map(|key| map.remove(*key))
            .or_else(|| match map.remove("config") {
                // Gemini's request: {"contents":…,"config":{"system_instruction":…}}.
                Some(Value::Object(mut config)) => {
                    SYSTEM_KEYS.iter().find_map(|key| config.remove(*key))
                }
                _ => None,
            })
            .filter(|system| key != "output" && !system.is_null());
        return Opened::Inner {
            before,
            inner,
            role,
            finish_reason,
        };
    }
    if BODIES.iter().any(|key| map.contains_key(*key)) {
        return Opened::Message(map);
    }
    Opened::Unknown(map)
}

/// Whether the SDK printed `None` where a field was empty.
pub(crate) fn prints_none(map: &Map<String, Value>) -> bool {
    ["refusal", "tool_calls", "function_call", "audio"]
        .iter()
        .any(|key| map.get(*key).and_then(Value::as_str) == Some("None"))
}

/// Takes the calls that stand beside the body of a message.
pub(crate) fn take_calls(map: &mut Map<String, Value>) -> Vec<Part> {
    let mut calls = Vec::new();
    let listed = ["tool_calls", "toolCalls"]
        .iter()
        .find_map(|key| map.remove(*key).filter(|value| !is_empty(value)))
        .or_else(|| {
            let more = map.get_mut("additional_kwargs")?.as_object_mut()?;
            more.remove("tool_calls")
        });
    let mut pending = match listed {
        Some(Value::String(text)) => json::structure(&text),
        listed => listed,
    };
    match pending.take() {
        Some(Value::Array(items)) => {
            calls.extend(items.into_iter().filter_map(|item| match item {
                Value::Object(call) => tool_parts::tool_call(call),
                Value::String(text) => match json::structure(&text) {
                    Some(Value::Object(call)) => tool_parts::tool_call(call),
                    _ => None,
                },
                _ => None,
            }))
        }
        // Sentry's Python SDK unpacks a list of one.
        Some(Value::Object(call)) => calls.extend(tool_parts::tool_call(call)),
        _ => {}
    }
    calls.extend(tool_parts::invalid_calls(map));
    if let Some(Value::Object(call)) = map.remove("function_call") {
        calls.extend(tool_parts::tool_call(call));
    }
    if let Some(name) = map.remove("function_call_name") {
        let mut call = Map::new();
        call.insert("name".into(), name);
        if let Some(arguments) = map.remove("function_call_arguments_json") {
            call.insert("arguments".into(), arguments);
        }
        calls.extend(tool_parts::tool_call(call));
    }
    calls
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::String(text) => json::is_nothing(text),
        _ => false,
    }
}

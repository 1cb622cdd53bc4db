//! Items that stand as messages of their own: those of OpenAI's Responses API, and what others have like them.

use super::kinds::{self, Kind};
use super::parts;
use crate::message::{Part, Role};
use crate::normalise::values::absent;
use serde_json::{Map, Value};

const TYPES: [&str; 7] = [
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "reasoning",
    "tool_call",
    "tool_call_response",
];

/// How the types of items end that are about tools of the provider, or about what it keeps, and whose they are: the
/// model's, or nobody's, since neither wrote them.
const ENDINGS: [(&str, Role); 8] = [
    ("_call", Role::Assistant),
    ("_list_tools", Role::Assistant),
    ("_approval_request", Role::Assistant),
    ("compaction", Role::Assistant),
    ("_approval_response", Role::Other),
    ("_call_output", Role::Other),
    // To what the model said, kept by the provider.
    ("item_reference", Role::Assistant),
    ("compaction_trigger", Role::Other),
];

/// What such an item has beside its type. Data of other kinds have types too.
const IDS: [&str; 4] = ["id", "call_id", "approval_request_id", "encrypted_content"];

pub(crate) fn is_item(map: &Map<String, Value>) -> bool {
    let Some(kind) = map.get("type").and_then(Value::as_str) else {
        return false;
    };
    TYPES.contains(&kind) || (owner(kind).is_some() && absent::has_any(map, &IDS))
}

fn owner(kind: &str) -> Option<Role> {
    let found = ENDINGS.iter().find(|(ending, _)| kind.ends_with(ending));
    found.map(|(_, role)| *role)
}

/// Reads an item: its parts, and whose they are.
pub(crate) fn read(map: Map<String, Value>, default_role: Role) -> (Role, Vec<Part>) {
    let by_type = map.get("type").and_then(Value::as_str).and_then(owner);
    let mut body = Vec::new();
    parts::read_body(Value::Object(map), &mut body);
    let role = match body.first() {
        Some(Part::ToolResult { .. }) => Role::Tool,
        Some(Part::ToolCall { .. } | Part::Reasoning { .. }) => Role::Assistant,
        // What the provider did by itself is part of its answer.
        Some(Part::Other { .. }) => by_type.unwrap_or(match default_role {
            Role::Assistant => Role::Assistant,
            _ => Role::Other,
        }),
        _ => default_role,
    };
    (role, body)
}

/// Whether a value is a list of whole calls, with ids and names.
pub(crate) fn are_calls(value: &Value) -> bool {
    let is_call = |item: &Value| {
        let kind = item.get("type").and_then(Value::as_str).and_then(Kind::of);
        kind == Some(Kind::ToolCall) && parts::is_part(item)
    };
    let items = value.as_array();
    items.is_some_and(|items| !items.is_empty() && items.iter().all(is_call))
}

/// Whether a value is a part that holds a tool's result (or, in some tool spans, its call), or a list of such.
pub(crate) fn are_tool_parts(value: &Value) -> bool {
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
            kinds::of(map).is_some_and(|kind| {
                Kind::of(kind) == Some(Kind::ToolResult)
                    || matches!(kind, "tool_call" | "tool-call")
            }) || absent::has_any(map, &KEYS)
                // AutoGen.
                || (absent::has(map, "call_id") && map.contains_key("content"))
        }
        _ => false,
    }
}

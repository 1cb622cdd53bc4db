//! The wrappers that SDKs put around the result of a tool, and what their own keys say of how the tool ended. A key of the
//! same name in the result itself says nothing: `{"status": "error", "order": 7}` is what a shop answered.

use crate::normalise::values::json;
use crate::span::Outcome;
use serde_json::{Map, Value};

/// What a wrapper, or a part of a message that holds a result, says of how the tool ended.
pub(crate) fn outcome(map: &Map<String, Value>) -> Outcome {
    let text = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default();
    let flag = |key: &str| match map.get(key) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    };
    let is_error = flag("isError")
        || flag("is_error")
        // LangChain, Bedrock; Pydantic AI.
        || matches!(text("status"), "error" | "failed")
        || text("outcome") == "failed"
        || is_error_type(text("type"))
        // LangChain keeps its fields one level below.
        || ["data", "kwargs"].iter().any(|key| {
            let inner = map.get(*key).and_then(|inner| inner.get("status"));
            inner.and_then(Value::as_str) == Some("error")
        });
    match (is_error, map.contains_key("__interrupt__")) {
        (true, _) => Outcome::Failed,
        (false, true) => Outcome::Paused,
        (false, false) => Outcome::Done,
    }
}

/// AI SDK and Anthropic's server tools name failures by a type.
fn is_error_type(kind: &str) -> bool {
    matches!(
        kind,
        "error-text" | "error-json" | "tool-error" | "tool_error"
    ) || is_bare_error(kind)
}

/// The type of a failure that stands without a wrapper: `{"type":"web_search_tool_result_error","error_code":…}`.
pub(crate) fn is_bare_error(kind: &str) -> bool {
    kind.ends_with("_tool_result_error")
}

/// Whether a value is no result but a human's answer to the question whether the tool may run (AI SDK, OpenAI, Agent
/// Framework).
pub(crate) fn is_approval(value: &Value) -> bool {
    let is_one = |value: &Value| {
        let kind = value.get("type").and_then(Value::as_str);
        kind.is_some_and(|kind| kind.contains("approval"))
    };
    match value {
        Value::Array(items) => !items.is_empty() && items.iter().all(is_one),
        other => is_one(other),
    }
}

/// Takes one wrapper off; gives the map back when it is none.
pub(crate) fn without(mut map: Map<String, Value>) -> Result<Value, Map<String, Value>> {
    let kind = map.get("type").and_then(Value::as_str).unwrap_or_default();
    let inner = match kind {
        // LangChain: {"type":"tool","data":{"content":…}} or {"type":"tool","content":…}.
        "tool" if map.contains_key("data") => {
            let content = map.get_mut("data").and_then(|data| data.get_mut("content"));
            return match content.map(Value::take) {
                Some(content) => Ok(content),
                None => Err(map),
            };
        }
        "tool" | "ToolMessage" if map.contains_key("content") => Some("content"),
        // LangChain's serialised constructor.
        "constructor" if map.contains_key("kwargs") => Some("kwargs"),
        // AI SDK.
        "json" | "text" | "content" | "error-text" | "error-json" if map.contains_key("value") => {
            Some("value")
        }
        "tool-error" | "tool_error" => ["error", "message", "content", "value"]
            .into_iter()
            .find(|key| map.contains_key(*key)),
        "tool-result" | "function_call_output" if map.contains_key("output") => Some("output"),
        "tool_result" if map.contains_key("content") => Some("content"),
        _ => sole_wrapper(&map),
    };
    match inner.and_then(|key| map.remove(key)) {
        Some(value) => Ok(value),
        None => Err(map),
    }
}

/// A wrapper that is told by its only key, or by what stands beside it.
fn sole_wrapper(map: &Map<String, Value>) -> Option<&'static str> {
    if map.len() == 1 {
        let sole = [
            "result",
            "output",
            "response",
            "toolResult",
            "tool_result",
            "__interrupt__",
        ];
        if let Some(key) = sole.into_iter().find(|key| map.contains_key(*key)) {
            return Some(key);
        }
    }
    if is_mcp(map) {
        let is_empty = |content: &Value| content.as_array().is_some_and(Vec::is_empty);
        let structured = ["structuredContent", "structured_content"];
        let structured = structured
            .into_iter()
            .find(|key| map.get(*key).is_some_and(|value| !value.is_null()));
        return match map.get("content") {
            Some(content) if !is_empty(content) => Some("content"),
            _ => structured.or(Some("content")),
        };
    }
    if is_bedrock(map) {
        return Some("content");
    }
    // LangChain's constructor arguments, Bedrock ({"toolUseId":…,"status":"success","content":[…]}), AI SDK without a type.
    let names_call = [
        "tool_call_id",
        "toolUseId",
        "tool_use_id",
        "toolCallId",
        "toolName",
    ];
    let is_message = names_call.iter().any(|key| map.contains_key(*key));
    ["content", "output", "result"]
        .into_iter()
        .find(|key| is_message && map.contains_key(*key))
}

/// MCP's CallToolResult: `content` with its flag or its structured twin, and nothing else; or blocks that each have a type.
fn is_mcp(map: &Map<String, Value>) -> bool {
    const KEYS: [&str; 8] = [
        "content",
        "isError",
        "is_error",
        "structuredContent",
        "structured_content",
        "_meta",
        "meta",
        "data",
    ];
    let Some(Value::Array(blocks)) = map.get("content") else {
        return false;
    };
    let is_block = |block: &Value| {
        let kind = block.get("type").and_then(Value::as_str);
        matches!(
            kind,
            Some("text" | "image" | "audio" | "resource" | "resource_link")
        )
    };
    map.keys().all(|key| KEYS.contains(&key.as_str()))
        && blocks.iter().all(is_block)
        && (map.len() > 1 || !blocks.is_empty())
}

/// Bedrock's ToolResult without the id of its call, as Strands hands it on.
fn is_bedrock(map: &Map<String, Value>) -> bool {
    const BLOCKS: [&str; 5] = ["text", "json", "image", "document", "video"];
    let is_block = |block: &Value| {
        let block = block.as_object().filter(|block| block.len() == 1);
        block.is_some_and(|block| BLOCKS.iter().any(|key| block.contains_key(*key)))
    };
    let status = map.get("status").and_then(Value::as_str);
    map.len() == 2
        && matches!(status, Some("success" | "error"))
        && matches!(map.get("content"), Some(Value::Array(blocks)) if blocks.iter().all(is_block))
}

/// A wrapper as Python prints it: LangChain's `content='…' name='…' tool_call_id='…' status='error'`, and of MCP's
/// `meta=None content=[TextContent(…)] isError=True` the flag.
pub(crate) fn printed(text: &str) -> Option<(Value, Outcome)> {
    let text = text.trim();
    if text.starts_with("meta=") && text.contains(" content=[") && text.ends_with("isError=True") {
        return Some((Value::String(text.to_owned()), Outcome::Failed));
    }
    let rest = text.strip_prefix("content=")?;
    let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let mut is_escaped = false;
    let end = rest.char_indices().skip(1).find(|(_, c)| {
        let is_end = *c == quote && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        is_end
    });
    let (content, fields) = rest.split_at(end?.0 + 1);
    if !fields.starts_with(' ') || !fields.contains(" tool_call_id='") {
        return None;
    }
    let content = match json::structure(&format!("[{content}]"))? {
        Value::Array(mut items) => items.pop()?,
        _ => return None,
    };
    let outcome = if fields.contains(" status='error'") {
        Outcome::Failed
    } else {
        Outcome::Done
    };
    Some((content, outcome))
}

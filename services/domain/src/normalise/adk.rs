//! Google's Agent Development Kit: 2.x follows the convention, 1.x has Gemini's requests as JSON.

use super::dialect::{Dialect, Names};
use super::draft::Draft;
use super::fields::Fields;
use super::json;
use crate::span::Operation;
use serde_json::Value;

pub(super) static DIALECT: Dialect = Dialect {
    label: "adk",
    names: &Names {
        tool_arguments: &[
            "gen_ai.tool.call.arguments",
            "gcp.vertex.agent.tool_call_args",
        ],
        tool_result: &["gen_ai.tool.call.result", "gcp.vertex.agent.tool_response"],
        response_id: &["gen_ai.response.id"],
        ..Names::NONE
    },
    operation: read_operation,
    content: read_content,
};

/// Attributes for tools that ran side by side, reported once more together: not a tool of its own.
const MERGED: &str = "(merged tools)";

/// What 1.x writes where the other side does not exist.
const EMPTY: &str = "{}";

fn read_operation(fields: &Fields, name: &str) -> Option<Operation> {
    if fields.str("gen_ai.tool.name") == Some(MERGED) || name.ends_with(MERGED) {
        return Some(Operation::Other);
    }
    if fields.has("gen_ai.operation.name") {
        return None;
    }
    match name {
        "call_llm" => Some(Operation::Chat),
        name if name.starts_with("agent_run") => Some(Operation::InvokeAgent),
        name if name.starts_with("execute_tool") => Some(Operation::ExecuteTool),
        _ => Some(Operation::Other),
    }
}

fn read_content(draft: &mut Draft) {
    let request = draft.fields.take("gcp.vertex.agent.llm_request");
    let response = draft.fields.take("gcp.vertex.agent.llm_response");
    let is_told = |value: &Value| value.as_str().is_none_or(|text| text.trim() != EMPTY);
    if draft.operation == Operation::ExecuteTool {
        return;
    }
    if let Some(request) = request.filter(is_told) {
        draft.add_input(request);
    }
    let Some(response) = response.filter(is_told) else {
        return;
    };
    let response = match response {
        Value::String(text) => match json::structure(&text) {
            Some(structure) => structure,
            None => Value::String(text),
        },
        other => other,
    };
    read_usage(draft, &response);
    draft.add_output(response);
}

/// The tokens that stand only in the response.
fn read_usage(draft: &mut Draft, response: &Value) {
    const NAMES: [(&str, &str); 4] = [
        ("prompt_token_count", "gen_ai.usage.input_tokens"),
        ("candidates_token_count", "gen_ai.usage.output_tokens"),
        (
            "cached_content_token_count",
            "gen_ai.usage.cache_read.input_tokens",
        ),
        (
            "thoughts_token_count",
            "gen_ai.usage.reasoning.output_tokens",
        ),
    ];
    let Some(usage) = response.get("usage_metadata") else {
        return;
    };
    for (key, name) in NAMES {
        if let Some(count) = usage.get(key).filter(|count| count.is_number())
            && !draft.fields.has(name)
        {
            draft.fields.put(name, count.clone());
        }
    }
}

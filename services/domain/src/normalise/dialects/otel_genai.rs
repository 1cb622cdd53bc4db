//! OpenTelemetry's GenAI conventions: the new ones, those up to 1.36, and the log records of both.

use super::dialect::{Dialect, no_content};
use crate::normalise::draft::Draft;
use crate::normalise::draft::events::{self, Spoken};
use crate::normalise::draft::names::Names;
use crate::normalise::draft::operation;
use crate::normalise::values::fields::Fields;
use crate::span::Operation;
use serde_json::Value;

pub(crate) static DIALECT: Dialect = Dialect {
    label: "otel",
    names: &NAMES,
    operation: read_operation,
    content: no_content,
};

/// The convention's names, and the widespread variants of them that no dialect claims for itself. They follow the
/// names of every other dialect.
pub(crate) static NAMES: Names = Names {
    agent: &["gen_ai.agent.name", "agent_name", "gen_ai.function_id"],
    tool_name: &["gen_ai.tool.name", "mcp.tool.name"],
    tool_call_id: &["gen_ai.tool.call.id"],
    tool_arguments: &[
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.input",
        "gen_ai.tool.arguments",
    ],
    tool_result: &[
        "gen_ai.tool.call.result",
        "gen_ai.tool.output",
        "gen_ai.tool.message",
        "mcp.tool.result.content",
    ],
    request_model: &["gen_ai.request.model"],
    response_model: &["gen_ai.response.model"],
    provider: &["gen_ai.provider.name", "gen_ai.system"],
    response_id: &["gen_ai.response.id"],
    previous_response_id: &[
        "gen_ai.request.previous_response.id",
        "gen_ai.request.previous_response_id",
        "gen_ai.openai.request.previous_response_id",
    ],
    finish_reason: &[
        "gen_ai.response.finish_reasons",
        "gen_ai.response.finish_reason",
    ],
    input_tokens: &[
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "gen_ai.aggregated_usage.input_tokens",
    ],
    output_tokens: &[
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "gen_ai.aggregated_usage.output_tokens",
    ],
    total_tokens: &["gen_ai.usage.total_tokens"],
    cached_tokens: &[
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.input_tokens.cached",
        "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.aggregated_usage.cache_read.input_tokens",
    ],
    cache_write_tokens: &[
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
        "gen_ai.usage.input_tokens.cache_write",
        "gen_ai.usage.details.cache_write_tokens",
    ],
    reasoning_tokens: &[
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.output_tokens.reasoning",
        "gen_ai.usage.details.reasoning_tokens",
        "gen_ai.aggregated_usage.details.reasoning_tokens",
    ],
    cost_total: &[
        "gen_ai.usage.cost",
        "gen_ai.usage.total_cost",
        "gen_ai.cost.total_tokens",
        "gen_ai.cost.total_cost",
        "operation.cost",
        "llm.cost.total",
        "llm.response_cost",
        "litellm.response_cost",
    ],
    cost_input: &[
        "gen_ai.usage.input_cost",
        "gen_ai.cost.input_tokens",
        "gen_ai.cost.input_cost",
        "llm.cost.prompt",
    ],
    cost_output: &[
        "gen_ai.usage.output_cost",
        "gen_ai.cost.output_tokens",
        "gen_ai.cost.output_cost",
        "llm.cost.completion",
    ],
    system: &["gen_ai.system_instructions", "gen_ai.system.message"],
    input: &[
        "gen_ai.input.messages",
        "gen_ai.request.messages",
        "gen_ai.prompt",
    ],
    output: &["gen_ai.output.messages", "gen_ai.completion"],
};

/// The operation by the convention's name, else by what the span speaks of.
pub(crate) fn read_operation(fields: &Fields, _: &str) -> Option<Operation> {
    if let Some(name) = fields.str("gen_ai.operation.name") {
        // Applications invent names; only a call to a model has a response of a model.
        let is_call = fields.has("gen_ai.response.model") || fields.has("gen_ai.response.id");
        let otherwise = if is_call {
            Operation::Chat
        } else {
            Operation::Other
        };
        return Some(operation::by_name(name).unwrap_or(otherwise));
    }
    if fields.str("mcp.method.name") == Some("tools/call")
        || fields.has("gen_ai.tool.call.id")
        || fields.has("gen_ai.tool.name")
    {
        return Some(Operation::ExecuteTool);
    }
    let speaks_of = |names: &[&str]| names.iter().any(|name| fields.has(name));
    if speaks_of(&[
        "gen_ai.embeddings.input",
        "gen_ai.embeddings.dimension.count",
    ]) {
        return Some(Operation::Embeddings);
    }
    let is_call = speaks_of(&[
        "gen_ai.request.model",
        "gen_ai.response.model",
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.request.messages",
    ]);
    is_call.then_some(Operation::Chat)
}

/// Moves the content of a log record into the draft. `Some(true)` for a record with the whole content of its call,
/// `Some(false)` for one with a single message, `None` for any other.
pub(crate) fn read_log(draft: &mut Draft, event_name: &str, body: Value) -> Option<bool> {
    let mut spoken = Spoken::default();
    let mut attributes = std::mem::take(draft.fields.map_mut());
    let is_whole = event_name == events::DETAILS;
    // The content stands in the body in older records, among the attributes in newer ones.
    let mut is_content = false;
    if let Value::Object(mut map) = body {
        is_content |= events::take(event_name, &mut map, &mut spoken);
    } else if let Value::String(text) = body {
        let mut map = crate::raw::Attributes::new();
        map.insert("content".into(), Value::String(text));
        is_content |= events::take(event_name, &mut map, &mut spoken);
    }
    is_content |= events::take(event_name, &mut attributes, &mut spoken);
    *draft.fields.map_mut() = attributes;
    if !is_content {
        return None;
    }
    spoken
        .system
        .into_iter()
        .for_each(|value| draft.add_system(value));
    spoken
        .input
        .into_iter()
        .for_each(|value| draft.add_input(value));
    spoken
        .output
        .into_iter()
        .for_each(|value| draft.add_output(value));
    Some(is_whole)
}

#[cfg(test)]
mod tests;

//! OpenTelemetry's GenAI conventions: the new ones, those up to 1.36, and the log records of both.

use super::dialect::{Dialect, nothing};
use crate::message::Role;
use crate::normalise::draft::Draft;
use crate::normalise::draft::events::{self, Spoken};
use crate::normalise::draft::names::Names;
use crate::normalise::draft::operation;
use crate::normalise::draft::reading::Reading;
use crate::normalise::values::fields::Fields;
use crate::normalise::values::json;
use crate::span::Operation;
use serde_json::Value;

pub(crate) static DIALECT: Dialect = Dialect {
    label: "otel",
    names: &NAMES,
    operation: read_operation,
    before: nothing,
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
    system: &[
        "gen_ai.system_instructions",
        "gen_ai.system.message",
        "gen_ai.system_instructions_ref",
    ],
    input: &[
        "gen_ai.input.messages",
        "gen_ai.input.messages_delta",
        "gen_ai.request.messages",
        "gen_ai.prompt",
        "gen_ai.input.messages_ref",
    ],
    output: &[
        "gen_ai.output.messages",
        "gen_ai.completion",
        "gen_ai.output.messages_ref",
    ],
    ..Names::NONE
};

/// The operation by the convention's name, else by what the span speaks of.
pub(crate) fn read_operation(fields: &Fields, _: &str) -> Option<Operation> {
    if let Some(name) = fields.str("gen_ai.operation.name") {
        return operation::by_name(name);
    }
    if fields.str("mcp.method.name") == Some("tools/call")
        || fields.has("gen_ai.tool.call.id")
        || fields.has("gen_ai.tool.name")
    {
        return Some(Operation::ExecuteTool);
    }
    let embeds = [
        "gen_ai.embeddings.input",
        "gen_ai.embeddings.dimension.count",
    ];
    let embeds = embeds.iter().any(|name| fields.has(name));
    embeds.then_some(Operation::Embeddings)
}

/// What Spring AI's log lines begin with.
const SPRING_PROMPT: &str = "Chat Model Prompt Content:";
const SPRING_ANSWER: &str = "Chat Model Completion:";

/// Moves the content of a log record into the draft. `Some(true)` for a record with the whole content of its call,
/// `Some(false)` for one with a single message, `None` for any other.
pub(crate) fn read_log(draft: &mut Draft, event_name: &str, body: Value) -> Option<bool> {
    let mut spoken = Spoken::default();
    let mut attributes = std::mem::take(draft.fields.map_mut());
    // The content stands in the body in older records, among the attributes in newer ones.
    let mut is_content = false;
    match opened(body) {
        Value::Object(mut map) => is_content |= events::take(event_name, &mut map, &mut spoken),
        Value::String(text) => {
            if let Some(prompt) = text.trim_start().strip_prefix(SPRING_PROMPT) {
                spoken.input.push(prompt.trim().into());
                is_content = true;
            } else if let Some(answer) = text.trim_start().strip_prefix(SPRING_ANSWER) {
                spoken.output.push(answer.trim().into());
                is_content = true;
            } else {
                let mut map = crate::raw::Attributes::new();
                map.insert("content".into(), Value::String(text));
                is_content |= events::take(event_name, &mut map, &mut spoken);
            }
        }
        _ => {}
    }
    is_content |= events::take(event_name, &mut attributes, &mut spoken);
    *draft.fields.map_mut() = attributes;
    if !is_content {
        return None;
    }
    let has_both = !spoken.input.is_empty() && !spoken.output.is_empty();
    let is_whole = event_name == events::DETAILS || (has_both && !events::is_content(event_name));
    spoken
        .system
        .into_iter()
        .for_each(|value| draft.add_system(value));
    draft.push_input(Reading::of_events(spoken.input, Role::User).turns);
    draft.push_output(Reading::of_events(spoken.output, Role::Assistant).turns);
    Some(is_whole)
}

/// A body that is JSON text (AWS's distribution, exporters that know no structured bodies).
fn opened(body: Value) -> Value {
    match body {
        Value::String(text) => match json::structure(&text) {
            Some(Value::Object(map)) => Value::Object(map),
            _ => Value::String(text),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests;

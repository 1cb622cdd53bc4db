//! OpenInference (Arize Phoenix): messages flattened into attributes, and once more as raw JSON beside them.

use super::dialect::Dialect;
use crate::message::Role;
use crate::normalise::content::messages;
use crate::normalise::draft::Draft;
use crate::normalise::draft::names::Names;
use crate::normalise::draft::operation;
use crate::normalise::values::fields::Fields;
use crate::normalise::values::json;
use crate::span::Operation;
use serde_json::Value;

pub(crate) static DIALECT: Dialect = Dialect {
    label: "openinference",
    names: &Names {
        agent: &["agent.name", "graph.node.id", "metadata#lc_agent_name"],
        tool_name: &["tool.name"],
        tool_call_id: &["tool.id", "tool_call.id"],
        request_model: &[
            "llm.request.model_name",
            "llm.invocation_parameters#model",
            "llm.model_name",
            "embedding.model_name",
            "reranker.model_name",
        ],
        response_model: &["llm.response.model_name", "llm.model_name"],
        provider: &["llm.provider", "llm.system"],
        finish_reason: &["llm.finish_reason"],
        input_tokens: &["llm.token_count.prompt"],
        output_tokens: &["llm.token_count.completion"],
        total_tokens: &["llm.token_count.total"],
        cached_tokens: &["llm.token_count.prompt_details.cache_read"],
        cache_write_tokens: &["llm.token_count.prompt_details.cache_write"],
        reasoning_tokens: &["llm.token_count.completion_details.reasoning"],
        cost_total: &["llm.cost.total"],
        cost_input: &["llm.cost.prompt"],
        cost_output: &["llm.cost.completion"],
        // Some instrumentations put the arguments into the parameters, others the schema: where there is an input it is the
        // schema.
        tool_arguments: &["input.value", "tool.parameters"],
        tool_result: &["output.value"],
        input: &[
            "llm.input_messages.N",
            "llm.prompts.N",
            "input.audio.transcript",
            "input.value",
        ],
        output: &[
            "llm.output_messages.N",
            "llm.choices.N",
            "output.audio.transcript",
            "output.value",
        ],
        ..Names::NONE
    },
    operation: read_operation,
    before: read_identifiers,
};

fn read_operation(fields: &Fields, _: &str) -> Option<Operation> {
    let kind = fields.str("openinference.span.kind")?;
    let operation = match kind {
        // A turn of a voice conversation, and what its user said.
        "AUDIO" => Operation::InvokeAgent,
        "USER" => Operation::Other,
        "UNKNOWN" => return None,
        kind => operation::by_name(kind)?,
    };
    // LlamaIndex counts what builds a request among the calls.
    if operation == Operation::Chat && builds_request(fields) {
        return Some(Operation::Other);
    }
    // OpenAI's Agents report the run around the agents as an agent too. It alone tells nothing of itself.
    const TELLING: [&str; 4] = ["agent.name", "graph.node.id", "input.value", "output.value"];
    let is_bare =
        operation == Operation::InvokeAgent && !TELLING.iter().any(|name| fields.has(name));
    Some(if is_bare { Operation::Other } else { operation })
}

/// Whether what a span gave back is a request, and nothing tells of a call.
fn builds_request(fields: &Fields) -> bool {
    const CALLED: [&str; 4] = [
        "llm.input_messages.0.message.role",
        "llm.output_messages.0.message.role",
        "llm.token_count.total",
        "llm.token_count.prompt",
    ];
    const REQUEST: [&str; 3] = ["tools", "tool_choice", "parallel_tool_calls"];
    if CALLED.iter().any(|name| fields.has(name)) {
        return false;
    }
    let output = fields.get("output.value").and_then(Value::as_str);
    // Answers are large, and few are requests: look before parsing.
    let output = output.filter(|text| text.contains("\"messages\""));
    let output = output.and_then(json::structure);
    output.is_some_and(|output| {
        output.get("messages").is_some_and(Value::is_array)
            && REQUEST.iter().any(|key| output.get(*key).is_some())
    })
}

/// The ids that stand only in the raw request and response.
fn read_identifiers(draft: &mut Draft) {
    const PREVIOUS: &str = "previous_response_id";
    if !draft.operation.is_llm() {
        return;
    }
    let text = |value: &Value, key: &str| -> Option<String> {
        let text = value.get(key)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    let input = draft.fields.get("input.value").and_then(Value::as_str);
    // Requests are large, and few continue a stored response: look before parsing.
    let previous = input
        .filter(|request| request.contains(PREVIOUS))
        .and_then(|request| text(&json::structure(request)?, PREVIOUS));
    let response = draft.fields.get("output.value").and_then(Value::as_str);
    let response = response.and_then(json::structure);
    draft.previous_response_id = previous;
    let Some(response) = response else {
        return;
    };
    draft.response_id = text(&response, "id");
    draft.response_model = text(&response, "model");
    if draft.response_id.is_none() {
        let said = messages::read(response, Role::Assistant).into_iter().next();
        draft.response_id = said.and_then(|turn| turn.response.id);
    }
}

#[cfg(test)]
mod tests;

//! OpenInference (Arize Phoenix): messages flattened into attributes, and once more as raw JSON beside them.

use super::dialect::Dialect;
use crate::message::Role;
use crate::normalise::content::messages::{self, Turn};
use crate::normalise::content::tool_value;
use crate::normalise::draft::Draft;
use crate::normalise::draft::names::Names;
use crate::normalise::draft::operation;
use crate::normalise::values::fields::Fields;
use crate::normalise::values::{flat, json};
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
        ..Names::NONE
    },
    operation: read_operation,
    content: read_content,
};

fn read_operation(fields: &Fields, _: &str) -> Option<Operation> {
    let kind = fields.str("openinference.span.kind")?;
    let operation = operation::by_name(kind).unwrap_or_default();
    // OpenAI's Agents report the run around the agents as an agent too. It alone tells nothing of itself.
    const TELLING: [&str; 4] = ["agent.name", "graph.node.id", "input.value", "output.value"];
    let is_bare =
        operation == Operation::InvokeAgent && !TELLING.iter().any(|name| fields.has(name));
    Some(if is_bare { Operation::Other } else { operation })
}

fn read_content(draft: &mut Draft) {
    if draft.operation == Operation::ExecuteTool {
        return read_tool(draft);
    }
    let flat_input = flat::take(draft.fields.map_mut(), "llm.input_messages");
    let flat_output = flat::take(draft.fields.map_mut(), "llm.output_messages");
    let raw_input = draft.fields.take("input.value");
    let raw_output = draft.fields.take("output.value");
    if !draft.operation.is_llm() {
        read_wrapper(draft, "input", raw_input, Role::User);
        read_wrapper(draft, "output", raw_output, Role::Assistant);
        return;
    }
    read_identifiers(draft, raw_input.as_ref(), raw_output.as_ref());
    let mut first = 0;
    let mut last = 0;
    let input = flat_input.map(|flattened| {
        (first, last) = (flattened.first, flattened.last);
        messages::read(flattened.items, Role::User)
    });
    let input = longer(draft.dropped_attributes, input, raw_input, Role::User);
    if first > 0 && draft.original_input_messages.is_none() {
        // The SDK threw away its oldest attributes, which are the oldest messages.
        draft.original_input_messages = u32::try_from(last.saturating_add(1)).ok();
    }
    draft.push_input(input);
    let output = flat_output.map(|flattened| messages::read(flattened.items, Role::Assistant));
    let output = longer(
        draft.dropped_attributes,
        output,
        raw_output,
        Role::Assistant,
    );
    draft.push_output(output);
    draft
        .fields
        .remove_all(&["input.mime_type", "output.mime_type"]);
}

/// The flattened messages, unless there are none or attributes were thrown away and the raw JSON holds more.
fn longer(
    dropped_attributes: u32,
    flattened: Option<Vec<Turn>>,
    raw: Option<Value>,
    role: Role,
) -> Vec<Turn> {
    let flattened = flattened.unwrap_or_default();
    if !flattened.is_empty() && dropped_attributes == 0 {
        return flattened;
    }
    let raw = raw.map(|raw| messages::read(raw, role)).unwrap_or_default();
    if raw.len() > flattened.len() {
        raw
    } else {
        flattened
    }
}

/// Chains and agents: only the raw values are whole; their flattened messages hold the first one at best.
fn read_wrapper(draft: &mut Draft, side: &str, raw: Option<Value>, role: Role) {
    let Some(raw) = raw else { return };
    let turns = if draft.operation == Operation::InvokeAgent {
        messages::read(raw, role)
    } else {
        match messages::read_strictly(raw, role) {
            Ok(turns) => turns,
            Err(raw) => return draft.fields.put(&format!("{side}.value"), raw),
        }
    };
    draft.fields.take(&format!("{side}.mime_type"));
    match role {
        Role::User => draft.push_input(turns),
        _ => draft.push_output(turns),
    }
}

/// The ids that stand only in the raw request and response.
fn read_identifiers(draft: &mut Draft, input: Option<&Value>, output: Option<&Value>) {
    const PREVIOUS: &str = "previous_response_id";
    let text = |value: &Value, key: &str| -> Option<String> {
        let text = value.get(key)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    // Requests are large, and few continue a stored response: look before parsing.
    draft.previous_response_id = input
        .and_then(Value::as_str)
        .filter(|request| request.contains(PREVIOUS))
        .and_then(|request| text(&json::structure(request)?, PREVIOUS));
    let Some(response) = output.and_then(Value::as_str).and_then(json::structure) else {
        return;
    };
    draft.response_id = text(&response, "id");
    draft.response_model = text(&response, "model");
    if draft.response_id.is_none() {
        let said = messages::read(response, Role::Assistant).into_iter().next();
        draft.response_id = said.and_then(|turn| turn.response.id);
    }
}

fn read_tool(draft: &mut Draft) {
    draft.tool_arguments = draft
        .fields
        .take("input.value")
        .map(tool_value::arguments)
        // Some instrumentations put the arguments here, others the schema; where there is an input it is the schema.
        .or_else(|| {
            draft
                .fields
                .take("tool.parameters")
                .map(tool_value::arguments)
        });
    if let Some(result) = draft.fields.take("output.value") {
        draft.add_tool_result(result);
    }
    draft
        .fields
        .remove_all(&["input.mime_type", "output.mime_type"]);
}

#[cfg(test)]
mod tests;

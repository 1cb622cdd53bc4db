//! Sentry's SDKs: operations by `sentry.op`, messages in OpenAI's form, Python's `None` printed as text.

use super::dialect::Dialect;
use super::otel_genai;
use crate::message::{Part, Role};
use crate::normalise::content::messages::{self, Turn};
use crate::normalise::draft::Draft;
use crate::normalise::draft::names::Names;
use crate::normalise::draft::operation;
use crate::normalise::values::fields::Fields;
use crate::normalise::values::json;
use crate::span::Operation;
use rustc_hash::FxHashSet;
use serde_json::{Map, Value, json as object};

pub(crate) static DIALECT: Dialect = Dialect {
    label: "sentry",
    names: &Names {
        agent: &[
            "gen_ai.agent.name",
            "gen_ai.function_id",
            "ai.pipeline.name",
        ],
        tool_name: &["gen_ai.tool.name", "ai.function_call"],
        request_model: &["gen_ai.request.model", "ai.model_id"],
        response_id: &["gen_ai.response.id", "ai.generation_id"],
        provider: &["gen_ai.provider.name", "gen_ai.system", "ai.model.provider"],
        finish_reason: &["gen_ai.response.finish_reasons", "ai.finish_reason"],
        input_tokens: &["gen_ai.usage.input_tokens", "ai.prompt_tokens.used"],
        output_tokens: &["gen_ai.usage.output_tokens", "ai.completion_tokens.used"],
        total_tokens: &["gen_ai.usage.total_tokens", "ai.total_tokens.used"],
        cost_total: &["gen_ai.cost.total_tokens", "ai.total_cost"],
        system: &["ai.preamble"],
        input: &[
            "gen_ai.input.messages",
            "gen_ai.request.messages",
            "ai.input_messages",
            "ai.prompt.messages",
            "ai.texts",
        ],
        output: &["gen_ai.output.messages", "ai.responses"],
        ..Names::NONE
    },
    operation: read_operation,
    content: read_content,
};

fn read_operation(fields: &Fields, _: &str) -> Option<Operation> {
    let by_name = fields
        .str("gen_ai.operation.name")
        .and_then(operation::by_name);
    by_name
        .or_else(|| by_op(fields.str("sentry.op")?))
        .or_else(|| by_type(fields.str("gen_ai.operation.type")?))
        .or_else(|| otel_genai::read_operation(fields, ""))
}

fn by_op(op: &str) -> Option<Operation> {
    if let Some(name) = op.strip_prefix("gen_ai.") {
        return operation::by_name(name);
    }
    let old = op.strip_prefix("ai.")?;
    Some(match old {
        _ if old.starts_with("toolCall") => Operation::ExecuteTool,
        _ if old.contains("embed") => Operation::Embeddings,
        _ if old.contains(".do") => Operation::Chat,
        _ if old.starts_with("chat_completions") || old.starts_with("messages") => Operation::Chat,
        _ if old.starts_with("run.")
            || old.starts_with("generate")
            || old.starts_with("stream") =>
        {
            Operation::InvokeAgent
        }
        _ => Operation::Other,
    })
}

/// Relay's own bucket.
fn by_type(kind: &str) -> Option<Operation> {
    match kind {
        "ai_client" => Some(Operation::Chat),
        "agent" => Some(Operation::InvokeAgent),
        "tool" => Some(Operation::ExecuteTool),
        "handoff" => Some(Operation::Handoff),
        _ => None,
    }
}

fn read_content(draft: &mut Draft) {
    if draft.operation == Operation::ExecuteTool {
        return;
    }
    read_original_length(draft);
    if draft.operation == Operation::InvokeAgent {
        read_agent_input(draft);
    }
    let has_output = draft
        .fields
        .get("gen_ai.output.messages")
        .is_some_and(|value| !messages::read(value.clone(), Role::Assistant).is_empty());
    let text = draft.fields.take("gen_ai.response.text");
    let object = draft.fields.take("gen_ai.response.object");
    let calls = draft.fields.take("gen_ai.response.tool_calls");
    if has_output {
        return;
    }
    let answer = spoken(text.or(object), calls);
    draft.push_output(answer);
}

/// How many messages there were before the SDK kept only the last.
fn read_original_length(draft: &mut Draft) {
    draft.original_input_messages = draft
        .fields
        .count(&[
            "sentry.sdk_meta.gen_ai.input.messages.original_length",
            "sentry.sdk_meta.gen_ai.request.messages.original_length",
            "_meta#gen_ai.request.messages.len",
        ])
        .or_else(|| meta_length(draft.fields.get("_meta")?))
        .and_then(|count| u32::try_from(count).ok());
}

/// `_meta` annotates an attribute as `{"": {"len": N}}`, somewhere below the attribute's name.
fn meta_length(meta: &Value) -> Option<u64> {
    fn below(value: &Value, depth: usize) -> Option<u64> {
        const DEPTH_MAX: usize = 8;
        let map = value.as_object().filter(|_| depth < DEPTH_MAX)?;
        map.get("len").and_then(Value::as_u64).or_else(|| {
            map.iter()
                .filter(|(key, _)| {
                    depth > 0
                        || key.is_empty()
                        || key.ends_with("messages")
                        || matches!(key.as_str(), "attributes" | "data")
                })
                .find_map(|(_, inner)| below(inner, depth + 1))
        })
    }
    let parsed;
    let meta = match meta {
        Value::String(text) => {
            parsed = json::structure(text)?;
            &parsed
        }
        other => other,
    };
    let map = meta.as_object()?;
    ["gen_ai.request.messages", "gen_ai.input.messages"]
        .iter()
        .find_map(|name| below(map.get(*name)?, 1))
        .or_else(|| below(meta, 0))
}

/// The Python SDK writes the whole history of an agent as JSON text into the one message of the user.
fn read_agent_input(draft: &mut Draft) {
    let Some(value) = draft.fields.take("gen_ai.request.messages") else {
        return;
    };
    let mut turns = Vec::new();
    for turn in messages::read(value, Role::User) {
        match inner_history(turn) {
            Ok(inner) => turns.extend(inner),
            Err(turn) => turns.push(turn),
        }
    }
    draft.push_input(turns);
}

fn inner_history(turn: Turn) -> Result<Vec<Turn>, Turn> {
    let [Part::Text { text }] = turn.message.parts.as_slice() else {
        return Err(turn);
    };
    let is_history = turn.message.role == Role::User
        && text.trim_start().starts_with("[{")
        && text.contains("\"role\"");
    if !is_history {
        return Err(turn);
    }
    match messages::read_strictly(Value::String(text.clone()), Role::User) {
        Ok(inner) if !inner.is_empty() => Ok(inner),
        _ => Err(turn),
    }
}

/// The answer out of the text (plain, the JSON of a message, or of a list of texts) and the calls beside it.
fn spoken(text: Option<Value>, calls: Option<Value>) -> Vec<Turn> {
    let mut turns = text
        .map(|text| messages::read(text, Role::Assistant))
        .unwrap_or_default();
    let calls = calls
        .map(|calls| {
            let message = Map::from_iter([
                ("role".to_owned(), object!("assistant")),
                ("tool_calls".to_owned(), calls),
            ]);
            messages::read(Value::Object(message), Role::Assistant)
        })
        .unwrap_or_default();
    let name = |part: &Part| match part {
        Part::ToolCall {
            id,
            name,
            arguments,
        } => format!("{id:?} {name} {arguments}"),
        _ => String::new(),
    };
    let known: FxHashSet<String> = turns
        .iter()
        .flat_map(|turn| &turn.message.parts)
        .map(name)
        .collect();
    let new_calls: Vec<Part> = calls
        .into_iter()
        .flat_map(|turn| turn.message.parts)
        .filter(|call| !known.contains(&name(call)))
        .collect();
    if new_calls.is_empty() {
        return turns;
    }
    match turns.last_mut() {
        Some(last) => last.message.parts.extend(new_calls),
        None => turns.push(Turn::new(Role::Assistant, new_calls)),
    }
    turns
}

#[cfg(test)]
mod tests;

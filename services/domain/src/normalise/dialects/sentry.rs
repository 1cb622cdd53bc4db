//! Sentry's SDKs: operations by `sentry.op`, messages in OpenAI's form, Python's `None` printed as text.

use super::dialect::Dialect;
use crate::normalise::draft::Draft;
use crate::normalise::draft::names::{Answer, Names};
use crate::normalise::draft::operation;
use crate::normalise::values::fields::Fields;
use crate::normalise::values::json;
use crate::span::Operation;
use serde_json::Value;

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
        answers: &[Answer {
            // Plain, the JSON of a message, or of a list of texts.
            messages: &["gen_ai.response.text"],
            text: &[],
            object: &["gen_ai.response.object"],
            reasoning: &[],
            calls: &["gen_ai.response.tool_calls"],
        }],
        ..Names::NONE
    },
    operation: read_operation,
    before: read_original_length,
};

fn read_operation(fields: &Fields, _: &str) -> Option<Operation> {
    let by_name = fields
        .str("gen_ai.operation.name")
        .and_then(operation::by_name);
    by_name
        .or_else(|| by_op(fields.str("sentry.op")?))
        .or_else(|| by_type(fields.str("gen_ai.operation.type")?))
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

/// How many messages there were before the SDK kept only the last.
fn read_original_length(draft: &mut Draft) {
    let length = draft
        .fields
        .count(&[
            "sentry.sdk_meta.gen_ai.input.messages.original_length",
            "sentry.sdk_meta.gen_ai.request.messages.original_length",
            "_meta#gen_ai.request.messages.len",
        ])
        .or_else(|| meta_length(draft.fields.get("_meta")?))
        .and_then(|count| u32::try_from(count).ok());
    draft.original_input_messages = length;
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

#[cfg(test)]
mod tests;

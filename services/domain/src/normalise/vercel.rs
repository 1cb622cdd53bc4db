//! Vercel AI SDK: up to 6 with names of its own and wrapper spans, from 7 on the convention with its own context.

use super::dialect::{Dialect, Names};
use super::draft::Draft;
use super::fields::Fields;
use super::tool_value;
use crate::span::Operation;
use serde_json::{Map, Value, json};

pub(super) static DIALECT: Dialect = Dialect {
    label: "vercel",
    names: &Names {
        agent: &[
            "gen_ai.agent.name",
            "ai.telemetry.functionId",
            "resource.name",
        ],
        tool_name: &["ai.toolCall.name"],
        tool_call_id: &["ai.toolCall.id"],
        tool_arguments: &["ai.toolCall.args", "ai.toolCall.input"],
        tool_result: &["ai.toolCall.result", "ai.toolCall.output"],
        request_model: &["gen_ai.request.model", "ai.model.id"],
        response_model: &["gen_ai.response.model", "ai.response.model"],
        provider: &["gen_ai.provider.name", "gen_ai.system", "ai.model.provider"],
        response_id: &["gen_ai.response.id", "ai.response.id"],
        finish_reason: &[
            "gen_ai.response.finish_reasons",
            "ai.response.finishReason",
            "ai.finishReason",
        ],
        input_tokens: &[
            "gen_ai.usage.input_tokens",
            "ai.usage.inputTokens",
            "ai.usage.promptTokens",
            "ai.usage.tokens",
        ],
        output_tokens: &[
            "gen_ai.usage.output_tokens",
            "ai.usage.outputTokens",
            "ai.usage.completionTokens",
        ],
        total_tokens: &["ai.usage.totalTokens"],
        cached_tokens: &[
            "ai.usage.cachedInputTokens",
            "ai.usage.inputTokenDetails.cacheReadTokens",
        ],
        cache_write_tokens: &["ai.usage.inputTokenDetails.cacheWriteTokens"],
        reasoning_tokens: &[
            "ai.usage.reasoningTokens",
            "ai.usage.outputTokenDetails.reasoningTokens",
        ],
        system: &["ai.prompt.system"],
        input: &["ai.prompt.messages", "ai.prompt"],
        ..Names::NONE
    },
    operation: read_operation,
    content: read_content,
};

/// `ai.generateText` wraps its `.doGenerate`, like an agent its calls: only the inner span is a call.
fn read_operation(fields: &Fields, name: &str) -> Option<Operation> {
    let id = fields
        .str("ai.operationId")
        .or_else(|| name.starts_with("ai.").then_some(name))?;
    Some(match id {
        "ai.toolCall" => Operation::ExecuteTool,
        id if id.ends_with(".doGenerate") || id.ends_with(".doStream") => Operation::Chat,
        id if id.ends_with(".doEmbed") => Operation::Embeddings,
        id if id.ends_with(".doRerank") => Operation::Rerank,
        id if id.starts_with("ai.embed") || id.starts_with("ai.rerank") => Operation::Other,
        id if id.starts_with("ai.generate") || id.starts_with("ai.stream") => {
            Operation::InvokeAgent
        }
        _ => Operation::Other,
    })
}

/// The answer is spread over attributes.
fn read_content(draft: &mut Draft) {
    let fields = &mut draft.fields;
    let mut take = |names: [&str; 2]| names.iter().find_map(|name| fields.take(name));
    let text = take(["ai.response.text", "ai.result.text"]);
    let object = take(["ai.response.object", "ai.result.object"]);
    let reasoning = take(["ai.response.reasoning", "ai.result.reasoning"]);
    let calls = take(["ai.response.toolCalls", "ai.result.toolCalls"]);
    let spoken = text.or(object.map(|object| match object {
        Value::String(text) => Value::String(text),
        other => Value::String(other.to_string()),
    }));
    let mut message = Map::new();
    for (key, value) in [
        ("reasoning_content", reasoning),
        ("content", spoken),
        ("tool_calls", calls.map(tool_value::arguments)),
    ] {
        if let Some(value) = value {
            message.insert(key.into(), value);
        }
    }
    if !message.is_empty() {
        message.insert("role".into(), json!("assistant"));
        draft.add_output(Value::Object(message));
    }
}

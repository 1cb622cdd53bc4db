//! Dialects that differ from the convention by names alone.

use super::dialect::{Dialect, nothing};
use crate::normalise::draft::names::Names;
use crate::normalise::draft::operation;
use crate::normalise::values::fields::Fields;
use crate::span::Operation;

pub(crate) static LANGFUSE: Dialect = Dialect {
    label: "langfuse",
    names: &Names {
        tool_arguments: &["langfuse.observation.input"],
        tool_result: &["langfuse.observation.output"],
        request_model: &["langfuse.observation.model.name"],
        input: &["langfuse.observation.input"],
        output: &["langfuse.observation.output"],
        ..Names::NONE
    },
    operation: |fields, _| match fields.str("langfuse.observation.type") {
        Some("span" | "event") => Some(Operation::Other),
        _ => by_attribute(fields, "langfuse.observation.type"),
    },
    before: nothing,
};

pub(crate) static MLFLOW: Dialect = Dialect {
    label: "mlflow",
    names: &Names {
        tool_arguments: &["mlflow.spanInputs"],
        tool_result: &["mlflow.spanOutputs"],
        request_model: &["mlflow.llm.model"],
        provider: &["mlflow.llm.provider"],
        input: &["mlflow.spanInputs"],
        output: &["mlflow.spanOutputs"],
        ..Names::NONE
    },
    // Every value is JSON, so that the type stands in quotes.
    operation: |fields, _| by_attribute(fields, "mlflow.spanType"),
    before: nothing,
};

pub(crate) static LAMINAR: Dialect = Dialect {
    label: "laminar",
    names: &Names {
        tool_arguments: &["lmnr.span.input"],
        tool_result: &["lmnr.span.output"],
        input: &["lmnr.span.input"],
        output: &["lmnr.span.output"],
        ..Names::NONE
    },
    operation: |fields, _| by_attribute(fields, "lmnr.span.type"),
    before: nothing,
};

pub(crate) static LITELLM: Dialect = Dialect {
    label: "litellm",
    names: &Names {
        cost_total: &[
            "litellm.cost.total",
            "litellm.response_cost",
            "llm.response_cost",
        ],
        cost_input: &["litellm.cost.input"],
        cost_output: &["litellm.cost.output"],
        tool_arguments: &["input.value"],
        tool_result: &["output.value"],
        input: &["llm.request.messages"],
        ..Names::NONE
    },
    operation: |fields, name| match name {
        super::detect::LITELLM_RAW => Some(Operation::Other),
        _ => by_attribute(fields, "llm.request.type"),
    },
    before: nothing,
};

pub(crate) static CLAUDE_CODE: Dialect = Dialect {
    label: "claude-code",
    names: &Names {
        tool_name: &["tool_name", "tool.name"],
        tool_call_id: &["gen_ai.tool.call.id", "tool_use_id"],
        tool_arguments: &["tool_input", "tool_parameters"],
        tool_result: &["tool_output", "tool_result"],
        request_model: &["gen_ai.request.model", "model"],
        response_id: &["gen_ai.response.id", "request_id"],
        input_tokens: &["input_tokens"],
        output_tokens: &["output_tokens"],
        cached_tokens: &["cache_read_tokens"],
        cache_write_tokens: &["cache_creation_tokens"],
        cost_total: &["cost_usd"],
        finish_reason: &["stop_reason"],
        system: &["user_system_prompt"],
        input: &["new_context", "user_prompt", "prompt"],
        output: &["response.model_output", "response"],
        ..Names::NONE
    },
    // `span.type` is the last word of the name; spans within a tool (waiting, executing) are no tools of their own.
    operation: |fields, name| {
        let kind = fields.str("span.type").unwrap_or(name);
        Some(match kind.strip_prefix("claude_code.").unwrap_or(kind) {
            "llm_request" => Operation::Chat,
            "tool" => Operation::ExecuteTool,
            "interaction" => Operation::InvokeAgent,
            _ => Operation::Other,
        })
    },
    before: nothing,
};

pub(crate) static LIVEKIT: Dialect = Dialect {
    label: "livekit",
    names: &Names {
        agent: &["lk.agent_name", "lk.agent_label"],
        tool_name: &["lk.function_tool.name"],
        tool_call_id: &["lk.function_tool.id"],
        tool_arguments: &[
            "lk.pii.function_tool.arguments",
            "lk.function_tool.arguments",
        ],
        tool_result: &["lk.pii.function_tool.output", "lk.function_tool.output"],
        cached_tokens: &["gen_ai.usage.input_cached_tokens"],
        system: &["lk.pii.instructions", "lk.instructions"],
        input: &[
            "lk.pii.chat_ctx",
            "lk.chat_ctx",
            "lk.pii.user_input",
            "lk.user_input",
            "lk.pii.user_transcript",
            "lk.user_transcript",
        ],
        output: &["lk.pii.response.text", "lk.response.text"],
        ..Names::NONE
    },
    // A request may be run several times: only the outer span is the call.
    operation: |fields, name| match name {
        "llm_request" => Some(Operation::Chat),
        "agent_turn" => Some(Operation::InvokeAgent),
        "function_tool" => Some(Operation::ExecuteTool),
        "llm_request_run" => Some(Operation::Other),
        _ if fields.has("gen_ai.operation.name") => None,
        _ if fields.has("lk.function_tool.name") => Some(Operation::ExecuteTool),
        _ => Some(Operation::Other),
    },
    before: nothing,
};

pub(crate) static VOLTAGENT: Dialect = Dialect {
    label: "voltagent",
    names: &Names {
        agent: &["voltagent.agent.name", "entity.name"],
        tool_name: &["tool.name"],
        tool_call_id: &["tool.call.id"],
        request_model: &["ai.model.name", "llm.model"],
        input_tokens: &["llm.usage.prompt_tokens", "usage.prompt_tokens"],
        output_tokens: &["llm.usage.completion_tokens", "usage.completion_tokens"],
        total_tokens: &["llm.usage.total_tokens", "usage.total_tokens"],
        tool_arguments: &["input"],
        tool_result: &["output"],
        input: &["agent.messages", "llm.messages", "input"],
        output: &["output"],
        ..Names::NONE
    },
    operation: |fields, _| match fields.has("span.type") {
        // Memory and others that are known by no name.
        true => Some(by_attribute(fields, "span.type").unwrap_or_default()),
        false => by_attribute(fields, "entity.type"),
    },
    before: nothing,
};

pub(crate) static GENKIT: Dialect = Dialect {
    label: "genkit",
    names: &Names {
        tool_name: &["genkit:name"],
        tool_arguments: &["genkit:input"],
        tool_result: &["genkit:output"],
        request_model: &["genkit:name"],
        input: &["genkit:input"],
        output: &["genkit:output"],
        ..Names::NONE
    },
    operation: |fields, _| {
        let kind = fields.str("genkit:metadata:subtype")?;
        Some(match kind.split('.').next().unwrap_or(kind) {
            "model" => Operation::Chat,
            "tool" => Operation::ExecuteTool,
            "embedder" => Operation::Embeddings,
            "agent" => Operation::InvokeAgent,
            _ => Operation::Other,
        })
    },
    before: nothing,
};

pub(crate) static SMOLAGENTS: Dialect = Dialect {
    label: "smolagents",
    names: &Names::NONE,
    operation: |fields, _| by_attribute(fields, "openinference.span.kind"),
    before: nothing,
};

/// The operation named by an attribute, which may be the JSON of a text.
fn by_attribute(fields: &Fields, name: &str) -> Option<Operation> {
    let kind = fields.str(name)?.trim_matches('"');
    operation::by_name(kind)
}

#[cfg(test)]
mod tests;

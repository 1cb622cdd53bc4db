//! Dialects that differ from the convention by names alone.

use super::dialect::{Dialect, Names, no_content};
use super::fields::Fields;
use super::operation;
use crate::span::Operation;

pub(super) static LANGFUSE: Dialect = Dialect {
    label: "langfuse",
    names: &Names {
        tool_arguments: &["langfuse.observation.input"],
        tool_result: &["langfuse.observation.output"],
        request_model: &["langfuse.observation.model.name"],
        input_tokens: &[
            "langfuse.observation.usage_details#input",
            "langfuse.observation.usage_details#input_tokens",
        ],
        output_tokens: &[
            "langfuse.observation.usage_details#output",
            "langfuse.observation.usage_details#output_tokens",
        ],
        total_tokens: &["langfuse.observation.usage_details#total"],
        cached_tokens: &[
            "langfuse.observation.usage_details#input_cached_tokens",
            "langfuse.observation.usage_details#cache_read_input_tokens",
        ],
        cache_write_tokens: &["langfuse.observation.usage_details#cache_creation_input_tokens"],
        reasoning_tokens: &["langfuse.observation.usage_details#output_reasoning_tokens"],
        cost_total: &["langfuse.observation.cost_details#total"],
        cost_input: &["langfuse.observation.cost_details#input"],
        cost_output: &["langfuse.observation.cost_details#output"],
        input: &["langfuse.observation.input"],
        output: &["langfuse.observation.output"],
        ..Names::NONE
    },
    operation: |fields, _| by_attribute(fields, "langfuse.observation.type"),
    content: no_content,
};

pub(super) static MLFLOW: Dialect = Dialect {
    label: "mlflow",
    names: &Names {
        tool_arguments: &["mlflow.spanInputs"],
        tool_result: &["mlflow.spanOutputs"],
        request_model: &["mlflow.llm.model"],
        provider: &["mlflow.llm.provider"],
        input_tokens: &["mlflow.chat.tokenUsage#input_tokens"],
        output_tokens: &["mlflow.chat.tokenUsage#output_tokens"],
        total_tokens: &["mlflow.chat.tokenUsage#total_tokens"],
        cached_tokens: &["mlflow.chat.tokenUsage#cache_read_input_tokens"],
        cache_write_tokens: &["mlflow.chat.tokenUsage#cache_creation_input_tokens"],
        cost_total: &["mlflow.llm.cost#total_cost"],
        cost_input: &["mlflow.llm.cost#input_cost"],
        cost_output: &["mlflow.llm.cost#output_cost"],
        input: &["mlflow.spanInputs"],
        output: &["mlflow.spanOutputs"],
        ..Names::NONE
    },
    // Every value is JSON, so that the type stands in quotes.
    operation: |fields, _| by_attribute(fields, "mlflow.spanType"),
    content: no_content,
};

pub(super) static LAMINAR: Dialect = Dialect {
    label: "laminar",
    names: &Names {
        tool_arguments: &["lmnr.span.input"],
        tool_result: &["lmnr.span.output"],
        input: &["lmnr.span.input"],
        output: &["lmnr.span.output"],
        ..Names::NONE
    },
    operation: |fields, _| by_attribute(fields, "lmnr.span.type"),
    content: no_content,
};

pub(super) static LITELLM: Dialect = Dialect {
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
    operation: |fields, _| by_attribute(fields, "llm.request.type"),
    content: no_content,
};

pub(super) static CLAUDE_CODE: Dialect = Dialect {
    label: "claude-code",
    names: &Names {
        tool_name: &["tool_name", "tool.name"],
        tool_arguments: &["tool_input", "tool_parameters"],
        tool_result: &["tool_output", "tool_result"],
        request_model: &["model"],
        input_tokens: &["input_tokens"],
        output_tokens: &["output_tokens"],
        cached_tokens: &["cache_read_tokens"],
        cache_write_tokens: &["cache_creation_tokens"],
        cost_total: &["cost_usd"],
        finish_reason: &["stop_reason"],
        input: &["user_prompt", "prompt"],
        output: &["response"],
        ..Names::NONE
    },
    operation: |fields, _| {
        Some(match fields.str("span.type")? {
            "claude_code.llm_request" => Operation::Chat,
            "claude_code.tool" => Operation::ExecuteTool,
            "claude_code.interaction" => Operation::InvokeAgent,
            _ => Operation::Other,
        })
    },
    content: no_content,
};

pub(super) static LIVEKIT: Dialect = Dialect {
    label: "livekit",
    names: &Names {
        agent: &["lk.agent_name", "lk.agent_label"],
        tool_name: &["lk.function_tool.name"],
        tool_call_id: &["lk.function_tool.id"],
        tool_arguments: &["lk.function_tool.arguments"],
        tool_result: &["lk.function_tool.output"],
        input: &["lk.chat_ctx", "lk.user_input"],
        output: &["lk.response.text"],
        ..Names::NONE
    },
    operation: |fields, name| match name {
        "llm_request" | "llm_request_run" => Some(Operation::Chat),
        "function_tool" => Some(Operation::ExecuteTool),
        _ if fields.has("lk.function_tool.name") => Some(Operation::ExecuteTool),
        _ if fields.has("gen_ai.operation.name") => None,
        _ => Some(Operation::Other),
    },
    content: no_content,
};

pub(super) static VOLTAGENT: Dialect = Dialect {
    label: "voltagent",
    names: &Names {
        agent: &["voltagent.agent.name", "entity.name"],
        tool_name: &["tool.name"],
        tool_call_id: &["tool.call.id"],
        request_model: &["ai.model.name", "llm.model"],
        tool_arguments: &["input"],
        tool_result: &["output"],
        input: &["agent.messages", "llm.messages", "input"],
        output: &["output"],
        ..Names::NONE
    },
    operation: |fields, _| by_attribute(fields, "span.type"),
    content: no_content,
};

pub(super) static GENKIT: Dialect = Dialect {
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
        Some(match fields.str("genkit:metadata:subtype")? {
            "model" => Operation::Chat,
            "tool" => Operation::ExecuteTool,
            "embedder" => Operation::Embeddings,
            "agent" => Operation::InvokeAgent,
            _ => Operation::Other,
        })
    },
    content: no_content,
};

pub(super) static SMOLAGENTS: Dialect = Dialect {
    label: "smolagents",
    names: &Names::NONE,
    operation: |fields, _| by_attribute(fields, "openinference.span.kind"),
    content: no_content,
};

/// The operation named by an attribute, which may be the JSON of a text.
fn by_attribute(fields: &Fields, name: &str) -> Option<Operation> {
    let kind = fields.str(name)?.trim_matches('"');
    Some(operation::by_name(kind).unwrap_or_default())
}

/// Whether the dialect's own attributes speak of GenAI. Langfuse, MLflow and others trace functions of any kind.
pub(super) fn is_genai(dialect: &Dialect, fields: &Fields) -> bool {
    match dialect.label {
        "langfuse" => fields
            .str("langfuse.observation.type")
            .is_some_and(|kind| !matches!(kind, "span" | "event")),
        "claude-code" => fields.has("span.type"),
        "voltagent" | "genkit" | "livekit" | "litellm" => {
            (dialect.operation)(fields, "").is_some_and(|operation| operation != Operation::Other)
        }
        "smolagents" => true,
        _ => false,
    }
}

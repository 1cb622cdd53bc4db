//! Frameworks that write their words under names of their own, beside the convention's or in place of them.

use super::dialect::{Dialect, no_operation, nothing};
use crate::normalise::draft::names::Names;
use crate::normalise::values::fields::Fields;
use crate::span::Operation;

/// Voice bots. Speech-to-text and text-to-speech are no calls to a model that answers.
pub(crate) static PIPECAT: Dialect = Dialect {
    label: "pipecat",
    names: &Names {
        system: &["system_instructions"],
        input: &["input", "messages"],
        output: &["output"],
        tool_name: &["tool.function_name", "tool_name"],
        tool_call_id: &["tool.call_id"],
        tool_arguments: &["tool.arguments", "input"],
        tool_result: &["tool.result", "output"],
        ..Names::NONE
    },
    // Turns and conversations that tell the words that were exchanged are agents around the calls.
    operation: |fields, name| match name {
        "turn" | "conversation" if fields.has("input") || fields.has("output") => {
            Some(Operation::InvokeAgent)
        }
        "turn" | "conversation" | "stt" | "tts" => Some(Operation::Other),
        _ => None,
    },
    before: nothing,
};

/// Mastra's own attributes, one set per kind of span. Its exporter for the convention has the convention's.
pub(crate) static MASTRA: Dialect = Dialect {
    label: "mastra",
    names: &Names {
        agent: &["mastra.agent.name", "mastra.agent.id"],
        tool_arguments: &["mastra.tool_call.input", "mastra.mcp_tool_call.input"],
        tool_result: &["mastra.tool_call.output", "mastra.mcp_tool_call.output"],
        cached_tokens: &["gen_ai.usage.cached_input_tokens"],
        reasoning_tokens: &["gen_ai.usage.reasoning_tokens"],
        input: &[
            "mastra.model_generation.input",
            "mastra.llm_generation.input",
            "mastra.agent_run.input",
            "mastra.model_step.input#body",
            "mastra.model_step.input",
            "mastra.workflow_run.input",
        ],
        output: &[
            "mastra.model_generation.output#text",
            "mastra.model_generation.output",
            "mastra.llm_generation.output#text",
            "mastra.llm_generation.output",
            "mastra.agent_run.output#text",
            "mastra.agent_run.output",
            "mastra.model_step.output#text",
            "mastra.model_step.output",
            "mastra.workflow_run.output",
        ],
        ..Names::NONE
    },
    // The steps of a generation report its parts once more.
    operation: |fields, _| {
        Some(match fields.str("mastra.span.type")? {
            "model_generation" | "llm_generation" => Operation::Chat,
            "agent_run" => Operation::InvokeAgent,
            "tool_call" | "mcp_tool_call" => Operation::ExecuteTool,
            _ => Operation::Other,
        })
    },
    before: nothing,
};

/// Spring AI: its clients and advisors are `framework`, its kind tells which.
pub(crate) static SPRING_AI: Dialect = Dialect {
    label: "spring-ai",
    names: &Names {
        tool_name: &["spring.ai.tool.definition.name"],
        tool_call_id: &["spring.ai.tool.call.id"],
        tool_arguments: &["spring.ai.tool.call.arguments"],
        tool_result: &["spring.ai.tool.call.result"],
        system: &["spring.ai.chat.client.system.text"],
        input: &["spring.ai.chat.client.user.text"],
        ..Names::NONE
    },
    operation: |fields, _| match fields.str("spring.ai.kind")? {
        "chat_client" => Some(Operation::InvokeAgent),
        "tool_call" => Some(Operation::ExecuteTool),
        "advisor" | "vector_store" => Some(Operation::Other),
        _ => None,
    },
    before: nothing,
};

/// Haystack's tracer: components and pipelines with what went in and came out.
pub(crate) static HAYSTACK: Dialect = Dialect {
    label: "haystack",
    names: &Names {
        input: &[
            "haystack.component.input",
            "haystack.agent.input",
            "haystack.pipeline.input_data",
        ],
        output: &[
            "haystack.component.output#replies",
            "haystack.component.output#last_message",
            "haystack.component.output",
            "haystack.agent.output#last_message",
            "haystack.agent.output",
            "haystack.pipeline.output_data",
        ],
        ..Names::NONE
    },
    operation: |fields, name| match name {
        "haystack.agent.run" => Some(Operation::InvokeAgent),
        "haystack.pipeline.run" | "haystack.async_pipeline.run" => Some(Operation::Other),
        _ => {
            let kind = fields.str("haystack.component.type")?;
            Some(match kind {
                "Agent" => Operation::InvokeAgent,
                kind if kind.ends_with("Generator") => Operation::Chat,
                kind if kind.ends_with("Embedder") => Operation::Embeddings,
                kind if kind.ends_with("Ranker") => Operation::Rerank,
                _ => Operation::Other,
            })
        }
    },
    before: nothing,
};

/// BeeAI reports each event of a call as a span: its start with the input, its success with the output, its finish with
/// nothing. The success is the call.
pub(crate) static BEEAI: Dialect = Dialect {
    label: "openinference",
    names: &Names::NONE,
    operation: |fields, name| {
        let target = fields.str("target")?;
        let number = name.strip_prefix(target)?.strip_prefix('-')?;
        let is_event = number.bytes().all(|byte| byte.is_ascii_digit());
        let kind = target.rsplit('.').next()?;
        let is_beside = matches!(kind, "start" | "finish" | "newToken" | "partialUpdate");
        (is_event && is_beside).then_some(Operation::Other)
    },
    before: nothing,
};

/// CrewAI over OpenLLMetry: the words of crews and tasks have names of their own.
pub(crate) static CREWAI: Dialect = Dialect {
    label: "crewai",
    names: &Names {
        agent: &["crewai.agent.role"],
        input: &["crewai.task.description"],
        output: &["crewai.crew.result"],
        ..Names::NONE
    },
    operation: no_operation,
    before: nothing,
};

/// Whether the dialect's own attributes speak of GenAI, where its name alone does not say so.
pub(crate) fn is_genai(dialect: &Dialect, fields: &Fields, name: &str) -> bool {
    match dialect.label {
        "langfuse" => fields
            .str("langfuse.observation.type")
            .is_some_and(|kind| !matches!(kind, "span" | "event")),
        "claude-code" | "smolagents" | "mastra" | "spring-ai" => true,
        "voltagent" | "genkit" | "livekit" | "litellm" | "pipecat" | "haystack" => {
            (dialect.operation)(fields, name).is_some_and(|operation| operation != Operation::Other)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;

//! LangSmith's OTel export: LangChain's objects as JSON in `gen_ai.prompt` and `gen_ai.completion`.

use super::dialect::{Dialect, Names, no_content};
use super::fields::Fields;
use super::operation;
use crate::span::Operation;

pub(super) static DIALECT: Dialect = Dialect {
    label: "langsmith",
    names: &Names {
        agent: &["langsmith.metadata.lc_agent_name"],
        tool_name: &["gen_ai.tool.name", "langsmith.trace.name"],
        tool_arguments: &["gen_ai.prompt", "inputs"],
        tool_result: &["gen_ai.completion", "outputs"],
        request_model: &["gen_ai.request.model", "langsmith.metadata.ls_model_name"],
        provider: &["langsmith.metadata.ls_provider"],
        cached_tokens: &[
            "gen_ai.usage.cache_read.input_tokens",
            "langsmith.metadata.usage_metadata#input_token_details.cache_read",
        ],
        cache_write_tokens: &[
            "langsmith.metadata.usage_metadata#input_token_details.cache_creation",
        ],
        reasoning_tokens: &["langsmith.metadata.usage_metadata#output_token_details.reasoning"],
        input_tokens: &[
            "gen_ai.usage.input_tokens",
            "langsmith.metadata.usage_metadata#input_tokens",
        ],
        output_tokens: &[
            "gen_ai.usage.output_tokens",
            "langsmith.metadata.usage_metadata#output_tokens",
        ],
        cost_total: &["langsmith.metadata.usage_metadata#total_cost"],
        ..Names::NONE
    },
    operation: read_operation,
    content: no_content,
};

/// The kind comes first: `gen_ai.operation.name` is `chain` on agents and chains alike.
fn read_operation(fields: &Fields, name: &str) -> Option<Operation> {
    let kind = fields.str("langsmith.span.kind")?;
    let operation = operation::by_name(kind).unwrap_or_default();
    // The root of an agent is a chain that bears the agent's name.
    let is_agent = operation == Operation::Other
        && kind == "chain"
        && fields.str("langsmith.metadata.lc_agent_name") == Some(name)
        && !fields.has("langsmith.metadata.langgraph_node");
    Some(if is_agent {
        Operation::InvokeAgent
    } else {
        operation
    })
}

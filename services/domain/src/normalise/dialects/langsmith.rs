//! LangSmith's OTel export: LangChain's objects as JSON in `gen_ai.prompt` and `gen_ai.completion`.

use super::dialect::{Dialect, nothing};
use crate::normalise::draft::names::Names;
use crate::normalise::draft::operation;
use crate::normalise::values::fields::Fields;
use crate::span::Operation;

pub(crate) static DIALECT: Dialect = Dialect {
    label: "langsmith",
    names: &Names {
        agent: &["langsmith.metadata.lc_agent_name"],
        tool_name: &["gen_ai.tool.name", "langsmith.trace.name"],
        tool_arguments: &["gen_ai.prompt", "inputs"],
        tool_result: &["gen_ai.completion", "outputs"],
        request_model: &["gen_ai.request.model", "langsmith.metadata.ls_model_name"],
        provider: &["langsmith.metadata.ls_provider"],
        cached_tokens: &["gen_ai.usage.cache_read.input_tokens"],
        input_tokens: &["gen_ai.usage.input_tokens"],
        output_tokens: &["gen_ai.usage.output_tokens"],
        ..Names::NONE
    },
    operation: read_operation,
    before: nothing,
};

/// The kind comes first: `gen_ai.operation.name` is `chain` on agents and chains alike.
fn read_operation(fields: &Fields, name: &str) -> Option<Operation> {
    let kind = fields.str("langsmith.span.kind")?;
    let operation = operation::by_name(kind)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::tests::samples::{content, read};
    use serde_json::json;

    #[test]
    fn the_kind_tells_the_operation() {
        for (kind, name, operation) in [
            ("llm", "ChatOpenAI", Operation::Chat),
            ("tool", "f", Operation::ExecuteTool),
            ("chain", "model", Operation::Other),
            ("chain", "my_agent", Operation::InvokeAgent),
            ("retriever", "r", Operation::Other),
            ("embedding", "e", Operation::Embeddings),
        ] {
            let span = read(
                "langsmith",
                name,
                json!({"langsmith.span.kind": kind, "gen_ai.operation.name": "chain", "langsmith.metadata.lc_agent_name": "my_agent"}),
            );
            assert_eq!(span.operation, operation, "{kind} {name}");
        }
        let node = read(
            "langsmith",
            "my_agent",
            json!({"langsmith.span.kind": "chain", "langsmith.metadata.lc_agent_name": "my_agent", "langsmith.metadata.langgraph_node": "my_agent"}),
        );
        assert_eq!(
            node.operation,
            Operation::Other,
            "a node that is named like its agent"
        );
    }

    #[test]
    fn ids_providers_and_token_details() {
        let span = read(
            "langsmith",
            "ChatOpenAI",
            json!({
                "langsmith.span.kind": "llm", "gen_ai.system": "langchain", "langsmith.metadata.ls_provider": "openai",
                "langsmith.metadata.thread_id": "t", "langsmith.metadata.session_id": "s", "langsmith.trace.session_name": "project",
                "langsmith.metadata.usage_metadata": "{\"input_tokens\": 10, \"output_tokens\": 5, \"input_token_details\": {\"cache_read\": 4}, \"output_token_details\": {\"reasoning\": 2}}",
                "gen_ai.prompt": "{\"messages\": [[{\"lc\": 1, \"type\": \"constructor\", \"id\": [\"HumanMessage\"], \"kwargs\": {\"content\": \"Hi\"}}]]}",
                "gen_ai.completion": "{\"generations\": [[{\"text\": \"Hello\", \"generation_info\": {\"finish_reason\": \"stop\"}, \"message\": {\"lc\": 1, \"type\": \"constructor\", \"id\": [\"AIMessage\"], \"kwargs\": {\"content\": \"Hello\", \"response_metadata\": {\"id\": \"r1\", \"model_name\": \"m-1\"}}}}]]}"
            }),
        );
        assert_eq!(span.conversation_id.as_deref(), Some("t"));
        assert_eq!(span.provider.as_deref(), Some("openai"));
        assert_eq!(content(&span), ["user: hi", "=> assistant: hello"]);
        assert_eq!(
            (span.response_id.as_deref(), span.response_model.as_deref()),
            (Some("r1"), Some("m-1"))
        );
        assert_eq!(span.finish_reason.as_deref(), Some("stop"));
        let usage = span.usage.expect("tokens");
        assert_eq!(
            (
                usage.input_tokens,
                usage.cached_input_tokens,
                usage.reasoning_tokens
            ),
            (10, 4, 2)
        );
        let chain = read(
            "langsmith",
            "x",
            json!({"langsmith.span.kind": "chain", "gen_ai.system": "langchain"}),
        );
        assert_eq!(chain.provider, None, "a framework is no provider");
    }
}

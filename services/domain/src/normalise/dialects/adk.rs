//! Google's Agent Development Kit: 2.x follows the convention, 1.x has Gemini's requests as JSON.

use super::dialect::{Dialect, nothing};
use crate::normalise::draft::names::Names;
use crate::normalise::values::fields::Fields;
use crate::span::Operation;

pub(crate) static DIALECT: Dialect = Dialect {
    label: "adk",
    names: &Names {
        tool_arguments: &[
            "gen_ai.tool.call.arguments",
            "gcp.vertex.agent.tool_call_args",
        ],
        tool_result: &["gen_ai.tool.call.result", "gcp.vertex.agent.tool_response"],
        response_id: &["gen_ai.response.id"],
        // 1.x writes `{}` where the other side does not exist.
        input: &["gcp.vertex.agent.llm_request"],
        output: &["gcp.vertex.agent.llm_response"],
        ..Names::NONE
    },
    operation: read_operation,
    before: nothing,
};

/// Attributes for tools that ran side by side, reported once more together: not a tool of its own.
const MERGED: &str = "(merged tools)";

fn read_operation(fields: &Fields, name: &str) -> Option<Operation> {
    if fields.str("gen_ai.tool.name") == Some(MERGED) || name.ends_with(MERGED) {
        return Some(Operation::Other);
    }
    if fields.has("gen_ai.operation.name") {
        return None;
    }
    match name {
        "call_llm" => Some(Operation::Chat),
        name if name.starts_with("agent_run") => Some(Operation::InvokeAgent),
        name if name.starts_with("execute_tool") => Some(Operation::ExecuteTool),
        _ => Some(Operation::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::tests::samples::{content, read};
    use serde_json::json;

    const SCOPE: &str = "gcp.vertex.agent";

    #[test]
    fn the_first_version_tells_by_name() {
        for (name, operation) in [
            ("invocation", Operation::Other),
            ("agent_run [travel_agent]", Operation::InvokeAgent),
            ("call_llm", Operation::Chat),
            ("execute_tool f", Operation::ExecuteTool),
            ("execute_tool (merged tools)", Operation::Other),
        ] {
            let span = read(SCOPE, name, json!({}));
            assert_eq!((span.operation, span.is_genai), (operation, true), "{name}");
        }
        let agent = read(SCOPE, "agent_run [travel_agent]", json!({}));
        assert_eq!(agent.agent.as_deref(), Some("travel_agent"));
        let merged = read(
            SCOPE,
            "execute_tool (merged tools)",
            json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "(merged tools)"}),
        );
        assert_eq!(merged.operation, Operation::Other);
    }

    #[test]
    fn requests_are_geminis() {
        let span = read(
            SCOPE,
            "call_llm",
            json!({
                "gen_ai.system": "gcp.vertex.agent", "gen_ai.request.model": "gemini-2.5-flash",
                "gcp.vertex.agent.session_id": "s",
                "gcp.vertex.agent.llm_request": "{\"model\": \"gemini-2.5-flash\", \"config\": {\"system_instruction\": \"Be brief\"}, \"contents\": [{\"role\": \"user\", \"parts\": [{\"text\": \"Hi\"}]}]}",
                "gcp.vertex.agent.llm_response": "{\"content\": {\"role\": \"model\", \"parts\": [{\"text\": \"Hello\"}]}, \"finish_reason\": \"STOP\", \"usage_metadata\": {\"prompt_token_count\": 10, \"candidates_token_count\": 5, \"thoughts_token_count\": 2, \"cached_content_token_count\": 3}}"
            }),
        );
        assert_eq!(
            content(&span),
            ["system: be brief", "user: hi", "=> assistant: hello"]
        );
        assert_eq!(span.conversation_id.as_deref(), Some("s"));
        assert_eq!(span.finish_reason.as_deref(), Some("stop"));
        let usage = span.usage.expect("tokens");
        assert_eq!(
            (
                usage.input_tokens,
                usage.output_tokens,
                usage.cached_input_tokens
            ),
            (10, 5, 3)
        );
        assert!(!span.attributes.contains_key("gcp.vertex.agent.llm_request"));
    }

    #[test]
    fn tools_unwrap_their_result() {
        let span = read(
            SCOPE,
            "execute_tool f",
            json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f", "gcp.vertex.agent.tool_call_args": "{\"a\": 1}", "gcp.vertex.agent.tool_response": "{\"result\": \"{\\\"b\\\": 2}\"}", "gcp.vertex.agent.llm_request": "{}", "gcp.vertex.agent.llm_response": "{}"}),
        );
        let tool = span.tool.expect("a tool");
        assert_eq!(
            (tool.arguments, tool.result),
            (Some(json!({"a": 1})), Some(json!({"b": 2})))
        );
    }
}

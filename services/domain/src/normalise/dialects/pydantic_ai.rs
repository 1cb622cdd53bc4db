//! Pydantic AI and Logfire: the convention, and the whole run as JSON on the agent's span.

use super::dialect::{Dialect, nothing};
use crate::normalise::draft::names::Names;
use crate::normalise::values::fields::Fields;
use crate::span::Operation;

pub(crate) static DIALECT: Dialect = Dialect {
    label: "pydantic-ai",
    names: &Names {
        agent: &["gen_ai.agent.name", "agent_name"],
        tool_arguments: &["gen_ai.tool.call.arguments", "tool_arguments"],
        tool_result: &["gen_ai.tool.call.result", "tool_response"],
        request_model: &["gen_ai.request.model", "model_name"],
        talk: &[
            "pydantic_ai.all_messages",
            // Version 1: one JSON list of what later became events.
            "events",
            "all_messages_events",
        ],
        // Logfire's own instrumentation of clients.
        input: &["request_data"],
        output: &[
            "response_data#combined_chunk_content",
            "response_data#text",
            "response_data",
            "final_result",
        ],
        ..Names::NONE
    },
    operation: read_operation,
    before: nothing,
};

/// Spans of version 2 of the format and before have names, not operations.
fn read_operation(fields: &Fields, name: &str) -> Option<Operation> {
    if fields.has("gen_ai.operation.name") {
        return None;
    }
    match name {
        "agent run" => Some(Operation::InvokeAgent),
        "running tools" => Some(Operation::Other),
        name if name.starts_with("running tool") => Some(Operation::ExecuteTool),
        _ if fields.has("request_data") => Some(Operation::Chat),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::tests::samples::{content, read};
    use serde_json::json;

    #[test]
    fn a_run_is_its_history_and_its_answer() {
        let all = "[{\"role\": \"user\", \"parts\": [{\"type\": \"text\", \"content\": \"Hi\"}]}, {\"role\": \"assistant\", \"parts\": [{\"type\": \"text\", \"content\": \"Hello\"}]}]";
        let answered = read(
            "pydantic-ai",
            "invoke_agent a",
            json!({"gen_ai.operation.name": "invoke_agent", "pydantic_ai.all_messages": all, "final_result": "Hello", "model_name": "m", "gen_ai.aggregated_usage.input_tokens": 7}),
        );
        assert_eq!(content(&answered), ["user: hi", "=> assistant: hello"]);
        assert_eq!(answered.request_model.as_deref(), Some("m"));
        assert_eq!(answered.usage.map(|usage| usage.input_tokens), Some(7));
        assert!(!answered.attributes.contains_key("final_result"));
        let failed = read(
            "pydantic-ai",
            "agent run",
            json!({"pydantic_ai.all_messages": "[{\"role\": \"user\", \"parts\": [{\"type\": \"text\", \"content\": \"Hi\"}]}]"}),
        );
        assert_eq!(failed.operation, Operation::InvokeAgent);
        assert_eq!(content(&failed), ["user: hi"]);
        let structured = read(
            "pydantic-ai",
            "agent run",
            json!({"pydantic_ai.all_messages": "[{\"role\": \"user\", \"parts\": [{\"type\": \"text\", \"content\": \"Hi\"}]}]", "final_result": "{\"a\": 1}"}),
        );
        assert_eq!(
            content(&structured),
            ["user: hi", "=> assistant: {\"a\": 1}"]
        );
    }

    #[test]
    fn the_first_version_has_events_as_one_list() {
        let events = "[{\"event.name\": \"gen_ai.system.message\", \"content\": \"Be brief\", \"role\": \"system\", \"gen_ai.message.index\": 0}, {\"event.name\": \"gen_ai.user.message\", \"content\": \"Hi\", \"role\": \"user\", \"gen_ai.message.index\": 0}, {\"event.name\": \"gen_ai.choice\", \"index\": 0, \"message\": {\"role\": \"assistant\", \"content\": \"Hello\"}}]";
        let span = read(
            "pydantic-ai",
            "chat m",
            json!({"gen_ai.operation.name": "chat", "model_request_parameters": "{}", "events": events}),
        );
        assert_eq!(
            content(&span),
            ["system: be brief", "user: hi", "=> assistant: hello"]
        );
    }

    #[test]
    fn old_tools_and_logfires_own_calls() {
        let tool = read(
            "pydantic-ai",
            "running tool",
            json!({"gen_ai.tool.name": "f", "tool_arguments": "{\"a\": 1}", "tool_response": "2", "logfire.msg": "running tool: f"}),
        );
        let tool = tool.tool.expect("a tool");
        assert_eq!(
            (tool.arguments, tool.result),
            (Some(json!({"a": 1})), Some(json!("2")))
        );
        let call = read(
            "logfire.openai",
            "Chat Completion with 'm'",
            json!({"logfire.msg": "Chat", "gen_ai.request.model": "m", "request_data": "{\"model\": \"m\", \"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}", "response_data": "{\"message\": {\"role\": \"assistant\", \"content\": \"Hello\"}}"}),
        );
        assert_eq!(content(&call), ["user: hi", "=> assistant: hello"]);
    }
}

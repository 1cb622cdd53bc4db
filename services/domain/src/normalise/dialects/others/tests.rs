use super::*;
use crate::normalise::tests::samples::{content, read};
use serde_json::{Value, json};

/// Scope, name, attributes; then the label, the operation, the content.
type Case = (
    &'static str,
    &'static str,
    Value,
    &'static str,
    Operation,
    Vec<&'static str>,
);

#[test]
fn each_dialect_reads_its_own_names() {
    let messages = "[{\"role\": \"user\", \"content\": \"Hi\"}]";
    let answer = "{\"role\": \"assistant\", \"content\": \"Hello\"}";
    let talk = vec!["user: hi", "=> assistant: hello"];
    let cases: [Case; 12] = [
        (
            "langfuse-sdk",
            "x",
            json!({"langfuse.observation.type": "generation", "langfuse.observation.input": messages, "langfuse.observation.output": answer}),
            "langfuse",
            Operation::Chat,
            talk.clone(),
        ),
        (
            "langfuse-sdk",
            "x",
            json!({"langfuse.observation.type": "agent", "langfuse.observation.input": "Hi", "langfuse.observation.output": "Hello"}),
            "langfuse",
            Operation::InvokeAgent,
            talk.clone(),
        ),
        (
            "langfuse-sdk",
            "x",
            json!({"langfuse.observation.type": "span", "langfuse.observation.input": messages}),
            "langfuse",
            Operation::Other,
            vec![],
        ),
        (
            "mlflow",
            "x",
            json!({"mlflow.spanType": "\"CHAT_MODEL\"", "mlflow.spanInputs": format!("{{\"messages\": {messages}}}"), "mlflow.spanOutputs": format!("{{\"choices\": [{{\"message\": {answer}}}]}}")}),
            "mlflow",
            Operation::Chat,
            talk.clone(),
        ),
        (
            "mlflow",
            "x",
            json!({"mlflow.spanType": "\"TOOL\"", "mlflow.spanInputs": "{\"a\": 1}"}),
            "mlflow",
            Operation::ExecuteTool,
            vec![],
        ),
        (
            "lmnr",
            "x",
            json!({"lmnr.span.type": "LLM", "lmnr.span.input": messages, "lmnr.span.output": "Hello"}),
            "laminar",
            Operation::Chat,
            talk.clone(),
        ),
        (
            "litellm",
            "x",
            json!({"gen_ai.operation.name": "acompletion", "gen_ai.framework": "litellm", "gen_ai.input.messages": messages, "gen_ai.output.messages": answer}),
            "litellm",
            Operation::Chat,
            talk.clone(),
        ),
        (
            "",
            "claude_code.llm_request",
            json!({"span.type": "llm_request", "model": "claude-opus-5"}),
            "claude-code",
            Operation::Chat,
            vec![],
        ),
        (
            "",
            "claude_code.interaction",
            json!({"span.type": "interaction", "user_prompt": "Hi"}),
            "claude-code",
            Operation::InvokeAgent,
            vec!["user: hi"],
        ),
        (
            "livekit-agents",
            "llm_request",
            json!({"lk.pii.chat_ctx": "{\"items\": [{\"type\": \"message\", \"role\": \"user\", \"content\": [\"Hi\"]}]}", "lk.pii.response.text": "Hello"}),
            "livekit",
            Operation::Chat,
            talk.clone(),
        ),
        (
            "voltagent",
            "x",
            json!({"voltagent.operation_id": "1", "span.type": "llm", "llm.messages": messages, "output": "Hello"}),
            "voltagent",
            Operation::Chat,
            talk.clone(),
        ),
        (
            "genkit-tracer",
            "x",
            json!({"genkit:metadata:subtype": "model", "genkit:name": "googleai/m", "genkit:input": "{\"messages\": [{\"role\": \"user\", \"content\": [{\"text\": \"Hi\"}]}]}", "genkit:output": "{\"message\": {\"role\": \"model\", \"content\": [{\"text\": \"Hello\"}]}, \"usage\": {\"inputTokens\": 3, \"outputTokens\": 2}}"}),
            "genkit",
            Operation::Chat,
            talk,
        ),
    ];
    for (scope, name, attributes, label, operation, wanted) in cases {
        let span = read(scope, name, attributes.clone());
        assert!(
            span.instrumentation.starts_with(label),
            "{}: {attributes}",
            span.instrumentation
        );
        assert_eq!(span.operation, operation, "{attributes}");
        assert_eq!(content(&span), wanted, "{attributes}");
    }
}

#[test]
fn tokens_money_and_ids_stand_where_each_puts_them() {
    let langfuse = read(
        "langfuse-sdk",
        "x",
        json!({"langfuse.observation.type": "generation", "langfuse.session.id": "s", "langfuse.user.id": "u", "langfuse.observation.usage_details": "{\"input\": 10, \"output\": 5, \"input_cached_tokens\": 4}", "langfuse.observation.cost_details": "{\"input\": 0.1, \"output\": 0.2, \"total\": 0.3}", "langfuse.observation.level": "ERROR", "langfuse.observation.status_message": "broke"}),
    );
    assert_eq!(langfuse.conversation_id.as_deref(), Some("s"));
    assert_eq!(
        langfuse
            .usage
            .map(|usage| (usage.input_tokens, usage.cached_input_tokens)),
        Some((14, 4)),
        "usage details are parts, and a total that is not told is their sum"
    );
    assert_eq!(
        langfuse.reported_cost.map(|cost| cost.total),
        Some(300_000_000)
    );
    assert_eq!(
        langfuse.error.and_then(|error| error.message).as_deref(),
        Some("broke")
    );
    let claude = read(
        "",
        "claude_code.llm_request",
        json!({"span.type": "llm_request", "session.id": "s", "input_tokens": 2, "output_tokens": 1_200, "cache_read_tokens": 84_562, "cache_creation_tokens": 7_096, "stop_reason": "tool_use"}),
    );
    assert_eq!(
        claude.usage.map(|usage| usage.input_tokens),
        Some(91_660),
        "cache stands beside the input"
    );
    assert_eq!(claude.finish_reason.as_deref(), Some("tool_calls"));
    assert_eq!(claude.conversation_id.as_deref(), Some("s"));
    let genkit = read(
        "genkit-tracer",
        "x",
        json!({"genkit:metadata:subtype": "model", "genkit:sessionId": "s", "genkit:output": "{\"usage\": {\"inputTokens\": 3, \"outputTokens\": 2}}"}),
    );
    assert_eq!(genkit.usage.map(|usage| usage.total_tokens()), Some(5));
    assert_eq!(genkit.conversation_id.as_deref(), Some("s"));
    let mlflow = read(
        "mlflow",
        "x",
        json!({"mlflow.spanType": "\"LLM\"", "mlflow.chat.tokenUsage": "{\"input_tokens\": 3, \"output_tokens\": 2}"}),
    );
    assert_eq!(mlflow.usage.map(|usage| usage.total_tokens()), Some(5));
}

#[test]
fn what_waits_or_runs_within_a_tool_is_no_tool() {
    for (name, operation) in [
        ("claude_code.tool", Operation::ExecuteTool),
        ("claude_code.tool.execution", Operation::Other),
        ("claude_code.tool.blocked_on_user", Operation::Other),
    ] {
        let kind = name.strip_prefix("claude_code.").expect("prefix");
        let span = read(
            "",
            name,
            json!({"span.type": kind, "tool_name": "Bash", "tool_use_id": "toolu_1"}),
        );
        assert_eq!(span.operation, operation, "{name}");
        if let Some(tool) = span.tool {
            assert_eq!(
                (tool.name.as_str(), tool.call_id.as_deref()),
                ("Bash", Some("toolu_1"))
            );
        }
    }
}

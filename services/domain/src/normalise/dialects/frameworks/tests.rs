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
fn each_framework_reads_its_own_names() {
    let messages = "[{\"role\": \"user\", \"content\": \"Hi\"}]";
    let talk = vec!["user: hi", "=> assistant: hello"];
    let cases: [Case; 15] = [
        (
            "pipecat",
            "llm",
            json!({"gen_ai.operation.name": "chat", "input": messages, "output": "Hello"}),
            "pipecat",
            Operation::Chat,
            talk.clone(),
        ),
        (
            "pipecat",
            "turn",
            json!({"turn.number": 1, "input": "Hi", "output": "Hello"}),
            "pipecat",
            Operation::InvokeAgent,
            talk.clone(),
        ),
        (
            "pipecat",
            "stt",
            json!({"gen_ai.operation.name": "stt", "gen_ai.request.model": "m", "transcript": "Hi"}),
            "pipecat",
            Operation::Other,
            vec![],
        ),
        (
            "@mastra/otel-bridge",
            "chat m",
            json!({"mastra.span.type": "model_generation", "mastra.model_generation.input": format!("{{\"messages\": {messages}}}"), "mastra.model_generation.output": "{\"text\": \"Hello\", \"files\": []}"}),
            "mastra",
            Operation::Chat,
            talk.clone(),
        ),
        (
            "my.app",
            "x",
            json!({"mastra.span.type": "agent_run", "mastra.agent_run.input": messages, "mastra.agent_run.output": "{\"text\": \"Hello\"}"}),
            "mastra",
            Operation::InvokeAgent,
            talk.clone(),
        ),
        (
            "@mastra/otel-bridge",
            "step: 0",
            json!({"mastra.span.type": "model_step", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 3}),
            "mastra",
            Operation::Other,
            vec![],
        ),
        (
            "org.springframework.boot",
            "spring_ai chat_client",
            json!({"gen_ai.operation.name": "framework", "spring.ai.kind": "chat_client"}),
            "spring-ai",
            Operation::InvokeAgent,
            vec![],
        ),
        (
            "org.springframework.boot",
            "advisor",
            json!({"gen_ai.operation.name": "framework", "spring.ai.kind": "advisor"}),
            "spring-ai",
            Operation::Other,
            vec![],
        ),
        (
            "haystack",
            "haystack.component.run",
            json!({"haystack.component.type": "OpenAIChatGenerator", "haystack.component.input": format!("{{\"messages\": {messages}, \"streaming_callback\": null}}"), "haystack.component.output": "{\"replies\": [{\"role\": \"assistant\", \"content\": [{\"text\": \"Hello\"}]}]}"}),
            "haystack",
            Operation::Chat,
            talk.clone(),
        ),
        (
            "haystack",
            "haystack.component.run",
            json!({"haystack.component.type": "OpenAIGenerator", "haystack.component.input": "{\"prompt\": \"Hi\"}", "haystack.component.output": "{\"replies\": [\"Hello\"], \"meta\": []}"}),
            "haystack",
            Operation::Chat,
            talk.clone(),
        ),
        (
            "haystack",
            "haystack.component.run",
            json!({"haystack.component.type": "PromptBuilder", "haystack.component.input": "{\"q\": \"Hi\"}"}),
            "haystack",
            Operation::Other,
            vec![],
        ),
        (
            "openinference.instrumentation.beeai",
            "backend.openai.chat.success-1",
            json!({"openinference.span.kind": "LLM", "target": "backend.openai.chat.success", "llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.content": "Hello"}),
            "openinference",
            Operation::Chat,
            vec!["=> assistant: hello"],
        ),
        (
            "openinference.instrumentation.beeai",
            "backend.openai.chat.start-1",
            json!({"openinference.span.kind": "LLM", "target": "backend.openai.chat.start", "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "Hi"}),
            "openinference",
            Operation::Other,
            vec!["user: hi"],
        ),
        (
            "openinference.instrumentation.beeai",
            "tool.lift.finish-1",
            json!({"openinference.span.kind": "TOOL", "target": "tool.lift.finish"}),
            "openinference",
            Operation::Other,
            vec![],
        ),
        (
            "opentelemetry.instrumentation.crewai",
            "crewai.workflow",
            json!({"gen_ai.operation.name": "invoke_agent", "crewai.task.description": "Hi", "crewai.crew.result": "Hello"}),
            "crewai",
            Operation::InvokeAgent,
            talk,
        ),
    ];
    for (scope, name, attributes, label, operation, expected) in cases {
        let span = read(scope, name, attributes.clone());
        let said: Vec<String> = content(&span);
        assert_eq!(span.operation, operation, "{scope} {name} {attributes}");
        assert_eq!(said, expected, "{scope} {name} {attributes}");
        assert!(span.instrumentation.starts_with(label), "{label}");
    }
}

#[test]
fn tools_of_spring_ai() {
    let span = read(
        "org.springframework.boot",
        "tool_call f",
        json!({"gen_ai.operation.name": "framework", "spring.ai.kind": "tool_call", "spring.ai.tool.definition.name": "f", "spring.ai.tool.call.id": "c", "spring.ai.tool.call.arguments": "{\"a\": 1}", "spring.ai.tool.call.result": "[\"rye\"]"}),
    );
    let tool = span.tool.expect("a tool");
    assert_eq!(
        (tool.name.as_str(), tool.call_id.as_deref()),
        ("f", Some("c"))
    );
    assert_eq!(tool.arguments, Some(json!({"a": 1})));
    assert_eq!(tool.result, Some(json!(["rye"])));
}

use super::*;
use crate::normalise::tests::samples::{content, event, lines, map, raw, read, read_events};
use crate::normalise::{Rules, log};
use crate::raw::RawLog;
use serde_json::json;

const SCOPE: &str = "opentelemetry.instrumentation.genai.openai";

#[test]
fn operations_by_name_or_by_what_is_there() {
    for (attributes, operation) in [
        (json!({"gen_ai.operation.name": "chat"}), Operation::Chat),
        (
            json!({"gen_ai.operation.name": "generate_content"}),
            Operation::Chat,
        ),
        (
            json!({"gen_ai.operation.name": "text_completion"}),
            Operation::Completion,
        ),
        (
            json!({"gen_ai.operation.name": "embeddings"}),
            Operation::Embeddings,
        ),
        (
            json!({"gen_ai.operation.name": "execute_tool"}),
            Operation::ExecuteTool,
        ),
        (
            json!({"gen_ai.operation.name": "invoke_agent"}),
            Operation::InvokeAgent,
        ),
        (
            json!({"gen_ai.operation.name": "create_agent"}),
            Operation::CreateAgent,
        ),
        (
            json!({"gen_ai.operation.name": "invoke_workflow"}),
            Operation::Other,
        ),
        (
            json!({"gen_ai.operation.name": "something_new"}),
            Operation::Other,
        ),
        (
            json!({"gen_ai.operation.name": "something_new", "gen_ai.response.model": "m"}),
            Operation::Chat,
        ),
        (
            json!({"gen_ai.operation.name": "something_new", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 3}),
            Operation::Chat,
        ),
        (
            json!({"gen_ai.operation.name": "something_new", "gen_ai.request.model": "m", "gen_ai.prompt.0.content": "Hi"}),
            Operation::Chat,
        ),
        (
            json!({"gen_ai.operation.name": "something_new", "gen_ai.request.model": "m"}),
            Operation::Other,
        ),
        // A gateway stamps the model on whatever serves a request.
        (json!({"gen_ai.request.model": "m"}), Operation::Other),
        (
            json!({"gen_ai.request.model": "m", "gen_ai.system": "openai", "http.request.method": "POST"}),
            Operation::Other,
        ),
        (
            json!({"gen_ai.request.model": "m", "http.request.method": "POST", "gen_ai.usage.input_tokens": 3}),
            Operation::Chat,
        ),
        (
            json!({"gen_ai.request.model": "m", "gen_ai.system": "openai"}),
            Operation::Chat,
        ),
        (json!({"gen_ai.tool.name": "f"}), Operation::ExecuteTool),
        (
            json!({"mcp.method.name": "tools/call", "gen_ai.tool.name": "f"}),
            Operation::ExecuteTool,
        ),
    ] {
        let span = read(SCOPE, "x", attributes.clone());
        assert_eq!(
            (span.operation, span.is_genai),
            (operation, true),
            "{attributes}"
        );
    }
    for attributes in [
        json!({"gen_ai.conversation.id": "c", "http.request.method": "POST"}),
        json!({"traceloop.association.properties.session_id": "c"}),
        json!({"session.id": "visit"}),
        json!({}),
    ] {
        let span = read(
            "opentelemetry.instrumentation.httpx",
            "POST",
            attributes.clone(),
        );
        assert!(
            !span.is_genai && span.operation == Operation::Other,
            "{attributes}"
        );
    }
}

#[test]
fn fields_of_a_call_old_and_new() {
    let new = read(
        SCOPE,
        "chat m",
        json!({
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "m", "gen_ai.response.model": "m-1", "gen_ai.response.id": "r1",
            "gen_ai.request.previous_response.id": "r0",
            "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5,
            "gen_ai.usage.cache_read.input_tokens": 4, "gen_ai.usage.cache_write.input_tokens": 2,
            "gen_ai.usage.reasoning.output_tokens": 3, "gen_ai.usage.cost": 0.000_25,
            "gen_ai.response.finish_reasons": ["length"], "gen_ai.conversation.compacted": true,
            "user.id": "u", "enduser.id": "v", "deployment.environment.name": "prod"
        }),
    );
    assert_eq!(new.request_model.as_deref(), Some("m"));
    assert_eq!(new.response_model.as_deref(), Some("m-1"));
    assert_eq!(new.response_id.as_deref(), Some("r1"));
    assert_eq!(new.previous_response_id.as_deref(), Some("r0"));
    assert_eq!(new.finish_reason.as_deref(), Some("length"));
    assert_eq!(new.user.id.as_deref(), Some("u"));
    assert_eq!(new.environment.as_deref(), Some("prod"));
    assert!(new.compacted);
    let usage = new.usage.expect("tokens");
    assert_eq!((usage.input_tokens, usage.output_tokens), (10, 5));
    assert_eq!(
        (
            usage.cached_input_tokens,
            usage.cache_write_input_tokens,
            usage.reasoning_tokens
        ),
        (4, 2, 3)
    );
    assert_eq!(new.reported_cost.map(|cost| cost.total), Some(250_000));
    let old = read(
        SCOPE,
        "chat m",
        json!({
            "gen_ai.operation.name": "chat", "gen_ai.system": "az.ai.openai",
            "gen_ai.usage.prompt_tokens": "10", "gen_ai.usage.completion_tokens": 5.0,
            "gen_ai.usage.cost": 0
        }),
    );
    assert_eq!(old.provider.as_deref(), Some("azure.ai.openai"));
    assert_eq!(old.usage.map(|usage| usage.total_tokens()), Some(15));
    assert_eq!(
        old.reported_cost, None,
        "no price is not a price of nothing"
    );
}

#[test]
fn content_stands_in_attributes_structured_or_as_text() {
    let messages = json!([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]);
    for input in [messages.clone(), json!(messages.to_string())] {
        let span = read(
            SCOPE,
            "chat m",
            json!({
                "gen_ai.operation.name": "chat",
                "gen_ai.system_instructions": [{"type": "text", "content": "Be brief"}],
                "gen_ai.input.messages": input,
                "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "Hello"}], "finish_reason": "stop"}]
            }),
        );
        assert_eq!(
            content(&span),
            ["system: be brief", "user: hi", "=> assistant: hello"]
        );
        assert_eq!(span.finish_reason.as_deref(), Some("stop"));
        assert_eq!(
            span.attributes,
            map(json!({"gen_ai.operation.name": "chat"}))
        );
    }
}

#[test]
fn content_stands_in_events_of_every_generation() {
    let call = json!({"gen_ai.operation.name": "chat"});
    for events in [
        vec![
            event("gen_ai.system.message", json!({"content": "Be brief"})),
            event("gen_ai.user.message", json!({"content": "Hi"})),
            event(
                "gen_ai.choice",
                json!({"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}),
            ),
        ],
        vec![
            event("gen_ai.system.message", json!({"content": "Be brief"})),
            event(
                "gen_ai.user.message",
                json!({"content": "[{\"text\": \"Hi\"}]", "role": "user"}),
            ),
            event(
                "gen_ai.choice",
                json!({"finish_reason": "end_turn", "message": "[{\"text\": \"Hello\"}]"}),
            ),
        ],
        vec![
            event(
                "gen_ai.content.prompt",
                json!({"gen_ai.prompt": "[{\"role\": \"system\", \"content\": \"Be brief\"}, {\"role\": \"user\", \"content\": \"Hi\"}]"}),
            ),
            event(
                "gen_ai.content.completion",
                json!({"gen_ai.completion": "Hello"}),
            ),
        ],
        vec![
            event(
                "gen_ai.system.instructions",
                json!({"gen_ai.event.content": "[{\"type\": \"text\", \"content\": \"Be brief\"}]"}),
            ),
            event(
                "gen_ai.input.messages",
                json!({"gen_ai.event.content": "[{\"role\": \"user\", \"parts\": [{\"type\": \"text\", \"content\": \"Hi\"}]}]"}),
            ),
            event(
                "gen_ai.output.messages",
                json!({"gen_ai.event.content": "[{\"role\": \"assistant\", \"parts\": [{\"type\": \"text\", \"content\": \"Hello\"}]}]"}),
            ),
        ],
        vec![
            event(
                "gen_ai.user.message",
                json!({"gen_ai.event.content": "{\"content\": \"Hi\"}"}),
            ),
            event(
                "gen_ai.system.message",
                json!({"gen_ai.event.content": "{\"content\": \"Be brief\"}"}),
            ),
            event(
                "gen_ai.choice",
                json!({"gen_ai.event.content": "{\"message\": {\"content\": \"Hello\"}, \"finish_reason\": \"stop\"}"}),
            ),
        ],
    ] {
        let span = read_events(SCOPE, "chat", call.clone(), events.clone());
        assert_eq!(
            content(&span),
            ["system: be brief", "user: hi", "=> assistant: hello"],
            "{events:?}"
        );
    }
}

#[test]
fn other_events_stay_among_the_attributes() {
    let span = read_events(
        SCOPE,
        "chat",
        json!({"gen_ai.operation.name": "chat"}),
        vec![event("retry", json!({"attempt": 2}))],
    );
    assert_eq!(
        span.attributes["colloquy.events"],
        json!([{"name": "retry", "time_unix_nano": 7, "attributes": {"attempt": 2}}])
    );
}

#[test]
fn agents_answer_with_their_last_message_only() {
    let span = read(
        SCOPE,
        "invoke_agent a",
        json!({
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.output.messages": [
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "parts": [
                    {"type": "text", "content": "14"},
                    {"type": "tool_call", "id": "c", "name": "f", "arguments": {}},
                    {"type": "tool_call_response", "id": "c", "response": "14"}
                ]}
            ]
        }),
    );
    assert_eq!(content(&span), ["=> assistant: 14"]);
    assert_eq!(span.agent.as_deref(), Some("a"));
}

fn record(event_name: &str, attributes: Value, body: Value) -> RawLog {
    let span = raw(SCOPE, "", json!({}));
    RawLog {
        trace_id: span.trace_id,
        span_id: span.span_id,
        event_name: event_name.into(),
        time_ns: 0,
        index: 3,
        attributes: map(attributes),
        body,
        origin: span.origin,
    }
}

#[test]
fn records_carry_one_message_or_the_whole_call() {
    let read = |raw: RawLog| log(raw, 1_795_414_965_000, &Rules::default());
    let tool = read(record(
        "gen_ai.tool.message",
        json!({}),
        json!({"id": "c1", "content": "{\"a\": 1}"}),
    ))
    .expect("content");
    assert_eq!(lines(&tool.content.input), ["tool: ={\"a\":1}#c1"]);
    assert!(!tool.is_complete);
    let choice = read(record(
        "gen_ai.choice",
        json!({}),
        json!({"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": "{}"}}]}}),
    ))
    .expect("content");
    assert_eq!(lines(&choice.content.output), ["assistant: f{}#c1"]);
    assert_eq!(choice.finish_reason.as_deref(), Some("tool_calls"));
    for (attributes, body) in [
        (
            json!({"gen_ai.conversation.id": "c", "gen_ai.input.messages": [{"role": "user", "content": "Hi"}]}),
            json!({}),
        ),
        (
            json!({"gen_ai.conversation.id": "c"}),
            json!({"gen_ai.input.messages": "[{\"role\": \"user\", \"content\": \"Hi\"}]"}),
        ),
    ] {
        let whole = read(record(events::DETAILS, attributes, body)).expect("content");
        assert!(whole.is_complete);
        assert_eq!(whole.conversation_id.as_deref(), Some("c"));
        assert_eq!(lines(&whole.content.input), ["user: hi"]);
    }
    for (name, body) in [
        ("gen_ai.user.message", json!({})),
        (events::DETAILS, json!(null)),
        ("gen_ai.client.operation.exception", json!({"content": "x"})),
        ("", json!("a line of a log")),
    ] {
        assert_eq!(read(record(name, json!({}), body)), None, "{name}");
    }
}

#[test]
fn an_empty_name_does_not_hide_the_next() {
    let span = read(
        SCOPE,
        "execute_tool f",
        json!({
            "gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.arguments": "",
            "gen_ai.tool.input": "{\"a\": 1}", "gen_ai.tool.output": "2"
        }),
    );
    let tool = span.tool.expect("a tool");
    assert_eq!(tool.name, "f");
    assert_eq!(
        (tool.arguments, tool.result),
        (Some(json!({"a": 1})), Some(json!("2")))
    );
}

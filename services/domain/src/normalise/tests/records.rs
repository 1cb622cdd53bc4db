//! Words in log records and events of any name.

use crate::normalise::tests::samples::{RECORD_MS, event, lines, map, read, read_events};
use crate::normalise::{Rules, log};
use crate::raw::{Origin, RawLog};
use crate::span::{Span, SpanLog};
use serde_json::{Value, json};
use std::sync::Arc;

fn record(event_name: &str, body: Value, attributes: Value) -> Option<SpanLog> {
    let raw = RawLog {
        trace_id: crate::ids::TraceId([1; 16]),
        span_id: crate::ids::SpanId([2; 8]),
        event_name: event_name.into(),
        time_ns: 1,
        index: 0,
        attributes: map(attributes),
        body,
        origin: Arc::new(Origin::default()),
    };
    log(raw, RECORD_MS, &Rules::default())
}

#[test]
fn records_of_any_name_with_messages_are_read() {
    let asked = json!([{"role": "user", "content": "Which loaf?"}]);
    let answered = json!([{"role": "assistant", "content": "Rye."}]);
    let both = json!({"input": {"messages": asked}, "output": {"messages": answered}});
    let wrapped = json!({
        "input": {"messages": [{"role": "user", "content": {"content": "[{\"text\": \"Which loaf?\"}]"}}]},
        "output": {"messages": [{"role": "assistant", "content": {"message": "[{\"text\": \"Rye.\"}]", "finish_reason": "end_turn"}}]}
    });
    for body in [both.clone(), json!(both.to_string()), wrapped] {
        let log = record("strands.telemetry.tracer", body.clone(), json!({})).expect("content");
        assert_eq!(lines(&log.content.input), ["user: which loaf?"], "{body}");
        assert_eq!(lines(&log.content.output), ["assistant: rye."], "{body}");
        assert!(log.is_complete, "both sides of a call are all of it");
    }
    let newer = record(
        "anything",
        Value::Null,
        json!({"gen_ai.input.messages": asked, "gen_ai.output.messages": answered}),
    );
    assert_eq!(
        lines(&newer.expect("content").content.output),
        ["assistant: rye."]
    );
    let spring = record(
        "",
        json!("Chat Model Completion:\nRye.\nStill warm."),
        json!({}),
    );
    let spring = spring.expect("content");
    assert_eq!(
        lines(&spring.content.output),
        ["assistant: rye.\nstill warm."]
    );
    assert!(!spring.is_complete);
    for other in [
        json!("Started."),
        json!({"input": {"a": 1}, "output": 7}),
        Value::Null,
    ] {
        assert_eq!(
            record("app.event", other.clone(), json!({})),
            None,
            "{other}"
        );
    }
}

fn told(span: Span) -> (Option<Value>, Option<Value>) {
    let tool = span.tool.expect("a tool");
    (tool.arguments, tool.result)
}

#[test]
fn tools_that_tell_with_messages_or_events() {
    let expected = (Some(json!({"a": 1})), Some(json!("12")));
    let gemini_cli = read(
        "gemini-cli",
        "tool_call",
        json!({
            "gen_ai.operation.name": "tool_call", "gen_ai.tool.name": "f",
            "gen_ai.input.messages": "{\"callId\": \"c\", \"name\": \"f\", \"args\": {\"a\": 1}}",
            "gen_ai.output.messages": "{\"status\": \"success\", \"response\": {\"callId\": \"c\", \"responseParts\": [{\"functionResponse\": {\"id\": \"c\", \"name\": \"f\", \"response\": {\"output\": \"12\"}}}]}}"
        }),
    );
    assert_eq!(told(gemini_cli), expected);
    let claude_code = read_events(
        "com.anthropic.claude_code.tracing",
        "claude_code.tool",
        json!({"span.type": "tool", "tool_name": "f", "tool_input": "{\"a\": 1}"}),
        vec![event("tool.output", json!({"output": "12"}))],
    );
    assert_eq!(told(claude_code), expected);
    let messages = read(
        "my.app",
        "execute_tool f",
        json!({
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.input.messages": "[{\"role\": \"assistant\", \"parts\": [{\"type\": \"tool_call\", \"id\": \"c\", \"name\": \"f\", \"arguments\": {\"a\": 1}}]}]",
            "gen_ai.output.messages": "[{\"role\": \"tool\", \"parts\": [{\"type\": \"tool_call_response\", \"id\": \"c\", \"response\": \"12\"}]}]"
        }),
    );
    assert_eq!(told(messages), expected);
}

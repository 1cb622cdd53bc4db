//! Results of tools as histories tell them: of which call, and how the tool ended.

use super::CHAT;
use crate::message::{Message, Part, Role};
use crate::normalise::tests::samples::{content, read};
use crate::span::Outcome;
use serde_json::{Value, json};

/// The history of a call whose input holds these messages.
fn history(messages: Value) -> Vec<Message> {
    let attributes = json!({
        "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": messages.to_string(),
    });
    read(CHAT, "chat m", attributes).content.input
}

/// Id, name, result, and whether it is a failure, of each result in these messages.
fn results(messages: &[Message]) -> Value {
    let parts = messages.iter().flat_map(|message| &message.parts);
    let told = parts.filter_map(|part| match part {
        Part::ToolResult {
            id,
            name,
            result,
            is_error,
        } => Some(json!([id, name, result, is_error])),
        _ => None,
    });
    told.collect()
}

#[test]
fn histories_tell_results_and_failures_in_many_shapes() {
    for (message, right) in [
        // OpenAI; LangChain's status; Anthropic; Bedrock.
        (
            json!({"role": "tool", "tool_call_id": "c", "content": "4C"}),
            json!(["c", null, "4C", false]),
        ),
        (
            json!({"role": "tool", "tool_call_id": "c", "content": "boom", "status": "error"}),
            json!(["c", null, "boom", true]),
        ),
        (
            json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "boom"}], "is_error": true}]}),
            json!(["c", null, "boom", true]),
        ),
        (
            json!({"role": "user", "content": [{"toolResult": {"toolUseId": "c", "status": "error", "content": [{"text": "boom"}]}}]}),
            json!(["c", null, "boom", true]),
        ),
        // AI SDK: parts, and Sentry's object without a type.
        (
            json!({"role": "tool", "content": [{"type": "tool-result", "toolCallId": "c", "toolName": "f", "output": {"type": "error-json", "value": {"code": 7}}}]}),
            json!(["c", "f", {"code": 7}, true]),
        ),
        (
            json!({"role": "tool", "content": [{"type": "tool-error", "toolCallId": "c", "toolName": "f", "error": "boom"}]}),
            json!(["c", "f", "boom", true]),
        ),
        (
            json!({"role": "tool", "content": {"toolCallId": null, "toolName": "f", "output": "\"4C\""}}),
            json!([null, "f", "4C", false]),
        ),
        // Gemini's function response.
        (
            json!({"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"error": "boom"}}}]}),
            json!([null, "f", "boom", true]),
        ),
        // Data with the same words.
        (
            json!({"role": "tool", "tool_call_id": "c", "content": "{\"status\": \"error\", \"order\": 7}"}),
            json!(["c", null, {"status": "error", "order": 7}, false]),
        ),
        (
            json!({"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": {"error": "none"}}]}),
            json!(["c", null, {"error": "none"}, false]),
        ),
    ] {
        assert_eq!(
            results(&history(json!([message]))),
            json!([right]),
            "{message}"
        );
    }
}

#[test]
fn an_approval_is_no_result() {
    let approval = json!([{"type": "tool-approval-response", "approvalId": "a", "approved": true}]);
    let told = history(json!([{"role": "tool", "content": approval}]));
    assert_eq!(results(&told), json!([]));
}

#[test]
fn what_a_language_prints_for_nothing_is_said_by_nobody() {
    for printed in [
        json!({"role": "assistant", "content": "", "refusal": "None"}),
        json!({"role": "assistant", "content": "None", "tool_calls": "None"}),
    ] {
        assert_eq!(history(json!([printed])), []);
    }
}

#[test]
fn calls_that_langchain_could_not_read_were_made() {
    let call = json!({"type": "invalid_tool_call", "id": "c", "name": "f", "args": "{\"a\": 1", "error": "bad"});
    let told = history(json!([{"role": "assistant", "content": "", "invalid_tool_calls": [call]}]));
    let called: Vec<_> = told.iter().flat_map(Message::tool_calls).collect();
    assert_eq!(called, [(Some("c"), "f", &json!("{\"a\": 1"))]);
}

#[test]
fn results_in_an_output_stay_with_the_calls_or_are_what_the_next_call_is_given() {
    let call = json!({"role": "assistant", "parts": [{"type": "tool_call", "id": "c", "name": "f", "arguments": {}}]});
    let result = json!({"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": "4C"}]});
    let answered = |output: Value| {
        let attributes =
            json!({"gen_ai.operation.name": "chat", "gen_ai.output.messages": output.to_string()});
        read(CHAT, "chat m", attributes)
    };
    let within = answered(json!([call, result]));
    assert_eq!(
        results(&within.content.output),
        json!([["c", null, "4C", false]])
    );
    let alone = answered(json!([result]));
    assert_eq!(alone.content.output, [], "{:?}", content(&alone));
    assert_eq!(alone.content.input[0].role, Role::Tool);
}

#[test]
fn the_span_of_a_tool_tells_how_it_ended() {
    for (result, outcome) in [
        (
            json!({"content": [{"type": "text", "text": "boom"}], "isError": true}),
            Outcome::Failed,
        ),
        (json!({"status": "error", "order": 7}), Outcome::Done),
        (
            json!({"__interrupt__": [{"value": "city?"}]}),
            Outcome::Paused,
        ),
    ] {
        let attributes = json!({
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "f",
            "gen_ai.tool.call.result": result.to_string(),
        });
        let tool = read(CHAT, "execute_tool f", attributes).tool;
        assert_eq!(tool.expect("a tool").outcome, outcome, "{result}");
    }
}

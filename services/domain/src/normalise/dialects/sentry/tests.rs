use super::*;
use crate::normalise::tests::samples::{content, raw, read};
use crate::normalise::{Rules, span};
use crate::raw::{RawSpan, RawStatus};
use serde_json::json;

#[test]
fn operations_by_name_op_or_type() {
    for (attributes, operation) in [
        (
            json!({"sentry.op": "gen_ai.chat", "gen_ai.operation.name": "chat"}),
            Operation::Chat,
        ),
        (json!({"sentry.op": "gen_ai.responses"}), Operation::Chat),
        (
            json!({"sentry.op": "gen_ai.invoke_agent"}),
            Operation::InvokeAgent,
        ),
        (
            json!({"sentry.op": "gen_ai.create_agent"}),
            Operation::CreateAgent,
        ),
        (
            json!({"sentry.op": "gen_ai.execute_tool"}),
            Operation::ExecuteTool,
        ),
        (json!({"sentry.op": "gen_ai.handoff"}), Operation::Handoff),
        (
            json!({"sentry.op": "gen_ai.embeddings"}),
            Operation::Embeddings,
        ),
        (
            json!({"sentry.op": "gen_ai.evaluate", "gen_ai.operation.type": "ai_client"}),
            Operation::Chat,
        ),
        (
            json!({"sentry.op": "ai.chat_completions.create.openai"}),
            Operation::Chat,
        ),
        (
            json!({"sentry.op": "ai.run.generateText"}),
            Operation::InvokeAgent,
        ),
        (json!({"sentry.op": "ai.toolCall"}), Operation::ExecuteTool),
    ] {
        let span = read("", "x", attributes.clone());
        assert_eq!(
            (span.operation, span.is_genai),
            (operation, true),
            "{attributes}"
        );
    }
    let http = read(
        "",
        "GET",
        json!({"sentry.op": "http.client", "thread.id": "1", "gen_ai.conversation.id": "c"}),
    );
    assert!(!http.is_genai);
    assert_eq!(http.conversation_id.as_deref(), Some("c"));
}

#[test]
fn the_thread_of_the_operating_system_is_no_conversation() {
    let span = read(
        "",
        "x",
        json!({"sentry.op": "gen_ai.chat", "thread.id": "140", "thread.name": "main"}),
    );
    assert_eq!(span.conversation_id, None);
}

#[test]
fn answers_come_in_many_wrappings() {
    let call = json!([{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}}]);
    for (attributes, answer) in [
        (
            json!({"gen_ai.response.text": "Hello"}),
            vec!["=> assistant: hello"],
        ),
        (
            json!({"gen_ai.response.text": "[\"Hello\"]"}),
            vec!["=> assistant: hello"],
        ),
        (json!({"gen_ai.response.text": "None"}), vec![]),
        (
            json!({"gen_ai.response.text": "{\"content\": \"Hello\", \"refusal\": \"None\", \"role\": \"assistant\", \"tool_calls\": \"None\"}"}),
            vec!["=> assistant: hello"],
        ),
        (
            json!({"gen_ai.response.text": "[\"\"]", "gen_ai.response.tool_calls": call.to_string()}),
            vec!["=> assistant: f{\"a\":1}#c"],
        ),
        (
            json!({"gen_ai.response.tool_calls": call.to_string()}),
            vec!["=> assistant: f{\"a\":1}#c"],
        ),
        (
            json!({"gen_ai.response.text": "Hello", "gen_ai.response.tool_calls": call[0].to_string()}),
            vec!["=> assistant: hello + f{\"a\":1}#c"],
        ),
        (
            json!({"gen_ai.response.object": "{\"a\": 1}"}),
            vec!["=> assistant: {\"a\": 1}"],
        ),
        (
            json!({"gen_ai.output.messages": "[{\"role\": \"assistant\", \"parts\": [{\"type\": \"text\", \"content\": \"Hello\"}]}]", "gen_ai.response.text": "Hello", "gen_ai.response.tool_calls": "[]"}),
            vec!["=> assistant: hello"],
        ),
    ] {
        let mut with_op = attributes.clone();
        with_op["sentry.op"] = json!("gen_ai.chat");
        let span = read("", "x", with_op);
        assert_eq!(content(&span), answer, "{attributes}");
        assert_eq!(span.attributes.len(), 1, "{attributes}");
    }
}

#[test]
fn an_agents_history_stands_as_text_in_its_message() {
    let history = "[{\"role\": \"user\", \"content\": \"Hi\"}, {\"role\": \"assistant\", \"content\": [{\"type\": \"output_text\", \"text\": \"Hello\"}], \"type\": \"message\"}, {\"role\": \"user\", \"content\": \"And?\"}]";
    let messages = json!([{"role": "system", "content": [{"type": "text", "text": "Be brief"}]}, {"role": "user", "content": [{"type": "text", "text": history}]}]);
    let agent = read(
        "",
        "invoke_agent a",
        json!({"sentry.op": "gen_ai.invoke_agent", "gen_ai.request.messages": messages.to_string()}),
    );
    assert_eq!(
        content(&agent),
        [
            "system: be brief",
            "user: hi",
            "assistant: hello",
            "user: and?"
        ]
    );
}

#[test]
fn cut_histories_tell_how_long_they_were() {
    for meta in [
        json!({"sentry.sdk_meta.gen_ai.input.messages.original_length": 8}),
        json!({"_meta": "{\"gen_ai.request.messages\": {\"\": {\"len\": 8}}}"}),
        json!({"_meta": {"gen_ai.input.messages": {"": {"len": 8}}}}),
    ] {
        let mut attributes = meta.clone();
        attributes["sentry.op"] = json!("gen_ai.chat");
        attributes["gen_ai.request.messages"] =
            json!("[{\"role\": \"user\", \"content\": \"last\"}]");
        let span = read("", "x", attributes);
        assert_eq!(span.original_input_messages, Some(8), "{meta}");
        assert_eq!(content(&span), ["user: last"]);
    }
}

#[test]
fn status_words_name_the_error() {
    for (is_error, message, attributes, kind, text) in [
        (
            true,
            "internal_error",
            json!({}),
            Some("internal_error"),
            None,
        ),
        (
            true,
            "",
            json!({"sentry.status": "resource_exhausted"}),
            Some("resource_exhausted"),
            None,
        ),
        (
            true,
            "429 stub rate limit",
            json!({"error.type": "Error"}),
            Some("Error"),
            Some("429 stub rate limit"),
        ),
        (true, "", json!({}), Some("_OTHER"), None),
        (false, "", json!({"sentry.status": "cancelled"}), None, None),
        (false, "", json!({"sentry.status": "ok"}), None, None),
    ] {
        let mut attributes = attributes;
        attributes["sentry.op"] = json!("gen_ai.chat");
        let raw = RawSpan {
            status: RawStatus {
                is_error,
                message: message.into(),
            },
            ..raw("", "x", attributes)
        };
        let error = span(raw, 1_795_414_965_000, &Rules::default())
            .error
            .unwrap_or_default();
        assert_eq!(
            (error.kind.as_deref(), error.message.as_deref()),
            (kind, text),
            "{message}"
        );
    }
}

#[test]
fn tools_with_pythons_arguments_and_old_names() {
    let span = read(
        "",
        "execute_tool f",
        json!({"sentry.op": "gen_ai.execute_tool", "gen_ai.tool.name": "f", "gen_ai.tool.input": "{'a': 1, 'b': None}", "gen_ai.tool.output": "{\"type\": \"tool-result\", \"toolCallId\": \"c\", \"output\": {\"b\": 2}}"}),
    );
    let tool = span.tool.expect("a tool");
    assert_eq!(
        (tool.arguments, tool.result),
        (Some(json!({"a": 1, "b": null})), Some(json!({"b": 2})))
    );
}

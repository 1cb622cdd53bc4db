//! One utterance in every spelling that SDKs give it when they generate it, log it and send it again: each must have the
//! identity of the plain one, for the transcript tells echoes from new words by that.

use crate::ids::Digest;
use crate::message::{Message, Part, Role};
use crate::normalise::content::messages;
use crate::normalise::tests::samples::read as read_span;
use serde_json::{Value, json};

fn identities(messages: impl IntoIterator<Item = Message>) -> Vec<Digest> {
    let messages = messages.into_iter();
    messages.map(|message| message.identity()).collect()
}

fn identities_of(value: Value, role: Role) -> Vec<Digest> {
    identities(
        messages::read(value, role)
            .into_iter()
            .map(|turn| turn.message),
    )
}

/// Checks each value, and its JSON text, as a history and alone.
fn all_are(role: Role, plain: Message, variants: &[Value]) {
    let plain = identities([plain]);
    for variant in variants {
        for value in [
            variant.clone(),
            json!(variant.to_string()),
            json!([variant]),
        ] {
            let read = messages::read(value.clone(), role);
            let found = identities(read.iter().map(|turn| turn.message.clone()));
            assert_eq!(found, plain, "{value}\nwas read as {read:?}");
        }
    }
}

fn call(arguments: Value) -> Message {
    let call = Part::ToolCall {
        id: Some("c1".into()),
        name: "get_weather".into(),
        arguments,
    };
    Message {
        role: Role::Assistant,
        parts: vec![call],
    }
}

fn result(result: Value) -> Message {
    let result = Part::ToolResult {
        id: Some("c1".into()),
        name: None,
        result,
        is_error: false,
    };
    Message {
        role: Role::Tool,
        parts: vec![result],
    }
}

#[test]
fn words() {
    all_are(
        Role::User,
        Message::text_of(Role::User, "What is the weather?"),
        &[
            json!({"role": "user", "content": "What is the weather?"}),
            json!({"role": "user", "content": " What is the weather?\n"}),
            json!({"role": "human", "content": [{"type": "text", "text": "What is the weather?"}]}),
            json!({"role": "user", "content": ["What is the weather?"]}),
            json!({"role": "user", "content": [{"type": "text", "text": "What is "}, {"type": "text", "text": "the weather?"}]}),
            json!({"role": "user", "content": [{"type": "input_text", "text": "What is the weather?"}], "type": "message"}),
            json!({"role": "user", "parts": [{"type": "text", "content": "What is the weather?"}], "name": null}),
            json!({"role": "user", "parts": [{"text": "What is the weather?"}]}),
            json!({"role": "user", "content": "[{\"type\": \"text\", \"text\": \"What is the weather?\"}]"}),
            json!({"role": "user", "content": [{"text": "What is the weather?"}, {"cachePoint": {"type": "default"}}]}),
            json!({"role": "user", "content": "What is the weather?", "name": null, "tool_calls": null, "id": "m1"}),
            json!({"type": "human", "data": {"content": "What is the weather?", "example": false}}),
            json!({"lc": 1, "type": "constructor", "id": ["HumanMessage"], "kwargs": {"content": "What is the weather?"}}),
        ],
    );
}

#[test]
fn answers() {
    all_are(
        Role::Assistant,
        Message::text_of(Role::Assistant, "It is 14."),
        &[
            json!({"role": "assistant", "content": "It is 14."}),
            json!({"role": "assistant", "content": "It is 14. ", "finish_reason": "stop"}),
            json!({"role": "assistant", "parts": [{"type": "text", "content": "It is 14."}], "finish_reason": "stop", "name": null}),
            json!({"role": "model", "parts": [{"text": "It is 14."}]}),
            json!({"role": "assistant", "content": "It is 14.", "refusal": null, "tool_calls": null, "function_call": null, "audio": null, "annotations": []}),
            json!({"role": "assistant", "content": "It is 14.", "refusal": "None", "tool_calls": "None"}),
            json!({"role": "assistant", "content": [{"type": "output_text", "text": "It is 14.", "annotations": [], "logprobs": []}], "id": "msg_1", "status": "completed", "type": "message"}),
            json!({"type": "ai", "content": "It is 14.", "tool_calls": [], "invalid_tool_calls": [], "usage_metadata": {"input_tokens": 1}}),
            // Thoughts are dropped on the way back, or are not.
            json!({"role": "assistant", "reasoning_content": "Hm.", "content": "It is 14."}),
            json!({"role": "assistant", "parts": [{"type": "reasoning", "content": "Hm."}, {"type": "text", "content": "It is 14."}]}),
            json!({"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": "x"}, {"type": "text", "text": "It is 14."}]}),
            json!({"role": "model", "parts": [{"text": "Hm.", "thought": true}, {"text": "It is 14."}]}),
            json!({"role": "assistant", "content": "<think>\nHm.\n</think>\n\nIt is 14."}),
            // So is what the provider did by itself.
            json!([
                {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "weather"}},
                {"role": "assistant", "content": [{"type": "output_text", "text": "It is 14."}]}
            ]),
            json!([
                {"type": "reasoning", "id": "rs_1", "summary": []},
                {"role": "assistant", "content": [{"type": "output_text", "text": "It is 14."}]}
            ]),
            json!([{"type": "item_reference", "id": "rs_1"}, {"role": "assistant", "content": "It is 14."}]),
        ],
    );
}

#[test]
fn tool_calls() {
    let function = |arguments: Value| json!([{"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": arguments}}]);
    let object = json!({"city": "Paris", "days": 2});
    let text = object.to_string();
    let twice = json!(text).to_string();
    all_are(
        Role::Assistant,
        call(object.clone()),
        &[
            json!({"role": "assistant", "content": null, "tool_calls": function(json!(text))}),
            json!({"role": "assistant", "content": "", "tool_calls": function(object.clone())}),
            json!({"role": "assistant", "content": "None", "tool_calls": function(json!(twice))}),
            json!({"role": "assistant", "content": [""], "tool_calls": function(json!("{'days': 2, 'city': 'Paris'}"))}),
            json!({"role": "assistant", "content": "[\"\"]", "tool_calls": function(json!("{\"days\": 2.0, \"city\": \"Paris\"}"))}),
            json!({"role": "assistant", "content": [], "tool_calls": function(json!(text)).to_string()}),
            json!({"role": "assistant", "content": [{"type": "text", "text": "None"}], "tool_calls": function(json!(text))}),
            json!({"role": "assistant", "content": "null", "tool_calls": function(json!(text))[0]}),
            json!({"role": "assistant", "tool_calls": function(json!(text)), "finish_reason": "tool_calls", "name": null}),
            json!({"role": "assistant", "function_call": {"name": "get_weather", "arguments": text}}),
            json!({"role": "assistant", "parts": [{"type": "tool_call", "id": "c2", "name": "get_weather", "arguments": object}], "finish_reason": "tool_call"}),
            json!({"role": "assistant", "parts": [{"type": "text", "content": "None"}, {"type": "tool_call", "id": "c1", "name": "get_weather", "arguments": text}]}),
            json!({"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "get_weather", "input": object}]}),
            json!({"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "tool_use", "id": "c1", "name": "get_weather", "input": object}]}),
            json!({"role": "assistant", "content": [{"type": "tool-call", "toolCallId": "c1", "toolName": "get_weather", "args": object}]}),
            json!({"role": "assistant", "content": [{"toolUse": {"toolUseId": "c1", "name": "get_weather", "input": object}}]}),
            json!({"role": "model", "parts": [{"functionCall": {"name": "get_weather", "args": object}, "thoughtSignature": "x"}]}),
            json!({"role": "model", "parts": [{"function_call": {"id": null, "name": "get_weather", "args": object}}]}),
            json!({"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "get_weather", "arguments": text, "status": "completed"}),
            json!([{"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]}, {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": text}]),
            json!({"type": "ai", "content": [], "tool_calls": [{"name": "get_weather", "args": object, "id": "c1", "type": "tool_call"}]}),
            json!({"type": "ai", "content": "", "additional_kwargs": {"tool_calls": function(json!(text))}}),
        ],
    );
    all_are(
        Role::Assistant,
        call(json!({})),
        &[
            json!({"role": "assistant", "tool_calls": function(json!("{}"))}),
            json!({"role": "assistant", "tool_calls": function(json!(""))}),
            json!({"role": "assistant", "tool_calls": function(json!(null))}),
            json!({"role": "assistant", "tool_calls": function(json!({}))}),
            json!({"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "get_weather"}]}),
        ],
    );
}

#[test]
fn tool_results() {
    let object = json!({"temp": 14, "sky": "rainy"});
    let text = object.to_string();
    let twice = json!(text).to_string();
    all_are(
        Role::User,
        result(object.clone()),
        &[
            json!({"role": "tool", "tool_call_id": "c1", "content": text}),
            json!({"role": "tool", "tool_call_id": "c1", "content": twice}),
            json!({"role": "tool", "tool_call_id": "c1", "content": object}),
            json!({"role": "tool", "tool_call_id": "c1", "content": "{'temp': 14.0, 'sky': 'rainy'}"}),
            json!({"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": text}]}),
            json!({"role": "function", "name": "get_weather", "content": text}),
            json!({"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": text}]}),
            json!({"role": "user", "parts": [{"type": "tool_call_response", "id": "c1", "name": "get_weather", "result": object}]}),
            json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": text}]}),
            json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": text}], "is_error": false}]}),
            json!({"role": "user", "content": [{"toolResult": {"toolUseId": "c1", "status": "success", "content": [{"json": object}]}}]}),
            json!({"role": "user", "parts": [{"functionResponse": {"name": "get_weather", "response": {"result": text}}}]}),
            json!({"role": "function", "parts": [{"function_response": {"name": "get_weather", "response": object}}]}),
            json!({"type": "function_call_output", "call_id": "c1", "output": text}),
            json!({"role": "tool", "content": [{"type": "tool-result", "toolCallId": "c1", "toolName": "get_weather", "output": {"type": "json", "value": object}}]}),
            json!({"type": "tool", "content": text, "tool_call_id": "c1", "name": "get_weather", "status": "success"}),
        ],
    );
}

#[test]
fn media() {
    let words = |parts: Value| json!({"role": "user", "content": parts});
    let text = json!({"type": "text", "text": "What is this?"});
    all_are(
        Role::User,
        Message::text_of(Role::User, "What is this?"),
        &[
            words(json!("What is this?")),
            words(
                json!([text, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]),
            ),
            words(json!([text, {"type": "image_url", "image_url": {"url": "[Filtered]"}}])),
            words(
                json!([text, {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "[Blob substitute]"}]),
            ),
            words(
                json!([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}, text]),
            ),
            words(json!([text, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}])),
        ],
    );
}

/// What an answer is when the span reports it, and when the next call's span repeats it.
#[test]
fn an_answer_and_its_echo_across_the_names_of_a_span() {
    let calls = "[{\"id\": \"c1\", \"type\": \"function\", \"function\": {\"name\": \"f\", \"arguments\": \"{\\\"a\\\": 1}\"}}]";
    let sentry = |key: &str, value: Value| {
        let mut attributes = json!({"sentry.op": "gen_ai.chat"});
        attributes[key] = value;
        attributes
    };
    let mut said_and_called = sentry("gen_ai.response.text", json!("[\"\"]"));
    said_and_called["gen_ai.response.tool_calls"] = json!(calls);
    let echo = json!([{"role": "user", "content": "q"}, {"role": "assistant", "content": null, "tool_calls": calls}]);
    let pairs = [
        (
            said_and_called,
            sentry("gen_ai.request.messages", json!(echo.to_string())),
        ),
        (
            sentry(
                "gen_ai.response.text",
                json!(
                    "{\"content\": \"Hi\", \"refusal\": \"None\", \"role\": \"assistant\", \"tool_calls\": \"None\"}"
                ),
            ),
            sentry(
                "gen_ai.request.messages",
                json!(
                    "[{\"role\": \"user\", \"content\": \"q\"}, {\"role\": \"assistant\", \"content\": \"Hi\"}]"
                ),
            ),
        ),
        (
            json!({"llm.request.type": "chat", "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": "Hi", "gen_ai.completion.0.finish_reason": "stop"}),
            json!({"llm.request.type": "chat", "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "q", "gen_ai.prompt.1.role": "assistant", "gen_ai.prompt.1.content": "[{\"type\": \"text\", \"text\": \"Hi\"}]"}),
        ),
        (
            json!({"openinference.span.kind": "LLM", "llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.content": "Hi"}),
            json!({"openinference.span.kind": "LLM", "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "q", "llm.input_messages.1.message.role": "assistant", "llm.input_messages.1.message.contents.0.message_content.type": "text", "llm.input_messages.1.message.contents.0.message_content.text": "Hi"}),
        ),
        (
            json!({"ai.operationId": "ai.generateText.doGenerate", "ai.response.text": "Hi", "ai.response.reasoning": "Hm."}),
            json!({"ai.operationId": "ai.generateText.doGenerate", "ai.prompt.messages": "[{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"q\"}]}, {\"role\": \"assistant\", \"content\": [{\"type\": \"reasoning\", \"text\": \"Hm.\"}, {\"type\": \"text\", \"text\": \"Hi\"}]}]"}),
        ),
    ];
    for (saying, repeating) in pairs {
        let said = read_span("", "chat", saying.clone()).content.output;
        let repeated = read_span("", "chat", repeating.clone()).content.input;
        assert_eq!(said.len(), 1, "{saying}");
        assert_eq!(
            identities(said),
            identities(repeated.into_iter().skip(1)),
            "{saying}\n{repeating}"
        );
    }
}

/// An SDK that keeps 128 attributes throws the oldest away: the first message left may have lost its role.
#[test]
fn a_message_torn_by_the_attribute_limit_is_left_out() {
    let flattened = [
        json!({"llm.request.type": "chat", "gen_ai.prompt.7.content": "torn", "gen_ai.prompt.8.role": "user", "gen_ai.prompt.8.content": "whole"}),
        json!({"openinference.span.kind": "LLM", "llm.input_messages.7.message.content": "torn", "llm.input_messages.8.message.role": "user", "llm.input_messages.8.message.content": "whole"}),
    ];
    for attributes in flattened {
        let span = read_span("", "chat", attributes.clone());
        let left = identities(span.content.input);
        let whole = Message::text_of(Role::User, "whole");
        assert_eq!(left, identities([whole]), "{attributes}");
        assert_eq!(span.original_input_messages, Some(9), "{attributes}");
    }
}

/// Different words stay different, however alike they look.
#[test]
fn what_differs_stays_apart() {
    let pairs = [
        (
            json!({"role": "user", "content": "yes"}),
            json!({"role": "assistant", "content": "yes"}),
        ),
        (
            json!({"role": "user", "content": "yes"}),
            json!({"role": "user", "content": "Yes"}),
        ),
        (
            json!({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{\"a\": 1}"}}]}),
            json!({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{\"a\": 2}"}}]}),
        ),
        (
            json!({"role": "assistant", "content": "Let me see.", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}),
            json!({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}),
        ),
        (
            json!({"role": "user", "content": [{"type": "text", "text": "Which?"}, {"type": "image_url", "image_url": {"url": "https://a/1.png"}}]}),
            json!({"role": "user", "content": [{"type": "text", "text": "Which?"}, {"type": "image_url", "image_url": {"url": "https://a/2.png"}}]}),
        ),
        (
            json!({"role": "tool", "tool_call_id": "c", "content": "14"}),
            json!({"role": "tool", "tool_call_id": "c", "content": "15"}),
        ),
    ];
    for (one, other) in pairs {
        let both = [
            identities_of(one.clone(), Role::User),
            identities_of(other.clone(), Role::User),
        ];
        assert_eq!(both.each_ref().map(Vec::len), [1, 1], "{one} {other}");
        assert_ne!(both[0], both[1], "{one} {other}");
    }
}

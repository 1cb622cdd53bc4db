//! Who may read and which reading wins: what is there is read, whoever sent it.

use crate::message::Role;
use crate::normalise::dialects::detect::ALL;
use crate::normalise::draft::names;
use crate::normalise::tests::samples::{content, event, map, read, read_events};
use crate::span::Operation;
use serde_json::{Map, Value, json};

/// Scopes of SDKs with names of their own, one of none, and one that nobody knows.
const SCOPES: [&str; 12] = [
    "",
    "my.app",
    "ai",
    "litellm",
    "langsmith",
    "pydantic-ai",
    "strands.telemetry.tracer",
    "openinference.instrumentation.openai",
    "opentelemetry.instrumentation.openai.v1",
    "traceloop.tracer",
    "gcp.vertex.agent",
    "pipecat",
];

/// The attributes that say one message under a name of a table.
fn said(name: &str, role: &str, text: &str) -> Map<String, Value> {
    if let Some(prefix) = name.strip_suffix(".N") {
        return map(json!({format!("{prefix}.0.role"): role, format!("{prefix}.0.content"): text}));
    }
    let value = match name.ends_with("transcript") {
        true => json!(text),
        false => json!(json!([{"role": role, "content": text}]).to_string()),
    };
    map(json!({name: value}))
}

#[test]
fn every_name_of_every_table_is_read_under_every_scope() {
    for dialect in ALL {
        let plain = |name: &&&str| !name.contains('#') && !name.ends_with("_ref");
        let inputs = dialect.names.input.iter().filter(plain);
        let outputs = dialect.names.output.iter().filter(plain);
        let sides = inputs
            .map(|name| (name, "user", "user: hi there"))
            .chain(outputs.map(|name| (name, "assistant", "=> assistant: hi there")));
        for (name, role, line) in sides {
            for scope in SCOPES {
                let mut attributes = said(name, role, "Hi there");
                attributes.insert("gen_ai.operation.name".into(), json!("chat"));
                let span = read(scope, "chat m", Value::Object(attributes));
                assert_eq!(content(&span), [line], "{name} under {scope:?}");
                assert!(!span.is_unread);
            }
        }
    }
}

#[test]
fn every_name_of_every_table_tells_of_tools_under_every_scope() {
    for dialect in ALL {
        for scope in SCOPES {
            for name in dialect.names.tool_arguments {
                let span = read(
                    scope,
                    "execute_tool f",
                    json!({"gen_ai.operation.name": "execute_tool", *name: "{\"a\": 1}"}),
                );
                let told = span.tool.and_then(|tool| tool.arguments);
                assert_eq!(told, Some(json!({"a": 1})), "{name} under {scope:?}");
            }
            for name in dialect.names.tool_result {
                let span = read(
                    scope,
                    "execute_tool f",
                    json!({"gen_ai.operation.name": "execute_tool", *name: "done it"}),
                );
                let told = span.tool.and_then(|tool| tool.result);
                assert_eq!(told, Some(json!("done it")), "{name} under {scope:?}");
            }
        }
    }
}

#[test]
fn ids_models_and_counts_without_a_namespace_mean_something_in_their_own_dialect_alone() {
    let foreign = read(
        "my.app",
        "chat m",
        json!({"gen_ai.operation.name": "chat", "model": "T", "request_id": "r", "input_tokens": 7}),
    );
    assert_eq!((foreign.request_model, foreign.response_id), (None, None));
    assert_eq!(foreign.usage, None);
    let own = read(
        "com.anthropic.claude_code.tracing",
        "claude_code.llm_request",
        json!({"model": "claude", "input_tokens": 7}),
    );
    assert_eq!(own.request_model.as_deref(), Some("claude"));
    assert_eq!(own.usage.map(|usage| usage.input_tokens), Some(7));
    let named = read(
        "my.app",
        "chat m",
        json!({"gen_ai.operation.name": "chat", "llm.model_name": "m", "ai.response.id": "r"}),
    );
    assert_eq!(named.request_model.as_deref(), Some("m"));
    assert_eq!(named.response_id.as_deref(), Some("r"));
}

#[test]
fn of_all_that_is_there_the_best_understood_is_read() {
    let messages = "[{\"role\": \"user\", \"content\": \"Hi\"}]";
    for (attributes, expected) in [
        // Empty first candidates hide nothing.
        (
            json!({"gen_ai.input.messages": "", "gen_ai.prompt": messages}),
            "user: hi",
        ),
        (
            json!({"gen_ai.input.messages": "[]", "input.value": "Hi"}),
            "user: hi",
        ),
        (
            json!({"gen_ai.input.messages": [], "input.value": "Hi"}),
            "user: hi",
        ),
        (
            json!({"gen_ai.input.messages": "[{\"role\": \"user\"}]", "input.value": "Hi"}),
            "user: hi",
        ),
        (
            json!({"gen_ai.input.messages": null, "prompt": "Hi"}),
            "user: hi",
        ),
        // Messages before text, text before unknown JSON.
        (
            json!({"gen_ai.input.messages": "words", "input.value": messages}),
            "user: hi",
        ),
        (
            json!({"gen_ai.prompt": "{\"temperature\": 1}", "input.value": "Hi"}),
            "user: hi",
        ),
        (
            json!({"gen_ai.prompt": "{\"loaves\": 1}"}),
            "user: {\"loaves\":1}",
        ),
        // What is kept elsewhere comes last.
        (
            json!({"gen_ai.input.messages_ref": "s3://b/1", "gen_ai.prompt": "Hi"}),
            "user: hi",
        ),
        // The first of equals.
        (
            json!({"gen_ai.input.messages": messages, "input.value": "[{\"role\": \"user\", \"content\": \"Ho\"}]"}),
            "user: hi",
        ),
    ] {
        let mut attributes = map(attributes);
        attributes.insert("gen_ai.operation.name".into(), json!("chat"));
        let span = read("my.app", "chat m", Value::Object(attributes.clone()));
        let got = content(&span).join(" ").replace(": 1}", ":1}");
        assert_eq!(got, expected, "{attributes:?}");
    }
    let by_event = read_events(
        "my.app",
        "chat m",
        json!({"gen_ai.operation.name": "chat", "input.value": "{\"stream\": true}"}),
        vec![event("gen_ai.user.message", json!({"content": "Hi"}))],
    );
    assert_eq!(
        content(&by_event),
        ["user: hi"],
        "events are candidates too"
    );
}

#[test]
fn an_answer_in_pieces_is_one_and_blank_pieces_are_none() {
    for (attributes, expected) in [
        (
            json!({"ai.response.text": "", "ai.response.object": "{\"a\": 1}"}),
            "=> assistant: {\"a\": 1}",
        ),
        (
            json!({"ai.response": "{\"text\": \"Rye\", \"finishReason\": \"stop\"}"}),
            "=> assistant: rye",
        ),
        (
            json!({"gen_ai.response.text": "[\"Rye\"]", "gen_ai.response.tool_calls": "[{\"id\": \"c\", \"name\": \"f\", \"arguments\": \"{}\"}]"}),
            "=> assistant: rye + f{}#c",
        ),
        (
            json!({"gen_ai.response.text": "Rye", "gen_ai.output.messages": "[]"}),
            "=> assistant: rye",
        ),
        (
            json!({"response_data": "{\"combined_chunk_content\": \"Rye\", \"chunk_count\": 4}"}),
            "=> assistant: rye",
        ),
        (
            json!({"response_data": "{\"text\": \"Rye\", \"finish_reason\": \"stop\"}"}),
            "=> assistant: rye",
        ),
    ] {
        let mut attributes = map(attributes);
        attributes.insert("gen_ai.operation.name".into(), json!("chat"));
        let span = read("my.app", "chat m", Value::Object(attributes.clone()));
        assert_eq!(content(&span), [expected], "{attributes:?}");
    }
}

#[test]
fn only_what_is_plainly_messages_is_taken_from_what_is_around_calls() {
    let around = |attributes: Value| {
        let mut attributes = map(attributes);
        attributes.insert("gen_ai.operation.name".into(), json!("invoke_workflow"));
        read("my.app", "x", Value::Object(attributes))
    };
    let data = around(json!({"input.value": "{\"a\": 1}", "output": "text"}));
    assert!(content(&data).is_empty());
    assert_eq!(data.attributes["output"], json!("text"), "it stays there");
    let talk = around(json!({"input.value": "[{\"role\": \"user\", \"content\": \"Hi\"}]"}));
    assert_eq!(content(&talk), ["user: hi"]);
}

#[test]
fn what_is_kept_elsewhere_is_shown_by_its_address() {
    let span = read(
        "my.app",
        "chat m",
        json!({"gen_ai.operation.name": "chat", "gen_ai.input.messages_ref": "s3://b/in", "gen_ai.output.messages_ref": "s3://b/out", "gen_ai.system_instructions_ref": "s3://b/sys"}),
    );
    let roles: Vec<Role> = span
        .content
        .input
        .iter()
        .map(|message| message.role)
        .collect();
    assert_eq!(roles, [Role::User]);
    let all = content(&span).join("\n");
    for address in ["s3://b/in", "s3://b/out", "s3://b/sys"] {
        assert_eq!(all.matches(address).count(), 1, "{all}");
    }
}

#[test]
fn names_of_operations_and_what_they_do() {
    let spoken = json!({"gen_ai.request.model": "m", "gen_ai.input.messages": "[{\"role\": \"user\", \"content\": \"Hi\"}]"});
    for (name, operation) in [
        ("llm_call", Operation::Chat),
        ("realtime_inference", Operation::Chat),
        ("a word of one's own", Operation::Chat),
        ("user_prompt", Operation::InvokeAgent),
        ("tool_call", Operation::ExecuteTool),
        ("handle_conversation_turn", Operation::Other),
        ("create_conversation", Operation::Other),
        ("count_tokens", Operation::Other),
        ("generate_image", Operation::Other),
        ("stt", Operation::Other),
        ("tts", Operation::Other),
        ("files.upload", Operation::Other),
        ("create_cached_content", Operation::Other),
        ("moderations", Operation::Other),
        ("audio.transcriptions", Operation::Other),
        ("create_batch_response", Operation::Chat),
        ("image_chat", Operation::Chat),
    ] {
        let mut attributes = map(spoken.clone());
        attributes.insert("gen_ai.operation.name".into(), json!(name));
        let span = read("my.app", "x", Value::Object(attributes));
        assert_eq!(span.operation, operation, "{name}");
    }
    for marker in [
        "http.request.method",
        "http.route",
        "db.system.name",
        "rpc.system",
    ] {
        let span = read(
            "litellm",
            "x",
            json!({"gen_ai.request.model": "m", marker: "x"}),
        );
        assert_eq!(span.operation, Operation::Other, "{marker}");
    }
}

#[test]
fn what_no_rule_reads_is_counted() {
    let chat = |attributes: Value| {
        let mut attributes = map(attributes);
        attributes.insert("gen_ai.operation.name".into(), json!("chat"));
        read("my.app", "chat m", Value::Object(attributes))
    };
    for unread in [
        json!({"acme.llm.question": "Which loaf is fresh?"}),
        json!({"acme.reply": "The rye loaf."}),
        json!({"acme:messages": "[{\"who\": \"me\", \"what\": \"Which loaf?\"}]"}),
        json!({"acme.transcript": ["Which loaf?"]}),
    ] {
        assert!(chat(unread.clone()).is_unread, "{unread}");
    }
    for read in [
        json!({"acme.llm.question": "Which loaf?", "gen_ai.input.messages": "Which loaf?", "gen_ai.output.messages": "Rye."}),
        json!({"acme.response": "ok", "acme.prompt": 7, "acme.model": "the best one"}),
        json!({}),
    ] {
        assert!(!chat(read.clone()).is_unread, "{read}");
    }
    let tool = read(
        "my.app",
        "execute_tool f",
        json!({"gen_ai.operation.name": "execute_tool", "acme.result": "it is done"}),
    );
    assert!(tool.is_unread);
    let around = read(
        "my.app",
        "x",
        json!({"gen_ai.operation.name": "plan", "acme.result": "it is done"}),
    );
    assert!(!around.is_unread, "data of a chain is no talk");
}

#[test]
fn the_attribute_of_a_name() {
    for (name, attribute) in [
        ("a.b", "a.b"),
        ("a.b#c.d", "a.b"),
        ("llm.input_messages.N", "llm.input_messages"),
    ] {
        assert_eq!(names::attribute(name), attribute);
    }
}

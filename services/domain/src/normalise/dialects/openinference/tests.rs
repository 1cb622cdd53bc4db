use super::*;
use crate::normalise::tests::samples::{content, raw, read};
use crate::normalise::{Rules, span};
use crate::raw::RawSpan;
use serde_json::json;

const SCOPE: &str = "openinference.instrumentation.openai";

#[test]
fn kinds_are_operations() {
    for (kind, operation) in [
        ("LLM", Operation::Chat),
        ("TOOL", Operation::ExecuteTool),
        ("EMBEDDING", Operation::Embeddings),
        ("RERANKER", Operation::Rerank),
        ("RETRIEVER", Operation::Other),
        ("CHAIN", Operation::Other),
        ("GUARDRAIL", Operation::Other),
        ("UNHEARD_OF", Operation::Other),
    ] {
        let span = read("app", "x", json!({"openinference.span.kind": kind}));
        assert_eq!((span.operation, span.is_genai), (operation, true), "{kind}");
    }
    let named = read(
        SCOPE,
        "x",
        json!({"openinference.span.kind": "AGENT", "agent.name": "a"}),
    );
    assert_eq!(named.operation, Operation::InvokeAgent);
    let bare = read(
        SCOPE,
        "run",
        json!({"openinference.span.kind": "AGENT", "session.id": "s"}),
    );
    assert_eq!(
        bare.operation,
        Operation::Other,
        "the run around the agents"
    );
}

#[test]
fn ids_and_users_hide_in_metadata() {
    let span = read(
        SCOPE,
        "x",
        json!({
            "openinference.span.kind": "CHAIN",
            "metadata": "{\"thread_id\": \"t1\", \"user_id\": 42, \"lc_agent_name\": \"a\"}"
        }),
    );
    assert_eq!(span.conversation_id.as_deref(), Some("t1"));
    assert_eq!(span.user.id.as_deref(), Some("42"));
    assert_eq!(span.agent.as_deref(), Some("a"));
}

#[test]
fn evicted_attributes_are_made_up_for_and_told() {
    let evicted = read(
        SCOPE,
        "x",
        json!({
            "openinference.span.kind": "LLM",
            "llm.input_messages.22.message.role": "user", "llm.input_messages.22.message.content": "late",
            "llm.input_messages.23.message.role": "assistant", "llm.input_messages.23.message.content": "later"
        }),
    );
    assert_eq!(content(&evicted), ["user: late", "assistant: later"]);
    assert_eq!(evicted.original_input_messages, Some(24));
    // JavaScript's SDK refuses new attributes instead: the raw request is older and whole.
    let refused = span(
        RawSpan {
            dropped_attributes: 5,
            ..raw(
                SCOPE,
                "x",
                json!({
                    "openinference.span.kind": "LLM",
                    "input.value": "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}]}",
                    "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "a"
                }),
            )
        },
        1_795_414_965_000,
        &Rules::default(),
    );
    assert_eq!(content(&refused), ["user: a", "assistant: b"]);
    assert_eq!(
        refused.attributes["colloquy.dropped_attributes_count"],
        json!(5)
    );
}

#[test]
fn tool_parameters_are_arguments_only_without_an_input() {
    let with_input = read(
        SCOPE,
        "f",
        json!({"openinference.span.kind": "TOOL", "input.value": "{\"a\": 1}", "tool.parameters": "{\"type\": \"object\"}"}),
    );
    assert_eq!(
        with_input.tool.expect("a tool").arguments,
        Some(json!({"a": 1}))
    );
    assert!(with_input.attributes.contains_key("tool.parameters"));
    let without = read(
        SCOPE,
        "f",
        json!({"openinference.span.kind": "TOOL", "tool.parameters": "{\"a\": 1}", "output.value": "done"}),
    );
    let tool = without.tool.expect("a tool");
    assert_eq!(
        (tool.name.as_str(), tool.arguments, tool.result),
        ("f", Some(json!({"a": 1})), Some(json!("done")))
    );
}

#[test]
fn chains_keep_data_and_give_up_messages() {
    let data = read(
        SCOPE,
        "x",
        json!({"openinference.span.kind": "CHAIN", "input.value": "{\"docs\": 3}", "output.value": "42"}),
    );
    assert!(data.content.is_empty());
    assert_eq!(data.attributes["input.value"], json!("{\"docs\": 3}"));
    let talk = read(
        SCOPE,
        "x",
        json!({"openinference.span.kind": "CHAIN", "input.value": "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}", "input.mime_type": "application/json"}),
    );
    assert_eq!(content(&talk), ["user: hi"]);
    assert_eq!(talk.attributes.len(), 1);
}

#[test]
fn a_stored_response_is_continued() {
    let span = read(
        SCOPE,
        "Response",
        json!({
            "openinference.span.kind": "LLM",
            "input.value": "{\"model\": \"m\", \"previous_response_id\": \"resp_1\", \"input\": \"And then?\"}",
            "output.value": "{\"id\": \"resp_2\", \"model\": \"m-1\", \"output\": [{\"type\": \"message\", \"role\": \"assistant\", \"content\": [{\"type\": \"output_text\", \"text\": \"Then.\"}]}]}"
        }),
    );
    assert_eq!(span.previous_response_id.as_deref(), Some("resp_1"));
    assert_eq!(span.response_id.as_deref(), Some("resp_2"));
    assert_eq!(span.response_model.as_deref(), Some("m-1"));
    assert_eq!(content(&span), ["user: and then?", "=> assistant: then."]);
    assert!(!span.attributes.contains_key("input.value"));
}

#[test]
fn what_builds_a_request_is_no_call() {
    let request = json!({"messages": [{"role": "user", "content": "Hi"}], "tools": [], "tool_choice": "auto"});
    for (more, operation) in [
        (json!({}), Operation::Other),
        (json!({"llm.token_count.total": 3}), Operation::Chat),
        (
            json!({"llm.output_messages.0.message.role": "assistant"}),
            Operation::Chat,
        ),
        (
            json!({"output.value": "{\"messages\": [{\"role\": \"assistant\", \"content\": \"Hi\"}]}"}),
            Operation::Chat,
        ),
    ] {
        let mut attributes = json!({
            "openinference.span.kind": "LLM", "llm.model_name": "m", "output.value": request.to_string()
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            attributes[key] = value.clone();
        }
        let span = read(SCOPE, "OpenAI._prepare_chat_with_tools", attributes);
        assert_eq!(span.operation, operation, "{more}");
    }
}

#[test]
fn messages_with_nothing_but_a_role_are_read_from_the_raw_values() {
    let raw = json!({"messages": [[
        {"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", "SystemMessage"], "kwargs": {"content": [{"type": "text", "text": "Be brief."}]}},
        {"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", "HumanMessage"], "kwargs": {"content": "Hi"}}
    ]]});
    let flat = json!({
        "openinference.span.kind": "LLM",
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.1.message.role": "user", "llm.input_messages.1.message.content": "Hi"
    });
    let mut attributes = flat.clone();
    attributes["input.value"] = json!(raw.to_string());
    let span = read(SCOPE, "ChatOpenAI", attributes);
    assert_eq!(content(&span), ["system: be brief.", "user: hi"]);
    let mut attributes = flat;
    attributes["input.value"] = json!("Hi");
    let span = read(SCOPE, "ChatOpenAI", attributes);
    assert_eq!(
        content(&span),
        ["user: hi"],
        "what is flattened, where the raw value says less"
    );
}

//! OpenInference (Arize Phoenix): messages flattened into attributes, and once more as raw JSON beside them.

use super::dialect::{Dialect, Names};
use super::draft::Draft;
use super::fields::Fields;
use super::messages::{self, Turn};
use super::{flat, json, operation, tool_value};
use crate::message::Role;
use crate::span::Operation;
use serde_json::Value;

pub(super) static DIALECT: Dialect = Dialect {
    label: "openinference",
    names: &Names {
        agent: &["agent.name", "graph.node.id", "metadata#lc_agent_name"],
        tool_name: &["tool.name"],
        tool_call_id: &["tool.id", "tool_call.id"],
        request_model: &[
            "llm.request.model_name",
            "llm.invocation_parameters#model",
            "llm.model_name",
            "embedding.model_name",
            "reranker.model_name",
        ],
        response_model: &["llm.response.model_name", "llm.model_name"],
        provider: &["llm.provider", "llm.system"],
        finish_reason: &["llm.finish_reason"],
        input_tokens: &["llm.token_count.prompt"],
        output_tokens: &["llm.token_count.completion"],
        total_tokens: &["llm.token_count.total"],
        cached_tokens: &["llm.token_count.prompt_details.cache_read"],
        cache_write_tokens: &["llm.token_count.prompt_details.cache_write"],
        reasoning_tokens: &["llm.token_count.completion_details.reasoning"],
        cost_total: &["llm.cost.total"],
        cost_input: &["llm.cost.prompt"],
        cost_output: &["llm.cost.completion"],
        ..Names::NONE
    },
    operation: read_operation,
    content: read_content,
};

fn read_operation(fields: &Fields, _: &str) -> Option<Operation> {
    let kind = fields.str("openinference.span.kind")?;
    let operation = operation::by_name(kind).unwrap_or_default();
    // OpenAI's Agents report the run around the agents as an agent too. It alone tells nothing of itself.
    const TELLING: [&str; 4] = ["agent.name", "graph.node.id", "input.value", "output.value"];
    let is_bare =
        operation == Operation::InvokeAgent && !TELLING.iter().any(|name| fields.has(name));
    Some(if is_bare { Operation::Other } else { operation })
}

fn read_content(draft: &mut Draft) {
    if draft.operation == Operation::ExecuteTool {
        return read_tool(draft);
    }
    let flat_input = flat::take(draft.fields.map_mut(), "llm.input_messages");
    let flat_output = flat::take(draft.fields.map_mut(), "llm.output_messages");
    let raw_input = draft.fields.take("input.value");
    let raw_output = draft.fields.take("output.value");
    if !draft.operation.is_llm() {
        read_wrapper(draft, "input", raw_input, Role::User);
        read_wrapper(draft, "output", raw_output, Role::Assistant);
        return;
    }
    read_identifiers(draft, raw_input.as_ref(), raw_output.as_ref());
    let mut first = 0;
    let mut last = 0;
    let input = flat_input.map(|flattened| {
        (first, last) = (flattened.first, flattened.last);
        messages::read(flattened.items, Role::User)
    });
    let input = longer(draft.dropped_attributes, input, raw_input, Role::User);
    if first > 0 && draft.original_input_messages.is_none() {
        // The SDK threw away its oldest attributes, which are the oldest messages.
        draft.original_input_messages = u32::try_from(last.saturating_add(1)).ok();
    }
    draft.push_input(input);
    let output = flat_output.map(|flattened| messages::read(flattened.items, Role::Assistant));
    let output = longer(
        draft.dropped_attributes,
        output,
        raw_output,
        Role::Assistant,
    );
    draft.push_output(output);
    draft
        .fields
        .remove_all(&["input.mime_type", "output.mime_type"]);
}

/// The flattened messages, unless there are none or attributes were thrown away and the raw JSON holds more.
fn longer(
    dropped_attributes: u32,
    flattened: Option<Vec<Turn>>,
    raw: Option<Value>,
    role: Role,
) -> Vec<Turn> {
    let flattened = flattened.unwrap_or_default();
    if !flattened.is_empty() && dropped_attributes == 0 {
        return flattened;
    }
    let raw = raw.map(|raw| messages::read(raw, role)).unwrap_or_default();
    if raw.len() > flattened.len() {
        raw
    } else {
        flattened
    }
}

/// Chains and agents: only the raw values are whole; their flattened messages hold the first one at best.
fn read_wrapper(draft: &mut Draft, side: &str, raw: Option<Value>, role: Role) {
    let Some(raw) = raw else { return };
    let turns = if draft.operation == Operation::InvokeAgent {
        messages::read(raw, role)
    } else {
        match messages::read_strictly(raw, role) {
            Ok(turns) => turns,
            Err(raw) => return draft.fields.put(&format!("{side}.value"), raw),
        }
    };
    draft.fields.take(&format!("{side}.mime_type"));
    match role {
        Role::User => draft.push_input(turns),
        _ => draft.push_output(turns),
    }
}

/// The ids that stand only in the raw request and response.
fn read_identifiers(draft: &mut Draft, input: Option<&Value>, output: Option<&Value>) {
    const PREVIOUS: &str = "previous_response_id";
    let text = |value: &Value, key: &str| -> Option<String> {
        let text = value.get(key)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    // Requests are large, and few continue a stored response: look before parsing.
    draft.previous_response_id = input
        .and_then(Value::as_str)
        .filter(|request| request.contains(PREVIOUS))
        .and_then(|request| text(&json::structure(request)?, PREVIOUS));
    let Some(response) = output.and_then(Value::as_str).and_then(json::structure) else {
        return;
    };
    draft.response_id = text(&response, "id");
    draft.response_model = text(&response, "model");
    if draft.response_id.is_none() {
        let said = messages::read(response, Role::Assistant).into_iter().next();
        draft.response_id = said.and_then(|turn| turn.response.id);
    }
}

fn read_tool(draft: &mut Draft) {
    draft.tool_arguments = draft
        .fields
        .take("input.value")
        .map(tool_value::arguments)
        // Some instrumentations put the arguments here, others the schema; where there is an input it is the schema.
        .or_else(|| {
            draft
                .fields
                .take("tool.parameters")
                .map(tool_value::arguments)
        });
    draft.tool_result = draft.fields.take("output.value").map(tool_value::result);
    draft
        .fields
        .remove_all(&["input.mime_type", "output.mime_type"]);
}

#[cfg(test)]
mod tests {
    use super::super::samples::{content, raw, read};
    use super::super::{Rules, span};
    use super::*;
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
}

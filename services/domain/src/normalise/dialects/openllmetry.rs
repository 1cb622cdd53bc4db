//! OpenLLMetry (Traceloop): since 0.55 the names of the convention, before that flattened `gen_ai.prompt.N.…`.

use super::dialect::Dialect;
use crate::message::Role;
use crate::normalise::content::{messages, tool_value};
use crate::normalise::draft::Draft;
use crate::normalise::draft::names::Names;
use crate::normalise::draft::operation;
use crate::normalise::values::fields::Fields;
use crate::normalise::values::flat;
use crate::span::Operation;
use serde_json::Value;

pub(crate) static DIALECT: Dialect = Dialect {
    label: "openllmetry",
    names: &Names {
        finish_reason: &["gen_ai.completion.0.finish_reason"],
        total_tokens: &["llm.usage.total_tokens"],
        reasoning_tokens: &["llm.usage.reasoning_tokens"],
        cached_tokens: &["llm.usage.cache_read_input_tokens"],
        cache_write_tokens: &["llm.usage.cache_creation_input_tokens"],
        ..Names::NONE
    },
    operation: read_operation,
    content: read_content,
};

fn read_operation(fields: &Fields, name: &str) -> Option<Operation> {
    let kind = fields
        .str("llm.request.type")
        .or_else(|| fields.str("traceloop.span.kind"));
    match (fields.str("gen_ai.operation.name"), kind) {
        (Some(operation), _) => operation::by_name(operation),
        (None, Some(kind)) => Some(operation::by_name(kind).unwrap_or_default()),
        // Attributes were thrown away; the messages are left.
        (None, None) => {
            (name.ends_with(".chat") || name.ends_with(".response")).then_some(Operation::Chat)
        }
    }
}

fn read_content(draft: &mut Draft) {
    if draft.operation == Operation::ExecuteTool {
        return read_tool(draft);
    }
    if let Some(flattened) = flat::take(draft.fields.map_mut(), "gen_ai.prompt") {
        if flattened.first > 0 {
            draft.original_input_messages = u32::try_from(flattened.last.saturating_add(1)).ok();
        }
        draft.add_input(flattened.items);
    }
    if let Some(flattened) = flat::take(draft.fields.map_mut(), "gen_ai.completion") {
        draft.add_output(flattened.items);
    }
    read_entity(draft, "traceloop.entity.input", Role::User);
    read_entity(draft, "traceloop.entity.output", Role::Assistant);
}

/// What a workflow was given and gave back. Mere data stays where it is.
fn read_entity(draft: &mut Draft, name: &str, role: Role) {
    let is_known = match role {
        Role::User => !draft.content.input.is_empty(),
        _ => !draft.content.output.is_empty(),
    };
    if is_known {
        return;
    }
    let Some(value) = draft.fields.take(name) else {
        return;
    };
    match messages::read_strictly(value, role) {
        Ok(turns) if role == Role::User => draft.push_input(turns),
        Ok(turns) => draft.push_output(turns),
        Err(value) => draft.fields.put(name, value),
    }
}

fn read_tool(draft: &mut Draft) {
    draft.tool_arguments = draft
        .fields
        .take("traceloop.entity.input")
        .map(call_arguments);
    if let Some(result) = draft.fields.take("traceloop.entity.output") {
        draft.add_tool_result(result);
    }
}

/// The SDK's decorator writes a Python call, `{"args": […], "kwargs": {…}}`, whose named arguments alone are the
/// arguments. Its LangChain instrumentation writes `{"input_str": "…", "inputs": {…}, …}`.
fn call_arguments(value: Value) -> Value {
    let Value::Object(mut call) = tool_value::arguments(value) else {
        return Value::Null;
    };
    let positional = call.get("args").and_then(Value::as_array);
    if positional.is_some_and(|args| !args.is_empty()) {
        return Value::Object(call);
    }
    ["inputs", "input_str", "kwargs"]
        .iter()
        .find_map(|key| call.remove(*key).filter(|value| !value.is_null()))
        .map_or(Value::Object(call), tool_value::arguments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::tests::samples::{content, read};
    use serde_json::json;

    const SCOPE: &str = "opentelemetry.instrumentation.langchain";

    #[test]
    fn kinds_are_operations() {
        for (attributes, operation) in [
            (json!({"llm.request.type": "chat"}), Operation::Chat),
            (
                json!({"llm.request.type": "completion"}),
                Operation::Completion,
            ),
            (
                json!({"llm.request.type": "embedding"}),
                Operation::Embeddings,
            ),
            (json!({"llm.request.type": "rerank"}), Operation::Rerank),
            (json!({"traceloop.span.kind": "workflow"}), Operation::Other),
            (json!({"traceloop.span.kind": "task"}), Operation::Other),
            (
                json!({"traceloop.span.kind": "agent", "traceloop.entity.name": "a"}),
                Operation::InvokeAgent,
            ),
            (
                json!({"traceloop.span.kind": "tool"}),
                Operation::ExecuteTool,
            ),
            (
                json!({"gen_ai.operation.name": "chat", "traceloop.span.kind": "task"}),
                Operation::Chat,
            ),
        ] {
            let span = read(SCOPE, "x", attributes.clone());
            assert_eq!(span.operation, operation, "{attributes}");
        }
        let evicted = read(
            "opentelemetry.instrumentation.openai.v1",
            "openai.chat",
            json!({"gen_ai.prompt.30.role": "user", "gen_ai.prompt.30.content": "late"}),
        );
        assert_eq!(evicted.operation, Operation::Chat);
        assert_eq!(evicted.original_input_messages, Some(31));
    }

    #[test]
    fn flattened_messages_come_back_together() {
        let span = read(
            SCOPE,
            "openai.chat",
            json!({
                "llm.request.type": "chat",
                "gen_ai.prompt.0.role": "system", "gen_ai.prompt.0.content": "Be brief",
                "gen_ai.prompt.1.role": "user", "gen_ai.prompt.1.content": "[{\"type\": \"text\", \"text\": \"Hi\"}]",
                "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.finish_reason": "tool_calls",
                "gen_ai.completion.0.tool_calls.0.id": "c0", "gen_ai.completion.0.tool_calls.0.name": "f",
                "gen_ai.completion.0.tool_calls.0.arguments": "{\"a\": 1}",
                "gen_ai.completion.0.tool_calls.1.id": "c1", "gen_ai.completion.0.tool_calls.1.name": "g",
                "gen_ai.completion.0.tool_calls.1.arguments": "{}",
                "llm.usage.total_tokens": 12, "gen_ai.usage.prompt_tokens": 10
            }),
        );
        assert_eq!(
            content(&span),
            [
                "system: be brief",
                "user: hi",
                "=> assistant: f{\"a\":1}#c0 + g{}#c1"
            ]
        );
        assert_eq!(span.finish_reason.as_deref(), Some("tool_calls"));
        assert_eq!(
            span.usage
                .map(|usage| (usage.input_tokens, usage.output_tokens)),
            Some((10, 2))
        );
    }

    #[test]
    fn tools_are_called_as_python_calls() {
        for (input, arguments) in [
            ("{\"args\": [], \"kwargs\": {\"a\": 1}}", json!({"a": 1})),
            (
                "{\"args\": [1], \"kwargs\": {}}",
                json!({"args": [1], "kwargs": {}}),
            ),
            (
                "{\"input_str\": \"{'a': 1}\", \"tags\": []}",
                json!({"a": 1}),
            ),
            (
                "{\"inputs\": {\"a\": 1}, \"input_str\": \"x\", \"kwargs\": {\"name\": \"f\"}}",
                json!({"a": 1}),
            ),
        ] {
            let span = read(
                SCOPE,
                "f.tool",
                json!({"traceloop.span.kind": "tool", "traceloop.entity.name": "f", "traceloop.entity.input": input, "traceloop.entity.output": "\"done\""}),
            );
            let tool = span.tool.expect("a tool");
            assert_eq!(tool.name, "f");
            assert_eq!(tool.arguments.unwrap_or_default(), arguments, "{input}");
            assert_eq!(tool.result, Some(json!("done")));
        }
    }

    #[test]
    fn workflows_give_messages_or_keep_their_data() {
        let talk = read(
            SCOPE,
            "x.workflow",
            json!({"traceloop.span.kind": "workflow", "traceloop.entity.input": "{\"inputs\": {\"messages\": [[\"human\", \"x\"]]}}", "traceloop.entity.output": "{\"outputs\": {\"messages\": [{\"type\": \"ai\", \"content\": \"Hi\"}]}}"}),
        );
        assert_eq!(content(&talk), ["=> assistant: hi"]);
        assert!(talk.attributes.contains_key("traceloop.entity.input"));
    }
}

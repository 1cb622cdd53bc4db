//! OpenLLMetry (Traceloop): since 0.55 the names of the convention, before that flattened `gen_ai.prompt.N.…`.

use super::dialect::{Dialect, Names};
use super::draft::Draft;
use super::fields::Fields;
use super::{flat, json, messages, operation, tool_value};
use crate::message::Role;
use crate::span::Operation;
use serde_json::Value;

pub(super) static DIALECT: Dialect = Dialect {
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
    draft.tool_result = draft
        .fields
        .take("traceloop.entity.output")
        .map(tool_value::result);
}

/// The SDK's decorator writes a Python call: `{"args": […], "kwargs": {…}}`. Named arguments alone are the arguments.
fn call_arguments(value: Value) -> Value {
    let Value::Object(mut call) = tool_value::arguments(value) else {
        return Value::Null;
    };
    let positional = call
        .get("args")
        .and_then(Value::as_array)
        .is_some_and(|args| !args.is_empty());
    match call.remove("kwargs") {
        Some(named) if !positional => tool_value::arguments(named),
        Some(named) => {
            call.insert("kwargs".into(), named);
            Value::Object(call)
        }
        // LangChain: {"input_str": "{'city': …}", "tags": …} or {"inputs": {…}}.
        None => match ["input_str", "inputs"]
            .iter()
            .find_map(|key| call.remove(*key))
        {
            Some(Value::String(text)) => json::structure(&text).unwrap_or(Value::String(text)),
            Some(inputs) => inputs,
            None => Value::Object(call),
        },
    }
}

//! What a tool span tells: what the tool was given and what it gave back, by name, in events, or as messages.

use super::reading::is_told;
use super::{Draft, events, unread};
use crate::message::{Message, Part, Role};
use crate::normalise::content::{messages, tool_value};
use crate::normalise::values::json;
use crate::span::Outcome;
use serde_json::{Map, Value};

pub(super) fn read(draft: &mut Draft) {
    for name in draft.list(|names| names.tool_arguments) {
        let arguments = |value| match name {
            PYTHON_CALL => call_arguments(value),
            _ => tool_value::arguments(value),
        };
        let known = draft.tool_arguments.take();
        draft.tool_arguments = first_named(draft, name, known, arguments);
    }
    for name in draft.list(|names| names.tool_result) {
        let known = draft.tool_result.take();
        let mut outcome = draft.tool_outcome;
        draft.tool_result = first_named(draft, name, known, |value| {
            let told = tool_value::told(value);
            outcome = outcome.max(told.outcome);
            told.value
        });
        draft.tool_outcome = outcome;
    }
    read_events(draft);
    read_messages(draft);
    draft
        .fields
        .remove_all(&["input.mime_type", "output.mime_type"]);
    unread::look(draft);
}

/// Where OpenLLMetry's decorator and its LangChain instrumentation write how a Python function was called.
const PYTHON_CALL: &str = "traceloop.entity.input";

/// The decorator writes `{"args": […], "kwargs": {…}}`, whose named arguments alone are the arguments. LangChain's
/// instrumentation writes `{"input_str": "…", "inputs": {…}, …}`.
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

/// The earlier value unless it says nothing.
fn first_told(earlier: Option<Value>, later: Option<Value>) -> Option<Value> {
    let told = |value: &Value| !value.is_null();
    earlier.filter(told).or(later.filter(told))
}

/// The value that is known, else that of the named attribute. One that says something else stays where it is.
fn first_named(
    draft: &mut Draft,
    name: &str,
    known: Option<Value>,
    mut read: impl FnMut(Value) -> Value,
) -> Option<Value> {
    let Some(held) = draft.fields.take(name) else {
        return known;
    };
    match known {
        None => Some(read(held)).filter(|value| !value.is_null()),
        Some(known) => {
            if known != read(held.clone()) {
                draft.fields.put(name, held);
            }
            Some(known)
        }
    }
}

/// Events that are named after what they hold (Claude Code).
const INPUT_EVENTS: [&str; 2] = ["tool.input", "tool.arguments"];
const OUTPUT_EVENTS: [&str; 3] = ["tool.output", "tool.result", "gen_ai.tool.result"];
/// Where it stands in them.
const INPUT_KEYS: [&str; 4] = ["input", "arguments", "tool_input", "content"];
const OUTPUT_KEYS: [&str; 5] = ["output", "result", "tool_output", "content", "response"];

fn read_events(draft: &mut Draft) {
    let mut others = Vec::new();
    for mut event in std::mem::take(&mut draft.events) {
        let mut first = |keys: &[&str]| {
            let mut held = keys.iter().filter_map(|key| event.attributes.remove(*key));
            held.find(is_told)
        };
        match event.name.as_str() {
            name if INPUT_EVENTS.contains(&name) => {
                let arguments = first(&INPUT_KEYS).map(tool_value::arguments);
                draft.tool_arguments = first_told(draft.tool_arguments.take(), arguments);
            }
            name if OUTPUT_EVENTS.contains(&name) => {
                if let Some(result) = first(&OUTPUT_KEYS) {
                    draft.add_tool_result(result);
                }
            }
            _ => {
                others.push(event);
                continue;
            }
        }
        if !event.attributes.is_empty() {
            others.push(event);
        }
    }
    draft.events = others;
}

/// Tools that tell of themselves as calls do: with messages, in attributes or events.
fn read_messages(draft: &mut Draft) {
    let spoken = events::spoken(draft);
    let mut inputs = spoken.input;
    let mut outputs = spoken.output;
    for name in draft.list(|names| names.input) {
        inputs.extend(draft.fields.take(name).filter(is_told));
    }
    for name in draft.list(|names| names.output) {
        outputs.extend(draft.fields.take(name).filter(is_told));
    }
    let mut said: Vec<Message> = Vec::new();
    for value in inputs {
        match messages::read_strictly(value, Role::User) {
            Ok(turns) => said.extend(turns.into_iter().map(|turn| turn.message)),
            Err(value) => {
                let arguments = Some(request_arguments(tool_value::arguments(value)));
                draft.tool_arguments = first_told(draft.tool_arguments.take(), arguments);
            }
        }
    }
    for value in outputs {
        match messages::read_strictly(opened_response(value), Role::Tool) {
            Ok(turns) => said.extend(turns.into_iter().map(|turn| turn.message)),
            Err(value) => draft.add_tool_result(value),
        }
    }
    for part in said.into_iter().flat_map(|message| message.parts) {
        match part {
            Part::ToolCall { arguments, .. } => {
                draft.tool_arguments = first_told(draft.tool_arguments.take(), Some(arguments));
            }
            Part::ToolResult {
                result, is_error, ..
            } => {
                draft.tool_result = first_told(draft.tool_result.take(), Some(result));
                if is_error {
                    draft.tool_outcome = Outcome::Failed;
                }
            }
            _ => {}
        }
    }
}

/// The arguments within a request that names the call too: `{"callId":…,"name":…,"args":{…}}` (Gemini CLI).
fn request_arguments(value: Value) -> Value {
    match value {
        Value::Object(mut map) if map.contains_key("name") => ["args", "arguments", "input"]
            .iter()
            .find_map(|key| map.remove(*key))
            .map_or(Value::Object(map), tool_value::arguments),
        other => other,
    }
}

/// What a tool gave back within a report on its run: `{"status":…,"response":{"responseParts":[…]}}` (Gemini CLI).
fn opened_response(value: Value) -> Value {
    let parsed = match &value {
        Value::String(text) if text.contains("responseParts") => json::structure(text),
        Value::Object(_) => Some(value.clone()),
        _ => None,
    };
    let parts = parsed.and_then(|report| {
        let response = report.get("response")?;
        let key = ["responseParts", "resultDisplay"];
        key.iter().find_map(|key| response.get(*key)).cloned()
    });
    match parts {
        Some(Value::Array(parts)) => {
            let message = [("role", "tool".into()), ("parts", Value::Array(parts))];
            let message = message.map(|(key, value)| (key.to_owned(), value));
            Value::Object(Map::from_iter(message))
        }
        Some(other) => other,
        None => value,
    }
}

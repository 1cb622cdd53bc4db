//! The content of a span: from its attributes, else from its events.

use super::Draft;
use super::events;
use super::names::{List, Names};
use crate::message::{Message, Part, Role};
use crate::normalise::content::{messages, tool_value};
use crate::span::{Operation, Outcome};
use rustc_hash::FxHashSet;
use serde_json::Value;

/// Moves everything that was said out of attributes and events into the draft's content or tool.
pub(crate) fn read(draft: &mut Draft) {
    if draft.operation == Operation::ExecuteTool {
        read_tool(draft);
        return;
    }
    read_named(draft, |names| names.system, Place::System);
    read_named(draft, |names| names.input, Place::Input);
    read_named(draft, |names| names.output, Place::Output);
    events::read(draft);
    settle(draft);
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    System,
    Input,
    Output,
}

/// Reads the first of the named attributes that holds messages; the others, which repeat it, are removed.
fn read_named(draft: &mut Draft, pick: fn(&Names) -> List, place: Place) {
    let names = draft.names(pick);
    let names = names.iter().flat_map(|names| names.iter().copied());
    // Spans around the calls carry data of any kind under these names: only what is plainly messages is taken.
    let strictly = matches!(
        draft.operation,
        Operation::Other | Operation::Embeddings | Operation::Rerank
    );
    let mut found = match place {
        Place::System => false,
        Place::Input => !draft.content.input.is_empty(),
        Place::Output => !draft.content.output.is_empty(),
    };
    for name in names {
        if found && place != Place::System {
            draft.fields.take(name);
            continue;
        }
        let Some(value) = draft.fields.take(name) else {
            continue;
        };
        let role = match place {
            Place::System => {
                draft.add_system(value);
                continue;
            }
            Place::Input => Role::User,
            Place::Output => Role::Assistant,
        };
        let turns = if strictly {
            match messages::read_strictly(value, role) {
                Ok(turns) => turns,
                Err(value) => {
                    draft.fields.put(name, value);
                    continue;
                }
            }
        } else {
            messages::read(value, role)
        };
        found = !turns.is_empty();
        match place {
            Place::Output => draft.push_output(turns),
            _ => draft.push_input(turns),
        }
    }
}

/// A tool span tells what the tool was given and what it gave back, by name or as messages.
fn read_tool(draft: &mut Draft) {
    for name in draft.names(|names| names.tool_arguments).concat() {
        let arguments = draft.fields.take(name).map(tool_value::arguments);
        draft.tool_arguments = first_told(draft.tool_arguments.take(), arguments);
    }
    for name in draft.names(|names| names.tool_result).concat() {
        if let Some(result) = draft.fields.take(name) {
            draft.add_tool_result(result);
        }
    }
    events::read(draft);
    let parts = |messages: Vec<Message>| messages.into_iter().flat_map(|message| message.parts);
    let content = std::mem::take(&mut draft.content);
    for part in parts(content.input).chain(parts(content.output)) {
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

/// The earlier value unless it says nothing.
fn first_told(earlier: Option<Value>, later: Option<Value>) -> Option<Value> {
    let told = |value: &Value| !value.is_null();
    earlier.filter(told).or(later.filter(told))
}

/// Leaves as output only what the span answered with.
fn settle(draft: &mut Draft) {
    let output = &mut draft.content.output;
    if draft.operation.is_llm() {
        if output.iter().any(|message| message.role == Role::Assistant) {
            keep_results(output);
            output.retain(|message| message.role == Role::Assistant);
        } else {
            // Results alone are no answer: they are what the next call is given.
            let results = output.extract_if(.., |message| message.tool_results().next().is_some());
            draft.content.input.extend(results);
        }
        for message in output {
            message.role = Role::Assistant;
        }
        return;
    }
    // An agent or chain gives back the whole history; its answer is the last message of the assistant.
    let answer = output
        .iter()
        .rposition(|message| message.role == Role::Assistant);
    *output = answer
        .map(|at| vec![output.swap_remove(at)])
        .unwrap_or_default();
    output.iter_mut().for_each(forget_answered_calls);
    output.retain(|message| !message.parts.is_empty());
}

/// What came back within an answer (Google GenAI's automatic calls, tools that the provider ran) stays with the message that
/// called.
fn keep_results(output: &mut [Message]) {
    let mut calls: Option<usize> = None;
    for index in 0..output.len() {
        if output[index].role == Role::Assistant {
            let is_calling = output[index].tool_calls().next().is_some();
            calls = if is_calling { Some(index) } else { calls };
        } else if let Some(calls) = calls.filter(|_| output[index].role == Role::Tool) {
            let parts = std::mem::take(&mut output[index].parts);
            let is_result = |part: &Part| matches!(part, Part::ToolResult { .. });
            output[calls]
                .parts
                .extend(parts.into_iter().filter(is_result));
        }
    }
}

/// The calls that were answered within one message are the agent's inner steps, not its answer.
fn forget_answered_calls(message: &mut Message) {
    let answered: FxHashSet<Option<String>> = message
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::ToolResult { id, .. } => Some(id.clone()),
            _ => None,
        })
        .collect();
    if answered.is_empty() {
        return;
    }
    message.parts.retain(|part| match part {
        Part::ToolResult { .. } => false,
        Part::ToolCall { id, .. } => !answered.contains(id),
        _ => true,
    });
}

//! Strands Agents: messages as span events; the provider is always `strands-agents`.

use super::dialect::{Dialect, Names};
use super::draft::Draft;
use super::fields::Fields;
use super::tool_value;
use crate::span::Operation;

pub(super) static DIALECT: Dialect = Dialect {
    label: "strands",
    names: &Names {
        agent: &["gen_ai.agent.name", "agent.name"],
        tool_name: &["gen_ai.tool.name", "tool.name"],
        tool_call_id: &["gen_ai.tool.call.id", "tool.id"],
        system: &["system_prompt"],
        ..Names::NONE
    },
    operation: read_operation,
    content: read_content,
};

fn read_operation(fields: &Fields, name: &str) -> Option<Operation> {
    if fields.has("gen_ai.operation.name") {
        return None;
    }
    // Versions before 1.0 tell it by the span's name alone.
    match name {
        "Model invoke" => Some(Operation::Chat),
        name if name.starts_with("Tool:") => Some(Operation::ExecuteTool),
        _ => None,
    }
}

/// In the older events of a tool span, the "message" is what the tool was given and the "choice" what it gave back.
fn read_content(draft: &mut Draft) {
    if draft.operation != Operation::ExecuteTool {
        return;
    }
    for event in &mut draft.events {
        match event.name.as_str() {
            "gen_ai.tool.message" => {
                if let Some(arguments) = event.attributes.remove("content") {
                    draft.tool_arguments = Some(tool_value::arguments(arguments));
                }
            }
            "gen_ai.choice" => {
                if let Some(result) = event.attributes.remove("message") {
                    draft.tool_result = Some(tool_value::result(result));
                }
            }
            _ => {}
        }
    }
    draft
        .events
        .retain(|event| !matches!(event.name.as_str(), "gen_ai.tool.message" | "gen_ai.choice"));
}

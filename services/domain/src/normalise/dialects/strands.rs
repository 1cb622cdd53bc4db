//! Strands Agents: messages as span events; the provider is always `strands-agents`.

use super::dialect::Dialect;
use crate::normalise::content::tool_value;
use crate::normalise::draft::Draft;
use crate::normalise::draft::names::Names;
use crate::normalise::values::fields::Fields;
use crate::span::Operation;

pub(crate) static DIALECT: Dialect = Dialect {
    label: "strands",
    names: &Names {
        agent: &["gen_ai.agent.name", "agent.name"],
        tool_name: &["gen_ai.tool.name", "tool.name"],
        tool_call_id: &["gen_ai.tool.call.id", "tool.id"],
        system: &["system_prompt"],
        ..Names::NONE
    },
    operation: read_operation,
    before: read_tool_events,
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
fn read_tool_events(draft: &mut Draft) {
    let has = |name: &str| draft.events.iter().any(|event| event.name == name);
    // Elsewhere a tool's message is what it gave back, and no choice comes with it.
    let is_told_so =
        draft.dialect == "strands" || (has("gen_ai.tool.message") && has("gen_ai.choice"));
    if draft.operation != Operation::ExecuteTool || !is_told_so {
        return;
    }
    let mut results = Vec::new();
    for event in &mut draft.events {
        match event.name.as_str() {
            "gen_ai.tool.message" => {
                if let Some(arguments) = event.attributes.remove("content") {
                    draft.tool_arguments = Some(tool_value::arguments(arguments));
                }
            }
            "gen_ai.choice" => {
                if let Some(result) = event.attributes.remove("message") {
                    results.push(result);
                }
            }
            _ => {}
        }
    }
    results
        .into_iter()
        .rev()
        .for_each(|result| draft.add_tool_result(result));
    draft
        .events
        .retain(|event| !matches!(event.name.as_str(), "gen_ai.tool.message" | "gen_ai.choice"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::tests::samples::{content, event, read_events};
    use serde_json::json;

    const SCOPE: &str = "strands.telemetry.tracer";

    #[test]
    fn older_events_hold_blocks_as_text() {
        let span = read_events(
            SCOPE,
            "chat",
            json!({"gen_ai.operation.name": "chat", "gen_ai.system": "strands-agents", "session.id": "s"}),
            vec![
                event(
                    "gen_ai.user.message",
                    json!({"content": "[{\"text\": \"Hi\"}]"}),
                ),
                event(
                    "gen_ai.assistant.message",
                    json!({"content": "[{\"toolUse\": {\"toolUseId\": \"c\", \"name\": \"f\", \"input\": {\"a\": 1}}}]"}),
                ),
                event(
                    "gen_ai.tool.message",
                    json!({"content": "[{\"toolResult\": {\"toolUseId\": \"c\", \"status\": \"success\", \"content\": [{\"text\": \"2\"}]}}]"}),
                ),
                event(
                    "gen_ai.choice",
                    json!({"finish_reason": "end_turn", "message": "[{\"text\": \"Two\"}]"}),
                ),
            ],
        );
        assert_eq!(
            content(&span),
            [
                "user: hi",
                "assistant: f{\"a\":1}#c",
                "tool: =\"2\"#c",
                "=> assistant: two"
            ]
        );
        assert_eq!(span.finish_reason.as_deref(), Some("stop"));
        assert_eq!(span.provider, None);
        assert_eq!(span.conversation_id.as_deref(), Some("s"));
    }

    #[test]
    fn a_tools_message_is_its_arguments_and_its_choice_the_result() {
        let span = read_events(
            SCOPE,
            "execute_tool f",
            json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f", "gen_ai.tool.call.id": "c", "gen_ai.tool.status": "error"}),
            vec![
                event(
                    "gen_ai.tool.message",
                    json!({"role": "tool", "content": "{\"a\": 1}", "id": "c"}),
                ),
                event(
                    "gen_ai.choice",
                    json!({"message": "[{\"text\": \"failed\"}]", "id": "c"}),
                ),
            ],
        );
        let tool = span.tool.expect("a tool");
        assert_eq!(
            (tool.arguments, tool.result),
            (Some(json!({"a": 1})), Some(json!("failed")))
        );
        assert!(span.error.is_some(), "its status says so");
    }

    #[test]
    fn the_first_versions_tell_by_name() {
        for (name, operation) in [
            ("Model invoke", Operation::Chat),
            ("Tool: f", Operation::ExecuteTool),
            ("Cycle 1", Operation::Other),
        ] {
            let span = read_events(SCOPE, name, json!({"event_loop.cycle_id": "1"}), Vec::new());
            assert_eq!(span.operation, operation, "{name}");
        }
    }
}

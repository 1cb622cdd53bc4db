//! What a span said, in the form that OpenTelemetry gives to `gen_ai.input.messages` and `gen_ai.output.messages`.

use std::sync::Arc;

use domain::message::{Message, Part, Role};
use domain::transcript::Spoken;
use serde_json::{Value, json};

/// System prompts and history; `None` when nothing was captured.
pub fn input(spoken: &Spoken) -> Option<Value> {
    let messages: Vec<Value> = spoken
        .system
        .iter()
        .chain(&spoken.input)
        .map(|message| render(message))
        .collect();
    (!messages.is_empty()).then_some(Value::Array(messages))
}

/// The choices; `None` when nothing was captured.
pub fn output(spoken: &Spoken) -> Option<Value> {
    let choice = |message: &Arc<Message>| {
        let mut choice = render(message);
        if let Some(reason) = &spoken.finish_reason {
            choice["finish_reason"] = json!(reason);
        }
        choice
    };
    let choices: Vec<Value> = spoken.output.iter().map(choice).collect();
    (!choices.is_empty()).then_some(Value::Array(choices))
}

fn render(message: &Message) -> Value {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
        Role::Other => "other",
    };
    let parts: Vec<Value> = message.parts.iter().map(part).collect();
    json!({"role": role, "parts": parts})
}

fn part(part: &Part) -> Value {
    let mut rendered = match part {
        Part::Text { text } => json!({"type": "text", "content": text}),
        Part::Reasoning { text } => json!({"type": "reasoning", "content": text}),
        Part::ToolCall {
            id,
            name,
            arguments,
        } => json!({"type": "tool_call", "id": id, "name": name, "arguments": arguments}),
        Part::ToolResult {
            id, name, result, ..
        } => {
            json!({"type": "tool_call_response", "id": id, "name": name, "response": result})
        }
        Part::Media {
            mime_type,
            uri,
            size_bytes,
        } => {
            let kind = if uri.is_some() { "uri" } else { "blob" };
            json!({"type": kind, "mime_type": mime_type, "uri": uri, "size_bytes": size_bytes})
        }
        Part::Other { json } => return json.clone(),
    };
    if let Value::Object(fields) = &mut rendered {
        fields.retain(|_, value| !value.is_null());
    }
    rendered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_shown_as_parts_without_empty_fields() {
        let answer = Message {
            role: Role::Assistant,
            parts: vec![
                Part::Text {
                    text: "Looking.".to_owned(),
                },
                Part::ToolCall {
                    id: Some("c1".to_owned()),
                    name: "find".to_owned(),
                    arguments: json!({"q": 1}),
                },
            ],
        };
        let spoken = Spoken {
            system: vec![Arc::new(Message::text_of(Role::System, "Be brief."))],
            input: vec![Arc::new(Message::text_of(Role::User, "Hi"))],
            output: vec![Arc::new(answer)],
            finish_reason: Some("tool_calls".to_owned()),
        };
        assert_eq!(
            input(&spoken),
            Some(json!([
                {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
                {"role": "user", "parts": [{"type": "text", "content": "Hi"}]},
            ]))
        );
        assert_eq!(
            output(&spoken),
            Some(json!([{
                "role": "assistant",
                "parts": [
                    {"type": "text", "content": "Looking."},
                    {"type": "tool_call", "id": "c1", "name": "find", "arguments": {"q": 1}},
                ],
                "finish_reason": "tool_calls",
            }]))
        );
        assert_eq!(input(&Spoken::default()), None);
        assert_eq!(output(&Spoken::default()), None);
    }
}

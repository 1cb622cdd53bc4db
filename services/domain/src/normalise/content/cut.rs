//! The last message of a history that a length limit cut off: SDKs that sort keys write its role last, so the cut takes it.

use crate::normalise::values::salvage::MARK;
use serde_json::{Map, Value, json};

/// Gives the last of several messages the role and kind that its keys tell. What stood before the cut and says nothing, such
/// as the id of a result that did not follow, goes.
pub(super) fn close_last(structure: &mut Value) {
    let Value::Array(messages) = structure else {
        return;
    };
    let Some((last, before)) = messages.split_last_mut() else {
        return;
    };
    let has_role = |message: &Value| {
        let role = message.get("role").and_then(Value::as_str);
        role.is_some_and(|role| !role.ends_with(MARK))
    };
    if before.is_empty() || !before.iter().all(has_role) || has_role(last) {
        return;
    }
    let follows_tools = before.last().is_some_and(is_about_tools);
    let Some(map) = last.as_object_mut() else {
        return;
    };
    let mut role = follows_tools.then_some("tool");
    let body = ["parts", "content"]
        .into_iter()
        .find(|key| map.contains_key(*key));
    let says_something = match body.and_then(|key| map.get_mut(key)) {
        Some(Value::Array(parts)) => {
            let last = parts.last_mut().and_then(Value::as_object_mut);
            match last.and_then(close_part) {
                Some(told) => role = told.or(role),
                None => drop(parts.pop()),
            }
            !parts.is_empty()
        }
        Some(Value::String(text)) => text != MARK,
        _ => return,
    };
    if !says_something {
        messages.pop();
    } else if let Some(role) = role {
        map.insert("role".into(), json!(role));
    } else {
        map.remove("role");
    }
}

/// Whether the next message is what a tool gave, or goes on from it without the user.
fn is_about_tools(message: &Value) -> bool {
    let has_calls = |message: &Value| {
        let calls = message.get("tool_calls").and_then(Value::as_array);
        calls.is_some_and(|calls| !calls.is_empty())
    };
    let is_call = |part: &Value| {
        let kind = part.get("type").and_then(Value::as_str);
        matches!(kind, Some("tool_call" | "tool-call" | "tool_use"))
    };
    let parts = message.get("parts").or_else(|| message.get("content"));
    let mut parts = parts.and_then(Value::as_array).into_iter().flatten();
    let role = message.get("role").and_then(Value::as_str);
    has_calls(message) || parts.any(is_call) || role == Some("tool")
}

/// Whose the part is where its keys tell; `None` when it says nothing.
fn close_part(part: &mut Map<String, Value>) -> Option<Option<&'static str>> {
    const CALLS: [&str; 2] = ["arguments", "input"];
    const RESULTS: [&str; 3] = ["response", "result", "output"];
    const WORDS: [&str; 3] = ["content", "text", "uri"];
    let has = |keys: &[&str]| keys.iter().any(|key| part.contains_key(*key));
    let kind = part.get("type").and_then(Value::as_str);
    let is_whole = kind.is_some_and(|kind| !kind.ends_with(MARK));
    let (kind, role) = if has(&RESULTS) {
        ("tool_call_response", "tool")
    } else if has(&CALLS) && part.contains_key("name") {
        ("tool_call", "assistant")
    } else if is_whole || has(&WORDS) {
        return Some(None);
    } else {
        return None;
    };
    if !is_whole {
        part.insert("type".into(), json!(kind));
    }
    Some(Some(role))
}

#[cfg(test)]
mod tests {
    use super::super::messages;
    use super::*;
    use crate::message::Role;

    #[test]
    fn a_cut_never_makes_a_tools_message_the_users() {
        let whole = json!([
            {"parts": [{"content": "Weather?", "type": "text"}], "role": "user"},
            {"parts": [{"arguments": {"city": "Paris"}, "id": "call_1", "name": "weather", "type": "tool_call"}],
                "role": "assistant"},
            {"parts": [{"id": "call_1", "response": "sunny", "type": "tool_call_response"}], "role": "tool"},
        ])
        .to_string();
        let from = whole
            .find("call_1\",\"response")
            .expect("the result is there");
        let until = whole.rfind("}],\"role").expect("it has a role");
        for end in from..until {
            let turns = messages::read(json!(whole[..end]), Role::User);
            let roles: Vec<Role> = turns.iter().map(|turn| turn.message.role).collect();
            let is_right = matches!(
                roles.as_slice(),
                [Role::User, Role::Assistant] | [Role::User, Role::Assistant, Role::Tool]
            );
            assert!(is_right, "{roles:?} of {}", &whole[..end]);
        }
    }
}

//! Lists of messages in any SDK's shape, as messages in the normal form.
//!
//! What comes in: a text, one message, a list of either, or the request or response object of a provider around them,
//! any of it as JSON text. What goes out: system messages apart by role, one message per tool result, assistant
//! messages whole.

pub(crate) use super::turns::Turn;
use super::turns::{Response, coalesce};
use super::{finish, parts, shapes, tool_parts};
use crate::message::{Part, Role};
use crate::normalise::values::json;
use rustc_hash::FxHashSet;
use serde_json::{Map, Value};

/// Deepest nesting of wrappers around messages. Real ones have up to five.
const DEPTH_MAX: usize = 16;

/// Reads whatever `value` holds; what is not in the shape of messages becomes the text of messages of
/// `default_role`.
pub(crate) fn read(value: Value, default_role: Role) -> Vec<Turn> {
    match read_strictly(value, default_role) {
        Ok(turns) => turns,
        Err(Value::String(text)) => match json::structure(&text) {
            Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
                text_turns(items, default_role)
            }
            Some(Value::Object(map)) if map.is_empty() => Vec::new(),
            _ => text_turn(json::unquoted(text), default_role),
        },
        Err(Value::Null) => Vec::new(),
        Err(Value::Object(map)) if map.is_empty() => Vec::new(),
        Err(Value::Array(items)) if items.iter().all(Value::is_string) => {
            text_turns(items, default_role)
        }
        Err(other) => text_turn(other.to_string(), default_role),
    }
}

fn text_turns(items: Vec<Value>, role: Role) -> Vec<Turn> {
    items
        .into_iter()
        .flat_map(|item| match item {
            Value::String(text) => text_turn(text, role),
            _ => Vec::new(),
        })
        .collect()
}

/// Reads only what has the shape of messages; anything else is given back untouched.
pub(crate) fn read_strictly(value: Value, default_role: Role) -> Result<Vec<Turn>, Value> {
    let Value::String(text) = value else {
        return if shapes::is_messages(&value) {
            Ok(read_structure(value, default_role))
        } else {
            Err(value)
        };
    };
    match json::structure(&text) {
        Some(structure) if shapes::is_messages(&structure) => {
            return Ok(read_structure(structure, default_role));
        }
        Some(_) => {}
        // A beginning too short to hold a message is shown as the text it is.
        None => {
            if let Some(structure) = json::beginning(&text).filter(shapes::is_messages) {
                let turns = read_structure(structure, default_role);
                if !turns.is_empty() {
                    return Ok(turns);
                }
            }
        }
    }
    Err(Value::String(text))
}

fn read_structure(structure: Value, default_role: Role) -> Vec<Turn> {
    let mut reader = MessageReader {
        turns: Vec::new(),
        default_role,
    };
    reader.value(structure, 0);
    coalesce(reader.turns)
}

fn text_turn(text: String, role: Role) -> Vec<Turn> {
    if json::is_nothing(&text) {
        return Vec::new();
    }
    let mut body = vec![Part::Text { text }];
    if role == Role::Assistant {
        parts::part_thoughts(&mut body);
    }
    vec![Turn::new(role, body)]
}

struct MessageReader {
    turns: Vec<Turn>,
    default_role: Role,
}

impl MessageReader {
    fn value(&mut self, value: Value, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        match value {
            Value::Null => {}
            Value::String(text) => match json::structure(&text) {
                Some(inner) if shapes::is_messages(&inner) => self.value(inner, depth + 1),
                _ => self.turns.extend(text_turn(text, self.default_role)),
            },
            Value::Array(items) => self.list(items, depth),
            Value::Object(map) => self.object(map, depth),
            plain => self
                .turns
                .extend(text_turn(plain.to_string(), self.default_role)),
        }
    }

    fn list(&mut self, items: Vec<Value>, depth: usize) {
        // A list of parts alone is the body of one message.
        if shapes::is_body(&items) {
            let mut body = Vec::new();
            parts::read_body(Value::Array(items), &mut body);
            let is_call = |part: &Part| matches!(part, Part::ToolCall { .. });
            let role = if !body.is_empty() && body.iter().all(is_call) {
                Role::Assistant
            } else {
                self.default_role
            };
            return self.push(role, body, None);
        }
        for item in items {
            self.value(item, depth + 1);
        }
    }

    fn object(&mut self, map: Map<String, Value>, depth: usize) {
        let map = match shapes::open(map) {
            shapes::Opened::Message(map) => return self.message(map),
            shapes::Opened::Item(map) => return self.item(map),
            shapes::Opened::Inner {
                before,
                inner,
                role,
                finish_reason,
            } => {
                if let Some(system) = before {
                    self.within(Role::System, system, depth);
                }
                let count = self.turns.len();
                self.within(role.unwrap_or(self.default_role), inner, depth);
                if let Some(turn) = self.turns[count..].last_mut() {
                    turn.finish_reason = turn.finish_reason.take().or(finish_reason);
                }
                return;
            }
            shapes::Opened::Unknown(map) => map,
        };
        if !map.is_empty() {
            let text = Value::Object(map).to_string();
            self.turns.extend(text_turn(text, self.default_role));
        }
    }

    fn within(&mut self, role: Role, value: Value, depth: usize) {
        let outer = std::mem::replace(&mut self.default_role, role);
        self.value(value, depth + 1);
        self.default_role = outer;
    }

    /// An item of the Responses API that stands as a message of its own: a call, its output, a thought.
    fn item(&mut self, map: Map<String, Value>) {
        let mut body = Vec::new();
        parts::read_body(Value::Object(map), &mut body);
        let role = match body.first() {
            Some(Part::ToolResult { .. }) => Role::Tool,
            // What the provider did by itself is part of its answer.
            Some(Part::ToolCall { .. } | Part::Reasoning { .. } | Part::Other { .. }) => {
                Role::Assistant
            }
            _ => self.default_role,
        };
        self.push(role, body, None);
    }

    fn message(&mut self, mut map: Map<String, Value>) {
        let role = shapes::role_of(&map).unwrap_or(self.default_role);
        let finish_reason = finish::of_message(&map);
        let response = Response::of(&map);
        let mut body = Vec::new();
        for key in ["reasoning_content", "reasoning", "thinking"] {
            if let Some(Value::String(text)) = map.remove(key) {
                parts::push_reasoning(text, &mut body);
            }
        }
        let prints_none = shapes::prints_none(&map);
        let spoken = [
            "parts",
            "content",
            "contents",
            "completion",
            "text",
            "refusal",
        ]
        .iter()
        .find_map(|key| map.remove(*key).filter(says_something));
        if role == Role::Tool {
            return self.tool_message(map, spoken.unwrap_or(Value::Null));
        }
        let calls = shapes::take_calls(&mut map);
        if let Some(spoken) = spoken {
            parts::read_body(spoken, &mut body);
        }
        if role == Role::Assistant {
            parts::part_thoughts(&mut body);
        }
        add_calls(calls, &mut body);
        let is_call = |part: &Part| matches!(part, Part::ToolCall { .. });
        if prints_none || body.iter().any(is_call) {
            body.retain(|part| !is_printed_nothing(part));
        }
        let count = self.turns.len();
        self.push(role, body, finish_reason);
        if let Some(turn) = self.turns[count..].last_mut() {
            turn.response = response;
        }
    }

    /// A tool's answer: its body is the result, unless it holds result parts of its own.
    fn tool_message(&mut self, mut map: Map<String, Value>, spoken: Value) {
        let spoken = match spoken {
            Value::String(text) => match json::structure(&text) {
                Some(structure) if shapes::are_tool_parts(&structure) => structure,
                _ => Value::String(text),
            },
            other => other,
        };
        if shapes::are_tool_parts(&spoken) {
            let mut body = Vec::new();
            parts::read_body(spoken, &mut body);
            return self.push(Role::Tool, body, None);
        }
        map.insert("content".into(), text_content(spoken));
        self.push(Role::Tool, vec![tool_parts::tool_result(map)], None);
    }

    /// Adds a message. A tool result in the message of a user stands on its own, as most providers want it; one in an
    /// assistant's message comes from a tool that the provider ran within the answer and stays there.
    fn push(&mut self, role: Role, body: Vec<Part>, finish_reason: Option<String>) {
        let mut rest = Vec::new();
        for part in body {
            let stands_alone =
                matches!(part, Part::ToolResult { .. }) && matches!(role, Role::User | Role::Tool);
            if stands_alone {
                self.push_whole(role, std::mem::take(&mut rest), None);
                self.push_whole(Role::Tool, vec![part], None);
            } else {
                rest.push(part);
            }
        }
        self.push_whole(role, rest, finish_reason);
    }

    fn push_whole(&mut self, role: Role, parts: Vec<Part>, finish_reason: Option<String>) {
        if !parts.is_empty() {
            self.turns.push(Turn {
                finish_reason,
                ..Turn::new(role, parts)
            });
        }
    }
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    }
}

/// Python SDKs print the missing text of a message that only calls tools: `None`, or a list of one empty text.
fn is_printed_nothing(part: &Part) -> bool {
    let Part::Text { text } = part else {
        return false;
    };
    let blank = |item: &Value| item.as_str().is_some_and(json::is_nothing) || item.is_null();
    json::is_nothing(text)
        || matches!(json::structure(text), Some(Value::Array(items)) if items.iter().all(blank))
}

/// The body of a tool's answer given as text parts is their text.
fn text_content(spoken: Value) -> Value {
    let Value::Array(items) = &spoken else {
        return spoken;
    };
    let texts: Option<Vec<&str>> = items
        .iter()
        .map(|item| {
            let map = item.as_object()?;
            matches!(
                map.get("type")?.as_str()?,
                "text" | "input_text" | "output_text"
            )
            .then(|| map.get("text").or_else(|| map.get("content"))?.as_str())
            .flatten()
        })
        .collect();
    match texts {
        Some(texts) if !texts.is_empty() => Value::String(texts.join("\n")),
        _ => spoken,
    }
}

/// Adds the calls that stand beside the body, but not those that the body holds too.
fn add_calls(calls: Vec<Part>, body: &mut Vec<Part>) {
    let id = |part: &Part| match part {
        Part::ToolCall { id, .. } => id.clone(),
        _ => None,
    };
    let known: FxHashSet<String> = body.iter().filter_map(id).collect();
    let new = calls
        .into_iter()
        .filter(|call| id(call).is_none_or(|id| !known.contains(&id)));
    let room = parts::PARTS_MAX.saturating_sub(body.len());
    body.extend(new.take(room));
}

#[cfg(test)]
mod tests;

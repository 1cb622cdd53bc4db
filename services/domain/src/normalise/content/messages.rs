//! Lists of messages in any SDK's shape, as messages in the normal form.
//!
//! What comes in: a text, one message, a list of either, or the request or response object of a provider around them,
//! any of it as JSON text. What goes out: system messages apart by role, one message per tool result, assistant
//! messages whole.

pub(crate) use super::turns::Turn;
use super::turns::{Response, coalesce, name_calls_of_results};
use super::{
    body, cut, finish, items, kinds, parts, printed, roles, sentences, shapes, thoughts,
    tool_parts, wrappers,
};
use crate::message::{Part, Role};
use crate::normalise::values::json;
use serde_json::{Map, Value};
use shapes::{Look, looks_like_messages};

/// Deepest nesting of wrappers around messages. Real ones have up to five.
const DEPTH_MAX: usize = 16;

/// Reads whatever `value` holds; what is not in the shape of messages becomes the text of messages of
/// `default_role`.
pub(crate) fn read(value: Value, default_role: Role) -> Vec<Turn> {
    let data = match read_as(value, default_role, Look::of(default_role)) {
        Ok(turns) => return turns,
        Err(data) => data,
    };
    let (structure, text) = match data {
        Value::String(text) => (json::structure(&text), Some(text)),
        other => (Some(other), None),
    };
    match structure {
        Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
            text_turns(items, default_role)
        }
        Some(Value::Object(map)) if map.is_empty() || sentences::is_blank(&map) => Vec::new(),
        // How a request was made is no question.
        Some(Value::Object(map))
            if default_role != Role::Assistant && wrappers::is_bare_request(&map) =>
        {
            Vec::new()
        }
        structure => {
            let text = text.map(json::unquoted);
            let text = text.or_else(|| structure.map(|data| data.to_string()));
            text_turn(text.unwrap_or_default(), default_role)
        }
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
    read_as(value, default_role, Look::of(default_role).strictly())
}

fn read_as(value: Value, default_role: Role, look: Look) -> Result<Vec<Turn>, Value> {
    let Value::String(text) = value else {
        let value = printed::opened(value);
        return if looks_like_messages(&value, look) {
            Ok(read_structure(value, default_role))
        } else {
            Err(value)
        };
    };
    match json::structure(&text).map(printed::opened) {
        Some(structure) if looks_like_messages(&structure, look) => {
            return Ok(read_structure(structure, default_role));
        }
        Some(_) => {}
        // A beginning too short to hold a message is shown as the text it is.
        None => {
            if let Some(mut structure) =
                json::beginning(&text).filter(|beginning| looks_like_messages(beginning, look))
            {
                cut::close_last(&mut structure);
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
        is_trusted: false,
        is_delta: false,
    };
    reader.value(structure, 0);
    let mut turns = coalesce(reader.turns);
    name_calls_of_results(&mut turns);
    turns
}

fn text_turn(text: String, role: Role) -> Vec<Turn> {
    if json::is_nothing(&text) {
        return Vec::new();
    }
    let mut body = vec![Part::Text { text }];
    if role == Role::Assistant {
        thoughts::part(&mut body);
    }
    vec![Turn::new(role, body)]
}

struct MessageReader {
    turns: Vec<Turn>,
    default_role: Role,
    /// Within what a provider wrapped.
    is_trusted: bool,
    /// Within a piece of a stream.
    is_delta: bool,
}

impl MessageReader {
    fn look(&self) -> Look {
        Look::within(self.default_role, self.is_trusted)
    }

    fn value(&mut self, value: Value, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        match value {
            Value::Null => {}
            Value::String(text) => match json::structure(&text) {
                Some(inner) if looks_like_messages(&inner, self.look()) => {
                    self.value(inner, depth + 1);
                }
                _ => self.turns.extend(text_turn(text, self.default_role)),
            },
            Value::Array(items) => self.list(items, depth),
            Value::Object(map) => self.object(map, depth, self.look()),
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
            match item {
                Value::Object(map) if depth < DEPTH_MAX => {
                    self.object(map, depth + 1, self.look().listed());
                }
                item => self.value(item, depth + 1),
            }
        }
    }

    fn object(&mut self, map: Map<String, Value>, depth: usize, look: Look) {
        let map = kinds::plain_keys(map);
        let choice = map.get("index").and_then(Value::as_u64);
        let choice = choice.and_then(|index| u32::try_from(index).ok());
        let from = self.turns.len();
        match shapes::open(map, look) {
            shapes::Opened::Message(map) => self.message(map),
            shapes::Opened::Item(map) => {
                let (role, body) = items::read(map, self.default_role);
                self.push(role, body, None);
            }
            shapes::Opened::Turn(messages) => self.list(messages, depth),
            shapes::Opened::Inner(inner) => self.inner(inner, depth),
            shapes::Opened::Unknown(map) if look.is_listed || look.is_trusted => self.unknown(map),
            shapes::Opened::Unknown(map) => {
                let text = Value::Object(map).to_string();
                self.turns.extend(text_turn(text, self.default_role));
            }
        }
        if choice.is_some() && look.is_answer {
            self.turns[from..]
                .iter_mut()
                .for_each(|turn| turn.choice = turn.choice.or(choice));
        }
    }

    fn inner(&mut self, inner: shapes::Inner, depth: usize) {
        if let Some(system) = inner.system {
            self.within(Role::System, system, depth);
        }
        if let Some(history) = inner.history {
            self.value(history, depth + 1);
        }
        let from = self.turns.len();
        let outer = (self.is_trusted, self.is_delta);
        self.is_trusted |= inner.are_answers;
        self.is_delta |= inner.is_delta;
        let role = inner.role.unwrap_or(self.default_role);
        match inner.inner {
            Value::Array(answers) if inner.are_answers => {
                for (choice, answer) in (0..).zip(answers) {
                    let from = self.turns.len();
                    self.within(role, answer, depth);
                    self.turns[from..]
                        .iter_mut()
                        .for_each(|turn| turn.choice = turn.choice.or(Some(choice)));
                }
            }
            inner => self.within(role, inner, depth),
        }
        (self.is_trusted, self.is_delta) = outer;
        if let Some(turn) = self.turns[from..].last_mut() {
            turn.finish_reason = turn.finish_reason.take().or(inner.finish_reason);
        }
    }

    /// What stands among messages and is none: shown as it came, as nobody's words unless it is in an answer.
    fn unknown(&mut self, map: Map<String, Value>) {
        if wrappers::is_bare_response(&map) {
            return;
        }
        let role = match self.default_role {
            Role::User => Role::Other,
            role => role,
        };
        let mut body = Vec::new();
        parts::read_body(Value::Object(map), &mut body);
        self.push(role, body, None);
    }

    fn within(&mut self, role: Role, value: Value, depth: usize) {
        let outer = std::mem::replace(&mut self.default_role, role);
        self.value(value, depth + 1);
        self.default_role = outer;
    }

    fn message(&mut self, mut map: Map<String, Value>) {
        let speaker = roles::of(&map).unwrap_or(roles::Speaker::Known(self.default_role));
        let role = speaker.role();
        let finish_reason = finish::of_message(&map);
        let response = Response::of(&map);
        let is_chunk = self.is_delta || is_chunk(&map);
        if role == Role::Tool {
            let spoken = body::KEYS
                .iter()
                .find_map(|key| map.remove(*key).filter(says_something));
            return self.tool_message(map, spoken.unwrap_or(Value::Null));
        }
        let mut body = body::read(&mut map, role);
        if body.is_empty() {
            return;
        }
        if let Some(mark) = speaker.mark() {
            body.insert(0, mark);
        }
        let from = self.turns.len();
        self.push(role, body, finish_reason);
        if let Some(turn) = self.turns[from..].last_mut() {
            turn.response = response;
            turn.is_chunk = is_chunk;
        }
    }

    /// A tool's answer: its body is the result, unless it holds result parts of its own.
    fn tool_message(&mut self, mut map: Map<String, Value>, spoken: Value) {
        let spoken = match spoken {
            Value::String(text) => match json::structure(&text) {
                Some(structure)
                    if items::are_tool_parts(&structure) || items::are_calls(&structure) =>
                {
                    structure
                }
                _ => Value::String(text),
            },
            other => other,
        };
        if items::are_tool_parts(&spoken) {
            let mut body = Vec::new();
            parts::read_body(spoken, &mut body);
            return self.push(Role::Tool, body, None);
        }
        // Koog tells calls as messages of tools.
        if items::are_calls(&spoken) {
            let mut body = Vec::new();
            parts::read_body(spoken, &mut body);
            return self.push(Role::Assistant, body, None);
        }
        map.insert("content".into(), body::text_content(spoken));
        self.push(Role::Tool, vec![tool_parts::tool_result(map)], None);
    }

    /// Adds a message. A tool result in the message of a user stands on its own, as most providers want it; one in an
    /// assistant's message comes from a tool that the provider ran within the answer and stays there.
    fn push(&mut self, role: Role, body: Vec<Part>, finish_reason: Option<String>) {
        let mut rest = Vec::new();
        for part in body {
            let stands_alone = matches!(part, Part::ToolResult { .. }) && role != Role::Assistant;
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

/// Whether a message is a piece of a stream, by its class (LangChain).
fn is_chunk(map: &Map<String, Value>) -> bool {
    let kind = map.get("type").and_then(Value::as_str);
    kind.is_some_and(|kind| kind.ends_with("MessageChunk"))
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests;

//! One value that may hold what was said, read: how well it was understood, and what it says.

use crate::message::{Part, Role};
use crate::normalise::content::messages::{self, Turn};
use crate::normalise::values::{flat, json};
use crate::span::Operation;
use serde_json::{Value, json as object};

/// How well a value was understood. Of several candidates the best understood is read, of equals the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// The address of content that is kept elsewhere.
    Reference,
    /// A structure that is no shape of messages.
    Json,
    Text,
    Messages,
}

#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) rank: Rank,
    pub(crate) turns: Vec<Turn>,
    /// How many messages there were, where the oldest are missing.
    pub(crate) original_length: Option<u32>,
}

impl Reading {
    fn new(rank: Rank, turns: Vec<Turn>) -> Self {
        Self {
            rank,
            turns,
            original_length: None,
        }
    }

    /// Reads a value; when `strictly`, gives back whatever has not the shape of messages.
    pub(crate) fn of(value: Value, role: Role, strictly: bool) -> Result<Self, Value> {
        match messages::read_strictly(value, role) {
            Ok(turns) => Ok(Self::new(Rank::Messages, turns)),
            Err(value) if strictly => Err(value),
            Err(value) => {
                let rank = plain_rank(&value);
                Ok(Self::new(rank, messages::read(value, role)))
            }
        }
    }

    /// Reads messages that were printed as one text, where they were.
    pub(crate) fn of_text(text: Value, role: Role) -> Result<Self, Value> {
        let sections = text.as_str().and_then(of_sections);
        match sections {
            Some(messages) => Self::of(messages, role, true),
            None => Err(text),
        }
    }

    /// The messages of events, in their order.
    pub(crate) fn of_events(values: Vec<Value>, role: Role) -> Self {
        let mut whole = Self::new(Rank::Text, Vec::new());
        for value in values {
            if let Ok(reading) = Self::of(value, role, false) {
                whole.rank = whole.rank.max(reading.rank);
                whole.turns.extend(reading.turns);
            }
        }
        whole
    }

    /// Messages that were spread over attributes.
    pub(crate) fn of_tree(tree: flat::Flattened, role: Role) -> Self {
        let mut reading = Self::new(
            Rank::Messages,
            messages::read(unwrapped_items(tree.items), role),
        );
        if tree.first > 0 {
            // The SDK threw away its oldest attributes, which are the oldest messages.
            reading.original_length = u32::try_from(tree.last.saturating_add(1)).ok();
        }
        reading
    }

    /// Content that is kept elsewhere, shown as the address it has there.
    pub(crate) fn of_reference(value: Value, role: Role) -> Self {
        let uri = match value {
            Value::String(text) if !json::is_nothing(&text) => text,
            _ => return Self::new(Rank::Reference, Vec::new()),
        };
        let part = Part::Media {
            mime_type: None,
            uri: Some(uri),
            size_bytes: None,
        };
        Self::new(Rank::Reference, vec![Turn::new(role, vec![part])])
    }

    /// One answer whose pieces were told apart: its words, its thoughts, its calls.
    pub(crate) fn of_pieces(pieces: Vec<Turn>, is_message: bool) -> Self {
        let rank = if is_message {
            Rank::Messages
        } else {
            Rank::Text
        };
        Self::new(rank, pieces)
    }

    /// How many messages say something.
    pub(crate) fn told(&self) -> usize {
        let is_empty =
            |part: &Part| matches!(part, Part::ToolResult { result, .. } if result.is_null());
        let told = self
            .turns
            .iter()
            .filter(|turn| !turn.message.parts.iter().all(is_empty));
        told.count()
    }

    /// Splits a whole talk into what was asked and the answer at its end.
    pub(crate) fn split(mut self) -> (Self, Self) {
        let ends_with_answer = self
            .turns
            .last()
            .is_some_and(|turn| turn.message.role == Role::Assistant);
        let answer = match self.turns.pop() {
            Some(turn) if ends_with_answer => vec![turn],
            Some(turn) => {
                self.turns.push(turn);
                Vec::new()
            }
            None => Vec::new(),
        };
        let answer = Self::new(self.rank, answer);
        (self, answer)
    }
}

fn plain_rank(value: &Value) -> Rank {
    let are_texts = |items: &[Value]| items.iter().all(Value::is_string);
    match value {
        Value::String(text) => match json::structure(text) {
            Some(Value::Array(items)) if are_texts(&items) => Rank::Text,
            Some(_) => Rank::Json,
            None => Rank::Text,
        },
        Value::Array(items) if are_texts(items) => Rank::Text,
        _ => Rank::Json,
    }
}

/// Whether any of the flattened messages has its role alone: OpenInference's instrumentations leave out what they cannot
/// flatten (blocks of LangChain's JavaScript, results and calls of Haystack).
pub(crate) fn has_holes(items: &Value) -> bool {
    let is_hole = |item: &Value| {
        let message = item.get("message").unwrap_or(item).as_object();
        message.is_some_and(|message| message.len() == 1 && message.contains_key("role"))
    };
    items
        .as_array()
        .is_some_and(|items| items.iter().any(is_hole))
}

/// The messages within the items of a flattened list.
fn unwrapped_items(items: Value) -> Value {
    match items {
        Value::Array(items) => Value::Array(items.into_iter().map(unwrapped_item).collect()),
        other => other,
    }
}

fn unwrapped_item(item: Value) -> Value {
    let Value::Object(mut map) = item else {
        return item;
    };
    // OpenInference's `llm.prompts` and `llm.choices` have the text below a word more.
    if map.len() == 1
        && let Some(inner) = ["prompt", "completion"]
            .iter()
            .find_map(|key| map.remove(*key))
    {
        return inner;
    }
    // Koog tells what the assistant called as a message of the tool.
    if map.get("role").and_then(Value::as_str) == Some("tool")
        && let Some(calls) = map.get("content").and_then(called)
    {
        map.remove("content");
        map.insert("role".into(), "assistant".into());
        map.insert("tool_calls".into(), calls);
    }
    Value::Object(map)
}

/// A text that is a list of calls, `[{"id":…,"type":"function","function":{"name":…,"arguments":…}}]`.
fn called(content: &Value) -> Option<Value> {
    let calls = json::structure(content.as_str()?)?;
    let is_call = |call: &Value| {
        let function = call.get("function");
        function.is_some_and(|function| function.get("name").is_some())
    };
    let items = calls.as_array()?;
    (!items.is_empty() && items.iter().all(is_call)).then_some(calls)
}

/// Messages printed below one another, each with a heading: `[USER]`, `[TOOL RESULT: id]` (Claude Code's detailed traces).
fn of_sections(text: &str) -> Option<Value> {
    const RULE: &str = "\n\n---\n\n";
    if !text.trim_start().starts_with('[') {
        return None;
    }
    let section = |section: &str| -> Option<Value> {
        let (heading, body) = section.trim_start().split_once('\n')?;
        let heading = heading.trim().strip_prefix('[')?.strip_suffix(']')?;
        if let Some(id) = heading.strip_prefix("TOOL RESULT:") {
            return Some(object!({"role": "tool", "tool_call_id": id.trim(), "content": body}));
        }
        let role = match heading {
            "USER" | "USER PROMPT" => "user",
            "ASSISTANT" => "assistant",
            "SYSTEM" | "SYSTEM REMINDER" => "system",
            _ => return None,
        };
        Some(object!({"role": role, "content": body}))
    };
    let messages: Option<Vec<Value>> = text.split(RULE).map(section).collect();
    messages.map(Value::Array)
}

/// Some agents tell their whole history as JSON text in the one message of the user (Sentry's Python SDK).
pub(super) fn inner_histories(operation: Operation, turns: Vec<Turn>) -> Vec<Turn> {
    if operation != Operation::InvokeAgent {
        return turns;
    }
    turns
        .into_iter()
        .flat_map(|turn| inner_history(turn).unwrap_or_else(|turn| vec![turn]))
        .collect()
}

fn inner_history(turn: Turn) -> Result<Vec<Turn>, Turn> {
    let [Part::Text { text }] = turn.message.parts.as_slice() else {
        return Err(turn);
    };
    let is_history = turn.message.role == Role::User
        && text.trim_start().starts_with("[{")
        && text.contains("\"role\"");
    if !is_history {
        return Err(turn);
    }
    match messages::read_strictly(Value::String(text.clone()), Role::User) {
        Ok(inner) if !inner.is_empty() => Ok(inner),
        _ => Err(turn),
    }
}

/// Whether an attribute holds anything: SDKs write empty texts, lists and objects for what there is not.
pub(crate) fn is_told(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !matches!(text.trim(), "" | "{}" | "[]" | "\"\"" | "null"),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

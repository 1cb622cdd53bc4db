//! Fuzz input as edits of recorded spans: whatever a strange SDK could write where a real one wrote something else.

use super::oracles::Raw;
use arbitrary::Arbitrary;
use domain::ids::SpanId;
use domain::raw::Attributes;
use serde_json::{Map, Value};

/// Which recording, and what is changed in it.
#[derive(Arbitrary, Debug)]
pub struct Script {
    recording: u8,
    edits: Vec<Edit>,
}

#[derive(Arbitrary, Debug)]
struct Edit {
    /// Which span or log record, counted round.
    item: u8,
    /// Which of its attributes, counted round, those of its events after its own.
    attribute: u16,
    change: Change,
}

#[derive(Arbitrary, Debug)]
enum Change {
    Set(Json),
    Text(String),
    /// A length limit of the SDK.
    Cut(u16),
    Insert(u16, String),
    /// Sets a value within the JSON of the value, at this path of positions.
    Within(Vec<u8>, Json),
    /// The JSON text of the value, instead of the value, or of the text.
    Encode,
    Wrap(Word),
    Remove,
    /// Writes the value under this name instead.
    Rename(Word),
    /// Under the name of an attribute of another recorded item.
    Move(u8, u16),
    Parent(u8),
    Times(i64, i64),
    Name(String),
    Scope(String),
    Failed(bool, String),
    /// The item once more under an id of its own.
    Twin,
    /// The item reported again as it is now; later edits change this report.
    Again,
    Drop,
}

/// Its JSON text. Each time, escapes double: beyond this size it stays as it is, or a few edits would fill the memory.
fn encoded(value: Value) -> Value {
    const BYTES_MAX: usize = 256 * 1024;
    let text = value.to_string();
    if text.len() > BYTES_MAX {
        return value;
    }
    Value::String(text)
}

/// Arbitrary JSON, inclined to words that mean something.
#[derive(Arbitrary, Debug)]
enum Json {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Word(Word),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(Word, Json)>),
    /// Its JSON text.
    Encoded(Box<Json>),
}

#[derive(Arbitrary, Debug)]
struct Word(u8);

impl Word {
    fn text(&self) -> &'static str {
        WORDS[usize::from(self.0) % WORDS.len()]
    }
}

/// Keys and values that decide how a message is read.
const WORDS: [&str; 104] = [
    "role",
    "content",
    "parts",
    "type",
    "text",
    "user",
    "assistant",
    "system",
    "tool",
    "developer",
    "model",
    "tool_calls",
    "tool_call_id",
    "id",
    "call_id",
    "function",
    "name",
    "arguments",
    "args",
    "input",
    "output",
    "result",
    "response",
    "value",
    "tool_call",
    "tool_call_response",
    "tool_use",
    "tool_result",
    "tool-call",
    "tool-result",
    "function_call",
    "function_call_output",
    "reasoning",
    "thinking",
    "summary",
    "message",
    "messages",
    "choices",
    "candidates",
    "generations",
    "contents",
    "functionCall",
    "functionResponse",
    "toolUse",
    "toolResult",
    "toolUseId",
    "lc",
    "kwargs",
    "constructor",
    "data",
    "image",
    "image_url",
    "url",
    "source",
    "blob",
    "finish_reason",
    "None",
    "null",
    "refusal",
    "object",
    "json",
    "items",
    "prompt",
    "delta",
    "update",
    "config",
    "system_instruction",
    "instructions",
    "human",
    "ai",
    "additional_kwargs",
    "message_content",
    "inlineData",
    "mime_type",
    "[Filtered]",
    "{}",
    "[\"\"]",
    "gen_ai.conversation.id",
    "gen_ai.operation.name",
    "chat",
    "execute_tool",
    "invoke_agent",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.request.messages",
    "gen_ai.response.text",
    "gen_ai.response.tool_calls",
    "gen_ai.prompt.0.content",
    "gen_ai.completion.0.content",
    "llm.input_messages.0.message.content",
    "gen_ai.tool.call.id",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.response.id",
    "gen_ai.request.previous_response_id",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.cost",
    "sentry.op",
    "_meta",
    "openinference.span.kind",
    "traceloop.entity.input",
    "input.value",
    "ai.prompt.messages",
];

impl Script {
    /// The recording as the edits leave it.
    pub fn apply(self, recordings: &[Vec<(Raw, i64)>]) -> Vec<(Raw, i64)> {
        let mut items = recordings[usize::from(self.recording) % recordings.len()].clone();
        for edit in self.edits.into_iter().take(EDITS_MAX) {
            if items.is_empty() {
                break;
            }
            edit.apply(&mut items);
        }
        items
    }
}

/// Edits of one input; more would only be slower.
const EDITS_MAX: usize = 256;

impl Edit {
    fn apply(self, items: &mut Vec<(Raw, i64)>) {
        let at = usize::from(self.item) % items.len();
        match self.change {
            Change::Drop => drop(items.swap_remove(at)),
            Change::Again => items.push(items[at].clone()),
            Change::Twin => {
                let mut twin = items[at].clone();
                *twin.0.span_id() = SpanId((items.len() as u64 + 1).to_be_bytes());
                items.push(twin);
            }
            Change::Parent(other) => {
                let parent = *items[usize::from(other) % items.len()].clone().0.span_id();
                if let Raw::Span(span) = &mut items[at].0 {
                    span.parent_span_id = Some(parent);
                }
            }
            Change::Move(other, attribute) => {
                let from = usize::from(other) % items.len();
                let name = pick(items[from].0.maps(), attribute).map(|(_, name)| name);
                let maps = items[at].0.maps();
                if let (Some(name), Some((map, old))) = (name, pick(maps, self.attribute)) {
                    let value = map.remove(&old).unwrap_or_default();
                    map.insert(name, value);
                }
            }
            change => change.apply(&mut items[at].0, self.attribute),
        }
    }
}

impl Change {
    fn apply(self, item: &mut Raw, attribute: u16) {
        match (self, item) {
            (Self::Times(start, end), Raw::Span(span)) => {
                (span.start_ns, span.end_ns) = (start, end);
            }
            (Self::Name(name), Raw::Span(span)) => span.name = name,
            (Self::Failed(is_error, message), Raw::Span(span)) => {
                span.status.is_error = is_error;
                span.status.message = message;
            }
            (Self::Scope(name), Raw::Span(span)) => {
                std::sync::Arc::make_mut(&mut span.origin).scope_name = name;
            }
            (change, item) => {
                if let Some((map, name)) = pick(item.maps(), attribute) {
                    change.apply_to(map, name);
                }
            }
        }
    }

    fn apply_to(self, map: &mut Attributes, name: String) {
        let Some(value) = map.get_mut(&name) else {
            return;
        };
        match self {
            Self::Set(json) => *value = json.value(),
            Self::Text(text) => *value = Value::String(text),
            Self::Cut(at) => {
                if let Value::String(text) = value {
                    let kept = domain::text::prefix(text, usize::from(at)).len();
                    text.truncate(kept);
                }
            }
            Self::Insert(at, inserted) => {
                if let Value::String(text) = value {
                    let at = domain::text::prefix(text, usize::from(at)).len();
                    text.insert_str(at, &inserted);
                }
            }
            Self::Within(path, json) => within(value, &path, json.value()),
            Self::Encode => *value = encoded(value.take()),
            Self::Wrap(word) => {
                let inner = value.take();
                *value = match word.0 {
                    0..=63 => Value::Array(vec![inner]),
                    _ => Value::Object(Map::from_iter([(word.text().to_owned(), inner)])),
                };
            }
            Self::Remove => drop(map.remove(&name)),
            Self::Rename(word) => {
                let value = value.take();
                map.remove(&name);
                map.insert(word.text().to_owned(), value);
            }
            _ => {}
        }
    }
}

fn pick(maps: Vec<&mut Attributes>, attribute: u16) -> Option<(&mut Attributes, String)> {
    let count: usize = maps.iter().map(|map| map.len()).sum();
    let mut at = usize::from(attribute).checked_rem(count)?;
    for map in maps {
        if let Some(name) = map.keys().nth(at).cloned() {
            return Some((map, name));
        }
        at -= map.len();
    }
    None
}

/// Replaces the value at a path of positions, each counted round, through JSON within text.
fn within(value: &mut Value, path: &[u8], new: Value) {
    let Some((step, path)) = path.split_first() else {
        *value = new;
        return;
    };
    let step = usize::from(*step);
    match value {
        Value::Array(items) if !items.is_empty() => {
            let at = step % items.len();
            within(&mut items[at], path, new);
        }
        Value::Object(map) if !map.is_empty() => {
            let at = step % map.len();
            if let Some((_, inner)) = map.iter_mut().nth(at) {
                within(inner, path, new);
            }
        }
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(mut inner) if inner.is_array() || inner.is_object() => {
                within(&mut inner, path, new);
                *text = inner.to_string();
            }
            _ => *value = new,
        },
        _ => *value = new,
    }
}

impl Json {
    fn value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => flag.into(),
            Self::Int(number) => number.into(),
            Self::Float(number) => number.into(),
            Self::Word(word) => word.text().into(),
            Self::Text(text) => text.into(),
            Self::List(items) => items.into_iter().map(Self::value).collect(),
            Self::Object(entries) => entries
                .into_iter()
                .map(|(key, item)| (key.text().to_owned(), item.value()))
                .collect(),
            Self::Encoded(json) => encoded(json.value()),
        }
    }
}

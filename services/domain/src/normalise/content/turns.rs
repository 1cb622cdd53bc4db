//! One message as it was read, and what one answer was spread over put together.

use super::{parts, tool_value};
use crate::message::{Message, Part, Role};
use crate::normalise::values::json;
use serde_json::{Map, Value};

/// One message as it was read, and what it says about the response that it came with.
#[derive(Debug, PartialEq)]
pub(crate) struct Turn {
    pub(crate) message: Message,
    pub(crate) finish_reason: Option<String>,
    /// LangChain keeps the provider's metadata with the message.
    pub(crate) response: Response,
    /// Which of several answers it is.
    pub(super) choice: Option<u32>,
    /// A piece of a stream.
    pub(super) is_chunk: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Response {
    pub(crate) id: Option<String>,
    pub(crate) model: Option<String>,
}

impl Response {
    pub(super) fn of(message: &Map<String, Value>) -> Self {
        let metadata = message.get("response_metadata").and_then(Value::as_object);
        let text = |keys: [&str; 2]| {
            let text = keys.iter().find_map(|key| metadata?.get(*key)?.as_str())?;
            (!json::is_nothing(text)).then(|| text.to_owned())
        };
        Self {
            id: text(["id", "response_id"]),
            model: text(["model_name", "model"]),
        }
    }
}

impl Turn {
    pub(crate) fn new(role: Role, parts: Vec<Part>) -> Self {
        Self {
            message: Message { role, parts },
            finish_reason: None,
            response: Response::default(),
            choice: None,
            is_chunk: false,
        }
    }

    /// Whether another goes on with this one: nothing ended it, and it is no other choice.
    fn may_go_on_with(&self, later: &Self) -> bool {
        self.message.role == Role::Assistant
            && later.message.role == Role::Assistant
            && self.message.parts.len() < parts::PARTS_MAX
            && self.finish_reason.is_none()
            && self.choice == later.choice
    }

    fn go_on_with(&mut self, later: Self) {
        let mut new = later.message.parts.into_iter();
        // Pieces of a stream break words.
        if self.is_chunk
            && later.is_chunk
            && let (Some(last), Some(next)) =
                (self.message.parts.last_mut(), new.as_slice().first())
            && join(last, next)
        {
            new.next();
        }
        self.message.parts.extend(new);
        self.finish_reason = later.finish_reason;
        self.response = later.response;
    }
}

/// Appends the next piece of a stream to the part that it goes on with; false where it begins another.
fn join(last: &mut Part, next: &Part) -> bool {
    match (last, next) {
        (Part::Text { text }, Part::Text { text: more })
        | (Part::Reasoning { text }, Part::Reasoning { text: more }) => {
            text.push_str(more);
            true
        }
        (
            Part::ToolCall { arguments, .. },
            Part::ToolCall {
                name,
                arguments: Value::String(more),
                ..
            },
        ) if name.is_empty() => {
            let mut text = match arguments.take() {
                Value::String(text) => text,
                _ => String::new(),
            };
            text.push_str(more);
            *arguments = tool_value::arguments(Value::String(text));
            true
        }
        _ => false,
    }
}

/// Puts the messages of one answer together: an API that answers in items (OpenAI's Responses, streams) has no choices,
/// and one that has choices ends each with a reason or numbers them.
pub(crate) fn whole_answer(turns: Vec<Turn>) -> Vec<Turn> {
    if turns
        .iter()
        .any(|turn| turn.message.role != Role::Assistant)
    {
        return turns;
    }
    joined(turns, |earlier, later| {
        earlier.may_go_on_with(later) || are_parallel_calls(earlier, later)
    })
}

/// Koog tells each of several calls as an answer of its own that ends to call a tool.
fn are_parallel_calls(earlier: &Turn, later: &Turn) -> bool {
    let only_calls = |turn: &Turn| {
        let mut parts = turn.message.parts.iter();
        parts.all(|part| matches!(part, Part::ToolCall { .. }))
    };
    earlier.finish_reason.as_deref() == Some("tool_calls")
        && (earlier.choice, later.choice) == (None, None)
        && only_calls(earlier)
        && only_calls(later)
}

/// Puts together what one answer was spread over: the Responses API gives thoughts, text and calls as items of their
/// own. A thought belongs to what follows it, a call to what precedes it. Messages with a finish reason are choices
/// of their own and stay apart.
pub(super) fn coalesce(turns: Vec<Turn>) -> Vec<Turn> {
    let mut whole = joined(turns, belong_together);
    let answered: Vec<bool> = (0..whole.len())
        .map(|at| {
            let next = whole.get(at + 1);
            next.is_some_and(|next| next.message.role == Role::Tool) && only_refers(&whole[at])
        })
        .collect();
    // The result that follows names the call that such a reference stands for.
    let mut answered = answered.into_iter();
    whole.retain(|_| !answered.next().unwrap_or_default());
    whole
}

/// Google's instrumentation makes up the ids of results, of the tool's name and the place of its call among others:
/// `get_weather_0`. They are those of the calls before.
pub(super) fn name_calls_of_results(turns: &mut [Turn]) {
    let mut calls: Vec<(Option<String>, String)> = Vec::new();
    for turn in turns {
        let called: Vec<_> = turn
            .message
            .tool_calls()
            .map(|(id, name, _)| (id.map(str::to_owned), name.to_owned()))
            .collect();
        if !called.is_empty() {
            calls = called;
        }
        for part in &mut turn.message.parts {
            if let Part::ToolResult { id, name, .. } = part
                && let Some(call) = id.as_deref().and_then(|id| call_by_place(&calls, id))
            {
                id.clone_from(&call.0);
                name.get_or_insert_with(|| call.1.clone());
            }
        }
    }
}

fn call_by_place<'a>(
    calls: &'a [(Option<String>, String)],
    id: &str,
) -> Option<&'a (Option<String>, String)> {
    let is_known = calls.iter().any(|(known, _)| known.as_deref() == Some(id));
    let (name, place) = id.rsplit_once('_')?;
    let place: usize = place.parse().ok()?;
    let of_name = |call: &&(Option<String>, String)| call.1 == name && !is_known;
    let by_place = calls.get(place).filter(of_name);
    by_place.or_else(|| calls.iter().find(of_name))
}

/// Whether a turn only refers to what the provider keeps.
fn only_refers(turn: &Turn) -> bool {
    turn.message.parts.iter().all(|part| {
        matches!(part, Part::Other { json } if json.get("type").and_then(Value::as_str) == Some("item_reference"))
    })
}

fn joined(turns: Vec<Turn>, go_together: fn(&Turn, &Turn) -> bool) -> Vec<Turn> {
    let mut whole: Vec<Turn> = Vec::with_capacity(turns.len());
    for turn in turns {
        match whole.last_mut() {
            Some(last) if go_together(last, &turn) => last.go_on_with(turn),
            _ => whole.push(turn),
        }
    }
    whole
}

fn belong_together(earlier: &Turn, later: &Turn) -> bool {
    let only = |turn: &Turn, kind: fn(&Part) -> bool| turn.message.parts.iter().all(kind);
    // So is what the provider did by itself, such as a search.
    let is_thought = |part: &Part| matches!(part, Part::Reasoning { .. } | Part::Other { .. });
    let is_call_or_thought = |part: &Part| {
        matches!(
            part,
            Part::Reasoning { .. } | Part::Other { .. } | Part::ToolCall { .. }
        )
    };
    earlier.may_go_on_with(later)
        && (only(earlier, is_thought)
            || (earlier.is_chunk && later.is_chunk)
            || (only(later, is_call_or_thought) && !only(later, is_thought)))
}

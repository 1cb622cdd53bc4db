//! One message as it was read, and what one answer was spread over put together.

use super::parts;
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
        }
    }
}

/// Puts together what one answer was spread over: the Responses API gives thoughts, text and calls as items of their
/// own. A thought belongs to what follows it, a call to what precedes it. Messages with a finish reason are choices
/// of their own and stay apart.
pub(super) fn coalesce(turns: Vec<Turn>) -> Vec<Turn> {
    let mut whole: Vec<Turn> = Vec::with_capacity(turns.len());
    for turn in turns {
        match whole.last_mut() {
            Some(last) if belong_together(last, &turn) => {
                last.message.parts.extend(turn.message.parts);
                last.finish_reason = turn.finish_reason;
                last.response = turn.response;
            }
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
    earlier.message.role == Role::Assistant
        && later.message.role == Role::Assistant
        && earlier.message.parts.len() < parts::PARTS_MAX
        && earlier.finish_reason.is_none()
        && (only(earlier, is_thought)
            || (only(later, is_call_or_thought) && !only(later, is_thought)))
}

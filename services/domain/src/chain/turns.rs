//! Histories as turns: what one side said before the other one spoke.

use crate::ids::Digest;
use crate::message::{Message, Part, Role};
use std::borrow::Cow;

/// Choices of one call that can be gone on from.
const CHOICES_MAX: usize = 8;

/// Messages of one role in a row: SDKs split and join them as they like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) role: Role,
    pub(super) identity: Digest,
    pub(super) calls_tools: bool,
    pub(super) bytes: usize,
}

pub(super) fn turns<'a>(messages: impl Iterator<Item = &'a Message>) -> Vec<Turn> {
    let mut joined: Vec<Cow<'a, Message>> = Vec::new();
    for message in
        messages.filter(|message| message.role != Role::System && says_something(message))
    {
        match joined.last_mut() {
            Some(last) if last.role == message.role => {
                last.to_mut().parts.extend(message.parts.iter().cloned())
            }
            _ => joined.push(Cow::Borrowed(message)),
        }
    }
    joined.iter().map(|message| turn(message)).collect()
}

fn turn(message: &Message) -> Turn {
    Turn {
        role: message.role,
        identity: message.identity(),
        calls_tools: message.tool_calls().next().is_some(),
        bytes: bytes(message),
    }
}

pub(super) fn is_spoken(message: &Message) -> bool {
    message.role != Role::Tool && message.tool_calls().next().is_none()
}

/// Reasoning comes back in some histories and not in others, and may be all that a message holds.
fn says_something(message: &Message) -> bool {
    message.parts.iter().any(|part| match part {
        Part::Text { text } => !text.trim().is_empty(),
        Part::Reasoning { .. } => false,
        _ => true,
    })
}

fn bytes(message: &Message) -> usize {
    let of = |part: &Part| match part {
        Part::Text { text } => text.trim().len(),
        Part::ToolCall {
            name, arguments, ..
        } => name.len() + json_bytes(arguments),
        Part::ToolResult { result, .. } => json_bytes(result),
        Part::Reasoning { .. } | Part::Media { .. } | Part::Other { .. } => 0,
    };
    message.parts.iter().map(of).sum()
}

fn json_bytes(value: &serde_json::Value) -> usize {
    value
        .as_str()
        .map_or_else(|| value.to_string().len(), str::len)
}

/// The answers that may come back in a history: each choice, and all of them in a row, for some SDKs report the items of
/// one answer as if they were choices.
pub(super) fn choices(output: &[&Message]) -> Vec<Turn> {
    let mut answers: Vec<Turn> = Vec::new();
    let spoken: Vec<&Message> = output
        .iter()
        .copied()
        .filter(|message| says_something(message))
        .collect();
    let single = spoken.iter().take(CHOICES_MAX).map(|message| turn(message));
    for answer in single.chain(turns(spoken.iter().copied())) {
        if !answers
            .iter()
            .any(|known| known.identity == answer.identity)
        {
            answers.push(answer);
        }
    }
    answers
}

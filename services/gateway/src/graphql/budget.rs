//! The size of one answer. Every call of a conversation carries the history again, so the inputs of all spans together
//! may be far larger than the conversation.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_graphql::Error;
use domain::message::{Message, Part};
use serde_json::Value;

use super::error::Code;

/// What a small JSON value takes in an answer.
const SMALL_BYTES: usize = 8;

/// The bytes of text and JSON that an answer may still take on.
#[derive(Debug)]
pub struct Budget {
    left: AtomicUsize,
    max: usize,
}

impl Budget {
    pub fn new(bytes_max: usize) -> Self {
        Self {
            left: AtomicUsize::new(bytes_max),
            max: bytes_max,
        }
    }

    /// To be called before the bytes are made.
    pub fn take(&self, bytes: usize) -> Result<(), Error> {
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(bytes)
            });
        match taken {
            Ok(_) => Ok(()),
            Err(_) => Err(Code::ResponseTooLarge.error(format!(
                "the answer would be larger than {} bytes: ask for fewer rows at once",
                self.max
            ))),
        }
    }
}

/// Roughly what a message takes in an answer.
pub fn message_bytes(message: &Message) -> usize {
    message.parts.iter().map(part_bytes).sum()
}

fn part_bytes(part: &Part) -> usize {
    SMALL_BYTES
        + match part {
            Part::Text { text } | Part::Reasoning { text } => text.len(),
            Part::ToolCall { arguments, .. } => value_bytes(arguments),
            Part::ToolResult { result, .. } => value_bytes(result),
            Part::Media { uri, .. } => uri.as_ref().map_or(0, String::len),
            Part::Other { json } => value_bytes(json),
        }
}

/// Roughly what a JSON value takes in an answer.
pub fn value_bytes(value: &Value) -> usize {
    SMALL_BYTES
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(value_bytes).sum(),
            Value::Object(fields) => fields
                .iter()
                .map(|(key, value)| key.len() + value_bytes(value))
                .sum(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::message::Role;
    use serde_json::json;

    #[test]
    fn a_budget_is_taken_from_until_it_is_used_up() {
        let budget = Budget::new(100);
        assert!(budget.take(60).is_ok());
        assert!(budget.take(60).is_err(), "not enough is left");
        assert!(budget.take(40).is_ok(), "what was refused was not taken");
        assert!(budget.take(1).is_err());
    }

    #[test]
    fn sizes_grow_with_what_is_said() {
        let long = "x".repeat(1_000);
        assert!(message_bytes(&Message::text_of(Role::User, long.clone())) > 1_000);
        assert!(value_bytes(&json!({"a": [long, 1, null]})) > 1_000);
    }
}

//! A turn of a conversation.

use async_graphql::{ID, SimpleObject};

use super::usage::{Cost, Usage};
use crate::graphql::scalars::{DateTime, ms};

/// What was said and done from a user's message to the next one, by sub-agents too. Messages of a user with no answer between begin one turn.
#[derive(Clone, Debug, SimpleObject)]
pub struct Turn {
    /// From 1.
    number: u32,
    started_at: DateTime,
    /// To the end of what came last; null while nothing followed.
    duration_ms: Option<f64>,
    usage: Usage,
    cost: Cost,
    llm_calls: u32,
    /// Tool executions.
    tool_calls: u32,
    /// LLM calls and tools that failed.
    errors: u32,
    /// The id of the user's message that began it.
    first_message: ID,
}

impl From<&domain::view::Turn> for Turn {
    fn from(turn: &domain::view::Turn) -> Self {
        Self {
            number: turn.number,
            started_at: DateTime::from_ns(turn.started_ns),
            duration_ms: turn.duration_ns.map(ms),
            usage: turn.usage.into(),
            cost: turn.cost.into(),
            llm_calls: turn.llm_calls,
            tool_calls: turn.tool_calls,
            errors: turn.errors,
            first_message: ID(turn.first_message.to_string()),
        }
    }
}

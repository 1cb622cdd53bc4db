//! Spans that belong to no conversation, counted.

use async_graphql::{ID, SimpleObject};
use store::Unassigned;

use crate::graphql::scalars::DateTime;

/// GenAI spans of one instrumentation that stand in no conversation: some time after they were recorded, neither they nor their relatives had carried a conversation id. They are kept for a while, and counted no more when an id turns up that places them. The numbers show where an id has to be set; a repeated delivery may count twice.
#[derive(Clone, Debug, SimpleObject)]
pub struct UnassignedSpans {
    project: ID,
    /// Dialect and instrumentation library.
    instrumentation: String,
    spans: u64,
    /// Calls to a model among them.
    llm_calls: u64,
    last_seen_at: DateTime,
    /// A trace with such spans, to look at where they were made.
    example_trace_id: Option<ID>,
}

impl From<Unassigned> for UnassignedSpans {
    fn from(counted: Unassigned) -> Self {
        Self {
            project: ID(counted.project),
            instrumentation: counted.instrumentation,
            spans: counted.spans.unsigned_abs(),
            llm_calls: counted.llm_calls.max(0).unsigned_abs(),
            last_seen_at: DateTime::from_ms(counted.last_seen_ms),
            example_trace_id: counted.example_trace.map(|trace| ID(trace.to_string())),
        }
    }
}

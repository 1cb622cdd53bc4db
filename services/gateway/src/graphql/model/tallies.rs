//! Spans that want somebody's attention, counted.

use async_graphql::{ID, SimpleObject};
use store::Tallied;

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

impl From<Tallied> for UnassignedSpans {
    fn from(counted: Tallied) -> Self {
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

/// GenAI spans of one instrumentation that say something that no rule reads: it is among their attributes, and missing in the transcript. A repeated delivery may count twice.
#[derive(Clone, Debug, SimpleObject)]
pub struct UnreadSpans {
    project: ID,
    /// Dialect and instrumentation library.
    instrumentation: String,
    spans: u64,
    /// Calls to a model among them.
    llm_calls: u64,
    last_seen_at: DateTime,
    /// A trace with such spans, to look at what they hold.
    example_trace_id: Option<ID>,
}

impl From<Tallied> for UnreadSpans {
    fn from(counted: Tallied) -> Self {
        let UnassignedSpans {
            project,
            instrumentation,
            spans,
            llm_calls,
            last_seen_at,
            example_trace_id,
        } = counted.into();
        Self {
            project,
            instrumentation,
            spans,
            llm_calls,
            last_seen_at,
            example_trace_id,
        }
    }
}

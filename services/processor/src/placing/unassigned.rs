//! Counting spans that found no conversation, per project and instrumentation, so that a query can tell which SDKs send
//! no id.

use crate::shards::retry::StoreHealth;
use domain::ids::TraceKey;
use domain::prepare::{Fact, Prepared};
use std::collections::HashMap;
use store::{Store, Unassigned as Count};

/// Distinct pairs counted between two flushes; beyond it they are counted under no instrumentation.
const PAIRS_MAX: usize = 1_000;

#[derive(Debug, Default)]
pub struct Unassigned {
    counts: HashMap<(String, String), Count>,
}

impl Unassigned {
    /// One more, or one less that has found its conversation after all.
    pub fn count(&mut self, key: &TraceKey, prepared: &Prepared, by: i64) {
        let (instrumentation, is_call) = match &prepared.fact {
            Fact::Span(span) => (span.instrumentation.as_str(), span.operation.is_llm()),
            // That one belongs to no call says nothing of how calls are told.
            Fact::Log(log) if log.is_error_only() => return,
            Fact::Log(_) => ("log records", false),
        };
        let mut pair = (key.project.clone(), instrumentation.to_owned());
        if self.counts.len() >= PAIRS_MAX && !self.counts.contains_key(&pair) {
            pair.1 = "other".into();
        }
        let count = self
            .counts
            .entry(pair)
            .or_insert_with_key(|(project, instrumentation)| Count {
                project: project.clone(),
                instrumentation: instrumentation.clone(),
                spans: 0,
                llm_calls: 0,
                last_seen_ms: 0,
                example_trace: Some(key.trace),
            });
        count.spans += by;
        count.llm_calls += by * i64::from(is_call);
        count.last_seen_ms = count.last_seen_ms.max(prepared.fact.record_ms());
    }

    /// Adds what was counted to the store. Counts are kept for the next time when that fails.
    pub async fn flush(&mut self, store: &Store, health: &StoreHealth) {
        if self.counts.is_empty() {
            return;
        }
        let counts: Vec<Count> = self.counts.values().cloned().collect();
        match store.count_unassigned(&counts).await {
            Ok(()) => self.counts.clear(),
            Err(cause) => health.failed("unassigned", &cause),
        }
    }
}

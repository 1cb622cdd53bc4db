//! Counts of spans that want somebody's attention, by project and instrumentation, gathered until they are written.

use crate::shards::retry::StoreHealth;
use domain::ids::TraceId;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use store::{Store, Tallied, Tally};

/// Distinct pairs counted between two flushes; beyond it they are counted under no instrumentation.
const PAIRS_MAX: usize = 1_000;

#[derive(Debug)]
pub struct Tallies {
    tally: Tally,
    counts: HashMap<(String, String), Tallied>,
}

/// What is known of a span that is counted.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    pub project: &'a str,
    pub instrumentation: &'a str,
    pub trace: TraceId,
    pub is_llm_call: bool,
    pub record_ms: i64,
}

impl Tallies {
    pub fn new(tally: Tally) -> Self {
        Self {
            tally,
            counts: HashMap::new(),
        }
    }

    /// One more, or one less that counts no longer.
    pub fn count(&mut self, seen: Seen<'_>, by: i64) {
        let mut pair = (seen.project.to_owned(), seen.instrumentation.to_owned());
        if self.counts.len() >= PAIRS_MAX && !self.counts.contains_key(&pair) {
            pair.1 = "other".into();
        }
        let count = self
            .counts
            .entry(pair)
            .or_insert_with_key(|(project, instrumentation)| Tallied {
                project: project.clone(),
                instrumentation: instrumentation.clone(),
                spans: 0,
                llm_calls: 0,
                last_seen_ms: 0,
                example_trace: Some(seen.trace),
            });
        count.spans += by;
        count.llm_calls += by * i64::from(seen.is_llm_call);
        count.last_seen_ms = count.last_seen_ms.max(seen.record_ms);
    }

    /// Adds what others have counted.
    pub fn join(&mut self, others: Self) {
        for (pair, other) in others.counts {
            match self.counts.entry(pair) {
                Entry::Vacant(free) => {
                    free.insert(other);
                }
                Entry::Occupied(mut taken) => {
                    let count = taken.get_mut();
                    count.spans += other.spans;
                    count.llm_calls += other.llm_calls;
                    count.last_seen_ms = count.last_seen_ms.max(other.last_seen_ms);
                }
            }
        }
    }

    /// Adds what was counted to the store. Counts are kept for the next time when that fails.
    pub async fn flush(&mut self, store: &Store, health: &StoreHealth) {
        if self.counts.is_empty() {
            return;
        }
        let counts: Vec<Tallied> = self.counts.values().cloned().collect();
        match store.tally(self.tally, &counts).await {
            Ok(()) => self.counts.clear(),
            Err(cause) => health.failed("tallies", &cause),
        }
    }
}

//! Counting spans that found no conversation, per project and instrumentation, so that a query can tell which SDKs send
//! no id.

use crate::item::Item;
use crate::shards::retry::StoreHealth;
use std::collections::HashMap;
use std::sync::Arc;
use store::{Store, Unassigned as Count};

/// Distinct pairs counted between two flushes; beyond it they are counted under no instrumentation.
const PAIRS_MAX: usize = 1_000;

#[derive(Debug, Default)]
pub struct Unassigned {
    counts: HashMap<(Arc<str>, Arc<str>), Count>,
}

impl Unassigned {
    pub fn count(&mut self, item: &Item, now_ms: i64) {
        let mut pair = (Arc::clone(&item.project), Arc::clone(&item.instrumentation));
        if self.counts.len() >= PAIRS_MAX && !self.counts.contains_key(&pair) {
            pair.1 = "other".into();
        }
        let count = self
            .counts
            .entry(pair)
            .or_insert_with_key(|(project, instrumentation)| Count {
                project: project.to_string(),
                instrumentation: instrumentation.to_string(),
                spans: 0,
                llm_calls: 0,
                last_seen_ms: now_ms,
                example_trace: Some(item.trace()),
            });
        count.spans += 1;
        count.llm_calls += u64::from(item.is_llm);
        count.last_seen_ms = count.last_seen_ms.max(now_ms);
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

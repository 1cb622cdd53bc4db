//! A conversation folded from its log: its facts, and what is shown of them.

use std::sync::{Arc, OnceLock};

use domain::conversation::Conversation;
use domain::facts::Entry;
use domain::ids::SpanKey;
use domain::view::View;
use rustc_hash::FxHashSet;
use store::Summary;

use super::chain::{Chain, Point};

/// What a folded conversation takes beside its facts: view, positions, maps.
const OVERHEAD_BYTES: usize = 4 * 1024;

/// A conversation at one position of its log. Cheap to clone; never changes.
#[derive(Clone, Debug)]
pub struct Folded {
    /// As it was read with the last entries; may be newer than the position, never older.
    pub summary: Arc<Summary>,
    pub conversation: Arc<Conversation>,
    pub view: Arc<View>,
    /// Computed when it is first asked for, which is seldom.
    counted: Arc<OnceLock<FxHashSet<SpanKey>>>,
    /// After each entry.
    chains: Arc<Vec<Chain>>,
}

impl Folded {
    pub fn new(summary: Arc<Summary>, entries: Vec<Entry>) -> Self {
        Self {
            summary: summary.clone(),
            conversation: Arc::default(),
            view: Arc::default(),
            counted: Arc::default(),
            chains: Arc::default(),
        }
        .with(summary, entries)
    }

    /// The same conversation with further entries. Copies the facts only if someone else still holds this value.
    pub fn with(mut self, summary: Arc<Summary>, entries: Vec<Entry>) -> Self {
        self.summary = summary;
        if entries.is_empty() {
            return self;
        }
        let chains = Arc::make_mut(&mut self.chains);
        let conversation = Arc::make_mut(&mut self.conversation);
        for entry in entries {
            let last = chains.last().copied().unwrap_or(Chain::START);
            chains.push(last.then(&entry));
            conversation.apply(entry);
        }
        self.view = Arc::new(conversation.view());
        self.counted = Arc::default();
        self
    }

    /// Whether the tokens and cost that the span reports are in the totals.
    pub fn is_counted(&self, span: &SpanKey) -> bool {
        self.counted
            .get_or_init(|| self.conversation.counted_spans())
            .contains(span)
    }

    pub fn point(&self) -> Point {
        Point {
            entries: self.chains.len() as u64,
            chain: self.chains.last().copied().unwrap_or(Chain::START),
        }
    }

    /// Whether the log passed through this position.
    pub fn passed(&self, point: Point) -> bool {
        let chain = match point.entries.checked_sub(1) {
            None => Some(Chain::START),
            Some(last) => usize::try_from(last)
                .ok()
                .and_then(|last| self.chains.get(last).copied()),
        };
        chain == Some(point.chain)
    }

    /// Approximate size in memory. The view shares its messages with the facts and repeats little more than the tools.
    pub fn bytes(&self) -> usize {
        OVERHEAD_BYTES
            + self.conversation.memory_bytes().saturating_mul(3) / 2
            + self.chains.len() * size_of::<Chain>()
    }
}

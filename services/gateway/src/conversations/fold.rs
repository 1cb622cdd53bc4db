//! A conversation folded from its log: its facts, and what is shown of them.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use domain::conversation::Conversation;
use domain::facts::Entry;
use domain::ids::SpanKey;
use domain::view::View;
use rustc_hash::FxHashSet;
use store::Summary;

use super::log_fingerprint::{LogFingerprint, Point};

/// What a folded conversation takes beside its facts: view, positions, maps.
const OVERHEAD_BYTES: usize = 4 * 1024;

/// A conversation at one position of its log. Cheap to clone; never changes.
#[derive(Clone, Debug)]
pub struct Folded {
    /// As it was read with the last entries; may be newer than the position, never older.
    pub summary: Arc<Summary>,
    /// The facts that stand here: what is shown.
    pub conversation: Arc<Conversation>,
    /// All facts, also those that have moved elsewhere. The same value where none has.
    all: Arc<Conversation>,
    pub view: Arc<View>,
    /// Computed when it is first asked for, which is seldom.
    counted: Arc<OnceLock<FxHashSet<SpanKey>>>,
    /// After each entry.
    fingerprints: Arc<Vec<LogFingerprint>>,
}

impl Folded {
    pub fn new(summary: Arc<Summary>, entries: Vec<Entry>) -> Self {
        Self {
            summary: summary.clone(),
            conversation: Arc::default(),
            all: Arc::default(),
            view: Arc::default(),
            counted: Arc::default(),
            fingerprints: Arc::default(),
        }
        .with(summary, entries)
    }

    /// The same conversation with further entries. Copies the facts only if someone else still holds this value.
    pub fn with(mut self, summary: Arc<Summary>, entries: Vec<Entry>) -> Self {
        self.summary = summary;
        if entries.is_empty() {
            return self;
        }
        let fingerprints = Arc::make_mut(&mut self.fingerprints);
        // Let go of first, or the facts would be copied for its sake.
        self.conversation = Arc::default();
        let all = Arc::make_mut(&mut self.all);
        for entry in entries {
            let last = fingerprints
                .last()
                .copied()
                .unwrap_or(LogFingerprint::START);
            fingerprints.push(last.then(&entry));
            all.apply(entry);
        }
        self.conversation = match all.present() {
            Cow::Borrowed(_) => self.all.clone(),
            Cow::Owned(present) => Arc::new(present),
        };
        self.view = Arc::new(self.conversation.view());
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
            entries: self.fingerprints.len() as u64,
            fingerprint: self
                .fingerprints
                .last()
                .copied()
                .unwrap_or(LogFingerprint::START),
        }
    }

    /// Whether the log passed through this position.
    pub fn passed(&self, point: Point) -> bool {
        let fingerprint = match point.entries.checked_sub(1) {
            None => Some(LogFingerprint::START),
            Some(last) => usize::try_from(last)
                .ok()
                .and_then(|last| self.fingerprints.get(last).copied()),
        };
        fingerprint == Some(point.fingerprint)
    }

    /// Approximate size in memory. The view shares its messages with the facts and repeats little more than the tools.
    pub fn bytes(&self) -> usize {
        // What stands here, where it is a value of its own, shares its bodies and spans with all facts.
        let halves = if Arc::ptr_eq(&self.conversation, &self.all) {
            3
        } else {
            4
        };
        OVERHEAD_BYTES
            + self.all.memory_bytes().saturating_mul(halves) / 2
            + self.fingerprints.len() * size_of::<LogFingerprint>()
    }
}

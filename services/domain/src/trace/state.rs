//! One trace of one project: what is known of it.

use super::entry::{Given, TraceEntry};
use super::report::Report;
use super::silences::Silences;
use super::stays::{Assumed, Rank, Standing, Stay, stays};
use super::times::Times;
use super::tree::Tree;
use crate::conversation::Conversation;
use crate::ids::{SpanId, SpanKey, TraceId};
use crate::prepare::Prepared;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a trace.
#[derive(Clone, Debug)]
pub struct Trace {
    pub(super) id: TraceId,
    pub(super) times: Times,
    pub(super) silences: Silences,
    pub(super) tree: Tree,
    /// The facts of spans and logs that carry no id.
    pub(super) held: Conversation,
    pub(super) given: BTreeMap<SpanId, Given>,
    pub(super) moved: BTreeMap<SpanId, BTreeSet<String>>,
    /// The record of the newest report.
    pub(super) last_ms: i64,
}

impl Trace {
    pub fn new(id: TraceId, times: Times) -> Self {
        Self {
            id,
            times,
            silences: Silences::default(),
            tree: Tree::default(),
            held: Conversation::default(),
            given: BTreeMap::new(),
            moved: BTreeMap::new(),
            last_ms: i64::MIN,
        }
    }

    /// Takes in what is stored.
    pub fn apply(&mut self, entry: TraceEntry) {
        self.learn(entry.reports);
        self.held.apply(entry.facts);
        for given in entry.given {
            self.given.insert(given.span, given);
        }
        for (span, conversation) in entry.moved {
            self.moved.entry(span).or_default().insert(conversation);
        }
    }

    pub(super) fn learn(&mut self, reports: Vec<Report>) {
        for report in reports {
            self.last_ms = self.last_ms.max(report.record_ms);
            let (before_ms, now_ms) = self.tree.apply(report);
            if before_ms != Some(now_ms) {
                let hold_ms = self.times.hold_ms;
                self.silences.add(now_ms, hold_ms);
                if let Some(before_ms) = before_ms {
                    self.silences.remove(before_ms, hold_ms);
                }
            }
        }
    }

    /// Whether a report that is news may change when what is held was let go: then it bears on all of that.
    pub(super) fn may_end_silence(&self, report: &Report) -> bool {
        let is_new = self.tree.is_first_copy(report);
        !is_new
            || self
                .silences
                .may_change(report.record_ms, self.times.hold_ms)
    }

    /// Whether any of it concerns a model: else it is not worth storing.
    pub fn is_genai(&self) -> bool {
        self.tree.is_genai()
    }

    /// How many spans, and spans with logs, are held.
    pub fn held_count(&self) -> usize {
        self.held.held_count()
    }

    /// The spans of which anything is held.
    pub fn held_spans(&self) -> BTreeSet<SpanId> {
        self.held.spans_held()
    }

    /// What is held of a span.
    pub fn facts(&self, span: SpanId) -> Vec<Prepared> {
        self.held.facts_of(&self.key(span), i64::MIN)
    }

    /// When the first of what is held was recorded, and how many bytes it takes as the limits count them; `None` for nothing.
    pub fn holding(&self) -> Option<(i64, usize)> {
        let first_ms = self.held.record_times().min()?;
        Some((first_ms, self.held.content_bytes()))
    }

    /// Approximate size in memory.
    pub fn memory_bytes(&self) -> usize {
        /// A report in its map, with the edges that it makes.
        const REPORT_BYTES: usize = 256;
        self.held.memory_bytes() + self.tree.span_count() * REPORT_BYTES
    }

    /// What is known without the facts: how a trace is stored that nobody waits for any more.
    pub fn without_facts(&self) -> TraceEntry {
        let moved = self.moved.iter();
        TraceEntry {
            reports: self.tree.reports().cloned().collect(),
            given: self.given.values().cloned().collect(),
            moved: moved
                .flat_map(|(span, told)| told.iter().map(|id| (*span, id.clone())))
                .collect(),
            ..TraceEntry::default()
        }
    }

    /// The stays of what is held of a span; empty when it stands nowhere, or nothing is held of it.
    pub fn stays(&self, span: SpanId) -> Vec<Stay> {
        let Some(record_ms) = self.first_ms(span) else {
            return Vec::new();
        };
        let held_until_ms = |standing| match standing {
            Standing::Nowhere(since_ms) => since_ms.saturating_add(self.times.wait_ms),
            Standing::Placed(at_ms) => self.silences.held_until_ms(at_ms, self.times.hold_ms),
        };
        stays(
            &self.tree,
            &self.id.to_string(),
            span,
            record_ms,
            self.assumed_of(span),
            held_until_ms,
        )
    }

    /// When what is held of a span was recorded first; `None` when nothing is held. A copy that comes when the first was let
    /// go is no new span.
    pub(super) fn first_ms(&self, span: SpanId) -> Option<i64> {
        let held_ms = self.held.first_recorded_ms(&self.key(span))?;
        let known_ms = self.tree.first_without_id_ms(span);
        Some(known_ms.map_or(held_ms, |known_ms| known_ms.min(held_ms)))
    }

    /// What was decided about the span, or where a call above it was put: tools, agents and logs follow the calls they belong
    /// to. Calls are decided one by one, so that the next one finds each of them.
    fn assumed_of(&self, span: SpanId) -> Option<Assumed<'_>> {
        let put = |span: SpanId| {
            self.given
                .get(&span)
                .filter(|given| given.conversation().is_some())
        };
        let is_call = self
            .held
            .span(&self.key(span))
            .is_some_and(|span| span.operation.is_llm());
        let above = || {
            let mut above = self.tree.above(span);
            above.find_map(put)
        };
        let given = match put(span) {
            Some(own) => own,
            None if is_call => return None,
            None => above()?,
        };
        let (conversation, rule) = given.conversation()?;
        Some(Assumed {
            conversation,
            rule,
            from_ms: given.at_ms,
        })
    }

    /// How much is known of it. See [`Rank`].
    pub(super) fn rank(&self) -> Rank {
        // One that was put somewhere counts more than one that was only counted: it may have been that before.
        let weight = |given: &Given| 1 + usize::from(given.conversation().is_some());
        self.tree.rank(self.given.values().map(weight).sum())
    }

    pub(super) fn key(&self, span: SpanId) -> SpanKey {
        SpanKey {
            trace: self.id,
            span,
        }
    }
}

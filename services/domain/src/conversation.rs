//! A conversation as the set of its facts, built by applying entries in any order.

use crate::canonical;
use crate::facts::{Body, Earlier, Entry, Link, LogFact, Move, Node, SpanFact};
use crate::footprint;
use crate::ids::{Digest, SpanId, SpanKey};
use crate::message::{Message, StoredMessage};
use crate::news::counted;
use crate::staircase::{Staircase, Step, identity_of};
use rustc_hash::FxHashMap;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;
use std::sync::Arc;

/// Holds every fact of one conversation. The same set of facts gives the same view, in whatever order and however often
/// it was applied, and the same views of the past.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    /// Of each span the best report.
    pub(crate) spans: BTreeMap<SpanKey, Arc<SpanFact>>,
    /// Other reports, of the few spans that have some: what was believed before the best one was recorded, oldest first.
    pub(crate) earlier_spans: BTreeMap<SpanKey, Vec<Arc<SpanFact>>>,
    pub(crate) logs: BTreeMap<SpanKey, BTreeMap<LogOrder, Arc<LogFact>>>,
    /// The parents of spans that are not of the conversation, the best report of each.
    pub(crate) links: FxHashMap<SpanKey, Step<Option<SpanId>>>,
    pub(crate) earlier_links: BTreeMap<SpanKey, Vec<Step<Option<SpanId>>>>,
    pub(crate) messages: FxHashMap<Digest, StoredMessage>,
    pub(crate) values: FxHashMap<Digest, Arc<Value>>,
    pub(crate) nodes: FxHashMap<Digest, Node>,
    /// With their record times.
    pub(crate) omitted: FxHashMap<Digest, i64>,
    /// Of spans that did not always stand here, or do no more.
    pub(crate) moves: BTreeMap<SpanKey, Move>,
    pub(crate) facts: usize,
    /// How often a fact turned out to have been recorded earlier.
    pub(crate) times: usize,
    /// Of bodies and nodes, as the limit counts them.
    bodies_bytes: usize,
    /// Of bodies, spans and logs in memory.
    held_bytes: usize,
}

/// The order of a span's log facts: time, position in the export, digest of the fact.
pub(crate) type LogOrder = (i64, u32, Digest);

/// What a fact counts for towards the limit of a conversation's bytes, beside its bodies.
pub(crate) const FACT_BYTES: usize = 600;

impl Conversation {
    /// Takes in an entry. Facts that are known already change nothing.
    pub fn apply(&mut self, entry: Entry) {
        for (digest, body) in entry.bodies {
            self.bodies_bytes += body.bytes();
            self.held_bytes += footprint::body_bytes(&body);
            match body {
                Body::Message(mut message) => {
                    // Lists that were read have room for more.
                    message.parts.shrink_to_fit();
                    let identity = message.identity();
                    self.messages.entry(digest).or_insert(StoredMessage {
                        message: Arc::new(message),
                        identity,
                    });
                }
                Body::Value(value) => {
                    self.values.entry(digest).or_insert(Arc::new(value));
                }
            }
        }
        for node in entry.nodes {
            self.bodies_bytes += Node::BYTES;
            self.nodes.insert(node.id(), node);
        }
        // First, so that a report is not taken to be overtaken by one that was recorded between the two times.
        for earlier in entry.times {
            self.times += 1;
            self.record_earlier(&earlier);
        }
        for span in entry.spans {
            self.facts += 1;
            self.add_span(Arc::new(span));
        }
        for log in entry.logs {
            self.facts += 1;
            self.add_log(log);
        }
        for link in entry.links {
            self.add_link(link);
        }
        let times = entry.omitted_ms.into_iter().chain(std::iter::repeat(0));
        for (name, record_ms) in entry.omitted.into_iter().zip(times) {
            self.omitted.entry(name).or_insert(record_ms);
        }
        for moved in entry.moves {
            if self.is_later(&moved) {
                self.moves.insert(moved.key, moved);
            }
        }
    }

    /// Whether more was known when this was said than what is known here.
    pub(crate) fn is_later(&self, moved: &Move) -> bool {
        let known = self.moves.get(&moved.key);
        known.is_none_or(|known| known.rank < moved.rank)
    }

    fn record_earlier(&mut self, earlier: &Earlier) {
        if let Some(order) = self.log_named(&earlier.key, &earlier.name) {
            let logs = self.logs.get_mut(&earlier.key);
            if let Some(log) = logs.and_then(|logs| logs.get_mut(&order)) {
                Arc::make_mut(log).record_ms = earlier.record_ms.min(log.record_ms);
            }
            return;
        }
        let named = self
            .versions(&earlier.key)
            .find(|span| identity_of(span) == earlier.name)
            .cloned();
        if let Some(mut span) = named {
            Arc::make_mut(&mut span).record_ms = earlier.record_ms;
            self.add_span(span);
        }
    }

    fn add_span(&mut self, span: Arc<SpanFact>) {
        let key = span.key;
        if !self.spans.contains_key(&key) {
            self.held_bytes += footprint::span_bytes(&span);
            self.spans.insert(key, span);
            return;
        }
        let bytes_before = self.versions_bytes(&key);
        let mut versions = Staircase::of(self.versions(&key).map(|span| Step {
            report: Arc::clone(span),
            record_ms: span.record_ms,
        }));
        let record_ms = span.record_ms;
        versions.place(span, record_ms);
        let mut versions: Vec<_> = versions.into_steps().into_iter().map(recorded).collect();
        if let Some(best) = versions.pop() {
            self.spans.insert(key, best);
        }
        if versions.is_empty() {
            self.earlier_spans.remove(&key);
        } else {
            self.earlier_spans.insert(key, versions);
        }
        self.held_bytes = self.held_bytes + self.versions_bytes(&key) - bytes_before;
    }

    fn versions_bytes(&self, key: &SpanKey) -> usize {
        self.versions(key)
            .map(|span| footprint::span_bytes(span))
            .sum()
    }

    fn add_log(&mut self, log: LogFact) {
        let logs = self.logs.entry(log.key).or_default();
        let bytes = footprint::log_bytes(&log);
        match logs.entry(log_order(&log)) {
            Place::Vacant(place) => {
                self.held_bytes += bytes;
                place.insert(Arc::new(log));
            }
            Place::Occupied(mut known) if log.record_ms < known.get().record_ms => {
                known.insert(Arc::new(log));
            }
            Place::Occupied(_) => {}
        }
    }

    fn add_link(&mut self, link: Link) {
        let mut steps = Staircase::of(self.link_steps(&link.key));
        steps.place(link.parent, link.record_ms);
        let mut steps = steps.into_steps();
        if let Some(best) = steps.pop() {
            self.links.insert(link.key, best);
        }
        if steps.is_empty() {
            self.earlier_links.remove(&link.key);
        } else {
            self.earlier_links.insert(link.key, steps);
        }
    }

    /// The reports of a span, oldest first and the best last.
    pub(crate) fn versions(&self, key: &SpanKey) -> impl Iterator<Item = &Arc<SpanFact>> {
        let earlier = self.earlier_spans.get(key).into_iter().flatten();
        earlier.chain(self.spans.get(key))
    }

    pub(crate) fn log(&self, key: &SpanKey, order: &LogOrder) -> Option<&Arc<LogFact>> {
        self.logs.get(key)?.get(order)
    }

    /// How many logs are known beside a span.
    pub fn log_count(&self, key: &SpanKey) -> usize {
        self.logs.get(key).map_or(0, BTreeMap::len)
    }

    /// The log of this span with this digest.
    pub(crate) fn log_named(&self, key: &SpanKey, name: &Digest) -> Option<LogOrder> {
        let mut orders = self.logs.get(key)?.keys();
        orders.find(|order| order.2 == *name).copied()
    }

    /// The reports of a span that is not of the conversation, oldest first and the best last.
    pub(crate) fn link_steps(&self, key: &SpanKey) -> impl Iterator<Item = Step<Option<SpanId>>> {
        let earlier = self.earlier_links.get(key).into_iter().flatten();
        earlier.chain(self.links.get(key)).copied()
    }

    /// How many links are held, with those that better ones have followed.
    pub fn link_count(&self) -> usize {
        self.links.len() + self.earlier_links.values().map(Vec::len).sum::<usize>()
    }

    /// As of when the reports of spans, and the logs, count: what windows go by.
    pub(crate) fn record_times(&self) -> impl Iterator<Item = i64> {
        let earlier = self.earlier_spans.values().flatten();
        let spans = self.spans.values().chain(earlier);
        let spans = spans.map(|span| (span.key, span.lacks_id, span.record_ms));
        let logs = self.logs.values().flat_map(BTreeMap::values);
        let logs = logs.map(|log| (log.key, log.lacks_id, log.record_ms));
        let times = spans.chain(logs).flat_map(|(key, lacks_id, record_ms)| {
            counted(self.moves.get(&key), [(lacks_id, record_ms)])
        });
        times.chain(self.moves.values().flat_map(Move::ends_ms))
    }

    /// What counts towards [`crate::limits::Limits::conversation_bytes_max`]: the same whatever represents the facts.
    pub fn content_bytes(&self) -> usize {
        self.bodies_bytes + self.facts * FACT_BYTES
    }

    /// Approximate size in memory.
    pub fn memory_bytes(&self) -> usize {
        self.held_bytes
            + self.nodes.len() * footprint::NODE_BYTES
            + self.link_count() * footprint::LINK_BYTES
            + self.omitted.len() * footprint::OMITTED_BYTES
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.logs.is_empty()
    }

    /// Spans in start order, ties by key.
    pub fn spans_in_order(&self) -> Vec<&Arc<SpanFact>> {
        let mut spans: Vec<_> = self.spans.values().collect();
        spans.sort_unstable_by_key(|span| (span.start_ns, span.key));
        spans
    }

    pub fn span(&self, key: &SpanKey) -> Option<&Arc<SpanFact>> {
        self.spans.get(key)
    }

    /// The nearest ancestor that is a span of this conversation, across links. Cycles and overlong chains end the walk.
    pub fn parent_of(&self, span: &SpanFact) -> Option<&Arc<SpanFact>> {
        let mut next = span.parent;
        for _ in 0..ANCESTORS_MAX {
            let key = SpanKey {
                trace: span.key.trace,
                span: next?,
            };
            if key == span.key {
                return None;
            }
            match self.spans.get(&key) {
                Some(parent) => return Some(parent),
                None => next = self.links.get(&key)?.report,
            }
        }
        None
    }

    pub fn message(&self, digest: &Digest) -> Option<&Arc<Message>> {
        self.messages.get(digest).map(|stored| &stored.message)
    }

    pub fn value(&self, digest: &Digest) -> Option<&Arc<Value>> {
        self.values.get(digest)
    }

    /// The nodes of a history from its tip back to its beginning.
    pub(crate) fn chain(&self, tip: Option<Digest>) -> impl Iterator<Item = (Digest, &Node)> {
        let step =
            |id: Option<Digest>| id.and_then(|id| self.nodes.get(&id).map(|node| (id, node)));
        std::iter::successors(step(tip), move |(_, node)| step(node.parent))
    }

    /// The digests of a history's messages, oldest first.
    pub(crate) fn history_digests(&self, tip: Option<Digest>) -> Vec<Digest> {
        let mut digests: Vec<Digest> = self.chain(tip).map(|(_, node)| node.message).collect();
        digests.reverse();
        digests
    }

    /// The messages of a history, oldest first.
    pub fn history(&self, tip: Option<Digest>) -> Vec<&Arc<Message>> {
        self.history_digests(tip)
            .iter()
            .filter_map(|digest| self.message(digest))
            .collect()
    }
}

/// Longest chain of ancestors that is followed: no sane trace is deeper, and a cycle ends there.
pub(crate) const ANCESTORS_MAX: usize = 1_000;

/// With the record time of its step.
fn recorded(step: Step<Arc<SpanFact>>) -> Arc<SpanFact> {
    let mut span = step.report;
    if span.record_ms != step.record_ms {
        Arc::make_mut(&mut span).record_ms = step.record_ms;
    }
    span
}

pub(crate) fn log_order(log: &LogFact) -> LogOrder {
    (
        log.time_ns,
        log.index,
        canonical::digest_of(&LogFact {
            record_ms: 0,
            ..log.clone()
        }),
    )
}

//! A conversation as the set of its facts, built by applying entries in any order.

use crate::canonical;
use crate::facts::{Body, Entry, Link, LogFact, Node, SpanFact};
use crate::ids::{Digest, SpanId, SpanKey};
use crate::limits::Limits;
use crate::memory;
use crate::message::Message;
use crate::prepare::{Fact, Prepared};
use crate::transcript::calls::History;
use crate::view::View;
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Holds every fact of one conversation. The same set of facts gives the same view, in whatever order and however often
/// it was applied.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    pub(crate) spans: BTreeMap<SpanKey, Arc<SpanFact>>,
    pub(crate) logs: BTreeMap<SpanKey, BTreeMap<LogOrder, Arc<LogFact>>>,
    pub(crate) links: FxHashMap<SpanKey, Option<SpanId>>,
    pub(crate) messages: FxHashMap<Digest, StoredMessage>,
    pub(crate) values: FxHashMap<Digest, Arc<Value>>,
    pub(crate) nodes: FxHashMap<Digest, Node>,
    pub(crate) omitted: FxHashSet<Digest>,
    facts: usize,
    /// Of bodies and nodes, as the limit counts them.
    bodies_bytes: usize,
    /// Of bodies, spans and logs in memory.
    held_bytes: usize,
}

/// The order of a span's log facts: time, position in the export, digest of the fact.
type LogOrder = (i64, u32, Digest);

/// The messages of one span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spoken {
    pub system: Vec<Arc<Message>>,
    /// The history the call was given, oldest first.
    pub input: Vec<Arc<Message>>,
    /// The choices it answered with.
    pub output: Vec<Arc<Message>>,
    pub finish_reason: Option<String>,
}

/// A message with its identity, computed once.
#[derive(Clone, Debug)]
pub(crate) struct StoredMessage {
    pub(crate) message: Arc<Message>,
    pub(crate) identity: Digest,
}

/// What a fact counts for towards the limit of a conversation's bytes, beside its bodies.
const FACT_BYTES: usize = 600;

impl Conversation {
    /// The entry that adds what is new in `batch` and `links`; empty when everything is known. Nothing is applied.
    pub fn entry_for(&self, batch: &[Prepared], links: &[Link], limits: &Limits) -> Entry {
        let mut entry = Entry::default();
        let mut spans: BTreeMap<SpanKey, &Prepared> = BTreeMap::new();
        let mut logs: BTreeMap<(SpanKey, LogOrder), &Prepared> = BTreeMap::new();
        for prepared in batch {
            match &prepared.fact {
                Fact::Span(span) => {
                    let in_batch = spans.get(&span.key).and_then(|known| known.span());
                    let known = in_batch.or(self.spans.get(&span.key).map(Arc::as_ref));
                    if known.is_none_or(|known| supersedes(span, known)) {
                        spans.insert(span.key, prepared);
                    }
                }
                Fact::Log(log) => {
                    let order = log_order(log);
                    if !self
                        .logs
                        .get(&log.key)
                        .is_some_and(|known| known.contains_key(&order))
                    {
                        logs.insert((log.key, order), prepared);
                    }
                }
            }
        }
        let mut adding = Adding {
            known: self,
            bodies: FxHashSet::default(),
            nodes: FxHashSet::default(),
            bytes: 0,
        };
        let mut omitted = BTreeSet::new();
        for prepared in spans.into_values().chain(logs.into_values()) {
            let facts = self.facts + entry.spans.len() + entry.logs.len();
            if facts >= limits.conversation_facts_max
                || self.content_bytes() + adding.bytes >= limits.conversation_bytes_max
            {
                omitted.insert(prepared.fact.name());
                continue;
            }
            adding.bodies_and_nodes(prepared, &mut entry);
            match &prepared.fact {
                Fact::Span(span) => entry.spans.push((**span).clone()),
                Fact::Log(log) => entry.logs.push((**log).clone()),
            }
        }
        let room = limits
            .conversation_facts_max
            .saturating_sub(self.omitted.len());
        entry.omitted = omitted
            .into_iter()
            .filter(|name| !self.omitted.contains(name))
            .take(room)
            .collect();
        let room = limits
            .conversation_facts_max
            .saturating_sub(self.links.len());
        // Of two reports of one span the greater parent counts, so that their order does not.
        let is_news = |link: &&Link| {
            self.links
                .get(&link.key)
                .is_none_or(|known| *known < link.parent)
        };
        entry.links = links.iter().filter(is_news).copied().collect();
        entry.links.sort_unstable_by_key(|link| Reverse(*link));
        entry.links.dedup_by_key(|link| link.key);
        entry.links.truncate(room);
        entry
    }

    /// Takes in an entry. Facts that are known already change nothing.
    pub fn apply(&mut self, entry: Entry) {
        for (digest, body) in entry.bodies {
            self.bodies_bytes += body.bytes();
            self.held_bytes += memory::body_bytes(&body);
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
        for span in entry.spans {
            self.facts += 1;
            let is_newer = self
                .spans
                .get(&span.key)
                .is_none_or(|known| supersedes(&span, known));
            if is_newer {
                self.held_bytes += memory::span_bytes(&span);
                if let Some(known) = self.spans.insert(span.key, Arc::new(span)) {
                    self.held_bytes -= memory::span_bytes(&known);
                }
            }
        }
        for log in entry.logs {
            self.facts += 1;
            self.held_bytes += memory::log_bytes(&log);
            self.logs
                .entry(log.key)
                .or_default()
                .insert(log_order(&log), Arc::new(log));
        }
        for link in entry.links {
            let parent = self.links.entry(link.key).or_insert(link.parent);
            *parent = link.parent.max(*parent);
        }
        self.omitted.extend(entry.omitted);
    }

    /// The transcript and totals.
    pub fn view(&self) -> View {
        crate::transcript::view(self)
    }

    /// What counts towards [`Limits::conversation_bytes_max`]: the same whatever represents the facts.
    pub fn content_bytes(&self) -> usize {
        self.bodies_bytes + self.facts * FACT_BYTES
    }

    /// Approximate size in memory.
    pub fn memory_bytes(&self) -> usize {
        self.held_bytes
            + self.nodes.len() * memory::NODE_BYTES
            + self.links.len() * memory::LINK_BYTES
            + self.omitted.len() * memory::OMITTED_BYTES
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.logs.is_empty()
    }

    /// The conversation as it stood when only facts recorded up to then were known: what a window closed over.
    pub fn up_to(&self, record_ms: i64) -> Self {
        let mut past = self.clone();
        past.spans.retain(|_, span| span.record_ms <= record_ms);
        for logs in past.logs.values_mut() {
            logs.retain(|_, log| log.record_ms <= record_ms);
        }
        past
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
                None => next = *self.links.get(&key)?,
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

    /// The spans whose tokens and cost are in the totals: of each call the innermost report that has any. Others that report
    /// some, such as wrappers and agents, repeat these.
    pub fn counted_spans(&self) -> FxHashSet<SpanKey> {
        let calls = crate::transcript::calls_of(self);
        calls.iter().map(|call| call.counted().key).collect()
    }

    /// What a span said, whether it carried its messages itself or log records beside it did.
    pub fn spoken_by(&self, span: &SpanFact) -> Spoken {
        let content = crate::transcript::calls::content_of(self, span);
        let messages = |digests: &[Digest]| -> Vec<Arc<Message>> {
            digests
                .iter()
                .filter_map(|digest| self.message(digest).cloned())
                .collect()
        };
        Spoken {
            system: messages(&content.system),
            input: match &content.history {
                History::None => Vec::new(),
                History::Chain(tip) => messages(&self.history_digests(Some(*tip))),
                History::List(digests) => messages(digests),
            },
            output: messages(&content.output),
            finish_reason: content.finish_reason,
        }
    }

    /// Every message body, in no particular order: what a search looks through.
    pub fn message_bodies(&self) -> impl Iterator<Item = &Arc<Message>> {
        self.messages.values().map(|stored| &stored.message)
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

impl Prepared {
    fn span(&self) -> Option<&SpanFact> {
        match &self.fact {
            Fact::Span(span) => Some(span),
            Fact::Log(_) => None,
        }
    }
}

impl Fact {
    /// What names it among those that were not kept.
    fn name(&self) -> Digest {
        match self {
            Self::Span(span) => Digest::of(&[&span.key.trace.0, &span.key.span.0]),
            Self::Log(log) => log_order(log).2,
        }
    }
}

/// Collects the bodies and nodes of new facts that the conversation does not hold yet.
struct Adding<'a> {
    known: &'a Conversation,
    bodies: FxHashSet<(bool, Digest)>,
    nodes: FxHashSet<Digest>,
    bytes: usize,
}

impl Adding<'_> {
    fn bodies_and_nodes(&mut self, prepared: &Prepared, entry: &mut Entry) {
        for (digest, body) in &prepared.bodies {
            // A value that looks like a message has the digest of that message.
            let is_message = matches!(body, Body::Message(_));
            let is_known = if is_message {
                self.known.messages.contains_key(digest)
            } else {
                self.known.values.contains_key(digest)
            };
            if !is_known && self.bodies.insert((is_message, *digest)) {
                self.bytes += body.bytes();
                entry.bodies.push((*digest, body.clone()));
            }
        }
        for (id, node) in &prepared.nodes {
            if !self.known.nodes.contains_key(id) && self.nodes.insert(*id) {
                self.bytes += Node::BYTES;
                entry.nodes.push(*node);
            }
        }
        self.bytes += FACT_BYTES;
    }
}

/// Which of two reports of one span is kept: the one that knows more, by a total order, so that any order of arrival
/// keeps the same one. SDKs report a span again when it has ended, or through two exporters.
fn supersedes(new: &SpanFact, known: &SpanFact) -> bool {
    let rank = |span: &SpanFact| {
        (
            span.is_genai,
            !span.content.output.is_empty(),
            span.content.history.is_some(),
            span.tool.as_ref().is_some_and(|tool| tool.result.is_some()),
            span.usage.is_some(),
            span.end_ns,
            span.attributes.len(),
        )
    };
    match rank(new).cmp(&rank(known)) {
        std::cmp::Ordering::Equal => identity_of(new) > identity_of(known),
        order => order.is_gt(),
    }
}

/// All of a span but when it was recorded: a redelivery is no news.
fn identity_of(span: &SpanFact) -> Digest {
    canonical::digest_of(&SpanFact {
        record_ms: 0,
        ..span.clone()
    })
}

fn log_order(log: &LogFact) -> LogOrder {
    (
        log.time_ns,
        log.index,
        canonical::digest_of(&LogFact {
            record_ms: 0,
            ..log.clone()
        }),
    )
}

//! A conversation as the set of its facts, built by applying entries in any order.

use crate::facts::{Body, Entry, LogFact, Node, SpanFact};
use crate::ids::{Digest, SpanKey};
use crate::limits::Limits;
use crate::message::Message;
use rustc_hash::FxHashMap;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Holds every fact of one conversation. The same set of facts gives an equal value, in whatever order and however
/// often it was applied.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    pub(crate) spans: BTreeMap<SpanKey, Arc<SpanFact>>,
    /// By span, then by (time, index, digest of the fact).
    pub(crate) logs: BTreeMap<SpanKey, BTreeMap<(i64, u32, Digest), Arc<LogFact>>>,
    pub(crate) messages: FxHashMap<Digest, StoredMessage>,
    pub(crate) values: FxHashMap<Digest, Arc<Value>>,
    pub(crate) nodes: FxHashMap<Digest, Node>,
    pub(crate) omitted: u32,
    facts: usize,
    /// Approximate size in memory of all of the above.
    bytes: usize,
}

/// A message with its identity, computed once.
#[derive(Clone, Debug)]
pub(crate) struct StoredMessage {
    pub(crate) message: Arc<Message>,
    pub(crate) identity: Digest,
}

/// One span or log ready to be stored: its fact and the bodies and nodes that the fact refers to.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    pub fact: Fact,
    pub bodies: Vec<(Digest, Body)>,
    pub nodes: Vec<(Digest, Node)>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    Span(Box<SpanFact>),
    Log(Box<LogFact>),
}

impl Conversation {
    /// The entry that adds what is new in `batch`; empty when everything is known already. Nothing is applied.
    pub fn entry_for(&self, batch: &[Prepared], limits: &Limits) -> Entry {
        let _ = (batch, limits);
        unimplemented!()
    }

    /// Takes in an entry. Facts that are known already change nothing.
    pub fn apply(&mut self, entry: Entry) {
        let _ = entry;
        unimplemented!()
    }

    /// Approximate size in memory.
    pub fn bytes(&self) -> usize {
        self.bytes
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

    pub fn message(&self, digest: &Digest) -> Option<&Arc<Message>> {
        self.messages.get(digest).map(|stored| &stored.message)
    }

    pub fn value(&self, digest: &Digest) -> Option<&Arc<Value>> {
        self.values.get(digest)
    }
}

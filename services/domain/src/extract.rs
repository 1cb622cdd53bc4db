//! What facts refer to, and taking them out of a conversation again with all of it, so that another one can be told of them.

use crate::conversation::Conversation;
use crate::facts::{Body, ContentFact, LogFact, Node, SpanFact};
use crate::ids::{Digest, SpanId, SpanKey};
use crate::prepare::{BODY_REFERENCE, Fact, Prepared};
use rustc_hash::FxHashSet;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Digests of bodies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InUse {
    pub messages: FxHashSet<Digest>,
    pub values: FxHashSet<Digest>,
}

impl Conversation {
    /// The messages, and the arguments and results of tools, that its spans and logs refer to: what a search looks through.
    /// A log of entries also holds those of spans that stand here no more.
    pub fn bodies_in_use(&self) -> InUse {
        let mut in_use = InUse::default();
        let mut nodes: FxHashSet<Digest> = FxHashSet::default();
        let logs = self.logs.values().flat_map(BTreeMap::values);
        let contents = self.spans.values().map(|span| &span.content);
        for content in contents.chain(logs.map(|log| &log.content)) {
            in_use.messages.extend(&content.system);
            in_use.messages.extend(&content.output);
            // Histories share their beginnings: what stands before a known node is known.
            let new = self.chain(content.history);
            let new = new.take_while(|(id, _)| nodes.insert(*id));
            in_use.messages.extend(new.map(|(_, node)| node.message));
        }
        let tools = self.spans.values().filter_map(|span| span.tool.as_ref());
        let values = tools.flat_map(|tool| [tool.arguments, tool.result]);
        in_use.values.extend(values.flatten());
        in_use
    }

    /// The spans of which anything is known: themselves, or logs beside them. Of one trace.
    pub(crate) fn spans_held(&self) -> BTreeSet<SpanId> {
        self.spans
            .keys()
            .chain(self.logs.keys())
            .map(|key| key.span)
            .collect()
    }

    /// Whether all that is known of a span are errors told beside it.
    pub(crate) fn has_only_errors(&self, key: &SpanKey) -> bool {
        let logs = self.logs.get(key).into_iter().flat_map(BTreeMap::values);
        let mut logs = logs.peekable();
        !self.spans.contains_key(key)
            && logs.peek().is_some()
            && logs.all(|log| log.is_error_only())
    }

    /// How many spans there are, and spans with logs beside them.
    pub(crate) fn held_count(&self) -> usize {
        self.spans.len() + self.logs.len()
    }

    /// When the first report of a span, or the first log beside it, was recorded.
    pub(crate) fn first_recorded_ms(&self, key: &SpanKey) -> Option<i64> {
        let spans = self.versions(key).map(|span| span.record_ms);
        let logs = self
            .logs
            .get(key)
            .into_iter()
            .flat_map(|logs| logs.values());
        spans.chain(logs.map(|log| log.record_ms)).min()
    }

    /// The reports of a span and the logs beside it, each as of its record but not before `from_ms`.
    pub(crate) fn facts_of(&self, key: &SpanKey, from_ms: i64) -> Vec<Prepared> {
        let spans = self.versions(key).map(|span| {
            let mut span = SpanFact::clone(span);
            span.record_ms = span.record_ms.max(from_ms);
            self.with_bodies(Fact::Span(Box::new(span)))
        });
        let logs = self
            .logs
            .get(key)
            .into_iter()
            .flat_map(|logs| logs.values());
        let logs = logs.map(|log| {
            let mut log = LogFact::clone(log);
            log.record_ms = log.record_ms.max(from_ms);
            self.with_bodies(Fact::Log(Box::new(log)))
        });
        spans.chain(logs).collect()
    }

    fn with_bodies(&self, fact: Fact) -> Prepared {
        let mut taken = Taken {
            from: self,
            messages: BTreeSet::new(),
            values: BTreeSet::new(),
            nodes: Vec::new(),
        };
        match &fact {
            Fact::Span(span) => {
                taken.content(&span.content);
                let tool = span
                    .tool
                    .iter()
                    .flat_map(|tool| [tool.arguments, tool.result]);
                taken.values.extend(tool.flatten().chain(span.resource));
                let references = span.attributes.values().filter_map(reference);
                taken.values.extend(references);
            }
            Fact::Log(log) => taken.content(&log.content),
        }
        let messages = taken.messages.iter().filter_map(|digest| {
            let message = self.message(digest)?;
            Some((*digest, Body::Message((**message).clone())))
        });
        let values = taken.values.iter().filter_map(|digest| {
            let value = self.value(digest)?;
            Some((*digest, Body::Value((**value).clone())))
        });
        Prepared {
            bodies: messages.chain(values).collect(),
            nodes: taken.nodes,
            fact,
        }
    }
}

/// The digest that a large attribute was replaced by.
fn reference(value: &Value) -> Option<Digest> {
    let reference = value.as_object()?.get(BODY_REFERENCE)?;
    serde_json::from_value(reference.clone()).ok()
}

struct Taken<'a> {
    from: &'a Conversation,
    messages: BTreeSet<Digest>,
    values: BTreeSet<Digest>,
    nodes: Vec<(Digest, Node)>,
}

impl Taken<'_> {
    fn content(&mut self, content: &ContentFact) {
        self.messages.extend(&content.system);
        self.messages.extend(&content.output);
        for (id, node) in self.from.chain(content.history) {
            self.messages.insert(node.message);
            self.nodes.push((id, *node));
        }
        // The predecessor of each before it, as histories are prepared.
        self.nodes.reverse();
    }
}

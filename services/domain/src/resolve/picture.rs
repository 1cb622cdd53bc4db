//! What is known of one trace: parent links and conversation ids, no payload.

use super::WaitKey;
use crate::conversation::ANCESTORS_MAX;
use crate::facts::Link;
use crate::ids::{ConversationKey, SpanId, SpanKey, TraceId};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeMap, BTreeSet};

/// One span's place in its trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanLink {
    pub span: SpanId,
    pub parent: Option<SpanId>,
    /// The id that the span itself carries.
    pub conversation: Option<String>,
    /// Of a GenAI span; `None` for any other.
    pub project: Option<String>,
    /// When the span was recorded, Unix milliseconds; `None` where that was not kept.
    pub record_ms: Option<i64>,
}

impl SpanLink {
    fn is_genai(&self) -> bool {
        self.project.is_some()
    }
}

#[derive(Debug, Default)]
pub(super) struct Picture {
    pub(super) last_seen_ms: i64,
    pub(super) is_genai: bool,
    spans: FxHashMap<SpanId, Place>,
    /// The distinct ids that spans of the trace carry. Two are enough to know that there is more than one.
    conversations: BTreeSet<String>,
    /// Items that wait for a span to come.
    waiting_on: FxHashMap<SpanId, Vec<WaitKey>>,
    /// Conversations that want to know the parent of a span which has not come or is not of theirs.
    wanted: FxHashMap<SpanId, FxHashSet<ConversationKey>>,
    /// Spans that were given to a conversation by their history.
    placed: BTreeMap<SpanId, String>,
    /// Items that wait and will be looked at together.
    held: BTreeSet<WaitKey>,
}

#[derive(Debug)]
struct Place {
    parent: Option<SpanId>,
    conversation: Option<String>,
    project: Option<String>,
    /// See [`SpanLink::record_ms`].
    record_ms: Option<i64>,
}

impl Place {
    fn is_genai(&self) -> bool {
        self.project.is_some()
    }
}

/// What the ancestors of a span say.
pub(super) enum Ancestry {
    /// The nearest ancestor with an id has this one.
    Named(String),
    /// This ancestor has not come yet.
    Unknown(SpanId),
    /// All ancestors are known, and none has an id.
    Nameless,
}

const CONVERSATIONS_MAX: usize = 1_000;
/// As many spans as a trace has links.
const PLACED_MAX: usize = 20_000;

impl Picture {
    /// False when nothing new was learnt, or the picture is full. A span may come again with an id it lacked. Of its copies
    /// the earliest counts.
    pub(super) fn add(&mut self, link: SpanLink, links_max: usize) -> bool {
        let is_full = self.spans.len() >= links_max;
        match self.spans.get_mut(&link.span) {
            Some(known) => {
                let earliest_ms = known.record_ms.into_iter().chain(link.record_ms).min();
                known.record_ms = earliest_ms;
                let learns = (known.conversation.is_none() && link.conversation.is_some())
                    || (known.parent.is_none() && link.parent.is_some())
                    || (!known.is_genai() && link.is_genai());
                if !learns {
                    return false;
                }
                known.conversation = known.conversation.take().or(link.conversation.clone());
                known.parent = known.parent.or(link.parent);
                known.project = known.project.take().or(link.project.clone());
            }
            None if is_full => return false,
            None => {
                let place = Place {
                    parent: link.parent,
                    conversation: link.conversation.clone(),
                    project: link.project.clone(),
                    record_ms: link.record_ms,
                };
                self.spans.insert(link.span, place);
            }
        }
        if let Some(id) = &link.conversation {
            self.name(id);
        }
        self.is_genai |= link.is_genai() || link.conversation.is_some();
        true
    }

    /// Notes that the trace has a span of this conversation.
    pub(super) fn name(&mut self, id: &str) {
        if self.conversations.len() < CONVERSATIONS_MAX && !self.conversations.contains(id) {
            self.conversations.insert(id.to_owned());
        }
    }

    pub(super) fn only_conversation(&self) -> Option<String> {
        let mut ids = self.conversations.iter();
        ids.next()
            .filter(|_| self.conversations.len() == 1)
            .cloned()
    }

    pub(super) fn has_no_conversation(&self) -> bool {
        self.conversations.is_empty()
    }

    pub(super) fn link(&self, span: SpanId) -> Option<SpanLink> {
        self.spans.get(&span).map(|place| SpanLink {
            span,
            parent: place.parent,
            conversation: place.conversation.clone(),
            project: place.project.clone(),
            record_ms: place.record_ms,
        })
    }

    pub(super) fn links(&self) -> Vec<SpanLink> {
        self.spans
            .keys()
            .filter_map(|span| self.link(*span))
            .collect()
    }

    /// Looks from a span (itself included) upwards.
    pub(super) fn ancestry(&self, from: Option<SpanId>) -> Ancestry {
        let mut next = from;
        for _ in 0..ANCESTORS_MAX {
            let Some(span) = next else {
                return Ancestry::Nameless;
            };
            let Some(place) = self.spans.get(&span) else {
                return Ancestry::Unknown(span);
            };
            if let Some(id) = &place.conversation {
                return Ancestry::Named(id.clone());
            }
            next = place.parent;
        }
        // A cycle, or deeper than any sane trace: no ancestor will name it.
        Ancestry::Nameless
    }

    /// The spans from this one upwards, as far as known.
    fn upwards(&self, from: Option<SpanId>) -> impl Iterator<Item = SpanId> {
        let above = |span: &SpanId| self.spans.get(span).and_then(|place| place.parent);
        std::iter::successors(from, above).take(ANCESTORS_MAX)
    }

    /// The GenAI spans from this one upwards.
    pub(super) fn genai_above(&self, from: Option<SpanId>) -> Vec<SpanId> {
        let is_genai = |span: &SpanId| self.spans.get(span).is_some_and(Place::is_genai);
        self.upwards(from).filter(is_genai).collect()
    }

    pub(super) fn place(&mut self, span: SpanId, conversation: String) {
        if self.placed.len() < PLACED_MAX {
            self.placed.entry(span).or_insert(conversation);
        }
    }

    pub(super) fn placed_at_or_above(&self, from: Option<SpanId>) -> Option<String> {
        if self.placed.is_empty() {
            return None;
        }
        self.upwards(from)
            .find_map(|span| self.placed.get(&span).cloned())
    }

    pub(super) fn placed_in_trace(&self) -> BTreeSet<String> {
        self.placed.values().cloned().collect()
    }

    pub(super) fn hold(&mut self, key: WaitKey) {
        self.held.insert(key);
    }

    pub(super) fn release(&mut self, key: &WaitKey) {
        self.held.remove(key);
    }

    pub(super) fn held(&self) -> Vec<WaitKey> {
        self.held.iter().copied().collect()
    }

    pub(super) fn wait_on(&mut self, ancestor: SpanId, key: WaitKey) {
        self.waiting_on.entry(ancestor).or_default().push(key);
    }

    /// The items that waited for this span, which has come.
    pub(super) fn waiting_on(&mut self, span: SpanId) -> Vec<WaitKey> {
        self.waiting_on.remove(&span).unwrap_or_default()
    }

    pub(super) fn all_waiting(&self) -> Vec<WaitKey> {
        self.waiting_on.values().flatten().copied().collect()
    }

    /// For a span that goes to a conversation: the links between it and its nearest GenAI ancestor, as far as known. The
    /// first unknown one stays wanted.
    pub(super) fn want_links_above(
        &mut self,
        trace: TraceId,
        span: SpanId,
        conversation: &ConversationKey,
    ) -> Vec<Link> {
        let above = self.spans.get(&span).and_then(|place| place.parent);
        self.want(trace, above, conversation)
    }

    /// The links that conversations wanted of a span that has come, and of those above it.
    pub(super) fn links_wanted_of(
        &mut self,
        trace: TraceId,
        span: SpanId,
    ) -> Vec<(ConversationKey, Link)> {
        let mut wanted = Vec::new();
        for conversation in self.wanted.remove(&span).unwrap_or_default() {
            let links = self.want(trace, Some(span), &conversation);
            wanted.extend(links.into_iter().map(|link| (conversation.clone(), link)));
        }
        wanted
    }

    /// The conversation of a GenAI span by its own id or an ancestor's.
    pub(super) fn conversation_of(&self, span: SpanId) -> Option<ConversationKey> {
        let project = self.spans.get(&span)?.project.clone()?;
        match self.ancestry(Some(span)) {
            Ancestry::Named(id) => Some(ConversationKey { project, id }),
            Ancestry::Unknown(_) | Ancestry::Nameless => None,
        }
    }

    fn want(
        &mut self,
        trace: TraceId,
        from: Option<SpanId>,
        conversation: &ConversationKey,
    ) -> Vec<Link> {
        let mut links = Vec::new();
        let mut next = from;
        for _ in 0..LINKS_ABOVE_MAX {
            let Some(span) = next else { break };
            match self.spans.get(&span) {
                Some(place) if place.is_genai() => break,
                Some(place) => {
                    links.push(Link {
                        key: SpanKey { trace, span },
                        parent: place.parent,
                        record_ms: place.record_ms.unwrap_or_default(),
                    });
                    next = place.parent;
                }
                None => {
                    self.wanted
                        .entry(span)
                        .or_default()
                        .insert(conversation.clone());
                    break;
                }
            }
        }
        links
    }
}

/// How far up a conversation is told of spans that are not its own.
const LINKS_ABOVE_MAX: usize = 64;

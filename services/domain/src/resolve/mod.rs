//! Which conversation a span belongs to: its own id; else that of its nearest ancestor that has one; else, when its wait
//! is over, the only one of its trace; else none.
//!
//! Children are exported before their parents, so a span without an id may have to wait for an ancestor. The resolver
//! keeps a picture of each recent trace (parent links and ids, no payload) and the items that wait. Time comes in as an
//! argument: the pipeline passes the watermark of what was read, so a replay decides as the live run did.

mod picture;

pub use picture::SpanLink;

use crate::chain::{Hints, Piece};
use crate::facts::Link;
use crate::ids::{ConversationKey, SpanId, SpanKey, TraceId};
use picture::{Ancestry, Picture};
use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What happens to the GenAI spans of a trace in which no span carries an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WithoutId {
    /// They are left out and counted.
    #[default]
    Drop,
    /// The trace becomes a conversation of its own, marked as inferred.
    Trace,
    /// Its calls are chained by what was said; the conversations are marked as inferred.
    History,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long a span without an id waits for one, in record time.
    pub wait_ms: i64,
    /// How long the picture of a trace is kept after its last span, in record time.
    pub trace_idle_ms: i64,
    /// Pictures kept at once; beyond it the longest silent is given up.
    pub traces_max: usize,
    /// Links kept of one trace. Later ones of such a trace are not known as ancestors.
    pub links_per_trace_max: usize,
    /// Bytes of items that wait; beyond it the longest waiting are decided early.
    pub waiting_bytes_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            wait_ms: 60_000,
            trace_idle_ms: 600_000,
            traces_max: 100_000,
            links_per_trace_max: 20_000,
            waiting_bytes_max: 128 * 1024 * 1024,
        }
    }
}

/// By which rule an item found its conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    Own,
    Ancestor,
    OnlyOneInTrace,
    /// No span of the trace has an id, and the trace was made a conversation.
    Trace,
    /// A call that it belongs to, or itself, was chained by its history.
    History,
}

/// What became of an item.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision<T> {
    Assigned {
        item: T,
        conversation: ConversationKey,
        rule: Rule,
        /// Spans between this one and its nearest GenAI ancestor, as far as known.
        links: Vec<Link>,
    },
    /// No conversation; a GenAI span is counted, any other was only a link.
    Unassigned { item: T },
    /// No conversation by ids: the history is to tell.
    Chain(Piece<T>),
}

/// What one step brought.
#[derive(Debug)]
pub struct Outcome<T> {
    pub decisions: Vec<Decision<T>>,
    /// Links that earlier assigned spans still lacked to see their relations.
    pub links: Vec<(ConversationKey, Link)>,
}

/// Who keeps what was learnt of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    /// It is new, and is to be saved.
    Here,
    /// It was loaded from where it is saved.
    Elsewhere,
}

impl<T> Default for Outcome<T> {
    fn default() -> Self {
        Self {
            decisions: Vec::new(),
            links: Vec::new(),
        }
    }
}

/// An item that waits for the conversation of `below` or of an ancestor of it.
#[derive(Debug)]
struct Waiting<T> {
    item: T,
    project: Arc<str>,
    /// Where the search for an ancestor begins: the item's parent, or the span that a log record belongs to.
    below: Option<SpanId>,
    /// The span itself; `None` for log records, which have no place of their own in the trace.
    own: Option<SpanId>,
    without_id: WithoutId,
    key: SpanKey,
    is_call: bool,
    bytes: usize,
}

impl<T> Waiting<T> {
    /// Tools, agents and log records follow the calls they belong to. Calls are chained one by one, so that the next call
    /// finds each of them.
    fn is_led_by_history(&self) -> bool {
        self.without_id == WithoutId::History && !self.is_call
    }
}

/// An item with what the resolver must know of it.
#[derive(Debug)]
pub struct Offer<T> {
    pub item: T,
    pub project: Arc<str>,
    /// Of the span itself, or of the span that a log record belongs to.
    pub key: SpanKey,
    pub parent: Option<SpanId>,
    pub conversation_id: Option<String>,
    pub kind: Kind,
    /// A call to a model: where calls are chained, each of them is.
    pub is_call: bool,
    pub without_id: WithoutId,
    /// What the item takes in memory while it waits.
    pub bytes: usize,
    /// Kafka record time in Unix milliseconds.
    pub record_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    GenAiSpan,
    /// Serves as a link; belongs to a conversation only by its own id.
    OtherSpan,
    Log,
}

/// Keeps the pictures and the waiting items.
#[derive(Debug)]
pub struct Resolver<T> {
    settings: Settings,
    traces: FxHashMap<TraceId, Picture>,
    by_last_seen: BTreeSet<(i64, TraceId)>,
    waiting: BTreeMap<WaitKey, Waiting<T>>,
    waiting_bytes: usize,
    sequence: u64,
    /// Links not yet handed out for keeping elsewhere.
    unsaved: Vec<(TraceId, SpanLink)>,
}

/// Items by the time at which their wait is over, then by arrival.
type WaitKey = (i64, u64, TraceId);

impl<T> Resolver<T> {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            traces: FxHashMap::default(),
            by_last_seen: BTreeSet::new(),
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            sequence: 0,
            unsaved: Vec::new(),
        }
    }

    /// Takes in an item at a time in milliseconds.
    pub fn offer(&mut self, offer: Offer<T>, now_ms: i64) -> Outcome<T> {
        let mut outcome = Outcome::default();
        let trace = offer.key.trace;
        let idle_since_ms = self.touch(trace, now_ms);
        let own = (offer.kind != Kind::Log).then_some(offer.key.span);
        if let Some(span) = own {
            let link = SpanLink {
                span,
                parent: offer.parent,
                conversation: offer.conversation_id.clone(),
                project: (offer.kind == Kind::GenAiSpan).then(|| offer.project.to_string()),
                record_ms: Some(offer.record_ms),
            };
            self.learn(trace, link, Keep::Here, &mut outcome);
        } else if let (Some(id), Some(picture)) =
            (&offer.conversation_id, self.traces.get_mut(&trace))
        {
            picture.name(id);
        }
        let below = if offer.kind == Kind::Log {
            Some(offer.key.span)
        } else {
            offer.parent
        };
        let waiting = Waiting {
            item: offer.item,
            project: offer.project,
            below,
            own,
            without_id: offer.without_id,
            key: offer.key,
            is_call: offer.is_call,
            bytes: offer.bytes,
        };
        if let Some(id) = offer.conversation_id {
            self.assign(trace, waiting, id, Rule::Own, &mut outcome);
        } else if offer.kind == Kind::OtherSpan {
            outcome
                .decisions
                .push(Decision::Unassigned { item: waiting.item });
        } else {
            self.sequence += 1;
            let key = (
                now_ms.saturating_add(self.settings.wait_ms),
                self.sequence,
                trace,
            );
            self.examine(key, waiting, &mut outcome);
        }
        self.keep_within_bounds(idle_since_ms, &mut outcome);
        outcome
    }

    /// Takes in what another process, or this one before a restart, knew of a trace.
    pub fn restore(&mut self, trace: TraceId, links: Vec<SpanLink>, now_ms: i64) -> Outcome<T> {
        let mut outcome = Outcome::default();
        self.touch(trace, now_ms);
        let spans: Vec<SpanId> = links.iter().map(|link| link.span).collect();
        for link in links {
            self.learn(trace, link, Keep::Elsewhere, &mut outcome);
        }
        // Their conversations may not know yet what lies between them: that may have come to nobody, or come next.
        if let Some(picture) = self.traces.get_mut(&trace) {
            for span in spans {
                if let Some(conversation) = picture.conversation_of(span) {
                    let links = picture.want_links_above(trace, span, &conversation);
                    outcome
                        .links
                        .extend(links.into_iter().map(|link| (conversation.clone(), link)));
                }
            }
        }
        outcome
    }

    /// Takes in which spans of a trace were given to a conversation by their history.
    pub fn place(
        &mut self,
        trace: TraceId,
        placed: Vec<(SpanId, String)>,
        now_ms: i64,
    ) -> Outcome<T> {
        let mut outcome = Outcome::default();
        self.touch(trace, now_ms);
        let Some(picture) = self.traces.get_mut(&trace) else {
            return outcome;
        };
        placed
            .into_iter()
            .for_each(|(span, conversation)| picture.place(span, conversation));
        for key in picture.held() {
            if let Some(waiting) = self.waiting.remove(&key) {
                self.release(&key, &waiting);
                self.examine(key, waiting, &mut outcome);
            }
        }
        outcome
    }

    /// For a span that was chained: the links between it and its nearest GenAI ancestor.
    pub fn links_above(&mut self, key: SpanKey, conversation: &ConversationKey) -> Vec<Link> {
        self.traces
            .get_mut(&key.trace)
            .map(|picture| picture.want_links_above(key.trace, key.span, conversation))
            .unwrap_or_default()
    }

    /// Whether anything is known of the trace.
    pub fn knows(&self, trace: &TraceId) -> bool {
        self.traces.contains_key(trace)
    }

    /// Decides the items whose wait is over and forgets traces that fell silent.
    pub fn tick(&mut self, now_ms: i64) -> Outcome<T> {
        let mut outcome = Outcome::default();
        while let Some(entry) = self
            .waiting
            .first_entry()
            .filter(|entry| entry.key().0 <= now_ms)
        {
            let (key, waiting) = entry.remove_entry();
            self.give_up(key, waiting, &mut outcome);
        }
        self.keep_within_bounds(
            now_ms.saturating_sub(self.settings.trace_idle_ms),
            &mut outcome,
        );
        outcome
    }

    /// The traces of items whose wait ends by `until_ms`: worth asking elsewhere before they are given up.
    pub fn waiting_traces(&self, until_ms: i64) -> Vec<TraceId> {
        let due = self
            .waiting
            .range(..(until_ms.saturating_add(1), 0, TraceId::default()));
        let mut traces: Vec<TraceId> = due.map(|((.., trace), _)| *trace).collect();
        traces.sort_unstable();
        traces.dedup();
        traces
    }

    /// Links of GenAI traces learnt since the last call, to be kept where other processes find them.
    pub fn take_unsaved(&mut self) -> Vec<(TraceId, SpanLink)> {
        std::mem::take(&mut self.unsaved)
    }

    pub fn waiting_count(&self) -> usize {
        self.waiting.len()
    }

    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    pub fn trace_count(&self) -> usize {
        self.traces.len()
    }

    /// Marks the trace as seen and returns the time before which a trace counts as silent.
    fn touch(&mut self, trace: TraceId, now_ms: i64) -> i64 {
        let picture = self.traces.entry(trace).or_default();
        let last_ms = std::mem::replace(&mut picture.last_seen_ms, now_ms);
        if last_ms != now_ms {
            self.by_last_seen.remove(&(last_ms, trace));
        }
        self.by_last_seen.insert((now_ms, trace));
        now_ms.saturating_sub(self.settings.trace_idle_ms)
    }

    /// Adds a link to the picture and looks again at the items that waited for it.
    fn learn(&mut self, trace: TraceId, link: SpanLink, keep: Keep, outcome: &mut Outcome<T>) {
        let Some(picture) = self.traces.get_mut(&trace) else {
            return;
        };
        let span = link.span;
        let was_genai = picture.is_genai;
        if !picture.add(link, self.settings.links_per_trace_max) {
            return;
        }
        if keep == Keep::Here && picture.is_genai {
            // When the first GenAI span of a trace comes, the links before it become worth keeping too.
            let fresh = if was_genai {
                picture.link(span).into_iter().collect()
            } else {
                picture.links()
            };
            self.unsaved
                .extend(fresh.into_iter().map(|link| (trace, link)));
        }
        outcome.links.extend(picture.links_wanted_of(trace, span));
        for key in picture.waiting_on(span) {
            if let Some(waiting) = self.waiting.remove(&key) {
                self.release(&key, &waiting);
                self.examine(key, waiting, outcome);
            }
        }
    }

    /// Assigns the item if an ancestor with an id is known, else lets it wait.
    fn examine(&mut self, key: WaitKey, waiting: Waiting<T>, outcome: &mut Outcome<T>) {
        let Some(picture) = self.traces.get_mut(&key.2) else {
            return self.give_up_counted(waiting, outcome);
        };
        match picture.ancestry(waiting.below) {
            Ancestry::Named(id) => self.assign(key.2, waiting, id, Rule::Ancestor, outcome),
            ancestry => {
                if let Ancestry::Unknown(ancestor) = ancestry {
                    picture.wait_on(ancestor, key);
                }
                let placed = picture.placed_at_or_above(waiting.own.or(waiting.below));
                match placed.filter(|_| waiting.is_led_by_history()) {
                    Some(id) => self.assign(key.2, waiting, id, Rule::History, outcome),
                    None => self.hold(key, waiting),
                }
            }
        }
    }

    fn hold(&mut self, key: WaitKey, waiting: Waiting<T>) {
        self.waiting_bytes += waiting.bytes;
        if let (WithoutId::History, Some(picture)) =
            (waiting.without_id, self.traces.get_mut(&key.2))
        {
            picture.hold(key);
        }
        self.waiting.insert(key, waiting);
    }

    /// The counterpart of `hold`, for an item that was taken out.
    fn release(&mut self, key: &WaitKey, waiting: &Waiting<T>) {
        self.waiting_bytes -= waiting.bytes;
        if let Some(picture) = self.traces.get_mut(&key.2) {
            picture.release(key);
        }
    }

    fn assign(
        &mut self,
        trace: TraceId,
        waiting: Waiting<T>,
        id: String,
        rule: Rule,
        outcome: &mut Outcome<T>,
    ) {
        let conversation = ConversationKey {
            project: waiting.project.to_string(),
            id,
        };
        let links = match (waiting.own, self.traces.get_mut(&trace)) {
            (Some(own), Some(picture)) => picture.want_links_above(trace, own, &conversation),
            _ => Vec::new(),
        };
        outcome.decisions.push(Decision::Assigned {
            item: waiting.item,
            conversation,
            rule,
            links,
        });
    }

    /// The wait is over: the only conversation of the trace, else what the project does without one.
    fn give_up(&mut self, key: WaitKey, waiting: Waiting<T>, outcome: &mut Outcome<T>) {
        self.release(&key, &waiting);
        let trace = key.2;
        let picture = self.traces.get(&trace);
        let only = picture.and_then(Picture::only_conversation);
        let has_none = picture.is_none_or(Picture::has_no_conversation);
        match (only, waiting.without_id) {
            (Some(id), _) => self.assign(trace, waiting, id, Rule::OnlyOneInTrace, outcome),
            (None, WithoutId::Trace) if has_none => {
                self.assign(trace, waiting, trace.to_string(), Rule::Trace, outcome);
            }
            (None, WithoutId::History) => {
                let others = picture.map(Picture::held).unwrap_or_default();
                self.chain(trace, waiting, outcome);
                // What is there of the trace is looked at together.
                for key in others {
                    if let Some(waiting) = self.waiting.remove(&key) {
                        self.release(&key, &waiting);
                        self.chain(trace, waiting, outcome);
                    }
                }
            }
            (None, _) => self.give_up_counted(waiting, outcome),
        }
    }

    fn chain(&self, trace: TraceId, waiting: Waiting<T>, outcome: &mut Outcome<T>) {
        let picture = self.traces.get(&trace);
        let hints = |picture: &Picture| Hints {
            ancestors: picture.genai_above(waiting.below),
            placed: picture.placed_at_or_above(waiting.own.or(waiting.below)),
            placed_in_trace: picture.placed_in_trace(),
        };
        outcome.decisions.push(Decision::Chain(Piece {
            hints: picture.map(hints).unwrap_or_default(),
            item: waiting.item,
            project: waiting.project,
            key: waiting.key,
            bytes: waiting.bytes,
        }));
    }

    fn give_up_counted(&mut self, waiting: Waiting<T>, outcome: &mut Outcome<T>) {
        outcome
            .decisions
            .push(Decision::Unassigned { item: waiting.item });
    }

    fn keep_within_bounds(&mut self, idle_since_ms: i64, outcome: &mut Outcome<T>) {
        while self.waiting_bytes > self.settings.waiting_bytes_max {
            let Some((key, waiting)) = self.waiting.pop_first() else {
                break;
            };
            self.give_up(key, waiting, outcome);
        }
        while let Some((last_seen_ms, trace)) = self.by_last_seen.first().copied() {
            if last_seen_ms > idle_since_ms && self.traces.len() <= self.settings.traces_max {
                break;
            }
            self.by_last_seen.pop_first();
            let keys: Vec<WaitKey> = self
                .traces
                .get(&trace)
                .map(Picture::all_waiting)
                .unwrap_or_default();
            for key in keys {
                if let Some(waiting) = self.waiting.remove(&key) {
                    self.give_up(key, waiting, outcome);
                }
            }
            self.traces.remove(&trace);
        }
    }
}

#[cfg(test)]
mod tests;

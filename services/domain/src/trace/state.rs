//! One trace of one project: what is known of it, what a batch adds, and what conversations are to be told.

use super::WithoutId;
use super::entry::{Given, GivenTo, TraceEntry};
use super::report::{Kind, Report};
use super::stays::{Assumed, Rule, Stay, stays};
use super::tree::Tree;
use crate::chain::{Hints, Piece};
use crate::conversation::Conversation;
use crate::facts::{Link, Move};
use crate::ids::{SpanId, SpanKey, TraceId};
use crate::limits::Limits;
use crate::prepare::Prepared;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How far up a conversation is told of spans that are not its own.
const LINKS_ABOVE_MAX: usize = 64;

/// Times of a trace, all in record time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Times {
    /// How long a span without an id waits before it is decided what becomes of it without one: it is counted, or goes
    /// where `without_id` says. It is placed all the same when an id turns up later.
    pub settle_ms: i64,
    /// How long a span without an id is kept for an id to turn up.
    pub wait_ms: i64,
    /// How long spans that were placed are kept for another id to prove otherwise, after the last of their trace.
    pub hold_ms: i64,
}

/// Conversations are told once more of what was decided without an id, so long after: no record would be read again that
/// brings it about if the process died, or the store lost it, in between.
const CONFIRM_MS: i64 = 60_000;

impl Default for Times {
    fn default() -> Self {
        const MINUTE_MS: i64 = 60_000;
        Self {
            settle_ms: MINUTE_MS,
            wait_ms: 6 * 60 * MINUTE_MS,
            hold_ms: 60 * MINUTE_MS,
        }
    }
}

impl Times {
    /// How long a trace is kept at least after its last change.
    pub fn kept_ms(&self) -> i64 {
        self.settle_ms.max(self.wait_ms).max(self.hold_ms)
    }
}

/// What is known of a trace.
#[derive(Clone, Debug)]
pub struct Trace {
    id: TraceId,
    tree: Tree,
    /// The facts of spans and logs that carry no id.
    held: Conversation,
    given: BTreeMap<SpanId, Given>,
    moved: BTreeMap<SpanId, BTreeSet<String>>,
    /// The record of the newest report.
    last_ms: i64,
}

/// What one batch tells of a trace.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub reports: Vec<Report>,
    /// Of spans and logs that carry no id.
    pub facts: Vec<Prepared>,
}

/// What a batch adds.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// To be stored, if it is not empty.
    pub entry: TraceEntry,
    /// The spans of which conversations are to be told: what [`Trace::effects`] is asked about once the entry is stored.
    pub touched: BTreeSet<SpanId>,
    /// The spans whose conversations are to be told what lies between them and their ancestors: see [`Trace::links`].
    pub linked: BTreeSet<SpanId>,
    /// Spans that count as having no conversation from now on.
    pub lost: BTreeSet<SpanId>,
    /// Spans that were counted so and have one now.
    pub found: BTreeSet<SpanId>,
}

impl Taken {
    /// With what another change added after it.
    pub fn append(&mut self, later: Self) {
        let Self {
            entry,
            touched,
            linked,
            lost,
            found,
        } = later;
        self.entry.append(entry);
        self.touched.extend(touched);
        self.linked.extend(linked);
        self.lost.extend(lost);
        self.found.extend(found);
    }
}

/// What a conversation is to be told of one span. Telling it again changes nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effect {
    pub conversation: String,
    /// Facts that carry no id. Empty for a span that the conversation has by its own id, and where it stands no more.
    pub facts: Vec<Prepared>,
    pub rule: Option<Rule>,
    pub moved: Option<Move>,
    pub links: Vec<Link>,
}

impl Trace {
    pub fn new(id: TraceId) -> Self {
        Self {
            id,
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

    fn learn(&mut self, reports: Vec<Report>) {
        for report in reports {
            self.last_ms = self.last_ms.max(report.record_ms);
            self.tree.apply(report);
        }
    }

    /// Whether any of it concerns a model: else it is not worth storing.
    pub fn is_genai(&self) -> bool {
        self.tree.is_genai()
    }

    /// Takes in a batch. What is known already adds nothing, but its conversations are told again: the process may have died
    /// between the two.
    pub fn take_in(&mut self, batch: &Batch, limits: &Limits) -> Taken {
        let mut fresh = Tree::default();
        let mut news = Vec::new();
        let mut is_again = false;
        for report in &batch.reports {
            let spans_max = limits.trace_spans_max.saturating_sub(fresh.span_count());
            if self.tree.is_news(report, spans_max) && fresh.is_news(report, usize::MAX) {
                fresh.apply(report.clone());
                news.push(report.clone());
            } else {
                is_again = true;
            }
        }
        let mut near: BTreeSet<SpanId> = BTreeSet::new();
        for report in &batch.reports {
            if !near.contains(&report.span) {
                near.extend(self.tree.at_and_below(report.span));
            }
        }
        if batch
            .reports
            .iter()
            .any(|report| self.tree.bears_on_all(report))
        {
            near.extend(self.held.spans_held());
        }
        let facts = self.held.entry_for(&batch.facts, &[], limits);
        self.held.apply(facts.clone());
        let linked = self.linked_by(&batch.reports);
        let entry = TraceEntry {
            reports: news.clone(),
            facts,
            ..TraceEntry::default()
        };
        let mut taken = self.change(entry, near, is_again, |trace| trace.learn(news));
        let told = batch.facts.iter().map(|prepared| prepared.fact.key().span);
        taken.touched.extend(told);
        taken.linked = linked;
        taken
    }

    /// The spans of these reports that carry an id, and the GenAI spans below other spans of these, with nothing but other
    /// spans between.
    fn linked_by(&self, reports: &[Report]) -> BTreeSet<SpanId> {
        let others = reports
            .iter()
            .filter(|report| report.kind == Kind::OtherSpan);
        let mut open: Vec<SpanId> = others.map(|report| report.span).collect();
        let mut seen: BTreeSet<SpanId> = open.iter().copied().collect();
        let named = reports
            .iter()
            .filter(|report| report.conversation.is_some());
        let mut linked: BTreeSet<SpanId> = named.map(|report| report.span).collect();
        while let Some(span) = open.pop() {
            for child in self.tree.children(span) {
                if self.tree.is_genai_span(*child) {
                    linked.insert(*child);
                } else if seen.insert(*child) {
                    open.push(*child);
                }
            }
        }
        linked
    }

    /// Decides what becomes of spans that stand nowhere although they were recorded `settle_ms` ago: a function of the trace
    /// and of when they were recorded.
    pub fn settle(&mut self, now_ms: i64, without_id: WithoutId, times: &Times) -> Taken {
        let is_named = self.tree.first_names().0.is_some();
        let due = self
            .unsettled()
            .filter(|(_, first_ms)| first_ms + times.settle_ms <= now_ms);
        let given: Vec<Given> = due
            .map(|(span, first_ms)| Given {
                span,
                to: match without_id {
                    WithoutId::Trace if !is_named => GivenTo::Trace(self.id.to_string()),
                    _ => GivenTo::Nothing,
                },
                at_ms: first_ms + times.settle_ms,
            })
            .collect();
        self.give(given)
    }

    /// Takes in decisions about spans that no id places.
    pub fn give(&mut self, given: Vec<Given>) -> Taken {
        let near = given
            .iter()
            .flat_map(|given| self.tree.at_and_below(given.span))
            .collect();
        let entry = TraceEntry {
            given: given.clone(),
            ..TraceEntry::default()
        };
        self.change(entry, near, true, |trace| {
            for given in given {
                trace.given.insert(given.span, given);
            }
        })
    }

    /// Makes a change, and notes which conversations are told otherwise by it of the spans that it may bear on.
    fn change(
        &mut self,
        mut entry: TraceEntry,
        near: BTreeSet<SpanId>,
        is_again: bool,
        change: impl FnOnce(&mut Self),
    ) -> Taken {
        let before: Vec<(SpanId, Vec<Stay>)> =
            near.iter().map(|span| (*span, self.stays(*span))).collect();
        change(self);
        let given = entry.given.iter();
        let lost = given.filter(|given| given.to == GivenTo::Nothing);
        let lost = lost.map(|given| given.span).collect();
        let mut touched = BTreeSet::new();
        let mut found = BTreeSet::new();
        for (span, before) in before {
            let after = self.stays(span);
            let was_lost = || {
                self.given
                    .get(&span)
                    .is_some_and(|given| given.to == GivenTo::Nothing)
            };
            if let Some(stay) = after.first().filter(|_| was_lost()) {
                let given = Given {
                    span,
                    to: GivenTo::Id,
                    at_ms: stay.from_ms,
                };
                self.given.insert(span, given.clone());
                entry.given.push(given);
                found.insert(span);
            }
            if before == after && !is_again {
                continue;
            }
            touched.insert(span);
            if !before.is_empty() && !is_same_or_earlier(&before, &after) {
                let told = before.iter().chain(&after).map(|stay| &stay.conversation);
                for conversation in told {
                    let known = self.moved.entry(span).or_default();
                    if known.insert(conversation.clone()) {
                        entry.moved.push((span, conversation.clone()));
                    }
                }
            }
        }
        Taken {
            entry,
            touched,
            lost,
            found,
            linked: BTreeSet::new(),
        }
    }

    /// Spans that stand nowhere and of which nothing was decided, each with when it was first recorded.
    fn unsettled(&self) -> impl Iterator<Item = (SpanId, i64)> {
        let spans = self.held.spans_held().into_iter();
        let unsettled =
            spans.filter(|span| !self.given.contains_key(span) && self.stays(*span).is_empty());
        unsettled.filter_map(|span| Some((span, self.held.first_recorded_ms(&self.key(span))?)))
    }

    /// When something is to be decided next, after all up to `visited_ms` was; `None` when nothing is held. Where what was
    /// said is to tell, that is asked every `retry_ms`.
    pub fn due_ms(&self, visited_ms: i64, retry_ms: Option<i64>, times: &Times) -> Option<i64> {
        let mut due: Option<i64> = None;
        let mut note = |at_ms: i64| {
            if at_ms > visited_ms {
                due = Some(due.map_or(at_ms, |due_ms| due_ms.min(at_ms)));
            }
        };
        for span in self.held.spans_held() {
            let Some(first_ms) = self.held.first_recorded_ms(&self.key(span)) else {
                continue;
            };
            let given = self.given.get(&span);
            if self.stays(span).is_empty() {
                let settles_ms = first_ms + times.settle_ms;
                match (given, retry_ms) {
                    (Some(_), _) => {}
                    (None, Some(retry_ms)) => {
                        note(settles_ms.max(visited_ms.saturating_add(retry_ms)))
                    }
                    (None, None) => note(settles_ms),
                }
                note(first_ms.saturating_add(times.wait_ms));
            } else {
                if let Some(given) = given {
                    note(given.at_ms.saturating_add(CONFIRM_MS));
                }
                note(self.last_ms.saturating_add(times.hold_ms));
            }
        }
        due
    }

    /// Whether what is held is needed no more: nobody waited for it that long, or nothing came for so long after it was
    /// placed.
    pub fn is_over(&self, now_ms: i64, times: &Times) -> bool {
        self.held.spans_held().into_iter().all(|span| {
            let first_ms = self
                .held
                .first_recorded_ms(&self.key(span))
                .unwrap_or(i64::MAX);
            let is_placed = !self.stays(span).is_empty();
            let over_ms = if is_placed {
                self.last_ms.saturating_add(times.hold_ms)
            } else {
                first_ms.saturating_add(times.wait_ms)
            };
            over_ms <= now_ms
        })
    }

    /// The spans of which anything is held.
    pub fn held_spans(&self) -> BTreeSet<SpanId> {
        self.held.spans_held()
    }

    /// What is held of a span.
    pub fn facts(&self, span: SpanId) -> Vec<Prepared> {
        self.held.facts_of(&self.key(span), i64::MIN)
    }

    /// What is held and stands somewhere by a decision without an id.
    pub fn assumed(&self) -> BTreeSet<SpanId> {
        let given = self
            .given
            .values()
            .filter(|given| given.conversation().is_some());
        given.map(|given| given.span).collect()
    }

    /// Spans that stand nowhere although some of them were recorded `settle_ms` ago: what was said is to tell. What is there of
    /// the trace is looked at together.
    pub fn pieces(&self, project: &Arc<str>, now_ms: i64, times: &Times) -> Vec<Piece<Prepared>> {
        let unsettled: Vec<(SpanId, i64)> = self.unsettled().collect();
        let is_due = |(_, first_ms): &(SpanId, i64)| first_ms + times.settle_ms <= now_ms;
        if !unsettled.iter().any(is_due) {
            return Vec::new();
        }
        let by_history = |given: &Given| match &given.to {
            GivenTo::History(id) => Some(id.clone()),
            _ => None,
        };
        let placed_in_trace: BTreeSet<String> =
            self.given.values().filter_map(by_history).collect();
        let mut pieces = Vec::new();
        for (span, _) in unsettled {
            let above: Vec<SpanId> = self.tree.above(span).collect();
            let placed = above
                .iter()
                .find_map(|span| by_history(self.given.get(span)?));
            let hints = Hints {
                ancestors: above
                    .into_iter()
                    .filter(|span| self.tree.is_genai_span(*span))
                    .collect(),
                placed,
                placed_in_trace: placed_in_trace.clone(),
            };
            pieces.extend(self.facts(span).into_iter().map(|prepared| Piece {
                item: prepared,
                project: Arc::clone(project),
                key: self.key(span),
                hints: hints.clone(),
            }));
        }
        pieces
    }

    /// Decisions about spans by what was said: each counts from when they are due.
    pub fn given_to(
        &self,
        spans: impl IntoIterator<Item = SpanId>,
        to: &GivenTo,
        times: &Times,
    ) -> Vec<Given> {
        let first = |span| Some((span, self.held.first_recorded_ms(&self.key(span))?));
        let spans = spans.into_iter().filter_map(first);
        spans
            .map(|(span, first_ms)| Given {
                span,
                to: to.clone(),
                at_ms: first_ms.saturating_add(times.settle_ms),
            })
            .collect()
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
        let Some(record_ms) = self.held.first_recorded_ms(&self.key(span)) else {
            return Vec::new();
        };
        stays(&self.tree, span, record_ms, self.assumed_of(span))
    }

    /// What was decided about the span, or where a call above it was put: tools, agents and logs follow the calls they belong
    /// to. Calls are decided one by one, so that the next one finds each of them.
    fn assumed_of(&self, span: SpanId) -> Option<Assumed<'_>> {
        let own = self.given.get(&span);
        let is_call = self
            .held
            .span(&self.key(span))
            .is_some_and(|span| span.operation.is_llm());
        let above = || {
            let mut above = self
                .tree
                .above(span)
                .filter_map(|span| self.given.get(&span));
            above.find(|given| given.conversation().is_some())
        };
        let given = match own {
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

    /// What conversations are to be told of these spans.
    pub fn effects(&self, touched: &BTreeSet<SpanId>) -> Vec<Effect> {
        touched
            .iter()
            .flat_map(|span| self.effects_of(*span))
            .collect()
    }

    fn effects_of(&self, span: SpanId) -> Vec<Effect> {
        let stays = self.stays(span);
        let moved = self.moved.get(&span);
        let mut told: BTreeSet<&str> = stays.iter().map(|stay| &*stay.conversation).collect();
        told.extend(moved.into_iter().flatten().map(String::as_str));
        let links = self.links_above(span);
        let mut effects: Vec<Effect> = Vec::new();
        for conversation in told {
            let here: Vec<&Stay> = stays
                .iter()
                .filter(|stay| stay.conversation == conversation)
                .collect();
            let from_ms = here.first().map(|stay| stay.from_ms);
            let facts = from_ms.map(|from_ms| self.held.facts_of(&self.key(span), from_ms));
            let is_simple = moved.is_none() && matches!(here[..], [Stay { until_ms: None, .. }]);
            effects.push(Effect {
                conversation: conversation.to_owned(),
                rule: here.last().map(|stay| stay.rule),
                facts: facts.unwrap_or_default(),
                moved: (!is_simple).then(|| Move {
                    key: self.key(span),
                    rank: self.tree.rank(),
                    during: here
                        .iter()
                        .map(|stay| (stay.from_ms, stay.until_ms))
                        .collect(),
                }),
                links: links.clone(),
            });
        }
        effects
    }

    /// What lies above these spans, for the conversations in which they stand, by an id of their own or without.
    pub fn links(&self, linked: &BTreeSet<SpanId>) -> Vec<(String, Link)> {
        let mut told = Vec::new();
        for span in linked {
            let stays = self.stays(*span).into_iter().map(|stay| stay.conversation);
            let own = self.tree.names(*span).map(str::to_owned);
            let conversations: BTreeSet<String> = stays.chain(own).collect();
            let links = self.links_above(*span);
            for conversation in conversations {
                told.extend(links.iter().map(|link| (conversation.clone(), *link)));
            }
        }
        told
    }

    /// The spans between this one and its nearest GenAI ancestor, as far as known.
    pub fn links_above(&self, span: SpanId) -> Vec<Link> {
        let mut links = Vec::new();
        let mut next = self.tree.parent(span).and_then(|parent| parent.value);
        while let Some(span) = next.filter(|span| !self.tree.is_genai_span(*span)) {
            let (Some(parent), Some(record_ms)) =
                (self.tree.parent(span), self.tree.first_ms(span))
            else {
                break;
            };
            if links.len() == LINKS_ABOVE_MAX {
                break;
            }
            links.push(Link {
                key: self.key(span),
                parent: parent.value,
                record_ms,
            });
            next = parent.value;
        }
        links
    }

    fn key(&self, span: SpanId) -> SpanKey {
        SpanKey {
            trace: self.id,
            span,
        }
    }
}

/// Whether a conversation that was told the one needs no more than the facts to know the other.
fn is_same_or_earlier(before: &[Stay], after: &[Stay]) -> bool {
    match (before, after) {
        ([one], [other]) => {
            one.conversation == other.conversation
                && one.until_ms.is_none()
                && other.until_ms.is_none()
                && other.from_ms <= one.from_ms
        }
        _ => before == after,
    }
}

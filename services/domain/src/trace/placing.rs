//! One trace of one project: what is known of it, what a batch adds, and what conversations are to be told.

use super::WithoutId;
use super::entry::{Given, GivenTo, TraceEntry};
use super::report::{Kind, Report};
use super::stays::{Assumed, Rule, Stay, stays};
use super::tree::Tree;
use crate::conversation::Conversation;
use crate::facts::{Link, Move};
use crate::ids::{SpanId, SpanKey, TraceId};
use crate::limits::Limits;
use crate::prepare::Prepared;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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
        if batch.reports.iter().any(|report| self.tree.bears_on_all(report)) {
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

    /// The GenAI spans below these reports of other spans, with nothing but other spans between.
    fn linked_by(&self, reports: &[Report]) -> BTreeSet<SpanId> {
        let others = reports.iter().filter(|report| report.kind == Kind::OtherSpan);
        let mut open: Vec<SpanId> = others.map(|report| report.span).collect();
        let mut seen: BTreeSet<SpanId> = open.iter().copied().collect();
        let mut linked = BTreeSet::new();
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
        let due = self.unsettled().filter(|(_, first_ms)| first_ms + times.settle_ms <= now_ms);
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
        let near = given.iter().map(|given| given.span).collect();
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
        let mut touched = BTreeSet::new();
        for (span, before) in before {
            let after = self.stays(span);
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
            linked: BTreeSet::new(),
        }
    }

    /// Spans that stand nowhere and of which nothing was decided, each with when it was first recorded.
    fn unsettled(&self) -> impl Iterator<Item = (SpanId, i64)> {
        let spans = self.held.spans_held().into_iter();
        let unsettled = spans.filter(|span| !self.given.contains_key(span) && self.stays(*span).is_empty());
        unsettled.filter_map(|span| Some((span, self.held.first_recorded_ms(&self.key(span))?)))
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
        let assumed = self.given.get(&span).and_then(|given| {
            let (conversation, rule) = given.conversation()?;
            Some(Assumed {
                conversation,
                rule,
                from_ms: given.at_ms,
            })
        });
        stays(&self.tree, span, record_ms, assumed)
    }

    /// What conversations are to be told of these spans.
    pub fn effects(&self, touched: &BTreeSet<SpanId>) -> Vec<Effect> {
        touched.iter().flat_map(|span| self.effects_of(*span)).collect()
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
                    during: here.iter().map(|stay| (stay.from_ms, stay.until_ms)).collect(),
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
            let (Some(parent), Some(record_ms)) = (self.tree.parent(span), self.tree.first_ms(span))
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

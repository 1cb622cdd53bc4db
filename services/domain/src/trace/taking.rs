//! What a batch adds to a trace, and which conversations are told otherwise by it.

use super::entry::{Given, GivenTo, TraceEntry};
use super::report::{Kind, Report};
use super::state::Trace;
use super::stays::{Stay, stands};
use super::tree::Tree;
use crate::ids::SpanId;
use crate::limits::Limits;
use crate::prepare::Prepared;
use std::collections::BTreeSet;

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

impl Trace {
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
        if news.iter().any(|report| self.may_end_silence(report)) {
            near.extend(self.held.spans_held());
        }
        let told = batch.facts.iter().map(|prepared| prepared.fact.key().span);
        near.extend(told.clone());
        let facts = self.held.entry_for(&batch.facts, &[], limits);
        let linked = self.linked_by(&batch.reports);
        let entry = TraceEntry {
            reports: news.clone(),
            facts: facts.clone(),
            ..TraceEntry::default()
        };
        // That one was recorded earlier than was known may change where it stands.
        let mut taken = self.change(entry, near, is_again, |trace| {
            trace.held.apply(facts);
            trace.learn(news);
        });
        taken.touched.extend(told);
        taken.linked = linked;
        taken
    }

    /// The spans of these reports that carry an id, and the GenAI spans below other spans of these, with nothing but other
    /// spans between; and of those others, which of them logs are held.
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
            if self.holds_only_logs(span) {
                linked.insert(span);
            }
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

    /// Makes a change, and notes which conversations are told otherwise by it of the spans that it may bear on.
    pub(super) fn change(
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
            if let Some(stay) = after.last().filter(|_| stands(&after) && was_lost()) {
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

//! What becomes of spans that no id places, and until when they are kept for one.

use super::WithoutId;
use super::entry::{Given, GivenTo, TraceEntry};
use super::state::Trace;
use super::taking::Taken;
use super::times::CONFIRM_MS;
use crate::chain::{Hints, Piece};
use crate::ids::SpanId;
use crate::prepare::Prepared;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Trace {
    /// Decides what becomes of spans that stand nowhere although they were recorded `settle_ms` ago: a function of the trace
    /// and of when they were recorded.
    pub fn settle(&mut self, now_ms: i64, without_id: WithoutId) -> Taken {
        // By then, whatever is known now: a replay knows more at once.
        let first_name_ms = self.tree.first_names().0.map(|name| name.record_ms);
        let is_named = |at_ms: i64| first_name_ms.is_some_and(|name_ms| name_ms <= at_ms);
        let mut given = Vec::new();
        for span in self.held.spans_held() {
            let at_ms = self.settles_ms(span);
            let Some(at_ms) = at_ms.filter(|at_ms| *at_ms <= now_ms) else {
                continue;
            };
            let stays = self.stays(span);
            let stood = stays.first().is_some_and(|stay| stay.from_ms <= at_ms);
            if stood || self.given.contains_key(&span) {
                continue;
            }
            let to = match without_id {
                WithoutId::Trace if !is_named(at_ms) => GivenTo::Trace(self.id.to_string()),
                // It has a place by now: nobody need be told that it had none.
                _ if !stays.is_empty() => continue,
                _ => GivenTo::Nothing,
            };
            given.push(Given { span, to, at_ms });
        }
        self.give(given)
    }

    /// When it is decided what becomes of a span that stands nowhere. Errors alone make no conversation of a trace: nothing is
    /// decided about them before it is about something else of it.
    fn settles_ms(&self, span: SpanId) -> Option<i64> {
        let has_only_errors = |span: SpanId| self.held.has_only_errors(&self.key(span));
        let mut first_ms = self.first_ms(span)?;
        if has_only_errors(span) {
            let others = self.held.spans_held().into_iter();
            let others = others.filter(|span| !has_only_errors(*span));
            let others_ms = others.filter_map(|span| self.first_ms(span)).min()?;
            first_ms = first_ms.max(others_ms);
        }
        Some(first_ms.saturating_add(self.times.settle_ms))
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

    /// Spans that stand nowhere and of which nothing was decided, each with when it was first recorded.
    fn unsettled(&self) -> impl Iterator<Item = (SpanId, i64)> {
        let spans = self.held.spans_held().into_iter();
        let unsettled =
            spans.filter(|span| !self.given.contains_key(span) && self.stays(*span).is_empty());
        unsettled.filter_map(|span| Some((span, self.first_ms(span)?)))
    }

    /// When something is to be decided next about these spans, after all up to `visited_ms` was; `None` when nothing of them
    /// is held. Where what was said is to tell, that is asked every `retry_ms`.
    pub fn due_ms(
        &self,
        spans: &BTreeSet<SpanId>,
        visited_ms: i64,
        retry_ms: Option<i64>,
    ) -> Option<i64> {
        let mut due: Option<i64> = None;
        let mut note = |at_ms: i64| {
            if at_ms > visited_ms {
                due = Some(due.map_or(at_ms, |due_ms| due_ms.min(at_ms)));
            }
        };
        for span in spans {
            let Some(first_ms) = self.first_ms(*span) else {
                continue;
            };
            let given = self.given.get(span);
            if self.stays(*span).is_empty() {
                let settles_ms = self.settles_ms(*span).filter(|_| given.is_none());
                // It may have come after the visit that would have decided: then the next one does.
                let again_ms = visited_ms.saturating_add(retry_ms.unwrap_or(1));
                if let Some(settles_ms) = settles_ms {
                    note(settles_ms.max(again_ms));
                }
                note(first_ms.saturating_add(self.times.wait_ms));
            } else {
                match given {
                    Some(given) => note(given.at_ms.saturating_add(CONFIRM_MS)),
                    // It may have stood nowhere by then.
                    None => note(first_ms + self.times.settle_ms),
                }
                note(self.last_ms.saturating_add(self.times.hold_ms));
            }
        }
        due
    }

    /// Whether what is held is needed no more: nobody waited for it that long, or nothing came for so long after it was
    /// placed.
    pub fn is_over(&self, now_ms: i64) -> bool {
        self.held.spans_held().into_iter().all(|span| {
            let first_ms = self.first_ms(span).unwrap_or(i64::MAX);
            let is_placed = !self.stays(span).is_empty();
            let over_ms = if is_placed {
                self.last_ms.saturating_add(self.times.hold_ms)
            } else {
                first_ms.saturating_add(self.times.wait_ms)
            };
            over_ms <= now_ms
        })
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
    pub fn pieces(&self, project: &Arc<str>, now_ms: i64) -> Vec<Piece<Prepared>> {
        // Errors said nothing: they stand where their spans do, or what is above these.
        let says = |(span, _): &(SpanId, i64)| !self.held.has_only_errors(&self.key(*span));
        let unsettled: Vec<(SpanId, i64)> = self.unsettled().filter(says).collect();
        let is_due = |(_, first_ms): &(SpanId, i64)| first_ms + self.times.settle_ms <= now_ms;
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
    pub fn given_to(&self, spans: impl IntoIterator<Item = SpanId>, to: &GivenTo) -> Vec<Given> {
        let first = |span| Some((span, self.first_ms(span)?));
        let spans = spans.into_iter().filter_map(first);
        spans
            .map(|(span, first_ms)| Given {
                span,
                to: to.clone(),
                at_ms: first_ms.saturating_add(self.times.settle_ms),
            })
            .collect()
    }
}

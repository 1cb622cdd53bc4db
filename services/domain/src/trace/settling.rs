//! What becomes of spans that no id places, and until when they are kept for one.

use super::WithoutId;
use super::entry::{Given, GivenTo, TraceEntry};
use super::state::Trace;
use super::stays::{nowhere_since_ms, stands};
use super::taking::Taken;
use super::times::CONFIRM_MS;
use crate::chain::{Hints, Piece};
use crate::ids::SpanId;
use crate::prepare::Prepared;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Trace {
    /// Decides what becomes of spans that have stood nowhere for `settle_ms`, since they were recorded or lost their place: a
    /// function of the trace and of when its reports were recorded.
    pub fn settle(&mut self, now_ms: i64, without_id: WithoutId) -> Taken {
        let mut taken = match without_id {
            WithoutId::Trace => self.give(self.due_to_the_trace(now_ms)),
            WithoutId::Drop | WithoutId::History => Taken::default(),
        };
        // Some may follow those.
        let settle_ms = self.times.settle_ms;
        let homeless = self.unsettled().map(|(span, since_ms)| Given {
            span,
            to: GivenTo::Nothing,
            at_ms: since_ms.saturating_add(settle_ms),
        });
        let due = homeless.filter(|given| given.at_ms <= now_ms).collect();
        taken.append(self.give(due));
        taken
    }

    /// The spans of which the trace is the conversation: they stood nowhere `settle_ms` after they were recorded, when nobody
    /// had named one.
    fn due_to_the_trace(&self, now_ms: i64) -> Vec<Given> {
        // By then, whatever is known now: a replay knows more at once.
        let first_name_ms = self.tree.first_names().0.map(|name| name.record_ms);
        let is_named = |at_ms: i64| first_name_ms.is_some_and(|name_ms| name_ms <= at_ms);
        let spans = self.held.spans_held().into_iter();
        let undecided = spans.filter(|span| !self.given.contains_key(span));
        let due = undecided.filter_map(|span| {
            let at_ms = self
                .counts_from_ms(span)?
                .saturating_add(self.times.settle_ms);
            let stood = || {
                let stays = self.stays(span);
                stays.first().is_some_and(|stay| stay.from_ms <= at_ms)
            };
            (at_ms <= now_ms && !is_named(at_ms) && !stood()).then(|| Given {
                span,
                to: GivenTo::Trace(self.id.to_string()),
                at_ms,
            })
        });
        due.collect()
    }

    /// From when on a span waits for a place. Nothing is decided about errors alone: they make no conversation of a trace, and
    /// go where their span, or a call above it, goes.
    fn counts_from_ms(&self, span: SpanId) -> Option<i64> {
        let says = !self.held.has_only_errors(&self.key(span));
        self.first_ms(span).filter(|_| says)
    }

    /// Whether what becomes of the span without an id is decided. Of one that has found an id it is not: it may lose its
    /// place again.
    fn is_decided(&self, span: SpanId) -> bool {
        let given = self.given.get(&span);
        given.is_some_and(|given| given.to != GivenTo::Id)
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

    /// Spans that stand nowhere and of which nothing was decided, each with since when.
    fn unsettled(&self) -> impl Iterator<Item = (SpanId, i64)> {
        let spans = self.held.spans_held().into_iter();
        let undecided = spans.filter(|span| !self.is_decided(*span));
        undecided.filter_map(|span| {
            let (first_ms, stays) = (self.counts_from_ms(span)?, self.stays(span));
            (!stands(&stays)).then(|| (span, nowhere_since_ms(&stays, first_ms)))
        })
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
            let stays = self.stays(*span);
            if !stands(&stays) {
                let since_ms = nowhere_since_ms(&stays, first_ms);
                let counts_from_ms = self.counts_from_ms(*span);
                if let Some(from_ms) = counts_from_ms.filter(|_| !self.is_decided(*span)) {
                    let settles_ms = nowhere_since_ms(&stays, from_ms);
                    let settles_ms = settles_ms.saturating_add(self.times.settle_ms);
                    // It may have come after the visit that would have decided: then the next one does.
                    let again_ms = visited_ms.saturating_add(retry_ms.unwrap_or(1));
                    note(settles_ms.max(again_ms));
                }
                note(since_ms.saturating_add(self.times.wait_ms));
            } else {
                match self.given.get(span) {
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
            let stays = self.stays(span);
            let over_ms = if stands(&stays) {
                self.last_ms.saturating_add(self.times.hold_ms)
            } else {
                nowhere_since_ms(&stays, first_ms).saturating_add(self.times.wait_ms)
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

    /// Spans that stand nowhere, if some of them have for `settle_ms`: what was said is to tell. What is there of the trace is
    /// looked at together.
    pub fn pieces(&self, project: &Arc<str>, now_ms: i64) -> Vec<Piece<Prepared>> {
        // Errors said nothing: they stand where their spans do, or what is above these.
        let says = |(span, _): &(SpanId, i64)| !self.held.has_only_errors(&self.key(*span));
        let unsettled: Vec<(SpanId, i64)> = self.unsettled().filter(says).collect();
        let settle_ms = self.times.settle_ms;
        let is_due = |(_, since_ms): &(SpanId, i64)| since_ms.saturating_add(settle_ms) <= now_ms;
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
        let since = |span| {
            let first_ms = self.first_ms(span)?;
            Some((span, nowhere_since_ms(&self.stays(span), first_ms)))
        };
        let spans = spans.into_iter().filter_map(since);
        spans
            .map(|(span, since_ms)| Given {
                span,
                to: to.clone(),
                at_ms: since_ms.saturating_add(self.times.settle_ms),
            })
            .collect()
    }
}

//! The set of reports of one trace, as a tree.

use super::report::{Hint, Kind, Report};
use super::stays::Rank;
use crate::conversation::ANCESTORS_MAX;
use crate::ids::SpanId;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// Reports kept of one span. SDKs report a span when it begins and when it ends, some through two exporters.
const REPORTS_PER_SPAN_MAX: usize = 16;
/// Of these, conversations that are told of every span that does not stand in them.
const FIRST_IDS_MAX: usize = 8;
/// Distinct ids kept of one trace. Two are enough to know that there is more than one.
const NAMES_MAX: usize = 1_000;

#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    spans: FxHashMap<SpanId, Vec<Report>>,
    children: FxHashMap<SpanId, Vec<SpanId>>,
    /// The ids that spans and logs carry, each with when it was first recorded.
    names: BTreeMap<String, i64>,
    /// When the first step was recorded that carries the id of a response in place of a conversation's.
    response_ms: Option<i64>,
    has_hints: bool,
    reports: u32,
    /// Of all reports.
    record_ms_sum: i64,
    is_genai: bool,
}

/// A value of a span, and since when it was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Since<T> {
    pub(super) value: T,
    pub(super) record_ms: i64,
}

impl Tree {
    /// Whether the report tells anything new: what is not known, or that it was recorded earlier.
    pub(super) fn is_news(&self, report: &Report, spans_max: usize) -> bool {
        let Some(known) = self.spans.get(&report.span) else {
            return self.spans.len() < spans_max;
        };
        match known.iter().find(|known| known.is_copy_of(report)) {
            Some(known) => report.record_ms < known.record_ms,
            None => known.len() < REPORTS_PER_SPAN_MAX,
        }
    }

    /// Whether nothing of the kind was reported of the span before.
    pub(super) fn is_first_copy(&self, report: &Report) -> bool {
        let mut known = self.spans.get(&report.span).into_iter().flatten();
        !known.any(|known| known.is_copy_of(report))
    }

    /// Returns when what it tells was recorded: as was known before, and as is known now.
    pub(super) fn apply(&mut self, report: Report) -> (Option<i64>, i64) {
        self.is_genai |= report.kind != Kind::OtherSpan || report.conversation.is_some();
        if let Some(name) = &report.conversation {
            let is_room = self.names.len() < NAMES_MAX || self.names.contains_key(name);
            if is_room {
                let first_ms = self.names.entry(name.clone()).or_insert(report.record_ms);
                *first_ms = report.record_ms.min(*first_ms);
            }
        }
        self.has_hints |= report.hint.is_some();
        if report.hint == Some(Hint::Response) {
            let first_ms = self.response_ms.unwrap_or(i64::MAX);
            self.response_ms = Some(first_ms.min(report.record_ms));
        }
        let before = self.parent(report.span).map(|parent| parent.value);
        let known = self.spans.entry(report.span).or_default();
        let times = match known.iter_mut().find(|known| known.is_copy_of(&report)) {
            Some(known) => {
                let known_ms = known.record_ms;
                known.record_ms = report.record_ms.min(known_ms);
                self.record_ms_sum += known.record_ms - known_ms;
                (Some(known_ms), known.record_ms)
            }
            None => {
                self.reports += 1;
                self.record_ms_sum = self.record_ms_sum.saturating_add(report.record_ms);
                known.push(report.clone());
                (None, report.record_ms)
            }
        };
        let after = self.parent(report.span).map(|parent| parent.value);
        if before != after {
            self.adopt(report.span, before.flatten(), after.flatten());
        }
        times
    }

    fn adopt(&mut self, span: SpanId, before: Option<SpanId>, after: Option<SpanId>) {
        if let Some(siblings) = before.and_then(|parent| self.children.get_mut(&parent)) {
            siblings.retain(|sibling| *sibling != span);
        }
        if let Some(parent) = after {
            self.children.entry(parent).or_default().push(span);
        }
    }

    /// How much is known: more of two states of one trace is the later one. See [`Rank`].
    pub(super) fn rank(&self, given: usize) -> Rank {
        Rank {
            given: u32::try_from(given).unwrap_or(u32::MAX),
            reports: self.reports,
            earliness: -self.record_ms_sum,
        }
    }

    /// Whether any of it concerns a model.
    pub(super) fn is_genai(&self) -> bool {
        self.is_genai
    }

    pub(super) fn span_count(&self) -> usize {
        self.spans.len()
    }

    pub(super) fn reports(&self) -> impl Iterator<Item = &Report> {
        self.spans.values().flatten()
    }

    /// Reports of the span itself, not of logs beside it.
    fn own(&self, span: SpanId) -> impl Iterator<Item = &Report> {
        let reports = self.spans.get(&span).into_iter().flatten();
        reports.filter(|report| report.kind != Kind::Log)
    }

    /// Of reports that differ the greatest parent counts, so that their order does not. `None` while the span has not come.
    pub(super) fn parent(&self, span: SpanId) -> Option<Since<Option<SpanId>>> {
        latest(
            self.own(span)
                .map(|report| (report.parent, report.record_ms)),
        )
    }

    /// Likewise the greatest of the ids that the span carries.
    pub(super) fn name(&self, span: SpanId) -> Option<Since<&str>> {
        let named = self.own(span);
        latest(named.filter_map(|report| Some((report.conversation.as_deref()?, report.record_ms))))
    }

    /// Likewise of the sessions that it names for what is below it.
    pub(super) fn session(&self, span: SpanId) -> Option<Since<&str>> {
        latest(self.own(span).filter_map(|report| match &report.hint {
            Some(Hint::Session(id)) => Some((id.as_str(), report.record_ms)),
            _ => None,
        }))
    }

    /// Since when it is known that steps carry ids of responses in place of a conversation's.
    pub(super) fn response_ms(&self) -> Option<i64> {
        self.response_ms
    }

    pub(super) fn has_hints(&self) -> bool {
        self.has_hints
    }

    /// All ids that the span carries.
    pub(super) fn names(&self, span: SpanId) -> impl Iterator<Item = &str> {
        self.own(span)
            .filter_map(|report| report.conversation.as_deref())
    }

    /// Some of the ids of the trace, the same ones as long as there are no others.
    pub(super) fn first_ids(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str).take(FIRST_IDS_MAX)
    }

    pub(super) fn is_genai_span(&self, span: SpanId) -> bool {
        self.own(span).any(|report| report.kind == Kind::GenAiSpan)
    }

    /// When the span was first recorded.
    pub(super) fn first_ms(&self, span: SpanId) -> Option<i64> {
        self.own(span).map(|report| report.record_ms).min()
    }

    /// When the first of what carries no id was recorded of the span, or of logs beside it.
    pub(super) fn first_without_id_ms(&self, span: SpanId) -> Option<i64> {
        let reports = self.spans.get(&span).into_iter().flatten();
        let without_id = reports.filter(|report| report.conversation.is_none());
        without_id.map(|report| report.record_ms).min()
    }

    pub(super) fn children(&self, span: SpanId) -> &[SpanId] {
        self.children.get(&span).map_or(&[], Vec::as_slice)
    }

    /// The spans above this one, the nearest first, as far as known.
    pub(super) fn above(&self, span: SpanId) -> impl Iterator<Item = SpanId> {
        let above = |span: &SpanId| self.parent(*span)?.value;
        std::iter::successors(above(&span), move |span| above(span)).take(ANCESTORS_MAX)
    }

    /// The span itself and all below it, as far as known, each once.
    pub(super) fn at_and_below(&self, span: SpanId) -> Vec<SpanId> {
        let mut found = vec![span];
        let mut seen: rustc_hash::FxHashSet<SpanId> = [span].into_iter().collect();
        let mut next = 0;
        while let Some(span) = found.get(next).copied() {
            next += 1;
            found.extend(
                self.children(span)
                    .iter()
                    .filter(|child| seen.insert(**child)),
            );
        }
        found
    }

    /// Whether the report may change, or did, which the first two names are, or since when steps carry ids of responses: then
    /// it bears on every span without an id.
    pub(super) fn bears_on_all(&self, report: &Report) -> bool {
        let is_first = |known_ms: i64| report.record_ms <= known_ms;
        if report.hint == Some(Hint::Response) && self.response_ms.is_none_or(is_first) {
            return true;
        }
        let Some(name) = &report.conversation else {
            return false;
        };
        let (_, second_ms) = self.first_names();
        let known_ms = self.names.get(name).copied();
        second_ms.is_none_or(|second_ms| report.record_ms <= second_ms)
            && known_ms.is_none_or(|known_ms| report.record_ms <= known_ms)
    }

    /// The first two names of the trace, and since when each was known: while there is one it is everybody's.
    pub(super) fn first_names(&self) -> (Option<Since<&str>>, Option<i64>) {
        // Asked for every span that is placed, so nothing is sorted. Names come in their order: of equal times the first counts.
        let (mut first, mut second_ms): (Option<Since<&str>>, Option<i64>) = (None, None);
        for (name, record_ms) in &self.names {
            let (value, record_ms) = (name.as_str(), *record_ms);
            match first {
                Some(known) if known.record_ms <= record_ms => {
                    second_ms = Some(second_ms.map_or(record_ms, |ms| ms.min(record_ms)));
                }
                known => {
                    second_ms = known.map(|known| known.record_ms);
                    first = Some(Since { value, record_ms });
                }
            }
        }
        (first, second_ms)
    }
}

/// The greatest value, and since when it was known.
fn latest<T: Ord>(reported: impl Iterator<Item = (T, i64)>) -> Option<Since<T>> {
    let mut greatest: Option<Since<T>> = None;
    for (value, record_ms) in reported {
        match &mut greatest {
            Some(known) if value < known.value => {}
            Some(known) if value == known.value => {
                known.record_ms = record_ms.min(known.record_ms);
            }
            _ => greatest = Some(Since { value, record_ms }),
        }
    }
    greatest
}

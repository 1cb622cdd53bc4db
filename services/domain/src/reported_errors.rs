//! Errors that came in log records, shown with the spans that they tell of.
//!
//! A monitoring tool sees the exception behind a failure: its type and message where the span says only that it failed, or
//! a failure that the span does not tell of at all. The facts stay apart, so that neither's arrival changes the other.

use crate::conversation::{ANCESTORS_MAX, Conversation};
use crate::facts::{LogFact, SpanFact};
use crate::ids::{SpanKey, TraceId};
use crate::span::{Operation, SpanError};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Conversation {
    /// With the errors of its logs on the spans that they name. A second time changes nothing.
    pub(crate) fn with_reported_errors(&self) -> Cow<'_, Self> {
        match self.with_errors_of_spans() {
            Cow::Borrowed(told) => told.with_errors_from_above(),
            Cow::Owned(told) => match told.with_errors_from_above() {
                Cow::Borrowed(_) => Cow::Owned(told),
                Cow::Owned(told) => Cow::Owned(told),
            },
        }
    }

    fn with_errors_of_spans(&self) -> Cow<'_, Self> {
        let mut reported: BTreeMap<SpanKey, Vec<(bool, &SpanError)>> = BTreeMap::new();
        for (key, logs) in &self.logs {
            let errors: Vec<&SpanError> = logs.values().filter_map(|log| error_of(log)).collect();
            if errors.is_empty() {
                continue;
            }
            if let Some(holder) = self.holder_of(*key) {
                let is_its_own = holder == *key;
                let of_holder = reported.entry(holder).or_default();
                of_holder.extend(errors.into_iter().map(|error| (is_its_own, error)));
            }
        }
        let mut told: Vec<(SpanKey, SpanError)> = Vec::new();
        for (key, errors) in reported {
            let own = self.spans.get(&key).and_then(|span| span.error.as_ref());
            if let Some(error) = shown(own, &errors).filter(|error| own != Some(error)) {
                told.push((key, error));
            }
        }
        self.with_errors(told)
    }

    fn with_errors(&self, told: impl IntoIterator<Item = (SpanKey, SpanError)>) -> Cow<'_, Self> {
        let mut shown = Cow::Borrowed(self);
        for (key, error) in told {
            if let Some(span) = shown.to_mut().spans.get_mut(&key) {
                Arc::make_mut(span).error = Some(error);
            }
        }
        shown
    }

    fn with_errors_from_above(&self) -> Cow<'_, Self> {
        self.with_errors(self.told_from_above().0)
    }

    /// Errors of what called the conversation's spans that no failure among these explains. Each counts once.
    pub(crate) fn stray_errors(&self) -> Vec<SpanError> {
        self.told_from_above().1
    }

    /// The errors that name no span of the conversation and none below one: the request's, as servers report them. Each says
    /// more of a failure of its trace, or stands alone. One after the other, so that what the first told is known to the next.
    fn told_from_above(&self) -> (BTreeMap<SpanKey, SpanError>, Vec<SpanError>) {
        let mut filled: BTreeMap<SpanKey, SpanError> = BTreeMap::new();
        let mut alone: Vec<SpanError> = Vec::new();
        let above = self.logs.iter().filter(|(_, logs)| {
            let mut logs = logs.values();
            logs.any(|log| log.error.is_some())
        });
        for (key, logs) in above.filter(|(key, _)| self.holder_of(**key).is_none()) {
            let failed = self.failures_of(key.trace);
            for told in logs.values().filter_map(|log| error_of(log)) {
                match self.explains(&failed, &filled, told) {
                    Some(span) => {
                        let own = filled.get(&span.key).or(span.error.as_ref());
                        let error = completed(own.cloned().unwrap_or_default(), told);
                        if span.error.as_ref() != Some(&error) {
                            filled.insert(span.key, error);
                        }
                    }
                    None if self.has_spans_of(key.trace) && !alone.iter().any(is_like(told)) => {
                        alone.push(told.clone());
                    }
                    None => {}
                }
            }
        }
        (filled, alone)
    }

    fn has_spans_of(&self, trace: TraceId) -> bool {
        self.spans.keys().any(|key| key.trace == trace)
    }

    /// The spans of the trace that failed, the latest first, calls and tools before what is around them.
    fn failures_of(&self, trace: TraceId) -> Vec<&SpanFact> {
        let spans = self.spans.values().map(|span| &**span);
        let mut failed: Vec<&SpanFact> = spans
            .filter(|span| span.key.trace == trace && span.error.is_some())
            .collect();
        failed.sort_by_key(|span| {
            let is_inner = span.operation.is_llm() || span.operation == Operation::ExecuteTool;
            (!is_inner, Reverse((span.end_ns, span.key)))
        });
        failed
    }

    /// The failure that the request's error came of: one of its type, one whose type is not known, or the last thing that
    /// happened, for an application raises errors of its own instead. A failure that a later call made good is not it.
    fn explains<'a>(
        &self,
        failed: &[&'a SpanFact],
        filled: &BTreeMap<SpanKey, SpanError>,
        told: &SpanError,
    ) -> Option<&'a SpanFact> {
        let kind_of = |span: &SpanFact| {
            let error = filled.get(&span.key).or(span.error.as_ref());
            error
                .and_then(|error| error.kind.clone())
                .filter(|kind| is_name(kind))
        };
        let find = |wanted: &dyn Fn(&SpanFact) -> bool| failed.iter().copied().find(|s| wanted(s));
        find(&|span| kind_of(span).is_some() && kind_of(span) == told.kind)
            .or_else(|| find(&|span| kind_of(span).is_none()))
            .or_else(|| find(&|span| !self.went_on_after(span)))
    }

    fn went_on_after(&self, failed: &SpanFact) -> bool {
        self.spans.values().any(|span| {
            let is_good = span.operation.is_llm() && span.error.is_none();
            is_good && span.key.trace == failed.key.trace && span.start_ns >= failed.end_ns
        })
    }

    /// The span of this key, or the nearest above it where it is not of the conversation but between its spans.
    fn holder_of(&self, key: SpanKey) -> Option<SpanKey> {
        let mut next = key;
        for _ in 0..ANCESTORS_MAX {
            if self.spans.contains_key(&next) {
                return Some(next);
            }
            let span = self.links.get(&next)?.report?;
            next = SpanKey { span, ..key };
        }
        None
    }
}

fn error_of(log: &Arc<LogFact>) -> Option<&SpanError> {
    log.error.as_ref()
}

/// Whether a type says more than that something failed, as Sentry's status of a span does not.
fn is_name(kind: &str) -> bool {
    const ANY: [&str; 6] = [
        "_OTHER",
        "internal_error",
        "unknown_error",
        "unknown",
        "error",
        "Error",
    ];
    !ANY.contains(&kind)
}

/// Whether two reports tell of one failure: it is often reported where it was caught, and again further out.
fn is_like(told: &SpanError) -> impl Fn(&SpanError) -> bool {
    |known| (&known.kind, &known.message) == (&told.kind, &told.message)
}

/// The error of a span with what was reported of it; `None` where nothing is to be shown. Of several reports the one of
/// the span's own type counts, then one that nobody handled, then the first.
fn shown(own: Option<&SpanError>, reported: &[(bool, &SpanError)]) -> Option<SpanError> {
    let kind = own.and_then(|error| error.kind.as_ref());
    let kind = kind.filter(|kind| is_name(kind));
    // What was caught below a span that did not fail is no failure of it.
    let counts = |(is_its_own, error): &&(bool, &SpanError)| {
        own.is_some() || *is_its_own || error.handled == Some(false)
    };
    let (_, told) = reported
        .iter()
        .filter(counts)
        .min_by_key(|(is_its_own, error)| {
            let is_other = kind.is_some() && error.kind.as_ref() != kind;
            (is_other, !is_its_own, error.handled != Some(false))
        })?;
    Some(completed(own.cloned().unwrap_or_default(), told))
}

/// An error with what a report of it adds.
fn completed(mut error: SpanError, told: &SpanError) -> SpanError {
    if error.kind.as_ref().is_none_or(|kind| !is_name(kind)) {
        error.kind = told.kind.clone().or(error.kind);
    }
    error.message = error.message.or_else(|| told.message.clone());
    error.handled = error.handled.or(told.handled);
    error.event_id = error.event_id.or_else(|| told.event_id.clone());
    error
}

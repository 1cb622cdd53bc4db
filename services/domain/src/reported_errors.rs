//! Errors that came in log records, shown with the spans that they tell of.
//!
//! A monitoring tool sees the exception behind a failure: its type and message where the span says only that it failed, or
//! a failure that the span does not tell of at all. The facts stay apart, so that neither's arrival changes the other.

use crate::conversation::{ANCESTORS_MAX, Conversation};
use crate::facts::LogFact;
use crate::ids::SpanKey;
use crate::span::SpanError;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Conversation {
    /// With the errors of its logs on the spans that they name. A second time changes nothing.
    pub(crate) fn with_reported_errors(&self) -> Cow<'_, Self> {
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
        if told.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut shown = self.clone();
        for (key, error) in told {
            if let Some(span) = shown.spans.get_mut(&key) {
                Arc::make_mut(span).error = Some(error);
            }
        }
        Cow::Owned(shown)
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

/// The error of a span with what was reported of it; `None` where nothing is to be shown. Of several reports the one of
/// the span's own type counts, then one that nobody handled, then the first.
fn shown(own: Option<&SpanError>, reported: &[(bool, &SpanError)]) -> Option<SpanError> {
    let is_name = |kind: &&str| *kind != "_OTHER";
    let kind = own.and_then(|error| error.kind.as_deref()).filter(is_name);
    // What was caught below a span that did not fail is no failure of it.
    let counts = |(is_its_own, error): &&(bool, &SpanError)| {
        own.is_some() || *is_its_own || error.handled == Some(false)
    };
    let (_, told) = reported
        .iter()
        .filter(counts)
        .min_by_key(|(is_its_own, error)| {
            let is_other = kind.is_some() && error.kind.as_deref() != kind;
            (is_other, !is_its_own, error.handled != Some(false))
        })?;
    let mut error = own.cloned().unwrap_or_default();
    if kind.is_none() {
        error.kind = told.kind.clone().or(error.kind);
    }
    error.message = error.message.or_else(|| told.message.clone());
    error.handled = error.handled.or(told.handled);
    error.event_id = error.event_id.or_else(|| told.event_id.clone());
    Some(error)
}

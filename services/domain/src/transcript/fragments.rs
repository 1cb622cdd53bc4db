//! Events of one call or run that an SDK reports as spans of their own, beside each other: BeeAI's `….start-1` holds what was
//! given, `….success-1` what came back, `….finish-1` nothing.

use super::calls::{Call, fill};
use crate::facts::SpanFact;
use crate::ids::{SpanId, TraceId};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// What the spans of one event have in common: where they stand, and their name without the word for the event.
pub(super) type Event<'a> = (TraceId, Option<SpanId>, &'a str, &'a str);

/// The event that a span is a part of.
pub(super) fn event_of(span: &SpanFact) -> Option<Event<'_>> {
    const WORDS: [&str; 6] = ["start", "success", "finish", "error", "retry", "update"];
    if !span.instrumentation.contains("beeai") {
        return None;
    }
    let (of, word) = span.name.rsplit_once('.')?;
    let (word, number) = word.rsplit_once('-')?;
    let is_event = WORDS.contains(&word);
    is_event.then_some((span.key.trace, span.parent, of, number))
}

/// Joins the parts of each call: it lasts from the first to the last, and is named by the one that counts tokens. Expects call
/// order.
pub(super) fn join(calls: Vec<Call>) -> Vec<Call> {
    if !calls.iter().any(|call| event_of(&call.span).is_some()) {
        return calls;
    }
    let spans: Vec<Arc<SpanFact>> = calls.iter().map(|call| call.span.clone()).collect();
    let mut known: FxHashMap<Event<'_>, usize> = FxHashMap::default();
    let mut joined: Vec<Call> = Vec::new();
    for (call, span) in calls.into_iter().zip(&spans) {
        let first = event_of(span).and_then(|event| {
            let next = joined.len();
            Some(*known.entry(event).or_insert(next)).filter(|index| *index < next)
        });
        match first {
            Some(index) => add(&mut joined[index], call),
            None => joined.push(call),
        }
    }
    joined.sort_by_key(Call::order);
    joined
}

fn add(known: &mut Call, part: Call) {
    let counts = |span: &SpanFact| (span.usage.is_some(), !span.content.output.is_empty());
    let (start_ns, end_ns) = (
        known.span.start_ns.min(part.span.start_ns),
        known.span.end_ns.max(part.span.end_ns),
    );
    let (mut main, other) = if counts(&part.span) > counts(&known.span) {
        (part.span.clone(), known.span.clone())
    } else {
        (known.span.clone(), part.span.clone())
    };
    let error = main.error.clone().or(other.error.clone());
    if (main.start_ns, main.end_ns) != (start_ns, end_ns) || main.error != error {
        main = Arc::new(SpanFact {
            start_ns,
            end_ns,
            error,
            ..(*main).clone()
        });
    }
    known.span = main;
    known.duplicates.push(other);
    known.duplicates.extend(part.duplicates);
    fill(&mut known.content, part.content);
    known.agent = known.agent.take().or(part.agent);
}

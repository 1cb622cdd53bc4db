//! Delivering spans: in order, and as badly as it may happen.

use crate::rng::Rng;
use domain::conversation::Conversation;
use domain::facts::Entry;
use domain::limits::Limits;
use domain::normalise::{self, Rules};
use domain::prepare::{self, Prepared};
use domain::raw::RawSpan;
use domain::usage::NoPrices;
use domain::view::View;

const RECORD_MS: i64 = 1_795_000_000_000;

pub fn in_order(spans: &[RawSpan]) -> View {
    let mut conversation = Conversation::default();
    let entry = conversation.entry_for(&prepared(spans), &[], &Limits::default());
    conversation.apply(entry);
    conversation.view()
}

/// Shuffled, some twice, in batches of any size, by two processors that conflict, with restarts that read back what was
/// stored.
pub fn badly(spans: &[RawSpan], rng: &mut Rng) -> View {
    let mut deliveries = prepared(spans);
    let again: Vec<Prepared> = deliveries
        .iter()
        .filter(|_| rng.chance(20))
        .cloned()
        .collect();
    deliveries.extend(again);
    rng.shuffle(&mut deliveries);
    let mut stored: Vec<Entry> = Vec::new();
    let mut processors = [(Conversation::default(), 0), (Conversation::default(), 0)];
    let mut rest = deliveries.as_slice();
    while !rest.is_empty() {
        let (batch, after) = rest.split_at(1 + rng.below(rest.len().min(6)));
        rest = after;
        let (conversation, known) = &mut processors[rng.below(2)];
        if rng.chance(10) {
            // It died, and another takes its place.
            (*conversation, *known) = (Conversation::default(), 0);
        }
        // Its commit is refused until it has read what the other one wrote.
        stored[*known..]
            .iter()
            .for_each(|entry| conversation.apply(entry.clone()));
        let entry = conversation.entry_for(batch, &[], &Limits::default());
        conversation.apply(entry.clone());
        stored.push(entry);
        *known = stored.len();
    }
    let mut conversation = Conversation::default();
    stored
        .into_iter()
        .for_each(|entry| conversation.apply(entry));
    conversation.view()
}

fn prepared(spans: &[RawSpan]) -> Vec<Prepared> {
    let rules = Rules::default();
    spans
        .iter()
        .map(|raw| {
            let mut span = normalise::span(raw.clone(), RECORD_MS, &rules);
            assert_eq!(
                span.conversation_id.take().as_deref(),
                Some("c"),
                "every dialect names the conversation"
            );
            prepare::span(span, RECORD_MS, &NoPrices)
        })
        .collect()
}

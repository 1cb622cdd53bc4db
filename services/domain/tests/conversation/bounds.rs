//! A conversation beyond its bound: what came first stays, the rest is counted once, and memory ends somewhere.

use crate::support::{assistant, chat, prepare_all, user};
use domain::conversation::Conversation;
use domain::limits::Limits;
use domain::prepare::{Fact, Prepared};
use std::ops::Range;

fn calls(numbers: Range<u64>) -> Vec<Prepared> {
    let call = |number| {
        let said = [user(&format!("question {number}"))];
        chat(number, 0, &said, Some(assistant("yes")))
    };
    prepare_all(&numbers.map(call).collect::<Vec<_>>())
}

/// Applies and returns how many spans and names of omitted ones the entry had.
fn commit(conversation: &mut Conversation, batch: &[Prepared], limits: &Limits) -> (usize, usize) {
    let entry = conversation.entry_for(batch, &[], limits);
    let added = (entry.spans.len(), entry.omitted.len());
    conversation.apply(entry);
    added
}

#[test]
fn spans_beyond_the_bound_are_counted_once_however_often_they_come() {
    let limits = Limits {
        conversation_facts_max: 10,
        ..Limits::default()
    };
    let mut conversation = Conversation::default();
    assert_eq!(commit(&mut conversation, &calls(1..8), &limits), (7, 0));
    assert_eq!(commit(&mut conversation, &calls(6..15), &limits), (3, 4));
    let before = conversation.view();
    assert_eq!((before.totals.spans, before.totals.omitted), (10, 4));

    assert!(
        conversation
            .entry_for(&calls(1..15), &[], &limits)
            .is_empty()
    );
    assert_eq!(commit(&mut conversation, &calls(14..16), &limits), (0, 1));
    assert_eq!(conversation.view().totals.omitted, 5);
    assert_eq!(conversation.view().transcript, before.transcript);
}

#[test]
fn counting_ends_at_the_bound_too() {
    let limits = Limits {
        conversation_facts_max: 10,
        ..Limits::default()
    };
    let mut conversation = Conversation::default();
    assert_eq!(commit(&mut conversation, &calls(1..100), &limits), (10, 10));
    assert!(
        conversation
            .entry_for(&calls(100..200), &[], &limits)
            .is_empty()
    );
}

#[test]
fn content_beyond_the_bound_is_not_taken_in() {
    let limits = Limits {
        conversation_bytes_max: 100_000,
        ..Limits::default()
    };
    let mut conversation = Conversation::default();
    for start in 0..100 {
        commit(
            &mut conversation,
            &calls(start * 10 + 1..start * 10 + 11),
            &limits,
        );
    }
    let totals = conversation.view().totals;
    assert_eq!(totals.spans + totals.omitted, 1_000);
    assert!(totals.spans > 50 && totals.omitted > 500, "{totals:?}");
    // The last one taken in may pass the bound.
    assert!(
        conversation.content_bytes() < 102_000,
        "{}",
        conversation.content_bytes()
    );
}

/// A report of call 1 that ended so many nanoseconds later, in a record of this time.
fn report(longer_ns: i64, recorded_ms: i64) -> Prepared {
    let mut prepared = calls(1..2).remove(0);
    if let Fact::Span(span) = &mut prepared.fact {
        span.end_ns += longer_ns;
        span.record_ms = recorded_ms;
    }
    prepared
}

#[test]
fn reports_of_a_span_take_memory_only_while_they_were_believed_at_some_time() {
    let limits = Limits::default();
    let mut conversation = Conversation::default();
    commit(&mut conversation, &[report(0, 500)], &limits);
    let one_bytes = conversation.memory_bytes();
    commit(&mut conversation, &[report(1, 700)], &limits);
    let two_bytes = conversation.memory_bytes();
    assert!(two_bytes > one_bytes + size_of::<domain::facts::SpanFact>());
    commit(&mut conversation, &[report(2, 600)], &limits);
    assert_eq!(
        conversation.memory_bytes(),
        two_bytes,
        "the second is overtaken"
    );
    commit(&mut conversation, &[report(3, 100)], &limits);
    assert_eq!(conversation.memory_bytes(), one_bytes, "all others are");
}

#[test]
fn earlier_copies_are_noted_as_often_as_the_bound_on_facts_allows() {
    let limits = Limits {
        conversation_facts_max: 10,
        ..Limits::default()
    };
    let mut conversation = Conversation::default();
    let mut noted = 0;
    for record_ms in (0..100).rev() {
        let entry = conversation.entry_for(&[report(0, record_ms)], &[], &limits);
        noted += entry.times.len();
        conversation.apply(entry);
    }
    assert_eq!(noted, 10);
}

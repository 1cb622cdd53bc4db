//! What a conversation shows of an earlier time is a function of its set of records too.

use crate::properties::spans_of;
use crate::sets::{Item, bytes, entry, told};
use domain::conversation::Conversation;
use domain::prepare::Fact;
use domain::window::Closed;
use proptest::prelude::*;

/// Record times are between 0 and this.
const TIMES_MS: i64 = 8;

fn recorded(item: &Item, record_ms: i64) -> Item {
    let mut item = item.clone();
    match &mut item {
        Item::Fact(prepared) => match &mut prepared.fact {
            Fact::Span(span) => span.record_ms = record_ms,
            Fact::Log(log) => log.record_ms = record_ms,
        },
        Item::Link(link) => link.record_ms = record_ms,
    }
    item
}

/// At every time: what is shown of it.
fn pasts(conversation: &Conversation) -> Vec<String> {
    let past = |last_ms| {
        conversation.closed_over(&Closed {
            revision: 1,
            last_ms,
            closed_at_ms: last_ms + 1,
        })
    };
    (-1..=TIMES_MS)
        .map(|last_ms| bytes(&past(last_ms)))
        .collect()
}

/// As it came, and as it is read from the entries that were stored.
fn delivered(items: &[Item], batch: usize) -> [Conversation; 2] {
    let mut conversation = Conversation::default();
    let mut rebuilt = Conversation::default();
    for items in items.chunks(batch) {
        let entry = entry(&conversation, &items.iter().collect::<Vec<_>>());
        let stored = serde_json::to_string(&entry).expect("entries serialise");
        rebuilt.apply(serde_json::from_str(&stored).expect("entries deserialise"));
        conversation.apply(entry);
    }
    [conversation, rebuilt]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn no_order_shows_in_what_was_known_at_any_time(
        moves in prop::collection::vec(any::<u8>(), 1..8),
        styles in prop::collection::vec(any::<u8>(), 1..8),
        times_ms in prop::collection::vec(0..=TIMES_MS, 60),
        keys in prop::collection::vec(any::<u32>(), 150),
        batch in 1usize..9,
    ) {
        let items = told(&spans_of(&moves), &styles);
        // Copies of about half of them, at other record times.
        let copies = items.iter().zip(&keys).filter(|(_, key)| **key % 2 == 0).map(|(item, _)| item);
        let mut records: Vec<Item> = items
            .iter()
            .chain(copies)
            .zip(times_ms.iter().cycle())
            .map(|(item, record_ms)| recorded(item, *record_ms))
            .collect();
        let [one_by_one, _] = delivered(&records, 1);
        let expected = pasts(&one_by_one);
        prop_assert_eq!(expected.last(), Some(&bytes(&one_by_one)), "all that came");
        let mut number = 0;
        records.sort_by_cached_key(|_| {
            number += 1;
            keys[number % keys.len()]
        });
        for conversation in delivered(&records, batch) {
            prop_assert_eq!(&pasts(&conversation), &expected);
            prop_assert!(entry(&conversation, &records.iter().collect::<Vec<_>>()).is_empty(), "all is known");
        }
        // Only what had come by then can be shown.
        for (at_ms, expected) in (-1..=TIMES_MS).zip(&expected) {
            let by_then: Vec<Item> = records.iter().filter(|item| record_ms(item) <= at_ms).cloned().collect();
            let [conversation, _] = delivered(&by_then, 4);
            prop_assert_eq!(&bytes(&conversation), expected, "by {}", at_ms);
        }
    }
}

fn record_ms(item: &Item) -> i64 {
    match item {
        Item::Fact(prepared) => match &prepared.fact {
            Fact::Span(span) => span.record_ms,
            Fact::Log(log) => log.record_ms,
        },
        Item::Link(link) => link.record_ms,
    }
}

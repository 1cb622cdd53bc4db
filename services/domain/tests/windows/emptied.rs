//! Conversations whose spans prove to belong elsewhere before or after their windows close.

use crate::records::{GAP_MS, log, span};
use domain::conversation::Conversation;
use domain::facts::{Entry, Move};
use domain::limits::Limits;
use domain::prepare::{Fact, Prepared};
use domain::trace::Rank;
use domain::window::{Closed, Windows};
use proptest::prelude::*;

#[derive(Default)]
struct World {
    conversation: Conversation,
    windows: Windows,
    told: u32,
}

/// It carries no conversation id itself.
fn without_id(mut prepared: Prepared) -> Prepared {
    match &mut prepared.fact {
        Fact::Span(span) => span.lacks_id = true,
        Fact::Log(log) => log.lacks_id = true,
    }
    prepared
}

impl World {
    fn take(&mut self, mut entry: Entry) {
        self.windows.take_in(&self.conversation, &mut entry, GAP_MS);
        self.conversation.apply(entry);
    }

    fn add(&mut self, facts: &[Prepared]) {
        let limits = Limits::default();
        let entry = self.conversation.entry_for(facts, &[], &limits);
        self.take(entry);
    }

    /// A span without an id stands here during these times.
    fn moves(&mut self, fact: &Prepared, during: &[(i64, Option<i64>)]) {
        self.told += 1;
        let moved = Move {
            key: fact.fact.key(),
            rank: Rank {
                reports: self.told,
                earliness: 0,
                given: 0,
            },
            is_precaution: false,
            during: during.to_vec(),
        };
        self.take(Entry {
            moves: vec![moved],
            ..Entry::default()
        });
    }

    fn close(&mut self) -> Option<Closed> {
        self.windows.close(&self.conversation, i64::MAX, GAP_MS)
    }

    fn spans_at(&self, closed: &Closed) -> u32 {
        self.conversation.closed_over(closed).view().totals.spans
    }
}

#[test]
fn what_was_emptied_before_its_first_window_closed_gives_out_no_revision() {
    let mut world = World::default();
    let guest = without_id(span(1, 0, 0));
    world.add(std::slice::from_ref(&guest));
    world.moves(&guest, &[(0, Some(50))]);
    assert!(world.conversation.view().totals.is_empty);
    let closed = world.close().expect("the window closes");
    assert_eq!(closed.revision, 0, "nothing is given out");
    assert_eq!(world.close(), None, "and it does not close again");
    world.add(&[span(2, 0, 400)]);
    let first = world.close().expect("the next one closes");
    assert_eq!((first.revision, world.spans_at(&first)), (1, 1));
}

#[test]
fn what_is_emptied_after_a_revision_gives_out_another_that_is_empty() {
    let mut world = World::default();
    let guest = without_id(span(1, 0, 0));
    world.add(std::slice::from_ref(&guest));
    let first = world.close().expect("the window closes");
    assert_eq!((first.revision, world.spans_at(&first)), (1, 1));
    world.moves(&guest, &[(0, Some(500))]);
    let second = world.close().expect("the move is activity");
    assert_eq!((second.revision, world.spans_at(&second)), (2, 0));
    let past = world.conversation.closed_over(&second);
    assert!(past.view().totals.is_empty && past.view().transcript.messages.is_empty());
}

#[test]
fn a_log_that_is_left_keeps_a_conversation_and_so_does_what_carries_its_id() {
    let mut world = World::default();
    let (guest, beside) = (without_id(span(1, 0, 0)), log(1, 0, 10));
    world.add(&[guest.clone(), beside]);
    world.moves(&guest, &[(0, Some(50))]);
    assert!(!world.conversation.view().totals.is_empty);
    assert_eq!(world.close().map(|closed| closed.revision), Some(1));
}

proptest! {
    #[test]
    fn a_window_gives_out_nothing_exactly_where_it_closed_over_nothing(
        facts in prop::collection::vec((1..4u8, any::<bool>(), any::<bool>(), 0..300i64), 1..8),
        stays in prop::collection::vec((1..4u8, 0..300i64, prop::option::of(0..300i64)), 0..4),
    ) {
        let mut world = World::default();
        for (number, is_log, lacks_id, at_ms) in facts {
            let fact = if is_log { log(number, 0, at_ms) } else { span(number, 0, at_ms) };
            world.add(&[if lacks_id { without_id(fact) } else { fact }]);
        }
        for (number, from_ms, lasts_ms) in stays {
            let until_ms = lasts_ms.map(|lasts_ms| from_ms + lasts_ms);
            world.moves(&span(number, 0, 0), &[(from_ms, until_ms)]);
        }
        let mut given_out = 0;
        while let Some(closed) = world.close() {
            let is_empty = world.conversation.closed_over(&closed).is_empty();
            given_out += u32::from(given_out > 0 || !is_empty);
            prop_assert_eq!(closed.revision, given_out);
        }
    }
}

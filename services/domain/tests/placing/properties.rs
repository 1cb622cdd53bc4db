//! Whatever the order, and whatever was lost and read again.

use crate::world::{Record, World};
use domain::trace::{Hint, Kind, Times, WithoutId};
use proptest::prelude::*;
use std::collections::BTreeSet;

const SPANS: u8 = 7;
/// One of them is also a conversation that spans name.
const SESSIONS: [&str; 3] = ["a", "s", "t"];

fn record() -> impl Strategy<Value = Record> {
    let kind = prop_oneof![
        4 => Just(Kind::GenAiSpan),
        2 => Just(Kind::OtherSpan),
        1 => Just(Kind::Log),
    ];
    let id = prop_oneof![3 => Just(None), 1 => Just(Some("a")), 1 => Just(Some("b"))];
    let place = (1..=SPANS, 0..=SPANS + 1, 0..8usize, 0..20i64);
    let records = (kind, place, id, any::<bool>());
    records.prop_map(
        |(kind, (number, parent, hint, at_ms), id, is_error)| Record {
            kind,
            number,
            parent: (kind != Kind::Log && parent != 0).then_some(parent),
            id: id.filter(|_| kind == Kind::GenAiSpan),
            hint: match (kind, hint, id) {
                (Kind::OtherSpan, 0..=4, _) => Some(Hint::Session(SESSIONS[hint % 3].into())),
                (Kind::GenAiSpan, 0, None) => Some(Hint::Response),
                _ => None,
            },
            at_ms,
            is_error,
        },
    )
}

/// Each span has one parent and one kind, and comes again at other times.
fn trace() -> impl Strategy<Value = Vec<Record>> {
    let distinct = prop::collection::vec(record(), 1..14).prop_map(|records| {
        let mut kept: Vec<Record> = Vec::new();
        for record in records {
            let is_known = |known: &Record| {
                known.number == record.number
                    && (known.kind == Kind::Log) == (record.kind == Kind::Log)
            };
            if !kept.iter().any(is_known) {
                kept.push(record);
            }
        }
        kept
    });
    let again = prop::collection::vec((any::<prop::sample::Index>(), 0..20i64), 0..4);
    (distinct, again).prop_map(|(mut records, again)| {
        for (index, at_ms) in again {
            let again = Record {
                at_ms,
                ..index.get(&records).clone()
            };
            records.push(again);
        }
        records
    })
}

fn all_of(world: &World) -> Vec<crate::world::Standing> {
    (0..21)
        .map(|at_ms| world.at(at_ms))
        .chain([world.now()])
        .collect()
}

fn in_order(records: &[Record]) -> World {
    let mut records = records.to_vec();
    records.sort_by_key(|record| record.at_ms);
    let mut world = World::default();
    for record in &records {
        world.read(std::slice::from_ref(record));
    }
    world
}

/// Shorter than what is played takes, so that what is decided yields to what comes; and all is held to the end.
const SETTLE_MS: i64 = 4;

fn soon() -> Times {
    Times {
        settle_ms: SETTLE_MS,
        ..Times::default()
    }
}

/// As time passes while records are read, in this order: what is due is decided whenever all before a time was read.
fn settled(records: &[Record], without_id: WithoutId) -> World {
    let mut world = World::with(soon());
    for record in records {
        world.settle(record.at_ms - 1, without_id);
        world.read(std::slice::from_ref(record));
    }
    world.settle(1_000, without_id);
    world
}

/// The spans of which something carries no id and stands nowhere. Of errors alone nothing is decided.
fn homeless(world: &World, records: &[Record]) -> BTreeSet<u8> {
    let says = |record: &&Record| match record.kind {
        Kind::GenAiSpan => true,
        Kind::Log => !record.is_error,
        Kind::OtherSpan => false,
    };
    let without_id = records.iter().filter(|record| record.id.is_none());
    let numbers: BTreeSet<u8> = without_id
        .filter(says)
        .map(|record| record.number)
        .collect();
    let trace = world.trace();
    let is_homeless = |number: &u8| {
        let stays = trace.stays(crate::world::span_id(*number));
        stays.last().is_none_or(|stay| stay.until_ms.is_some())
    };
    numbers.into_iter().filter(is_homeless).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_stands_where_at_any_time_is_a_function_of_the_set(
        (records, order) in trace().prop_flat_map(|records| {
            let order = Just(records.clone()).prop_shuffle();
            (Just(records), order)
        }),
        cuts in prop::collection::vec(1..4usize, 20),
    ) {
        let mut world = World::default();
        let mut rest = order.as_slice();
        for cut in cuts {
            let (batch, after) = rest.split_at(cut.min(rest.len()));
            world.read(batch);
            rest = after;
        }
        world.read(rest);
        prop_assert_eq!(all_of(&world), all_of(&in_order(&records)));
    }

    #[test]
    fn what_was_lost_is_told_again_when_it_is_read_again(
        order in trace().prop_flat_map(|records| Just(records).prop_shuffle()),
        lost in prop::sample::select(vec!["a", "b", "s"]),
    ) {
        let mut world = World::default();
        for record in &order {
            world.read(std::slice::from_ref(record));
        }
        let right = all_of(&world);
        world.lose(lost);
        for record in &order {
            world.read(std::slice::from_ref(record));
        }
        prop_assert_eq!(all_of(&world), right);
    }
    #[test]
    fn what_is_counted_in_the_end_is_what_stands_nowhere_whatever_came_first(
        (records, order) in trace().prop_flat_map(|records| {
            let order = Just(records.clone()).prop_shuffle();
            (Just(records), order)
        }),
    ) {
        // The same spans, recorded as they come.
        let come: Vec<Record> = (0..).zip(&order).map(|(at, record)| Record {
            at_ms: at * 3,
            ..record.clone()
        }).collect();
        let mut sorted = records;
        sorted.sort_by_key(|record| record.at_ms);
        for records in [sorted, come] {
            let world = settled(&records, WithoutId::Drop);
            prop_assert_eq!(world.counted(), &homeless(&world, &records));
        }
    }

    #[test]
    fn a_replay_that_knows_all_before_it_decides_decides_the_same(
        (records, order) in trace().prop_flat_map(|records| {
            let order = Just(records.clone()).prop_shuffle();
            (Just(records), order)
        }),
        without_id in prop::sample::select(vec![WithoutId::Drop, WithoutId::Trace]),
    ) {
        let mut sorted = records;
        sorted.sort_by_key(|record| record.at_ms);
        let played = settled(&sorted, without_id);
        let mut replayed = World::with(soon());
        replayed.read(&order);
        replayed.settle(1_000, without_id);
        prop_assert_eq!(played.counted(), replayed.counted());
        prop_assert_eq!(played.now(), replayed.now());
    }
}

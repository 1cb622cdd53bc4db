use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn partition(partition: i32) -> TopicPartition {
    TopicPartition::new("otlp_spans", partition)
}

fn at(offset: i64, generation: u64) -> Position {
    Position {
        partition: partition(0),
        offset,
        generation,
    }
}

fn start(offset: i64) -> Option<Start> {
    Some(Start {
        offset,
        time_ms: None,
    })
}

/// Partition 0 from offset 5 on, with these records.
fn tracker(offsets: impl IntoIterator<Item = i64>) -> OffsetTracker {
    let mut tracker = OffsetTracker::default();
    tracker.assign(partition(0), 1, start(5));
    for offset in offsets {
        let record_ms = offset * 10;
        assert_eq!(tracker.track(&at(offset, 1), record_ms), Some(record_ms));
    }
    tracker
}

fn committable(tracker: &OffsetTracker) -> Option<i64> {
    tracker
        .progress()
        .first()
        .map(|progress| progress.next.offset)
}

/// Over all partitions.
fn done_watermark_ms(tracker: &OffsetTracker) -> Option<i64> {
    let progress = tracker.progress().into_iter();
    progress.map(|progress| progress.done_watermark_ms).min()?
}

fn in_flight(tracker: &OffsetTracker) -> usize {
    let partitions = tracker.partitions.values();
    partitions.map(|offsets| offsets.pending.len()).sum()
}

#[test]
fn a_commit_never_passes_an_unfinished_record() {
    let mut tracker = tracker([5, 6, 9]);
    assert_eq!(committable(&tracker), Some(5));
    assert!(tracker.acknowledge(&at(9, 1)) && tracker.acknowledge(&at(6, 1)));
    assert_eq!(committable(&tracker), Some(5));
    assert!(tracker.acknowledge(&at(5, 1)));
    assert_eq!(committable(&tracker), Some(10), "offset + 1, over gaps");
    tracker.revoke(&partition(0));
    assert_eq!(committable(&tracker), None);
}

#[test]
fn an_earlier_generation_moves_nothing() {
    let mut tracker = tracker([5]);
    tracker.assign(partition(0), 2, start(3));
    assert!(!tracker.acknowledge(&at(5, 1)) && tracker.track(&at(6, 1), 60).is_none());
    tracker.reach_end(&partition(0), 1, Some(6), 6, 1_000);
    assert_eq!((committable(&tracker), in_flight(&tracker)), (Some(3), 0));
    assert!(tracker.track(&at(3, 2), 30).is_some(), "a seek may go back");
    assert_eq!(committable(&tracker), Some(3));
    tracker.revoke(&partition(0));
    assert!(!tracker.acknowledge(&at(3, 2)) && tracker.track(&at(4, 2), 40).is_none());
}

#[test]
fn an_end_counts_only_where_reading_began_or_came() {
    let mut tracker = tracker([]);
    tracker.reach_end(&partition(0), 1, Some(100), 100, 1_000);
    assert_eq!(committable(&tracker), Some(5), "nobody read up to 100");
    assert_eq!(tracker.read_watermark_ms(), None);
    tracker.reach_end(&partition(0), 1, Some(5), 5, 1_000);
    assert_eq!(tracker.read_watermark_ms(), Some(1_000), "it began there");
    assert!(tracker.track(&at(5, 1), 50).is_some());
    tracker.reach_end(&partition(0), 1, Some(8), 8, 2_000);
    assert_eq!(
        committable(&tracker),
        Some(5),
        "records are on their way here"
    );
    tracker.reach_end(&partition(0), 1, Some(6), 8, 2_000);
    assert_eq!(committable(&tracker), Some(5), "and this one is not done");
    assert!(tracker.acknowledge(&at(5, 1)));
    assert_eq!(
        committable(&tracker),
        Some(8),
        "over the marks of a transaction"
    );
    tracker.reach_end(&partition(0), 1, Some(6), 8, 3_000);
    assert_eq!(tracker.read_watermark_ms(), Some(3_000), "told again");
}

#[test]
fn where_reading_began_unknown_the_first_record_tells_or_the_end() {
    let mut tracker = OffsetTracker::default();
    tracker.assign(partition(0), 1, None);
    assert_eq!(committable(&tracker), None);
    let mut other = tracker.clone();
    tracker.track(&at(7, 1), 70);
    assert_eq!(tracker.progress()[0].first_offset, 7);
    other.reach_end(&partition(0), 1, None, 9, 1_000);
    assert_eq!(
        (other.progress()[0].first_offset, committable(&other)),
        (9, Some(9))
    );
}

#[test]
fn the_watermark_waits_for_every_partition_and_for_the_oldest_unfinished_record() {
    let mut tracker = tracker([5, 6]);
    assert_eq!(tracker.read_watermark_ms(), Some(60));
    assert_eq!(done_watermark_ms(&tracker), Some(50));
    tracker.assign(partition(1), 1, start(0));
    assert_eq!(
        tracker.read_watermark_ms(),
        None,
        "partition 1 has said nothing"
    );
    tracker.reach_end(&partition(1), 1, Some(0), 0, 1_000);
    assert_eq!(tracker.read_watermark_ms(), Some(60));
    tracker.acknowledge(&at(5, 1));
    tracker.acknowledge(&at(6, 1));
    assert_eq!(done_watermark_ms(&tracker), Some(60));
    tracker.reach_end(&partition(0), 1, Some(7), 7, 1_000);
    assert_eq!(done_watermark_ms(&tracker), Some(1_000));
    tracker.track(&at(7, 1), 70);
    assert_eq!(tracker.read_watermark_ms(), Some(70), "more came");
    tracker.suspend(&partition(0));
    assert_eq!(tracker.read_watermark_ms(), None, "it is read again");
    assert_eq!(OffsetTracker::default().read_watermark_ms(), None);
}

#[test]
fn time_never_goes_back_within_a_partition_nor_for_whoever_goes_on() {
    let mut tracker = OffsetTracker::default();
    tracker.assign(partition(0), 1, start(0));
    let times = [10, 30, 20, 40].map(Some);
    let counted: Vec<_> = (0..4)
        .map(|offset| tracker.track(&at(offset, 1), times[offset as usize].unwrap_or(0)))
        .collect();
    assert_eq!(counted, [10, 30, 30, 40].map(Some));
    // The first two are done: whoever goes on at the third is told that 30 came before.
    tracker.acknowledge(&at(0, 1));
    tracker.acknowledge(&at(1, 1));
    let progress = tracker.progress().remove(0);
    assert_eq!((progress.next.offset, progress.time_ms), (2, Some(30)));
    let mut next = OffsetTracker::default();
    let begins = Start {
        offset: 2,
        time_ms: progress.time_ms,
    };
    next.assign(partition(0), 1, Some(begins));
    assert_eq!(next.track(&at(2, 1), 20), Some(30));
}

#[derive(Clone, Debug)]
enum Step {
    Read {
        skip: i64,
        record_ms: i64,
    },
    Finish(usize),
    Reassign {
        back: i64,
    },
    FinishOld(usize),
    /// An end as statistics tell it that may be of any reading: of this one or of any before, true or stale.
    End {
        generations_ago: u64,
        beyond: i64,
    },
    Suspend,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0i64..3, 0i64..1_000).prop_map(|(skip, record_ms)| Step::Read { skip, record_ms }),
        6 => any::<usize>().prop_map(Step::Finish),
        1 => (0i64..10).prop_map(|back| Step::Reassign { back }),
        1 => any::<usize>().prop_map(Step::FinishOld),
        2 => (0u64..2, -3i64..50).prop_map(|(generations_ago, beyond)| Step::End { generations_ago, beyond }),
        1 => Just(Step::Suspend),
    ]
}

proptest! {
    /// Against a model that only knows sets: what was read and what is done in this generation.
    #[test]
    fn what_is_committed_was_read_and_done_in_this_generation(steps in prop::collection::vec(step(), 1..200)) {
        let mut tracker = OffsetTracker::default();
        tracker.assign(partition(0), 0, start(100));
        let (mut generation, mut next, mut first) = (0u64, 100i64, 100i64);
        let mut is_suspended = false;
        let mut read = BTreeSet::new();
        let mut done = BTreeSet::new();
        let mut old: Vec<Position> = vec![];
        for step in steps {
            match step {
                Step::Read { skip, record_ms } => {
                    next += skip;
                    prop_assert_eq!(tracker.track(&at(next, generation), record_ms).is_some(), !is_suspended);
                    if !is_suspended {
                        read.insert(next);
                    }
                    next += 1;
                }
                Step::Finish(pick) => {
                    let open: Vec<_> = read.difference(&done).copied().collect();
                    if !open.is_empty() {
                        let offset = open[pick % open.len()];
                        prop_assert_eq!(tracker.acknowledge(&at(offset, generation)), !is_suspended);
                        prop_assert!(!tracker.acknowledge(&at(offset, generation)), "only once");
                        done.insert(offset);
                    }
                }
                Step::Reassign { back } => {
                    old.extend(read.difference(&done).map(|offset| at(*offset, generation)));
                    generation += 1;
                    next = (next - back).max(0);
                    first = next;
                    tracker.assign(partition(0), generation, start(next));
                    is_suspended = false;
                    read.clear();
                    done.clear();
                }
                Step::FinishOld(pick) => {
                    if !old.is_empty() {
                        prop_assert!(!tracker.acknowledge(&old[pick % old.len()]));
                    }
                }
                Step::End { generations_ago, beyond } => {
                    // Of this reading only where it is: the source says so. Of earlier ones anywhere.
                    let of = generation.saturating_sub(generations_ago);
                    let end = if of == generation { next } else { next + beyond };
                    tracker.reach_end(&partition(0), of, Some(end), end, 1_000);
                }
                Step::Suspend => {
                    tracker.suspend(&partition(0));
                    is_suspended = true;
                }
            }
            if is_suspended {
                prop_assert_eq!(committable(&tracker), None);
                continue;
            }
            let lowest_open = read.difference(&done).next().copied();
            let expected = lowest_open.or(read.last().map(|highest| highest + 1)).unwrap_or(first);
            prop_assert_eq!(committable(&tracker), Some(expected));
            prop_assert_eq!(in_flight(&tracker), read.len() - done.len());
            prop_assert!(done_watermark_ms(&tracker) <= tracker.read_watermark_ms());
        }
    }
}

//! Which offsets may be committed, and how far time has got. Pure: no client, no clock, no lock.
//!
//! Records of a partition finish in any order. What may be committed is the lowest unfinished offset, or the one after
//! the highest when all are finished; a commit never passes an unfinished record. Every partition has a generation, so
//! that a late acknowledgement from before a rebalance or a seek cannot move the new reading.

use crate::source::{NextOffset, Position, TopicPartition};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The offsets and times of all partitions that are assigned now.
#[derive(Clone, Debug, Default)]
pub struct OffsetTracker {
    partitions: BTreeMap<TopicPartition, PartitionOffsets>,
}

/// Where one partition stands, for whoever records progress elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub next: NextOffset,
    pub generation: u64,
    /// Where reading began in this generation.
    pub first_offset: i64,
    /// See [`OffsetTracker::done_watermark_ms`].
    pub done_watermark_ms: Option<i64>,
}

/// What may be committed at this progress.
pub fn next_of(progress: &[Progress]) -> Vec<NextOffset> {
    progress
        .iter()
        .map(|progress| progress.next.clone())
        .collect()
}

impl OffsetTracker {
    /// Begins a partition anew, forgetting what an earlier generation left.
    pub fn assign(&mut self, partition: TopicPartition, generation: u64) {
        let fresh = PartitionOffsets {
            generation,
            ..PartitionOffsets::default()
        };
        self.partitions.insert(partition, fresh);
    }

    /// Forgets a partition. Returns how far it was done, `None` if nothing of it was read.
    pub fn revoke(&mut self, partition: &TopicPartition) -> Option<Progress> {
        let (partition, offsets) = self.partitions.remove_entry(partition)?;
        offsets.progress(&partition)
    }

    /// Takes note of a record that was read. False when it is of an earlier generation or a partition that is gone:
    /// such a record need not be worked on.
    pub fn track(&mut self, at: &Position, record_ms: i64) -> bool {
        let Some(partition) = self.of(at) else {
            return false;
        };
        partition.track(at.offset, record_ms);
        true
    }

    /// Takes note that a record is done. False when nobody waits for that any more.
    pub fn acknowledge(&mut self, at: &Position) -> bool {
        self.of(at)
            .is_some_and(|partition| partition.acknowledge(at.offset))
    }

    /// Takes note that the partition had no record at or after `end_offset` at the time `seen_ms`.
    pub fn reach_end(
        &mut self,
        partition: &TopicPartition,
        generation: u64,
        end_offset: i64,
        seen_ms: i64,
    ) {
        if let Some(offsets) = self.partitions.get_mut(partition)
            && offsets.generation == generation
            && offsets.next_offset.is_none_or(|next| next == end_offset)
        {
            offsets.end_seen_ms = Some(seen_ms);
            offsets.first_offset.get_or_insert(end_offset);
            offsets.next_offset = Some(end_offset);
        }
    }

    /// What may be committed of every partition of which anything was read.
    pub fn committable(&self) -> Vec<NextOffset> {
        next_of(&self.progress())
    }

    /// Every partition of which anything was read.
    pub fn progress(&self) -> Vec<Progress> {
        self.partitions
            .iter()
            .filter_map(|(partition, offsets)| offsets.progress(partition))
            .collect()
    }

    /// Record time up to which everything was *read*: the minimum over the partitions of the highest record time, or of
    /// the time at which a partition was last seen to have nothing more. `None` while a partition has said nothing yet,
    /// and without partitions.
    pub fn read_watermark_ms(&self) -> Option<i64> {
        self.minimum(PartitionOffsets::read_watermark_ms)
    }

    /// Record time up to which everything is *done*: as for reading, but held back by the oldest unfinished record.
    pub fn done_watermark_ms(&self) -> Option<i64> {
        self.minimum(PartitionOffsets::done_watermark_ms)
    }

    /// Records read and not done.
    pub fn in_flight(&self) -> usize {
        self.partitions
            .values()
            .map(|offsets| offsets.pending.len())
            .sum()
    }

    /// Record time of the oldest record in flight, the measure of how long something is stuck.
    pub fn oldest_in_flight_ms(&self) -> Option<i64> {
        self.partitions
            .values()
            .filter_map(PartitionOffsets::oldest_pending_ms)
            .min()
    }

    /// The partitions assigned now.
    pub fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.partitions.keys()
    }

    fn of(&mut self, at: &Position) -> Option<&mut PartitionOffsets> {
        let offsets = self.partitions.get_mut(&at.partition)?;
        (offsets.generation == at.generation).then_some(offsets)
    }

    fn minimum(&self, time_ms: impl Fn(&PartitionOffsets) -> Option<i64>) -> Option<i64> {
        let mut minimum: Option<i64> = None;
        for offsets in self.partitions.values() {
            let time_ms = time_ms(offsets)?;
            minimum = Some(minimum.map_or(time_ms, |least| least.min(time_ms)));
        }
        minimum
    }
}

#[derive(Clone, Debug, Default)]
struct PartitionOffsets {
    generation: u64,
    /// Record time of each unfinished record by its offset. Bounded by the source's budget of records in flight.
    pending: BTreeMap<i64, i64>,
    /// How many unfinished records have this record time. Times need not grow with offsets.
    pending_times: BTreeMap<i64, usize>,
    first_offset: Option<i64>,
    /// After the highest offset read.
    next_offset: Option<i64>,
    /// The highest record time read.
    read_ms: Option<i64>,
    /// When the partition was last seen to hold nothing more than what was read.
    end_seen_ms: Option<i64>,
}

impl PartitionOffsets {
    fn track(&mut self, offset: i64, record_ms: i64) {
        self.end_seen_ms = None;
        self.read_ms = self.read_ms.max(Some(record_ms));
        self.first_offset.get_or_insert(offset);
        self.next_offset = self.next_offset.max(Some(offset + 1));
        if let Entry::Vacant(vacant) = self.pending.entry(offset) {
            vacant.insert(record_ms);
            *self.pending_times.entry(record_ms).or_default() += 1;
        }
    }

    fn acknowledge(&mut self, offset: i64) -> bool {
        let Some(record_ms) = self.pending.remove(&offset) else {
            return false;
        };
        if let Some(count) = self.pending_times.get_mut(&record_ms) {
            *count -= 1;
            if *count == 0 {
                self.pending_times.remove(&record_ms);
            }
        }
        true
    }

    fn progress(&self, partition: &TopicPartition) -> Option<Progress> {
        let offset = self.committable()?;
        Some(Progress {
            next: NextOffset {
                partition: partition.clone(),
                offset,
            },
            generation: self.generation,
            first_offset: self.first_offset.unwrap_or(offset),
            done_watermark_ms: self.done_watermark_ms(),
        })
    }

    fn committable(&self) -> Option<i64> {
        let lowest_pending = self.pending.first_key_value().map(|(offset, _)| *offset);
        lowest_pending.or(self.next_offset)
    }

    fn oldest_pending_ms(&self) -> Option<i64> {
        self.pending_times
            .first_key_value()
            .map(|(record_ms, _)| *record_ms)
    }

    fn read_watermark_ms(&self) -> Option<i64> {
        self.read_ms.max(self.end_seen_ms)
    }

    fn done_watermark_ms(&self) -> Option<i64> {
        self.oldest_pending_ms().or(self.read_watermark_ms())
    }
}

#[cfg(test)]
mod tests {
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

    fn tracker(offsets: impl IntoIterator<Item = i64>) -> OffsetTracker {
        let mut tracker = OffsetTracker::default();
        tracker.assign(partition(0), 1);
        for offset in offsets {
            assert!(tracker.track(&at(offset, 1), offset * 10));
        }
        tracker
    }

    fn committable(tracker: &OffsetTracker) -> Option<i64> {
        tracker.committable().first().map(|next| next.offset)
    }

    #[test]
    fn a_commit_never_passes_an_unfinished_record() {
        let mut tracker = tracker([5, 6, 9]);
        assert_eq!(committable(&tracker), Some(5));
        assert!(tracker.acknowledge(&at(9, 1)) && tracker.acknowledge(&at(6, 1)));
        assert_eq!(committable(&tracker), Some(5));
        assert!(tracker.acknowledge(&at(5, 1)));
        assert_eq!(committable(&tracker), Some(10), "offset + 1, over gaps");
        let revoked = tracker.revoke(&partition(0));
        assert_eq!(revoked.map(|progress| progress.next.offset), Some(10));
        assert_eq!(tracker.revoke(&partition(0)), None);
    }

    #[test]
    fn an_earlier_generation_moves_nothing() {
        let mut tracker = tracker([5]);
        tracker.assign(partition(0), 2);
        assert!(!tracker.acknowledge(&at(5, 1)) && !tracker.track(&at(6, 1), 60));
        assert_eq!((committable(&tracker), tracker.in_flight()), (None, 0));
        assert!(tracker.track(&at(3, 2), 30), "a seek may go back");
        assert_eq!(committable(&tracker), Some(3));
        tracker.revoke(&partition(0));
        assert!(!tracker.acknowledge(&at(3, 2)) && !tracker.track(&at(4, 2), 40));
    }

    #[test]
    fn the_watermark_waits_for_every_partition_and_for_the_oldest_unfinished_record() {
        let mut tracker = tracker([5, 6]);
        assert_eq!(tracker.read_watermark_ms(), Some(60));
        assert_eq!(tracker.done_watermark_ms(), Some(50));
        tracker.assign(partition(1), 1);
        assert_eq!(
            tracker.read_watermark_ms(),
            None,
            "partition 1 has said nothing"
        );
        tracker.reach_end(&partition(1), 1, 0, 1_000);
        assert_eq!(tracker.read_watermark_ms(), Some(60));
        tracker.acknowledge(&at(5, 1));
        tracker.acknowledge(&at(6, 1));
        assert_eq!(tracker.done_watermark_ms(), Some(60));
        tracker.reach_end(&partition(0), 1, 6, 1_000);
        assert_eq!(tracker.done_watermark_ms(), Some(60), "6 was not the end");
        tracker.reach_end(&partition(0), 1, 7, 1_000);
        assert_eq!(tracker.done_watermark_ms(), Some(1_000));
        tracker.track(&at(7, 1), 70);
        assert_eq!(tracker.read_watermark_ms(), Some(70), "more came");
        assert_eq!(OffsetTracker::default().read_watermark_ms(), None);
    }

    #[test]
    fn a_record_in_flight_holds_an_ended_partition_back() {
        let mut tracker = tracker([5]);
        tracker.reach_end(&partition(0), 1, 6, 1_000);
        assert_eq!(tracker.read_watermark_ms(), Some(1_000));
        assert_eq!(tracker.done_watermark_ms(), Some(50));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Read { skip: i64, record_ms: i64 },
        Finish(usize),
        Reassign { back: i64 },
        FinishOld(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0i64..3, 0i64..1_000).prop_map(|(skip, record_ms)| Step::Read { skip, record_ms }),
            4 => any::<usize>().prop_map(Step::Finish),
            1 => (0i64..10).prop_map(|back| Step::Reassign { back }),
            1 => any::<usize>().prop_map(Step::FinishOld),
        ]
    }

    proptest! {
        /// Against a model that only knows sets: what was read and what is done in this generation.
        #[test]
        fn keeps_the_commit_rule(steps in prop::collection::vec(step(), 1..200)) {
            let mut tracker = OffsetTracker::default();
            tracker.assign(partition(0), 0);
            let (mut generation, mut next) = (0u64, 100i64);
            let mut read = BTreeSet::new();
            let mut done = BTreeSet::new();
            let mut old: Vec<Position> = vec![];
            for step in steps {
                match step {
                    Step::Read { skip, record_ms } => {
                        next += skip;
                        prop_assert!(tracker.track(&at(next, generation), record_ms));
                        read.insert(next);
                        next += 1;
                    }
                    Step::Finish(pick) => {
                        let open: Vec<_> = read.difference(&done).copied().collect();
                        if !open.is_empty() {
                            let offset = open[pick % open.len()];
                            prop_assert!(tracker.acknowledge(&at(offset, generation)));
                            prop_assert!(!tracker.acknowledge(&at(offset, generation)), "only once");
                            done.insert(offset);
                        }
                    }
                    Step::Reassign { back } => {
                        old.extend(read.difference(&done).map(|offset| at(*offset, generation)));
                        generation += 1;
                        next = (next - back).max(0);
                        tracker.assign(partition(0), generation);
                        read.clear();
                        done.clear();
                    }
                    Step::FinishOld(pick) => {
                        if !old.is_empty() {
                            prop_assert!(!tracker.acknowledge(&old[pick % old.len()]));
                        }
                    }
                }
                let lowest_open = read.difference(&done).next().copied();
                let expected = lowest_open.or(read.last().map(|highest| highest + 1));
                let progress = tracker.progress();
                prop_assert_eq!(progress.first().map(|progress| progress.next.offset), expected);
                prop_assert_eq!(tracker.in_flight(), read.len() - done.len());
                prop_assert!(tracker.done_watermark_ms() <= tracker.read_watermark_ms());
            }
        }
    }
}
